"""The communities of a store with what they hold: children, facts, names, in the order in which people read them.

A fact belongs to every community that has both its ends. Root first means: level 0 before level 1, and on each
level the largest first.
"""

from __future__ import annotations

from collections import Counter, defaultdict

from kg.schema import CLAIM, Community, Entity, Fact, Handle
from kg.stores.protocol import GraphStore
from models.errors import InputError


class CommunityFacts:
    """A store's communities, read once.

    Attributes:
        communities: By id, root first.
        children: Communities directly below, root first, by id of the parent; "" has those of level 0.
        facts: Facts with both ends inside, strongest first, by community id.
        names: Name of every entity, by id.
        handles: Handle by community id.
    """

    def __init__(self, store: GraphStore) -> None:
        rows = sorted(store.read(Community), key=lambda row: (row.level, -len(row.entity_ids), row.id))
        self.communities = {row.id: row for row in rows}
        self.children: dict[str, list[Community]] = defaultdict(list)
        for row in rows:
            self.children[row.parent_id].append(row)
        self.names = {entity.id: entity.name for entity in store.read(Entity)}
        self.handles = {handle.community_id: handle.id for handle in store.read(Handle)}
        facts = list(store.read(Fact))
        self._degree = Counter(end for fact in facts for end in (fact.subject_id, fact.object_id))
        self.facts = _by_community(rows, sorted(facts, key=self._strength))

    def find(self, name: str) -> Community:
        """A community by handle or id, or by the beginning of either.

        Raises:
            InputError: No community, or several, are so called.
        """
        known = {handle: community_id for community_id, handle in self.handles.items()}
        known |= {community_id: community_id for community_id in self.communities}
        found = {known[name]} if name in known else {known[each] for each in known if name and each.startswith(name)}
        if len(found) == 1:
            return self.communities[found.pop()]
        what = f"{len(found)} communities are" if found else "no community is"
        raise InputError(
            f"expected the handle or id of one community, but {what} called {name!r}: "
            "`graft communities ls` lists their handles"
        )

    def members(self, community: Community) -> list[str]:
        """Ids of the members, those with most facts first."""
        return sorted(community.entity_ids, key=lambda entity_id: (-self._degree[entity_id], entity_id))

    def line(self, fact: Fact) -> str:
        """A fact in words: subject, relation, object, and the status of a claim."""
        status = f" ({fact.status})" if fact.kind == CLAIM and fact.status else ""
        return f"{self.names[fact.subject_id]} | {fact.predicate} | {self.names[fact.object_id]}{status}"

    def _strength(self, fact: Fact) -> tuple[int, int, str]:
        """More sentences first, then better connected ends."""
        return -len(fact.evidence), -min(self._degree[fact.subject_id], self._degree[fact.object_id]), fact.id


def _by_community(rows: list[Community], facts: list[Fact]) -> dict[str, list[Fact]]:
    path: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        for entity_id in row.entity_ids:
            path[entity_id].add(row.id)
    found: dict[str, list[Fact]] = {row.id: [] for row in rows}
    for fact in facts:
        for community_id in path[fact.subject_id] & path[fact.object_id]:
            found[community_id].append(fact)
    return found
