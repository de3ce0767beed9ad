from __future__ import annotations

import numpy as np
import pytest

from eval.retrieval.beir import Corpus, Query
from eval.retrieval.measure import Rankings, differences, measure_retriever, metrics_by_query, rank_all
from eval.runs.trec import RankedChunk
from models.errors import ConfigError
from models.runtime.progress import SILENT
from retrieval.types import Passage, RetrievedEvidence

QUERIES = (Query("q1", "one", frozenset({"a", "b"})), Query("q2", "two", frozenset({"z"})))


def _rankings(*found: str) -> Rankings:
    rankings = []
    for ranking in found:
        rankings.append(tuple(RankedChunk(passage_id, 1.0) for passage_id in ranking))
    return Rankings(tuple(rankings), (0.01, 0.03)[: len(found)], ())


def test_metrics_of_a_ranking_by_hand() -> None:
    values = metrics_by_query(_rankings("axbcdefghijk", "qrstu"), QUERIES)
    first = {name: float(each[0]) for name, each in values.items()}
    assert (first["recall@1"], first["recall@2"], first["recall@5"]) == (0.5, 0.5, 1.0)
    assert (first["all@5"], first["all@10"], first["mrr"]) == (1.0, 1.0, 1.0)
    ideal = 1 + 1 / np.log2(3)
    assert first["ndcg@10"] == pytest.approx((1 + 1 / np.log2(4)) / ideal)
    assert all(float(each[1]) == 0.0 for each in values.values())


def test_means_have_intervals_and_numbers_of_hops_their_own_rows() -> None:
    measured = measure_retriever("mine", _rankings("ab", "z"), QUERIES)
    assert measured.metrics["recall@5"].mean == 1.0
    assert measured.by_hops == {1: (1, 1.0, 1.0), 2: (1, 1.0, 1.0)}
    assert (measured.n, measured.failed, measured.ms_median) == (2, 0, pytest.approx(20.0))


def test_differences_are_paired() -> None:
    mine, theirs = (metrics_by_query(_rankings(*found), QUERIES) for found in (("ab", "z"), ("ab", "x")))
    found = differences(mine, theirs)["recall@5"]
    assert found.mean == 0.5 and found.low >= 0.0
    assert differences(mine, mine)["mrr"].high == 0.0


class Scripted:
    name = digest = "scripted"

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error

    def retrieve(self, question: str, limit: int) -> RetrievedEvidence:
        if question == "two" and self.error:
            raise self.error
        ids = ["c:a", "c:x", "c:a", "c:b"]
        return RetrievedEvidence(tuple(Passage(each, "d", "", "", "", "", 1.0 / n) for n, each in enumerate(ids, 1)))


def test_a_query_that_fails_found_nothing_and_a_passage_counts_once() -> None:
    corpus = Corpus("small", (), QUERIES, {"c:a": "a", "c:b": "b", "c:x": "x"}, 0)
    rankings = rank_all(Scripted(ValueError("no")), corpus, SILENT)
    first, second = rankings.found
    assert ([chunk.chunk_id for chunk in first], second) == (["a", "x", "b"], ())
    assert rankings.errors == ("q2: ValueError: no",)
    measured = measure_retriever("scripted", rankings, QUERIES)
    assert (measured.failed, measured.metrics["recall@5"].mean) == (1, 0.5)
    with pytest.raises(ConfigError):
        rank_all(Scripted(ConfigError("wrong")), corpus, SILENT)
