"""The `paths` retriever: a plan of relations is chosen for the question, and the graph is walked along it.

"What else crosses the river that the Aldermoon Bridge crosses?" names the entity that it starts from, and in other
words the relations that lead to its answers: crosses, and crosses backwards. Candidates are the paths of relations that
exist around the named entity, up to a few steps; a planner compares them with the question, in which the name is
masked; the ends of the walks along the best are the answers. A walk never comes back to where it was, and an end that
more walks reach is ranked higher. Walks are bounded: past the first step none goes through a hub.

The planner needs no language model. Without examples it compares the question with the words of the relations. With a
file of questions and their paths (one JSON object a line, "^" for a relation walked backwards) it learns how questions
word them, also by the words next to the name, which speak of the first step, and those furthest from it, which speak of
the last:

    {"question": "what else crosses the river that [X] crosses", "path": ["crosses", "^crosses"]}

Source: Luo et al., ICLR 2024 (RoG), for plans of relations that are grounded in the graph; its planner is a tuned
language model of 7 billion parameters, ours a logistic regression over the encoder's vectors.
"""

from __future__ import annotations

import re
import warnings
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path as File
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from models.digest import digest
from models.errors import ConfigError
from models.jsonl import read_lines
from models.protocols import Encoder, Vectors
from retrieval.hybrid import HybridSettings
from retrieval.index import GraphIndex
from retrieval.rank import top_rows
from retrieval.steps import MASK, Relations, Steps, Walks, found_walks, named_starts, walk_on, walks_from
from retrieval.types import Retrieved

_WINDOW = 4
"""Words next to the mask, and furthest from it, that are looked at by themselves."""
_NEIGHBOURS, _NEIGHBOUR_WEIGHT = 3, 20.0
"""Nearest examples of a path, and what their mean similarity weighs beside logarithms of probabilities."""
_C, _ITERATIONS = 30.0, 60
"""Of the regressions: the inverse of their penalty, and the steps after which fitting stops."""
_UNSEEN = -12.0
"""Logarithm of the probability of a step that no example has at that place."""
_SCALE, _STEP_COST = 20.0, 0.03
"""Cosines are multiplied by the one, after the other is taken off for every step."""


class PathSettings(BaseModel):
    """Settings of `paths`.

    Attributes:
        rag: The plain search whose passages fill up.
        questions: File of example questions that the planner learns from; "" for none.
        hops: Most steps of a path.
        least_hops: Fewest; the same as `hops` where the number is known.
        degree: Most neighbours by one relation; of a named entity the first by id are followed, any other is a hub.
        walks: Most walks that are followed along one path of relations.
        beam: Most paths of relations that are made longer.
        plans: Paths of relations whose ends are returned.
        paths: Most walks returned.
        facts: Most facts returned.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    rag: HybridSettings = HybridSettings()
    questions: str = ""
    hops: int = Field(default=3, ge=1)
    least_hops: int = Field(default=1, ge=1)
    degree: int = Field(default=500, ge=1)
    walks: int = Field(default=5000, ge=1)
    beam: int = Field(default=200, ge=1)
    plans: int = Field(default=3, ge=1)
    paths: int = Field(default=100, ge=1)
    facts: int = Field(default=12, ge=0)


Fit = Callable[[Sequence[Steps]], NDArray[np.float64]]
"""From paths of relations to how well each fits a question: array (paths,), logarithms of weights."""


class Planner(Protocol):
    """How well paths of relations fit a question."""

    def read(self, question: str) -> Fit:
        """Read a question, in which the name is masked."""


class WordPlanner:
    """Compares a question with the words of the relations: the sum of their vectors, a little less for each step."""

    def __init__(self, encoder: Encoder, relations: Relations) -> None:
        self._encoder = encoder
        self._relations = relations

    @cached_property
    def _vectors(self) -> Vectors:
        return self._encoder.encode(self._relations.predicates, "query")

    def read(self, question: str) -> Fit:
        """See `Planner`."""
        vector = self._encoder.encode([question], "query")[0]
        return lambda paths: self._fit(paths, vector)

    def _fit(self, paths: Sequence[Steps], vector: NDArray[np.float32]) -> NDArray[np.float64]:
        count = len(self._relations.predicates)
        sums = np.stack([self._vectors[sorted({step % count for step in path})].sum(axis=0) for path in paths])
        cosines = (sums @ vector) / np.maximum(np.linalg.norm(sums, axis=1), 1e-9)
        fit: NDArray[np.float64] = _SCALE * (cosines - _STEP_COST * np.array([len(path) for path in paths]))
        return fit


class Example(BaseModel):
    """A question with "[X]" for the name, and the path of relations to its answers."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    question: str = Field(min_length=1)
    path: tuple[str, ...] = Field(min_length=1)


