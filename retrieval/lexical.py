"""The `bm25` retriever: passages by shared words."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from models.digest import digest
from retrieval.index import GraphIndex
from retrieval.rank import Scored, ranking
from retrieval.types import Retrieved


class Bm25Settings(BaseModel):
    """None so far; a key given is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def rank_bm25(index: GraphIndex, question: str, limit: int) -> list[Scored]:
    """The `limit` passages that share the most telling words; fewer, or none, if fewer share any."""
    return ranking(index.chunk_ids, index.bm25.scores(question), limit, above=0.0)


class Bm25Retriever:
    """Passages by BM25."""

    name = "bm25"
    Settings = Bm25Settings

    def __init__(self, index: GraphIndex, settings: Bm25Settings) -> None:
        self._index = index
        self.digest = digest(self.name, index.digest, settings.model_dump())

    def retrieve(self, question: str, limit: int) -> Retrieved:
        """Find at most `limit` passages."""
        return Retrieved(passages=self._index.passages(rank_bm25(self._index, question, limit)))
