"""The verdict says no more than the numbers do."""

from __future__ import annotations

from pathlib import Path

import pytest

from eval.report.finished_run import FinishedRun, read_finished_run
from eval.report.verdict import find_comparison, verdict
from eval.types import Comparison
from tests.eval.small_run import arm_json, arm_result, comparison, metrics_json, write_run

SPACES = str.maketrans({"\u202f": " ", "\xa0": " "})


def record_of(folder: Path, accuracies: dict[str, float], *made: Comparison, failed: int = 0) -> FinishedRun:
    arms = [arm_json(arm_result(name, accuracy, failed=failed)) for name, accuracy in accuracies.items()]
    return read_finished_run(write_run(folder, metrics=metrics_json(arms, made)))


def words(record: FinishedRun) -> str:
    said = verdict(record)
    return " ".join((said.sentence, *said.notes)).translate(SPACES)


def test_a_gain_that_is_not_significant_is_called_so(tmp_path: Path) -> None:
    made = comparison("rag", "closed-book", 0.1, p_holm=0.2)
    text = words(record_of(tmp_path, {"closed-book": 0.4, "rag": 0.5}, made))
    assert "rag answers best: 50.0 %" in text
    assert "10.0 points more than closed-book" in text
    assert "the difference is not significant" in text


def test_a_significant_gain_is_not_doubted(tmp_path: Path) -> None:
    text = words(record_of(tmp_path, {"closed-book": 0.4, "rag": 0.8}, comparison("rag", "closed-book", 0.4)))
    assert "p = 0.040 after Holm’s correction)." in text
    assert "not significant" not in text


def test_no_way_better_than_the_model_alone(tmp_path: Path) -> None:
    text = words(record_of(tmp_path, {"closed-book": 0.6, "rag": 0.5}))
    assert text.startswith("closed-book answers best: 60.0 %")
    assert "no way of adding knowledge is better than the model alone" in text


def test_arms_of_equal_accuracy_share_the_lead(tmp_path: Path) -> None:
    text = words(record_of(tmp_path, {"closed-book": 0.4, "rag": 0.5, "lora": 0.5}))
    assert text.startswith("rag and lora share the lead, each answering 50.0 % of 3 items right")
    assert "not tested in this run" in text


def test_the_gap_to_the_oracle_and_failures_are_stated(tmp_path: Path) -> None:
    text = words(record_of(tmp_path, {"closed-book": 0.2, "rag": 0.5, "oracle": 0.8}, failed=2))
    assert "It closes 50 % of the gap between closed-book and oracle (80.0 %)" in text
    assert "Items that failed count as wrong: oracle 2, rag 2, closed-book 2." in text


def test_run_without_a_floor_and_run_of_the_oracle_alone(tmp_path: Path) -> None:
    assert "no closed-book arm to compare it with" in words(record_of(tmp_path / "a", {"rag": 0.5}))
    alone = record_of(tmp_path / "b", {"oracle": 0.9})
    assert verdict(alone).best is None
    assert "nothing to compare" in words(alone)


def test_a_comparison_made_the_other_way_is_reversed(tmp_path: Path) -> None:
    made = comparison("closed-book", "rag", -0.25)
    found = find_comparison(record_of(tmp_path, {"closed-book": 0.4, "rag": 0.65}, made), "rag", "closed-book")
    assert found is not None
    assert (found.difference, found.wins, found.losses) == (0.25, made.losses, made.wins)
    assert (found.ci_low, found.ci_high) == pytest.approx((0.04, 0.45))
