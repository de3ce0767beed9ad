"""The `rag` retriever: BM25 and dense search, fused by rank. Plain RAG, and the thing for a graph to beat."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from retrieval.index.fuse import reciprocal_rank_fusion
from retrieval.index.graph_index import GraphIndex
from retrieval.index.rank import Scored


class HybridSettings(BaseModel):
    """Settings of `rag`.

    Attributes:
        depth: Passages taken from each search before fusing; at least the limit asked for.
        rrf_k: Rank offset of the fusion. The usual 60 was tuned on runs of a thousand documents; with a hundred, it
            lets a passage that both searches find middling outrank the best of either.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    depth: int = Field(default=100, ge=1)
    rrf_k: int = Field(default=10, ge=1)


def rank_hybrid(
    index: GraphIndex, question: str, vector: NDArray[np.float32], limit: int, settings: HybridSettings
) -> list[Scored]:
    """Fuse BM25 and dense search; every passage that either found down to the depth, best first.

    Args:
        index: Where to search.
        question: Its words.
        vector: Its embedding, array (dimension,).
        limit: Passages wanted: deepens the searches if they would not go that far.
        settings: Depth and rank offset.
    """
    depth = max(limit, settings.depth)
    runs = [index.search.matching_passages(question, depth), index.search.near_passages(vector, depth)]
    return reciprocal_rank_fusion(runs, settings.rrf_k)


def filled_up(
    found: list[Scored],
    index: GraphIndex,
    question: str,
    vector: NDArray[np.float32],
    limit: int,
    settings: HybridSettings,
) -> list[Scored]:
    """What was found, at most `limit`; where that is fewer, plain RAG's passages behind it, none twice."""
    if len(found) >= limit:
        return found[:limit]
    known = {item.id for item in found}
    plain = rank_hybrid(index, question, vector, limit, settings)
    return [*found, *(item for item in plain if item.id not in known)][:limit]
