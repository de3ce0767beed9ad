"""The `GraphStore` protocol: where the rows of a knowledge base live, and the stage journal.

A store keeps rows of `kg.schema` by id, idempotently, and journals which item finished which stage, in the same
transaction as the rows which that stage made. It knows nothing of models, walks or questions. `SqliteStore` is the
embedded default; one contract suite (`tests/contract`) runs over every store.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar, runtime_checkable

from kg.schema import Row

R = TypeVar("R", bound=Row)


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """The outcome of one item in one stage.

    Attributes:
        stage: Name of the stage: "load", "chunk", "extract", …
        item: Id of the item, or the source path for "load".
        key: Digest of everything the outcome depends on (input, model, prompt, settings); a changed key
            means that the item must be done again.
        status: How it ended; every item of a stage ends in one of the three ways.
        reason: Why it failed or was skipped, in words; when done, what to know about it (a guessed encoding), or "".
        tokens_in: Number of tokens that models were given for this item.
        tokens_out: Number of tokens that they wrote.
        seconds: Wall-clock seconds spent.
    """

    stage: str
    item: str
    key: str
    status: Literal["done", "failed", "skipped"]
    reason: str = ""
    tokens_in: int = 0
    tokens_out: int = 0
    seconds: float = 0.0


class GraphStore(Protocol):
    """Keeps rows by kind and id, and the journal."""

    def transaction(self) -> AbstractContextManager[None]:
        """Commit everything written inside together, or nothing of it; may be nested."""

    def put(self, rows: Iterable[Row]) -> None:
        """Insert rows, or replace those of the same id."""

    def load(self, rows: Iterable[Row]) -> None:
        """`put` many rows, in as many transactions as suit the store; if it is cut off, some of them are there."""

    def remove(self, kind: type[R], ids: Iterable[str]) -> None:
        """Remove the rows of a kind with these ids, as far as they are there."""

    def replace(self, kind: type[R], rows: Iterable[R]) -> None:
        """Make `rows` the only rows of `kind`."""

    def read(self, kind: type[R], ids: Sequence[str] | None = None) -> Iterator[R]:
        """Rows of a kind: all of them sorted by id, or those of `ids` in that order (unknown ids are left out)."""

    def mark(self, entries: Iterable[JournalEntry]) -> None:
        """Write journal entries; the newest one of a stage and item stands."""

    def unmark(self, entries: Iterable[JournalEntry]) -> None:
        """Remove the journal entries of the same stage and item."""

    def journal(self, stage: str | None = None) -> Iterator[JournalEntry]:
        """Journal entries, sorted by stage and item."""

    def digest(self) -> str:
        """Digest of all rows, equal for equal content in any store; the journal does not count."""

    def clear(self) -> None:
        """Remove every row and journal entry."""

    def close(self) -> None:
        """Release the store."""


@runtime_checkable
class ErasingStore(GraphStore, Protocol):
    """A store that can erase what it deletes, down to the bytes on the disk."""

    def erase(self, entries: Iterable[JournalEntry]) -> None:
        """Remove journal entries, and leave no byte of any row or entry that was removed or replaced.

        Raises:
            StoreError: Another process keeps old content alive; the entries are then still there.
        """
