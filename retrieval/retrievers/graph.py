"""The `graph` retriever: chains of passages, and a walk over the graph that starts at them and at the nearest facts.

"Where was the designer of the bridge born?" resembles the article on the bridge. The article on the designer is one
step further: over the entity that both name, and, to an encoder trained for hops (`retrieval.traversal.chains`), from
question and first article to the second. The walk starts at the passages, by how likely a chain is that holds each, and
at the entities that the question points at, and ranks passages by how often it comes by: what the chain missed, the
graph joins to what it found. The best chain's passages stay in front, first the one that resembles the question most.

Without an encoder for hops the walk starts at plain RAG's passages instead, with a small weight, and plain RAG's first
passages stay in front: what answers a question directly must not be lost to a hub of the graph. Where there is no
graph, or nothing points into it, passages are ranked by their chains, or as plain RAG ranks them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from models.files.digest import digest
from retrieval.index.graph_index import GraphIndex
from retrieval.index.rank import VISIT_SCALE, Scored, rank_visits, ranking, top_rows
from retrieval.pagerank.exact import Weights
from retrieval.text.freshness import prefer_valid
from retrieval.traversal.chains import HopSettings, find_chains, open_hops
from retrieval.traversal.fused_search import HybridSettings, rank_hybrid
from retrieval.traversal.seeds import SeedSettings, entity_seeds
from retrieval.traversal.walker import Walk
from retrieval.types import Retrieved


class GraphSettings(BaseModel):
    """Settings of `graph`.

    Attributes:
        rag: The plain search that the walk starts from, and falls back on, without an encoder for hops.
        hops: The chains.
        seeds: How a question points at entities.
        damping: Chance that the walk goes on instead of restarting (HippoRAG 2: 0.5).
        chain_weight: Weight of a passage as a seed whose chain is certain; the nearest fact weighs 1.
        chain_facts: Nearest facts that seed beside chains, instead of the number in `seeds`: chains know better.
        passage_weight: Weight of the best plain passage as a seed (HippoRAG 2: 0.05).
        keep: Plain RAG's first passages that stay in front.
        facts: Most facts to return.
        reach: Facts are taken from among this many most visited entities.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    rag: HybridSettings = HybridSettings()
    hops: HopSettings = HopSettings()
    seeds: SeedSettings = SeedSettings()
    damping: float = Field(default=0.5, ge=0, lt=1)
    chain_weight: float = Field(default=0.5, ge=0)
    chain_facts: int = Field(default=2, ge=0)
    passage_weight: float = Field(default=0.05, ge=0)
    keep: int = Field(default=2, ge=0)
    facts: int = Field(default=12, ge=0)
    reach: int = Field(default=100, ge=0)


@dataclass(frozen=True, slots=True)
class _Start:
    """Passages as a walk finds them: weights as seeds, array (chunks,); a ranking; and how many of it stay in front."""

    seeds: Weights
    ranking: list[Scored]
    keep: int


@dataclass(frozen=True, slots=True)
class _Walked:
    """Visit probabilities of entities and of chunks, by row."""

    entities: Weights
    chunks: Weights


class GraphRetriever:
    """Passages and facts by chains and a walk over the graph."""

    name = "graph"
    Settings = GraphSettings

    def __init__(self, index: GraphIndex, settings: GraphSettings) -> None:
        self._index = index
        self._settings = settings
        self._hops = open_hops(index, settings.hops)
        self._visits = Walk(index)
        fewer = {"facts": settings.chain_facts} if self._hops else {}
        self._seeds = settings.seeds.model_copy(update=fewer)
        self.digest = digest(
            self.name, index.digest, settings.model_dump(), *([self._hops.digest] if self._hops else [])
        )

    def retrieve(self, question: str, limit: int) -> Retrieved:
        """Find at most `limit` passages, and facts among the entities that the walk came by."""
        vector = self._index.encode_question(question)
        start = self._by_chains(question, vector, limit) or self._plain(question, vector, limit)
        walked = self._walk(question, vector, start.seeds)
        if walked is None:
            return Retrieved(passages=self._index.passages(start.ranking[:limit]))
        passages = self._index.passages(self._merge(start, walked.chunks, limit))
        facts = self._index.facts(self._rank_facts(vector, walked.entities))
        return Retrieved(passages=passages, facts=prefer_valid(facts, question))

    def _by_chains(self, question: str, vector: NDArray[np.float32], limit: int) -> _Start | None:
        """Passages by their chains, the best one's as they resemble the question; None without encoder or passages."""
        if self._hops is None or not len(self._index.chunk_ids):
            return None
        chains = find_chains(self._index, self._hops, question, self._settings.hops)
        near = self._index.chunk_vectors[list(chains.best)] @ vector
        rows = [row for _, row in sorted(zip((-near).tolist(), chains.best, strict=True))]
        best = {self._index.chunk_ids[row].decode("ascii"): float(chains.scores[row]) for row in rows}
        rest = ranking(self._index.chunk_ids, chains.scores, limit + len(best))
        ranked = [*(Scored(*item) for item in best.items()), *(item for item in rest if item.id not in best)]
        return _Start(self._settings.chain_weight * chains.likelihood, ranked, len(best))

    def _plain(self, question: str, vector: NDArray[np.float32], limit: int) -> _Start:
        """Passages as plain RAG finds them."""
        plain = rank_hybrid(self._index, question, vector, limit, self._settings.rag)
        seeds = np.zeros(len(self._index.chunk_ids))
        if plain:
            scores = np.array([item.score for item in plain])
            seeds[self._index.chunk_rows([item.id for item in plain])] = scores / scores[0]
        return _Start(self._settings.passage_weight * seeds, plain, self._settings.keep)

    def _walk(self, question: str, vector: NDArray[np.float32], passages: Weights) -> _Walked | None:
        """Walk from what the question points at; None if it points at no entity."""
        entities = entity_seeds(self._index, question, vector, self._seeds)
        if not entities:
            return None
        offset = len(self._index.entity_ids)
        seeds = np.zeros(offset + len(self._index.chunk_ids))
        seeds[list(entities)] = list(entities.values())
        seeds[offset:] = passages
        visits = self._visits.visits(seeds, self._settings.damping)
        return _Walked(visits[:offset], visits[offset:])

    def _merge(self, start: _Start, visits: Weights, limit: int) -> list[Scored]:
        """What stays in front (scores above 1), then the walk's (visit probabilities)."""
        front = start.ranking[: start.keep]
        kept = [Scored(item.id, 1.0 + 1.0 / place) for place, item in enumerate(front, 1)]
        known = {item.id for item in kept}
        walked = rank_visits(self._index.chunk_ids, visits, limit + len(kept), above=0.0)
        rest = (item for item in walked if item.id not in known)
        return [*kept, *rest][:limit]

    def _rank_facts(self, vector: NDArray[np.float32], visits: Weights) -> list[Scored]:
        """Facts between much visited entities, nearest to the question first."""
        if not len(self._index.fact_ids) or not self._settings.facts:
            return []
        near = np.zeros(len(visits), dtype=bool)
        near[top_rows(visits * VISIT_SCALE, self._settings.reach, above=0.0)] = True
        ends = self._index.fact_ends
        rows = np.flatnonzero(near[ends[:, 0]])
        rows = rows[near[ends[rows, 1]]]
        similarity = self._index.fact_vectors[rows] @ vector
        return ranking(self._index.fact_ids[rows], similarity, self._settings.facts)
