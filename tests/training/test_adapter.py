"""Reading finished adapters back."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from models.errors import ConfigError
from training.adapter import MANIFEST, adapter_digest, list_adapters, read_manifest
from training.config import TrainConfig
from training.loop import train
from training.texts import TrainingText, texts_digest

CONFIG = TrainConfig(rank=2, epochs=1, sequence_length=64)


@pytest.fixture(scope="module")
def adapter(tiny_base: str, texts: tuple[TrainingText, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished adapter."""
    return train(tiny_base, texts, CONFIG, tmp_path_factory.mktemp("adapters") / "b")


def test_the_manifest_says_what_the_adapter_was_made_from(adapter: Path, texts: tuple[TrainingText, ...]) -> None:
    manifest = read_manifest(adapter)
    assert manifest.texts_digest == texts_digest(texts)
    assert manifest.adapter_digest == adapter_digest(adapter)
    assert manifest.config == CONFIG
    assert (manifest.base, manifest.base_weights, manifest.base_dtype) == ("tiny.yaml", "weights", "float32")
    assert manifest.versions.keys() == {"python", "torch", "transformers", "peft"}
    assert manifest.tokens_per_second > 0


def test_unfinished_and_foreign_folders_are_not_listed(adapter: Path) -> None:
    shutil.copytree(adapter, adapter.with_name("a"))
    shutil.copytree(adapter, adapter.with_name("c.partial"))
    adapter.with_name("notes").mkdir()
    assert [folder.name for folder, _ in list_adapters(adapter.parent)] == ["a", "b"]
    assert list_adapters(adapter / "nowhere") == ()


def test_a_damaged_manifest_is_named(adapter: Path, tmp_path: Path) -> None:
    values = json.loads((adapter / MANIFEST).read_text())
    (tmp_path / MANIFEST).write_text(json.dumps({**values, "steps": "many"}))
    with pytest.raises(ConfigError, match="steps"):
        read_manifest(tmp_path)
