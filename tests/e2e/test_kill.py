"""SIGKILL in the middle of each long stage, with real weights: the same command goes on to the same bytes."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import yaml

from eval.runs.folder import run_folders
from tests.e2e.job import calls, failures, graft, kill_when, start, write_articles, write_experiment
from training.runs.adapter import read_manifest

pytestmark = [pytest.mark.models, pytest.mark.slow]

ENCODER = "tests.eval.scripted:Encoder"
SHORT = {
    "mill.md": "Ines Varga bought Harrow Mill in Bellwick in 2029. Her brother Tomas Varga runs the mill. "
    "Harrow Mill sells its flour to the Lorne Bakery in Torsby.",
    "bridge.md": "Ada Lorne designed the Oune Bridge in Torsby. The Oune Bridge was built by Marrow & Finch. "
    "Marrow & Finch belongs to Bo Finch of Bellwick.",
    "lake.md": "Lake Varn lies north of Torsby. The ferry Grey Heron crosses Lake Varn every hour. "
    "Captain Mirela Oddsen steers the Grey Heron since 2030.",
}
BEFORE_KILL = 2
SAMPLES_BEFORE_KILL = 5


def test_indexing_goes_on_and_asks_nothing_twice(need: Callable[..., None], tmp_path: Path) -> None:
    """The uninterrupted build is given the very answers: two runs of a model may round differently, a store may not."""
    need("extractor")
    sources = tmp_path / "articles"
    sources.mkdir()
    for name, text in SHORT.items():
        (sources / name).write_text(text, encoding="utf-8")
    (tmp_path / "index.yaml").write_text(yaml.safe_dump({"chunk_tokens": 24, "encoder": ENCODER}), encoding="utf-8")

    def command(workspace: str, *extra: str) -> tuple[str, ...]:
        return ("index", "articles", "--workspace", workspace, "--config", "index.yaml", "--json", *extra)

    killed = tmp_path / "killed"
    assert kill_when(start(tmp_path, *command("killed")), lambda: len(calls(killed)) >= BEFORE_KILL)
    known = calls(killed)
    done = graft(tmp_path, *command("killed"))
    assert done.code == 0, done.err
    passages = done.json["chunks"]
    assert BEFORE_KILL <= len(known) < passages
    assert set(known) <= set(calls(killed))  # to the second of their recording: none was made again
    assert len(calls(killed)) == passages
    assert failures(killed) == []
    assert done.json["facts"] > 0

    assert graft(tmp_path, *command("whole", "--max-calls", "0")).code == 5
    hand_over(killed, tmp_path / "whole")
    whole = graft(tmp_path, *command("whole", "--max-calls", "0"))
    assert whole.code == 0, whole.err
    assert whole.json["digest"] == done.json["digest"]


def hand_over(giver: Path, taker: Path) -> None:
    """Copy the recorded answers of one workspace to another."""
    with closing(sqlite3.connect(taker / "graph.sqlite")) as database:
        database.execute("ATTACH ? AS giver", (str(giver / "graph.sqlite"),))
        with database:
            database.execute("INSERT INTO calls SELECT * FROM giver.calls")


def test_training_goes_on_to_the_same_weights(need: Callable[..., None], tmp_path: Path) -> None:
    need("reader")
    write_articles(tmp_path)
    settings = {"epochs": 3, "rank": 8, "sequence_length": 128, "checkpoint_steps": 2, "paraphrases": 0}
    (tmp_path / "train.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    for name in ("killed", "whole"):
        index = ("index", "articles", "--workspace", name, "--extractor", "none", "--encoder", ENCODER, "--quiet")
        assert graft(tmp_path, *index).code == 0

    def command(workspace: str) -> tuple[str, ...]:
        return ("train", "--workspace", workspace, "--base", "smollm2-135m", "--config", "train.yaml", "--json")

    folder = tmp_path / "killed" / "adapters" / "smollm2-135m"
    checkpoint = folder.with_name("smollm2-135m.partial") / "checkpoint.pt"
    assert kill_when(start(tmp_path, *command("killed")), checkpoint.is_file)
    assert not folder.exists()
    for name in ("killed", "whole"):
        done = graft(tmp_path, *command(name))
        assert done.code == 0, done.err
    whole = tmp_path / "whole" / "adapters" / "smollm2-135m"
    weights = "adapter_model.safetensors"
    assert (folder / weights).read_bytes() == (whole / weights).read_bytes()
    assert (read_manifest(folder).starts, read_manifest(whole).starts) == (2, 1)
    assert read_manifest(folder).adapter_digest == read_manifest(whole).adapter_digest
    assert not checkpoint.parent.exists()


def test_evaluating_goes_on_to_the_same_results(need: Callable[..., None], tmp_path: Path) -> None:
    need("reader")
    arms = ("closed-book", "oracle", "rag")
    index = {"chunk_tokens": 200, "extractor": "none", "encoder": ENCODER}
    write_experiment(tmp_path, arms, index=index, train=None)

    def command(workspace: str) -> tuple[str, ...]:
        return ("eval", "run", "experiment.yaml", "--workspace", workspace, "--json")

    killed = tmp_path / "killed"

    def written() -> int:
        return sum(len(file.read_bytes().splitlines()) for file in killed.glob("runs/*/samples.jsonl"))

    assert kill_when(start(tmp_path, *command("killed")), lambda: written() >= SAMPLES_BEFORE_KILL)
    (run,) = run_folders(killed / "runs")
    assert run.manifest()["finished"] is None
    assert SAMPLES_BEFORE_KILL <= len(run.samples()) < 30
    known = calls(killed)
    done, whole = (graft(tmp_path, *command(name)) for name in ("killed", "whole"))
    assert (done.code, whole.code) == (0, 0), done.err + whole.err
    assert done.json["results_digest"] == whole.json["results_digest"]
    assert done.json["run"] == run.name
    assert set(known) < set(calls(killed))  # to the second of their recording: none was made again
    assert [call[0] for call in calls(killed)] == [call[0] for call in calls(tmp_path / "whole")]
    assert len(run.file("samples.jsonl").read_text().splitlines()) == len(run.samples()) == 30
    assert failures(killed) == []
