"""Recall on real data: the retrievers must do on real questions what they do on invented ones."""

import json
from pathlib import Path

import pytest

from kg.schema import Chunk, Document, make_id
from models.files.cache import cache_dir
from retrieval.index.graph_index import GraphIndex
from retrieval.retrievers.registry import open_retriever
from retrieval.types import Retriever
from tests.retrieval.fakes import MemoryStore, WordEncoder

DATA = Path(__file__).parents[3] / "shared" / "data" / "musique100"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the development data is not in ../shared/data")


def _chunk_of(title: str, text: str) -> str:
    return make_id("c", title, text)


def _passages(count: int) -> list[Document | Chunk]:
    rows: list[Document | Chunk] = []
    for question in json.loads((DATA / "questions.json").read_text(encoding="utf-8"))[:count]:
        for row in question["paragraphs"]:
            title, text = row["title"], row["paragraph_text"]
            rows.append(Document(make_id("d", title, text), title, title, text))
            rows.append(Chunk(_chunk_of(title, text), rows[-1].id, 0, 0, len(text), text, len(text.split())))
    return rows


def _recall(retriever: Retriever, count: int) -> float:
    shares = []
    for question in json.loads((DATA / "questions.json").read_text(encoding="utf-8"))[:count]:
        gold = {_chunk_of(r["title"], r["paragraph_text"]) for r in question["paragraphs"] if r["is_supporting"]}
        found = {passage.chunk_id for passage in retriever.retrieve(question["question"], 5).passages}
        shares.append(len(gold & found) / len(gold))
    return sum(shares) / len(shares)


@pytest.mark.shared_data
@needs_data
def test_bm25_finds_about_half_of_the_evidence(tmp_path: Path) -> None:
    index = GraphIndex.open(MemoryStore(_passages(20)), tmp_path, WordEncoder())
    assert _recall(open_retriever("bm25", index, index.encoder, {}), 20) > 0.45


@pytest.mark.shared_data
@pytest.mark.models
@needs_data
def test_dense_search_finds_more_than_half_of_the_evidence_and_chains_more(tmp_path: Path) -> None:
    from models.factory import open_encoder
    from models.weights.resolve import is_present

    if not is_present("all-minilm-l6-v2"):
        pytest.skip(f"the weights of MiniLM are not in {cache_dir()}; pull them with `graft models pull minilm`")
    encoder = open_encoder("minilm")
    index = GraphIndex.open(MemoryStore(_passages(10)), tmp_path, encoder)
    dense = _recall(open_retriever("dense", index, encoder, {}), 10)
    assert dense > 0.5
    assert _recall(open_retriever("graph", index, encoder, {}), 10) > dense + 0.05
