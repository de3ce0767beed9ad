"""Removes a few documents from a graph in memory: what is left, and which entities the removal leaves untouched."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from kg.schema import Entity, Evidence, Fact
from kg.stores.protocol import GraphStore


@dataclass(frozen=True, slots=True)
class EditPlan:
    """Which edits are tried, and in how many processes the graph is divided again.

    Attributes:
        edits: Number of random edits.
        share: Share of the documents that an edit removes; at least one document.
        hash_seeds: Number of hash seeds of Python under which the graph is divided, each with two thread counts.
        seed: Seed of the choice of documents.
    """

    edits: int = 5
    share: float = 0.01
    hash_seeds: int = 2
    seed: int = 0


@dataclass(frozen=True, slots=True)
class GraphRows:
    """The entities and facts that are divided into communities."""

    entities: tuple[Entity, ...]
    facts: tuple[Fact, ...]

    @classmethod
    def of(cls, store: GraphStore) -> GraphRows:
        """The graph of a store."""
        return cls(tuple(store.read(Entity)), tuple(store.read(Fact)))


def documents_to_remove(documents: Sequence[str], plan: EditPlan) -> list[set[str]]:
    """Ids of the documents that each edit removes."""
    count = max(1, round(plan.share * len(documents)))
    # A seed of its own for every edit: with more edits, the first ones stay the same. Sorted, since the order in which
    # a store lists its documents must not change the choice.
    return [set(random.Random(f"{plan.seed} {edit}").sample(sorted(documents), count)) for edit in range(plan.edits)]


def graph_without(graph: GraphRows, document_of: Mapping[str, str], removed: set[str]) -> GraphRows:
    """The graph without the evidence in some documents, and without what has no other evidence.

    Args:
        graph: The whole graph.
        document_of: Id of the document of every chunk, by chunk id.
        removed: Ids of the documents that are removed.
    """

    def remaining(evidence: Iterable[Evidence]) -> tuple[Evidence, ...]:
        return tuple(span for span in evidence if document_of[span.chunk_id] not in removed)

    entities = [replace(entity, evidence=remaining(entity.evidence)) for entity in graph.entities]
    entities = [entity for entity in entities if entity.evidence]
    ids = {entity.id for entity in entities}
    facts = [replace(fact, evidence=remaining(fact.evidence)) for fact in graph.facts]
    facts = [fact for fact in facts if fact.evidence and {fact.subject_id, fact.object_id} <= ids]
    return GraphRows(tuple(entities), tuple(facts))


def untouched_by(graph: GraphRows, document_of: Mapping[str, str], removed: set[str]) -> set[str]:
    """Ids of the entities that the removed documents neither mention nor state a fact about."""

    def touches(evidence: Iterable[Evidence]) -> bool:
        return any(document_of[span.chunk_id] in removed for span in evidence)

    touched = {entity.id for entity in graph.entities if touches(entity.evidence)}
    for fact in graph.facts:
        if touches(fact.evidence):
            touched |= {fact.subject_id, fact.object_id}
    return {entity.id for entity in graph.entities} - touched
