"""Personalised PageRank of a few seeds in the time of what it visits, not of the graph: forward push with a bound.

Works on numbers only, as `retrieval.pagerank.exact` does, and finds the same visits. The walker's weight begins as
residual at the seeds. Pushing a node settles `1 - damping` of its residual there and hands the rest to its neighbours,
so what is settled never exceeds the truth, and what it lacks is what residual still holds. Nodes are pushed, first come
first served, until none holds more than `epsilon` a unit of its degree. The best nodes then pull one more step, which
is where near ties among them fall. A push that has walked much of the graph gives way to sweeps over all rows.

    visits = Push(index.step, index.degree).visits(rows, weights)

Source: Andersen, Chung and Lang, FOCS 2006 (push and its threshold by degree); Wu et al., SIGMOD 2021 (push that
turns into power iteration).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from retrieval.pagerank.exact import Weights
from retrieval.pagerank.kernels import Graph, Rows, Rule, Scratch, compiled

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

_SHARE, _SHARE_BY_DEGREE = 0.125, 2.0
"""Of the graph's edges: a push that has walked more gives way to sweeps, which walk all edges but in order. A bound by
`error` alone comes to that sooner; one by degree ends by itself."""
_FIRST, _LOWER = 1e-5, 0.125
"""Without a threshold, the first one that is pushed to, and each next one as a part of the one before."""
_PULLED_EDGES = 200_000
"""Most edges that the best nodes pull over: about two milliseconds."""
_NOTHING = 1e-15
"""Sweeps end once no more than this can be missing, whatever was asked for."""


@dataclass(frozen=True, slots=True)
class Visits:
    """Visit probabilities of the nodes that were reached; all others count as 0.

    Attributes:
        rows: Array (reached,), int32, distinct, in no order.
        values: Array (reached,), float64, >= 0: none above the true probability.
        missing: What `values` lack in sum, which is their L1 error.
        per_degree: No node lacks more than this times its degree.
    """

    rows: Rows
    values: Weights
    missing: float
    per_degree: float


class Push:
    """The walk over one graph, with its scratch arrays (24 bytes a node): one a thread.

    Args:
        step: Transition matrix of a symmetric graph (`walk.transition`), shape (n, n); memory-mapped arrays stay so.
        degree: Array (n,), float64: weight of the edges of each node.
    Raises:
        ValueError: The shapes differ.
    """

    def __init__(self, step: csr_matrix, degree: Weights) -> None:
        size = len(degree)
        if step.shape != (size, size):
            raise ValueError(f"Expected a step of shape {(size, size)}, as there are degrees; got {step.shape}.")
        self._graph = Graph(*map(_read_only, (step.indptr, step.indices, step.data, np.asarray(degree, np.float64))))
        state = np.full((size, 2), 0.0)  # numpy asks for huge pages here, and not for its zeros
        self._scratch = Scratch(state, np.empty(size, np.int32), np.empty(size, np.int32))

    def visits(
        self,
        rows: NDArray[np.integer[Any]],
        weights: Weights,
        damping: float = 0.5,
        epsilon: float = 1e-6,
        error: float = 0.0,
        refine: int = 64,
    ) -> Visits:
        """Visit probabilities of a walk that restarts at the seeds, to within a bound.

        Stops as soon as one of two bounds holds: no node lacks more than `damping * epsilon * degree`, or all together
        lack no more than `error`. The first takes at most 1 / (epsilon * (1 - damping)) steps over edges of weight 1,
        however large the graph is.

        Args:
            rows: Array (seeds,): where the walk restarts; weights of the same row add up.
            weights: Array (seeds,), >= 0, not all 0; normalised here.
            damping: Chance to go on walking instead of restarting, in [0, 1).
            epsilon: Residual that a unit of degree may keep; 0 for a bound by `error` alone.
            error: Sum that may be missing, the L1 error; 0 for a bound by `epsilon` alone.
            refine: This many of the best nodes pull once more, those of few edges first.
        Returns:
            Probabilities, which with what is missing sum to 1. A walker in an isolated node restarts.
        Raises:
            ValueError: Seeds are empty, negative or outside the graph, or a number is out of its range.
        Example:
            >>> from scipy.sparse import csr_matrix
            >>> from retrieval.pagerank.exact import transition
            >>> chain = csr_matrix(np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], dtype=float))
            >>> found = Push(transition(chain), np.array([1.0, 2.0, 1.0])).visits(np.array([0]), np.ones(1))
            >>> [round(float(value), 4) for value in found.values[np.argsort(found.rows)]]
            [0.5833, 0.3333, 0.0833]
        """
        if not (0 <= damping < 1 and epsilon >= 0 and error >= 0 and epsilon + error > 0):
            raise ValueError(
                "Expected damping in [0, 1), epsilon and error of at least 0 and one of them above it; "
                f"got damping {damping}, epsilon {epsilon}, error {error}."
            )
        start = _start(rows, weights, self._graph.degree, damping)
        most = (_SHARE_BY_DEGREE if epsilon else _SHARE) * len(self._graph.indices)
        rule = Rule(float(damping), float(epsilon), float(error), most)
        count, missing = self._push(start, rule)
        missing, per_degree = compiled().settle(self._graph, self._scratch, rule.damping, count, missing)
        if missing > error and per_degree > damping * epsilon:
            reached, missing, per_degree = self._sweep(start, rule, missing, per_degree)
        else:
            reached = self._scratch.touched[:count].copy()
            missing -= self._pull(start, rule.damping, self._best(reached, refine))
        values = self._scratch.state[reached, 1]
        self._scratch.state[reached] = 0.0
        found = np.concatenate([reached, start.alone]), np.concatenate([values, start.stay])
        return Visits(*found, max(missing, 0.0), per_degree)

    def _push(self, start: _Start, rule: Rule) -> tuple[int, float]:
        """Push from the seeds until a bound holds or too many edges are walked; how many nodes hold what residual."""
        count, missing, walked = len(start.rows), float(start.weights.sum()), 0
        self._scratch.state[start.rows, 0] = start.weights / self._graph.degree[start.rows]
        self._scratch.touched[:count] = start.rows
        threshold = rule.epsilon or _FIRST
        while True:
            level = Rule(rule.damping, threshold, rule.error, rule.edges - walked)
            count, missing, edges = compiled().push(self._graph, self._scratch, level, count, missing)
            walked += edges
            if missing * rule.damping <= rule.error or threshold <= rule.epsilon or walked >= rule.edges:
                return count, missing
            threshold *= _LOWER

    def _sweep(self, start: _Start, rule: Rule, missing: float, per_degree: float) -> tuple[Rows, float, float]:
        """Pull at every row in turn until a bound holds; each time both shrink by `damping` at least."""
        rows = np.arange(len(self._graph.degree), dtype=np.int32)
        for _ in range(math.ceil(math.log(_NOTHING) / math.log(max(rule.damping, _NOTHING)))):
            if missing <= rule.error or per_degree <= rule.damping * rule.epsilon:
                break
            missing -= self._pull(start, rule.damping, rows)
            per_degree *= rule.damping
        return np.flatnonzero(self._scratch.state[:, 1]).astype(np.int32), missing, per_degree

    def _best(self, reached: Rows, most: int) -> Rows:
        """The most visited rows, as many as have few enough edges together."""
        if len(reached) > most:
            reached = reached[np.argpartition(-self._scratch.state[reached, 1], most)[:most]]
        edges = self._graph.indptr[reached + 1] - self._graph.indptr[reached]
        order = np.argsort(edges, kind="stable")
        chosen: Rows = reached[order[np.cumsum(edges[order]) <= _PULLED_EDGES]]
        return chosen

    def _pull(self, start: _Start, damping: float, rows: Rows) -> float:
        gained: float = compiled().pull(self._graph, self._scratch, damping, rows, start.rows, start.weights)
        return gained


class _Start(NamedTuple):
    """Seeds with edges, rows ascending, with their weights; isolated ones, and how often the walker is there."""

    rows: Rows
    weights: Weights
    alone: Rows
    stay: Weights


def _start(rows: NDArray[np.integer[Any]], weights: Weights, degree: Weights, damping: float) -> _Start:
    """Seeds, scaled so that all visits sum to 1: a walker at an isolated seed restarts instead of walking on."""
    if rows.ndim != 1 or rows.shape != weights.shape or not np.issubdtype(rows.dtype, np.integer):
        came = f"{rows.dtype} rows {rows.shape} and weights {weights.shape}"
        raise ValueError(f"Expected a row number and a weight a seed; got {came}.")
    if len(rows) and not 0 <= int(rows.min()) <= int(rows.max()) < len(degree):
        raise ValueError(f"Expected seeds in rows 0 to {len(degree) - 1}; got {int(rows.min())} to {int(rows.max())}.")
    total = float(weights.sum())
    if not 0 < total < math.inf or (least := float(weights.min())) < 0:
        came = f"sum {total}" if not 0 < total < math.inf else f"a weight of {least}"
        raise ValueError(f"Expected seed weights of at least 0 with a finite sum above 0; got {came}.")
    distinct, place = np.unique(rows.astype(np.int32), return_inverse=True)
    shares = np.bincount(place, weights / total, len(distinct))
    walks = degree[distinct] > 0
    stay = (1.0 - damping) * shares[~walks]
    scale = 1.0 / float(shares[walks].sum() + stay.sum())
    return _Start(distinct[walks], scale * shares[walks], distinct[~walks], scale * stay)


def _read_only(values: NDArray[Any]) -> NDArray[Any]:
    """The same memory as a plain array, so that mapped and other arrays share one compiled version."""
    plain = np.asarray(values).view()
    plain.flags.writeable = False
    return plain
