from __future__ import annotations

from pathlib import Path

import pytest

from retrieval.index.graph_index import GraphIndex
from retrieval.retrievers.registry import open_retriever
from retrieval.types import RetrievedEvidence
from tests.retrieval.fakes import MemoryStore, WordEncoder, world
from tests.retrieval.retrievers.test_paths import graph, triples


def retrieve(
    folder: Path, facts: tuple[tuple[str, str, str], ...], question: str, **settings: object
) -> RetrievedEvidence:
    index = GraphIndex.open(MemoryStore(graph(*facts)), folder, WordEncoder(512))
    given = {"seeds": {"facts": 0}, **settings}
    return open_retriever("flow", index, index.encoder, given).retrieve(question, 3)


CHAIN = (("Ada", "taught", "Ben"), ("Ben", "married", "Cleo"), ("Cleo", "founded", "Dorn"))


def test_what_joins_two_things_is_a_path(tmp_path: Path) -> None:
    found = retrieve(tmp_path, CHAIN, "What joins Ada and Cleo?")
    assert [triples(path) for path in found.paths] == [[("Ada", "taught", "Ben"), ("Ben", "married", "Cleo")]]
    assert [passage.text for passage in found.passages[:2]] == ["Ada taught Ben.", "Ben married Cleo."]


def test_paths_are_no_longer_than_the_setting_hops(tmp_path: Path) -> None:
    assert retrieve(tmp_path / "two", CHAIN, "What joins Ada and Dorn?", hops=2).paths == ()
    assert len(retrieve(tmp_path / "three", CHAIN, "What joins Ada and Dorn?", hops=3).paths[0].facts) == 3


def test_the_narrower_way_is_more_reliable(tmp_path: Path) -> None:
    facts = (
        ("Ada", "knows", "Ben"),
        ("Ben", "knows", "Cleo"),
        ("Ada", "likes", "Club"),
        ("Club", "has", "Cleo"),
        *(("Club", "has", f"Guest {n}") for n in range(20)),
    )
    found = retrieve(tmp_path, facts, "What joins Ada and Cleo?")
    short, long = found.paths
    assert {fact.predicate for fact in short.facts} == {"knows"}
    assert {fact.predicate for fact in long.facts} == {"likes", "has"}
    assert found.paths[0].score > found.paths[1].score


def test_nothing_flows_through_a_hub_or_below_the_threshold(tmp_path: Path) -> None:
    facts = (("Ada", "likes", "Club"), ("Club", "has", "Cleo"), *(("Club", "has", f"Guest {n}") for n in range(30)))
    question = "What joins Ada and Cleo?"
    assert len(retrieve(tmp_path / "open", facts, question).paths) == 1
    assert retrieve(tmp_path / "hub", facts, question, degree=10).paths == ()
    assert retrieve(tmp_path / "thin", facts, question, threshold=0.5).paths == ()


def test_without_two_seeds_it_is_plain_rag(tmp_path: Path) -> None:
    index = GraphIndex.open(MemoryStore(world()), tmp_path, WordEncoder(512))
    plain = open_retriever("rag", index, index.encoder, {}).retrieve("what keeps for years?", 3)
    found = open_retriever("flow", index, index.encoder, {"seeds": {"facts": 0}}).retrieve("what keeps for years?", 3)
    assert found == plain


@pytest.mark.parametrize("turned", [False, True])
def test_a_path_is_found_once_from_either_end(tmp_path: Path, turned: bool) -> None:
    names = ("Ada", "Cleo") if not turned else ("Cleo", "Ada")
    assert len(retrieve(tmp_path, CHAIN, f"What joins {names[0]} and {names[1]}?").paths) == 1
