"""The rows of a matrix nearest to a vector, exactly, from a quarter of its memory.

A scan of float32 vectors takes as long as memory takes to deliver them. Components rounded to a byte are a quarter of
that, and move no row's product with a unit vector by more than the length of what rounding took from the row
(Cauchy-Schwarz): which rows can be among the best is known for certain, and only their products are taken in full.
What is found is what `rank.top_rows` finds in the whole product, to the last bits of a sum. Small matrices are
multiplied as they are.

    codes = round_into(np.empty(vectors.shape, np.int8), vectors)
    Nearest(vectors, codes).top(vector, 5)
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
"""Rows up to which nothing is rounded: the whole product takes a few milliseconds."""
_BLOCK = 8_192
_GROUP = 64
_LARGEST = 127
_SLACK = 10.0**-DECIMALS
"""What the decimals that rankings compare may hide."""


@dataclass(frozen=True, slots=True)
class Rounded:
    """Vectors in bytes.

    Attributes:
        codes: Array (n, dimension), int8: components over `scale`, rounded.
        scale: Of all rows, > 0.
        error: Length of the most that rounding took from a row.
    """

    codes: NDArray[np.int8]
    scale: float
    error: float

    def only(self, rows: NDArray[np.intp]) -> Rounded:
        """Some of the rows."""
        return replace(self, codes=self.codes[rows])


def round_into(codes: NDArray[np.int8], vectors: Vectors) -> Rounded:
    """Round vectors, array (n, dimension), into codes of that shape, a block of rows at a time."""
    largest = max((float(np.abs(block).max(initial=0.0)) for block in _blocks(vectors)), default=0.0)
    scale = largest / _LARGEST or 1.0
    error = 0.0
    for codes_block, block in zip(_blocks(codes), _blocks(vectors), strict=True):
        codes_block[:] = np.rint(block / scale)
        lost = block - codes_block * np.float32(scale)
        error = max(error, float(np.linalg.norm(lost, axis=1).max(initial=0.0)))
    return Rounded(codes, scale, error)


class Nearest:
    """Exact search by cosine.

    Args:
        vectors: Array (n, dimension), float32, unit length; memory-mapped arrays stay so.
        codes: The same in bytes, or None to multiply all.
    """

    def __init__(self, vectors: Vectors, codes: Rounded | None = None) -> None:
        self._vectors = vectors
        self._codes = codes

    def top(self, vector: Vectors, limit: int, above: float = -np.inf) -> list[tuple[int, float]]:
        """Rows with their cosines, nearest first, ties by row.

        Args:
            vector: Array (dimension,).
            limit: Most rows.
            above: Rows with this cosine or a lower one are left out.
        """
        if limit <= 0:
            return []
        if self._codes is None or limit >= len(self._vectors):
            cosines = self._vectors @ vector
            return [(row, float(cosines[row])) for row in top_rows(cosines, limit, above).tolist()]
        rows = self._candidates(self._codes, vector, limit, above)
        cosines = self._vectors[rows] @ vector
        return [(int(rows[place]), float(cosines[place])) for place in top_rows(cosines, limit, above).tolist()]

    def _candidates(self, known: Rounded, vector: Vectors, limit: int, above: float) -> NDArray[np.intp]:
        """Every row that may be among the best, ascending."""
        roughly = products(known.codes, (vector * known.scale)[np.newaxis])[0]
        sums = 2 * known.codes.shape[1] * float(np.finfo(np.float32).eps)  # what two sums of float32 may be off
        error = (known.error + sums) * float(np.linalg.norm(vector)) + _SLACK
        return np.flatnonzero(roughly >= max(_reached(roughly, limit) - 2 * error, above - error))


def _reached(values: Vectors, limit: int) -> float:
    """A value that at least `limit` of the values reach, near the highest such one: as many groups hold one each."""
    groups = len(values) // _GROUP
    most = values[: groups * _GROUP].reshape(groups, _GROUP).max(axis=1) if groups >= limit else values
    return float(np.partition(most, len(most) - limit)[len(most) - limit])


def _blocks(values: NDArray[Any]) -> Iterator[NDArray[Any]]:
    return (values[start : start + _BLOCK] for start in range(0, len(values), _BLOCK))


def products(rows: NDArray[np.int8] | Vectors, vectors: Vectors) -> Vectors:
    """The product of every row with a few vectors, in one pass over the rows by all processors.

    Not by BLAS, whose threads wait busily for a while after each product, on the processors that are wanted next.

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
    list(_threads().map(lambda at: kernel(plain[at : at + size], few, out[:, at : at + size]), starts))
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
        for place in range(vectors.shape[0]):
            total = np.float32(0.0)
            for column in range(rows.shape[1]):
                total += np.float32(rows[row, column]) * vectors[place, column]
            out[place, row] = total
