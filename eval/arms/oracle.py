"""The oracle retriever: an item's gold passages, the most that any retriever could show.

Quoted evidence gives the chunks that hold the quotes, in the order of the quotes. Evidence without a quote
gives the whole document, its chunks nearest to the question first. An item without evidence (it asks about
what never happened) gets what the plain retriever finds: there is nothing better to show.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from eval.tasks.gold import Gold
from eval.types import Item
from kg.schema import Chunk, Document
from models.protocols import Vectors
from retrieval.types import Passage, Retrieved, Retriever


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
        gold: Gold of every item, by item id.
        documents: The store's documents, by id.
        vectors: Orders the chunks of whole documents.
        plain: Serves items without evidence.
    """

    gold: Mapping[str, Gold]
    documents: Mapping[str, Document]
    vectors: ChunkVectors
    plain: Retriever

    def retrieve(self, item: Item, query: str, limit: int, budget_tokens: int) -> Retrieved:
        """Passages for one item, best first.

        Args:
            item: The item.
            query: What the other retrievers are asked for it.
            limit: Passages asked of the plain retriever where there is no evidence.
            budget_tokens: Whole documents are cut to about twice this; the packer does the rest.
        """
        gold = self.gold[item.id]
        if not gold.documents:
            return self.plain.retrieve(query, limit)
        quoted = {chunk.id for chunk in gold.quoted}
        whole = self._nearest(query, [chunk for chunk in gold.whole if chunk.id not in quoted])
        chunks = _within([*gold.quoted, *whole], 2 * budget_tokens)
        return Retrieved(tuple(self._passage(chunk, -float(rank)) for rank, chunk in enumerate(chunks, 1)))

    def _nearest(self, query: str, chunks: Sequence[Chunk]) -> list[Chunk]:
        if not chunks:
            return []
        ids = np.array([chunk.id.encode("ascii") for chunk in chunks])
        rows = np.searchsorted(self.vectors.chunk_ids, ids)
        scores = self.vectors.chunk_vectors[rows] @ self.vectors.encode_question(query)
        return [chunks[place] for place in np.argsort(-scores, kind="stable")]

    def _passage(self, chunk: Chunk, score: float) -> Passage:
        document = self.documents[chunk.document_id]
        return Passage(chunk.id, document.id, document.source, document.title, document.date, chunk.text, score)


def _within(chunks: Sequence[Chunk], tokens: int) -> list[Chunk]:
    """The first chunks, up to a number of tokens; one at least."""
    kept: list[Chunk] = []
    total = 0
    for chunk in chunks:
        total += chunk.tokens
        if kept and total > tokens:
            break
        kept.append(chunk)
    return kept
