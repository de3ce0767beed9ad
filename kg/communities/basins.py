"""Which strong node each node leans on: a division that a small change of the graph changes only nearby.

Leiden looks for the best division of the whole graph, and a graph of facts has very many that are nearly the
best: take away one document in a hundred, and the one that it finds is another. Here every node decides by what
is around it. A walk that starts at a node and follows edges by their weights reaches a centre with some
probability; the centre with the highest product of that probability (along the best path) and a power of its
own strength takes the node. Strengths and probabilities change little when little changes, so few nodes
change their centre. Where all nodes are alike nobody is a centre: `gather` then joins what stayed small.

Source: the race of many starts is that of Miller, Peng and Xu, Parallel Graph Decompositions Using Random
    Shifts, SPAA 2013, with a node's strength in place of the random head start.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from math import log, sqrt

Edge = tuple[str, str, float]
"""Undirected, each pair once, weight above 0."""
Labels = dict[str, str]
"""Node to the name of its group, which is one of the nodes."""

_POWER = 0.4
"""Higher makes fewer and larger basins, and above a half ever larger shares of a graph move with one hub."""
_DIGITS = 9  # scores that agree to here are equal, whatever the order of their sums


def basins(edges: Sequence[Edge]) -> Labels:
    """Give every node of the edges its centre; the smaller id wins a tie.

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
    race = [(round(-_POWER * log(strength[node]), _DIGITS), node, node) for node in near]
    heapq.heapify(race)
    centre: Labels = {}
    while race:
        cost, owner, node = heapq.heappop(race)
        if node in centre:
            continue
        centre[node] = owner
        for neighbour, weight in near[node]:
            if neighbour not in centre:
                step = log(strength[neighbour] / weight)
                heapq.heappush(race, (round(cost + step, _DIGITS), owner, neighbour))
    return centre


def gather(edges: Sequence[Edge], labels: Mapping[str, str], small: int, settled: Collection[str]) -> Labels:
    """Let small groups join: a larger neighbour where there is one, else the small neighbour they hold to most.

    Args:
        edges: The graph.
        labels: Group of every node of the edges.
        small: Groups of up to so many nodes join, once; the others stay as they are.
        settled: Groups that join none, however small; others may join them.
    Returns:
        The groups afterwards.
    """
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
    root = _roots((group, other) for group, (_, other) in sorted(best.items()))
    return {node: root.get(group, group) for node, group in labels.items()}


def _pulls(edges: Sequence[Edge], labels: Mapping[str, str]) -> dict[tuple[str, str], float]:
    """How strongly each group is drawn to each neighbour: weight between them by the root of the neighbour's own."""
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


def _roots(pairs: Iterable[tuple[str, str]]) -> Labels:
    """The first member of every tree that the pairs make, by member."""
    parent: Labels = {}

    def root(node: str) -> str:
        parent.setdefault(node, node)
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for one, other in pairs:
        first, second = sorted((root(one), root(other)))
        parent[second] = first
    return {node: root(node) for node in list(parent)}
