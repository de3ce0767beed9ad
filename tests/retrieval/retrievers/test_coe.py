"""Chains of explorations on the small invented world."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from retrieval.index.graph_index import GraphIndex
from retrieval.retrievers.registry import open_retriever
from retrieval.traversal.planner import LearntPlanner, Look
from retrieval.traversal.steps import named_starts
from retrieval.types import Retrieved
from tests.retrieval.fakes import MemoryStore, WordEncoder, chunk_id, world
from tests.retrieval.retrievers.test_paths import graph, taught

BORN = "Where was the person born who designed the Aldermoon Bridge?"


@pytest.fixture
def index(tmp_path: Path) -> GraphIndex:
    return GraphIndex.open(MemoryStore(world()), tmp_path, WordEncoder(512))


def _ask(index: GraphIndex, question: str, **settings: object) -> Retrieved:
    return open_retriever("coe", index, index.encoder, settings).retrieve(question, 3)


def _ends(found: Retrieved) -> list[tuple[str, str]]:
    return [(path.facts[-1].predicate, path.facts[-1].object) for path in found.paths]


def test_each_step_takes_what_the_question_still_asks_for(index: GraphIndex) -> None:
    found = _ask(index, BORN)
    assert [fact.predicate for fact in found.paths[0].facts] == ["designed", "was born in"]
    assert [passage.chunk_id for passage in found.passages[:2]] == [chunk_id("Bridge"), chunk_id("Tarn")]
    assert len(found.passages) == 3  # plain RAG fills up


def test_a_chain_ends_where_nothing_explains_more(index: GraphIndex) -> None:
    found = _ask(index, "Who designed the Aldermoon Bridge?")
    assert [fact.predicate for fact in found.paths[0].facts] == ["designed"]


def test_of_many_neighbours_those_near_the_question_are_kept(tmp_path: Path) -> None:
    rows = graph(*((f"Work {n}", "made by", "Lyn") for n in range(20)), ("Blue harbour", "made by", "Lyn"))
    index = GraphIndex.open(MemoryStore(rows), tmp_path, WordEncoder(512))
    found = _ask(index, "Which harbour in blue was made by Lyn?", nodes=2, hops=1)
    assert found.paths[0].facts[0].subject == "Blue harbour"
    assert len(found.paths) == 2


def test_a_hub_is_not_walked_through(tmp_path: Path) -> None:
    rows = graph(*((f"Work {n}", "has kind", "Song") for n in range(30)), ("Work 7", "made by", "Lyn"))
    index = GraphIndex.open(MemoryStore(rows), tmp_path, WordEncoder(512))
    assert _ends(_ask(index, "Which kind has Work 7?", degree=10, least_hops=3))[:1] == []
    assert {len(path.facts) for path in _ask(index, "Which kind has Work 7?", degree=10).paths} == {1}


def test_the_longest_name_comes_first_and_is_masked(tmp_path: Path) -> None:
    rows = graph(("Orrin Quay", "lies in", "Pellin"), ("orrin quay", "is a", "Tag"), ("Pellin", "is a", "Town"))
    index = GraphIndex.open(MemoryStore(rows), tmp_path, WordEncoder(512))
    starts = named_starts(index, "Does Orrin Quay lie in Pellin?")
    assert [masked for _, masked in starts] == ["Does X lie in Pellin?", "Does Orrin Quay lie in X?"]
    assert len(starts[0][0]) == 1  # written as the question writes it
    assert len(named_starts(index, "Is ORRIN QUAY far?")[0][0]) == 2
    assert named_starts(index, "Is the Orrin Quays far?")[0][1] == "Is the Orrin Quays far?"


def test_the_same_question_finds_the_same(index: GraphIndex) -> None:
    assert _ask(index, BORN) == _ask(index, BORN)


def test_examples_teach_which_step_is_meant_and_when_a_chain_is_over(index: GraphIndex, tmp_path: Path) -> None:
    settings = taught(tmp_path)
    for question, steps in (
        ("Which birthplace has the person behind Aldermoon Bridge?", ["designed", "was born in"]),
        ("Which river is under Aldermoon Bridge?", ["crosses"]),
    ):
        found = _ask(index, question, **settings)
        assert [fact.predicate for fact in found.paths[0].facts] == steps


@pytest.mark.parametrize(("sign", "length"), [(-1, 1), (1, 3)])
def test_chains_are_over_where_they_fit_the_question_as_a_whole(
    index: GraphIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sign: int, length: int
) -> None:
    look = LearntPlanner.look

    def told(planner: LearntPlanner, question: str) -> Look:
        return replace(look(planner, question), fit=lambda paths: np.array([sign * len(path) for path in paths], float))

    monkeypatch.setattr(LearntPlanner, "look", told)
    found = _ask(index, BORN, **taught(tmp_path))
    assert len(found.paths[0].facts) == length
    assert found.paths[0].score == sign * length
