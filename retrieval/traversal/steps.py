"""The graph of an index as steps along relations, and walks over it, for the retrievers that go step by step.

A relation can be walked either way. Walks are bounded: by the number of steps, by how many neighbours one relation may
lead to, and by how many walks are kept. They are returned as paths, their facts, and the passages that state these.
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
from retrieval.index.rank import ScoredId
from retrieval.traversal.fused_search import RagSettings, fill_with_fused
from retrieval.types import FactPath, Passage, RetrievedEvidence, RetrievedFact

BACKWARDS = "^"
"""Stands before a relation that is walked from object to subject."""
MASK = "X"
"""Stands in a question in place of the name of its entity."""

RelationPath = tuple[int, ...]
"""A path of relations: numbers of predicates; one walked backwards has the number of predicates added."""
Rows = NDArray[np.int64]


class RelationGraph:
    """The facts of an index as edges that can be walked either way, sorted by entity, relation and neighbour.

    Attributes:
        predicates: The distinct predicates, sorted; the position of a predicate is its number.
        starts: Array (entities + 1,): where the edges of each entity begin.
        steps: Array (2 * facts,): relation of each edge, as in `RelationPath`.
        heads: Array (2 * facts,): entity row to which each edge leads.
        facts: Array (2 * facts,): fact row of each edge.
        positions: Array (2 * facts,): position of each edge among those of the same entity and relation, from 0.
        sizes: Array (2 * facts,): number of edges of the same entity and relation.
    """

    def __init__(self, index: GraphIndex) -> None:
        predicate_of = {fact.id: fact.predicate for fact in index.store.read(Fact)}
        predicates = [predicate_of[fact_id.decode("ascii")] for fact_id in index.fact_ids.tolist()]
        self.predicates = sorted(set(predicates))
        number = {predicate: position for position, predicate in enumerate(self.predicates)}
        forward = np.array([number[predicate] for predicate in predicates], dtype=np.int64)
        ends = index.fact_ends.astype(np.int64)
        tails = np.concatenate([ends[:, 0], ends[:, 1]])
        heads, rows = np.concatenate([ends[:, 1], ends[:, 0]]), np.tile(np.arange(len(ends)), 2)
        steps = np.concatenate([forward, forward + len(self.predicates)])
        order = np.lexsort((rows, heads, steps, tails))  # the last key counts first
        self.steps, self.heads, self.facts = steps[order], heads[order], rows[order]
        self.starts: Rows = np.searchsorted(tails[order], np.arange(len(index.entity_ids) + 1))
        # One number for each pair of entity and relation: edges that share it stand side by side.
        pair = tails[order] * (2 * len(self.predicates)) + self.steps
        _, first, group, counts = np.unique(pair, return_index=True, return_inverse=True, return_counts=True)
        self.positions: Rows = np.arange(len(pair)) - first[group]
        self.sizes: Rows = counts[group]

    def named(self, path: RelationPath) -> tuple[str, ...]:
        """A path in words, "^" before a relation that is walked backwards."""
        count = len(self.predicates)
        return tuple(f"{BACKWARDS if step >= count else ''}{self.predicates[step % count]}" for step in path)

    def numbered(self, path: Sequence[str]) -> RelationPath | None:
        """A path from its words; None if the graph lacks one of its relations."""
        number = {predicate: position for position, predicate in enumerate(self.predicates)}
        steps = []
        for name in path:
            predicate = name.removeprefix(BACKWARDS)
            if predicate not in number:
                return None
            steps.append(number[predicate] + (len(number) if name.startswith(BACKWARDS) else 0))
        return tuple(steps)


@dataclass(frozen=True, slots=True)
class RelationWalks:
    """Walks along one path of relations.

    Attributes:
        nodes: Array (walks, steps + 1): entity rows of each walk, in order.
        facts: Array (walks, steps): fact rows of each walk, in order.
    """

    nodes: Rows
    facts: Rows


def walks_from(rows: Sequence[int]) -> RelationWalks:
    """Walks of no step, one from each entity row."""
    return RelationWalks(np.array(rows, dtype=np.int64)[:, None], np.zeros((len(rows), 0), dtype=np.int64))


def extend_walks(
    graph: RelationGraph, path: RelationPath, walks: RelationWalks, degree: int, max_walks: int
) -> dict[RelationPath, RelationWalks]:
    """All walks one step longer, by path; none visits an entity twice.

    Args:
        graph: The graph.
        path: Path that the walks have followed so far.
        walks: Walks to make longer.
        degree: Maximum number of neighbours by one relation. The first step follows that many of them, in order. Later
            steps leave out a relation that has more: a hub says little about what leads through it.
        max_walks: Maximum number of walks of each new path; the first ones are kept.
    """
    ends = walks.nodes[:, -1]
    counts = graph.starts[ends + 1] - graph.starts[ends]
    # All edges of all ends without a loop; `origin` is the walk that each edge extends. The edges of walk w have the
    # rows from starts[ends[w]] on; cumsum - counts is where walk w begins in the flat array, and is taken off again.
    origin = np.repeat(np.arange(len(ends)), counts)
    edges = np.arange(len(origin)) + np.repeat(graph.starts[ends] - (np.cumsum(counts) - counts), counts)
    bound = graph.sizes if path else graph.positions + 1
    is_new = (walks.nodes[origin] != graph.heads[edges][:, None]).all(axis=1)
    kept = is_new & (bound[edges] <= degree)
    origin, edges = origin[kept], edges[kept]
    if not len(edges):
        return {}
    order = np.argsort(graph.steps[edges], kind="stable")
    steps, first = np.unique(graph.steps[edges][order], return_index=True)
    longer = {}
    for step, group in zip(steps.tolist(), np.split(order, first[1:]), strict=True):
        some = group[:max_walks]
        nodes = np.column_stack([walks.nodes[origin[some]], graph.heads[edges[some]]])
        facts = np.column_stack([walks.facts[origin[some]], graph.facts[edges[some]]])
        longer[*path, step] = RelationWalks(nodes, facts)
    return longer


class ResultSettings(Protocol):
    """Settings that the retrievers of walks have in common for what they return."""

    rag: RagSettings
    facts: int


def evidence_of_walks(
    index: GraphIndex, question: str, walks: Sequence[tuple[float, Sequence[int]]], limit: int, settings: ResultSettings
) -> RetrievedEvidence:
    """Walks as a retriever returns them.

    Args:
        index: The graph.
        question: Text of the question.
        walks: Score and fact rows of each walk, best first.
        limit: Maximum number of passages: those that state the walks' facts, then those of plain RAG.
        settings: Settings of plain RAG, and the number of facts.
    """
    scored_ids = []
    for score, rows in walks:
        scored_ids.append((score, [index.fact_ids[row].decode("ascii") for row in rows]))
    # A fact of several walks has the score of the best of them, which comes first.
    best: dict[str, float] = {}
    for score, fact_ids in scored_ids:
        for fact_id in fact_ids:
            best.setdefault(fact_id, score)
    ranking = [ScoredId(fact_id, score) for fact_id, score in best.items()]
    facts = {fact.fact_id: fact for fact in index.facts(ranking)}
    paths = []
    for score, fact_ids in scored_ids:
        paths.append(FactPath(tuple(facts[fact_id] for fact_id in fact_ids), score))
    passages = _with_evidence(index, question, list(facts.values()), limit, settings.rag)
    return RetrievedEvidence(passages, tuple(facts.values())[: settings.facts], paths=tuple(paths))


def named_starts(index: GraphIndex, question: str) -> list[tuple[list[int], str]]:
    """Entities that a question names, the longest name first, each with the question in which the name is masked.

    Of entities whose names differ only in case, those named as the question writes it, if there are any.

    Returns:
        Entity rows of one name, and the masked question.
    """
    row_of = {index.entity_ids[row].decode("ascii"): row for row in sorted(index.search.named_entities(question))}
    by_span: defaultdict[tuple[int, int], list[tuple[bool, int]]] = defaultdict(list)
    for entity in index.store.read(Entity, list(row_of)):
        span, is_exact = _span(question, (entity.name, *entity.aliases))
        by_span[span].append((is_exact, row_of[entity.id]))
    starts = []
    for start, end in sorted(by_span, key=_longest_first):
        entities = by_span[start, end]
        best = max(is_exact for is_exact, _ in entities)
        masked = f"{question[:start]}{MASK}{question[end:]}" if end else question
        starts.append(([row for is_exact, row in entities if is_exact == best], masked))
    return starts


def _longest_first(span: tuple[int, int]) -> tuple[int, tuple[int, int]]:
    start, end = span
    return start - end, span


def _span(question: str, names: Sequence[str]) -> tuple[tuple[int, int], bool]:
    """Span of the longest of the names in the question, and whether in the same case; (0, 0) if none is there.

    A name may be missing although a search found its entity, which compares terms and not characters.
    """
    for name in sorted(names, key=lambda name: (-len(name), name)):
        for text, is_exact in ((question, True), (question.lower(), False)):
            match = re.search(rf"(?<!\w){re.escape(name if is_exact else name.lower())}(?!\w)", text)
            # Lower case may change the length ("İ"): a span of such a text says nothing about the question.
            if match and len(text) == len(question):
                return match.span(), is_exact
    return (0, 0), False


def _with_evidence(
    index: GraphIndex, question: str, facts: Sequence[RetrievedFact], limit: int, rag: RagSettings
) -> tuple[Passage, ...]:
    """At most `limit` passages: those that state the facts, in their order, then those of plain RAG."""
    chunk_ids = dict.fromkeys(fact.chunk_id for fact in facts if index.has_chunk(fact.chunk_id))
    # Scores above 1 stay above those of plain RAG, which are sums of 1 / (k + rank).
    ranked = [ScoredId(chunk_id, 1.0 + 1.0 / rank) for rank, chunk_id in enumerate(chunk_ids, 1)][:limit]
    if len(ranked) < limit:
        ranked = fill_with_fused(ranked, index, question, index.encode_question(question), limit, rag)
    return index.passages(ranked)
