"""Which entities belong together: hierarchical Leiden over the facts, in a frame that stays.

Level 0 is the coarsest division: the steady one of `kg.communities.steady`, or Leiden's own. A community with more
members than the set size is divided again on the next level, by Leiden on its own facts alone; so an edit reaches no
further than the community on level 0 that it falls in. A community that is not divided ends there and is not repeated
below. Each entity thus has one path from level 0 down to one leaf. An entity without facts is a community of its own.

The result depends on the entities, the facts and the settings alone, not on what was there before: nodes and edges are
given in sorted order, and ids come from level and members.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from importlib.metadata import version

from kg.communities.basins import Edge
from kg.communities.steady import divide
from kg.config import CommunityConfig
from kg.schema import Community, Entity, Fact, make_id

ClusterKey = tuple[int, int, int | None]
"""Level, number and parent's number, as the native library gives them."""

_ITERATIONS = 5
"""Passes of Leiden over each graph."""


def detect(entities: Iterable[Entity], facts: Iterable[Fact], config: CommunityConfig) -> tuple[Community, ...]:
    """Divide the graph into communities.

    Args:
        entities: The nodes; every end of a fact must be among them.
        facts: The edges; the weight of a pair is the number of facts between the two, in either direction.
        config: Resolution, maximum size of an undivided community, seed, kind of level 0.
    Returns:
        Communities of all levels, sorted by level and id.
    Source: Traag et al., From Louvain to Leiden, Scientific Reports 2019, applied level by level to
        communities that are too large.
    """
    edges = weighted_edges(facts)
    connected = {end for edge in edges for end in edge[:2]}
    communities = [_community(0, "", [entity.id]) for entity in entities if entity.id not in connected]
    if edges and config.steady:
        communities += _steady_communities(edges, config)
    elif edges:
        communities += _communities(_cluster(edges, config), None)
    return tuple(sorted(communities, key=lambda community: (community.level, community.id)))


def weighted_edges(facts: Iterable[Fact]) -> list[Edge]:
    """Undirected edges (smaller id, larger id, number of facts), sorted; facts of an entity about itself left out."""
    pairs = Counter(
        (min(fact.subject_id, fact.object_id), max(fact.subject_id, fact.object_id))
        for fact in facts
        if fact.subject_id != fact.object_id
    )
    return [(one, other, float(count)) for (one, other), count in sorted(pairs.items())]


def native_version() -> str:
    """Version of the library that clusters; its results may change with it."""
    return version("graspologic-native")


def _steady_communities(edges: Sequence[Edge], config: CommunityConfig) -> list[Community]:
    """The steady division, and what Leiden finds within each of its groups that is too large."""
    labels = divide(edges, config)
    members: dict[str, list[str]] = defaultdict(list)
    for node, label in labels.items():
        members[label].append(node)
    within: dict[str, list[Edge]] = defaultdict(list)
    for edge in edges:
        if labels[edge[0]] == labels[edge[1]]:
            within[labels[edge[0]]].append(edge)
    communities = []
    for label, nodes in sorted(members.items()):
        top = _community(0, "", nodes)
        communities.append(top)
        if len(nodes) > config.max_size:
            communities += _communities(_cluster(within[label], config), top)
    return communities


def _cluster(edges: Sequence[Edge], config: CommunityConfig) -> dict[ClusterKey, list[str]]:
    """Nodes of each cluster that hierarchical Leiden finds, all levels together."""
    import graspologic_native

    # The library divides from max_cluster_size upwards, we divide above max_size.
    assignments = graspologic_native.hierarchical_leiden(
        list(edges),
        resolution=config.resolution,
        iterations=_ITERATIONS,
        max_cluster_size=config.max_size + 1,
        seed=config.seed,
    )
    members: dict[ClusterKey, list[str]] = {}
    for assignment in assignments:
        cluster = (assignment.level, assignment.cluster, assignment.parent_cluster)
        members.setdefault(cluster, []).append(assignment.node)
    return members


def _communities(members: dict[ClusterKey, list[str]], top: Community | None) -> list[Community]:
    """Turn clusters into communities below `top`; None makes the coarsest clusters the communities of level 0."""
    communities: dict[int, Community] = {}
    # Coarse before fine, so that a parent is known before its children; a cluster's number is unique over all levels.
    for level, number, parent_number in sorted(members, key=lambda cluster: cluster[:2]):
        parent = top if parent_number is None else communities[parent_number]
        nodes = members[level, number, parent_number]
        if parent is not None and len(parent.entity_ids) == len(nodes):
            communities[number] = parent  # not divided after all
        else:
            depth = 0 if parent is None else parent.level + 1
            communities[number] = _community(depth, "" if parent is None else parent.id, nodes)
    return [community for community in dict.fromkeys(communities.values()) if community is not top]


def _community(level: int, parent_id: str, entity_ids: Iterable[str]) -> Community:
    ids = tuple(sorted(entity_ids))
    return Community(id=make_id("m", level, ids), level=level, parent_id=parent_id, entity_ids=ids)
