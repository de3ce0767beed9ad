"""PDF: the text layer of all pages, one document a file."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from io import BytesIO

from kg.documents.parts import Part, RawDocument, SourceFile
from kg.language.text import normalise
from models.errors import InputError


def read_pdf(file: SourceFile) -> Iterator[Part]:
    """The text layer of a PDF, page after page."""
    from pypdf import PdfReader
    from pypdf.errors import PyPdfError

    logging.getLogger("pypdf").setLevel(logging.ERROR)  # it warns of every flaw that it repairs
    try:
        reader = PdfReader(BytesIO(file.path.read_bytes()))
        if reader.is_encrypted and not reader.decrypt(""):
            raise InputError(f"{file.name} is encrypted. Save a copy without a password.")
        pages = [normalise(page.extract_text()).strip() for page in reader.pages]
    except PyPdfError as error:
        raise InputError(
            f"{file.name} cannot be read as PDF ({type(error).__name__}: {error}). "
            "Save it again, or convert it to text."
        ) from error
    text = "\n\n".join(page for page in pages if page)
    if not text:
        raise InputError(f"{file.name} has {len(pages)} pages without text; it may be a scan. Run OCR on it first.")
    yield RawDocument(text)
