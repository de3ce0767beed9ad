"""Computes the table from samples: arms, comparisons, retrieval. Nothing here calls a model or reads a clock.

An arm of several training seeds is one row: an item's value is its mean over the seeds; tokens and time are sums.
Denominators are the planned items; an item that failed counts as wrong. What the p-value of a comparison tests is
explained in `eval.statistics.stats`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from eval.runs.trec import ndcg, relevance
from eval.statistics.stats import RESAMPLES, Interval, Values, holm, intervals, paired_exact_test
from eval.systems import NONE
from eval.types import ArmResult, Comparison, Context, Item, Sample


@dataclass(frozen=True, slots=True)
class SummaryRow:
    """The samples behind one row of the table.

    Attributes:
        name: Name of the system.
        context_key: Key of its frozen contexts, or "none".
        samples: Samples by item id, one mapping a training seed.
    """

    name: str
    context_key: str
    samples: tuple[Mapping[str, Sample], ...]

    def values(self, items: Sequence[Item]) -> Values:
        """Array (items,), float64: the mean of `correct` over the seeds; an item without a sample is wrong."""
        by_seed = np.zeros((len(self.samples), len(items)))
        for row, samples in enumerate(self.samples):
            for column, item in enumerate(items):
                if item.id in samples:
                    by_seed[row, column] = samples[item.id].correct
        mean: Values = by_seed.mean(axis=0)
        return mean

    def all_samples(self) -> list[Sample]:
        """Samples of all seeds."""
        return [sample for seed in self.samples for sample in seed.values()]


@dataclass(frozen=True, slots=True)
class RetrievalResult:
    """How much of the gold evidence one retriever's contexts contain, over the items that have any.

    Attributes:
        retriever: Context key.
        n: Number of items with gold evidence.
        recall: Mean share of gold documents in the context, or None without such items.
        all_recall: Share of items with every gold document in the context.
        ndcg: Mean nDCG@K of the ranking before packing, against the gold chunks.
        relevance: Mean share of the context's chunks that are gold.
        tokens: Mean length of a context in tokens, over all items.
        seconds: Time to retrieve and pack, summed over all items.
    """

    retriever: str
    n: int
    recall: float | None
    all_recall: float | None
    ndcg: float | None
    relevance: float | None
    tokens: float
    seconds: float


def arm_results(
    rows: Sequence[SummaryRow], items: Sequence[Item], contexts: Mapping[tuple[str, str], Context], seed: int
) -> tuple[ArmResult, ...]:
    """The table: one `ArmResult` a row, with 95 % bootstrap intervals."""
    # Stacked, so that every arm is resampled on the same items.
    values = np.stack([row.values(items) for row in rows])
    results = []
    for row, interval, row_values in zip(rows, intervals(values, RESAMPLES, seed), values, strict=True):
        results.append(_arm(row, items, contexts, interval, row_values))
    return tuple(results)


def _arm(
    row: SummaryRow,
    items: Sequence[Item],
    contexts: Mapping[tuple[str, str], Context],
    interval: Interval,
    values: Values,
) -> ArmResult:
    # Failures, tokens and cost are sums over all seeds; accuracy is their mean.
    samples = row.all_samples()
    answering = sum(sample.seconds for sample in samples)
    read = [contexts[row.context_key, item.id] for item in items if (row.context_key, item.id) in contexts]
    recalls = [context.recall for context in read if context.recall is not None]
    return ArmResult(
        name=row.name,
        n=len(items),
        failed=sum(bool(sample.error) for sample in samples),
        accuracy=interval.mean,
        ci_low=interval.low,
        ci_high=interval.high,
        metrics=_metric_means(samples, len(items) * len(row.samples)),
        by_kind=_by_kind(items, values),
        context_recall=float(np.mean(recalls)) if recalls and row.context_key != NONE else None,
        tokens_in=sum(sample.tokens_in for sample in samples),
        tokens_out=sum(sample.tokens_out for sample in samples),
        # Each seed would have retrieved for itself, had the contexts not been frozen.
        seconds=answering + len(row.samples) * sum(context.seconds for context in read),
        cost_usd=sum(sample.cost_usd for sample in samples),
        tokens_estimated=any(sample.tokens_estimated for sample in samples),
    )


def _metric_means(samples: Sequence[Sample], planned: int) -> dict[str, float]:
    """Means over the items that carry a metric; in a task of one form those are all planned items."""
    names = sorted({name for sample in samples for name in sample.metrics})
    short = [sample for sample in samples if sample.metrics]
    # In a task of short answers, an item without a sample counts as 0; in a mixed one, choices have no such metrics.
    denominator = planned if len(short) == len(samples) else len(short)
    means = {}
    for name in names:
        means[name] = sum(sample.metrics[name] for sample in short) / denominator
    return means


def _by_kind(items: Sequence[Item], values: Values) -> dict[str, tuple[float, int]]:
    kinds: dict[str, list[float]] = {}
    for item, value in zip(items, values, strict=True):
        kinds.setdefault(item.kind, []).append(float(value))
    return {kind: (float(np.mean(of_kind)), len(of_kind)) for kind, of_kind in sorted(kinds.items())}


def comparisons(
    rows: Sequence[SummaryRow], pairs: Sequence[tuple[str, str]], items: Sequence[Item], seed: int
) -> tuple[Comparison, ...]:
    """Paired comparisons; p-values are corrected over all comparisons of the run."""
    values = {row.name: row.values(items) for row in rows}
    return with_holm([compare_values((a, b), values[a], values[b], seed) for a, b in pairs])


def compare_values(names: tuple[str, str], a: Values, b: Values, seed: int = 0) -> Comparison:
    """One paired comparison; its p-value is not corrected yet.

    Args:
        names: Names of the two arms.
        a: Array (items,), float64 in [0, 1]: values of the first arm.
        b: Array (items,), float64 in [0, 1]: values of the second arm on the same items.
        seed: Seed of the bootstrap.
    """
    # The differences themselves are resampled: that is the paired bootstrap of one comparison.
    interval = intervals((a - b)[None, :], RESAMPLES, seed)[0]
    p_value = paired_exact_test(a.tolist(), b.tolist())
    # With several seeds a win is an item with a higher mean, not necessarily one that the other arm got wrong.
    wins, losses = int((a > b).sum()), int((a < b).sum())
    return Comparison(*names, interval.mean, interval.low, interval.high, p_value, p_value, wins, losses)


def with_holm(compared: Sequence[Comparison]) -> tuple[Comparison, ...]:
    """Fill in `p_holm` over a family of comparisons."""
    corrected = holm([comparison.p_value for comparison in compared])
    return tuple(replace(comparison, p_holm=p) for comparison, p in zip(compared, corrected, strict=True))


def retrieval_results(
    contexts: Mapping[tuple[str, str], Context],
    rankings: Mapping[tuple[str, str], Sequence[str]],
    qrels: Mapping[str, Sequence[str]],
    depth: int,
) -> tuple[RetrievalResult, ...]:
    """One result a context key, sorted; a context that failed counts as empty. `depth` is the K of nDCG@K."""
    by_key: dict[str, list[Context]] = {}
    for (key, _), context in contexts.items():
        by_key.setdefault(key, []).append(context)
    return tuple(_retrieval(key, of_key, rankings, qrels, depth) for key, of_key in sorted(by_key.items()))


def _retrieval(
    key: str,
    contexts: Sequence[Context],
    rankings: Mapping[tuple[str, str], Sequence[str]],
    qrels: Mapping[str, Sequence[str]],
    depth: int,
) -> RetrievalResult:
    judged = [context for context in contexts if context.item_id in qrels]
    # A context that failed has no recall of its own, but its item has gold: it found none of it.
    recalls = [context.recall or 0.0 for context in judged]
    gains, shares = [], []
    for context in judged:
        gold = set(qrels[context.item_id])
        gains.append(ndcg(rankings.get((key, context.item_id), ()), gold, depth))
        shares.append(relevance(context.chunk_ids, gold))
    return RetrievalResult(
        retriever=key,
        n=len(judged),
        recall=_mean(recalls),
        all_recall=_mean([float(value == 1.0) for value in recalls]),
        ndcg=_mean(gains),
        relevance=_mean(shares),
        tokens=float(np.mean([context.tokens for context in contexts])),
        seconds=sum(context.seconds for context in contexts),
    )


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None
