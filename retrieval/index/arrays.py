"""The folder of arrays behind a `GraphIndex`: written completely or not at all, memory-mapped when read.

One folder an index, named after what it was made from. `meta.json` lists every file with its size and is the last file
to appear, so that a folder without it, or with a file that differs from it, is damaged and counts as absent. Nothing
here knows what the arrays mean, and nothing here ever unpickles.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

META = "meta.json"
FORMAT = 1
_TEMPORARY = ".building-"
_ABANDONED_S = 3600
"""Age in seconds from which on an unfinished folder belongs to a build that was killed."""

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class StringArray:
    """Many texts in one array: reading one text touches only its own bytes.

    Attributes:
        spans: Array (n, 2), int64: where each text begins and ends in `data`.
        data: Array (bytes,), uint8: UTF-8.
    """

    spans: NDArray[np.int64]
    data: NDArray[np.uint8]

    @classmethod
    def of(cls, texts: Sequence[str]) -> StringArray:
        """Put texts one behind the other."""
        encoded = [text.encode("utf-8") for text in texts]
        ends = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
        return cls(np.stack([ends[:-1], ends[1:]], axis=1), np.frombuffer(b"".join(encoded), dtype=np.uint8))

    def __getitem__(self, row: int) -> str:
        start, end = self.spans[row].tolist()
        return bytes(self.data[start:end]).decode("utf-8")

    def only(self, rows: NDArray[np.intp]) -> StringArray:
        """The texts of some rows, numbered from 0."""
        return StringArray(self.spans[rows], self.data)


class ArrayWriter:
    """Writes arrays and tables into a new folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, name: str, values: Array) -> None:
        """Write an array, which must not hold objects."""
        np.save(self._folder / f"{name}.npy", values, allow_pickle=False)

    def empty(self, name: str, shape: tuple[int, ...], dtype: DTypeLike) -> Array:
        """An array in the folder, to be filled in place: memory-mapped, so that it needs no memory of its own."""
        if 0 in shape:  # nothing can be mapped
            self.put(name, np.zeros(shape, dtype))
            return np.zeros(shape, dtype)
        path = self._folder / f"{name}.npy"
        values: Array = np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=shape)  # type: ignore[no-untyped-call]
        return values

    def table(self, name: str, value: Any) -> None:
        """Write a value as JSON."""
        (self._folder / f"{name}.json").write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")


@contextmanager
def new_folder(folder: Path, is_good: Callable[[Path], bool] | None = None) -> Iterator[ArrayWriter]:
    """A new `folder` of arrays (.npy) and JSON tables, which appears complete at the end, or not at all.

    Args:
        folder: Where it appears. An existing folder is replaced if it is not good by then.
        is_good: Whether an existing folder stays as it is; by default if it is complete.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    sweep(folder.parent)
    part = Path(tempfile.mkdtemp(prefix=_TEMPORARY, dir=folder.parent))
    try:
        yield ArrayWriter(part)
        files = {path.name: path.stat().st_size for path in sorted(part.iterdir())}
        (part / META).write_text(json.dumps({"format": FORMAT, "files": files}, indent=1), encoding="utf-8")
        part.chmod(folder.parent.stat().st_mode)  # temporary folders are private, this one is as its parent
        if folder.exists() and not (is_good or is_complete)(folder):
            old = part.with_name(f"{part.name}-old")
            folder.rename(old)  # swept by a later build, should this process be killed just now
            remove(old)
        if not folder.exists():  # another process may have been faster: its arrays are as good as ours
            part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def is_complete(folder: Path) -> bool:
    """Whether `folder` holds every file that its `meta.json` lists, at its full size, in this format."""
    try:
        meta = json.loads((folder / META).read_text(encoding="utf-8"))
        files = dict(meta["files"])
        return meta["format"] == FORMAT and all((folder / file).stat().st_size == size for file, size in files.items())
    except (OSError, ValueError, KeyError, TypeError):
        return False


def read(folder: Path) -> tuple[dict[str, Array], dict[str, Any]]:
    """Open a complete folder: its arrays, memory-mapped read-only, and its JSON tables.

    Raises:
        FileNotFoundError: The folder is no longer complete, since another process is removing it.
        ValueError: A file has the right size but cannot be read.
    """
    names = sorted(json.loads((folder / META).read_text(encoding="utf-8"))["files"])
    files = [folder / name for name in names]
    arrays = {path.stem: np.load(path, mmap_mode="r", allow_pickle=False) for path in files if path.suffix == ".npy"}
    tables = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in files if path.suffix == ".json"}
    return arrays, tables


def remove(folder: Path) -> None:
    """Delete a stale folder; one that is in use and cannot be deleted stays until the next time."""
    shutil.rmtree(folder, ignore_errors=True)


def sweep(parent: Path, abandoned_s: float = _ABANDONED_S) -> None:
    """Delete what a killed build left.

    Args:
        parent: The folder in which indexes are built.
        abandoned_s: Age in seconds from which on nobody can still be writing it.
    """
    for path in parent.glob(f"{_TEMPORARY}*"):
        if time.time() - path.stat().st_mtime >= abandoned_s:
            remove(path)
