"""Models that never ask twice: a chat model or scorer wrapped in records and a budget.

The key of a call is what could change its answer: the model's digest (weights or endpoint, adapter, settings) and
the whole request (template, schema, decoding, messages). A recorded answer costs nothing and counts against no
budget. An answer that was useless (cut off, out of form) is on record too and fails again without a call, unless the
records were opened to retry; a server that could not be reached, or that answered with nothing, is asked again.

    chat = RecordedChat(inner, Records(Path("workspace/graph.sqlite")), Budget(max_calls=100))
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import Any, TypeVar

from models.calls.budget import Budget, cost_usd
from models.calls.record_store import Call, LedgerRow, Records, Spent
from models.calls.structured import FORM_TRIES
from models.config import Price
from models.errors import ConfigError, ModelError, OutputError, StoreError
from models.files.digest import digest
from models.protocols import (
    ChatModel,
    ChatRequest,
    ChoiceScorer,
    Completion,
    Marginal,
    MarginalChat,
    OptionScore,
    ScoredOptions,
    Usage,
)

__all__ = ["Budget", "LedgerRow", "RecordedChat", "RecordedScorer", "Records"]

A = TypeVar("A", Completion, ScoredOptions)

# Tokens that a chat template puts around each message: at most so many.
_TEMPLATE_TOKENS = 16


class RecordedChat:
    """A `ChatModel` whose answers are recorded and found again."""

    def __init__(
        self, inner: ChatModel, records: Records, budget: Budget | None = None, price: Price | None = None
    ) -> None:
        """Wrap a chat model.

        Args:
            inner: Who really answers.
            records: Where answers are kept.
            budget: What may be spent; None is no limit.
            price: Of `inner`; None takes its own `price` where it has one, else it is free.
        """
        self.name = inner.name
        self.inner = inner
        self.trained_for = getattr(inner, "trained_for", "")
        self._desk = _Desk(records, budget or Budget(), _price(inner, price))

    @property
    def digest(self) -> str:
        """The inner model's: a recorded answer is its answer."""
        return self.inner.digest

    def complete(self, request: ChatRequest) -> Completion:
        """Answer from the records, or ask and record.

        Raises:
            BudgetReached: The answer is not on record, and no room is left to ask.
            ModelError: As the inner model.
            OutputError: As the inner model.
            StoreError: The records cannot be read or written.
        """
        asked = asdict(request)
        call = Call(digest("chat", self.digest, asked), "chat", self.name, _dump(asked))
        return self._desk.serve(
            call, _most_tokens(request), lambda: self.inner.complete(request), _completion_from_json
        )

    def complete_marginal(
        self, requests: Sequence[ChatRequest], log_weights: Sequence[float], way: Marginal
    ) -> Completion:
        """See `MarginalChat`; raises as `complete`, and ConfigError where the inner model cannot."""
        inner = self.inner
        if not isinstance(inner, MarginalChat):
            raise ConfigError(
                f"{self.name} cannot weigh passages that it reads one by one: expected a model of the backend "
                "transformers, such as qwen-1.5b-hf."
            )
        asked = {"requests": [asdict(request) for request in requests], "weights": list(log_weights), "way": way}
        call = Call(digest("marginal", self.digest, asked), "chat", self.name, _dump(asked))
        most = sum((_most_tokens(request) for request in requests), Usage())
        return self._desk.serve(
            call, most, lambda: inner.complete_marginal(requests, log_weights, way), _completion_from_json
        )

    def close(self) -> None:
        """Free what the inner model holds; the records stay open."""
        self.inner.close()


