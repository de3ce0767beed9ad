"""The probe sees what training did."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.errors import ConfigError, InputError
from training.config import TrainConfig
from training.data.texts import TrainingText
from training.probes.probe import probe
from training.train import train


@pytest.fixture(scope="module")
def adapter(tiny_base: str, texts: tuple[TrainingText, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter trained on all texts but the last."""
    config = TrainConfig(rank=8, epochs=30, sequence_length=64, batch_size=2, learning_rate=0.01)
    return train(tiny_base, texts[:-1], config, tmp_path_factory.mktemp("probe") / "a")


def test_training_texts_lose_more_than_the_base(tiny_base: str, texts: tuple[TrainingText, ...], adapter: Path) -> None:
    result = probe(tiny_base, adapter, [text.text for text in texts])
    falls = [(base - new) / count for base, new, count in zip(result.base, result.adapter, result.tokens, strict=True)]
    assert result.loss_adapter < result.loss_base - 0.3
    assert min(falls[:-1]) > falls[-1]  # the text that was held out gains least
    assert result.tokens == tuple(len(text.text) - 1 for text in texts)


def test_a_text_longer_than_the_context_is_read_in_windows(tiny_base: str, adapter: Path) -> None:
    result = probe(tiny_base, adapter, ["ab" * 100])
    assert result.tokens == (198,)  # 200 tokens in windows of 128, each of which leaves its first


def test_what_cannot_be_probed_is_named(tiny_base: str, adapter: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="two tokens"):
        probe(tiny_base, adapter, ["x"])
    with pytest.raises(InputError, match="0 texts"):
        probe(tiny_base, adapter, [])
    with pytest.raises(ConfigError, match="adapter"):
        probe(tiny_base, tmp_path / "none", ["some text"])
