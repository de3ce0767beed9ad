"""Which entities belong together: hierarchical Leiden over the facts.

Level 0 is the coarsest division. A community with more members than the set size is divided again on
the next level; a community that is not divided ends there and is not repeated below. So every entity
has one path from level 0 down to one leaf, and is in at most one community on each level. Entities
without facts are no less part of the corpus: each is a community of its own on level 0.

The result depends on the entities, the facts and the seed alone: nodes and edges go in sorted, and
ids come from level and members.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from importlib.metadata import version

from kg.config import CommunityConfig
from kg.schema import Community, Entity, Fact, make_id

Edge = tuple[str, str, float]
Cluster = tuple[int, int, int | None]
"""Level, number and parent's number, as the native library gives them."""


def detect(entities: Iterable[Entity], facts: Iterable[Fact], config: CommunityConfig) -> tuple[Community, ...]:
    """Divide the graph into communities.

    Args:
        entities: The nodes; a fact with an end that is not among them is an error of the caller.
        facts: The edges; a pair's weight is the number of facts between the two, in either direction.
        config: Resolution, largest size of an undivided community, seed.
    Returns:
        Communities of all levels, sorted by level and id.
    Source: Traag et al., From Louvain to Leiden, Scientific Reports 2019, applied level by level to
        communities that are too large.
    """
    edges = weighted_edges(facts)
    members = _cluster(edges, config) if edges else {}
    connected = {end for edge in edges for end in edge[:2]}
    alone = [_community(0, "", [entity.id]) for entity in entities if entity.id not in connected]
    return tuple(sorted([*_communities(members), *alone], key=lambda community: (community.level, community.id)))


def weighted_edges(facts: Iterable[Fact]) -> list[Edge]:
    """Undirected edges (smaller id, larger id, number of facts), sorted; a thing's facts about itself left out."""
    pairs = Counter(
        (min(fact.subject_id, fact.object_id), max(fact.subject_id, fact.object_id))
        for fact in facts
        if fact.subject_id != fact.object_id
    )
    return [(one, other, float(count)) for (one, other), count in sorted(pairs.items())]


def native_version() -> str:
    """Version of the library that clusters; its results may change with it."""
    return version("graspologic-native")


def _cluster(edges: Sequence[Edge], config: CommunityConfig) -> dict[Cluster, list[str]]:
    import graspologic_native

    # The library divides from max_cluster_size upwards, we divide above max_size.
    placed = graspologic_native.hierarchical_leiden(
        list(edges), resolution=config.resolution, max_cluster_size=config.max_size + 1, seed=config.seed
    )
    members: dict[Cluster, list[str]] = {}
    for node in placed:
        members.setdefault((node.level, node.cluster, node.parent_cluster), []).append(node.node)
    return members


def _communities(members: dict[Cluster, list[str]]) -> list[Community]:
    """Turn clusters into rows, coarse before fine, so that a parent is known before its children."""
    rows: dict[int, Community] = {}
    for level, number, parent_number in sorted(members, key=lambda cluster: cluster[:2]):
        parent = None if parent_number is None else rows[parent_number]
        names = members[level, number, parent_number]
        if parent is not None and len(parent.entity_ids) == len(names):
            rows[number] = parent  # not divided after all
        else:
            depth = 0 if parent is None else parent.level + 1
            rows[number] = _community(depth, "" if parent is None else parent.id, names)
    return list({community.id: community for community in rows.values()}.values())


def _community(level: int, parent_id: str, entity_ids: Iterable[str]) -> Community:
    ids = tuple(sorted(entity_ids))
    return Community(id=make_id("m", level, ids), level=level, parent_id=parent_id, entity_ids=ids)
