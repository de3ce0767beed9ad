"""BM25 and dense search, fused by rank: plain RAG, and what a graph has to beat.

The retriever `rag` is this search alone; others start from it (`graph`) or fill up with its passages.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from retrieval.index.fuse import reciprocal_rank_fusion
from retrieval.index.graph_index import GraphIndex
from retrieval.index.rank import ScoredId


class RagSettings(BaseModel):
    """Settings of `rag`.

    Attributes:
        depth: Number of passages taken from each search before fusing; raised to the question's limit if larger.
        rrf_k: Rank offset of the fusion. The usual 60 was tuned on runs of a thousand documents; with a hundred, it
            lets a passage that both searches rank in the middle beat the best of either.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    depth: int = Field(default=100, ge=1)
    rrf_k: int = Field(default=10, ge=1)


def search_fused(
    index: GraphIndex, question: str, vector: NDArray[np.float32], limit: int, settings: RagSettings
) -> list[ScoredId]:
    """Fuse BM25 and dense search.

    Args:
        index: Index to search.
        question: Text of the question, for BM25.
        vector: Embedding of the question, array (dimension,).
        limit: Number of passages wanted: the searches go at least as deep.
        settings: Depth and rank offset.
    Returns:
        Every passage that either search found down to the depth, best first; often more than `limit`.
    """
    depth = max(limit, settings.depth)
    runs = [index.search.matching_passages(question, depth), index.search.near_passages(vector, depth)]
    return reciprocal_rank_fusion(runs, settings.rrf_k)


def fill_with_fused(
    ranked: list[ScoredId],
    index: GraphIndex,
    question: str,
    vector: NDArray[np.float32],
    limit: int,
    settings: RagSettings,
) -> list[ScoredId]:
    """At most `limit` of the ranked passages; if there are fewer, those of plain RAG behind them, none twice."""
    if len(ranked) >= limit:
        return ranked[:limit]
    ranked_ids = {item.id for item in ranked}
    fused = search_fused(index, question, vector, limit, settings)
    return [*ranked, *(item for item in fused if item.id not in ranked_ids)][:limit]
