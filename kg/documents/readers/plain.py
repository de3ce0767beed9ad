"""Plain text: one document a file."""

from __future__ import annotations

from collections.abc import Iterator

from kg.documents.data_uris import drop_data_uris
from kg.documents.encoding import read_decoded
from kg.documents.parts import Part, RawDocument, SourceFile


def read_text(file: SourceFile) -> Iterator[Part]:
    """Plain text; only pictures in it, as addresses of base64, are not text."""
    decoded = read_decoded(file)
    yield from decoded.notices
    yield RawDocument(drop_data_uris(decoded.text))
