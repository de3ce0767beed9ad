"""The `bm25` retriever: passages that share words with the question, rare words above all.

Source: Robertson et al., TREC-3 1994 (BM25), in Lucene's variant as bm25s computes it.

Words are compared as terms (`retrieval.text.terms`): case, accents and plurals do not count, and stopwords of the
question are dropped. It finds names, numbers and rare words well, and nothing that is worded differently.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from models.files.digest import digest
from retrieval.index.graph_index import GraphIndex
from retrieval.types import RetrievedEvidence


class Bm25Settings(BaseModel):
    """Settings of `bm25`: none."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Bm25Retriever:
    """Passages by BM25."""

    name = "bm25"
    Settings = Bm25Settings

    def __init__(self, index: GraphIndex, settings: Bm25Settings) -> None:
        self._index = index
        self.digest = digest(self.name, index.digest, settings.model_dump())

    def retrieve(self, question: str, limit: int) -> RetrievedEvidence:
        """Find at most `limit` passages."""
        return RetrievedEvidence(passages=self._index.passages(self._index.search.matching_passages(question, limit)))
