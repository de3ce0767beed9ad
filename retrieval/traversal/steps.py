"""The graph of an index as steps along relations, and walks over it, for the retrievers that go step by step.

A relation can be walked either way. Walks are bounded: by the number of steps, by how many neighbours one relation may
lead to, and by how many walks are kept. What they find is returned as paths, their facts, and the passages that state
these.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from kg.schema import Entity, Fact
from retrieval.index.graph_index import GraphIndex
from retrieval.index.rank import Scored
from retrieval.traversal.fused_search import HybridSettings, filled_up
from retrieval.types import FoundFact, Passage, Path, Retrieved

BACKWARDS = "^"
MASK = "X"
"""Stands in a question where the name of its entity stood."""

Steps = tuple[int, ...]
"""A path of relations: numbers of predicates; that of one walked backwards is higher by their count."""
Rows = NDArray[np.int64]


class Relations:
    """The facts of an index as edges that can be walked either way, sorted by entity, relation and neighbour.

    Attributes:
        predicates: In the order of their numbers.
        starts: Array (entities + 1,): where the edges of each entity begin.
        steps: Array (2 * facts,): the relation of each edge; likewise `heads`, entity rows, and `facts`, fact rows.
        places: Array (2 * facts,): of each edge among those of the same entity and relation, from 0.
        sizes: Array (2 * facts,): how many these are.
    """

    def __init__(self, index: GraphIndex) -> None:
        of_fact = {fact.id: fact.predicate for fact in index.store.read(Fact)}
        said = [of_fact[key.decode("ascii")] for key in index.fact_ids.tolist()]
        self.predicates = sorted(set(said))
        number = {predicate: place for place, predicate in enumerate(self.predicates)}
        forward = np.array([number[predicate] for predicate in said], dtype=np.int64)
        ends = index.fact_ends.astype(np.int64)
        tails = np.concatenate([ends[:, 0], ends[:, 1]])
        heads, rows = np.concatenate([ends[:, 1], ends[:, 0]]), np.tile(np.arange(len(ends)), 2)
        steps = np.concatenate([forward, forward + len(self.predicates)])
        order = np.lexsort((rows, heads, steps, tails))
        self.steps, self.heads, self.facts = steps[order], heads[order], rows[order]
        self.starts: Rows = np.searchsorted(tails[order], np.arange(len(index.entity_ids) + 1))
        same = tails[order] * (2 * len(self.predicates)) + self.steps
        _, first, place, counts = np.unique(same, return_index=True, return_inverse=True, return_counts=True)
        self.places: Rows = np.arange(len(same)) - first[place]
        self.sizes: Rows = counts[place]

    def named(self, path: Steps) -> tuple[str, ...]:
        """A path in words."""
        count = len(self.predicates)
        return tuple(f"{BACKWARDS if step >= count else ''}{self.predicates[step % count]}" for step in path)

    def numbered(self, path: Sequence[str]) -> Steps | None:
        """A path from its words; None if the graph has no such relation."""
        number = {predicate: place for place, predicate in enumerate(self.predicates)}
        bare = [name.removeprefix(BACKWARDS) for name in path]
        if not all(name in number for name in bare):
            return None
        back = (len(number) * name.startswith(BACKWARDS) for name in path)
        return tuple(number[name] + extra for name, extra in zip(bare, back, strict=True))


@dataclass(frozen=True, slots=True)
class Walks:
    """Walks along one path of relations: entity rows, array (n, steps + 1), and fact rows, array (n, steps)."""

    nodes: Rows
    facts: Rows


def walks_from(rows: Sequence[int]) -> Walks:
    """Walks of no step, one for each entity row."""
    return Walks(np.array(rows, dtype=np.int64)[:, None], np.zeros((len(rows), 0), dtype=np.int64))


def walk_on(relations: Relations, path: Steps, walks: Walks, degree: int, most: int) -> dict[Steps, Walks]:
    """All walks one step longer, by path; none visits an entity twice.

    Args:
        relations: The graph.
        path: That the walks have followed.
        walks: Those to make longer.
        degree: Most neighbours by one relation: the first step follows the first of them, later ones leave a relation
            out that has more, since a hub says little of what leads through it.
        most: Walks kept of each new path, the first of them.
    """
    ends = walks.nodes[:, -1]
    counts = relations.starts[ends + 1] - relations.starts[ends]
    origin = np.repeat(np.arange(len(ends)), counts)
    edges = np.arange(len(origin)) + np.repeat(relations.starts[ends] - (np.cumsum(counts) - counts), counts)
    bound = relations.sizes if path else relations.places + 1
    new = (walks.nodes[origin] != relations.heads[edges][:, None]).all(axis=1) & (bound[edges] <= degree)
    origin, edges = origin[new], edges[new]
    order = np.argsort(relations.steps[edges], kind="stable")
    steps, first = np.unique(relations.steps[edges][order], return_index=True)
    found = {}
    for step, part in zip(steps.tolist(), np.split(order, first[1:]), strict=True) if len(steps) else ():
        some = part[:most]
        nodes = np.column_stack([walks.nodes[origin[some]], relations.heads[edges[some]]])
        found[*path, step] = Walks(nodes, np.column_stack([walks.facts[origin[some]], relations.facts[edges[some]]]))
    return found


class Returned(Protocol):
    """What both retrievers let a user set of their answer."""

    rag: HybridSettings
    facts: int


def found_walks(
    index: GraphIndex, question: str, walks: Sequence[tuple[float, Sequence[int]]], limit: int, settings: Returned
) -> Retrieved:
    """Walks as a retriever returns them.

    Args:
        index: The graph.
        question: Its words.
        walks: Scores, and the fact rows of each walk, best first.
        limit: Most passages: those that hold the walks' facts, then plain RAG's.
        settings: Plain search and number of facts.
    """
    ids = [(score, [index.fact_ids[row].decode("ascii") for row in rows]) for score, rows in walks]
    best: dict[str, float] = {}
    for score, keys in ids:
        for key in keys:
            best.setdefault(key, score)
    facts = {fact.fact_id: fact for fact in index.facts([Scored(key, score) for key, score in best.items()])}
    paths = tuple(Path(tuple(facts[key] for key in keys), score) for score, keys in ids)
    passages = _with_evidence(index, question, list(facts.values()), limit, settings.rag)
    return Retrieved(passages, tuple(facts.values())[: settings.facts], paths=paths)


def named_starts(index: GraphIndex, question: str) -> list[tuple[list[int], str]]:
    """Entities that a question names, the longest name first, each with the question in which the name is masked.

    Of entities of one name in different case, those named as the question writes it, where there are any.

    Returns:
        Entity rows of one name, and the masked question.
    """
    rows = sorted(index.search.named_entities(question))
    entities = index.store.read(Entity, [index.entity_ids[row].decode("ascii") for row in rows])
    row_of = {index.entity_ids[row].decode("ascii"): row for row in rows}
    spans: defaultdict[tuple[int, int], list[tuple[bool, int]]] = defaultdict(list)
    for entity in entities:
        span, exact = _span(question, (entity.name, *entity.aliases))
        spans[span].append((exact, row_of[entity.id]))
    starts = []
    for (start, end), found in sorted(spans.items(), key=lambda each: (each[0][0] - each[0][1], each[0])):
        best = max(exact for exact, _ in found)
        masked = f"{question[:start]}{MASK}{question[end:]}" if end else question
        starts.append(([row for exact, row in found if exact == best], masked))
    return starts


def _span(question: str, names: Sequence[str]) -> tuple[tuple[int, int], bool]:
    """Where the longest of the names stands, and whether in the same case; (0, 0) where none is there word for word."""
    for name in sorted(names, key=lambda each: (-len(each), each)):
        for text, exact in ((question, True), (question.lower(), False)):
            match = re.search(rf"(?<!\w){re.escape(name if exact else name.lower())}(?!\w)", text)
            if match and len(text) == len(question):
                return match.span(), exact
    return (0, 0), False


def _with_evidence(
    index: GraphIndex, question: str, facts: Sequence[FoundFact], limit: int, rag: HybridSettings
) -> tuple[Passage, ...]:
    """At most `limit` passages: those that hold the evidence of facts, in their order, then plain RAG's."""
    held = dict.fromkeys(fact.chunk_id for fact in facts if index.has_chunk(fact.chunk_id))
    found = [Scored(chunk_id, 1.0 + 1.0 / place) for place, chunk_id in enumerate(held, 1)][:limit]
    if len(found) < limit:
        found = filled_up(found, index, question, index.encode_question(question), limit, rag)
    return index.passages(found)
