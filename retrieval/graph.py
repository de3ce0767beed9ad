"""The `graph` retriever: plain RAG's passages, and a walk over the graph to those that the question does not resemble.

"Where was the designer of the bridge born?" resembles the article on the bridge. The article on the
designer is one step further, over the entity that both name. The walk starts at the entities that the
question points at and, with a small weight, at plain RAG's passages, and ranks passages by how often it
comes by. Plain RAG's first passages stay in front: what answers a question directly must not be lost to
a hub of the graph. Where there is no graph, or nothing points into it, the result is plain RAG's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from models.digest import digest
from retrieval.hybrid import HybridSettings, rank_hybrid
from retrieval.index import GraphIndex
from retrieval.rank import VISIT_SCALE, Scored, rank_visits, ranking, top_rows
from retrieval.seeds import SeedSettings, entity_seeds
from retrieval.types import Retrieved
from retrieval.walk import Weights, personalised_pagerank


class GraphSettings(BaseModel):
    """Settings of `graph`.

    Attributes:
        rag: The plain search that the walk starts from and falls back on.
        seeds: How a question points at entities.
        damping: Chance that the walk goes on instead of restarting (HippoRAG 2: 0.5).
        passage_weight: Weight of the best plain passage as a seed; the nearest fact weighs 1 (HippoRAG 2: 0.05).
        keep: Plain RAG's first passages that stay in front.
        facts: Most facts to return.
        reach: Facts are taken from among this many most visited entities.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    rag: HybridSettings = HybridSettings()
    seeds: SeedSettings = SeedSettings()
    damping: float = Field(default=0.5, ge=0, lt=1)
    passage_weight: float = Field(default=0.05, ge=0)
    keep: int = Field(default=2, ge=0)
    facts: int = Field(default=12, ge=0)
    reach: int = Field(default=100, ge=0)


@dataclass(frozen=True, slots=True)
class _Walked:
    """Visit probabilities of entities and of chunks, by row."""

    entities: Weights
    chunks: Weights


class GraphRetriever:
    """Passages and facts by a walk over the graph."""

    name = "graph"
    Settings = GraphSettings

    def __init__(self, index: GraphIndex, settings: GraphSettings) -> None:
        self._index = index
        self._settings = settings
        self.digest = digest(self.name, index.digest, settings.model_dump())

    def retrieve(self, question: str, limit: int) -> Retrieved:
        """Find at most `limit` passages, and facts among the entities that the walk came by."""
        vector = self._index.encode_question(question)
        plain = rank_hybrid(self._index, question, vector, limit, self._settings.rag)
        walked = self._walk(question, vector, plain)
        if walked is None:
            return Retrieved(passages=self._index.passages(plain[:limit]))
        passages = self._index.passages(self._merge(plain, walked.chunks, limit))
        return Retrieved(passages=passages, facts=self._index.facts(self._rank_facts(vector, walked.entities)))

    def _walk(self, question: str, vector: NDArray[np.float32], plain: list[Scored]) -> _Walked | None:
        """Walk from what the question points at; None if it points at no entity."""
        entities = entity_seeds(self._index, question, vector, self._settings.seeds)
        if not entities:
            return None
        offset = len(self._index.entity_ids)
        seeds = np.zeros(offset + len(self._index.chunk_ids))
        seeds[list(entities)] = list(entities.values())
        if plain:
            rows = self._index.chunk_rows([item.id for item in plain])
            scores = np.array([item.score for item in plain])
            seeds[offset + rows] = self._settings.passage_weight * scores / scores[0]
        visits = personalised_pagerank(self._index.step, seeds, self._settings.damping)
        return _Walked(visits[:offset], visits[offset:])

    def _merge(self, plain: list[Scored], visits: Weights, limit: int) -> list[Scored]:
        """Plain RAG's first passages (scores above 1), then the walk's (visit probabilities)."""
        kept = [Scored(item.id, 1.0 + item.score) for item in plain[: self._settings.keep]]
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
        rows = np.flatnonzero(near[self._index.fact_ends].all(axis=1))
        similarity = self._index.fact_vectors[rows] @ vector
        return ranking(self._index.fact_ids[rows], similarity, self._settings.facts)
