"""Pages of a PDF: what each holds, and which of them have no text of their own.

A scanned page is an image; what stands on it may be a stamp, a running title or a number that the scanner added. A font
without a table of its letters gives other characters than a reader sees.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kg.documents.pdf.lines import Line, lines_of

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument, PdfObject, PdfPage

COVERED = 0.5
"""Share of a page from which on an image may be a scan of it."""
_STAMP, _STAMP_LINES = 300, 4
"""Maximum number of characters and lines of what a scanner or an archive adds to a page."""
_EDGE_LINES = 2
_DIGITS = re.compile(r"\d+")
_CID = re.compile(r"\(cid:\d+\)")
_WORDS = re.compile(r"[^\W\d_]+")
_VOWELS = frozenset("aeiouy")
_PAGE_NUMBER = re.compile(r"\W*(?:(?:page|seite|p\.|s\.)\s*)?\d{1,4}(?:\s*(?:/|of|von)\s*\d{1,4})?\W*", re.IGNORECASE)
_FEW_VOWELS = 0.22
"""Share of vowels; English, German and Polish have 0.35 to 0.42, a shifted alphabet 0.15."""
_HARDLY_VOWELS = 0.12
_ENOUGH_LETTERS = 40


@dataclass(frozen=True, slots=True)
class Page:
    """What a page holds.

    Attributes:
        number: Number of the page, the first being 1.
        lines: Its lines of text.
        covered: Share of the page that images cover, in [0, 1].
        drawn: Whether there is anything on the page: text, an image, a drawing.
        fault: Why it cannot be read, or "".
    """

    number: int
    lines: tuple[Line, ...] = ()
    covered: float = 0.0
    drawn: bool = False
    fault: str = ""

    @property
    def text(self) -> str:
        """All lines, one below the other."""
        return "\n".join(line.text for line in self.lines)


def page_of(pdf: PdfDocument, index: int) -> Page:
    """Read one page; one that PDFium cannot load has a `fault`."""
    from pypdfium2 import PdfiumError

    try:
        page = pdf[index]
    except PdfiumError:
        return Page(index + 1, fault="broken")
    try:
        if _flattened(page):
            page.close()
            page = pdf[index]  # what was made part of it is seen when it is loaded again
        text = page.get_textpage()
        lines = tuple(lines_of(text))
        text.close()
        covered, drawn = _images(page)
        return Page(index + 1, lines, covered, drawn or bool(lines))
    except PdfiumError:
        return Page(index + 1, fault="broken")
    finally:
        page.close()


def _flattened(page: PdfPage) -> bool:
    """Make what is filled into a form part of the page, as a viewer shows it; whether there was anything."""
    import pypdfium2.raw as pdfium

    if pdfium.FPDFPage_GetAnnotCount(page) <= 0:
        return False
    return bool(pdfium.FPDFPage_Flatten(page, pdfium.FLAT_NORMALDISPLAY) == pdfium.FLATTEN_SUCCESS)


def _images(page: PdfPage) -> tuple[float, bool]:
    """Share of the page that images cover, and whether anything is on it."""
    import pypdfium2.raw as pdfium

    width, height = page.get_size()
    area, drawn = 0.0, False
    outermost: PdfObject | None = None
    for number, item in enumerate(page.get_objects(max_depth=4)):
        drawn = True
        if item.level == 0:
            outermost = item
        # Places within a form are the form's own; the form around an image has its place on the page.
        if item.type == pdfium.FPDF_PAGEOBJ_IMAGE and outermost is not None:
            left, bottom, right, top = outermost.get_bounds()
            area += max(min(right, width) - max(left, 0), 0) * max(min(top, height) - max(bottom, 0), 0)
            outermost = None
        if number > 20_000:  # a map of a million lines is no scan
            break
    return min(area / (width * height or 1), 1.0), drawn


def own_lines(pages: Sequence[Page]) -> dict[int, list[Line]]:
    """Lines of each page by its number, without what only repeats.

    A line among the first or last two of a page that stands there on at least three pages, and on half of all, is a
    running title: it is kept on its first page. Page numbers are compared as such.
    """
    counts = Counter(key for page in pages for key in _edge_keys(page))
    enough = max(3, len(pages) / 2)
    running = {key for key, count in counts.items() if count >= enough}
    seen: set[str] = set()
    kept: dict[int, list[Line]] = {}
    for page in pages:
        drop = _edge_keys(page) & running & seen
        seen |= _edge_keys(page) & running
        kept[page.number] = [line for line in page.lines if not (_at_edge(page, line) and _key(page, line) in drop)]
    return kept


def _at_edge(page: Page, line: Line) -> bool:
    return any(line is edge for edge in (*page.lines[:_EDGE_LINES], *page.lines[-_EDGE_LINES:]))


def _edge_keys(page: Page) -> Set[str]:
    return {_key(page, line) for line in (*page.lines[:_EDGE_LINES], *page.lines[-_EDGE_LINES:])}


def _key(page: Page, line: Line) -> str:
    if _PAGE_NUMBER.fullmatch(line.text):
        return "#"
    return _DIGITS.sub(lambda match: "#" if int(match[0]) == page.number else match[0], line.text)


def without_text(pages: Sequence[Page]) -> dict[int, str]:
    """Pages that hold something other than text, with what is the matter.

    Returns:
        Number of a page to "no text", "broken", "no text of their own" (a stamp on an image) or "a font without
        letters".
    """
    repeated = Counter(line for page in pages for line in set(_masked(page)))
    found = {}
    for page in pages:
        if page.fault:
            found[page.number] = page.fault
        elif not page.lines:
            if page.drawn:
                found[page.number] = "no text"
        elif no_letters(page.text):
            found[page.number] = "a font without letters"
        elif page.covered >= COVERED and len(page.lines) <= _STAMP_LINES and len(page.text) <= _STAMP:
            words = (line for line in _masked(page) if any(map(str.isalpha, line)))
            if all(repeated[line] > 1 for line in words):
                found[page.number] = "no text of their own"
    return found


def _masked(page: Page) -> list[str]:
    """Lines with all numbers alike: the stamps of two pages differ in a number, a date or a time at most."""
    return [_DIGITS.sub("#", line.text) for line in page.lines]


def no_letters(text: str) -> bool:
    """Whether a text is what a font without a table of its letters gives.

    That is: a third of the characters are controls, private, unassigned or U+FFFD, or the text consists of "(cid:12)";
    or it is in Latin letters with hardly any vowel among them, as when each letter stands for another.

    Example:
        >>> no_letters("\\ue001\\ue002 \\ue003"), no_letters("(cid:3)(cid:9)"), no_letters("The mill, 1904.")
        (True, True, False)
    """
    bare = "".join(_CID.sub("\ufffd", text).split())
    if not bare:
        return False
    strange = sum(c == "\ufffd" or unicodedata.category(c) in ("Cc", "Co", "Cn") for c in bare if c != "\ufffe")
    if strange > len(bare) / 3:
        return True
    # Words alone: codes and formulas hold digits, and have no vowels either.
    letters = [c for word in _WORDS.findall(_plain(text)) if len(word) > 2 for c in word]
    if len(letters) < _ENOUGH_LETTERS or not all(c.isascii() for c in letters):
        return False
    # A shifted alphabet is in capitals; in small letters, code that consists of abbreviations has few vowels too.
    capitals = sum(c.isupper() for c in text) > 0.7 * len(letters)
    return sum(c in _VOWELS for c in letters) < (_FEW_VOWELS if capitals else _HARDLY_VOWELS) * len(letters)


def _plain(text: str) -> str:
    """Lower case without accents, so that ä counts as a vowel."""
    return "".join(c for c in unicodedata.normalize("NFD", text.lower()) if not unicodedata.combining(c))
