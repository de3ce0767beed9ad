"""The `ppr` retriever: HippoRAG 2's walk as published, the graph retriever to beat.

Phrases (entities) and passages are the nodes; facts, mentions and synonyms (names of near embeddings) the edges. The
facts nearest to a question seed the phrases at their ends, all passages are seeded with a little of their similarity,
and passages are ranked by a personalised PageRank. Its filter of facts by a language model is left out, as its authors
measure it too. Source: Gutiérrez et al. 2025 (HippoRAG 2), section 3, and the constants of their released code.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from models.files.digest import digest
from models.protocols import Vectors
from retrieval.index.graph_index import GraphIndex
from retrieval.index.rank import rank_visits, top_rows
from retrieval.pagerank.exact import Weights, personalised_pagerank, transition
from retrieval.types import Retrieved

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

_BLOCK = 1024


class PprSettings(BaseModel):
    """Settings of `ppr`; the defaults are the authors'.

    Attributes:
        facts: Facts nearest to the question that seed their ends.
        phrases: Most phrases that keep their seed.
        passage_weight: Of a passage's similarity as a seed.
        damping: Chance that the walk goes on instead of restarting.
        synonym: Least cosine of two names that are joined; above 1 none are.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    facts: int = Field(default=5, ge=1)
    phrases: int = Field(default=5, ge=1)
    passage_weight: float = Field(default=0.05, ge=0)
    damping: float = Field(default=0.5, ge=0, lt=1)
    synonym: float = Field(default=0.8, ge=0)


class PprRetriever:
    """Passages by HippoRAG 2's walk."""

    name = "ppr"
    Settings = PprSettings

    def __init__(self, index: GraphIndex, settings: PprSettings) -> None:
        self._index = index
        self._settings = settings
        self._step = _with_synonyms(index, settings.synonym)
        self.digest = digest(self.name, index.digest, settings.model_dump())

    def retrieve(self, question: str, limit: int) -> Retrieved:
        """Find at most `limit` passages; where there are no facts, the nearest by embedding."""
        index = self._index
        vector = index.encode_question(question)
        if not len(index.fact_ids):
            return Retrieved(passages=index.passages(index.search.near_passages(vector, limit)))
        offset = len(index.entity_ids)
        seeds = np.zeros(offset + len(index.chunk_ids))
        for row, weight in self._phrases(index.fact_vectors @ vector).items():
            seeds[row] = weight
        seeds[offset:] = self._settings.passage_weight * _spread(index.chunk_vectors @ vector)
        visits = personalised_pagerank(self._step, seeds, self._settings.damping)[offset:]
        return Retrieved(passages=index.passages(rank_visits(index.chunk_ids, visits, limit)))

    def _phrases(self, similarity: NDArray[np.float32]) -> dict[int, float]:
        """Seeds of the phrases that the nearest facts name: their mean similarity, divided by the phrase's passages."""
        scores = _spread(similarity)
        hints: defaultdict[int, list[float]] = defaultdict(list)
        for row in top_rows(scores, self._settings.facts).tolist():
            for end in self._index.fact_ends[row].tolist():
                hints[end].append(float(scores[row]))
        passages = np.maximum(self._index.passages_of_entity, 1)
        weights = {end: sum(values) / len(values) / float(passages[end]) for end, values in hints.items()}
        best = sorted(weights, key=lambda end: (-weights[end], end))[: self._settings.phrases]
        return {end: weights[end] for end in best}


def _spread(scores: NDArray[np.float32]) -> Weights:
    """Scores moved and scaled to [0, 1]; all 1 where they are equal."""
    if not len(scores):
        return np.zeros(0)
    low, high = float(scores.min()), float(scores.max())
    if high <= low:
        return np.ones(len(scores))
    spread: Weights = (np.asarray(scores, dtype=np.float64) - low) / (high - low)
    return spread


def _with_synonyms(index: GraphIndex, least: float) -> csr_matrix:
    """Transitions of their graph: names of near embeddings are joined too, each edge as heavy as the cosine.

    An edge between phrases is added from either end and an undirected graph keeps both, so it weighs twice what it is;
    one between a phrase and a passage is added once.
    """
    from scipy.sparse import coo_matrix, csr_matrix

    weights = index.step.data * index.degree[index.step.indices]
    edges = csr_matrix((weights, index.step.indices, index.step.indptr), shape=index.step.shape).tocoo()
    count = len(index.entity_ids)
    between = (edges.row < count) & (edges.col < count)
    near, cosines = _synonyms(index.entity_vectors, least)
    rows = np.concatenate([edges.row, near[:, 0], near[:, 1]])
    columns = np.concatenate([edges.col, near[:, 1], near[:, 0]])
    data = np.concatenate([edges.data * np.where(between, 2.0, 1.0), 2 * cosines, 2 * cosines])
    return transition(coo_matrix((data, (rows, columns)), shape=edges.shape).tocsr())


def _synonyms(vectors: Vectors, least: float) -> tuple[NDArray[np.intp], Weights]:
    """Pairs of rows, array (n, 2), the lower first, whose cosine is at least `least`, and the cosines."""
    pairs, cosines = [np.zeros((0, 2), dtype=np.intp)], [np.zeros(0)]
    for first in range(0, len(vectors), _BLOCK):
        block = vectors[first : first + _BLOCK] @ vectors.T
        rows, columns = np.nonzero(block >= least)
        later = columns > rows + first
        pairs.append(np.stack([rows[later] + first, columns[later]], axis=1))
        cosines.append(block[rows[later], columns[later]].astype(np.float64))
    return np.concatenate(pairs), np.concatenate(cosines)
