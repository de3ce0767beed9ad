"""Office documents with damaged members, or in the strict form of their format: the rest of the document is read.

The libraries parse every member when they open a file, so one damaged slide would lose all of them.
"""

from __future__ import annotations

import io
import re
import zipfile

from kg.documents.office.archive import Archive
from kg.documents.office.markup import parse_xml
from models.errors import InputError

_DRAWING = "http://schemas.openxmlformats.org/presentationml/2006/main"
_STRICT = re.compile(rb"http://purl\.oclc\.org/ooxml/(\w+)/(\w+)")
"""Namespaces of the strict form of Office's formats, which the libraries know under their other names alone."""
_XML = (".xml", ".rels")
_EMPTY_SLIDE = f'<p:sld xmlns:p="{_DRAWING}"><p:cSld><p:spTree/></p:cSld></p:sld>'.encode()
# Without these there is no document: the map of its members, and the main one.
_ESSENTIAL = ("[Content_Types].xml", "_rels/.rels", "word/document.xml", "ppt/presentation.xml")


def repaired(archive: Archive) -> tuple[bytes, list[str]]:
    """The bytes of an archive whose XML can be parsed.

    Returns:
        The archive, and the names of the members that an empty one stands for now.
    Raises:
        InputError: A member is damaged without which there is no document.
    """
    broken = []
    strict = False
    for name in sorted(archive.names):
        if not name.endswith(_XML):
            continue
        try:
            content = archive.read(name)
            strict = strict or _STRICT.search(content) is not None
            parse_xml(content, f"{name} of {archive.file.name}")
        except InputError:
            if name in _ESSENTIAL or name.endswith(".rels"):
                raise
            broken.append(name)
    if not broken and not strict:
        return archive.file.path.read_bytes(), []
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as copy:
        for name in sorted(archive.names):
            copy.writestr(name, _replaced(archive, name, name in broken))
    return stream.getvalue(), broken


def _replaced(archive: Archive, name: str, is_broken: bool) -> bytes:
    if is_broken:
        return _EMPTY_SLIDE if "/slides/" in name else b"<lost/>"
    return _content(archive, name)


def _content(archive: Archive, name: str) -> bytes:
    try:
        content = archive.read(name)
    except InputError:  # a picture
        return b""
    return _STRICT.sub(rb"http://schemas.openxmlformats.org/\1/2006/\2", content) if name.endswith(_XML) else content
