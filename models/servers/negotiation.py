"""From a request to the body that a server takes: what it refuses is learnt, and whose fault a refusal is, settled.

A refusal that names a parameter is a lesson for all requests of the run (`dialect`), told once through the logger
"graft". One that names none may be the prompt's fault or the run's. Where the server has answered nothing yet, a short
neutral request settles it: if that is refused too, and in plainer dialects as well, every other prompt would be; if it
passes, only this prompt is refused, and the run continues. Prompts that are refused by their own fault, such as too
long, are doubted in the same way once there are many of them and nothing else. Knows no HTTP: the caller exchanges
bodies.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from models.calls.budget import wasted_usage
from models.calls.retry import TransientFailure
from models.calls.structured import excerpt
from models.errors import OutputError, RefusedPromptError, TooLongError
from models.protocols import ChatRequest, Message, Usage
from models.redaction import redact
from models.servers.dialect import Dialect
from models.servers.refusals import ServerError, fault_of, without_quotes
from models.servers.replies import parse_reply

LOGGER = logging.getLogger("graft")
"""Where lessons are told; the command line prints its warnings as remarks."""
_MAX_LESSONS = 16
"""More than a dialect has to give up."""
_MANY = 8
"""Number of prompts refused in a row by their own fault, after which that fault is doubted."""
_PROBE = {"system": "Be brief.", "user": "Say yes.", "assistant": "Yes."}
_PROBE_TOKENS = 16

Exchange = Callable[[dict[str, Any]], bytes]
"""Sends a body and returns the one that comes back; raises `RefusedRequestError` for an error of the server."""


class RefusedRequestError(Exception):
    """A server answered a request with an error.

    Attributes:
        error: What it said.
    """

    def __init__(self, error: ServerError) -> None:
        super().__init__(error.message)
        self.error = error


class Negotiation:
    """What one server takes, learnt as requests are sent. Safe to share between threads."""

    def __init__(self, dialect: Dialect, model: str, target: str) -> None:
        """Begin with a dialect.

        Args:
            dialect: What is known before the first request.
            model: The model's name on the server.
            target: The model and its address, for messages.
        """
        self.dialect = dialect
        self._model = model
        self._target = target
        self._lock = threading.Lock()
        self._probing = threading.Lock()
        # What kinds of request were answered before: a server may refuse a schema, or the system's role.
        self._taken: set[tuple[bool, tuple[str, ...]]] = set()
        self._hopeless = False
        self._refused = 0
        self._probes = 0

    def send(self, request: ChatRequest, exchange: Exchange, by_prompt: bool = False) -> bytes:
        """Send a request in as many dialects as it takes.

        Args:
            request: The request.
            exchange: Sends one body.
            by_prompt: Whether the form of the reply is told by the prompt alone, whatever the dialect.
        Raises:
            RefusedPromptError: The server refuses this prompt.
            RefusedRequestError: It refuses everything, or a later try may succeed.
        """
        for _ in range(_MAX_LESSONS):
            dialect = self.dialect
            spoken = replace(dialect, form="prompt") if by_prompt else dialect
            sent = spoken.body(self._model, request)
            try:
                raw = exchange(sent)
            except RefusedRequestError as refusal:
                refusal.error = without_quotes(refusal.error, "\n".join(turn.content for turn in request.messages))
                fault = fault_of(refusal.error)
                if fault in ("prompt", "too long"):
                    spent = self._doubt(request, dialect, refusal, exchange)
                    raise self._refused_prompt(refusal.error, spent) from refusal
                if self._learns(dialect, spoken, refusal.error, sent):
                    continue
                if fault != "unclear":
                    raise
                settled = self._settle(request, dialect, refusal, exchange)
                if settled is None:
                    continue
                raise self._refused_prompt(refusal.error, settled) from refusal
            self._taken.add(_kind(request))
            self._hopeless, self._refused = False, 0
            return raw
        raise TransientFailure("it refused one parameter after another, and takes what is left no more")

    def prefer_prompt(self) -> None:
        """From now on tell the form of a reply by the prompt alone: JSON mode gave a wrong one, and the prompt did."""
        with self._lock:
            before = self.dialect
            self.dialect = replace(before, form="prompt")
            told = before.form != "prompt"
        if told:
            LOGGER.warning(
                "%s wrote a reply of a wrong form in JSON mode, and one of the right form without it. For the rest of "
                "this run, the schema is put into the prompt alone. To say so from the start, write structured: prompt "
                "into the model's YAML.",
                self._target,
            )

    def _learns(self, dialect: Dialect, spoken: Dialect, error: ServerError, sent: dict[str, Any]) -> bool:
        """Whether the request is worth sending again in what is now the dialect."""
        with self._lock:
            if self.dialect != dialect:
                return True  # another thread has learnt meanwhile
            taught = spoken.after(error, sent)
            if taught is None:
                return False
            if spoken.form != dialect.form:
                taught = replace(taught, form=dialect.form)
            self._adopt(taught, error)
            return True

    def _adopt(self, taught: Dialect, error: ServerError) -> None:
        before, self.dialect = self.dialect, taught
        parts = [
            f"{self._target} refused a parameter (HTTP {error.status}: {excerpt(error.message)}).",
            f"For the rest of this run, {taught.changes(before)}.",
        ]
        # A person has to know what nobody can make again.
        if {"temperature", "seed"} & (taught.omitted - before.omitted):
            parts.append("Its replies may differ from run to run.")
        if setting := taught.setting(before):
            parts.append(f"To say so from the start, write {setting} into the model's YAML.")
        LOGGER.warning("%s", redact(" ".join(parts)))

    def _doubt(self, request: ChatRequest, dialect: Dialect, refusal: RefusedRequestError, exchange: Exchange) -> Usage:
        """Count prompts that are refused by their own fault; where there are many and no other, try a neutral one once.

        Returns:
            What that cost.
        Raises:
            RefusedRequestError: The neutral one is refused too.
        """
        with self._probing:
            if self._taken:
                return Usage()
            if self._hopeless:
                raise refusal
            self._refused += 1
            if self._refused != _MANY:
                return Usage()
            spent = self._try(self._probe(request), dialect, exchange)
            self._hopeless = spent is None
            if spent is None:
                raise refusal
            return spent

    def _settle(
        self, request: ChatRequest, dialect: Dialect, refusal: RefusedRequestError, exchange: Exchange
    ) -> Usage | None:
        """Find out whether a refusal that names nothing is this prompt's fault.

        Returns:
            What the probe cost, if the prompt is at fault; None if a plainer dialect was learnt.
        Raises:
            RefusedRequestError: The server refuses everything.
        """
        kind = _kind(request)
        # A key can be withdrawn at any time, so a bare 403 is doubted each time.
        doubted = refusal.error.status == 403
        with self._probing:
            if self.dialect != dialect:
                return None
            if self._hopeless:
                raise refusal
            if kind in self._taken and not doubted:
                self._refused += 1
                # An account may run out while a run is under way, in words that nobody knows.
                if self._refused % _MANY:
                    return Usage()
            probe = self._probe(request)
            spent = self._try(probe, dialect, exchange)
            if spent is not None:
                self._taken.add(kind)
                return spent
            for plainer in () if doubted else dialect.fallbacks(request.schema is not None):
                if self._try(probe, plainer, exchange) is not None:
                    with self._lock:
                        self._adopt(plainer, refusal.error)
                    return None
            self._hopeless = True
            raise refusal

    def _probe(self, request: ChatRequest) -> ChatRequest:
        """A request like another one but for its words."""
        self._probes += 1
        # Numbered, or a proxy that caches replies would answer for a server that no longer does.
        number = "" if self._probes == 1 else f" ({self._probes})"
        messages = tuple(Message(turn.role, f"{_PROBE[turn.role]}{number}") for turn in request.messages)
        return replace(request, messages=messages, max_tokens=min(_PROBE_TOKENS, request.max_tokens))

    def _try(self, probe: ChatRequest, dialect: Dialect, exchange: Exchange) -> Usage | None:
        """What a probe cost, None if it was refused.

        Raises:
            RefusedRequestError: The server is busy or away, which says nothing.
        """
        try:
            raw = exchange(dialect.body(self._model, probe))
        except RefusedRequestError as refusal:
            if fault_of(refusal.error) == "passing":
                raise
            return None
        try:
            return parse_reply(raw, probe).usage
        except OutputError as error:
            return wasted_usage(error)
        except TransientFailure:
            return Usage()

    def _refused_prompt(self, error: ServerError, spent: Usage) -> RefusedPromptError:
        too_long = fault_of(error) == "too long"
        kind = TooLongError if too_long else RefusedPromptError
        advice = (
            "It is too long for the model: give it less text, or take a model with a longer context."
            if too_long
            else "Other prompts may pass: change this text, or take another model."
        )
        said = f"HTTP {error.status}: {excerpt(error.message, 300)}"
        return kind(
            f"{self._target} refused this prompt ({said}). {advice}",
            spent.tokens_in,
            spent.tokens_out,
            estimated=spent.estimated,
        )


def _kind(request: ChatRequest) -> tuple[bool, tuple[str, ...]]:
    """What a server may refuse of a request whatever its words: a schema, and the roles of its turns."""
    return request.schema is not None, tuple(turn.role for turn in request.messages)
