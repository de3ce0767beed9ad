"""The `graft` command in this process, past every way out that `app.cli.main` has."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from app.cli import main

MIN_CHARACTERS = 40
"""An error that says what was expected, what came and what to do is not shorter."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a person sees of a command: exit code and both streams."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """stdout as one JSON document of schema version 1."""
        document = json.loads(self.out)
        assert document["schema_version"] == 1
        return dict(document)

    def error(self, code: int) -> str:
        """The one paragraph of stderr, having checked that it is one, and that the exit code is `code`."""
        assert self.code == code, (self.code, self.err)
        assert "Traceback" not in self.err
        assert self.out == ""
        (paragraph,) = self.err.splitlines()
        assert paragraph.startswith("graft: ")
        assert len(paragraph) > MIN_CHARACTERS
        return paragraph


def graft(*arguments: str | Path) -> Outcome:
    """Run `graft ARGUMENTS`."""
    out, err = io.StringIO(), io.StringIO()
    argv = ["graft", *map(str, arguments)]
    with patch.object(sys, "argv", argv), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main()
        except SystemExit as end:
            code = end.code
    assert isinstance(code, int)
    return Outcome(code, out.getvalue(), err.getvalue())


def contents(folder: Path) -> dict[str, str]:
    """Digest of every file below a folder, but for SQLite's own side files; empty where there is no folder."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix != ".lock")
    found = {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    return {name: digest for name, digest in found.items() if not name.endswith(("-wal", "-shm"))}
