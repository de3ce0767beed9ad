"""The oracle retriever: returns an item's gold passages, the ceiling for every retriever.

For quoted evidence, the chunks that contain the quotes, in the order of the quotes. For evidence without a quote, the
whole document, its chunks nearest to the question first. An item without evidence (its question is about something
that never happened) gets the passages of the plain retriever: there is nothing better.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from eval.tasks.gold import GoldChunks
from eval.types import Item
from kg.schema import Chunk, Document
from models.protocols import Vectors
from retrieval.types import Passage, RetrievedEvidence, Retriever


class ChunkVectors(Protocol):
    """The part of a `GraphIndex` that orders chunks by meaning."""

    @property
    def chunk_ids(self) -> NDArray[np.bytes_]: ...

    @property
    def chunk_vectors(self) -> Vectors: ...

    def encode_question(self, question: str) -> NDArray[np.float32]:
        """The question as a unit vector."""


@dataclass(frozen=True, slots=True)
class Oracle:
    """Gold passages by item.

    Attributes:
        gold: Gold chunks of every item, by item id.
        documents: Documents of the store, by id.
        vectors: Orders the chunks of whole documents.
        plain: Retriever of items without evidence.
    """

    gold: Mapping[str, GoldChunks]
    documents: Mapping[str, Document]
    vectors: ChunkVectors
    plain: Retriever

    def retrieve(self, item: Item, query: str, limit: int, budget_tokens: int) -> RetrievedEvidence:
        """Passages for one item, best first.

        Args:
            item: The item.
            query: The query that the other retrievers run for it.
            limit: Maximum number of passages of the plain retriever, for an item without evidence.
            budget_tokens: Budget of the context; gold chunks up to about twice this go to the packer.
        """
        gold = self.gold[item.id]
        if not gold.documents:
            return self.plain.retrieve(query, limit)
        quoted = {chunk.id for chunk in gold.quoted}
        nearest = self._nearest(query, [chunk for chunk in gold.of_documents if chunk.id not in quoted])
        chunks = _within([*gold.quoted, *nearest], 2 * budget_tokens)
        # The packer orders passages by score, so the scores fall with the rank.
        return RetrievedEvidence(tuple(self._passage(chunk, -float(rank)) for rank, chunk in enumerate(chunks, 1)))

    def _nearest(self, query: str, chunks: Sequence[Chunk]) -> list[Chunk]:
        if not chunks:
            return []
        ids = np.array([chunk.id.encode("ascii") for chunk in chunks])
        # chunk_ids are sorted bytes, so that rows are found by bisection.
        rows = np.searchsorted(self.vectors.chunk_ids, ids)
        scores = self.vectors.chunk_vectors[rows] @ self.vectors.encode_question(query)
        return [chunks[row] for row in np.argsort(-scores, kind="stable")]

    def _passage(self, chunk: Chunk, score: float) -> Passage:
        document = self.documents[chunk.document_id]
        return Passage(chunk.id, document.id, document.source, document.title, document.date, chunk.text, score)


def _within(chunks: Sequence[Chunk], tokens: int) -> list[Chunk]:
    """The first chunks, up to a number of tokens; at least one."""
    kept: list[Chunk] = []
    total = 0
    for chunk in chunks:
        total += chunk.tokens
        if kept and total > tokens:
            break
        kept.append(chunk)
    return kept
