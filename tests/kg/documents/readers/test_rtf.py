"""RTF: its text, without fonts, pictures and hidden passages."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kg.documents.readers.office import load, text_of

HEAD = r"{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0 Times;}}{\colortbl;\red0\green0\blue0;}\f0 "


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (r"Stone \b lasts\b0 .\par Oak does not.\par", "Stone lasts.\nOak does not."),
        (r"Gr\'fc\'dfe aus \u321?\'f3d\u378?", "Grüße aus Łódź"),
        (r"Stone\line lasts", "Stone\nlasts"),
        (r"{\*\generator Riched20;}seen{\pict\wmetafile8 0102ab}", "seen"),
        (r"seen {\v not this}{\deleted nor this}again", "seen again"),
        (r"{\header page 3}{\footer page 4}seen", "seen"),
        (r"10{\super 3} of H{\sub 2}O", "10³ of H₂O"),
        (r"It moved{\*\footnote After the flood.}.", "It moved After the flood.."),
        (r"\trowd\cellx1000\cellx2000 up\cell 1871\cell\row", "up|1871|"),
    ],
)
def test_text_of_rtf(tmp_path: Path, body: str, text: str) -> None:
    found = text_of(load(tmp_path, "d.rtf", (HEAD + body + "}").encode("ascii")))
    assert found == text


def test_title_and_date(tmp_path: Path) -> None:
    info = r"{\info{\title On weirs}{\author Ida}{\creatim\yr2031\mo3\dy4\hr10}}"
    (document,) = load(tmp_path, "d.rtf", (HEAD + info + "Stone.}").encode()).documents
    assert (document.title, document.date, document.text) == ("On weirs", "2031-03-04", "Stone.")


@pytest.mark.parametrize(
    ("codepage", "letters"),
    [("1250", "Łódź"), ("1251", "Мельница"), ("1253", "Μύλος"), ("932", "水車"), ("1254", "Değirmen")],
)
def test_code_pages(tmp_path: Path, codepage: str, letters: str) -> None:
    escaped = "".join(f"\\'{byte:02x}" if byte > 127 else chr(byte) for byte in letters.encode(f"cp{codepage}"))
    source = f"{{\\rtf1\\ansi\\ansicpg{codepage} {escaped}}}"
    assert text_of(load(tmp_path, "d.rtf", source.encode())) == letters


@pytest.mark.parametrize("data", [b"", b"Stone", b"PK\x03\x04", b"{\\rtf1 }", b"<html>"])
def test_what_is_no_rtf(tmp_path: Path, data: bytes) -> None:
    loaded = load(tmp_path, "d.rtf", data)
    assert loaded.errors and "cannot be read as .rtf" not in loaded.error


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (r"seen \v not this\v0 again", "seen again"),
        (r"seen {\v not {\b this} nor this}again", "seen again"),
        (r"seen {\b\v no\plain  again}", "seen  again"),
        (r"seen {\deleted\f0 gone {\i too}}again", "seen again"),
        (r"seen {\v \'e4\u228?\tab x}again", "seen again"),
        (r"\viewkind4 seen \vertalt again", "seen again"),
    ],
)
def test_hidden_text_ends_where_it_is_switched_off(tmp_path: Path, body: str, text: str) -> None:
    assert text_of(load(tmp_path, "d.rtf", (HEAD + body + "}").encode("ascii"))) == text
