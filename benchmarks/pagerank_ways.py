"""The ways to walk that `benchmarks.pagerank` times: each opens a folder of arrays and returns a function of queries.

The peers, igraph and networkit, come with the extra dev.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from retrieval.index import arrays
from retrieval.pagerank.exact import personalised_pagerank
from retrieval.pagerank.push import ForwardPush

DAMPING = 0.5

Visits = tuple[NDArray[Any], NDArray[Any]]
Query = Callable[[NDArray[Any], NDArray[Any], float], Visits]
"""From rows, weights and a setting to rows and visit probabilities."""


def push(folder: Path) -> Query:
    """Our forward push; the setting is the L1 error, or 0 for the defaults."""
    stored, _ = arrays.read(folder)
    walk = ForwardPush(_step(stored), stored["degree"])

    def query(rows: NDArray[Any], weights: NDArray[Any], error: float) -> Visits:
        if error:
            visits = walk.visits(rows, weights, DAMPING, error=error, epsilon=0.0)
        else:
            visits = walk.visits(rows, weights, DAMPING, error=error)
        return visits.rows, visits.values

    return query


def iteration(folder: Path) -> Query:
    """Our `personalised_pagerank`, power iteration in scipy; the setting is its tolerance."""
    stored, _ = arrays.read(folder)
    step = _step(stored)
    all_rows = np.arange(step.shape[0])

    def query(rows: NDArray[Any], weights: NDArray[Any], tolerance: float) -> Visits:
        start = np.zeros(len(all_rows))
        start[rows] = weights
        return all_rows, personalised_pagerank(step, start, DAMPING, tolerance)

    return query


def prpack(folder: Path) -> Query:
    """igraph, whose accuracy is fixed."""
    import igraph

    stored, _ = arrays.read(folder)
    ends = np.stack([stored["ones"], stored["others"]], axis=1)
    graph = igraph.Graph(len(stored["degree"]), ends)
    graph.es["weight"] = stored["weights"].tolist()

    def query(rows: NDArray[Any], weights: NDArray[Any], _: float) -> Visits:
        reset = np.zeros(graph.vcount())
        reset[rows] = weights
        names = {"directed": False, "weights": "weight", "implementation": "prpack"}
        values = graph.personalized_pagerank(damping=DAMPING, reset=reset.tolist(), **names)
        return np.arange(len(values)), np.array(values)

    return query


def approximate(folder: Path) -> Query:
    """networkit's ApproximatePageRank; the setting is its epsilon.

    Its PageRank takes no seeds. This takes seeds of one weight, so that it runs once a seed. Its walker is lazy, and so
    its loop probability is (1 - damping) / (1 + damping). Edges count as 1, with which it is twice as fast.
    """
    import networkit

    stored, _ = arrays.read(folder)
    size = len(stored["degree"])
    triples = (np.ones(len(stored["ones"])), (np.array(stored["ones"]), np.array(stored["others"])))
    graph = networkit.GraphFromCoo(triples, n=size, weighted=False, directed=False)

    def query(rows: NDArray[Any], weights: NDArray[Any], epsilon: float) -> Visits:
        lazy = (1 - DAMPING) / (1 + DAMPING)
        reached, visits = [], []
        for row, share in zip(rows.tolist(), weights / weights.sum(), strict=True):
            # An object adds up what it runs, so that each seed has its own.
            pairs = np.array(networkit.scd.ApproximatePageRank(graph, lazy, epsilon).run(row))
            reached.append(pairs[:, 0].astype(np.int64))
            visits.append(share * pairs[:, 1])
        unique, position = np.unique(np.concatenate(reached), return_inverse=True)
        return unique, np.bincount(position, np.concatenate(visits))

    return query


def _step(stored: dict[str, arrays.Array]) -> csr_matrix:
    """The transition matrix, (nodes, nodes), of the arrays that `benchmarks.pagerank` wrote."""
    size = len(stored["degree"])
    return csr_matrix((stored["step_data"], stored["step_indices"], stored["step_indptr"]), shape=(size, size))


WAYS: dict[str, Callable[[Path], Query]] = {
    "push": push,
    "iteration": iteration,
    "igraph": prpack,
    "networkit": approximate,
}
