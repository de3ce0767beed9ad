"""`SqliteStore`: the embedded store, one SQLite file, no server.

Tables are those of `kg.stores.rows`, plain enough to open with any SQLite browser. A commit is on the disk
when it returns (write-ahead log, synchronous=FULL): the entry it holds often stands for a model call
that took seconds and money, beside which one flush is nothing, so neither a killed process nor a
power cut loses it. One process writes at a time; a second one waits, then says so. Within a process
all threads share one connection and take turns.

The records of model calls may live in the same file, under a table of their own and over a connection
of their own: don't call a model inside `transaction()`, its record would wait for the commit.

    store = SqliteStore(Path("graph.sqlite"))
    with store.transaction():
        store.put([document])
        store.mark([JournalEntry("load", document.source, key, "done")])
"""

from __future__ import annotations

import sqlite3
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, fields
from pathlib import Path
from typing import Any, cast

from kg.schema import KINDS, Row
from kg.stores.digest import digest_rows
from kg.stores.protocol import JournalEntry, R
from kg.stores.rows import TABLES, Table, Values
from kg.stores.sqlite.file import connect, explained
from models.errors import StoreError
from models.runtime.batches import batches

_PAGE = 500  # rows held at once while reading, and ids in one statement (older SQLite allows 999)
_LOADED = 20_000  # rows of one transaction of `load`
_ENTRY = ", ".join(field.name for field in fields(JournalEntry))


