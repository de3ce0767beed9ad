"""Files of one JSON object a line: read with the number of each line, which every error names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from models.errors import InputError, describe_problems
from models.files.fields import known_fields
from models.files.text import read_utf8

L = TypeVar("L", bound=BaseModel)


def read_objects(path: Path, expected: str = "a UTF-8 file of JSON lines") -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of a file with the numbers of their lines, from 1; blank lines are skipped.

    Args:
        path: UTF-8, with or without a byte order mark.
        expected: Named in the error if the file cannot be read: "a folder in BEIR's form".
    Raises:
        InputError: The file cannot be read, or a line is not a JSON object; the message names file and line.
    """
    yield from parse_objects(read_utf8(path, expected), str(path))


def parse_objects(text: str, source: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Like `read_objects`, of a text that was read already.

    Args:
        text: Content of the file.
        source: Its path, for messages.
    """
    for number, line in enumerate(text.split("\n"), 1):  # splitlines would split within a JSON string
        if line.strip():
            yield number, _object(line, f"{source}, line {number}")


def _object(line: str, source: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
        if "\\u" in line:  # half of a surrogate pair parses, but no database and no file takes it
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as error:  # deep nesting is a way to break a parser
        raise InputError(f"{source}: expected one JSON object, but it does not parse: {error}.") from error
    if not isinstance(value, dict):
        raise InputError(f"{source}: expected a JSON object, got a {type(value).__name__}.")
    return value


def read_lines(path: Path, kind: type[L], expected: str) -> Iterator[tuple[int, L]]:
    """The rows of a file as pydantic models, with the numbers of their lines.

    Args:
        path: UTF-8, with or without a byte order mark.
        kind: Model of every row.
        expected: Named in the error if the file cannot be read.
    Raises:
        InputError: The file cannot be read, or a line is not such a row; the message names file and line.
    """
    yield from parse_lines(read_utf8(path, expected), str(path), kind)


def parse_lines(text: str, source: str, kind: type[L]) -> Iterator[tuple[int, L]]:
    """Like `read_lines`, of a text that was read already.

    Args:
        text: Content of the file.
        source: Its path, for messages.
        kind: Model of every row.
    """
    for number, value in parse_objects(text, source):
        try:
            yield number, kind.model_validate(value)
        except ValidationError as error:
            problems = describe_problems(error, "row", partial(known_fields, kind))
            raise InputError(f"{source}, line {number}: {problems}.") from error
