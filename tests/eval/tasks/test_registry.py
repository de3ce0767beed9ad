import json

import pytest

from eval.tasks.registry import Selection, load_task
from eval.types import GoldEvidence, Item
from models.errors import ConfigError, InputError

CHOICE = {"id": "a", "question": "Who?", "choices": ["x", "y"], "answer": 1, "kind": "k"}
SHORT = {"id": "b", "question": "When?", "answers": ["2031", "in 2031"]}


def write(tmp_path, *rows):
    path = tmp_path / "questions.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_choices_and_short_answers_become_items(tmp_path):
    gold = [{"document": "d.md", "quote": "y did"}, {"document": "e.md"}]
    path = write(tmp_path, {**CHOICE, "evidence": gold, "date": "2031-02"}, SHORT)
    first, second = load_task("jsonl", [path])
    evidence = (GoldEvidence("d.md", "y did"), GoldEvidence("e.md", ""))
    assert first == Item("a", "Who?", ("x", "y"), 1, ("y",), "k", "2031-02", evidence)
    assert second == Item("b", "When?", (), -1, ("2031", "in 2031"))


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({**CHOICE, "answer": 2}, "index from 0 to 1, found 2"),
        ({**CHOICE, "answer": "1"}, "answer:"),
        ({**CHOICE, "choices": ["x", "x"]}, "different options"),
        ({**CHOICE, "anwser": 1}, "anwser:"),
        ({"id": "a", "question": "Who?"}, '"answers"'),
        ({**SHORT, "answers": [" "]}, '"answers"'),
        ({**SHORT, "id": "two words"}, "id:"),
        ({"question": "Who?", "answers": ["x"]}, "id:"),
    ],
)
def test_a_malformed_row_is_an_error_with_file_line_and_reason(tmp_path, row, reason):
    path = write(tmp_path, {**SHORT, "id": "fine"}, row)
    with pytest.raises(InputError, match=r"questions.jsonl, line 2") as error:
        load_task("jsonl", [path])
    assert reason in str(error.value)


def test_rows_of_others_name_file_and_line(tmp_path):
    path = tmp_path / "their.jsonl"
    path.write_text(json.dumps(SHORT) + "\n\n[1]\n")
    with pytest.raises(InputError, match=r"their.jsonl, line 3.*object"):
        load_task("jsonl", [path])
    with pytest.raises(InputError, match=r"missing\.jsonl, but it cannot be read"):
        load_task("jsonl", [tmp_path / "missing.jsonl"])


def test_an_id_that_comes_twice_is_an_error(tmp_path):
    with pytest.raises(InputError, match='"a" comes twice'):
        load_task("jsonl", [write(tmp_path, CHOICE, CHOICE)])


def test_a_selection_keeps_the_order(tmp_path):
    rows = [{**CHOICE, "id": name, "kind": kind} for name, kind in zip("abcd", "xyxx", strict=True)]
    items = load_task("jsonl", [write(tmp_path, *rows)], Selection(limit=2, kinds=("x",)))
    assert [item.id for item in items] == ["a", "c"]


def test_an_unknown_kind_or_format_names_the_known_ones(tmp_path):
    path = write(tmp_path, CHOICE)
    with pytest.raises(ConfigError, match=r"Unknown kind of question 'z'. Expected one of: k"):
        load_task("jsonl", [path], Selection(kinds=("z",)))
    with pytest.raises(ConfigError, match=r"Unknown task format 'squad'. Expected one of: jsonl, mmlu, realtimeqa"):
        load_task("squad", [path])


def test_an_empty_file_is_an_error(tmp_path):
    with pytest.raises(InputError, match="found none"):
        load_task("jsonl", [write(tmp_path)])


def test_a_loader_of_the_users_own_goes_by_its_dotted_path(tmp_path):
    assert load_task("eval.tasks.registry:load_jsonl", [write(tmp_path, SHORT)])[0].id == "b"
