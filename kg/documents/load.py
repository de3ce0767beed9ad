"""Files to documents: what a folder holds, one `Loaded` outcome a file, errors included.

Formats are in `READERS`, by suffix. A file that cannot be read is an outcome with its reason and never
stops the rest; a table with a few bad rows gives the good ones and names the others.

    for loaded in load(Path("articles")):
        print(loaded.source, len(loaded.documents), loaded.error or loaded.skipped)
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from kg.documents.formats import Draft, read_html, read_markdown, read_pdf, read_text
from kg.documents.tables import BadRow, read_csv, read_jsonl
from kg.language.text import normalise
from kg.schema import Document, make_id
from models.errors import InputError

Reader = Callable[[Path, str], Iterator[Draft | BadRow]]

READERS: dict[str, Reader] = {
    ".txt": read_text,
    ".md": read_markdown,
    ".markdown": read_markdown,
    ".html": read_html,
    ".htm": read_html,
    ".xhtml": read_html,
    ".jsonl": read_jsonl,
    ".ndjson": read_jsonl,
    ".csv": read_csv,
    ".tsv": read_csv,
    ".pdf": read_pdf,
}
"""Suffix to reader."""

_MOST_ERRORS = 20


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of one file.

    Attributes:
        source: Its path relative to the folder, POSIX.
        documents: What it holds.
        errors: Why it, or rows of it, could not be read.
        skipped: Why it was not tried, or "".
    """

    source: str
    documents: tuple[Document, ...] = ()
    errors: tuple[str, ...] = ()
    skipped: str = ""

    @property
    def error(self) -> str:
        """All errors as one text, "" if there are none."""
        return "; ".join(self.errors)


def list_sources(root: Path) -> list[str]:
    """Files under a folder as relative POSIX paths, sorted; hidden files and folders are left out.

    A file is a list of its own name.

    Raises:
        InputError: `root` does not exist or holds no file that can be read.
    """
    if root.is_file():
        return [root.name]
    if not root.is_dir():
        raise InputError(f"{root} does not exist: name a file or a folder of documents")
    found: list[Path] = []
    unreadable: list[OSError] = []
    for folder, names, files in os.walk(root, onerror=unreadable.append):
        names[:] = [name for name in names if not name.startswith(".")]
        found += [Path(folder, name) for name in files if not name.startswith(".")]
    found += [Path(error.filename) for error in unreadable]  # a folder that cannot be listed fails as a file does
    if not any(path.suffix.lower() in READERS for path in found):
        others = f"only {', '.join(sorted({path.suffix or path.name for path in found})[:10])}" if found else "no file"
        raise InputError(f"{root} holds {others}: expected documents of type {', '.join(READERS)}")
    return sorted(path.relative_to(root).as_posix() for path in found)


def load(root: Path) -> Iterator[Loaded]:
    """Read a file, or every file of a folder and its subfolders, in sorted order.

    Yields:
        One outcome for each file of `list_sources`.
    Raises:
        InputError: `root` does not exist or holds nothing to read.
    """
    for name in list_sources(root):
        yield load_file(root if root.is_file() else root / name, source_name(name))


def source_name(name: str) -> str:
    """A relative path as a document's source: NFC and valid Unicode, whatever the file system writes."""
    return normalise(os.fsencode(name).decode("utf-8", "replace"))


def load_file(path: Path, source: str) -> Loaded:
    """Read one file.

    Args:
        path: The file.
        source: What its documents name as their source.
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        return Loaded(
            source, skipped=f"unknown type {path.suffix or 'without a suffix'!r}: not one of {', '.join(READERS)}"
        )
    drafts: list[Draft] = []
    errors: list[str] = []
    try:
        if not path.is_file():
            raise InputError(f"{source} is not a regular file, or a link to nothing")
        for row in reader(path, source):
            if isinstance(row, BadRow):
                errors.append(row.reason)
            elif row.text.strip():
                drafts.append(row)
            else:
                errors.append(f"{source} holds no text")
        if not drafts and not errors:
            errors.append(f"{source} holds no text")
    except InputError as error:
        errors.append(str(error))
    except OSError as error:
        errors.append(f"{source} cannot be read: {error.strerror or error}")
    except Exception as error:  # parsers meet a broken file with whatever they stumble on; the next file goes on
        errors.append(f"{source} cannot be read as {path.suffix} ({type(error).__name__}: {error})")
    if len(errors) > _MOST_ERRORS:
        errors[_MOST_ERRORS:] = [f"and {len(errors) - _MOST_ERRORS} more"]
    return Loaded(source, tuple(_documents(drafts, source, path.stem)), tuple(errors))


def _documents(drafts: list[Draft], source: str, stem: str) -> Iterator[Document]:
    """Drafts to documents; rows that share an id are told apart by a number."""
    seen: dict[str, int] = {}
    for draft in drafts:
        name = f"{source}#{draft.row}" if draft.row else source
        seen[name] = seen.get(name, 0) + 1
        if seen[name] > 1:
            name = f"{name}~{seen[name]}"
        yield Document(make_id("d", name, draft.text), name, draft.title or normalise(stem), draft.text, draft.date)
