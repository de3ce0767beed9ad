"""Personalised PageRank by power iteration: how often a walker who keeps returning to the seeds visits each node.

Works on numbers only, never on names: a sparse matrix of edge weights and a vector of seeds. Every iteration goes over
all edges, which is the fastest way while the graph is small; `retrieval.pagerank.push` serves large ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Weights = NDArray[np.float64]


def transition(adjacency: csr_matrix) -> csr_matrix:
    """Turn undirected edge weights into the matrix that moves probability one step.

    Args:
        adjacency: Symmetric, shape (n, n), weights >= 0.
    Returns:
        Shape (n, n): entry (i, j) is the chance to go from j to i. Columns sum to 1, or to 0 for isolated nodes.
    """
    from scipy.sparse import csr_matrix

    degree = np.asarray(adjacency.sum(axis=0)).ravel()
    # An isolated node has degree 0: its column stays 0 instead of becoming a division by zero.
    scale = np.divide(1.0, degree, out=np.zeros_like(degree, dtype=np.float64), where=degree > 0)
    # P = A D^-1: in CSR, `indices` are the columns, so each entry is divided by the degree of the node it comes from.
    data = adjacency.data * scale[adjacency.indices]
    return csr_matrix((data, adjacency.indices, adjacency.indptr), shape=adjacency.shape)


def personalised_pagerank(
    step: Any, seeds: Weights, damping: float = 0.5, tolerance: float = 1e-10, max_steps: int = 200
) -> Weights:
    """Visit probabilities of a walk that restarts at the seeds, by power iteration.

    Args:
        step: Transition matrix of `transition`, shape (n, n).
        seeds: Array (n,), weights >= 0, not all 0; normalised here.
        damping: Chance to continue the walk instead of restarting, in [0, 1). HippoRAG 2 uses 0.5.
        tolerance: Stop when the probabilities change by less than this in sum.
        max_steps: Maximum number of iterations.
    Returns:
        Array (n,), >= 0, sum 1. A walker in an isolated node restarts.
    Raises:
        ValueError: If the seeds are empty, negative, or of another length than the graph.
    Source: Page et al. 1999; Haveliwala, WWW 2002; damping of Gutiérrez et al. 2025 (HippoRAG 2).
    Example:
        >>> from scipy.sparse import csr_matrix
        >>> chain = csr_matrix(np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], dtype=float))
        >>> visits = personalised_pagerank(transition(chain), np.array([1.0, 0.0, 0.0]))
        >>> bool(visits[0] > visits[1] > visits[2])
        True
    """
    if seeds.shape != (step.shape[0],):
        raise ValueError(f"Expected one seed weight a node ({step.shape[0]}); got an array of shape {seeds.shape}.")
    total = float(seeds.sum())
    if not total > 0 or float(seeds.min()) < 0:
        raise ValueError("Expected seed weights of at least 0 with a sum above 0; a walk needs somewhere to start.")
    restart = seeds / total  # (n,), sum 1
    visits = restart
    # The fixed point of v = damping * P v + (1 - damping) * restart (Haveliwala 2002). The map is a
    # contraction by `damping` in the L1 norm, so that the error after k iterations is at most 2 * damping^k, whatever
    # the graph: with 0.5, the default tolerance is reached after about 35.
    for _ in range(max_steps):
        moved = damping * (step @ visits)
        # What is missing to 1 is the restart, and what isolated nodes could not pass on: both go to the seeds.
        moved += (1.0 - float(moved.sum())) * restart
        change = float(np.abs(moved - visits).sum())
        visits = moved
        if change < tolerance:
            break
    result: Weights = visits / visits.sum()
    return result
