"""Has an adapter learnt its texts? Their loss under the base model, and under the base with the adapter.

On texts that were trained on, a loss that falls is memorised wording. Sentences that state the same facts in other
words tell more: their loss falls only as far as the facts themselves were learnt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from models.errors import InputError
from models.local.causal import adapter_digest, attach_adapter, context_length, load_causal
from models.runtime.progress import SILENT, Progress, Step
from models.weights.resolve import resolve
from training.data.packing import Ids, pack
from training.objectives.language_modelling import summed_loss
from training.runs.request import base_config


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """Losses in nats, one a text.

    Attributes:
        tokens: Number of predicted tokens of each text: all but its first.
        base: Negative log-likelihood of each text under the base model, summed over its tokens.
        adapter: The same sums under the base model with the adapter.
    """

    tokens: tuple[int, ...]
    base: tuple[float, ...]
    adapter: tuple[float, ...]

    @property
    def loss_base(self) -> float:
        """Mean loss of the base model, in nats per token."""
        return sum(self.base) / sum(self.tokens)

    @property
    def loss_adapter(self) -> float:
        """Mean loss with the adapter, in nats per token."""
        return sum(self.adapter) / sum(self.tokens)


def probe(base: str, adapter: Path, texts: Sequence[str], progress: Progress = SILENT) -> ProbeResult:
    """Measure the loss of texts without and with an adapter.

    Args:
        base: Name of the model configuration that the adapter was trained on.
        adapter: Folder of the adapter.
        texts: At least one; each of at least two tokens, and scored alone.
        progress: Progress callback, of finished texts.
    Returns:
        Losses of each text, and their means.
    Raises:
        ConfigError: The base is no transformers model, or there is no adapter.
        InputError: There are no texts, or one has less than two tokens.
        ModelError: The base cannot be loaded, or the adapter does not fit it.
    """
    config = base_config(base)
    adapter_digest(adapter)  # refuses a missing adapter before the base is loaded
    model, tokenizer = load_causal(resolve(config.weights, progress), config.dtype, config.device, progress)
    rows = [np.array(ids, dtype=np.int64) for ids in tokenizer(list(texts))["input_ids"]] if texts else []
    if not rows or min(map(len, rows)) < 2:
        raise InputError(
            f"Expected texts of at least two tokens to probe, got {len(rows)} texts, some of them shorter."
        )
    window = context_length(model) or max(map(len, rows))
    with progress.step("probe texts", total=2 * len(rows), unit="texts") as bar:
        # In this order: an adapter that is attached to the model cannot be taken off again without trace.
        before = [_loss(model, row, window, bar) for row in rows]
        adapted = attach_adapter(model, adapter)
        after = [_loss(adapted, row, window, bar) for row in rows]
    return ProbeResult(
        tokens=tuple(count for _, count in before),
        base=tuple(loss for loss, _ in before),
        adapter=tuple(loss for loss, _ in after),
    )


def _loss(model: Any, row: Ids, window: int, bar: Step) -> tuple[float, int]:
    """Summed loss and predicted tokens of one text, in windows of at most the model's context."""
    import torch

    with torch.inference_mode():
        # A window's first token is not predicted, so that both models lose the same few tokens of a long text.
        parts = [summed_loss(model, batch) for batch in pack([row], min(window, len(row)), pad=0).batches(1)]
    bar.advance()
    return sum(float(loss) for loss, _ in parts), sum(count for _, count in parts)
