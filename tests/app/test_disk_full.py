"""A disk that fills up: a clear error, nothing lost, and the same command goes on afterwards."""

from __future__ import annotations

import resource
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from models.calls.record_store import Call, CallCost, Records
from models.errors import StoreError
from models.protocols import Usage
from tests.app.command import Outcome, graft
from tests.app.scripted import PLAINLY
from tests.kg.scripted import TIDES, write_sources

WAY_OUT = "free some space and run the same command again"
TEXTS = {
    f"{n}{name}": text.replace("Torsby", f"Torsby{'abcdefgh'[n]}") for n in range(8) for name, text in TIDES.items()
}


@contextmanager
def files_up_to(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond some bytes, as on a disk with no more room."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def index(workspace: Path | str = "kb") -> Outcome:
    return graft("index", "many", "-w", workspace, *PLAINLY, "-q", "--json")


def recorded(workspace: Path) -> int:
    """Number of recorded calls, in a store that is intact."""
    if not (workspace / "graph.sqlite").is_file():
        return 0
    with closing(sqlite3.connect(workspace / "graph.sqlite")) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'calls'").fetchall():
            return 0  # there was room for the store and none for the records
        return int(database.execute("SELECT count(*) FROM calls").fetchone()[0])


@pytest.fixture
def many() -> Path:
    """Documents enough to fill something."""
    return write_sources(Path("many"), TEXTS)


def test_an_index_resumes_wherever_the_disk_was_full(many: Path) -> None:
    known, failed, size = [0], 0, 1 << 12
    while True:
        with files_up_to(size):
            done = index()
        if done.code == 0:
            break
        assert WAY_OUT in done.error(1)
        known.append(recorded(Path("kb")))
        failed, size = failed + 1, size + (16 << 10)
    assert failed >= 5
    assert known == sorted(known)
    assert any(0 < count < len(TEXTS) for count in known), known  # full between two answers, and the first were kept
    assert recorded(Path("kb")) == done.json["chunks"] == len(TEXTS)
    assert done.json["digest"] == index("fresh").json["digest"]


def test_an_update_and_a_deletion_leave_the_store_as_it_was(many: Path) -> None:
    before = index().json["digest"]
    (many / "new.md").write_text("Harrow Mills bought Bellwick Castle. " * 2000)
    commands = (("update", "many/new.md"), ("delete", "0*", "--erase"))
    for command in commands:
        with files_up_to(64 << 10):
            assert WAY_OUT in graft(*command, "-w", "kb", "-q").error(1)
    (many / "new.md").unlink()
    assert index().json["digest"] == before
    for command in commands[1:]:
        assert graft(*command, "-w", "kb", "-q").code == 0


def test_an_export_replaces_nothing_unless_it_is_complete(many: Path) -> None:
    index()
    assert graft("export", "graph.graphml", "-w", "kb").code == 0
    before = Path("graph.graphml").read_bytes()
    with files_up_to(len(before) // 2):
        assert WAY_OUT in graft("export", "graph.graphml", "-w", "kb").error(1)
    assert Path("graph.graphml").read_bytes() == before
    assert sorted(path.name for path in Path().iterdir()) == ["graph.graphml", "kb", "many"]


def test_an_answer_that_cannot_be_recorded_says_so_and_the_next_one_can(tmp_path: Path) -> None:
    with closing(Records(tmp_path / "calls.sqlite")) as records:
        answers = [(Call(f"k{n}", "chat", "m", "{}"), "x" * 5000) for n in range(40)]
        spent = CallCost(Usage(), 0.0, 0.0)
        with files_up_to(100 << 10), pytest.raises(StoreError, match=WAY_OUT):
            for call, answer in answers:
                records.add(call, answer, spent)
        kept = sum(1 for _ in records.texts())
        assert 0 < kept < 40
        for call, answer in answers:
            records.add(call, answer, spent)
        assert sum(1 for _ in records.texts()) == 40


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for half a megabyte."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", disk], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("needs the right to mount a file system")
    yield disk
    subprocess.run(["umount", disk], check=True)


def test_a_small_disk_fills_up_and_is_made_larger(many: Path, small_disk: Path) -> None:
    (small_disk / "ballast").write_bytes(bytes(250_000))
    done = index(small_disk / "kb")
    assert WAY_OUT in done.error(1)
    recorded(small_disk / "kb")
    (small_disk / "ballast").unlink()
    subprocess.run(["mount", "-o", "remount,size=8m", small_disk], check=True)
    done = index(small_disk / "kb")
    assert (done.code, done.json["digest"]) == (0, index("fresh").json["digest"])
