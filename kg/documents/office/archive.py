"""Archives of office documents and books: ZIP files, opened with a bound on what they unpack to.

A file of a few kilobytes may unpack to terabytes, be encrypted, be cut off, or be something else under the wrong name.
Each is an `InputError` that says so.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from kg.documents.parts import SourceFile
from kg.documents.signature import OLE, wrong_content
from models.errors import GraftError, InputError

MAX_UNPACKED_BYTES = 1 << 30
"""Largest size of a file's members together; office documents with many photographs have a few hundred megabytes."""
MAX_MARKUP_BYTES = 1 << 27
"""Largest size of the XML of one file: a book has a few megabytes, and a tree takes ten to thirty times its XML."""
_MARKUP = (".xml", ".rels", ".html", ".xhtml", ".htm", ".opf", ".ncx", ".vml")
_ZIP_FAULTS = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError)


_KINDS = {
    "word/": "a Word document",
    "ppt/": "a PowerPoint presentation",
    "xl/": "an Excel workbook",
    "META-INF/container.xml": "an EPUB book",
    "content.xml": "an OpenDocument file",
}
"""Where each kind of file keeps its content, and the kind."""


class Archive:
    """A ZIP file whose members are read within bounds.

    Args:
        file: The file.
        kind: What it should be, with its article, for messages: "a Word document".
        markup_bytes: Bound on the XML of all members together.
    Raises:
        InputError: It is no such archive, is damaged, encrypted, or unpacks to more than the bounds.
    """

    def __init__(self, file: SourceFile, kind: str, markup_bytes: int = MAX_MARKUP_BYTES) -> None:
        self.file, self.kind = file, kind
        with file.path.open("rb") as stream:
            head = stream.read(4096)
        if head.startswith(OLE):
            raise InputError(
                f"{file.name} is encrypted, or an old binary document under a new name. "
                f"Save it as {kind} without a password."
            )
        if not head.startswith(b"PK"):
            raise InputError(wrong_content(file.name, kind, head))
        try:
            self._zip = zipfile.ZipFile(file.path)
        except _ZIP_FAULTS as error:
            raise InputError(
                f"{file.name} is damaged: its archive cannot be opened ({error}). Save it again."
            ) from error
        members = self._zip.infolist()
        if any(member.flag_bits & 1 for member in members):
            self.close()
            raise InputError(f"{file.name} is encrypted. Save a copy without a password.")
        size = sum(member.file_size for member in members)
        markup = sum(member.file_size for member in members if member.filename.lower().endswith(_MARKUP))
        if size > MAX_UNPACKED_BYTES or markup > markup_bytes:
            self.close()
            raise InputError(
                f"{file.name} unpacks to {size:,} bytes, {markup:,} of them text with markup; at most "
                f"{MAX_UNPACKED_BYTES:,} and {markup_bytes:,} are read. Split it."
            )
        # Of two members of one name the last counts, as for every program that reads such files.
        self.names = frozenset(member.filename for member in members)
        found = self._kind()
        if found and found != kind:
            self.close()
            raise InputError(f"{file.name} is not {kind}: its content is {found}. Give it the suffix of what it is.")

    def _kind(self) -> str:
        """What the names of the members say the archive is, "" if nothing."""
        for part, kind in _KINDS.items():
            if any(name.startswith(part) for name in self.names):
                return kind
        return ""

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._zip.close()

    def read(self, name: str) -> bytes:
        """Content of a member.

        Raises:
            InputError: There is none of this name, or its content is damaged.
        """
        try:
            # A member never gives more than the size that it states, so the bounds hold.
            return self._zip.read(name)
        except KeyError:
            raise InputError(f"{self.file.name} is not {self.kind}: it has no {name}.") from None
        except _ZIP_FAULTS as error:
            raise InputError(f"{self.file.name} is damaged at {name} ({error}). Save it again.") from error


@contextmanager
def readable(file: SourceFile, kind: str) -> Iterator[None]:
    """Turn whatever a library raises at a broken file into an `InputError`.

    Args:
        file: The file.
        kind: What it should be, with its article.
    """
    try:
        yield
    except GraftError:
        raise
    except MemoryError as error:
        raise InputError(f"{file.name} needs more memory than there is. Split it.") from error
    except Exception as error:  # libraries raise anything: KeyError, AttributeError, their own
        if isinstance(error, OSError) and error.errno is not None:  # of the disk, not of the content
            raise
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"{file.name} is damaged, or not {kind} ({type(error).__name__}: {reason}). Save it again."
        ) from error
