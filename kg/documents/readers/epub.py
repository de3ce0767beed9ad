"""Books in EPUB: the chapters in the order of the book's spine, one document a file."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from urllib.parse import unquote

from kg.documents.office.archive import Archive, readable
from kg.documents.office.markup import attribute, find_all, first_text, parse_xml
from kg.documents.parts import LostPart, Notice, Part, RawDocument, SourceFile
from kg.documents.readers.html import decode_page, read_page
from kg.language.dates import normalise_date
from kg.language.text import normalise
from models.errors import InputError

_KIND = "an EPUB book"
_PAGES = ("application/xhtml+xml", "text/html", "application/html", "")
_FONTS = (b"http://www.idpf.org/2008/embedding", b"http://ns.adobe.com/pdf/enc#RC")
"""Methods that obscure fonts alone; text is encrypted by others."""


def read_epub(file: SourceFile) -> Iterator[Part]:
    """A book; its table of contents is left out."""
    texts, lost = [], []
    notices: list[Notice] = []
    with Archive(file, _KIND) as archive, readable(file, _KIND):
        _refuse_encrypted(archive)
        place = _package(archive)
        package = parse_xml(archive.read(place), f"{place} of {file.name}")
        title = normalise(first_text(package, "title"))
        date = normalise_date(first_text(package, "date"))
        chapters = _chapters(archive, place)
        for name in chapters:
            try:
                # A book states its encodings, so the one that the user named for files of text is not meant.
                decoded = decode_page(archive.read(name), SourceFile(file.path, f"{name} of {file.name}"))
                page = read_page(decoded.text, whole=True)
            except InputError as error:
                lost.append(LostPart(f"Chapter {name} cannot be read: {error}", "chapters"))
                continue
            notices += decoded.notices
            texts.append(page.text.strip())
    yield from lost
    yield from notices
    text = "\n\n".join(text for text in texts if text)
    if text:
        yield RawDocument(text, title, date, unit="chapters", parts=len(texts))
    elif not lost:
        raise InputError(f"{file.name} holds no text; its pages may be images.")


def _refuse_encrypted(archive: Archive) -> None:
    if "META-INF/encryption.xml" not in archive.names:
        return
    content = archive.read("META-INF/encryption.xml")
    methods = list(find_all(parse_xml(content, "encryption.xml"), "EncryptionMethod"))
    if any(attribute(method, "Algorithm").encode() not in _FONTS for method in methods):
        raise InputError(f"{archive.file.name} is protected against copying, and its text cannot be read.")


def _package(archive: Archive) -> str:
    """Name of the member that lists the book's files."""
    container = parse_xml(archive.read("META-INF/container.xml"), f"container.xml of {archive.file.name}")
    for rootfile in find_all(container, "rootfile"):
        if name := attribute(rootfile, "full-path"):
            return name
    raise InputError(f"{archive.file.name} is not {_KIND}: its container names no package.")


def _chapters(archive: Archive, place: str) -> list[str]:
    """Names of the members with text, in the order of the spine."""
    package = parse_xml(archive.read(place), place)
    folder = posixpath.dirname(place)
    items = {attribute(item, "id"): item for item in find_all(package, "item")}
    references = [reference for spine in find_all(package, "spine") for reference in find_all(spine, "itemref")]
    found = [items.get(attribute(reference, "idref")) for reference in references]
    chapters = []
    for item in found or items.values():  # a book without a spine has its pages in the order of its list
        if item is None or "nav" in attribute(item, "properties").split():
            continue
        if attribute(item, "media-type") in _PAGES:
            chapters.append(posixpath.normpath(posixpath.join(folder, unquote(attribute(item, "href")))))
    return list(dict.fromkeys(chapters))
