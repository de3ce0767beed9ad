"""Workbooks: values as they are shown, rows or sheets as documents, hidden sheets named."""

from __future__ import annotations

import datetime
import io
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from tests.kg.documents.readers.office import changed, load, text_of


def saved(sheets: dict[str, list[list[Any]]], hidden: tuple[str, ...] = ()) -> bytes:
    workbook = openpyxl.Workbook()
    del workbook["Sheet"]
    for name, rows in sheets.items():
        sheet = workbook.create_sheet(name)
        for row in rows:
            sheet.append(row)
        if name in hidden:
            sheet.sheet_state = "hidden"
    stream = io.BytesIO()
    workbook.save(stream)
    return stream.getvalue()


def test_a_row_is_a_document_where_a_column_is_text(tmp_path: Path) -> None:
    rows = [
        ["ID", "Title", "Text", "Date"],
        [7, "Weirs", "Stone lasts.", datetime.date(2031, 3, 4)],
        [8, "Locks", None, None],
    ]
    loaded = load(tmp_path, "t.xlsx", saved({"data": rows}))
    (document,) = loaded.documents
    assert (document.source, document.title, document.text, document.date) == (
        "t.xlsx#7", "Weirs", "Stone lasts.", "2031-03-04",
    )  # fmt: skip
    assert loaded.error.startswith("Row 3 has no text")


def test_two_sheets_keep_their_rows_apart(tmp_path: Path) -> None:
    rows = [["text"], ["Stone lasts."], [""], ["Oak does not."]]
    loaded = load(tmp_path, "t.xlsx", saved({"north": rows, "south": rows}))
    assert [document.source for document in loaded.documents] == [
        "t.xlsx#north!2", "t.xlsx#north!4", "t.xlsx#south!2", "t.xlsx#south!4",
    ]  # fmt: skip


def test_a_sheet_without_a_column_of_text_is_one_document(tmp_path: Path) -> None:
    loaded = load(tmp_path, "t.xlsx", saved({"weirs": [["Weir", "Year"], ["Upper", 1871], ["Lower", None]]}))
    assert text_of(loaded) == "Weir | Year\nWeir: Upper; Year: 1871\nWeir: Lower"
    loaded = load(tmp_path, "t.xlsx", saved({"a": [["Upper", 1871], [None, 3]], "b": [["Only this"]]}))
    assert [(document.title, document.text) for document in loaded.documents] == [
        ("a", "Upper | 1871\n3"),
        ("b", "Only this"),
    ]


@pytest.mark.parametrize(
    ("value", "style", "shown"),
    [
        (0.25, "0%", "25%"),
        (0.125, "0.0%", "12.5%"),
        (1234.0, "General", "1234"),
        (0.1 + 0.2, "General", "0.3"),
        (datetime.datetime(2031, 3, 4, 10, 30), "yyyy-mm-dd hh:mm", "2031-03-04 10:30"),
        (datetime.date(2031, 3, 4), "yyyy-mm-dd", "2031-03-04"),
        (True, "General", "TRUE"),
        ("#REF!", "General", ""),
        ("line\nend", "General", "line end"),
    ],
)
def test_values_are_those_that_are_shown(tmp_path: Path, value: object, style: str, shown: str) -> None:
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    sheet.append(["12", value])
    sheet["B1"].number_format = style
    stream = io.BytesIO()
    workbook.save(stream)
    assert text_of(load(tmp_path, "t.xlsx", stream.getvalue())) == f"12 | {shown}".strip(" |")


def test_hidden_sheets_and_formulas_without_a_value_are_named(tmp_path: Path) -> None:
    sheets = {"shown": [["Weir", 1], ["sum", "=A1+1"]], "secret": [["Nobody sees this"]], "void": []}
    loaded = load(tmp_path, "t.xlsx", saved(sheets, ("secret", "void")))
    assert "Nobody" not in text_of(loaded)
    assert "left out: 'secret'." in loaded.notices[0]
    assert loaded.notices[1].startswith("1 formulas have no stored value")
    assert "on any sheet that is shown" in load(tmp_path, "t.xlsx", saved({"a": [["x"]], "b": []}, ("a",))).error


def test_a_damaged_sheet_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    data = saved({"first": [["Upper weir"]], "second": [["Lower weir"]], "third": [["Old weir"]]})
    loaded = load(tmp_path, "t.xlsx", changed(data, "xl/worksheets/sheet2.xml", lambda old: old[: len(old) // 2]))
    assert "'second'" in loaded.error
    assert [document.text for document in loaded.documents] == ["Upper weir", "Old weir"]


def test_a_sheet_that_claims_a_million_rows_is_read_at_once(tmp_path: Path) -> None:
    def stretch(old: bytes) -> bytes:
        return old.replace(b'ref="A1:B1"', b'ref="A1:XFD1048576"').replace(b"</sheetData>", LAST + b"</sheetData>")

    last = text_of(
        load(tmp_path, "t.xlsx", changed(saved({"a": [["Weir", "x"]]}), "xl/worksheets/sheet1.xml", stretch))
    )
    assert last == "Weir | x\nWeir: end"
    beyond = LAST.replace(b"1048576", b"99999999999")
    data = changed(
        saved({"a": [["Weir", "x"]]}),
        "xl/worksheets/sheet1.xml",
        lambda old: old.replace(b"</sheetData>", beyond + b"</sheetData>"),
    )
    assert "rows" in load(tmp_path, "t.xlsx", data).error


LAST = b'<row r="1048576"><c r="A1048576" t="inlineStr"><is><t>end</t></is></c></row>'
