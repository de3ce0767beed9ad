"""Word documents: what a reader sees on the page, and nothing else."""

from __future__ import annotations

import datetime
import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import docx
import pytest
from docx.document import Document
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls

from tests.kg.documents.readers.office import changed, load, text_of


def saved(document: Document) -> bytes:
    stream = io.BytesIO()
    document.save(stream)
    return stream.getvalue()


def with_xml(document: Document, xml: str) -> None:
    """Append an element to the body; `xml` lacks its namespaces."""
    head, rest = xml.split(">", 1) if not xml.split(">", 1)[0].endswith("/") else (xml[:-2], "")
    declared = nsdecls("w", "a", "wp", "r", "m") + (
        ' xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
        ' xmlns:wps="http://schemas.microsoft.com/office/word/2010/wordprocessingShape" xmlns:v="urn:schemas-microsoft-com:vml"'
    )
    document.element.body.insert(len(document.element.body) - 1, parse_xml(f"{head} {declared}>{rest}"))


def test_headings_lists_and_tables_are_marked(tmp_path: Path) -> None:
    document = docx.Document()
    document.add_heading("The weirs of Holm", 0)
    document.add_heading("The upper weir", 2)
    document.add_paragraph("It was built by Ida Falk.")
    document.add_paragraph("stone", style="List Bullet")
    document.add_paragraph("oak", style="List Number")
    table = document.add_table(2, 2)
    for cell, text in zip(
        (cell for row in table.rows for cell in row.cells), ("weir", "year", "upper", "1871"), strict=True
    ):
        cell.text = text
    document.add_paragraph("It still stands.")
    loaded = load(tmp_path, "w.docx", saved(document))
    assert text_of(loaded) == (
        "# The weirs of Holm\n\n## The upper weir\n\nIt was built by Ida Falk.\n\n- stone\n- oak\n\nweir | year\nupper | 1871\n\n"
        "It still stands."
    )
    assert loaded.documents[0].title == "The weirs of Holm"
    assert loaded.documents[0].date == ""


RUN = "<w:r><w:t>{}</w:t></w:r>"


@pytest.mark.parametrize(
    ("xml", "seen"),
    [
        ("<w:p><w:r><w:t>dam </w:t></w:r><w:ins w:id='1'><w:r><w:t>seen</w:t></w:r></w:ins></w:p>", True),
        ("<w:p><w:moveTo w:id='1'><w:r><w:t>seen</w:t></w:r></w:moveTo></w:p>", True),
        ("<w:p><w:hyperlink><w:r><w:t>seen</w:t></w:r></w:hyperlink></w:p>", True),
        ("<w:sdt><w:sdtContent><w:p><w:r><w:t>seen</w:t></w:r></w:p></w:sdtContent></w:sdt>", True),
        ("<w:p><w:sdt><w:sdtContent><w:r><w:t>seen</w:t></w:r></w:sdtContent></w:sdt></w:p>", True),
        ("<w:p><w:fldSimple w:instr='TITLE'><w:r><w:t>seen</w:t></w:r></w:fldSimple></w:p>", True),
        ("<w:p><m:oMath><m:r><m:t>seen</m:t></m:r></m:oMath></w:p>", True),
        ("<w:p><w:r><w:rPr><w:vanish w:val='0'/></w:rPr><w:t>seen</w:t></w:r></w:p>", True),
        ("<w:p><w:smartTag><w:r><w:t>seen</w:t></w:r></w:smartTag></w:p>", True),
        ("<w:p><w:r><w:pict><v:shape><v:textbox><w:txbxContent><w:p><w:r><w:t>seen</w:t></w:r></w:p></w:txbxContent>"
         "</v:textbox></v:shape></w:pict></w:r></w:p>", True),
        ("<w:p><w:del w:id='1'><w:r><w:delText>seen</w:delText></w:r></w:del></w:p>", False),
        ("<w:p><w:del w:id='1'><w:r><w:t>seen</w:t></w:r></w:del></w:p>", False),
        ("<w:p><w:moveFrom w:id='1'><w:r><w:t>seen</w:t></w:r></w:moveFrom></w:p>", False),
        ("<w:p><w:r><w:rPr><w:vanish/></w:rPr><w:t>seen</w:t></w:r></w:p>", False),
        ("<w:p><w:r><w:instrText>seen</w:instrText></w:r></w:p>", False),
        ("<w:tbl><w:tr><w:trPr><w:del w:id='1'/></w:trPr><w:tc><w:p><w:r><w:t>seen</w:t></w:r></w:p></w:tc></w:tr></w:tbl>",
         False),
    ],
)  # fmt: skip
def test_what_is_on_the_page_is_text(tmp_path: Path, xml: str, seen: bool) -> None:
    document = docx.Document()
    document.add_paragraph("The mill pond.")
    with_xml(document, xml)
    assert (text_of(load(tmp_path, "w.docx", saved(document))).count("seen")) == seen


