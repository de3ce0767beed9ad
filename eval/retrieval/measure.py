"""How well and how fast retrievers find the gold passages of a corpus in BEIR's form (`eval.retrieval.beir`).

Every retriever answers every query from the same index; a query is one call of `retrieve`, timed from its text to its
passages, its encoding included. Recall at k is the share of a query's gold passages among its first k, all-evidence at
k whether they are all there. Intervals are bootstrapped over queries, differences over the same queries.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eval.retrieval.beir import Corpus, Query
from eval.runs.trec import Ranked, ndcg, run_lines
from eval.statistics.stats import Interval, Values, intervals
from models.errors import NOT_OF_THE_ITEM
from models.files.atomic import replace_text
from models.runtime.progress import Progress
from retrieval.types import Retriever

DEPTH = 20
"""Passages asked of a retriever."""
METRICS = (
    "recall@1", "recall@2", "recall@5", "recall@10", "recall@20", "all@5", "all@10", "ndcg@10", "mrr",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Measured:
    """One retriever on one corpus.

    Attributes:
        retriever: Its name.
        n: Queries with gold: the denominator of every mean.
        failed: Queries on which it ended in an error; they found nothing.
        metrics: Means with 95 % intervals, by name (`METRICS`).
        by_hops: Number of queries, recall@5 and all@5 by number of gold passages.
        ms_median: Milliseconds a query.
        ms_p95: 95th percentile of them.
        errors: The first few errors in words.
    """

    retriever: str
    n: int
    failed: int
    metrics: dict[str, Interval]
    by_hops: dict[int, tuple[int, float, float]]
    ms_median: float
    ms_p95: float
    errors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rankings:
    """What one retriever found: for every query, ids of passages with scores, best first; and seconds a query."""

    found: tuple[tuple[Ranked, ...], ...]
    seconds: tuple[float, ...]
    errors: tuple[str, ...]


def rank_all(retriever: Retriever, corpus: Corpus, progress: Progress) -> Rankings:
    """Ask a retriever every query; one that fails is recorded as having found nothing.

    Raises:
        BudgetReached: A retriever that calls models used the budget up.
    """
    found, seconds, errors = [], [], []
    with progress.step(f"retrieve: {retriever.name}", total=len(corpus.queries), unit="queries") as step:
        for query in corpus.queries:
            began = time.perf_counter()
            try:
                passages = retriever.retrieve(query.text, DEPTH).passages
            except NOT_OF_THE_ITEM:
                raise
            except Exception as error:  # a query's boundary: recorded, and counted as having found nothing
                errors.append(f"{query.id}: {type(error).__name__}: {error}")
                passages = ()
            seconds.append(time.perf_counter() - began)
            ranked: dict[str, float] = {}
            for row in passages:
                ranked.setdefault(corpus.passage_of[row.chunk_id], float(row.score))
            found.append(tuple(Ranked(key, score) for key, score in ranked.items())[:DEPTH])
            step.advance()
    return Rankings(tuple(found), tuple(seconds), tuple(errors))


def measure(name: str, rankings: Rankings, queries: Sequence[Query]) -> Measured:
    """Means of one retriever's rankings."""
    values = values_of(rankings, queries)
    milliseconds = np.array(rankings.seconds) * 1000
    hops: dict[int, tuple[int, float, float]] = {}
    counts = np.array([len(query.gold) for query in queries])
    for hop in sorted(set(counts.tolist())):
        here = counts == hop
        hops[hop] = (int(here.sum()), float(values["recall@5"][here].mean()), float(values["all@5"][here].mean()))
    means = intervals(np.stack([values[metric] for metric in METRICS]))
    return Measured(
        name,
        len(queries),
        len(rankings.errors),
        dict(zip(METRICS, means, strict=True)),
        hops,
        float(np.median(milliseconds)),
        float(np.percentile(milliseconds, 95)),
        rankings.errors[:5],
    )


def differences(mine: Mapping[str, Values], theirs: Mapping[str, Values]) -> dict[str, Interval]:
    """Mean differences of two retrievers on the same queries, with 95 % intervals, by metric."""
    means = intervals(np.stack([mine[metric] - theirs[metric] for metric in METRICS]))
    return dict(zip(METRICS, means, strict=True))


def values_of(rankings: Rankings, queries: Sequence[Query]) -> dict[str, Values]:
    """Every metric of every query, arrays (queries,), float64, in [0, 1]."""
    rows = [
        _values([row.chunk_id for row in found], query) for found, query in zip(rankings.found, queries, strict=True)
    ]
    return {metric: np.array([row[metric] for row in rows]) for metric in METRICS}


def _values(ranking: list[str], query: Query) -> dict[str, float]:
    hits = [passage in query.gold for passage in ranking]
    first = next((place for place, hit in enumerate(hits, 1) if hit), 0)
    return {
        **{f"recall@{k}": sum(hits[:k]) / len(query.gold) for k in (1, 2, 5, 10, 20)},
        **{f"all@{k}": float(sum(hits[:k]) == len(query.gold)) for k in (5, 10)},
        "ndcg@10": ndcg(ranking, query.gold, 10),
        "mrr": 1 / first if first else 0.0,
    }


def write_run(path: Path, name: str, rankings: Rankings, queries: Sequence[Query]) -> None:
    """Write rankings in TREC's form."""
    lines = [
        line for query, found in zip(queries, rankings.found, strict=True) for line in run_lines(name, query.id, found)
    ]
    replace_text(path, "".join(f"{line}\n" for line in lines))


def peak_mib() -> int:
    """Most memory this process has held, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
