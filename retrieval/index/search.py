"""Finds candidates for a question: in the arrays of the index, or by the store's own indexes.

The arrays are exact, and every search goes over all of them. A store such as Neo4j has an approximate index of the
vectors and a full-text index of names and passages, which can be searched instead. What is done with the candidates
(fusing, walking, packing) is the same either way. Facts, and the steps of chains, are always searched in the arrays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import regex
from numpy.typing import NDArray

from kg.language.words import fold
from kg.schema import Chunk, Entity
from kg.stores.capabilities import SearchingStore
from models.protocols import Vectors
from retrieval.index.bm25_scores import Bm25
from retrieval.index.nearest import CosineSearch, QuantisedVectors
from retrieval.index.rank import ScoredId, ranking, top_rows
from retrieval.text.names import named_entities, names_of
from retrieval.text.terms import STOPWORDS, telling_terms

_OVERSAMPLING = 2
"""Candidates taken from an approximate index, as a multiple of those wanted; their exact cosines decide."""
_NAME_CANDIDATES = 200
"""Maximum number of entities sharing a word with a question that are checked for their full name."""


@dataclass(frozen=True, slots=True)
class SearchVectors:
    """The passages and entities of an index, as they are searched.

    Attributes:
        chunk_ids: Array (chunks,) of ASCII bytes, sorted.
        chunk_vectors: Array (chunks, dimension), float32, unit length.
        entity_ids: Array (entities,) of ASCII bytes, sorted.
        entity_vectors: Array (entities, dimension), float32, unit length.
        codes: The same vectors in bytes by "chunk" and "entity"; None where there are few.
    """

    chunk_ids: NDArray[np.bytes_]
    chunk_vectors: Vectors
    entity_ids: NDArray[np.bytes_]
    entity_vectors: Vectors
    codes: Mapping[str, QuantisedVectors | None]


class Search(Protocol):
    """Finds candidates for a question."""

    def near_passages(self, vector: Vectors, limit: int) -> list[ScoredId]:
        """Passages nearest to a unit vector, array (dimension,), by cosine."""

    def matching_passages(self, question: str, limit: int) -> list[ScoredId]:
        """Passages that share telling words with the question, best first by BM25; there may be fewer than `limit`."""

    def near_entities(self, vector: Vectors, limit: int) -> list[tuple[int, float]]:
        """Rows of the entities whose names are nearest to a unit vector, with cosines."""

    def named_entities(self, question: str) -> list[int]:
        """Rows of the entities whose name or alias is in the question."""


class ArraySearch:
    """Exact search of the index's arrays."""

    def __init__(self, rows: SearchVectors, bm25: Bm25, names: dict[str, list[int]]) -> None:
        self._chunk_ids = rows.chunk_ids
        self._chunks = CosineSearch(rows.chunk_vectors, rows.codes["chunk"])
        self._entities = CosineSearch(rows.entity_vectors, rows.codes["entity"])
        self._bm25 = bm25
        self._names = names

    def near_passages(self, vector: Vectors, limit: int) -> list[ScoredId]:
        """See `Search`."""
        return [
            ScoredId(self._chunk_ids[row].decode("ascii"), cosine) for row, cosine in self._chunks.top(vector, limit)
        ]

    def matching_passages(self, question: str, limit: int) -> list[ScoredId]:
        """See `Search`."""
        return ranking(self._chunk_ids, self._bm25.scores(question), limit, above=0.0)

    def near_entities(self, vector: Vectors, limit: int) -> list[tuple[int, float]]:
        """See `Search`."""
        return self._entities.top(vector, limit)

    def named_entities(self, question: str) -> list[int]:
        """See `Search`."""
        return named_entities(self._names, question)


class StoreSearch:
    """Approximate search by the store's indexes, for the rows that the index has."""

    def __init__(self, rows: SearchVectors, store: SearchingStore, encoder: str) -> None:
        self._rows = rows
        self._store = store
        self._encoder = encoder

    def near_passages(self, vector: Vectors, limit: int) -> list[ScoredId]:
        """See `Search`."""
        rows = known_rows(self._rows.chunk_ids, self._near(Chunk, self._rows.chunk_ids, vector, limit))
        return ranking(self._rows.chunk_ids[rows], self._rows.chunk_vectors[rows] @ vector, limit)

    def matching_passages(self, question: str, limit: int) -> list[ScoredId]:
        """See `Search`. The store cuts words in its own way: titles don't count, and a plural isn't its singular."""
        scores = dict(self._store.matching(Chunk, _words(question), limit))
        rows = known_rows(self._rows.chunk_ids, list(scores))
        ids = self._rows.chunk_ids[rows]
        return ranking(ids, np.array([scores[chunk_id.decode()] for chunk_id in ids.tolist()]), limit)

    def near_entities(self, vector: Vectors, limit: int) -> list[tuple[int, float]]:
        """See `Search`."""
        rows = known_rows(self._rows.entity_ids, self._near(Entity, self._rows.entity_ids, vector, limit))
        similarity = self._rows.entity_vectors[rows] @ vector
        return [(int(rows[best]), float(similarity[best])) for best in top_rows(similarity, limit).tolist()]

    def named_entities(self, question: str) -> list[int]:
        """See `Search`; among the entities that share most words with the question."""
        ids = [entity_id for entity_id, _ in self._store.matching(Entity, _words(question), _NAME_CANDIDATES)]
        rows = known_rows(self._rows.entity_ids, ids)
        entity_ids = [entity_id.decode() for entity_id in self._rows.entity_ids[rows].tolist()]
        row_of = dict(zip(entity_ids, rows.tolist(), strict=True))
        names: dict[str, list[int]] = {}
        for entity in self._store.read(Entity, entity_ids):
            for name in names_of(entity):
                names.setdefault(name, []).append(row_of[entity.id])
        return named_entities(names, question)

    def _near(self, kind: type[Any], ids: NDArray[np.bytes_], vector: Vectors, limit: int) -> list[str]:
        """Ids of more rows than are wanted: the store keeps vectors in bytes, so its cosines are approximate."""
        if not len(ids):  # no vectors were ever given to the store, so it has no index to search
            return []
        return [row_id for row_id, _ in self._store.nearest(kind, self._encoder, vector, limit * _OVERSAMPLING)]


def known_rows(ids: NDArray[np.bytes_], wanted: Sequence[str]) -> NDArray[np.intp]:
    """The rows of those wanted ids that the index has, ascending.

    Args:
        ids: Array (n,) of ASCII bytes, sorted.
        wanted: Ids in any order.
    """
    keys = np.array(sorted(wanted), dtype="S" if wanted else "S1")  # numpy finds no width for an empty list
    positions = np.searchsorted(ids, keys)
    inside = positions < len(ids)  # a key behind the last id has the position len(ids)
    rows: NDArray[np.intp] = positions[inside][ids[positions[inside]] == keys[inside]]
    return rows


def _words(question: str) -> list[str]:
    """The telling words of a question, as written and as terms."""
    written = (word for word in regex.findall(r"[\w\p{M}]+", fold(question)) if word not in STOPWORDS)
    return list(dict.fromkeys([*written, *telling_terms(question)]))
