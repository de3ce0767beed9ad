"""`SqliteStore`: the embedded store, one SQLite file, no server.

A commit is on the disk when it returns (write-ahead log, synchronous=FULL), so neither a killed process nor a power cut
loses an entry that may stand for a costly model call. One process writes at a time; a second one waits, then says so.
Within a process all threads share one connection and take turns. The records of model calls may live in the same file,
over a connection of their own: a model called inside `transaction()` would have its record wait for the commit.

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
from kg.stores.rows import TABLES, ChildTable, RowTable, Values
from kg.stores.sqlite.file import connect, explained
from models.errors import StoreError
from models.runtime.batches import batches

_PAGE = 500  # rows held at once while reading, and ids in one statement (older SQLite allows 999)
_LOAD_BATCH = 20_000  # rows of one transaction of `load`
_ENTRY = ", ".join(field.name for field in fields(JournalEntry))


class SqliteStore:
    """Rows and journal in one SQLite file.

    Args:
        path: Path of the file, which is made if it does not exist.
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
        # SQLite has no nested transactions: the outermost is one, the inner ones are savepoints in it.
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
        """`put` many rows, in one transaction for every twenty thousand."""
        for batch in batches(rows, _LOAD_BATCH):
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
        kept = list(rows)  # before anything is deleted, since they may be read from here
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
            # Each page continues after the last id. An offset would skip or repeat rows when others are written.
            page = self._rows(table, "ORDER BY id LIMIT ?", (_PAGE,))
            while page:
                yield from cast(list[R], page)
                page = self._rows(table, "WHERE id > ? ORDER BY id LIMIT ?", (page[-1].id, _PAGE))
            return
        for batch in batches(ids, _PAGE):
            by_id = {row.id: row for row in self._rows(table, f"WHERE id IN ({_marks(batch)})", batch)}
            yield from (cast(R, by_id[row_id]) for row_id in batch if row_id in by_id)

    def mark(self, entries: Iterable[JournalEntry]) -> None:
        """Write journal entries; the newest one of a stage and item stands."""
        marks = ", ".join("?" for _ in fields(JournalEntry))
        with self.transaction():
            for batch in batches(entries, _PAGE):
                self._run_many(f"INSERT OR REPLACE INTO journal ({_ENTRY}) VALUES ({marks})", map(astuple, batch))

    def unmark(self, entries: Iterable[JournalEntry]) -> None:
        """Remove the journal entries of the same stage and item."""
        with self.transaction():
            for batch in batches(entries, _PAGE):
                self._run_many(
                    "DELETE FROM journal WHERE stage = ? AND item = ?", [(entry.stage, entry.item) for entry in batch]
                )

    def journal(self, stage: str | None = None) -> Iterator[JournalEntry]:
        """Journal entries, sorted by stage and item."""
        of_stage = "" if stage is None else "AND stage = ?"
        last = ("", "")  # pages continue after the last key, so that writing while reading is allowed
        while True:
            values = (*last, _PAGE) if stage is None else (*last, stage, _PAGE)
            after = f"WHERE (stage, item) > (?, ?) {of_stage} ORDER BY stage, item LIMIT ?"
            page = [JournalEntry(*row) for row in self._run(f"SELECT {_ENTRY} FROM journal {after}", values)]
            yield from page
            if len(page) < _PAGE:
                return
            last = (page[-1].stage, page[-1].item)

    def digest(self) -> str:
        """Digest of all rows, equal for equal content in any store; kept until the next write."""
        with self._lock:
            # Inside a transaction nothing is kept: if it is undone, the digest would be of rows that never were.
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

        SQLite keeps deleted bytes in free pages and in the log of writes, so the file is rewritten and the log emptied.
        """
        with self._lock:
            self._run("PRAGMA temp_store = MEMORY")  # else VACUUM copies the content through a file outside
            self._run("PRAGMA secure_delete = ON")  # the entries that go next are overwritten with zeros
            self._run("VACUUM")
            self._empty_log()
            # The entries last: killed before, they still say what is to be erased.
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
                f"{self.path} cannot be cleaned: another process reads an older state, which holds the deleted text. "
                "End that process, and run the same command again."
            )

    def close(self) -> None:
        """Release the file; closing twice is allowed."""
        with self._lock, explained(self.path, self._timeout_s):
            self._connection.close()

    def _begin(self) -> None:
        if self._depth == 0:
            # IMMEDIATE takes the lock for writing at once, and waits for it. A deferred transaction that reads first
            # and then writes fails without waiting if another process has written in between.
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
            raise StoreError(f"{self.path}: the transaction failed earlier and was undone. Run all of it again.")

    @contextmanager
    def _snapshot(self) -> Iterator[None]:
        """Show all reads inside one state of the file, whatever other processes write."""
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
        # All rows at once: a half-read cursor would keep an old state of the file alive, and block `erase`.
        with self._lock, explained(self.path, self._timeout_s):
            return self._connection.execute(sql, values).fetchall()

    def _run_many(self, sql: str, rows: Iterable[Values]) -> None:
        with explained(self.path, self._timeout_s):
            self._connection.executemany(sql, rows)

    def _write(self, table: RowTable, by_id: dict[str, Row]) -> None:
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

    def _rows(self, table: RowTable, condition: str, values: Sequence[Any]) -> list[Row]:
        """The rows of a table under a condition, with the values of their child tables."""
        with self._snapshot():
            records = self._run(f"SELECT {', '.join(table.columns)} FROM {table.name} {condition}", values)
            ids = [record[0] for record in records]
            children = {field: self._children(child, ids) for field, child in table.children.items()}
        rows = []
        for record in records:
            of_row = {field: tuple(owned[record[0]]) for field, owned in children.items()}
            rows.append(table.load(record, of_row))
        return rows

    def _children(self, child: ChildTable, owner_ids: Sequence[str]) -> dict[str, list[Any]]:
        """The values of a child table, in order, by the id of their owner."""
        owned: dict[str, list[Any]] = {owner_id: [] for owner_id in owner_ids}
        where = f"WHERE owner_id IN ({_marks(owner_ids)}) ORDER BY owner_id, position"
        select = f"SELECT owner_id, {', '.join(child.columns)} FROM {child.name} {where}"
        for owner_id, *values in self._run(select, owner_ids):
            owned[owner_id].append(child.load(tuple(values)))
        return owned

    def _forget_digest(self) -> None:
        self._run("DELETE FROM meta WHERE name = 'digest'")

    def _keep_digest(self, digest: str) -> None:
        """Keep the digest, unless another process is writing: then the next call computes it again."""
        self._run("PRAGMA busy_timeout = 0")
        try:
            self._connection.execute("INSERT OR REPLACE INTO meta VALUES ('digest', ?)", (digest,))
        except sqlite3.OperationalError:
            pass
        finally:
            self._run(f"PRAGMA busy_timeout = {round(self._timeout_s * 1000)}")


def _marks(values: Iterable[Any]) -> str:
    return ", ".join("?" for _ in values)
