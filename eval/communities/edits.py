"""A few documents taken away, on paper: what is left of the graph, and which entities that leaves untouched."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from kg.schema import Entity, Evidence, Fact
from kg.stores.protocol import GraphStore


@dataclass(frozen=True, slots=True)
class EditPlan:
    """What is tried.

    Attributes:
        edits: Number of random edits.
        share: Share of the documents that an edit takes away; one document at least.
        hash_seeds: Hash seeds of Python under which the division is made anew, each with two thread counts.
        seed: Seed of the choice of documents.
    """

    edits: int = 5
    share: float = 0.01
    hash_seeds: int = 2
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Graph:
    """What is divided into communities."""

    entities: tuple[Entity, ...]
    facts: tuple[Fact, ...]

    @classmethod
    def of(cls, store: GraphStore) -> Graph:
        """The graph of a store."""
        return cls(tuple(store.read(Entity)), tuple(store.read(Fact)))


def choices(documents: Sequence[str], plan: EditPlan) -> list[set[str]]:
    """The documents that each edit takes away."""
    count = max(1, round(plan.share * len(documents)))
    return [set(random.Random(f"{plan.seed} {edit}").sample(sorted(documents), count)) for edit in range(plan.edits)]


def without(graph: Graph, document_of: Mapping[str, str], gone: set[str]) -> Graph:
    """The graph without what only the documents say."""

    def kept(evidence: Iterable[Evidence]) -> tuple[Evidence, ...]:
        return tuple(each for each in evidence if document_of[each.chunk_id] not in gone)

    entities = tuple(replace(row, evidence=kept(row.evidence)) for row in graph.entities if kept(row.evidence))
    there = {row.id for row in entities}
    facts = (replace(row, evidence=kept(row.evidence)) for row in graph.facts if kept(row.evidence))
    return Graph(entities, tuple(row for row in facts if {row.subject_id, row.object_id} <= there))


def untouched_by(graph: Graph, document_of: Mapping[str, str], gone: set[str]) -> set[str]:
    """Entities of which the documents say nothing."""

    def touches(evidence: Iterable[Evidence]) -> bool:
        return any(document_of[each.chunk_id] in gone for each in evidence)

    touched = {row.id for row in graph.entities if touches(row.evidence)}
    touched |= {end for row in graph.facts if touches(row.evidence) for end in (row.subject_id, row.object_id)}
    return {row.id for row in graph.entities} - touched
