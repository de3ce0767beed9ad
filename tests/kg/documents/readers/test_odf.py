"""OpenDocument files: texts, presentations, spreadsheets."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kg.documents.readers.office import archive_of, load, text_of

_SPACES = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{full}:1.0"'
    for name, full in (
        ("office", "office"), ("text", "text"), ("table", "table"), ("draw", "drawing"), ("style", "style"),
        ("presentation", "presentation"), ("meta", "meta"),
    )
)  # fmt: skip


def odf(body: str, kind: str = "text", styles: str = "", **members: str) -> bytes:
    content = (
        f"<office:document-content {_SPACES}><office:automatic-styles>{styles}</office:automatic-styles>"
        f"<office:body><office:{kind}>{body}</office:{kind}></office:body></office:document-content>"
    )
    return archive_of({"mimetype": f"application/vnd.oasis.opendocument.{kind}", "content.xml": content, **members})


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("<text:h text:outline-level='2'>Weirs</text:h><text:p>Stone <text:span>lasts</text:span>.</text:p>",
         "## Weirs\n\nStone lasts."),
        ("<text:list><text:list-item><text:p>oak</text:p></text:list-item><text:list-item><text:p>tar</text:p>"
         "<text:list><text:list-item><text:p>pitch</text:p></text:list-item></text:list></text:list-item></text:list>",
         "- oak\n- tar\n- pitch"),
        ("<table:table><table:table-row><table:table-cell><text:p>upper</text:p></table:table-cell><table:table-cell>"
         "<text:p>1871</text:p></table:table-cell></table:table-row></table:table>", "upper | 1871"),
        ("<text:p>It moved.<text:note><text:note-citation>1</text:note-citation><text:note-body><text:p>After the flood."
         "</text:p></text:note-body></text:note></text:p><text:p>Nobody minded.</text:p>",
         "It moved.\n\nAfter the flood.\n\nNobody minded."),
        ("<text:p>a<text:s text:c='3'/>b<text:tab/>c<text:line-break/>d</text:p>", "a b c\nd"),
        ("<text:p>\n   spaces   are\n one </text:p>", "spaces are one"),
        ("<text:tracked-changes><text:changed-region><text:deletion><text:p>gone</text:p></text:deletion>"
         "</text:changed-region></text:tracked-changes><text:p>still here</text:p>", "still here"),
        ("<text:p>seen<office:annotation><text:p>a remark</text:p></office:annotation></text:p>", "seen"),
        ("<text:section><text:p>in a section</text:p></text:section>", "in a section"),
        ("<text:p>beside<draw:frame><draw:text-box><text:p>in the box</text:p></draw:text-box></draw:frame></text:p>",
         "beside\n\nin the box"),
        ("<text:p>seen <text:hidden-text text:string-value='x'>not this</text:hidden-text></text:p>", "seen"),
    ],
)  # fmt: skip
def test_a_text_is_what_stands_on_the_page(tmp_path: Path, body: str, text: str) -> None:
    assert text_of(load(tmp_path, "d.odt", odf(body))) == text


def test_powers_stay_powers(tmp_path: Path) -> None:
    styles = "".join(
        f"<style:style style:name='{name}'><style:text-properties style:text-position='{place}'/></style:style>"
        for name, place in (("up", "super 58%"), ("down", "sub 58%"), ("by", "33% 80%"))
    )
    body = "<text:p>10<text:span text:style-name='{}'>{}</text:span></text:p>"
    for name, text, shown in (("up", "3", "10³"), ("down", "2", "10₂"), ("by", "7", "10⁷"), ("none", "3", "103")):
        assert text_of(load(tmp_path, "d.odt", odf(body.format(name, text), styles=styles))) == shown


def test_title_and_date_come_from_its_metadata(tmp_path: Path) -> None:
    meta = (
        f'<office:document-meta {_SPACES} xmlns:dc="http://purl.org/dc/elements/1.1/"><office:meta><dc:title>On weirs'
        "</dc:title><meta:creation-date>2031-03-04T10:00:00</meta:creation-date></office:meta></office:document-meta>"
    )
    (document,) = load(tmp_path, "d.odt", odf("<text:p>Stone.</text:p>", **{"meta.xml": meta})).documents
    assert (document.title, document.date) == ("On weirs", "2031-03-04")


def test_slides_their_notes_and_hidden_ones(tmp_path: Path) -> None:
    styles = (
        "<style:style style:name='h'><style:drawing-page-properties presentation:visibility='hidden'/></style:style>"
    )
    body = (
        "<draw:page><draw:frame presentation:class='page-number'><draw:text-box><text:p>1</text:p></draw:text-box></draw:frame>"
        "<draw:frame><draw:text-box><text:p>Stone lasts.</text:p></draw:text-box></draw:frame><draw:frame "
        "presentation:class='title'><draw:text-box><text:p>Weirs</text:p></draw:text-box></draw:frame><presentation:notes>"
        "<draw:frame presentation:class='notes'><draw:text-box><text:p>Mention Ida.</text:p></draw:text-box></draw:frame>"
        "</presentation:notes></draw:page><draw:page draw:style-name='h'><draw:frame><draw:text-box><text:p>Secret</text:p>"
        "</draw:text-box></draw:frame></draw:page>"
    )
    loaded = load(tmp_path, "d.odp", odf(body, "presentation", styles))
    assert text_of(loaded) == "## Weirs\n\nStone lasts.\n\nNotes: Mention Ida."
    assert "left out: 2." in loaded.notices[0]


def cell(text: str, attributes: str = "") -> str:
    return f"<table:table-cell {attributes}><text:p>{text}</text:p></table:table-cell>"


def test_sheets_repeat_cells_and_hide(tmp_path: Path) -> None:
    styles = "<style:style style:name='h'><style:table-properties table:display='false'/></style:style>"
    empty = "<table:table-cell table:number-columns-repeated='16384'/>"
    twice = cell("oak", "table:number-columns-repeated='2'")
    body = (
        f"<table:table table:name='one'><table:table-row table:number-rows-repeated='2'>{twice}{empty}</table:table-row>"
        f"<table:table-row table:number-rows-repeated='1048000'>{empty}</table:table-row></table:table>"
        f"<table:table table:name='two' table:style-name='h'><table:table-row>{cell('secret')}</table:table-row></table:table>"
    )
    loaded = load(tmp_path, "d.ods", odf(body, "spreadsheet", styles))
    assert text_of(loaded) == "oak | oak\noak | oak"
    assert "'two'" in loaded.notices[0]
    rows = f"<table:table-row>{cell('id')}{cell('text')}</table:table-row><table:table-row>{cell('7')}{cell('Oak.')}</table:table-row>"
    (document,) = load(
        tmp_path, "e.ods", odf(f"<table:table table:name='one'>{rows}</table:table>", "spreadsheet")
    ).documents
    assert (document.source, document.text) == ("e.ods#7", "Oak.")


def test_a_cell_repeated_a_billion_times_is_an_error(tmp_path: Path) -> None:
    many = cell("oak", "table:number-columns-repeated='999999999'")
    body = f"<table:table table:name='one'><table:table-row>{many}</table:table-row></table:table>"
    assert "cells" in load(tmp_path, "d.ods", odf(body, "spreadsheet")).error
    body = f"<table:table table:name='one'><table:table-row table:number-rows-repeated='999999999'>{cell('oak')}</table:table-row></table:table>"
    assert "cells" in load(tmp_path, "d.ods", odf(body, "spreadsheet")).error


def test_encrypted_and_misnamed_files_say_so(tmp_path: Path) -> None:
    manifest = {"META-INF/manifest.xml": "<manifest><file-entry><encryption-data/></file-entry></manifest>"}
    assert "encrypted" in load(tmp_path, "d.odt", odf("<text:p>x</text:p>", **manifest)).error
    assert "right suffix" in load(tmp_path, "d.odt", odf("<draw:page/>", "presentation")).error
    assert "a web page" in load(tmp_path, "d.odt", b"<html>The weir</html>").error
    assert "no content.xml" in load(tmp_path, "d.odt", archive_of({"mimetype": "x"})).error
    assert "holds no text" in load(tmp_path, "d.odt", odf("<text:p/>")).error


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("<text:p>Stone</text:p><text:section text:display='none'><text:p>no</text:p></text:section>", "Stone"),
        ("<text:p text:style-name='H'>no</text:p><text:p>Stone</text:p>", "Stone"),
        ("<text:p>Stone <text:span text:style-name='H'>no</text:span>lasts.</text:p>", "Stone lasts."),
        ("<text:h text:style-name='H'>no</text:h><text:p text:style-name='S'>Stone</text:p>", "Stone"),
        ("<text:section><text:p>Stone</text:p></text:section>", "Stone"),
    ],
)
def test_hidden_text_is_no_text(tmp_path: Path, body: str, text: str) -> None:
    styles = "<style:style style:name='{}'><style:text-properties text:display='{}'/></style:style>"
    data = odf(body, styles=styles.format("H", "none") + styles.format("S", "true"))
    assert text_of(load(tmp_path, "t.odt", data)) == text


def test_a_cell_without_a_text_shows_its_value(tmp_path: Path) -> None:
    cells = "<table:table-cell office:value='7'/><table:table-cell office:value='3.5'><text:p>3,50</text:p></table:table-cell>"
    sheet = f"<table:table table:name='s'><table:table-row>{cells}</table:table-row></table:table>"
    assert text_of(load(tmp_path, "t.ods", odf(sheet, "spreadsheet"))) == "7 | 3,50"
