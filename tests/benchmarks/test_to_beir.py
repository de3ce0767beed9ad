"""What a hop encoder is trained on and what it is measured on share no question."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.to_beir import MultiHopSet, hotpot, ircot, twowiki
from training.data.hop_sets import read_hop_set

DATA = Path(__file__).parents[3] / "shared" / "data"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the development data is not in ../shared/data")


def questions(made: MultiHopSet, part: str, folder: Path) -> set[str]:
    made.write(folder / part, part)
    lines = (folder / part / "queries.jsonl").read_text(encoding="utf-8").splitlines()
    return {json.loads(line)["text"] for line in lines}


@pytest.mark.parametrize("held_out", [set(), {"q3", "q4"}])
def test_parts_share_no_question(tmp_path: Path, held_out: set[str]) -> None:
    made = MultiHopSet(held_out=held_out)
    key = made.add_passage("Bridge", "A bridge.")
    made.queries = [(f"q{number}", f"Question {number}?", [key]) for number in range(40)]
    train, test, every = (questions(made, part, tmp_path) for part in ("train", "test", "all"))
    assert not train & test and train | test == every and len(every) == 40
    assert {f"Question {key[1:]}?" for key in held_out} <= test
    assert 20 < len(train) < 40


@pytest.mark.shared_data
@needs_data
def test_hotpotqa_and_its_first_passages(tmp_path: Path) -> None:
    made = ircot(DATA / "hotpot_dev", False)
    train, test = (questions(made, part, tmp_path) for part in ("train", "test"))
    assert not train & test and len(train) + len(test) == 250
    learnt = read_hop_set(tmp_path / "train")
    by_text = {question.question: question for question in learnt.questions}
    album = by_text["2014 S/S is the debut album of a South Korean boy group that was formed by who?"]
    assert [learnt.passages[key].partition(":")[0] for key in album.first] == ["2014 S/S"]
    assert len(album.passages) == 2
    assert not (train | test) & questions(hotpot(DATA / "hotpot100", False), "all", tmp_path / "other")


@pytest.mark.shared_data
@needs_data
def test_the_51_of_2wiki_are_never_trained_on(tmp_path: Path) -> None:
    given = questions(twowiki(DATA / "twowiki", False), "all", tmp_path / "given")
    derived = twowiki(DATA / "twowiki", True)
    assert len(given) == 51 and not questions(derived, "train", tmp_path) & given
