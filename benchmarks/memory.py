"""Memory of a process, as the kernel counts it: what `resource` says would include that of its parent."""

from __future__ import annotations

from pathlib import Path
from typing import Literal


def memory_mib(what: Literal["VmRSS", "VmHWM"]) -> int:
    """Resident memory of this process in MiB: now (VmRSS), or the most that it had (VmHWM)."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(what)) // 1024
