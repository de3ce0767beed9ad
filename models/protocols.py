"""The four protocols every model stands behind, and the values that pass through them.

A caller sees a `ChatModel`, `ChoiceScorer`, `Encoder` or `Reranker` and never a library. Each
has a `digest`: it names the exact weights (or endpoint), adapter and settings, and is part of
every cache key, so that two models, or one model with and without an adapter, can never share
an answer. This file imports nothing heavy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Role = Literal["system", "user", "assistant"]
FinishReason = Literal["stop", "length"]
Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """What is asked of a chat model.

    Attributes:
        messages: The conversation, at least one turn.
        schema: JSON schema the answer must satisfy, or None for free text.
        max_tokens: Most tokens to write.
        temperature: 0 is greedy.
        seed: Seed of the sampler where temperature is above 0.
        template: Name and version of the prompt file, recorded with the call.
    """

    messages: tuple[Message, ...]
    schema: dict[str, Any] | None = None
    max_tokens: int = 1024
    temperature: float = 0.0
    seed: int = 0
    template: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one or several calls; `cached` of the `tokens_in` came from a prefix cache."""

    tokens_in: int = 0
    tokens_out: int = 0
    cached: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.tokens_in + other.tokens_in,
            self.tokens_out + other.tokens_out,
            self.cached + other.cached,
        )


@dataclass(frozen=True, slots=True)
class Completion:
    """What a chat model answered.

    Attributes:
        text: The answer as written.
        usage: Tokens read and written.
        finish_reason: "length" when the answer was cut off at `max_tokens`.
        seconds: Wall-clock time of the call, as first made.
        parsed: The answer as JSON, validated against the request's schema; None without one.
        recorded: True when the answer came from the records and nothing was spent.
    """

    text: str
    usage: Usage
    finish_reason: FinishReason
    seconds: float
    parsed: Any = None
    recorded: bool = False


@dataclass(frozen=True, slots=True)
class OptionScore:
    """Log-probability of one option after a prefix.

    Attributes:
        logprob: Sum of the natural log-probabilities of the option's tokens, <= 0.
        tokens: Number of tokens of the option, >= 1.
        characters: Number of characters of the option.
        by_token: Log-probability of each of its tokens; empty from a scorer that does not tell.
    """

    logprob: float
    tokens: int
    characters: int
    by_token: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class ScoredOptions:
    """Scores of all options of one item, in the order given."""

    options: tuple[OptionScore, ...]
    usage: Usage
    seconds: float
    recorded: bool = False


@runtime_checkable
class ChatModel(Protocol):
    """Messages, and a JSON schema if wanted, to text."""

    name: str

    @property
    def digest(self) -> str: ...

    def complete(self, request: ChatRequest) -> Completion:
        """Answer a request.

        Raises:
            ModelError: The model cannot be reached or refuses, after retries.
            OutputError: The answer is empty, cut off under a schema, or breaks the schema.
        """

    def close(self) -> None:
        """Free what the model holds: memory, a server process."""


Marginal = Literal["sequence", "token"]
"""How what a model says after each of several passages becomes one answer: see `models.local.marginal`."""


@runtime_checkable
class MarginalChat(ChatModel, Protocol):
    """A chat model that can answer from several passages, each read alone."""

    def complete_marginal(
        self, requests: Sequence[ChatRequest], log_weights: Sequence[float], way: Marginal
    ) -> Completion:
        """Answer requests that differ in their passage with one text; no schema.

        Args:
            requests: One for each passage, at least one.
            log_weights: Logarithm of each passage's weight; normalised by the model.
            way: How passages are weighed.
        Raises:
            ModelError: The model refuses.
            OutputError: The answer is empty.
        """


@runtime_checkable
class ChoiceScorer(Protocol):
    """A prefix and options to log-probabilities, the prefix computed once."""

    name: str

    @property
    def digest(self) -> str: ...

    def count_tokens(self, text: str) -> int:
        """Number of tokens of `text` without special tokens."""

    def score(self, prefix: str, options: Sequence[str]) -> ScoredOptions:
        """Score each option as a continuation of `prefix` (options carry their own leading space)."""

    def close(self) -> None:
        """Free the weights."""


@runtime_checkable
class Encoder(Protocol):
    """Texts to unit vectors."""

    name: str

    @property
    def digest(self) -> str: ...

    @property
    def dimension(self) -> int: ...

    def encode(self, texts: Sequence[str], kind: Literal["query", "passage"] = "passage") -> Vectors:
        """Encode texts to an array (n, dimension), float32, rows of L2 norm 1."""


@runtime_checkable
class HopEncoder(Encoder, Protocol):
    """An encoder that can also lead from a question, and what was found for it, to the next passage."""

    def for_hops(self, adapter: Path | None = None) -> Encoder | None:
        """An encoder of questions with passages behind them, whose vectors lie near those that this one gives passages.

        Args:
            adapter: Folder of its adapter; None for the one that comes with this encoder.
        Returns:
            None where none was given and none comes with it.
        Raises:
            ConfigError: It is no adapter for this encoder.
        """


@runtime_checkable
class Reranker(Protocol):
    """A question and passages to relevance scores."""

    name: str

    @property
    def digest(self) -> str: ...

    def rank(self, question: str, passages: Sequence[str]) -> NDArray[np.float32]:
        """Score passages, array (n,), higher is more relevant."""
