"""Names to groups: merges one after another, none of which may join what a person has ruled apart.

This is a union-find with a veto. The veto depends on all names that two groups have gathered so far, so groups must be
merged one pair at a time; where all pairs count at once, `kg.communities.basins` takes connected components instead.
"""

from __future__ import annotations

from collections.abc import Iterable

from kg.resolution.uses import NameNode
from kg.rulings import ActiveRulings


class MergeGroups:
    """Groups of nodes; where merges contradict each other under the rulings, the earlier one wins.

    Args:
        nodes: All nodes, each a group of its own at first.
        rulings: What people have ruled; no group ever holds two names that are ruled apart.
    """

    def __init__(self, nodes: Iterable[NameNode], rulings: ActiveRulings) -> None:
        self._parent = {node: node for node in nodes}
        self._names = {node: {node.name} for node in self._parent}
        self._rulings = rulings

    def root(self, node: NameNode) -> NameNode:
        """The smallest node of a group, which names the group."""
        while self._parent[node] != node:
            self._parent[node] = self._parent[self._parent[node]]  # path halving keeps later look-ups short
            node = self._parent[node]
        return node

    def merge(self, one: NameNode, other: NameNode) -> bool:
        """Make one group of two; False if they are one already or must not be."""
        # The smaller root stays a root, so that the name of a group depends on its members alone.
        first, second = sorted((self.root(one), self.root(other)))
        if first == second or self._is_forbidden(first, second):
            return False
        self._parent[second] = first
        self._names[first] |= self._names.pop(second)
        return True

    def _is_forbidden(self, one: NameNode, other: NameNode) -> bool:
        if not self._rulings.split:
            return False
        return any(
            self._rulings.forbids(name, other_name) for name in self._names[one] for other_name in self._names[other]
        )
