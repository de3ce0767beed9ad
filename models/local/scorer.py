"""Log-probabilities of options after a prefix; the prefix is computed once.

The prefix goes through the model one time; its keys and values are repeated for the options, which follow
together in one padded batch. An option of one token, such as a letter, costs nothing beyond the prefix. The
result equals the full forward pass of every prefix + option, to rounding.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from models.config import Price
from models.errors import ModelError, OutputError
from models.files.digest import digest
from models.local.boundary import ItemTokens, split_tokens
from models.local.causal import CausalModel
from models.protocols import OptionScore, OptionScores, Usage

if TYPE_CHECKING:
    import torch

BATCH = 16  # Options that go through the model together; bounds the copies of the prefix's keys and values.


class TransformersScorer:
    """`ChoiceScorer` over a causal language model in this process."""

    def __init__(self, causal: CausalModel, price: Price | None = None) -> None:
        """Score with a loaded model.

        Args:
            causal: The model, with its adapter if it has one.
            price: For the ledger; None is free of charge.
        """
        self.name = causal.name
        self.price = price or Price()
        self._causal: CausalModel | None = causal
        self._digest = digest("scorer-1", causal.digest)
        tokenizer = causal.tokenizer
        # Some tokenisers put a start token before every text; the prefix must then begin with it too.
        added = tokenizer("a")["input_ids"][:1]
        self._bos = added if added == [tokenizer.bos_token_id] else []
        starts = (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id)
        self._start: int | None = next((token for token in starts if token is not None), None)

    @property
    def digest(self) -> str:
        """Names weights, number format, adapter and the way of scoring."""
        return self._digest

    def count_tokens(self, text: str) -> int:
        """Number of tokens of `text` without special tokens."""
        return len(self._loaded().tokenizer(text, add_special_tokens=False)["input_ids"])

    def score(self, prefix: str, options: Sequence[str]) -> OptionScores:
        """Score each option as a continuation of `prefix` (options carry their own leading space).

        Args:
            prefix: Everything before the options.
            options: At least one option, none empty.
        Returns:
            One score an option, in order. Where tokens merge across the end of the prefix, the merged token
            counts as the option's, for all options alike.
        Raises:
            ConfigError: No options, or an empty one.
            OutputError: The text is longer than the model's context.
        """
        causal = self._loaded()
        started = time.perf_counter()
        item = split_tokens(self._encode, prefix, options, self._start)
        if causal.context_tokens is not None and item.longest > causal.context_tokens:
            raise OutputError(
                f"{self.name} reads at most {causal.context_tokens} tokens, and the prefix with its longest option has "
                f"{item.longest}. Give less context (retrieve fewer passages, or a smaller token budget)."
            )
        with causal.lock:
            logprobs = option_logprobs(causal.model, item)
        scores = tuple(
            OptionScore(float(values.sum()), values.size, len(option), tuple(values.tolist()))
            for values, option in zip(logprobs, options, strict=True)
        )
        return OptionScores(scores, Usage(tokens_in=item.total), time.perf_counter() - started)

    def close(self) -> None:
        """Release the weights; they are freed when nothing else uses them."""
        self._causal = None

    def _loaded(self) -> CausalModel:
        if self._causal is None:
            raise ModelError(f"The scorer {self.name} is closed. Open it again.")
        return self._causal

    def _encode(self, text: str) -> list[int]:
        ids: list[int] = self._loaded().tokenizer(text, add_special_tokens=False)["input_ids"]
        # A text written by a chat template may begin with the start token already.
        return ids if ids[:1] == self._bos else self._bos + ids


def option_logprobs(model: Any, item: ItemTokens) -> list[NDArray[np.float64]]:
    """Log-probabilities of each option's tokens, computed in float32.

    Args:
        model: transformers or PEFT causal model in evaluation mode.
        item: Prefix and options in tokens.
    Returns:
        One array (tokens,) an option, <= 0.
    """
    import torch

    with torch.inference_mode():
        if _is_prompt_learning(model):
            return _without_cache(model, item)
        return _with_cache(model, item)


def _with_cache(model: Any, item: ItemTokens) -> list[NDArray[np.float64]]:
    import torch

    prefix = torch.tensor([item.prefix], device=model.device)  # (1, prefix)
    output = model(input_ids=prefix, use_cache=True, logits_to_keep=1)
    # The prefix alone predicts the first token of every option, so options of one token are done here.
    first = torch.log_softmax(output.logits[0, -1].float(), dim=-1)  # (vocabulary,)
    logprobs = [np.array([float(first[ids[0]])]) for ids in item.options]
    longer = [index for index, ids in enumerate(item.options) if len(ids) > 1]
    for begin in range(0, len(longer), BATCH):
        batch = longer[begin : begin + BATCH]
        rest = _continue(model, output.past_key_values, len(item.prefix), [item.options[index] for index in batch])
        for index, values in zip(batch, rest, strict=True):
            logprobs[index] = np.concatenate([logprobs[index], values])
    return logprobs


def _continue(
    model: Any, cache: Any, prefix_length: int, options: Sequence[Sequence[int]]
) -> list[NDArray[np.float64]]:
    """Log-probabilities of all tokens but the first of each option."""
    import torch

    inputs, mask = _pad([ids[:-1] for ids in options], model.device)  # (options, longest - 1) both
    seen = torch.ones(len(options), prefix_length, dtype=mask.dtype, device=mask.device)
    positions = torch.arange(prefix_length, prefix_length + inputs.shape[1], device=inputs.device)
    # A copy, since the model extends a cache in place and the next batch needs the prefix alone.
    repeated = copy.deepcopy(cache)
    repeated.batch_repeat_interleave(len(options))
    logits = model(
        input_ids=inputs,
        attention_mask=torch.cat([seen, mask], dim=1),  # (options, prefix + longest - 1)
        position_ids=positions.expand(len(options), -1),
        past_key_values=repeated,
        use_cache=True,
    ).logits  # (options, longest - 1, vocabulary)
    return [_chosen(option_logits, ids[1:]) for option_logits, ids in zip(logits, options, strict=True)]


def _without_cache(model: Any, item: ItemTokens) -> list[NDArray[np.float64]]:
    """For prompt and prefix tuning: PEFT puts its virtual tokens in front at every call, so no cache can be reused."""
    logprobs: list[NDArray[np.float64]] = []
    last = len(item.prefix) - 1  # the logits at the prefix's last token predict the option's first
    for begin in range(0, len(item.options), BATCH):
        options = item.options[begin : begin + BATCH]
        inputs, mask = _pad([item.prefix + ids for ids in options], model.device)
        logits = model(input_ids=inputs, attention_mask=mask).logits  # (options, virtual + length, vocabulary)
        logits = logits[:, -inputs.shape[1] :]
        logprobs += [_chosen(text_logits[last:], ids) for text_logits, ids in zip(logits, options, strict=True)]
    return logprobs


def _chosen(logits: torch.Tensor, targets: Sequence[int]) -> NDArray[np.float64]:
    """Log-probabilities of `targets` (n,) under the first n rows of `logits` (>= n, vocabulary)."""
    import torch

    rows = logits[: len(targets)].float()
    chosen = rows.gather(1, torch.tensor(targets, device=rows.device)[:, None]).squeeze(1)
    logprobs: NDArray[np.float64] = (chosen - rows.logsumexp(dim=-1)).double().cpu().numpy()
    return logprobs


def _pad(rows: Sequence[Sequence[int]], device: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows padded on the right with token 0, and the mask that hides the padding, both (rows, longest)."""
    import torch

    longest = max(map(len, rows))
    ids = torch.zeros(len(rows), longest, dtype=torch.long)
    mask = torch.zeros(len(rows), longest, dtype=torch.long)
    for number, row in enumerate(rows):
        ids[number, : len(row)] = torch.tensor(row)
        mask[number, : len(row)] = 1
    return ids.to(device), mask.to(device)


def _is_prompt_learning(model: Any) -> bool:
    """Whether an adapter of the model puts virtual tokens before every text."""
    configs = getattr(model, "peft_config", None)
    if not configs:
        return False
    return any(bool(getattr(config, "is_prompt_learning", False)) for config in configs.values())
