"""A file is replaced whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.files.atomic import is_part, replace_text, replacing


def test_a_text_takes_the_place_of_the_old_one_and_folders_are_made(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "a.txt"
    replace_text(file, "one\nzwölf\n")
    replace_text(file, "two\n")
    assert file.read_bytes() == b"two\n"
    assert [entry.name for entry in file.parent.iterdir()] == ["a.txt"]


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("old")
    with pytest.raises(RuntimeError), replacing(file) as part:
        part.write_text("half")
        assert is_part(part.name, "a.txt")
        assert not is_part(part.name, "b.txt")
        raise RuntimeError
    assert file.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.txt"]


def test_two_writers_do_not_share_a_part(tmp_path: Path) -> None:
    with replacing(tmp_path / "a") as one, replacing(tmp_path / "a") as other:
        assert one != other
        one.write_text("1")
        other.write_text("2")
    assert (tmp_path / "a").read_text() == "1"
