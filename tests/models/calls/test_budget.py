"""Budgets under threads: never over, and not short of what was allowed."""

from __future__ import annotations

import threading

import pytest

from models.calls.budget import Budget, cost_usd
from models.config import Price
from models.errors import BudgetError, ConfigError
from models.protocols import Usage


def in_threads(count: int, work: object) -> None:
    threads = [threading.Thread(target=work) for _ in range(count)]  # type: ignore[arg-type]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()


def test_parallel_callers_make_exactly_the_allowed_calls() -> None:
    budget, refused, made = Budget(max_calls=5), [], []

    def work() -> None:
        for _ in range(4):
            try:
                with budget.reserve(0):
                    made.append(1)
            except BudgetError as error:
                refused.append(str(error))

    in_threads(8, work)
    assert (len(made), len(refused), budget.calls) == (5, 27, 5)
    assert "budget of 5 calls is used up" in refused[0]
    assert "larger --max-calls continues" in refused[0]


def test_parallel_callers_never_overshoot_the_money_and_use_nearly_all_of_it() -> None:
    budget, most, actual = Budget(max_usd=1.0), 0.10, 0.03
    held: list[float] = []

    def work() -> None:
        while True:
            try:
                with budget.reserve(most) as reservation:
                    held.append(budget.usd)
                    reservation.usd = actual
            except BudgetError:
                return

    in_threads(8, work)
    assert budget.usd <= 1.0
    # The last call starts while a full reservation still fits, so less than one is left unused.
    assert budget.usd > 1.0 - most
    assert len(held) == round(budget.usd / actual)


def test_a_call_that_may_cost_more_than_is_left_is_not_made() -> None:
    with pytest.raises(BudgetError, match=r"\$0\.5000 has \$0\.5000 left, .*up to \$0\.6000.*larger --max-usd"):
        Budget(max_usd=0.5).reserve(0.6).__enter__()


def test_a_failed_call_gives_its_reservation_back_but_counts() -> None:
    budget = Budget(max_calls=2, max_usd=0.1)
    with pytest.raises(ValueError, match="boom"), budget.reserve(0.1):
        raise ValueError("boom")
    assert (budget.calls, budget.usd) == (1, 0.0)
    with budget.reserve(0.1):
        pass


def test_no_limit_is_no_limit() -> None:
    budget = Budget()
    with budget.reserve(1e9) as reservation:
        reservation.usd = 1e9
    assert budget.usd == 1e9


@pytest.mark.parametrize("limits", [{"max_calls": -1}, {"max_usd": -0.1}, {"max_usd": float("nan")}])
def test_a_limit_below_zero_is_refused(limits: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="0 or more"):
        Budget(**limits)  # type: ignore[arg-type]


def test_price_of_tokens_and_of_time() -> None:
    price = Price(usd_per_million_in=2, usd_per_million_out=10, usd_per_hour=36)
    assert cost_usd(price, Usage(500_000, 100_000), 10) == pytest.approx(1 + 1 + 0.1)
