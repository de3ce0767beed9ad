"""Files to documents: every format, and every way a file can be bad."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import pytest

from kg.documents.load import LoadedFile, list_sources, load
from kg.documents.parts import SourceFile
from kg.documents.readers import READERS
from kg.schema import Document
from models.errors import InputError
from tests.kg.pdf import pdf_of


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def load_one(folder: Path, name: str, content: str | bytes) -> LoadedFile:
    (loaded,) = load(write(folder, name, content))
    return loaded


def only(loaded: LoadedFile) -> Document:
    assert not loaded.errors
    (document,) = loaded.documents
    return document


def test_text_takes_its_title_from_the_file_name(tmp_path: Path) -> None:
    document = only(load_one(tmp_path, "Ferry times.txt", "The ferry leaves at nine.\r\n"))
    assert (document.title, document.text, document.source) == (
        "Ferry times",
        "The ferry leaves at nine.\n",
        "Ferry times.txt",
    )


def test_markdown_front_matter_becomes_title_and_date(tmp_path: Path) -> None:
    document = only(
        load_one(tmp_path, "a.md", "---\nTitle: The bridge\ndate: 2031-03-04\ntags: [a]\n---\n\n# Other\nText.\n")
    )
    assert (document.title, document.date, document.text) == ("The bridge", "2031-03-04", "# Other\nText.")


def test_a_colon_in_a_front_matter_title_is_read_anyway(tmp_path: Path) -> None:
    document = only(load_one(tmp_path, "a.md", "---\ntitle: Bridge: the end\ndate: 4 March 2031\n---\nText."))
    assert (document.title, document.date, document.text) == ("Bridge: the end", "2031-03-04", "Text.")


def test_an_impossible_date_in_front_matter_does_not_lose_the_document(tmp_path: Path) -> None:
    document = only(load_one(tmp_path, "a.md", "---\ntitle: T\ndate: 2031-02-30\n---\nText."))
    assert (document.title, document.date, document.text) == ("T", "", "Text.")


def test_rules_in_markdown_are_not_front_matter(tmp_path: Path) -> None:
    text = "---\nA plain paragraph.\n\n---\n\n# The heading #\n\nMore."
    document = only(load_one(tmp_path, "a.md", text))
    assert (document.text, document.title) == (text, "The heading")


def test_html_gives_its_main_text_in_order(tmp_path: Path) -> None:
    page = """<!doctype html><html><head><title> Tide
      report </title><meta property="article:published_time" content="2031-03-04T08:00:00Z"><style>p{}</style></head>
      <body><nav>Home | About</nav><main><h2>High   water</h2><p>At <b>nine</b>
      o'clock &amp; later.</p><ul><li>first</li><li>second</li></ul><p>line<br>break</p>
      <table><tr><td>Ness</td><td>4 m</td></tr></table><script>var x = "unseen";</script><p>End.</p></main>
      <footer>Contact</footer></body></html>"""
    document = only(load_one(tmp_path, "p.html", page))
    assert (document.title, document.date) == ("Tide report", "2031-03-04")
    assert document.text == (
        "## High water\n\nAt nine o'clock & later.\n\n- first\n\n- second\n\nline\nbreak\n\nNess 4 m\n\nEnd."
    )


def test_html_says_its_own_encoding(tmp_path: Path) -> None:
    page = '<html><head><meta charset="iso-8859-2"></head><body><p>Łódź</p></body></html>'
    assert only(load_one(tmp_path, "p.htm", page.encode("iso-8859-2"))).text == "Łódź"


def test_deeply_nested_html_is_read(tmp_path: Path) -> None:
    assert only(load_one(tmp_path, "p.html", "<div>" * 3000 + "deep" + "</div>" * 3000)).text == "deep"


def test_jsonl_keeps_good_rows_and_names_bad_ones(tmp_path: Path) -> None:
    rows = [
        json.dumps({"id": 7, "headline": "One", "content": "First text.", "publish_date": "2026/05/08", "other": [1]}),
        "{broken",
        "",
        json.dumps({"title": "no text here"}),
        json.dumps([1]),
        json.dumps({"text": "  "}),
        json.dumps({"text": "Last \ud83d text."}),
    ]
    loaded = load_one(tmp_path, "rows.jsonl", "\n".join(rows))
    first, last = loaded.documents
    assert (first.source, first.title, first.text, first.date) == ("rows.jsonl#7", "One", "First text.", "2026-05-08")
    assert (last.source, last.title, last.text) == ("rows.jsonl#7~2", "rows", "Last \ufffd text.")
    assert [error.split(" is ")[0].split(" has ")[0] for error in loaded.errors] == [
        "Line 2",
        "Line 4",
        "Line 5",
        "Line 6",
    ]
    assert "'title'" in loaded.error


def test_many_bad_lines_make_a_short_report(tmp_path: Path) -> None:
    loaded = load_one(tmp_path, "rows.jsonl", "{\n" * 1000)
    assert len(loaded.errors) == 21
    assert loaded.errors[-1] == "There are 980 more."


@pytest.mark.parametrize(("delimiter", "name"), [(",", "t.csv"), (";", "t.csv"), ("\t", "t.tsv"), ("|", "t.csv")])
def test_csv_with_any_delimiter_and_quoted_lines(tmp_path: Path, delimiter: str, name: str) -> None:
    table = delimiter.join(["ID", "Title", "Body"]) + "\n" + delimiter.join(["x1", "A", '"two\nlines, ""quoted"""'])
    document = only(load_one(tmp_path, name, b"\xef\xbb\xbf" + table.encode()))
    assert (document.source, document.title, document.text) == (f"{name}#x1", "A", 'two\nlines, "quoted"')


