from __future__ import annotations

from pathlib import Path

import pytest

from eval.retrieval.metaqa import (
    PathAnswers,
    answer_question,
    f1,
    measure_paths,
    read_graph,
    read_questions,
    walked_from,
)
from kg.schema import Chunk, Entity, Fact
from models.errors import BudgetError, InputError
from retrieval.index.graph_index import GraphIndex
from retrieval.retrievers.registry import open_retriever
from retrieval.types import FactPath as Walk
from retrieval.types import RetrievedEvidence, RetrievedFact
from tests.retrieval.fakes import MemoryStore, WordEncoder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A graph of three bridges in MetaQA's form."""
    files = {
        "entity2text.txt": "0\tLong Bridge\n1\tIvo Tarn\n2\tOld Bridge\n3\tSel\n",
        "relation2text.txt": "0\tdesigned by\n1\tcrosses\n",
        "train.tsv": "0\t0\t1\n2\t0\t1\n",
        "dev.tsv": "2\t1\t3\n0\t0\t1\n",
        "test.tsv": "0\t1\t4\n",
        "1hop_500.txt": "who was [Old Bridge] designed by\tIvo Tarn\nwhat crosses [Sel]\tOld Bridge|Long Bridge\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    return tmp_path


class Broken:
    name = digest = "broken"

    def __init__(self, error: Exception) -> None:
        self._error = error

    def retrieve(self, question: str, limit: int) -> RetrievedEvidence:
        raise self._error


def _fact(subject: str, predicate: str, object_: str) -> RetrievedFact:
    return RetrievedFact(f"{subject} {object_}", subject, predicate, object_, "", "", 1.0)


def test_a_graph_has_every_fact_once_with_its_sentence(folder: Path) -> None:
    rows = read_graph(folder)
    chunks = {row.id: row for row in rows if isinstance(row, Chunk)}
    facts = [row for row in rows if isinstance(row, Fact)]
    said = {chunks[span.chunk_id].text[span.start : span.end] for fact in facts for span in fact.evidence}
    assert said == {
        "Long Bridge designed by Ivo Tarn.",
        "Old Bridge designed by Ivo Tarn.",
        "Old Bridge crosses Sel.",
        "Long Bridge crosses 4.",  # an entity without a name is called by its id
    }
    assert len(facts) == 4
    assert {row.name for row in rows if isinstance(row, Entity)} == {
        "Long Bridge",
        "Old Bridge",
        "Ivo Tarn",
        "Sel",
        "4",
    }


def test_questions_lose_their_brackets(folder: Path) -> None:
    first, second = read_questions(folder / "1hop_500.txt")
    assert (first.text, first.topic) == ("who was Old Bridge designed by", "Old Bridge")
    assert second.answers == {"Old Bridge", "Long Bridge"}
    (folder / "bad.txt").write_text("who is it\tnobody\n")
    with pytest.raises(InputError, match="question 1: expected a topic"):
        read_questions(folder / "bad.txt")


def test_a_retriever_is_measured_by_the_ends_of_its_paths(folder: Path, tmp_path: Path) -> None:
    index = GraphIndex.open(MemoryStore(read_graph(folder)), tmp_path / "index", WordEncoder(512))
    questions = read_questions(folder / "1hop_500.txt")
    retriever = open_retriever("paths", index, index.encoder, {"hops": 1})
    found = measure_paths([answer_question(retriever, each) for each in questions], questions)
    assert (found.n, found.failed, found.hits.mean) == (2, 0, 1.0)
    assert found.f1.mean == pytest.approx((1 + 2 / 3) / 2)  # the graph lacks one of the two that cross the Sel


def test_a_question_that_fails_is_wrong_and_a_budget_stops(folder: Path) -> None:
    questions = read_questions(folder / "1hop_500.txt")
    failed = answer_question(Broken(ValueError("no")), questions[0])
    found = measure_paths([failed, PathAnswers("Old Bridge", frozenset({"Old Bridge"}), 0.1)], questions)
    assert (found.failed, found.hits.mean, found.f1.mean) == (1, 0.5, pytest.approx(1 / 3))
    assert found.errors == ("1hop_500-1: ValueError: no",)
    with pytest.raises(BudgetError):
        answer_question(Broken(BudgetError("enough")), questions[0])


def test_a_path_is_walked_from_its_topic() -> None:
    walk = Walk((_fact("Old Bridge", "designed by", "Ivo Tarn"), _fact("Long Bridge", "designed by", "Ivo Tarn")), 1.0)
    assert walked_from(walk, "old bridge") == (("designed by", "^designed by"), "Long Bridge")
    assert walked_from(walk, "Somewhere else") == (("designed by", "^designed by"), "Long Bridge")
    assert walked_from(Walk(walk.facts[::-1], 1.0), "Old")[1] == "Old Bridge"
    back = Walk((_fact("Old Bridge", "designed by", "Ivo Tarn"), _fact("Old Bridge", "crosses", "Sel")), 1.0)
    assert walked_from(back, "Elsewhere") == (("^designed by", "crosses"), "Sel")


def test_f1_of_nothing_is_nothing() -> None:
    assert f1(frozenset(), frozenset({"a"})) == 0.0
