"""Reranking: both searches' passages, in the cross-encoder's order."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from models.errors import ConfigError
from models.factory import open_reranker
from models.protocols import Vectors
from retrieval.index.graph_index import GraphIndex
from retrieval.retrievers.registry import open_retriever
from retrieval.text.texts import with_heading
from tests.models.tiny_bert import save_tiny_bert
from tests.retrieval.fakes import MemoryStore, WordEncoder, chunk_id, world

BEES = "How long does honey keep?"


class LongestFirst:
    """Scores a passage by its length."""

    name = digest = "longest"

    def rank(self, question: str, passages: Sequence[str]) -> Vectors:
        return np.array([len(passage) for passage in passages], dtype=np.float32)


@pytest.fixture
def index(tmp_path: Path) -> GraphIndex:
    return GraphIndex.open(MemoryStore(world()), tmp_path / "index", WordEncoder(256))


def test_the_rerankers_order_counts(index: GraphIndex) -> None:
    retriever = open_retriever("rerank", index, index.encoder, {"reranker": f"{__name__}:LongestFirst"})
    found = retriever.retrieve(BEES, 5).passages
    lengths = [len(with_heading(each.title, each.date, each.text)) for each in found]
    assert lengths == sorted(lengths, reverse=True) == [each.score for each in found]
    assert chunk_id("Bees") in {each.chunk_id for each in found}


def test_only_what_the_searches_found_is_reranked(index: GraphIndex) -> None:
    settings = {"reranker": f"{__name__}:LongestFirst", "depth": 1}
    found = open_retriever("rerank", index, index.encoder, settings).retrieve(BEES, 1)
    assert [each.chunk_id for each in found.passages] == [chunk_id("Bees")]


def test_with_a_cross_encoder(index: GraphIndex, tmp_path: Path) -> None:
    file = tmp_path / "cross.yaml"
    file.write_text(f"backend: cross-encoder\nweights: {save_tiny_bert(tmp_path / 'weights', labels=1)}\ndevice: cpu\n")
    found = open_retriever("rerank", index, index.encoder, {"reranker": str(file)}).retrieve(BEES, 5).passages
    scores = open_reranker(str(file)).rank(BEES, [with_heading(each.title, each.date, each.text) for each in found])
    assert np.allclose([each.score for each in found], scores, atol=1e-5)
    assert np.all(np.diff(scores) <= 1e-6)


def test_a_reranker_has_to_be_named(index: GraphIndex) -> None:
    with pytest.raises(ConfigError, match="reranker"):
        open_retriever("rerank", index, index.encoder, {})


def test_an_empty_corpus(tmp_path: Path) -> None:
    index = GraphIndex.open(MemoryStore([]), tmp_path, WordEncoder(8))
    retriever = open_retriever("rerank", index, index.encoder, {"reranker": f"{__name__}:LongestFirst"})
    assert retriever.retrieve(BEES, 3).passages == ()
