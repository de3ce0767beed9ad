"""A made-up graph of entities and passages, and queries to walk it from, for `benchmarks.pagerank`.

There are a fifth as many nodes as edges, half of them entities, half passages. Four edges of five are mentions, by a
passage drawn evenly, of an entity whose popularity falls with its rank to the power -2/3, which gives degrees in a
power law of exponent 2.5; the fifth joins two entities so drawn, and weighs as often as they are drawn. Nothing is near
anything else, as in a random graph, which is the hard case for a local search. A query restarts at 5 to 10 nodes of
random weights in [0.5, 1): half entities, drawn by popularity or evenly, half passages, drawn evenly. The generators
are numpy's default ones with the seeds 0 (graph) and 1 (queries).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csr_matrix


def make_graph(edges: int) -> tuple[csr_matrix, int]:
    """A graph of about this many edges.

    Returns:
        Adjacency, symmetric, (nodes, nodes), float64; and how many of its first nodes are entities.
    """
    chance = np.random.default_rng(0)
    nodes, mentions = edges // 5, edges * 4 // 5
    entities = nodes // 2
    shuffled = chance.permutation(entities)
    # The cube of an even draw: rank r is drawn with a density of r ** (-2/3).
    ones, others = (shuffled[(entities * chance.random(edges) ** 3).astype(np.int64)] for _ in range(2))
    others[:mentions] = chance.integers(entities, nodes, mentions)
    # A pair is one number, so that equal pairs are found by one sort.
    keys, counts = np.unique(np.minimum(ones, others) * nodes + np.maximum(ones, others), return_counts=True)
    ones, others = np.divmod(keys, nodes)
    apart = ones != others
    weights = np.where(others < entities, counts, 1.0)[apart]
    half = coo_matrix((weights, (ones[apart].astype(np.int32), others[apart].astype(np.int32))), shape=(nodes, nodes))
    return (half + half.T).tocsr(), entities


def seeds(
    degree: NDArray[Any], entities: int, queries: int, popular: bool
) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    """Rows and weights of each query.

    Args:
        degree: Sum of each node's edges, array (nodes,).
        entities: Number of the first nodes that are entities.
        queries: Number of queries.
        popular: Whether entities are drawn by their degree, or evenly.
    """
    chance = np.random.default_rng(1)
    has_edges = degree > 0
    weight = (degree if popular else has_edges)[:entities]
    share = weight / weight.sum()
    passages = entities + np.flatnonzero(has_edges[entities:])
    for _ in range(queries):
        count = int(chance.integers(5, 11))
        named = chance.choice(entities, count // 2, replace=False, p=share)
        rows = np.concatenate([named, chance.choice(passages, count - count // 2, replace=False)])
        yield rows, chance.uniform(0.5, 1.0, count)


def true_visits(step: csr_matrix, queries: list[tuple[NDArray[Any], NDArray[Any]]], damping: float) -> NDArray[Any]:
    """Visit probabilities by iteration of all queries at once until no more than 1e-12 moves.

    Returns:
        Array (queries, nodes), float64; each row sums to 1.
    """
    start = np.zeros((step.shape[0], len(queries)))
    for column, (rows, weights) in enumerate(queries):
        start[rows, column] = weights / weights.sum()
    visits = start
    # After k steps the L1 error is at most damping ** k.
    for _ in range(int(np.ceil(np.log(1e-12) / np.log(damping)))):
        visits = damping * (step @ visits) + (1 - damping) * start
    return np.ascontiguousarray(visits.T)
