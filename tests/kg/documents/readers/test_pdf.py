"""PDF: no page is lost without its number, and words and paragraphs are whole."""

from __future__ import annotations

import io
import shutil
import time
from pathlib import Path

import pytest
from pypdf import PdfReader, PdfWriter
from pypdf.generic import ArrayObject, DecodedStreamObject, DictionaryObject, FloatObject, NameObject, NumberObject

from kg.documents.load import LoadedFile, load_file
from kg.documents.pdf import ocr
from kg.documents.pdf.hyphens import KnownWords, joined
from kg.documents.pdf.pages import no_letters
from kg.documents.readers.pdf import ranges
from tests.kg.pdf import PdfPage, pdf_file, pdf_of

SCAN = PdfPage(image=1.0)
TEXT = PdfPage(["The weir at Holm was built by Ida Falk.", "It feeds two canals."])


@pytest.fixture(autouse=True)
def _no_ocr(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    if "with_ocr" not in request.fixturenames:
        monkeypatch.setattr(ocr, "available", lambda: False)


@pytest.fixture
def with_ocr() -> None:
    """Leaves OCR on where Tesseract is installed."""


def read(tmp_path: Path, data: bytes, name: str = "f.pdf") -> LoadedFile:
    path = tmp_path / name
    path.write_bytes(data)
    return load_file(path, name)


def text_of(tmp_path: Path, pages: list[PdfPage]) -> str:
    (document,) = read(tmp_path, pdf_file(pages)).documents
    return document.text


@pytest.mark.parametrize(
    ("pages", "said"),
    [
        ([TEXT, SCAN, SCAN, TEXT, SCAN], "3 of 5 pages have no text (2-3, 5)"),
        ([SCAN, TEXT], "1 of 2 pages has no text (1)"),
        ([TEXT, PdfPage(drawing=True)], "1 of 2 pages has no text (2)"),
        (
            [TEXT, PdfPage(["Some words in a font that nobody can read."], private_font=True)],
            "a font without letters (2)",
        ),
        (
            [
                TEXT,
                PdfPage(
                    [
                        "7KH ZHLU DW +ROP ZDV EXLOW E\\ ,GD )DON LQ WKH VSULQJ RI WKDW ODWH \\HDU ZLWK VWRQH WKDW FDPH IURP WKH WKUHH"
                    ]
                ),
            ],
            "(2)",
        ),
        ([TEXT, PdfPage(["(cid:12)(cid:44)(cid:7) (cid:9)(cid:9)"])], "a font without letters (2)"),
        ([TEXT, PdfPage(broken=True), TEXT], "1 of 3 pages has damage (2)"),
    ],
)
def test_a_page_without_text_is_named_and_the_others_are_read(tmp_path: Path, pages: list[PdfPage], said: str) -> None:
    loaded = read(tmp_path, pdf_file(pages))
    assert said in loaded.error
    assert "Ida Falk" in loaded.documents[0].text


@pytest.mark.parametrize(
    "stamps",
    [
        ["Digitised by the county archive"] * 4,
        [f"HOLM-{number:06}" for number in range(4)],
        [f"Page {number} of 4" for number in range(1, 5)],
        [f"Received 12.03.1987 10:0{number}" for number in range(4)],
        ["42", "43", "44", "45"],
        ["Property of Holm", "Property of Holm", "", "Property of Holm"],
    ],
)
def test_a_stamp_on_a_scan_is_no_text_of_the_page(tmp_path: Path, stamps: list[str]) -> None:
    pages = [PdfPage([(72.0, 20.0, stamp)] if stamp else [], image=1.0) for stamp in stamps]
    loaded = read(tmp_path, pdf_file(pages))
    assert not loaded.documents
    mixed = read(tmp_path, pdf_file([TEXT, *pages]))
    assert "Ida Falk" in mixed.documents[0].text
    assert not any(stamp in mixed.documents[0].text for stamp in stamps if stamp)
    assert "2" in mixed.error and "5" in mixed.error


def test_a_running_title_over_a_scan_is_no_text_of_the_page(tmp_path: Path) -> None:
    head = "Annals of Holm, third series"
    texts = [PdfPage([head, (72.0, 600.0, f"In the year {year} the weir was mended again."), (300.0, 40.0, str(n))])
             for n, year in ((1, "1871"), (3, "1902"))]  # fmt: skip
    scan = PdfPage([head, (300.0, 40.0, "2")], image=0.9)
    loaded = read(tmp_path, pdf_file([texts[0], scan, texts[1]]))
    assert "1 of 3 pages has no text but a stamp on an image (2)" in loaded.error
    assert "1871" in loaded.documents[0].text and "1902" in loaded.documents[0].text


def test_text_on_an_image_is_read_and_an_ocr_layer_too(tmp_path: Path) -> None:
    slides = [PdfPage([f"Chapter {name}"], image=1.0) for name in ("of the Canals", "of the Weirs")]
    loaded = read(tmp_path, pdf_file(slides))
    assert "of the Canals" in loaded.documents[0].text and "of the Weirs" in loaded.documents[0].text
    assert loaded.notices == ("2 of 2 pages hold an image and hardly any text (1-2).",)
    layer = PdfPage([f"Line {number}: the weir of Holm was old then." for number in range(20)], image=1.0)
    assert not read(tmp_path, pdf_file([layer, layer])).errors


def test_a_blank_page_is_a_notice_and_no_loss(tmp_path: Path) -> None:
    loaded = read(tmp_path, pdf_file([TEXT, PdfPage(), TEXT, PdfPage()]))
    assert not loaded.errors
    assert loaded.notices == ("2 of 4 pages are blank (2, 4).",)


def test_a_file_without_any_text_says_so(tmp_path: Path) -> None:
    assert "all of its pages are blank" in read(tmp_path, pdf_of("", "")).error
    assert "3 of 3 pages have no text (1-3)" in read(tmp_path, pdf_file([SCAN] * 3)).error


@pytest.mark.parametrize("algorithm", ["RC4-40", "RC4-128", "AES-128", "AES-256-R5", "AES-256"])
def test_a_file_with_an_owner_password_opens(tmp_path: Path, algorithm: str) -> None:
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf_file([TEXT]))))
    writer.encrypt("", "the owner's", algorithm=algorithm)
    stream = io.BytesIO()
    writer.write(stream)
    assert "Ida Falk" in read(tmp_path, stream.getvalue()).documents[0].text
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf_file([TEXT]))))
    writer.encrypt("the user's", "the owner's", algorithm=algorithm)
    stream = io.BytesIO()
    writer.write(stream)
    assert read(tmp_path, stream.getvalue()).error == "f.pdf is encrypted. Save a copy without a password."


