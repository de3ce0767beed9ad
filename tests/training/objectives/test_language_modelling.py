"""Loss and batches of a step, against straightforward references."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.local.causal import load_causal
from models.weights.resolve import resolve
from training.config import TrainConfig
from training.data.packing import pack
from training.data.texts import TrainingText
from training.objectives.language_modelling import TrainingPlan, summed_loss
from training.runs.request import base_config
from training.train import tokenise


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_the_loss_of_packed_texts_is_that_of_the_texts_alone(
    tiny_base: str, texts: tuple[TrainingText, ...], attention: str
) -> None:
    import torch

    model, tokenizer = load_causal(resolve(base_config(tiny_base).weights), "float32", "cpu")
    model.set_attn_implementation(attention)
    rows, end = tokenise(tokenizer, texts)
    with torch.no_grad():
        joint, count = summed_loss(model, pack(rows, sum(map(len, rows)) + 5, pad=end))
        crossing, _ = summed_loss(model, pack(rows, sum(map(len, rows)), pad=end, isolate=False))
        alone = 0.0
        for row in rows:
            ids = torch.from_numpy(row)[None]
            alone += float(model(ids, labels=ids).loss) * (len(row) - 1)
    assert count == sum(len(row) - 1 for row in rows)
    assert float(joint) == pytest.approx(alone, rel=1e-5)
    assert float(crossing) != pytest.approx(alone, rel=1e-3)


def test_each_text_ends_with_one_end_token(tiny_base: str) -> None:
    _, tokenizer = load_causal(resolve(base_config(tiny_base).weights), "float32", "cpu")
    rows, end = tokenise(tokenizer, [TrainingText.of(text, "c:1") for text in ("ab", "c<end>")])
    assert [len(row) for row in rows] == [3, 2]
    assert all(row[-1] == end and (row[:-1] != end).all() for row in rows)


@given(st.lists(st.integers(1, 20), min_size=1, max_size=8), st.integers(1, 3), st.integers(0, 40))
def test_batches_from_any_step_are_the_tail_of_all_batches(lengths: list[int], size: int, begin: int) -> None:
    config = TrainConfig(epochs=3, sequence_length=8, batch_size=size)
    plan = TrainingPlan([np.arange(1, n + 1) for n in lengths], 0, config)
    whole = list(plan.batches(0))
    assert len(whole) == plan.steps
    assert sum(tokens for _, tokens in whole) == 3 * sum(lengths)
    begin = min(begin, plan.steps)
    tail = list(plan.batches(begin))
    assert [batch.tokens.tolist() for batch, _ in tail] == [batch.tokens.tolist() for batch, _ in whole[begin:]]
