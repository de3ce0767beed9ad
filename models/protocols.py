"""The four protocols of models, and the values that pass through them.

A caller sees a `ChatModel`, `ChoiceScorer`, `Encoder` or `Reranker` and never a library. Each
has a `digest`: it names the exact weights (or endpoint), adapter and settings, and is part of
every cache key, so that two models, or one model with and without an adapter, can never share
a recorded reply. This file imports nothing heavy.
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
    """One call of a chat model.

    Attributes:
        messages: The conversation, at least one turn.
        schema: JSON schema that the reply must satisfy, or None for free text.
        max_tokens: Maximum number of tokens to write.
        temperature: Temperature of the sampler; 0 is greedy.
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
    """Number of tokens of one or several calls.

    Attributes:
        tokens_in: Tokens read.
        tokens_out: Tokens written.
        cached: Tokens read that came from a prefix cache, at most `tokens_in`.
        estimated: Whether a server stated no usable numbers, so that some of these are estimates.
    """

    tokens_in: int = 0
    tokens_out: int = 0
    cached: int = 0
    estimated: bool = False

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.tokens_in + other.tokens_in,
            self.tokens_out + other.tokens_out,
            self.cached + other.cached,
            self.estimated or other.estimated,
        )


@dataclass(frozen=True, slots=True)
class Completion:
    """The reply of a chat model.

    Attributes:
        text: The reply as written.
        usage: Tokens read and written.
        finish_reason: "length" where the reply was cut off at `max_tokens`.
        seconds: Wall-clock time of the call when it was first made.
        parsed: The reply as JSON, validated against the request's schema; None without one.
        recorded: Whether the reply came from the records, so that nothing was spent.
        surplus: Number of list items of the reply that the schema's `maxItems` left no room for in `parsed`.
    """

    text: str
    usage: Usage
    finish_reason: FinishReason
    seconds: float
    parsed: Any = None
    recorded: bool = False
    surplus: int = 0


@dataclass(frozen=True, slots=True)
class OptionScore:
    """Log-probability of one option after a prefix.

    Attributes:
        logprob: Sum of the natural log-probabilities of the option's tokens, <= 0.
        tokens: Number of tokens of the option, >= 1.
        characters: Number of characters of the option.
        by_token: Log-probability of each token of the option; empty from a scorer that gives only the sum.
    """

    logprob: float
    tokens: int
    characters: int
    by_token: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class OptionScores:
    """Scores of all options of one item.

    Attributes:
        options: One score for each option, in their order.
        usage: Tokens read.
        seconds: Wall-clock time of the scoring when it was first done.
        recorded: Whether the scores came from the records, so that nothing was spent.
    """

    options: tuple[OptionScore, ...]
    usage: Usage
    seconds: float
    recorded: bool = False


@dataclass(frozen=True, slots=True)
class TextReading:
    """What an encoder reads of one text.

    Attributes:
        tokens: Number of tokens with the prefix, without special tokens; nothing is cut off.
        share: Share of the text that is read, in [0, 1], by characters that are not white space. What lies beyond the
            encoder's window is not read, nor is what its vocabulary lacks, since all of that looks the same to it.
    """

    tokens: int
    share: float


@runtime_checkable
class ChatModel(Protocol):
    """Turns messages, and a JSON schema if one is given, into text."""

    name: str

    @property
    def digest(self) -> str: ...

    def complete(self, request: ChatRequest) -> Completion:
        """Reply to a request.

        Raises:
            ModelError: The model cannot be reached or refuses, after retries.
            OutputError: The reply is empty, cut off under a schema, or breaks the schema.
        """

    def close(self) -> None:
        """Free what the model uses: memory, a server process."""


MarginalMethod = Literal["sequence", "token"]
"""How the probabilities of an answer, one for each passage, are combined: see `models.local.marginal`."""


@runtime_checkable
class MarginalChat(ChatModel, Protocol):
    """A chat model that can answer from several passages, each in a prompt of its own."""

    def complete_marginal(
        self, requests: Sequence[ChatRequest], log_weights: Sequence[float], method: MarginalMethod
    ) -> Completion:
        """Reply with one text to requests that differ only in their passage; they have no schema.

        Args:
            requests: One request for each passage, at least one.
            log_weights: Logarithm of each passage's weight; normalised by the model.
            method: How the probabilities of the passages are combined.
        Raises:
            ModelError: The model refuses.
            OutputError: The reply is empty.
        """


@runtime_checkable
class ChoiceScorer(Protocol):
    """Turns a prefix and options into log-probabilities; the prefix is computed once."""

    name: str

    @property
    def digest(self) -> str: ...

    def count_tokens(self, text: str) -> int:
        """Number of tokens of `text` without special tokens."""

    def score(self, prefix: str, options: Sequence[str]) -> OptionScores:
        """Score each option as a continuation of `prefix` (options carry their own leading space)."""

    def close(self) -> None:
        """Free the weights."""


@runtime_checkable
class Encoder(Protocol):
    """Turns texts into unit vectors."""

    name: str

    @property
    def digest(self) -> str: ...

    @property
    def dimension(self) -> int: ...

    def encode(self, texts: Sequence[str], kind: Literal["query", "passage"] = "passage") -> Vectors:
        """Encode texts to an array (n, dimension), float32, rows of L2 norm 1."""


@runtime_checkable
class WindowedEncoder(Encoder, Protocol):
    """An encoder that says how much of a text it reads; one that does not say so is taken to read every text whole."""

    @property
    def max_tokens(self) -> int | None:
        """Maximum number of tokens of a text, as `token_counts` counts them; None reads every text whole."""

    @property
    def languages(self) -> tuple[str, ...]:
        """ISO 639-1 codes of the languages that it was trained on; empty for many, or for unknown ones."""

    def token_counts(self, texts: Sequence[str], kind: Literal["query", "passage"] = "passage") -> list[int]:
        """Number of tokens of each text with the prefix of its kind, without special tokens; nothing is cut off."""

    def readings(self, texts: Sequence[str]) -> list[TextReading]:
        """What of each passage is read."""


@runtime_checkable
class HopEncoder(Encoder, Protocol):
    """An encoder that can also lead from a question, and the passages found for it, to the next passage."""

    def for_hops(self, adapter: Path | None = None) -> Encoder | None:
        """An encoder of a question followed by passages; its vectors lie near this encoder's vectors of passages.

        Args:
            adapter: Folder of its adapter; None for the one that comes with this encoder.
        Returns:
            The encoder, or None where no adapter is given and none comes with this encoder.
        Raises:
            ConfigError: The folder holds no adapter for this encoder.
        """


@runtime_checkable
class Reranker(Protocol):
    """Turns a question and passages into relevance scores."""

    name: str

    @property
    def digest(self) -> str: ...

    def rank(self, question: str, passages: Sequence[str]) -> NDArray[np.float32]:
        """Score passages.

        Returns:
            Array (n,), float32, one score for each passage; higher is more relevant.
        """
