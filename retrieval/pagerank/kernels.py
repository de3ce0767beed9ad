"""The loops of `retrieval.pagerank.push` over single edges, compiled at their first call and kept on disk for later
processes.

`compiled` alone imports numba; until then these are plain Python functions of arrays.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from retrieval.pagerank.exact import Weights

Rows = NDArray[np.int32]


class Graph(NamedTuple):
    indptr: NDArray[Any]
    indices: NDArray[Any]
    data: Weights
    degree: Weights


class Scratch(NamedTuple):
    """Clean between walks: `state`, array (n, 2), is 0; `queue` and `touched`, arrays (n,), hold anything."""

    state: Weights
    queue: Rows
    touched: Rows


class Rule(NamedTuple):
    damping: float
    epsilon: float
    error: float
    edges: float


class Kernels(NamedTuple):
    push: Any
    settle: Any
    pull: Any


@cache
def compiled() -> Kernels:
    from numba import njit

    return Kernels(*(njit(cache=True, nogil=True)(each) for each in (_push, _settle, _pull)))


def _push(graph: Graph, scratch: Scratch, rule: Rule, count: int, missing: float) -> tuple[int, float, int]:
    """Push every node above the threshold; `state` is residual and settled weight, both a unit of degree."""
    state, queue, touched = scratch.state, scratch.queue, scratch.touched
    keep, size = 1.0 - rule.damping, len(queue)
    head = waiting = walked = 0
    for place in range(count):
        if state[touched[place], 0] > rule.epsilon:
            queue[waiting] = touched[place]
            waiting += 1
    while waiting > 0 and missing * rule.damping > rule.error and walked < rule.edges:
        node = queue[head]
        head = head + 1 if head + 1 < size else 0
        waiting -= 1
        residual = state[node, 0]
        state[node, 0] = 0.0
        state[node, 1] += keep * residual
        missing -= keep * residual * graph.degree[node]
        first, last = graph.indptr[node], graph.indptr[node + 1]
        walked += last - first
        for edge in range(first, last):
            other = graph.indices[edge]
            before = state[other, 0]
            after = before + rule.damping * residual * graph.data[edge]
            state[other, 0] = after
            if before <= rule.epsilon:
                if before == 0.0 and state[other, 1] == 0.0:
                    touched[count] = other
                    count += 1
                if after > rule.epsilon:
                    end = head + waiting
                    queue[end if end < size else end - size] = other
                    waiting += 1
    return count, missing, walked


def _settle(graph: Graph, scratch: Scratch, damping: float, count: int, missing: float) -> tuple[float, float]:
    """Settle the share of all residual that stays where it is, and turn weights a unit of degree into probabilities."""
    state, most = scratch.state, 0.0
    for place in range(count):
        node = scratch.touched[place]
        most = max(most, state[node, 0])
        state[node, 1] = (state[node, 1] + (1.0 - damping) * state[node, 0]) * graph.degree[node]
        state[node, 0] = 0.0
    return damping * missing, damping * most


def _pull(graph: Graph, scratch: Scratch, damping: float, rows: Rows, seeds: Rows, weights: Weights) -> float:
    """Set rows to what their neighbours and the restart give them, which is never less, and return what it adds."""
    gained = 0.0
    for row in rows:
        total = 0.0
        for edge in range(graph.indptr[row], graph.indptr[row + 1]):
            total += graph.data[edge] * scratch.state[graph.indices[edge], 1]
        total *= damping
        place = np.searchsorted(seeds, row)
        if place < len(seeds) and seeds[place] == row:
            total += (1.0 - damping) * weights[place]
        gained += total - scratch.state[row, 1]
        scratch.state[row, 1] = total
    return gained
