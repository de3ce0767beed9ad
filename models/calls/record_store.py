"""Every model call on disk: the request, the response, the cost.

Two tables in a SQLite file, which may be the graph store's own. `calls` holds responses, found again by key;
`call_failures` holds failed calls, so that the ledger is honest and a rejected reply is not paid for twice. A row is
committed before its response is returned: a run killed at any moment repeats no finished call.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from models.errors import MAKE_ROOM, OutputError, RefusedPromptError, StoreError, TooLongError
from models.protocols import Usage

_BUSY_MS = 30_000
_PAGE = 500
_ERASED = "The text of this reply was erased."
REJECTED: dict[str, type[OutputError]] = {
    kind.__name__: kind for kind in (OutputError, RefusedPromptError, TooLongError)
}
"""Errors that a call would end in again, by the word that the reason of a failed call begins with."""
_SCHEMA = (
    """CREATE TABLE IF NOT EXISTS calls (
        key TEXT PRIMARY KEY, kind TEXT NOT NULL, model TEXT NOT NULL, request TEXT NOT NULL, response TEXT NOT NULL,
        tokens_in INTEGER NOT NULL, tokens_out INTEGER NOT NULL, cached INTEGER NOT NULL,
        seconds REAL NOT NULL, usd REAL NOT NULL, created_utc TEXT NOT NULL,
        estimated INTEGER NOT NULL DEFAULT 0)""",
    """CREATE TABLE IF NOT EXISTS call_failures (
        id INTEGER PRIMARY KEY, key TEXT NOT NULL, kind TEXT NOT NULL, model TEXT NOT NULL, reason TEXT NOT NULL,
        tokens_in INTEGER NOT NULL, tokens_out INTEGER NOT NULL,
        seconds REAL NOT NULL, usd REAL NOT NULL, created_utc TEXT NOT NULL,
        estimated INTEGER NOT NULL DEFAULT 0)""",
    "CREATE INDEX IF NOT EXISTS call_failures_of_key ON call_failures (key)",
)
_TOTALS = """
    SELECT model, kind, sum(calls), sum(failed), sum(tokens_in), sum(tokens_out), sum(cached), sum(seconds), sum(usd),
           sum(estimated)
    FROM (SELECT model, kind, 1 AS calls, 0 AS failed, tokens_in, tokens_out, cached, seconds, usd, estimated FROM calls
          UNION ALL
          SELECT model, kind, 0, 1, tokens_in, tokens_out, 0, seconds, usd, estimated FROM call_failures)
    GROUP BY model, kind ORDER BY model, kind"""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a model, before it is made.

    Attributes:
        key: Digest of model, settings and request; the same key is the same call.
        kind: "chat" or "score".
        model: Name of the model, for the ledger.
        request: The request, JSON.
    """

    key: str
    kind: str
    model: str
    request: str


@dataclass(frozen=True, slots=True)
class CallCost:
    """Cost of one call: tokens, seconds, US dollars."""

    usage: Usage
    seconds: float
    usd: float


@dataclass(frozen=True, slots=True)
class RejectedReply:
    """A reply that could not be used.

    Attributes:
        kind: The error that it ended in.
        reason: Why it was rejected.
        tokens_in: Tokens read for it.
        tokens_out: Tokens written.
        estimated: Whether the numbers of tokens are estimates.
    """

    kind: type[OutputError]
    reason: str
    tokens_in: int
    tokens_out: int
    estimated: bool

    def error(self) -> OutputError:
        """The error, as it was raised, marked as recorded."""
        return self.kind(self.reason, self.tokens_in, self.tokens_out, recorded=True, estimated=self.estimated)


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """Sums over all calls of one kind to one model, over the life of the file.

    Attributes:
        model: Name of the model.
        kind: "chat" or "score".
        calls: Number of responses on record.
        failed: Number of calls without a usable response.
        tokens_in: Tokens read, those of failed calls included as far as known.
        tokens_out: Tokens written, those of failed calls included as far as known.
        cached: Tokens read that came from a prefix cache.
        seconds: Time of all calls, as if one after another.
        usd: Price of all calls, in US dollars.
        estimated: Number of calls whose tokens are estimates, since the server stated none.
    """

    model: str
    kind: str
    calls: int
    failed: int
    tokens_in: int
    tokens_out: int
    cached: int
    seconds: float
    usd: float
    estimated: int = 0


@dataclass(slots=True)
class _KeyLock:
    lock: threading.Lock = field(default_factory=threading.Lock)
    users: int = 0


