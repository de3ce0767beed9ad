"""Writes the evaluator's values to disk as JSON lines, and reads them back exactly.

Files of records grow while a run is in progress: every line is synced when it is written, and a last line that was cut
short when the process was killed is dropped on opening. Other people's JSON lines are read by `models.files.jsonl`.

    with Appender(folder / "samples.jsonl") as samples:
        samples.append(sample)
"""

from __future__ import annotations

import dataclasses
import fcntl
import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import IO, Any, TypeVar

from eval.types import Context, GoldEvidence, Item, Sample
from models.errors import StoreError
from models.files.atomic import replace_text

AnyRecord = Item | Context | Sample
T = TypeVar("T", Item, Context, Sample)


def to_line(record: AnyRecord) -> str:
    """One record as a line of JSON, without its newline."""
    return json.dumps(dataclasses.asdict(record), ensure_ascii=False, allow_nan=False)


def from_dict(kind: type[T], values: dict[str, Any]) -> T:
    """Rebuild a record from parsed JSON: lists become tuples again.

    Example:
        >>> item = Item("a", "Who?", ("x", "y"), 0, ("x",), evidence=(GoldEvidence("d.md", "x"),))
        >>> from_dict(Item, json.loads(to_line(item))) == item
        True
    """
    fields: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in values.items()
    }
    if kind is Item:
        # The only nested value; everything else is a scalar, a mapping or a flat tuple.
        fields["evidence"] = tuple(GoldEvidence(**gold) for gold in fields.get("evidence", ()))
    make: Callable[..., T] = kind
    return make(**fields)


def read_records(kind: type[T], path: Path) -> list[T]:
    """All records of a file of ours, in order; none if the file is missing.

    Raises:
        StoreError: A line is not such a record, other than a last one that was cut short.
    """
    if not path.is_file():
        return []
    lines = path.read_bytes().split(b"\n")[:-1]  # what follows the last newline is empty, or cut short
    return [_parse(kind, line, path, number) for number, line in enumerate(lines, 1)]


def _parse(kind: type[T], line: bytes, path: Path, number: int) -> T:
    try:
        return from_dict(kind, json.loads(line))
    except (ValueError, TypeError, AttributeError) as error:
        raise StoreError(
            f"{path.name}, line {number}: expected a {kind.__name__} as one line of JSON ({error}). "
            "The run folder is damaged; delete it and run again."
        ) from error


def write_records(path: Path, records: Iterable[AnyRecord]) -> None:
    """Write a file of records at once, replacing an older one."""
    replace_text(path, "".join(to_line(record) + "\n" for record in records))


def drop_cut_line(path: Path) -> bool:
    """Cut off a last line that has no newline; True if there was one."""
    if not path.is_file():
        return False
    content = path.read_bytes()
    end = content.rfind(b"\n") + 1
    if end == len(content):
        return False
    with path.open("rb+") as handle:
        handle.truncate(end)
    return True


class Appender:
    """Appends lines to a file; each is on the disk before `append` returns. One process at a time.

    Raises:
        StoreError: Another process has it open.
    """

    def __init__(self, path: Path) -> None:
        self._handle: IO[str] = path.open("a", encoding="utf-8", newline="\n")
        try:
            # The lock goes with the process: a killed one leaves no stale lock behind.
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._handle.close()
            raise StoreError(
                f"{path.name} of {path.parent.name} is being written by another process. Wait until it has ended."
            ) from None
        drop_cut_line(path)

    def append(self, *records: AnyRecord | str) -> None:
        """Write records, or ready lines, and sync them."""
        lines = (record if isinstance(record, str) else to_line(record) for record in records)
        self._handle.write("".join(line + "\n" for line in lines))
        self._handle.flush()
        # Without it a power cut could lose answers that were paid for.
        os.fsync(self._handle.fileno())

    def close(self) -> None:
        """Close the file."""
        self._handle.close()

    def __enter__(self) -> Appender:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
