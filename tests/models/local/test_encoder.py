"""Sentence encoders: unit vectors, prefixes, token counts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from models.config import EncoderModel
from models.errors import ModelError
from models.local.encoder import SentenceEncoder
from models.protocols import Encoder, WindowedEncoder
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


def test_the_window_leaves_room_for_special_tokens(folder: Path) -> None:
    encoder = opened(folder, passage_prefix="passage: ", query_prefix="query: ")
    assert isinstance(encoder, WindowedEncoder)
    assert encoder.max_tokens == 62
    assert encoder.token_counts(["bridge", "a bridge", ""]) == [3, 4, 2]
    assert encoder.token_counts(["bridge"], "query") == [3]
    whole = encoder.encode(["bridge " * 60])
    assert np.array_equal(whole, encoder.encode(["bridge " * 60 + "ferry"]))
    assert not np.array_equal(whole, encoder.encode(["bridge " * 59 + "ferry"]))


def test_what_is_read_of_a_text_is_counted_in_characters(folder: Path) -> None:
    encoder = opened(folder, passage_prefix="passage: ")
    assert [reading.share for reading in encoder.readings(["a bridge", "", "bridge " * 60])] == [1.0, 1.0, 1.0]
    cut, foreign, both = encoder.readings(["bridge " * 120, "bridge 다리", "다리 " * 120])
    assert (cut.tokens, cut.share) == (122, 0.5)
    assert foreign.share == pytest.approx(6 / 8)
    assert both.share == 0.0
    assert encoder.readings([]) == []


def test_a_text_that_is_cut_is_told_once(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    encoder = opened(folder)
    encoder.encode(["bridge " * 62])
    assert caplog.messages == []
    encoder.encode(["a bridge", "bridge " * 70], "query")
    encoder.encode(["bridge " * 80])
    assert caplog.messages == [
        "tiny reads 62 tokens of a text, and was given a query of 70: what is beyond is not in its vector."
    ]


def test_static_embeddings_read_every_text(tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel

    module = StaticEmbedding(Tokenizer(WordLevel({"a": 0, "b": 1, "?": 2}, unk_token="?")), embedding_dim=8)
    SentenceTransformer(modules=[module], device="cpu").save(str(tmp_path / "static"))
    encoder = opened(tmp_path / "static")
    assert encoder.max_tokens is None
    assert encoder.encode(["a", "b"]).shape == (2, 8)
    assert encoder.readings(["a " * 5000])[0].share == 1.0


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
