"""Retries: which faults pass, how long is waited, and what a person reads when all tries failed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.calls.retry import RetryClock, RetryPolicy, TransientFailure, retry_after_s, with_retries
from models.errors import ModelError, OutputError, RefusalError

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


class Time:
    """A clock that only `sleep` moves."""

    def __init__(self) -> None:
        self.waits: list[float] = []
        self.clock = RetryClock(self.waits.append, lambda: sum(self.waits), lambda: NOW, lambda low, high: high)


def failing(*faults: Exception) -> Callable[[], str]:
    left = list(faults)

    def call() -> str:
        if left:
            raise left.pop(0)
        return "done"

    return call


def test_waits_double_up_to_the_cap_and_then_it_succeeds() -> None:
    time = Time()
    policy = RetryPolicy(attempts=6, first_s=1, cap_s=5)
    assert with_retries(failing(*[TransientFailure("busy")] * 5), "m", "Look.", policy, time.clock) == "done"
    assert time.waits == [1, 2, 4, 5, 5]


def test_the_servers_wish_beats_our_own_wait() -> None:
    time = Time()
    policy = RetryPolicy(attempts=3, first_s=0.5)
    assert (
        with_retries(failing(TransientFailure("busy", 40), TransientFailure("busy", 0)), "m", "", policy, time.clock)
        == "done"
    )
    assert time.waits == [40.5, 0.5]


def test_after_the_last_try_a_person_learns_how_many_how_long_why_and_what_to_check() -> None:
    time = Time()
    with pytest.raises(ModelError, match=r"m gave no usable reply in 3 tries over 3\.0 s.*busy.*Look\.") as caught:
        with_retries(failing(*[TransientFailure("busy")] * 3), "m", "Look.", RetryPolicy(attempts=3), time.clock)
    assert caught.type is ModelError
    assert len(time.waits) == 2


def test_a_wait_beyond_our_patience_ends_the_tries_at_once() -> None:
    time = Time()
    with pytest.raises(ModelError, match=r"1 try .*accepts no request for 4000 s"):
        with_retries(failing(TransientFailure("busy", 4000)), "m", "", RetryPolicy(patience_s=300), time.clock)
    assert time.waits == []


def test_a_model_whose_last_reply_is_empty_is_an_output_error() -> None:
    with pytest.raises(OutputError, match="empty text"):
        with_retries(failing(TransientFailure("an empty text", empty=True)), "m", "", RetryPolicy(1), Time().clock)


def test_what_is_not_transient_passes_through_at_once() -> None:
    time = Time()
    with pytest.raises(RefusalError):
        with_retries(failing(RefusalError("no")), "m", "", RetryPolicy(), time.clock)
    assert time.waits == []


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": "Sun, 01 Mar 2026 12:00:30 GMT"}, 30),
        ({"retry-after": "Sun, 01 Mar 2026 11:00:00 GMT"}, 0),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "nan"}, None),
        ({}, None),
    ],
)
def test_retry_after_in_all_its_forms(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_s(headers, NOW) == seconds


@given(st.text())
def test_no_header_can_break_the_reader(value: str) -> None:
    seconds = retry_after_s({"retry-after": value}, NOW)
    assert seconds is None or seconds >= 0
