"""The objective of hops: the passage wanted next before all others, from the vector of a question and what was found.

Only the side of the question is trained: passages keep the vectors that the encoder gives them without the adapter, so
that every passage of a corpus is a negative at every step, at the price of one product of matrices. The loss of an
example is the mean, over the passages wanted next, of -log of the share of each against all passages that the question
does not need.

Source: Xiong et al., ICLR 2021 (multi-hop dense retrieval); Lee et al., ACL 2021 (training the query side alone).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from models.protocols import Vectors
from retrieval.traversal.chains import SCALE
from training.config import HopConfig
from training.data.hop_sets import HopExample
from training.data.packing import epoch_order
from training.runs.checkpoint import TrainingState
from training.runs.loop import LoopSettings
from training.runs.schedule import Schedule

if TYPE_CHECKING:
    import torch

    from models.local.encoder import SentenceEncoder

HopBatch = list[HopExample]
_WINDOW = 8
"""Batches are cut from this many batches' examples, sorted by length: like lengths waste no padding."""


class HopRanking:
    """An `Objective` of `training.runs.loop`.

    Args:
        encoder: Encodes questions with gradients; its body is the model that is trained.
        corpora: Vectors of the passages of each set, arrays (passages, dimension), float32, unit length.
        examples: What to learn, at least one.
        config: Settings.
        device: Where the model is.
    """

    def __init__(
        self,
        encoder: SentenceEncoder,
        corpora: Sequence[Vectors],
        examples: Sequence[HopExample],
        config: HopConfig,
        device: Any,
    ) -> None:
        import torch

        self._encoder, self._examples, self._config = encoder, examples, config
        self._passages = [torch.from_numpy(vectors).to(device) for vectors in corpora]

    @cached_property
    def settings(self) -> LoopSettings:
        """A straight fall, no weight decay and no clipping: the loss is a mean over unit vectors and does not jump."""
        config = self._config
        return LoopSettings(
            label="train hops",
            unit="examples",
            total_units=len(self._examples) * config.epochs,
            steps=len(self._every_batch),
            schedule=Schedule(config.learning_rate, config.warmup_steps, "linear"),
            weight_decay=0.0,
            clip_norm=None,
            checkpoint_steps=config.checkpoint_steps,
        )

    @cached_property
    def _every_batch(self) -> list[HopBatch]:
        return list(hop_batches(self._examples, self._config))

    def batches(self, begin: int) -> Iterator[HopBatch]:
        """The batches from a step on."""
        return iter(self._every_batch[begin:])

    def units(self, batch: HopBatch) -> int:
        """Number of examples."""
        return len(batch)

    def units_before(self, state: TrainingState) -> int:
        """Number of examples of the steps done."""
        return sum(map(len, self._every_batch[: state.step]))

    def loss(self, model: Any, batch: HopBatch) -> tuple[torch.Tensor, int]:
        """Mean over the examples, in nats, and the tokens of the questions with what was found."""
        import torch

        vectors, tokens = self._encoder.with_gradients([example.text for example in batch], self._config.max_tokens)
        losses = [
            ranking_loss(vector, self._passages[example.corpus], example)
            for vector, example in zip(vectors, batch, strict=True)
        ]
        return torch.stack(losses).mean(), tokens


def ranking_loss(vector: torch.Tensor, passages: torch.Tensor, example: HopExample) -> torch.Tensor:
    """Mean over the wanted passages of -log of each one's share, a scalar in nats.

    Args:
        vector: Unit vector (dimension,) of the question with what was found.
        passages: (passages, dimension).
        example: What is wanted.
    """
    import torch

    scores = SCALE * (passages @ vector)  # (passages,)
    wanted = scores[list(example.wanted)]  # (wanted,)
    # What the question needs but not now is no negative: it would be pushed away for a step at which it is wanted.
    others = torch.ones_like(scores, dtype=torch.bool)
    others[list(example.needed)] = False
    rest = torch.logsumexp(scores[others], dim=0)  # of no others: -inf, and the loss is 0
    # -log(exp(w) / (exp(w) + sum of the others)): each wanted one competes with the others, not with its like.
    return (torch.logaddexp(wanted, rest) - wanted).mean()


def hop_batches(examples: Sequence[HopExample], config: HopConfig) -> Iterator[HopBatch]:
    """The batches of all epochs, a function of the seed."""
    size = config.batch_size
    for epoch in range(config.epochs):
        shuffled = [examples[position] for position in epoch_order(len(examples), config.seed, epoch).tolist()]
        cut: list[HopBatch] = []
        for start in range(0, len(shuffled), size * _WINDOW):
            window = sorted(shuffled[start : start + size * _WINDOW], key=lambda example: len(example.text))
            cut += [window[first : first + size] for first in range(0, len(window), size)]
        # Another seed, or short batches would come first in every window.
        yield from (cut[position] for position in epoch_order(len(cut), config.seed + 1, epoch).tolist())
