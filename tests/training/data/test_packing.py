"""Packing: nothing lost, nothing doubled, the same every time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.data.packing import IGNORED, Ids, assign_blocks, block_count, epoch_order, pack, pack_whole

END = 0
TEXTS = st.lists(st.lists(st.integers(1, 99), max_size=30), min_size=1, max_size=12).map(
    lambda rows: [np.array([*row, END], dtype=np.int64) for row in rows]
)


@given(TEXTS, st.integers(2, 20), st.booleans())
def test_every_token_appears_once_in_its_order(texts: list[Ids], length: int, isolate: bool) -> None:
    packed = pack(texts, length, pad=-1, isolate=isolate)
    flat = packed.tokens.ravel()
    assert flat[flat != -1].tolist() == np.concatenate(texts).tolist()
    assert packed.tokens.shape == (block_count(sum(map(len, texts)), length), length)
    assert (flat == -1).sum() < length


@given(TEXTS, st.integers(2, 20))
def test_padding_and_first_tokens_carry_no_loss_and_all_else_does(texts: list[Ids], length: int) -> None:
    packed = pack(texts, length, pad=-1)
    firsts = np.cumsum([0, *map(len, texts)])[:-1]
    silent = np.flatnonzero(packed.labels.ravel() == IGNORED)
    padded = np.flatnonzero(packed.tokens.ravel() == -1)
    assert silent.tolist() == sorted({*firsts.tolist(), *padded.tolist()})
    spoken = packed.labels != IGNORED
    assert (packed.labels[spoken] == packed.tokens[spoken]).all()


@given(TEXTS, st.integers(2, 20))
def test_positions_start_from_zero_with_each_text_and_stay_within_a_block(texts: list[Ids], length: int) -> None:
    packed = pack(texts, length, pad=-1)
    flat = packed.positions.ravel()
    firsts = np.cumsum([0, *map(len, texts)])
    zeros = {*firsts.tolist(), *range(0, flat.size, length)} - {flat.size}
    assert set(np.flatnonzero(flat == 0).tolist()) == zeros
    assert all(flat[i] == flat[i - 1] + 1 for i in range(1, flat.size) if i not in zeros)


def test_without_isolation_positions_run_through_the_block() -> None:
    packed = pack([np.array([5, 0]), np.array([6, 0])], 4, pad=0, isolate=False)
    assert packed.positions.tolist() == [[0, 1, 2, 3]]
    assert packed.labels.tolist() == [[IGNORED, 0, 6, 0]]


@given(st.integers(0, 50), st.integers(0, 5), st.integers(0, 5))
def test_the_order_is_a_permutation_fixed_by_seed_and_epoch(count: int, seed: int, epoch: int) -> None:
    order = epoch_order(count, seed, epoch)
    assert sorted(order.tolist()) == list(range(count))
    assert order.tolist() == epoch_order(count, seed, epoch).tolist()


def test_epochs_and_seeds_differ_in_order() -> None:
    orders = {tuple(epoch_order(20, seed, epoch).tolist()) for seed in range(3) for epoch in range(3)}
    assert len(orders) == 9


@given(TEXTS, st.integers(2, 10), st.integers(1, 5))
def test_batches_hold_all_blocks_in_order(texts: list[Ids], length: int, size: int) -> None:
    packed = pack(texts, length, pad=END)
    batches = list(packed.batches(size))
    assert np.concatenate([batch.tokens for batch in batches]).tolist() == packed.tokens.tolist()
    assert all(len(batch.tokens) == size for batch in batches[:-1])


def test_an_empty_text_is_refused() -> None:
    with pytest.raises(ValueError, match="empty"):
        pack([np.array([], dtype=np.int64)], 4, pad=0)


@given(st.lists(st.integers(1, 20), min_size=1, max_size=30), st.integers(20, 40))
def test_blocks_hold_every_text_once_and_none_too_much(lengths: list[int], room: int) -> None:
    blocks = assign_blocks(lengths, room)
    assert sorted(text for block in blocks for text in block) == list(range(len(lengths)))
    for block in blocks:
        assert sum(lengths[text] for text in block) <= room


@given(TEXTS, st.data())
def test_whole_texts_are_read_from_their_start_and_learnt_behind_their_prompt(
    texts: list[Ids], data: st.DataObject
) -> None:
    prompts = [data.draw(st.integers(0, len(text))) for text in texts]
    blocks = assign_blocks([len(text) for text in texts], 40)
    contents, unlearnt = [], []
    for block in blocks:
        contents.append([texts[text] for text in block])
        unlearnt.append([prompts[text] for text in block])
    packed = pack_whole(contents, unlearnt, 40, -1)
    for row, block in enumerate(blocks):
        start = 0
        for text in block:
            end = start + len(texts[text])
            assert packed.tokens[row, start:end].tolist() == texts[text].tolist()
            assert packed.positions[row, start:end].tolist() == list(range(end - start))
            unlearnt = max(1, prompts[text])
            assert (packed.labels[row, start : start + unlearnt] == IGNORED).all()
            assert packed.labels[row, start + unlearnt : end].tolist() == texts[text][unlearnt:].tolist()
            start = end
        assert (packed.labels[row, start:] == IGNORED).all()
