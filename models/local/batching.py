"""Calls of several threads, answered together: the first to come leads, the others find their answer done.

A model in process reads a batch in little more time than one text, but callers ask one thing at a time. Whoever
gets hold of the model answers everything that waits, up to a limit; nobody needs to plan batches ahead.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

A = TypeVar("A")
B = TypeVar("B")
_GATHER_S = 0.02
"""How long the leader waits for threads that are about to ask; nothing beside the seconds of an answer."""


@dataclass(slots=True)
class _Ticket(Generic[A, B]):
    asked: A
    answer: B | None = None
    error: BaseException | None = None
    done: bool = field(default=False)


class Batcher(Generic[A, B]):
    """Turns a function over a batch into one over a single value, for use from several threads.

    Example:
        >>> Batcher(lambda batch: [value + 1 for value in batch], limit=4)(1)
        2
    """

    def __init__(self, answer: Callable[[Sequence[A]], Sequence[B]], limit: int) -> None:
        """Batch calls of `answer`, at most `limit` values at a time; it must keep their number and order."""
        self._answer = answer
        self._limit = limit
        self._waiting: list[_Ticket[A, B]] = []
        self._queue = threading.Lock()
        self._turn = threading.Lock()

    def __call__(self, asked: A) -> B:
        """Answer one value; what the batch raises, each of its callers gets."""
        ticket: _Ticket[A, B] = _Ticket(asked)
        with self._queue:
            self._waiting.append(ticket)
        with self._turn:
            while not ticket.done:
                self._lead()
        if ticket.error is not None:
            raise ticket.error
        assert ticket.answer is not None
        return ticket.answer

    def _lead(self) -> None:
        if self._limit > 1:
            time.sleep(_GATHER_S)
        with self._queue:
            batch, self._waiting = self._waiting[: self._limit], self._waiting[self._limit :]
        try:
            answers = self._answer([ticket.asked for ticket in batch])
            for ticket, answer in zip(batch, answers, strict=True):
                ticket.answer = answer
        except BaseException as error:
            for ticket in batch:
                ticket.error = error
        for ticket in batch:
            ticket.done = True
