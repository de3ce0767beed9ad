"""Exports of MediaWiki, such as Wikipedia's: one document an article, its markup removed by mwparserfromhell.

Articles alone are read (namespace 0). Redirects and pages of other namespaces are counted in a notice. Templates, such
as info boxes, hold no sentences and are left out, as are references, files and categories.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Set
from typing import TYPE_CHECKING, Any

from kg.documents.parts import LostPart, Notice, Part, RawDocument, SourceFile
from kg.documents.readers.markup import local_name
from kg.documents.web.blocks import shifted
from kg.language.text import normalise
from models.errors import InputError

if TYPE_CHECKING:
    from lxml.etree import _Element

_REDIRECT = re.compile(r"\s*#\w+\s*:?\s*\[\[", re.UNICODE)
_MEDIA = frozenset({"file", "image", "category", "media"})
_MEDIA_KEYS = ("-2", "6", "14")
"""Keys of the namespaces of media, files and categories, which every language names its own way."""
_UNSEEN_TAGS = frozenset(
    {"ref", "references", "gallery", "math", "score", "timeline", "style", "templatestyles", "imagemap", "graph"}
)
_SWITCHES = re.compile(r"__[A-Z]{3,20}__")
_NESTED = re.compile(r"^(?:- )+")
_SHOWN = 5


def wiki_pages(file: SourceFile) -> Iterator[Part]:
    """The articles of an export, read in a stream."""
    from lxml import etree

    media = set(_MEDIA)
    other: Counter[str] = Counter()
    redirects: list[str] = []
    number = 0
    pages = etree.iterparse(
        str(file.path), events=("end",), resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True
    )
    try:
        for _, element in pages:
            name = local_name(element)
            if name == "namespace" and element.get("key") in _MEDIA_KEYS and element.text:
                media.add(element.text.lower())
            if name != "page":
                continue
            number += 1
            fields = _fields(element)
            _forget(element)
            title = " ".join(normalise(fields.get("title", "")).split())
            if fields.get("ns", "0").strip() not in ("0", ""):
                other[title.partition(":")[0] if ":" in title else fields["ns"]] += 1
            elif "redirect" in fields or _REDIRECT.match(fields.get("text", "")):
                redirects.append(title)
            else:
                yield _article(fields, title, number, media)
    except etree.XMLSyntaxError as error:
        reason = f"{file.name} is damaged behind page {number} ({error}); nothing after it is read. Fetch it again."
        if not number:
            raise InputError(reason) from error
        yield LostPart(reason, "pages")
    if redirects:
        shown = ", ".join(redirects[:_SHOWN]) + (", …" if len(redirects) > _SHOWN else "")
        yield Notice(f"{len(redirects)} redirects are left out: {shown}.")
    if other:
        counts = ", ".join(f"{name} {count}" for name, count in other.most_common(_SHOWN))
        yield Notice(f"{sum(other.values())} pages that are no articles are left out: {counts}.")


def _fields(page: _Element) -> dict[str, str]:
    """Values of a page and of its last revision, by the name of their element."""
    fields: dict[str, str] = {}
    for element in page:
        if local_name(element) == "revision":
            fields |= {
                local_name(part): part.text or "" for part in element if local_name(part) in ("text", "timestamp")
            }
        else:
            fields[local_name(element)] = element.text or ""
    return fields


def _forget(page: _Element) -> None:
    """Free a page, and those before it, so that an export may be larger than memory."""
    page.clear()
    while page.getprevious() is not None:
        parent = page.getparent()
        if parent is None:
            return
        del parent[0]


def _article(fields: dict[str, str], title: str, number: int, media: Set[str]) -> RawDocument | LostPart:
    name = title or str(number)
    try:
        text = plain_text(fields.get("text", ""), media)
    except Exception as error:  # one page of a million; the others are read
        return LostPart(f"Page {name!r} cannot be read ({type(error).__name__}: {error}).", "pages")
    if not text:
        return LostPart(f"Page {name!r} has no text.", "pages")
    return RawDocument(text, title, fields.get("timestamp", "")[:10], name, "pages")


def plain_text(markup: str, media: Set[str] = _MEDIA) -> str:
    """The text of an article's markup, headings as in Markdown.

    Args:
        markup: Wikitext.
        media: Names of the namespaces whose links are left out, in lower case.

    Example:
        >>> plain_text("'''Selm''' is a [[town|small town]].<ref>Atlas</ref>")
        'Selm is a small town.'
    """
    from mwparserfromhell import parse

    text = _SWITCHES.sub("", normalise(_shown(parse(normalise(markup)), media)))
    lines = (_NESTED.sub("- ", " ".join(line.split())).removesuffix(" |") for line in text.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _shown(code: Any, media: Set[str]) -> str:
    """What a reader sees of parsed markup.

    `Wikicode.strip_code` drops headings' levels and keeps references, and to remove nodes first takes a time that grows
    with the square of their number.
    """
    from mwparserfromhell import nodes

    pieces: list[str] = []
    for node in code.nodes if code is not None else []:
        if isinstance(node, nodes.Text):
            pieces.append(node.value)
        elif isinstance(node, nodes.Heading):
            pieces.append(f"\n\n{'#' * min(node.level, 6)} {_shown(node.title, media).strip()}\n\n")
        elif isinstance(node, nodes.Wikilink):
            space, colon, _ = str(node.title).partition(":")
            if not (colon and space.strip().lower() in media):
                pieces.append(_shown(node.title if node.text is None else node.text, media))
        elif isinstance(node, nodes.ExternalLink):
            pieces.append(_shown(node.url if node.title is None else node.title, media))
        elif isinstance(node, nodes.HTMLEntity):
            pieces.append(node.normalize())
        elif isinstance(node, nodes.Tag):
            pieces.append(_tag(node, media))
    return "".join(pieces)


def _tag(node: Any, media: Set[str]) -> str:
    name = str(node.tag).strip().lower()
    if name in _UNSEEN_TAGS:
        return ""
    text = _shown(node.contents, media)
    if name in ("sup", "sub"):
        return shifted(text, name)
    if name == "li" and node.wiki_markup:
        return "- " if str(node.wiki_markup).strip() in ("*", "#") else ""
    if name in ("td", "th"):
        return f"{text.strip()} | "
    if name == "tr":
        return f"\n{text.strip().removesuffix('|').strip()}\n"
    return f"{text}\n" if name == "br" else text
