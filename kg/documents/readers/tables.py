"""CSV and TSV with a header: one row a document.

A file is read row by row, so that its size does not matter. Every row that is not blank gives a document, or is yielded
as a `LostPart` with its line. What quotes mean is in `kg.documents.tables.delimited`; which columns are read is in
`kg.documents.tables.rows`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from kg.documents.encoding import DetectedEncoding, find_encoding
from kg.documents.parts import LostPart, Notice, Part, SourceFile
from kg.documents.tables.delimited import NO_DELIMITER, TAB, NumberedLines, Record, TableForm, records, split
from kg.documents.tables.rows import ROWS, TEXT, column_name, row_document
from models.errors import InputError

_DELIMITERS = (",", ";", TAB, "|")
_DECLARED = re.compile(r'"?sep=(.)"?[,;\t ]*', re.IGNORECASE)
_SHOWN, _MAX_NAME = 10, 40
"""Number of names, and of the characters of each, that an error shows."""


@dataclass(frozen=True, slots=True)
class _Header:
    """The header of a table.

    Attributes:
        names: Names of the columns, as they are compared.
        form: How the rows are written.
    """

    names: tuple[str, ...]
    form: TableForm

    def has_whole_text(self, record: Record) -> bool:
        """Whether a row that lacks its last fields has a text, and one of the fields after it.

        Spreadsheets leave out empty cells at the end of a row. Where the text is the last field, it may as well be cut.
        """
        places = [place for place, name in enumerate(self.names) if name in TEXT]
        return any(place < len(record.cells) - 1 and record.cells[place].strip() for place in places)


def read_csv(file: SourceFile) -> Iterator[Part]:
    """CSV or TSV with a header; the delimiter may be a comma, semicolon, tab or bar.

    Lines before the header may be blank, begin with "#", or declare the delimiter as spreadsheets do ("sep=;").

    Raises:
        InputError: No column holds text.
    """
    encoding = encoding_of(file)
    yield from encoding.notices
    lines = NumberedLines(text_lines(file, encoding))
    header = _read_header(lines, file.name)
    repeated = sorted({name for name in header.names if name and header.names.count(name) > 1})
    if repeated:
        yield Notice(f"{file.name} names {', '.join(map(repr, repeated))} twice; the first that has a value is read.")
    broken = 0  # last line of a row that lacks its text; what follows may be the rest of it
    for record in records(lines, header.form):
        if record.remark:
            yield Notice(record.remark)
        lacks = header.form.columns - header.form.optional - len(record.cells)
        if not record.problem and lacks > 0 and header.has_whole_text(record) and record.line != broken + 1:
            yield Notice(f"Line {record.line} has {len(record.cells)} fields of {header.form.columns}; it is read.")
            record = replace(record, cells=(*record.cells, *[""] * lacks))
        elif lacks > 0:
            broken = record.end
        part = _part(record, header)
        if part is not None:
            yield part


def encoding_of(file: SourceFile) -> DetectedEncoding:
    """The encoding of a file that is read line by line; raises as `kg.documents.encoding.find_encoding`."""
    with file.path.open("rb") as stream:
        return find_encoding(stream, file)


def text_lines(file: SourceFile, encoding: DetectedEncoding) -> Iterator[str]:
    """Lines of a file of text with their ends, which may be those of any system."""
    with file.path.open(encoding=encoding.name, errors=encoding.errors, newline="") as lines:
        yield from lines


def _read_header(lines: NumberedLines, source: str) -> _Header:
    """Read up to the header; the delimiter is the one under which it has a column of text.

    Raises:
        InputError: It has none.
    """
    delimiters: tuple[str, ...] = _DELIMITERS
    comment = ""
    first: tuple[int, str] | None = None
    while (taken := lines.take()) is not None:
        line = taken[1].lstrip("\ufeff")
        if match := _DECLARED.fullmatch(line):
            delimiters = (match[1],)
        elif line.startswith("#"):
            comment = line
        elif line.strip():
            first = (taken[0], line)
            break
    if first and (header := _header(first[1], delimiters)):
        return header
    # The names themselves may be written as a comment.
    if header := _header(comment.lstrip("# "), delimiters):
        lines.give_back([first] if first else [])
        return header
    if first is None and not comment:
        raise InputError(f"{source} holds no text.")
    line = first[1] if first else comment
    names = max((split(line, TableForm(each, 1), open_is_text=True) for each in delimiters), key=len)
    shown = ", ".join(repr(name.strip()[:_MAX_NAME]) for name in names[:_SHOWN] if name.strip())
    raise InputError(
        f"{source} has no column of text: its first line names {shown or 'nothing'}. "
        f"Name one of the columns {', '.join(TEXT)}."
    )


def _header(line: str, delimiters: Iterable[str]) -> _Header | None:
    """A line as a header, None if no delimiter gives it a column of text."""
    # A header split by the wrong delimiter is one long name, so only the right one shows a column of text.
    headers = []
    for delimiter in (*(each for each in delimiters if each in line), NO_DELIMITER):
        names = tuple(map(column_name, split(line, TableForm(delimiter, 1), open_is_text=True)))
        if not set(names).isdisjoint(TEXT):
            last = max(position for position, name in enumerate(names, start=1) if name)
            form = TableForm(delimiter, len(names), optional=len(names) - last, quotes_all='"' in line)
            headers.append(_Header(names, form))
    return max(headers, key=lambda header: len(header.names), default=None)


def _part(record: Record, header: _Header) -> Part | None:
    """The document of a record, or why there is none; None for a row without any value."""
    if record.problem:
        return LostPart(record.problem, ROWS)
    place = f"Line {record.line}"
    if not any(cell.strip() for cell in record.cells):
        return None
    cells = list(record.cells)
    if not header.form.fits(cells):
        fields = f"{len(cells)} field{'s' if len(cells) > 1 else ''}"
        problem = f"{place} has {fields}, but the header names {header.form.columns}."
        return LostPart(f"{problem} Put a field that holds a delimiter or a line end in quotes.", ROWS)
    # Of two columns of one name, the first that has a value counts.
    row: dict[str, str] = {}
    for name, cell in zip(header.names, cells, strict=False):
        row[name] = row.get(name) or cell
    return row_document(row, place, str(record.end))
