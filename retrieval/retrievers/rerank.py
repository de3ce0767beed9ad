"""The `rerank` retriever: the first passages of BM25 and of dense search, merged and put in order by a cross-encoder.

    retriever: rerank
    settings: {reranker: my-cross-encoder.yaml}

Source: Glass et al., NAACL 2022 (Re²G): what either search found is reranked together, so their scores need no common
    scale.
"""

from __future__ import annotations

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from models.factory import open_reranker
from models.files.digest import digest
from retrieval.index.graph_index import GraphIndex
from retrieval.index.rank import Scored, ranking
from retrieval.text.texts import headed
from retrieval.types import Retrieved


class RerankSettings(BaseModel):
    """Settings of `rerank`.

    Attributes:
        reranker: Path of a YAML file of the backend cross-encoder, or the dotted path of a class.
        depth: Passages taken from each search.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    reranker: str
    depth: int = Field(default=20, ge=1)


class RerankRetriever:
    """Passages by BM25 and embedding, in a cross-encoder's order."""

    name = "rerank"
    Settings = RerankSettings

    def __init__(self, index: GraphIndex, settings: RerankSettings) -> None:
        self._index = index
        self._depth = settings.depth
        self._reranker = open_reranker(settings.reranker)
        self.digest = digest(self.name, index.digest, self._reranker.digest, settings.depth)

    def retrieve(self, question: str, limit: int) -> Retrieved:
        """Find at most `limit` passages, none beyond those that the searches found."""
        search, depth = self._index.search, max(limit, self._depth)
        vector = self._index.encode_question(question)
        runs = search.matching_passages(question, depth), search.near_passages(vector, depth)
        merged = sorted({item.id for run in runs for item in run})
        if not merged:
            return Retrieved()
        found = self._index.passages([Scored(each, 0.0) for each in merged])
        scores = self._reranker.rank(question, [headed(each.title, each.date, each.text) for each in found])
        ids = np.array([each.chunk_id for each in found], dtype="S")
        return Retrieved(passages=self._index.passages(ranking(ids, scores, limit)))
