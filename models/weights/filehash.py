"""SHA-256 of large files, computed once.

Hashing a gigabyte takes seconds, and weights are resolved in every run. The digest of a file is kept in the
cache beside its size and modification time, and computed again when either has changed.
"""

from __future__ import annotations

import json
from pathlib import Path

from models.files.atomic import replace_text
from models.files.digest import digest, file_sha256
from models.files.paths import cache_dir


def cached_sha256(path: Path) -> str:
    """SHA-256 of a file in hex, from the cache where size and modification time are those of the record.

    Args:
        path: An existing file.
    Raises:
        OSError: If the file cannot be read.
    """
    path = path.resolve()
    stat = path.stat()
    stamp = [stat.st_size, stat.st_mtime_ns]
    side = cache_dir() / "digests" / f"{digest(str(path))}.json"
    known = _read(side)
    if known is not None and known.get("stamp") == stamp and isinstance(known.get("sha256"), str):
        return str(known["sha256"])
    sha256 = file_sha256(path)
    replace_text(side, json.dumps({"stamp": stamp, "sha256": sha256}))
    return sha256


def _read(side: Path) -> dict[str, object] | None:
    try:
        value = json.loads(side.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    return value if isinstance(value, dict) else None
