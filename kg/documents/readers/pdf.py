"""PDF: the text of all pages in their order, one document a file; a page without text is named, or read by OCR.

PDFium reads it (pypdfium2): it opens what a viewer opens, files without a user's password among them.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from kg.documents.parts import LostPart, Notice, Part, RawDocument, SourceFile
from kg.documents.pdf import ocr
from kg.documents.pdf.hyphens import HYPHENS, KnownWords, joined
from kg.documents.pdf.lines import Line, paragraphs
from kg.documents.pdf.pages import COVERED, Page, own_lines, page_of, without_text
from kg.documents.signature import wrong_content
from kg.language.dates import normalise_date
from kg.language.text import normalise
from models.errors import InputError

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument

_NO_TITLE = re.compile(
    r"untitled.*|no title|(?:microsoft )?(?:word|powerpoint|excel)\b.*|(?:document|slide|presentation|folie)\s?\d*"
    r"|.*\.(?:docx?|pdf|tex|dvi|indd|qxd|rtf|pptx?|odt|xlsx?|html?|txt|ps|eps|ai|cdr|fm|p65|pages)",
    re.IGNORECASE,
)
_HEAD = 4096
_LITTLE_TEXT = 60
_SINGULAR = {"have": "has", "are": "is", "hold": "holds"}
_REASONS = {
    "no text": ("no text", "if this is a scan, run OCR first"),
    "no text of their own": ("no text but a stamp on an image", "if this is a scan, run OCR first"),
    "broken": ("damage", "save the file again"),
    "a font without letters": ("a font without letters", "run OCR first"),
}


def read_pdf(file: SourceFile) -> Iterator[Part]:
    """The text of a PDF, page after page."""
    pdf = _open(file)
    try:
        pages = [page_of(pdf, index) for index in range(len(pdf))]
        title, date = _metadata(pdf)
        attached, is_xfa = _attached(pdf), _is_xfa(pdf)
        lost = without_text(pages)
        scanned = _by_ocr(pdf, lost)
    finally:
        pdf.close()
    lost = {number: reason for number, reason in lost.items() if number not in scanned}
    text = _text([page for page in pages if page.number not in lost], scanned)
    for reason, (what, advice) in _REASONS.items():
        if numbers := [number for number in lost if lost[number] == reason]:
            yield LostPart(f"{_of(numbers, len(pages), f'have {what}')}; {advice}.", "pages", len(numbers))
    if not text:
        if not lost:
            raise InputError(f"{file.name} holds no text: all of its pages are blank.")
        return
    yield RawDocument(text, title, date, unit="pages", parts=len(pages) - len(lost))
    yield from _notices(pages, scanned, lost)
    if attached:
        yield Notice(f"Attached files are left out: {', '.join(attached)}. Save them as files to read them.")
    if is_xfa:
        yield Notice("It is a form (XFA) whose content a viewer fills in. If text is missing, print it to a PDF first.")


def _open(file: SourceFile) -> PdfDocument:
    from pypdfium2 import PdfDocument, PdfiumError, raw

    data = file.path.read_bytes()
    if b"%PDF-" not in data[:_HEAD]:
        raise InputError(wrong_content(file.name, "a PDF", data[:_HEAD]))
    try:
        return PdfDocument(data)
    except PdfiumError as error:
        if error.err_code == raw.FPDF_ERR_PASSWORD:
            raise InputError(f"{file.name} is encrypted. Save a copy without a password.") from error
        if error.err_code == raw.FPDF_ERR_SECURITY:
            raise InputError(f"{file.name} is encrypted in a way that is not known. Save a copy without it.") from error
        raise InputError(
            f"{file.name} is damaged, and cannot be read as PDF. Save it again, or convert it to text."
        ) from error


def _text(pages: Sequence[Page], scanned: Mapping[int, str]) -> str:
    """The pages' text; a sentence that a page cuts continues."""
    kept = own_lines([page for page in pages if page.number not in scanned])
    known = KnownWords.of([line.text for lines in kept.values() for line in lines])
    text = ""
    for page in pages:
        lines: list[Line] = kept.get(page.number, [])
        following = scanned[page.number] if page.number in scanned else paragraphs(lines, known)
        following = normalise(following).strip()
        if not text or not following:
            text += following
        elif text[-1] in HYPHENS and following[0].isalpha():
            place = text.rfind("\n") + 1
            text = text[:place] + joined(text[place:], following, known)
        else:
            text += (" " if text[-1].isalpha() and following[0].islower() else "\n\n") + following
    return text


