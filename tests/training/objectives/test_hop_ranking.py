"""The loss of a hop against a plain softmax, and batches that hold every example once an epoch."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.traversal.chains import SCALE
from training.config import HopConfig
from training.data.hop_sets import HopExample
from training.objectives.hop_ranking import hop_batches, ranking_loss


def test_each_wanted_passage_competes_with_those_that_are_not_needed() -> None:
    import torch

    draw = np.random.default_rng(0)
    passages = draw.standard_normal((6, 4))
    passages /= np.linalg.norm(passages, axis=1, keepdims=True)
    vector = passages[2] * 0.6 + passages[4] * 0.4
    vector /= np.linalg.norm(vector)
    example = HopExample("question", 0, wanted=(2, 4), needed=(1, 2, 4), found=1)
    exponentials = np.exp(SCALE * (passages @ vector))
    others = exponentials[[0, 3, 5]].sum()  # 1 is needed at another step
    expected = np.mean([-np.log(exponentials[row] / (exponentials[row] + others)) for row in (2, 4)])
    loss = ranking_loss(torch.from_numpy(vector), torch.from_numpy(passages), example)
    assert float(loss) == pytest.approx(expected, rel=1e-9)


def test_without_other_passages_there_is_nothing_to_learn() -> None:
    import torch

    example = HopExample("question", 0, wanted=(0,), needed=(0, 1), found=0)
    vector, passages = torch.tensor([1.0, 0.0]), torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    assert float(ranking_loss(vector, passages, example)) == 0.0


@given(st.integers(1, 60), st.integers(1, 7), st.integers(0, 3))
def test_every_epoch_holds_every_example_once(count: int, size: int, seed: int) -> None:
    examples = [HopExample("w" * (number % 9), 0, (number,), (number,), 0) for number in range(count)]
    config = HopConfig(batch_size=size, epochs=2, seed=seed)
    batches = list(hop_batches(examples, config))
    assert len(batches) == 2 * -(-count // size) and max(map(len, batches)) <= size
    counts = Counter(example.wanted for batch in batches for example in batch)
    assert set(counts.values()) == {2} and len(counts) == count
    assert batches == list(hop_batches(examples, config)), "a function of the seed alone"
