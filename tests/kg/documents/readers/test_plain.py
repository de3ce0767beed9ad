"""Plain text: as it is, without pictures written as text."""

from __future__ import annotations

from pathlib import Path

import pytest

from kg.documents.load import load_file
from kg.documents.parts import RawDocument, SourceFile
from kg.documents.readers.plain import read_text

BASE64 = "iVBORw0KGgoAAAANSUhEUgAA" * 30


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("<b>1 < 2</b> [a](b) <!-- as it is -->", "<b>1 < 2</b> [a](b) <!-- as it is -->"),
        (f"Logo: data:image/png;base64,{BASE64}== end.", "Logo:  end."),
        (f"url(data:font/woff2;charset=utf-8;base64,{BASE64})", "url()"),
        (f"data:image/gif;base64,{BASE64}\n{BASE64}\nNext line.", "\nNext line."),
        (f"A key of its own: {BASE64}", f"A key of its own: {BASE64}"),
        ("The data:text are base64, they said.", "The data:text are base64, they said."),
        ("Zer\u00adlegt und\u200b ge\u2060trennt", "Zerlegt und getrennt"),
    ],
)
def test_text_stays_and_pictures_go(tmp_path: Path, content: str, text: str) -> None:
    (tmp_path / "a.txt").write_text(content, encoding="utf-8")
    (document,) = read_text(SourceFile(tmp_path / "a.txt", "a.txt"))
    assert isinstance(document, RawDocument)
    assert document.text == text


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\x1b[31mred\x1b[0m", "red"),
        (b"\x1b[1;32;40mok\x1b[K done", "ok done"),
        (b"\x1b]0;title\x07shown", "shown"),
        (b"\x1b]8;;https://holm.example\x1b\\weir\x1b]8;;\x1b\\", "weir"),
        (b"a [31m b", "a [31m b"),
        (b"tide\x1a", "tide"),
    ],
)
def test_what_a_terminal_does_not_show_is_no_text(tmp_path: Path, data: bytes, text: str) -> None:
    (tmp_path / "a.log").write_bytes(data)
    (document,) = load_file(tmp_path / "a.log", "a.log").documents
    assert document.text == text
