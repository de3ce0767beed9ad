"""Which records of two tables are worth comparing: for each the nearest by rare words and by meaning.

left, right: distinct records        pairs: at most 2 * (WORDS + MEANING) a record, however long the tables
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from eval.resolution.record_pairs import Record
from eval.resolution.similarity import clean, whole, words
from models.protocols import Encoder

WORDS, MEANING = 10, 5
"""Neighbours of a record, of either kind."""
_ROWS = 512

Pair = tuple[Record, Record]


def candidates(left: Sequence[Record], right: Sequence[Record], encoder: Encoder) -> set[Pair]:
    """Pairs of records that are near each other.

    Args:
        left: Distinct records of one table.
        right: Distinct records of the other.
        encoder: Embeds records.
    """
    pairs: set[Pair] = set()
    for mine, theirs, count in (
        (*_by_words(left, right), WORDS),
        (encoder.encode([whole(row) for row in left]), encoder.encode([whole(row) for row in right]), MEANING),
    ):
        pairs |= {(left[one], right[two]) for one, two in _nearest(mine, theirs, count)}
        pairs |= {(left[one], right[two]) for two, one in _nearest(theirs, mine, count)}
    return pairs


def _by_words(left: Sequence[Record], right: Sequence[Record]) -> tuple[Any, Any]:
    """Sparse unit vectors of weighted words; a word of a column counts for the column and for the record."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(analyzer=_terms, sublinear_tf=True, dtype=np.float32)
    vectors = vectorizer.fit_transform([*left, *right])
    return vectors[: len(left)], vectors[len(left) :]


def _terms(record: Record) -> list[str]:
    return [term for column, value in record for word in words(clean(value)) for term in (word, f"{column}={word}")]


def _nearest(mine: Any, theirs: Any, count: int) -> list[tuple[int, int]]:
    """Rows of `mine` with their nearest rows of `theirs`, block by block; those without a common word left out."""
    found = []
    count = min(count, theirs.shape[0])
    for start in range(0, mine.shape[0], _ROWS):
        product = mine[start : start + _ROWS] @ theirs.T
        cosines = product if isinstance(product, np.ndarray) else product.toarray()
        places = np.argpartition(-cosines, count - 1, axis=1)[:, :count]
        for row, columns in enumerate(places.tolist()):
            found += [(start + row, column) for column in columns if cosines[row, column] > 0]
    return found
