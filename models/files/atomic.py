"""Files that are written completely or not at all, whenever a process is killed or the power fails.

with replacing(Path("table.csv")) as part:
    part.write_text("a,b\\n")
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path beside `path` to write to; the file there replaces `path` at the end, and is removed on an error."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        yield part
        # The bytes must be on disk before the rename is, or a power failure may leave an empty file under `path`.
        with part.open("rb") as written:
            os.fsync(written.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def is_part(name: str, of: str) -> bool:
    """Whether `name` is a temporary file of the file `of`, left by a process that was killed."""
    return name.startswith(f".{of}.") and name.endswith(".part")


def replace_text(path: Path, text: str) -> None:
    """Write a text file, UTF-8 with "\\n" at its line ends, through `replacing`; missing folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as part:
        part.write_text(text, encoding="utf-8", newline="\n")
