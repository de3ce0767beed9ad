"""Divisions of a graph as values: how alike two are, how good one is, whether a hierarchy holds together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence

from kg.communities.detect import weighted_edges
from kg.schema import Community, Fact

Labels = Mapping[str, Hashable]
"""Entity id to its community."""


def adjusted_rand_index(one: Labels, other: Labels, nodes: Iterable[str]) -> float:
    """How alike two divisions are on some nodes: 1 if equal, about 0 if by chance.

    Source: Hubert and Arabie, Comparing partitions, Journal of Classification 1985.
    Example:
        >>> adjusted_rand_index({"a": 1, "b": 1, "c": 2}, {"a": "x", "b": "x", "c": "y"}, "abc")
        1.0
    """
    pairs = [(one[node], other[node]) for node in nodes]
    together = _pairs(Counter(pairs))
    first, second = _pairs(Counter(a for a, _ in pairs)), _pairs(Counter(b for _, b in pairs))
    chance = first * second / max(_pairs({"all": len(pairs)}), 1)
    most = (first + second) / 2
    return 1.0 if most == chance else (together - chance) / (most - chance)


def labels(communities: Iterable[Community], leaf: bool) -> dict[str, str]:
    """Every entity's community on level 0, or the deepest that it is in."""
    found: dict[str, str] = {}
    for community in sorted(communities, key=lambda row: row.level):
        if leaf or community.level == 0:
            found |= dict.fromkeys(community.entity_ids, community.id)
    return found


def has_one_path_each(communities: Sequence[Community], entity_ids: set[str]) -> bool:
    """Whether every entity goes down one path, from level 0 to a leaf."""
    members = {row.id: set(row.entity_ids) for row in communities} | {"": entity_ids}
    levels = {row.id: row.level for row in communities} | {"": -1}
    divided = {row.parent_id for row in communities} | {""}
    below = Counter((row.parent_id, entity_id) for row in communities for entity_id in row.entity_ids)
    return all(row.level == levels[row.parent_id] + 1 for row in communities) and below == Counter(
        (parent, entity_id) for parent in divided for entity_id in members[parent]
    )


def modularity(facts: Iterable[Fact], top: Mapping[str, str]) -> float:
    """Newman's modularity of a division, edges weighted by their number of facts."""
    import networkx as nx

    graph = nx.Graph()
    graph.add_weighted_edges_from(weighted_edges(facts))
    groups: dict[str, set[str]] = {}
    for node in graph:
        groups.setdefault(top[node], set()).add(node)
    return float(nx.community.modularity(graph, groups.values()))


def _pairs(counts: Mapping[Hashable, int]) -> int:
    """Number of pairs within the groups."""
    return sum(count * (count - 1) // 2 for count in counts.values())
