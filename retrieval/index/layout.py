"""The rows of a store as arrays: which number each row gets, and the graph that walks run on.

Nodes of the graph are the entities, then the chunks, both in the order of their ids. An entity and a
chunk share an edge of weight 1 if the chunk is evidence for the entity or for one of its facts; two
entities share an edge whose weight is the number of facts between them. Direction is dropped, since
a question may ask from either end. Source: the passage and relation edges of Gutiérrez et al. 2025 (HippoRAG 2).
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kg.schema import Entity, Evidence, Fact
from kg.stores.protocol import GraphStore
from retrieval.text.names import names_of
from retrieval.text.texts import entity_text, fact_text, passage_texts

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


@dataclass(frozen=True, slots=True)
class Layout:
    """A store laid out in rows.

    Attributes:
        chunk_ids: Sorted; a chunk's place is its row.
        chunk_texts: What is embedded and searched: title, date and text.
        entity_ids: Sorted.
        entity_names: As written.
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
    entity_names: list[str]
    entity_texts: list[str]
    fact_ids: list[str]
    fact_texts: list[str]
    fact_ends: NDArray[np.int32]
    adjacency: csr_matrix
    names: dict[str, list[int]]


def lay_out(store: GraphStore) -> Layout:
    """Read every chunk, entity and fact of a store, one at a time; a fact whose ends are unknown is left out."""
    passages = passage_texts(store)
    chunk_ids, chunk_texts = list(passages), list(passages.values())
    edges = _Edges(chunk_ids)
    entity_ids, entity_texts, shown = [], [], []
    names: defaultdict[str, list[int]] = defaultdict(list)
    for row, entity in enumerate(store.read(Entity)):
        entity_ids.append(entity.id)
        entity_texts.append(entity_text(entity))
        shown.append(entity.name)
        edges.name(row, entity.evidence)
        for key in names_of(entity):
            names[key].append(row)
    row_of = {entity_id: row for row, entity_id in enumerate(entity_ids)}
    fact_ids, fact_texts, ends = [], [], array("i")
    for fact in store.read(Fact):
        subject, object_ = row_of.get(fact.subject_id), row_of.get(fact.object_id)
        if subject is None or object_ is None:
            continue
        fact_ids.append(fact.id)
        fact_texts.append(fact_text(shown[subject], fact.predicate, shown[object_]))
        ends.extend((subject, object_))
        edges.join(subject, object_)
        edges.name(subject, fact.evidence)
        edges.name(object_, fact.evidence)
    return Layout(
        chunk_ids=chunk_ids,
        chunk_texts=chunk_texts,
        entity_ids=entity_ids,
        entity_names=shown,
        entity_texts=entity_texts,
        fact_ids=fact_ids,
        fact_texts=fact_texts,
        fact_ends=np.array(ends, dtype=np.int32).reshape(-1, 2),
        adjacency=edges.matrix(len(entity_ids)),
        names=dict(names),
    )


class _Edges:
    """Edges of the graph as they are read, as numbers of their ends."""

    def __init__(self, chunk_ids: Sequence[str]) -> None:
        self._chunk_row = {chunk_id: row for row, chunk_id in enumerate(chunk_ids)}
        self._named = array("q")
        self._joined = array("q")

    def name(self, entity: int, evidence: Iterable[Evidence]) -> None:
        """An entity is named in some chunks; unknown ones are left out."""
        for each in evidence:
            if (chunk := self._chunk_row.get(each.chunk_id)) is not None:
                self._named.extend((entity, chunk))

    def join(self, one: int, other: int) -> None:
        """A fact joins two entities; one that joins an entity to itself is no edge."""
        if one != other:
            self._joined.extend((min(one, other), max(one, other)))

    def matrix(self, entities: int) -> csr_matrix:
        """Shape (entities + chunks,) * 2, symmetric."""
        from scipy.sparse import coo_matrix

        size = entities + len(self._chunk_row)
        named, _ = _counted(self._named, size)
        named[:, 1] += entities
        joined, facts = _counted(self._joined, size)
        pairs = np.concatenate([named, joined])
        weights = np.concatenate([np.ones(len(named)), facts.astype(np.float64)])
        rows, columns = np.concatenate([pairs, pairs[:, ::-1]]).T
        matrix = coo_matrix((np.concatenate([weights, weights]), (rows, columns)), shape=(size, size)).tocsr()
        matrix.sort_indices()
        return matrix


def _counted(flat: array[int], size: int) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Distinct pairs, array (n, 2), of numbers below `size`, and how often each is there."""
    pairs = np.array(flat, dtype=np.int64).reshape(-1, 2)
    keys, counts = np.unique(pairs[:, 0] * max(size, 1) + pairs[:, 1], return_counts=True)
    return np.stack(np.divmod(keys, max(size, 1)), axis=1).astype(np.int32), counts
