"""A knowledge base from one store into another, row by row: only what differs is written.

Both are read side by side in the order of their ids, so that neither has to fit into memory. What was cut off goes on
when it is called again, with what is still different. The journal goes last: a store that holds rows without it would
do its stages again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kg.schema import KINDS, Row
from kg.stores.protocol import GraphStore
from models.runtime.progress import SILENT, Progress, Step


@dataclass(frozen=True, slots=True)
class Difference:
    """How the rows of one kind differ between two stores.

    Attributes:
        kind: Name of their class.
        rows: How many the first store has.
        missing: Of them, those that the second lacks.
        changed: Those that it has otherwise.
        surplus: Rows that only the second has.
    """

    kind: str
    rows: int
    missing: int
    changed: int
    surplus: int

    @property
    def same(self) -> bool:
        """Whether there is none."""
        return not (self.missing or self.changed or self.surplus)


def side_by_side(one: GraphStore, two: GraphStore, kind: type[Row]) -> Iterator[tuple[Row | None, Row | None]]:
    """The rows of a kind of two stores by id, None where one lacks it."""
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


def copy(source: GraphStore, target: GraphStore, progress: Progress = SILENT) -> list[Difference]:
    """Make a store hold what another holds, journal included.

    Args:
        source: Read only.
        target: Changed; written by nobody else meanwhile.
        progress: A step "copy rows", and what was not there yet counts.
    Returns:
        What differed before.
    """
    target.unmark(list(target.journal()))
    found = []
    with progress.step("copy rows", total=None, unit="rows") as step:
        for kind in KINDS:
            counts, gone = dict.fromkeys(("rows", "missing", "changed", "surplus"), 0), list[str]()
            target.load(_counted(_news(source, target, kind, counts, gone), step))
            target.remove(kind, gone)
            found.append(Difference(kind.__name__, **counts))
    target.mark(source.journal())
    return found


def _news(
    source: GraphStore, target: GraphStore, kind: type[Row], counts: dict[str, int], gone: list[str]
) -> Iterator[Row]:
    """Rows that the target lacks or has otherwise; those that only it has are put into `gone`."""
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


def _counted(rows: Iterator[Row], step: Step) -> Iterator[Row]:
    for row in rows:
        step.advance()
        yield row


def differences(one: GraphStore, two: GraphStore) -> list[Difference]:
    """How two stores differ, kind by kind; rows that are written alike do not."""
    found = []
    for kind in KINDS:
        counts = dict.fromkeys(("rows", "missing", "changed", "surplus"), 0)
        for _ in _news(one, two, kind, counts, []):
            pass
        found.append(Difference(kind.__name__, **counts))
    return found
