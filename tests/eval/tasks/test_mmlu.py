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


@pytest.mark.shared_data
@pytest.mark.skipif(not SHARED.is_dir(), reason="the development data is not there")
def test_the_published_files_load_whole():
    counts = {path.stem: len(load_mmlu(path)) for path in (SHARED / "test").glob("*.csv")}
    assert counts == {"anatomy_test": 135, "astronomy_test": 152, "college_biology_test": 144}
