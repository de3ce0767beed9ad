"""The content of a store in rows: which number each chunk, entity and fact gets, and the graph that walks run on.

Nodes of the graph are the entities, then the chunks, both in the order of their ids. An entity and a chunk share an
edge of weight 1 if the chunk is evidence for the entity or for one of its facts; two entities share an edge whose
weight is the number of facts between them. Direction is dropped, since a question may start from either end.

Source: the passage and relation edges of Gutiérrez et al. 2025 (HippoRAG 2).
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
class IndexLayout:
    """The content of a store in rows.

    Attributes:
        chunk_ids: Ids of the chunks, sorted; the position of an id is its row.
        chunk_texts: Texts of the chunks as embedded and searched: title, date and text.
        entity_ids: Ids of the entities, sorted.
        entity_names: Names of the entities as written.
        entity_texts: Texts of the entities as embedded: name and type.
        fact_ids: Ids of the facts, sorted.
        fact_texts: Texts of the facts as embedded: subject, predicate, object.
        fact_ends: Array (facts, 2), int32: entity rows of subject and object.
        adjacency: Edge weights, shape (entities + chunks, entities + chunks), symmetric, float64.
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


def lay_out(store: GraphStore) -> IndexLayout:
    """Read every chunk, entity and fact of a store, one at a time; a fact whose ends are unknown is left out."""
    passages = passage_texts(store)
    chunk_ids, chunk_texts = list(passages), list(passages.values())
    edges = _Edges(chunk_ids)
    entity_ids, entity_texts, entity_names = [], [], []
    names: defaultdict[str, list[int]] = defaultdict(list)
    for row, entity in enumerate(store.read(Entity)):
        entity_ids.append(entity.id)
        entity_texts.append(entity_text(entity))
        entity_names.append(entity.name)
        edges.add_mentions(row, entity.evidence)
        for key in names_of(entity):
            names[key].append(row)
    row_of = {entity_id: row for row, entity_id in enumerate(entity_ids)}
    fact_ids, fact_texts, ends = [], [], array("i")  # four bytes a number: there may be millions of facts
    for fact in store.read(Fact):
        subject, object_ = row_of.get(fact.subject_id), row_of.get(fact.object_id)
        if subject is None or object_ is None:
            continue
        fact_ids.append(fact.id)
        fact_texts.append(fact_text(entity_names[subject], fact.predicate, entity_names[object_]))
        ends.extend((subject, object_))
        edges.add_fact(subject, object_)
        edges.add_mentions(subject, fact.evidence)
        edges.add_mentions(object_, fact.evidence)
    return IndexLayout(
        chunk_ids=chunk_ids,
        chunk_texts=chunk_texts,
        entity_ids=entity_ids,
        entity_names=entity_names,
        entity_texts=entity_texts,
        fact_ids=fact_ids,
        fact_texts=fact_texts,
        fact_ends=np.array(ends, dtype=np.int32).reshape(-1, 2),
        adjacency=edges.matrix(len(entity_ids)),
        names=dict(names),
    )


class _Edges:
    """Collects the edges of the graph as pairs of row numbers, in flat arrays."""

    def __init__(self, chunk_ids: Sequence[str]) -> None:
        self._chunk_row = {chunk_id: row for row, chunk_id in enumerate(chunk_ids)}
        self._mentions = array("q")
        self._facts = array("q")

    def add_mentions(self, entity: int, evidence: Iterable[Evidence]) -> None:
        """Join an entity to the chunks that name it; unknown chunks are left out."""
        for span in evidence:
            if (chunk := self._chunk_row.get(span.chunk_id)) is not None:
                self._mentions.extend((entity, chunk))

    def add_fact(self, one: int, other: int) -> None:
        """Join two entities by a fact; a fact that joins an entity to itself is no edge."""
        if one != other:
            # The lower row first, so that facts in either direction add up on one edge.
            self._facts.extend((min(one, other), max(one, other)))

    def matrix(self, entities: int) -> csr_matrix:
        """The adjacency matrix, shape (entities + chunks, entities + chunks), symmetric."""
        from scipy.sparse import coo_matrix

        size = entities + len(self._chunk_row)
        mentions, _ = _count_pairs(self._mentions, size)
        mentions[:, 1] += entities  # nodes of chunks follow those of entities
        joined, facts = _count_pairs(self._facts, size)
        pairs = np.concatenate([mentions, joined])
        # However often a chunk names an entity, it counts once; facts between two entities add up.
        weights = np.concatenate([np.ones(len(mentions)), facts.astype(np.float64)])
        rows, columns = np.concatenate([pairs, pairs[:, ::-1]]).T
        matrix = coo_matrix((np.concatenate([weights, weights]), (rows, columns)), shape=(size, size)).tocsr()
        matrix.sort_indices()
        return matrix


def _count_pairs(flat: array[int], size: int) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Distinct pairs, array (n, 2), of numbers below `size`, and how often each occurs, array (n,)."""
    # A pair becomes one number, since sorting numbers is several times as fast as sorting rows.
    pairs = np.array(flat, dtype=np.int64).reshape(-1, 2)
    keys, counts = np.unique(pairs[:, 0] * max(size, 1) + pairs[:, 1], return_counts=True)
    return np.stack(np.divmod(keys, max(size, 1)), axis=1).astype(np.int32), counts
