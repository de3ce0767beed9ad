"""Damaged files of every format: documents or one sentence, never a traceback, never a hang."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pptx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from kg.documents.pdf import ocr
from kg.documents.readers import READERS
from tests.kg.documents.readers.office import load
from tests.kg.documents.readers.test_docx import with_footnote
from tests.kg.documents.readers.test_epub import CHAPTERS, book
from tests.kg.documents.readers.test_mail import HEAD
from tests.kg.documents.readers.test_notebook import code, markdown, notebook
from tests.kg.documents.readers.test_odf import cell, odf
from tests.kg.documents.readers.test_pptx import add_slide
from tests.kg.documents.readers.test_pptx import saved as saved_slides
from tests.kg.documents.readers.test_xlsx import saved as saved_sheets
from tests.kg.documents.readers.test_xml import export, page
from tests.kg.pdf import PdfPage, pdf_file

_RST = "Weirs\n=====\n\n- *Stone* :func:`x` |y|\n\n.. note:: z\n\n.. |y| replace:: q\n\n==  ==\na   b\n==  ==\nc   d\n==  ==\n"


def _slides() -> bytes:
    presentation = pptx.Presentation()
    add_slide(presentation, "Weirs", "Stone lasts.", "A note.")
    return saved_slides(presentation)


SAMPLES: dict[str, Callable[[], bytes]] = {
    ".pdf": lambda: pdf_file([PdfPage(["Stone lasts.", "Oak does not."]), PdfPage(image=1.0)], "On weirs"),
    ".docx": with_footnote,
    ".pptx": _slides,
    ".xlsx": lambda: saved_sheets({"a": [["text", "id"], ["Stone lasts.", 1]], "b": [["Oak", 2.5]]}),
    ".odt": lambda: odf(
        "<text:h text:outline-level='1'>Weirs</text:h><text:p>Stone<text:s text:c='2'/>lasts.</text:p>"
    ),
    ".odp": lambda: odf("<draw:page><draw:frame><text:p>Stone.</text:p></draw:frame></draw:page>", "presentation"),
    ".ods": lambda: odf(
        f"<table:table table:name='a'><table:table-row>{cell('oak')}{cell('3')}</table:table-row></table:table>",
        "spreadsheet",
    ),
    ".epub": lambda: book(CHAPTERS, ["one.xhtml", "two.xhtml"]),
    ".ipynb": lambda: notebook(markdown("# Weirs"), code("a = 1", {"output_type": "stream", "text": "1"})),
    ".rst": lambda: _RST.encode(),
    ".org": lambda: (
        b"#+TITLE: x\n* TODO Weirs :a:\n:PROPERTIES:\n:ID: 1\n:END:\n[[a][Stone]]\n#+BEGIN_SRC c\n1\n#+END_SRC\n"
    ),
    ".eml": lambda: (HEAD + "Content-Type: multipart/mixed; boundary=x\n\n--x\n\nStone.\n--x--").encode(),
    ".mbox": lambda: (f"From a Tue Mar  4 10:00:00 2031\n{HEAD}\nStone.\n\n" * 2).encode(),
    ".srt": lambda: b"1\n00:00:01,000 --> 00:00:02,000\n<i>Stone</i>\n\n2\n00:00:03,000 --> 00:00:04,000\nOak\n",
    ".vtt": lambda: b"WEBVTT\n\nNOTE x\n\n00:01.000 --> 00:02.000\n<v Ida>Stone</v>\n",
    ".xml": lambda: export(page("Holm", "'''Holm''' {{x|y}} [[weir]]"), page("Oak", "A tree.")),
    ".rtf": lambda: rb"{\rtf1\ansi{\fonttbl{\f0 Times;}}{\info{\title On weirs}}\f0 Stone \'e4{\super 2}\par\u321?}",
}


def test_every_format_of_this_room_has_a_sample() -> None:
    others = {".txt", ".text", ".log", ".md", ".markdown", ".html", ".htm", ".xhtml", ".json", ".jsonl", ".ndjson"}
    others |= {".csv", ".tsv", ".tab", ".pptm", ".xlsm"}
    assert set(READERS) == set(SAMPLES) | others


@pytest.fixture(scope="module", autouse=True)
def _no_ocr() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ocr, "available", lambda: False)
        yield


def check(folder: Path, suffix: str, data: bytes) -> None:
    began = time.monotonic()
    loaded = load(folder, f"f{suffix}", data)
    assert loaded.documents or loaded.errors or loaded.skipped
    assert f"cannot be read as {suffix}" not in loaded.error, loaded.error
    assert "Traceback" not in loaded.error
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("suffix", SAMPLES)
def test_the_samples_are_good(tmp_path: Path, suffix: str) -> None:
    loaded = load(tmp_path, f"f{suffix}", SAMPLES[suffix]())
    assert loaded.documents
    assert suffix == ".pdf" or not loaded.errors


@pytest.mark.parametrize("suffix", [".docx", ".pptx"])
@pytest.mark.parametrize(
    "metadata", [b"<a/>", b"", b"<a", b"\x00\xff", b"<?xml version='1.0'?><cp xmlns='x'><title/></cp>"]
)
def test_damaged_metadata_does_not_lose_the_text(tmp_path: Path, suffix: str, metadata: bytes) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(SAMPLES[suffix]())) as good, zipfile.ZipFile(stream, "w") as bad:
        for name in good.namelist():
            bad.writestr(name, metadata if name == "docProps/core.xml" else good.read(name))
    assert load(tmp_path, f"f{suffix}", stream.getvalue()).documents


@pytest.mark.parametrize("suffix", SAMPLES)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cut=st.floats(0, 1),
    flips=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=8),
)
@example(cut=0.5, flips=[])
@example(cut=0.0, flips=[])
def test_cut_and_flipped_files(tmp_path: Path, suffix: str, cut: float, flips: list[tuple[float, int]]) -> None:
    data = bytearray(SAMPLES[suffix]())
    for place, value in flips:
        data[int(place * len(data))] = value
    check(tmp_path, suffix, bytes(data[: round(cut * len(data))] if cut < 0.9 else data))


@pytest.mark.parametrize("suffix", SAMPLES)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=300))
@example(data=b"\x00" * 5000)
@example(data=b"PK\x03\x04" + b"\x00" * 100)
@example(data=b"PK\x05\x06" + b"\x00" * 18)
@example(data=b"%PDF-1.7\n")
@example(data=b"<" * 5000)
@example(data=b"{" * 5000)
def test_files_of_anything(tmp_path: Path, suffix: str, data: bytes) -> None:
    check(tmp_path, suffix, data)
