"""The coarsest division of a graph, such that editing a few documents moves few entities.

The store after any sequence of updates must equal a rebuild, so a division may not start from yesterday's: it has to be
steady by itself. Leiden's is steady where the graph has clear communities, and only there. So each of its communities
is tested: Leiden runs several times with other seeds, each time without a tenth of the edges. A community that recurs
in every run stands as it is. The nodes of all others are divided by the strong nodes they lean on
(`kg.communities.basins`), which change little when the graph does. What stays small joins a neighbour.

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
"""Number of tests of the first division."""
_LEFT_OUT = 0.1
"""Share of the edges that each test leaves out: ten times what an edit of one document in a hundred takes."""
_MIN_JACCARD = 0.8  # Hennig calls .85 "highly stable" and .75 "valid, stable"
_SMALL = 5
"""Maximum number of nodes of a group that joins a neighbour."""
_ITERATIONS = 2
"""Passes of Leiden in each run."""


def divide(edges: Sequence[Edge], config: CommunityConfig) -> Labels:
    """Divide the nodes of the edges.

    Args:
        edges: All edges, sorted; both ends of each in the order of their ids.
        config: Resolution and seed.
    Returns:
        Group of every node; a group is named by one of its nodes.
    """
    community_of = _leiden(edges, config, 0)
    tests = [_leiden(_thinned(edges, run), config, run) for run in range(1, _RUNS + 1)]
    stable = _stable(community_of, tests)
    labels = {node: first for node, first in _by_first_node(community_of).items() if community_of[node] in stable}
    # Edges into a stable community count no more: a node beside one is not drawn into it.
    remaining = [edge for edge in edges if edge[0] not in labels and edge[1] not in labels]
    settled = set(labels.values())
    labels |= basins(remaining)
    # A node whose edges all lead into stable communities is in no basin; alone, it joins one of them.
    return gather(edges, {node: labels.get(node, node) for node in community_of}, _SMALL, settled)


def _leiden(edges: Sequence[Edge], config: CommunityConfig, run: int) -> dict[str, int]:
    """Community of every node by Leiden; each run has a seed of its own."""
    import graspologic_native

    if not edges:
        return {}
    _, community_of = graspologic_native.leiden(
        list(edges), resolution=config.resolution, iterations=_ITERATIONS, seed=config.seed + run
    )
    return dict(community_of)


def _thinned(edges: Sequence[Edge], run: int) -> list[Edge]:
    """The edges without a tenth, chosen by a checksum of their ends, so that an edit elsewhere changes no choice.

    A random generator would assign its numbers by position, and one new edge would shift them all.
    """
    threshold = _LEFT_OUT * 2**32
    return [edge for edge in edges if crc32(f"{run} {edge[0]} {edge[1]}".encode()) >= threshold]


def _stable(community_of: Mapping[str, int], tests: Sequence[Mapping[str, int]]) -> set[int]:
    """Communities that have a close match in every test.

    Args:
        community_of: Community of every node in the division that is tested.
        tests: Community of every node in each test; a node whose edges were all left out is missing.
    """
    size = Counter(community_of.values())
    stable = set(size)
    for test in tests:
        test_size = Counter(test.values())
        shared = Counter((community, test[node]) for node, community in community_of.items() if node in test)
        best = dict.fromkeys(size, 0.0)
        for (community, match), count in shared.items():
            jaccard = count / (size[community] + test_size[match] - count)
            best[community] = max(best[community], jaccard)
        stable = {community for community in stable if best[community] >= _MIN_JACCARD}
    return stable


def _by_first_node(community_of: Mapping[str, int]) -> Labels:
    """Every node's community, named by the smallest id in it; Leiden's numbers change from run to run."""
    first: dict[int, str] = {}
    for node in sorted(community_of):
        first.setdefault(community_of[node], node)
    return {node: first[community] for node, community in community_of.items()}
