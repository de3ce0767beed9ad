"""Chains of explorations on the small invented world."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from retrieval.index.graph_index import GraphIndex
from retrieval.retrievers.registry import open_retriever
from retrieval.traversal.planner import RegressionPlanner, StepScores
from retrieval.traversal.steps import RelationPath, named_starts
from retrieval.types import RetrievedEvidence
from tests.retrieval.fakes import MemoryStore, WordEncoder, chunk_id, world
from tests.retrieval.retrievers.test_paths import graph, with_examples

BORN = "Where was the person born who designed the Aldermoon Bridge?"


@pytest.fixture
def index(tmp_path: Path) -> GraphIndex:
    return GraphIndex.open(MemoryStore(world()), tmp_path, WordEncoder(512))


def _retrieve(index: GraphIndex, question: str, **settings: object) -> RetrievedEvidence:
    return open_retriever("coe", index, index.encoder, settings).retrieve(question, 3)


def _ends(found: RetrievedEvidence) -> list[tuple[str, str]]:
    return [(path.facts[-1].predicate, path.facts[-1].object) for path in found.paths]


def test_a_step_takes_what_earlier_steps_have_not_explained(index: GraphIndex) -> None:
    found = _retrieve(index, BORN)
    assert [fact.predicate for fact in found.paths[0].facts] == ["designed", "was born in"]
    assert [passage.chunk_id for passage in found.passages[:2]] == [chunk_id("Bridge"), chunk_id("Tarn")]
    assert len(found.passages) == 3  # plain RAG fills up


def test_a_chain_ends_where_nothing_explains_more(index: GraphIndex) -> None:
    found = _retrieve(index, "Who designed the Aldermoon Bridge?")
    assert [fact.predicate for fact in found.paths[0].facts] == ["designed"]


def test_of_many_neighbours_those_near_the_question_are_kept(tmp_path: Path) -> None:
    rows = graph(*((f"Work {n}", "made by", "Lyn") for n in range(20)), ("Blue harbour", "made by", "Lyn"))
    index = GraphIndex.open(MemoryStore(rows), tmp_path, WordEncoder(512))
    found = _retrieve(index, "Which harbour in blue was made by Lyn?", nodes=2, hops=1)
    assert found.paths[0].facts[0].subject == "Blue harbour"
    assert len(found.paths) == 2


def test_a_hub_is_not_walked_through(tmp_path: Path) -> None:
    rows = graph(*((f"Work {n}", "has kind", "Song") for n in range(30)), ("Work 7", "made by", "Lyn"))
    index = GraphIndex.open(MemoryStore(rows), tmp_path, WordEncoder(512))
    assert _ends(_retrieve(index, "Which kind has Work 7?", degree=10, least_hops=3))[:1] == []
    assert {len(path.facts) for path in _retrieve(index, "Which kind has Work 7?", degree=10).paths} == {1}


def test_the_longest_name_comes_first_and_is_masked(tmp_path: Path) -> None:
    rows = graph(("Orrin Quay", "lies in", "Pellin"), ("orrin quay", "is a", "Tag"), ("Pellin", "is a", "Town"))
    index = GraphIndex.open(MemoryStore(rows), tmp_path, WordEncoder(512))
    starts = named_starts(index, "Does Orrin Quay lie in Pellin?")
    assert [masked for _, masked in starts] == ["Does X lie in Pellin?", "Does Orrin Quay lie in X?"]
    assert len(starts[0][0]) == 1  # written as the question writes it
    assert len(named_starts(index, "Is ORRIN QUAY far?")[0][0]) == 2
    assert named_starts(index, "Is the Orrin Quays far?")[0][1] == "Is the Orrin Quays far?"


def test_the_same_question_finds_the_same(index: GraphIndex) -> None:
    assert _retrieve(index, BORN) == _retrieve(index, BORN)


def test_examples_teach_which_step_is_meant_and_where_a_chain_ends(index: GraphIndex, tmp_path: Path) -> None:
    settings = with_examples(tmp_path)
    for question, steps in (
        ("Which birthplace has the person behind Aldermoon Bridge?", ["designed", "was born in"]),
        ("Which river is under Aldermoon Bridge?", ["crosses"]),
    ):
        found = _retrieve(index, question, **settings)
        assert [fact.predicate for fact in found.paths[0].facts] == steps


@pytest.mark.parametrize(("sign", "length"), [(-1, 1), (1, 3)])
def test_chains_end_where_they_fit_the_complete_question(
    index: GraphIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sign: int, length: int
) -> None:
    step_scores = RegressionPlanner.step_scores

    def scored_by_length(planner: RegressionPlanner, question: str) -> StepScores:
        def score_paths(paths: Sequence[RelationPath]) -> NDArray[np.float64]:
            return np.array([sign * len(path) for path in paths], float)

        return replace(step_scores(planner, question), score_paths=score_paths)

    monkeypatch.setattr(RegressionPlanner, "step_scores", scored_by_length)
    found = _retrieve(index, BORN, **with_examples(tmp_path))
    assert len(found.paths[0].facts) == length
    assert found.paths[0].score == sign * length
