import pytest

from tests.app.command import graft
from tests.app.scripted import PLAINLY


@pytest.fixture
def knowledge_base(articles):
    done = graft("index", articles, "-w", "kb", *PLAINLY, "--json", "--quiet")
    assert done.code == 0
    return done.json["digest"]


def entities(*arguments):
    return graft("entities", *arguments, "--workspace", "kb")


def test_entities_are_listed_and_shown_with_their_sentences(knowledge_base):
    listed = entities("ls", "LORNE", "--json").json
    assert {row["name"] for row in listed["entities"]} == {"Ada Lorne", "Tomas Lorne"}
    assert listed["total"] == 2
    assert "1 of 2" in entities("ls", "lorne", "-n", "1").err
    (ada,) = entities("show", "ada lorne", "--json").json["entities"]
    assert ada["aliases"] == ["Lorne"]
    assert ada["description"] == ""
    fact = next(fact for fact in ada["facts"] if fact["predicate"] == "founds")
    assert fact["phrases"] == ["founded"]
    assert fact["sentences"] == [{"source": "a.md", "text": "Ada Lorne founded Marrow & Finch in Torsby."}]
    shown = entities("show", "Ada Lorne").out
    assert "a.md: Ada Lorne founded Marrow & Finch in Torsby." in shown
    assert "Merged: lorne = ada lorne (a part of the name" in shown


def test_a_decision_is_recorded_listed_and_undone(knowledge_base):
    ruled = entities("merge", "Harrow Mills", "Marrow & Finch", "--json", "-q").json
    assert ruled["ruling"]["action"] == "merge"
    assert len(ruled["entities"]) == 1
    history = entities("history", "Harrow Mills", "--json").json
    assert [row["reason"] for row in history["merges"]] == ["ruled one thing"]
    assert [row["stands"] for row in history["rulings"]] == [True]
    assert "ruled one thing" in entities("history").out
    split = entities("split", "Harrow Mills", "--source", "b.md", "-q")
    assert (split.code, split.err) == (0, "")
    assert entities("undo", "-q").code == entities("undo", "-q").code == 0
    rows = entities("history", "--json").json["rulings"]
    assert [(row["action"], row["stands"]) for row in rows] == [
        ("merge", False), ("split", False), ("undo", False), ("undo", False),
    ]  # fmt: skip
    again = graft("index", "articles", "-w", "kb", "--json", "--quiet").json
    assert again["digest"] == knowledge_base


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("show", "Ada Lorn"), "Did you mean Ada Lorne"),
        (("split", "Ada Lorne"), "--source FILE"),
        (("split", "Ada Lorne", "Torsby", "--source", "a.md"), "--source FILE"),
        (("undo",), "none stands"),
        (("merge", "Nobody", "Ada Lorne"), "graft entities ls"),
    ],
)
def test_what_cannot_be_done_is_explained(knowledge_base, arguments, part):
    assert part in entities(*arguments).error(2)