class LearntPlanner:
    """Logistic regressions for the step at each place, from the front and from the back, and for the number of steps.

    To their sum comes how near the nearest examples of the whole path are.
    """

    def __init__(self, encoder: Encoder, questions: Sequence[str], paths: Sequence[Steps]) -> None:
        self._encoder = encoder
        self._longest = max(map(len, paths))
        self._examples = _features(encoder, questions)
        self._of_path: dict[Steps, list[int]] = defaultdict(list)
        for row, path in enumerate(paths):
            self._of_path[path].append(row)
        labels = np.array([self._labels(path) for path in paths])
        self._heads = [_fit(self._seen(self._examples, column), labels[:, column]) for column in range(labels.shape[1])]

    def read(self, question: str) -> Fit:
        """See `Planner`."""
        features = _features(self._encoder, [question])
        said = [head(self._seen(features, column)) for column, head in enumerate(self._heads)]
        near = self._examples @ features[0]
        return lambda paths: np.array([self._score(path, said, near) for path in paths])

    def _score(self, path: Steps, said: Sequence[dict[int, float]], near: Vectors) -> float:
        fit = sum(head.get(label, _UNSEEN) for head, label in zip(said, self._labels(path), strict=True))
        rows = self._of_path.get(path)
        return fit + (_NEIGHBOUR_WEIGHT * float(np.sort(near[rows])[-_NEIGHBOURS:].mean()) if rows else 0.0)

    def _labels(self, path: Steps) -> list[int]:
        """Steps from the front, from the back, and their number; -1 where the path is over."""
        front = [*path, *[-1] * self._longest][: self._longest]
        back = [*path[::-1], *[-1] * self._longest][: max(self._longest - 1, 1)]
        return [*front, *back, len(path)]

    def _seen(self, features: Vectors, column: int) -> Vectors:
        """The number of steps follows from the question as a whole."""
        return features[:, : self._encoder.dimension] if column == 2 * self._longest - 1 else features


def _features(encoder: Encoder, questions: Sequence[str]) -> Vectors:
    """Array (questions, 3 * dimension): the question, the words around the mask, and those furthest from it."""
    texts = [part for question in questions for part in (question, *_parts(question))]
    distinct = sorted(set(texts))
    row = {text: place for place, text in enumerate(distinct)}
    vectors = encoder.encode(distinct, "query")[[row[text] for text in texts]]
    return vectors.reshape(len(questions), -1)


def _parts(question: str) -> tuple[str, str]:
    """The words around the mask, and the question's last words where some follow the mask, else its first."""
    words = question.split()
    place = next((n for n, word in enumerate(words) if re.search(rf"\b{MASK}\b", word)), len(words) - 1)
    near, after = words[max(0, place - _WINDOW) : place + _WINDOW], words[place + 1 :]
    return " ".join(near), " ".join(after[-_WINDOW:] if len(after) > 1 else words[:_WINDOW])


def _fit(features: Vectors, labels: NDArray[np.int64]) -> Callable[[Vectors], dict[int, float]]:
    """A function from features, array (1, n), to the logarithm of the probability of each label."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    classes = sorted(set(labels.tolist()))
    if len(classes) == 1:
        return lambda _: {classes[0]: 0.0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # stopped early on purpose
        model = LogisticRegression(C=_C, max_iter=_ITERATIONS, tol=1e-3).fit(features, labels)
    return lambda row: dict(zip(classes, model.predict_log_proba(row)[0].tolist(), strict=True))


@dataclass(frozen=True, slots=True)
class _Plan:
    """A path of relations from one entity: its share of what all candidates weigh, and its walks."""

    weight: float
    walks: Walks


class PathRetriever:
    """Walks along the paths of relations that a question words, the facts of these walks, and their passages."""

    name = "paths"
    Settings = PathSettings

    def __init__(self, index: GraphIndex, settings: PathSettings) -> None:
        if settings.least_hops > settings.hops:
            raise ConfigError(f"least_hops is {settings.least_hops} and hops {settings.hops}: expected at most hops.")
        self._index = index
        self._settings = settings
        form = 'JSON lines with "question" and "path"'
        rows = read_lines(File(settings.questions), Example, form) if settings.questions else ()
        self._examples = [example for _, example in rows]
        learnt = [each.model_dump() for each in self._examples]
        self.digest = digest(self.name, index.digest, settings.model_dump(exclude={"questions"}), learnt)

    @cached_property
    def _relations(self) -> Relations:
        return Relations(self._index)

    @cached_property
    def _planner(self) -> Planner:
        numbered = [(self._relations.numbered(each.path), each.question) for each in self._examples]
        known = [(path, question.replace("[X]", MASK)) for path, question in numbered if path]
        if not self._examples:
            return WordPlanner(self._index.encoder, self._relations)
        if not known:
            raise ConfigError(f"{self._settings.questions} names no path of this graph's relations.")
        return LearntPlanner(self._index.encoder, [question for _, question in known], [path for path, _ in known])

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
