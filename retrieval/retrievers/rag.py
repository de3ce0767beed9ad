"""The `rag` retriever: passages by shared words and by meaning, fused by rank; plain RAG, for a graph to beat.

Source: Cormack et al., SIGIR 2009 (reciprocal rank fusion).

The first passages of `bm25` and of `dense` are merged by the sum of 1 / (k + rank), so that their scores need no common
scale (`retrieval.traversal.fused_search`). A passage that both searches find comes first.
"""

from __future__ import annotations

from models.files.digest import digest
from retrieval.index.graph_index import GraphIndex
from retrieval.traversal.fused_search import RagSettings, search_fused
from retrieval.types import RetrievedEvidence


class RagRetriever:
    """Passages by BM25 and embedding, fused by rank."""

    name = "rag"
    Settings = RagSettings

    def __init__(self, index: GraphIndex, settings: RagSettings) -> None:
        self._index = index
        self._settings = settings
        self.digest = digest(self.name, index.digest, settings.model_dump())

    def retrieve(self, question: str, limit: int) -> RetrievedEvidence:
        """Find at most `limit` passages."""
        vector = self._index.encode_question(question)
        fused = search_fused(self._index, question, vector, limit, self._settings)
        return RetrievedEvidence(passages=self._index.passages(fused[:limit]))
