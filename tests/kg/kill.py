"""SIGKILL at every operation of a build and at any time, in its recovery too; then what the last process leaves.

Each history starts from a fresh copy of a workspace, kills the process that builds, mostly also the one that recovers,
and lets a last one finish. Its store must have the digest of an uninterrupted build, every passage its entry in the
journal, and no process may ask what an earlier one had on record. Processes are forks of this one, so that a history
takes a fraction of a second. A power cut is not tested: what a killed process wrote is the system's to keep, so that
SQLite's `synchronous` makes no difference here. Exits with 1 where anything went wrong.

    python -m tests.kg.kill --points 500
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import asdict, dataclass
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

from kg.build import BuildModels, build
from kg.config import IndexConfig
from kg.language.sentences import RuleSentences
from kg.schema import Chunk
from kg.workspace import Workspace
from models.calls.executor import ThreadExecutor
from models.calls.records import RecordedChat, Records
from models.errors import OutputError
from models.files.digest import digest
from models.protocols import ChatRequest, Completion
from tests.kg.bomb import Kill, watch
from tests.kg.scripted import PLAIN, TIDES, LetterEncoder, ScriptedChat, append, lines, write_sources

_ANSWER_S = 0.004
_CHANGED = {
    "a.md": "Ada Lorne left Torsby for Bellwick. Harrow Mills sold Marrow & Finch to Tomas Lorne.",
    "c.md": TIDES["c.md"],
    "d.md": "Harrow Mills bought Bellwick Castle. Ines Varga met Ada Lorne in Bellwick.",
}
ALONE = IndexConfig(chunk_tokens=16, extract=PLAIN)
TOGETHER = ALONE.model_copy(update={"extract_tokens": 48})


@dataclass(frozen=True, slots=True)
class Scene:
    """What is built: `before` is in the workspace already, `texts` are the sources now.

    A passage that holds both words of `useless` is answered uselessly; that is on record too, and its halves are
    asked for.
    """

    name: str
    texts: dict[str, str]
    before: dict[str, str] | None = None
    config: IndexConfig = ALONE
    useless: tuple[str, str] = ("elected", "praised")


SCENES = (
    Scene("index", TIDES),
    Scene("update", _CHANGED, before=TIDES),
    Scene("grouped update", _CHANGED, before=TIDES, config=TOGETHER, useless=("elected", "visited")),
)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A scene ready to be played: the folder to start from, and what an uninterrupted build of it gave."""

    scene: Scene
    folder: Path
    digest: str
    operations: int
    seconds: float


@dataclass(frozen=True, slots=True)
class History:
    """What became of one: the kills that hit (all but the first in recovery), and what was wrong at the end."""

    scene: str
    hits: tuple[Kill, ...]
    mismatch: bool
    repeated: int
    broken: str


class _Asked(ScriptedChat):
    """Logs the keys of its calls, as the records name them."""

    def __init__(self, log: Path, useless: tuple[str, str]) -> None:
        def loops(prompt: str) -> Exception | None:
            return OutputError("it loops", 9, 9) if all(word in prompt for word in useless) else None

        super().__init__(_ANSWER_S, fail=loops)
        self._keys = log

    def complete(self, request: ChatRequest) -> Completion:
        append(self._keys, digest("chat", self.digest, asdict(request)))
        return super().complete(request)


def _build(scene: Scene, folder: Path, texts: Path) -> str:
    """What every process does."""
    with Workspace.create(folder / "workspace", scene.config) as workspace:
        _ = workspace.store
        with closing(Records(workspace.records_path)) as records:
            chat = RecordedChat(_Asked(folder / "asked", scene.useless), records)
            models = BuildModels(chat, LetterEncoder(), RuleSentences())
            summary = build(workspace, texts, models, executor=ThreadExecutor(2))
            chunks = {row.id for row in workspace.store.read(Chunk)}
            ended = {entry.item: entry.status for entry in workspace.store.journal("extract")}
        if summary.failed or any(ended[chunk] != "done" for chunk in chunks):
            raise AssertionError(f"passages without an answer: {summary.failures}, {ended}")
    return summary.digest


def _fork(scene: Scene, folder: Path, kill: Kill | None = None, texts: str = "sources") -> int:
    """Build in a process of its own, which may be killed; its exit status as of `os.waitpid`."""
    pid = os.fork()
    if pid == 0:
        try:
            bomb = watch(kill)
            built = _build(scene, folder, folder / texts)
            (folder / "result").write_text(json.dumps([built, bomb.count]), encoding="utf-8")
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    if kill is not None and kill.when == "time":
        time.sleep(kill.at)
        os.kill(pid, signal.SIGKILL)  # harmless where it has ended: nobody has waited for it yet
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def prepare(scene: Scene, folder: Path) -> Prepared:
    """Make the folder that every history of a scene starts from, and build it once without a kill.

    Raises:
        AssertionError: The uninterrupted build fails, or differs from a build into an empty workspace.
    """
    start, whole, fresh = (folder / name for name in ("start", "whole", "fresh"))
    write_sources(start / "sources", scene.texts)
    if scene.before is not None:
        write_sources(start / "before", scene.before)
        assert _fork(scene, start, texts="before") == 0
    shutil.copytree(start, whole)
    began = time.perf_counter()
    assert _fork(scene, whole) == 0
    seconds = time.perf_counter() - began
    shutil.copytree(start / "sources", fresh / "sources")
    assert _fork(scene, fresh) == 0
    built, operations = _result(whole)
    assert built == _result(fresh)[0]
    assert _on_record(whole / "workspace") == set(lines(whole / "asked")), (
        "calls are logged by other keys than recorded"
    )
    return Prepared(scene, start, built, operations, seconds)


