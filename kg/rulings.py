"""What people have ruled about names, as resolution reads it: which names are one thing, and which are two.

A ruling is kept for good, an undone one too: "undo" takes back the newest ruling that still stands. Among those that
stand, a later ruling about the same names (and the same document) overrules an earlier one. Nothing here touches a
store; `kg.changes.curate` does.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kg.schema import Ruling, make_id

MERGE, SPLIT, UNDO = "merge", "split", "undo"


@dataclass(frozen=True, slots=True)
class Verdicts:
    """The rulings in force.

    Attributes:
        merged: Pairs of names that are one thing, each pair sorted; a name with itself has one meaning only.
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
    """A ruling with its id; two names come sorted, since their order says nothing."""
    one, two = sorted((name, other))
    return Ruling(make_id("u", position, action, one, two, source), position, action, one, two, source)


def standing(rulings: Iterable[Ruling]) -> list[Ruling]:
    """The rulings that are not undone, in order.

    Example:
        >>> [row.action for row in standing([ruling(0, MERGE, "a", "b"), ruling(1, SPLIT, "a", "b"),
        ...     ruling(2, UNDO, "a", "b")])]
        ['merge']
    """
    stack: list[Ruling] = []
    for row in sorted(rulings, key=lambda row: row.position):
        if row.action != UNDO:
            stack.append(row)
        elif stack:
            stack.pop()
    return stack


def verdicts(rulings: Iterable[Ruling]) -> Verdicts:
    """What the rulings that stand come to."""
    newest: dict[tuple[str, str, str], str] = {}
    for row in standing(rulings):
        newest[row.name, row.other, row.source] = row.action
        if row.action == MERGE and row.name == row.other:
            newest = {key: action for key, action in newest.items() if key[:2] != (row.name, row.name) or not key[2]}
    pairs = {
        action: frozenset(
            (one, other) for (one, other, source), kind in newest.items() if kind == action and not source
        )
        for action in (MERGE, SPLIT)
    }
    apart = frozenset((name, source) for (name, _, source), kind in newest.items() if kind == SPLIT and source)
    return Verdicts(pairs[MERGE], pairs[SPLIT], apart)
