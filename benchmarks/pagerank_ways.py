"""The ways to walk that `benchmarks.pagerank` times: each opens a folder of arrays and gives back what answers queries.

The peers, igraph and networkit, come with the extra dev.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix

from retrieval.index import arrays
from retrieval.pagerank.exact import personalised_pagerank
from retrieval.pagerank.push import Push

DAMPING = 0.5

Found = tuple[np.ndarray, np.ndarray]
Query = Callable[[np.ndarray, np.ndarray, float], Found]
"""From rows, weights and a setting to rows and visit probabilities."""


def push(folder: Path) -> Query:
    """Ours; the setting is the L1 error, or 0 for the defaults."""
    found, _ = arrays.read(folder)
    walk = Push(_step(found), found["degree"])

    def query(rows: np.ndarray, weights: np.ndarray, error: float) -> Found:
        visits = walk.visits(rows, weights, DAMPING, error=error, **({"epsilon": 0.0} if error else {}))
        return visits.rows, visits.values

    return query


def iteration(folder: Path) -> Query:
    """`walk.personalised_pagerank`, power iteration in scipy; the setting is its tolerance."""
    found, _ = arrays.read(folder)
    step = _step(found)
    every = np.arange(step.shape[0])

    def query(rows: np.ndarray, weights: np.ndarray, tolerance: float) -> Found:
        start = np.zeros(len(every))
        start[rows] = weights
        return every, personalised_pagerank(step, start, DAMPING, tolerance)

    return query


def prpack(folder: Path) -> Query:
    """igraph, whose accuracy is fixed."""
    import igraph

    found, _ = arrays.read(folder)
    ends = np.stack([found["ones"], found["others"]], axis=1)
    graph = igraph.Graph(len(found["degree"]), ends)
    graph.es["weight"] = found["weights"].tolist()

    def query(rows: np.ndarray, weights: np.ndarray, _: float) -> Found:
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

    found, _ = arrays.read(folder)
    size = len(found["degree"])
    triples = (np.ones(len(found["ones"])), (np.array(found["ones"]), np.array(found["others"])))
    graph = networkit.GraphFromCoo(triples, n=size, weighted=False, directed=False)

    def query(rows: np.ndarray, weights: np.ndarray, epsilon: float) -> Found:
        lazy = (1 - DAMPING) / (1 + DAMPING)  # an object adds up what it runs, so that each seed has its own
        each = [np.array(networkit.scd.ApproximatePageRank(graph, lazy, epsilon).run(row)).T for row in rows.tolist()]
        total = np.concatenate([share * part[1] for part, share in zip(each, weights / weights.sum(), strict=True)])
        reached, place = np.unique(np.concatenate([part[0] for part in each]).astype(np.int64), return_inverse=True)
        return reached, np.bincount(place, total)

    return query


def _step(found: dict[str, arrays.Array]) -> csr_matrix:
    size = len(found["degree"])
    return csr_matrix((found["step_data"], found["step_indices"], found["step_indptr"]), shape=(size, size))


WAYS: dict[str, Callable[[Path], Query]] = {
    "push": push,
    "iteration": iteration,
    "igraph": prpack,
    "networkit": approximate,
}