def play(prepared: Prepared, kills: tuple[Kill, ...]) -> History:
    """Start from a copy of the scene's folder, kill process after process, let the last one finish."""
    hits: list[Kill] = []
    repeated, status, broken = 0, -signal.SIGKILL, ""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary, "play")
        shutil.copytree(prepared.folder, folder)
        for kill in (*kills, None):
            known, asked = _on_record(folder / "workspace"), len(lines(folder / "asked"))
            status = _fork(prepared.scene, folder, kill)
            repeated += len(known & set(lines(folder / "asked")[asked:]))
            if status != -signal.SIGKILL or kill is None:
                break
            hits.append(kill)
        if status != 0:
            broken = f"{kills}: the last process ended with {status}"
        mismatch = bool(broken) or _result(folder)[0] != prepared.digest
        if not broken and (found := _integrity(folder / "workspace")) != "ok":
            broken = f"{kills}: {found}"
    return History(prepared.scene.name, tuple(hits), mismatch, repeated, broken)


def _result(folder: Path) -> tuple[str, int]:
    built, operations = json.loads((folder / "result").read_text(encoding="utf-8"))
    return built, operations


def _on_record(workspace: Path) -> set[str]:
    """Keys of the calls whose answers, good or useless, are committed; read from a copy, to recover nothing here."""
    with tempfile.TemporaryDirectory() as copy:
        for file in workspace.glob("graph.sqlite*"):
            if not file.name.endswith("-shm"):
                shutil.copy(file, copy)
        path = Path(copy, "graph.sqlite")
        if not path.exists():
            return set()
        with closing(sqlite3.connect(path)) as database:
            tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
            return {
                key
                for table in ("calls", "call_failures")
                if table in tables
                for (key,) in database.execute(f"SELECT key FROM {table}")
            }


def _integrity(workspace: Path) -> str:
    with closing(sqlite3.connect(workspace / "graph.sqlite")) as database:
        return str(database.execute("PRAGMA integrity_check").fetchone()[0])


def plans(prepared: list[Prepared], chance: random.Random) -> Iterator[tuple[Prepared, tuple[Kill, ...]]]:
    """Every operation of every scene, once before and once after it, in any order and again and again, with random
    times among them; each with a second kill, in the recovery, which may come too late to hit."""
    moments = [(each, kill) for each in prepared for kill in _moments(each)]
    while True:
        chance.shuffle(moments)
        for number, (each, first) in enumerate(moments):
            yield each, (first, chance.choice(_moments(each)))
            if number % 2:
                timed = chance.choice(prepared)
                yield timed, tuple(Kill("time", chance.uniform(0, timed.seconds)) for _ in range(2))


def _moments(prepared: Prepared) -> list[Kill]:
    return [Kill(when, at) for at in range(1, prepared.operations + 1) for when in ("before", "after")]


def run(points: int, seed: int, folder: Path, workers: int = 2) -> tuple[list[Prepared], list[History]]:
    """Play histories until so many kills have hit."""
    import graspologic_native  # noqa: F401 - as spaCy below: imported once, here, and inherited by every fork

    RuleSentences().split("One. Two.")
    prepared = [prepare(scene, folder / scene.name) for scene in SCENES]
    endless = plans(prepared, random.Random(seed))
    histories: list[History] = []
    with ProcessPoolExecutor(workers, mp_context=get_context("fork")) as pool:
        while (left := points - sum(len(history.hits) for history in histories)) > 0:
            histories += pool.map(play, *zip(*islice(endless, max(workers, left // 2)), strict=True))
    return prepared, histories


def count(prepared: list[Prepared], histories: list[History]) -> dict[str, int]:
    """What came of some histories."""
    hits = [(history.scene, kill, number) for history in histories for number, kill in enumerate(history.hits)]
    return {
        "operations of a build": sum(each.operations for each in prepared),
        "histories": len(histories),
        "kill points": len(hits),
        "  before an operation": sum(kill.when == "before" for _, kill, _ in hits),
        "  after an operation": sum(kill.when == "after" for _, kill, _ in hits),
        "  at a random time": sum(kill.when == "time" for _, kill, _ in hits),
        "  of these in recovery": sum(number > 0 for _, _, number in hits),
        "moments around operations": 2 * sum(each.operations for each in prepared),
        "  of these hit": len({(scene, kill) for scene, kill, number in hits if not number and kill.when != "time"}),
        "digest mismatches": sum(history.mismatch for history in histories),
        "finished calls repeated": sum(history.repeated for history in histories),
        "broken ends": sum(bool(history.broken) for history in histories),
    }


def table(prepared: list[Prepared], histories: list[History]) -> str:
    """The figures by scene and in all, and what broke."""
    columns: dict[str, dict[str, int]] = {}
    for each in prepared:
        own = [history for history in histories if history.scene == each.scene.name]
        columns[each.scene.name] = count([each], own)
    columns["in all"] = count(prepared, histories)
    rows = [f"{'':26}" + "".join(f"{name:>16}" for name in columns)]
    for name in columns["in all"]:
        rows.append(f"{name:26}" + "".join(f"{column[name]:>16}" for column in columns.values()))
    return "\n".join([*rows, *(history.broken for history in histories if history.broken)])


def main() -> int:
    """Play and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--points", type=int, default=500, help="kills that must hit")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="print the figures as one JSON document")
    asked = parser.parse_args()
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        prepared, histories = run(asked.points, asked.seed, Path(folder))
    figures = count(prepared, histories)
    shown = json.dumps(figures) if asked.json else table(prepared, histories)
    sys.stdout.write(f"{shown}\n")
    sys.stderr.write(f"{time.perf_counter() - began:.0f} s\n")
    return int(any(figures[name] for name in ("digest mismatches", "finished calls repeated", "broken ends")))


if __name__ == "__main__":
    sys.exit(main())
