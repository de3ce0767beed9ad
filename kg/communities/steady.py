"""The coarsest division of a graph, such that editing a few documents moves few entities.

The store after any sequence of updates must equal a rebuild, so a division may not start from yesterday's: it has to be
steady by itself. Leiden's own is where the graph has clear communities, and is not elsewhere. So each of its
communities is put to a test: Leiden runs again and again with other seeds, each time without a tenth of the edges. A
community that comes back every time stands as it is. The nodes of all others are divided by the strong nodes they lean
on (`kg.communities.basins`), which moves little when the graph does. What stays small joins a neighbour.

Source: the test is that of Hennig, Cluster-wise assessment of cluster stability, Computational Statistics and
    Data Analysis 2007: the smallest Jaccard coefficient with the best match among communities of altered data.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from zlib import crc32

from kg.communities.basins import Edge, Labels, basins, gather
from kg.config import CommunityConfig

_RUNS = 8
_LEFT_OUT = 0.1
_LEAST_JACCARD = 0.8  # Hennig calls .85 "highly stable" and .75 "valid, stable"
_SMALL = 5
_ITERATIONS = 2


def divide(edges: Sequence[Edge], config: CommunityConfig) -> Labels:
    """Divide the nodes of the edges.

    Args:
        edges: Sorted; both ends of each in the order of their ids.
        config: Resolution and seed.
    Returns:
        Name of its group by node; a name is one of the group's nodes.
    """
    found = _leiden(edges, config, 0)
    certain = _certain(found, [_leiden(_thinned(edges, run), config, run) for run in range(1, _RUNS + 1)])
    labels = {node: first for node, first in _by_first_node(found).items() if found[node] in certain}
    rest = [edge for edge in edges if edge[0] not in labels and edge[1] not in labels]
    settled = set(labels.values())
    labels |= basins(rest)
    return gather(edges, {node: labels.get(node, node) for node in found}, _SMALL, settled)


def _leiden(edges: Sequence[Edge], config: CommunityConfig, run: int) -> dict[str, int]:
    import graspologic_native

    if not edges:
        return {}
    _, found = graspologic_native.leiden(
        list(edges), resolution=config.resolution, iterations=_ITERATIONS, seed=config.seed + run
    )
    return dict(found)


def _thinned(edges: Sequence[Edge], run: int) -> list[Edge]:
    """The edges without a tenth, chosen by their names, so that an edit elsewhere does not change the choice."""
    least = _LEFT_OUT * 2**32
    return [edge for edge in edges if crc32(f"{run} {edge[0]} {edge[1]}".encode()) >= least]


def _certain(found: Mapping[str, int], others: Sequence[Mapping[str, int]]) -> set[int]:
    """Communities that every other division has too, nearly."""
    size = Counter(found.values())
    certain = set(size)
    for other in others:
        sizes = Counter(other.values())
        shared = Counter((community, other[node]) for node, community in found.items() if node in other)
        best = dict.fromkeys(size, 0.0)
        for (community, match), count in shared.items():
            jaccard = count / (size[community] + sizes[match] - count)
            best[community] = max(best[community], jaccard)
        certain = {community for community in certain if best[community] >= _LEAST_JACCARD}
    return certain


def _by_first_node(found: Mapping[str, int]) -> Labels:
    """Every node's community, named by the smallest id in it."""
    first: dict[int, str] = {}
    for node in sorted(found):
        first.setdefault(found[node], node)
    return {node: first[community] for node, community in found.items()}
