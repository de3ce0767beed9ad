from __future__ import annotations

import random
from pathlib import Path

import ir_measures
import numpy as np
import pytest

from eval.retrieval.beir import Corpus, Query
from eval.retrieval.judgements import Judgements
from eval.retrieval.measure import (
    DEPTH,
    METRICS,
    Rankings,
    check_ids,
    differences,
    measure_retriever,
    metrics_by_query,
    rank_all,
    write_run,
)
from eval.runs.trec import RankedChunk
from models.errors import ConfigError, InputError
from models.runtime.progress import SILENT
from retrieval.types import Passage, RetrievedEvidence

QUERIES = (Query("q1", "one", {"a": 1, "b": 1}), Query("q2", "two", {"z": 1}))
NO_LINES = Judgements("test", 0, 0, 0, 0, {})


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
    corpus = Corpus("small", (), QUERIES, {"c:a": "a", "c:b": "b", "c:x": "x"}, 0, NO_LINES)
    rankings = rank_all(Scripted(ValueError("no")), corpus, SILENT)
    first, second = rankings.found
    assert ([chunk.chunk_id for chunk in first], second) == (["a", "x", "b"], ())
    assert rankings.errors == ("q2: ValueError: no",)
    measured = measure_retriever("scripted", rankings, QUERIES)
    assert (measured.failed, measured.metrics["recall@5"].mean) == (1, 0.5)
    with pytest.raises(ConfigError):
        rank_all(Scripted(ConfigError("wrong")), corpus, SILENT)


class Counting:
    """Returns as many passages as it is asked for, the first of them c:0."""

    name = digest = "counting"

    def retrieve(self, question: str, limit: int) -> RetrievedEvidence:
        passages = [Passage(f"c:{n}", "d", "", "", "", "", 1.0 / (n + 1)) for n in range(limit)]
        return RetrievedEvidence(tuple(passages))


def test_the_place_of_a_querys_own_passage_goes_to_the_next() -> None:
    queries = (Query("0", "one", {"1": 1}, own="0"), Query("x", "two", {"1": 1}))
    corpus = Corpus("small", (), queries, {f"c:{n}": str(n) for n in range(50)}, 0, NO_LINES)
    first, second = rank_all(Counting(), corpus, SILENT).found
    assert [chunk.chunk_id for chunk in first] == [str(n) for n in range(1, DEPTH + 1)]
    assert [chunk.chunk_id for chunk in second] == [str(n) for n in range(DEPTH)]


def test_a_gold_passage_that_is_not_in_the_corpus_stays_in_the_denominator() -> None:
    values = metrics_by_query(_rankings("ax"), (Query("q1", "one", {"a": 1, "lost": 1}),))
    assert (values["recall@20"][0], values["all@10"][0], values["mrr"][0]) == (0.5, 0.0, 1.0)


@pytest.mark.parametrize("ids", [("a b", "c"), ("a", "c\td"), ("a", "\u3000c")])
def test_ids_that_a_run_cannot_hold_are_refused(ids: tuple[str, str]) -> None:
    corpus = Corpus("small", (), (Query(ids[0], "one", {ids[1]: 1}),), {"c:1": ids[1]}, 0, NO_LINES)
    with pytest.raises(InputError, match="without white space"):
        check_ids(corpus)


@pytest.mark.parametrize("seed", range(8))
def test_other_tools_compute_the_same_from_a_run_with_ties_and_graded_judgements(tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)
    passages = [f"p{number}" for number in range(60)]
    queries, found, qrels = [], [], []
    for number in range(12):
        grades = {passage: draw.choice([1, 1, 2, 3]) for passage in draw.sample([*passages, "lost"], 6)}
        queries.append(Query(f"q{number}", "", grades))
        scale = draw.choice([1.0, 1e-12, 3e5, -2.0, 0.0])
        scores = sorted(
            (draw.choice([0.5, 0.5, 0.25, 1 / 3, 1 / 3 + 1e-12]) * scale for _ in range(DEPTH)), reverse=True
        )
        chosen = draw.sample(passages, DEPTH)
        found.append(tuple(RankedChunk(passage, score) for passage, score in zip(chosen, scores, strict=True)))
        judged = {**dict.fromkeys(draw.sample(passages, 5), -1), **dict.fromkeys(draw.sample(passages, 5), 0), **grades}
        qrels += [ir_measures.Qrel(f"q{number}", passage, grade) for passage, grade in judged.items()]
    rankings = Rankings(tuple(found), (0.0,) * len(found), ())
    write_run(tmp_path / "run.trec", "mine", rankings, queries)
    run = list(ir_measures.read_trec_run(str(tmp_path / "run.trec")))
    ours = metrics_by_query(rankings, queries)
    theirs = {name: _measure(name) for name in METRICS if not name.startswith("all@")}
    computed = ir_measures.iter_calc(list(theirs.values()), qrels, run)
    by_query = {(row.query_id, row.measure): row.value for row in computed}
    for name, measure in theirs.items():
        for position, query in enumerate(queries):
            assert ours[name][position] == pytest.approx(by_query[query.id, measure]), name


def _measure(name: str) -> ir_measures.Measure:
    kind, _, depth = name.partition("@")
    if kind == "mrr":
        return ir_measures.RR
    return (ir_measures.nDCG if kind == "ndcg" else ir_measures.R) @ int(depth)
