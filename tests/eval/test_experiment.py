import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from eval.experiment import load_experiment, run_experiment
from eval.runs.folder import RunFolder, run_folders
from eval.runs.results import to_json
from models.calls.records import Budget
from models.errors import BudgetError, ConfigError, InputError
from tests.eval.scripted import QUESTIONS, write_world

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def no_script(monkeypatch):
    for name in ("SCRIPTED_LOG", "SCRIPTED_DELAY_S"):
        monkeypatch.delenv(name, raising=False)


def run_world(folder, file, **options):
    return run_experiment(load_experiment(file), workspace=folder / "kb", **options)


def calls(log):
    return [line for line in log.read_text().splitlines() if line not in ("open", "close")] if log.is_file() else []


def test_a_run_answers_every_item_in_every_arm(tmp_path):
    result = run_world(tmp_path, write_world(tmp_path))
    assert [arm.name for arm in result.arms] == ["closed-book", "oracle", "rag"]
    assert {arm.name: arm.result.accuracy for arm in result.arms} == {"closed-book": 0.5, "oracle": 0.75, "rag": 0.75}
    assert [arm.delta for arm in result.arms] == [None, 0.25, 0.25]
    assert [(row.a, row.b) for row in result.comparisons] == [("oracle", "closed-book"), ("rag", "closed-book")]
    assert (result.n, result.failed, result.headline) == (4, 0, "accuracy")
    samples = RunFolder(result.path).samples()
    assert [*samples] == [(arm, row["id"]) for arm in ("closed-book", "oracle", "rag") for row in QUESTIONS]


def test_contexts_are_frozen_before_the_first_answer_and_shared_by_arms(tmp_path, monkeypatch):
    log = tmp_path / "log"
    monkeypatch.setenv("SCRIPTED_LOG", str(log))
    arms = ["closed-book", "oracle", "rag", {"name": "rag-2", "retriever": "rag"}]
    result = run_world(tmp_path, write_world(tmp_path, arms=arms))
    contexts = RunFolder(result.path).contexts()
    assert {key for key, _ in contexts} == {"oracle", "rag"}
    shown = {context.text.replace("\n", " ") for context in contexts.values()}
    for prefix in calls(log)[4:]:
        assert any(text in prefix for text in shown), prefix
    assert contexts["oracle", "q2"].text == "[1] Harrow Mill (2030-01-09): Tomas Finch lives in Bellwick."
    assert contexts["oracle", "q4"].text == contexts["rag", "q4"].text  # it never happened: nothing better to show
    assert all(context.tokens <= 60 for context in contexts.values())


def test_the_run_folder_is_self_contained(tmp_path):
    result = run_world(tmp_path, write_world(tmp_path))
    names = {path.name for path in result.path.iterdir()}
    assert names >= {
        *("config.yaml", "manifest.json", "items.jsonl", "contexts.jsonl", "samples.jsonl", "run.trec", "qrels.trec"),
        *("metrics.json", "results.json"),
    }
    text = "".join(path.read_text() for path in result.path.iterdir())
    assert str(tmp_path) not in text
    assert json.loads((result.path / "metrics.json").read_text()) == to_json(result)
    config = yaml.safe_load((result.path / "config.yaml").read_text())
    assert (config["scoring"], config["arms"][1]["retriever"]) == ("option", "oracle")
    manifest = json.loads((result.path / "manifest.json").read_text())
    assert manifest["digests"]["readers"] == {"": "scripted-scorer-1"}
    assert manifest["task"]["kinds"] == {"multi-hop": 1, "never-happened": 1, "single-hop": 2}
    assert [row["name"] for row in manifest["setup"]] == ["index"]


