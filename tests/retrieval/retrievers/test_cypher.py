"""The retriever that has a model write queries, against a real Neo4j; the model is scripted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, nullcontext
from pathlib import Path
from uuid import uuid4

import pytest

from kg.stores.neo4j.server import ServerAddress
from kg.stores.neo4j.store import Neo4jStore
from models.calls.chats import Chats
from models.errors import ConfigError, OutputError
from models.protocols import ChatRequest, Completion, Usage
from retrieval.answering.pack import BudgetShares, PackSettings, pack
from retrieval.index.graph_index import GraphIndex
from retrieval.retrievers.registry import open_retriever, planned_calls
from retrieval.types import RetrievedEvidence, Retriever
from tests.retrieval.fakes import MemoryStore, WordEncoder, chunk_id, count_words, world

QUESTION = "Where was the designer of the Aldermoon Bridge born?"
TWO_HOPS = (
    "MATCH (b:Entity {name: 'Aldermoon Bridge'})-[f:FACT]-(p:Entity)-[g:FACT {predicate: 'was born in'}]-(t:Entity) "
    "RETURN t.name AS town, f, g"
)


class Writer:
    """A chat model that writes the queries it is given, in turn."""

    name = digest = "writer"

    def __init__(self, *queries: str) -> None:
        self.queries = list(queries)
        self.requests: list[ChatRequest] = []

    def complete(self, request: ChatRequest) -> Completion:
        self.requests.append(request)
        query = self.queries[len(self.requests) - 1]
        if query == "garbage":
            raise OutputError("no JSON")
        parsed = {"query": query}
        return Completion(json.dumps(parsed), Usage(1, 1), "stop", 0.0, parsed)

    def close(self) -> None:
        return None


@pytest.fixture
def index(neo4j_address: ServerAddress, tmp_path: Path) -> Iterator[GraphIndex]:
    with closing(Neo4jStore(neo4j_address, f"cypher-{uuid4()}")) as store:
        try:
            store.load(world())
            yield GraphIndex.open(store, tmp_path, WordEncoder(256))
        finally:
            store.clear()


def _open(index: GraphIndex, writer: Writer, **settings: object) -> Retriever:
    return open_retriever("cypher", index, index.encoder, settings, Chats(lambda name: nullcontext(writer)))


def _retrieve(index: GraphIndex, writer: Writer, limit: int = 3, **settings: object) -> RetrievedEvidence:
    return _open(index, writer, **settings).retrieve(QUESTION, limit)


@pytest.mark.neo4j
def test_a_query_brings_facts_passages_and_values(index: GraphIndex) -> None:
    writer = Writer(TWO_HOPS)
    found = _retrieve(index, writer)
    assert [fact.predicate for fact in found.facts] == ["designed", "was born in"]
    assert [row.text for row in found.rows] == ["town: Pellin"]
    assert [passage.chunk_id for passage in found.passages[:2]] == [chunk_id("Bridge"), chunk_id("Tarn")]
    assert len(found.passages) == 3  # plain RAG fills up
    assert found.query and (found.query.text, found.query.problem) == (TWO_HOPS, "")
    shown = writer.requests[0].messages[-1].content
    assert "Aldermoon Bridge (thing)" in shown and 'thing "was born in" thing' in shown
    packed = pack(found, 400, count_words, PackSettings(shares=BudgetShares(facts=0.5)))
    assert packed.query == found.query
    assert "The graph says: town: Pellin" in packed.text


@pytest.mark.neo4j
def test_a_model_gets_the_error_and_writes_another_query(index: GraphIndex) -> None:
    for bad, reason in (
        ("MATCH (n) DETACH DELETE n", "DETACH"),
        ("MATCH (n:Entity) WHERE n.name = RETURN n", "refuses"),
        ("MATCH (n:Entity {name: 'Nobody'}) RETURN n", "found nothing"),
        ("MATCH (n:Entity {workspace: 'other'}) RETURN n", "names a workspace"),
    ):
        writer = Writer(bad, TWO_HOPS)
        found = _retrieve(index, writer)
        assert reason in writer.requests[1].messages[-1].content
        assert [row.text for row in found.rows] == ["town: Pellin"]
    assert sum(1 for _ in index.store.read(type(world()[0]))) == 5  # nothing was deleted


@pytest.mark.neo4j
def test_without_a_result_it_is_plain_rag_that_says_why(index: GraphIndex) -> None:
    plain = open_retriever("rag", index, index.encoder, {}).retrieve(QUESTION, 3)
    nothing = "MATCH (n:Nothing) RETURN n"
    for writer, problem in ((Writer(nothing, nothing), "found nothing"), (Writer("garbage"), "no query")):
        found = _retrieve(index, writer)
        assert found.query and problem in found.query.problem
        assert (found.passages, found.facts, found.rows) == (plain.passages, (), ())
    assert _retrieve(index, Writer(nothing, nothing), fill=False).passages == ()


@pytest.mark.neo4j
def test_values_of_every_kind_are_lines(index: GraphIndex) -> None:
    query = (
        "MATCH (n:Entity)-[f:FACT]-(m:Entity {name: 'Pellin'}) "
        "MATCH (c:Chunk)-[:PART_OF]->(d:Document {title: 'Bees'}) "
        "WITH count(f) AS n, collect(n) AS who, c, d RETURN n, size(who) AS s, 1.5 AS x, true AS t, d, null AS no, c"
    )
    found = _retrieve(index, Writer(query))
    assert [row.text for row in found.rows] == ["n: 2; s: 2; x: 1.5; t: True; d: Bees"]
    assert found.passages[0].chunk_id == chunk_id("Bees")


@pytest.mark.neo4j
def test_a_node_is_shown_by_its_name_and_without_vectors(index: GraphIndex, tmp_path: Path) -> None:
    assert isinstance(index.store, Neo4jStore)
    GraphIndex.open(index.store, tmp_path, index.encoder, where="store")
    for returned in ("e", "properties(e)", "e {labels: e.labels, .name}", "{labels: 1, name: e.name}", "labels(c), c"):
        query = f"MATCH (c:Chunk)-[:MENTIONS]->(e:Entity {{name: 'Pellin'}}) RETURN {returned} LIMIT 1"
        found = _retrieve(index, Writer(query))
        assert found.query and not found.query.problem
        assert len(found.rows) == 1 and len(found.rows[0].text) < 60
    query = "MATCH (c:Chunk) RETURN properties(c) AS p, {labels: ['Chunk'], id: 'none'} AS made LIMIT 1"
    found = _retrieve(index, Writer(query))
    assert len(found.passages) == 3 and all("vector" not in row.text for row in found.rows)


@pytest.mark.neo4j
def test_a_digest_names_all_that_a_context_depends_on(index: GraphIndex) -> None:
    assert _open(index, Writer()).digest != _open(index, Writer(), attempts=1).digest
    assert _open(index, Writer()).digest == _open(index, Writer()).digest


def test_a_store_that_answers_no_queries_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="store: neo4j"):
        _open(GraphIndex.open(MemoryStore(world()), tmp_path, WordEncoder()), Writer())


def test_a_plan_knows_what_it_costs() -> None:
    planned = planned_calls("cypher", {"attempts": 3})
    assert planned and (planned.model, planned.calls) == ("qwen-1.5b", 3) and planned.tokens_in > 100
    assert planned_calls("graph", {}) is None
