"""The walk over an index's graph, exact while the graph is small, else by forward push from the strongest seeds.

The exact walk looks at every edge dozens of times: half a millisecond at 20,000 edges, a second at ten million. A push
costs what it visits, whatever the size (`benchmarks/pagerank.py`).
"""

from __future__ import annotations

import threading

import numpy as np

from retrieval.index.graph_index import GraphIndex
from retrieval.index.rank import top_rows
from retrieval.pagerank.exact import Weights, personalised_pagerank
from retrieval.pagerank.push import Push

LARGE = 1_000_000
"""Entries of the transition matrix, two an edge, from which on walks are pushed."""
_SEEDS = 256
"""Seeds of a push: a likelihood for each of a million passages would make the whole graph the start."""


class Walk:
    """Visit probabilities of a graph's nodes; may be used by several threads."""

    def __init__(self, index: GraphIndex, large: int = LARGE) -> None:
        self._step = index.step
        self._push = Push(index.step, index.degree) if index.step.nnz >= large else None
        self._turn = threading.Lock()

    def visits(self, seeds: Weights, damping: float) -> Weights:
        """How often a walk that restarts at the seeds comes by each node.

        Args:
            seeds: Array (nodes,), weights >= 0, not all 0.
            damping: Chance to go on walking instead of restarting, in [0, 1).
        Returns:
            Array (nodes,), >= 0: of a large graph without nodes that are hardly visited, within `Push.visits`' bound.
        """
        if self._push is None:
            return personalised_pagerank(self._step, seeds, damping)
        rows = top_rows(seeds, _SEEDS, above=0.0)
        with self._turn:
            found = self._push.visits(rows, seeds[rows], damping)
        visits = np.zeros(len(seeds))
        visits[found.rows] = found.values
        return visits
