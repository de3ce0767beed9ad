"""Blocks of a document as text: a blank line between them, a line end between items of a list or rows of a table."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from kg.language.text import normalise

_SPACES = re.compile(r"[^\S\n]+")
_UNASKED_TITLE = re.compile(
    r"untitled.*|(?:microsoft )?(?:word|powerpoint) (?:document|presentation|-).*"
    r"|(?:document|slide|presentation)\s?\d*",
    re.IGNORECASE,
)
_TEMPLATES = ("2013-12-23", "2013-01-27")
"""Creation dates in the templates of python-docx and python-pptx, which every file made with them has."""


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, a heading, an item of a list or a row of a table.

    Attributes:
        text: Its text; line ends within it are kept.
        level: Level of a heading from 1, 0 for none.
        kind: "item" or "row" for what stands in a list or table, else "".
    """

    text: str
    level: int = 0
    kind: str = ""


def row_block(cells: Iterable[str]) -> Block:
    """A row of a table; cells are divided by bars, and empty ones at its end are dropped."""
    texts = [" ".join(cell.split()) for cell in cells]
    while texts and not texts[-1]:
        texts.pop()
    return Block(" | ".join(texts), kind="row")


def on_one_line(blocks: Iterable[Block]) -> str:
    """The text of blocks without their marks: of a cell, a title."""
    return " ".join(block.text for block in blocks)


def render(blocks: Iterable[Block]) -> str:
    """Blocks as normalised text, headings and items marked as in Markdown."""
    text, last = "", ""
    for block in blocks:
        content = "\n".join(line.strip() for line in _SPACES.sub(" ", normalise(block.text)).split("\n")).strip()
        if not content.strip("| "):
            last = last if block.kind else ""  # an empty paragraph parts two tables
            continue
        mark = "#" * min(block.level, 6) + " " if block.level else "- " if block.kind == "item" else ""
        if block.level:
            content = " ".join(content.split())
        if text:
            text += "\n" if block.kind and block.kind == last else "\n\n"
        text, last = text + mark + content, block.kind
    return text


def stated_title(title: object) -> str:
    """A title of a file's metadata, "" for what programs put there unasked."""
    text = " ".join(normalise(str(title or "")).split())
    unasked = _UNASKED_TITLE.fullmatch(text)
    return "" if unasked or not any(character.isalnum() for character in text) else text


def stated_date(date: object) -> str:
    """An ISO date of a file's metadata, "" for the date of a library's template."""
    text = str(date or "")[:10]
    return text if re.fullmatch(r"\d{4}-\d\d-\d\d", text) and text not in _TEMPLATES else ""


def stated_properties(document: Any) -> tuple[str, str]:
    """Title and ISO date in the metadata of a Word or PowerPoint document; "" for what is missing or damaged."""
    try:
        properties = document.core_properties
        return stated_title(properties.title), stated_date(properties.created)
    except Exception:  # the library's parser raises anything at damaged metadata, and the text is there all the same
        return "", ""
