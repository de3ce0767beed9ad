"""The `auto` retriever: the kind of a question decides who answers it.

A question about one thing goes to dense search, one whose answer stands two steps away to `graph`, one about the whole
corpus to `global`. Its kind is told from its wording by a logistic regression over the encoder's vectors, learnt on
first use from a file of example questions, in which as in every question names give way to a placeholder:

    {"kind": "linked", "question": "Where was the designer of the Aldermoon Bridge born?"}

The shipped examples are ours, on an invented world; a file of your own may have other kinds, with a retriever for each.

Source: Jeong et al., NAACL 2024 (Adaptive-RAG) for choosing by a classifier of questions; theirs is a tuned language
    model.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from models.calls.chats import Chats
from models.errors import ConfigError
from models.files.digest import digest
from models.files.jsonl import read_lines
from models.protocols import Encoder, Vectors
from retrieval.index.graph_index import GraphIndex
from retrieval.retrievers.registry import open_retriever, planned_calls, with_model
from retrieval.text.names import without_names
from retrieval.types import PlannedCalls, Retrieved, Retriever

PLACEHOLDER = "X"
_C = 10.0
"""Inverse of the regression's penalty."""


class AutoSettings(BaseModel):
    """Settings of `auto`.

    Attributes:
        retrievers: Who answers questions of each kind.
        otherwise: The kind of a question whose kind is not clear.
        least: Probability from which it is, in [0, 1].
        settings: Settings of these retrievers, by name.
        examples: File of example questions; "" takes those shipped.
        model: Chat model of a retriever that asks one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    retrievers: dict[str, str] = Field(default={"single": "dense", "linked": "graph", "corpus": "global"}, min_length=1)
    otherwise: str = "linked"
    least: float = Field(default=0.7, ge=0, le=1)
    settings: dict[str, dict[str, Any]] = {}
    examples: str = ""
    model: str = Field(default="qwen-1.5b", min_length=1)


class Example(BaseModel):
    """A question of a kind."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str = Field(min_length=1)
    question: str = Field(min_length=1)


class AutoRetriever:
    """Evidence from the retriever for the question's kind; all are opened at once, so that the digest names them."""

    name = "auto"
    Settings = AutoSettings

    def __init__(self, index: GraphIndex, settings: AutoSettings, chats: Chats) -> None:
        self._index = index
        self._settings = settings
        self._chats = chats
        self._examples = _read(settings.examples)
        kinds = {settings.otherwise, *(example.kind for example in self._examples)}
        if unknown := sorted(kinds - settings.retrievers.keys()):
            raise ConfigError(
                f"auto has no retriever for questions of the kind {', '.join(unknown)}: name one in its setting "
                f"retrievers, which has {', '.join(settings.retrievers)}."
            )
        self._opened = {kind: self._open(name) for kind, name in settings.retrievers.items()}
        learnt = [example.model_dump() for example in self._examples]
        behind = {kind: opened.digest for kind, opened in sorted(self._opened.items())}
        self.digest = digest(self.name, index.digest, behind, learnt, settings.otherwise, settings.least)

    @staticmethod
    def asks(settings: AutoSettings) -> PlannedCalls | None:
        """The most that a question costs with one of the retrievers; None if none asks a model."""
        named = (planned_calls(name, _own(settings, name)) for name in settings.retrievers.values())
        return max((each for each in named if each), key=lambda each: each.calls, default=None)

    def retrieve(self, question: str, limit: int) -> Retrieved:
        """Find evidence by the retriever for the question's kind."""
        return self._opened[self.kind(question)].retrieve(question, limit)

    def kind(self, question: str) -> str:
        """The likeliest kind of a question, if it is likely enough."""
        kind, probability = self._classify(self._index.encoder.encode([masked(question)], "query"))
        return kind if probability >= self._settings.least else self._settings.otherwise

    def _open(self, name: str) -> Retriever:
        return open_retriever(name, self._index, self._index.encoder, _own(self._settings, name), self._chats)

    @cached_property
    def _classify(self) -> Callable[[Vectors], tuple[str, float]]:
        return fit_kinds(self._index.encoder, self._examples)


def fit_kinds(encoder: Encoder, examples: list[Example]) -> Callable[[Vectors], tuple[str, float]]:
    """A function from the vector of a masked question, array (1, dimension), to its kind and how likely that is."""
    from sklearn.linear_model import LogisticRegression

    kinds = np.array([example.kind for example in examples])
    if len(set(kinds)) == 1:
        return lambda _: (str(kinds[0]), 1.0)
    vectors = encoder.encode([masked(example.question) for example in examples], "query")
    model = LogisticRegression(C=_C, max_iter=1000).fit(vectors, kinds)

    def classify(vector: Vectors) -> tuple[str, float]:
        probabilities = model.predict_proba(vector)[0]
        best = int(np.argmax(probabilities))
        return str(model.classes_[best]), float(probabilities[best])

    return classify


def masked(question: str) -> str:
    """A question with a placeholder for each name, so that its form counts and not what it is about.

    Example:
        >>> masked("Where was the designer of the Aldermoon Bridge born?")
        'Where was the designer of the X born?'
    """
    return without_names(" ".join(question.split()), PLACEHOLDER)


def _own(settings: AutoSettings, name: str) -> dict[str, Any]:
    """A retriever's settings, with the chat model where it asks one."""
    return {**with_model(name, settings.model), **settings.settings.get(name, {})}


def _read(path: str) -> list[Example]:
    form = 'JSON lines with "kind" and "question"'
    if path:
        found = [example for _, example in read_lines(Path(path), Example, form)]
    else:
        with as_file(files("configs") / "question_kinds.jsonl") as shipped:
            found = [example for _, example in read_lines(shipped, Example, form)]
    if not found:
        raise ConfigError(f"{path}: expected example questions, {form}, and found none.")
    return found
