"""Chains of passages: the second hop is found, scores are those of all chains, and there may be none."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from kg.schema import Entity, Fact
from models.errors import ConfigError
from models.protocols import Vectors
from retrieval.index.graph_index import GraphIndex
from retrieval.index.rank import ScoredId
from retrieval.retrievers.graph import GraphRetriever, GraphSettings
from retrieval.traversal.chains import HopSettings, find_chains, open_hops
from tests.retrieval.fakes import MemoryStore, WordEncoder, chunk_id, world

BRIDGE = "Where was the designer of the Aldermoon Bridge born?"


class HoppingEncoder(WordEncoder):
    """Words, and, for hops, only those behind the question: what was found leads on by what it names."""

    def for_hops(self, adapter: Path | None = None) -> WordEncoder | None:
        return None if adapter is None else _Last(self.dimension)


class _Last(WordEncoder):
    digest = "last"

    def encode(self, texts: Sequence[str], kind: Literal["query", "passage"] = "passage") -> Vectors:
        return super().encode([text.rpartition("[SEP]")[2] for text in texts], kind)


@pytest.fixture
def index(tmp_path: Path) -> GraphIndex:
    return GraphIndex.open(MemoryStore(world()), tmp_path, HoppingEncoder(256))


def encoder(index: GraphIndex) -> WordEncoder:
    assert isinstance(index.encoder, HoppingEncoder)
    found = index.encoder.for_hops(Path("any"))
    assert found is not None
    return found


def names(index: GraphIndex, rows: Sequence[int]) -> list[str]:
    return [index.chunk_ids[row].decode() for row in rows]


def test_the_second_hop_is_found(index: GraphIndex) -> None:
    chains = find_chains(index, encoder(index), BRIDGE, HopSettings())
    assert names(index, chains.best) == [chunk_id("Bridge"), chunk_id("Tarn")]
    first, second = chains.scores[list(chains.best)]
    assert first == second == chains.scores.max() <= 0


@pytest.mark.parametrize("lexical", [0.0, 3.0])
def test_scores_are_those_of_all_chains(index: GraphIndex, lexical: float) -> None:
    """Against every chain of two, one by one."""
    hops = encoder(index)
    wide = find_chains(index, hops, BRIDGE, HopSettings(beam=5, lexical=lexical))
    words = {item.id: item.score for item in index.search.matching_passages(BRIDGE, 5)}
    shared = np.array([words.get(each, 0.0) for each in names(index, range(5))]) / max(words.values())
    passages = index.passages([ScoredId(i, 0.0) for i in names(index, range(5))])
    texts = [f"{p.title} ({p.date}): {p.text}" if p.date else f"{p.title}: {p.text}" for p in passages]

    def step(text: str) -> np.ndarray:
        scores = 20.0 * (index.chunk_vectors @ hops.encode([text], "query")[0]).astype(np.float64) + lexical * shared
        return scores - np.log(np.exp(scores).sum())

    best = np.full(5, -np.inf)
    first = step(BRIDGE)
    for one in range(5):
        second = step(f"{BRIDGE} [SEP] {texts[one]}")
        for other in set(range(5)) - {one}:
            for row in (one, other):
                best[row] = max(best[row], first[one] + second[other])
    assert np.allclose(wide.scores, best, atol=1e-5)
    assert np.allclose(wide.likelihood, np.exp(best / 2), atol=1e-5)


def test_words_that_nothing_shares_change_nothing(index: GraphIndex) -> None:
    asked = [find_chains(index, encoder(index), "Zzyx?", HopSettings(lexical=value)).scores for value in (0.0, 9.0)]
    assert np.array_equal(*asked)


@pytest.mark.parametrize("length", [1, 2, 3, 9])
def test_any_length(index: GraphIndex, length: int) -> None:
    chains = find_chains(index, encoder(index), BRIDGE, HopSettings(length=length))
    assert len(set(chains.best)) == chains.length == min(length, 5)


def test_the_retriever_puts_the_best_chain_in_front(index: GraphIndex) -> None:
    found = GraphRetriever(index, GraphSettings(hops=HopSettings(adapter="any"))).retrieve(BRIDGE, 4)
    assert [each.chunk_id for each in found.passages[:2]] == [chunk_id("Bridge"), chunk_id("Tarn")]
    assert [each.score for each in found.passages] == sorted((each.score for each in found.passages), reverse=True)
    assert found.facts


def test_without_a_graph_passages_are_ranked_by_their_chains(tmp_path: Path) -> None:
    rows = [row for row in world() if not isinstance(row, Entity | Fact)]
    index = GraphIndex.open(MemoryStore(rows), tmp_path, HoppingEncoder(256))
    found = GraphRetriever(index, GraphSettings(hops=HopSettings(adapter="any"))).retrieve(BRIDGE, 5)
    chains = find_chains(index, encoder(index), BRIDGE, HopSettings())
    assert [each.chunk_id for each in found.passages[:2]] == names(index, chains.best)
    assert len(found.passages) == 5 and not found.facts


def test_adapters_change_the_digest_and_none_leaves_chains_out(index: GraphIndex) -> None:
    plain, none, own = (
        GraphRetriever(index, GraphSettings(hops=HopSettings(adapter=adapter))) for adapter in ("auto", "none", "any")
    )
    assert len({plain.digest, none.digest, own.digest}) == 3
    same = [each.chunk_id for each in plain.retrieve(BRIDGE, 4).passages]
    assert same == [each.chunk_id for each in none.retrieve(BRIDGE, 4).passages]


def test_the_adapter_of_the_knowledge_base_comes_first(index: GraphIndex) -> None:
    assert open_hops(index, HopSettings()) is None
    index.own_hops = Path("own")
    assert open_hops(index, HopSettings()) is not None
    assert open_hops(index, HopSettings(adapter="none")) is None


def test_an_encoder_that_takes_no_adapter(tmp_path: Path) -> None:
    index = GraphIndex.open(MemoryStore(world()), tmp_path, WordEncoder(256))
    assert open_hops(index, HopSettings()) is None
    with pytest.raises(ConfigError, match="takes no adapter for hops"):
        open_hops(index, HopSettings(adapter="some"))


def test_an_empty_corpus(tmp_path: Path) -> None:
    index = GraphIndex.open(MemoryStore([]), tmp_path, HoppingEncoder(8))
    assert GraphRetriever(index, GraphSettings(hops=HopSettings(adapter="any"))).retrieve(BRIDGE, 3).passages == ()
