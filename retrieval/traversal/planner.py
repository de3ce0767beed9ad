"""Planners: which path of relations a question words, by the words of the relations or learnt from example questions.

Examples are JSON objects, one a line: a question with "[X]" for the name that it starts from, and the path of relations
to its answers, "^" before one that is walked backwards:

    {"question": "what else crosses the river that [X] crosses", "path": ["crosses", "^crosses"]}

The planner that learns also encodes the words next to the name, which speak of the first step, and those furthest from
it, which speak of the last.
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
from retrieval.traversal.fused_search import RagSettings
from retrieval.traversal.steps import MASK, RelationGraph, RelationPath

_WINDOW = 4
"""Number of words next to the mask, and furthest from it, that are encoded by themselves."""
_NEIGHBOURS, _NEIGHBOUR_WEIGHT = 3, 20.0
"""Number of nearest examples of a path, and the weight of their mean cosine beside logarithms of probabilities."""
_C, _ITERATIONS = 30.0, 60
"""Inverse of the regressions' penalty, and the number of iterations after which fitting stops."""
_END = -1
"""Stands for the step behind the last one of a path."""
_UNSEEN = -12.0
"""Logarithm of the probability of a step that no example has at that position."""
_SCALE, _STEP_COST = 20.0, 0.03
"""Factor of a cosine, and what is taken off the cosine for every step of a path."""

PathScorer = Callable[[Sequence[RelationPath]], NDArray[np.float64]]
"""Maps paths of relations to how well each fits a question: array (paths,), logarithms of weights."""


class Planner(Protocol):
    """Says how well paths of relations fit a question."""

    def scorer(self, question: str) -> PathScorer:
        """The scorer of paths for a question in which the name is masked."""


class WordPlanner:
    """Compares a question with the words of the relations: the sum of their vectors, less a little for each step."""

    def __init__(self, encoder: Encoder, graph: RelationGraph) -> None:
        self._encoder = encoder
        self._graph = graph

    @cached_property
    def _vectors(self) -> Vectors:
        return self._encoder.encode(self._graph.predicates, "query")

    def scorer(self, question: str) -> PathScorer:
        """See `Planner`."""
        vector = self._encoder.encode([question], "query")[0]
        return lambda paths: self._scores(paths, vector)

    def _scores(self, paths: Sequence[RelationPath], vector: NDArray[np.float32]) -> NDArray[np.float64]:
        """Scores, array (paths,), for the vector of the question, array (dimension,)."""
        count = len(self._graph.predicates)
        sums = []
        for path in paths:
            # Each predicate once, and its direction dropped: a question words it the same either way.
            predicates = sorted({step % count for step in path})
            sums.append(self._vectors[predicates].sum(axis=0))
        path_vectors = np.stack(sums)  # (paths, dimension)
        cosines = (path_vectors @ vector) / np.maximum(np.linalg.norm(path_vectors, axis=1), 1e-9)
        scores: NDArray[np.float64] = _SCALE * (cosines - _STEP_COST * np.array([len(path) for path in paths]))
        return scores


class PathExample(BaseModel):
    """An example question with "[X]" for the name, and the path of relations to its answers.

    Attributes:
        question: The question, with "[X]" for the name of the entity that it starts from.
        path: Predicates from that entity to the answers, "^" before one that is walked backwards.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    question: str = Field(min_length=1)
    path: tuple[str, ...] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class StepScores:
    """How likely single steps and complete paths are for a question, for a retriever that goes step by step.

    Attributes:
        steps: For each position of a path, step to the logarithm of its probability.
        score_paths: Scorer of complete paths.
    """

    steps: Sequence[dict[int, float]]
    score_paths: PathScorer

    def step(self, position: int, step: int) -> float:
        """Logarithm of the probability that a path continues by this step at this position, from 0."""
        return self.steps[position].get(step, _UNSEEN) if position < len(self.steps) else _UNSEEN


class RegressionPlanner:
    """Logistic regressions for the step at each position, from the front and from the back, and for the length.

    The score of a path is the sum of these log-probabilities, plus how near the nearest examples of the same path are.
    """

    def __init__(self, encoder: Encoder, questions: Sequence[str], paths: Sequence[RelationPath]) -> None:
        self._encoder = encoder
        self._longest = max(map(len, paths))
        self._examples = _features(encoder, questions)  # (examples, 3 * dimension)
        self._rows_of_path: dict[RelationPath, list[int]] = defaultdict(list)
        for row, path in enumerate(paths):
            self._rows_of_path[path].append(row)
        labels = np.array([self._labels(path) for path in paths])  # (examples, labels)
        self._classifiers = []
        for column in range(labels.shape[1]):
            self._classifiers.append(_fit(self._features_for(column, self._examples), labels[:, column]))

    def scorer(self, question: str) -> PathScorer:
        """See `Planner`."""
        return self.step_scores(question).score_paths

    def step_scores(self, question: str) -> StepScores:
        """Scores of steps and paths for a question in which the name is masked."""
        features = _features(self._encoder, [question])
        log_probabilities = []
        for column, classifier in enumerate(self._classifiers):
            log_probabilities.append(classifier(self._features_for(column, features)))
        cosines = self._examples @ features[0]  # (examples,)

        def score_paths(paths: Sequence[RelationPath]) -> NDArray[np.float64]:
            return np.array([self._score(path, log_probabilities, cosines) for path in paths])

        return StepScores(log_probabilities[: self._longest], score_paths)

    def _score(self, path: RelationPath, log_probabilities: Sequence[dict[int, float]], cosines: Vectors) -> float:
        labels = self._labels(path)
        score = sum(step.get(label, _UNSEEN) for step, label in zip(log_probabilities, labels, strict=True))
        rows = self._rows_of_path.get(path)
        if not rows:
            return score
        return score + _NEIGHBOUR_WEIGHT * float(np.sort(cosines[rows])[-_NEIGHBOURS:].mean())

    def _labels(self, path: RelationPath) -> list[int]:
        """Steps from the front, then from the back, then their number; `_END` behind a path that is shorter."""
        front = [*path, *[_END] * self._longest][: self._longest]
        # From the back one position fewer: with the length known, the last one would repeat the first from the front.
        back = [*path[::-1], *[_END] * self._longest][: max(self._longest - 1, 1)]
        return [*front, *back, len(path)]

    def _features_for(self, column: int, features: Vectors) -> Vectors:
        """The number of steps follows from the question alone, single steps also from the words around the name."""
        is_length = column == 2 * self._longest - 1
        return features[:, : self._encoder.dimension] if is_length else features


def _features(encoder: Encoder, questions: Sequence[str]) -> Vectors:
    """Array (questions, 3 * dimension): the question, the words around the mask, and those furthest from it."""
    texts = [part for question in questions for part in (question, *_parts(question))]
    distinct = sorted(set(texts))
    row_of = {text: row for row, text in enumerate(distinct)}
    vectors = encoder.encode(distinct, "query")[[row_of[text] for text in texts]]
    return vectors.reshape(len(questions), -1)


def _parts(question: str) -> tuple[str, str]:
    """The words around the mask, and the question's last words if some follow the mask, else its first."""
    words = question.split()
    position = next((n for n, word in enumerate(words) if re.search(rf"\b{MASK}\b", word)), len(words) - 1)
    near, after = words[max(0, position - _WINDOW) : position + _WINDOW], words[position + 1 :]
    return " ".join(near), " ".join(after[-_WINDOW:] if len(after) > 1 else words[:_WINDOW])


