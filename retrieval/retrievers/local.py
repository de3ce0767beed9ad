"""The `local` retriever: passages, facts and reports around the entities that a question points at.

Source: Edge et al. 2024 and the GraphRAG documentation, local search: candidates by kind, ranked within each, packed
under one budget.

It starts at the entities that are near the question or named by it. From there it takes the passages that name most of
them, their facts, those nearest to the question first, and those reports of their communities that have been written.
It calls no model.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from models.files.digest import digest
from retrieval.index.graph_index import GraphIndex
from retrieval.index.rank import ScoredId, ranking
from retrieval.text.freshness import prefer_valid
from retrieval.traversal.communities import Communities, retrieved_report
from retrieval.traversal.fused_search import RagSettings, fill_with_fused
from retrieval.types import RetrievedEvidence, RetrievedReport


class LocalSettings(BaseModel):
    """Settings of `local`.

    Attributes:
        rag: Settings of the plain search whose passages fill up the limit.
        entities: Number of entities near a question to start from, in addition to those that it names.
        facts: Maximum number of facts returned.
        reports: Maximum number of reports returned.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    rag: RagSettings = RagSettings()
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

    def retrieve(self, question: str, limit: int) -> RetrievedEvidence:
        """Find at most `limit` passages, and facts and reports, around what the question points at."""
        vector = self._index.encode_question(question)
        weights = self._entity_weights(question, vector)
        rows = np.array(sorted(weights), dtype=np.intp)
        row_weights = np.array([weights[row] for row in rows.tolist()])
        passages = self._passages(question, vector, rows, row_weights, limit)
        facts = prefer_valid(self._index.facts(self._facts(vector, rows)), question)
        return RetrievedEvidence(self._index.passages(passages), facts, reports=self._reports(rows))

    def _entity_weights(self, question: str, vector: NDArray[np.float32]) -> dict[int, float]:
        """Entity row to weight: 1 for an entity that is named, its cosine for one that is near."""
        near = self._index.search.near_entities(vector, self._settings.entities)
        # Named entities come last in the union, so that a name outweighs whatever its cosine is.
        named = dict.fromkeys(self._index.search.named_entities(question), 1.0)
        return {row: score for row, score in near if score > 0} | named

    def _passages(
        self,
        question: str,
        vector: NDArray[np.float32],
        rows: NDArray[np.intp],
        weights: NDArray[np.float64],
        limit: int,
    ) -> list[ScoredId]:
        """Passages by the summed weights of the entities that they name, then those of plain RAG.

        Args:
            question: Text of the question.
            vector: Embedding of the question, array (dimension,).
            rows: Array (entities,): rows of the entities.
            weights: Array (entities,): their weights.
            limit: Maximum number of passages.
        """
        offset = len(self._index.entity_ids)
        links = self._index.step[rows]  # one row an entity: its neighbours, entities and chunks
        per_link = np.repeat(weights, np.diff(links.indptr))
        is_chunk = links.indices >= offset
        named = np.bincount(
            links.indices[is_chunk] - offset, weights=per_link[is_chunk], minlength=len(self._index.chunk_ids)
        )
        # The 1 keeps these passages above plain RAG's; similarity, scaled to [0, 1], decides among equals only.
        similarity = (self._index.chunk_vectors @ vector + 1) / 2
        scores = np.where(named > 0, 1 + named + 1e-3 * similarity, 0.0)
        ranked = ranking(self._index.chunk_ids, scores, limit, above=0.0)
        return fill_with_fused(ranked, self._index, question, vector, limit, self._settings.rag)

    def _facts(self, vector: NDArray[np.float32], rows: NDArray[np.intp]) -> list[ScoredId]:
        """Facts with one of the entities at an end, nearest to the question first."""
        around = np.flatnonzero(np.isin(self._index.fact_ends, rows).any(axis=1))
        if not len(around) or not self._settings.facts:
            return []
        return ranking(self._index.fact_ids[around], self._index.fact_vectors[around] @ vector, self._settings.facts)

    def _reports(self, rows: NDArray[np.intp]) -> tuple[RetrievedReport, ...]:
        """Reports of the communities with most of the entities; of equals the deepest, which is most specific."""
        ids = [self._index.entity_ids[row].decode("ascii") for row in rows.tolist()]
        counts = self.communities.of_entities(ids) if ids and self._settings.reports else {}
        reports = self.communities.covered_reports() if counts else {}
        with_report = [key for key in counts if key in reports]
        with_report.reverse()  # from the leaves to the root; sorting is stable and keeps that order among equals
        best = sorted(with_report, key=lambda key: -counts[key])[: self._settings.reports]
        return tuple(retrieved_report(reports[key], float(counts[key])) for key in best)
