"""Compares and scores divisions of a graph: how alike two are, how good one is, whether a hierarchy is consistent.

Works on plain mappings from entity id to community; reads no store.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence

from kg.communities.detect import weighted_edges
from kg.schema import Community, Fact

Labels = Mapping[str, Hashable]
"""Community of every entity, by entity id."""


def adjusted_rand_index(one: Labels, other: Labels, nodes: Iterable[str]) -> float:
    """How alike two divisions are on some nodes: 1 if they are equal, about 0 if they agree only by chance.

    Counts pairs of nodes that are together in both divisions. Two random divisions of the same sizes also keep some
    pairs together, so the expected number is subtracted, and the rest is scaled so that equal divisions give 1:
    (together - expected) / (maximum - expected).

    Source: Hubert and Arabie, Comparing partitions, Journal of Classification 1985, equation 5.
    Example:
        >>> adjusted_rand_index({"a": 1, "b": 1, "c": 2}, {"a": "x", "b": "x", "c": "y"}, "abc")
        1.0
    """
    pairs = [(one[node], other[node]) for node in nodes]
    together = _pairs_within(Counter(pairs))
    first, second = _pairs_within(Counter(a for a, _ in pairs)), _pairs_within(Counter(b for _, b in pairs))
    expected = first * second / max(_pairs_within({"all": len(pairs)}), 1)
    maximum = (first + second) / 2
    # Both are equal only if each division is one group, or all groups of one: such divisions agree on every pair.
    return 1.0 if maximum == expected else (together - expected) / (maximum - expected)


def labels(communities: Iterable[Community], leaf: bool) -> dict[str, str]:
    """The community of every entity: on level 0, or (`leaf`) the deepest one that it is in."""
    community_of: dict[str, str] = {}
    for community in sorted(communities, key=lambda community: community.level):
        if leaf or community.level == 0:
            # Deeper communities come later and overwrite those above them.
            community_of |= dict.fromkeys(community.entity_ids, community.id)
    return community_of


def has_one_path_each(communities: Sequence[Community], entity_ids: set[str]) -> bool:
    """Whether every entity goes down exactly one path, from level 0 to a leaf.

    That is so if every community is one level below its parent, and the children of each divided community hold each
    of its members exactly once. "" is the parent of level 0 and has all entities as members.
    """
    members = {community.id: set(community.entity_ids) for community in communities} | {"": entity_ids}
    levels = {community.id: community.level for community in communities} | {"": -1}
    if any(community.level != levels[community.parent_id] + 1 for community in communities):
        return False
    divided = {community.parent_id for community in communities} | {""}
    expected = Counter((parent, entity_id) for parent in divided for entity_id in members[parent])
    found = Counter((community.parent_id, entity_id) for community in communities for entity_id in community.entity_ids)
    return found == expected


def modularity(facts: Iterable[Fact], top: Mapping[str, str]) -> float:
    """Newman's modularity of a division, edges weighted by their number of facts.

    The share of edges inside communities, minus the share expected if edges were drawn at random between nodes of the
    same degrees; in [-1/2, 1].

    Source: Newman and Girvan, Finding and evaluating community structure in networks, 2004.
    """
    import networkx as nx

    graph = nx.Graph()
    # Parallel facts between two entities are one edge with their number as weight.
    graph.add_weighted_edges_from(weighted_edges(facts))
    groups: dict[str, set[str]] = {}
    for node in graph:
        groups.setdefault(top[node], set()).add(node)
    return float(nx.community.modularity(graph, groups.values()))


def _pairs_within(counts: Mapping[Hashable, int]) -> int:
    """Number of pairs within the groups."""
    return sum(count * (count - 1) // 2 for count in counts.values())
