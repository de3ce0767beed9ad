"""Web pages: the title, the date and the main text, one document a file."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING

from kg.documents.encoding import decode
from kg.documents.parts import Part, RawDocument, SourceFile
from kg.language.dates import normalise_date
from kg.language.text import normalise

if TYPE_CHECKING:
    from bs4 import BeautifulSoup, Tag

_UNSEEN = ["script", "style", "noscript", "template", "svg", "nav", "footer", "head"]
_BLOCKS = [
    *(
        "address",
        "article",
        "aside",
        "blockquote",
        "body",
        "dd",
        "details",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
    ),
    *("figure", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "ol", "p", "pre", "section"),
    *("summary", "table", "tbody", "thead", "tr", "ul"),
]
_DATE_META = {"article:published_time", "datepublished", "date", "dc.date", "dcterms.date", "publish_date", "pubdate"}


def read_html(file: SourceFile) -> Iterator[Part]:
    """A web page: title, and the text of its main part in the order of its blocks."""
    from bs4 import BeautifulSoup, XMLParsedAsHTMLWarning
    from bs4.dammit import EncodingDetector

    data = file.path.read_bytes()
    text = decode(data, file.name, EncodingDetector.find_declared_encoding(data, is_html=True))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", XMLParsedAsHTMLWarning)  # XHTML is welcome too
        page = BeautifulSoup(text, "html.parser")
    title, date = _html_title(page), _html_date(page)
    for tag in page.find_all(_UNSEEN):
        tag.decompose()
    yield RawDocument(_html_text(page), title, date)


def _html_title(page: BeautifulSoup) -> str:
    for name in ("title", "h1"):
        if (tag := page.find(name)) and (title := " ".join(tag.get_text().split())):
            return title
    return ""


def _html_date(page: BeautifulSoup) -> str:
    for tag in page.find_all("meta"):
        names = {str(tag.get(key, "")).lower() for key in ("property", "name", "itemprop")}
        if names & _DATE_META and (date := normalise_date(str(tag.get("content", "")).strip())):
            return date
    return ""


def _html_text(page: BeautifulSoup) -> str:
    """Text of a page: a blank line between blocks, headings as Markdown writes them."""
    articles = page.find_all("article")
    main: Tag = page.find("main") or (articles[0] if len(articles) == 1 else page)
    # White space counts in <pre> only; everywhere else a run of it is one space, as a browser shows it.
    preformatted = {id(string) for pre in main.find_all("pre") for string in pre.find_all(string=True)}
    for string in main.find_all(string=True):
        if id(string) not in preformatted:
            string.replace_with(re.sub(r"\s+", " ", string))
    # Marks go into the tree, so that the text comes out in reading order however deep the blocks are nested.
    for tag in main.find_all([*_BLOCKS, "br", "td", "th"]):
        if tag.name == "br":
            tag.replace_with("\n")
            continue
        if tag.name in ("td", "th"):
            tag.append(" ")
            continue
        mark = "#" * int(tag.name[1]) + " " if re.fullmatch("h[1-6]", tag.name) else "- " if tag.name == "li" else ""
        gap = "\n" if tag.name in ("li", "tr") else "\n\n"
        tag.insert(0, gap + mark)
        tag.append(gap)
    lines = (re.sub(r"[^\S\n]+", " ", line).strip() for line in normalise(main.get_text()).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", re.sub(r"(?m)^((?:#+|-))[ \n]+", r"\1 ", "\n".join(lines))).strip()
