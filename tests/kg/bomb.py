"""Ends this process by SIGKILL at one of its operations, right before or right after it.

An operation is a commit of the store or of the records of model calls, or the move of a file to its final name.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypeVar

T = TypeVar("T")

_WRITES = ("INSERT", "DELETE", "UPDATE", "CREATE")


@dataclass(frozen=True, slots=True)
class Kill:
    """When a process dies: before or after its n-th operation, or so many seconds after its start."""

    when: Literal["before", "after", "time"]
    at: float


class Bomb:
    """Counts the operations of this process and ends it at one."""

    def __init__(self, kill: Kill | None) -> None:
        self.kill = kill
        self.count = 0
        self._lock = threading.Lock()

    def around(self, operation: Callable[..., T], *values: Any) -> T:
        with self._lock:
            self.count += 1
            mine = self.count
        self._end_at("before", mine)
        result = operation(*values)
        self._end_at("after", mine)
        return result

    def _end_at(self, when: str, number: int) -> None:
        if self.kill is not None and (self.kill.when, self.kill.at) == (when, number):
            os.kill(os.getpid(), signal.SIGKILL)


class Watched(sqlite3.Connection):
    """A connection whose commits of anything written are operations."""

    bomb: Bomb
    wrote = False

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        writes = sql.lstrip().startswith(_WRITES)
        commits = (sql == "COMMIT" and self.wrote) or (writes and not self.in_transaction)
        self.wrote = sql != "COMMIT" and (self.wrote or writes)
        run = super().execute
        return self.bomb.around(run, sql, *values) if commits else run(sql, *values)

    def executemany(self, sql: str, rows: Any) -> sqlite3.Cursor:
        self.wrote = True
        return super().executemany(sql, rows)


def watch(kill: Kill | None) -> Bomb:
    """Put a bomb around the commits and moves of files of this process."""
    Watched.bomb = bomb = Bomb(kill)
    sqlite3.connect = partial(sqlite3.connect, factory=Watched)
    for name in ("link", "replace", "rename"):
        setattr(os, name, partial(bomb.around, getattr(os, name)))
    return bomb
