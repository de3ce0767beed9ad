"""OpenDocument files: texts, presentations and spreadsheets.

Their content is one XML file in an archive, which is walked here: odfpy, the library for them, had its last release in
2020 and gives text without lists, notes or deleted passages told apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kg.documents.office.archive import Archive, readable
from kg.documents.office.blocks import Block, on_one_line, render, row_block, stated_title
from kg.documents.office.markup import attribute, find_all, first_text, local_name, parse_xml
from kg.documents.office.sheets import MAX_CELLS, Row, sheet_parts
from kg.documents.parts import Notice, Part, RawDocument, SourceFile
from kg.documents.web.formulas import shifted
from kg.language.dates import normalise_date
from kg.language.text import normalise
from models.errors import InputError

if TYPE_CHECKING:
    from lxml.etree import _Element

_KIND = "an OpenDocument file"
_UNSEEN = frozenset(
    {
        *("tracked-changes", "annotation", "annotation-end", "ruby-text", "title", "desc", "hidden-paragraph"),
        *("hidden-text", "script", "note-citation", "forms", "sequence-decls", "variable-decls", "event-listeners"),
    }
)
_APART = ("note", "text-box", "table")
"""Blocks that stand within a paragraph in the file, and beside it on the page."""


def read_odt(file: SourceFile) -> Iterator[Part]:
    """A text document."""
    root, title, date = _open(file)
    with readable(file, _KIND):
        _drop_hidden(root)
        _shift(root)
        text = render(_blocks(_body(root, "text", file)))
    if not text:
        raise InputError(f"{file.name} holds no text.")
    first = text.partition("\n")[0]
    yield RawDocument(text, title or (first.lstrip("# ") if first.startswith("#") else ""), date)


def read_odp(file: SourceFile) -> Iterator[Part]:
    """A presentation; hidden slides are left out and named."""
    root, title, date = _open(file)
    with readable(file, _KIND):
        invisible = _styles(root, "visibility", "hidden")
        slides = [page for page in _body(root, "presentation", file) if local_name(page) == "page"]
        texts = [(render(_slide(page)), attribute(page, "style-name") in invisible) for page in slides]
    text = "\n\n".join(text for text, hidden in texts if text and not hidden)
    if not text:
        raise InputError(f"{file.name} holds no text; its slides may be images.")
    yield RawDocument(text, title, date, unit="slides", parts=len(slides))
    if numbers := [str(number) for number, (text, hidden) in enumerate(texts, start=1) if text and hidden]:
        yield Notice(f"Hidden slides are left out: {', '.join(numbers)}. Show them to have them read.")


def read_ods(file: SourceFile) -> Iterator[Part]:
    """A spreadsheet; hidden sheets are left out and named."""
    root, _, _ = _open(file)
    hidden, found = [], False
    with readable(file, _KIND):
        invisible = _styles(root, "display", "false")
        tables = [table for table in _body(root, "spreadsheet", file) if local_name(table) == "table"]
        shown = [table for table in tables if attribute(table, "style-name") not in invisible]
        for table in tables:
            name = normalise(attribute(table, "name"))
            parts = list(sheet_parts(name, _rows(table), alone=len(shown) == 1))
            if table in shown:
                found = found or bool(parts)
                yield from parts
            elif parts:
                hidden.append(name)
    if hidden:
        yield Notice(f"Hidden sheets are left out: {', '.join(map(repr, hidden))}. Show them to have them read.")
    if not found:
        raise InputError(f"{file.name} holds no text on any sheet that is shown.")


def _drop_hidden(root: _Element) -> None:
    """Remove sections, paragraphs and words that are hidden; what stands around them stays."""
    hidden = _styles(root, "display", "none")
    for element in list(root.iter("{*}section", "{*}p", "{*}h", "{*}span")):
        if attribute(element, "display") == "none" or attribute(element, "style-name") in hidden:
            tail = element.tail
            element.clear()
            element.tail = tail


def _shift(root: _Element) -> None:
    """Replace text in raised or lowered styles by raised or lowered characters."""
    scripts = {
        attribute(style, "name"): "sub" if position[0].startswith(("sub", "-")) else "sup"
        for style in find_all(root, "style")
        for properties in style
        if (position := attribute(properties, "text-position").split()) and position[0] != "0%"
    }
    for span in list(find_all(root, "span")):
        if (script := scripts.get(attribute(span, "style-name"))) and span.text and not len(span):
            span.text = shifted(span.text, script)


def _open(file: SourceFile) -> tuple[_Element, str, str]:
    """The root of the content, and the title and date that the file states."""
    with Archive(file, _KIND) as archive:
        manifest = archive.read("META-INF/manifest.xml") if "META-INF/manifest.xml" in archive.names else b""
        if b"encryption-data" in manifest:
            raise InputError(f"{file.name} is encrypted. Save a copy without a password.")
        root = parse_xml(archive.read("content.xml"), f"content.xml of {file.name}")
        try:
            meta = parse_xml(archive.read("meta.xml"), "meta.xml") if "meta.xml" in archive.names else None
        except InputError:  # only a title is lost
            meta = None
    if meta is None:
        return root, "", ""
    date = first_text(meta, "creation-date") or first_text(meta, "date")
    return root, stated_title(first_text(meta, "title")), normalise_date(date)


def _body(root: _Element, kind: str, file: SourceFile) -> _Element:
    for body in find_all(root, "body"):
        for content in body:
            if local_name(content) == kind:
                return content
            raise InputError(f"{file.name} holds a {local_name(content)}, not a {kind}. Give it the right suffix.")
    raise InputError(f"{file.name} has no content. Save it again.")


def _styles(root: _Element, name: str, value: str) -> set[str]:
    """Names of the styles with a property of this value."""
    return {
        attribute(style, "name")
        for style in find_all(root, "style")
        for properties in style
        if attribute(properties, name) == value
    }


def _blocks(container: _Element, kind: str = "") -> Iterator[Block]:
    for element in container:
        name = local_name(element)
        if name in _UNSEEN:
            continue
        if name in ("p", "h"):
            level = attribute(element, "outline-level") or "1"
            yield Block(
                _text(element), int(level) if name == "h" and level.isdigit() else 0, "" if name == "h" else kind
            )
            yield from _beside(element)
        elif name == "table":
            yield Block("")
            for row in find_all(element, "table-row"):
                yield row_block(on_one_line(_blocks(cell)) for cell in row)
        elif name == "list":
            yield from _blocks(element, "item")
        else:  # sections, items, frames, indexes
            yield from _blocks(element, kind)


def _beside(paragraph: _Element) -> Iterator[Block]:
    """Notes and boxes within a paragraph."""
    for element in paragraph.iter():
        name = local_name(element)
        if name in _APART and not any(
            local_name(parent) in (*_APART, *_UNSEEN) for parent in _between(element, paragraph)
        ):
            yield from _blocks(element)


def _between(element: _Element, top: _Element) -> Iterator[_Element]:
    for parent in element.iterancestors():
        if parent is top:
            return
        yield parent


def _text(element: _Element) -> str:
    """Text of a paragraph; white space counts as one space, as the format says."""
    text = " ".join((element.text or "").split(" ")) if element.text else ""
    text = " ".join(text.split("\n"))
    for child in element:
        name = local_name(child)
        if name == "s":
            count = attribute(child, "c")
            text += " " * (int(count) if count.isdigit() and len(count) < 4 else 1)
        elif name == "tab":
            text += "\t"
        elif name == "line-break":
            text += "\n"
        elif name not in _UNSEEN and name not in _APART:
            text += _text(child)
        text += " ".join((child.tail or "").split("\n"))
    return text


def _slide(page: _Element) -> Iterator[Block]:
    frames = sorted(page, key=lambda frame: attribute(frame, "class") != "title")
    for frame in frames:
        name, role = local_name(frame), attribute(frame, "class")
        if role in ("page-number", "footer", "date-time", "header") or name in _UNSEEN:
            continue
        if role == "title":
            yield Block(on_one_line(_blocks(frame)), level=2)
        elif name == "notes":
            notes = [block for part in frame if attribute(part, "class") == "notes" for block in _blocks(part)]
            if text := "\n".join(block.text for block in notes).strip():
                yield Block("Notes: " + text)
        else:
            yield from _blocks(frame)


def _rows(table: _Element) -> Iterator[Row]:
    number, cells_read = 1, 0
    for row in find_all(table, "table-row"):
        cells: list[str] = []
        for cell in row:
            if local_name(cell) not in ("table-cell", "covered-table-cell"):
                continue
            text = "\n".join(block.text for block in _blocks(cell)) or attribute(cell, "value")
            repeated = _count(cell, "number-columns-repeated")
            cells_read += repeated if text else 1
            if cells_read > MAX_CELLS:
                raise InputError(f"Sheet {attribute(table, 'name')!r} has more than {MAX_CELLS:,} cells. Split it.")
            # Empty cells up to the sheet's right edge are one element; a few of them keep the columns apart.
            cells += [text] * (repeated if text else min(repeated, 1024))
        repeated = _count(row, "number-rows-repeated")
        if any(cells):
            cells_read += len(cells) * repeated
            if cells_read > MAX_CELLS:
                raise InputError(f"Sheet {attribute(table, 'name')!r} has more than {MAX_CELLS:,} cells. Split it.")
            for offset in range(repeated):
                yield number + offset, cells
        number += repeated


def _count(element: _Element, name: str) -> int:
    value = attribute(element, name)
    return int(value) if value.isdigit() and 0 < len(value) < 10 else 1
