"""The mean of an encoder's vectors: subtracted where a configuration names it."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from models.config import EncoderModel, load_model, mean_of
from models.errors import ConfigError
from models.factory import open_encoder
from models.local.encoder import SentenceEncoder
from models.local.mean import centred, read_mean
from models.weights.resolve import resolve
from tests.models.tiny_encoder import save_tiny_encoder

TEXTS = ["the ferry leaves at nine", "a bridge", "which town has a river?", "the query"]


@pytest.fixture
def folder(cache: Path, tmp_path: Path) -> Path:
    return save_tiny_encoder(tmp_path / "encoder")


def opened(folder: Path, mean: Path | None = None) -> SentenceEncoder:
    config = EncoderModel(weights=str(folder), device="cpu")
    return SentenceEncoder("tiny", config, resolve(str(folder)), mean=mean)


def saved_mean(folder: Path, values: np.ndarray, name: str = "mean") -> Path:
    save_file({name: values}, folder / "m.safetensors")
    return folder / "m.safetensors"


def test_vectors_lie_around_the_mean(folder: Path, tmp_path: Path) -> None:
    plain = opened(folder)
    mean = plain.encode(TEXTS).mean(axis=0)
    encoder = opened(folder, saved_mean(tmp_path, mean))
    vectors = encoder.encode(TEXTS)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(len(TEXTS)), abs=1e-5)
    assert vectors == pytest.approx(centred(plain.encode(TEXTS), mean), abs=1e-5)
    assert (vectors @ vectors.T).mean() < (plain.encode(TEXTS) @ plain.encode(TEXTS).T).mean()
    assert encoder.digest != plain.digest
    assert vectors.dtype == np.float32


def test_training_sees_the_same_vectors(folder: Path, tmp_path: Path) -> None:
    mean = opened(folder).encode(TEXTS).mean(axis=0)
    encoder = opened(folder, saved_mean(tmp_path, mean))
    vectors, _ = encoder.with_gradients(TEXTS, 32)
    assert vectors.detach().numpy() == pytest.approx(encoder.encode(TEXTS, "query"), abs=1e-4)


def test_a_file_beside_the_configuration(folder: Path, tmp_path: Path) -> None:
    saved_mean(tmp_path, opened(folder).encode(TEXTS).mean(axis=0))
    own = tmp_path / "own.yaml"
    own.write_text(f"backend: sentence-transformers\nweights: {folder}\nmean: m.safetensors\n")
    assert mean_of(str(own), load_model(str(own))) == tmp_path / "m.safetensors"
    assert open_encoder(str(own)).digest != opened(folder).digest


def test_a_file_without_the_mean_is_refused(folder: Path, tmp_path: Path) -> None:
    size = opened(folder).dimension
    for values, name in ((np.zeros(size, np.float32), "mode"), (np.zeros(size + 1, np.float32), "mean")):
        with pytest.raises(ConfigError, match=rf"shape \({size},\)"):
            read_mean(saved_mean(tmp_path, values, name), size)
    shutil.copy(folder / "config.json", tmp_path / "m.safetensors")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_mean(tmp_path / "m.safetensors", size)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_mean(tmp_path / "none.safetensors", size)


def test_a_vector_at_the_mean_stays_finite() -> None:
    mean = np.array([0.6, 0.8], np.float32)
    assert np.isfinite(centred(mean[None], mean)).all()


def test_the_shipped_mean_fits_its_encoder() -> None:
    path = mean_of("e5-small", load_model("e5-small"))
    assert path is not None
    assert 0.5 < float(np.linalg.norm(read_mean(path, 384))) < 1
