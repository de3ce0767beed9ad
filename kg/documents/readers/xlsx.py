"""Excel workbooks, sheet by sheet, values as they are shown; see `kg.documents.office.sheets`."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from kg.documents.office.archive import MAX_UNPACKED_BYTES, Archive, readable
from kg.documents.office.repair import repaired
from kg.documents.office.sheets import MAX_CELLS, Row, sheet_parts
from kg.documents.parts import LostPart, Notice, Part, SourceFile
from kg.language.text import normalise
from models.errors import InputError

if TYPE_CHECKING:
    from openpyxl.worksheet._read_only import ReadOnlyWorksheet

_KIND = "an Excel workbook"
_MAX_ROWS = 1 << 20
"""Number of rows that Excel's format allows."""
_UNCOMPUTED = re.compile(rb"</f>\s*(?:<v\s*/>|<v>\s*</v>)?\s*</c>|<f[^<>]*/>\s*(?:<v\s*/>|<v>\s*</v>)?\s*</c>")


def read_xlsx(file: SourceFile) -> Iterator[Part]:
    """A workbook; hidden sheets are left out and named, as are formulas without a stored value."""
    from openpyxl import load_workbook

    hidden = []
    # Sheets are read in a stream, so that they may be as large as the whole archive.
    with Archive(file, _KIND, MAX_UNPACKED_BYTES) as archive, readable(file, _KIND), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of every extension that openpyxl does not keep when it writes
        data = file.path.read_bytes()
        if "xl/workbook.xml" in archive.names and b"purl.oclc.org/ooxml" in archive.read("xl/workbook.xml"):
            data, _ = repaired(archive)
        workbook = load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        sheets = workbook.worksheets
        shown = [sheet for sheet in sheets if sheet.sheet_state == "visible"]
        found = False
        for sheet in sheets:
            try:
                parts = list(sheet_parts(normalise(sheet.title), _rows(sheet), alone=len(shown) == 1))
            except (InputError, MemoryError):
                raise
            except Exception as error:  # one sheet; the others are read
                reason = f"{type(error).__name__}: {error}"
                parts = [LostPart(f"Sheet {sheet.title!r} is damaged ({reason}).", "sheets")]
            if sheet in shown:
                found = found or bool(parts)
                yield from parts
            elif parts:
                hidden.append(sheet.title)
        workbook.close()
        uncomputed = _uncomputed(archive)
    if hidden:
        names = ", ".join(map(repr, hidden))
        yield Notice(f"Hidden sheets are left out: {names}. Show them in the workbook to have them read.")
    if uncomputed:
        yield Notice(
            f"{uncomputed} formulas have no stored value and are left out. Open the file in a spreadsheet and save it."
        )
    if not found:
        raise InputError(f"{file.name} holds no text on any sheet that is shown.")


def _rows(sheet: ReadOnlyWorksheet) -> Iterator[Row]:
    sheet.reset_dimensions()  # the size that a file states may be wrong, or a million rows
    cells_read = 0
    for number, cells in enumerate(sheet.iter_rows(), start=1):
        cells_read += len(cells)
        if number > _MAX_ROWS or cells_read > MAX_CELLS:
            raise InputError(
                f"Sheet {sheet.title!r} has more than {_MAX_ROWS:,} rows or {MAX_CELLS:,} cells. "
                "Split it, or save it as CSV."
            )
        if cells:
            yield number, [_shown(cell) for cell in cells]


def _shown(cell: Any) -> str:
    """A cell's value as a reader sees it; errors of formulas are nothing."""
    value = cell.value
    if value is None or cell.data_type == "e":
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ", "minutes")
    if isinstance(value, date | time | timedelta):
        return str(value)
    if isinstance(value, int | float):
        percent = str(cell.number_format).endswith("%")
        return f"{value * 100:.10g}%" if percent else f"{value:.15g}"
    return str(value)


def _uncomputed(archive: Archive) -> int:
    """Number of formulas whose value no program has stored."""
    names = (name for name in archive.names if re.fullmatch(r"xl/worksheets/[^/]+\.xml", name))
    return sum(len(_UNCOMPUTED.findall(archive.read(name))) for name in names)
