"""The communities of a store with their children, facts and names, in the order in which people read them.

A fact belongs to every community that has both its ends. Root first means: level 0 before level 1, and on each level
the largest first.
"""

from __future__ import annotations

from collections import Counter, defaultdict

from kg.schema import CLAIM, Community, Entity, Fact, Handle
from kg.stores.protocol import GraphStore
from models.errors import InputError


class CommunityGraph:
    """The communities of a store, read once.

    Attributes:
        communities: By id, root first.
        children: Communities directly below, root first, by id of the parent; "" has the communities of level 0.
        facts: Facts with both ends inside, strongest first, by community id.
        names: Name of every entity, by id.
        handles: Handle of every community, by community id.
    """

    def __init__(self, store: GraphStore) -> None:
        root_first = sorted(store.read(Community), key=_reading_order)
        self.communities = {community.id: community for community in root_first}
        self.children: dict[str, list[Community]] = defaultdict(list)
        for community in root_first:
            self.children[community.parent_id].append(community)
        self.names = {entity.id: entity.name for entity in store.read(Entity)}
        self.handles = {handle.community_id: handle.id for handle in store.read(Handle)}
        facts = list(store.read(Fact))
        self._degree = Counter(end for fact in facts for end in (fact.subject_id, fact.object_id))
        self.facts = _by_community(root_first, sorted(facts, key=self._strength))

    def find(self, name: str) -> Community:
        """A community by handle or id, or by the beginning of either.

        Raises:
            InputError: No community, or several, are so called.
        """
        id_of = {handle: community_id for community_id, handle in self.handles.items()}
        id_of |= {community_id: community_id for community_id in self.communities}
        if name in id_of:
            return self.communities[id_of[name]]
        matches = {community_id for handle, community_id in id_of.items() if name and handle.startswith(name)}
        if len(matches) == 1:
            return self.communities[matches.pop()]
        came = f"{len(matches)} communities are" if matches else "no community is"
        raise InputError(
            f"Expected the handle or id of one community, but {came} called {name!r}. "
            "`graft communities ls` lists their handles."
        )

    def members(self, community: Community) -> list[str]:
        """Ids of the members, those with most facts in the graph first."""
        return sorted(community.entity_ids, key=lambda entity_id: (-self._degree[entity_id], entity_id))

    def line(self, fact: Fact) -> str:
        """A fact in words: subject, relation, object, and the status of a claim."""
        status = f" ({fact.status})" if fact.kind == CLAIM and fact.status else ""
        return f"{self.names[fact.subject_id]} | {fact.predicate} | {self.names[fact.object_id]}{status}"

    def _strength(self, fact: Fact) -> tuple[int, int, str]:
        """Sort key: more sentences first, then better connected ends."""
        # The less connected end counts: any fact of a hub would otherwise come before all others.
        return -len(fact.evidence), -min(self._degree[fact.subject_id], self._degree[fact.object_id]), fact.id


def _reading_order(community: Community) -> tuple[int, int, str]:
    """Root first, then the largest."""
    return community.level, -len(community.entity_ids), community.id


def _by_community(communities: list[Community], facts: list[Fact]) -> dict[str, list[Fact]]:
    """The facts of every community, in the order given."""
    # Each entity has one path from level 0 to its leaf, and two entities share the beginning of theirs.
    path: dict[str, set[str]] = defaultdict(set)
    for community in communities:
        for entity_id in community.entity_ids:
            path[entity_id].add(community.id)
    inside: dict[str, list[Fact]] = {community.id: [] for community in communities}
    for fact in facts:
        for community_id in path[fact.subject_id] & path[fact.object_id]:
            inside[community_id].append(fact)
    return inside
