"""Files that are there whole or not at all, whenever a process is killed or the power fails.

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
    """A path beside `path` to write to; the file there takes the place of `path` at the end, and goes on an error."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        yield part
        with part.open("rb") as written:
            os.fsync(written.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def is_part(name: str, of: str) -> bool:
    """Whether a file's name is that of a part of the file `of`, left by a process that was killed."""
    return name.startswith(f".{of}.") and name.endswith(".part")


def replace_text(path: Path, text: str) -> None:
    """Write a text file, UTF-8 with "\\n" at its line ends; missing folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as part:
        part.write_text(text, encoding="utf-8", newline="\n")
