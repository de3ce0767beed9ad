"""Names that communities keep while they change, for links, listings and people.

A community's id follows from its members, so one more member gives another id. Its handle passes to the community of
the new division that has most in common with it: pairs are matched greatest overlap first, each community once. A
community that is not matched gets a new handle, made from its id. A handle depends on the order of events, so handles
are kept beside the store's content and not in it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

from kg.schema import Community, Handle

_MIN_OVERLAP = 0.3
"""Jaccard coefficient below which two communities are no longer the same one."""
_DIGITS = 8
"""Number of hexadecimal digits of a new handle, unless it is taken."""


def assign_handles(handles: Iterable[Handle], old: Iterable[Community], new: Iterable[Community]) -> tuple[Handle, ...]:
    """Name the communities of a new division.

    Args:
        handles: Handles of the old division.
        old: Communities of the old division.
        new: Communities of the new division.
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
    named = (Handle(name, community_id) for community_id, name in names.items())
    return tuple(sorted(named, key=lambda handle: handle.id))


def _match(old: Iterable[Community], new: Iterable[Community]) -> dict[str, str]:
    """Id of the old community by id of the new one, for those that are matched."""
    holders: dict[str, list[Community]] = defaultdict(list)
    for community in old:
        for entity_id in community.entity_ids:
            holders[entity_id].append(community)
    pairs = []
    for community in new:
        shared = Counter(before.id for entity_id in community.entity_ids for before in holders[entity_id])
        by_id = {before.id: before for entity_id in community.entity_ids for before in holders[entity_id]}
        for before_id, count in shared.items():
            before = by_id[before_id]
            jaccard = count / (len(before.entity_ids) + len(community.entity_ids) - count)
            if jaccard >= _MIN_OVERLAP:
                # Sorted, this is: greatest overlap first, then the nearer level, then by id, so that ties are decided.
                pairs.append((-jaccard, abs(before.level - community.level), before_id, community.id))
    matched: dict[str, str] = {}
    used = set()
    for _, _, before_id, community_id in sorted(pairs):
        if community_id not in matched and before_id not in used:
            matched[community_id] = before_id
            used.add(before_id)
    return matched


def _new_name(community_id: str, taken: set[str]) -> str:
    """The shortest beginning of the community's digest that no other community bears."""
    digits = community_id.rpartition(":")[2]
    names = (f"c{digits[:length]}" for length in range(_DIGITS, len(digits) + 1))
    # A digest that is taken in full is borne by what was once this very community and has become another one.
    return next((name for name in names if name not in taken), f"c{digits}+")
