"""JSON and JSON Lines: one object a document.

JSON Lines are read line by line, so that the size of a file does not matter. A file of one JSON value is read whole: a
list of objects, one object, or an object that holds a list of them under any name ({"data": […]}). Both suffixes are
used for both forms, so the content decides. Which keys are read is in `kg.documents.tables.rows`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from kg.documents.encoding import DetectedEncoding
from kg.documents.parts import LostPart, NoDocumentError, Notice, Part, SourceFile
from kg.documents.readers.tables import encoding_of, text_lines
from kg.documents.tables.rows import JSON_NAMES, ROWS, TEXT, has_text, row_document, text_of
from kg.language.text import normalise
from models.errors import InputError

_MAX_WHOLE = 1 << 28
"""Maximum size in bytes of a file of JSON Lines that is tried as one JSON value."""
_MAX_DEPTH = 3
"""Maximum depth at which a list of rows is looked for."""
_SHOWN = 10
_MAX_DIGITS = 4000
_BETWEEN = re.compile(r"[\s,]*")


def _integer(digits: str) -> int | str:
    """An integer; one that is too long for Python to convert, as its digits."""
    return int(digits) if len(digits) < _MAX_DIGITS else digits


class _Decoder:
    """Reads JSON, and keeps the keys that an object names twice."""

    def __init__(self) -> None:
        self.repeated: list[str] = []
        self._decoder = json.JSONDecoder(object_pairs_hook=self._object, parse_int=_integer)

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(pairs)
        if len(value) < len(pairs):
            keys = [key for key, _ in pairs]
            self.repeated += sorted({key for key in keys if keys.count(key) > 1})
        return value

    def value(self, text: str) -> Any:
        """The one value of a text.

        Raises:
            ValueError: It is not JSON.
        """
        self.repeated.clear()
        try:
            return self._decoder.decode(text.strip().lstrip("\ufeff"))
        except RecursionError as error:
            raise ValueError("it is nested too deeply") from error

    def values(self, text: str) -> list[Any]:
        """The values that follow each other in a text; raises as `value`."""
        self.repeated.clear()
        text = text.strip().lstrip("\ufeff").lstrip()
        found, position = [], 0
        try:
            while position < len(text):
                value, position = self._decoder.raw_decode(text, position)
                found.append(value)
                position = _BETWEEN.match(text, position).end()  # type: ignore[union-attr]  # it matches "" too
        except RecursionError as error:
            raise ValueError("it is nested too deeply") from error
        return found


def read_jsonl(file: SourceFile) -> Iterator[Part]:
    """JSON Lines, an object a line; or one JSON value that holds the objects."""
    encoding = encoding_of(file)
    yield from encoding.notices
    first = _first_line(file, encoding)
    if not has_text(first):
        try:
            yield from _whole(file, encoding, several=first is None)
            return
        except (ValueError, InputError):
            pass  # what is wrong is said line by line
    yield from _lines(file, encoding)


def read_json(file: SourceFile) -> Iterator[Part]:
    """JSON: a list of objects, one object, or an object that holds a list of them.

    Raises:
        InputError: The file is not JSON.
        NoDocumentError: It holds no object with a text.
    """
    encoding = encoding_of(file)
    yield from encoding.notices
    first = _first_line(file, encoding)
    try:
        if not has_text(first):
            yield from _whole(file, encoding, several=first is None)
            return
    except ValueError as error:
        if first is None:
            raise InputError(f"{file.name} is not JSON ({error}). Correct it, or leave it out.") from error
    yield from _lines(file, encoding)


def _first_line(file: SourceFile, encoding: DetectedEncoding) -> Any:
    """The value of the first line that is not blank, None if it is not JSON."""
    for line in text_lines(file, encoding):
        if line.strip("\ufeff \t\r\n"):
            try:
                return _Decoder().value(line)
            except ValueError:
                return None
    return None


def _lines(file: SourceFile, encoding: DetectedEncoding) -> Iterator[Part]:
    decoder = _Decoder()
    for number, line in enumerate(text_lines(file, encoding), start=1):
        place = f"Line {number}"
        if not line.strip("\ufeff \t\r\n"):
            continue
        try:
            row = decoder.value(line)
        except ValueError as error:
            yield LostPart(f"{place} is not JSON ({error}).", ROWS)
            continue
        yield from _repeated(decoder, place)
        yield _row(row, place, str(number))


def _repeated(decoder: _Decoder, place: str) -> Iterator[Notice]:
    if decoder.repeated:
        keys = ", ".join(map(repr, dict.fromkeys(decoder.repeated[:_SHOWN])))
        yield Notice(f"{place} names {keys} more than once; the last value is read.")


def _row(row: Any, place: str, name: str) -> Part:
    if isinstance(row, dict):
        return row_document(row, place, name)
    return LostPart(f"{place} is {JSON_NAMES.get(type(row), 'null')}, not a JSON object.", ROWS)


def _whole(file: SourceFile, encoding: DetectedEncoding, several: bool) -> Iterator[Part]:
    """The rows of a file of one JSON value, or of several that follow each other over more than one line each.

    Raises:
        ValueError: It is not JSON.
        InputError: It is too large.
        NoDocumentError: It holds no object with a text.
    """
    if file.path.stat().st_size > _MAX_WHOLE:
        raise InputError(
            f"{file.name} has more than {_MAX_WHOLE >> 20} MiB, too many for one JSON value. Use JSON Lines."
        )
    decoder = _Decoder()
    values = decoder.values("".join(text_lines(file, encoding)))
    if not values:
        raise InputError(f"{file.name} holds no text.")
    if len(values) > 1 and not several:
        raise ValueError("it has one value a line")
    rows = _find_rows(values[0]) if len(values) == 1 else [("", value) for value in values]
    if not any(has_text(row) for _, row in rows):
        raise NoDocumentError(f"{file.name} has no object with a text in any of {', '.join(TEXT)}.")
    yield from _repeated(decoder, file.name)
    for number, (name, row) in enumerate(rows, start=1):
        yield _row(row, f"Row {name or number}", name or str(number))


def _find_rows(value: Any, depth: int = 0) -> list[tuple[str, Any]]:
    """The rows in a JSON value, with the keys that name them, or ""; no row if nothing has a text."""
    if isinstance(value, list):
        if depth == 0 and value and all(isinstance(row, str) for row in value):
            return [("", {TEXT[0]: row}) for row in value]
        return [("", row) for row in value] if any(map(has_text, value)) else []
    if not isinstance(value, dict) or depth > _MAX_DEPTH:
        return []
    if text_of(value) is not None:
        return [("", value)]
    rows: list[tuple[str, Any]] = []
    for key, each in value.items():
        if isinstance(each, list) and any(map(has_text, each)):
            rows += [("", row) for row in each]
        elif has_text(each):
            rows.append((normalise(str(key)), each))
    if rows:
        return rows
    return [found for each in value.values() for found in _find_rows(each, depth + 1)]
