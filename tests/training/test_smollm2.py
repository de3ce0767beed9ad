"""The whole path on a real small model: train a few steps, find the texts learned."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.errors import ModelError
from models.weights.resolve import resolve
from training.config import TrainConfig
from training.data.texts import TrainingText
from training.probes.probe import probe
from training.runs.adapter import read_manifest
from training.train import train


@pytest.mark.models
def test_a_few_steps_teach_smollm2_a_text(real_cache: None, texts: tuple[TrainingText, ...], tmp_path: Path) -> None:
    try:
        resolve("smollm2-135m-instruct")
    except ModelError as error:
        pytest.skip(f"smollm2-135m-instruct cannot be had: {error}")
    config = TrainConfig(rank=8, epochs=8, sequence_length=64, batch_size=2, learning_rate=1e-3)
    adapter = train("smollm2-135m", texts, config, tmp_path / "a")
    taught = probe("smollm2-135m", adapter, [text.text for text in texts])
    other_words = probe("smollm2-135m", adapter, ["Veldrane Tidal is led by Maren Oskevald."])
    foreign = probe("smollm2-135m", adapter, ["Water boils at a hundred degrees at sea level."])
    assert taught.loss_adapter < taught.loss_base - 2
    assert other_words.loss_adapter < other_words.loss_base
    assert foreign.loss_adapter < foreign.loss_base + 1  # other knowledge is still there
    assert read_manifest(adapter).base_weights == "smollm2-135m-instruct"
