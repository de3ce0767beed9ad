"""Questions from a graph's own paths: what gives the answer away is refused, and nothing is lost from the count."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kg.schema import Entity, Row
from kg.stores.protocol import GraphStore
from kg.stores.sqlite.store import SqliteStore
from models.calls.executor import ThreadExecutor
from models.errors import InputError, OutputError
from models.protocols import ChatRequest, Completion, Usage
from tests.retrieval.fakes import chunk_id, world
from training.data.hop_questions import FactPair, fact_paths, fault, joined, path_questions

PATH = FactPair("Aldermoon Bridge", ("Ivo Tarn", "I. Tarn"), "Pellin", "", "", ("a", "b"))


class Writer:
    """Describes and asks by rule."""

    name = digest = "writer"

    def __init__(self, rule: Any) -> None:
        self.rule = rule
        self.requests: list[ChatRequest] = []

    def complete(self, request: ChatRequest) -> Completion:
        self.requests.append(request)
        answer = self.rule(request.messages[-1].content)
        if isinstance(answer, Exception):
            raise answer
        return Completion("", Usage(100, 10), "stop", 0.1, parsed=answer)

    def close(self) -> None:
        return None


def store(folder: Path, rows: list[Row] | None = None) -> SqliteStore:
    folder.mkdir(exist_ok=True)
    made = SqliteStore(folder / "graph.sqlite")
    fill(made, rows)
    return made


def fill(made: GraphStore, rows: list[Row] | None = None) -> None:
    """Put rows into a store, those of the small world if none are given."""
    rows = world() if rows is None else rows
    with made.transaction():
        for kind in {type(row) for row in rows}:
            made.replace(kind, [row for row in rows if type(row) is kind])


def test_paths_join_facts_of_two_passages(tmp_path: Path) -> None:
    paths = {(path.start, path.shared[0], path.answer): path for path in fact_paths(store(tmp_path), 10)}
    path = paths["Aldermoon Bridge", "Ivo Tarn", "Pellin"]
    assert path.passages == (chunk_id("Bridge"), chunk_id("Tarn"))
    assert (path.first, path.second) == ("___ designed Aldermoon Bridge", "Ivo Tarn was born in ___")
    assert ("Ivo Tarn", "Aldermoon Bridge", "river Sel") not in paths  # both facts stand in one passage


def renamed(name: str) -> list[Row]:
    """The world with another name for Ivo Tarn."""
    return [
        replace(row, name=name, aliases=()) if isinstance(row, Entity) and row.name == "Ivo Tarn" else row
        for row in world()
    ]


@pytest.mark.parametrize("name", ["the designer", "The designer", "A designer"])
def test_paths_lead_over_names_only(name: str, tmp_path: Path) -> None:
    assert not fact_paths(store(tmp_path, renamed(name)), 10)


def test_a_name_that_is_written_small_too_is_a_name(tmp_path: Path) -> None:
    rows = [
        replace(row, aliases=("ivo tarn",)) if isinstance(row, Entity) and row.name == "Ivo Tarn" else row
        for row in world()
    ]
    assert len(fact_paths(store(tmp_path, rows), 10)) == len(fact_paths(store(tmp_path / "same"), 10))


def test_where_nothing_has_a_capital_anything_may_be_a_name(tmp_path: Path) -> None:
    rows = [replace(row, name=row.name.lower(), aliases=()) if isinstance(row, Entity) else row for row in world()]
    assert "ivo tarn" in {path.shared[0] for path in fact_paths(store(tmp_path, rows), 10)}


def test_a_value_is_an_answer_and_no_start(tmp_path: Path) -> None:
    rows = [replace(row, type="value") if isinstance(row, Entity) and row.name == "Pellin" else row for row in world()]
    paths = fact_paths(store(tmp_path, rows), 10)
    assert "Pellin" in {path.answer for path in paths}
    assert not any("Pellin" in (path.start, *path.shared) for path in paths)


def test_the_same_paths_are_drawn_again(tmp_path: Path) -> None:
    made = store(tmp_path)
    assert fact_paths(made, 2) == fact_paths(made, 2)
    assert len(fact_paths(made, 2)) == 2 < len(fact_paths(made, 10))


def test_usable_questions_become_a_set_and_the_others_are_counted(tmp_path: Path) -> None:
    def rule(asked: str) -> Any:
        if "Ivo Tarn was born in ___" in asked and "Aldermoon Bridge" in asked:
            return {"described": "The designer of Aldermoon Bridge", "question": "Where was Ivo Tarn born?"}
        return OutputError("too long", tokens_in=7, tokens_out=3) if "Runa Fisk" in asked else "no object"

    made = path_questions(store(tmp_path), "kb", Writer(rule), 10, ThreadExecutor(1))
    (question,) = made.own.questions
    assert question.question == "Where was the designer of Aldermoon Bridge born?"
    assert question.first == (chunk_id("Bridge"),)
    assert question.passages == (chunk_id("Bridge"), chunk_id("Tarn"))
    assert made.own.passages[chunk_id("Bees")].startswith("Bees (2030-07-07): Bees need flowers")
    assert len(made.own.questions) + len(made.refused) == len(fact_paths(store(tmp_path), 10))
    assert {each.reason for each in made.refused} >= {"too long"}
    assert made.usage.tokens_in > 100


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("Where was the designer of Aldermoon Bridge born?", ""),
        ("Where was Ivo Tarn of the Aldermoon Bridge born?", "it names what was to be found: Ivo Tarn"),
        ("Was the designer of Aldermoon Bridge born in Pellin?", "it names what was to be found: Pellin"),
        ("Where was the designer born?", "it does not name where it starts: Aldermoon Bridge"),
        ("Where was the designer of the bridge born?", ""),
        ("Where was the designer of it in the river born?", "it does not name where it starts: Aldermoon Bridge"),
        ("The designer of Aldermoon Bridge.", "it is no question"),
        ("Where was Who designed Aldermoon Bridge? born?", "it is no question"),
        ("The designer of Aldermoon Bridge was born in ___?", "it is no question"),
        ("", "it is no question"),
    ],
)
def test_faults(question: str, said: str) -> None:
    assert fault(question, PATH) == said


@pytest.mark.parametrize(
    ("question", "described", "said"),
    [
        ("Where was I. Tarn born?", "the designer of it", "Where was the designer of it born?"),
        ("Who taught the Ivo Tarn?", "the designer of it.", "Who taught the designer of it?"),
        ("Ivo Tarn was born where?", "The designer of it", "The designer of it was born where?"),
        ("Where was Ivo Tarn's mother born?", "the designer of it", "Where was the designer of it's mother born?"),
        ("In Ivo Tarn's eyes, who won?", "the designer of it", "In the designer of it's eyes, who won?"),
        ("Where was Ivo Tarnmore born?", "the designer of it", ""),
        ("Who rides from Ivo Tarn-Nice?", "the designer of it", ""),
        ("Where was Ivo Tarn Junior born?", "the designer of it", ""),
        ("Where was Uncle Ivo Tarn born?", "the designer of it", ""),
        ("Who saw Ivo Tarn see Ivo Tarn?", "the designer of it", ""),
        ("Where was ivo tarn born?", "the designer of it", ""),
        ("Where was he born?", "the designer of it", ""),
        ("Where was Ivo Tarn born?", "", ""),
    ],
)
def test_a_description_takes_the_place_of_the_name(question: str, described: str, said: str) -> None:
    assert joined(question, PATH.shared, described) == said


def test_articles_do_not_name_a_start() -> None:
    path = replace(PATH, start="The Hague")
    assert fault("Where was the designer of it born?", path) == "it does not name where it starts: The Hague"


def test_a_graph_without_paths_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no two facts in different passages"):
        path_questions(store(tmp_path, []), "kb", Writer(lambda _: ""), 10, ThreadExecutor(1))


def test_no_usable_question_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"None of \d+ paths .*; the first one: .* is not described"):
        path_questions(store(tmp_path), "kb", Writer(lambda _: ""), 10, ThreadExecutor(1))
