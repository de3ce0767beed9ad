"""PowerPoint presentations: titles, texts, tables, diagrams and notes, slide after slide; one document a file."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from kg.documents.office.archive import Archive, readable
from kg.documents.office.blocks import Block, render, row_block, stated_properties
from kg.documents.office.charts import chart_blocks
from kg.documents.office.markup import attribute, find_all, local_name, parse_xml
from kg.documents.office.repair import repaired
from kg.documents.parts import LostPart, Notice, Part, RawDocument, SourceFile
from kg.documents.web.formulas import formula_text, shifted
from models.errors import InputError

if TYPE_CHECKING:
    from pptx.slide import Slide

_KIND = "a PowerPoint presentation"
_FRAMES = ("sldNum", "ftr", "dt", "hdr")
"""Placeholders of a slide's number, footer, date and header."""


_MATH = "/officeDocument/2006/math}"


def read_pptx(file: SourceFile) -> Iterator[Part]:
    """A presentation; hidden slides are left out and named."""
    from pptx import Presentation

    hidden, texts, lost = [], [], []
    with Archive(file, _KIND) as archive, readable(file, _KIND):
        data, broken = repaired(archive)
        presentation = Presentation(io.BytesIO(data))
        slides = list(presentation.slides)
        for number, slide in enumerate(slides, start=1):
            if str(slide.part.partname).lstrip("/") in broken:
                lost.append(LostPart(f"Slide {number} is damaged.", "slides"))
                continue
            try:
                text = render(_blocks(slide))
            except Exception as error:  # one slide; the others are read
                lost.append(LostPart(f"Slide {number} is damaged ({type(error).__name__}: {error}).", "slides"))
                continue
            if slide._element.get("show") in ("0", "false"):
                hidden += [number] if text else []
            else:
                texts.append(text)
        title, date = stated_properties(presentation) if "docProps/core.xml" in archive.names else ("", "")
    yield from lost
    text = "\n\n".join(text for text in texts if text)
    if text:
        first = text.partition("\n")[0]
        title = title or (first.lstrip("# ") if first.startswith("#") else "")
        yield RawDocument(text, title, date, unit="slides", parts=len(slides) - len(lost))
    elif not lost:
        raise InputError(f"{file.name} holds no text; its slides may be images.")
    if notes := [name for name in broken if "/notesSlides/" in name]:
        yield LostPart(f"The notes in {', '.join(notes)} are damaged.")
    if hidden:
        numbers = ", ".join(map(str, hidden))
        yield Notice(f"Hidden slides are left out: {numbers}. Show them in the presentation to have them read.")


def _blocks(slide: Slide) -> Iterator[Block]:
    title = slide.shapes.title
    if title is not None:
        yield Block(_text(title._element), level=2)
    for shape in slide.shapes._spTree:
        if title is None or shape is not title._element:
            yield from _shape(shape, slide.part)
    if slide.has_notes_slide and (notes := slide.notes_slide.notes_text_frame) is not None and notes.text.strip():
        yield Block("Notes: " + _text(notes._element))


def _shape(shape: Any, part: Any) -> Iterator[Block]:
    """Blocks of a shape, and of those in a group."""
    name = local_name(shape)
    if name == "AlternateContent":  # the first choice is what a current program shows
        for inner in next(iter(shape), ()):
            yield from _shape(inner, part)
    elif name == "grpSp":
        for inner in shape:
            yield from _shape(inner, part)
    elif name == "graphicFrame":
        yield Block("")
        for row in find_all(shape, "tr"):
            yield row_block(_text(cell) for cell in row if local_name(cell) == "tc")
        for chart in find_all(shape, "chart"):
            yield from chart_blocks(parse_xml(part.related_part(attribute(chart, "id")).blob, "a chart"))
        for diagram in find_all(shape, "relIds"):
            content = part.related_part(attribute(diagram, "dm")).blob
            for paragraph in find_all(parse_xml(content, "a diagram"), "p"):
                yield Block(_text(paragraph), kind="item")
    elif name in ("sp", "cxnSp") and not _unread(shape):
        for paragraph in find_all(shape, "p"):
            bullet = any(local_name(mark) in ("buChar", "buAutoNum") for mark in paragraph.iter())
            level = next((attribute(mark, "lvl") for mark in paragraph if local_name(mark) == "pPr"), "")
            yield Block(_text(paragraph), kind="item" if bullet or level not in ("", "0") else "")


def _unread(shape: Any) -> bool:
    if any(attribute(mark, "type") in _FRAMES for mark in find_all(shape, "ph")):
        return True
    return any(attribute(mark, "hidden") in ("1", "true") for mark in find_all(shape, "cNvPr"))


def _text(element: Any) -> str:
    """Text of a frame, with a line end between its paragraphs."""
    text = ""
    for part in element.iter():
        name = local_name(part)
        if _MATH in part.tag:
            text += formula_text(part) if name == "oMath" else ""
        elif name == "p" and text:
            text += "\n"
        elif name == "t":
            text += _shifted(part)
        elif name == "br":
            text += "\n"
        elif name == "tab":
            text += "\t"
    return text


def _shifted(text: Any) -> str:
    """Text of a run, raised or lowered as its baseline is."""
    for properties in text.getparent():
        baseline = attribute(properties, "baseline")
        if local_name(properties) == "rPr" and baseline.lstrip("-").isdigit() and int(baseline):
            return shifted(text.text or "", "sup" if int(baseline) > 0 else "sub")
    return text.text or ""
