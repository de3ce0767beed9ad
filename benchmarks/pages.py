"""Pages of the documentation that are generated: which are stale, and the command that renews them or only says so.

`benchmarks.tables` and `docs.generate` know what stands on the pages.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from benchmarks.results import ROOT
from models.files.atomic import replace_text

Page = tuple[Path, str]
"""A file, with the text that it should have."""


def stale_pages(pages: Iterable[Page]) -> list[Page]:
    """Those whose file is missing or has another text."""
    return [(file, text) for file, text in pages if not file.exists() or file.read_text(encoding="utf-8") != text]


def renew(pages: Iterable[Page], check: bool, command: str) -> int:
    """Write the stale pages, or with `check` only name them with the `command` that writes them; the exit code."""
    found = stale_pages(pages)
    for file, text in found:
        if not check:
            replace_text(file, text)
        state = f"is stale: run {command}" if check else "written"
        sys.stderr.write(f"{file.relative_to(ROOT)} {state}\n")
    return 1 if check and found else 0