def test_results_have_the_shape_of_the_harness(tmp_path):
    result = run_world(tmp_path, write_world(tmp_path))
    harness = json.loads((result.path / "results.json").read_text())
    assert harness["results"]["questions@rag"]["acc,none"] == 0.75
    assert harness["results"]["questions@rag"]["acc_stderr,none"] == pytest.approx(0.25)
    assert set(harness["n-samples"]) == set(harness["configs"]) == set(harness["results"])


def test_a_finished_run_is_printed_again_without_a_model(tmp_path, monkeypatch):
    file = write_world(tmp_path)
    first = run_world(tmp_path, file)

    def never(*_, **__):
        raise AssertionError("a model was opened")

    for name in ("open_scorer", "open_chat", "open_encoder"):
        monkeypatch.setattr(f"eval.experiment.{name}", never)
    assert run_world(tmp_path, file) == first
    assert len(run_folders(tmp_path / "kb" / "runs")) == 1


def test_moving_the_files_changes_nothing_but_their_content_does(tmp_path):
    first = run_world(tmp_path, write_world(tmp_path))
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    file = write_world(moved)
    assert run_world(tmp_path, file).run == first.run
    (moved / "articles" / "new.md").write_text("Bo Finch opened a bakery.")
    second = run_world(tmp_path, file)
    assert second.run != first.run
    assert RunFolder(second.path).manifest()["digests"]["store"] != RunFolder(first.path).manifest()["digests"]["store"]


@pytest.mark.parametrize("change", [{"passages": 2}, {"normalisation": "sum"}, {"arms": ["oracle"]}, {"seed": 1}])
def test_another_configuration_is_another_run(tmp_path, change):
    first = run_world(tmp_path, write_world(tmp_path))
    assert run_world(tmp_path, write_world(tmp_path, **change)).run != first.run