def test_attached_files_are_named(tmp_path: Path) -> None:
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf_file([TEXT]))))
    writer.add_attachment("plan of the weir.csv", b"weir;year")
    stream = io.BytesIO()
    writer.write(stream)
    loaded = read(tmp_path, stream.getvalue())
    assert loaded.notices == ("Attached files are left out: plan of the weir.csv. Save them as files to read them.",)


def test_what_is_filled_into_a_form_is_text(tmp_path: Path) -> None:
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf_file([TEXT]))))
    form = DecodedStreamObject()
    form.set_data(b"BT /F1 12 Tf 2 4 Td (Filled in by Ida) Tj ET")
    font = DictionaryObject({NameObject("/Type"): NameObject("/Font"), NameObject("/Subtype"): NameObject("/Type1"),
                             NameObject("/BaseFont"): NameObject("/Helvetica")})  # fmt: skip
    box = ArrayObject([FloatObject(value) for value in (0, 0, 200, 20)])
    form.update({NameObject("/Type"): NameObject("/XObject"), NameObject("/Subtype"): NameObject("/Form"),
                 NameObject("/BBox"): box,
                 NameObject("/Resources"): DictionaryObject({NameObject("/Font"): DictionaryObject({NameObject("/F1"): font})})})  # fmt: skip
    field = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Annot"),
            NameObject("/Subtype"): NameObject("/Widget"),
            NameObject("/FT"): NameObject("/Tx"),
            NameObject("/F"): NumberObject(4),
            NameObject("/Rect"): ArrayObject([FloatObject(value) for value in (72, 300, 272, 320)]),
            NameObject("/AP"): DictionaryObject({NameObject("/N"): writer._add_object(form)}),
        }
    )
    writer.pages[0][NameObject("/Annots")] = ArrayObject([writer._add_object(field)])
    stream = io.BytesIO()
    writer.write(stream)
    assert "Filled in by Ida" in read(tmp_path, stream.getvalue()).documents[0].text


def test_words_cut_at_line_ends_are_whole(tmp_path: Path) -> None:
    lines = [
        "The commission of Holm was not content with the embank-",
        "ment, and asked for a well-known builder. A well-",
        "known builder came in 1990-",
        "1992 with his Anglo-",
        "Saxon tools and his self-",
        "made maps of lower- and upper-",
        "case names. The embankment held.",
    ]
    text = text_of(tmp_path, [PdfPage(lines)])
    for words in ("the embankment,", "A well-known builder", "1990-1992", "Anglo-Saxon", "self-made maps"):
        assert words in text
    assert "upper-case names" in text or "uppercase names" in text


@pytest.mark.parametrize(
    ("first", "second", "words", "expected"),
    [
        ("the re-", "entry plan", {"re-entry"}, "the re-entry plan"),
        ("the re-", "entry plan", set(), "the reentry plan"),
        ("eine Ver\u00ad", "öffentlichung", set(), "eine Veröffentlichung"),
        ("eine Ver\u2010", "öffentlichung", set(), "eine Veröffentlichung"),
        ("Vor-", "und Nachteile", set(), "Vor- und Nachteile"),
        ("a cross\ufffe", "border line", set(), "a cross-border line"),
        ("a cross\ufffe", "ing", {"crossing"}, "a crossing"),
        ("the mill -", "it was old", set(), "the mill - it was old"),
        ("Jean-", "Paul left", set(), "Jean-Paul left"),
    ],
)
def test_which_hyphens_belong_to_a_word(first: str, second: str, words: set[str], expected: str) -> None:
    assert joined(first, second, KnownWords(words)) == expected


