"""How the items of a stage are spread over workers: threads here, a cluster elsewhere.

An executor knows nothing of the graph. It maps a function over items and yields each result as soon
as it is there. An item's exception is that item's result, so that one bad item never stops the
others. Two things stop the map: a used-up budget and the user's interrupt. Then no new item is
begun, the items that already run are finished and yielded, and only then the error is raised. An item
that only waits to try a model call again is not running: an interrupt ends it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing
from itertools import islice
from threading import Event
from typing import Protocol, TypeVar

from models.calls.retry import STOP
from models.errors import BudgetError, ConfigError, ModelError, OutputError, RefusalError, StoreError

T = TypeVar("T")
U = TypeVar("U")

_OUTAGE = 3
"""Number of items in a row whose model could not be called after which the model counts as gone."""


class Executor(Protocol):
    """Maps a function over items, on workers of its own."""

    def map_unordered(self, fn: Callable[[T], U], items: Iterable[T]) -> Generator[tuple[T, U | Exception]]:
        """Yield (item, result) as they finish; an item's exception is its result.

        Raises:
            BudgetError: An item reached the budget; every finished item was yielded before.
            KeyboardInterrupt: The user stopped; every finished item was yielded before.
        """


class ThreadExecutor:
    """Runs items on a fixed number of threads, which suits calls that wait for a server.

    Args:
        workers: Number of threads.
    Raises:
        ConfigError: There are fewer than one.

    Example:
        >>> sorted(ThreadExecutor(2).map_unordered(lambda n: n * n, [1, 2, 3]))
        [(1, 1), (2, 4), (3, 9)]
    """

    def __init__(self, workers: int = 4) -> None:
        if workers < 1:
            raise ConfigError(f"Expected at least 1 worker, got {workers}. Give a larger number.")
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
                        # Few items ahead: `items` may be endless, and a stop then leaves little behind.
                        if stop is None:
                            for item in islice(source, 2 * self.workers - len(running)):
                                running[pool.submit(fn, item)] = item
                        if not running:
                            break
                        finished, _ = wait(running, return_when=FIRST_COMPLETED)
                    except KeyboardInterrupt as interrupt:
                        if stop is not None:
                            raise  # a second interrupt: leave now, what runs is lost
                        stop = interrupt
                        # Calls in flight are paid for and finish; only waits between tries end at once.
                        no_waiting.set()
                        _cancel(running)
                        continue
                    for future in finished:
                        item, error = running.pop(future), future.exception()
                        if error is None:
                            yield item, future.result()
                        elif isinstance(error, Exception) and not isinstance(error, BudgetError):
                            yield item, error
                        else:  # the budget, or what is no ordinary exception: the first one is raised at the end
                            stop = stop or error
                            _cancel(running)
            finally:
                no_waiting.set()
                _cancel(running)
        if stop is not None:
            raise stop


def _cancel(running: dict[Future[U], T]) -> None:
    """Withdraw the items that no thread has begun."""
    for future in list(running):
        if future.cancel():
            del running[future]


def call_all(executor: Executor, fn: Callable[[T], U], items: Iterable[T]) -> Generator[tuple[T, U | Exception]]:
    """Map a function that calls a model over items, and separate faults of an item from faults of the run.

    A wrong setting or a damaged store is raised at once. A failed call may be one item's fault (a server may fail at
    a text), so such a failure is held back: one usable result shows that the model is there; several failures in a
    row, or no result at all, that it is not. Calls that the server did not refuse outright are made once more at the
    end, one item at a time: a bad minute has passed by then, and no other item is in the way.

    Yields:
        Every item once, with its result or its exception; held-back items come last.
    Raises:
        ModelError: The model counts as gone.
        ConfigError: A setting is wrong; every other item would fail too.
        StoreError: A store is damaged; every other item would fail too.
        BudgetError: The budget is used up.
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
    # Fewer items than an outage takes, and none got through: the model is the more likely fault.
    if held and not reached:
        raise held[0][1]
    yield from ((item, error) for item, error in held if isinstance(error, RefusalError))
    again = [item for item, error in held if not isinstance(error, RefusalError)]
    with closing(ThreadExecutor(1).map_unordered(fn, again)) as results:
        for item, outcome in results:
            _raise_lasting(outcome)
            yield item, outcome


def _raise_lasting(outcome: object) -> None:
    """Raise an error that every other item would meet too."""
    if isinstance(outcome, ConfigError | StoreError):
        raise outcome