def test_csv_without_text_names_the_columns_it_has(tmp_path: Path) -> None:
    loaded = load_one(tmp_path, "t.csv", "name,price\nNet,4\n")
    assert not loaded.documents
    assert "t.csv has no column of text" in loaded.error
    assert "'name', 'price'" in loaded.error


def test_csv_fields_may_be_long_and_rows_short(tmp_path: Path) -> None:
    loaded = load_one(tmp_path, "t.csv", "title,text\nlong," + "word " * 100_000 + "\nshort\n")
    assert [document.title for document in loaded.documents] == ["long"]
    assert loaded.error.startswith("Line 3 has no text")


def test_rows_with_one_id_and_text_stay_two_documents(tmp_path: Path) -> None:
    loaded = load_one(tmp_path, "t.csv", "id,text\n1,same\n1,same\n")
    assert len({document.id for document in loaded.documents}) == 2


def test_pdf_text_of_all_pages(tmp_path: Path) -> None:
    document = only(load_one(tmp_path, "log.pdf", pdf_of("The tide turned.", "", "It rained.")))
    assert (document.title, document.text) == ("log", "The tide turned.\n\nIt rained.")


def test_pdf_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    from pypdf import PdfReader, PdfWriter

    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf_of("Secret."))))
    writer.encrypt("key", algorithm="RC4-128")
    writer.write(tmp_path / "locked.pdf")
    write(tmp_path, "scan.pdf", pdf_of("", ""))
    write(tmp_path, "broken.pdf", b"%PDF-1.4\nnothing more")
    write(tmp_path, "open.pdf", pdf_of("Read me."))
    errors = {loaded.source: loaded.error for loaded in load(tmp_path)}
    assert "is encrypted" in errors["locked.pdf"]
    assert "2 pages without text" in errors["scan.pdf"]
    assert "cannot be read as PDF" in errors["broken.pdf"]
    assert errors["open.pdf"] == ""


def test_a_bad_file_never_stops_the_rest(tmp_path: Path) -> None:
    write(tmp_path, "b/zeros.txt", bytes(500))
    write(tmp_path, "b/empty.txt", "")
    write(tmp_path, "b/blank.md", "---\ntitle: T\n---\n \n")
    write(tmp_path, "a.txt", "Good.")
    write(tmp_path, "c/photo.jpeg", b"\xff\xd8")
    write(tmp_path, "c/z.txt", "Good too.")
    write(tmp_path, ".hidden.txt", "unseen")
    write(tmp_path, ".git/x.txt", "unseen")
    os.mkfifo(tmp_path / "pipe.txt")
    (tmp_path / "dangling.txt").symlink_to(tmp_path / "nowhere")
    found = {loaded.source: loaded for loaded in load(tmp_path)}
    assert list(found) == sorted(found)
    assert [name for name, loaded in found.items() if loaded.documents] == ["a.txt", "c/z.txt"]
    assert "only zeros" in found["b/zeros.txt"].error
    assert found["b/empty.txt"].error == "b/empty.txt holds no text."
    assert found["b/blank.md"].error == "b/blank.md holds no text."
    assert "not a regular file" in found["pipe.txt"].error
    assert "not a regular file" in found["dangling.txt"].error
    assert found["c/photo.jpeg"].skipped.startswith("Unknown type '.jpeg'")
    assert not found["c/photo.jpeg"].error
    assert set(found) == set(list_sources(tmp_path))


def test_a_parser_that_crashes_is_one_failed_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(file: SourceFile) -> None:
        raise RecursionError("too deep")

    monkeypatch.setitem(READERS, ".html", crash)
    write(tmp_path, "a.html", "<p>x")
    write(tmp_path, "b.txt", "Good.")
    bad, good = load(tmp_path)
    assert bad.error == "a.html cannot be read as .html (RecursionError: too deep)."
    assert good.documents


def test_ids_depend_on_source_and_text_only(tmp_path: Path) -> None:
    for root in ("one", "two"):
        write(tmp_path, f"{root}/a.txt", "Same text.")
        write(tmp_path, f"{root}/sub/a.txt", "Same text.")
    one = [loaded.documents[0].id for loaded in load(tmp_path / "one")]
    two = [loaded.documents[0].id for loaded in load(tmp_path / "two")]
    assert one == two
    assert len(set(one)) == 2


def test_file_names_in_any_normal_form_or_encoding_can_be_stored(tmp_path: Path) -> None:
    write(tmp_path, "Cafe\u0301.txt", "A.")
    (tmp_path / os.fsdecode(b"b\xff.txt")).write_text("B.")
    sources = [only(loaded).source for loaded in load(tmp_path)]
    assert sources == ["Café.txt", "b\ufffd.txt"]


@pytest.mark.parametrize("name", ["empty", "missing"])
def test_nothing_to_read_is_an_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no file" if name == "empty" else "does not exist"):
        list(load(tmp_path / name))


def test_a_folder_of_unknown_types_is_an_error_that_names_them(tmp_path: Path) -> None:
    write(tmp_path, "a.docx", "x")
    with pytest.raises(InputError, match=r"only \.docx"):
        list_sources(tmp_path)
