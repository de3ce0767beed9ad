"""Text files of other people: read as UTF-8, with one sentence for what cannot be read."""

from __future__ import annotations

from pathlib import Path

from models.errors import GraftError, InputError


def read_utf8(path: Path, expected: str, error_class: type[GraftError] = InputError) -> str:
    """The text of a file, UTF-8 with or without a byte order mark.

    Args:
        path: The file.
        expected: What the file should have been, for the message: "a file of MINE".
        error_class: What is raised; a file of settings is wrong configuration rather than wrong input.
    Raises:
        GraftError: The file cannot be read, or is not UTF-8; of the class `error_class`.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise error_class(
            f"Expected {expected} at {path}, but it is not UTF-8 (byte {error.start}). Save it as UTF-8."
        ) from error
    except OSError as error:
        raise error_class(
            f"Expected {expected} at {path}, but it cannot be read: {error.strerror or error}."
        ) from error
