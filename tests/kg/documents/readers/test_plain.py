"""Plain text: as it is, without pictures written as text."""

from __future__ import annotations

from pathlib import Path

import pytest

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
