"""Answers marginalised over passages equal the sums written out, on a real (tiny, random) model."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from models.calls.records import RecordedChat, Records
from models.config import TransformersModel
from models.errors import ConfigError
from models.local.causal import CausalModel, open_causal
from models.local.chat import TransformersChat
from models.local.marginal import score_marginal, write_marginal
from models.local.scorer import TransformersScorer
from models.protocols import ChatRequest, MarginalChat, MarginalMethod, Message

PREFIXES = ("The bridge is old. Which town has it? Answer:", "The harbour is new. Which town has it? Answer:")
OPTIONS = (" Harrow", " Saltby, and nowhere else")
WEIGHTS = (-0.2, -1.7)


@pytest.fixture
def causal(cache: Path, tiny_folder: Path) -> CausalModel:
    return open_causal("tiny", TransformersModel(weights=str(tiny_folder), dtype="float32", device="cpu"))


def _logprobs(causal: CausalModel, ids: list[int], after: list[int]) -> np.ndarray:
    import torch

    with torch.no_grad():
        logits = causal.model(input_ids=torch.tensor([[*ids, *after]])).logits[0].log_softmax(dim=-1)
    return np.array([float(logits[len(ids) + place - 1, token]) for place, token in enumerate(after)])


def test_options_are_scored_by_the_papers_two_sums(causal: CausalModel) -> None:
    scorer = TransformersScorer(causal)
    weights = np.exp(WEIGHTS) / np.exp(WEIGHTS).sum()
    for place, option in enumerate(OPTIONS):
        rows = [np.exp(scorer.score(prefix, OPTIONS).options[place].by_token) for prefix in PREFIXES]
        by_hand = {
            "sequence": sum(weight * np.prod(row) for weight, row in zip(weights, rows, strict=True)),
            "token": np.prod(sum(weight * row for weight, row in zip(weights, rows, strict=True))),
        }
        for way, expected in by_hand.items():
            found = score_marginal(scorer, PREFIXES, WEIGHTS, OPTIONS, way)  # type: ignore[arg-type]
            assert np.exp(found.options[place].logprob) == pytest.approx(expected, rel=1e-5)
            assert found.options[place].characters == len(option)


def test_one_passage_is_plain_scoring(causal: CausalModel) -> None:
    scorer = TransformersScorer(causal)
    plain = scorer.score(PREFIXES[0], OPTIONS)
    for way in ("sequence", "token"):
        found = score_marginal(scorer, PREFIXES[:1], [3.0], OPTIONS, way)  # type: ignore[arg-type]
        assert [each.logprob for each in found.options] == pytest.approx([each.logprob for each in plain.options])
        assert found.usage == plain.usage


def test_every_token_written_is_the_likeliest_under_all_passages(causal: CausalModel) -> None:
    import torch

    prompts = [causal.tokenizer(prefix)["input_ids"] for prefix in PREFIXES]
    written = write_marginal(causal, prompts, WEIGHTS, "token", 6)
    weights = np.exp(WEIGHTS) / np.exp(WEIGHTS).sum()
    for place, token in enumerate(written):
        with torch.no_grad():
            rows = [
                causal.model(input_ids=torch.tensor([[*ids, *written[:place]]])).logits[0, -1].softmax(dim=-1).numpy()
                for ids in prompts
            ]
        assert token == int(np.argmax(weights[0] * rows[0] + weights[1] * rows[1]))


def test_the_sequence_written_is_the_best_of_the_passages_own(causal: CausalModel) -> None:
    prompts = [causal.tokenizer(prefix)["input_ids"] for prefix in PREFIXES]
    own = [write_marginal(causal, [ids], [0.0], "token", 5) for ids in prompts]
    log_weights = np.log(np.exp(WEIGHTS) / np.exp(WEIGHTS).sum())

    def log_probability(reply: list[int]) -> float:
        weighed = zip(log_weights, prompts, strict=True)
        return float(np.logaddexp.reduce([weight + _logprobs(causal, ids, reply).sum() for weight, ids in weighed]))

    assert write_marginal(causal, prompts, WEIGHTS, "sequence", 5) == max(own, key=log_probability)


def test_a_chat_model_answers_and_is_recorded(causal: CausalModel, tmp_path: Path) -> None:
    requests = [ChatRequest((Message("user", prefix),), max_tokens=4) for prefix in PREFIXES]
    chat = TransformersChat(causal)
    assert isinstance(chat, MarginalChat)
    records = Records(tmp_path / "records.sqlite")
    recorded = RecordedChat(chat, records)
    ways: tuple[MarginalMethod, ...] = ("sequence", "token")
    for way, again in itertools.product(ways, (False, True)):
        found = recorded.complete_marginal(requests, WEIGHTS, way)
        assert found.text and found.recorded is again and found.usage.tokens_out <= 4
    records.close()


def test_weights_must_fit_the_passages(causal: CausalModel) -> None:
    with pytest.raises(ConfigError, match="one weight a prefix"):
        score_marginal(TransformersScorer(causal), PREFIXES, [0.0], OPTIONS, "token")
    with pytest.raises(ConfigError, match="finite"):
        score_marginal(TransformersScorer(causal), PREFIXES, [0.0, float("nan")], OPTIONS, "token")
    with pytest.raises(ConfigError, match="at least one"):
        write_marginal(causal, [], [], "token", 3)
