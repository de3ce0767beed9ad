"""Learning rates: a function of the step's number alone, so that a run that was cut off continues with the same ones.

Knows nothing of models or data; `training.runs.loop` asks it for the rate of every step.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

_LINEAR_FLOOR = 0.02
"""Share of the peak below which "linear" does not fall: a last step at a rate of zero would teach nothing."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """How the learning rate rises and falls.

    Attributes:
        peak: Highest rate.
        warmup_steps: Steps over which it rises from zero in a straight line. AdamW's second moments are estimated from
            the first few gradients, so that a full rate at once would take some weights far off.
        shape: After the warm-up: "cosine" falls towards zero along half a cosine, "constant" stays at the peak,
            "linear" falls in a straight line that would have begun at the peak at step 0.
    """

    peak: float
    warmup_steps: int
    shape: Literal["cosine", "constant", "linear"]


def learning_rate(step: int, steps: int, schedule: Schedule) -> float:
    """The rate of a step.

    Args:
        step: Number of the step, from 0.
        steps: Steps of the run.
        schedule: Peak, warm-up and shape.
    Returns:
        In (0, peak].
    Source: Loshchilov and Hutter, SGDR, ICLR 2017, equation 5 (cosine, here without restarts).
    Example:
        >>> [round(learning_rate(step, 4, Schedule(1.0, 2, "cosine")), 2) for step in range(4)]
        [0.5, 1.0, 1.0, 0.5]
        >>> [round(learning_rate(step, 4, Schedule(1.0, 2, "linear")), 2) for step in range(4)]
        [0.5, 0.75, 0.5, 0.25]
    """
    warmup = schedule.warmup_steps
    if schedule.shape == "linear":
        return schedule.peak * min((step + 1) / warmup, max(_LINEAR_FLOOR, 1 - step / steps))
    if step < warmup:
        # step + 1: a first step at a rate of zero would be wasted.
        return schedule.peak * (step + 1) / warmup
    if schedule.shape == "constant":
        return schedule.peak
    # The divisor counts from the end of the warm-up to one past the last step, whose rate is thus above zero.
    return schedule.peak * 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))
