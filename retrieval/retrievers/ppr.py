"""The `ppr` retriever: passages by HippoRAG 2's walk as published; the graph retriever to beat.

Source: Gutiérrez et al. 2025 (HippoRAG 2), section 3, and the constants of their released code.

Phrases (entities) and passages are the nodes; facts, mentions and synonyms (names with near embeddings) the edges. The
facts nearest to a question seed the phrases at their ends, all passages are seeded with a little of their similarity,
and passages are ranked by a personalised PageRank. Their filter of facts by a language model is left out, a variant
that the authors also evaluate.
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
from retrieval.types import RetrievedEvidence

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

_BLOCK = 1024
"""Number of entities that are compared with all others at once."""


class PprSettings(BaseModel):
    """Settings of `ppr`; the defaults are the authors'.

    Attributes:
        facts: Number of facts nearest to the question that seed their ends.
        phrases: Maximum number of phrases that keep their seed.
        passage_weight: Weight of a passage's similarity as a seed.
        damping: Chance that the walk continues instead of restarting.
        synonym: Minimum cosine similarity of two names that are joined; above 1, none are.
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

    def retrieve(self, question: str, limit: int) -> RetrievedEvidence:
        """Find at most `limit` passages; where there are no facts, the nearest by embedding."""
        index = self._index
        vector = index.encode_question(question)
        if not len(index.fact_ids):
            return RetrievedEvidence(passages=index.passages(index.search.near_passages(vector, limit)))
        offset = len(index.entity_ids)  # nodes: the phrases, then the passages
        seeds = np.zeros(offset + len(index.chunk_ids))
        for row, weight in self._phrases(index.fact_vectors @ vector).items():
            seeds[row] = weight
        seeds[offset:] = self._settings.passage_weight * _scaled(index.chunk_vectors @ vector)
        visits = personalised_pagerank(self._step, seeds, self._settings.damping)[offset:]
        return RetrievedEvidence(passages=index.passages(rank_visits(index.chunk_ids, visits, limit)))

    def _phrases(self, similarity: NDArray[np.float32]) -> dict[int, float]:
        """Seeds of the phrases that the nearest facts name: mean similarity divided by the phrase's passages.

        Args:
            similarity: Array (facts,): cosine of each fact and the question.
        Returns:
            Entity row to weight.
        """
        scores = _scaled(similarity)
        scores_of: defaultdict[int, list[float]] = defaultdict(list)
        for row in top_rows(scores, self._settings.facts).tolist():
            for end in self._index.fact_ends[row].tolist():
                scores_of[end].append(float(scores[row]))
        passages = np.maximum(self._index.passages_of_entity, 1)
        weights = {end: sum(values) / len(values) / float(passages[end]) for end, values in scores_of.items()}
        # As in their code, phrases are chosen after the division by their passages.
        best = sorted(weights, key=lambda end: (-weights[end], end))[: self._settings.phrases]
        return {end: weights[end] for end in best}


def _scaled(scores: NDArray[np.float32]) -> Weights:
    """Scores scaled linearly to [0, 1], as their `min_max_normalize` does; all 1 if they are equal."""
    if not len(scores):
        return np.zeros(0)
    low, high = float(scores.min()), float(scores.max())
    if high <= low:
        return np.ones(len(scores))
    scaled: Weights = (np.asarray(scores, dtype=np.float64) - low) / (high - low)
    return scaled


def _with_synonyms(index: GraphIndex, min_cosine: float) -> csr_matrix:
    """Transitions of their graph, shape (nodes, nodes): near names are joined too, each edge as heavy as the cosine.

    Their code adds an edge between phrases from either end, and the undirected graph keeps both, so that it counts
    twice; an edge between a phrase and a passage is added once.
    """
    from scipy.sparse import coo_matrix, csr_matrix

    # Weights of edges again, from the transitions that were divided by the degree of their column.
    weights = index.step.data * index.degree[index.step.indices]
    edges = csr_matrix((weights, index.step.indices, index.step.indptr), shape=index.step.shape).tocoo()
    count = len(index.entity_ids)
    is_between_phrases = (edges.row < count) & (edges.col < count)
    pairs, cosines = _synonyms(index.entity_vectors, min_cosine)
    rows = np.concatenate([edges.row, pairs[:, 0], pairs[:, 1]])
    columns = np.concatenate([edges.col, pairs[:, 1], pairs[:, 0]])
    data = np.concatenate([edges.data * np.where(is_between_phrases, 2.0, 1.0), 2 * cosines, 2 * cosines])
    return transition(coo_matrix((data, (rows, columns)), shape=edges.shape).tocsr())


def _synonyms(vectors: Vectors, min_cosine: float) -> tuple[NDArray[np.intp], Weights]:
    """Pairs of rows with a cosine of at least `min_cosine`, array (n, 2), the lower first; and cosines, array (n,)."""
    pairs, cosines = [np.zeros((0, 2), dtype=np.intp)], [np.zeros(0)]
    for first in range(0, len(vectors), _BLOCK):
        block = vectors[first : first + _BLOCK] @ vectors.T
        rows, columns = np.nonzero(block >= min_cosine)
        later = columns > rows + first  # each pair once, and no row with itself
        pairs.append(np.stack([rows[later] + first, columns[later]], axis=1))
        cosines.append(block[rows[later], columns[later]].astype(np.float64))
    return np.concatenate(pairs), np.concatenate(cosines)
