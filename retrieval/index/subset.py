"""A part of an index, by time and by type, on which retrievers work as on the whole.

    index = restrict(index, Limits(after="2031-05", types=("person",)))

A passage stays if its document's date lies within the time, and, where types are given, if it names an entity of one
of them. A fact stays if a passage that stays tells it, its validity overlaps the time and one of its ends is of the
types; the entities that stay are those of the types and the ends of facts that stay. Dates are compared as far as both
are given ("2031" holds all of 2031); a document without a date is outside every time. Scores by BM25 keep the
statistics of the whole corpus. `local`, `drift` and `tree` show only reports whose facts all stay, `global` points with
a fact that stays; values that `cypher` returns are those of the whole graph.
"""

from __future__ import annotations

import copy

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, field_validator

from kg.language.dates import is_before, normalise_date
from kg.schema import Chunk, Document, Entity, Fact
from models.errors import ConfigError
from models.files.digest import digest
from retrieval.index.graph_index import GraphIndex
from retrieval.index.nearest import Nearest
from retrieval.index.search import ArraySearch, Embedded
from retrieval.pagerank.exact import transition

Rows = NDArray[np.intp]


class Limits(BaseModel):
    """What a search is limited to.

    Attributes:
        after: First day, ISO 8601 or as documents write dates; "" for none.
        before: Last day.
        types: Types of entities, in lower case; empty for all.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    after: str = ""
    before: str = ""
    types: tuple[str, ...] = ()

    @field_validator("after", "before")
    @classmethod
    def _as_iso(cls, value: str) -> str:
        date = normalise_date(value)
        if value and not date:
            raise ValueError(f"expected a date such as 2031, 2031-05 or 4 May 2031, found {value!r}")
        return date

    @field_validator("types")
    @classmethod
    def _lower(cls, types: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(each.strip().lower() for each in types)

    def __bool__(self) -> bool:
        return bool(self.after or self.before or self.types)

    def overlaps(self, first: str, last: str) -> bool:
        """Whether a span of time has a day in common with the limits; "" is open.

        Example:
            >>> Limits(after="2031-05", before="2031-07").overlaps("2031", "2031-04")
            False
            >>> Limits(after="2031-05").overlaps("2029", "")
            True
        """
        ended = bool(self.after and last) and is_before(last, self.after)
        begins_later = bool(self.before and first) and is_before(self.before, first)
        return not ended and not begins_later


def restrict(index: GraphIndex, limits: Limits) -> GraphIndex:
    """The part of an index within limits; the index itself where there are none.

    Raises:
        ConfigError: The candidates are searched in the store, or no entity is of the types.
    """
    if not limits:
        return index
    if not isinstance(index.search, ArraySearch):
        raise ConfigError("A search that is limited by time or type needs search: arrays in the workspace's settings.")
    of_types = _entities_of(index, limits)
    if limits.types and not of_types.any():
        known = sorted({entity.type for entity in index.store.read(Entity) if entity.type})
        raise ConfigError(f"No entity is of the type {', '.join(limits.types)}; known: {', '.join(known) or 'none'}.")
    chunks = _chunks_within(index, limits, of_types)
    facts = _facts_within(index, limits, of_types, set(index.chunk_ids[chunks].tolist()))
    kept = of_types if limits.types else np.ones(len(index.entity_ids), dtype=bool)
    kept = kept.copy()
    kept[index.fact_ends[facts].ravel()] = True
    return _part(index, limits, chunks, np.flatnonzero(kept), facts)


def _part(index: GraphIndex, limits: Limits, chunks: Rows, entities: Rows, facts: Rows) -> GraphIndex:
    """The index with these rows only, all numbered anew."""
    assert isinstance(index.search, ArraySearch)
    part = copy.copy(index)
    part.digest = digest(index.digest, limits.model_dump())
    part.chunk_ids, part.chunk_vectors = index.chunk_ids[chunks], index.chunk_vectors[chunks]
    part.entity_ids, part.entity_vectors = index.entity_ids[entities], index.entity_vectors[entities]
    part.fact_ids, part.fact_vectors = index.fact_ids[facts], index.fact_vectors[facts]
    part.entity_names = index.entity_names.only(entities)
    place = np.full(len(index.entity_ids), -1, dtype=np.int32)
    place[entities] = np.arange(len(entities), dtype=np.int32)
    part.fact_ends = place[index.fact_ends[facts]].reshape(-1, 2)
    nodes = np.concatenate([entities, chunks + len(index.entity_ids)])
    adjacency = index.step.multiply(index.degree[None, :]).tocsr()[nodes][:, nodes]
    part.step = transition(adjacency)
    part.degree = np.asarray(adjacency.sum(axis=0), dtype=np.float64).ravel()
    naming = adjacency[: len(entities), len(entities) :]
    part.passages_of_entity = np.diff(naming.indptr).astype(np.int32)
    part.names = {
        name: found
        for name, rows in index.names.items()
        if (found := [int(place[row]) for row in rows if place[row] >= 0])
    }
    part.bm25 = index.bm25.only(chunks)
    kept = {"chunk": chunks, "entity": entities, "fact": facts}
    part.codes = {kind: codes.only(kept[kind]) if codes else None for kind, codes in index.codes.items()}
    part.near_facts = Nearest(part.fact_vectors, part.codes["fact"])
    rows = Embedded(part.chunk_ids, part.chunk_vectors, part.entity_ids, part.entity_vectors, part.codes)
    part.search = ArraySearch(rows, part.bm25, part.names)
    return part


def _entities_of(index: GraphIndex, limits: Limits) -> NDArray[np.bool_]:
    ids = {entity.id.encode() for entity in index.store.read(Entity) if entity.type.lower() in limits.types}
    return np.array([key in ids for key in index.entity_ids.tolist()], dtype=bool)


def _facts_within(index: GraphIndex, limits: Limits, of_types: NDArray[np.bool_], chunk_ids: set[bytes]) -> Rows:
    within = {
        fact.id.encode()
        for fact in index.store.read(Fact)
        if limits.overlaps(fact.valid_from, fact.valid_to)
        and any(span.chunk_id.encode() in chunk_ids for span in fact.evidence)
    }
    kept = np.array([key in within for key in index.fact_ids.tolist()], dtype=bool)
    if limits.types and len(kept):
        kept &= of_types[index.fact_ends].any(axis=1)
    return np.flatnonzero(kept)


def _chunks_within(index: GraphIndex, limits: Limits, of_types: NDArray[np.bool_]) -> Rows:
    kept = np.ones(len(index.chunk_ids), dtype=bool)
    if limits.after or limits.before:
        dates = {document.id: document.date for document in index.store.read(Document)}
        owners = {chunk.id.encode(): dates.get(chunk.document_id, "") for chunk in index.store.read(Chunk)}
        dated = (owners.get(key, "") for key in index.chunk_ids.tolist())
        kept &= np.array([bool(date) and limits.overlaps(date, date) for date in dated], dtype=bool)
    if limits.types:
        offset = len(index.entity_ids)
        neighbours = index.step[np.flatnonzero(of_types)].indices
        naming = np.zeros(len(kept), dtype=bool)
        naming[neighbours[neighbours >= offset] - offset] = True
        kept &= naming
    return np.flatnonzero(kept)
