"""The `coe` retriever: walks found by a chain of explorations, which chooses one relation after another.

Source: Sanmartin 2024 (KG-RAG), section 3.3, Chain of Explorations.

It starts at the entity that a question names. Each step looks up the relations around the walks so far, and keeps those
nearest to what no earlier step has explained of the question; then it looks up the entities there, and keeps those
whose facts are nearest to the question. A chain ends when no relation explains any more. It calls no language
model: the look-ups by embedding that the authors give their model as candidates decide alone, and what an earlier step
explained is subtracted from the question's vector instead of being told to a model. With example questions, look-ups of
relations learn which step questions mean at which position, and which chains are complete.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from pydantic import Field

from models.protocols import Vectors
from retrieval.index.graph_index import GraphIndex
from retrieval.index.rank import top_rows
from retrieval.traversal.planner import ExampleRetriever, ExampleSettings, StepScores
from retrieval.traversal.steps import (
    MASK,
    RelationPath,
    RelationWalks,
    evidence_of_walks,
    extend_walks,
    named_starts,
    walks_from,
)
from retrieval.types import RetrievedEvidence

_MAX_WALKS = 5000
"""Maximum number of walks that are considered along one path of relations."""


class CoeSettings(ExampleSettings):
    """Settings of `coe`, in addition to those that it shares with `paths`.

    Attributes:
        relations: Number of relations kept at each step of a chain.
        chains: Number of chains that are followed at each step.
        nodes: Number of entities kept at each step of a chain.
        threshold: Minimum cosine similarity of a relation and the unexplained rest of the question for a chain to
            continue; without effect if there are example questions.
    """

    relations: int = Field(default=3, ge=1)
    chains: int = Field(default=5, ge=1)
    nodes: int = Field(default=100, ge=1)
    threshold: float = Field(default=0.2, ge=-1, le=1)


@dataclass(frozen=True, slots=True)
class _Chain:
    """A chain of explorations.

    Attributes:
        path: Relations chosen so far.
        score: How much of the question they explain.
        left: Vector of what they leave unexplained, array (dimension,).
        walks: Walks along the path.
    """

    path: RelationPath
    score: float
    left: Vectors
    walks: RelationWalks


class CoeRetriever(ExampleRetriever):
    """Walks by look-ups of relations and entities, the facts of these walks, and their passages."""

    name = "coe"
    Settings = CoeSettings

    def __init__(self, index: GraphIndex, settings: CoeSettings) -> None:
        super().__init__(index, settings)
        self._settings = settings

    @cached_property
    def _vectors(self) -> Vectors:
        """Every relation as a question would word it, forwards, then backwards: array (2 * predicates, dimension)."""
        predicates = self._graph.predicates
        forwards = [f"{MASK} {predicate} what" for predicate in predicates]
        backwards = [f"what {predicate} {MASK}" for predicate in predicates]
        return self._index.encoder.encode(forwards + backwards, "query")

    def retrieve(self, question: str, limit: int) -> RetrievedEvidence:
        """Find walks from an entity that the question names, and at most `limit` passages; plain ones if it names none.

        A walk's score is what its chain explains of the question, or how well the chain fits if look-ups have learnt
        from examples; among walks of one chain, those whose last fact is nearest to the question come first.
        """
        vector = self._index.encode_question(question)
        chains: list[_Chain] = []
        for rows, masked in named_starts(self._index, question):
            # The longest name is the most specific; a shorter one counts only if nothing leads on from it.
            if chains := self._explore(rows, masked, vector):
                break
        walks = [(chain.score, facts) for chain in chains for facts in chain.walks.facts.tolist()]
        return evidence_of_walks(self._index, question, walks[: self._settings.paths], limit, self._settings)

    def _explore(self, rows: Sequence[int], masked: str, vector: Vectors) -> list[_Chain]:
        """Chains from these entity rows that may end, those that explain most first.

        Args:
            rows: Entities that the question names.
            masked: The question with their name masked.
            vector: Embedding of the question as written, array (dimension,).
        """
        step_scores = self._trained_planner.step_scores(masked) if self._trained_planner else None
        chains = [_Chain((), 0.0, self._index.encode_question(masked), walks_from(rows))]
        ended: list[_Chain] = []
        for hop in range(1, self._settings.hops + 1):
            longer = [extended for chain in chains for extended in self._extend(chain, vector, step_scores)]
            longer.sort(key=lambda chain: (-round(chain.score, 6), chain.path))
            chains = longer[: self._settings.chains]  # a beam over paths, ties by path
            if hop >= self._settings.least_hops:
                ended += chains
        if step_scores:
            # Sums over steps favour short chains, since each step adds a negative logarithm; the fit of complete paths
            # also knows the number of steps.
            scores = step_scores.score_paths([chain.path for chain in ended]).tolist()
            ended = [replace(chain, score=score) for chain, score in zip(ended, scores, strict=True)]
        return sorted(ended, key=lambda chain: (-round(chain.score, 6), len(chain.path), chain.path))

    def _extend(self, chain: _Chain, vector: Vectors, step_scores: StepScores | None) -> list[_Chain]:
        """A chain with each of the relations that explain most of what is left, or are likeliest by the examples."""
        walks_of = extend_walks(self._graph, chain.path, chain.walks, self._settings.degree, _MAX_WALKS)
        paths = sorted(walks_of)
        relations = self._vectors[[path[-1] for path in paths]]  # (paths, dimension)
        if step_scores:
            gains = np.array([step_scores.step(len(chain.path), path[-1]) for path in paths])
        else:
            # A cosine at the first step. What is left gets shorter with each step: less can be explained, and the chain
            # ends by itself.
            gains = relations @ chain.left - self._settings.threshold if paths else np.zeros(0, dtype=np.float32)
        must_gain = step_scores is None and len(chain.path) >= self._settings.least_hops
        longer = []
        for row in top_rows(gains, self._settings.relations, 0.0 if must_gain else -np.inf).tolist():
            # The projection onto the relation is what this step explains; the rest, orthogonal to it, is left.
            left = chain.left - (relations[row] @ chain.left) * relations[row]
            walks = self._nearest(walks_of[paths[row]], vector)
            longer.append(_Chain(paths[row], chain.score + float(gains[row]), left, walks))
        return longer

    def _nearest(self, walks: RelationWalks, vector: Vectors) -> RelationWalks:
        """The walks whose last fact is nearest to the question, one for each entity."""
        rows = top_rows(self._index.fact_vectors[walks.facts[:, -1]] @ vector, len(walks.facts))
        # `np.unique` gives the first, that is nearest, walk to each entity; sorting restores the order by nearness.
        _, first = np.unique(walks.nodes[rows, -1], return_index=True)
        kept = rows[np.sort(first)][: self._settings.nodes]
        return RelationWalks(walks.nodes[kept], walks.facts[kept])
