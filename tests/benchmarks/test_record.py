"""The figures of a command are those of its JSON document."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from benchmarks.record import figures_from, leaves, main
from benchmarks.results import read_runs

INTERVAL = {"mean": 0.5, "low": 0.4, "high": 0.6}


def test_retrievers_of_a_set() -> None:
    row = {"retriever": "graph", "n": 100, "failed": 0, "metrics": {"recall@5": INTERVAL}, "ms_median": 3.0}
    document = {
        "folder": "popqa",
        "encoder": "minilm",
        "retrievers": [{**row, "ms_p95": 4.0}],
        "differences": {"bm25": {"graph": {"recall@5": INTERVAL}}},
    }
    figures = figures_from(document, ["graft", "eval", "retrieval", "sets/popqa"])
    labels = {"set": "popqa", "encoder": "minilm", "questions": "100", "retriever": "graph"}
    assert [(figure.name, figure.value) for figure in figures] == [
        ("recall@5", 0.5),
        ("ms_median", 3.0),
        ("ms_p95", 4.0),
        ("failed", 0),
        ("recall@5 gain", 0.5),
    ]
    assert figures[0].setting == labels and (figures[0].low, figures[0].high) == (0.4, 0.6)
    assert figures[-1].setting == {**labels, "against": "bm25"}


def test_arms_of_an_experiment() -> None:
    arm = {"accuracy": 0.5, "ci_low": 0.4, "ci_high": 0.6, "context_recall": None, "seconds": 6.0}
    document = {
        "arms": [{**arm, "name": "closed-book"}, {**arm, "name": "rag", "context_recall": 0.7}],
        "comparisons": [
            {"a": "rag", "b": "closed-book", "p_value": 0.02, "p_holm": 0.1},
            {"a": "graph-rag", "b": "rag", "p_value": 0.5, "p_holm": 0.5},
        ],
    }
    figures = figures_from(document, ["graft", "eval", "run", "demo.yaml"])
    by_arm: dict[str, dict[str, float]] = {}
    for figure in figures:
        by_arm.setdefault(figure.setting["arm"], {})[figure.name] = figure.value
    assert by_arm["closed-book"] == {"accuracy": 0.5, "seconds": 6.0}
    assert by_arm["rag"] == {"accuracy": 0.5, "p": 0.02, "recall": 0.7, "seconds": 6.0}


def test_an_extractor_and_a_peer_of_it() -> None:
    document = {
        "file": "dev.json",
        "n": 100,
        "measures": {"pairs": {"precision": INTERVAL, "recall": INTERVAL, "f1": INTERVAL}},
        "chunks_per_minute": None,
        "tokens_out_per_corpus_token": 0.8,
    }
    words = ["graft", "eval", "extraction", "dev.json", "--extractor", "nlp"]
    f1, tokens = figures_from(document, words)
    assert (f1.name, f1.value, tokens.value) == ("pairs F1", 0.5, 0.8)
    assert f1.setting == {"set": "dev", "documents": "100", "extractor": "nlp"}
    system = {"name": "KGGen", "kept": 0.6, "ci_low": 0.5, "ci_high": 0.7, "essays": 50}
    [kept] = figures_from({"systems": [system]}, ["graft", "eval", "mine"])
    assert kept.setting == {"essays": "50", "system": "KGGen"} and kept.high == 0.7


def test_every_number_of_any_other_document() -> None:
    document = {
        "encoder": "minilm",
        "sets": [{"name": "Beer", "f1": 0.9, "test": {"n": 91}}, {"name": "Music", "f1": 0.8}],
    }
    found = {(figure.name, figure.setting["name"]): figure.value for figure in leaves(document)}
    assert found == {("sets.f1", "Beer"): 0.9, ("sets.test.n", "Beer"): 91, ("sets.f1", "Music"): 0.8}
    assert not list(leaves({"deterministic": True, "nothing": None}))


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    """A command that prints a document if it is called with --json."""
    script = tmp_path / "print.py"
    script.write_text(
        "import sys; assert sys.argv[1:] == ['kb', '--json']; print('{\"set\": \"kb\", \"modularity\": 0.5}')"
    )
    return [sys.executable, str(script), "kb"]


def test_a_command_is_run_and_recorded(command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--label", "edits=none", "--results", str(tmp_path / "results")]
    assert main(["communities", *options, "--no-record", "--", *command]) == 0
    assert not (tmp_path / "results").exists()
    assert main(["communities", *options, "--", *command]) == 0
    assert json.loads(capsys.readouterr().out.split("\n}\n")[0] + "}") == {"set": "kb", "modularity": 0.5}
    [run] = read_runs(tmp_path / "results")
    assert run.benchmark == "communities" and run.command.endswith("print.py kb")
    [figure] = run.figures
    assert (figure.name, figure.setting, figure.value) == ("modularity", {"set": "kb", "edits": "none"}, 0.5)


def test_a_command_that_fails_records_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["demo", "--results", str(tmp_path), "--", sys.executable, "-c", "raise SystemExit(3)"])
    assert "ended with exit code 3" in capsys.readouterr().err and not list(tmp_path.iterdir())
    with pytest.raises(SystemExit):
        main(["demo", "--results", str(tmp_path), "--", sys.executable, "-c", "print('done')"])
    assert "printed no JSON document" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["demo", "--label", "arm", "--results", str(tmp_path), "--", sys.executable, "-c", "print('{}')"])
    assert "Expected a label as KEY=VALUE, got 'arm'." in capsys.readouterr().err
