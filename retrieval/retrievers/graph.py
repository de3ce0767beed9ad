"""The `graph` retriever: passages reached by chains of passages and by a walk over the graph, and facts near that walk.

Source: Gutiérrez et al. 2025 (HippoRAG 2) for the walk from facts and passages; starting it at chains is ours.

"Where was the designer of the bridge born?" resembles the article on the bridge. The article on the designer is one
step further, and two ways lead to it: the entity that both articles name, and an encoder trained for hops
(`retrieval.traversal.chains`), from question and first article to the second. The walk starts at the passages, weighted
by the probability of the chains that contain them, and at the entities that the question points at, and ranks passages
by how often it visits them. The passages of the best chain stay in front, first the one that resembles the question
most.

Without an encoder for hops the walk starts at plain RAG's passages instead, with a small weight, and plain RAG's first
passages stay in front: a passage that answers the question directly must not be displaced by a hub of the graph. If
there is no graph, or nothing points into it, passages are ranked by their chains, or as plain RAG ranks them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from models.files.digest import digest
from retrieval.index.graph_index import GraphIndex
from retrieval.index.rank import VISIT_SCALE, ScoredId, rank_visits, ranking, top_rows
from retrieval.pagerank.exact import Weights
from retrieval.text.freshness import prefer_valid
from retrieval.traversal.chains import HopSettings, find_chains, open_hops
from retrieval.traversal.fused_search import RagSettings, search_fused
from retrieval.traversal.seeds import SeedSettings, entity_seeds
from retrieval.traversal.walker import RandomWalk
from retrieval.types import RetrievedEvidence


class GraphSettings(BaseModel):
    """Settings of `graph`.

    Attributes:
        rag: Settings of the plain search that the walk starts from, and falls back on, without an encoder for hops.
        hops: Settings of the chains of passages.
        seeds: How a question points at entities.
        damping: Chance that the walk continues instead of restarting (HippoRAG 2: 0.5).
        chain_weight: Weight, as a seed, of a passage whose chain is certain; the nearest fact weighs 1.
        chain_facts: Number of nearest facts that are seeds besides chains, in place of the number in `seeds`; fewer,
            since chains are the better seeds.
        passage_weight: Weight, as a seed, of plain RAG's best passage (HippoRAG 2: 0.05).
        keep: Number of plain RAG's first passages that stay in front.
        facts: Maximum number of facts returned.
        reach: Number of most visited entities between which facts are returned.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    rag: RagSettings = RagSettings()
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
class _PassageSeeds:
    """The passages that a walk starts from.

    Attributes:
        weights: Array (chunks,): weight of each passage as a seed.
        ranking: The passages, best first.
        keep: Number of passages of this ranking that stay in front of the walk's.
    """

    weights: Weights
    ranking: list[ScoredId]
    keep: int


