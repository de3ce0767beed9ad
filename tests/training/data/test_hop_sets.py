"""Questions with their passages: every step is an example, and what cannot be read is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from models.errors import InputError
from training.data.hop_sets import HopQuestion, HopSet, examples_of, read_hop_set

PASSAGES = {"a": "A: one", "b": "B: two", "c": "C: three"}


def test_steps_of_a_chain() -> None:
    chain = HopQuestion(question="Q?", first=("b",), passages=("b", "a"))
    first, second = examples_of([HopSet("s", PASSAGES, (chain,))])
    assert (first.text, first.wanted, first.needed, first.found) == ("Q?", (1,), (1, 0), 0)
    assert (second.text, second.wanted, second.found) == ("Q? [SEP] B: two", (0,), 1)


def test_both_passages_of_a_comparison_come_first_and_second() -> None:
    both = HopQuestion(question="Q?", first=("a", "b"), passages=("a", "b"))
    assert [(each.found, each.wanted) for each in examples_of([HopSet("s", PASSAGES, (both,))])] == [
        (0, (0, 1)),
        (1, (1,)),
        (1, (0,)),
    ]


def test_three_passages_give_steps_from_two() -> None:
    long = HopQuestion(question="Q?", first=("a",), passages=("a", "b", "c"))
    steps = examples_of([HopSet("s", PASSAGES, (long,))])
    assert [(each.found, each.wanted) for each in steps] == [(0, (0,)), (1, (1, 2)), (2, (2,)), (2, (1,))]
    assert steps[-1].text == "Q? [SEP] A: one [SEP] C: three"


def write(folder: Path, questions: list[Any]) -> Path:
    rows = [{"_id": key, "title": key, "text": f"text\u2028of {key}"} for key in "ab"]
    (folder / "corpus.jsonl").write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows))
    (folder / "hops.jsonl").write_text("\n".join(json.dumps(row) for row in questions))
    return folder


def test_a_folder_is_read(tmp_path: Path) -> None:
    found = read_hop_set(write(tmp_path, [{"question": "Q?", "first": ["a"], "passages": ["a", "b"], "more": 1}]))
    assert found.passages == {"a": "a: text of a", "b": "b: text of b"}
    assert found.questions == (HopQuestion(question="Q?", first=("a",), passages=("a", "b")),)


@pytest.mark.parametrize(
    ("questions", "said"),
    [
        ([], "holds no question"),
        ([{"question": "Q?", "first": ["a"], "passages": ["a", "x"]}], "line 1: there is no passage 'x'"),
        (
            [{"question": "Q?", "first": ["a"], "passages": ["b"]}],
            "Expected ids of passages in first, got one that passages does not have",
        ),
        ([{"question": "Q?", "first": [], "passages": ["b"]}], "line 1: .*first"),
    ],
)
def test_wrong_folders(tmp_path: Path, questions: list[Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_hop_set(write(tmp_path, questions))


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"Expected a folder with corpus.jsonl and hops.jsonl at .*corpus.jsonl, but it cannot be read"
    ):
        read_hop_set(tmp_path)
