"""The `rerank` retriever: the first passages of BM25 and of dense search, put in order by a cross-encoder.

Source: Glass et al., NAACL 2022 (Re²G): what either search found is reranked together, so that their scores need no
common scale.

A cross-encoder is given question and passage together and scores the pair, which is more exact than comparing two
vectors, and slower: every passage costs a forward pass.

    retriever: rerank
    settings: {reranker: my-cross-encoder.yaml}
"""

from __future__ import annotations

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from models.factory import open_reranker
from models.files.digest import digest
from retrieval.index.graph_index import GraphIndex
from retrieval.index.rank import ScoredId, ranking
from retrieval.text.texts import with_heading
from retrieval.types import RetrievedEvidence


class RerankSettings(BaseModel):
    """Settings of `rerank`.

    Attributes:
        reranker: Path of a YAML file of the backend cross-encoder, or the dotted path of a class.
        depth: Number of passages taken from each search; raised to the question's limit if that is larger.
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

    def retrieve(self, question: str, limit: int) -> RetrievedEvidence:
        """Find at most `limit` passages, none beyond those that the searches found."""
        search, depth = self._index.search, max(limit, self._depth)
        vector = self._index.encode_question(question)
        rankings = search.matching_passages(question, depth), search.near_passages(vector, depth)
        # Sorted, so that a tie of the cross-encoder's scores goes by id.
        candidate_ids = sorted({item.id for run in rankings for item in run})
        if not candidate_ids:
            return RetrievedEvidence()
        passages = self._index.passages([ScoredId(chunk_id, 0.0) for chunk_id in candidate_ids])
        texts = [with_heading(passage.title, passage.date, passage.text) for passage in passages]
        scores = self._reranker.rank(question, texts)  # (passages,)
        ids = np.array([passage.chunk_id for passage in passages], dtype="S")
        return RetrievedEvidence(passages=self._index.passages(ranking(ids, scores, limit)))
