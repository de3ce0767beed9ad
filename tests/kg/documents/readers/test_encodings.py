"""Every reader of text reads legacy encodings alike: the right letters, a word where they are guessed, or the named one."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from kg.documents.parts import LostPart, Notice, RawDocument, SourceFile
from kg.documents.readers import READERS
from models.errors import InputError

SENTENCE = "Převozník čekal u řeky, až se mlha rozplyne a děti přijdou ke břehu."
HEAD = "From: ida@holm.example\nSubject: Mlha\nMIME-Version: 1.0\n"
FORMS = {
    ".txt": SENTENCE,
    ".md": f"# Mlha\n\n{SENTENCE}\n",
    ".html": f"<html><body><p>{SENTENCE}</p></body></html>",
    ".csv": f"id;text\n1;{SENTENCE}\n",
    ".tsv": f"id\ttext\n1\t{SENTENCE}\n",
    ".jsonl": json.dumps({"id": 1, "text": SENTENCE}, ensure_ascii=False) + "\n",
    ".json": json.dumps([{"id": 1, "text": SENTENCE}], ensure_ascii=False),
    ".rst": f"Mlha\n====\n\n{SENTENCE}\n",
    ".org": f"* Mlha\n{SENTENCE}\n",
    ".srt": f"1\n00:00:01,000 --> 00:00:02,000\n{SENTENCE}\n",
    ".eml": f"{HEAD}Content-Transfer-Encoding: 8bit\n\n{SENTENCE}\n",
    ".mbox": f"From ida Tue Mar  4 10:00:00 2031\n{HEAD}Content-Transfer-Encoding: 8bit\n\n{SENTENCE}\n",
}
DECLARED = {
    ".html": f'<html><head><meta charset="windows-1250"></head><body><p>{SENTENCE}</p></body></html>',
    ".xhtml": f'<?xml version="1.0" encoding="windows-1250"?><html><body><p>{SENTENCE}</p></body></html>',
    ".xml": f'<?xml version="1.0" encoding="windows-1250"?><html><body><p>{SENTENCE}</p></body></html>',
    ".eml": f"{HEAD}Content-Type: text/plain; charset=windows-1250\n\n{SENTENCE}\n",
}


def read(path: Path, encoding: str = "") -> tuple[str, list[str]]:
    """All text of a file, and its notices."""
    parts = list(READERS[path.suffix](SourceFile(path, path.name, encoding)))
    assert not [part for part in parts if isinstance(part, LostPart)]
    text = "\n".join(part.text for part in parts if isinstance(part, RawDocument))
    return text, [part.text for part in parts if isinstance(part, Notice)]


def write(folder: Path, suffix: str, text: str, encoding: str) -> Path:
    path = folder / f"minutes{suffix}"
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("suffix", FORMS)
def test_a_guess_is_right_and_told(tmp_path: Path, suffix: str) -> None:
    text, notices = read(write(tmp_path, suffix, FORMS[suffix], "cp1250"))
    assert SENTENCE in text
    assert any("was read as cp1250, a guess" in notice for notice in notices)


@pytest.mark.parametrize("suffix", FORMS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_utf8_is_no_guess(tmp_path: Path, suffix: str, encoding: str) -> None:
    if suffix in (".eml", ".mbox") and encoding == "utf-8-sig":
        pytest.skip("a mail does not begin with a mark")
    text, notices = read(write(tmp_path, suffix, FORMS[suffix], encoding))
    assert SENTENCE in text
    assert not [notice for notice in notices if "guess" in notice]


@pytest.mark.parametrize("suffix", FORMS)
def test_the_named_encoding_is_taken_without_a_word(tmp_path: Path, suffix: str) -> None:
    text, notices = read(write(tmp_path, suffix, FORMS[suffix], "mac_latin2"), "mac_latin2")
    assert SENTENCE in text
    assert not [notice for notice in notices if "guess" in notice]


@pytest.mark.parametrize("suffix", [suffix for suffix in FORMS if suffix != ".mbox"])
def test_a_byte_that_the_named_encoding_lacks_is_an_error(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(InputError, match=r"byte \d+ \(0x81\) does not fit"):
        read(write(tmp_path, suffix, FORMS[suffix].replace("až", "a\x81"), "iso8859_2"), "cp1250")


@pytest.mark.parametrize("suffix", DECLARED)
def test_a_declared_encoding_is_no_guess(tmp_path: Path, suffix: str) -> None:
    text, notices = read(write(tmp_path, suffix, DECLARED[suffix], "cp1250"))
    assert SENTENCE in text
    assert not notices


@pytest.mark.parametrize(("declaration", "told"), [('<?xml version="1.0" encoding="cp1250"?>', False), ("", True)])
def test_chapters_of_a_book_are_read_as_they_declare(tmp_path: Path, declaration: str, told: bool) -> None:
    path = tmp_path / "book.epub"
    with zipfile.ZipFile(path, "w") as book:
        book.writestr("mimetype", "application/epub+zip")
        book.writestr(
            "META-INF/container.xml",
            '<container><rootfiles><rootfile full-path="a.opf" media-type="application/oebps-package+xml"/></rootfiles></container>',
        )
        book.writestr(
            "a.opf",
            '<package><manifest><item id="c" href="c.xhtml" media-type="application/xhtml+xml"/></manifest>'
            '<spine><itemref idref="c"/></spine></package>',
        )
        book.writestr("c.xhtml", f"{declaration}<html><body><p>{SENTENCE}</p></body></html>".encode("cp1250"))
    text, notices = read(path, "koi8-r")
    assert SENTENCE in text
    assert bool(notices) == told
