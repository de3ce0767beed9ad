"""The part of an index within a span of time or of some entity types; retrievers work on it as on the full index.

    index = restrict(index, CorpusFilter(after="2031-05", types=("person",)))

- A passage stays if its document's date is within the time, and, where types are given, if it names an entity of one of
  them. A document without a date is outside every span of time.
- A fact stays if a passage that stays states it, its validity overlaps the time and one of its ends is of the types.
- The entities that stay are those of the types and the ends of facts that stay.

Dates are compared as far as both are given ("2031" includes all of 2031). BM25 keeps the statistics of the full corpus.
`local`, `drift` and `tree` show only reports whose facts all stay, `global` points with a fact that stays; values that
`cypher` returns are those of the full graph.
"""

from __future__ import annotations

import copy

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, field_validator

from kg.language.dates import is_before, normalise_date
from kg.schema import Chunk, Document, Entity, Fact
from models.errors import ConfigError, unknown_name
from models.files.digest import digest
from retrieval.index.graph_index import GraphIndex
from retrieval.index.nearest import CosineSearch
from retrieval.index.search import ArraySearch, SearchVectors
from retrieval.pagerank.exact import transition

Rows = NDArray[np.intp]


class CorpusFilter(BaseModel):
    """The part of a corpus that a search is restricted to.

    Attributes:
        after: First day, in ISO 8601 or as documents write dates; "" for no limit.
        before: Last day, in the same form; "" for no limit.
        types: Entity types, in lower case; empty for all.
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
            raise ValueError(f"Expected a date such as 2031, 2031-05 or 4 May 2031; got {value!r}.")
        return date

    @field_validator("types")
    @classmethod
    def _lower(cls, types: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(name.strip().lower() for name in types)

    def __bool__(self) -> bool:
        return bool(self.after or self.before or self.types)

    def overlaps(self, first: str, last: str) -> bool:
        """Whether a span of time has a day in common with that of the filter; "" is an open end.

        Example:
            >>> CorpusFilter(after="2031-05", before="2031-07").overlaps("2031", "2031-04")
            False
            >>> CorpusFilter(after="2031-05").overlaps("2029", "")
            True
        """
        ended = bool(self.after and last) and is_before(last, self.after)
        begins_later = bool(self.before and first) and is_before(self.before, first)
        return not ended and not begins_later


def restrict(index: GraphIndex, corpus_filter: CorpusFilter) -> GraphIndex:
    """The part of an index that a filter lets through; the index itself if the filter is empty.

    Raises:
        ConfigError: The candidates are searched in the store, or no entity is of the types.
    """
    if not corpus_filter:
        return index
    if not isinstance(index.search, ArraySearch):
        raise ConfigError(
            "A search that is restricted by time or type needs exact arrays. Set search: arrays in the workspace's "
            "settings."
        )
    of_types = _entities_of_types(index, corpus_filter)
    if corpus_filter.types and not of_types.any():
        known = sorted({entity.type for entity in index.store.read(Entity) if entity.type})
        raise ConfigError(unknown_name("entity type", ", ".join(corpus_filter.types), known))
    chunks = _chunks_within(index, corpus_filter, of_types)
    facts = _facts_within(index, corpus_filter, of_types, set(index.chunk_ids[chunks].tolist()))
    stays = of_types.copy() if corpus_filter.types else np.ones(len(index.entity_ids), dtype=bool)
    # A fact needs both its ends, also the one that is of another type.
    stays[index.fact_ends[facts].ravel()] = True
    return _part(index, corpus_filter, chunks, np.flatnonzero(stays), facts)


def _part(index: GraphIndex, corpus_filter: CorpusFilter, chunks: Rows, entities: Rows, facts: Rows) -> GraphIndex:
    """The index with these rows only, numbered from 0."""
    assert isinstance(index.search, ArraySearch)
    part = copy.copy(index)
    part.digest = digest(index.digest, corpus_filter.model_dump())
    part.chunk_ids, part.chunk_vectors = index.chunk_ids[chunks], index.chunk_vectors[chunks]
    part.entity_ids, part.entity_vectors = index.entity_ids[entities], index.entity_vectors[entities]
    part.fact_ids, part.fact_vectors = index.fact_ids[facts], index.fact_vectors[facts]
    part.entity_names = index.entity_names.only(entities)
    new_row = np.full(len(index.entity_ids), -1, dtype=np.int32)  # -1: an entity that does not stay
    new_row[entities] = np.arange(len(entities), dtype=np.int32)
    part.fact_ends = new_row[index.fact_ends[facts]].reshape(-1, 2)
    nodes = np.concatenate([entities, chunks + len(index.entity_ids)])
    # Multiplying the columns by their degrees undoes `transition`: weights of edges again, which are then normalised by
    # the degrees within the part.
    adjacency = index.step.multiply(index.degree[None, :]).tocsr()[nodes][:, nodes]
    part.step = transition(adjacency)
    part.degree = np.asarray(adjacency.sum(axis=0), dtype=np.float64).ravel()
    mentions = adjacency[: len(entities), len(entities) :]
    part.passages_of_entity = np.diff(mentions.indptr).astype(np.int32)
    part.names = _renumbered_names(index.names, new_row)
    part.bm25 = index.bm25.only(chunks)
    kept = {"chunk": chunks, "entity": entities, "fact": facts}
    part.codes = {kind: codes.only(kept[kind]) if codes else None for kind, codes in index.codes.items()}
    part.near_facts = CosineSearch(part.fact_vectors, part.codes["fact"])
    vectors = SearchVectors(part.chunk_ids, part.chunk_vectors, part.entity_ids, part.entity_vectors, part.codes)
    part.search = ArraySearch(vectors, part.bm25, part.names)
    return part


def _renumbered_names(names: dict[str, list[int]], new_row: NDArray[np.int32]) -> dict[str, list[int]]:
    """Names with the new rows of their entities; a name that no entity bears any more is left out."""
    renumbered = {}
    for name, rows in names.items():
        if kept := [int(new_row[row]) for row in rows if new_row[row] >= 0]:
            renumbered[name] = kept
    return renumbered


def _entities_of_types(index: GraphIndex, corpus_filter: CorpusFilter) -> NDArray[np.bool_]:
    """Whether each entity is of one of the types, array (entities,)."""
    ids = {entity.id.encode() for entity in index.store.read(Entity) if entity.type.lower() in corpus_filter.types}
    return np.array([entity_id in ids for entity_id in index.entity_ids.tolist()], dtype=bool)


def _facts_within(
    index: GraphIndex, corpus_filter: CorpusFilter, of_types: NDArray[np.bool_], chunk_ids: set[bytes]
) -> Rows:
    """Rows of the facts that stay, given the ids of the chunks that do."""
    within = set()
    for fact in index.store.read(Fact):
        is_stated = any(span.chunk_id.encode() in chunk_ids for span in fact.evidence)
        if is_stated and corpus_filter.overlaps(fact.valid_from, fact.valid_to):
            within.add(fact.id.encode())
    kept = np.array([fact_id in within for fact_id in index.fact_ids.tolist()], dtype=bool)
    if corpus_filter.types and len(kept):
        kept &= of_types[index.fact_ends].any(axis=1)
    return np.flatnonzero(kept)


def _chunks_within(index: GraphIndex, corpus_filter: CorpusFilter, of_types: NDArray[np.bool_]) -> Rows:
    """Rows of the chunks that stay."""
    kept = np.ones(len(index.chunk_ids), dtype=bool)
    if corpus_filter.after or corpus_filter.before:
        dates = {document.id: document.date for document in index.store.read(Document)}
        date_of = {chunk.id.encode(): dates.get(chunk.document_id, "") for chunk in index.store.read(Chunk)}
        chunk_dates = (date_of.get(chunk_id, "") for chunk_id in index.chunk_ids.tolist())
        kept &= np.array([bool(date) and corpus_filter.overlaps(date, date) for date in chunk_dates], dtype=bool)
    if corpus_filter.types:
        # Neighbours of an entity beyond the entities' rows are the chunks that name it.
        offset = len(index.entity_ids)
        neighbours = index.step[np.flatnonzero(of_types)].indices
        names_type = np.zeros(len(kept), dtype=bool)
        names_type[neighbours[neighbours >= offset] - offset] = True
        kept &= names_type
    return np.flatnonzero(kept)
