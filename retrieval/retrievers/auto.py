"""The `auto` retriever: hands a question to the retriever for its kind.

Source: Jeong et al., NAACL 2024 (Adaptive-RAG) for choosing by a classifier of questions; theirs is a tuned language
model, ours a logistic regression over the encoder's vectors.

A question about one thing goes to dense search, one whose answer is two steps away to `graph`, one about the corpus as
a whole to `global`. Its kind is classified by its wording. The classifier is trained on first use from a file of
example questions; in these, as in every question, names are replaced by a placeholder:

    {"kind": "linked", "question": "Where was the designer of the Aldermoon Bridge born?"}

The shipped examples are ours, about an invented world; a file of your own may have other kinds, with a retriever for
each.
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
from retrieval.types import PlannedCalls, RetrievedEvidence, Retriever

PLACEHOLDER = "X"
"""Replaces each name in a question."""
_C = 10.0
"""Inverse of the regression's penalty."""
_FORM = 'JSON lines with "kind" and "question"'


class AutoSettings(BaseModel):
    """Settings of `auto`.

    Attributes:
        retrievers: Name of the retriever for each kind of question.
        otherwise: Kind of a question that cannot be classified clearly.
        least: Minimum probability, in [0, 1], at which a kind counts as clear.
        settings: Settings of these retrievers, by name.
        examples: File of example questions (JSON lines); "" for the shipped ones.
        model: Chat model of the retrievers that call one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    retrievers: dict[str, str] = Field(default={"single": "dense", "linked": "graph", "corpus": "global"}, min_length=1)
    otherwise: str = "linked"
    least: float = Field(default=0.7, ge=0, le=1)
    settings: dict[str, dict[str, Any]] = {}
    examples: str = ""
    model: str = Field(default="qwen-1.5b", min_length=1)


class KindExample(BaseModel):
    """An example question and its kind."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str = Field(min_length=1)
    question: str = Field(min_length=1)


class AutoRetriever:
    """Evidence from the retriever for the question's kind.

    All retrievers are opened at once, so that the digest holds theirs and wrong settings are found before any question.
    """

    name = "auto"
    Settings = AutoSettings

    def __init__(self, index: GraphIndex, settings: AutoSettings, chats: Chats) -> None:
        self._index = index
        self._settings = settings
        self._chats = chats
        self._examples = _read_examples(settings.examples)
        kinds = {settings.otherwise, *(example.kind for example in self._examples)}
        if missing := sorted(kinds - settings.retrievers.keys()):
            raise ConfigError(
                f"The retriever auto needs a retriever for questions of the kind {', '.join(missing)}. Name one in its "
                f"setting retrievers, which has {', '.join(settings.retrievers)}."
            )
        self._retrievers = {kind: self._open(name) for kind, name in settings.retrievers.items()}
        examples = [example.model_dump() for example in self._examples]
        digests = {kind: retriever.digest for kind, retriever in sorted(self._retrievers.items())}
        self.digest = digest(self.name, index.digest, digests, examples, settings.otherwise, settings.least)

    @staticmethod
    def planned_calls(settings: AutoSettings) -> PlannedCalls | None:
        """Upper bound of a question's calls, by the retriever that makes most; None if none calls a model."""
        names = settings.retrievers.values()
        plans = [planned_calls(name, _settings_of(settings, name)) for name in names]
        return max((plan for plan in plans if plan), key=lambda plan: plan.calls, default=None)

    def retrieve(self, question: str, limit: int) -> RetrievedEvidence:
        """Find evidence by the retriever for the question's kind."""
        return self._retrievers[self.kind(question)].retrieve(question, limit)

    def kind(self, question: str) -> str:
        """The likeliest kind of a question if it is likely enough, else the setting `otherwise`."""
        kind, probability = self._classify(self._index.encoder.encode([masked(question)], "query"))
        # A specialised retriever of the wrong kind finds less than a general one.
        return kind if probability >= self._settings.least else self._settings.otherwise

    def _open(self, name: str) -> Retriever:
        settings = _settings_of(self._settings, name)
        return open_retriever(name, self._index, self._index.encoder, settings, self._chats)

    @cached_property
    def _classify(self) -> Callable[[Vectors], tuple[str, float]]:
        return fit_kinds(self._index.encoder, self._examples)


def fit_kinds(encoder: Encoder, examples: list[KindExample]) -> Callable[[Vectors], tuple[str, float]]:
    """Train the classifier.

    Returns:
        A function from the vector of a masked question, array (1, dimension), to its likeliest kind and that kind's
        probability.
    """
    from sklearn.linear_model import LogisticRegression

    kinds = np.array([example.kind for example in examples])
    if len(set(kinds)) == 1:  # which sklearn refuses to fit
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


def _settings_of(settings: AutoSettings, name: str) -> dict[str, Any]:
    """A retriever's settings, with the chat model if it calls one."""
    return {**with_model(name, settings.model), **settings.settings.get(name, {})}


def _read_examples(path: str) -> list[KindExample]:
    """The examples of a file, or those shipped if the path is ""."""
    if path:
        examples = [example for _, example in read_lines(Path(path), KindExample, _FORM)]
    else:
        with as_file(files("configs") / "question_kinds.jsonl") as shipped:
            examples = [example for _, example in read_lines(shipped, KindExample, _FORM)]
    if not examples:
        raise ConfigError(f"{path}: expected example questions as {_FORM}, but the file is empty. Add at least one.")
    return examples
