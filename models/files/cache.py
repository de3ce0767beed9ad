"""The cache folder: what GRAFT can always fetch or compute again, such as weights, converted weights, file digests.

All workspaces share it: `$GRAFT_CACHE`, else the user's cache folder of the platform.
"""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def cache_dir() -> Path:
    """The cache folder, created if absent.

    Returns:
        `$GRAFT_CACHE` where it is set and not empty, else the platform's user cache folder for "graft".
    """
    named = os.environ.get("GRAFT_CACHE", "").strip()
    folder = Path(named).expanduser() if named else Path(platformdirs.user_cache_dir("graft", appauthor=False))
    folder.mkdir(parents=True, exist_ok=True)
    return folder
