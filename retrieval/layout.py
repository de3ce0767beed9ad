"""The rows of a store as arrays: which number each row gets, and the graph that walks run on.

Nodes of the graph are the entities, then the chunks, both in the order of their ids. An entity and a
chunk share an edge of weight 1 if the chunk is evidence for the entity or for one of its facts; two
entities share an edge whose weight is the number of facts between them. Direction is dropped, since
a question may ask from either end. Source: the passage and relation edges of Gutiérrez et al. 2025 (HippoRAG 2).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kg.schema import Chunk, Document, Entity, Fact
from kg.store import GraphStore
from retrieval.terms import terms
from retrieval.texts import entity_text, fact_text, headed

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


@dataclass(frozen=True, slots=True)
class Layout:
    """A store laid out in rows.

    Attributes:
        chunk_ids: Sorted; a chunk's place is its row.
        chunk_texts: What is embedded and searched: title, date and text.
        entity_ids: Sorted.
        entity_texts: Name and type.
        fact_ids: Sorted.
        fact_texts: Subject, predicate, object.
        fact_ends: Array (facts, 2), int32: rows of subject and object.
        adjacency: Shape (entities + chunks,) * 2, symmetric, float64.
        names: Terms of every name and alias, joined by spaces, to the rows of the entities that bear it.
    """

    chunk_ids: list[str]
    chunk_texts: list[str]
    entity_ids: list[str]
    entity_texts: list[str]
    fact_ids: list[str]
    fact_texts: list[str]
    fact_ends: NDArray[np.int32]
    adjacency: csr_matrix
    names: dict[str, list[int]]


def lay_out(store: GraphStore) -> Layout:
    """Read every chunk, entity and fact of a store; a fact whose ends are unknown is left out."""
    headings = {document.id: (document.title, document.date) for document in store.read(Document)}
    chunk_ids, chunk_texts = _chunks(store, headings)
    entities = sorted(store.read(Entity), key=lambda entity: entity.id)
    row_of = {entity.id: row for row, entity in enumerate(entities)}
    facts = sorted(
        (fact for fact in store.read(Fact) if fact.subject_id in row_of and fact.object_id in row_of),
        key=lambda fact: fact.id,
    )
    ends = np.array([[row_of[f.subject_id], row_of[f.object_id]] for f in facts], dtype=np.int32).reshape(-1, 2)
    return Layout(
        chunk_ids=chunk_ids,
        chunk_texts=chunk_texts,
        entity_ids=[entity.id for entity in entities],
        entity_texts=[entity_text(entity) for entity in entities],
        fact_ids=[fact.id for fact in facts],
        fact_texts=[
            fact_text(entities[s].name, fact.predicate, entities[o].name)
            for fact, (s, o) in zip(facts, ends.tolist(), strict=True)
        ],
        fact_ends=ends,
        adjacency=_adjacency(entities, facts, ends, chunk_ids),
        names=_names(entities),
    )


def _chunks(store: GraphStore, headings: dict[str, tuple[str, str]]) -> tuple[list[str], list[str]]:
    chunks = sorted(store.read(Chunk), key=lambda chunk: chunk.id)
    texts = [headed(*headings.get(chunk.document_id, ("", "")), chunk.text) for chunk in chunks]
    return [chunk.id for chunk in chunks], texts


def _adjacency(entities: Sequence[Entity], facts: Sequence[Fact], ends: NDArray[np.int32], chunks: list[str]) -> Any:
    from scipy.sparse import coo_matrix

    chunk_node = {chunk_id: len(entities) + row for row, chunk_id in enumerate(chunks)}
    weight: defaultdict[tuple[int, int], float] = defaultdict(float)
    for row, entity in enumerate(entities):
        for evidence in entity.evidence:
            if evidence.chunk_id in chunk_node:
                weight[row, chunk_node[evidence.chunk_id]] = 1.0
    for fact, (subject, object_) in zip(facts, ends.tolist(), strict=True):
        if subject != object_:
            weight[min(subject, object_), max(subject, object_)] += 1.0
        for evidence in fact.evidence:
            if evidence.chunk_id in chunk_node:
                weight[subject, chunk_node[evidence.chunk_id]] = 1.0
                weight[object_, chunk_node[evidence.chunk_id]] = 1.0
    size = len(entities) + len(chunks)
    pairs = np.array(list(weight), dtype=np.int32).reshape(-1, 2)
    values = np.fromiter(weight.values(), dtype=np.float64, count=len(weight))
    rows, columns = np.concatenate([pairs, pairs[:, ::-1]]).T
    matrix = coo_matrix((np.concatenate([values, values]), (rows, columns)), shape=(size, size)).tocsr()
    matrix.sort_indices()
    return matrix


def _names(entities: Iterable[Entity]) -> dict[str, list[int]]:
    names: defaultdict[str, list[int]] = defaultdict(list)
    for row, entity in enumerate(entities):
        for key in sorted({" ".join(terms(name)) for name in (entity.name, *entity.aliases)} - {""}):
            names[key].append(row)
    return dict(names)
