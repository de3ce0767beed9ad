"""The log of a training run: one JSON line a step, and the check that a loss is still a number.

Knows nothing of models or data; `training.train` and `training.hops` write it.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.errors import GraftError
from training.runs.checkpoint import State

if TYPE_CHECKING:
    pass


LOG = "train_log.jsonl"


def open_log(file: Path, step: int) -> Any:
    """The log, cut back to the lines up to `step`: steps after the checkpoint are made again."""
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)[:step] if file.exists() else []
    file.write_text("".join(lines), encoding="utf-8")
    return file.open("a", encoding="utf-8")


def log_line(state: State, rate: float) -> str:
    values = {
        "step": state.step,
        "loss": state.losses[-1],
        "lr": rate,
        "tokens": state.tokens,
        "seconds": round(state.seconds, 3),
    }
    return json.dumps(values) + "\n"


def check_finite(state: State, folder: Path, learning_rate: float) -> None:
    if not math.isfinite(state.losses[-1]):
        raise GraftError(
            f"The loss of step {state.step} is {state.losses[-1]}: training has diverged. Expected a finite number; "
            f"delete {folder} and train with a learning rate below {learning_rate}."
        )
