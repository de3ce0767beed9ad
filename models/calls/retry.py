"""Retries: which faults of a model server may pass, how long to wait, and when to give up.

Exponential back-off with full jitter: before try n + 1 the wait is uniform in [0, first_s * 2**(n - 1)], capped.
A server that says how long to wait (`Retry-After`) is obeyed instead. This file knows HTTP's status codes and
headers, and no client library; time and chance come in through `RetryClock`, so that a test waits for nothing.

Source: Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015; RFC 9110, section 10.2.3.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

from models.errors import EmptyReplyError, ModelError
from models.protocols import Usage

T = TypeVar("T")

# Request Timeout, Conflict (a lock held on the server), Failed Dependency (the model behind a gateway), Too Early, Too
# Many Requests.
_PASSING = frozenset({408, 409, 424, 425, 429})
# Not Implemented, HTTP Version Not Supported: the server will not learn it meanwhile.
_LASTING = frozenset({501, 505})


class TransientFailure(Exception):
    """One try failed in a way that the next one may not.

    Attributes:
        reason: What happened, as a clause.
        retry_after_s: Wait that the server demands, in seconds, or None.
        empty: Whether the model itself replied, with an empty text.
        usage: Tokens of a reply that cannot be used; they are paid for all the same.
    """

    def __init__(
        self, reason: str, retry_after_s: float | None = None, empty: bool = False, usage: Usage | None = None
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after_s = retry_after_s
        self.empty = empty
        self.usage = usage or Usage()


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how patiently.

    Attributes:
        attempts: Number of tries, at least 1.
        first_s: Maximum wait after the first try, in seconds; it doubles with each further one.
        cap_s: Maximum wait that we choose ourselves, in seconds.
        patience_s: Maximum `Retry-After` that is waited for, in seconds; a longer one ends the tries.
    """

    attempts: int = 7
    first_s: float = 1.0
    cap_s: float = 60.0
    patience_s: float = 300.0


STOP: ContextVar[threading.Event | None] = ContextVar("stop", default=None)
"""An event that the executor of a thread provides: once it is set, no thread waits for another try."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _sleep(seconds: float) -> None:
    stop = STOP.get()
    if stop is None:
        time.sleep(seconds)
    elif stop.wait(seconds):
        # Neither a reply nor a fault: this item must have no result at all.
        raise KeyboardInterrupt


@dataclass(frozen=True, slots=True)
class RetryClock:
    """Time and chance, so that a test can replace them.

    Attributes:
        sleep: Waits a number of seconds; ends early, with `KeyboardInterrupt`, where `STOP` is set.
        clock: Returns monotonic seconds.
        now: Returns the time of day in UTC, for `Retry-After` dates.
        draw: Returns a uniform random number between two bounds.
    """

    sleep: Callable[[float], None] = _sleep
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = _utc_now
    draw: Callable[[float, float], float] = random.uniform


def may_pass(status: int) -> bool:
    """Whether a request that got this HTTP status may succeed later.

    Example:
        >>> [may_pass(status) for status in (400, 404, 408, 429, 500, 501, 503)]
        [False, False, True, True, True, False, True]
    """
    return status in _PASSING or (status >= 500 and status not in _LASTING)


def retry_after_s(headers: Mapping[str, str], now: datetime) -> float | None:
    """The wait that a server demands, in seconds, 0 or more; None if it states none that can be parsed.

    Args:
        headers: Response headers, names in lower case or a mapping that ignores case.
        now: Time of day in UTC, from which a `Retry-After` date is counted.
    Example:
        >>> retry_after_s({"retry-after": "7"}, datetime(2026, 1, 1, tzinfo=UTC))
        7.0
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    # `Retry-After` is a number of seconds or a date (RFC 9110, section 10.2.3); OpenAI adds the header in milliseconds.
    value = headers.get("retry-after")
    seconds = _number(value)
    if seconds is not None or value is None:
        return seconds
    try:
        until = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (until.replace(tzinfo=until.tzinfo or UTC) - now).total_seconds())


def with_retries(call: Callable[[], T], target: str, check: str, policy: RetryPolicy, clock: RetryClock) -> T:
    """Call until it succeeds, raises something else than `TransientFailure`, or the tries are used up.

    Args:
        call: Makes one try.
        target: What is called, for the message ("The model qwen at http://…").
        check: What a person should check when all tries failed, a sentence.
        policy: Number of tries and lengths of waits.
        clock: Time and chance.
    Raises:
        EmptyReplyError: All tries failed, and at the last one the model replied with an empty text.
        ModelError: All tries failed, or the server demands a wait beyond our patience.
    """
    began = clock.clock()
    for attempt in range(1, policy.attempts + 1):
        try:
            return call()
        except TransientFailure as fault:
            demanded_s = fault.retry_after_s
            impatient = demanded_s is not None and demanded_s > policy.patience_s
            if attempt < policy.attempts and not impatient:
                clock.sleep(_wait(attempt, demanded_s, policy, clock))
                continue
            elapsed_s = clock.clock() - began
            tries = "1 try" if attempt == 1 else f"{attempt} tries"
            patience = f"It accepts no request for {demanded_s:.0f} s; run again after that. " if impatient else ""
            kind = EmptyReplyError if fault.empty else ModelError
            advice = "Turn thinking off at the server, or take another model." if fault.empty else check
            raise kind(
                f"{target} gave no usable reply in {tries} over {elapsed_s:.1f} s; the last time, {fault.reason}. "
                f"{patience}{advice}"
            ) from fault
    raise ValueError(f"Expected a retry policy of at least one attempt, got {policy.attempts}.")


def _wait(attempt: int, demanded_s: float | None, policy: RetryPolicy, clock: RetryClock) -> float:
    """Length of the wait after a failed try, in seconds."""
    if demanded_s is not None:
        # A little later than demanded, or all waiting callers come back in the same instant.
        return demanded_s + clock.draw(0.0, min(1.0, policy.first_s))
    # Full jitter: the lower bound is 0, which spreads the tries of many callers best.
    return clock.draw(0.0, min(policy.cap_s, policy.first_s * 2.0 ** (attempt - 1)))


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text is not None else -1.0
    except ValueError:
        return None
    return value if 0.0 <= value < float("inf") else None
