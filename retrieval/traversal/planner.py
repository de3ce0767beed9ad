"""Planners: which path of relations a question words, told by the words of relations or learnt from example questions.

Examples are JSON objects, one a line: a question with "[X]" for the name it starts from, and the path of relations to
its answers, "^" before one that is walked backwards:

    {"question": "what else crosses the river that [X] crosses", "path": ["crosses", "^crosses"]}

The planner that learns also looks at the words next to the name, which speak of the first step, and at those furthest
from it, which speak of the last.
"""

from __future__ import annotations

import re
import warnings
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path as File
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from models.errors import ConfigError
from models.files.digest import digest
from models.files.jsonl import read_lines
from models.protocols import Encoder, Vectors
from retrieval.index.graph_index import GraphIndex
from retrieval.traversal.fused_search import HybridSettings
from retrieval.traversal.steps import MASK, Relations, Steps

_WINDOW = 4
"""Words next to the mask, and furthest from it, that are looked at by themselves."""
_NEIGHBOURS, _NEIGHBOUR_WEIGHT = 3, 20.0
"""Nearest examples of a path, and what their mean similarity weighs beside logarithms of probabilities."""
_C, _ITERATIONS = 30.0, 60
"""Of the regressions: the inverse of their penalty, and the steps after which fitting stops."""
_OVER = -1
"""Stands for the step that is none, where a path is over."""
_UNSEEN = -12.0
"""Logarithm of the probability of a step that no example has at that place."""
_SCALE, _STEP_COST = 20.0, 0.03
"""Cosines are multiplied by the one, after the other is taken off for every step."""

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


@dataclass(frozen=True, slots=True)
class Look:
    """A question as who goes step by step sees it.

    Attributes:
        steps: How likely each step is at each place of its path, as logarithms.
        fit: How well whole paths fit it.
    """

    steps: Sequence[dict[int, float]]
    fit: Fit

    def step(self, place: int, step: int) -> float:
        """Logarithm of the probability that a path goes on by this step."""
        return self.steps[place].get(step, _UNSEEN) if place < len(self.steps) else _UNSEEN


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
        return self.look(question).fit

    def look(self, question: str) -> Look:
        """Read a question for who goes step by step."""
        features = _features(self._encoder, [question])
        said = [head(self._seen(features, column)) for column, head in enumerate(self._heads)]
        near = self._examples @ features[0]
        return Look(said[: self._longest], lambda paths: np.array([self._score(path, said, near) for path in paths]))

    def _score(self, path: Steps, said: Sequence[dict[int, float]], near: Vectors) -> float:
        fit = sum(head.get(label, _UNSEEN) for head, label in zip(said, self._labels(path), strict=True))
        rows = self._of_path.get(path)
        return fit + (_NEIGHBOUR_WEIGHT * float(np.sort(near[rows])[-_NEIGHBOURS:].mean()) if rows else 0.0)

    def _labels(self, path: Steps) -> list[int]:
        """Steps from the front, from the back, and their number; `_OVER` where the path is over."""
        front = [*path, *[_OVER] * self._longest][: self._longest]
        back = [*path[::-1], *[_OVER] * self._longest][: max(self._longest - 1, 1)]
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


def read_examples(path: str) -> list[Example]:
    """The examples of a file; none of no file.

    Raises:
        InputError: The file cannot be read, or a line is no example.
    """
    form = 'JSON lines with "question" and "path"'
    return [example for _, example in read_lines(File(path), Example, form)] if path else []


def learn(encoder: Encoder, relations: Relations, examples: Sequence[Example]) -> LearntPlanner:
    """A planner that has learnt the examples whose relations the graph has.

    Raises:
        ConfigError: There is no such example.
    """
    numbered = [(relations.numbered(each.path), each.question) for each in examples]
    known = [(path, question.replace("[X]", MASK)) for path, question in numbered if path]
    if not known:
        raise ConfigError("The example questions name no path of this graph's relations.")
    return LearntPlanner(encoder, [question for _, question in known], [path for path, _ in known])


class TaughtSettings(BaseModel):
    """What `paths` and `coe` let a user set alike.

    Attributes:
        rag: The plain search whose passages fill up.
        questions: File of example questions that are learnt from; "" for none.
        hops: Most steps of a walk.
        least_hops: Fewest; the same as `hops` where the number is known.
        degree: Most neighbours by one relation; of a named entity the first by id are followed, any other is a hub.
        paths: Most walks returned.
        facts: Most facts returned.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    rag: HybridSettings = HybridSettings()
    questions: str = ""
    hops: int = Field(default=3, ge=1)
    least_hops: int = Field(default=1, ge=1)
    degree: int = Field(default=500, ge=1)
    paths: int = Field(default=100, ge=1)
    facts: int = Field(default=12, ge=0)

    @model_validator(mode="after")
    def _fewest_first(self) -> Self:
        if self.least_hops > self.hops:
            raise ValueError(f"least_hops is {self.least_hops} and hops {self.hops}: expected at most hops")
        return self


class Taught:
    """What `paths` and `coe` begin with: the examples that were given, and the graph as steps."""

    name: str

    def __init__(self, index: GraphIndex, settings: TaughtSettings) -> None:
        self._index = index
        self._examples = read_examples(settings.questions)
        learnt = [each.model_dump() for each in self._examples]
        self.digest = digest(self.name, index.digest, settings.model_dump(exclude={"questions"}), learnt)

    @cached_property
    def _relations(self) -> Relations:
        return Relations(self._index)

    @cached_property
    def _learnt(self) -> LearntPlanner | None:
        """The planner that has learnt the examples; None without any."""
        return learn(self._index.encoder, self._relations, self._examples) if self._examples else None
