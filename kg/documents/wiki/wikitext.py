"""Exports of MediaWiki, such as Wikipedia's: one document an article, its markup removed by mwparserfromhell.

Articles alone are read (namespace 0). Redirects and pages of other namespaces are counted in a notice, and so are
templates but those that are part of a sentence (`wiki_templates`). References, files and categories are left out;
captions of pictures are read.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Set
from typing import TYPE_CHECKING, Any

from kg.documents.office.markup import local_name
from kg.documents.parts import LostPart, Notice, Part, RawDocument, SourceFile
from kg.documents.web.formulas import shifted
from kg.documents.web.visible import is_unseen
from kg.documents.wiki.templates import template_text
from kg.language.text import normalise
from models.errors import InputError

if TYPE_CHECKING:
    from lxml.etree import _Element

_REDIRECT = re.compile(r"\s*#\w+\s*:?\s*\[\[", re.UNICODE)
_MEDIA = frozenset({"file", "image", "category", "media"})
_MEDIA_KEYS = ("-2", "6", "14")
"""Keys of the namespaces of media, files and categories, which every language names its own way."""
_UNSEEN_TAGS = frozenset(
    ("ref", "references", "includeonly", "score", "timeline", "style", "templatestyles", "imagemap", "graph")
)
_SWITCHES = re.compile(r"__[A-Z]{3,20}__")
_NESTED = re.compile(r"^(?:- )+")
_SHOWN = 5
_OPTION = re.compile(
    r"\s*(?:thumb|thumbnail|mini|miniatur|frame|framed|frameless|border|left|right|cent(?:er|re)|none|links|rechts"
    r"|upright|baseline|middle|top|bottom|sub|super|\d*x?\d+\s*px|[a-z]+\s*=.*)\s*",
    re.IGNORECASE | re.DOTALL,
)
"""How a picture is shown; what else stands last in its link is its caption."""
_FRAMED = re.compile(r"\|\s*(?:thumb|thumbnail|mini|miniatur|frame|framed)\s*(?:\||$|=)", re.IGNORECASE)
_LANGUAGE = re.compile(r":?[a-z]{2,3}(?:-[a-z]{2,6})?")


def wiki_pages(file: SourceFile) -> Iterator[Part]:
    """The articles of an export, read in a stream."""
    from lxml import etree

    media = set(_MEDIA)
    other: Counter[str] = Counter()
    redirects: list[str] = []
    templates: Counter[str] = Counter()
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
                yield _article(fields, title, number, media, templates)
    except etree.XMLSyntaxError as error:
        reason = f"{file.name} is damaged behind page {number} ({error}); nothing after it is read. Fetch it again."
        if not number:
            raise InputError(reason) from error
        yield LostPart(reason, "pages")
    if redirects:
        shown = ", ".join(redirects[:_SHOWN]) + (", …" if len(redirects) > _SHOWN else "")
        yield Notice(f"{len(redirects)} redirects are left out: {shown}.")
    if templates:
        counts = ", ".join(f"{name} {count}" for name, count in templates.most_common(_SHOWN))
        yield Notice(f"{templates.total()} templates are left out, since their text is not in the file: {counts}.")
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


def _article(
    fields: dict[str, str], title: str, number: int, media: Set[str], templates: Counter[str]
) -> RawDocument | LostPart:
    name = title or str(number)
    try:
        text = plain_text(fields.get("text", ""), media, templates)
    except Exception as error:  # one page of a million; the others are read
        return LostPart(f"Page {name!r} cannot be read ({type(error).__name__}: {error}).", "pages")
    if not text:
        return LostPart(f"Page {name!r} has no text.", "pages")
    return RawDocument(text, title, fields.get("timestamp", "")[:10], name, "pages")


def plain_text(markup: str, media: Set[str] = _MEDIA, templates: Counter[str] | None = None) -> str:
    """The text of an article's markup, headings as in Markdown.

    Args:
        markup: Wikitext.
        media: Names of the namespaces whose links are left out, in lower case.
        templates: Counts the templates that are left out, by their names.

    Example:
        >>> plain_text("'''Selm''' is a [[town|small town]].<ref>Atlas</ref>")
        'Selm is a small town.'
    """
    from mwparserfromhell import parse

    reader = _Reader(media, Counter() if templates is None else templates)
    text = _SWITCHES.sub("", normalise(reader.shown(parse(normalise(markup)))))
    lines = (_NESTED.sub("- ", " ".join(line.split())).removesuffix(" |") for line in text.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


class _Reader:
    """Finds what a reader sees of parsed markup.

    `Wikicode.strip_code` drops headings' levels and keeps references, and to remove nodes first takes a time that grows
    with the square of their number.
    """

    def __init__(self, media: Set[str], templates: Counter[str]) -> None:
        self.media, self.templates = media, templates

    def shown(self, code: Any) -> str:
        """The text of markup."""
        return "".join(map(self._node, code.nodes if code is not None else []))

    def _node(self, node: Any) -> str:
        from mwparserfromhell import nodes

        if isinstance(node, nodes.Text):
            return str(node.value)
        if isinstance(node, nodes.Heading):
            return f"\n\n{'#' * min(node.level, 6)} {self.shown(node.title).strip()}\n\n"
        if isinstance(node, nodes.Wikilink):
            return self._link(node)
        if isinstance(node, nodes.ExternalLink):
            return self.shown(node.url if node.title is None else node.title)
        if isinstance(node, nodes.HTMLEntity):
            return str(node.normalize())
        if isinstance(node, nodes.Template):
            return self._template(node)
        return self._tag(node) if isinstance(node, nodes.Tag) else ""

    def _link(self, link: Any) -> str:
        space, colon, _ = str(link.title).partition(":")
        if colon and space.strip().lower() in self.media:
            return self._caption(str(link)[2:-2], link.text)
        if link.text is not None:
            return self.shown(link.text)
        if colon and _LANGUAGE.fullmatch(space.strip()) and not space.startswith(":"):
            return ""  # the article in another language, which stands beside the text
        return self.shown(link.title).removeprefix(":")

    def _caption(self, link: str, text: Any) -> str:
        """The caption of a picture that has one; that of a picture within a line is not shown."""
        if text is None or not _FRAMED.search(link):
            return ""
        shown = self.shown(text).rpartition("|")[2]
        return "" if _OPTION.fullmatch(shown) else f"\n\n{shown.strip()}\n\n"

    def _template(self, template: Any) -> str:
        arguments = [self.shown(param.value) for param in template.params if not param.showkey]
        unit = self.shown(template.get("u").value) if template.has("u") else ""
        name = str(template.name).strip()
        text = template_text(name, arguments, unit)
        if text is None:
            self.templates[name.partition(":")[0] if name.startswith("#") else name] += 1
        return text or ""

    def _tag(self, node: Any) -> str:
        name = str(node.tag).strip().lower()
        attributes = {str(attribute.name).strip().lower(): str(attribute.value) for attribute in node.attributes}
        if name in _UNSEEN_TAGS or is_unseen("span", attributes):
            return ""
        text = self.shown(node.contents)
        if name == "gallery":
            captions = (line.partition("|")[2].rpartition("|")[2].strip() for line in text.split("\n"))
            return "\n\n" + "\n".join(caption for caption in captions if not _OPTION.fullmatch(caption)) + "\n\n"
        if name in ("sup", "sub"):
            return shifted(text, name)
        if name in ("dt", "dd") and node.wiki_markup:
            return " "
        if name == "li" and node.wiki_markup:
            return "- " if str(node.wiki_markup).strip() in ("*", "#") else ""
        if name == "td" and text.startswith("+") and str(node.wiki_markup) == "|":
            return f"{text[1:].strip()}\n"  # a caption
        if name in ("td", "th"):
            return f"{text.strip()} | "
        if name == "tr":
            return f"\n{text.strip().removesuffix('|').strip()}\n"
        return f"{text}\n" if name == "br" else text
