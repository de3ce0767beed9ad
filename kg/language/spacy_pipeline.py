"""spaCy's small pipelines, pinned like all weights: they parse sentences and recognise kinds of names.

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

PIPELINE, FRENCH_PIPELINE = "en_core_web_sm", "fr_core_news_sm"
VALUE, OTHER = "value", "other"
TYPES = {
    **dict.fromkeys(("PERSON", "PER"), "person"),
    "MISC": OTHER,
    **dict.fromkeys(("ORG", "NORP"), "organisation"),
    **dict.fromkeys(("GPE", "LOC", "FAC"), "place"),
    "PRODUCT": "product",
    "WORK_OF_ART": "work",
    "EVENT": "event",
    **dict.fromkeys(("DATE", "TIME", "PERCENT", "MONEY", "QUANTITY", "ORDINAL", "CARDINAL"), VALUE),
}
"""spaCy's kinds of entities to our kinds of things; the French pipeline has PER, LOC, ORG and MISC."""
_UNREADABLE = str.maketrans(dict.fromkeys("\n\t\r`*_#|", " "))
"""Marks of layout that a parser takes for words; each is replaced by one space, so that positions stay."""


class Pipeline:
    """Parses sentences; safe to call from several threads.

    Args:
        name: Name of the pinned pipeline.
    """

    def __init__(self, name: str = PIPELINE) -> None:
        self.digest = identity(name)
        self._name = name
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

                folder = resolve(self._name).folder
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
