from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from models.protocols import Vectors
from retrieval.index import graph_index as index_module
from retrieval.index.graph_index import GraphIndex
from retrieval.index.nearest import CosineSearch, QuantisedVectors, products, quantise_into
from retrieval.index.rank import top_rows
from retrieval.index.subset import CorpusFilter, restrict
from retrieval.retrievers.registry import open_retriever
from tests.retrieval.fakes import MemoryStore, WordEncoder, world

Draw = np.random.Generator


def unit(draw: Draw, rows: int, dimension: int = 48) -> Vectors:
    vectors = draw.standard_normal((rows, dimension)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def in_bytes(vectors: Vectors) -> QuantisedVectors:
    return quantise_into(np.empty(vectors.shape, dtype=np.int8), vectors)


def full_product(vectors: Vectors, vector: Vectors, limit: int, above: float) -> list[int]:
    rows: NDArray[np.intp] = top_rows(vectors @ vector, limit, above)
    return [int(row) for row in rows]


@pytest.mark.parametrize("seed", range(20))
def test_the_rows_are_those_of_the_full_product(seed: int) -> None:
    draw = np.random.default_rng(seed)
    vectors = unit(draw, 700)
    vectors[100:160] = vectors[100]  # equals: the first rows win
    vectors[200:260] = vectors[200] + 2e-3 * unit(draw, 60)  # nearer to each other than a byte can tell
    nearest = CosineSearch(vectors, in_bytes(vectors))
    for vector in (vectors[100], vectors[200], unit(draw, 1)[0], np.zeros(48, np.float32)):
        for limit, above in ((1, -np.inf), (5, 0.0), (30, 0.2), (5, 0.999), (0, 0.0), (900, -np.inf)):
            found = nearest.top(vector, limit, above)
            assert [row for row, _ in found] == full_product(vectors, vector, limit, above)
            assert [cosine for _, cosine in found] == pytest.approx(
                [float(vectors[row] @ vector) for row, _ in found], abs=1e-6
            )


def test_products_are_those_of_the_matrices() -> None:
    draw = np.random.default_rng(0)
    vectors, few = unit(draw, 701), unit(draw, 3)
    assert np.allclose(products(vectors, few), few @ vectors.T, atol=1e-6)
    codes = in_bytes(vectors).codes
    assert np.allclose(products(codes, few), few @ codes.T.astype(np.float32), atol=1e-3)
    assert products(vectors[:0], few).shape == (3, 0)


def test_no_product_is_further_off_than_the_error_says() -> None:
    vectors = unit(np.random.default_rng(0), 500)
    codes = in_bytes(vectors)
    shown = codes.codes.astype(np.float32) * codes.scale
    worst = [row / np.linalg.norm(row) for row in vectors - shown if row.any()]  # the direction of what was lost
    off = max(float(np.abs((vectors - shown) @ direction).max()) for direction in worst)
    assert off == pytest.approx(codes.error, rel=1e-4)
    assert int(np.abs(codes.codes.astype(int)).max()) == 127
    assert in_bytes(np.zeros((3, 4), np.float32)).error == 0.0


def test_an_index_of_many_rows_keeps_them_in_bytes_and_finds_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = GraphIndex.open(MemoryStore(world()), tmp_path / "plain", WordEncoder())
    monkeypatch.setattr(index_module, "SMALL", 0)
    GraphIndex.open(MemoryStore(world()), tmp_path / "bytes", WordEncoder())
    index = GraphIndex.open(MemoryStore(world()), tmp_path / "bytes", WordEncoder())
    assert plain.codes == {"chunk": None, "entity": None, "fact": None}
    codes = index.codes["fact"]
    assert codes and codes.codes.dtype == np.int8 and codes.codes.shape == index.fact_vectors.shape
    question = "Who designed the Aldermoon Bridge?"
    vector = index.encode_question(question)
    assert index.search.near_entities(vector, 2) == plain.search.near_entities(vector, 2)
    for limits in (None, CorpusFilter(after="2030")):
        both = [restrict(each, limits) if limits else each for each in (plain, index)]
        assert len(both[1].codes["chunk"].codes) == len(both[1].chunk_ids)  # type: ignore[union-attr]
        for name, settings in (("graph", {"seeds": {"facts": 1}}), ("dense", {})):
            first, second = (open_retriever(name, each, each.encoder, settings).retrieve(question, 2) for each in both)
            assert first == second and first.passages
