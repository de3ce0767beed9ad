"""A page's tree to blocks of text: paragraphs, headings, items, rows, as Markdown writes them.

White space counts in <pre> only; everywhere else a run of it is one space, as a browser shows it. The walk has no
recursion, so that the depth of a page does not matter.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kg.documents.web.formulas import shifted
from kg.documents.web.visible import HEADINGS
from kg.language.text import normalise

if TYPE_CHECKING:
    from lxml.html import HtmlElement

_SECTIONS = (
    "address",
    "article",
    "aside",
    "body",
    "details",
    "dialog",
    "div",
    "footer",
    "form",
    "header",
    "html",
    "main",
)
_PARTS = ("blockquote", "center", "fieldset", "figcaption", "figure", "hgroup", "hr", "legend", "nav", "p")
_TABLES = ("caption", "table", "tbody", "tfoot", "thead")
_LISTS = ("dir", "menu", "ol", "ul")
_PREFORMATTED = ("listing", "plaintext", "pre", "xmp")
# Element to the number of line ends around it.
_GAPS = dict.fromkeys((*_SECTIONS, *_PARTS, *_TABLES, *_LISTS, *_PREFORMATTED, *HEADINGS), 2)
_GAPS |= {"main": 2, "search": 2, "dl": 2, "dt": 2, "section": 2, "summary": 2, "li": 1, "tr": 1, "dd": 1}
_GAPS_AFTER = _GAPS | {"dt": 1}
_CELL = "\x1f"  # end of a cell; normalised text holds no control characters
_PERMALINKS = {"¶", "#", "§", "🔗", "⚓", "⚓︎"}
_FILE_NAME = re.compile(r"\S+\.(?:png|jpe?g|gif|svg|webp|bmp|avif|ico)", re.IGNORECASE)
_SPACES = re.compile(r"\s+")
_RUN = re.compile(r" +")
_LINE_END = re.compile(r" *\n *")
_BLANK_LINES = re.compile(r"\n{3,}")


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of text that stands on lines of its own.

    Attributes:
        element: Innermost block element around its end.
        text: Text with its mark: "# " of a heading, "- " of an item.
        gap: Number of line ends before it.
        letters: Number of characters without white space.
        linked: How many of them are part of a link.
    """

    element: HtmlElement
    text: str
    gap: int
    letters: int
    linked: int


def join_blocks(blocks: Iterable[Block]) -> str:
    """The text of blocks, in order."""
    return normalise("".join("\n" * block.gap + block.text for block in blocks)).strip("\n")


def render(root: HtmlElement) -> list[Block]:
    """Blocks of an element in reading order.

    Args:
        root: A tree without what no reader sees.
    """
    from lxml.etree import iterwalk

    renderer = _Renderer()
    for event, element in iterwalk(root, events=("start", "end")):
        if event == "start":
            renderer.start(element)
        else:
            renderer.end(element)
            if element is not root and element.tail:
                renderer.add(element.tail)
    renderer.flush(root, 2)
    return renderer.blocks


class _Renderer:
    """Collects pieces of text and cuts them into blocks.

    Attributes:
        blocks: Blocks that are complete.
    """

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self._pieces: list[str] = []
        self._opened: list[tuple[HtmlElement, int, int]] = []  # element, number of blocks and of pieces before it
        self._readings: list[str] = []
        self._mark = ""
        self._lines = 0  # line ends before the next block
        self._linked = 0
        self._links = self._preformatted = self._headings = 0

    def start(self, element: HtmlElement) -> None:
        tag = element.tag
        if tag in _GAPS:
            self.flush(element.getparent(), self._gap(element, _GAPS))
        if tag == "li":
            self._mark = self._mark if self._mark.endswith("- ") else "- "
        elif tag in HEADINGS:
            self._mark += "#" * int(tag[1]) + " "
            self._headings += 1
        elif tag in _PREFORMATTED:
            self._preformatted += 1
        elif tag == "br":
            self._pieces.append(" " if self._headings else "\n")
        elif tag == "img":
            self._add_alt(element)
        elif tag == "a":
            self._links += 1
        elif tag == "q":
            self._pieces.append("“")
        self._opened.append((element, len(self.blocks), len(self._pieces)))
        if element.text:
            self.add(element.text)

    def end(self, element: HtmlElement) -> None:
        tag = element.tag
        _, blocks, pieces = self._opened.pop()
        if tag == "a":
            self._links -= 1
        if tag in _GAPS:
            self.flush(element, self._gap(element, _GAPS_AFTER))
            self._headings -= tag in HEADINGS
            self._preformatted -= tag in _PREFORMATTED
            if tag in HEADINGS or tag == "li":
                self._mark = ""  # of an empty one
        elif tag in ("td", "th"):
            self._pieces.append(_CELL)
        elif tag == "q":
            self._pieces.append("”")
        elif blocks == len(self.blocks):  # the whole of it is in the pieces
            self._end_inline(element, pieces)

    def _end_inline(self, element: HtmlElement, since: int) -> None:
        tag = element.tag
        text = "".join(self._pieces[since:])
        if tag == "a" and text.strip() in _PERMALINKS:
            del self._pieces[since:]
        elif tag in ("sup", "sub") and text.strip():
            self._pieces[since:] = [shifted(text, tag)]
        elif tag == "rt":  # above the characters, so that it must not stand between them
            self._readings.append(text.strip())
            del self._pieces[since:]
        elif tag == "ruby" and self._readings:
            self._pieces.append(f"({''.join(self._readings)})")
            self._readings = []

    def add(self, text: str) -> None:
        if self._preformatted:
            self._pieces.append(text)
            return
        self._pieces.append(_SPACES.sub(" ", text))
        if self._links:
            self._linked += sum(map(len, text.split()))

    def _add_alt(self, element: HtmlElement) -> None:
        alt = " ".join(element.get("alt", "").split())
        if alt and not _FILE_NAME.fullmatch(alt):
            self._pieces.append(alt)

    def _gap(self, element: HtmlElement, gaps: dict[str, int]) -> int:
        parent = element.getparent()
        nested = element.tag in _LISTS and parent is not None and parent.tag == "li"
        return 1 if nested else gaps[element.tag]

    def flush(self, element: HtmlElement | None, gap: int) -> None:
        """End the current block; `element` is the one that it stands in, `gap` what follows it."""
        text = self._text() if self._pieces else ""
        if text.strip() and element is not None:
            letters = sum(map(len, text.split()))
            self.blocks.append(Block(element, self._mark + text, self._lines, letters, min(self._linked, letters)))
            self._mark = ""
            self._lines = gap
        else:
            self._lines = max(self._lines, gap)
        self._pieces.clear()
        self._linked = 0

    def _text(self) -> str:
        text = "".join(self._pieces)
        if self._preformatted:
            return "\n".join(line.rstrip() for line in text.split("\n")).strip("\n")
        cells = [_LINE_END.sub("\n", _RUN.sub(" ", cell)).strip() for cell in text.split(_CELL)]
        return _BLANK_LINES.sub("\n\n", " | ".join(_without_empty_ends(cells)))


def _without_empty_ends(cells: list[str]) -> list[str]:
    filled = [number for number, cell in enumerate(cells) if cell]
    return cells[filled[0] : filled[-1] + 1] if filled else []
