"""Jupyter notebooks: Markdown as it is, code in fences, and what the code printed; one document a file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from kg.documents.data_uris import drop_data_uris
from kg.documents.encoding import read_decoded
from kg.documents.parts import LostPart, Notice, Part, RawDocument, SourceFile
from kg.documents.readers.html import read_page
from kg.documents.web.markdown import visible_markdown
from kg.language.text import normalise
from models.errors import InputError

_MAX_OUTPUT = 2000
"""Maximum number of characters of one cell's printed text; more is a log or a table of data."""
_HEADING = re.compile(r"^#+[^\S\n]+(.+?)[^\S\n]*#*$", re.MULTILINE)
_FENCED = re.compile(r"(^```.*?^```$)", re.DOTALL | re.MULTILINE)


def read_notebook(file: SourceFile) -> Iterator[Part]:
    """A notebook of any version of the format; images among the outputs are no text."""
    decoded = read_decoded(file)
    yield from decoded.notices
    try:
        notebook = json.loads(decoded.text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{file.name} is not a notebook: it is not JSON ({error}). Save it again.") from error
    cells = _cells(notebook)
    if cells is None:
        raise InputError(f"{file.name} is not a notebook: expected an object with 'cells'. Save it again.")
    language = _language(notebook)
    texts, left_out = [], 0
    for number, cell in enumerate(cells, start=1):
        if not isinstance(cell, dict) or not isinstance(cell.get("cell_type"), str):
            yield LostPart(f"Cell {number} is not a cell.", "cells")
            continue
        text, longer = _cell(cell, language)
        left_out += longer
        texts.append(normalise(text).strip("\n"))
    text = drop_data_uris("\n\n".join(text for text in texts if text.strip()))
    if not text:
        raise InputError(f"{file.name} holds no text: all of its cells are empty.")
    metadata = notebook.get("metadata")
    title = metadata.get("title") if isinstance(metadata, dict) else ""
    heading = _HEADING.search(_FENCED.sub("", text))
    yield RawDocument(
        text,
        normalise(title) if isinstance(title, str) and title else heading[1] if heading else "",
        unit="cells",
        parts=len(texts),
    )
    if left_out:
        yield Notice(f"{left_out} outputs of more than {_MAX_OUTPUT:,} characters are left out.")


def _cells(notebook: Any) -> list[Any] | None:
    """Cells of a notebook; before version 4 they were in worksheets."""
    if not isinstance(notebook, dict):
        return None
    if isinstance(notebook.get("cells"), list):
        return list(notebook["cells"])
    worksheets = notebook.get("worksheets")
    if not isinstance(worksheets, list):
        return None
    cells: list[Any] = []
    for sheet in worksheets:
        if isinstance(sheet, dict) and isinstance(sheet.get("cells"), list):
            cells += sheet["cells"]
    return cells


def _language(notebook: dict[str, Any]) -> str:
    metadata = notebook.get("metadata")
    for name in ("language_info", "kernelspec"):
        value = metadata.get(name) if isinstance(metadata, dict) else None
        for key in ("name", "language"):
            if isinstance(value, dict) and name == "language_info" and isinstance(value.get(key), str):
                return str(value[key])
            if isinstance(value, dict) and key == "language" and isinstance(value.get(key), str):
                return str(value[key])
    return ""


def _cell(cell: dict[str, Any], language: str) -> tuple[str, int]:
    """Text of a cell, and the number of its outputs that are too long."""
    source = _joined(cell.get("source", cell.get("input", "")))
    if cell["cell_type"] == "heading":
        level = cell.get("level")
        return f"{'#' * (level if isinstance(level, int) and 0 < level < 7 else 1)} {source}", 0
    if cell["cell_type"] != "code":
        return visible_markdown(normalise(source)).text, 0
    outputs = cell.get("outputs")
    printed = [text for text in _printed(outputs if isinstance(outputs, list) else []) if text.strip()]
    short = [_fenced(text, "") for text in printed if len(text) <= _MAX_OUTPUT]
    code = [_fenced(source, language)] if source.strip() else []
    return "\n\n".join(code + short), len(printed) - len(short)


def _printed(outputs: Iterable[Any]) -> Iterator[str]:
    for output in outputs:
        if not isinstance(output, dict) or output.get("output_type") in ("error", "pyerr"):
            continue
        data = output.get("data")
        data = data if isinstance(data, dict) else {}
        plain = _joined(output.get("text", data.get("text/plain", "")))
        # How Python shows an object without a text of its own: <Figure size 640x480 with 1 Axes>
        plain = "" if re.fullmatch(r"\s*<[^<>\n]*>\s*", plain) else plain
        if markdown := _joined(data.get("text/markdown")):
            yield visible_markdown(normalise(markdown)).text
        elif not plain and (page := _joined(data.get("text/html"))):
            yield read_page(normalise(page), whole=True).text
        else:
            yield plain


def _joined(value: Any) -> str:
    """A text, which may be a list of its lines."""
    if isinstance(value, list):
        return "".join(part for part in value if isinstance(part, str))
    return value if isinstance(value, str) else ""


def _fenced(text: str, language: str) -> str:
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}{language}\n{text.strip(chr(10))}\n{fence}"
