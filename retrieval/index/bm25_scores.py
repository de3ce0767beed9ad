"""BM25 over the passages, kept as three arrays and a vocabulary.

The scoring is that of bm25s (Lucene's variant, k1 = 1.5, b = 0.75); the terms are those of `retrieval.text.terms`, so
that questions, passages and entity names are cut alike, and words as spelt where they have accents: "schon" finds
"schön", but "schön" is better for "schön".
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg.language.words import spellings
from retrieval.text.terms import telling_terms, terms

Arrays = dict[str, NDArray[Any]]
_FIELDS = ("data", "indices", "indptr")
PREFIX = "bm25_"


def build(texts: Sequence[str]) -> tuple[Arrays, dict[str, int]]:
    """Index texts.

    Args:
        texts: One text a passage, in row order; there may be none, and a text may be empty.
    Returns:
        Three arrays named "bm25_…" (a sparse matrix of passages by terms) and the vocabulary.
    """
    import bm25s

    vocabulary: dict[str, int] = {}
    term_ids = []
    for text in texts:
        # A term that is new gets the next number; `len` is taken before it is entered.
        term_ids.append([vocabulary.setdefault(term, len(vocabulary)) for term in (*terms(text), *spellings(text))])
    if not vocabulary:
        return {f"{PREFIX}{field}": np.zeros(0, dtype=np.int32) for field in _FIELDS}, {}
    model = bm25s.BM25(method="lucene", k1=1.5, b=0.75)
    model.index((term_ids, vocabulary), create_empty_token=False, show_progress=False)
    return {f"{PREFIX}{field}": np.asarray(model.scores[field]) for field in _FIELDS}, vocabulary


class Bm25:
    """Scores of all passages for a question."""

    def __init__(self, arrays: Mapping[str, NDArray[Any]], vocabulary: Mapping[str, int], passages: int) -> None:
        self._vocabulary = vocabulary
        self._passages = passages
        self._fields = {field: arrays[f"{PREFIX}{field}"] for field in _FIELDS}
        self._model: Any = None
        self._rows: NDArray[np.intp] | None = None

    def only(self, rows: NDArray[np.intp]) -> Bm25:
        """The scores of these passages alone, in this order, with the document frequencies of all."""
        part = copy.copy(self)
        part._rows = rows if self._rows is None else self._rows[rows]
        return part

    def scores(self, question: str) -> NDArray[np.float32]:
        """Score every passage.

        Args:
            question: Any text; each term counts once, stopwords and unknown words add nothing.
        Returns:
            Array (passages,), float32, >= 0; 0 where no term is shared.
        """
        distinct = dict.fromkeys((*telling_terms(question), *spellings(question)))
        term_ids = [self._vocabulary[term] for term in distinct if term in self._vocabulary]
        if not term_ids:
            return np.zeros(self._passages if self._rows is None else len(self._rows), dtype=np.float32)
        scores: NDArray[np.float32] = self._open().get_scores_from_ids(term_ids)
        return scores if self._rows is None else scores[self._rows]

    def _open(self) -> Any:
        if self._model is None:
            import bm25s

            # Scores were computed when the index was built: the model is put together from its arrays, without texts.
            model = bm25s.BM25(method="lucene", k1=1.5, b=0.75)
            model.scores = {**self._fields, "num_docs": self._passages}
            model.vocab_dict = dict(self._vocabulary)
            model.nonoccurrence_array = None
            self._model = model
        return self._model
