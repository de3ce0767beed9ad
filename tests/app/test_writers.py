"""Two processes that want to change one workspace: the second waits for the first, or says why it gives up."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.app.command import graft
from tests.app.scripted import ENCODER
from tests.kg.scripted import TIDES, write_sources

ROOT = Path(__file__).parents[2]
SLOW = "tests.app.scripted:Slow"
INDEX = ("index", "articles", "-w", "kb", "--encoder", ENCODER, "--extractor", SLOW, "-q", "--json")
HOLD = (
    "import sys, time; from pathlib import Path; from kg.workspace import Workspace\n"
    "with Workspace.open(Path('kb')).writing(): print('in', flush=True); time.sleep(600)"
)


def start(*command: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *command],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def indexed(articles: Path) -> Path:
    """A knowledge base of three documents, and three more beside them."""
    assert graft(*INDEX).code == 0
    return write_sources(articles, {f"new-{name}": text.replace("Torsby", "Varn") for name, text in TIDES.items()})


def test_changes_at_the_same_time_are_made_one_after_the_other(indexed: Path) -> None:
    commands = (
        ("update", "articles/new-a.md", "articles/new-b.md", "articles/new-c.md", "-w", "kb", "-q"),
        ("delete", "b.md", "-w", "kb", "-q", "--erase"),
    )
    children = [start("-m", "app.cli", *command) for command in commands]
    for child in children:
        _, errors = child.communicate(timeout=120)
        assert (child.returncode, errors) == (0, "")
    (indexed / "b.md").unlink()
    done = graft(*INDEX, "--max-calls", "0")
    assert (done.code, done.json["documents"], done.json["spent"]["tokens_in"]) == (0, 5, 0)
    assert done.json["digest"] == graft(*INDEX[:3], "fresh", *INDEX[4:]).json["digest"]


def test_a_writer_that_does_not_end_is_named(indexed: Path) -> None:
    holder = start("-c", HOLD)
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "in\n"
        began = time.monotonic()
        commands = (INDEX, ("update", "articles", "-w", "kb", "-q"), ("delete", "a.md", "-w", "kb", "-q"))
        for child in [start("-m", "app.cli", *command) for command in commands]:
            output, errors = child.communicate(timeout=120)
            assert (child.returncode, output) == (1, "")
            assert f"is still being written by process {holder.pid} after 10 s" in errors
            assert len(errors.splitlines()) == 1
        assert time.monotonic() - began >= 10
        holder.kill()
    assert graft("delete", "a.md", "-w", "kb", "-q").code == 0
