"""The whole job on five articles of the demo: its files, and the `graft` command as a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
SALTMARSH = ROOT / "examples" / "saltmarsh"
ARTICLES = (
    "03-herring-accord-signed.md",
    "12-oskevald-to-leave-veldrane.md",
    "14-dask-to-head-peldra-laboratory.md",
    "17-drave-sworn-in.md",
    "21-wexmoor-elected-mayor.md",
)
ARMS = ("closed-book", "oracle", "rag", "graph-rag", "lora", "lora-rag", "lora-graph-rag")
ANSWERABLE, UNANSWERABLE = 8, 2
BUDGET_TOKENS = 800


@dataclass(frozen=True, slots=True)
class CommandResult:
    """A command that has ended."""

    code: int
    out: str
    err: str
    seconds: float

    @property
    def json(self) -> dict[str, Any]:
        """stdout as JSON."""
        return dict(json.loads(self.out))


def environment() -> dict[str, str]:
    """The person's own, without settings that would change what is run."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GRAFT_WORKSPACE", "SCRIPTED_"))}
    return {**kept, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}


def start(folder: Path, *arguments: str | Path) -> subprocess.Popen[str]:
    """Start `graft ARGUMENTS` in a folder; what it writes goes to a file there."""
    with (folder / "killed.log").open("a", encoding="utf-8") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "app.cli", *map(str, arguments)],
            cwd=folder,
            env=environment(),
            stdout=log,
            stderr=log,
            text=True,
        )


def graft(folder: Path, *arguments: str | Path) -> CommandResult:
    """Run `graft ARGUMENTS` in a folder."""
    began = time.monotonic()
    command = [sys.executable, "-m", "app.cli", *map(str, arguments)]
    done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, check=False)
    return CommandResult(done.returncode, done.stdout, done.stderr, time.monotonic() - began)


def kill_when(child: subprocess.Popen[str], ready: Callable[[], bool], timeout_s: float = 300) -> bool:
    """Send SIGKILL as soon as `ready`; False if the process ended before."""
    deadline = time.monotonic() + timeout_s
    while child.poll() is None and time.monotonic() < deadline:
        if ready():
            child.kill()
            break
        time.sleep(0.02)
    else:
        child.kill()
    return child.wait() == -9


def write_articles(folder: Path) -> Path:
    """The five articles, as a folder of documents."""
    out = folder / "articles"
    out.mkdir(parents=True)
    for name in ARTICLES:
        shutil.copy(SALTMARSH / "articles" / name, out)
    return out


def write_questions(folder: Path) -> Path:
    """Eight questions that the five articles answer, and two that nothing answers."""
    lines = (SALTMARSH / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    known = set(ARTICLES)
    answerable = []
    for row in rows:
        documents = {evidence["document"] for evidence in row["evidence"]}
        if documents and documents <= known:
            answerable.append(row)
    unanswerable = [row for row in rows if row["kind"] == "never-happened"]
    chosen = [*answerable[:ANSWERABLE], *unanswerable[:UNANSWERABLE]]
    assert len(chosen) == ANSWERABLE + UNANSWERABLE
    file = folder / "questions.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in chosen), encoding="utf-8")
    return file


def write_experiment(folder: Path, arms: Sequence[str] = ARMS, **changes: Any) -> Path:
    """Articles, questions and experiment."""
    write_articles(folder)
    write_questions(folder)
    values: dict[str, Any] = {
        "name": "chain",
        "workspace": "kb",
        "documents": {"path": "articles"},
        "index": {"chunk_tokens": 100, "extract_tokens": 300, "extractor": "qwen-1.5b", "encoder": "minilm"},
        "task": {"format": "jsonl", "path": "questions.jsonl"},
        "reader": "smollm2-135m",
        "context_tokens": BUDGET_TOKENS,
        "passages": 3,
        "train": {"rank": 8, "epochs": 1, "paraphrases": 0},
        "arms": list(arms),
        **changes,
    }
    file = folder / "experiment.yaml"
    file.write_text(yaml.safe_dump({name: value for name, value in values.items() if value}), encoding="utf-8")
    return file


def read_rows(workspace: Path, query: str) -> list[tuple[Any, ...]]:
    """Rows of the workspace's database, which another process may be writing; none where it is not there yet."""
    file = workspace / "graph.sqlite"
    if not file.is_file():
        return []
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as database:
            return database.execute(query).fetchall()
    except sqlite3.OperationalError:  # no table yet, or just being made
        return []


def calls(workspace: Path) -> list[tuple[Any, ...]]:
    """Every recorded answer, whole."""
    return read_rows(workspace, "SELECT * FROM calls ORDER BY key")


def failures(workspace: Path) -> list[tuple[Any, ...]]:
    """Every call that brought no answer."""
    return read_rows(workspace, "SELECT reason FROM call_failures")
