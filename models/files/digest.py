"""Content digests: the one way GRAFT names a thing by its content.

BLAKE2b over canonical JSON (sorted keys, no spaces, UTF-8), so the same content gives the same
name on any machine, in any process, under any hash seed.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any


def canonical_json(value: Any) -> str:
    """Write JSON in its one canonical form.

    Example:
        >>> canonical_json({"b": 1, "a": "é"})
        '{"a":"é","b":1}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(*parts: Any, size: int = 16) -> str:
    """Hex digest of JSON-serialisable parts; `size` bytes, 2 * size hex digits.

    Example:
        >>> digest("a", {"b": 1}) == digest("a", {"b": 1}) != digest("a", {"b": 2})
        True
    """
    # "surrogatepass": a file name that is not UTF-8 has lone surrogates in Python, and still needs a digest.
    return hashlib.blake2b(canonical_json(list(parts)).encode("utf-8", "surrogatepass"), digest_size=size).hexdigest()


def file_sha256(path: Path) -> str:
    """SHA-256 of a file in hex, read in blocks of 1 MiB."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
