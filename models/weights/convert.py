"""A conversion of weights that runs once: its result is a folder in the cache, there completely or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from models.files.cache import cache_dir
from models.files.lock import exclusive


def converted_to(digest: str, form: str) -> Path:
    """Path of the folder that the file with this digest is converted to, whether it exists yet or not."""
    return cache_dir() / "converted" / f"{digest[:32]}-{form}"


def convert_once(final: Path, convert: Callable[[Path], None]) -> Path:
    """Fill a folder, unless that was done before.

    Args:
        final: The folder, from `converted_to`.
        convert: Writes the files into the empty folder that it is given.
    Returns:
        `final`.
    """
    if final.exists():
        return final
    # Checked once more inside the lock: another process may have converted it while we waited.
    with exclusive(cache_dir() / "locks" / f"{final.name}.lock"):
        if final.exists():
            return final
        temporary = final.with_name(f".{final.name}.partial")
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        try:
            convert(temporary)
            for file in temporary.rglob("*"):
                if file.is_file():
                    file.chmod(0o644)  # safetensors writes for the owner alone, and a cache may be shared
            temporary.replace(final)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return final
