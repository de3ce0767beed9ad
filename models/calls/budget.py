"""What calls may cost: a limit on number and money that parallel threads cannot overshoot.

A call is reserved before it is made, at the most it can cost, and settled at what it did cost. The budget counts
this run only: what an earlier run recorded is free, so the same command with a larger budget goes on.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from models.config import Price
from models.errors import BudgetReached, ConfigError
from models.protocols import Usage

# Rounding of sums of prices; far below any price.
_TINY_USD = 1e-9


def cost_usd(price: Price, usage: Usage, seconds: float) -> float:
    """What a call costs, in US dollars.

    Example:
        >>> cost_usd(Price(usd_per_million_in=1, usd_per_hour=3.6), Usage(tokens_in=2_000_000), seconds=10)
        2.01
    """
    tokens = usage.tokens_in * price.usd_per_million_in + usage.tokens_out * price.usd_per_million_out
    return tokens / 1e6 + seconds * price.usd_per_hour / 3600


@dataclass(slots=True)
class Reservation:
    """One call in the making; `usd` is set to what it cost, when that is known."""

    usd: float = 0.0


class Budget:
    """Most calls and most money of one run. Safe to share between models and threads."""

    def __init__(self, max_calls: int | None = None, max_usd: float | None = None) -> None:
        """Set the limits.

        Args:
            max_calls: Most calls that are really made, failed ones included; None is no limit.
            max_usd: Most US dollars; None is no limit. Prices by the hour are known only after a call, so calls
                in flight may exceed it by their own time.
        Raises:
            ConfigError: A limit below 0.
        """
        for name, value in (("max_calls", max_calls), ("max_usd", max_usd)):
            if value is not None and not value >= 0:
                raise ConfigError(f"Expected {name} of 0 or more, got {value}.")
        self.max_calls = max_calls
        self.max_usd = max_usd
        self._calls = 0
        self._usd = 0.0
        self._reserved: list[float] = []
        self._change = threading.Condition()

    @property
    def calls(self) -> int:
        """Calls made or in the making."""
        return self._calls

    @property
    def usd(self) -> float:
        """Dollars spent by finished calls."""
        return self._usd

    @contextmanager
    def reserve(self, most_usd: float) -> Iterator[Reservation]:
        """Hold room for one call while it is made.

        Where money is short only because calls in flight hold more than they may need, this waits for them.

        Args:
            most_usd: The most that the call can cost.
        Raises:
            BudgetReached: No room is left.
        """
        with self._change:
            while not self._fits(most_usd):
                self._change.wait()
            self._calls += 1
            self._reserved.append(most_usd)
        reservation = Reservation()
        try:
            yield reservation
        finally:
            with self._change:
                self._reserved.remove(most_usd)
                self._usd += reservation.usd
                self._change.notify_all()

    def _fits(self, most_usd: float) -> bool:
        """True: go ahead; False: wait for a call in flight."""
        if self.max_calls is not None and self._calls >= self.max_calls:
            raise self._reached(f"The budget of {self.max_calls} calls is used up", "--max-calls")
        if self.max_usd is None or self._usd + sum(self._reserved) + most_usd <= self.max_usd + _TINY_USD:
            return True
        if self._reserved:
            return False
        raise self._reached(
            f"The budget of ${self.max_usd:.4f} has ${max(0.0, self.max_usd - self._usd):.4f} left, and the next call "
            f"may cost up to ${most_usd:.4f}",
            "--max-usd",
        )

    def _reached(self, what: str, option: str) -> BudgetReached:
        return BudgetReached(
            f"{what} ({self._calls} calls made in this run, ${self._usd:.4f} spent). All answers so far are kept: "
            f"the same command with a larger {option} goes on from here."
        )
