"""Sentence encoders: unit vectors, prefixes, token counts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from models.config import EncoderModel
from models.errors import ModelError
from models.local.encoder import SentenceEncoder
from models.protocols import Encoder
from models.weights.resolve import Weights, resolve
from tests.models.tiny_encoder import save_tiny_encoder

TEXTS = ["The ferry leaves at nine.", "", "A bridge", "The ferry leaves at nine. " * 60]


@pytest.fixture
def folder(cache: Path, tmp_path: Path) -> Path:
    """A random two-layer BERT with mean pooling, as a sentence-transformers folder."""
    return save_tiny_encoder(tmp_path / "encoder")


def opened(folder: Path, **settings: str | int) -> SentenceEncoder:
    config = EncoderModel.model_validate({"weights": str(folder), "device": "cpu", **settings})
    return SentenceEncoder("tiny", config, resolve(str(folder)))


def test_rows_are_unit_vectors_in_order(folder: Path) -> None:
    encoder = opened(folder, batch_size=2)
    assert isinstance(encoder, Encoder)
    vectors = encoder.encode(TEXTS)
    assert vectors.shape == (len(TEXTS), encoder.dimension)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(len(TEXTS)), abs=1e-5)
    assert vectors[2] == pytest.approx(encoder.encode([TEXTS[2]])[0], abs=1e-5)


def test_no_texts(folder: Path) -> None:
    encoder = opened(folder)
    assert encoder.encode([]).shape == (0, encoder.dimension)


def test_prefixes_go_to_their_kind(folder: Path) -> None:
    bare = opened(folder)
    encoder = opened(folder, query_prefix="query: ", passage_prefix="passage: ")
    assert encoder.encode(["a bridge"], "query") == pytest.approx(bare.encode(["query: a bridge"]), abs=1e-5)
    assert encoder.encode(["a bridge"]) == pytest.approx(bare.encode(["passage: a bridge"]), abs=1e-5)
    assert encoder.digest != bare.digest


def test_tokens_are_counted_whole_and_without_special_ones(folder: Path) -> None:
    encoder = opened(folder)
    assert encoder.count_tokens("") == 0
    assert encoder.count_tokens("bridge") == 1
    assert encoder.count_tokens("bridge " * 100) == 100


def test_a_gguf_file_is_no_encoder(tmp_path: Path) -> None:
    weights = Weights("a.gguf", None, tmp_path / "a.gguf", "0" * 64, "")
    with pytest.raises(ModelError, match="GGUF"):
        SentenceEncoder("a", EncoderModel(weights="a.gguf"), weights)


@pytest.mark.models
def test_minilm_puts_like_beside_like(pulled: Callable[[str], Weights]) -> None:
    encoder = SentenceEncoder("minilm", EncoderModel(weights="all-minilm-l6-v2"), pulled("all-minilm-l6-v2"))
    assert encoder.dimension == 384
    question = encoder.encode(["When does the boat sail?"], "query")[0]
    near, far = encoder.encode(["The ferry leaves at nine in the morning.", "Bread is made of flour and water."])
    assert question @ near > question @ far + 0.2
