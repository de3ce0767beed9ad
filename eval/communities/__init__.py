"""Measures communities: how good, how reproducible and how stable the division of a workspace's graph is.

- `measure.py`: `measure_communities`, what `graft eval communities` calls.
- `edits.py`: removes documents from a graph in memory.
- `partitions.py`: adjusted Rand index, modularity, consistency of a hierarchy.

Knows nothing of questions, arms or models. `measure` is not re-exported, since it opens workspaces.
"""

from eval.communities.edits import EditPlan
from eval.communities.partitions import adjusted_rand_index, modularity

__all__ = ["EditPlan", "adjusted_rand_index", "modularity"]
