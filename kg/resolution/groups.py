"""Names to groups: joins one after another, none of which may put together what a person has ruled apart."""

from __future__ import annotations

from collections.abc import Iterable

from kg.resolution.uses import Node
from kg.rulings import Verdicts


class Groups:
    """Union of nodes under `Verdicts`; the order of joins decides where they contradict each other."""

    def __init__(self, nodes: Iterable[Node], verdicts: Verdicts) -> None:
        self._parent = {node: node for node in nodes}
        self._names = {node: {node.name} for node in self._parent}
        self._verdicts = verdicts

    def root(self, node: Node) -> Node:
        """The first node of a group, which names it."""
        while self._parent[node] != node:
            self._parent[node] = self._parent[self._parent[node]]
            node = self._parent[node]
        return node

    def join(self, one: Node, other: Node) -> bool:
        """Make one group of two; False if they are one already or must not be."""
        first, second = sorted((self.root(one), self.root(other)))
        if first == second or self._forbidden(first, second):
            return False
        self._parent[second] = first
        self._names[first] |= self._names.pop(second)
        return True

    def _forbidden(self, one: Node, other: Node) -> bool:
        split = self._verdicts.split
        if not split:
            return False
        return any(self._verdicts.forbids(mine, theirs) for mine in self._names[one] for theirs in self._names[other])
