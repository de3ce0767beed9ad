"""Plain text: one document a file."""

from __future__ import annotations

from collections.abc import Iterator

from kg.documents.data_uris import drop_data_uris
from kg.documents.encoding import read_decoded
from kg.documents.parts import Part, RawDocument, SourceFile
from kg.documents.readers.signature import content_kind, wrong_content
from models.errors import InputError

_HEAD = 4096


def read_text(file: SourceFile) -> Iterator[Part]:
    """Plain text; only pictures in it, as addresses of base64, are not text."""
    with file.path.open("rb") as stream:
        head = stream.read(_HEAD)
    # The syntax of a PDF or an RTF document is ASCII for the most part, so that it would pass for text.
    if content_kind(head) not in ("", "a web page", "XML"):
        raise InputError(wrong_content(file.name, "plain text", head))
    decoded = read_decoded(file)
    yield from decoded.notices
    yield RawDocument(drop_data_uris(decoded.text))
