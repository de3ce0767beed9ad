"""Files to documents: the files of a folder, one `LoadedFile` each, errors included.

Formats are in `kg.documents.readers`, by suffix. A file that cannot be read gives a `LoadedFile` with the reason and
never stops the rest; a table with a few bad rows gives the good ones and names the others.

    for loaded in load(Path("articles")):
        print(loaded.source, len(loaded.documents), loaded.error or loaded.skipped)
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kg.documents.parts import LostPart, Notice, RawDocument, SourceFile
from kg.documents.readers import READERS
from kg.language.text import normalise
from kg.schema import Document, make_id
from models.errors import InputError

_MAX_ERRORS = 20


@dataclass(frozen=True, slots=True)
class LoadedFile:
    """The documents of one file, or the reasons why there are none.

    Attributes:
        source: Path of the file relative to the folder, POSIX.
        documents: Documents in the file.
        errors: Reasons why the file, or rows of it, could not be read.
        skipped: Reason why the file was not tried, or "".
        notices: What to know about a file that was read.
    """

    source: str
    documents: tuple[Document, ...] = ()
    errors: tuple[str, ...] = ()
    skipped: str = ""
    notices: tuple[str, ...] = ()

    @property
    def error(self) -> str:
        """All errors as one text, "" if there are none."""
        return " ".join(self.errors)


def list_sources(root: Path) -> list[str]:
    """Files under a folder as relative POSIX paths, sorted; hidden files and folders are left out.

    Args:
        root: A folder; of a file, the list holds the file's name alone.

    Raises:
        InputError: `root` does not exist or holds no file that can be read.
    """
    if root.is_file():
        return [root.name]
    if not root.is_dir():
        raise InputError(f"{root} does not exist. Name a file or a folder of documents.")
    paths: list[Path] = []
    unreadable: list[OSError] = []
    for folder, names, files in os.walk(root, onerror=unreadable.append):
        names[:] = [name for name in names if not name.startswith(".")]  # in place: os.walk descends into what is left
        paths += [Path(folder, name) for name in files if not name.startswith(".")]
    paths += [Path(error.filename) for error in unreadable]  # a folder that cannot be listed fails as a file does
    if not any(path.suffix.lower() in READERS for path in paths):
        suffixes = sorted({path.suffix or path.name for path in paths})[:10]
        content = f"only {', '.join(suffixes)}" if suffixes else "no file"
        raise InputError(f"Expected documents of type {', '.join(READERS)} in {root}, but it holds {content}.")
    return sorted(path.relative_to(root).as_posix() for path in paths)


def load(root: Path) -> Iterator[LoadedFile]:
    """Read a file, or every file of a folder and its subfolders, in sorted order.

    Yields:
        One `LoadedFile` for each file of `list_sources`.
    Raises:
        InputError: `root` does not exist or holds nothing to read.
    """
    for name in list_sources(root):
        yield load_file(root if root.is_file() else root / name, source_name(name))


def source_name(name: str) -> str:
    """A relative path as a document's source: NFC and valid Unicode, whatever the file system writes."""
    return normalise(os.fsencode(name).decode("utf-8", "replace"))


def load_file(path: Path, source: str) -> LoadedFile:
    """Read one file.

    Args:
        path: The file.
        source: Source of its documents.
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        suffix = repr(path.suffix or "without a suffix")
        return LoadedFile(source, skipped=f"Unknown type {suffix}. Expected one of: {', '.join(READERS)}.")
    raw_documents: list[RawDocument] = []
    errors: list[str] = []
    notices: list[str] = []
    try:
        if not path.is_file():
            raise InputError(f"{source} is not a regular file, or a link to nothing.")
        for raw in reader(SourceFile(path, source)):
            if isinstance(raw, LostPart):
                errors.append(raw.reason)
            elif isinstance(raw, Notice):
                notices.append(raw.text)
            elif raw.text.strip():
                raw_documents.append(raw)
            else:
                errors.append(f"{source} holds no text.")
        if not raw_documents and not errors:
            errors.append(f"{source} holds no text.")
    except InputError as error:
        errors.append(str(error))
    except OSError as error:
        errors.append(f"{source} cannot be read: {error.strerror or error}.")
    except Exception as error:  # a parser may raise anything at a broken file, and the next file is read all the same
        errors.append(f"{source} cannot be read as {path.suffix} ({type(error).__name__}: {error}).")
    if len(errors) > _MAX_ERRORS:
        errors[_MAX_ERRORS:] = [f"There are {len(errors) - _MAX_ERRORS} more."]
    return LoadedFile(
        source, tuple(_documents(raw_documents, source, path.stem)), tuple(errors), notices=tuple(notices)
    )


def _documents(raw_documents: list[RawDocument], source: str, stem: str) -> Iterator[Document]:
    """Documents with ids; rows that share a name get a number, so that no two sources are equal."""
    seen: dict[str, int] = {}
    for raw in raw_documents:
        name = f"{source}#{raw.row}" if raw.row else source
        seen[name] = seen.get(name, 0) + 1
        if seen[name] > 1:
            name = f"{name}~{seen[name]}"
        yield Document(make_id("d", name, raw.text), name, raw.title or normalise(stem), raw.text, raw.date)