class RecordedScorer:
    """A `ChoiceScorer` whose scores are recorded and found again."""

    def __init__(
        self, inner: ChoiceScorer, records: Records, budget: Budget | None = None, price: Price | None = None
    ) -> None:
        """Wrap a scorer; arguments as of `RecordedChat`."""
        self.name = inner.name
        self.inner = inner
        self._desk = _Desk(records, budget or Budget(), _price(inner, price))

    @property
    def digest(self) -> str:
        """The inner scorer's."""
        return self.inner.digest

    def count_tokens(self, text: str) -> int:
        """Number of tokens of `text`; not recorded, since it costs nothing."""
        return self.inner.count_tokens(text)

    def score(self, prefix: str, options: Sequence[str]) -> ScoredOptions:
        """Scores from the records, or score and record. Raises as `RecordedChat.complete`."""
        asked = {"prefix": prefix, "options": list(options)}
        call = Call(digest("score", self.digest, asked), "score", self.name, _dump(asked))
        most = Usage(tokens_in=_bytes(prefix) + sum(map(_bytes, options)) + _TEMPLATE_TOKENS)
        return self._desk.serve(call, most, lambda: self.inner.score(prefix, options), _scores_from_json)

    def close(self) -> None:
        """Free what the inner scorer holds; the records stay open."""
        self.inner.close()


class _Desk:
    """Where a call passes: looked up, paid for, made, recorded."""

    def __init__(self, records: Records, budget: Budget, price: Price) -> None:
        self._records = records
        self._budget = budget
        self._price = price

    def serve(self, call: Call, most: Usage, ask: Callable[[], A], read: Callable[[Any], A]) -> A:
        """Find an answer or get it.

        Args:
            call: What is asked.
            most: The most tokens that it can take.
            ask: Makes the call.
            read: Rebuilds an answer from its JSON.
        """
        with self._records.alone(call.key):
            found = self._records.find(call.key)
            if found is not None:
                try:
                    return read(json.loads(found))
                except (ValueError, KeyError, TypeError) as error:
                    raise StoreError(
                        f"The answer {call.key} in {self._records.path} cannot be read ({error!r}). "
                        "The file is damaged or of another version; move it away, or delete that row of `calls`."
                    ) from error
            useless = None if self._records.retry_failed else self._records.find_useless(call.key)
            if useless is not None:
                raise OutputError(useless.reason, useless.tokens_in, useless.tokens_out, recorded=True)
            return self._make(call, most, ask)

    def _make(self, call: Call, most: Usage, ask: Callable[[], A]) -> A:
        with self._budget.reserve(cost_usd(self._price, most, 0)) as reservation:
            started = time.perf_counter()
            try:
                answer = ask()
            except ModelError as error:
                wasted = Usage(error.tokens_in, error.tokens_out) if isinstance(error, OutputError) else Usage()
                spent = self._spent(wasted, time.perf_counter() - started)
                reservation.usd = spent.usd
                self._records.add_failure(call, f"{type(error).__name__}: {error}", spent)
                raise
            spent = self._spent(answer.usage, answer.seconds)
            reservation.usd = spent.usd
            self._records.add(call, _dump(asdict(answer)), spent)
        return answer

    def _spent(self, usage: Usage, seconds: float) -> Spent:
        return Spent(usage, seconds, cost_usd(self._price, usage, seconds))


def _price(inner: object, price: Price | None) -> Price:
    own = getattr(inner, "price", None)
    return price or (own if isinstance(own, Price) else Price())


def _most_tokens(request: ChatRequest) -> Usage:
    """A bound that no tokeniser exceeds: one token a byte, as often as a schema may be asked for."""
    read = sum(_bytes(message.content) + _TEMPLATE_TOKENS for message in request.messages)
    schema = _bytes(_dump(request.schema)) if request.schema is not None else 0
    tries = FORM_TRIES if request.schema is not None else 1
    return Usage(tries * (read + schema + _TEMPLATE_TOKENS), tries * request.max_tokens)


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _dump(value: Any) -> str:
    """JSON in ASCII, since SQLite refuses halves of surrogate pairs."""
    return json.dumps(value, sort_keys=True, allow_nan=False)


def _completion_from_json(value: dict[str, Any]) -> Completion:
    return replace(Completion(**value | {"usage": Usage(**value["usage"])}), recorded=True)


def _scores_from_json(value: dict[str, Any]) -> ScoredOptions:
    options = tuple(
        OptionScore(**option | {"by_token": tuple(option.get("by_token", ()))}) for option in value["options"]
    )
    return ScoredOptions(options, Usage(**value["usage"]), value["seconds"], recorded=True)
