"""Texts as token ids to blocks of equal length: token ids only, never text.

There are two ways. `pack` joins running texts and cuts them, so that hardly any position is padding; `pack_whole` keeps
each text in one block, since an answer that a cut parts from its prompt would be learnt as if nothing had been asked.

In the first way the texts of an epoch are shuffled, joined, and cut every `length` tokens, so that padding is computed
only in the last block of an epoch. Each text ends with the tokeniser's end token (the caller puts it there). A text
that a cut divides continues in the next block; another epoch cuts it elsewhere, since the order changes.

Positions count from zero at the start of each text and of each block. transformers reads such a reset as "another
sequence begins" and keeps attention within each text; a passage is then never conditioned on the unrelated one before
it, as it will not be when a question is answered. The first token of each text has nothing before it to be predicted
from, so it carries no loss. With `isolate=False` positions run through the block and attention crosses texts.

Source: Zhao et al., Analysing The Impact of Sequence Composition on Language Model Pre-Training, ACL 2024
    (intra-document masking).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]
IGNORED = -100
"""Label of a position without loss, as torch's cross-entropy takes it."""


@dataclass(frozen=True, slots=True)
class PackedBlocks:
    """Blocks of one epoch; three arrays (blocks, length) of int64.

    Attributes:
        tokens: Token ids; the last block is filled up with the pad token.
        positions: Position of each token, from zero where a text or a block begins.
        labels: The tokens, or `IGNORED` where there is no loss: padding, and the first token of a text.
    """

    tokens: Ids
    positions: Ids
    labels: Ids

    def batches(self, size: int) -> Iterator[PackedBlocks]:
        """Consecutive groups of `size` blocks; the last may be smaller."""
        for start in range(0, len(self.tokens), size):
            end = start + size
            yield PackedBlocks(self.tokens[start:end], self.positions[start:end], self.labels[start:end])


def epoch_order(count: int, seed: int, epoch: int) -> Ids:
    """The order of `count` texts in an epoch: array (count,), the same for the same seed and epoch.

    Example:
        >>> sorted(epoch_order(4, seed=1, epoch=0).tolist())
        [0, 1, 2, 3]
    """
    return np.random.default_rng([seed, epoch]).permutation(count).astype(np.int64)


def block_count(tokens: int, length: int) -> int:
    """Blocks that `tokens` tokens fill."""
    return -(-tokens // length)


def pack(texts: Sequence[Ids], length: int, pad: int, isolate: bool = True) -> PackedBlocks:
    """Join texts in the order given and cut the result into blocks.

    Args:
        texts: Token ids of each text, arrays (tokens,), none empty.
        length: Tokens of a block.
        pad: Token id that fills the last block.
        isolate: Whether positions start from zero with each text.
    Returns:
        Blocks that hold every token of every text exactly once.
    Raises:
        ValueError: There are no texts, or one is empty.
    Example:
        >>> packed = pack([np.array([5, 6, 2]), np.array([7, 2])], length=3, pad=0)
        >>> packed.tokens.tolist(), packed.labels.tolist()
        ([[5, 6, 2], [7, 2, 0]], [[-100, 6, 2], [-100, 2, -100]])
    """
    if not texts or any(len(text) == 0 for text in texts):
        raise ValueError(f"Expected texts of at least one token each, got {len(texts)} texts, one of them empty.")
    lengths = np.array([len(text) for text in texts])
    # First position of each text in the joined row.
    starts = np.cumsum(lengths) - lengths
    total = int(lengths.sum())
    blocks = block_count(total, length)
    tokens = np.full(blocks * length, pad, dtype=np.int64)
    tokens[:total] = np.concatenate(texts)
    labels = tokens.copy()
    labels[total:] = IGNORED
    if isolate:
        labels[starts] = IGNORED
        row = np.arange(blocks * length)
        # Where the text of each position starts; padding counts as one more text.
        text_start = np.append(np.repeat(starts, lengths), np.full(blocks * length - total, total))
        # Counted from there or from the start of the block, whichever is later: a text that was cut starts again.
        positions = (row - np.maximum(text_start, row - row % length)).astype(np.int64)
    else:
        # Here a text has the one before it to be predicted from; only a block's first token has nothing.
        labels[::length] = IGNORED
        positions = np.tile(np.arange(length, dtype=np.int64), blocks)
    shape = (blocks, length)
    return PackedBlocks(tokens.reshape(shape), positions.reshape(shape), labels.reshape(shape))


def assign_blocks(lengths: Sequence[int], room: int) -> list[list[int]]:
    """Texts to blocks that hold each of them whole: first fit, longest first.

    At most 11/9 of the fewest possible blocks, and the same blocks on every machine.

    Args:
        lengths: Tokens of each text, none longer than `room`.
        room: Tokens of a block.
    Returns:
        Numbers of the texts of each block, every text once.
    Source: Johnson, Near-optimal bin packing algorithms, 1973 (first fit decreasing).
    Example:
        >>> assign_blocks([3, 5, 2], 5)
        [[1], [0, 2]]
    """
    blocks: list[list[int]] = []
    free: list[int] = []
    for text in sorted(range(len(lengths)), key=lambda text: -lengths[text]):
        block = next((block for block, tokens in enumerate(free) if tokens >= lengths[text]), len(blocks))
        if block == len(blocks):
            blocks.append([])
            free.append(room)
        blocks[block].append(text)
        free[block] -= lengths[text]
    return blocks


def pack_whole(
    blocks: Sequence[Sequence[Ids]], prompts: Sequence[Sequence[int]], length: int, pad: int
) -> PackedBlocks:
    """Blocks of texts that stay whole; attention stays within each, and prompts carry no loss.

    Args:
        blocks: Token ids of the texts of each block, arrays (tokens,), at most `length` together.
        prompts: Leading tokens of each text that are read and not learnt.
        length: Tokens of a block.
        pad: Token id that fills a block.
    Example:
        >>> packed = pack_whole([[np.array([5, 6, 2]), np.array([7, 2])]], [[2, 1]], length=6, pad=0)
        >>> packed.labels.tolist()
        [[-100, -100, 2, -100, 2, -100]]
    """
    parts = [pack(texts, length, pad) for texts in blocks]
    for part, texts, unlearnt in zip(parts, blocks, prompts, strict=True):
        starts = np.cumsum([0, *map(len, texts)])
        for start, tokens in zip(starts, unlearnt, strict=False):
            part.labels[0, start : start + tokens] = IGNORED
    return PackedBlocks(
        np.concatenate([part.tokens for part in parts]),
        np.concatenate([part.positions for part in parts]),
        np.concatenate([part.labels for part in parts]),
    )
