"""Readers of the file formats that hold one document each: text, Markdown, HTML, PDF.

A reader takes a file and gives its title, date and text, before ids are made; tables of many documents are
read by `kg.documents.tables`. Everything here raises `InputError` with the reason when a file cannot be used.
"""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from kg.language.dates import normalise_date
from kg.language.text import decode, normalise
from models.errors import InputError

if TYPE_CHECKING:
    from bs4 import BeautifulSoup, Tag

_FRONT_MATTER = re.compile(r"\A---[^\S\n]*\n(.*?)\n?^(?:---|\.\.\.)[^\S\n]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_SETTING = re.compile(r"^(title|date):[^\S\n]*(.*?)[^\S\n]*$", re.MULTILINE | re.IGNORECASE)
_HEADING = re.compile(r"^#[^\S\n]+(.+?)[^\S\n]*#*$", re.MULTILINE)
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


@dataclass(frozen=True, slots=True)
class RawDocument:
    """A document as a file gives it, before it has an id.

    Attributes:
        text: Normalised text.
        title: Title in the file, or "".
        date: ISO date in the file, or "".
        row: Name of its row, which follows "#" in the source of a row of a table, or "".
    """

    text: str
    title: str = ""
    date: str = ""
    row: str = ""


def read_text(path: Path, source: str) -> Iterator[RawDocument]:
    """Plain text."""
    yield RawDocument(decode(path.read_bytes(), source))


def read_markdown(path: Path, source: str) -> Iterator[RawDocument]:
    """Markdown; `title:` and `date:` of YAML front matter are taken, the front matter itself is not text."""
    text = decode(path.read_bytes(), source)
    settings: dict[str, Any] = {}
    if (match := _FRONT_MATTER.match(text)) and (block := _front_matter(match[1])) is not None:
        settings, text = block, text[match.end() :]
    heading = _HEADING.search(text)
    title = settings.get("title") or (heading[1] if heading else "")
    yield RawDocument(text.strip("\n"), normalise(str(title)).strip(), normalise_date(settings.get("date")))


def _front_matter(block: str) -> dict[str, Any] | None:
    """Settings by lower-case name; None if the block between two rules is text after all."""
    try:
        settings = yaml.safe_load(block)
    except (yaml.YAMLError, ValueError, RecursionError):  # a colon in an unquoted title is enough
        settings = {name: value.strip("\"'") for name, value in _SETTING.findall(block)} or None
    if settings is None and not block.strip():
        return {}
    return {str(name).lower(): value for name, value in settings.items()} if isinstance(settings, dict) else None


def read_html(path: Path, source: str) -> Iterator[RawDocument]:
    """A web page: title, and the text of its main part in the order of its blocks."""
    from bs4 import BeautifulSoup, XMLParsedAsHTMLWarning
    from bs4.dammit import EncodingDetector

    data = path.read_bytes()
    text = decode(data, source, EncodingDetector.find_declared_encoding(data, is_html=True))
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


def read_pdf(path: Path, source: str) -> Iterator[RawDocument]:
    """The text layer of a PDF, page after page."""
    from pypdf import PdfReader
    from pypdf.errors import PyPdfError

    logging.getLogger("pypdf").setLevel(logging.ERROR)  # it warns of every flaw that it repairs
    try:
        reader = PdfReader(BytesIO(path.read_bytes()))
        if reader.is_encrypted and not reader.decrypt(""):
            raise InputError(f"{source} is encrypted. Save a copy without a password.")
        pages = [normalise(page.extract_text()).strip() for page in reader.pages]
    except PyPdfError as error:
        raise InputError(
            f"{source} cannot be read as PDF ({type(error).__name__}: {error}). Save it again, or convert it to text."
        ) from error
    text = "\n\n".join(page for page in pages if page)
    if not text:
        raise InputError(f"{source} has {len(pages)} pages without text; it may be a scan. Run OCR on it first.")
    yield RawDocument(text)
