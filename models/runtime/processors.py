"""How many processors there are to work on."""

from __future__ import annotations

import os


def processors() -> int:
    """Processors this process may use, which in a container are fewer than the machine has."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1
