"""Within one document a part of a name stands for the full name, if only one full name fits.

"Lorne" or "Ada" stands for the person "Ada Lorne", "the mill" for "Bellwick Mill". In another document "Lorne" may be
another person, so nothing here looks beyond the document.
"""

from __future__ import annotations

from collections import defaultdict

from kg.resolution.names import core
from kg.resolution.uses import NameNode, UseKey, Uses
from kg.rulings import ActiveRulings

REASON = "a part of the name, in a document where only that name fits"


def link_parts(uses: Uses, rulings: ActiveRulings) -> dict[UseKey, NameNode]:
    """Find the uses of a part of a name, each with the full name that the same document gives.

    Args:
        uses: All uses, with their kinds.
        rulings: What people have ruled about names.
    """
    # Full names by their last word and document; of people also by their first word.
    ends: dict[UseKey, set[NameNode]] = defaultdict(set)
    starts: dict[UseKey, set[NameNode]] = defaultdict(set)
    for (name, source), use in uses.items():
        words = core(name, use.kind == "person")
        if len(words) >= 2 and use.kind != "value" and not use.is_description:
            ends[words[-1], source].add(NameNode(name, use.kind))
            if use.kind == "person":
                starts[words[0], source].add(NameNode(name, use.kind))
    links = {}
    for (name, source), use in uses.items():
        words = core(name, is_person=True)
        if len(words) != 1 or (name, source) in rulings.apart:
            continue
        same_ending = ends.get((words[0], source), set())
        if use.kind == "person":
            fitting = {node for node in same_ending if node.kind == "person"} | starts.get((words[0], source), set())
        elif use.kind == "" and use.is_capitalised:
            # An extractor that does not know what "Lorne" is leaves the type open; only a surname is then safe.
            fitting = {node for node in same_ending if node.kind == "person"}
        elif use.is_description:
            fitting = {node for node in same_ending if node.kind != "person"}
        else:
            continue
        # "Dr Ada Lorne" and "Ada Lorne" have one core, so they count as one full name here.
        if len({core(node.name, node.kind == "person") for node in fitting}) == 1:
            full_name = min(fitting)
            if not rulings.forbids(name, full_name.name):
                links[name, source] = full_name
    # A full name that is itself a part of a longer one is no end point.
    return {key: full_name for key, full_name in links.items() if (full_name.name, key[1]) not in links}
