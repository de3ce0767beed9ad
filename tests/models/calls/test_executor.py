import threading
import time

import pytest

from models.calls.executor import ThreadExecutor
from models.errors import BudgetError, ConfigError


def test_results_come_as_they_finish():
    gate = threading.Event()

    def work(item):
        if item == "slow":
            gate.wait(10)
        return item.upper()

    results = ThreadExecutor(2).map_unordered(work, ["slow", "quick"])
    assert next(results) == ("quick", "QUICK")
    gate.set()
    assert list(results) == [("slow", "SLOW")]


def test_an_items_error_is_its_result_and_no_other_items():
    def work(item):
        if item == 2:
            raise ValueError("two")
        return item

    results = dict(ThreadExecutor(2).map_unordered(work, range(5)))
    assert str(results.pop(2)) == "two"
    assert results == {n: n for n in (0, 1, 3, 4)}


@pytest.mark.parametrize("stop", [BudgetError("enough"), KeyboardInterrupt()])
def test_a_stop_keeps_what_is_finished_and_begins_nothing_new(stop):
    begun = []
    both = threading.Barrier(2, timeout=10)

    def work(item):
        begun.append(item)
        if item < 2:
            both.wait()
        if item == 1:
            raise stop
        time.sleep(0.1)
        return item

    got = []
    with pytest.raises(type(stop)):
        for item, result in ThreadExecutor(2).map_unordered(work, range(1000)):
            got.append((item, result))
    assert (0, 0) in got
    assert {item for item, _ in got} == set(begun) - {1}
    assert len(begun) < 6


def test_takes_from_an_endless_source_only_what_it_can_hold():
    taken = []

    def source():
        n = 0
        while True:
            taken.append(n)
            yield n
            n += 1

    results = ThreadExecutor(3).map_unordered(lambda n: n, source())
    next(results)
    results.close()
    assert len(taken) <= 6


def test_no_workers_is_a_configuration_error():
    with pytest.raises(ConfigError, match="at least 1"):
        ThreadExecutor(0)
