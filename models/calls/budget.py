"""The budget of a run: a limit on calls and on money that parallel threads cannot exceed.

A call is reserved before it is made, at the highest price it can have, and settled at its real price. The budget counts
this run only: what an earlier run recorded is free, so the same command with a larger budget continues.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from models.config import Price
from models.errors import BudgetError, ConfigError, OutputError
from models.protocols import Usage

# Tolerance for rounding in sums of prices; far below any price, so that a budget of exactly three calls allows three.
_TINY_USD = 1e-9


def cost_usd(price: Price, usage: Usage, seconds: float) -> float:
    """Price of a call, in US dollars.

    Example:
        >>> cost_usd(Price(usd_per_million_in=1, usd_per_hour=3.6), Usage(tokens_in=2_000_000), seconds=10)
        2.01
    """
    tokens = usage.tokens_in * price.usd_per_million_in + usage.tokens_out * price.usd_per_million_out
    return tokens / 1e6 + seconds * price.usd_per_hour / 3600


def wasted_usage(error: OutputError) -> Usage:
    """Tokens of a reply that could not be used.

    Example:
        >>> wasted_usage(OutputError("cut off", 12, 5))
        Usage(tokens_in=12, tokens_out=5, cached=0, estimated=False)
    """
    return Usage(error.tokens_in, error.tokens_out, estimated=error.estimated)


@dataclass(slots=True)
class Reservation:
    """One call in flight.

    Attributes:
        usd: Price of the call in US dollars, set as soon as it is known.
    """

    usd: float = 0.0


class Budget:
    """Maximum number of calls and amount of money of one run. Safe to share between models and threads."""

    def __init__(self, max_calls: int | None = None, max_usd: float | None = None) -> None:
        """Set the limits.

        Args:
            max_calls: Maximum number of calls that are made (recorded ones are not), failed ones included; None is no
                limit.
            max_usd: Maximum price of all calls, in US dollars; None is no limit. Prices by the hour are known only
                after a call, so calls in flight may exceed it by their own time.
        Raises:
            ConfigError: A limit is below 0.
        """
        for name, value in (("max_calls", max_calls), ("max_usd", max_usd)):
            if value is not None and not value >= 0:  # "not >=" refuses NaN too
                raise ConfigError(f"Expected {name} of 0 or more, got {value}.")
        self.max_calls = max_calls
        self.max_usd = max_usd
        self._calls = 0
        self._usd = 0.0
        # The highest price of each call in flight; a sum kept by hand would drift by rounding.
        self._reserved: list[float] = []
        self._change = threading.Condition()

    @property
    def calls(self) -> int:
        """Number of calls made or in flight."""
        return self._calls

    @property
    def usd(self) -> float:
        """Price of all finished calls, in US dollars."""
        return self._usd

    @contextmanager
    def reserve(self, max_call_usd: float) -> Iterator[Reservation]:
        """Reserve a call while it is made.

        Where money is short only because calls in flight hold more than they may need, this waits for them.

        Args:
            max_call_usd: Highest price that the call can have, in US dollars.
        Raises:
            BudgetError: The budget does not allow another call.
        """
        with self._change:
            while not self._fits(max_call_usd):
                self._change.wait()
            # Counted before the call is made, so that parallel threads cannot make one too many.
            self._calls += 1
            self._reserved.append(max_call_usd)
        reservation = Reservation()
        try:
            yield reservation
        finally:
            with self._change:
                self._reserved.remove(max_call_usd)
                self._usd += reservation.usd
                self._change.notify_all()

    def _fits(self, max_call_usd: float) -> bool:
        """Whether a call may be made now; False means that it must wait for a call in flight.

        Raises:
            BudgetError: Waiting would not help.
        """
        if self.max_calls is not None and self._calls >= self.max_calls:
            raise self._used_up(f"The budget of {self.max_calls} calls is used up", "--max-calls")
        if self.max_usd is None or self._usd + sum(self._reserved) + max_call_usd <= self.max_usd + _TINY_USD:
            return True
        if self._reserved:
            return False
        raise self._used_up(
            f"The budget of ${self.max_usd:.4f} has ${max(0.0, self.max_usd - self._usd):.4f} left, and the next call "
            f"may cost up to ${max_call_usd:.4f}",
            "--max-usd",
        )

    def _used_up(self, reason: str, option: str) -> BudgetError:
        return BudgetError(
            f"{reason} ({self._calls} calls made in this run, ${self._usd:.4f} spent). All replies so far are kept: "
            f"the same command with a larger {option} continues from here."
        )
