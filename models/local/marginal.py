"""Answers marginalised over passages: each passage is read alone, and what they say is weighed by how likely they are.

RAG-Sequence takes the probability of a whole answer from each passage and adds them up; RAG-Token adds up at every
token, so that one answer may draw on several passages. With p(z) the weight of passage z:

    sequence:  p(y) = sum over z of p(z) * product over i of p(y_i | z, y_<i)
    token:     p(y) = product over i of sum over z of p(z) * p(y_i | z, y_<i)

Source: Lewis et al., NeurIPS 2020 (RAG), sections 2.1 and 2.5. Options are scored exactly. A written answer is greedy:
of RAG-Token token by token, of RAG-Sequence by its "fast decoding": one candidate from each passage, each scored after
all of them.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.errors import ConfigError, OutputError
from models.local.boundary import Split
from models.local.causal import CausalModel, end_tokens
from models.local.scorer import option_logprobs
from models.protocols import ChoiceScorer, Marginal, OptionScore, ScoredOptions, Usage


def marginal(logprobs: Sequence[NDArray[np.float64]], log_weights: NDArray[np.float64], way: Marginal) -> float:
    """Log-probability of one answer under weighted passages.

    Args:
        logprobs: For each passage an array (tokens,): log-probabilities of the answer's tokens after it.
        log_weights: Array (passages,): logarithms of weights that sum to 1.
        way: "sequence" or "token".
    Example:
        >>> sure, unsure = np.log([0.9, 0.1]), np.log([0.1, 0.9])
        >>> half = np.log([0.5, 0.5])
        >>> round(np.exp(marginal([sure, unsure], half, "sequence")), 3)
        0.09
        >>> round(np.exp(marginal([sure, unsure], half, "token")), 3)
        0.25
    """
    stacked = np.stack(logprobs)
    if way == "sequence":
        return float(np.logaddexp.reduce(log_weights + stacked.sum(axis=1)))
    return float(np.logaddexp.reduce(log_weights[:, None] + stacked, axis=0).sum())


def normalised(log_weights: Sequence[float]) -> NDArray[np.float64]:
    """Logarithms of weights that sum to 1.

    Raises:
        ConfigError: There is none, or one is not finite.
    """
    values = np.asarray(log_weights, dtype=np.float64)
    if not len(values) or not np.isfinite(values).all():
        raise ConfigError(f"expected a finite weight for each passage and at least one, found {list(log_weights)}")
    result: NDArray[np.float64] = values - np.logaddexp.reduce(values)
    return result


def score_marginal(
    scorer: ChoiceScorer, prefixes: Sequence[str], log_weights: Sequence[float], options: Sequence[str], way: Marginal
) -> ScoredOptions:
    """Score options after prefixes that differ in their passage.

    Args:
        scorer: One that tells the log-probability of every token.
        prefixes: The prompt with each passage.
        log_weights: Of the passages, one a prefix; normalised here.
        options: At least one, each with its leading space.
        way: How passages are weighed.
    Raises:
        ConfigError: No options, no prefixes, or another number of weights.
        OutputError: A prefix with its longest option is longer than the model's context, or prefixes end in different
            ways, or the scorer does not tell tokens apart.
    """
    started = time.perf_counter()
    weights = normalised(log_weights)
    if len(weights) != len(prefixes):
        raise ConfigError(f"expected one weight a prefix ({len(prefixes)}), found {len(weights)}")
    by_prefix = [scorer.score(prefix, options) for prefix in prefixes]
    scores = []
    for place, option in enumerate(options):
        rows = [np.array(found.options[place].by_token) for found in by_prefix]
        sizes = {row.size for row in rows}
        if len(sizes) > 1 or 0 in sizes:
            raise OutputError(
                f"{scorer.name} gave the tokens of {option!r} as {sorted(sizes)} scores: expected the same number "
                "after every passage, and at least one. Only models of the backend transformers tell them."
            )
        scores.append(OptionScore(min(marginal(rows, weights, way), 0.0), rows[0].size, len(option)))
    usage = sum((found.usage for found in by_prefix), Usage())
    return ScoredOptions(tuple(scores), usage, time.perf_counter() - started)


def write_marginal(
    causal: CausalModel, prompts: Sequence[list[int]], log_weights: Sequence[float], way: Marginal, room: int
) -> list[int]:
    """Write an answer to prompts that differ in their passage, at most `room` tokens.

    Args:
        causal: A model in this process; its lock is held meanwhile.
        prompts: Token ids, up to where the model is to answer.
        log_weights: Of the passages, one a prompt; normalised here.
        way: How passages are weighed.
        room: Most tokens to write.
    Returns:
        Token ids, the one that ends the answer included.
    Raises:
        ConfigError: No prompts, or another number of weights.
    """
    import torch

    weights = normalised(log_weights)
    if len(weights) != len(prompts):
        raise ConfigError(f"expected one weight a prompt ({len(prompts)}), found {len(weights)}")
    with causal.lock, torch.inference_mode():
        return (_greedy if way == "token" else _fast)(causal, prompts, weights, room)


def _greedy(causal: CausalModel, prompts: Sequence[list[int]], weights: NDArray[np.float64], room: int) -> list[int]:
    """The likeliest token under all prompts together, again and again; all prompts then go on with it."""
    import torch

    ends, device = end_tokens(causal), causal.model.device
    prior = torch.tensor(weights, dtype=torch.float32, device=device)[:, None]  # (prompts, 1)
    reads = [causal.model(input_ids=torch.tensor([ids], device=device), use_cache=True) for ids in prompts]
    caches = [read.past_key_values for read in reads]
    rows = torch.stack([read.logits[0, -1].float() for read in reads])  # (prompts, vocabulary)
    written: list[int] = []
    for place in range(room):
        mixed = torch.logsumexp(prior + rows.log_softmax(dim=-1), dim=0)  # (vocabulary,)
        token = int(mixed.argmax())
        written.append(token)
        if token in ends or place + 1 == room:
            break
        after = torch.tensor([[token]], device=device)
        step = [causal.model(input_ids=after, past_key_values=cache, use_cache=True) for cache in caches]
        caches = [read.past_key_values for read in step]
        rows = torch.stack([read.logits[0, -1].float() for read in step])
    return written


def _fast(causal: CausalModel, prompts: Sequence[list[int]], weights: NDArray[np.float64], room: int) -> list[int]:
    """The best of the greedy answers to each prompt, under all of them together."""
    alone = np.zeros(1)
    candidates = list(dict.fromkeys(tuple(_greedy(causal, [ids], alone, room)) for ids in prompts))
    by_prompt = [option_logprobs(causal.model, Split(tuple(ids), tuple(candidates))) for ids in prompts]
    sums = [marginal([rows[place] for rows in by_prompt], weights, "sequence") for place in range(len(candidates))]
    return list(candidates[int(np.argmax(sums))])
