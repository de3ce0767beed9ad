import json

import pytest

from eval.config import load_experiment
from eval.experiment import run_experiment
from eval.runs.results import compare_runs, from_json, list_runs, load_run, to_json
from models.errors import InputError
from tests.eval.scripted import QUESTIONS, write_world


def run_world(folder, **changes):
    return run_experiment(load_experiment(write_world(folder, **changes)), workspace=folder / "kb")


def test_a_run_reads_back_as_it_was(tmp_path):
    result = run_world(tmp_path)
    assert load_run(result.path) == result
    assert from_json(json.loads(json.dumps(to_json(result))), result.path) == result


def test_json_has_what_a_table_needs(tmp_path):
    table = to_json(run_world(tmp_path))
    assert (table["schema_version"], table["n"]) == (1, 4)
    assert set(table["arms"][2]) >= {
        *("name", "n", "accuracy", "ci_low", "ci_high", "tokens_in", "tokens_out", "seconds", "delta", "retriever"),
    }
    assert set(table["comparisons"][0]) >= {"a", "b", "difference", "ci_low", "ci_high", "p_value", "p_holm"}
    assert table["by_kind"]["single-hop"]["rag"] == {"accuracy": 1.0, "n": 2}
    assert table["retrieval"][0]["retriever"] == "oracle"


def test_runs_are_listed_newest_first(tmp_path):
    first, second = run_world(tmp_path), run_world(tmp_path, passages=2)
    manifest = json.loads((first.path / "manifest.json").read_text())
    (first.path / "manifest.json").write_text(json.dumps({**manifest, "created": "2031-01-01T00:00:00+00:00"}))
    entries = list_runs(tmp_path / "kb")
    assert [entry.path for entry in entries] == [first.path, second.path]
    assert (entries[0].name, entries[0].items) == ("little", 4)
    assert all(entry.finished for entry in entries)
    assert list_runs(tmp_path / "nowhere") == []


def test_runs_are_compared_on_the_items_they_share(tmp_path):
    first = run_world(tmp_path)
    write_world(tmp_path)
    fewer = [row for row in QUESTIONS if row["id"] != "q4"] + [{**QUESTIONS[3], "id": "q5"}]
    file = write_world(tmp_path, arms=["closed-book", "rag"], normalisation="sum")
    (tmp_path / "questions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in fewer))
    second = run_experiment(load_experiment(file), workspace=tmp_path / "kb")
    found = {row.a.rpartition(":")[2]: row for row in compare_runs(first, second)}
    assert set(found) == {"closed-book", "oracle", "rag"}
    assert found["rag"].a == f"{first.run}:rag"
    assert found["rag"].b == f"{second.run}:rag"
    assert found["rag"].wins + found["rag"].losses <= 3


def test_runs_without_a_common_item_cannot_be_compared(tmp_path):
    first = run_world(tmp_path)
    file = write_world(tmp_path)
    other = [{**row, "id": row["id"] + "x", "evidence": []} for row in QUESTIONS]
    (tmp_path / "questions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in other))
    second = run_experiment(load_experiment(file), workspace=tmp_path / "kb")
    with pytest.raises(InputError, match="share no item"):
        compare_runs(first, second)


def test_what_is_no_finished_run_is_an_error(tmp_path):
    with pytest.raises(InputError, match="not a run folder"):
        load_run(tmp_path)
    result = run_world(tmp_path)
    (result.path / "metrics.json").unlink()
    with pytest.raises(InputError, match="not finished"):
        load_run(result.path)
