"""spaCy's small English pipeline, pinned like all weights: it parses sentences and recognises kinds of names.

Fetched and opened on first use, so that a build which never needs it pays nothing; one copy serves all threads.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING

from kg.language.spans import bare
from models.weights.resolve import identity, resolve

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc

PIPELINE = "en_core_web_sm"
VALUE, OTHER = "value", "other"
TYPES = {
    "PERSON": "person",
    **dict.fromkeys(("ORG", "NORP"), "organisation"),
    **dict.fromkeys(("GPE", "LOC", "FAC"), "place"),
    "PRODUCT": "product",
    "WORK_OF_ART": "work",
    "EVENT": "event",
    **dict.fromkeys(("DATE", "TIME", "PERCENT", "MONEY", "QUANTITY", "ORDINAL", "CARDINAL"), VALUE),
}
"""spaCy's kinds of entities to our kinds of things."""
_UNREADABLE = str.maketrans(dict.fromkeys("\n\t\r`*_#|", " "))
"""Marks of layout that a parser takes for words; each is replaced by one space, so that positions stay."""


class Pipeline:
    """Parses sentences; safe to call from several threads."""

    def __init__(self) -> None:
        self.digest = identity(PIPELINE)
        self._nlp: Language | None = None
        self._lock = threading.Lock()  # a pipeline keeps a table of words that threads would share

    def parse(self, texts: Iterable[str]) -> list[Doc]:
        """One parse for each text; characters keep their positions.

        Raises:
            ModelError: The pipeline is not here and cannot be fetched.
        """
        with self._lock:
            if self._nlp is None:
                import spacy

                folder = resolve(PIPELINE).folder
                assert folder is not None, "the pipeline is a folder"
                self._nlp = spacy.load(folder)
            return list(self._nlp.pipe(text.translate(_UNREADABLE) for text in texts))

    def kinds(self, texts: Iterable[str]) -> dict[str, str]:
        """Kind of every name in some sentences, by its bare form; of a name with several kinds, the first."""
        kinds: dict[str, str] = {}
        for doc in self.parse(texts):
            for entity in doc.ents:
                if kind := TYPES.get(entity.label_):
                    kinds.setdefault(bare(entity.text), kind)
        return kinds
