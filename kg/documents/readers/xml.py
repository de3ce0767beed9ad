"""XML: an export of a wiki is read page by page, anything else as the text between its tags, one document a file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from kg.documents.office.archive import MAX_MARKUP_BYTES, readable
from kg.documents.office.markup import first_text, local_name, parse_xml
from kg.documents.parts import NoDocumentError, Part, RawDocument, SourceFile
from kg.documents.readers.html import read_html, read_page
from kg.documents.signature import wrong_content
from kg.documents.wiki.wikitext import wiki_pages
from kg.language.dates import normalise_date
from kg.language.text import normalise
from models.errors import InputError

if TYPE_CHECKING:
    from lxml.etree import _Element

_MAX_TITLE = 200
_WIKI = re.compile(rb"<mediawiki[\s>]|<\0m\0e\0d\0i\0a\0w\0i\0k\0i\0")
_ESCAPED = re.compile(r"<(?:p|br|div|a|b|i|em|strong|span|ul|ol|li|h[1-6]|table|img)\b[^<>]*/?>")
_DATES = ("date", "pubDate", "published", "created")


def read_xml(file: SourceFile) -> Iterator[Part]:
    """An XML file."""
    with file.path.open("rb") as stream:
        head = stream.read(4096)
    start = head.lstrip(b"\xef\xbb\xbf\xff\xfe\0 \t\r\n")
    if not start.startswith(b"<"):
        raise InputError(wrong_content(file.name, "XML", head))
    if _WIKI.search(head):
        yield from wiki_pages(file)
        return
    size = file.path.stat().st_size
    if size > MAX_MARKUP_BYTES:
        raise InputError(f"{file.name} has {size:,} bytes; at most {MAX_MARKUP_BYTES:,} of XML are read. Split it.")
    root = parse_xml(file.path.read_bytes(), file.name)
    if local_name(root) == "html":
        yield from read_html(file)
        return
    with readable(file, "XML"):
        text = normalise("\n\n".join(_blocks(root))).strip()
        title = normalise(first_text(root, "title"))
        date = next((date for name in _DATES if (date := normalise_date(first_text(root, name)))), "")
    if not text:
        raise NoDocumentError(f"{file.name} holds no text between its tags.")  # settings, fonts, drawings
    yield RawDocument(text, title if len(title) <= _MAX_TITLE else "", date)


def _blocks(root: _Element) -> Iterator[str]:
    """Text in document order: an element that holds text beside its children is one block with all below it."""
    waiting = [root]
    while waiting:
        element = waiting.pop()
        if not local_name(element):
            continue
        own = [element.text, *(child.tail for child in element)]
        if any(text and text.strip() for text in own):
            for mark in element.iter("{*}lb", "{*}br", "{*}cb", "{*}note", "{*}tab"):  # they part words
                mark.text, mark.tail = f" {mark.text or ''}", f" {mark.tail or ''}"
            text = "".join(element.itertext())
            # Feeds hold web pages as text.
            yield read_page(text, whole=True).text if _ESCAPED.search(text) else " ".join(text.split())
        else:
            waiting += reversed(list(element))
