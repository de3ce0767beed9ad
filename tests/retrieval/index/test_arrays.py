import os
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from retrieval.index import arrays


def _write(folder: Path, values: Mapping[str, arrays.Array], tables: Mapping[str, object]) -> None:
    with arrays.new_folder(folder) as out:
        for name, array in values.items():
            out.put(name, array)
        for name, table in tables.items():
            out.table(name, table)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    _write(tmp_path / "a", {"x": np.arange(6).reshape(2, 3), "none": np.zeros((0, 3))}, {"t": {"é": [1]}})
    assert arrays.is_complete(tmp_path / "a")
    found, tables = arrays.read(tmp_path / "a")
    assert found["x"].tolist() == [[0, 1, 2], [3, 4, 5]] and found["none"].shape == (0, 3)
    assert tables == {"t": {"é": [1]}}


def test_an_array_is_filled_in_place(tmp_path: Path) -> None:
    with arrays.new_folder(tmp_path / "a") as out:
        out.empty("x", (2, 3), np.float32)[1] = 7
        assert out.empty("none", (0, 3), np.float32).shape == (0, 3)
    found, _ = arrays.read(tmp_path / "a")
    assert found["x"].tolist() == [[0, 0, 0], [7, 7, 7]] and found["none"].shape == (0, 3)


def test_texts_in_one_array_are_read_by_row() -> None:
    texts = arrays.StringArray.of(["Tarn", "", "Ørebø Bru"])
    assert [texts[row] for row in range(3)] == ["Tarn", "", "Ørebø Bru"]
    assert texts.data.dtype == np.uint8 and len(texts.data) == len("TarnØrebø Bru".encode())
    part = texts.only(np.array([2, 0]))
    assert (part[0], part[1]) == ("Ørebø Bru", "Tarn")
    assert arrays.StringArray.of([]).spans.shape == (0, 2)


def test_a_failed_write_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Object arrays"):
        _write(tmp_path / "a", {"x": np.array([object()])}, {})
    assert list(tmp_path.iterdir()) == []


def test_the_faster_of_two_builds_is_kept(tmp_path: Path) -> None:
    _write(tmp_path / "a", {"x": np.ones(1)}, {})
    _write(tmp_path / "a", {"x": np.zeros(1)}, {})
    assert arrays.read(tmp_path / "a")[0]["x"].tolist() == [1.0]
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_remains_of_killed_builds_go_but_running_builds_stay(tmp_path: Path) -> None:
    old, new = tmp_path / ".building-old", tmp_path / ".building-new"
    old.mkdir()
    new.mkdir()
    os.utime(old, (time.time() - 10_000,) * 2)
    _write(tmp_path / "a", {}, {})
    assert new.exists() and not old.exists()


@pytest.mark.parametrize(
    "meta", ["", "[]", '{"format": 1}', '{"format": 99, "files": {}}', '{"format": 1, "files": 3}']
)
def test_a_folder_with_a_broken_list_of_files_is_not_complete(tmp_path: Path, meta: str) -> None:
    (tmp_path / "meta.json").write_text(meta)
    assert not arrays.is_complete(tmp_path)
