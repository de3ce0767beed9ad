"""Where candidates are found: in the arrays of the index, or by the store's own indexes.

The arrays are exact, and every search looks at all of them. A store such as Neo4j has an approximate index of the
vectors and a full-text index of names and passages, and may be asked instead. What is done with the candidates (fusing,
walking, packing) is the same; facts, and the steps of chains, are always looked for in the arrays.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from kg.schema import Chunk, Entity
from kg.stores.capabilities import SearchingStore
from models.protocols import Vectors
from retrieval.index.bm25_scores import Bm25
from retrieval.index.nearest import Nearest, Rounded
from retrieval.index.rank import Scored, ranking, top_rows
from retrieval.text.names import named_entities, names_of
from retrieval.text.terms import STOPWORDS, telling_terms

_MORE = 2
"""Times as many candidates are asked of an approximate index as are wanted; their cosines are then taken exactly."""
_NAMES = 200
"""Entities of which one word stands in a question that are looked at for a whole name."""


@dataclass(frozen=True, slots=True)
class Embedded:
    """The passages and entities of an index: ids, arrays (n,) of ASCII bytes, sorted; vectors, and in bytes by kind."""

    chunk_ids: NDArray[np.bytes_]
    chunk_vectors: Vectors
    entity_ids: NDArray[np.bytes_]
    entity_vectors: Vectors
    codes: Mapping[str, Rounded | None]


class Search(Protocol):
    """Candidates for a question."""

    def near_passages(self, vector: Vectors, limit: int) -> list[Scored]:
        """Passages nearest to a unit vector, array (dimension,), by cosine."""

    def matching_passages(self, question: str, limit: int) -> list[Scored]:
        """Passages that share the most telling words by BM25; fewer, or none, if fewer share any."""

    def near_entities(self, vector: Vectors, limit: int) -> list[tuple[int, float]]:
        """Rows of the entities whose names are nearest to a unit vector, with cosines."""

    def named_entities(self, question: str) -> list[int]:
        """Rows of the entities whose name or alias stands in a question."""


class ArraySearch:
    """Exact search of the index's arrays."""

    def __init__(self, rows: Embedded, bm25: Bm25, names: dict[str, list[int]]) -> None:
        self._chunk_ids = rows.chunk_ids
        self._chunks = Nearest(rows.chunk_vectors, rows.codes["chunk"])
        self._entities = Nearest(rows.entity_vectors, rows.codes["entity"])
        self._bm25 = bm25
        self._names = names

    def near_passages(self, vector: Vectors, limit: int) -> list[Scored]:
        """As `Search`."""
        return [Scored(self._chunk_ids[row].decode("ascii"), cosine) for row, cosine in self._chunks.top(vector, limit)]

    def matching_passages(self, question: str, limit: int) -> list[Scored]:
        """As `Search`."""
        return ranking(self._chunk_ids, self._bm25.scores(question), limit, above=0.0)

    def near_entities(self, vector: Vectors, limit: int) -> list[tuple[int, float]]:
        """As `Search`."""
        return self._entities.top(vector, limit)

    def named_entities(self, question: str) -> list[int]:
        """As `Search`."""
        return named_entities(self._names, question)


class StoreSearch:
    """Approximate search by the store's indexes, for the rows that the index has."""

    def __init__(self, rows: Embedded, store: SearchingStore, encoder: str) -> None:
        self._rows = rows
        self._store = store
        self._encoder = encoder

    def near_passages(self, vector: Vectors, limit: int) -> list[Scored]:
        """As `Search`."""
        rows = known_rows(self._rows.chunk_ids, self._near(Chunk, self._rows.chunk_ids, vector, limit))
        return ranking(self._rows.chunk_ids[rows], self._rows.chunk_vectors[rows] @ vector, limit)

    def matching_passages(self, question: str, limit: int) -> list[Scored]:
        """As `Search`, with the store's way to cut words: titles don't count, nor does a plural for its singular."""
        found = dict(self._store.matching(Chunk, _words(question), limit))
        rows = known_rows(self._rows.chunk_ids, list(found))
        ids = self._rows.chunk_ids[rows]
        return ranking(ids, np.array([found[each.decode()] for each in ids.tolist()]), limit)

    def near_entities(self, vector: Vectors, limit: int) -> list[tuple[int, float]]:
        """As `Search`."""
        rows = known_rows(self._rows.entity_ids, self._near(Entity, self._rows.entity_ids, vector, limit))
        similarity = self._rows.entity_vectors[rows] @ vector
        return [(int(rows[best]), float(similarity[best])) for best in top_rows(similarity, limit).tolist()]

    def named_entities(self, question: str) -> list[int]:
        """As `Search`, among the entities that share most words with the question."""
        ids = [entity_id for entity_id, _ in self._store.matching(Entity, _words(question), _NAMES)]
        rows = known_rows(self._rows.entity_ids, ids)
        known = {row_id.decode(): row for row_id, row in zip(self._rows.entity_ids[rows], rows.tolist(), strict=True)}
        names: dict[str, list[int]] = {}
        for entity in self._store.read(Entity, list(known)):
            for name in names_of(entity):
                names.setdefault(name, []).append(known[entity.id])
        return named_entities(names, question)

    def _near(self, kind: type[Any], ids: NDArray[np.bytes_], vector: Vectors, limit: int) -> list[str]:
        """Ids of more rows than are wanted: the index keeps vectors in bytes, and says their cosines roughly."""
        if not len(ids):  # then nothing was ever kept
            return []
        return [row_id for row_id, _ in self._store.nearest(kind, self._encoder, vector, limit * _MORE)]


def known_rows(ids: NDArray[np.bytes_], found: Sequence[str]) -> NDArray[np.intp]:
    """The rows of those ids that the index has, sorted."""
    wanted = np.array(sorted(found), dtype="S" if found else "S1")
    rows = np.searchsorted(ids, wanted)
    there = rows < len(ids)
    found_rows: NDArray[np.intp] = rows[there][ids[rows[there]] == wanted[there]]
    return found_rows


def _words(question: str) -> list[str]:
    """The telling words of a question, as written and as terms."""
    written = (word for word in re.findall(r"\w+", question.casefold()) if word not in STOPWORDS)
    return list(dict.fromkeys([*written, *telling_terms(question)]))
