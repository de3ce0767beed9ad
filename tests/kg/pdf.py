"""PDFs for tests, written by hand: no library of the project writes text into one."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

_PRIVATE_MAP = (
    "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /Private def /CMapType 2 def\n"
    "1 begincodespacerange <00> <FF> endcodespacerange 1 beginbfrange <21> <7E> <E021> endbfrange\n"
    "endcmap end end"
)


@dataclass(frozen=True, slots=True)
class PdfPage:
    """A page to write.

    Attributes:
        lines: Its lines of Latin text, from the top; one may state its place: (left, height, text), in points.
        image: Share of the page's height that a grey image covers, in [0, 1].
        private_font: Whether the font maps its letters to characters of private use.
        drawing: Whether a rectangle is drawn on it.
        broken: Whether the stream of its content is missing.
    """

    lines: Sequence[str | tuple[float, float, str]] = ()
    image: float = 0.0
    private_font: bool = False
    drawing: bool = False
    broken: bool = False


def pdf_of(*pages: str) -> bytes:
    """A PDF with one line of Latin text a page."""
    return pdf_file([PdfPage([line] if line else []) for line in pages])


def pdf_file(pages: Sequence[PdfPage], title: str = "", created: str = "") -> bytes:
    """A PDF of pages, with a title and a date ("D:20310304") in its metadata."""
    kids = " ".join(f"{7 + 2 * n} 0 R" for n in range(len(pages)))
    grey = zlib.compress(b"\x80" * 64).decode("latin-1")
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /ToUnicode 5 0 R >>",
        f"<< /Length {len(_PRIVATE_MAP)} >>\nstream\n{_PRIVATE_MAP}\nendstream",
        "<< /Type /XObject /Subtype /Image /Width 8 /Height 8 /ColorSpace /DeviceGray /BitsPerComponent 8 "
        f"/Filter /FlateDecode /Length {len(grey)} >>\nstream\n{grey}\nendstream",
    ]
    for n, page in enumerate(pages):
        content = _content(page)
        objects.append(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] "
            f"/Resources << /Font << /F1 3 0 R /F2 4 0 R >> /XObject << /I1 6 0 R >> >> /Contents {8 + 2 * n} 0 R >>"
            if not page.broken
            else "<< /Type /Nothing >>"
        )
        objects.append(f"<< /Length {len(content)} >>\nstream\n{content}\nendstream")
    information = f"{f'/Title ({title}) ' if title else ''}{f'/CreationDate ({created})' if created else ''}"
    objects.append(f"<< {information} >>")
    body, places = "%PDF-1.4\n", []
    for number, value in enumerate(objects, start=1):
        places.append(len(body))
        body += f"{number} 0 obj\n{value}\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    end = (
        f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R /Info {len(objects)} 0 R >>\nstartxref\n{len(body)}\n%%EOF\n"
    )
    return f"{body}xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}{end}".encode("latin-1")


def _content(page: PdfPage) -> str:
    content = f"q 612 0 0 {792 * page.image:.0f} 0 0 cm /I1 Do Q\n" if page.image else ""
    if page.drawing:
        content += "72 72 200 100 re S\n"
    height = 720.0
    for line in page.lines:
        left, height, text = line if isinstance(line, tuple) else (72.0, height, line)
        escaped = text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
        content += f"BT /{'F2' if page.private_font else 'F1'} 12 Tf {left} {height} Td ({escaped}) Tj ET\n"
        height -= 14
    return content
