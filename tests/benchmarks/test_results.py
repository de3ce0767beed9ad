"""A recorded run comes back as it was written, and says where and from which code it is."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import results
from benchmarks.results import Figure, RecordedRun, add_options, append, figures_of, machine, read_runs, run_now
from eval.statistics.stats import Interval
from models.errors import InputError

ROOT = Path(__file__).parents[2]


def test_a_run_comes_back_as_it_was_written(tmp_path: Path) -> None:
    figures = figures_of(
        {"hits@1": Interval(0.5, 0.4, 0.6), "ms_median": 2.5, "left out": None, "without unit": 1.0},
        {"hits@1": "share", "ms_median": "ms", "left out": "s"},
        hops=2,
        retriever="coe",
    )
    assert [(figure.name, figure.value, figure.low) for figure in figures] == [
        ("hits@1", 0.5, 0.4),
        ("ms_median", 2.5, None),
    ]
    assert figures[0].setting == {"hops": "2", "retriever": "coe"}
    runs = [run_now("metaqa", f"python -m benchmarks.metaqa --hops {hops}", figures) for hops in (1, 2)]
    for run in runs:
        file = append(tmp_path, run)
    assert file == tmp_path / "metaqa.jsonl" and len(file.read_text().splitlines()) == 2
    assert read_runs(tmp_path) == runs
    assert set(json.loads(file.read_text().splitlines()[0])) == {
        "benchmark",
        "command",
        "date",
        "commit",
        "machine",
        "figures",
        "carried_over",
    }


def test_a_line_of_another_form_is_refused(tmp_path: Path) -> None:
    line = run_now("demo", "make demo", [Figure(name="accuracy", value=0.5)]).model_dump(mode="json")
    (tmp_path / "demo.jsonl").write_text(json.dumps(line) + "\n" + json.dumps({**line, "note": "?"}) + "\n")
    with pytest.raises(InputError, match=r"demo\.jsonl, line 2: Unknown field 'note'"):
        read_runs(tmp_path)


def test_a_value_that_is_no_number_is_not_recorded() -> None:
    with pytest.raises(ValueError, match="finite"):
        Figure(name="loss", value=float("nan"))


def test_the_machine_and_the_commit_are_those_of_this_run() -> None:
    here = machine()
    assert here.processor and here.cores >= 1 and here.memory_gib is not None and here.memory_gib > 0
    assert here.python == ".".join(map(str, sys.version_info[:3]))
    head = subprocess.run(["git", "-C", str(ROOT), "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    if head.returncode == 0:
        assert results.commit().removesuffix("+changes") == head.stdout.strip()


def test_a_tree_with_changes_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def git(*words: str) -> None:
        subprocess.run(["git", "-C", str(tmp_path), *words], check=True, capture_output=True)

    git("init", "-q")
    (tmp_path / "code.py").write_text("1\n")
    git("add", ".")
    git("-c", "user.name=A", "-c", "user.email=a@b", "commit", "-qm", "First")
    monkeypatch.setattr(results, "ROOT", tmp_path)
    clean = results.commit()
    assert len(clean) == 40
    (tmp_path / "benchmarks" / "results").mkdir(parents=True)
    (tmp_path / "benchmarks" / "results" / "demo.jsonl").write_text("{}\n")
    assert results.commit() == clean, "the record itself is no change"
    (tmp_path / "code.py").write_text("2\n")
    assert results.commit() == f"{clean}+changes"


def test_a_benchmark_records_its_command_unless_it_is_told_not_to(tmp_path: Path) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("file")
    add_options(parser)
    words = ["a file.csv", "--results", str(tmp_path)]
    figure = Figure(name="questions", value=3, unit="count")
    results.record_run(parser.parse_args([*words, "--no-record"]), "auto", [figure], [*words, "--no-record"])
    assert not list(tmp_path.iterdir())
    results.record_run(parser.parse_args(words), "auto", [figure], words)
    [run] = read_runs(tmp_path)
    assert run.command == f"python -m benchmarks.auto 'a file.csv' --results {tmp_path}" and run.figures == (figure,)
    results.record_run(parser.parse_args(words), "auto", [], words)
    assert read_runs(tmp_path) == [run], "a run without figures is none"


def test_every_benchmark_can_be_told_not_to_record() -> None:
    """The modules with a command line, but for those that make data or show what was recorded."""
    silent = {"to_beir", "tables"}
    modules = [file for file in sorted((ROOT / "benchmarks").glob("*.py")) if "argparse" in file.read_text()]
    names = {file.stem for file in modules} - silent - {"results"}
    assert {"pagerank", "metaqa", "record"} <= names
    for name in names:
        text = (ROOT / "benchmarks" / f"{name}.py").read_text()
        assert "add_options(" in text, f"{name} has no --no-record"


def test_what_is_recorded_here_can_be_read() -> None:
    runs = read_runs()
    assert {run.benchmark for run in runs} >= {"demo", "extraction", "mine", "retrieval", "pagerank", "neo4j_load"}
    assert all(isinstance(run, RecordedRun) and run.figures for run in runs)
