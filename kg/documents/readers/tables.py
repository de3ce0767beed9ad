"""Readers of files that hold many documents: JSON Lines and CSV, one row a document.

Both are read row by row, so that the size of a file does not matter. Columns are known by their usual
names (`TEXT`, `TITLE`, `DATE`, `ID`), in upper or lower case; all others are ignored. A row that cannot
be used is yielded as a `LostPart` with its line number, and the next one is read.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from kg.documents.encoding import broken_encoding, detect_encoding
from kg.documents.parts import LostPart, Part, RawDocument, SourceFile
from kg.language.dates import normalise_date
from kg.language.text import normalise
from models.errors import InputError

TEXT = ("text", "content", "contents", "body", "passage", "article", "document", "paragraph", "abstract")
TITLE = ("title", "headline", "name", "heading", "subject")
DATE = ("date", "published", "publish_date", "published_at", "publication_date", "created", "created_at", "timestamp")
ID = ("id", "_id", "doc_id", "document_id", "docid", "uid", "key")
_DELIMITERS = (",", ";", "\t", "|")
_MAX_FIELD = 2**31 - 1


def read_jsonl(file: SourceFile) -> Iterator[Part]:
    """JSON Lines: an object a line."""
    for number, line in enumerate(_lines(file, newline=None), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield LostPart(f"Line {number} is not JSON ({error}).")
            continue
        if isinstance(row, dict):
            yield _document(row, number)
        else:
            yield LostPart(f"Line {number} is a {type(row).__name__}, not a JSON object.")


def read_csv(file: SourceFile) -> Iterator[Part]:
    """CSV with a header; the delimiter may be a comma, semicolon, tab or bar.

    Raises:
        InputError: No column holds text.
    """
    csv.field_size_limit(_MAX_FIELD)  # by default 128 KiB, less than a long document
    delimiter = _delimiter(file)
    reader = csv.DictReader(_lines(file, newline=""), delimiter=delimiter)
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            yield LostPart(f"Line {reader.line_num} is not CSV ({error}).")
            continue
        if row is None:
            return
        yield _document(row, reader.line_num)


def _lines(file: SourceFile, newline: str | None) -> Iterator[str]:
    with file.path.open("rb") as stream:
        encoding = detect_encoding(stream, file.name)
    try:
        with file.path.open(encoding=encoding, newline=newline) as lines:
            yield from lines
    except UnicodeDecodeError as error:
        raise InputError(broken_encoding(file.name, error)) from error


def _delimiter(file: SourceFile) -> str:
    """The delimiter under which the header has a column of text."""
    # A header split by the wrong delimiter is one long name, so only the right one shows a column of text.
    headers: dict[str, list[str]] = {}
    for delimiter in _DELIMITERS:
        header = next(csv.reader(_lines(file, newline=""), delimiter=delimiter), [])
        if _pick(dict.fromkeys(header, "present"), TEXT):
            return delimiter
        headers[delimiter] = header
    columns = max(headers.values(), key=len)
    raise InputError(
        f"{file.name} has no column of text: its first line names {', '.join(map(repr, columns)) or 'nothing'}. "
        f"Name one of the columns {', '.join(TEXT)}."
    )


def _document(row: Mapping[Any, Any], number: int) -> RawDocument | LostPart:
    """The document of one row; `number` is its line."""
    text = _pick(row, TEXT)
    if not isinstance(text, str):
        columns = ", ".join(repr(name) for name in row if name is not None) or "nothing"
        return LostPart(f"Line {number} has no text: expected one of {', '.join(TEXT)}, got {columns}.")
    if not (text := normalise(text)).strip():
        return LostPart(f"Line {number} has an empty text.")
    title, row_id = _pick(row, TITLE), _pick(row, ID)
    return RawDocument(
        text,
        " ".join(normalise(str(title)).split()) if isinstance(title, str | int | float) else "",
        normalise_date(_pick(row, DATE)),
        normalise(str(row_id)).strip() if isinstance(row_id, str | int) and str(row_id).strip() else str(number),
    )


def _pick(row: Mapping[Any, Any], names: Iterable[str]) -> Any:
    """Value of the first of `names` that the row has a value for."""
    by_name = {
        str(name).strip().lstrip("\ufeff").lower(): value for name, value in row.items() if value not in (None, "")
    }
    return next((by_name[name] for name in names if name in by_name), None)