def _fit(features: Vectors, labels: NDArray[np.int64]) -> Callable[[Vectors], dict[int, float]]:
    """Fit a classifier.

    Args:
        features: Array (examples, n).
        labels: Array (examples,).
    Returns:
        A function from features, array (1, n), to the logarithm of the probability of each label.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    classes = sorted(set(labels.tolist()))
    if len(classes) == 1:  # which sklearn refuses to fit
        return lambda _: {classes[0]: 0.0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # stopped early on purpose
        model = LogisticRegression(C=_C, max_iter=_ITERATIONS, tol=1e-3).fit(features, labels)
    return lambda question: dict(zip(classes, model.predict_log_proba(question)[0].tolist(), strict=True))


def read_examples(path: str) -> list[PathExample]:
    """The examples of a file; none if the path is "".

    Raises:
        InputError: The file cannot be read, or a line is not an example.
    """
    form = 'JSON lines with "question" and "path"'
    return [example for _, example in read_lines(File(path), PathExample, form)] if path else []


def train_planner(encoder: Encoder, graph: RelationGraph, examples: Sequence[PathExample]) -> RegressionPlanner:
    """A planner trained on the examples whose relations the graph has.

    Raises:
        ConfigError: There is no such example.
    """
    questions, paths = [], []
    for example in examples:
        if path := graph.numbered(example.path):
            paths.append(path)
            questions.append(example.question.replace("[X]", MASK))
    if not paths:
        raise ConfigError(
            "Expected example questions over relations of this graph, but it has no path that they name. Use "
            "predicates of this knowledge base."
        )
    return RegressionPlanner(encoder, questions, paths)


class ExampleSettings(BaseModel):
    """Settings that `paths` and `coe` have in common.

    Attributes:
        rag: Settings of the plain search whose passages fill up the limit.
        questions: File of example questions to learn from (JSON lines); "" for none.
        hops: Maximum number of steps of a walk.
        least_hops: Minimum number of steps of a walk; the same as `hops` if the number is known.
        degree: Maximum number of neighbours by one relation. Of an entity that the question names, the first by id are
            followed; any other entity with more is a hub, which is not walked through.
        paths: Maximum number of walks returned.
        facts: Maximum number of facts returned.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    rag: RagSettings = RagSettings()
    questions: str = ""
    hops: int = Field(default=3, ge=1)
    least_hops: int = Field(default=1, ge=1)
    degree: int = Field(default=500, ge=1)
    paths: int = Field(default=100, ge=1)
    facts: int = Field(default=12, ge=0)

    @model_validator(mode="after")
    def _least_is_least(self) -> Self:
        if self.least_hops > self.hops:
            raise ValueError(f"Expected least_hops of at most hops ({self.hops}); got {self.least_hops}.")
        return self


class ExampleRetriever:
    """Base of `paths` and `coe`: retrievers that walk along relations and can learn from example questions."""

    name: str

    def __init__(self, index: GraphIndex, settings: ExampleSettings) -> None:
        self._index = index
        self._examples = read_examples(settings.questions)
        # The digest holds the examples themselves, not the path of their file.
        examples = [example.model_dump() for example in self._examples]
        self.digest = digest(self.name, index.digest, settings.model_dump(exclude={"questions"}), examples)

    @cached_property
    def _graph(self) -> RelationGraph:
        return RelationGraph(self._index)

    @cached_property
    def _trained_planner(self) -> RegressionPlanner | None:
        """The planner trained on the examples; None without any."""
        return train_planner(self._index.encoder, self._graph, self._examples) if self._examples else None
