"""The random walk over an index's graph: exact while the graph is small, else a forward push from the strongest seeds.

The exact walk goes over every edge dozens of times: half a millisecond at 20,000 edges, a second at ten million. A push
costs what it visits, whatever the size of the graph (`benchmarks/pagerank.py`).
"""

from __future__ import annotations

import threading

import numpy as np

from retrieval.index.graph_index import GraphIndex
from retrieval.index.rank import top_rows
from retrieval.pagerank.exact import Weights, personalised_pagerank
from retrieval.pagerank.push import ForwardPush

LARGE = 1_000_000
"""Number of entries of the transition matrix, two an edge, from which on walks are pushed."""
_MAX_SEEDS = 256
"""Maximum number of seeds of a push: a likelihood for each of a million passages would start it everywhere."""


class RandomWalk:
    """Visit probabilities of a graph's nodes; may be used by several threads."""

    def __init__(self, index: GraphIndex, large: int = LARGE) -> None:
        self._step = index.step
        self._push = ForwardPush(index.step, index.degree) if index.step.nnz >= large else None
        self._lock = threading.Lock()

    def visits(self, seeds: Weights, damping: float) -> Weights:
        """Visit probabilities of a walk that restarts at the seeds.

        Args:
            seeds: Array (nodes,), weights >= 0, not all 0.
            damping: Chance to continue the walk instead of restarting, in [0, 1).
        Returns:
            Array (nodes,), >= 0. In a large graph, nodes that are hardly visited have 0, and the others are exact to
            the bound of `ForwardPush.visits`.
        """
        if self._push is None:
            return personalised_pagerank(self._step, seeds, damping)
        rows = top_rows(seeds, _MAX_SEEDS, above=0.0)
        with self._lock:  # the buffers of a push serve one walk at a time
            reached = self._push.visits(rows, seeds[rows], damping)
        visits = np.zeros(len(seeds))
        visits[reached.rows] = reached.values
        return visits
