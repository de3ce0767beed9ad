"""The rows of a matrix nearest to a vector, exactly, from a quarter of its memory.

A scan of float32 vectors takes as long as memory takes to deliver them. Components rounded to a byte are a quarter of
that, and change no row's product with a unit vector by more than the length of what rounding took from the row
(Cauchy-Schwarz). So it is certain which rows can be among the best, and only their products are computed in full. The
result is that of `rank.top_rows` on the full product, to the last bits of a sum. Small matrices are multiplied as they
are.

    codes = quantise_into(np.empty(vectors.shape, np.int8), vectors)
    CosineSearch(vectors, codes).top(vector, 5)
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.protocols import Vectors
from models.runtime.processors import processors
from retrieval.index.rank import DECIMALS, top_rows

SMALL = 20_000
"""Number of rows up to which nothing is rounded: the full product takes a few milliseconds."""
_BLOCK = 8_192
"""Number of rows that are rounded at once."""
_GROUP = 64
"""Number of values of which only the highest takes part in the search for a threshold."""
_MAX_CODE = 127
_ROUNDING_OF_RANKS = 10.0**-DECIMALS
"""Largest difference between scores that a ranking takes for equal."""


@dataclass(frozen=True, slots=True)
class QuantisedVectors:
    """Vectors in bytes, by one scale for all rows.

    Attributes:
        codes: Array (n, dimension), int8: components divided by `scale`, rounded.
        scale: Size of one step, > 0.
        error: Largest Euclidean length of what rounding took from a row.
    """

    codes: NDArray[np.int8]
    scale: float
    error: float

    def only(self, rows: NDArray[np.intp]) -> QuantisedVectors:
        """Some of the rows."""
        return replace(self, codes=self.codes[rows])


def quantise_into(codes: NDArray[np.int8], vectors: Vectors) -> QuantisedVectors:
    """Quantise vectors a block of rows at a time, so that neither array need fit into memory.

    Args:
        codes: Array (n, dimension), int8, to be filled.
        vectors: Array (n, dimension), float32.
    """
    largest = max((float(np.abs(block).max(initial=0.0)) for block in _blocks(vectors)), default=0.0)
    scale = largest / _MAX_CODE or 1.0
    error = 0.0
    for codes_block, block in zip(_blocks(codes), _blocks(vectors), strict=True):
        codes_block[:] = np.rint(block / scale)
        lost = block - codes_block * np.float32(scale)
        error = max(error, float(np.linalg.norm(lost, axis=1).max(initial=0.0)))
    return QuantisedVectors(codes, scale, error)


class CosineSearch:
    """Exact search by cosine.

    Args:
        vectors: Array (n, dimension), float32, unit length; memory-mapped arrays stay so.
        codes: The same vectors in bytes; None to compute all products in full.
    """

    def __init__(self, vectors: Vectors, codes: QuantisedVectors | None = None) -> None:
        self._vectors = vectors
        self._codes = codes

    def top(self, vector: Vectors, limit: int, above: float = -np.inf) -> list[tuple[int, float]]:
        """Rows with their cosines, nearest first, ties by row.

        Args:
            vector: Array (dimension,).
            limit: Maximum number of rows.
            above: Rows with this cosine or a lower one are left out.
        """
        if limit <= 0:
            return []
        if self._codes is None or limit >= len(self._vectors):
            cosines = self._vectors @ vector
            return [(row, float(cosines[row])) for row in top_rows(cosines, limit, above).tolist()]
        rows = self._candidates(self._codes, vector, limit, above)
        cosines = self._vectors[rows] @ vector
        return [(int(rows[best]), float(cosines[best])) for best in top_rows(cosines, limit, above).tolist()]

    def _candidates(self, quantised: QuantisedVectors, vector: Vectors, limit: int, above: float) -> NDArray[np.intp]:
        """Every row that may be among the best, ascending."""
        approximate = products(quantised.codes, (vector * quantised.scale)[np.newaxis])[0]
        # |exact - approximate| <= |what rounding took| * |vector| (Cauchy-Schwarz), plus what two float32 sums of that
        # many terms may be off, plus the decimals that a ranking does not compare.
        sums = 2 * quantised.codes.shape[1] * float(np.finfo(np.float32).eps)
        error = (quantised.error + sums) * float(np.linalg.norm(vector)) + _ROUNDING_OF_RANKS
        # At least `limit` rows have exact products of threshold - error or more; a row whose approximate product lies
        # another error below cannot reach that. Hence twice the error.
        threshold = _reached_by(approximate, limit)
        return np.flatnonzero(approximate >= max(threshold - 2 * error, above - error))


def _reached_by(values: Vectors, limit: int) -> float:
    """A value that at least `limit` of the values reach, near the highest such one.

    If `limit` groups have a maximum of at least x, `limit` values are at least x: a partition of the maxima, 64 times
    as few, is enough.
    """
    groups = len(values) // _GROUP
    maxima = values[: groups * _GROUP].reshape(groups, _GROUP).max(axis=1) if groups >= limit else values
    return float(np.partition(maxima, len(maxima) - limit)[len(maxima) - limit])


def _blocks(values: NDArray[Any]) -> Iterator[NDArray[Any]]:
    return (values[start : start + _BLOCK] for start in range(0, len(values), _BLOCK))


def products(rows: NDArray[np.int8] | Vectors, vectors: Vectors) -> Vectors:
    """The product of every row with a few vectors, in one pass over the rows by all processors.

    Not by BLAS: its threads wait busily for a while after each product and hold the processors that are needed next.

    Args:
        rows: Array (n, dimension), int8 or float32.
        vectors: Array (k, dimension).
    Returns:
        Array (k, n).
    """
    plain, few = np.asarray(rows), vectors.astype(np.float32)
    out = np.empty((len(few), len(plain)), dtype=np.float32)
    kernel, size = _kernel(), max(-(-len(plain) // processors()), 1)
    starts = range(0, len(plain), size)
    list(_threads().map(lambda start: kernel(plain[start : start + size], few, out[:, start : start + size]), starts))
    return out


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(processors(), thread_name_prefix="nearest")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_threads.cache_clear)  # a forked process has none of its parent's threads


@cache
def _kernel() -> Any:
    """`_products`, compiled at the first call and kept on disk for later processes."""
    from numba import njit

    return njit(cache=True, nogil=True, fastmath=True)(_products)


def _products(rows: NDArray[np.int8] | Vectors, vectors: Vectors, out: Vectors) -> None:
    """The product of each row with each vector."""
    for row in range(rows.shape[0]):
        for query in range(vectors.shape[0]):
            total = np.float32(0.0)
            for column in range(rows.shape[1]):
                total += np.float32(rows[row, column]) * vectors[query, column]
            out[query, row] = total
