"""Models that make no call twice: a chat model or scorer wrapped in records and a budget.

The key of a call covers everything that could change its response: the model's digest (weights or endpoint, adapter,
settings) and the complete request (template, schema, decoding, messages). A recorded response costs nothing and counts
against no budget. A rejected reply (cut off, out of form) or a refused prompt is on record too and fails again without
a call, unless the records were opened to retry; a server that could not be reached, refused every call, or replied with
an empty text, is called again.

    chat = RecordedChat(inner, Records(Path("workspace/graph.sqlite")), Budget(max_calls=100))
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import Any, TypeVar

from models.calls.budget import Budget, cost_usd, wasted_usage
from models.calls.record_store import Call, CallCost, LedgerRow, Records
from models.calls.structured import FORM_TRIES
from models.config import Price
from models.errors import ConfigError, ModelError, OutputError, StoreError
from models.files.digest import digest
from models.protocols import (
    ChatModel,
    ChatRequest,
    ChoiceScorer,
    Completion,
    MarginalChat,
    MarginalMethod,
    OptionScore,
    OptionScores,
    Usage,
)

__all__ = ["Budget", "LedgerRow", "RecordedChat", "RecordedScorer", "Records"]

R = TypeVar("R", Completion, OptionScores)

# Maximum number of tokens that a chat template puts around a message.
_TEMPLATE_TOKENS = 16


class RecordedChat:
    """A `ChatModel` whose replies are recorded and found again."""

    def __init__(
        self, inner: ChatModel, records: Records, budget: Budget | None = None, price: Price | None = None
    ) -> None:
        """Wrap a chat model.

        Args:
            inner: The model that is called where no reply is on record.
            records: Where replies are kept.
            budget: Limit on calls and money; None is no limit.
            price: Price of `inner`; None takes its own `price` where it has one, else it is free.
        """
        self.name = inner.name
        self.inner = inner
        self.trained_for = getattr(inner, "trained_for", "")
        self._recorder = _CallRecorder(records, budget or Budget(), _price(inner, price))

    @property
    def digest(self) -> str:
        """The inner model's digest: a recorded reply is its reply."""
        return self.inner.digest

    def complete(self, request: ChatRequest) -> Completion:
        """Reply from the records, or call the model and record its reply.

        Raises:
            BudgetError: The reply is not on record, and the budget allows no further call.
            ModelError: The inner model raises it.
            OutputError: The inner model raises it, or a rejected reply is on record.
            StoreError: The records cannot be read or written.
        """
        content = asdict(request)
        call = Call(digest("chat", self.digest, content), "chat", self.name, _dump(content))
        return self._recorder.serve(
            call, _max_usage(request), lambda: self.inner.complete(request), _completion_from_json
        )

    def complete_marginal(
        self, requests: Sequence[ChatRequest], log_weights: Sequence[float], method: MarginalMethod
    ) -> Completion:
        """See `MarginalChat`; raises as `complete`, and ConfigError where the inner model cannot."""
        inner = self.inner
        if not isinstance(inner, MarginalChat):
            raise ConfigError(
                f"{self.name} cannot weigh passages that it reads one by one: expected a model of the backend "
                "transformers, such as qwen-1.5b-hf."
            )
        # The name "way" is part of the key of calls on record.
        content = {"requests": [asdict(request) for request in requests], "weights": list(log_weights), "way": method}
        call = Call(digest("marginal", self.digest, content), "chat", self.name, _dump(content))
        max_usage = sum(map(_max_usage, requests), Usage())
        return self._recorder.serve(
            call, max_usage, lambda: inner.complete_marginal(requests, log_weights, method), _completion_from_json
        )

    def close(self) -> None:
        """Free what the inner model holds; the records stay open."""
        self.inner.close()


