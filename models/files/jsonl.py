"""Files of one JSON object a line, each checked against a pydantic model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from models.errors import InputError, describe

L = TypeVar("L", bound=BaseModel)


def read_lines(path: Path, kind: type[L], expected: str) -> Iterator[tuple[int, L]]:
    """The rows of a file with the numbers of their lines, from 1; blank lines are passed over.

    Args:
        path: UTF-8.
        kind: Of every row.
        expected: Said where the file cannot be read: "a folder in BEIR's form".
    Raises:
        InputError: The file cannot be read, or a line is no such row; the message names file and line.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")  # splitlines would split within a JSON string
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}; expected {expected}") from error
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                yield number, kind.model_validate(json.loads(line))
            except ValidationError as error:
                raise InputError(f"{path}, line {number}: {describe(error)}") from error
            except ValueError as error:
                raise InputError(f"{path}, line {number}: {error}") from error
