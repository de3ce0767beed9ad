"""Lines of a delimited file to records: fields, quotes, and where a record ends.

The standard library's reader follows an open quote to the end of the file and swallows every row on the way. This one
takes a quote as quoting only where it closes as one, and goes back to the next line that is a row where it does not:

- A quoted field begins and ends with a quote, before a delimiter or the end of a line; quotes inside are doubled. It
  may hold line ends if the record then has as many fields as the header.
- A quote in any other place is a character of the text. In a file that is delimited by commas, a quote that is opened
  and never closed is an error with its line.
- Tabs: `text/tab-separated-values` knows no quoting, but spreadsheets quote a field that holds a tab, comma, quote or
  line end. So a field that needed no quotes keeps them, unless the names in the header are quoted too; and a quoted
  field does not go on over lines that are rows themselves.

Knows no column by name.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

TAB = "\t"
NO_DELIMITER = ""
_MAX_LINES = 100_000
"""Maximum number of lines of one record, so that an open quote does not take the whole of a large file into memory."""
_QUOTED = re.compile('((?:[^"]++|"")*+)"')  # possessive: a doubled quote is never taken for the closing one
_ESCAPED = re.compile(r'((?:[^"\\]|\\.)*+)"')  # databases write a quote inside a field as \"
_SPACES = re.compile(" *")


class NumberedLines:
    """Lines with their numbers, without their ends; lines that were looked at can be given back.

    Args:
        lines: Lines of text.
    """

    def __init__(self, lines: Iterable[str]) -> None:
        # DOS ends a file with the character 1A.
        self._lines = enumerate((line.rstrip("\r\n\x1a") for line in lines), start=1)
        self._returned: deque[tuple[int, str]] = deque()

    def take(self) -> tuple[int, str] | None:
        """The next line and its number, None at the end."""
        return self._returned.popleft() if self._returned else next(self._lines, None)

    def give_back(self, lines: Iterable[tuple[int, str]]) -> None:
        """Let these lines, in order, be the next ones."""
        self._returned.extendleft(reversed(list(lines)))


@dataclass(frozen=True, slots=True)
class TableForm:
    """How the rows of a table are written.

    Attributes:
        delimiter: One character, or "" for a table of one column.
        columns: Number of fields of a row.
        optional: Number of the last columns that have no name, so that rows may lack them.
        quotes_all: Whether a quoted field need not hold a character that needs quotes, in a table of tabs.
    """

    delimiter: str
    columns: int
    optional: int = 0
    quotes_all: bool = True

    def fits(self, cells: list[str]) -> bool:
        """Whether a row has as many fields as the header; empty ones beyond do not count."""
        return len(cells) >= self.columns - self.optional and not any(cell.strip() for cell in cells[self.columns :])


@dataclass(frozen=True, slots=True)
class Record:
    """A row of a table.

    Attributes:
        line: Number of its first line.
        end: Number of its last line.
        cells: Its fields; none if it has a problem.
        problem: Why it has no fields, a sentence, or "".
        remark: What may be wrong with it, a sentence, or "".
    """

    line: int
    end: int
    cells: tuple[str, ...] = ()
    problem: str = ""
    remark: str = ""


class _OpenQuote(Exception):
    """A quote is opened and not closed on the lines so far."""


class _BrokenQuote(Exception):
    """A quote is closed, but neither a delimiter nor the end of the line follows."""


def records(lines: NumberedLines, form: TableForm) -> Iterator[Record]:
    """The rows of a table.

    Args:
        lines: Lines after the header.
        form: How the rows are written.
    Yields:
        Records in order. Together they cover every line that is not blank.
    """
    while (first := lines.take()) is not None:
        number, line = first
        if '"' not in line:
            if line.strip():
                yield Record(number, number, tuple(split(line, form)))
            continue
        try:
            yield Record(number, number, tuple(split(line, form)))
        except _OpenQuote:
            yield _over_lines(lines, number, line, form)


def _over_lines(lines: NumberedLines, number: int, line: str, form: TableForm) -> Record:
    """The record that begins with a line that leaves a quote open."""
    following: list[tuple[int, str]] = []
    quotes = 0
    while len(following) < _MAX_LINES and (taken := lines.take()) is not None:
        following.append(taken)
        quotes += taken[1].count('"')
        if quotes % 2 == 0:  # every quote opens or closes, so the field is still open; to look again costs time
            continue
        text = "\n".join((line, *(after for _, after in following)))
        try:
            cells = split(text, form, strictly=True)
        except _OpenQuote:
            continue
        except _BrokenQuote:
            break
        if not form.fits(cells):
            break
        are_rows = form.columns > 1 and _is_row(line, form) and _is_row(taken[1], form)
        if are_rows and form.delimiter == TAB:
            break
        remark = ""
        if are_rows and _shape(line, form) == _shape(taken[1], form):
            remark = f"Lines {number} to {taken[0]} are one row by their quotes, but look like several."
        return Record(number, taken[0], tuple(cells), remark=remark)
    lines.give_back(following)
    if form.delimiter == TAB:
        return Record(number, number, tuple(split(line, form, open_is_text=True)))
    end = _skip_to_row(lines, number, form)
    where = f"Line {number}" if end == number else f"Line {number}, read up to line {end},"
    return Record(number, end, problem=f"{where} opens a quote that is not closed. Close it, or double the quote.")


def _skip_to_row(lines: NumberedLines, number: int, form: TableForm) -> int:
    """Pass over the lines that are no rows after an open quote; the number of the last of them."""
    last = number
    while (taken := lines.take()) is not None:
        try:
            is_row = form.fits(split(taken[1], form)) and bool(taken[1].strip())
        except _OpenQuote:
            is_row = taken[1].count(form.delimiter or "\n") >= form.columns - 1  # a row with the same fault
        if is_row:
            lines.give_back([taken])
            break
        if taken[1].strip():
            last = taken[0]
    return last


def split(text: str, form: TableForm, strictly: bool = False, open_is_text: bool = False) -> list[str]:
    """The fields of a record.

    Args:
        text: A line, or several joined by a line end.
        form: How the rows are written.
        strictly: Whether a quote inside a quoted field must be doubled.
        open_is_text: Whether a quote that is not closed is a character of the text.
    Raises:
        _OpenQuote: A quote is opened and not closed; only where `open_is_text` is false.
        _BrokenQuote: A quote inside a quoted field is not doubled; only where `strictly` is true.
    """
    if '"' not in text:
        return text.split(form.delimiter) if form.delimiter else [text]
    cells: list[str] = []
    position = 0
    while True:
        try:
            cell, position = _field(text, position, form, strictly)
        except _OpenQuote:
            if not open_is_text:
                raise
            end = _literal_end(text, position, form)
            cell, position = text[position:end], end
        cells.append(cell)
        if position >= len(text):
            return cells
        position += 1
        if position == len(text):  # the record ends with a delimiter
            return [*cells, ""]


def _field(text: str, start: int, form: TableForm, strictly: bool) -> tuple[str, int]:
    """A field, and the position of the delimiter or the end after it."""
    opening = start if form.delimiter == TAB else _space_end(text, start)
    if not text.startswith('"', opening):
        end = _literal_end(text, start, form)
        return text[start:end], end
    match = _QUOTED.match(text, opening + 1)
    if match is None:
        raise _OpenQuote
    end = _space_end(text, match.end())
    if _ends_field(text, end, form):
        inner = match[1]
        if form.delimiter == TAB and not form.quotes_all and inner and not re.search('[\t,"\n]', inner):
            return text[opening:end], end
        return inner.replace('""', '"'), end
    if strictly:
        raise _BrokenQuote
    if form.delimiter != TAB:
        escaped = _ESCAPED.match(text, opening + 1)
        if escaped and _ends_field(text, end := _space_end(text, escaped.end()), form):
            return re.sub(r"\\(.)", r"\1", escaped[1]), end
        # Quotes inside that nobody doubled, as in: "He said "yes" again",
        for quote in re.compile('"').finditer(text, opening + 1):
            end = _space_end(text, quote.end())
            if _ends_field(text, end, form):
                inner = text[opening + 1 : quote.start()]
                if not form.delimiter or form.delimiter not in inner:
                    return inner, end
                break
    end = _literal_end(text, start, form)
    return text[start:end], end


def _space_end(text: str, start: int) -> int:
    match = _SPACES.match(text, start)
    return match.end() if match else start


def _literal_end(text: str, start: int, form: TableForm) -> int:
    end = text.find(form.delimiter, start) if form.delimiter else -1
    return len(text) if end < 0 else end


def _ends_field(text: str, position: int, form: TableForm) -> bool:
    return position == len(text) or (bool(form.delimiter) and text.startswith(form.delimiter, position))


def _is_row(line: str, form: TableForm) -> bool:
    return line.count(form.delimiter) == form.columns - 1


def _shape(line: str, form: TableForm) -> str:
    """The first field of a line with every digit as 0, as numbers in a column of ids are alike."""
    return re.sub(r"\d", "0", line.partition(form.delimiter)[0])
