"""The `dense` retriever: passages by meaning, as the inner product of unit vectors."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from models.files.digest import digest
from retrieval.index.graph_index import GraphIndex
from retrieval.types import Retrieved


class DenseSettings(BaseModel):
    """None so far; a key given is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class DenseRetriever:
    """Passages by embedding."""

    name = "dense"
    Settings = DenseSettings

    def __init__(self, index: GraphIndex, settings: DenseSettings) -> None:
        self._index = index
        self.digest = digest(self.name, index.digest, settings.model_dump())

    def retrieve(self, question: str, limit: int) -> Retrieved:
        """Find at most `limit` passages."""
        vector = self._index.encode_question(question)
        return Retrieved(passages=self._index.passages(self._index.search.near_passages(vector, limit)))
