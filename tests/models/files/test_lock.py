"""One at a time."""

from __future__ import annotations

import fcntl
import threading
import time
from pathlib import Path

import pytest

from models.files.lock import exclusive


def test_holders_take_turns(tmp_path: Path) -> None:
    counter = tmp_path / "counter"
    counter.write_text("0")

    def add() -> None:
        with exclusive(tmp_path / "locks" / "a.lock"):
            value = int(counter.read_text())
            time.sleep(0.02)
            counter.write_text(str(value + 1))

    threads = [threading.Thread(target=add) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counter.read_text() == "6"


def test_an_error_inside_frees_the_lock(tmp_path: Path) -> None:
    lock = tmp_path / "a.lock"
    with pytest.raises(KeyError), exclusive(lock):
        with lock.open("a") as other, pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        raise KeyError
    with lock.open("a") as other:
        assert fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB) is None  # raises where the lock is still held
