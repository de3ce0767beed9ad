"""Cross-encoders: one score a passage, in order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.config import RerankerModel
from models.errors import ModelError
from models.local.reranker import CrossEncoderReranker
from models.protocols import Reranker
from models.weights.resolve import Weights, resolve
from tests.models.tiny_bert import save_tiny_bert

PASSAGES = ["the ferry leaves at nine .", "a bridge", "the river has a bridge at the town ."]


def opened(folder: Path) -> CrossEncoderReranker:
    return CrossEncoderReranker(
        "tiny", RerankerModel(weights=str(folder), batch_size=2, device="cpu"), resolve(str(folder))
    )


def test_scores_belong_to_their_passages(cache: Path, tmp_path: Path) -> None:
    reranker = opened(save_tiny_bert(tmp_path / "cross", labels=1))
    assert isinstance(reranker, Reranker)
    scores = reranker.rank("which town has a bridge ?", PASSAGES)
    assert scores.shape == (3,)
    assert scores.dtype == np.float32
    assert len(set(scores.tolist())) == 3
    assert reranker.rank("which town has a bridge ?", PASSAGES[::-1]) == pytest.approx(scores[::-1], abs=1e-5)
    assert reranker.rank("which ?", PASSAGES) != pytest.approx(scores, abs=1e-3)
    assert reranker.rank("which ?", []).shape == (0,)


def test_a_score_equals_the_classifiers_output(cache: Path, tmp_path: Path) -> None:
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    folder = save_tiny_bert(tmp_path / "cross", labels=1)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    with torch.no_grad():
        logit = model(**tokenizer("the ferry ?", PASSAGES[0], return_tensors="pt")).logits[0, 0]
    assert opened(folder).rank("the ferry ?", PASSAGES[:1])[0] == pytest.approx(torch.sigmoid(logit).item(), abs=1e-5)


def test_a_classifier_of_three_is_no_reranker(cache: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="3 numbers a pair"):
        opened(save_tiny_bert(tmp_path / "cross", labels=3))


def test_a_gguf_file_is_no_reranker(tmp_path: Path) -> None:
    weights = Weights("a.gguf", None, tmp_path / "a.gguf", "0" * 64, "")
    with pytest.raises(ModelError, match="GGUF"):
        CrossEncoderReranker("a", RerankerModel(weights="a.gguf"), weights)
