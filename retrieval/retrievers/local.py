"""The `local` retriever: the neighbourhood of the entities that a question points at.

Entities near the question or named by it are the way in. From them go the passages that name most of them, their facts,
those nearest to the question first, and the reports of their communities, as far as they are written. No model is
asked.

Source: Edge et al. 2024 and the GraphRAG documentation, local search: candidates by kind, ranked within each, packed
    under one budget.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from models.files.digest import digest
from retrieval.index.graph_index import GraphIndex
from retrieval.index.rank import Scored, ranking
from retrieval.text.freshness import prefer_valid
from retrieval.traversal.communities import Communities, found_report
from retrieval.traversal.fused_search import HybridSettings, filled_up
from retrieval.types import FoundReport, Retrieved


class LocalSettings(BaseModel):
    """Settings of `local`.

    Attributes:
        rag: The plain search whose passages fill up.
        entities: Entities near a question that are started from, beside those it names.
        facts: Most facts returned.
        reports: Most reports returned.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    rag: HybridSettings = HybridSettings()
    entities: int = Field(default=10, ge=0)
    facts: int = Field(default=20, ge=0)
    reports: int = Field(default=2, ge=0)


class LocalRetriever:
    """Passages, facts and reports around the entities of a question."""

    name = "local"
    Settings = LocalSettings

    def __init__(self, index: GraphIndex, settings: LocalSettings) -> None:
        self._index = index
        self._settings = settings
        self.communities = Communities(index)
        self.digest = digest(self.name, index.digest, settings.model_dump())

    def retrieve(self, question: str, limit: int) -> Retrieved:
        """Find at most `limit` passages, and facts and reports around what the question points at."""
        vector = self._index.encode_question(question)
        weights = self._entities(question, vector)
        rows = np.array(sorted(weights), dtype=np.intp)
        passages = self._passages(question, vector, rows, np.array([weights[row] for row in rows.tolist()]), limit)
        facts = prefer_valid(self._index.facts(self._facts(vector, rows)), question)
        return Retrieved(self._index.passages(passages), facts, reports=self._reports(rows))

    def _entities(self, question: str, vector: NDArray[np.float32]) -> dict[int, float]:
        """Rows of entities with their weights: 1 for one that is named, its cosine for one that is near."""
        near = self._index.search.near_entities(vector, self._settings.entities)
        named = dict.fromkeys(self._index.search.named_entities(question), 1.0)
        return {row: score for row, score in near if score > 0} | named

    def _passages(
        self,
        question: str,
        vector: NDArray[np.float32],
        rows: NDArray[np.intp],
        weights: NDArray[np.float64],
        limit: int,
    ) -> list[Scored]:
        """Passages by the weights of the entities they name, the nearer first among equals, then plain RAG's."""
        offset = len(self._index.entity_ids)
        links = self._index.step[rows]
        per_link = np.repeat(weights, np.diff(links.indptr))
        is_chunk = links.indices >= offset
        named = np.bincount(
            links.indices[is_chunk] - offset, weights=per_link[is_chunk], minlength=len(self._index.chunk_ids)
        )
        near = (self._index.chunk_vectors @ vector + 1) / 2  # below 1: decides among equals only
        scores = np.where(named > 0, 1 + named + 1e-3 * near, 0.0)  # above those of plain RAG
        found = ranking(self._index.chunk_ids, scores, limit, above=0.0)
        return filled_up(found, self._index, question, vector, limit, self._settings.rag)

    def _facts(self, vector: NDArray[np.float32], rows: NDArray[np.intp]) -> list[Scored]:
        around = np.flatnonzero(np.isin(self._index.fact_ends, rows).any(axis=1))
        if not len(around) or not self._settings.facts:
            return []
        return ranking(self._index.fact_ids[around], self._index.fact_vectors[around] @ vector, self._settings.facts)

    def _reports(self, rows: NDArray[np.intp]) -> tuple[FoundReport, ...]:
        """Reports of the communities that hold most of the entities; of equals the deepest, which says most of them."""
        ids = [self._index.entity_ids[row].decode("ascii") for row in rows.tolist()]
        counts = self.communities.of_entities(ids) if ids and self._settings.reports else {}
        reports = self.communities.told() if counts else {}
        told = [key for key in counts if key in reports]
        told.reverse()  # from the leaves to the root
        best = sorted(told, key=lambda key: -counts[key])[: self._settings.reports]
        return tuple(found_report(reports[key], float(counts[key])) for key in best)
