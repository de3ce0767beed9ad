"""What the guides show works as it stands: their files are written, their commands are run by a shell, in order."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, page, pages_with_commands, shown_commands, shown_files

pytestmark = pytest.mark.models
ARTICLES = (
    "04-amber-wren-launched.md", "08-glass-for-sable-ness.md", "09-tarrender-to-negotiate-for-ostrel.md",
    "12-oskevald-to-leave-veldrane.md", "10-veldrane-buys-murmurine.md", "18-oskevald-to-binnacle-foundation.md",
    "20-dunverrow-slipways-renamed.md",
)  # fmt: skip
SLOW = ("guides/batch.md", "guides/own-documents.md")
QUICKSTART = shown_files(page("quickstart.md"))


def shell(commands: str, folder: Path) -> str:
    """Run commands in a folder with our `graft` in front; returns what they print."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("GRAFT_WORKSPACE", "OPENAI_"))
    }
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    script = ["bash", "-euo", "pipefail", "-c", commands]
    done = subprocess.run(script, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{commands}\n{done.stderr[-3000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder after the quickstart's first command: documents, questions, an experiment and a knowledge base."""
    folder = tmp_path_factory.mktemp("quickstart")
    (folder / "my-documents").mkdir()
    for name in ARTICLES:
        shutil.copy(ROOT / "examples" / "saltmarsh" / "articles" / name, folder / "my-documents")
    for name, text in QUICKSTART.items():
        (folder / name).write_text(text, encoding="utf-8")
    shell(shown_commands(page("quickstart.md"))[0].splitlines()[0], folder)
    return folder


@pytest.fixture
def folder(indexed: Path, tmp_path: Path) -> Path:
    """A copy of that folder for one page."""
    return Path(shutil.copytree(indexed, tmp_path / "work"))


@pytest.mark.slow
def test_the_quickstart_runs_as_it_stands(folder):
    printed = shell("\n".join(shown_commands(page("quickstart.md"))), folder)
    assert "Bastian Ferrowby" in printed  # found by the search
    assert "graph-rag" in printed and "McNemar" in printed  # the table
    runs = list((folder / "kb" / "runs").iterdir())
    assert len(runs) == 2 and all((run / "report.html").is_file() for run in runs)
    assert "graph-rag" in shell(f"graft eval compare {runs[0]} {runs[1]} --json", folder)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else [])
        for name in pages_with_commands()
        if name != "quickstart.md"
    ],
)
def test_commands_of_a_page_run_as_they_stand(name, folder):
    text = page(name)
    for file, content in shown_files(text).items():
        (folder / file).write_text(content, encoding="utf-8")
    if name == "guides/own-documents.md":
        shutil.rmtree(folder / "kb")  # the page builds it with settings of its own
    for block in shown_commands(text):
        shell(block, folder)


@pytest.mark.slow
def test_a_retriever_of_ones_own_is_one_file_and_one_line(folder):
    text = page("guides/own-retriever.md")
    (line,) = (
        line for line in text.splitlines() if "retriever: " in line and line.lstrip().startswith("- {name: newest")
    )
    files = shown_files(text)
    assert list(files) == ["my_retriever.py"]
    (folder / "my_retriever.py").write_text(files["my_retriever.py"], encoding="utf-8")
    experiment = QUICKSTART["my-experiment.yaml"]
    (folder / "own.yaml").write_text(f"{experiment.rstrip()}\n{line}\n", encoding="utf-8")
    assert "newest" in shell("graft eval run own.yaml", folder)


@pytest.mark.slow
def test_a_task_of_ones_own_is_one_file_and_one_line(folder):
    files = shown_files(page("guides/own-task.md"))
    assert list(files) == ["my_task.py", "my-questions.csv"]
    for name, content in files.items():
        (folder / name).write_text(content, encoding="utf-8")
    (line,) = (line for line in page("guides/own-task.md").splitlines() if line.startswith("task: "))
    lines = QUICKSTART["my-experiment.yaml"].splitlines()
    experiment = [line if each.startswith("task: ") else each for each in lines]
    (folder / "own.yaml").write_text("\n".join(experiment), encoding="utf-8")
    (folder / "own.json").write_text(shell("graft eval run own.yaml --json", folder), encoding="utf-8")
    assert '"n": 2' in (folder / "own.json").read_text(encoding="utf-8")
