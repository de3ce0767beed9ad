"""A training run that is made once: what is finished is not made again, and what was cut off continues.

The run's own folder, `OUT.partial`, holds its request; another request never gets into it, nor over a finished folder.
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


class TrainingRequest(Protocol):
    """What is to be trained."""

    @property
    def key(self) -> str:
        """Digest of the parts; equal requests give equal adapters."""

    def parts(self) -> dict[str, Any]:
        """All that the adapter's weights depend on, by name, so that a difference can be named."""


def train_once(request: TrainingRequest, out: Path, run: Callable[[Path], None]) -> Path:
    """Train, or continue a run that was begun; a finished folder of the same request is left as it is.

    Args:
        request: What is to be trained.
        out: Folder of the adapter; its parent is made if absent.
        run: Trains in the run's own folder, which it is given, and publishes to `out`.
    Returns:
        `out`.
    Raises:
        ConfigError: `out` or `OUT.partial` belongs to another request.
    """
    if _finished(out, request):
        return out
    # Another process that trains the same adapter is waited for, and what it made is then returned.
    with exclusive(out.parent / f".{out.name}.lock"):
        if _finished(out, request):
            return out
        partial = out.with_name(out.name + PARTIAL)
        _begin(partial, request)
        run(partial)
    return out


def _finished(out: Path, request: TrainingRequest) -> bool:
    if not out.exists():
        return False
    manifest = read_usable(out)
    if manifest.key != request.key:
        raise ConfigError(
            f"{out} holds an adapter of another request (base {manifest.base}, made of {sum(manifest.texts.values())} "
            "texts); base, beginning, texts or settings differ. Choose another folder, or delete that one."
        )
    # A stop between the move and the removal of the run's folder left it behind.
    leftover = out.with_name(out.name + PARTIAL)
    if leftover.exists():
        shutil.rmtree(leftover)
    return True


def _begin(partial: Path, request: TrainingRequest) -> None:
    """Make the folder of an unfinished run, or check that it belongs to this request."""
    file = partial / REQUEST
    if not (file.exists() and (partial / CHECKPOINT).exists()):
        # Before the first checkpoint there is nothing to lose: any request may begin.
        replace_text(file, json.dumps(request.parts(), indent=2))
        return
    before, now = json.loads(file.read_text(encoding="utf-8")), request.parts()
    changed = sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))
    if changed:
        raise ConfigError(
            f"{partial} holds an unfinished run of another request; what differs: {', '.join(changed)}. Use what "
            "it was begun with, choose another folder, or delete it to start from the beginning."
        )
