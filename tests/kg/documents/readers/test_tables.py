"""CSV, TSV, JSON and JSON Lines: every row gives a document or the reason why not, whatever wrote the file."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kg.documents.load import LoadedFile, load_file
from kg.language.text import normalise

FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
WORDS = st.text(st.characters(exclude_categories=("Cc", "Cs", "Cn", "Co")), min_size=1, max_size=30).filter(
    lambda text: normalise(text).strip() == text and any(map(str.isalnum, text))
)


def read(folder: Path, name: str, content: str | bytes) -> LoadedFile:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return load_file(path, name)


def texts(loaded: LoadedFile) -> list[str]:
    return [document.text for document in loaded.documents]


def rows(loaded: LoadedFile) -> tuple[int, int]:
    """Rows that were read and rows that are lost."""
    (count,) = loaded.parts
    return count.done, count.failed


# Tab-separated values: quotes are characters, unless a spreadsheet needed them.


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ('"North gate" is its old name.', '"North gate" is its old name.'),
        ('"We waited, said the warden.', '"We waited, said the warden.'),
        ('The plate is 3" wide.', 'The plate is 3" wide.'),
        ('She said "no".', 'She said "no".'),
        ('"No."', '"No."'),
        ('"', '"'),
        ('"It ""works"", he said."', 'It "works", he said.'),
        ('"salt, flour"', "salt, flour"),
        ('"left\tright"', "left\tright"),
        ('"upper\nlower"', "upper\nlower"),
    ],
)
def test_quotes_in_a_table_of_tabs(tmp_path: Path, cell: str, text: str) -> None:
    loaded = read(tmp_path, "t.tsv", f"id\ttext\n1\tBefore.\n2\t{cell}\n3\tAfter.\n")
    assert texts(loaded) == ["Before.", text, "After."]
    assert not loaded.errors


def test_a_quote_opened_on_one_row_of_tabs_and_ended_on_another_swallows_nothing(tmp_path: Path) -> None:
    lines = ["n\ttitle\tpassage", *(f"{n}\tGate {n}\tGate {n} was painted." for n in range(1, 9))]
    lines[3] = '3\tGate 3\t"The paint was blue.'
    lines[6] = '6\tGate 6\tThe paint was "green"'
    assert [text[:9] for text in texts(read(tmp_path, "t.tsv", "\n".join(lines)))] == [
        "Gate 1 wa", "Gate 2 wa", '"The pain', "Gate 4 wa", "Gate 5 wa", "The paint", "Gate 7 wa", "Gate 8 wa",
    ]  # fmt: skip


def test_a_table_of_tabs_whose_names_are_quoted_quotes_everything(tmp_path: Path) -> None:
    assert texts(read(tmp_path, "t.tsv", '"id"\t"text"\n"1"\t"The mill."\n')) == ["The mill."]


# Comma-separated values: an open quote costs its own row alone.


@pytest.mark.parametrize(
    ("lines", "good", "bad"),
    [
        (['1,"never closed', "2,two", "3,three"], ["two", "three"], "Line 2"),
        (["1,one", '2,"never closed', "over lines", "3,three"], ["one", "three"], "Line 3, read up to line 4,"),
        (['1,"never closed', '2,"a, b"', "3,three"], ["a, b", "three"], "Line 2"),
        (["1,one", '2,"never closed'], ["one"], "Line 3"),
        (['1,"never closed', '2,he said "yes" twice', '3,"c"'], ['he said "yes" twice', "c"], "Line 2"),
        (['1,"a""', "2,two"], ["two"], "Line 2"),
    ],
)
def test_an_open_quote_is_an_error_with_its_line(tmp_path: Path, lines: list[str], good: list[str], bad: str) -> None:
    loaded = read(tmp_path, "t.csv", "\n".join(["id,text", *lines]))
    assert texts(loaded) == good
    assert loaded.errors == (f"{bad} opens a quote that is not closed. Close it, or double the quote.",)
    assert rows(loaded) == (len(good), 1)


def test_rows_that_one_pair_of_quotes_joins_are_told(tmp_path: Path) -> None:
    loaded = read(tmp_path, "t.csv", 'id,text\n10,"first\n11,second\n12,third"\n')
    assert len(loaded.documents) == 1
    assert loaded.notices == ("Lines 2 to 4 are one row by their quotes, but look like several.",)


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ('1,"Say "ah" now",x', 'Say "ah" now'),
        ('1,"Long Pier" is closed,x', '"Long Pier" is closed'),
        ('1, "a, b" ,x', "a, b"),
        ('1,5" of rain,x', '5" of rain'),
        ('1,"two\r\nlines",x', "two\nlines"),
        ("1,short,,,", "short"),
        (r'1,"He said \"ah, now\", and left.",x', 'He said "ah, now", and left.'),
        ('1,"C:\\",x', "C:\\"),
    ],
)
def test_quotes_and_spaces_in_a_table_of_commas(tmp_path: Path, row: str, text: str) -> None:
    loaded = read(tmp_path, "t.csv", f"id,text,note\n{row}\n2,After.,y\n")
    assert (texts(loaded), loaded.errors) == ([text, "After."], ())


@pytest.mark.parametrize(("row", "fields"), [("1,two,three", "3 fields"), ("1", "1 field"), ("1,a,b,c,d", "5 fields")])
def test_rows_of_another_width_are_named(tmp_path: Path, row: str, fields: str) -> None:
    loaded = read(tmp_path, "t.csv", f"id,text\n0,Before.\n\n,,\n{row}\n9,After.\n")
    assert texts(loaded) == ["Before.", "After."]
    assert loaded.error.startswith(f"Line 5 has {fields}, but the header names 2.")
    assert rows(loaded) == (2, 1)


@pytest.mark.parametrize(
    "content",
    [
        "sep=;\nid;text\n1;The gate.\n",
        '"sep=|"\r\nid|text\r\n1|The gate.\r\n',
        "SEP=\t\nid\ttext\n1\tThe gate.\n",
        "# made by hand\n#\n\nid,text\n1,The gate.\n",
        "#id,text\n1,The gate.\n",
        "\n \nid,text\n\n1,The gate.\n\n",
        "id,text\r1,The gate.\r",
        '"ID" ; "Text"\n1;The gate.\n',
        "TEXT\nThe gate.\n",
        "id,text,\n1,The gate.\n",
        "\ufeffid,text\n1,The gate.\n",
        "\ufeffsep=,\nid,text\n1,The gate.\n",
        "id\ttext\n1\tThe gate.\n".encode("utf-16"),
        "id,text,text\n1,The gate.,\n",
    ],
)
def test_headers_as_programs_write_them(tmp_path: Path, content: str | bytes) -> None:
    loaded = read(tmp_path, "t.csv", content)
    assert (texts(loaded), loaded.errors) == (["The gate."], ())


def test_one_column_needs_no_quotes(tmp_path: Path) -> None:
    assert texts(read(tmp_path, "t.csv", 'text\nOne, two; three.\n"Four, five."\n')) == [
        "One, two; three.",
        "Four, five.",
    ]


def test_equal_names_of_columns_are_told(tmp_path: Path) -> None:
    loaded = read(tmp_path, "t.csv", "text,text\na,b\n")
    assert texts(loaded) == ["a"]
    assert "'text' twice" in loaded.notices[0]


@pytest.mark.parametrize(("content", "shown"), [("1,The gate.\n", "'The gate.'"), ("", "no text"), ("#only\n", "only")])
def test_no_header_is_a_clear_error(tmp_path: Path, content: str, shown: str) -> None:
    assert shown in read(tmp_path, "t.csv", content).error


# JSON and JSON Lines: either suffix may hold either form.

FORMS = {
    "lines": '{"id": "a", "text": "One."}\n\n{"id": "b", "text": "Two."}\n',
    "mark": '\ufeff{"id": "a", "text": "One."}\r\n{"id": "b", "text": "Two."}',
    "list": '[{"id": "a", "text": "One."}, {"id": "b", "text": "Two."}]',
    "indented list": json.dumps([{"id": "a", "text": "One."}, {"id": "b", "text": "Two."}], indent=2),
    "indented objects": '{\n "id": "a",\n "text": "One."\n}\n{\n "id": "b",\n "text": "Two."\n}\n',
    "inside": '{"total": 2, "hits": {"items": [{"id": "a", "text": "One."}, {"id": "b", "text": "Two."}]}}',
    "by key": '{"a": {"text": "One."}, "b": {"text": "Two."}}',
    "wrapped": '{"_id": "a", "_source": {"body": "One."}}\n{"_id": "b", "_source": {"body": "Two."}}\n',
    "paragraphs": '[{"id": "a", "content": ["One."]}, {"id": "b", "content": {"text": "Two."}}]',
}


@pytest.mark.parametrize("suffix", ["json", "jsonl"])
@pytest.mark.parametrize("form", FORMS)
def test_rows_of_json_in_every_form(tmp_path: Path, form: str, suffix: str) -> None:
    loaded = read(tmp_path, f"t.{suffix}", FORMS[form])
    assert (texts(loaded), loaded.errors, rows(loaded)) == (["One.", "Two."], (), (2, 0))
    if "objects" not in form:
        assert [document.source.partition("#")[2] for document in loaded.documents] == ["a", "b"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "is not JSON"),
        ("[1, 2]", "is a list"),
        ("7", "is a number"),
        ('{"text": 7}', "'text' is a number"),
        ('{"text": null}', "has an empty text"),
        ('{"title": "Weir"}', "expected one of"),
        ('{"text": [1, "a"]}', "'text' is a list"),
        ('{"text": " "}', "empty text"),
        ("[" * 3000, "nested too deeply"),
    ],
)
def test_lines_of_json_without_a_text_are_named(tmp_path: Path, line: str, reason: str) -> None:
    loaded = read(tmp_path, "t.jsonl", f'{{"text": "Before."}}\n{line}\n{{"text": "After."}}\n')
    assert (texts(loaded), rows(loaded)) == (["Before.", "After."], (2, 1))
    assert loaded.error.startswith("Line 2")
    assert reason in loaded.error


def test_odd_values_of_json_do_not_lose_the_row(tmp_path: Path) -> None:
    line = f'{{"title": NaN, "date": 5, "id": {"9" * 5000}, "text": "One."}}\n{{"text": "x", "text": "Two."}}\n'
    loaded = read(tmp_path, "t.jsonl", line)
    assert texts(loaded) == ["One.", "Two."]
    assert loaded.documents[0].title == "t"
    assert loaded.notices == ("Line 2 names 'text' more than once; the last value is read.",)


@pytest.mark.parametrize("content", ['{"name": "x", "version": "1"}', "[]", "{}", "3", '{"a": [{"b": 1}]}'])
def test_json_that_is_no_document_is_skipped_with_a_reason(tmp_path: Path, content: str) -> None:
    loaded = read(tmp_path, "settings.json", content)
    assert (loaded.documents, loaded.errors) == ((), ())
    assert "no object with a text" in loaded.skipped


@pytest.mark.parametrize("content", ["{", "", "[1, ", "no json", '{"text": "a"'])
def test_broken_json_fails(tmp_path: Path, content: str) -> None:
    loaded = read(tmp_path, "t.json", content)
    assert (loaded.documents, loaded.skipped) == ((), "")
    assert loaded.errors


# Properties.


def write_csv(table: list[list[str]], **form: str | int) -> str:
    stream = io.StringIO(newline="")
    csv.writer(stream, **form).writerows(table)  # type: ignore[arg-type]
    return stream.getvalue()


@FUZZ
@given(
    cells=st.lists(st.text(st.sampled_from('ab ",;|\n'), min_size=1, max_size=12).map("x".__add__), min_size=1),
    delimiter=st.sampled_from(",;|"),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_whatever_a_writer_of_csv_writes_comes_back(
    tmp_path: Path, cells: list[str], delimiter: str, quoting: int, end: str
) -> None:
    table = [["id", "text", "note"], *([str(number), cell, "n"] for number, cell in enumerate(cells))]
    loaded = read(tmp_path, "t.csv", write_csv(table, delimiter=delimiter, quoting=quoting, lineterminator=end))
    assert (texts(loaded), loaded.errors) == ([normalise(cell) for cell in cells], ())


@FUZZ
@given(cells=st.lists(WORDS, min_size=1))
def test_whatever_stands_in_cells_between_tabs_comes_back(tmp_path: Path, cells: list[str]) -> None:
    lines = ["id\ttext", *(f"{number}\t{cell}" for number, cell in enumerate(cells))]
    loaded = read(tmp_path, "t.tsv", "\n".join(lines))
    assert len(loaded.documents) == len(cells)
    for text, cell in zip(texts(loaded), cells, strict=True):
        assert text in (cell, cell[1:-1].replace('""', '"'))  # quotes around a whole cell may be a spreadsheet's


@FUZZ
@given(
    cells=st.lists(st.text(st.sampled_from('ab ",\n'), min_size=1, max_size=12).map("x".__add__), min_size=1),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_whatever_a_spreadsheet_writes_with_tabs_comes_back(tmp_path: Path, cells: list[str], quoting: int) -> None:
    table = [["id", "text"], *([str(number), cell] for number, cell in enumerate(cells))]
    loaded = read(tmp_path, "t.tsv", write_csv(table, dialect="excel-tab", quoting=quoting))
    assert (texts(loaded), loaded.errors) == (cells, ())


@FUZZ
@given(cells=st.lists(WORDS, min_size=1), suffix=st.sampled_from(["json", "jsonl"]), lines=st.booleans())
def test_rows_of_json_come_back(tmp_path: Path, cells: list[str], suffix: str, lines: bool) -> None:
    objects = [{"id": number, "text": cell} for number, cell in enumerate(cells)]
    content = "\n".join(map(json.dumps, objects)) if lines else json.dumps(objects)
    loaded = read(tmp_path, f"t.{suffix}", content)
    assert (texts(loaded), loaded.errors) == (cells, ())


SIGNS = st.sampled_from(['"', '""', ",", ";", "\t", "\n", "\r", "id", "text", "1", "a", "{", "}", "[", "]", ":", "\\"])
PIECES = SIGNS | st.just("\0")
BYTES = st.binary(max_size=200) | st.lists(PIECES | st.just('{"text": "a"}\n'), max_size=60).map(
    lambda pieces: "".join(pieces).encode()
)


@FUZZ
@given(content=BYTES, name=st.sampled_from(["t.csv", "t.tsv", "t.jsonl", "t.json"]), head=st.booleans())
def test_any_bytes_end_in_documents_and_named_rows(tmp_path: Path, content: bytes, name: str, head: bool) -> None:
    header = b"id\ttext\n" if name == "t.tsv" else b"id,text\n"
    loaded = read(tmp_path, name, header + content if head and "json" not in name else content)
    assert "cannot be read as" not in loaded.error  # no exception but those that name what is wrong
    assert loaded.documents or loaded.errors or loaded.skipped
    assert sum(part.done for part in loaded.parts) == len(loaded.documents)
    if sum(part.failed for part in loaded.parts):
        assert loaded.errors


@FUZZ
@given(content=st.lists(SIGNS, max_size=60).map("".join))
def test_every_line_of_a_table_of_tabs_is_a_row_or_part_of_one(tmp_path: Path, content: str) -> None:
    lines = [f"line{number}\t{line}" for number, line in enumerate(content.replace("\r", "").split("\n"))]
    loaded = read(tmp_path, "t.tsv", "\n".join(["id\ttext", *lines]))
    read_rows = " ".join((*texts(loaded), *(document.source for document in loaded.documents)))
    for number in range(len(lines)):
        assert f"line{number}" in read_rows or f"Line {number + 2} " in loaded.error or len(loaded.errors) > 20


@pytest.mark.parametrize(
    ("name", "content", "found", "lost"),
    [
        ("t.csv", "id,text,date,url\n1,Stone lasts.,2031-03-04\n", ["Stone lasts."], 0),
        ("t.tsv", "text\ttitle\turl\nStone lasts.\tWeir\n", ["Stone lasts."], 0),
        ("t.csv", "text;title;a;b\nStone;W\nOak;W;1;2\nTar;W;1\n", ["Stone", "Oak", "Tar"], 0),
        ("t.csv", "id,text,a,b\n1,the text is\ncut here,x,y\n2,Oak,x,y\n", ["Oak"], 2),  # a line end without quotes
        ("t.csv", "id,title,text\n1,Weir\n2,Oak,rots\n", ["rots"], 1),
        ("t.csv", "id,text,a\n1,maybe cut\n2,Oak,x\n", ["Oak"], 1),
    ],
)
def test_a_row_that_lacks_its_last_fields_is_read_and_told(
    tmp_path: Path, name: str, content: str, found: list[str], lost: int
) -> None:
    loaded = read(tmp_path, name, content)
    assert (texts(loaded), rows(loaded)) == (found, (len(found), lost))
    short = sum(0 < line.count(";") < 3 for line in content.split("\n")) if ";" in content else 0 if lost else 1
    assert len(loaded.notices) == short


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ({"pages": [{"text": "Stone"}], "notes": [{"body": "Oak"}], "meta": {"text": "Tar"}}, ["Stone", "Oak", "Tar"]),
        ({"rows": [{"text": "Stone"}], "head": {"text": "Oak"}}, ["Stone", "Oak"]),
        ({"a": {"text": "Stone"}, "b": {"text": "Oak"}}, ["Stone", "Oak"]),
        ({"title": "Weir", "body_text": [{"text": "Stone"}, {"text": "Oak"}]}, ["Stone\n\nOak"]),
        ({"_id": "7", "_source": {"text": "Stone"}}, ["Stone"]),
    ],
)
@pytest.mark.parametrize("indent", [None, 1])
def test_no_object_with_a_text_is_swallowed_by_another(
    tmp_path: Path, value: object, found: list[str], indent: int | None
) -> None:
    assert texts(read(tmp_path, "t.json", json.dumps(value, indent=indent))) == found
