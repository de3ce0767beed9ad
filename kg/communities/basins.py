"""Which strong node each node leans on: a division that a small change of the graph changes only nearby.

Leiden looks for the best division of the entire graph, and a graph of facts has very many that are nearly the best:
without one document in a hundred it finds another one. Here every node decides by its surroundings. A walk that starts
at a node and follows edges by their weights reaches a centre with some probability; the centre with the highest product
of that probability (along the best path) and a power of its own strength takes the node. Strengths and probabilities
change little when little changes, so few nodes change their centre. Where all nodes are alike there is no centre:
`gather` then joins what stayed small.

Source: the race of many starts is that of Miller, Peng and Xu, Parallel Graph Decompositions Using Random
    Shifts, SPAA 2013, with a node's strength in place of the random head start.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from math import log, sqrt

Edge = tuple[str, str, float]
"""An undirected edge: both ends, and a weight above 0; each pair of ends occurs once."""
Labels = dict[str, str]
"""Node to the name of its group, which is one of the nodes."""

_POWER = 0.4
"""Power of a centre's strength. A higher one makes fewer and larger basins; above one half, ever larger shares of a
graph move with one hub."""
_DIGITS = 9  # costs that agree to this many decimal places are equal, whatever the order of their sums


def basins(edges: Sequence[Edge]) -> Labels:
    """Assign every node of the edges to its centre; the smaller id wins a tie.

    The centre c of node v maximises strength(c) ** _POWER * p(v -> c), where p is the product of
    weight / strength(current node) along the best path. In negative logarithms that is a shortest path from many starts
    with a head start each, so one run of Dijkstra's algorithm from all nodes at once finds all centres.

    Example:
        >>> basins([("hub", "a", 1.0), ("hub", "b", 1.0), ("hub", "c", 1.0)])
        {'hub': 'hub', 'a': 'hub', 'b': 'hub', 'c': 'hub'}
    """
    near: dict[str, list[tuple[str, float]]] = defaultdict(list)
    strength: dict[str, float] = defaultdict(float)
    for one, other, weight in edges:
        for node, neighbour in ((one, other), (other, one)):
            near[node].append((neighbour, weight))
            strength[node] += weight
    queue = [(round(-_POWER * log(strength[node]), _DIGITS), node, node) for node in near]
    heapq.heapify(queue)
    centre_of: Labels = {}
    while queue:
        cost, centre, node = heapq.heappop(queue)
        if node in centre_of:
            continue
        centre_of[node] = centre
        for neighbour, weight in near[node]:
            if neighbour not in centre_of:
                # The walk goes from the neighbour to this node, so it leaves by the neighbour's share of weight.
                step = log(strength[neighbour] / weight)
                heapq.heappush(queue, (round(cost + step, _DIGITS), centre, neighbour))
    return centre_of


def gather(edges: Sequence[Edge], labels: Mapping[str, str], small: int, settled: Collection[str]) -> Labels:
    """Join small groups to a larger neighbour where there is one, else to the small neighbour that pulls most.

    Args:
        edges: The graph.
        labels: Group of every node of the edges.
        small: Maximum number of nodes of a group that joins another, once; larger ones stay as they are.
        settled: Groups that join no other, however small; others may join them.
    Returns:
        The groups afterwards.
    """
    # Two rounds, the second only among groups that stayed small: in one round, chains of small groups would tie distant
    # larger ones together.
    joined = _join(edges, labels, small, settled, to_larger=True)
    return _join(edges, joined, small, settled, to_larger=False)


def _join(
    edges: Sequence[Edge], labels: Mapping[str, str], small: int, settled: Collection[str], to_larger: bool
) -> Labels:
    size = Counter(labels.values())
    free = {group for group, count in size.items() if count <= small and group not in settled}
    best: dict[str, tuple[float, str]] = {}
    for (group, other), pull in _pulls(edges, labels).items():
        if group in free and (other in free) != to_larger:
            best[group] = max(best.get(group, (0.0, "")), (pull, other))
    merged = _components((group, other) for group, (_, other) in best.items())
    return {node: merged.get(group, group) for node, group in labels.items()}


def _pulls(edges: Sequence[Edge], labels: Mapping[str, str]) -> dict[tuple[str, str], float]:
    """How strongly each group is drawn to each neighbour.

    The weight between the two is divided by the root of the neighbour's strength, so that a hub with edges to
    everything does not take every small group; divided by the strength itself, the smallest neighbours would win.
    """
    between: dict[tuple[str, str], float] = defaultdict(float)
    strength: dict[str, float] = defaultdict(float)
    for one, other, weight in edges:
        first, second = labels[one], labels[other]
        strength[first] += weight
        strength[second] += weight
        if first != second:
            between[first, second] += weight
            between[second, first] += weight
    return {(group, other): weight / sqrt(strength[other]) for (group, other), weight in between.items()}


def _components(pairs: Iterable[tuple[str, str]]) -> Labels:
    """The smallest group of the connected component of every group in the pairs."""
    import networkx as nx

    labels: Labels = {}
    for component in nx.connected_components(nx.Graph(list(pairs))):
        labels |= dict.fromkeys(component, min(component))
    return labels
