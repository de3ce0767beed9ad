"""Rankings: ids with scores, best first, ties by id. Every search returns one, and fusion merges several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float32] | NDArray[np.float64]
DECIMALS = 6
"""Scores are compared to this many decimals: the same sum taken in another order must not change a ranking."""
VISIT_SCALE = 1e6
"""Visit probabilities are multiplied by this before ranking: in a large graph they differ behind `DECIMALS`."""


@dataclass(frozen=True, slots=True)
class ScoredId:
    """An id and its score."""

    id: str
    score: float


Ranking = Sequence[ScoredId]
"""Best first, ties by id, each id once."""


def top_rows(scores: Scores, limit: int, above: float = -np.inf) -> NDArray[np.intp]:
    """Rows of the `limit` highest scores, best first, ties by row.

    Args:
        scores: Array (n,), any float type.
        limit: Maximum number of rows.
        above: Rows with this score or a lower one are left out.
    Returns:
        Array (m,), m <= limit.
    Example:
        >>> top_rows(np.array([0.5, 2.0, 0.5, 0.0]), 2).tolist()
        [1, 0]
    """
    # Most scores are 0 in many rankings, so those that cannot pass `above` are sorted out before any is rounded. Where
    # `above` has more decimals than are compared, a score just below it may still be rounded to above it.
    may_round_up = 0.0 if round(above, DECIMALS) == above else 10.0**-DECIMALS
    rows = np.flatnonzero(scores > above - may_round_up)
    rounded = np.round(scores[rows].astype(np.float64), DECIMALS)
    kept = rounded > above
    best: NDArray[np.intp] = rows[kept][highest(rounded[kept], limit)]
    return best


def highest(values: NDArray[np.floating[Any]], limit: int) -> NDArray[np.intp]:
    """Rows of the `limit` highest values, unrounded, best first, ties by row; array (m,), m <= limit."""
    rows = np.arange(len(values))
    if len(values) > limit > 0:
        # A partition finds the limit-th value in linear time; only what reaches it, ties among it, is sorted.
        rows = np.flatnonzero(values >= np.partition(values, len(values) - limit)[len(values) - limit])
    best: NDArray[np.intp] = rows[np.argsort(-values[rows], kind="stable")][: max(limit, 0)]
    return best


def rank_visits(ids: NDArray[np.bytes_], visits: Scores, limit: int, above: float = -np.inf) -> list[ScoredId]:
    """`ranking` of visit probabilities, which are compared to six decimals more (`VISIT_SCALE`)."""
    return [ScoredId(item.id, item.score / VISIT_SCALE) for item in ranking(ids, visits * VISIT_SCALE, limit, above)]


def ranking(ids: NDArray[np.bytes_], scores: Scores, limit: int, above: float = -np.inf) -> list[ScoredId]:
    """The `limit` best of `ids` by `scores`.

    Args:
        ids: Array (n,) of ASCII bytes, sorted, so that a tie by row is a tie by id.
        scores: Array (n,).
        limit: Maximum number of ids.
        above: Ids with this score or a lower one are left out.
    """
    rows = top_rows(scores, limit, above)
    return [ScoredId(ids[row].decode("ascii"), float(scores[row])) for row in rows]
