"""A training run that is made once: what is finished is not made again, and what was cut off goes on.

The run's own folder, `OUT.partial`, says what was asked for; another request never gets into it, nor over a finished
folder.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from models.errors import ConfigError
from models.files.atomic import replace_text
from models.files.lock import exclusive
from training.runs.adapter import PARTIAL, read_usable
from training.runs.checkpoint import CHECKPOINT

REQUEST = "request.json"


class Asked(Protocol):
    """What is to be trained."""

    @property
    def key(self) -> str:
        """Digest of the parts; equal requests give equal adapters."""

    def parts(self) -> dict[str, Any]:
        """All that the adapter's weights depend on, by name, so that a difference can be named."""


def once(asked: Asked, out: Path, run: Callable[[Path], None]) -> Path:
    """Train, or go on with what was begun; a finished folder of the same request is left as it is.

    Args:
        asked: What is wanted.
        out: Folder of the adapter; its parent is made if absent.
        run: Trains in the run's own folder, which it is given, and publishes to `out`.
    Returns:
        `out`.
    Raises:
        ConfigError: `out` or `OUT.partial` belongs to another request.
    """
    if _finished(out, asked):
        return out
    with exclusive(out.parent / f".{out.name}.lock"):
        if _finished(out, asked):
            return out
        partial = out.with_name(out.name + PARTIAL)
        _begin(partial, asked)
        run(partial)
    return out


def _finished(out: Path, asked: Asked) -> bool:
    if not out.exists():
        return False
    manifest = read_usable(out)
    if manifest.key != asked.key:
        raise ConfigError(
            f"{out} holds an adapter of another request (base {manifest.base}, made of {sum(manifest.texts.values())} "
            "texts); base, beginning, texts or settings differ. Choose another folder, or delete that one."
        )
    leftover = out.with_name(out.name + PARTIAL)
    if leftover.exists():
        shutil.rmtree(leftover)
    return True


def _begin(partial: Path, asked: Asked) -> None:
    """Make the folder of an unfinished run, or check that it belongs to this request."""
    file = partial / REQUEST
    if not (file.exists() and (partial / CHECKPOINT).exists()):  # nothing is lost
        replace_text(file, json.dumps(asked.parts(), indent=2))
        return
    before, now = json.loads(file.read_text(encoding="utf-8")), asked.parts()
    changed = sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))
    if changed:
        raise ConfigError(
            f"{partial} holds an unfinished run of another request; what differs: {', '.join(changed)}. Go on with "
            "what it was begun with, choose another folder, or delete it to begin anew."
        )
