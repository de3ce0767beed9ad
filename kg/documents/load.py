"""Files to documents: the files of a folder, one `LoadedFile` each, errors included.

Formats are in `kg.documents.readers`, by suffix. A file that cannot be read gives a `LoadedFile` with the reason and
never stops the rest; a table with a few bad rows gives the good ones and names the others. Whatever a folder holds has
an entry of its own: what is not read (unknown formats, hidden files, linked folders) is skipped with its reason.

    for loaded in load(Path("articles")):
        print(loaded.source, len(loaded.documents), loaded.error or loaded.skipped)
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kg.documents.parts import LostPart, NoDocumentError, Notice, RawDocument, SourceFile
from kg.documents.readers import READERS
from kg.documents.readers.unread import ADVICE
from kg.language.text import normalise
from kg.schema import Document, make_id
from kg.summary import FailedItem, ItemCounts, ItemNote
from models.errors import InputError

STAGE = "load"
"""Name of the stage in journals and messages."""
HIDDEN = "Hidden: its name begins with a dot."
"""Reason of a file or folder that is left out because of its name; one entry stands for all that a folder holds."""
_MAX_REASONS = 20
_MAX_NAMED = 8
"""Maximum number of formats that an error names."""


@dataclass(frozen=True, slots=True)
class PartCount:
    """How many rows, pages or other parts of a file could be read.

    Attributes:
        unit: Name of the parts, in the plural.
        done: Number of parts whose text is in a document.
        failed: Number of parts that are lost.
    """

    unit: str
    done: int
    failed: int


@dataclass(frozen=True, slots=True)
class LoadedFile:
    """The documents of one file, or the reasons why there are none.

    Attributes:
        source: Path of the file relative to the folder, POSIX.
        documents: Documents in the file.
        errors: Reasons why the file, or parts of it, could not be read; the first ones, and then how many more.
        skipped: Reason why the file was not tried, or "".
        notices: What to know about a file that was read; the first ones, and then how many more.
        parts: Numbers of its parts by unit; none for a file that is one whole.
    """

    source: str
    documents: tuple[Document, ...] = ()
    errors: tuple[str, ...] = ()
    skipped: str = ""
    notices: tuple[str, ...] = ()
    parts: tuple[PartCount, ...] = ()

    @property
    def error(self) -> str:
        """All errors as one text, "" if there are none."""
        return " ".join(self.errors)

    @property
    def remarks(self) -> str:
        """Errors and notices as one text, "" if there are none."""
        return " ".join((*self.errors, *self.notices))


def list_sources(root: Path) -> list[str]:
    """The files under a folder that are to be read, as relative POSIX paths, sorted.

    Args:
        root: A folder; of a file, the list holds the file's name alone.

    Raises:
        InputError: `root` does not exist or holds no file that can be read.
    """
    return [name for name in list_entries(root) if root.is_file() or not skip_reason(root / name)]


def list_entries(root: Path) -> list[str]:
    """All files under a folder as relative POSIX paths, sorted, and the folders that are not read.

    Folders that are hidden, links or cannot be listed are one entry each; what they hold is not looked at.

    Args:
        root: A folder; of a file, the list holds the file's name alone.

    Raises:
        InputError: `root` does not exist or holds no file that can be read.
    """
    if root.is_file():
        if root.suffix.lower() not in READERS:
            raise InputError(f"{root} cannot be read. {_unknown_type(root)} Expected one of: {_known_types()}.")
        return [root.name]
    if not root.is_dir():
        raise InputError(f"{root} does not exist. Name a file or a folder of documents.")
    paths: list[Path] = []
    unreadable: list[OSError] = []
    for folder, names, files in os.walk(root, onerror=unreadable.append):
        closed = [name for name in names if skip_reason(Path(folder, name))]
        names[:] = [name for name in names if name not in closed]  # in place: os.walk descends into what is left
        paths += [Path(folder, name) for name in (*closed, *files)]
    paths += [Path(error.filename) for error in unreadable]  # a folder that cannot be listed fails as a file does
    if not any(path.suffix.lower() in READERS and not skip_reason(path) for path in paths):
        raise InputError(f"Expected documents of type {_known_types()} in {root}, but it holds {_content(paths)}.")
    return sorted(path.relative_to(root).as_posix() for path in paths)


def _content(paths: Sequence[Path]) -> str:
    """What a folder without any document holds, in words."""
    if not paths:
        return "no file"
    paths = [path for path in paths if not skip_reason(path)]
    if not paths:
        return "only hidden files and linked folders"
    suffixes = sorted({path.suffix or path.name for path in paths})
    more = f" and {len(suffixes) - _MAX_NAMED} more" if len(suffixes) > _MAX_NAMED else ""
    return f"only {', '.join(suffixes[:_MAX_NAMED])}{more}"


def skip_reason(path: Path) -> str:
    """Why a file or folder of a folder is left out without being looked at, "" if it is not.

    A link to a file is read. A link to a folder is not followed, since what it leads to may hold the folder itself, or
    far more than was meant.
    """
    if path.name.startswith("."):
        return HIDDEN
    if path.name.startswith("~$"):
        return "Not a document: a program that has one open marks it with this file."
    if path.is_symlink() and path.is_dir():
        return (
            f"Link to the folder {path.readlink()}; linked folders are not read. Name that folder itself, or put it in "
            "the place of the link."
        )
    return ""


def load(root: Path, encoding: str = "") -> Iterator[LoadedFile]:
    """Read a file, or every file of a folder and its subfolders, in sorted order.

    Args:
        root: A file or a folder.
        encoding: Encoding of the files of text; "" to detect it.
    Yields:
        One `LoadedFile` for each entry of `list_entries`.
    Raises:
        InputError: `root` does not exist or holds nothing to read.
    """
    if root.is_file():
        (name,) = list_entries(root)
        yield load_file(root, source_name(name), encoding)
        return
    seen: dict[str, int] = {}
    for name in list_entries(root):
        yield load_entry(root / name, _numbered(source_name(name), seen), encoding)


def source_name(name: str) -> str:
    """A relative path as a document's source: NFC and valid Unicode, whatever the file system writes."""
    return normalise(os.fsencode(name).decode("utf-8", "replace"))