def test_a_killed_run_continues_where_it_stopped(tmp_path):
    whole = tmp_path / "whole"
    whole.mkdir()
    expected = run_world(whole, write_world(whole)).results_digest
    cut = tmp_path / "cut"
    cut.mkdir()
    file, log = write_world(cut), cut / "log"
    command = [sys.executable, "-m", "tests.eval.scripted", str(file), str(cut / "kb"), str(log)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    child = subprocess.Popen([*command, "0.3"], cwd=ROOT, env=environment)
    deadline = time.monotonic() + 120
    while len(calls(log)) < 6 and child.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    (run,) = run_folders(cut / "kb" / "runs")
    done = len(run.samples())
    assert 4 <= done < 12
    with run.file("samples.jsonl").open("a") as samples:
        samples.write('{"arm": "rag", "item_')  # as if the kill had come in the middle of a line
    asked = len(calls(log))
    again = subprocess.run([*command, "0"], cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert again.stdout == expected
    assert len(calls(log)) - asked <= 12 - done
    assert [folder.name for folder in run_folders(cut / "kb" / "runs")] == [run.name]
    assert len(run.file("samples.jsonl").read_text().splitlines()) == 12


def test_a_budget_stops_a_run_that_a_larger_one_finishes(tmp_path):
    file = write_world(tmp_path)
    with pytest.raises(BudgetError):
        run_world(tmp_path, file, budget=Budget(max_calls=5))
    (run,) = run_folders(tmp_path / "kb" / "runs")
    assert len(run.samples()) == 5
    assert run.manifest()["finished"] is None
    assert run_world(tmp_path, file, budget=Budget(max_calls=7)).run == run.name


def test_a_run_is_not_continued_with_other_weights(tmp_path, monkeypatch):
    file = write_world(tmp_path)
    with pytest.raises(BudgetError):
        run_world(tmp_path, file, budget=Budget(max_calls=5))
    from tests.eval import scripted

    monkeypatch.setattr(scripted.Scorer, "digest", "scripted-scorer-2")
    with pytest.raises(ConfigError, match="other weights of the reader"):
        run_world(tmp_path, file)


def test_short_answers_are_written_by_a_chat_model(tmp_path):
    rows = [
        {"id": "s1", "question": "Where does Tomas Finch live?", "answers": ["Bellwick"],
         "evidence": [{"document": "mills.md", "quote": "Tomas Finch lives in Bellwick."}]},
        {"id": "s2", "question": "Who opened the Oune bridge?", "answers": ["Ada Lorne"],
         "evidence": [{"document": "bridges/oune.md", "quote": "Masons from Torsby built it in nine months."}]},
    ]  # fmt: skip
    file = write_world(tmp_path, reader="tests.eval.scripted:Chat")
    (tmp_path / "questions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    result = run_world(tmp_path, file)
    assert result.headline == "contains"
    oracle = result.arm("oracle").result
    assert (oracle.accuracy, oracle.metrics) == (0.5, {"contains": 0.5, "exact_match": 0.0, "f1": pytest.approx(1 / 3)})
    assert result.arm("closed-book").result.accuracy == 0.0


def test_realtimeqa_is_indexed_from_its_own_articles(tmp_path):
    questions = [
        {"question_id": f"w_{n}", "question_sentence": q, "choices": c, "answer": ["0"], "question_date": "2031/05/09"}
        for n, (q, c) in enumerate([("Who won?", ["Ada Lorne", "Bo"]), ("Which lake froze?", ["Varn", "Oune"])])
    ]
    found = [{"url": "u", "title": "Race", "text": "Ada Lorne won the race.", "publish_date": "2031/05/08"}]
    rows = [{"question_id": "w_0", "search_time": "2031/05/09/10:00", "search_result": found},
            {"question_id": "w_1", "search_time": "2031/05/09/10:00", "search_result": []}]  # fmt: skip
    file = write_world(
        tmp_path, documents={"realtimeqa": {"file": "gcs.jsonl"}}, task={"format": "realtimeqa", "path": "qa.jsonl"}
    )
    (tmp_path / "qa.jsonl").write_text("".join(json.dumps(row) + "\n" for row in questions))
    (tmp_path / "gcs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    result = run_world(tmp_path, file)
    contexts = RunFolder(result.path).contexts()
    assert contexts["oracle", "w_0"].text == "[1] Race (2031-05-08): Ada Lorne won the race."
    assert contexts["oracle", "w_0"].recall == 1.0
    assert (tmp_path / "kb" / "sources" / "realtimeqa.jsonl").is_file()


def test_an_oracle_is_added_if_there_is_gold(tmp_path):
    result = run_world(tmp_path, write_world(tmp_path, arms=["rag"]))
    assert [arm.name for arm in result.arms] == ["closed-book", "rag", "oracle"]


def test_evidence_that_is_not_in_the_corpus_stops_the_run(tmp_path):
    file = write_world(tmp_path)
    (tmp_path / "articles" / "mills.md").write_text("Nothing here.")
    with pytest.raises(InputError, match='Item "q2"'):
        run_world(tmp_path, file)


def test_progress_names_stages_and_arms(tmp_path):
    from contextlib import contextmanager

    labels = {}

    class Progress:
        @contextmanager
        def step(self, label, total, unit="items", done=0):
            labels[label] = [total, done]

            class Step:
                def advance(self, amount=1):
                    labels[label][1] += amount

                def note(self, text):
                    pass

            yield Step()

    run_world(tmp_path, write_world(tmp_path), progress=Progress())
    answers = {label: counts for label, counts in labels.items() if re.match("answer|retrieve", label)}
    arms = ("closed-book", "oracle", "rag")
    assert answers == {f"retrieve: {arm}": [4, 4] for arm in arms[1:]} | {f"answer: {arm}": [4, 4] for arm in arms}


def test_a_corpus_is_not_needed_for_a_closed_book(tmp_path):
    file = write_world(tmp_path, documents=None, arms=["closed-book"])
    result = run_world(tmp_path, file)
    assert (result.arm("closed-book").result.accuracy, result.retrieval, result.setup) == (0.5, (), ())
