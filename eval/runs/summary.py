"""From samples to the table: arms, comparisons, retrieval. Nothing here runs a model or reads a clock.

An arm of several training seeds is one row: an item's value is its mean over the seeds, tokens and time are
sums. Denominators are the planned items; one that failed counts as wrong.
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
class Row:
    """One row of the table to come.

    Attributes:
        name: The system.
        context_key: Its frozen contexts, or "none".
        samples: For each of its arms (one a training seed), the samples by item id.
    """

    name: str
    context_key: str
    samples: tuple[Mapping[str, Sample], ...]

    def values(self, items: Sequence[Item]) -> Values:
        """Array (items,), float64: the mean of `correct` over the seeds; an item without a sample is wrong."""
        rows = [[seed[item.id].correct if item.id in seed else 0.0 for item in items] for seed in self.samples]
        mean: Values = np.mean(np.array(rows, dtype=np.float64), axis=0)
        return mean

    def all_samples(self) -> list[Sample]:
        """Samples of all seeds."""
        return [sample for seed in self.samples for sample in seed.values()]


@dataclass(frozen=True, slots=True)
class RetrievalResult:
    """How well one retriever's contexts hold the evidence, over the items that have any.

    Attributes:
        retriever: The context key.
        n: Items with gold evidence.
        recall: Mean share of gold documents in the context, or None without such items.
        all_recall: Share of items with every gold document in the context.
        ndcg: Mean nDCG@K of the ranking before packing, against the gold chunks.
        relevance: Mean share of the context's chunks that are gold.
        tokens: Mean length of a context, over all items.
        seconds: Time to retrieve and pack, all items.
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
    rows: Sequence[Row], items: Sequence[Item], contexts: Mapping[tuple[str, str], Context], seed: int
) -> tuple[ArmResult, ...]:
    """The table: one `ArmResult` a row, with 95 % bootstrap intervals."""
    values = np.stack([row.values(items) for row in rows])
    found = intervals(values, RESAMPLES, seed)
    return tuple(
        _arm(row, items, contexts, interval, row_values)
        for row, interval, row_values in zip(rows, found, values, strict=True)
    )


def _arm(
    row: Row, items: Sequence[Item], contexts: Mapping[tuple[str, str], Context], interval: Interval, values: Values
) -> ArmResult:
    samples = row.all_samples()
    answering = sum(sample.seconds for sample in samples)
    shown = [contexts[row.context_key, item.id] for item in items if (row.context_key, item.id) in contexts]
    recalls = [context.recall for context in shown if context.recall is not None]
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
        seconds=answering + len(row.samples) * sum(context.seconds for context in shown),
        cost_usd=sum(sample.cost_usd for sample in samples),
    )


def _metric_means(samples: Sequence[Sample], planned: int) -> dict[str, float]:
    """Means over the items that carry a metric; in a task of one form those are all planned items."""
    names = sorted({name for sample in samples for name in sample.metrics})
    if all(sample.metrics for sample in samples):
        return {name: sum(sample.metrics[name] for sample in samples) / planned for name in names}
    short = [sample for sample in samples if sample.metrics]
    return {name: sum(sample.metrics[name] for sample in short) / len(short) for name in names}


def _by_kind(items: Sequence[Item], values: Values) -> dict[str, tuple[float, int]]:
    kinds: dict[str, list[float]] = {}
    for item, value in zip(items, values, strict=True):
        kinds.setdefault(item.kind, []).append(float(value))
    return {kind: (float(np.mean(found)), len(found)) for kind, found in sorted(kinds.items())}


def comparisons(
    rows: Sequence[Row], pairs: Sequence[tuple[str, str]], items: Sequence[Item], seed: int
) -> tuple[Comparison, ...]:
    """Paired comparisons, their p-values corrected over the family of them all."""
    values = {row.name: row.values(items) for row in rows}
    found = [compare_values(pair, values[pair[0]], values[pair[1]], seed) for pair in pairs]
    return with_holm(found)


def compare_values(names: tuple[str, str], a: Values, b: Values, seed: int = 0) -> Comparison:
    """One paired comparison, its p-value not yet corrected.

    Args:
        names: The two arms.
        a: Array (items,), float64, of the first.
        b: Array (items,) of the second, on the same items.
        seed: Seed of the bootstrap.
    """
    interval = intervals((a - b)[None, :], RESAMPLES, seed)[0]
    p_value = paired_exact_test(a.tolist(), b.tolist())
    wins, losses = int((a > b).sum()), int((a < b).sum())
    return Comparison(*names, interval.mean, interval.low, interval.high, p_value, p_value, wins, losses)


def with_holm(found: Sequence[Comparison]) -> tuple[Comparison, ...]:
    """Fill in `p_holm` over a family of comparisons."""
    corrected = holm([comparison.p_value for comparison in found])
    return tuple(replace(comparison, p_holm=p) for comparison, p in zip(found, corrected, strict=True))


def retrieval_results(
    contexts: Mapping[tuple[str, str], Context],
    rankings: Mapping[tuple[str, str], Sequence[str]],
    qrels: Mapping[str, Sequence[str]],
    depth: int,
) -> tuple[RetrievalResult, ...]:
    """One row a context key, sorted; a context that failed counts as empty. `depth` is the K of nDCG@K."""
    keys = sorted({key for key, _ in contexts})
    return tuple(
        _retrieval(key, [row for (owner, _), row in contexts.items() if owner == key], rankings, qrels, depth)
        for key in keys
    )


def _retrieval(
    key: str,
    rows: Sequence[Context],
    rankings: Mapping[tuple[str, str], Sequence[str]],
    qrels: Mapping[str, Sequence[str]],
    depth: int,
) -> RetrievalResult:
    judged = [row for row in rows if row.item_id in qrels]
    recalls = [row.recall or 0.0 for row in judged]
    gains = [ndcg(rankings.get((key, row.item_id), ()), set(qrels[row.item_id]), depth) for row in judged]
    shares = [relevance(row.chunk_ids, set(qrels[row.item_id])) for row in judged]
    return RetrievalResult(
        retriever=key,
        n=len(judged),
        recall=_mean(recalls),
        all_recall=_mean([float(value == 1.0) for value in recalls]),
        ndcg=_mean(gains),
        relevance=_mean(shares),
        tokens=float(np.mean([row.tokens for row in rows])),
        seconds=sum(row.seconds for row in rows),
    )


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None
