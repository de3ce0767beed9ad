"""Sheets of a workbook as documents: each row, where a column is named as one of text, else the sheet as a whole.

In a sheet that is one document, a row is a line; where the first row names the columns, each value follows its column's
name, so that a passage from the middle of a long sheet still says what its values are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from kg.documents.parts import LostPart, Part, RawDocument
from kg.documents.tables.rows import TEXT, column_name, row_document
from kg.language.text import normalise

MAX_CELLS = 5_000_000
"""Maximum number of cells of a sheet; one that repeats a cell a billion times takes a few bytes in its file."""

Row = tuple[int, Sequence[str]]
"""Number of a row, the first being 1, and its cells as they are shown."""


def sheet_parts(name: str, rows: Iterable[Row], alone: bool) -> Iterator[Part]:
    """The documents of a sheet.

    Args:
        name: Name of the sheet.
        rows: Its rows, in order; rows without a value may be left out.
        alone: Whether the workbook has no other sheet, so that its name is not needed.
    """
    cleaned = ((number, _cleaned(cells)) for number, cells in rows)
    filled = ((number, cells) for number, cells in cleaned if any(cells))
    first = next(filled, None)
    if first is None:
        return
    header = first[1]
    names = [column_name(cell) for cell in header]
    if not set(names).isdisjoint(TEXT):
        for number, cells in filled:
            yield _row(name, names, number, cells, alone)
        return
    lines = list(_lines(header, filled))
    yield RawDocument("\n".join(lines), title="" if alone else name, row="" if alone else name, unit="sheets")


def _cleaned(cells: Sequence[str]) -> list[str]:
    return [" ".join(normalise(cell).split()) for cell in cells]


def _row(name: str, names: Sequence[str], number: int, cells: Sequence[str], alone: bool) -> RawDocument | LostPart:
    row: dict[str, str] = {}
    for column, cell in zip(names, cells, strict=False):
        row[column] = row.get(column) or cell
    place = f"Row {number}" if alone else f"Row {number} of sheet {name!r}"
    found = row_document(row, place, str(number))
    if isinstance(found, LostPart) or alone:
        return found
    return RawDocument(found.text, found.title, found.date, f"{name}!{found.row}", found.unit, found.parts)


def _is_header(cells: Sequence[str]) -> bool:
    """Whether a row names columns: short and different words, none of them a number."""
    filled = [cell for cell in cells if cell]
    return all(map(_is_name, filled)) and len(set(filled)) == len(filled)


def _is_name(cell: str) -> bool:
    return len(cell) <= 60 and any(map(str.isalpha, cell))


def _lines(header: Sequence[str], rows: Iterable[Row]) -> Iterator[str]:
    named = sum(map(bool, header)) > 1 and _is_header(header)
    yield " | ".join(cell for cell in header if cell)
    for _, cells in rows:
        if named and len(cells) <= len(header):
            pairs = zip(header, cells, strict=False)
            yield "; ".join(f"{column}: {cell}" if column else cell for column, cell in pairs if cell)
        else:
            yield " | ".join(cell for cell in cells if cell)
