"""Plain RAG: BM25 and dense passages, fused by rank."""

from __future__ import annotations

from models.files.digest import digest
from retrieval.index.graph_index import GraphIndex
from retrieval.traversal.fused_search import HybridSettings, rank_hybrid
from retrieval.types import Retrieved


class HybridRetriever:
    """Passages by BM25 and embedding."""

    name = "rag"
    Settings = HybridSettings

    def __init__(self, index: GraphIndex, settings: HybridSettings) -> None:
        self._index = index
        self._settings = settings
        self.digest = digest(self.name, index.digest, settings.model_dump())

    def retrieve(self, question: str, limit: int) -> Retrieved:
        """Find at most `limit` passages."""
        vector = self._index.encode_question(question)
        fused = rank_hybrid(self._index, question, vector, limit, self._settings)
        return Retrieved(passages=self._index.passages(fused[:limit]))
