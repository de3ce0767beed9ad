"""Word documents: headings, paragraphs, lists, tables, notes and text boxes, in reading order; one document a file.

What a reader sees on the page is text. Deleted text, comments, hidden text and field codes are not; inserted text is.
python-docx opens the package and knows its styles; its own `Paragraph.text` has no inserted text, no content controls
and no text boxes, so the tree of a paragraph is walked here.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kg.documents.office.archive import Archive, readable
from kg.documents.office.blocks import Block, on_one_line, render, row_block, stated_properties
from kg.documents.office.charts import chart_blocks
from kg.documents.office.markup import attribute, find_all, local_name, parse_xml
from kg.documents.office.repair import repaired
from kg.documents.parts import LostPart, Notice, Part, RawDocument, SourceFile
from kg.documents.web.formulas import formula_text, shifted
from models.errors import InputError

if TYPE_CHECKING:
    from docx.document import Document
    from lxml.etree import _Element

_KIND = "a Word document"
_UNSEEN = frozenset(
    {
        *("del", "moveFrom", "delText", "instrText", "delInstrText", "fldData", "Fallback", "rt", "rPr", "pPr"),
        *("commentReference", "annotationRef", "txbxContent", "docPr", "cNvPr"),
    }
)
_HEADING = re.compile(r"heading (\d)", re.IGNORECASE)
_SCRIPTS = {"superscript": "sup", "subscript": "sub"}
# The letters of the font Symbol, which Greek letters in a Latin text are often written in, and its commonest signs.
_SYMBOLS = dict(
    zip(
        (*range(0x41, 0x5B), *range(0x61, 0x7B), 0xA3, 0xA5, 0xB0, 0xB1, 0xB3, 0xB4, 0xB9, 0xBB, 0xD6, 0xE5),
        "ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖαβχδεφγηιϕκλμνοπθρστυϖωξψζ≤∞°±≥×≠≈√∑",
        strict=True,
    )
)
_NOTES = {"footnoteReference": "/word/footnotes.xml", "endnoteReference": "/word/endnotes.xml"}


@dataclass
class _Styles:
    """What the styles of a document say about its paragraphs.

    Attributes:
        levels: Level of the headings by the id of their style.
        lists: Ids of the styles of lists.
        hidden: Ids of the styles of characters and paragraphs whose text is hidden.
    """

    levels: dict[str, int] = field(default_factory=dict)
    lists: set[str] = field(default_factory=set)
    hidden: set[str] = field(default_factory=set)


def read_docx(file: SourceFile) -> Iterator[Part]:
    """A Word document."""
    from docx import Document

    with Archive(file, _KIND) as archive, readable(file, _KIND):
        data, lost = repaired(archive)
        document = Document(io.BytesIO(data))
        text = render(_Reader(document).blocks(document.element.body))
        title, date = stated_properties(document) if "docProps/core.xml" in archive.names else ("", "")
        headers = any(_has_words(part) for part in document.part.package.iter_parts() if _is_frame(part.partname))
    for name in lost:
        if name.startswith(("word/footnotes", "word/endnotes")):
            yield LostPart(f"The notes in {name} are damaged, and were left out.")
    if not text:
        raise InputError(f"{file.name} holds no text.")
    yield RawDocument(text, title or _title(text), date)
    if headers:
        yield Notice("The text of page headers and footers is left out.")


def _title(text: str) -> str:
    return text.partition("\n")[0].lstrip("# ") if text.startswith("# ") else ""


def _is_frame(name: str) -> bool:
    return bool(re.fullmatch(r"/word/(?:header|footer)\d*\.xml", name))


def _has_words(part: Any) -> bool:
    texts = ("".join(element.itertext()) for element in find_all(parse_xml(part.blob, part.partname), "t"))
    return sum(character.isalpha() for character in "".join(texts)) > len("Page of")


class _Reader:
    """Walks the body of a document."""

    def __init__(self, document: Document) -> None:
        self.styles = _styles(document)
        self.related = document.part.rels
        self.notes: dict[tuple[str, str], _Element] = {}
        for part in document.part.package.iter_parts():
            if part.partname in _NOTES.values():
                root = parse_xml(part.blob, part.partname)
                for kind in ("footnote", "endnote"):
                    self.notes |= {(f"{kind}Reference", attribute(note, "id")): note for note in find_all(root, kind)}

    def blocks(self, container: _Element) -> Iterator[Block]:
        """Blocks of a body, a cell, a text box or a note."""
        for element in container:
            name = local_name(element)
            if name == "p":
                yield from self._paragraph(element)
            elif name == "tbl":
                yield from self._table(element)
            elif name == "AlternateContent":
                for choice in element[:1]:
                    yield from self.blocks(choice)
            elif name not in _UNSEEN and name != "sectPr":  # content controls, insertions, custom XML
                yield from self.blocks(element)

    def _paragraph(self, paragraph: _Element) -> Iterator[Block]:
        style, item, level = self._look(paragraph)
        text = "" if style in self.styles.hidden else "".join(self._text(paragraph))
        yield Block(text, level, "item" if item and not level else "")
        for element in paragraph.iter():
            name = local_name(element)
            if name == "txbxContent" and not _within(element, paragraph, "Fallback"):
                yield from self.blocks(element)
            elif name == "chart" and (chart := self.related.get(attribute(element, "id"))) is not None:
                yield from chart_blocks(parse_xml(chart.target_part.blob, "a chart"))
            elif name == "relIds" and (diagram := self.related.get(attribute(element, "dm"))) is not None:
                for line in find_all(parse_xml(diagram.target_part.blob, "a diagram"), "p"):
                    yield Block("".join(part.text or "" for part in find_all(line, "t")), kind="item")
            elif name in _NOTES and (note := self.notes.get((name, attribute(element, "id")))) is not None:
                yield from self.blocks(note)

    def _look(self, paragraph: _Element) -> tuple[str, bool, int]:
        """Id of the style, whether it is an item of a list, and the level of a heading or 0."""
        style, item, level = "", None, None
        for properties in paragraph:
            if local_name(properties) != "pPr":
                continue
            for element in properties:
                name = local_name(element)
                if name == "pStyle":
                    style = attribute(element, "val")
                elif name == "numPr":
                    item = any(attribute(number, "val") != "0" for number in find_all(element, "numId"))
                elif name == "outlineLvl":
                    level = _outline(element)
        if level is None:
            level = self.styles.levels.get(style, 0)
        return style, item if item is not None else style in self.styles.lists, level

    def _text(self, element: _Element) -> Iterator[str]:
        for child in element:
            name = local_name(child)
            if name in _UNSEEN or (name == "r" and self._hidden(child)):
                continue
            if name == "t":
                yield child.text or ""
            elif name == "oMath":
                yield formula_text(child)
            elif name == "sym":
                yield _symbol(child)
            elif name == "tab":
                yield "\t"
            elif name in ("br", "cr"):
                yield "\n"
            elif name == "noBreakHyphen":
                yield "-"
            elif name == "r" and (script := _SCRIPTS.get(_value(child, "vertAlign"))):
                yield shifted("".join(self._text(child)), script)
            else:
                yield from self._text(child)

    def _hidden(self, run: _Element) -> bool:
        for properties in run:
            if local_name(properties) == "rPr":
                for element in properties:
                    name, value = local_name(element), attribute(element, "val")
                    if name == "vanish" or (name == "rStyle" and value in self.styles.hidden):
                        return value not in ("0", "false", "off")
        return False

    def _table(self, table: _Element) -> Iterator[Block]:
        yield Block("")
        for row in _rows(table):
            cells = [cell for cell in find_all(row, "tc") if _nearest(cell, "tr") is row]
            yield row_block(on_one_line(self.blocks(cell)) for cell in cells)


def _symbol(symbol: _Element) -> str:
    """A character by its number in a font; bullets and arrows of other fonts than Symbol are no text."""
    code = attribute(symbol, "char")
    number = int(code, 16) if re.fullmatch(r"[0-9A-Fa-f]{1,4}", code) else 0
    if not 0xF000 <= number <= 0xF0FF:
        return chr(number) if number > 0x1F else ""
    return _SYMBOLS.get(number - 0xF000, "") if attribute(symbol, "font").startswith("Symbol") else ""


def _value(run: _Element, name: str) -> str:
    """Value of a property of a run, or ""."""
    for properties in run:
        if local_name(properties) == "rPr":
            return next((attribute(element, "val") for element in properties if local_name(element) == name), "")
    return ""


def _rows(table: _Element) -> Iterator[_Element]:
    for row in find_all(table, "tr"):
        deleted = any(local_name(mark) == "del" for properties in row for mark in properties if _is_row(properties))
        if _nearest(row, "tbl") is table and not deleted:
            yield row


def _is_row(properties: _Element) -> bool:
    return local_name(properties) == "trPr"


def _nearest(element: _Element, name: str) -> _Element | None:
    """The closest ancestor of a name: rows of a table within a cell are not rows of the outer table."""
    return next((parent for parent in element.iterancestors() if local_name(parent) == name), None)


def _within(element: _Element, top: _Element, name: str) -> bool:
    """Whether an element of this name, or of a text box, stands between an element and one above it."""
    for parent in element.iterancestors():
        if parent is top:
            return False
        if local_name(parent) in (name, "txbxContent", "del"):
            return True
    return False


def _outline(element: _Element) -> int:
    value = attribute(element, "val")
    return int(value) + 1 if value.isdigit() and int(value) < 9 else 0


def _styles(document: Document) -> _Styles:
    """Read each style with those that it is based on."""
    found = _Styles()
    elements = {attribute(style, "styleId"): style for style in document.styles.element if local_name(style) == "style"}
    for style_id in elements:
        current, seen = style_id, set()
        while current in elements and current not in seen:
            seen.add(current)
            style = elements[current]
            current = ""
            for element in style.iter():
                name, value = local_name(element), attribute(element, "val")
                if name == "name" and (match := _HEADING.fullmatch(value)):
                    found.levels.setdefault(style_id, int(match[1]))
                elif name == "name" and value.lower() == "title":
                    found.levels.setdefault(style_id, 1)
                elif name == "outlineLvl" and _outline(element):
                    found.levels.setdefault(style_id, _outline(element))
                elif name == "numPr":
                    found.lists.add(style_id)
                elif name == "vanish" and value not in ("0", "false", "off"):
                    found.hidden.add(style_id)
                elif name == "basedOn":
                    current = value
    return found
