"""Names of sources: of the files that an update is given, and those that a person types.

A source is named by its path below the folder that was indexed; a row of a table adds "#row". A workspace keeps no
path of the machine, so for an update that folder is found again: it is the folder, at or above the given path, below
which most of the known sources exist under their names.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase
from itertools import islice
from pathlib import Path

from kg.documents.load import list_entries, source_name
from kg.documents.readers import READERS
from kg.schema import Document
from models.errors import ConfigError, InputError

_SAMPLE = 200
_SHOWN = 5


def files_of(paths: Iterable[Path], root: Path | None, known: Collection[str]) -> dict[str, Path]:
    """Every entry at or below `paths` (see `kg.documents.load.list_entries`), by the name of its source.

    Args:
        paths: Files and folders.
        root: Folder that names are relative to; None finds it, or names a file as `kg.documents.load` would by itself.
        known: Sources of the files that the knowledge base holds.
    Raises:
        InputError: A path does not exist, or holds nothing that can be read; or no file is of a known type.
        ConfigError: A path does not lie below `root`, or two files have one name.
    """
    by_source: dict[str, Path] = {}
    for path in map(absolute, paths):
        base = absolute(root) if root else _indexed_root(path, known)
        if not path.is_relative_to(base):
            raise ConfigError(f"{path} does not lie below the folder {base}. Name a folder above it with --root.")
        # A file of an unknown type is no error beside others: a shell may have found them by a pattern.
        for name in [path.name] if path.is_file() else list_entries(path):
            file = path if path.is_file() else path / name
            source = source_name(file.relative_to(base).as_posix())
            if by_source.setdefault(source, file) != file:
                raise ConfigError(
                    f"{by_source[source]} and {file} would both be the source {source}. "
                    "Name the folder that their names are relative to with --root."
                )
    if not any(file.suffix.lower() in READERS for file in by_source.values()):
        names = ", ".join(sorted(by_source)[:_SHOWN])
        raise InputError(f"Expected a document of type {', '.join(READERS)}, but came only {names}. Name one of them.")
    return by_source


def absolute(path: Path) -> Path:
    """A path without links on the way; a file that is a link keeps its own name."""
    return path.resolve() if path.is_dir() else path.parent.resolve() / path.name


def _indexed_root(path: Path, known: Collection[str]) -> Path:
    nearest = path if path.is_dir() else path.parent
    sample = list(islice(sorted(known), 0, None, 1 + len(known) // _SAMPLE))

    def hits(base: Path) -> int:
        return sum((base / name).is_file() for name in sample)

    # Of equals `max` takes the first, which is the nearest folder: so it is `nearest` where nothing is known.
    return max((nearest, *nearest.parents), key=hits)


def owning_file(source: str, files: Collection[str]) -> str:
    """The file that a document's source belongs to.

    Example:
        >>> owning_file("notes.csv#7~2", {"notes.csv", "a.md"})
        'notes.csv'
    """
    # A file's own name may hold "#" or "~", so the longest prefix that is a file is taken.
    ends = (end for end in range(len(source), 0, -1) if end == len(source) or source[end] in "#~")
    return next((source[:end] for end in ends if source[:end] in files), source)


def matching_sources(patterns: Sequence[str], known: Iterable[str]) -> list[str]:
    """The known sources that are named, exactly or by a pattern in which "*" stands for any characters, "/" too.

    Raises:
        InputError: A pattern matches no source; the caller must not act on the others then.
    Example:
        >>> matching_sources(["2031/*"], ["2030/a.md", "2031/a.md", "2031/b/c.md"])
        ['2031/a.md', '2031/b/c.md']
    """
    names = sorted(set(known))
    matches: set[str] = set()
    for pattern in patterns:
        # An exact name wins, since a file's name may hold "*" or "[" itself.
        own_matches = {pattern} & set(names) or {name for name in names if fnmatchcase(name, pattern)}
        if not own_matches:
            raise InputError(f"Unknown source {pattern!r}. {_nearest(pattern, names)}")
        matches |= own_matches
    return sorted(matches)


def _nearest(pattern: str, names: Sequence[str]) -> str:
    """The sources that a pattern may have meant, as a sentence; there may be too many to list all."""
    if not names:
        return "The knowledge base holds no document."
    containing = [name for name in names if pattern.casefold().removeprefix("./") in name.casefold()]
    near = [*containing, *get_close_matches(pattern, names, n=5)] or get_close_matches(pattern, names, n=3, cutoff=0.3)
    suggested = list(dict.fromkeys(near))[:5]
    if suggested:
        return f"Did you mean {', '.join(suggested)}?"
    return f"The knowledge base holds {len(names)}, such as {', '.join(names[:5])}."


def by_file(documents: Iterable[Document], files: Collection[str]) -> Iterator[tuple[str, Document]]:
    """Documents with the files that they come from."""
    return ((owning_file(document.source, files), document) for document in documents)