class RecordedScorer:
    """A `ChoiceScorer` whose scores are recorded and found again."""

    def __init__(
        self, inner: ChoiceScorer, records: Records, budget: Budget | None = None, price: Price | None = None
    ) -> None:
        """Wrap a scorer; the arguments are those of `RecordedChat`."""
        self.name = inner.name
        self.inner = inner
        self._recorder = _CallRecorder(records, budget or Budget(), _price(inner, price))

    @property
    def digest(self) -> str:
        """The inner scorer's digest."""
        return self.inner.digest

    def count_tokens(self, text: str) -> int:
        """Number of tokens of `text`; not recorded, since it costs nothing."""
        return self.inner.count_tokens(text)

    def score(self, prefix: str, options: Sequence[str]) -> OptionScores:
        """Scores from the records, or score and record. Raises as `RecordedChat.complete`."""
        content = {"prefix": prefix, "options": list(options)}
        call = Call(digest("score", self.digest, content), "score", self.name, _dump(content))
        max_usage = Usage(tokens_in=_bytes(prefix) + sum(map(_bytes, options)) + _TEMPLATE_TOKENS)
        return self._recorder.serve(call, max_usage, lambda: self.inner.score(prefix, options), _scores_from_json)

    def close(self) -> None:
        """Free what the inner scorer holds; the records stay open."""
        self.inner.close()


class _CallRecorder:
    """Takes a call through its four steps: look it up, reserve its price, make it, record it."""

    def __init__(self, records: Records, budget: Budget, price: Price) -> None:
        self._records = records
        self._budget = budget
        self._price = price

    def serve(self, call: Call, max_usage: Usage, make: Callable[[], R], from_json: Callable[[Any], R]) -> R:
        """The response to a call, from the records or from the model.

        Args:
            call: The call, with its key.
            max_usage: Maximum number of tokens that it can take.
            make: Makes the call.
            from_json: Rebuilds a response from its JSON.
        """
        with self._records.alone(call.key):
            response = self._records.find(call.key)
            if response is not None:
                try:
                    return from_json(json.loads(response))
                except (ValueError, KeyError, TypeError) as error:
                    raise StoreError(
                        f"The response {call.key} in {self._records.path} cannot be read ({error!r}). "
                        "The file is damaged or of another version; move it away, or delete that row of `calls`."
                    ) from error
            rejected = None if self._records.retry_failed else self._records.find_rejected(call.key)
            if rejected is not None:
                raise rejected.error()
            return self._make(call, max_usage, make)

    def _make(self, call: Call, max_usage: Usage, make: Callable[[], R]) -> R:
        with self._budget.reserve(cost_usd(self._price, max_usage, 0)) as reservation:
            started = time.perf_counter()
            try:
                response = make()
            except ModelError as error:
                wasted = wasted_usage(error) if isinstance(error, OutputError) else Usage()
                cost = self._cost(wasted, time.perf_counter() - started)
                reservation.usd = cost.usd
                self._records.add_failure(call, f"{type(error).__name__}: {error}", cost)
                raise
            cost = self._cost(response.usage, response.seconds)
            reservation.usd = cost.usd
            # Before the response is returned: a run killed after this line does not pay for it again.
            self._records.add(call, _dump(_content(response)), cost)
        return response

    def _cost(self, usage: Usage, seconds: float) -> CallCost:
        return CallCost(usage, seconds, cost_usd(self._price, usage, seconds))


def _price(inner: object, price: Price | None) -> Price:
    inner_price = getattr(inner, "price", None)
    return price or (inner_price if isinstance(inner_price, Price) else Price())


def _max_usage(request: ChatRequest) -> Usage:
    """A bound that no tokeniser exceeds: one token a byte, for every try that a schema may need."""
    read = sum(_bytes(message.content) + _TEMPLATE_TOKENS for message in request.messages)
    schema = _bytes(_dump(request.schema)) if request.schema is not None else 0
    tries = FORM_TRIES if request.schema is not None else 1
    return Usage(tries * (read + schema + _TEMPLATE_TOKENS), tries * request.max_tokens)


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _dump(value: Any) -> str:
    """JSON in ASCII, since SQLite refuses halves of surrogate pairs."""
    return json.dumps(value, sort_keys=True, allow_nan=False)


def _content(response: Completion | OptionScores) -> dict[str, Any]:
    """A response as mappings; what most responses do not have is left out, so that older versions read them."""
    content = asdict(response)
    if not response.usage.estimated:
        del content["usage"]["estimated"]
    if not content.get("surplus"):
        content.pop("surplus", None)
    return content


def _completion_from_json(value: dict[str, Any]) -> Completion:
    return replace(Completion(**value | {"usage": Usage(**value["usage"])}), recorded=True)


def _scores_from_json(value: dict[str, Any]) -> OptionScores:
    options = tuple(
        OptionScore(**option | {"by_token": tuple(option.get("by_token", ()))}) for option in value["options"]
    )
    return OptionScores(options, Usage(**value["usage"]), value["seconds"], recorded=True)
