"""Answers marginalised over passages: each passage is put into a prompt of its own, and their probabilities are summed.

RAG-Sequence sums the probability of a complete answer over the passages; RAG-Token sums at every token, so that one
answer may draw on several passages. With p(z) the weight of passage z:

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
from models.local.boundary import ItemTokens
from models.local.causal import CausalModel, end_tokens
from models.local.scorer import option_logprobs
from models.protocols import ChoiceScorer, MarginalMethod, OptionScore, OptionScores, Usage


def marginal(
    logprobs: Sequence[NDArray[np.float64]], log_weights: NDArray[np.float64], method: MarginalMethod
) -> float:
    """Log-probability of one answer under weighted passages.

    Args:
        logprobs: For each passage an array (tokens,): log-probabilities of the answer's tokens after it.
        log_weights: Array (passages,): logarithms of weights that sum to 1.
        method: "sequence" or "token".
    Example:
        >>> sure, unsure = np.log([0.9, 0.1]), np.log([0.1, 0.9])
        >>> half = np.log([0.5, 0.5])
        >>> round(np.exp(marginal([sure, unsure], half, "sequence")), 3)
        0.09
        >>> round(np.exp(marginal([sure, unsure], half, "token")), 3)
        0.25
    """
    stacked = np.stack(logprobs)  # (passages, tokens)
    # Sums of probabilities are log-sum-exps of their logarithms, which do not underflow.
    if method == "sequence":
        return float(np.logaddexp.reduce(log_weights + stacked.sum(axis=1)))
    return float(np.logaddexp.reduce(log_weights[:, None] + stacked, axis=0).sum())


def normalised(log_weights: Sequence[float]) -> NDArray[np.float64]:
    """Logarithms of the same weights divided by their sum: array (passages,).

    Raises:
        ConfigError: There is no weight, or one is not finite.
    """
    values = np.asarray(log_weights, dtype=np.float64)
    if not len(values) or not np.isfinite(values).all():
        raise ConfigError(f"Expected a finite weight for each passage and at least one, got {list(log_weights)}.")
    result: NDArray[np.float64] = values - np.logaddexp.reduce(values)
    return result


def score_marginal(
    scorer: ChoiceScorer,
    prefixes: Sequence[str],
    log_weights: Sequence[float],
    options: Sequence[str],
    method: MarginalMethod,
) -> OptionScores:
    """Score options after prefixes that differ in their passage.

    Args:
        scorer: A scorer that gives the log-probability of every token.
        prefixes: The prompt with each passage.
        log_weights: Logarithm of each passage's weight, one a prefix; normalised here.
        options: At least one option, each with its leading space.
        method: How the passages' probabilities become one.
    Raises:
        ConfigError: No options, no prefixes, or another number of weights.
        OutputError: A prefix with its longest option is longer than the model's context, or prefixes end in different
            tokens, or the scorer gives no scores of single tokens.
    """
    started = time.perf_counter()
    weights = normalised(log_weights)
    if len(weights) != len(prefixes):
        raise ConfigError(f"Expected one weight a prefix ({len(prefixes)}), got {len(weights)}.")
    by_prefix = [scorer.score(prefix, options) for prefix in prefixes]
    scores = []
    for index, option in enumerate(options):
        logprobs = [np.array(prefix_scores.options[index].by_token) for prefix_scores in by_prefix]
        lengths = {values.size for values in logprobs}
        if len(lengths) > 1 or 0 in lengths:
            raise OutputError(
                f"Expected the same number of token scores of {option!r} after every passage, and at least one, but "
                f"{scorer.name} gave {sorted(lengths)}. Use a model of the backend transformers."
            )
        # Rounding may lift a probability just above 1.
        scores.append(OptionScore(min(marginal(logprobs, weights, method), 0.0), logprobs[0].size, len(option)))
    usage = sum((prefix_scores.usage for prefix_scores in by_prefix), Usage())
    return OptionScores(tuple(scores), usage, time.perf_counter() - started)


def write_marginal(
    causal: CausalModel, prompts: Sequence[list[int]], log_weights: Sequence[float], method: MarginalMethod, room: int
) -> list[int]:
    """Write one reply to prompts that differ in their passage.

    Args:
        causal: A model in this process; its lock is held meanwhile.
        prompts: Token ids of each prompt, up to where the model's reply begins.
        log_weights: Logarithm of each passage's weight, one a prompt; normalised here.
        method: How the passages' probabilities become one.
        room: Maximum number of tokens to write.
    Returns:
        Token ids, the one that ends the reply included.
    Raises:
        ConfigError: No prompts, or another number of weights.
    """
    import torch

    weights = normalised(log_weights)
    if len(weights) != len(prompts):
        raise ConfigError(f"Expected one weight a prompt ({len(prompts)}), got {len(weights)}.")
    with causal.lock, torch.inference_mode():
        return (_greedy if method == "token" else _fast)(causal, prompts, weights, room)


def _greedy(causal: CausalModel, prompts: Sequence[list[int]], weights: NDArray[np.float64], room: int) -> list[int]:
    """RAG-Token: at each step the likeliest token under all prompts together, which then continues all prompts."""
    import torch

    # One forward pass a prompt and token, since the prompts' caches have different lengths.
    ends, device = end_tokens(causal), causal.model.device
    prior = torch.tensor(weights, dtype=torch.float32, device=device)[:, None]  # (prompts, 1)
    outputs = [causal.model(input_ids=torch.tensor([ids], device=device), use_cache=True) for ids in prompts]
    written: list[int] = []
    for remaining in reversed(range(room)):
        logits = torch.stack([output.logits[0, -1].float() for output in outputs])  # (prompts, vocabulary)
        mixture = torch.logsumexp(prior + logits.log_softmax(dim=-1), dim=0)  # (vocabulary,)
        token = int(mixture.argmax())
        written.append(token)
        if token in ends or not remaining:
            break
        step = torch.tensor([[token]], device=device)
        caches = [output.past_key_values for output in outputs]
        outputs = [causal.model(input_ids=step, past_key_values=cache, use_cache=True) for cache in caches]
    return written


def _fast(causal: CausalModel, prompts: Sequence[list[int]], weights: NDArray[np.float64], room: int) -> list[int]:
    """RAG-Sequence: of the greedy replies to each prompt the likeliest under all prompts together."""
    # A weight of 1, that is a logarithm of 0, for each prompt by itself; equal replies are scored once.
    alone = np.zeros(1)
    candidates = list(dict.fromkeys(tuple(_greedy(causal, [ids], alone, room)) for ids in prompts))
    by_prompt = [option_logprobs(causal.model, ItemTokens(tuple(ids), tuple(candidates))) for ids in prompts]
    by_candidate = zip(*by_prompt, strict=True)  # for each candidate its token scores after every prompt
    sums = [marginal(logprobs, weights, "sequence") for logprobs in by_candidate]
    return list(candidates[int(np.argmax(sums))])
