"""Files to documents: every format, and every way a file can be bad."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import pytest

from kg.documents.load import HIDDEN, LoadedFile, PartCount, list_entries, list_sources, load, load_counts
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
    assert loaded.parts == (PartCount("rows", 0, 1000),)


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
    assert loaded.error.startswith("Line 3 has 1 field, but the header names 2.")


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
    assert "all of its pages are blank" in errors["scan.pdf"]
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
    assert found[".hidden.txt"].skipped == "Hidden: its name begins with a dot."
    assert found[".git"].skipped == HIDDEN  # one entry for all that it holds
    assert set(found) == {*list_sources(tmp_path), ".git", ".hidden.txt"} == set(list_entries(tmp_path))
    counts = load_counts(found.values())["files"]
    assert (counts.total, counts.done, counts.failed, counts.skipped) == (10, 2, 5, 3)


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
    write(tmp_path, "a.psd", "x")
    with pytest.raises(InputError, match=r"only \.psd"):
        list_sources(tmp_path)


def test_linked_files_are_read_and_linked_folders_named(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    write(corpus, "a.txt", "Here.")
    other = write(tmp_path, "other/b.txt", "There.").parent
    (corpus / "b.txt").symlink_to(other / "b.txt")
    (corpus / "outside").symlink_to(other)
    (corpus / "sub").mkdir()
    (corpus / "sub" / "loop").symlink_to(corpus)
    (corpus / "itself").symlink_to(corpus / "itself")
    found = {loaded.source: loaded for loaded in load(corpus)}
    assert {name for name, loaded in found.items() if loaded.documents} == {"a.txt", "b.txt"}
    assert f"Link to the folder {other};" in found["outside"].skipped
    assert "Link to the folder" in found["sub/loop"].skipped
    assert "itself" in found
    assert "outside" not in list_sources(corpus)


def test_a_folder_that_is_itself_a_link_or_hidden_is_read(tmp_path: Path) -> None:
    write(tmp_path, ".vault/a.txt", "Here.")
    (tmp_path / "link").symlink_to(tmp_path / ".vault")
    for folder in (".vault", "link"):
        assert [loaded.source for loaded in load(tmp_path / folder)] == ["a.txt"]
    write(tmp_path, ".note.txt", "A note.")
    assert only(next(load(tmp_path / ".note.txt"))).text == "A note."


@pytest.mark.parametrize("name", ["a.psd", "a", "a.TXT.bak", "a.exe", "a.pages"])
def test_a_file_of_an_unknown_type_that_is_named_itself_is_an_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"Unknown type|unknown type"):
        list(load(write(tmp_path, name, "x")))


def test_an_encoding_that_is_named_reads_the_files_of_text(tmp_path: Path) -> None:
    write(tmp_path, "a.txt", "Žluťoučký kůň".encode("cp1250"))
    write(tmp_path, "b.csv", "id,text\n1,Žluťoučký kůň\n".encode("cp1250"))
    write(tmp_path, "c.jsonl", '{"text": "Žluťoučký kůň"}'.encode("cp1250"))
    assert [only(loaded).text for loaded in load(tmp_path, "cp1250")] == ["Žluťoučký kůň"] * 3


def test_rows_and_files_add_up(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", "id,text\n1,One.\n2,Two.\n3\n")
    write(tmp_path, "b.jsonl", '{"text": "One."}\n{\n')
    write(tmp_path, "c.txt", "Whole.")
    write(tmp_path, "d.json", '{"name": "settings"}')
    write(tmp_path, "e.psd", "x")
    counts = load_counts(load(tmp_path))
    assert (counts["files"].total, counts["files"].done, counts["files"].failed, counts["files"].skipped) == (
        5,
        1,
        2,
        2,
    )
    assert (counts["rows"].total, counts["rows"].done, counts["rows"].failed) == (5, 3, 2)


def test_two_files_whose_names_become_one_stay_two_sources(tmp_path: Path) -> None:
    write(tmp_path, "Caf\u00e9.txt", "Same.")
    write(tmp_path, "Cafe\u0301.txt", "Same.")
    (tmp_path / os.fsdecode(b"b\xff.txt")).write_text("Same.")
    (tmp_path / os.fsdecode(b"b\xfe.txt")).write_text("Same.")
    files = list(load(tmp_path))
    assert sorted(file.source for file in files) == ["Café.txt", "Café.txt~2", "b\ufffd.txt", "b\ufffd.txt~2"]
    assert len({only(file).id for file in files}) == 4
