from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kg.schema import Entity, Fact
from retrieval.index.graph_index import GraphIndex
from retrieval.retrievers.ppr import PprRetriever, PprSettings
from tests.retrieval.fakes import MemoryStore, WordEncoder, chunk_id, world

BRIDGE = "Where was the designer of the Aldermoon Bridge born?"


@pytest.fixture
def index(tmp_path: Path) -> GraphIndex:
    return GraphIndex.open(MemoryStore(world()), tmp_path, WordEncoder(256))


def test_the_walk_comes_by_the_second_hop(index: GraphIndex) -> None:
    found = PprRetriever(index, PprSettings()).retrieve(BRIDGE, 3)
    assert {chunk_id("Bridge"), chunk_id("Tarn")} <= {passage.chunk_id for passage in found.passages}
    assert found.passages[0].score > found.passages[1].score > 0


def test_names_of_near_embeddings_are_joined(tmp_path: Path) -> None:
    twin = next(row for row in world() if isinstance(row, Entity) and row.name == "Ivo Tarn")
    rows = [*world(), Entity("e:0twin", "Ivo Tarn Tarn", "thing", (), twin.evidence[:1])]
    index = GraphIndex.open(MemoryStore(rows), tmp_path, WordEncoder(256))
    near, far = (PprRetriever(index, PprSettings(synonym=least)) for least in (0.8, 1.01))
    ids = [each.decode() for each in index.entity_ids.tolist()]
    pair = ids.index("e:0twin"), ids.index(twin.id)
    assert near._step[pair] > 0 and far._step[pair] == 0
    assert np.allclose(near._step.sum(axis=0)[0, pair[0]], 1.0)


def test_phrases_are_chosen_after_the_division_by_their_passages(index: GraphIndex) -> None:
    walk = PprRetriever(index, PprSettings(facts=1, phrases=1))
    later = 0
    for row, ends in enumerate(index.fact_ends.tolist()):
        passages = {end: int(index.passages_of_entity[end]) for end in ends}
        rarest = min(passages, key=lambda end: (passages[end], end))
        assert walk._phrases(np.eye(len(index.fact_ends), dtype=np.float32)[row]) == {rarest: 1.0 / passages[rarest]}
        later += rarest > min(ends)
    assert later, "a phrase of more passages came first somewhere"


def test_without_facts_it_is_dense(tmp_path: Path) -> None:
    rows = [row for row in world() if not isinstance(row, Entity | Fact)]
    index = GraphIndex.open(MemoryStore(rows), tmp_path, WordEncoder(256))
    found = PprRetriever(index, PprSettings()).retrieve(BRIDGE, 2)
    near = index.search.near_passages(index.encode_question(BRIDGE), 2)
    assert [passage.chunk_id for passage in found.passages] == [each.id for each in near]


def test_weights_of_edges_are_those_of_the_graph(index: GraphIndex) -> None:
    edges = index.step.multiply(index.degree[np.newaxis, :]).toarray()
    assert np.allclose(edges, edges.T) and np.allclose(edges, np.round(edges))


def test_an_edge_between_phrases_weighs_twice_one_to_a_passage(index: GraphIndex) -> None:
    walk = PprRetriever(index, PprSettings(synonym=1.01))
    edges = index.step.multiply(index.degree[np.newaxis, :]).toarray()
    count = len(index.entity_ids)
    edges[:count, :count] *= 2
    degree = edges.sum(axis=0)
    assert np.allclose(walk._step.toarray() * degree, edges)
