"""Which blocks of a page are its text.

trafilatura finds where the text of a page is. The smallest element that holds all that it found, widened as long as
there is prose beside it and to the <main> or <article> around it, is the main part, with the page's first heading. It
counts only where it holds most of the prose outside frames (menus, asides, footers, readers' comments); otherwise
everything outside frames is the text. So nothing is lost that stands among what trafilatura chose, and a teaser, a
comment or an empty <main> never replaces a page.
"""

from __future__ import annotations

import logging
import re
import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING

from kg.documents.web.blocks import Block

if TYPE_CHECKING:
    from lxml.html import HtmlElement

_FRAMES = ("nav", "aside", "footer")
_FRAME_ROLES = ("navigation", "complementary", "contentinfo", "search", "menu", "menubar")
# Notes of an article are often asides, and a quotation names its source in a footer.
_NOTE = re.compile(r"footnote|endnote|admonition|\bnote\b|topic|warning|\btip\b|infobox|biblio", re.IGNORECASE)
_QUOTED = ("blockquote", "figure")
# As blog software names them. "comment" alone is also what a highlighter calls a comment of code.
_COMMENTS = re.compile(r"comments|comments?[-_]?(?:area|list|section|thread|wrapper|container)|disqus_thread")
_PARAGRAPHS = ("p", "pre", "blockquote", "dt", "dd", "li", "figcaption")
_NO_PARTS = (*_PARAGRAPHS, "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "dl", "figure", "table", "tbody", "tr")

_MIN_SHARE = 0.65  # of a page's prose
_LONG = 80  # menus and teasers have shorter blocks
_SENTENCE = 25  # as short as a sentence of a story is
_MIN_LETTERS = 30  # shorter blocks may occur in a menu too
_SHORT_PAGE = 1000  # trafilatura needs more to tell text from what is around it
_MAX_LETTERS = 1_000_000  # a longer page is a book, and what it takes to find its main part grows with the square


def main_blocks(root: HtmlElement, blocks: Sequence[Block]) -> list[Block]:
    """The blocks that are the page's text, in order.

    Args:
        root: The page without what no reader sees.
        blocks: All of its blocks.
    """
    framed = _framed(root)
    unframed = [block for block in blocks if block.element not in framed]
    if not unframed or (_longest(unframed) < _SENTENCE and _longest(blocks) >= _LONG):
        return list(blocks)  # the page keeps its text in what others use as frames
    if not _SHORT_PAGE < _letters(unframed) < _MAX_LETTERS or (found := _found(root, unframed)) is None:
        return unframed
    part = set(_widened(found, unframed).iter("*"))
    inside = [block for block in unframed if block.element in part]
    shortest = _LONG if any(_unlinked(block) >= _LONG for block in unframed) else 0
    if _prose(inside, shortest) < _MIN_SHARE * _prose(unframed, shortest):
        return unframed
    title = next((block for block in unframed if block.text.startswith("# ")), None)
    return inside if title is None or title in inside else [title, *inside]


def _letters(blocks: Sequence[Block]) -> int:
    return sum(block.letters for block in blocks)


def _unlinked(block: Block) -> int:
    return block.letters - block.linked


def _longest(blocks: Sequence[Block]) -> int:
    """Most characters outside links in a block that is no heading."""
    return max((_unlinked(block) for block in blocks if not block.text.startswith("#")), default=0)


def _prose(blocks: Sequence[Block], shortest: int) -> int:
    """Number of characters outside links, in blocks that have at least so many of them."""
    return sum(unlinked for block in blocks if (unlinked := _unlinked(block)) >= shortest)


def _framed(root: HtmlElement) -> set[HtmlElement]:
    """All elements of frames: what stands around the text of a page."""
    framed: set[HtmlElement] = set()
    for element in root.iter("*"):
        if element not in framed and _is_frame(element):
            framed.update(element.iter("*"))
    return framed


def _is_frame(element: HtmlElement) -> bool:
    if element.tag in ("html", "body", "main"):
        return False
    if element.get("role", "").strip().lower() in _FRAME_ROLES:
        return True
    names = f"{element.get('id', '')} {element.get('class', '')}".lower()
    if element.tag in ("div", "section", "ol", "ul") and any(map(_COMMENTS.fullmatch, names.split())):
        return True
    if element.tag not in _FRAMES:
        return False
    quoted = element.tag == "footer" and any(parent.tag in _QUOTED for parent in element.iterancestors())
    return not quoted and _NOTE.search(f"{names} {element.get('role', '')}") is None


def _found(root: HtmlElement, blocks: Sequence[Block]) -> HtmlElement | None:
    """The smallest element that holds every block of some length that trafilatura takes for text."""
    text = _key(_main_text(root))
    position = 0
    found: HtmlElement | None = None
    for block in blocks:
        key = _key(block.text)
        if len(key) < _MIN_LETTERS:
            continue
        # Both texts are in reading order, so that a block is usually found right after the one before.
        at = text.find(key, position, position + 20 * len(key))
        if at < 0 and (at := text.find(key)) < 0:
            continue
        position = at
        found = block.element if found is None else _common(found, block.element)
    return found


def _common(one: HtmlElement, other: HtmlElement) -> HtmlElement:
    """The smallest element that holds two elements of one tree."""
    above = {one, *one.iterancestors()}
    while other not in above:
        other = other.getparent()
    return other


def _widened(found: HtmlElement, blocks: Sequence[Block]) -> HtmlElement:
    """An element widened as long as there is prose beside it, and to the <main> or <article> around it."""
    above = [found, *found.iterancestors()]
    levels = {element: level for level, element in enumerate(above)}
    beside: dict[int, list[Block]] = {}
    for block in blocks:
        beside.setdefault(_level(block.element, levels), []).append(block)
    part = 0
    for level in range(1, len(above)):
        prose = any(_is_prose(block, above[level]) for block in beside.get(level, ()))
        if level in beside and not prose and above[part].tag not in _NO_PARTS:
            break
        if level in beside or above[part].tag in _NO_PARTS:
            part = level
    if main := [element for element in above[part:] if element.tag == "main" or element.get("role") == "main"]:
        return main[-1]
    return next((element for element in above[part:] if element.tag == "article"), above[part])


def _level(element: HtmlElement, levels: dict[HtmlElement, int]) -> int:
    """How many steps above the found element an element's own branch begins; `levels` learns it."""
    branch: list[HtmlElement] = []
    while element not in levels:
        branch.append(element)
        element = element.getparent()
    levels.update(dict.fromkeys(branch, levels[element]))
    return levels[element]


def _is_prose(block: Block, parent: HtmlElement) -> bool:
    """Whether a block is running text, or a shorter paragraph right below `parent`."""
    above = block.element.getparent()
    near = above is parent or (above is not None and above.getparent() is parent)
    return _unlinked(block) >= (_SENTENCE if near and block.element.tag in _PARAGRAPHS else _LONG)


def _key(text: str) -> str:
    """Letters and digits alone: trafilatura spaces and marks text in its own way."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", text).casefold()))


def _main_text(root: HtmlElement) -> str:
    """The main text that trafilatura finds, "" if none."""
    from lxml.html import tostring
    from trafilatura import extract

    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)  # it warns of every page without an article
    return extract(tostring(root, encoding="unicode"), favor_recall=True, include_comments=False) or ""
