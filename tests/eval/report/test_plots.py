"""Plots stay drawings inside a page: the page's colours, own ids, no markup from names, any number of arms."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from eval.report.finished_run import read_finished_run
from eval.report.kinds_plot import kind_plot
from eval.report.palette import HUES, arm_slots
from eval.report.plots import MAX_COMPARISONS, accuracy_plot, cost_plot, difference_plot
from eval.runs.results import ArmSummary
from tests.eval.small_run import arm_result, comparison, write_run

NAMES = ("closed-book", "rag", "lora")
SLOTS = {name: slot for slot, name in enumerate(NAMES)}


def drawn(svg: str) -> list[str]:
    return [" ".join(text.get_text().split()) for text in BeautifulSoup(svg, "html.parser").find_all("text")]


def test_svg_has_variables_for_colours_and_its_own_ids() -> None:
    svg = accuracy_plot([arm_result(name, 0.5) for name in NAMES], SLOTS, 0.25, "Accuracy").svg
    assert "#0000" not in svg
    assert "#0001" not in svg
    assert {f"--arm-{slot}" for slot in SLOTS.values()} <= set(re.findall(r"--[a-z0-9-]+", svg))
    assert all(name.startswith("accuracy-") for name in re.findall(r'\bid="([^"]*)"', svg))
    assert "font-family" not in svg
    assert "chance 25\u202f%" in svg


def test_differences_mark_the_significant_ones() -> None:
    plot = difference_plot([comparison("rag", "closed-book", 0.3, 0.0004), comparison("lora", "rag", 0.1, 0.7)], SLOTS)
    assert plot is not None
    texts = [text.replace("\xa0", " ") for text in drawn(plot.svg)]
    assert "< 0.001 *" in texts
    assert "0.700" in texts
    assert ["vs closed-book" in texts, "vs rag" in texts] == [True, True]
    assert difference_plot([], SLOTS) is None


def test_more_comparisons_than_fit_are_counted() -> None:
    plot = difference_plot([comparison("rag", f"arm{number}", 0.1) for number in range(MAX_COMPARISONS + 3)], SLOTS)
    assert plot is not None
    assert "3 more in the table" in plot.caption


@pytest.mark.parametrize(("dollars", "unit"), [(0.0, "seconds"), (0.006, "US dollars")])
def test_cost_is_in_seconds_if_all_arms_are_free(dollars: float, unit: str) -> None:
    arms = [arm_result(name, 0.5, cost_usd=dollars) for name in NAMES]
    plot = cost_plot(arms, SLOTS, dict.fromkeys(NAMES, 3), "Accuracy")
    assert f"{unit} per question (log scale)" in drawn(plot.svg)
    assert set(NAMES) <= set(drawn(plot.svg))


def test_run_that_took_no_time_is_drawn_without_a_log_scale() -> None:
    plot = cost_plot([arm_result("rag", 0.5, seconds=0.0)], {"rag": 2}, {"rag": 3}, "Accuracy")
    assert "seconds per question" in drawn(plot.svg)


def test_kinds_turn_to_rows_when_there_are_many() -> None:
    arms = [arm_result(name, 0.5) for name in NAMES]
    few = kind_plot(arms, {kind: {"rag": (0.25, 4)} for kind in "ab"}, "Accuracy")
    many = kind_plot(arms, {kind: {"rag": (0.25, 4)} for kind in "abcdefghi"}, "Accuracy")
    assert few is not None
    assert many is not None
    assert {"all", "25", "50"} <= set(drawn(few.svg))
    assert {"all items", "a (4)", "i (4)"} <= set(drawn(many.svg))
    assert "one item is 25 points" in few.caption
    assert kind_plot(arms, {"a": {"rag": (0.25, 4)}}, "Accuracy") is None


def test_names_of_any_script_and_with_signs_are_drawn_as_they_are() -> None:
    kinds = {name: {"rag": (0.5, 4)} for name in ("日本語の種類", "$x^2$", "a<b>&c", "\x00nul\ud800")}
    plot = kind_plot([arm_result("rag", 0.5)], kinds, "Accuracy")
    assert plot is not None
    plot.svg.encode("utf-8")
    texts = " ".join(drawn(plot.svg))
    assert ["日本語の種類" in texts, "$x^2$" in texts, "a<b>&c" in texts] == [True, True, True]
    assert "<b>" not in plot.svg


def test_shipped_arms_have_their_usual_colours_and_new_ones_free_slots(tmp_path: Path) -> None:
    record = read_finished_run(write_run(tmp_path))
    usual = {"closed-book": 0, "oracle": 1, "rag": 2, "lora": 4}
    assert arm_slots(record.arms, record.floor, record.ceiling) == usual
    new = [ArmSummary(arm_result(f"new-{number:02}", 0.5), "", "rag") for number in range(12)]
    slots = arm_slots([*record.arms, *new], record.floor, record.ceiling)
    assert {name: slots[name] for name in usual} == usual
    free = {slots[arm.name] for arm in new}
    assert not free & set(usual.values())
    assert len(free) == HUES - 2
