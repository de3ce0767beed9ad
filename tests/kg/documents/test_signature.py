"""Files under the wrong suffix: what they are is said, and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from kg.documents.readers.unread import ADVICE
from tests.kg.documents.readers.office import load, text_of
from tests.kg.pdf import pdf_of


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (pdf_of("The weir."), "a PDF"),
        (b"{\\rtf1\\ansi The weir.}", "an RTF document"),
        (b"PK\x03\x04 and so on", "a ZIP archive"),
        (b"\x1f\x8b\x08", "compressed by gzip"),
        (b"SQLite format 3\0", "an SQLite database"),
        (b"\x89PNG\r\n", "an image"),
    ],
)
@pytest.mark.parametrize(
    "suffix", [".txt", ".log", ".md", ".html", ".csv", ".json", ".rst", ".srt", ".docx", ".xml", ".rtf"]
)
def test_what_a_file_is_instead(tmp_path: Path, data: bytes, kind: str, suffix: str) -> None:
    loaded = load(tmp_path, f"f{suffix}", data)
    if (suffix, kind) == (".rtf", "an RTF document"):
        assert text_of(loaded) == "The weir."
    elif (suffix, kind) == (".docx", "a ZIP archive"):
        assert "is damaged" in loaded.error
    else:
        assert f"its content is {kind}" in loaded.error
        assert "suffix of what it is" in loaded.error


def test_a_text_about_markup_is_text(tmp_path: Path) -> None:
    for text in (
        "<html>is a tag</html>",
        "PK is a signature",
        "%PDF begins a PDF",
        "{rtf} is a format",
        "<?xml?> begins XML",
    ):
        assert text_of(load(tmp_path, "f.txt", text.encode())) == text


@pytest.mark.parametrize("suffix", [".doc", ".xls", ".ppt", ".msg", ".mobi", ".zip", ".png"])
def test_a_format_that_is_not_read_comes_with_advice(tmp_path: Path, suffix: str) -> None:
    assert ADVICE[suffix] in load(tmp_path, f"f{suffix}", b"The weir.").skipped