def test_lines_of_a_paragraph_flow_and_paragraphs_stand_apart(tmp_path: Path) -> None:
    page = PdfPage(
        [
            (72, 720, "The harbour of Holm"),
            (72, 680, "The old harbour was closed when the river moved to the"),
            (72, 666, "west, and the boats went to the new quay at the mouth of"),
            (72, 652, "the river."),
            (72, 624, "A second quay followed."),
            (72, 596, "- rope"),
            (72, 582, "- tar"),
        ]
    )
    assert text_of(tmp_path, [page]) == (
        "The harbour of Holm\n\nThe old harbour was closed when the river moved to the west, and the boats went to the new "
        "quay at the mouth of the river.\n\nA second quay followed.\n\n- rope\n- tar"
    )


def test_a_sentence_runs_over_the_end_of_a_page_and_running_titles_stand_once(tmp_path: Path) -> None:
    pages = [
        PdfPage(["Annals of Holm", (72, 600, body), (300, 40, str(number))])
        for number, body in enumerate(
            ["The council met in spring.", "The weir broke in May.", "Ida Falk mended it.", "Nobody thanked her."],
            start=1,
        )
    ]
    text = text_of(tmp_path, pages)
    assert text.count("Annals of Holm") == 1
    assert [text.count(sentence) for sentence in ("spring.", "May.", "mended it.", "thanked her.")] == [1] * 4
    cut = [
        PdfPage(["The council of Holm decided that the embank-"]),
        PdfPage(["ment should be higher, and the"]),
        PdfPage(["weir lower."]),
    ]
    assert (
        text_of(tmp_path, cut)
        == "The council of Holm decided that the embankment should be higher, and the weir lower."
    )


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Weirs of the north", "Weirs of the north"),
        ("Microsoft Word - weirs_final2.doc", "f"),
        ("untitled", "f"),
        ("weirs.indd", "f"),
        ("Slide 1", "f"),
        ("", "f"),
    ],
)
def test_title_and_date_are_the_metadata_if_they_say_something(tmp_path: Path, title: str, expected: str) -> None:
    (document,) = read(tmp_path, pdf_file([TEXT], title, "D:20310304101500+01'00'")).documents
    assert (document.title, document.date) == (expected, "2031-03-04")


@pytest.mark.parametrize(
    "text",
    [
        "The mill, 1904.",
        "XML HTTP URL TLS",
        "Łódź",
        "ゆき",
        "x = 3.5; y = 7",
        "........ 12",
        "Grzegrzółka szczebrzeszyn",
    ],
)
def test_a_text_with_letters_is_not_taken_for_soup(text: str) -> None:
    assert not no_letters(text)


@pytest.mark.parametrize("data", [b"", b"%PDF-1.7", b"The mill.", b"%PDF-1.4\n%%EOF", pdf_of("The mill.")[:300]])
def test_what_is_no_pdf_is_an_error(tmp_path: Path, data: bytes) -> None:
    loaded = read(tmp_path, data)
    assert loaded.errors and not loaded.documents


def test_a_page_of_one_long_word_takes_no_time(tmp_path: Path) -> None:
    began = time.monotonic()
    read(tmp_path, pdf_file([PdfPage(["x" * 100_000 + "-", "y" * 100_000])]))
    assert time.monotonic() - began < 20


def test_ranges() -> None:
    assert ranges([1]) == "1" and ranges([1, 2, 4, 7, 8, 9]) == "1-2, 4, 7-9"


@pytest.mark.usefixtures("with_ocr")
@pytest.mark.skipif(not shutil.which("tesseract"), reason="needs the program tesseract")
def test_a_scan_is_read_by_ocr_and_the_notice_says_so(tmp_path: Path) -> None:
    from PIL import Image
    from pypdfium2 import PdfDocument

    picture = PdfDocument(
        pdf_file([PdfPage([(72.0, 720.0 - 40 * n, "The weir of Holm was built by Ida Falk.") for n in range(9)])])
    )
    image: Image.Image = picture[0].render(scale=3).to_pil()
    image.save(tmp_path / "scan.pdf", "PDF", resolution=216)
    loaded = load_file(tmp_path / "scan.pdf", "scan.pdf")
    assert "Ida Falk" in loaded.documents[0].text
    assert loaded.notices == ("1 of 1 page has been read by OCR for lack of text (1).",)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "f.pdf is empty."),
        (b"<html><body>Stone</body></html>", "its content is a web page"),
        (b"PK\x03\x04", "its content is a ZIP archive"),
        (b"%PDF-1.7\n", "f.pdf is damaged"),
        (pdf_file([PdfPage()]), "all of its pages are blank"),
    ],
)
def test_a_file_that_is_no_pdf_is_named_as_what_it_is(tmp_path: Path, data: bytes, reason: str) -> None:
    path = tmp_path / "f.pdf"
    path.write_bytes(data)
    assert reason in load_file(path, "f.pdf").error
