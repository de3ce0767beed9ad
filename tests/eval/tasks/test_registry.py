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
        ({**CHOICE, "answer": "1"}, "names none of the options"),
        ({**CHOICE, "choices": ["x", "x"]}, "different options"),
        ({**CHOICE, "choices": ["x", "x "]}, "different options"),
        ({**SHORT, "question": "  "}, "question:"),
        ({**SHORT, "answers": ["half \ud83d"]}, "does not parse"),
        ({**CHOICE, "answer": "Z"}, "names none of the options"),
        ({**CHOICE, "choices": ["B", "A"], "answer": "A"}, "by its letter and another by its text"),
        ({**CHOICE, "answer": True}, "answer"),
        ({**CHOICE, "choices": ["x", " "]}, "an empty one"),
        ({**CHOICE, "choices": [f"option {n}" for n in range(27)]}, "at most 26 options"),
        ({**SHORT, "answers": None}, '"answers"'),
        ({**CHOICE, "anwser": 1}, "Unknown field 'anwser'. Did you mean 'answer'?"),
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


@pytest.mark.parametrize(
    ("row", "answer", "answers"),
    [
        ({**CHOICE, "id": 7}, 1, ("y",)),
        ({**CHOICE, "answer": "B"}, 1, ("y",)),
        ({**CHOICE, "answer": " y "}, 1, ("y",)),
        ({**CHOICE, "choices": ["A", "B"], "answer": "B"}, 1, ("B",)),
        ({**CHOICE, "choices": [1912, 1.5], "answer": "1912"}, 0, ("1912",)),
        ({**SHORT, "answers": "2031"}, -1, ("2031",)),
        ({**SHORT, "answers": [2031, 2.5]}, -1, ("2031", "2.5")),
        ({**SHORT, "answers": 2031}, -1, ("2031",)),
        ({"id": "b", "question": "When?", "answer": "2031"}, -1, ("2031",)),
        ({**SHORT, "choices": None, "kind": None, "date": 2031, "evidence": None}, -1, ("2031", "in 2031")),
    ],
)
def test_numbers_letters_and_nulls_are_read_as_people_write_them(tmp_path, row, answer, answers):
    (item,) = load_task("jsonl", [write(tmp_path, row)])
    assert (item.answer, item.answers) == (answer, answers)
    assert item.id == str(row["id"])


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "cp1252", "cp1250"])
def test_questions_are_read_in_any_usual_encoding_and_a_guess_is_told(tmp_path, encoding, caplog):
    rows = [{**SHORT, "question": "Wann öffnete die Brücke über die Töss?", "answers": ["im März", "März 1931"]}]
    path = tmp_path / "questions.jsonl"
    path.write_bytes("".join(json.dumps(row, ensure_ascii=False) + "\r\n" for row in rows).encode(encoding))
    (item,) = load_task("jsonl", [path])
    assert item.answers == ("im März", "März 1931")
    assert ("a guess" in caplog.text) == encoding.startswith("cp")


def test_what_a_line_says_is_not_normalised(tmp_path):
    path = tmp_path / "questions.jsonl"
    path.write_text('{"id": "a", "question": "Cafe\u0301?", "answers": ["a\u2028b"]}\n', encoding="utf-8")
    (item,) = load_task("jsonl", [path])
    assert (item.question, item.answers) == ("Cafe\u0301?", ("a\u2028b",))


def too_many(path):
    return (Item("a", "Which?", tuple(map(str, range(30))), 2, ("2",)),)


def test_a_loader_of_the_users_own_cannot_give_more_options_than_letters(tmp_path):
    with pytest.raises(InputError, match='Item "a": expected at most 26 options'):
        load_task(f"{__name__}:too_many", [tmp_path])


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
