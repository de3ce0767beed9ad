"""SHA-256 of large files, computed once.

Hashing a gigabyte takes seconds, and weights are resolved in every run. The digest of a file is kept in the
cache beside its size and modification time, and computed again when either has changed.
"""

from __future__ import annotations

import json
from pathlib import Path

from models.files.atomic import replace_text
from models.files.cache import cache_dir
from models.files.digest import digest, file_sha256


def cached_sha256(path: Path) -> str:
    """SHA-256 of a file in hex, from the cache where size and modification time are those of the record.

    Args:
        path: An existing file.
    Raises:
        OSError: The file cannot be read.
    """
    path = path.resolve()
    stat = path.stat()
    # Size and time in nanoseconds: whoever changes a file within both is not who this guards against.
    stamp = [stat.st_size, stat.st_mtime_ns]
    record_path = cache_dir() / "digests" / f"{digest(str(path))}.json"
    record = _read(record_path)
    if record is not None and record.get("stamp") == stamp and isinstance(record.get("sha256"), str):
        return str(record["sha256"])
    sha256 = file_sha256(path)
    replace_text(record_path, json.dumps({"stamp": stamp, "sha256": sha256}))
    return sha256


def _read(record_path: Path) -> dict[str, object] | None:
    try:
        value = json.loads(record_path.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    return value if isinstance(value, dict) else None
