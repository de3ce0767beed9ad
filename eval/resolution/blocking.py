"""Blocking: which records of two tables are worth comparing, for each the nearest by rare words and by meaning.

left, right: distinct records        pairs: at most 2 * (WORDS + MEANING) a record, however long the tables
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from eval.resolution.record_pairs import Record
from eval.resolution.similarity import clean, record_text, words
from models.protocols import Encoder

WORDS, MEANING = 10, 5
"""Number of neighbours of a record by rare words, and by meaning."""
_ROWS = 512  # rows of the cosine matrix computed at once: bounds the memory to 512 rows of the other table's length

Pair = tuple[Record, Record]


def candidates(left: Sequence[Record], right: Sequence[Record], encoder: Encoder) -> set[Pair]:
    """Pairs of records that are near each other.

    Args:
        left: Distinct records of one table.
        right: Distinct records of the other.
        encoder: Embeds records.
    """
    left_words, right_words = _word_vectors(left, right)
    left_meaning = encoder.encode([record_text(record) for record in left])
    right_meaning = encoder.encode([record_text(record) for record in right])
    pairs: set[Pair] = set()
    # In both directions: a record of the longer table may be nobody's nearest neighbour and still have one itself.
    for left_rows, right_rows, count in ((left_words, right_words, WORDS), (left_meaning, right_meaning, MEANING)):
        pairs |= {(left[one], right[two]) for one, two in _nearest(left_rows, right_rows, count)}
        pairs |= {(left[one], right[two]) for two, one in _nearest(right_rows, left_rows, count)}
    return pairs


def _word_vectors(left: Sequence[Record], right: Sequence[Record]) -> tuple[Any, Any]:
    """Sparse unit vectors of weighted words, a row each record; a word counts for its column and for the record."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(analyzer=_terms, sublinear_tf=True, dtype=np.float32)
    vectors = vectorizer.fit_transform([*left, *right])
    return vectors[: len(left)], vectors[len(left) :]


def _terms(record: Record) -> list[str]:
    terms = []
    for column, value in record:
        for word in words(clean(value)):
            terms += [word, f"{column}={word}"]
    return terms


def _nearest(rows: Any, others: Any, count: int) -> list[tuple[int, int]]:
    """Rows with their nearest rows of `others`, block by block; pairs with a cosine of 0 or less are left out.

    Args:
        rows: Array or sparse matrix (n, d) of unit rows.
        others: Array or sparse matrix (m, d) of unit rows.
        count: Maximum number of neighbours of a row.
    """
    pairs = []
    count = min(count, others.shape[0])
    for start in range(0, rows.shape[0], _ROWS):
        # Rows are unit vectors, so that products are cosines.
        product = rows[start : start + _ROWS] @ others.T
        cosines = product if isinstance(product, np.ndarray) else product.toarray()
        # A partition, not a sort: only membership among the nearest matters.
        nearest = np.argpartition(-cosines, count - 1, axis=1)[:, :count]
        for row, columns in enumerate(nearest.tolist()):
            pairs += [(start + row, column) for column in columns if cosines[row, column] > 0]
    return pairs
