"""Plain text: one document a file."""

from __future__ import annotations

from collections.abc import Iterator

from kg.documents.encoding import decode
from kg.documents.parts import Part, RawDocument, SourceFile


def read_text(file: SourceFile) -> Iterator[Part]:
    """Plain text."""
    yield RawDocument(decode(file.path.read_bytes(), file.name))
