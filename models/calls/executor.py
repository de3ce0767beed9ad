"""How a stage's items are spread over workers: threads here, a cluster elsewhere.

An executor knows nothing of the graph. It maps a function over items and hands each result back as
soon as it is there. An item's exception is that item's result, so that one bad item never takes the
others with it. Two things stop the map: a used-up budget and the user's interrupt. Then nothing new
is begun, what is already running is handed back too, and only after that the stop is raised. What only
waits for another try of a model call is not running: an interrupt ends it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing
from itertools import islice
from threading import Event
from typing import Protocol, TypeVar

from models.calls.retry import STOP
from models.errors import BudgetReached, ConfigError, ModelError, ModelRefused, OutputError, StoreError

T = TypeVar("T")
U = TypeVar("U")

_OUTAGE = 3
"""So many items in a row that the model could not be asked for at all mean that it is gone."""


class Executor(Protocol):
    """Maps a function over items."""

    def map_unordered(self, fn: Callable[[T], U], items: Iterable[T]) -> Generator[tuple[T, U | Exception]]:
        """Yield (item, result) as they finish; an item's exception is its result.

        Raises:
            BudgetReached: An item reached the budget; every finished item was yielded before.
            KeyboardInterrupt: The user stopped; every finished item was yielded before.
        """


class ThreadExecutor:
    """Runs items on a fixed number of threads; good for calls that wait for a server.

    Example:
        >>> sorted(ThreadExecutor(2).map_unordered(lambda n: n * n, [1, 2, 3]))
        [(1, 1), (2, 4), (3, 9)]
    """

    def __init__(self, workers: int = 4) -> None:
        if workers < 1:
            raise ConfigError(f"an executor needs at least 1 worker, not {workers}")
        self.workers = workers

    def map_unordered(self, fn: Callable[[T], U], items: Iterable[T]) -> Generator[tuple[T, U | Exception]]:
        """Yield (item, result) as they finish; see `Executor`.

        At most twice as many items as workers are taken from `items` ahead of their results, so that an
        endless iterable is fine and a stop leaves little behind.
        """
        source = iter(items)
        running: dict[Future[U], T] = {}
        stop: BaseException | None = None
        no_waiting = Event()
        with ThreadPoolExecutor(self.workers, "graft", initializer=STOP.set, initargs=(no_waiting,)) as pool:
            try:
                while True:
                    try:
                        if stop is None:
                            for item in islice(source, 2 * self.workers - len(running)):
                                running[pool.submit(fn, item)] = item
                        if not running:
                            break
                        finished, _ = wait(running, return_when=FIRST_COMPLETED)
                    except KeyboardInterrupt as interrupt:
                        if stop is not None:
                            raise  # asked twice: leave now, what runs is lost
                        stop = interrupt
                        no_waiting.set()
                        _cancel(running)
                        continue
                    for future in finished:
                        item, error = running.pop(future), future.exception()
                        if error is None:
                            yield item, future.result()
                        elif isinstance(error, Exception) and not isinstance(error, BudgetReached):
                            yield item, error
                        else:
                            stop = stop or error
                            _cancel(running)
            finally:
                no_waiting.set()
                _cancel(running)
        if stop is not None:
            raise stop


def _cancel(running: dict[Future[U], T]) -> None:
    """Take back the items that no thread has begun."""
    for future in list(running):
        if future.cancel():
            del running[future]


def ask_all(executor: Executor, fn: Callable[[T], U], items: Iterable[T]) -> Generator[tuple[T, U | Exception]]:
    """Map a function that calls a model over items, and tell what is an item's fault from what is not.

    A wrong setting or a damaged store is raised at once. A model that can't be asked may be one item's fault (a
    server may fail at a text), so such a failure is held back: a usable result shows that the model is there;
    several failures in a row, or nothing else at all, that it isn't. What the server did not refuse outright is
    asked once more at the end, one item at a time: a bad minute has passed by then, and no other item is in the way.
    """
    held: list[tuple[T, ModelError]] = []
    in_a_row, reached = 0, False
    with closing(executor.map_unordered(fn, items)) as results:
        for item, outcome in results:
            _raise_lasting(outcome)
            if isinstance(outcome, ModelError) and not isinstance(outcome, OutputError):
                held.append((item, outcome))
                in_a_row += 1
                if in_a_row >= _OUTAGE:
                    raise outcome
                continue
            in_a_row, reached = 0, True
            yield item, outcome
    if held and not reached:
        raise held[0][1]
    yield from ((item, error) for item, error in held if isinstance(error, ModelRefused))
    again = [item for item, error in held if not isinstance(error, ModelRefused)]
    with closing(ThreadExecutor(1).map_unordered(fn, again)) as results:
        for item, outcome in results:
            _raise_lasting(outcome)
            yield item, outcome


def _raise_lasting(outcome: object) -> None:
    """Raise what every other item would meet too."""
    if isinstance(outcome, ConfigError | StoreError):
        raise outcome
