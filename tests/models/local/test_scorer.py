"""Scores of options equal those of the plain forward pass, one option at a time, with and without an adapter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from models.config import TransformersModel
from models.errors import ConfigError, ModelError
from models.local.causal import CausalModel, open_causal
from models.local.scorer import BATCH, TransformersScorer
from models.protocols import ChoiceScorer
from models.weights.resolve import Weights

PREFIX = "Which town has a bridge? Answer:"
OPTIONS = [" Harrow", " Saltby, and nowhere else but there", " the", " x"]


def opened(folder: Path, adapter: Path | None = None) -> CausalModel:
    return open_causal("tiny", TransformersModel(weights=str(folder), dtype="float32", device="cpu"), adapter)


@pytest.fixture
def causal(cache: Path, tiny_folder: Path) -> CausalModel:
    return opened(tiny_folder)


def plain(causal: CausalModel, prefix: str, options: Sequence[str]) -> list[float]:
    """The whole text through the model for each option, all tokens that not every text shares with the prefix."""
    import torch

    def encode(text: str) -> list[int]:
        ids: list[int] = causal.tokenizer(text)["input_ids"]
        return ids

    rows = [encode(prefix), *(encode(prefix + option) for option in options)]
    cut = 0
    while all(len(row) > cut for row in rows) and len({row[cut] for row in rows}) == 1:
        cut += 1
    sums = []
    for ids in rows[1:]:
        with torch.no_grad():
            logits = causal.model(input_ids=torch.tensor([ids])).logits[0]
        logprobs = torch.log_softmax(logits, dim=-1)
        sums.append(sum(float(logprobs[place - 1, ids[place]]) for place in range(cut, len(ids))))
    return sums


def logprobs(scorer: TransformersScorer, prefix: str, options: Sequence[str]) -> list[float]:
    return [option.logprob for option in scorer.score(prefix, options).options]


def make_adapter(folder: Path, out: Path, config: Any) -> Path:
    """An adapter with random weights, so that it changes every score."""
    import torch
    from peft import get_peft_model

    model = get_peft_model(opened(folder).model, config)
    torch.manual_seed(3)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.normal_(0, 0.3)
    model.save_pretrained(out)
    return out


@pytest.fixture
def lora(cache: Path, tiny_folder: Path, tmp_path: Path) -> Path:
    from peft import LoraConfig

    config = LoraConfig(r=4, target_modules=["q_proj", "v_proj", "down_proj"], lora_dropout=0.5, task_type="CAUSAL_LM")
    return make_adapter(tiny_folder, tmp_path / "lora", config)


def test_scores_equal_the_plain_forward_pass(causal: CausalModel) -> None:
    scorer = TransformersScorer(causal)
    assert logprobs(scorer, PREFIX, OPTIONS) == pytest.approx(plain(causal, PREFIX, OPTIONS), abs=1e-3)


def test_more_options_than_a_batch_holds(causal: CausalModel) -> None:
    options = [f" town number {'and more ' * (number % 3)}{number}" for number in range(2 * BATCH + 3)]
    scorer = TransformersScorer(causal)
    assert logprobs(scorer, PREFIX, options) == pytest.approx(plain(causal, PREFIX, options), abs=1e-3)


@pytest.mark.parametrize(
    ("prefix", "options"),
    [
        (PREFIX + " ", ["Harrow", "Saltby", "the town"]),
        ("The ferr", ["y leaves the harbour", "ies", "et"]),
        ("Which town has a bridge? Ans", ["wer: Harrow", "wering", " town"]),
    ],
)
def test_tokens_that_merge_across_the_boundary(prefix: str, options: list[str], causal: CausalModel) -> None:
    cut = [causal.tokenizer(prefix + option)["input_ids"] for option in options]
    alone = causal.tokenizer(prefix)["input_ids"]
    assert any(ids[: len(alone)] != alone for ids in cut), "the case must merge, or it tests nothing"
    scorer = TransformersScorer(causal)
    assert logprobs(scorer, prefix, options) == pytest.approx(plain(causal, prefix, options), abs=1e-3)


def test_an_options_score_does_not_depend_on_its_neighbours(causal: CausalModel) -> None:
    scorer = TransformersScorer(causal)
    together = logprobs(scorer, PREFIX, OPTIONS)
    alone = [logprobs(scorer, PREFIX, [option])[0] for option in OPTIONS]
    assert together == pytest.approx(alone, abs=1e-3)


def test_counts(causal: CausalModel) -> None:
    scorer = TransformersScorer(causal)
    scored = scorer.score(PREFIX, OPTIONS)
    assert [option.characters for option in scored.options] == [len(option) for option in OPTIONS]
    assert [option.tokens for option in scored.options] == [scorer.count_tokens(option) for option in OPTIONS]
    assert scored.usage.tokens_in == scorer.count_tokens(PREFIX) + sum(map(scorer.count_tokens, OPTIONS))
    assert all(option.logprob < 0 for option in scored.options)


def test_an_empty_prefix_is_scored_after_the_end_token(causal: CausalModel) -> None:
    scorer = TransformersScorer(causal)
    expected = plain(causal, causal.tokenizer.eos_token, OPTIONS)
    assert logprobs(scorer, "", OPTIONS) == pytest.approx(expected, abs=1e-3)


def test_a_start_token_comes_first_and_only_once(causal: CausalModel) -> None:
    from tokenizers.processors import TemplateProcessing

    tokenizer = causal.tokenizer
    tokenizer.bos_token = "<|system|>"
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="<|system|> $A", special_tokens=[("<|system|>", tokenizer.bos_token_id)]
    )
    scorer = TransformersScorer(causal)
    expected = plain(causal, PREFIX, OPTIONS)
    assert logprobs(scorer, PREFIX, OPTIONS) == pytest.approx(expected, abs=1e-3)
    assert logprobs(scorer, "<|system|>" + PREFIX, OPTIONS) == pytest.approx(expected, abs=1e-3)


def test_a_prefix_longer_than_the_context_is_refused(causal: CausalModel) -> None:
    with pytest.raises(ModelError, match="at most 256 tokens"):
        TransformersScorer(causal).score("bridge " * 300, OPTIONS)


def test_no_options_and_an_empty_one(causal: CausalModel) -> None:
    scorer = TransformersScorer(causal)
    for options in ([], [" a", ""]):
        with pytest.raises(ConfigError):
            scorer.score(PREFIX, options)


def test_a_closed_scorer_says_so(causal: CausalModel) -> None:
    scorer = TransformersScorer(causal)
    assert isinstance(scorer, ChoiceScorer)
    scorer.close()
    with pytest.raises(ModelError, match="closed"):
        scorer.score(PREFIX, OPTIONS)


def test_lora_changes_scores_and_digest_and_equals_the_plain_pass(
    causal: CausalModel, lora: Path, tiny_folder: Path
) -> None:
    base = TransformersScorer(causal)
    fitted = opened(tiny_folder, lora)
    scorer = TransformersScorer(fitted)
    expected = plain(fitted, PREFIX, OPTIONS)
    assert logprobs(scorer, PREFIX, OPTIONS) == pytest.approx(expected, abs=1e-3)
    assert max(abs(a - b) for a, b in zip(expected, logprobs(base, PREFIX, OPTIONS), strict=True)) > 0.1
    assert scorer.digest != base.digest
    assert scorer.name == "tiny+lora"


def test_unmerged_equals_merged(lora: Path, tiny_folder: Path) -> None:
    apart = logprobs(TransformersScorer(opened(tiny_folder, lora)), PREFIX, OPTIONS)
    merged = opened(tiny_folder, lora)
    merged.model = merged.model.merge_and_unload()
    assert apart == pytest.approx(logprobs(TransformersScorer(merged), PREFIX, OPTIONS), abs=1e-3)


def prompt_tuning() -> Any:
    from peft import PromptTuningConfig

    return PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=5)


def prefix_tuning() -> Any:
    from peft import PrefixTuningConfig

    return PrefixTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=5)


@pytest.mark.parametrize("method", [prompt_tuning, prefix_tuning])
def test_virtual_tokens(method: Callable[[], Any], causal: CausalModel, tiny_folder: Path, tmp_path: Path) -> None:
    adapter = make_adapter(tiny_folder, tmp_path / "prompt", method())
    scorer = TransformersScorer(opened(tiny_folder, adapter))
    together = logprobs(scorer, PREFIX, OPTIONS)
    assert together == pytest.approx([logprobs(scorer, PREFIX, [option])[0] for option in OPTIONS], abs=1e-3)
    assert together != pytest.approx(logprobs(TransformersScorer(causal), PREFIX, OPTIONS), abs=0.1)


def test_digest_names_weights_and_number_format(cache: Path, tiny_folder: Path) -> None:
    again = TransformersScorer(opened(tiny_folder)).digest
    assert again == TransformersScorer(opened(tiny_folder)).digest
    half = open_causal("tiny", TransformersModel(weights=str(tiny_folder), dtype="bfloat16", device="cpu"))
    assert TransformersScorer(half).digest != again


@pytest.mark.models
def test_smollm_knows_the_capital(pulled: Callable[[str], Weights]) -> None:
    pulled("smollm2-135m-instruct")
    causal = open_causal("smollm2-135m", TransformersModel(weights="smollm2-135m-instruct", dtype="float32"))
    scorer = TransformersScorer(causal)
    options = [" Madrid", " Paris", " Oslo", " Saint Petersburg"]
    prefix = "The capital of France is"
    sums = logprobs(scorer, prefix, options)
    assert sums.index(max(sums)) == 1
    assert sums == pytest.approx(plain(causal, prefix, options), abs=1e-3)
