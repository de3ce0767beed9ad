"""Markdown without what no reader sees: comments, tags, targets of links. Headings, lists and emphasis stay marked.

Blocks are found by markdown-it, so that nothing in a block of code is taken for a heading, a comment or a link. The
text of a link stands for it, also of Obsidian's `[[links]]`; the text beside a picture stands for the picture.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import unescape
from itertools import groupby
from typing import TYPE_CHECKING, Any

from kg.documents.data_uris import drop_data_uris
from kg.documents.web.formulas import shifted
from kg.documents.web.visible import UNSEEN, is_unseen
from kg.language.text import normalise

if TYPE_CHECKING:
    from markdown_it.token import Token

_ADDRESS = "\ufdd0"  # instead of a data: address; Unicode has no such character
_PARAGRAPH = r"(?:(?!\n[^\S\n]*\n).)"  # any character that does not end one
_CODE = rf"(?P<ticks>(?<!`)`+(?!`)){_PARAGRAPH}*?(?<!`)(?P=ticks)(?!`)"
_SEEN_AS = re.compile(
    rf"(?P<code>{_CODE})"
    r"|(?P<comment><!---?>|(?m:^) {0,3}<!--.*?(?:-->[^\S\n]*(?:\n[^\S\n]*)*(?=\S|\Z)|-->|\Z)"
    rf"|<!--{_PARAGRAPH}*?-->|(?m:^)%%[^\S\n]*\n.*?\n%%[^\S\n]*(?m:$)|%%(?=\S)[^%\n]+%%)"
    r"|<(?P<close>/?)(?P<tag>[A-Za-z][A-Za-z0-9]*)(?P<attributes>(?:\s(?:[^<>\"']|\"[^\"]*\"|'[^']*')*)?)/?>",
    re.DOTALL,
)
_TARGET = r"\(\s*(?:<[^<>\n]*>|[^\s()<>]*(?:\([^\s()]*\)[^\s()]*)*)(?:\s+(?:\"[^\"]*\"|'[^']*'|\([^()]*\)))?\s*\)"
_SHOWN = r"(?P<shown>[^\[\]]*(?:\[[^\[\]]*\][^\[\]]*)*)"
_WIKI = re.compile(
    rf"{_CODE}|(?P<embed>!?)\[\[(?P<target>[^\[\]|\n\\\s][^\[\]|\n\\]*)(?:\\?\|(?P<shown>[^\[\]\n]*))?\]\]", re.DOTALL
)
_IMAGE = re.compile(rf"{_CODE}|(?<!\\)!\[{_SHOWN}\](?:{_TARGET}|\[(?P<label>[^\[\]]*)\])?", re.DOTALL)
_LINK = re.compile(rf"{_CODE}|(?<![\\!])\[{_SHOWN}\](?:{_TARGET}|\[(?P<label>[^\[\]]*)\])?", re.DOTALL)
_WRITTEN = re.compile(
    rf"{_CODE}|(?<!\\)(?P<entity>&(?:\#\d{{1,7}}|\#[xX][0-9A-Fa-f]{{1,6}}|[A-Za-z][A-Za-z0-9]*);)"
    # Elsewhere a mark without its backslash would be taken for a mark.
    r"|(?<=\w)\\(?P<mark>[_*~.+#!-])",
    re.DOTALL,
)
_ATTRIBUTE = re.compile(r"([^\s=\"'/]+)(?:\s*=\s*(\"[^\"]*\"|'[^']*'|[^\s\"'>]+))?")
_PICTURE = re.compile(r"\.(?:png|jpe?g|gif|svg|webp|bmp|avif)$", re.IGNORECASE)
_SIZE = re.compile(r"\d+(?:x\d+)?")
_EMPHASIS = re.compile(r"(\*\*|__|\*|`)(\S(?:.*?\S)?)\1")
_HTML_HEADING = re.compile(r"<h1\b[^>]*>(.*?)</h1>", re.DOTALL | re.IGNORECASE)

_BLANK_LINES = re.compile(r"\n(?:[^\S\n]*\n){2,}")

_HEADING_TAGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_LIST_TAGS = ("dd", "dl", "dt", "li", "ol", "ul")
_TABLE_TAGS = ("table", "tbody", "tfoot", "thead", "tr")
_SECTION_TAGS = (
    "address",
    "article",
    "blockquote",
    "center",
    "details",
    "div",
    "figcaption",
    "figure",
    "footer",
    "header",
)
_BLOCK_TAGS = {*_HEADING_TAGS, *_LIST_TAGS, *_TABLE_TAGS, *_SECTION_TAGS, "hr", "main", "nav", "p", "pre", "section"}
_FONT_TAGS = ("b", "big", "del", "em", "font", "i", "ins", "mark", "s", "small", "strike", "strong", "sub", "sup", "u")
_INLINE_TAGS = ("a", "abbr", "bdi", "br", "cite", "code", "dfn", "img", "kbd", "picture", "q", "samp", "span", "time")
_TAGS = _BLOCK_TAGS | UNSEEN | {*_FONT_TAGS, *_INLINE_TAGS, "summary", "td", "th", "tt", "var", "wbr"}
_VOID = {"area", "base", "embed", "input", "link", "meta", "param", "source", "track"}  # of those that no reader sees


@dataclass(frozen=True, slots=True)
class MarkdownText:
    """What a reader sees of Markdown.

    Attributes:
        text: The text.
        title: First heading of the first level, or "".
        open_comment: Line of a comment that is never closed, from 1; 0 if there is none.
    """

    text: str
    title: str = ""
    open_comment: int = 0


def visible_markdown(source: str) -> MarkdownText:
    """Render Markdown as what a reader sees.

    Args:
        source: Normalised Markdown, without front matter.
    """
    from markdown_it import MarkdownIt

    source = drop_data_uris(source, _ADDRESS)
    parser = MarkdownIt("commonmark")
    parser.core.ruler.enableOnly(["normalize", "block"])
    environment: dict[str, Any] = {}
    tokens = parser.parse(source, environment)
    references: dict[str, dict[str, Any]] = environment.get("references", {})
    for label in [label for label in references if label.startswith("^")]:  # a footnote, of which CommonMark knows none
        del references[label]
    duplicates = [found for found in environment.get("duplicate_refs", []) if found["label"] in references]
    hidden = _lines(found["map"] for found in (*references.values(), *duplicates))
    code = _lines(token.map for token in tokens if token.type in ("fence", "code_block"))
    text = "\n".join(_parts(source.split("\n"), code, hidden, references))
    # Entities may stand for characters that nobody sees.
    return MarkdownText(normalise(text.replace(_ADDRESS, "")), _title(tokens, references), _open_comment(tokens))


def _lines(spans: Iterable[Sequence[int] | None]) -> set[int]:
    """Numbers of all lines in spans, from 0."""
    return {number for span in spans if span for number in range(*span)}


def _parts(lines: list[str], code: set[int], hidden: set[int], references: Collection[str]) -> Iterator[str]:
    """Runs of lines of code as they are, and runs of others as a reader sees them."""
    for is_code, numbers in groupby(range(len(lines)), key=code.__contains__):
        run = "\n".join(lines[number] for number in numbers if number not in hidden)
        yield run if is_code else _prose(run, references)


def _prose(text: str, references: Collection[str]) -> str:
    if "<" in text or "%%" in text:
        text = _without_tags(text)
    if "[" in text:
        text = _WIKI.sub(_wiki_link, text)
        for link in (_IMAGE, _LINK):  # a picture may be the text of a link
            text = link.sub(lambda match: _link(match, references), text)
    return _WRITTEN.sub(_as_shown, text) if "&" in text or "\\" in text else text


def _without_tags(text: str) -> str:
    """A text without comments, tags and elements that no reader sees."""
    pieces: list[str] = []
    raised: list[tuple[str, int]] = []  # <sup> and <sub> that are open: tag and number of pieces before
    matches = list(_SEEN_AS.finditer(text))
    last_close = {match["tag"].lower(): match.start() for match in matches if match["close"]}
    position, hidden, depth = 0, "", 0
    for match in matches:
        tag = (match["tag"] or "").lower()
        if hidden:
            depth += (tag == hidden) * (-1 if match["close"] else 1)
            if depth == 0:
                hidden, position = "", match.end()
            continue
        if match["code"] is not None or (tag and tag not in _TAGS):
            continue
        pieces.append(text[position : match.start()])
        position = match.end()
        if match["comment"] is not None:
            continue
        attributes = _attributes(match["attributes"])
        if match["close"]:
            if raised and raised[-1][0] == tag:
                since = raised.pop()[1]
                pieces[since:] = [shifted("".join(pieces[since:]), tag)]
        elif is_unseen(tag, attributes):
            if last_close.get(tag, 0) >= position:
                hidden, depth = tag, 1
            elif tag in UNSEEN - _VOID:  # a tag that is spoken of
                pieces.append(match[0])
        elif tag in ("sup", "sub"):
            raised.append((tag, len(pieces)))
        elif tag == "img":
            pieces.append(attributes.get("alt", ""))
        if tag in _BLOCK_TAGS and any(pieces) and text[match.start() - 1] != "\n":
            pieces.append("\n")
        elif tag in ("br", "td", "th"):
            pieces.append(" ")
    if not position:
        return text
    return _BLANK_LINES.sub("\n\n", "".join([*pieces, "" if hidden else text[position:]]))


def _attributes(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in _ATTRIBUTE.findall(text):
        found.setdefault(name.lower(), unescape(value.strip("\"'")))
    return found


def _as_shown(match: re.Match[str]) -> str:
    """The character that an entity or a mark behind a backslash stands for."""
    return unescape(match["entity"]) if match["entity"] else match["mark"] or match[0]


def _wiki_link(match: re.Match[str]) -> str:
    if match["target"] is None:
        return match[0]
    shown = (match["shown"] or "").strip()
    target = match["target"].strip()
    if match["embed"] and _PICTURE.search(target.partition("#")[0]):
        return "" if _SIZE.fullmatch(shown) else shown
    # A note, a heading in it; a block's own mark is for programs.
    return shown or " > ".join(part for part in target.split("#") if part and not part.startswith("^"))


def _link(match: re.Match[str], references: Collection[str]) -> str:
    if match["shown"] is None:
        return match[0]
    followed = match[0].endswith(")") and not match[0].endswith(match["shown"] + "]")
    if followed or _is_defined(match["label"] or match["shown"], references):
        return match["shown"]
    return match[0]


def _is_defined(label: str, references: Collection[str]) -> bool:
    from markdown_it.common.utils import normalizeReference

    return normalizeReference(label) in references


def _title(tokens: Sequence[Token], references: Collection[str]) -> str:
    """Text of the first heading of the first level."""
    for number, token in enumerate(tokens):
        heading = ""
        if token.type == "heading_open" and token.tag == "h1" and token.level == 0:
            heading = tokens[number + 1].content
        elif token.type == "html_block" and (found := _HTML_HEADING.search(token.content)):
            heading = found[1]
        if heading and (title := _plain(heading, references)):
            return title
    return ""


def _plain(text: str, references: Collection[str]) -> str:
    """A line of Markdown without emphasis."""
    return " ".join(_EMPHASIS.sub(r"\2", _prose(text, references)).replace(_ADDRESS, "").split())


def _open_comment(tokens: Sequence[Token]) -> int:
    for token in tokens:
        opened = token.type == "html_block" and token.content.lstrip().startswith("<!--")
        if opened and "-->" not in token.content and token.map:
            return token.map[0] + 1
    return 0
