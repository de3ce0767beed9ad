"""Names that communities keep while they change, for links, listings and people.

A community's id follows from its members, so one member more is another id. Its handle passes on to the
community of the new division that has most in common with it: pairs are matched greatest overlap first, each
community once. What is left gets a new handle, from the content of the first community that bears it.
A handle depends on what came before, so handles stand beside the store's content and not in it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

from kg.schema import Community, Handle

_LEAST_OVERLAP = 0.3
"""Jaccard coefficient below which two communities are not the same one any more."""
_DIGITS = 8


def hand_on(handles: Iterable[Handle], old: Iterable[Community], new: Iterable[Community]) -> tuple[Handle, ...]:
    """Name the communities of a new division.

    Args:
        handles: Those of the old division.
        old: The old division.
        new: The new one.
    Returns:
        A handle for every community of `new`, sorted.
    """
    name_of = {handle.community_id: handle.id for handle in handles}
    new = sorted(new, key=lambda community: (community.level, community.id))
    matched = _match([community for community in old if community.id in name_of], new)
    names = {community_id: name_of[old_id] for community_id, old_id in matched.items()}
    taken = set(names.values())
    for community in new:
        if community.id not in names:
            names[community.id] = _new_name(community.id, taken)
            taken.add(names[community.id])
    return tuple(sorted((Handle(name, community_id) for community_id, name in names.items()), key=lambda row: row.id))


def _match(old: Iterable[Community], new: Iterable[Community]) -> dict[str, str]:
    """Id of the old community by id of the new one, for those that are matched."""
    holders: dict[str, list[Community]] = defaultdict(list)
    for community in old:
        for entity_id in community.entity_ids:
            holders[entity_id].append(community)
    pairs = []
    for community in new:
        shared = Counter(before.id for entity_id in community.entity_ids for before in holders[entity_id])
        known = {before.id: before for entity_id in community.entity_ids for before in holders[entity_id]}
        for before_id, count in shared.items():
            before = known[before_id]
            jaccard = count / (len(before.entity_ids) + len(community.entity_ids) - count)
            if jaccard >= _LEAST_OVERLAP:
                pairs.append((-jaccard, abs(before.level - community.level), before_id, community.id))
    matched: dict[str, str] = {}
    used = set()
    for _, _, before_id, community_id in sorted(pairs):
        if community_id not in matched and before_id not in used:
            matched[community_id] = before_id
            used.add(before_id)
    return matched


def _new_name(community_id: str, taken: set[str]) -> str:
    """The shortest beginning of the community's digest that no other bears."""
    digits = community_id.rpartition(":")[2]
    names = (f"c{digits[:length]}" for length in range(_DIGITS, len(digits) + 1))
    return next((name for name in names if name not in taken), f"c{digits}+")
