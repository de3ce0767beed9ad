"""How a stage's items are spread over workers: threads here, a cluster elsewhere.

An executor knows nothing of the graph. It maps a function over items and hands each result back as
soon as it is there. An item's exception is that item's result, so that one bad item never takes the
others with it. Two things stop the map: a used-up budget and the user's interrupt. Then nothing new
is begun, what is already running is handed back too, and only after that the stop is raised.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from typing import Protocol, TypeVar

from models.errors import BudgetReached, ConfigError, ModelError, OutputError, StoreError

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
        with ThreadPoolExecutor(self.workers, thread_name_prefix="graft") as pool:
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
                _cancel(running)
        if stop is not None:
            raise stop


def _cancel(running: dict[Future[U], T]) -> None:
    """Take back the items that no thread has begun."""
    for future in list(running):
        if future.cancel():
            del running[future]


def without_outages(results: Iterable[tuple[T, U | Exception]]) -> Iterator[tuple[T, U | Exception]]:
    """Pass the results of model calls on, but raise what is no fault of the item.

    A wrong setting or a damaged store is raised at once. A model that can't be asked may be one
    item's fault (a server may refuse a text), so such a failure is held back: a usable result
    after it shows that the model is there; several in a row, or nothing else at all, that it isn't.
    """
    held: list[tuple[T, U | Exception]] = []
    reached = False
    for item, outcome in results:
        if isinstance(outcome, ConfigError | StoreError):
            raise outcome
        if isinstance(outcome, ModelError) and not isinstance(outcome, OutputError):
            held.append((item, outcome))
            if len(held) >= _OUTAGE:
                raise outcome
            continue
        reached = True
        yield from held
        held.clear()
        yield item, outcome
    for item, outcome in held:
        if isinstance(outcome, Exception) and not reached:
            raise outcome
        yield item, outcome