def test_a_text_box_is_read_once(tmp_path: Path) -> None:
    document = docx.Document()
    box = "<w:txbxContent><w:p><w:r><w:t>in the box</w:t></w:r></w:p></w:txbxContent>"
    with_xml(
        document,
        "<w:p><w:r><w:t>beside it</w:t></w:r><w:r><mc:AlternateContent><mc:Choice Requires='wps'><wps:txbx>"
        f"{box}</wps:txbx></mc:Choice><mc:Fallback><w:pict><v:textbox>{box}</v:textbox></w:pict></mc:Fallback>"
        "</mc:AlternateContent></w:r></w:p>",
    )
    assert text_of(load(tmp_path, "w.docx", saved(document))) == "beside it\n\nin the box"


def test_comments_are_no_text_and_nested_tables_are_read_once(tmp_path: Path) -> None:
    document = docx.Document()
    paragraph = document.add_paragraph("The sluice was rebuilt.")
    document.add_comment(paragraph.runs[0], text="is that so?", author="A")
    outer = document.add_table(1, 2)
    outer.cell(0, 0).text = "left"
    inner = outer.cell(0, 1).add_table(1, 2)
    inner.cell(0, 0).text, inner.cell(0, 1).text = "one", "two"
    text = text_of(load(tmp_path, "w.docx", saved(document)))
    assert "is that so" not in text
    assert text.split("\n")[-1] == "left | one | two"


def test_powers_stay_powers(tmp_path: Path) -> None:
    document = docx.Document()
    paragraph = document.add_paragraph("10")
    paragraph.add_run("3").font.superscript = True
    paragraph.add_run(" of H")
    paragraph.add_run("2").font.subscript = True
    paragraph.add_run("O")
    assert text_of(load(tmp_path, "w.docx", saved(document))) == "10³ of H₂O"


def test_the_strict_form_of_the_format_is_read(tmp_path: Path) -> None:
    document = docx.Document()
    document.add_heading("Weirs", 1)
    document.add_paragraph("Stone lasts.")
    data = saved(document)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = [name for name in archive.namelist() if name.endswith((".xml", ".rels"))]
    for name in names:
        data = changed(
            data,
            name,
            lambda old: re.sub(
                rb"http://schemas\.openxmlformats\.org/(\w+)/2006/(relationships|main)\b",
                rb"http://purl.oclc.org/ooxml/\1/\2",
                old,
            ),
        )
    data = changed(
        data,
        "_rels/.rels",
        lambda old: old.replace(
            b"http://purl.oclc.org/ooxml/package/", b"http://schemas.openxmlformats.org/package/2006/"
        ),
    )
    data = changed(
        data,
        "word/_rels/document.xml.rels",
        lambda old: old.replace(
            b"http://purl.oclc.org/ooxml/package/", b"http://schemas.openxmlformats.org/package/2006/"
        ),
    )
    assert b"purl.oclc.org/ooxml/wordprocessingml/main" in zipfile.ZipFile(io.BytesIO(data)).read("word/document.xml")
    assert text_of(load(tmp_path, "w.docx", data)) == "# Weirs\n\nStone lasts."


def test_a_merged_cell_is_read_once(tmp_path: Path) -> None:
    document = docx.Document()
    table = document.add_table(2, 3)
    table.cell(0, 0).merge(table.cell(0, 2)).text = "weirs"
    table.cell(1, 0).text = "upper"
    assert text_of(load(tmp_path, "w.docx", saved(document))) == "weirs\nupper"


FOOTNOTES = """<w:footnotes xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:footnote w:id="2"><w:p>
<w:r><w:footnoteRef/></w:r><w:r><w:t>After the flood.</w:t></w:r></w:p></w:footnote></w:footnotes>"""


def with_footnote() -> bytes:
    document = docx.Document()
    with_xml(document, "<w:p><w:r><w:t>The weir moved.</w:t></w:r><w:r><w:footnoteReference w:id='2'/></w:r></w:p>")
    document.add_paragraph("Nobody minded.")
    data = changed(saved(document), "word/footnotes.xml", lambda _: FOOTNOTES.encode())
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/footnotes"
    relation = f'<Relationship Id="rId99" Type="{kind}" Target="footnotes.xml"/></Relationships>'
    data = changed(
        data, "word/_rels/document.xml.rels", lambda old: old.replace(b"</Relationships>", relation.encode())
    )
    part = (
        '<Override PartName="/word/footnotes.xml" ContentType="application/vnd.openxmlformats-officedocument.'
        'wordprocessingml.footnotes+xml"/></Types>'
    )
    return changed(data, "[Content_Types].xml", lambda old: old.replace(b"</Types>", part.encode()))