class Records:
    """The records of one file. Safe to share between threads, and between processes on one machine.

    A writer waits up to 30 s for another connection's transaction; so do not hold a transaction of the graph store
    open around a model call where both live in one file.
    """

    def __init__(self, path: Path, retry_failed: bool = False) -> None:
        """Open the records, making file and tables where they are missing.

        Args:
            path: The SQLite file.
            retry_failed: Whether calls whose reply was rejected are made again.
        Raises:
            StoreError: The file cannot be opened, written, or is not a database.
        """
        self.path = path
        self.retry_failed = retry_failed
        self._lock = threading.Lock()
        self._keys: dict[str, _KeyLock] = {}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"The folder {path.parent} of the call records cannot be made: {error}.") from error
        with self._explained():
            # Transactions are ours to open; without one, each statement commits by itself.
            self._database = sqlite3.connect(
                path, timeout=_BUSY_MS / 1000, isolation_level=None, check_same_thread=False
            )
        try:
            with self._explained():
                # WAL lets others read while one writes; FULL makes a commit survive a power failure.
                self._database.execute("PRAGMA journal_mode = WAL")
                self._database.execute("PRAGMA synchronous = FULL")
                for statement in _SCHEMA:
                    self._database.execute(statement)
                self._add_missing_columns()
        except StoreError:
            self._database.close()  # or its file stays locked as long as the error is held
            raise

    def find(self, key: str) -> str | None:
        """The response on record for a key, JSON, or None."""
        rows = self._execute("SELECT response FROM calls WHERE key = ?", (key,))
        return str(rows[0][0]) if rows else None

    def find_rejected(self, key: str) -> RejectedReply | None:
        """The latest rejected reply on record for a key, or None; a broken connection left no reply."""
        known = " OR ".join("reason LIKE ?" for _ in REJECTED)
        rows = self._execute(
            "SELECT reason, tokens_in, tokens_out, estimated FROM call_failures "
            f"WHERE key = ? AND ({known}) ORDER BY id DESC",
            (key, *(f"{name}: %" for name in REJECTED)),
        )
        if not rows:
            return None
        name, _, reason = rows[0][0].partition(": ")
        return RejectedReply(REJECTED[name], reason, rows[0][1], rows[0][2], bool(rows[0][3]))

    def add(self, call: Call, response: str, cost: CallCost) -> None:
        """Record a response; committed on return. The first response to a key stays."""
        usage = cost.usage
        self._execute(
            "INSERT OR IGNORE INTO calls (key, kind, model, request, response, tokens_in, tokens_out, cached, seconds, "
            "usd, created_utc, estimated) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (call.key, call.kind, call.model, call.request, response, usage.tokens_in, usage.tokens_out, usage.cached,
             cost.seconds, cost.usd, _now(), usage.estimated),
        )  # fmt: skip

    def add_failure(self, call: Call, reason: str, cost: CallCost) -> None:
        """Record a call without a usable response; committed on return."""
        usage = cost.usage
        self._execute(
            "INSERT INTO call_failures (key, kind, model, reason, tokens_in, tokens_out, seconds, usd, created_utc, "
            "estimated) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (call.key, call.kind, call.model, _storable(reason), usage.tokens_in, usage.tokens_out, cost.seconds,
             cost.usd, _now(), usage.estimated),
        )  # fmt: skip

    def totals(self) -> list[LedgerRow]:
        """The ledger: one row for each model and kind of call, sorted by name."""
        return [LedgerRow(*row) for row in self._execute(_TOTALS)]

    def texts(self) -> Iterator[tuple[str, str, str]]:
        """Key, request and response of every call on record, sorted by key."""
        # Page by page, so that no cursor stays open while the caller writes.
        last = ""
        while page := self._execute(
            "SELECT key, request, response FROM calls WHERE key > ? ORDER BY key LIMIT ?", (last, _PAGE)
        ):
            yield from page
            last = page[-1][0]

    def remove(self, keys: Iterable[str]) -> None:
        """Remove responses from the records, and what every failed call's reason quotes of a reply.

        A reason may quote any text, so those of all failed calls are cut, whichever keys are given. The file still
        holds the bytes until it is compacted.
        """
        for key in keys:
            self._execute("DELETE FROM calls WHERE key = ?", (key,))
        self._execute(f"UPDATE call_failures SET reason = substr(reason, 1, instr(reason, ': ') + 1) || '{_ERASED}'")

    @contextmanager
    def alone(self, key: str) -> Iterator[None]:
        """Let one thread at a time work on a key, so that a call made twice at once is paid for once."""
        # A lock a key, counted, so that the table does not grow with every call of a long run.
        with self._lock:
            entry = self._keys.setdefault(key, _KeyLock())
            entry.users += 1
        try:
            with entry.lock:
                yield
        finally:
            with self._lock:
                entry.users -= 1
                if not entry.users:
                    del self._keys[key]

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._database.close()

    def _add_missing_columns(self) -> None:
        """Add what files of earlier versions lack: their servers stated all numbers of tokens, or the call failed."""
        for table in ("calls", "call_failures"):
            columns = {row[1] for row in self._database.execute(f"PRAGMA table_info({table})")}
            if "estimated" in columns:
                continue
            try:
                self._database.execute(f"ALTER TABLE {table} ADD COLUMN estimated INTEGER NOT NULL DEFAULT 0")
            except sqlite3.OperationalError as error:
                if "duplicate column" not in str(error):  # another process was faster
                    raise

    def _execute(self, statement: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        with self._lock, self._explained():
            return self._database.execute(statement, values).fetchall()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StoreError(f"The call records {self.path} cannot be used: {error}. {_advice(error)}") from error


def _advice(error: sqlite3.Error) -> str:
    name = getattr(error, "sqlite_errorname", "") or ""
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return f"Another process held the file for more than {_BUSY_MS // 1000} s; end it, or wait and run again."
    if name.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT")):
        return "The file is damaged or is something else; move it away, or give another path."
    if name.startswith(("SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_PERM", "SQLITE_AUTH")):
        return "Check that it is a file, and that it and its folder may be written."
    if name.startswith(("SQLITE_FULL", "SQLITE_IOERR")):
        return f"The disk is full or reports an error: {MAKE_ROOM}."
    return "Open it again, or move it away if it was made by another version."


def _storable(text: str) -> str:
    """Text without halves of surrogate pairs, which SQLite refuses."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
