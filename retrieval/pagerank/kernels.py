"""The loops over single edges of `retrieval.pagerank.push`, compiled at their first call and kept on disk.

`compiled` alone imports numba; until then these are plain Python functions of arrays.

Notation, as in Andersen, Chung and Lang (FOCS 2006): every reached node u has an estimate p(u), settled for good, and
a residual r(u), probability that still has to be spread. Both are kept divided by the node's degree, since the test for
pushing (r(u) > epsilon * degree(u)) and what a neighbour gets are then free of divisions.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from retrieval.pagerank.exact import Weights

Rows = NDArray[np.int32]


class SparseGraph(NamedTuple):
    """A transition matrix in CSR form and the degrees that it was divided by; n nodes, m entries, two an edge.

    Attributes:
        indptr: Array (n + 1,): where the entries of each row begin.
        indices: Array (m,): neighbour of each entry.
        data: Array (m,), float64: chance to go from that neighbour to the row.
        degree: Array (n,), float64: sum of the weights of each node's edges.
    """

    indptr: NDArray[Any]
    indices: NDArray[Any]
    data: Weights
    degree: Weights


class PushBuffers(NamedTuple):
    """Memory of one walk, allocated once a graph: clearing what was touched is cheaper than n fresh zeros.

    Attributes:
        state: Array (n, 2): residual and estimate of each node, both a unit of degree; all 0 between walks.
        queue: Array (n,): ring buffer of the nodes to push. No node is in it twice, so that n places suffice.
        touched: Array (n,): the nodes reached so far, in the order in which they were reached.
    """

    state: Weights
    queue: Rows
    touched: Rows


class StoppingRule(NamedTuple):
    """When a push ends: as soon as one of its bounds holds.

    Attributes:
        damping: Chance to continue the walk, in [0, 1).
        epsilon: Residual that a node may keep, a unit of its degree.
        error: Probability that may be missing in all.
        edges: Number of edges after which pushing stops in any case.
    """

    damping: float
    epsilon: float
    error: float
    edges: float


class PushKernels(NamedTuple):
    """The compiled loops."""

    push: Any
    settle: Any
    pull: Any


@cache
def compiled() -> PushKernels:
    """Compile the loops, or load them from numba's cache on disk."""
    from numba import njit

    return PushKernels(*(njit(cache=True, nogil=True)(kernel) for kernel in (_push, _settle, _pull)))


def _push(
    graph: SparseGraph, buffers: PushBuffers, rule: StoppingRule, count: int, missing: float
) -> tuple[int, float, int]:
    """Push every node above the threshold, first come first served.

    Invariant, before and after every push (Andersen, Chung and Lang, lemma 1): the true probabilities are the estimates
    plus the PageRank of the residual as seeds. Estimates therefore never exceed the truth, and what they lack in sum is
    exactly the sum of the residual, `missing`.

    Args:
        graph: The graph, symmetric before its columns were scaled.
        buffers: Residual and estimates so far; `touched` names the nodes that have any.
        rule: When to end.
        count: Number of touched nodes.
        missing: Sum of the residual.
    Returns:
        The new `count` and `missing`, and the number of edges that were walked.
    """
    state, queue, touched = buffers.state, buffers.queue, buffers.touched
    keep, size = 1.0 - rule.damping, len(queue)
    head = waiting = walked = 0
    for position in range(count):
        if state[touched[position], 0] > rule.epsilon:
            queue[waiting] = touched[position]
            waiting += 1
    # `missing * damping`, since `_settle` will still settle 1 - damping of all that is left.
    while waiting > 0 and missing * rule.damping > rule.error and walked < rule.edges:
        node = queue[head]
        head = head + 1 if head + 1 < size else 0
        waiting -= 1
        # Settle 1 - damping of the residual here, hand the rest to the neighbours by the weights of the edges.
        residual = state[node, 0]
        state[node, 0] = 0.0
        state[node, 1] += keep * residual
        missing -= keep * residual * graph.degree[node]
        first, last = graph.indptr[node], graph.indptr[node + 1]
        walked += last - first
        for edge in range(first, last):
            other = graph.indices[edge]
            before = state[other, 0]
            # In row `node` and column `other`, `data` is weight / degree(other). By symmetry that is what `other` gets
            # of a residual a unit of degree, again a unit of degree: only one direction of the matrix is needed.
            after = before + rule.damping * residual * graph.data[edge]
            state[other, 0] = after
            # A node above the threshold is in the queue already; only one that crosses it now is put there.
            if before <= rule.epsilon:
                if before == 0.0 and state[other, 1] == 0.0:
                    touched[count] = other
                    count += 1
                if after > rule.epsilon:
                    end = head + waiting
                    queue[end if end < size else end - size] = other
                    waiting += 1
    return count, missing, walked


def _settle(
    graph: SparseGraph, buffers: PushBuffers, damping: float, count: int, missing: float
) -> tuple[float, float]:
    """Settle 1 - damping of all residual where it is, and turn weights a unit of degree into probabilities.

    A walker restarts with that chance wherever it stands, so this share is certain without any further push.

    Returns:
        What is missing in sum, and the most that a node can miss a unit of its degree: the degrees are a fixed point of
        a walk on an undirected graph, so a residual of at most x times the degrees adds at most x times the degree.
    """
    state, largest = buffers.state, 0.0
    for position in range(count):
        node = buffers.touched[position]
        largest = max(largest, state[node, 0])
        state[node, 1] = (state[node, 1] + (1.0 - damping) * state[node, 0]) * graph.degree[node]
        state[node, 0] = 0.0
    return damping * missing, damping * largest


def _pull(graph: SparseGraph, buffers: PushBuffers, damping: float, rows: Rows, seeds: Rows, weights: Weights) -> float:
    """Set rows to what their neighbours and the restart give them, and return what that adds.

    One step of the power iteration for single rows: p(u) = damping * sum of P(u, v) p(v) + (1 - damping) * seed(u).
    From estimates below the truth it yields estimates below the truth that are never smaller, so it can only help.

    Args:
        graph: The graph.
        buffers: Probabilities in the second column of `state`.
        damping: Chance to continue the walk.
        rows: Array (m,): rows to set, in this order; later ones already see earlier ones.
        seeds: Array (s,): rows where the walk restarts, ascending.
        weights: Array (s,): chances of these rows at a restart.
    """
    gained = 0.0
    for row in rows:
        total = 0.0
        for edge in range(graph.indptr[row], graph.indptr[row + 1]):
            total += graph.data[edge] * buffers.state[graph.indices[edge], 1]
        total *= damping
        position = np.searchsorted(seeds, row)
        if position < len(seeds) and seeds[position] == row:
            total += (1.0 - damping) * weights[position]
        gained += total - buffers.state[row, 1]
        buffers.state[row, 1] = total
    return gained
