"""The SQLite file under a store: how it is made, recognised and opened, and SQLite's errors in words.

A store's file carries an application id and a schema version, so that no other database is ever taken for a store and
written to. A new file appears under its name only when it is complete: a process killed while making it leaves nothing
under that name.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from kg.stores.rows import TABLES
from models.errors import MAKE_ROOM, StoreError

APPLICATION_ID = 0x47524654  # "GRFT"
SCHEMA_VERSION = 2
_MAGIC = b"SQLite format 3\0"
_GUESTS = {"calls", "call_failures"}
"""Tables of the records of model calls (`models.calls.record_store`), which may be in the file before the store's."""
_JOURNAL = """CREATE TABLE journal (
    stage TEXT NOT NULL, item TEXT NOT NULL, key TEXT NOT NULL, status TEXT NOT NULL, reason TEXT NOT NULL,
    tokens_in INTEGER NOT NULL, tokens_out INTEGER NOT NULL, seconds REAL NOT NULL,
    PRIMARY KEY (stage, item)) WITHOUT ROWID"""
_META = "CREATE TABLE meta (name TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL) WITHOUT ROWID"


def connect(path: Path, timeout_s: float) -> sqlite3.Connection:
    """Open the file of a store, or make it.

    Args:
        path: The file; its folder must exist.
        timeout_s: How long a statement waits for another process that writes.
    Returns:
        A connection in autocommit mode, usable from any thread, one at a time.
    Raises:
        StoreError: The file is empty, damaged, of a newer version, or not a store.
    """
    with explained(path, timeout_s):
        if not path.exists():
            _create(path)
        # SQLite opens a file lazily, and takes an empty one for a new database: so it is checked before.
        _check_start(path)
        connection = _open(path, timeout_s)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            if _is_unused(connection):
                _make_tables(connection)
            _check(connection, path)
        except BaseException:
            connection.close()
            raise
        return connection


@contextmanager
def explained(path: Path, timeout_s: float) -> Iterator[None]:
    """Turn what SQLite raises inside into a `StoreError` in words."""
    try:
        yield
    except UnicodeEncodeError as error:
        raise StoreError(
            f"{path} takes Unicode text, but was given half a surrogate pair. Pass the text through "
            "kg.language.text.normalise."
        ) from error
    except sqlite3.Error as error:
        raise StoreError(f"{path} {_explain(error, timeout_s)}") from error


def _explain(error: sqlite3.Error, timeout_s: float) -> str:
    code = getattr(error, "sqlite_errorname", "")
    texts = {
        "SQLITE_BUSY": f"is locked: another process is still writing to it after {timeout_s:g} s; wait for it to end",
        "SQLITE_FULL": f"cannot grow: the disk is full; {MAKE_ROOM}",
        "SQLITE_NOTADB": "is not a store: it is damaged or of another kind; restore a copy or index again",
        "SQLITE_CORRUPT": "is damaged: restore a copy, or delete it and index again",
        "SQLITE_READONLY": "cannot be written: check the permissions of the file and its folder",
        "SQLITE_CANTOPEN": "cannot be opened: check that its folder exists and can be written",
        "SQLITE_IOERR": f"cannot be read or written: the disk is full or reports an error; {MAKE_ROOM}",
    }
    for start, text in texts.items():
        if code.startswith(start):
            return f"{text} ({error})."
    return f"cannot be used: {error}."


def _open(path: Path, timeout_s: float) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=timeout_s, isolation_level=None, check_same_thread=False)


def _create(path: Path) -> None:
    """Make a store's file under another name, and give it its own when it is complete."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
    try:
        with closing(_open(part, 0)) as connection:
            _make_tables(connection)  # without a write-ahead log: on a full disk it would be copied at closing, in part
        try:
            os.link(part, path)  # fails if another process was faster, whose file is as good
        except FileExistsError:
            pass
        except OSError:  # a file system without links
            part.rename(path)
    finally:
        for leftover in (part, Path(f"{part}-journal")):
            leftover.unlink(missing_ok=True)


def _make_tables(connection: sqlite3.Connection) -> None:
    """Make all tables in one transaction, unless another process was faster."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        if _is_unused(connection):
            for statement in [_JOURNAL, _META, *(line for table in TABLES.values() for line in table.ddl())]:
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _check_start(path: Path) -> None:
    """Refuse what SQLite itself would take for a new database, or turn into one."""
    if not path.is_file():
        raise StoreError(f"Expected one SQLite file, but {path} is not a file. Name another path.")
    with path.open("rb") as handle:
        start = handle.read(len(_MAGIC))
    if not start:
        raise StoreError(
            f"{path} is empty (0 bytes), its content is lost. Restore a copy, or delete it and index again."
        )
    if start != _MAGIC:
        raise StoreError(f"{path} is not a store: it does not begin as an SQLite file does. Name another path.")


def _is_unused(connection: sqlite3.Connection) -> bool:
    """Whether the database holds nothing yet, or nothing but records of model calls."""
    return _pragma(connection, "application_id") == _pragma(connection, "user_version") == 0 and (
        _tables(connection) <= _GUESTS
    )


def _check(connection: sqlite3.Connection, path: Path) -> None:
    if _pragma(connection, "application_id") != APPLICATION_ID:
        raise StoreError(f"{path} is an SQLite database of another program, not a store. Name another path.")
    version = _pragma(connection, "user_version")
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"{path} was written by a newer GRAFT (schema {version}, this one reads {SCHEMA_VERSION}). Upgrade GRAFT."
        )
    expected = {"journal", "meta", *(name for table in TABLES.values() for name in table.names)}
    if version < SCHEMA_VERSION:
        raise StoreError(
            f"{path} was written by an older GRAFT (schema {version}, this one reads {SCHEMA_VERSION}). "
            "Index into a new workspace."
        )
    if missing := expected - _tables(connection):
        raise StoreError(
            f"{path} is damaged (no table {', '.join(sorted(missing))}). Restore a copy, or delete it and index again."
        )


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])


def _tables(connection: sqlite3.Connection) -> set[str]:
    rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    return {name for (name,) in rows}
