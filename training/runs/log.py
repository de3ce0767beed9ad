"""The log of a training run: one JSON line a step, and the check that a loss is still a number.

Knows nothing of models or data; `training.runs.loop` writes it.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from models.errors import GraftError
from training.runs.checkpoint import TrainingState

LOG = "train_log.jsonl"


def open_log(file: Path, step: int) -> Any:
    """The log, cut back to its first `step` lines: steps after the checkpoint are made again, and logged again."""
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)[:step] if file.exists() else []
    # A line that a kill cut off stands behind the checkpoint's step, so that it is cut, too.
    file.write_text("".join(lines), encoding="utf-8")
    return file.open("a", encoding="utf-8")


def log_line(state: TrainingState, rate: float) -> str:
    """The line of the last step: its loss in nats per token, its learning rate, and totals up to it."""
    values = {
        "step": state.step,
        "loss": state.losses[-1],
        "lr": rate,
        "tokens": state.tokens,
        "seconds": round(state.seconds, 3),
    }
    return json.dumps(values) + "\n"


def check_finite(state: TrainingState, folder: Path, learning_rate: float) -> None:
    """Refuse to continue once the loss is infinite or no number: the weights are then lost, and every later loss too.

    Raises:
        GraftError: The last loss is not finite.
    """
    if not math.isfinite(state.losses[-1]):
        raise GraftError(
            f"Expected a finite loss at step {state.step}, got {state.losses[-1]}: training has diverged. Delete "
            f"{folder} and train with a learning rate below {learning_rate}."
        )
