"""The `bm25` retriever: passages by shared words."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from models.files.digest import digest
from retrieval.index.graph_index import GraphIndex
from retrieval.types import Retrieved


class Bm25Settings(BaseModel):
    """None so far; a key given is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Bm25Retriever:
    """Passages by BM25."""

    name = "bm25"
    Settings = Bm25Settings

    def __init__(self, index: GraphIndex, settings: Bm25Settings) -> None:
        self._index = index
        self.digest = digest(self.name, index.digest, settings.model_dump())

    def retrieve(self, question: str, limit: int) -> Retrieved:
        """Find at most `limit` passages."""
        return Retrieved(passages=self._index.passages(self._index.search.matching_passages(question, limit)))