@dataclass(frozen=True, slots=True)
class _NodeVisits:
    """Visit probabilities of entities, array (entities,), and of chunks, array (chunks,)."""

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
        self._random_walk = RandomWalk(index)
        # Every further fact beside chains was measured to lower recall.
        fewer_facts = {"facts": settings.chain_facts} if self._hops else {}
        self._seeds = settings.seeds.model_copy(update=fewer_facts)
        self.digest = digest(
            self.name, index.digest, settings.model_dump(), *([self._hops.digest] if self._hops else [])
        )

    def retrieve(self, question: str, limit: int) -> RetrievedEvidence:
        """Find at most `limit` passages, and facts between the entities that the walk visits most."""
        vector = self._index.encode_question(question)
        start = self._chain_seeds(question, vector, limit) or self._rag_seeds(question, vector, limit)
        visits = self._walk(question, vector, start.weights)
        if visits is None:
            return RetrievedEvidence(passages=self._index.passages(start.ranking[:limit]))
        passages = self._index.passages(self._merge(start, visits.chunks, limit))
        facts = self._index.facts(self._rank_facts(vector, visits.entities))
        return RetrievedEvidence(passages=passages, facts=prefer_valid(facts, question))

    def _chain_seeds(self, question: str, vector: NDArray[np.float32], limit: int) -> _PassageSeeds | None:
        """Passages by their chains, those of the best chain in front; None without an encoder or passages."""
        if self._hops is None or not len(self._index.chunk_ids):
            return None
        chains = find_chains(self._index, self._hops, question, self._settings.hops)
        # The best chain's passages by similarity to the question, not in the order of the chain: a question that names
        # its answer's article is then answered first.
        similarity = self._index.chunk_vectors[list(chains.best)] @ vector
        rows = [row for _, row in sorted(zip((-similarity).tolist(), chains.best, strict=True))]
        best = {self._index.chunk_ids[row].decode("ascii"): float(chains.scores[row]) for row in rows}
        others = ranking(self._index.chunk_ids, chains.scores, limit + len(best))
        ranked = [ScoredId(chunk_id, score) for chunk_id, score in best.items()]
        ranked += [item for item in others if item.id not in best]
        return _PassageSeeds(self._settings.chain_weight * chains.likelihood, ranked, len(best))

    def _rag_seeds(self, question: str, vector: NDArray[np.float32], limit: int) -> _PassageSeeds:
        """Passages of plain RAG; their weights are relative to the best one."""
        fused = search_fused(self._index, question, vector, limit, self._settings.rag)
        # Fused scores are sums of 1 / (k + rank): relative to the best, their size does not depend on k.
        weights = np.zeros(len(self._index.chunk_ids))
        if fused:
            scores = np.array([item.score for item in fused])
            weights[self._index.chunk_rows([item.id for item in fused])] = scores / scores[0]
        return _PassageSeeds(self._settings.passage_weight * weights, fused, self._settings.keep)

    def _walk(self, question: str, vector: NDArray[np.float32], passage_weights: Weights) -> _NodeVisits | None:
        """Walk from passages and from what the question points at; None if it points at no entity."""
        entities = entity_seeds(self._index, question, vector, self._seeds)
        if not entities:
            return None
        offset = len(self._index.entity_ids)  # nodes: the entities, then the chunks
        seeds = np.zeros(offset + len(self._index.chunk_ids))
        seeds[list(entities)] = list(entities.values())
        # The walk normalises all seeds together, so that the settings' weights compare entities with passages.
        seeds[offset:] = passage_weights
        visits = self._random_walk.visits(seeds, self._settings.damping)
        return _NodeVisits(visits[:offset], visits[offset:])

    def _merge(self, start: _PassageSeeds, visits: Weights, limit: int) -> list[ScoredId]:
        """The passages that stay in front, with scores above 1, then those of the walk, by visit probability."""
        front = [ScoredId(item.id, 1.0 + 1.0 / rank) for rank, item in enumerate(start.ranking[: start.keep], 1)]
        front_ids = {item.id for item in front}
        visited = rank_visits(self._index.chunk_ids, visits, limit + len(front), above=0.0)
        return [*front, *(item for item in visited if item.id not in front_ids)][:limit]

    def _rank_facts(self, vector: NDArray[np.float32], visits: Weights) -> list[ScoredId]:
        """Facts between the most visited entities, those nearest to the question first."""
        if not len(self._index.fact_ids) or not self._settings.facts:
            return []
        is_near = np.zeros(len(visits), dtype=bool)
        is_near[top_rows(visits * VISIT_SCALE, self._settings.reach, above=0.0)] = True
        ends = self._index.fact_ends  # (facts, 2)
        # Both ends must be visited: a fact with one end at a hub leads anywhere.
        rows = np.flatnonzero(is_near[ends[:, 0]])
        rows = rows[is_near[ends[rows, 1]]]  # the second end of the few facts whose first end is near
        similarity = self._index.fact_vectors[rows] @ vector
        return ranking(self._index.fact_ids[rows], similarity, self._settings.facts)
