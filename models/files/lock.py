"""A lock file: two processes that want to make the same file take turns.

The kernel frees the lock when its holder dies, so a killed process leaves nothing to clean up.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the lock of `path` (created if absent, and left there); wait while another process holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as handle:
        # The file stays: removing it would let a third process lock another file of the same name.
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
