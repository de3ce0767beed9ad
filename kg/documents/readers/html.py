"""Web pages: the title, the date and the main text, one document a file."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING

from kg.documents.data_uris import drop_data_uris
from kg.documents.encoding import DecodedText, decode_bytes
from kg.documents.parts import Notice, Part, RawDocument, SourceFile
from kg.documents.web.blocks import join_blocks, render
from kg.documents.web.main_part import main_blocks
from kg.documents.web.visible import drop_unseen, is_unseen, parse_page
from kg.language.dates import normalise_date
from kg.language.text import normalise

if TYPE_CHECKING:
    from lxml.html import HtmlElement

_COMMENT = re.compile(
    r"<!--(?!-?>)(.*?)(--!?>|\Z)|<(script|style|textarea|xmp)\b.*?(?:</\3\s*>|\Z)", re.DOTALL | re.IGNORECASE
)
_DATE_META = {"article:published_time", "datepublished", "date", "dc.date", "dcterms.date", "publish_date", "pubdate"}


def read_html(file: SourceFile) -> Iterator[Part]:
    """A web page: title, and the text of its main part in the order of its blocks."""
    decoded = decode_page(file.path.read_bytes(), file)
    yield from decoded.notices
    if line := _open_comment(decoded.text):
        yield Notice(f"{file.name} opens a comment in line {line} that never ends; what stands after it is not read.")
    yield read_page(decoded.text)


def _open_comment(markup: str) -> int:
    """Line of a comment that is never closed and holds words, from 1; 0 if there is none."""
    last = None
    if markup.rfind("<!--") > markup.rfind("-->"):  # hardly any page, and every tag of it is looked at
        last = next((found for found in _COMMENT.finditer(markup) if found.end() == len(markup)), None)
    is_open = last is not None and last[2] == "" and any(map(str.isalnum, last[1]))
    return markup.count("\n", 0, last.start()) + 1 if last and is_open else 0


def decode_page(data: bytes, file: SourceFile) -> DecodedText:
    """The markup of a page, in the encoding that it declares where it fits; see `kg.documents.encoding`."""
    from bs4.dammit import EncodingDetector

    return decode_bytes(data, file, EncodingDetector.find_declared_encoding(data, is_html=True))


def read_page(markup: str, whole: bool = False) -> RawDocument:
    """The document of a page or a fragment of HTML.

    Args:
        markup: HTML or XHTML, normalised.
        whole: Take all of its visible text, not the main part alone: for chapters, cells and messages.
    """
    root = parse_page(markup)
    if root is None:
        return RawDocument(_flat_text(markup))
    title, date = _title(root), _date(root)
    drop_unseen(root)
    blocks = render(root)
    text = join_blocks(blocks if whole else main_blocks(root, blocks))
    return RawDocument(drop_data_uris(text), title or _first_heading(root), date)


def _title(root: HtmlElement) -> str:
    """The page's <title>, else the title that it gives to others."""
    for element in root.iter("title"):  # a picture in <svg> has a title too
        if not any(parent.tag == "svg" for parent in element.iterancestors()) and (title := _line(element)):
            return title
    for element in root.iter("meta"):
        if element.get("property", element.get("name", "")).lower() == "og:title":
            return normalise(" ".join(element.get("content", "").split()))
    return ""


def _first_heading(root: HtmlElement) -> str:
    return next((title for element in root.iter("h1") if (title := _line(element))), "")


def _line(element: HtmlElement) -> str:
    return normalise(" ".join(element.text_content().split()))


def _date(root: HtmlElement) -> str:
    for element in root.iter("meta"):
        names = {element.get(key, "").lower() for key in ("property", "name", "itemprop")}
        if names & _DATE_META and (date := normalise_date(element.get("content", "").strip())):
            return date
    return ""


def _flat_text(markup: str) -> str:
    """Visible text of markup that nests too deeply for its blocks to mean anything."""
    from bs4 import BeautifulSoup

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it has advice on what looks like XML or a file's name
        page = BeautifulSoup(markup, "html.parser")
    for tag in page.find_all(lambda tag: is_unseen(tag.name, {name: str(value) for name, value in tag.attrs.items()})):
        tag.extract()
    return normalise("\n".join(" ".join(line.split()) for line in page.get_text("\n").split("\n") if line.strip()))
