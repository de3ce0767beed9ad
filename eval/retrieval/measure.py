"""How well and how fast one retriever finds the gold passages of a corpus in BEIR's form (`eval.retrieval.beir`).

Every retriever answers every query from the same index; a query is one call of `retrieve`, timed from its text to its
passages, encoding included. Recall at k is the share of a query's gold passages among its first k; all-evidence at k
is 1 if all of them are there, else 0; nDCG weighs each by its relevance, as trec_eval does. A gold passage that is not
in the corpus is never found. Intervals are bootstrapped over queries; differences are paired by query.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eval.retrieval.beir import Corpus, Query
from eval.runs.trec import RankedChunk, ndcg, run_lines
from eval.statistics.stats import Interval, Values, intervals
from models.errors import RUN_ENDING_ERRORS, InputError, describe_error
from models.files.atomic import replace_text
from models.runtime.progress import Progress
from retrieval.types import Retriever

DEPTH = 20
"""Number of passages that every retriever is asked to return: the largest k of `METRICS`."""
METRICS = (
    "recall@1", "recall@2", "recall@5", "recall@10", "recall@20", "all@5", "all@10", "ndcg@10", "mrr",
)  # fmt: skip
_SHOWN_ERRORS = 5


@dataclass(frozen=True, slots=True)
class RetrieverScores:
    """One retriever on one corpus.

    Attributes:
        retriever: Name of the retriever.
        n: Number of queries with gold: the denominator of every mean.
        failed: Number of queries on which it ended in an error; they count as having found nothing.
        metrics: Means with 95 % intervals, by name (`METRICS`).
        by_hops: Number of queries, recall@5 and all@5 by number of gold passages.
        ms_median: Median time of a query in milliseconds.
        ms_p95: 95th percentile of the same times.
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
    """What one retriever found for all queries.

    Attributes:
        found: For every query, ids of passages with scores, best first.
        seconds: Time of every query.
        errors: Errors in words, each with the id of its query.
    """

    found: tuple[tuple[RankedChunk, ...], ...]
    seconds: tuple[float, ...]
    errors: tuple[str, ...]


def rank_all(retriever: Retriever, corpus: Corpus, progress: Progress) -> Rankings:
    """Run every query of a corpus; one that fails is recorded as having found nothing.

    Raises:
        BudgetError: A retriever that calls models used the budget up.
    """
    rankings, seconds, errors = [], [], []
    with progress.step(f"retrieve: {retriever.name}", total=len(corpus.queries), unit="queries") as step:
        for query in corpus.queries:
            began = time.perf_counter()
            try:
                # One more where the query's own passage, which is left out, would take a place.
                passages = retriever.retrieve(query.text, DEPTH + bool(query.own)).passages
            except RUN_ENDING_ERRORS:
                raise
            except Exception as error:  # a query's boundary: recorded, and counted as having found nothing
                errors.append(f"{query.id}: {describe_error(error)}")
                passages = ()
            seconds.append(time.perf_counter() - began)
            # A retriever may return a chunk twice; trec_eval refuses such a ranking, so only the first counts.
            scores: dict[str, float] = {}
            for passage in passages:
                scores.setdefault(corpus.passage_of[passage.chunk_id], float(passage.score))
            scores.pop(query.own, None)
            ranking = tuple(RankedChunk(passage_id, score) for passage_id, score in scores.items())
            rankings.append(ranking[:DEPTH])
            step.advance()
    return Rankings(tuple(rankings), tuple(seconds), tuple(errors))


def measure_retriever(name: str, rankings: Rankings, queries: Sequence[Query]) -> RetrieverScores:
    """Means of one retriever's rankings, with intervals."""
    metrics = metrics_by_query(rankings, queries)
    milliseconds = np.array(rankings.seconds) * 1000
    means = intervals(np.stack([metrics[metric] for metric in METRICS]))
    return RetrieverScores(
        retriever=name,
        n=len(queries),
        failed=len(rankings.errors),
        metrics=dict(zip(METRICS, means, strict=True)),
        by_hops=_by_hops(metrics, queries),
        ms_median=float(np.median(milliseconds)),
        ms_p95=float(np.percentile(milliseconds, 95)),
        errors=rankings.errors[:_SHOWN_ERRORS],
    )


def _by_hops(metrics: Mapping[str, Values], queries: Sequence[Query]) -> dict[int, tuple[int, float, float]]:
    """Number of queries, recall@5 and all@5 by number of gold passages: the hops of a multi-hop question."""
    hops = np.array([len(query.grades) for query in queries])
    table: dict[int, tuple[int, float, float]] = {}
    for count in sorted(set(hops.tolist())):
        chosen = hops == count
        recall, all_found = metrics["recall@5"][chosen].mean(), metrics["all@5"][chosen].mean()
        table[count] = (int(chosen.sum()), float(recall), float(all_found))
    return table


def differences(mine: Mapping[str, Values], theirs: Mapping[str, Values]) -> dict[str, Interval]:
    """Mean differences of two retrievers on the same queries, with 95 % intervals, by metric.

    The difference of every query is taken first and then resampled. Hard queries are hard for both retrievers, so the
    interval of the difference is narrower than the two separate intervals suggest.
    """
    means = intervals(np.stack([mine[metric] - theirs[metric] for metric in METRICS]))
    return dict(zip(METRICS, means, strict=True))


def metrics_by_query(rankings: Rankings, queries: Sequence[Query]) -> dict[str, Values]:
    """Every metric of every query, arrays (queries,), float64, in [0, 1]."""
    by_query = []
    for ranking, query in zip(rankings.found, queries, strict=True):
        by_query.append(_query_metrics([ranked.chunk_id for ranked in ranking], query))
    table: dict[str, Values] = {}
    for metric in METRICS:
        table[metric] = np.array([values[metric] for values in by_query])
    return table


def _query_metrics(ranking: list[str], query: Query) -> dict[str, float]:
    hits = [passage_id in query.grades for passage_id in ranking]
    first = next((rank for rank, hit in enumerate(hits, 1) if hit), 0)
    recall = {f"recall@{k}": sum(hits[:k]) / len(query.grades) for k in (1, 2, 5, 10, 20)}
    all_found = {f"all@{k}": float(sum(hits[:k]) == len(query.grades)) for k in (5, 10)}
    return {**recall, **all_found, "ndcg@10": ndcg(ranking, query.grades, 10), "mrr": 1 / first if first else 0.0}


def check_ids(corpus: Corpus) -> None:
    """Refuse ids that a TREC run cannot hold, whose columns are separated by white space.

    Raises:
        InputError: An id of a query or passage has white space.
    """
    for key in (*(query.id for query in corpus.queries), *corpus.passage_of.values()):
        if key.split() != [key]:
            raise InputError(
                f"Expected ids without white space, at which TREC runs are split, but found {key!r}. "
                "Leave out --runs, or rename it in all files."
            )


def write_run(path: Path, name: str, rankings: Rankings, queries: Sequence[Query]) -> None:
    """Write rankings in TREC's form."""
    lines: list[str] = []
    for query, ranking in zip(queries, rankings.found, strict=True):
        lines += run_lines(name, query.id, ranking)
    replace_text(path, "".join(f"{line}\n" for line in lines))


def peak_mib() -> int:
    """Peak memory of this process so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