class SqliteStore:
    """Rows and journal in one SQLite file.

    Args:
        path: The file; made if it is not there.
        timeout_s: How long to wait for another process that writes.
    Raises:
        StoreError: The file is empty, damaged, of a newer version, or not a store.
    """

    def __init__(self, path: Path, timeout_s: float = 30.0) -> None:
        self.path = path
        self._timeout_s = timeout_s
        self._connection = connect(path, timeout_s)
        self._lock = threading.RLock()
        self._depth = 0

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit everything written inside together, or nothing; may be nested.

        An inner transaction that fails undoes its own writes; the outer one decides about the rest.
        """
        with self._lock:
            self._begin()
            try:
                yield
                self._commit()
            except BaseException:
                self._rollback()
                raise
            finally:
                self._depth -= 1

    def put(self, rows: Iterable[Row]) -> None:
        """Insert rows, or replace those of the same id."""
        with self.transaction():
            for batch in batches(rows, _PAGE):
                kinds: dict[type[Row], dict[str, Row]] = defaultdict(dict)
                for row in batch:
                    kinds[type(row)][row.id] = row
                for kind, by_id in kinds.items():
                    self._write(TABLES[kind], by_id)

    def load(self, rows: Iterable[Row]) -> None:
        """`put` of many rows, a transaction for some thousands."""
        for batch in batches(rows, _LOADED):
            self.put(batch)

    def remove(self, kind: type[R], ids: Iterable[str]) -> None:
        """Remove the rows of a kind with these ids, as far as they are there."""
        table = TABLES[kind]
        with self.transaction():
            self._forget_digest()
            for batch in batches(ids, _PAGE):
                self._run(f"DELETE FROM {table.name} WHERE id IN ({_marks(batch)})", batch)
                for child in table.children.values():
                    self._run(f"DELETE FROM {child.name} WHERE owner_id IN ({_marks(batch)})", batch)

    def replace(self, kind: type[R], rows: Iterable[R]) -> None:
        """Make `rows` the only rows of `kind`; they may be read from this store."""
        kept = list(rows)
        with self.transaction():
            for name in TABLES[kind].names:
                self._run(f"DELETE FROM {name}")
            self._forget_digest()
            self.put(kept)

    def read(self, kind: type[R], ids: Sequence[str] | None = None) -> Iterator[R]:
        """Rows of a kind sorted by id, or those of `ids` in that order (unknown ids are left out).

        Rows come in pages: writing while reading is allowed.
        """
        table = TABLES[kind]
        if ids is None:
            page = self._rows(table, "ORDER BY id LIMIT ?", (_PAGE,))
            while page:
                yield from cast(list[R], page)
                page = self._rows(table, "WHERE id > ? ORDER BY id LIMIT ?", (page[-1].id, _PAGE))
            return
        for batch in batches(ids, _PAGE):
            found = {row.id: row for row in self._rows(table, f"WHERE id IN ({_marks(batch)})", batch)}
            yield from (cast(R, found[row_id]) for row_id in batch if row_id in found)

    def mark(self, entries: Iterable[JournalEntry]) -> None:
        """Write journal entries; the newest of a (stage, item) stands."""
        marks = ", ".join("?" for _ in fields(JournalEntry))
        with self.transaction():
            for batch in batches(entries, _PAGE):
                self._run_many(f"INSERT OR REPLACE INTO journal ({_ENTRY}) VALUES ({marks})", map(astuple, batch))

    def unmark(self, entries: Iterable[JournalEntry]) -> None:
        """Remove the journal entries of the same stage and item."""
        with self.transaction():
            for batch in batches(entries, _PAGE):
                self._run_many(
                    "DELETE FROM journal WHERE stage = ? AND item = ?", [(each.stage, each.item) for each in batch]
                )

    def journal(self, stage: str | None = None) -> Iterator[JournalEntry]:
        """Journal entries, sorted by stage and item."""
        of_stage = "" if stage is None else "AND stage = ?"
        last = ("", "")
        while True:
            values = (*last, *(() if stage is None else (stage,)), _PAGE)
            after = f"WHERE (stage, item) > (?, ?) {of_stage} ORDER BY stage, item LIMIT ?"
            page = [JournalEntry(*row) for row in self._run(f"SELECT {_ENTRY} FROM journal {after}", values)]
            yield from page
            if len(page) < _PAGE:
                return
            last = (page[-1].stage, page[-1].item)

    def digest(self) -> str:
        """Digest of all rows, equal for equal content in any store; kept until the next write."""
        with self._lock:
            if self._depth:
                return digest_rows(self)
            with self._snapshot():
                kept = self._run("SELECT value FROM meta WHERE name = 'digest'")
                if kept:
                    return str(kept[0][0])
                digest = digest_rows(self)
                self._keep_digest(digest)
                return digest

    def erase(self, entries: Iterable[JournalEntry]) -> None:
        """Remove journal entries, and leave no byte of any row or entry that was removed or replaced.

        SQLite keeps what it deletes in free pages and in the log of writes: the file is written anew, the log emptied.
        """
        with self._lock:
            self._run("PRAGMA temp_store = MEMORY")
            self._run("PRAGMA secure_delete = ON")
            self._run("VACUUM")
            self._empty_log()
            self.unmark(entries)
            self._empty_log()

    def clear(self) -> None:
        """Remove every row and journal entry."""
        with self.transaction():
            for kind in KINDS:
                self.replace(kind, ())
            self._run("DELETE FROM journal")

    def _empty_log(self) -> None:
        if self._run("PRAGMA wal_checkpoint(TRUNCATE)")[0][0]:
            raise StoreError(
                f"{self.path}: another process reads an older state, in which the deleted text still stands: "
                "end it, and run the same command again"
            )

    def close(self) -> None:
        """Release the file; closing twice is allowed."""
        with self._lock, explained(self.path, self._timeout_s):
            self._connection.close()

    def _begin(self) -> None:
        if self._depth == 0:
            self._run("BEGIN IMMEDIATE")
        else:
            self._require_transaction()
            self._run(f"SAVEPOINT level_{self._depth}")
        self._depth += 1

    def _commit(self) -> None:
        self._require_transaction()
        self._run("COMMIT" if self._depth == 1 else f"RELEASE level_{self._depth - 1}")

    def _rollback(self) -> None:
        if not self._connection.in_transaction:
            return  # SQLite has done it, as it does when the disk is full
        if self._depth == 1:
            self._run("ROLLBACK")
        else:
            self._run(f"ROLLBACK TO level_{self._depth - 1}")
            self._run(f"RELEASE level_{self._depth - 1}")

    def _require_transaction(self) -> None:
        if not self._connection.in_transaction:
            raise StoreError(f"{self.path}: the transaction failed earlier and was undone: run it again as a whole")

    @contextmanager
    def _snapshot(self) -> Iterator[None]:
        """Let all reads inside see one state of the file, whatever other processes write."""
        with self._lock:
            if self._connection.in_transaction:
                yield
                return
            self._run("BEGIN")
            try:
                yield
            finally:
                if self._connection.in_transaction:
                    self._run("COMMIT")

    def _run(self, sql: str, values: Sequence[Any] = ()) -> list[Values]:
        with self._lock, explained(self.path, self._timeout_s):
            return self._connection.execute(sql, values).fetchall()

    def _run_many(self, sql: str, rows: Iterable[Values]) -> None:
        with explained(self.path, self._timeout_s):
            self._connection.executemany(sql, rows)

    def _write(self, table: Table, by_id: dict[str, Row]) -> None:
        self._forget_digest()
        self._run_many(table.insert, map(table.dump, by_id.values()))
        for field, child in table.children.items():
            self._run(f"DELETE FROM {child.name} WHERE owner_id IN ({_marks(by_id)})", tuple(by_id))
            values = (
                (row_id, position, *child.dump(value))
                for row_id, row in by_id.items()
                for position, value in enumerate(getattr(row, field))
            )
            self._run_many(child.insert, values)

    def _rows(self, table: Table, rest: str, values: Sequence[Any]) -> list[Row]:
        with self._snapshot():
            found = self._run(f"SELECT {', '.join(table.columns)} FROM {table.name} {rest}", values)
            ids = [row[0] for row in found]
            children: dict[str, dict[str, list[Any]]] = {}
            for field, child in table.children.items():
                owned: dict[str, list[Any]] = {row_id: [] for row_id in ids}
                where = f"WHERE owner_id IN ({_marks(ids)}) ORDER BY owner_id, position"
                for owner, *rest_ in self._run(
                    f"SELECT owner_id, {', '.join(child.columns)} FROM {child.name} {where}", ids
                ):
                    owned[owner].append(child.load(tuple(rest_)))
                children[field] = owned
        return [table.load(row, {field: tuple(owned[row[0]]) for field, owned in children.items()}) for row in found]

    def _forget_digest(self) -> None:
        self._run("DELETE FROM meta WHERE name = 'digest'")

    def _keep_digest(self, digest: str) -> None:
        """Keep the digest unless another process writes just now: then the next call computes it again."""
        self._run("PRAGMA busy_timeout = 0")
        try:
            self._connection.execute("INSERT OR REPLACE INTO meta VALUES ('digest', ?)", (digest,))
        except sqlite3.OperationalError:
            pass
        finally:
            self._run(f"PRAGMA busy_timeout = {round(self._timeout_s * 1000)}")


def _marks(values: Iterable[Any]) -> str:
    return ", ".join("?" for _ in values)
