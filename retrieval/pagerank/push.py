"""Personalised PageRank of a few seeds by forward push, in the time of what it visits, with a bound on the error.

Works on numbers only and finds the same probabilities as `retrieval.pagerank.exact`. The walker's probability begins as
residual at the seeds. Pushing a node settles `1 - damping` of its residual there and hands the rest to its neighbours.
Nodes are pushed, first come first served, until none holds more than `epsilon` a unit of its degree. The best nodes
then pull one more step, which decides near ties. A push that has walked much of the graph gives way to sweeps.

    visits = ForwardPush(index.step, index.degree).visits(rows, weights)

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
from retrieval.pagerank.kernels import PushBuffers, Rows, SparseGraph, StoppingRule, compiled

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

_MAX_SHARE, _MAX_SHARE_BY_DEGREE = 0.125, 2.0
"""A push that has walked more than this share of all edges gives way to sweeps.

A sweep walks every edge, but in the order of memory, which is several times as fast as the jumps of a push. A bound by
`error` alone has no limit of its own and changes over early; one by degree ends by itself, so it may walk longer."""
_FIRST_THRESHOLD, _NEXT_THRESHOLD = 1e-5, 0.125
"""Without `epsilon`: the first threshold to push down to, and each next one as a part of the one before.

Starting low would push nodes again and again with little residual; from high to low, residual gathers first."""
_MAX_PULLED_EDGES = 200_000
"""Maximum number of edges that the best nodes pull over: about two milliseconds."""
_NEGLIGIBLE = 1e-15
"""Sweeps end once no more than this can be missing, whatever error was required: float64 holds no more."""


@dataclass(frozen=True, slots=True)
class VisitProbabilities:
    """Visit probabilities of the nodes that were reached; all others count as 0.

    Attributes:
        rows: Array (reached,), int32: distinct nodes, in no order.
        values: Array (reached,), float64, >= 0: their probabilities, none above the true one.
        missing: What `values` lack in sum, which is their L1 error.
        per_degree: No node lacks more than this times its degree.
    """

    rows: Rows
    values: Weights
    missing: float
    per_degree: float


class ForwardPush:
    """The walk over one graph, with buffers of 24 bytes a node; each thread needs one of its own.

    Args:
        step: Transition matrix of a symmetric graph (`exact.transition`), shape (n, n); memory-mapped arrays stay so.
        degree: Array (n,), float64: weight of the edges of each node.
    Raises:
        ValueError: The shapes differ.
    """

    def __init__(self, step: csr_matrix, degree: Weights) -> None:
        size = len(degree)
        if step.shape != (size, size):
            raise ValueError(f"Expected a step of shape {(size, size)}, as there are degrees; got {step.shape}.")
        self._graph = SparseGraph(
            *map(_read_only, (step.indptr, step.indices, step.data, np.asarray(degree, np.float64)))
        )
        # Not `np.zeros`: numpy requests huge pages for memory that it writes, and random access to small pages is slow.
        state = np.full((size, 2), 0.0)
        self._buffers = PushBuffers(state, np.empty(size, np.int32), np.empty(size, np.int32))

    def visits(
        self,
        rows: NDArray[np.integer[Any]],
        weights: Weights,
        damping: float = 0.5,
        epsilon: float = 1e-6,
        error: float = 0.0,
        refine: int = 64,
    ) -> VisitProbabilities:
        """Visit probabilities of a walk that restarts at the seeds, to within a bound.

        Stops as soon as one of two bounds holds: no node lacks more than `damping * epsilon * degree`, or all together
        lack no more than `error`. The first takes at most 1 / (epsilon * (1 - damping)) steps over edges of weight 1,
        however large the graph is: a push settles more than epsilon * (1 - damping) for each of its edges, of 1 in all.

        Args:
            rows: Array (seeds,): nodes where the walk restarts; weights of the same row add up.
            weights: Array (seeds,), >= 0, not all 0; normalised here.
            damping: Chance to continue the walk instead of restarting, in [0, 1).
            epsilon: Residual that a node may keep, a unit of its degree; 0 for a bound by `error` alone.
            error: Probability that may be missing in sum, the L1 error; 0 for a bound by `epsilon` alone.
            refine: Number of the best nodes that pull once more, those of few edges first.
        Returns:
            Probabilities, which with what is missing sum to 1. A walker in an isolated node restarts.
        Raises:
            ValueError: Seeds are empty, negative or outside the graph, or a number is out of its range.
        Example:
            >>> from scipy.sparse import csr_matrix
            >>> from retrieval.pagerank.exact import transition
            >>> chain = csr_matrix(np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], dtype=float))
            >>> found = ForwardPush(transition(chain), np.array([1.0, 2.0, 1.0])).visits(np.array([0]), np.ones(1))
            >>> [round(float(value), 4) for value in found.values[np.argsort(found.rows)]]
            [0.5833, 0.3333, 0.0833]
        """
        if not (0 <= damping < 1 and epsilon >= 0 and error >= 0 and epsilon + error > 0):
            raise ValueError(
                "Expected damping in [0, 1), epsilon and error of at least 0 and one of them above it; "
                f"got damping {damping}, epsilon {epsilon}, error {error}."
            )
        start = _restart_distribution(rows, weights, self._graph.degree, damping)
        max_edges = (_MAX_SHARE_BY_DEGREE if epsilon else _MAX_SHARE) * len(self._graph.indices)
        rule = StoppingRule(float(damping), float(epsilon), float(error), max_edges)
        count, missing = self._push(start, rule)
        missing, per_degree = compiled().settle(self._graph, self._buffers, rule.damping, count, missing)
        if missing > error and per_degree > damping * epsilon:
            reached, missing, per_degree = self._sweep(start, rule, missing, per_degree)
        else:
            reached = self._buffers.touched[:count].copy()
            missing -= self._pull(start, rule.damping, self._best(reached, refine))
        values = self._buffers.state[reached, 1]
        self._buffers.state[reached] = 0.0  # clean for the next walk
        rows_found = np.concatenate([reached, start.isolated])
        values_found = np.concatenate([values, start.isolated_visits])
        # Rounding may leave a hair below 0.
        return VisitProbabilities(rows_found, values_found, max(missing, 0.0), per_degree)

    def _push(self, start: _RestartDistribution, rule: StoppingRule) -> tuple[int, float]:
        """Push from the seeds until a bound holds or too many edges are walked.

        Returns:
            Number of touched nodes, and the sum of the residual.
        """
        count, missing, walked = len(start.rows), float(start.weights.sum()), 0
        self._buffers.state[start.rows, 0] = start.weights / self._graph.degree[start.rows]
        self._buffers.touched[:count] = start.rows
        threshold = rule.epsilon or _FIRST_THRESHOLD
        while True:
            level = StoppingRule(rule.damping, threshold, rule.error, rule.edges - walked)
            count, missing, edges = compiled().push(self._graph, self._buffers, level, count, missing)
            walked += edges
            if missing * rule.damping <= rule.error or threshold <= rule.epsilon or walked >= rule.edges:
                return count, missing
            threshold *= _NEXT_THRESHOLD

    def _sweep(
        self, start: _RestartDistribution, rule: StoppingRule, missing: float, per_degree: float
    ) -> tuple[Rows, float, float]:
        """Pull at every row in turn until a bound holds.

        Each sweep is a Gauss-Seidel step of the power iteration: both bounds shrink by `damping` at least.

        Returns:
            Rows with a probability above 0, what is missing in sum, and what may be missing a unit of degree.
        """
        rows = np.arange(len(self._graph.degree), dtype=np.int32)
        # As many sweeps as bring an error of 1 below `_NEGLIGIBLE`: the least k with damping^k <= _NEGLIGIBLE.
        for _ in range(math.ceil(math.log(_NEGLIGIBLE) / math.log(max(rule.damping, _NEGLIGIBLE)))):
            if missing <= rule.error or per_degree <= rule.damping * rule.epsilon:
                break
            missing -= self._pull(start, rule.damping, rows)
            per_degree *= rule.damping
        return np.flatnonzero(self._buffers.state[:, 1]).astype(np.int32), missing, per_degree

    def _best(self, reached: Rows, limit: int) -> Rows:
        """At most `limit` of the most visited rows, those with few edges first, within `_MAX_PULLED_EDGES` together."""
        if len(reached) > limit:
            reached = reached[np.argpartition(-self._buffers.state[reached, 1], limit)[:limit]]
        edges = self._graph.indptr[reached + 1] - self._graph.indptr[reached]
        order = np.argsort(edges, kind="stable")
        chosen: Rows = reached[order[np.cumsum(edges[order]) <= _MAX_PULLED_EDGES]]
        return chosen

    def _pull(self, start: _RestartDistribution, damping: float, rows: Rows) -> float:
        gained: float = compiled().pull(self._graph, self._buffers, damping, rows, start.rows, start.weights)
        return gained


class _RestartDistribution(NamedTuple):
    """Where the walk restarts.

    Attributes:
        rows: Array (s,): seeds that have edges, ascending.
        weights: Array (s,): chance of each at a restart.
        isolated: Array (i,): seeds without edges, ascending.
        isolated_visits: Array (i,): visit probability of each, known without any walk.
    """

    rows: Rows
    weights: Weights
    isolated: Rows
    isolated_visits: Weights


def _restart_distribution(
    rows: NDArray[np.integer[Any]], weights: Weights, degree: Weights, damping: float
) -> _RestartDistribution:
    """Check the seeds, and scale them so that all visits sum to 1.

    A walker at an isolated seed has no neighbour to continue to and restarts. Of a visit there, only 1 - damping counts
    as in the exact walk, and the scale hands the rest back to all seeds.
    """
    if rows.ndim != 1 or rows.shape != weights.shape or not np.issubdtype(rows.dtype, np.integer):
        came = f"{rows.dtype} rows {rows.shape} and weights {weights.shape}"
        raise ValueError(f"Expected a row number and a weight a seed; got {came}.")
    if len(rows) and not 0 <= int(rows.min()) <= int(rows.max()) < len(degree):
        raise ValueError(f"Expected seeds in rows 0 to {len(degree) - 1}; got {int(rows.min())} to {int(rows.max())}.")
    total = float(weights.sum())
    if not 0 < total < math.inf or (least := float(weights.min())) < 0:
        came = f"sum {total}" if not 0 < total < math.inf else f"a weight of {least}"
        raise ValueError(f"Expected seed weights of at least 0 with a finite sum above 0; got {came}.")
    distinct, position = np.unique(rows.astype(np.int32), return_inverse=True)
    shares = np.bincount(position, weights / total, len(distinct))  # weights of the same row add up
    has_edges = degree[distinct] > 0
    stay = (1.0 - damping) * shares[~has_edges]
    scale = 1.0 / float(shares[has_edges].sum() + stay.sum())
    return _RestartDistribution(distinct[has_edges], scale * shares[has_edges], distinct[~has_edges], scale * stay)


def _read_only(values: NDArray[Any]) -> NDArray[Any]:
    """The same memory as a plain read-only array: numba compiles one version for mapped and for other arrays."""
    plain = np.asarray(values).view()
    plain.flags.writeable = False
    return plain
