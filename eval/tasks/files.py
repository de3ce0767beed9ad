"""Files of questions and judgements as they are published: in any usual encoding, with a byte order mark or without."""

from __future__ import annotations

import io
import logging
from pathlib import Path

from kg.documents.encoding import find_encoding
from kg.documents.parts import SourceFile
from models.errors import InputError

_LOGGER = logging.getLogger("graft")


def read_published(path: Path, expected: str = "a file of questions") -> str:
    """The text of a file, not normalised: ids and answers stay as they are. A guessed encoding is logged as a remark.

    Args:
        path: The file.
        expected: What the file should have been, for the message: "a folder in BEIR's form".
    Raises:
        InputError: The file cannot be read, or is no text.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"Expected {expected} at {path}, but it cannot be read: {error.strerror or error}.") from error
    encoding = find_encoding(io.BytesIO(data), SourceFile(path, str(path)))
    if encoding.guess:
        _LOGGER.warning(
            "%s was read as %s, a guess. If letters are wrong, save the file as UTF-8.", path, encoding.name
        )
    elif encoding.notice:
        _LOGGER.warning("%s", encoding.notice)
    return data.decode(encoding.name, encoding.errors).removeprefix("\ufeff")
