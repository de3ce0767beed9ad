"""The learning rate of every step: up to its peak, down again, and never zero."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.config import HopConfig, TrainConfig
from training.data.hop_sets import HopExample
from training.objectives.language_modelling import LanguageModelling, TrainingPlan
from training.runs.schedule import Schedule, learning_rate


@given(st.integers(1, 60), st.floats(0, 0.9), st.sampled_from(["cosine", "constant"]))
def test_the_learning_rate_rises_to_its_peak_and_never_above(steps: int, share: float, shape: str) -> None:
    config = TrainConfig.model_validate({"learning_rate": 2.0, "warmup_share": share, "schedule": shape})
    schedule = Schedule(config.learning_rate, math.ceil(config.warmup_share * steps), config.schedule)
    rates = [learning_rate(step, steps, schedule) for step in range(steps)]
    top = rates.index(max(rates))
    assert all(0 < rate <= 2.0 for rate in rates)
    assert all(a < b for a, b in pairwise(rates[: top + 1]))
    assert all(a >= b for a, b in pairwise(rates[top:]))
    assert max(rates) == pytest.approx(2.0)


@given(st.integers(1, 60), st.integers(1, 30))
def test_a_straight_line_falls_from_the_warm_up_to_nearly_zero(steps: int, warmup: int) -> None:
    schedule = Schedule(2.0, warmup, "linear")
    rates = [learning_rate(step, steps, schedule) for step in range(steps)]
    top = rates.index(max(rates))
    assert all(0 < rate <= 2.0 for rate in rates)
    assert all(a < b for a, b in pairwise(rates[: top + 1]))
    assert all(a >= b for a, b in pairwise(rates[top:]))
    assert all(rate == 2.0 * min((step + 1) / warmup, max(0.02, 1 - step / steps)) for step, rate in enumerate(rates))


def test_the_schedules_are_those_of_the_settings() -> None:
    import numpy as np

    config = TrainConfig(learning_rate=0.5, warmup_share=0.3, epochs=2, sequence_length=8, schedule="constant")
    settings = LanguageModelling(TrainingPlan([np.arange(1, 30)], 0, config)).settings
    assert (settings.steps, settings.schedule) == (8, Schedule(0.5, 3, "constant"))


def test_hops_fall_in_a_straight_line() -> None:
    from training.objectives.hop_ranking import HopRanking

    examples = [HopExample(f"question {number}", 0, (0,), (0,), 0) for number in range(5)]
    config = HopConfig(learning_rate=0.5, warmup_steps=7, epochs=3, batch_size=2)
    settings = HopRanking(None, [], examples, config, "cpu").settings  # type: ignore[arg-type]
    assert (settings.steps, settings.total_units, settings.unit) == (9, 15, "examples")
    assert settings.schedule == Schedule(0.5, 7, "linear") and settings.clip_norm is None
