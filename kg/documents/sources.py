"""Which sources are meant: names of the files that are given, and names that a person types.

A source is named by its path below the folder that was indexed; a row of a table adds "#row". A workspace keeps no
path of the machine, so for an update that folder is found again: it is the one, at or above what is given, below
which most of the known sources lie at their names.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase
from itertools import islice
from pathlib import Path

from kg.documents.load import list_sources, source_name
from kg.schema import Document
from models.errors import ConfigError, InputError

_SAMPLE = 200


def files_of(paths: Iterable[Path], root: Path | None, known: Collection[str]) -> dict[str, Path]:
    """Every file at or below `paths`, by the name of its source.

    Args:
        paths: Files and folders.
        root: Folder that names are relative to; None finds it, or names a file as `kg.documents.load` would by itself.
        known: Files that the knowledge base holds, by source.
    Raises:
        InputError: A path does not exist, or holds nothing that can be read.
        ConfigError: A path does not lie below `root`, or two files have one name.
    """
    found: dict[str, Path] = {}
    for path in map(_absolute, paths):
        base = _absolute(root) if root else _indexed_root(path, known)
        if not path.is_relative_to(base):
            raise ConfigError(f"{path} does not lie below the folder {base}: name one that it lies below with --root")
        for name in list_sources(path):
            file = path if path.is_file() else path / name
            source = source_name(file.relative_to(base).as_posix())
            if found.setdefault(source, file) != file:
                raise ConfigError(
                    f"{found[source]} and {file} would both be the source {source}: "
                    "name the folder that their names are relative to with --root"
                )
    return found


def _absolute(path: Path) -> Path:
    """A path without links on the way; a file that is a link keeps its own name."""
    return path.resolve() if path.is_dir() else path.parent.resolve() / path.name


def _indexed_root(path: Path, known: Collection[str]) -> Path:
    own = path if path.is_dir() else path.parent
    sample = list(islice(sorted(known), 0, None, 1 + len(known) // _SAMPLE))
    hits = {base: sum((base / name).is_file() for name in sample) for base in (own, *own.parents)}
    return max(hits, key=lambda base: hits[base])  # of equals the nearest, so `own` where nothing is known


def owner(source: str, files: Collection[str]) -> str:
    """The file that a document's source belongs to.

    Example:
        >>> owner("notes.csv#7~2", {"notes.csv", "a.md"})
        'notes.csv'
    """
    places = (place for place in range(len(source), 0, -1) if place == len(source) or source[place] in "#~")
    return next((source[:place] for place in places if source[:place] in files), source)


def matching(patterns: Sequence[str], known: Iterable[str]) -> list[str]:
    """The known sources that are named, exactly or by a pattern in which "*" stands for any characters, "/" too.

    Raises:
        InputError: A pattern names none; nothing may be done then.
    Example:
        >>> matching(["2031/*"], ["2030/a.md", "2031/a.md", "2031/b/c.md"])
        ['2031/a.md', '2031/b/c.md']
    """
    names = sorted(set(known))
    found: set[str] = set()
    for pattern in patterns:
        own = {pattern} & set(names) or {name for name in names if fnmatchcase(name, pattern)}
        if not own:
            raise InputError(f"no source is called {pattern}: {_nearest(pattern, names)}")
        found |= own
    return sorted(found)


def _nearest(pattern: str, names: Sequence[str]) -> str:
    if not names:
        return "the knowledge base holds no document"
    inside = [name for name in names if pattern.casefold().removeprefix("./") in name.casefold()]
    near = [*inside, *get_close_matches(pattern, names, n=5)] or get_close_matches(pattern, names, n=3, cutoff=0.3)
    shown = list(dict.fromkeys(near))[:5]
    return f"did you mean {', '.join(shown)}?" if shown else f"it holds {len(names)}, such as {', '.join(names[:5])}"


def by_file(documents: Iterable[Document], files: Collection[str]) -> Iterator[tuple[str, Document]]:
    """Documents with the files that they come from."""
    return ((owner(document.source, files), document) for document in documents)
