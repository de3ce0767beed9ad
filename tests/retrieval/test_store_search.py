"""Candidates found by a real Neo4j's indexes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from kg.schema import Chunk, Document
from kg.stores.neo4j.server import Neo4jServer, ServerAddress
from kg.stores.neo4j.store import Neo4jStore
from models.errors import ConfigError
from retrieval.index.graph_index import GraphIndex
from retrieval.retrievers.registry import open_retriever
from tests.retrieval.fakes import MemoryStore, WordEncoder, world

QUESTIONS = ("Where was the designer of the Aldermoon Bridge born?", "Who elected Runa Fisk?", "What keeps for years?")


@pytest.fixture
def store(neo4j_address: ServerAddress) -> Iterator[Neo4jStore]:
    with closing(Neo4jStore(neo4j_address, f"search-{uuid4()}")) as opened:
        try:
            opened.load(world())
            yield opened
        finally:
            opened.clear()


@pytest.mark.neo4j
def test_the_stores_indexes_find_what_the_arrays_find(store: Neo4jStore, tmp_path: Path) -> None:
    encoder = WordEncoder(256)
    exact = GraphIndex.open(store, tmp_path, encoder)
    there = GraphIndex.open(store, tmp_path, encoder, where="store")
    assert exact.digest != there.digest and not there.names
    for question in QUESTIONS:
        vector = exact.encode_question(question)
        (near,), (same,) = (index.search.near_passages(vector, 1) for index in (there, exact))
        assert near.id == same.id and near.score == pytest.approx(same.score, abs=0.02)
        found = {each.id for each in exact.search.matching_passages(question, 5)}
        assert {each.id for each in there.search.matching_passages(question, 5)} == found
        assert there.search.named_entities(question) == exact.search.named_entities(question)
        top = [
            open_retriever("graph", index, encoder, {}).retrieve(question, 3).passages[0] for index in (exact, there)
        ]
        assert top[0].chunk_id == top[1].chunk_id
    assert dict(there.search.near_entities(vector, 3)).keys() == dict(exact.search.near_entities(vector, 3)).keys()


@pytest.mark.neo4j
def test_vectors_follow_the_rows(store: Neo4jStore, tmp_path: Path) -> None:
    encoder = WordEncoder(256)
    GraphIndex.open(store, tmp_path, encoder, where="store")
    document = next(row for row in store.read(Document) if row.title == "Harbour")
    chunk = next(row for row in store.read(Chunk) if row.document_id == document.id)
    gone = next(row for row in store.read(Chunk) if "bees" in row.text)
    with store.transaction():
        store.put([replace(document, title="Glaciers calving")])
        store.remove(Chunk, [gone.id])
    index = GraphIndex.open(store, tmp_path, encoder, where="store")
    assert index.search.near_passages(index.encode_question("glaciers calving"), 1)[0].id == chunk.id
    near = index.search.near_passages(index.encode_question(gone.text), 10)
    assert len(near) == 4 and gone.id not in {each.id for each in near}


@pytest.mark.neo4j
def test_a_row_that_went_and_came_back_has_its_vector_again(store: Neo4jStore, tmp_path: Path) -> None:
    encoder = WordEncoder(256)
    GraphIndex.open(store, tmp_path, encoder, where="store")
    chunk = next(row for row in store.read(Chunk) if "bees" in row.text)
    content = store.digest()
    for change in (lambda: store.remove(Chunk, [chunk.id]), lambda: store.put([chunk])):
        with store.transaction():
            change()
    assert store.digest() == content
    index = GraphIndex.open(store, tmp_path, encoder, where="store")
    assert index.search.near_passages(index.encode_question(chunk.text), 1)[0].id == chunk.id


@pytest.mark.neo4j
@pytest.mark.parametrize("words", [["!!!"], ["_"], [""], ['"'], ["*"], ["\ud800"], []])
def test_words_that_say_nothing_find_nothing(store: Neo4jStore, words: list[str]) -> None:
    assert store.matching(Chunk, words, 10) == []


@pytest.mark.neo4j
def test_words_are_words_and_no_query(store: Neo4jStore) -> None:
    for words in (['a" OR text:*'], ["text:*"], ["bees) OR (text:*"], ["be*"], ["~"], ["AND"], ["\\"]):
        found = [score for _, score in store.matching(Chunk, words, 10)]
        assert len(found) < 5 and all(score > 0 for score in found)
    assert len(store.matching(Chunk, [f"word{number}" for number in range(3000)] + ["bees"], 10)) == 0
    assert len(store.matching(Chunk, ["bees", *(f"word{number}" for number in range(3000))], 10)) == 2


@pytest.mark.neo4j
def test_workspaces_have_indexes_of_their_own(store: Neo4jStore, neo4j_address: ServerAddress, tmp_path: Path) -> None:
    with (
        closing(Neo4jStore(neo4j_address, f"{store.workspace}-x")) as other,
        closing(Neo4jServer(neo4j_address)) as server,
    ):
        other.load(world())
        here, there = WordEncoder(256), WordEncoder(32)  # vectors of another length
        indexes = [
            GraphIndex.open(each, tmp_path / str(each.workspace), encoder, where="store")
            for each, encoder in ((store, here), (other, there))
        ]
        count = "SHOW VECTOR INDEXES YIELD properties WHERE any(p IN properties WHERE p STARTS WITH 'vector_') RETURN 1"
        made = len(server.read(count))
        for index in indexes:
            assert len(index.search.near_passages(index.encode_question("bridge"), 50)) == 5
            assert len(index.search.matching_passages("Ivo Tarn bees Pellin harbour mayor bridge", 50)) == 5
        other.clear()
        assert len(server.read(count)) == made - 2
        assert len(indexes[0].search.near_passages(indexes[0].encode_question("bridge"), 50)) == 5


@pytest.mark.neo4j
def test_an_empty_store_finds_nothing(neo4j_address: ServerAddress, tmp_path: Path) -> None:
    with closing(Neo4jStore(neo4j_address, f"search-{uuid4()}")) as empty:
        index = GraphIndex.open(empty, tmp_path, WordEncoder(64), where="store")
        vector = index.encode_question("bridge")
        assert index.search.near_passages(vector, 5) == index.search.matching_passages("bridge", 5) == []
        assert index.search.near_entities(vector, 5) == index.search.named_entities("bridge") == []


def test_a_store_without_indexes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Set store: neo4j"):
        GraphIndex.open(MemoryStore(world()), tmp_path, WordEncoder(), where="store")
