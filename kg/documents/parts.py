"""What a reader of files gives: documents, parts that are lost, and notices.

A reader is a generator over one file. It yields every document of the file as a `RawDocument`, every row, page or other
part that it could not use as a `LostPart`, and as a `Notice` what a person should know about a file that was read all
the same. A file that cannot be used at all raises `InputError`; one of a format that has other uses as well, and that
holds no document, raises `NoDocumentError` and is skipped with that reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from models.errors import InputError


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file to read.

    Attributes:
        path: The file.
        name: Its source, which names it in messages.
        encoding: Encoding that the user named for files of text; "" to detect it.
    """

    path: Path
    name: str
    encoding: str = ""


@dataclass(frozen=True, slots=True)
class RawDocument:
    """A document as a file gives it, before it has an id.

    Attributes:
        text: Normalised text.
        title: Title in the file, or "".
        date: ISO date in the file, or "".
        row: Name of its row, which follows "#" in the source of a row of a table, or "".
        unit: What the file is divided in, a plural to print counts with: "rows", "pages"; "" if it is one whole.
        parts: Number of those units that the document was read from.
    """

    text: str
    title: str = ""
    date: str = ""
    row: str = ""
    unit: str = ""
    parts: int = 1


@dataclass(frozen=True, slots=True)
class LostPart:
    """A part of a file that cannot be used: a row, a page, a message.

    Attributes:
        reason: Why it cannot be used, a sentence that names the part by its line or number.
        unit: What the file is divided in, as in `RawDocument`.
        parts: Number of units that the reason is about.
    """

    reason: str
    unit: str = "parts"
    parts: int = 1


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to know about a file that was read: a guessed encoding, for example.

    Attributes:
        text: One sentence.
    """

    text: str


class NoDocumentError(InputError):
    """The file holds no document, and its format has other uses: settings in a .json, for example."""


Part = RawDocument | LostPart | Notice
Reader = Callable[[SourceFile], Iterator[Part]]
