"""JSON lines of other people: every object with its line number, every error with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel

from models.errors import InputError
from models.files.jsonl import read_lines, read_objects


class Person(BaseModel):
    name: str


def test_objects_come_with_their_line_numbers_and_blank_lines_are_skipped(tmp_path: Path) -> None:
    file = tmp_path / "people.jsonl"
    file.write_bytes('\ufeff{"name": "Ada"}\n\n  \n{"name": "line\u2028separator"}\n'.encode())
    assert list(read_objects(file)) == [(1, {"name": "Ada"}), (4, {"name": "line\u2028separator"})]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "expected one JSON object, but it does not parse"),
        ("[1]", "expected a JSON object, got a list"),
        ('{"name": "half \\ude00"}', "expected one JSON object, but it does not parse"),
        ('{"nme": "Ada"}', "name: Field required"),
    ],
)
def test_an_error_names_file_and_line(tmp_path: Path, line: str, message: str) -> None:
    file = tmp_path / "people.jsonl"
    file.write_text(f'{{"name": "Ada"}}\n{line}\n')
    with pytest.raises(InputError, match=rf"people\.jsonl, line 2: {message}"):
        list(read_lines(file, Person, "a file of people"))


def test_a_file_that_cannot_be_read_is_an_error_that_says_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Expected a file of people at"):
        list(read_objects(tmp_path / "none.jsonl", "a file of people"))


def test_the_reason_names_the_file_once_and_an_encoding_that_is_not_utf_8(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.jsonl, but it cannot be read: No such file or directory\.$"):
        list(read_objects(tmp_path / "none.jsonl", "a file of people"))
    file = tmp_path / "people.jsonl"
    file.write_bytes(b'{"name": "Andr\xe9"}\n')
    with pytest.raises(InputError, match=r"people\.jsonl, but it is not UTF-8 \(byte 14\)\. Save it as UTF-8\.$"):
        list(read_objects(file, "a file of people"))