def _numbered(name: str, seen: dict[str, int]) -> str:
    """A name that is not in use: one that is gets a number, so that no two sources are equal."""
    seen[name] = seen.get(name, 0) + 1
    return name if seen[name] == 1 else f"{name}~{seen[name]}"


def load_entry(path: Path, source: str, encoding: str = "") -> LoadedFile:
    """Read one file of a folder as `load_file` does, unless it is to be left out."""
    reason = skip_reason(path)
    return LoadedFile(source, skipped=reason) if reason else load_file(path, source, encoding)


def load_file(path: Path, source: str, encoding: str = "") -> LoadedFile:
    """Read one file.

    Args:
        path: The file.
        source: Source of its documents.
        encoding: Encoding of the file, if it is one of text; "" to detect it.
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None and not path.is_dir():
        return LoadedFile(source, skipped=_unknown_type(path))
    parts: list[RawDocument] = []
    errors, notices = _Reasons(), _Reasons()
    counts: dict[str, list[int]] = {}
    try:
        if path.is_dir():
            raise InputError(f"{source} is a folder that cannot be listed. Permit reading it, or leave it out.")
        if reader is None or not path.is_file():
            raise InputError(f"{source} is not a regular file, or a link to nothing.")
        for part in reader(SourceFile(path, source, encoding)):
            if isinstance(part, Notice):
                notices.add(part.text)
                continue
            is_lost = isinstance(part, LostPart) or not part.text.strip()
            if part.unit:
                counts.setdefault(part.unit, [0, 0])[is_lost] += part.parts
            if isinstance(part, LostPart):
                errors.add(part.reason)
            elif is_lost:
                errors.add(f"{source} holds no text.")
            else:
                parts.append(part)
        if not parts and not errors.number:
            errors.add(f"{source} holds no text.")
    except NoDocumentError as error:
        return LoadedFile(source, skipped=str(error))
    except InputError as error:
        errors.add(str(error))
    except OSError as error:
        errors.add(f"{source} cannot be read: {error.strerror or error}.")
    except Exception as error:  # a parser may raise anything at a broken file, and the next file is read all the same
        errors.add(f"{source} cannot be read as {path.suffix} ({type(error).__name__}: {error}).")
    return LoadedFile(
        source,
        tuple(_documents(parts, source, path.stem)),
        errors.shown,
        notices=notices.shown,
        parts=tuple(PartCount(unit, done, failed) for unit, (done, failed) in counts.items()),
    )


@dataclass(frozen=True, slots=True)
class LoadAccount:
    """How the files of a corpus ended.

    Attributes:
        counts: Numbers of files, rows, pages and other parts (see `load_counts`).
        failures: Files that could not be read, or not all of it.
        skips: Files and folders that were left out.
        notices: What to know about files that were read.
    """

    counts: Mapping[str, ItemCounts] = field(default_factory=dict)
    failures: tuple[FailedItem, ...] = ()
    skips: tuple[ItemNote, ...] = ()
    notices: tuple[ItemNote, ...] = ()


def load_account(files: Sequence[LoadedFile]) -> LoadAccount:
    """Count files and name those that there is something to say about."""
    return LoadAccount(
        load_counts(files),
        tuple(FailedItem(STAGE, file.source, file.remarks) for file in files if file.errors),
        tuple(ItemNote(STAGE, file.source, file.skipped) for file in files if file.skipped),
        tuple(ItemNote(STAGE, file.source, file.remarks) for file in files if file.notices and not file.errors),
    )


def load_counts(files: Iterable[LoadedFile]) -> dict[str, ItemCounts]:
    """How files ended, and their rows, pages and other parts, by the name of the kind.

    Example:
        >>> load_counts([LoadedFile("a.csv", errors=("Line 3 …",), parts=(PartCount("rows", 8, 1),))])["rows"].failed
        1
    """
    counts = {"files": ItemCounts()}
    for file in files:
        failed, skipped = bool(file.errors), bool(file.skipped)
        counts["files"] += ItemCounts.of(not failed and not skipped, failed, skipped)
        for part in file.parts:
            counts[part.unit] = counts.get(part.unit, ItemCounts()) + ItemCounts.of(part.done, part.failed)
    return counts


class _Reasons:
    """Sentences of which the first are kept and the others counted: a file may have a million bad rows."""

    def __init__(self) -> None:
        self.number = 0
        self._first: list[str] = []

    def add(self, reason: str) -> None:
        self.number += 1
        if len(self._first) < _MAX_REASONS:
            self._first.append(reason)

    @property
    def shown(self) -> tuple[str, ...]:
        more = self.number - len(self._first)
        return (*self._first, f"There are {more} more.") if more else tuple(self._first)


def _known_types() -> str:
    return ", ".join(READERS)


def _unknown_type(path: Path) -> str:
    """Why a file is not read for its name, and what to do."""
    if not path.suffix:
        return "Unknown type: its name has no suffix. If it is text, let it end in .txt."
    return f"Unknown type {path.suffix!r}. {ADVICE.get(path.suffix.lower(), 'Convert it to a type that can be read.')}"


def _documents(raw_documents: list[RawDocument], source: str, stem: str) -> Iterator[Document]:
    """Documents with ids."""
    seen: dict[str, int] = {}
    for raw in raw_documents:
        name = _numbered(f"{source}#{raw.row}" if raw.row else source, seen)
        yield Document(make_id("d", name, raw.text), name, raw.title or normalise(stem), raw.text, raw.date)
