"""What people have ruled about names: which names are one thing, and which are two. Resolution obeys it.

A ruling is kept for good, even an undone one: "undo" takes back the newest ruling that still stands. Among those that
stand, a later ruling about the same names (and the same document) overrules an earlier one. Nothing here touches a
store; `kg.changes.curate` does.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kg.schema import Ruling, make_id

MERGE, SPLIT, UNDO = "merge", "split", "undo"


@dataclass(frozen=True, slots=True)
class ActiveRulings:
    """The rulings in force.

    Attributes:
        merged: Pairs of names that are one thing, each pair sorted; a name paired with itself has one meaning only.
        split: Pairs of names that are two things, each pair sorted.
        apart: Names whose uses in one document are another thing: (name, source).
    """

    merged: frozenset[tuple[str, str]] = frozenset()
    split: frozenset[tuple[str, str]] = frozenset()
    apart: frozenset[tuple[str, str]] = frozenset()

    def forbids(self, one: str, other: str) -> bool:
        """Whether two names must not become one thing."""
        return ((one, other) if one <= other else (other, one)) in self.split


def ruling(position: int, action: str, name: str, other: str, source: str = "") -> Ruling:
    """A ruling with its id; the two names are sorted, since their order says nothing."""
    one, two = sorted((name, other))
    return Ruling(make_id("u", position, action, one, two, source), position, action, one, two, source)


def standing_rulings(rulings: Iterable[Ruling]) -> list[Ruling]:
    """The rulings that are not undone, in order.

    Example:
        >>> [entry.action for entry in standing_rulings([ruling(0, MERGE, "a", "b"), ruling(1, SPLIT, "a", "b"),
        ...     ruling(2, UNDO, "a", "b")])]
        ['merge']
    """
    # "undo" is no ruling that can be undone: two of them in a row take back two rulings.
    stack: list[Ruling] = []
    for entry in sorted(rulings, key=lambda entry: entry.position):
        if entry.action != UNDO:
            stack.append(entry)
        elif stack:
            stack.pop()
    return stack


def active_rulings(rulings: Iterable[Ruling]) -> ActiveRulings:
    """The rulings in force: of those that stand, the newest about the same names and document."""
    newest: dict[tuple[str, str, str], str] = {}
    for entry in standing_rulings(rulings):
        newest[entry.name, entry.other, entry.source] = entry.action
        if entry.action == MERGE and entry.name == entry.other:
            # "One thing in all documents" overrules earlier rulings that set single documents apart.
            itself = (entry.name, entry.name)
            newest = {key: action for key, action in newest.items() if key[:2] != itself or not key[2]}
    merged, split, apart = set(), set(), set()
    for (one, other, source), action in newest.items():
        if action == MERGE and not source:
            merged.add((one, other))
        elif action == SPLIT and not source:
            split.add((one, other))
        elif action == SPLIT:
            apart.add((one, source))
    return ActiveRulings(frozenset(merged), frozenset(split), frozenset(apart))
