"""The folder of arrays behind a `GraphIndex`: written whole or not at all, memory-mapped when read.

One folder an index, named by what it was made from. `meta.json` lists every file with its size and
is the last thing to appear, so a folder without it, or with a file that differs from it, is damaged
and counts as absent. Nothing here knows what the arrays mean, and nothing here ever unpickles.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

META = "meta.json"
FORMAT = 1
_TEMPORARY = ".building-"
_ABANDONED_S = 3600

Array = NDArray[Any]


def write(folder: Path, arrays: Mapping[str, Array], tables: Mapping[str, Any]) -> None:
    """Write arrays (.npy) and JSON tables into a new `folder`, which appears complete or not at all.

    Args:
        folder: Where to; a damaged folder of that name is replaced.
        arrays: By name, without objects.
        tables: By name, JSON-serialisable.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    sweep(folder.parent)
    building = Path(tempfile.mkdtemp(prefix=_TEMPORARY, dir=folder.parent))
    try:
        for name, array in arrays.items():
            np.save(building / f"{name}.npy", array, allow_pickle=False)
        for name, table in tables.items():
            (building / f"{name}.json").write_text(json.dumps(table, ensure_ascii=False), encoding="utf-8")
        files = {path.name: path.stat().st_size for path in sorted(building.iterdir())}
        meta = {"format": FORMAT, "files": files}
        (building / META).write_text(json.dumps(meta, indent=1), encoding="utf-8")
        building.chmod(folder.parent.stat().st_mode)  # temporary folders are private, this one is as its parent
        if folder.exists() and not is_whole(folder):
            shutil.rmtree(folder)
        if not folder.exists():  # another process may have been faster: its arrays are as good as ours
            building.rename(folder)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def is_whole(folder: Path) -> bool:
    """Whether `folder` holds every file that its `meta.json` lists, at its full size, in this format."""
    try:
        meta = json.loads((folder / META).read_text(encoding="utf-8"))
        files = dict(meta["files"])
        return meta["format"] == FORMAT and all((folder / n).stat().st_size == size for n, size in files.items())
    except (OSError, ValueError, KeyError, TypeError):
        return False


def read(folder: Path) -> tuple[dict[str, Array], dict[str, Any]]:
    """Open a whole folder: arrays memory-mapped read-only, and its JSON tables.

    Raises:
        ValueError: A file has the right size but cannot be read.
    """
    arrays = {path.stem: np.load(path, mmap_mode="r", allow_pickle=False) for path in sorted(folder.glob("*.npy"))}
    paths = [path for path in sorted(folder.glob("*.json")) if path.name != META]
    return arrays, {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in paths}


def remove(folder: Path) -> None:
    """Delete a stale folder; one that is in use elsewhere and cannot be deleted stays for the next time."""
    shutil.rmtree(folder, ignore_errors=True)


def sweep(parent: Path, abandoned_s: float = _ABANDONED_S) -> None:
    """Delete what a killed build left: by default once nobody can still be writing it."""
    for path in parent.glob(f"{_TEMPORARY}*"):
        if time.time() - path.stat().st_mtime >= abandoned_s:
            remove(path)