def test_a_note_follows_its_paragraph(tmp_path: Path) -> None:
    text = text_of(load(tmp_path, "w.docx", with_footnote()))
    assert text == "The weir moved.\n\nAfter the flood.\n\nNobody minded."


def test_damaged_notes_are_named_and_the_text_is_read(tmp_path: Path) -> None:
    loaded = load(tmp_path, "w.docx", changed(with_footnote(), "word/footnotes.xml", lambda old: old[:100]))
    assert loaded.documents[0].text == "The weir moved.\n\nNobody minded."
    assert "word/footnotes.xml" in loaded.error


def test_page_headers_are_named_and_properties_give_title_and_date(tmp_path: Path) -> None:
    document = docx.Document()
    document.add_paragraph("The weir moved.")
    document.sections[0].header.paragraphs[0].text = "Archive of the county of Holm"
    document.core_properties.title = "On weirs"
    document.core_properties.created = datetime.datetime(2031, 3, 4, 10, 0)
    loaded = load(tmp_path, "w.docx", saved(document))
    assert text_of(loaded) == "The weir moved."
    assert (loaded.documents[0].title, loaded.documents[0].date) == ("On weirs", "2031-03-04")
    assert loaded.notices == ("The text of page headers and footers is left out.",)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda _: b"<html><body>The weir.</body></html>", "its content is a web page"),
        (lambda _: b"%PDF-1.7 and so on", "its content is a PDF"),
        (lambda _: b"{\\rtf1 The weir.}", "its content is an RTF document"),
        (lambda _: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "encrypted, or an old binary document"),
        (lambda _: b"", "is empty"),
        (lambda data: data[: len(data) // 2], "is damaged"),
        (lambda data: changed(data, "word/document.xml", lambda old: old[:200]), "word/document.xml"),
        (lambda data: changed(data, "[Content_Types].xml", lambda _: b"<Types/>"), "w.docx"),
    ],
)
def test_what_is_no_word_document_is_one_sentence(tmp_path: Path, change: Callable[[bytes], bytes], said: str) -> None:
    document = docx.Document()
    document.add_paragraph("The weir.")
    loaded = load(tmp_path, "w.docx", change(saved(document)))
    assert not loaded.documents
    assert said in loaded.error and len(loaded.errors) == 1


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        ("<m:sSup><m:e><m:r><m:t>c</m:t></m:r></m:e><m:sup><m:r><m:t>2</m:t></m:r></m:sup></m:sSup>", "c²"),
        ("<m:f><m:fPr/><m:num><m:r><m:t>3</m:t></m:r></m:num><m:den><m:r><m:t>4</m:t></m:r></m:den></m:f>", "3/4"),
        ("<m:rad><m:deg><m:r><m:t>3</m:t></m:r></m:deg><m:e><m:r><m:t>h</m:t></m:r></m:e></m:rad>", "³√h"),
        ("<m:d><m:dPr/><m:e><m:r><m:t>a+b</m:t></m:r></m:e></m:d>", "(a+b)"),
        ("<m:sSub><m:e><m:r><m:t>v</m:t></m:r></m:e><m:sub><m:r><m:t>0</m:t></m:r></m:sub></m:sSub>", "v₀"),
    ],
)
def test_a_formula_keeps_its_meaning_on_one_line(tmp_path: Path, formula: str, text: str) -> None:
    document = docx.Document()
    with_xml(document, f"<w:p><w:r><w:t>So </w:t></w:r><m:oMath>{formula}</m:oMath></w:p>")
    assert text_of(load(tmp_path, "f.docx", saved(document))).split() == ["So", text]


@pytest.mark.parametrize(
    ("font", "code", "text"),
    [("Symbol", "F06D", "5 μm"), ("Symbol", "F0B1", "5 ±m"), ("Wingdings", "F06D", "5 m"), ("Arial", "00B5", "5 µm"), ("Symbol", "zz", "5 m")],
)  # fmt: skip
def test_a_character_of_a_font_of_symbols(tmp_path: Path, font: str, code: str, text: str) -> None:
    document = docx.Document()
    symbol = f'<w:r><w:sym w:font="{font}" w:char="{code}"/></w:r>'
    with_xml(document, f'<w:p><w:r><w:t xml:space="preserve">5 </w:t></w:r>{symbol}<w:r><w:t>m</w:t></w:r></w:p>')
    assert text_of(load(tmp_path, "f.docx", saved(document))) == text
