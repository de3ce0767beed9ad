from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.abstention import PosedQuestion, hotpot, main, read_items
from benchmarks.results import read_runs


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    contexts = [
        {"title": f"T{n}", "paragraph_text": f"Text number {n}.", "is_supporting": n in (3, 6)} for n in range(10)
    ]
    answer = [{"spans": ["three"]}]
    rows = [
        {"question_id": f"q{n}", "question_text": "Which?", "answers_objects": answer, "contexts": contexts}
        for n in range(4)
    ]
    path = tmp_path / "set.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_every_other_question_loses_the_passages_of_its_answer(questions: Path) -> None:
    found = list(hotpot(questions, 3))
    assert [question.answerable for question in found] == [True, False, True]
    for question in found:
        assert question.packed is not None
        assert len(question.packed.lines) == 5 and question.accepted == ("three",)
        text = question.packed.text
        assert ("number 3" in text and "number 6" in text) is question.answerable


def test_the_fit_finds_a_threshold_that_withholds_wrong_answers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        {
            "id": f"q{n}",
            "answerable": n % 2 == 0,
            "found": n % 10 != 9,
            "right": n % 2 == 0,
            "question": "Who built the bridge of Orrin Quay?",
            "text": "Ivo Tarn",
            "cited": [1],
            "lines": ["Ivo Tarn built the bridge of Orrin Quay." if n % 2 == 0 else "Ivo Tarn keeps bees."],
        }
        for n in range(60)
    ]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    main(["fit", str(path), "--results", str(tmp_path / "results")])
    found = json.loads(capsys.readouterr().out)
    assert len(found["weights"]) == 4 and found["weights"][1] > 0
    assert found["abstained_by_the_model"] == {"withheld": 6, "precision": 1.0, "recall": 0.2, "f1": 0.333}
    assert found["with_the_threshold"]["f1"] == 1.0
    assert found["right_answers"] == {"given_by_the_model": 30, "of": 54, "above_the_threshold": 30, "of_those": 30}
    [run] = read_runs(tmp_path / "results")
    assert run.command.startswith(f"python -m benchmarks.abstention fit {path}")
    assert {figure.name: figure.value for figure in run.figures} == {
        **found["with_the_threshold"],
        "right answers kept": 1.0,
    }
    assert run.figures[0].setting == {"set": "rows", "questions": "60"}


def test_items_are_read_in_either_form(tmp_path: Path) -> None:
    false = tmp_path / "valid.csv"
    false.write_text("question,answer,label\nWhy do cats fly?,They do not.,1\nWhy is the sky blue?,Rayleigh.,0\n")
    assert read_items(false, None) == [PosedQuestion("0", "Why do cats fly?", (), False)]
    items = tmp_path / "items.jsonl"
    kinds = ("paraphrase", "never-happened")
    rows = [{"id": k, "question": "Who?", "choices": ["A", "B"], "answer": 1, "kind": k} for k in kinds]
    items.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert read_items(items, 2) == [
        PosedQuestion("paraphrase", "Who?", ("B",), True),
        PosedQuestion("never-happened", "Who?", ("B",), False),
    ]
    assert len(read_items(items, 1)) == 1