def _by_ocr(pdf: PdfDocument, lost: Mapping[int, str]) -> dict[int, str]:
    """Text by page of those pages that could be read by OCR."""
    if not lost or not ocr.available():
        return {}
    from pypdfium2 import PdfiumError

    found = {}
    for number, reason in lost.items():
        if reason == "broken":
            continue
        try:
            image = pdf[number - 1].render(scale=ocr.DPI / 72, grayscale=True).to_pil()
        except (PdfiumError, MemoryError, ValueError):
            continue
        stream = io.BytesIO()
        image.save(stream, "PNG")
        text = ocr.read_image(stream.getvalue())
        if any(character.isalnum() for character in text):
            found[number] = text
    return found


def _notices(pages: Sequence[Page], scanned: Mapping[int, str], lost: Mapping[int, str]) -> Iterator[Notice]:
    blank = [page.number for page in pages if not page.drawn and not page.fault]
    little = [
        page.number
        for page in pages
        if page.covered > COVERED and 0 < len(page.text) <= _LITTLE_TEXT and page.number not in {*lost, *scanned}
    ]
    for numbers, what in (
        (list(scanned), "have been read by OCR for lack of text"),
        (blank, "are blank"),
        (little, "hold an image and hardly any text"),
    ):
        if numbers:
            yield Notice(f"{_of(numbers, len(pages), what)}.")


def _of(numbers: Sequence[int], count: int, what: str) -> str:
    """What is the matter with pages, in words.

    Example:
        >>> _of([2, 3, 4, 9], 10, "are blank")
        '4 of 10 pages are blank (2-4, 9)'
        >>> _of([1], 1, "have no text")
        '1 of 1 page has no text (1)'
    """
    if len(numbers) == 1:
        verb, _, rest = what.partition(" ")
        what = f"{_SINGULAR[verb]} {rest}"
    return f"{len(numbers)} of {count} page{'s' if count > 1 else ''} {what} ({ranges(numbers)})"


def ranges(numbers: Sequence[int]) -> str:
    """Rising numbers with runs drawn together.

    Example:
        >>> ranges([1, 3, 4, 5])
        '1, 3-5'
    """
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def _attached(pdf: PdfDocument) -> list[str]:
    """Names of the files that a PDF carries."""
    from pypdfium2 import PdfiumError

    try:
        names = (pdf.get_attachment(index).get_name() for index in range(pdf.count_attachments()))
        return [" ".join(normalise(name).split()) or "a file without a name" for name in names]
    except PdfiumError:
        return []


def _is_xfa(pdf: PdfDocument) -> bool:
    from pypdfium2 import raw

    return bool(pdf.get_formtype() == raw.FORMTYPE_XFA_FULL)


def _metadata(pdf: PdfDocument) -> tuple[str, str]:
    """Title and date that the file states; "" for what programs put there unasked."""
    metadata = pdf.get_metadata_dict()
    title = " ".join(normalise(metadata.get("Title", "")).split())
    if _NO_TITLE.fullmatch(title) or not any(character.isalpha() for character in title):
        title = ""
    match = re.match(r"D:(\d{4})(\d\d)?(\d\d)?", metadata.get("CreationDate", ""))
    return title, normalise_date("-".join(part for part in match.groups() if part)) if match else ""
