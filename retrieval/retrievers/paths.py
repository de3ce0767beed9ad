"""The `paths` retriever: walks along the paths of relations that a question describes, with their facts and passages.

Source: Luo et al., ICLR 2024 (RoG), for plans of relations that are grounded in the graph; its planner is a tuned
language model of 7 billion parameters, ours a logistic regression over the encoder's vectors.

"What else crosses the river that the Aldermoon Bridge crosses?" names the entity to start from and describes the
relations that lead to the answers: crosses, and crosses backwards. Candidates are the paths of relations that exist
around the named entity, up to a few steps. A planner (`retrieval.traversal.planner`) compares them with the question,
in which the name is masked; the ends of the walks along the best paths are the answers. A walk never visits an entity
twice, and an end that more walks reach is ranked higher. After the first step, no walk passes through a hub.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from pydantic import Field

from retrieval.index.graph_index import GraphIndex
from retrieval.index.rank import top_rows
from retrieval.traversal.planner import ExampleRetriever, ExampleSettings, Planner, WordPlanner
from retrieval.traversal.steps import (
    RelationPath,
    RelationWalks,
    evidence_of_walks,
    extend_walks,
    named_starts,
    walks_from,
)
from retrieval.types import RetrievedEvidence


class PathsSettings(ExampleSettings):
    """Settings of `paths`, in addition to those that it shares with `coe`.

    Attributes:
        walks: Maximum number of walks that are followed along one path of relations.
        beam: Maximum number of paths of relations that are extended at each step.
        plans: Number of paths of relations whose ends are returned.
    """

    walks: int = Field(default=5000, ge=1)
    beam: int = Field(default=200, ge=1)
    plans: int = Field(default=3, ge=1)


@dataclass(frozen=True, slots=True)
class _RelationPlan:
    """A path of relations from one entity.

    Attributes:
        weight: Its share of the weights of all candidates, in (0, 1].
        walks: The walks along it.
    """

    weight: float
    walks: RelationWalks


@dataclass(frozen=True, slots=True)
class _WalkEnd:
    """An entity in which walks along a plan end.

    Attributes:
        score: Weight of the plan, less for an end that fewer walks reach than its best one.
        row: Row of the entity.
        facts: Fact rows of the first walk to it.
    """

    score: float
    row: int
    facts: tuple[int, ...]


class PathsRetriever(ExampleRetriever):
    """Walks along the paths of relations that a question describes, the facts of these walks, and their passages."""

    name = "paths"
    Settings = PathsSettings

    def __init__(self, index: GraphIndex, settings: PathsSettings) -> None:
        super().__init__(index, settings)
        self._settings = settings

    @cached_property
    def _planner(self) -> Planner:
        return self._trained_planner or WordPlanner(self._index.encoder, self._graph)

    def retrieve(self, question: str, limit: int) -> RetrievedEvidence:
        """Find walks from an entity that the question names, and at most `limit` passages; plain ones if it names none.

        A walk's score is its plan's weight, less for an end that fewer walks along the plan reach.
        """
        ends = [end for plan in self._plans(question) for end in _ends(plan)]
        ends.sort(key=lambda end: (-round(end.score, 9), end.row, end.facts))
        walks = [(end.score, end.facts) for end in ends[: self._settings.paths]]
        return evidence_of_walks(self._index, question, walks, limit, self._settings)

    def _plans(self, question: str) -> list[_RelationPlan]:
        """Plans from the longest name of the question from which any path leads, best first."""
        for rows, masked in named_starts(self._index, question):
            if plans := self._plans_from(rows, masked):
                return plans
        return []

    def _plans_from(self, rows: Sequence[int], question: str) -> list[_RelationPlan]:
        """Plans from these entity rows, best first, by beam search over paths of relations."""
        score_paths = self._planner.scorer(question)
        level: dict[RelationPath, RelationWalks] = {(): walks_from(rows)}
        walks_of: dict[RelationPath, RelationWalks] = {}
        scores: dict[RelationPath, float] = {}
        for hop in range(1, self._settings.hops + 1):
            longer: dict[RelationPath, RelationWalks] = {}
            for path, walks in level.items():
                longer |= extend_walks(self._graph, path, walks, self._settings.degree, self._settings.walks)
            paths = sorted(longer)  # a fixed order, since ties go by row
            path_scores = score_paths(paths) if paths else np.zeros(0)
            kept = top_rows(path_scores, self._settings.beam).tolist()
            level = {paths[row]: longer[paths[row]] for row in kept}
            # Paths of every allowed length compete; the planner's scores already weigh their length.
            if hop >= self._settings.least_hops:
                walks_of |= level
                scores |= {paths[row]: float(path_scores[row]) for row in kept}
        return self._best(walks_of, scores)

    def _best(
        self, walks_of: dict[RelationPath, RelationWalks], scores: dict[RelationPath, float]
    ) -> list[_RelationPlan]:
        """The best paths, weighted by the softmax of the scores of all."""
        paths, path_scores = list(scores), np.array(list(scores.values()))
        # Shifted by the best score against overflow; weights are compared across questions only as shares.
        weights = np.exp(path_scores - path_scores.max(initial=-np.inf))
        best = top_rows(path_scores, self._settings.plans).tolist()
        return [_RelationPlan(float(weights[row] / weights.sum()), walks_of[paths[row]]) for row in best]


def _ends(plan: _RelationPlan) -> list[_WalkEnd]:
    """The ends of a plan's walks, each once, in the order of their rows."""
    # Several walks to one end are several reasons for it: its score grows with their number, up to the plan's weight.
    rows, first, counts = np.unique(plan.walks.nodes[:, -1], return_index=True, return_counts=True)
    scores = plan.weight * counts / counts.max()
    facts = plan.walks.facts[first].tolist()
    return [
        _WalkEnd(score, row, tuple(walk))
        for score, row, walk in zip(scores.tolist(), rows.tolist(), facts, strict=True)
    ]
