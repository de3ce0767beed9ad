"""The wheel as a user gets it: in an empty environment, run beside packages of the user's named `app` and `models`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from models.errors import ModelError
from models.weights.resolve import is_present, resolve

ROOT = Path(__file__).parents[2]
WEIGHTS = ("all-minilm-l6-v2", "en_core_web_sm")
OWN_PACKAGES = ("app", "eval", "kg", "models")

pytestmark = [pytest.mark.slow, pytest.mark.models, pytest.mark.timeout(1800)]

DOCUMENTS = {
    "harbour.md": "# The harbour of Skarn\n\nIda Brenn leads the harbour of Skarn. She was born in Oslen in 1971.",
    "ferry.md": "# A new ferry\n\nThe ferry Tern sails from Skarn to Oslen. Ida Brenn founded the ferry line in 2004.",
}

# A retriever of the user's own, in a package of the user's own whose name a folder of ours has too.
RETRIEVER = '''
from pydantic import BaseModel

from graftlab.retrieval.index.graph_index import GraphIndex
from graftlab.retrieval.retrievers.bm25 import Bm25Retriever, Bm25Settings


class Settings(BaseModel):
    most: int = 1


class First:
    """The passage with the most shared words alone."""

    name = "first"
    Settings = Settings

    def __init__(self, index: GraphIndex, settings: Settings) -> None:
        self._words, self._most = Bm25Retriever(index, Bm25Settings()), settings.most
        self.digest = self._words.digest + str(settings.most)

    def retrieve(self, question, limit):
        return self._words.retrieve(question, min(limit, self._most))
'''

SCRIPT = """
import app, eval, kg, models
import graftlab.kg.schema
from graftlab import index, search

assert all(module.OWNER == "user" for module in (app, eval, kg, models)), "a package of the user's was hidden"
assert graftlab.kg.schema.Fact.__module__ == "graftlab.kg.schema"
assert "retrieval" not in __import__("sys").modules
summary = index("documents", "from_script", extractor="nlp")
hits = search("Who founded the ferry line?", "from_script", retriever="{}", limit=2)
print(len(hits.passages), hits.passages[0].source)
"""

EXPERIMENT = """
name: mine
workspace: kb-of-mine
documents: {path: documents}
index: {chunk_tokens: 60, extractor: nlp, encoder: minilm}
task: {format: jsonl, path: questions.jsonl}
reader: smollm2-135m
arms:
  - closed-book
  - rag
  - {name: first, retriever: "app.retrievers:First"}
"""


@dataclass(frozen=True, slots=True)
class Installed:
    """An environment that holds the wheel and its dependencies alone, and a user's folder."""

    programs: Path
    folder: Path

    def run(self, program: str, *arguments: str) -> str:
        """Run a program of the environment in the folder, and return what it printed."""
        kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
        environment = {**kept, "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
        command = [str(self.programs / program), *arguments]
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{program} {' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def graft(self, *arguments: str) -> Any:
        """Run `graft ... --json`."""
        return json.loads(self.run("graft", *arguments, "--json"))


@pytest.fixture(scope="module")
def weights() -> None:
    for name in WEIGHTS:
        try:
            is_present(name) or resolve(name)
        except ModelError as error:
            pytest.skip(f"no weights of {name}: {error}")


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's folder: documents, an experiment, and packages that have the names of folders of ours."""
    folder = tmp_path_factory.mktemp("user")
    for package in OWN_PACKAGES:
        (folder / package).mkdir()
        (folder / package / "__init__.py").write_text('OWNER = "user"\n', encoding="utf-8")
    (folder / "documents").mkdir()
    for name, text in DOCUMENTS.items():
        (folder / "documents" / name).write_text(text, encoding="utf-8")
    (folder / "app" / "retrievers.py").write_text(RETRIEVER, encoding="utf-8")
    (folder / "script.py").write_text(SCRIPT.format("app.retrievers:First"), encoding="utf-8")
    (folder / "mine.yaml").write_text(EXPERIMENT, encoding="utf-8")
    question = {"id": "q1", "question": "Who leads the harbour?", "choices": ["Ida Brenn", "Nobody"], "answer": 0}
    (folder / "questions.jsonl").write_text(json.dumps(question) + "\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def installed(wheel: Path, user: Path, weights: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    environment = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    install = [str(environment / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-compile"]
    for requirement in ("torch", str(wheel)):  # torch first, as in the Makefile
        subprocess.run([*install, "-c", str(ROOT / "constraints.txt"), requirement], check=True, cwd=user)
    yield Installed(environment / "bin", user)
    shutil.rmtree(environment)  # gigabytes, which pytest would keep for three runs


def test_nothing_of_ours_lies_at_the_top(installed: Installed) -> None:
    program = "from importlib.metadata import files; print(*sorted({f.parts[0] for f in files('graftlab')}))"
    names = installed.run("python", "-c", program).split()
    assert [name for name in names if name != ".." and not name.endswith(".dist-info")] == ["graftlab"]


def test_help_and_the_shipped_models_are_there(installed: Installed) -> None:
    assert "Usage: graft" in installed.run("graft", "--help")
    assert installed.run("python", "-P", "-m", "graftlab", "--help") == installed.run("graft", "--help")
    assert {"minilm", "smollm2-135m"} <= {model["name"] for model in installed.graft("models", "ls")["models"]}


def test_documents_are_indexed_searched_and_measured(installed: Installed) -> None:
    summary = installed.graft("index", "documents", "-w", "kb-nlp", "--extractor", "nlp")
    assert summary["documents"] == len(DOCUMENTS)
    found = installed.graft("search", "Who founded the ferry line?", "-w", "kb-nlp")
    assert found["passages"][0]["source"].endswith("ferry.md")
    # Divides the graph in processes of its own, which start beside the user's `eval` package.
    measured = installed.graft("eval", "communities", "kb-nlp", "--edits", "1", "--share", "0.5", "--hash-seeds", "1")
    assert measured["deterministic"] is True


def test_a_graph_is_the_one_that_a_checkout_builds(installed: Installed, tmp_path: Path) -> None:
    here = installed.graft("index", "documents", "-w", "kb-digest", "--extractor", "nlp")
    command = [
        sys.executable,
        "-m",
        "graftlab",
        "index",
        str(installed.folder / "documents"),
        "-w",
        str(tmp_path / "kb"),
    ]
    done = subprocess.run(
        [*command, "--extractor", "nlp", "--json"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout)["digest"] == here["digest"]


def test_experiments_are_planned_own_and_shipped(installed: Installed) -> None:
    assert installed.graft("eval", "run", "mine.yaml", "--dry-run")
    assert installed.graft("eval", "run", "demo", "--dry-run")  # its documents are in the wheel


def test_a_plug_in_of_the_current_folder_is_found(installed: Installed) -> None:
    installed.run("graft", "index", "documents", "-w", "kb-plug-in", "--extractor", "none")
    found = installed.graft("search", "ferry", "-w", "kb-plug-in", "--retriever", "app.retrievers:First")
    assert len(found["passages"]) == 1


def test_a_script_beside_packages_of_the_same_names_imports_both(installed: Installed) -> None:
    printed = installed.run("python", "script.py")
    assert printed.split() == ["1", "ferry.md"]
