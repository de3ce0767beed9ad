"""A few hundred files made at random for every reader; `python -m tests.kg.documents.fuzz` makes as many as wanted."""

from __future__ import annotations

from pathlib import Path

import pytest

from kg.documents.readers import READERS
from tests.kg.documents.fuzz import MAKERS, check


@pytest.mark.parametrize("suffix", sorted(MAKERS))
def test_no_file_crashes_a_reader_and_no_word_is_lost_or_made_up(suffix: str, tmp_path: Path) -> None:
    problems = [problem for number in range(150) for problem in check(suffix, number, tmp_path)[2]]
    assert problems == []


def test_every_reader_is_fuzzed() -> None:
    assert {READERS[suffix] for suffix in MAKERS} == set(READERS.values())
