"""Copies a knowledge base from one store into another, row by row: only what differs is written.

Both are read side by side in the order of their ids, so that neither has to fit into memory. A copy that was cut off
continues when it is called again, with what still differs. The journal is written last: a store with rows and without a
journal does its stages again, but one with a journal and without rows would not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kg.schema import KINDS, Row
from kg.stores.protocol import GraphStore
from models.runtime.progress import SILENT, Progress, Step


@dataclass(frozen=True, slots=True)
class RowDifference:
    """How the rows of one kind differ between two stores.

    Attributes:
        kind: Name of their class.
        rows: Number of rows in the first store.
        missing: Number of these that the second store lacks.
        changed: Number of these that differ in the second store.
        surplus: Number of rows that only the second store has.
    """

    kind: str
    rows: int
    missing: int
    changed: int
    surplus: int

    @property
    def same(self) -> bool:
        """Whether the rows do not differ."""
        return not (self.missing or self.changed or self.surplus)


def side_by_side(one: GraphStore, two: GraphStore, kind: type[Row]) -> Iterator[tuple[Row | None, Row | None]]:
    """The rows of a kind of two stores in pairs of one id, with None where a store lacks the row."""
    left, right = iter(one.read(kind)), iter(two.read(kind))
    a, b = next(left, None), next(right, None)
    while a is not None or b is not None:
        if b is None or (a is not None and a.id < b.id):
            yield a, None
            a = next(left, None)
        elif a is None or b.id < a.id:
            yield None, b
            b = next(right, None)
        else:
            yield a, b
            a, b = next(left, None), next(right, None)


def copy(source: GraphStore, target: GraphStore, progress: Progress = SILENT) -> list[RowDifference]:
    """Make a store hold what another store holds, journal included.

    Args:
        source: Store to read.
        target: Store to change; nobody else may write to it meanwhile.
        progress: Progress callback; its step "copy rows" counts the rows that are written.
    Returns:
        What differed before.
    """
    target.unmark(list(target.journal()))
    before = []
    with progress.step("copy rows", total=None, unit="rows") as step:
        for kind in KINDS:
            counts, gone = dict.fromkeys(("rows", "missing", "changed", "surplus"), 0), list[str]()
            target.load(_advancing(_differing(source, target, kind, counts, gone), step))
            target.remove(kind, gone)
            before.append(RowDifference(kind.__name__, **counts))
    target.mark(source.journal())
    return before


def _differing(
    source: GraphStore, target: GraphStore, kind: type[Row], counts: dict[str, int], gone: list[str]
) -> Iterator[Row]:
    """Rows that the target lacks or has in another form.

    Args:
        source: First store.
        target: Second store.
        kind: Class of the rows.
        counts: Counts of a `RowDifference`, which are increased.
        gone: Ids of rows that only the target has are appended to it.
    """
    for a, b in side_by_side(source, target, kind):
        if a is None:
            assert b is not None
            gone.append(b.id)
        elif a != b:
            yield a
        counts["rows"] += a is not None
        counts["missing"] += b is None
        counts["surplus"] += a is None
        counts["changed"] += a is not None and b is not None and a != b


def _advancing(rows: Iterator[Row], step: Step) -> Iterator[Row]:
    for row in rows:
        step.advance()
        yield row


def differences(one: GraphStore, two: GraphStore) -> list[RowDifference]:
    """How two stores differ, kind by kind."""
    result = []
    for kind in KINDS:
        counts = dict.fromkeys(("rows", "missing", "changed", "surplus"), 0)
        for _ in _differing(one, two, kind, counts, []):
            pass
        result.append(RowDifference(kind.__name__, **counts))
    return result
