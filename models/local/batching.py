"""Calls of several threads, run as one batch: the first thread to come computes, the others find their result done.

A model in process reads a batch in little more time than one text, but callers bring one value at a time. Whichever
thread holds the model runs all values that wait, up to a limit; nobody needs to plan batches ahead.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

A = TypeVar("A")
B = TypeVar("B")
_GATHER_S = 0.02
"""How long the leader waits for threads that are about to call; little beside the seconds of a batch."""


@dataclass(slots=True)
class _PendingCall(Generic[A, B]):
    value: A
    result: B | None = None
    error: BaseException | None = None
    done: bool = False


class Batcher(Generic[A, B]):
    """Turns a function over a batch into one over a single value, for use from several threads.

    Example:
        >>> Batcher(lambda batch: [value + 1 for value in batch], limit=4)(1)
        2
    """

    def __init__(self, run_batch: Callable[[Sequence[A]], Sequence[B]], limit: int) -> None:
        """Batch calls of a function.

        Args:
            run_batch: The function over a batch; it must keep number and order of the values.
            limit: Maximum number of values in a batch.
        """
        self._run_batch = run_batch
        self._limit = limit
        self._waiting: list[_PendingCall[A, B]] = []
        self._queue = threading.Lock()
        self._turn = threading.Lock()

    def __call__(self, value: A) -> B:
        """The result for one value; an error of the batch is raised in each of its callers."""
        call: _PendingCall[A, B] = _PendingCall(value)
        with self._queue:
            self._waiting.append(call)
        with self._turn:
            # Usually the leader before us ran this call too; after a full batch it may still wait.
            while not call.done:
                self._lead()
        if call.error is not None:
            raise call.error
        assert call.result is not None
        return call.result

    def _lead(self) -> None:
        """Run the calls that wait, up to the limit."""
        if self._limit > 1:
            time.sleep(_GATHER_S)
        with self._queue:
            batch, self._waiting = self._waiting[: self._limit], self._waiting[self._limit :]
        try:
            results = self._run_batch([call.value for call in batch])
            for call, result in zip(batch, results, strict=True):
                call.result = result
        except BaseException as error:  # the other threads must learn of it too, or they would wait for ever
            for call in batch:
                call.error = error
        for call in batch:
            call.done = True
