"""Within one document a part of a name stands for the whole, if only one whole fits.

"Lorne" or "Ada" for the person "Ada Lorne", "the mill" for "Bellwick Mill". In another document "Lorne" may be
another person, so nothing here looks beyond the document.
"""

from __future__ import annotations

from collections import defaultdict

from kg.resolution.names import core
from kg.resolution.uses import Node, UseKey, Uses
from kg.rulings import Verdicts

REASON = "a part of the name, in a document where only that name fits"


def link_parts(uses: Uses, verdicts: Verdicts) -> dict[UseKey, Node]:
    """Uses of a part of a name, to the whole that the same document gives.

    Args:
        uses: All uses, with their kinds.
        verdicts: What has been ruled about names.
    """
    ends: dict[UseKey, set[Node]] = defaultdict(set)
    starts: dict[UseKey, set[Node]] = defaultdict(set)
    for (name, source), use in uses.items():
        words = core(name, use.kind == "person")
        if len(words) >= 2 and use.kind != "value" and not use.is_description:
            ends[words[-1], source].add(Node(name, use.kind))
            if use.kind == "person":
                starts[words[0], source].add(Node(name, use.kind))
    links = {}
    for (name, source), use in uses.items():
        words = core(name, is_person=True)
        if len(words) != 1 or (name, source) in verdicts.apart:
            continue
        wholes = ends.get((words[0], source), set())
        if use.kind == "person":
            fitting = {node for node in wholes if node.kind == "person"} | starts.get((words[0], source), set())
        elif use.kind == "" and use.is_capitalised:
            fitting = {node for node in wholes if node.kind == "person"}
        elif use.is_description:
            fitting = {node for node in wholes if node.kind != "person"}
        else:
            continue
        if len({core(node.name, node.kind == "person") for node in fitting}) == 1:
            whole = min(fitting)
            if not verdicts.forbids(name, whole.name):
                links[name, source] = whole
    return {use: whole for use, whole in links.items() if (whole.name, use[1]) not in links}
