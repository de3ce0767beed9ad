"""Trying again: which faults of a model server may pass, how long to wait, and when to give up.

Exponential back-off with full jitter: before try n + 1 the wait is uniform in [0, first_s * 2**(n - 1)], capped.
A server that says how long to wait (`Retry-After`) is obeyed instead. This file knows HTTP's status codes and
headers, and no client library; time and chance come in through `Pace`, so that a test waits for nothing.

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

from models.errors import EmptyAnswer, ModelError

T = TypeVar("T")

# Request Timeout, Conflict (a lock held on the server), Too Early, Too Many Requests.
_PASSING = frozenset({408, 409, 425, 429})
# Not Implemented, HTTP Version Not Supported: the server will not learn it meanwhile.
_LASTING = frozenset({501, 505})


class Transient(Exception):
    """One try failed in a way that the next one may not.

    Attributes:
        reason: What happened, as a clause.
        retry_after_s: Wait that the server asked for, in seconds, or None.
        answered: True when the model itself answered, but uselessly.
    """

    def __init__(self, reason: str, retry_after_s: float | None = None, answered: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after_s = retry_after_s
        self.answered = answered


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how patiently.

    Attributes:
        attempts: Tries in all, at least 1.
        first_s: Longest wait after the first try, in seconds; doubles with each further one.
        cap_s: Longest wait of our own choosing.
        patience_s: Longest `Retry-After` that is waited for; a longer one ends the tries.
    """

    attempts: int = 7
    first_s: float = 1.0
    cap_s: float = 60.0
    patience_s: float = 300.0


STOP: ContextVar[threading.Event | None] = ContextVar("stop", default=None)
"""Set by whoever spreads calls over threads: once the event is set, no thread waits for another try."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _sleep(seconds: float) -> None:
    stop = STOP.get()
    if stop is None:
        time.sleep(seconds)
    elif stop.wait(seconds):
        # Not an answer and not a fault: nothing may be said of this item.
        raise KeyboardInterrupt


@dataclass(frozen=True, slots=True)
class Pace:
    """Where time and chance come from.

    Attributes:
        sleep: Waits so many seconds; ends early, by `KeyboardInterrupt`, where `STOP` is set.
        clock: Monotonic seconds.
        now: Time of day in UTC, for `Retry-After` dates.
        draw: Uniform number between two bounds.
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
    """The wait a server asks for, in seconds, 0 or more; None if it asks for none that can be read.

    Args:
        headers: Response headers, names in lower case or a mapping that ignores case.
        now: Time of day in UTC, which a `Retry-After` date is measured against.
    Example:
        >>> retry_after_s({"retry-after": "7"}, datetime(2026, 1, 1, tzinfo=UTC))
        7.0
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    value = headers.get("retry-after")
    seconds = _number(value)
    if seconds is not None or value is None:
        return seconds
    try:
        until = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (until.replace(tzinfo=until.tzinfo or UTC) - now).total_seconds())


def with_retries(call: Callable[[], T], who: str, check: str, policy: RetryPolicy, pace: Pace) -> T:
    """Call until it succeeds, raises something else than `Transient`, or the tries are used up.

    Args:
        call: One try.
        who: Whom we call, for the message ("qwen at http://…").
        check: What a person should check when all tries failed, a sentence.
        policy: How often and how patiently.
        pace: Time and chance.
    Raises:
        EmptyAnswer: All tries failed, and at the last one the model answered uselessly.
        ModelError: All tries failed, or the server asks for a wait beyond our patience.
    """
    began = pace.clock()
    for attempt in range(1, policy.attempts + 1):
        try:
            return call()
        except Transient as fault:
            asked = fault.retry_after_s
            impatient = asked is not None and asked > policy.patience_s
            if attempt < policy.attempts and not impatient:
                pace.sleep(_wait(attempt, asked, policy, pace))
                continue
            spent = pace.clock() - began
            tries = "1 try" if attempt == 1 else f"{attempt} tries"
            patience = f"It asks to be left alone for {asked:.0f} s; come back then. " if impatient else ""
            kind = EmptyAnswer if fault.answered else ModelError
            raise kind(
                f"{who} gave no usable answer in {tries} over {spent:.1f} s; the last time, {fault.reason}. "
                f"{patience}{check}"
            ) from fault
    raise ValueError(f"a retry policy needs at least one attempt, got {policy.attempts}")


def _wait(attempt: int, asked: float | None, policy: RetryPolicy, pace: Pace) -> float:
    if asked is not None:
        # A little later than asked, or all waiting callers come back in the same instant.
        return asked + pace.draw(0.0, min(1.0, policy.first_s))
    return pace.draw(0.0, min(policy.cap_s, policy.first_s * 2.0 ** (attempt - 1)))


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text is not None else -1.0
    except ValueError:
        return None
    return value if 0.0 <= value < float("inf") else None
