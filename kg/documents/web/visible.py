"""A page without what no reader sees: comments, scripts, hidden elements, form controls, pictures' sources.

A page is parsed as browsers do, by libxml2: tags may stay open and attributes unquoted. XHTML is parsed as XML, where a
tag may close itself.
"""

from __future__ import annotations

import re
from html.entities import html5
from typing import TYPE_CHECKING

from kg.documents.web.formulas import formula_text

if TYPE_CHECKING:
    from lxml.html import HtmlElement

_CODE = ("noembed", "noframes", "noscript", "script", "style", "template")
_HEAD = ("base", "link", "meta", "title")  # not <head> itself, which many pages leave open
_EMBEDDED = ("applet", "area", "audio", "canvas", "embed", "frame", "frameset", "iframe", "map", "object", "param")
_PICTURES = ("source", "svg", "track", "video")
_CONTROLS = ("button", "datalist", "input", "meter", "optgroup", "option", "progress", "select", "textarea")
_SECOND_COPIES = ("annotation", "annotation-xml", "rp")  # of a formula, of what a browser draws for <ruby>
UNSEEN = frozenset((*_CODE, *_HEAD, *_EMBEDDED, *_PICTURES, *_CONTROLS, *_SECOND_COPIES))
"""Elements that a browser shows as something else than their text, or not at all."""
HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_NAMED_ENTITY = re.compile(r"&([A-Za-z][A-Za-z0-9]*;)")
_XML_ENTITIES = {"amp;", "lt;", "gt;", "quot;", "apos;"}
_XML_START = re.compile(r"\s*<\?xml\b")
_CSS_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_ZERO = re.compile(r"0*\.?0+(?:%|[a-z]+)?")
_FAR_AWAY = re.compile(r"-\d{3,}(?:\.\d+)?(?:px|em)")
_END_OF_PAGE = re.compile(r"</(?:body|html)\s*>", re.IGNORECASE)
_CLIPPED = re.compile(r"rect\((?:[01](?:px)?[\s,]*){4}\)|inset\((?:50|100)%.*\)|scale\(0\)")
_HIDDEN_OVERFLOW = ("max-height", "height", "max-width", "width")


def parse_page(markup: str) -> HtmlElement | None:
    """The tree of a page or a fragment, without comments and declarations.

    Args:
        markup: HTML or XHTML, normalised.
    Returns:
        The root; None where there is nothing in the markup, or tags nest deeper than libxml2 reads.
    """
    if _XML_START.match(markup) and (root := _parse_xhtml(markup)) is not None:
        return root
    from lxml.etree import ErrorTypes, ParserError
    from lxml.html import HTMLParser, document_fromstring

    parser = HTMLParser(encoding="utf-8", huge_tree=True, remove_comments=True, remove_pis=True)
    try:
        # Browsers show what follows the end of a page as part of it; libxml2 drops it.
        root = document_fromstring(_END_OF_PAGE.sub("", markup).encode(), parser=parser)
    except ParserError:
        return None
    if parser.error_log.filter_types(ErrorTypes.ERR_RESOURCE_LIMIT):  # the rest of the page is missing
        return None
    if root.find("body") is None and (frames := root.findtext(".//noframes")):
        return parse_page(frames)
    return root


def _parse_xhtml(markup: str) -> HtmlElement | None:
    """The tree of XHTML without namespaces; None if it is not well-formed, or some other XML."""
    from lxml.etree import XMLSyntaxError, fromstring
    from lxml.html import XHTMLParser

    # No DTD is loaded, so that XML knows none of HTML's names of characters.
    named = _NAMED_ENTITY.sub(
        lambda match: match[0] if match[1] in _XML_ENTITIES else html5.get(match[1], match[0]), markup
    )
    parser = XHTMLParser(
        encoding="utf-8", huge_tree=True, remove_comments=True, remove_pis=True, resolve_entities=False, no_network=True
    )
    try:
        root = fromstring(named.encode(), parser=parser)
    except XMLSyntaxError:
        return None
    for element in root.iter("{*}*"):
        element.tag = element.tag.rpartition("}")[2].lower()
    return root if root.tag == "html" else None


def drop_unseen(root: HtmlElement) -> None:
    """Remove every element that no reader sees; text around it stays."""
    silent: list[HtmlElement] = []
    for element in list(root.iter("*")):
        if element.tag in ("html", "body"):  # pages hide themselves until their scripts have run
            continue
        if is_unseen(str(element.tag), element.attrib) and not _in_heading(element):
            element.drop_tree()
        elif element.get("aria-hidden", "").strip().lower() == "true":
            silent.append(element)
    # Hidden from screen readers only: an icon, or the second copy of a formula. A page behind a dialogue is kept.
    letters = len(root.text_content())
    for element in silent:
        if 2 * len(element.text_content()) < letters:
            element.drop_tree()

    for formula in root.iter("math"):
        text = formula_text(formula)
        del formula[:]
        formula.text = text
    _empty_head(root)


def _empty_head(root: HtmlElement) -> None:
    """Move into the body what a page, or libxml2 where the page leaves its head open, has put into the head."""
    head, body = root.find("head"), root.find("body")
    if head is None or body is None:
        return
    if len(head):
        head[-1].tail = (head[-1].tail or "") + (body.text or "")
        body.text = head.text
        body[0:0] = list(head)
    elif head.text:
        body.text = head.text + (body.text or "")
    head.text = None


def is_unseen(tag: str, attributes: dict[str, str]) -> bool:
    """Whether an element is never shown, or hides itself.

    Example:
        >>> is_unseen("p", {"style": "color: red; display: none"}), is_unseen("p", {})
        (True, False)
    """
    if tag in UNSEEN or "popover" in attributes or (tag == "dialog" and "open" not in attributes):
        return True
    if attributes.get("hidden", "until-found").strip().lower() != "until-found":
        return True
    return "style" in attributes and _hides(attributes["style"])


def _in_heading(element: HtmlElement) -> bool:
    """Whether an element is a button with the text of a heading, which opens what stands below it."""
    return element.tag == "button" and any(parent.tag in HEADINGS for parent in element.iterancestors())


def _hides(style: str) -> bool:
    """Whether a `style` attribute makes an element invisible; of two declarations the later one counts."""
    rules: dict[str, str] = {}
    for declaration in _CSS_COMMENT.sub("", style).lower().split(";"):
        name, _, value = declaration.partition(":")
        rules[name.strip()] = value.replace("!important", "").strip()
    return (
        rules.get("display") == "none"
        or rules.get("visibility") in ("hidden", "collapse")
        or rules.get("content-visibility") == "hidden"
        or rules.get("mso-hide") == "all"
        or any(_ZERO.fullmatch(rules.get(name, "")) is not None for name in ("opacity", "font-size"))
        or (rules.get("position") in ("absolute", "fixed") and any(_far_away(rules, side) for side in ("left", "top")))
        or _far_away(rules, "text-indent")
        or any(_CLIPPED.fullmatch(rules.get(name, "")) for name in ("clip", "clip-path", "transform"))
        or (rules.get("overflow") == "hidden" and any(_ZERO.fullmatch(rules.get(n, "")) for n in _HIDDEN_OVERFLOW))
    )


def _far_away(rules: dict[str, str], side: str) -> bool:
    return _FAR_AWAY.fullmatch(rules.get(side, "")) is not None
