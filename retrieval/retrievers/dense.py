"""The `dense` retriever: passages whose meaning is near that of the question.

Source: Karpukhin et al., EMNLP 2020 (dense passage retrieval), with the encoder that the index was built with.

Question and passages are encoded as unit vectors and compared by inner product. It finds what is worded differently,
and confuses names and numbers that its encoder cannot tell apart.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from models.files.digest import digest
from retrieval.index.graph_index import GraphIndex
from retrieval.types import RetrievedEvidence


class DenseSettings(BaseModel):
    """Settings of `dense`: none."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class DenseRetriever:
    """Passages by embedding."""

    name = "dense"
    Settings = DenseSettings

    def __init__(self, index: GraphIndex, settings: DenseSettings) -> None:
        self._index = index
        self.digest = digest(self.name, index.digest, settings.model_dump())

    def retrieve(self, question: str, limit: int) -> RetrievedEvidence:
        """Find at most `limit` passages."""
        vector = self._index.encode_question(question)
        return RetrievedEvidence(passages=self._index.passages(self._index.search.near_passages(vector, limit)))
