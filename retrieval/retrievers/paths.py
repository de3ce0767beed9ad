"""The `paths` retriever: a plan of relations is chosen for the question, and the graph is walked along it.

"What else crosses the river that the Aldermoon Bridge crosses?" names the entity that it starts from, and in other
words the relations that lead to its answers: crosses, and crosses backwards. Candidates are the paths of relations that
exist around the named entity, up to a few steps; a planner (`retrieval.traversal.planner`) compares them with the
question, in which the name is masked; the ends of the walks along the best are the answers. A walk never comes back to
where it was, and an end that more walks reach is ranked higher. Walks are bounded: past the first step none goes
through a hub.

Source: Luo et al., ICLR 2024 (RoG), for plans of relations that are grounded in the graph; its planner is a tuned
language model of 7 billion parameters, ours a logistic regression over the encoder's vectors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from pydantic import Field

from retrieval.index.graph_index import GraphIndex
from retrieval.index.rank import top_rows
from retrieval.traversal.planner import Planner, Taught, TaughtSettings, WordPlanner
from retrieval.traversal.steps import Steps, Walks, found_walks, named_starts, walk_on, walks_from
from retrieval.types import Retrieved


class PathSettings(TaughtSettings):
    """Settings of `paths`, beside those it has in common with `coe`.

    Attributes:
        walks: Most walks that are followed along one path of relations.
        beam: Most paths of relations that are made longer.
        plans: Paths of relations whose ends are returned.
    """

    walks: int = Field(default=5000, ge=1)
    beam: int = Field(default=200, ge=1)
    plans: int = Field(default=3, ge=1)


@dataclass(frozen=True, slots=True)
class _Plan:
    """A path of relations from one entity: its share of what all candidates weigh, and its walks."""

    weight: float
    walks: Walks


class PathRetriever(Taught):
    """Walks along the paths of relations that a question words, the facts of these walks, and their passages."""

    name = "paths"
    Settings = PathSettings

    def __init__(self, index: GraphIndex, settings: PathSettings) -> None:
        super().__init__(index, settings)
        self._settings = settings

    @cached_property
    def _planner(self) -> Planner:
        return self._learnt or WordPlanner(self._index.encoder, self._relations)

    def retrieve(self, question: str, limit: int) -> Retrieved:
        """Find walks from an entity that the question names, and at most `limit` passages; plain ones if it names none.

        A path's score is its plan's weight, less for an end that fewer walks along the plan reach.
        """
        ends = sorted((end for plan in self._plans(question) for end in _ends(plan)), key=_best_first)
        walks = [(score, rows) for score, _, rows in ends[: self._settings.paths]]
        return found_walks(self._index, question, walks, limit, self._settings)

    def _plans(self, question: str) -> list[_Plan]:
        """Plans from the longest name of the question that any path leads on from, best first."""
        for rows, masked in named_starts(self._index, question):
            if found := self._from(rows, masked):
                return found
        return []

    def _from(self, rows: Sequence[int], question: str) -> list[_Plan]:
        fit_of = self._planner.read(question)
        level: dict[Steps, Walks] = {(): walks_from(rows)}
        found: dict[Steps, Walks] = {}
        fits: dict[Steps, float] = {}
        for hop in range(1, self._settings.hops + 1):
            longer: dict[Steps, Walks] = {}
            for path, walks in level.items():
                longer |= walk_on(self._relations, path, walks, self._settings.degree, self._settings.walks)
            paths = sorted(longer)
            fit = fit_of(paths) if paths else np.zeros(0)
            kept = top_rows(fit, self._settings.beam).tolist()
            level = {paths[row]: longer[paths[row]] for row in kept}
            if hop >= self._settings.least_hops:
                found |= level
                fits |= {paths[row]: float(fit[row]) for row in kept}
        return self._best(found, fits)

    def _best(self, found: dict[Steps, Walks], fits: dict[Steps, float]) -> list[_Plan]:
        paths, fit = list(fits), np.array(list(fits.values()))
        weights = np.exp(fit - fit.max(initial=-np.inf))
        best = top_rows(fit, self._settings.plans).tolist()
        return [_Plan(float(weights[row] / weights.sum()), found[paths[row]]) for row in best]


_End = tuple[float, int, tuple[int, ...]]


def _ends(plan: _Plan) -> list[_End]:
    """Score, entity row, and the facts of the first walk for every end of a plan."""
    rows, first, counts = np.unique(plan.walks.nodes[:, -1], return_index=True, return_counts=True)
    scores = plan.weight * counts / counts.max()
    facts = plan.walks.facts[first].tolist()
    return [(score, row, tuple(walk)) for score, row, walk in zip(scores.tolist(), rows.tolist(), facts, strict=True)]


def _best_first(end: _End) -> tuple[float, int, tuple[int, ...]]:
    score, row, facts = end
    return -round(score, 9), row, facts
