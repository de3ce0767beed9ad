"""Lines of a PDF's page, and the paragraphs that they make.

A PDF has characters and their places, no paragraphs. Two lines belong together unless the gap, the size of the letters,
an indentation or a short line before them says otherwise.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

from kg.documents.pdf.hyphens import HYPHENS, KnownWords, joined

if TYPE_CHECKING:
    from pypdfium2 import PdfTextPage

_LINE = re.compile(r"[^\r\n\ufffe]+\ufffe?")
_CUT = re.compile(rf"\w[{HYPHENS}]$|\ufffe$")
_BULLET = re.compile(r"(?:[•◦▪‣·●○■□–—*-]|\(?(?:\d{1,3}|[a-z])[.)])\s")
_SENTENCE_END = re.compile(r"[.!?:;。！？][\"'”’»)\]]*$")
_NO_SPACES = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef\u3000-\u303f]")


_Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text and its box.

    Attributes:
        text: Characters of the line; a last U+FFFE is a hyphen that cuts a word.
        left, bottom, right, top: Box in points, from the lower left corner of the page; all 0 if it is not known.
    """

    text: str
    left: float = 0.0
    bottom: float = 0.0
    right: float = 0.0
    top: float = 0.0

    @property
    def height(self) -> float:
        """Height of the letters."""
        return self.top - self.bottom


def lines_of(page: PdfTextPage) -> list[Line]:
    """The lines of a page in PDFium's reading order, which is that of the content with its columns."""
    text = page.get_text_range(errors="replace")
    # Places are looked up by index; where a character outside the basic plane shifts the indices, there are none.
    placed = len(text) == page.count_chars()
    lines = []
    for match in _LINE.finditer(text):
        content = match[0].rstrip()
        if not content.strip():
            continue
        start = match.start() + len(content) - len(content.lstrip())
        end = match.start() + len(content.rstrip("\ufffe")) - 1
        if placed and end >= start:
            first, last = page.get_charbox(start, loose=True), page.get_charbox(end, loose=True)
            lines.append(_line(content.strip(), first, last))
        else:
            lines.append(Line(content.strip()))
    return lines


def _line(text: str, first: _Box, last: _Box) -> Line:
    """A line from the boxes of its first and last character, turned so that it reads from left to right."""
    if len(text) > 3 and abs(last[1] - first[1]) > abs(last[0] - first[0]):
        upwards = last[1] > first[1]
        first, last = _turned(first, upwards), _turned(last, upwards)
    elif any(unicodedata.bidirectional(character) in ("R", "AL") for character in text):
        first, last = _mirrored(first), _mirrored(last)
    return Line(text, min(first[0], last[0]), min(first[1], last[1]), max(first[2], last[2]), max(first[3], last[3]))


def _turned(box: _Box, upwards: bool) -> _Box:
    left, bottom, right, top = box
    return (bottom, -right, top, -left) if upwards else (-top, left, -bottom, right)


def _mirrored(box: _Box) -> _Box:
    left, bottom, right, top = box
    return -right, bottom, -left, top


def paragraphs(lines: Sequence[Line], known: KnownWords) -> str:
    """Lines as paragraphs: a blank line where there is a gap, a new line where a list or a table continues."""
    text = ""
    pitch = _pitch(lines)
    block: list[Line] = []
    for line in lines:
        if not block:
            text, block = text + line.text, [line]
            continue
        mark = _break(block, line, pitch)
        if mark:
            text, block = text.rstrip("\ufffe") + mark + line.text, [line]
        else:
            # Only the last line of the text can be cut, and a paragraph may be long.
            place = text.rfind("\n") + 1
            text = text[:place] + _flow(text[place:], line.text, known)
            block.append(line)
    return text.replace("\ufffe", "-")


def _flow(text: str, following: str, known: KnownWords) -> str:
    if _NO_SPACES.match(text[-1]) and _NO_SPACES.match(following[0]):
        return text + following
    return joined(text, following, known)


def _pitch(lines: Sequence[Line]) -> float:
    """Usual distance between two lines of the page."""
    return median(list(_distances(lines)) or [0.0])


def _distances(lines: Sequence[Line]) -> Iterator[float]:
    for above, below in pairwise(lines):
        if 0 < (distance := above.bottom - below.bottom) < 3 * max(above.height, 1):
            yield distance


def _break(block: Sequence[Line], line: Line, pitch: float) -> str:
    """What stands between a paragraph and the next line: "" if the line continues it."""
    last = block[-1]
    if _CUT.search(last.text):
        return ""
    if not line.height or not last.height:
        return "\n" if _SENTENCE_END.search(last.text) or not line.text[0].islower() else ""
    distance = last.bottom - line.bottom
    if abs(distance) < 0.3 * last.height:
        return " " if line.left >= last.right else "\n"  # the cells of a row
    if distance < 0 or distance > 6 * last.height:  # another column
        return "" if line.text[0].islower() and not _SENTENCE_END.search(last.text) else "\n\n"
    if distance > 1.3 * max(pitch, last.height) or abs(line.height - last.height) > 0.2 * last.height:
        return "\n\n"
    if _BULLET.match(line.text):
        return "\n"
    size = last.height
    left = min(part.left for part in block)
    if line.left > left + 0.8 * size and not _BULLET.match(block[0].text) and len(block) > 1:
        return "\n\n"
    right = max(part.right for part in (*block, line))
    space = right - last.right
    if space > 0.12 * (right - left) and (_SENTENCE_END.search(last.text) or line.left > left + 0.8 * size):
        return "\n\n"
    # A line that leaves room for the next word was ended on purpose: an address, a list, a heading.
    word = line.text.split(maxsplit=1)[0]
    needed = (line.right - line.left) / max(len(line.text), 1) * (len(word) + 1)
    return "\n" if space > max(needed, 0.3 * (right - left)) and not word[0].islower() else ""
