from pathlib import Path

import pytest

from eval.tasks.mmlu import load_mmlu
from eval.types import Item
from models.errors import InputError

SHARED = Path(__file__).parents[4] / "shared" / "data" / "mmlu"


def test_rows_become_items_with_the_subject_as_kind(tmp_path):
    path = tmp_path / "marine_biology_val.csv"
    path.write_text('"Which, of these,\nglows?",Cod,"Eel, lantern",Pike,Ray,B\nNext?,1,2,3,4,D\n')
    first, second = load_mmlu(path)
    assert first == Item(
        "marine_biology_val-0", "Which, of these,\nglows?", ("Cod", "Eel, lantern", "Pike", "Ray"), 1,
        ("Eel, lantern",), "marine_biology",
    )  # fmt: skip
    assert (second.id, second.answer) == ("marine_biology_val-1", 3)


@pytest.mark.parametrize("row", ["question,A,B,C,D,answer", "Q?,1,2,3,D", "Q?,1,2,3,4,E", ",1,2,3,4,A"])
def test_a_row_that_is_not_mmlu_is_an_error_with_its_line(tmp_path, row):
    path = tmp_path / "x_test.csv"
    path.write_text(f"Q?,1,2,3,4,A\n{row}\n")
    with pytest.raises(InputError, match=r"x_test.csv, line 2: expected question,A,B,C,D"):
        load_mmlu(path)


def test_a_right_option_that_is_there_twice_counts_at_both_places_and_is_told(tmp_path, caplog):
    path = tmp_path / "x_test.csv"
    path.write_text("Q?,red,blue,red,green,C\nQ?,red,blue,red,green,B\n")
    first, second = load_mmlu(path)
    assert (first.answer, first.right_options, second.right_options) == (2, (0, 2), (1,))
    assert "has the right option twice in 1 of 2 questions (line 1)" in caplog.text


@pytest.mark.parametrize("head", ["\ufeff", "\n", "\r\n , , \r\n"])
def test_marks_and_blank_lines_change_no_question_and_no_id(tmp_path, head):
    path = tmp_path / "x_test.csv"
    path.write_bytes(f'{head}"Which ""one""\nis it?",1,2,3,4,A\r\n\r\nNext?,1,2,3,4,D\r\n'.encode())
    first, second = load_mmlu(path)
    assert (first.id, first.question) == ("x_test-0", 'Which "one"\nis it?')
    assert (second.id, second.answer) == ("x_test-1", 3)


def test_a_quote_that_is_not_closed_is_an_error_with_its_line(tmp_path):
    path = tmp_path / "x_test.csv"
    path.write_text('Q?,1,2,3,4,A\nQ?,"1,2,3,4,A\n')
    with pytest.raises(InputError, match=r"x_test\.csv, line 2"):
        load_mmlu(path)


@pytest.mark.shared_data
@pytest.mark.skipif(not SHARED.is_dir(), reason="the development data is not there")
def test_the_published_files_load_whole():
    counts = {path.stem: len(load_mmlu(path)) for path in (SHARED / "test").glob("*.csv")}
    assert counts == {"anatomy_test": 135, "astronomy_test": 152, "college_biology_test": 144}
