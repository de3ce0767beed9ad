"""Communities, reports on demand, and the retrievers that read them: local, global, drift and tree."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

import pytest

from kg.schema import Community, Entity, Fact, Report, make_id
from kg.stores.sqlite.store import SqliteStore
from models.calls.chats import Chats
from models.errors import BudgetError, OutputError
from models.protocols import ChatRequest, Completion, Usage
from retrieval.answering.pack import pack
from retrieval.index.graph_index import GraphIndex
from retrieval.index.subset import CorpusFilter, restrict
from retrieval.retrievers.registry import open_retriever, planned_calls
from retrieval.traversal.communities import Communities
from retrieval.types import RetrievedEvidence
from tests.retrieval.fakes import WordEncoder, chunk_id, count_words, world

QUESTION = "What is told about the Aldermoon Bridge and who designed it?"
GROUPS = (("Ivo Tarn", "Aldermoon Bridge", "river Sel", "Pellin"), ("Runa Fisk",))


class Desk:
    """Writes reports, points and follow-up questions by rule, and remembers what it was asked."""

    name = digest = "desk"

    def __init__(self, followed: tuple[str, ...] = (), budget: int = 99, broken: str = "") -> None:
        self.asked: list[tuple[str, str]] = []
        self._followed, self._budget, self._broken = followed, budget, broken

    def complete(self, request: ChatRequest) -> Completion:
        kind, shown = request.template.split("@")[0], request.messages[-1].content
        if len(self.asked) >= self._budget:
            raise BudgetError("no more")
        self.asked.append((kind, shown))
        if kind == self._broken:
            raise OutputError("not JSON", 5, 5)
        return Completion("", Usage(10, 5), "stop", 0.1, parsed=getattr(self, f"_{kind}")(shown))

    def close(self) -> None:
        return None

    def count(self, kind: str) -> int:
        return sum(each == kind for each, _ in self.asked)

    def _report(self, shown: str) -> dict[str, Any]:
        facts = [int(number) for number in re.findall(r"^\[(\d+)\]", shown, re.MULTILINE)]
        told = [{"text": f"Finding {number}. {'It goes on. ' * 12}", "facts": [number]} for number in facts]
        return {"title": "The bridge", "summary": "Tarn designed a bridge.", "findings": told[:5], "rating": 5}

    def _map(self, shown: str) -> dict[str, Any]:
        found = len(re.findall(r"^\[\d+\]", shown, re.MULTILINE))
        points = [{"text": f"The bridge: Point {n}.", "findings": [n], "score": n} for n in range(1, found + 1)]
        return {"points": [*points, {"text": "Made up.", "findings": [99], "score": 10}]}

    def _follow_up(self, shown: str) -> dict[str, Any]:
        return {"questions": list(self._followed)}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    """The small world with a community around the bridge, which has two parts, and one of Runa Fisk alone."""
    rows = world()
    ids = {row.name: row.id for row in rows if isinstance(row, Entity)}
    members = [list(map(ids.__getitem__, names)) for names in GROUPS]
    tops = [_community(0, "", entity_ids) for entity_ids in members]
    parts = [_community(1, tops[0].id, entity_ids) for entity_ids in (members[0][:2], members[0][2:])]
    with closing(SqliteStore(tmp_path / "graph.sqlite")) as store:
        with store.transaction():
            store.put([*rows, *tops, *parts])
        yield store


@pytest.fixture
def index(store: SqliteStore, tmp_path: Path) -> GraphIndex:
    return GraphIndex.open(store, tmp_path / "index", WordEncoder(512))


def _community(level: int, parent: str, ids: list[str]) -> Community:
    return Community(make_id("m", level, sorted(ids)), level, parent, tuple(sorted(ids)))


def retrieve(
    index: GraphIndex, desk: Desk, name: str, question: str = QUESTION, **settings: object
) -> RetrievedEvidence:
    with Chats(lambda _: nullcontext(desk)) as chats:
        settings |= {"model": "tests.retrieval:Desk"} if name != "local" else {}
        return open_retriever(name, index, index.encoder, settings, chats).retrieve(question, 3)


def test_communities_are_chosen_from_the_root_and_divided_if_too_large(index: GraphIndex, store: SqliteStore) -> None:
    vector = index.encode_question(QUESTION)
    level = {row.id: row.level for row in store.read(Community)}
    (whole,) = Communities(index).near(vector, 5, largest=10)  # Runa Fisk's own community holds no fact
    assert level[whole.id] == 0
    (part,) = Communities(index).near(vector, 5, largest=2)  # of its parts one holds facts
    assert level[part.id] == 1 and part.score <= whole.score
    assert Communities(index).near(vector, 0, 10) == []


def test_global_writes_missing_reports_once_and_states_points(index: GraphIndex, store: SqliteStore) -> None:
    desk = Desk()
    found = retrieve(index, desk, "global")
    assert (desk.count("report"), desk.count("map")) == (1, 1)
    assert [point.text for point in found.points] == ["Point 3.", "Point 2.", "Point 1."]  # none that cites nothing
    assert found.passages == () and all(point.is_drawn for point in found.points)
    facts = {fact.id for fact in store.read(Fact)}
    assert all(fact.fact_id in facts and fact.sentence for point in found.points for fact in point.facts)
    (line, *_) = pack(found, 60, count_words).lines
    assert line.kind == "point" and line.source.endswith(".md") and line.evidence
    again = retrieve(index, desk, "global")
    assert again == found and (desk.count("report"), desk.count("map")) == (1, 2)


def test_global_without_the_map_calls_the_model_for_reports_alone(index: GraphIndex) -> None:
    desk = Desk()
    found = retrieve(index, desk, "global", map=False)
    assert {kind for kind, _ in desk.asked} == {"report"} and len(found.points) == 3
    assert not any(point.is_drawn for point in found.points)
    assert retrieve(index, Desk(), "global", map=False, write=0) == found  # from what is written


def test_nothing_is_written_where_nothing_may_be(index: GraphIndex) -> None:
    desk = Desk()
    assert retrieve(index, desk, "global", write=0) == RetrievedEvidence()
    for name in ("drift", "tree"):
        assert retrieve(index, desk, name, write=0).passages
    assert desk.count("report") == 0


def test_findings_are_read_a_batch_at_a_time(index: GraphIndex) -> None:
    desk = Desk()
    assert len(retrieve(index, desk, "global", batch_tokens=64).points) == 3
    assert desk.count("map") == 3


def test_a_model_that_fails_costs_its_part_alone(index: GraphIndex, store: SqliteStore) -> None:
    with pytest.raises(OutputError, match="stated no points"):
        retrieve(index, Desk(broken="map"), "global")
    assert len(list(store.read(Report))) == 1
    failed = retrieve(index, Desk(broken="follow_up"), "drift")
    assert failed.passages and failed.reports


def test_a_report_that_fails_is_on_record_and_not_paid_again(index: GraphIndex, store: SqliteStore) -> None:
    desk = Desk(broken="report")
    for _ in range(2):
        with pytest.raises(OutputError, match="No report on the communities near"):
            retrieve(index, desk, "global")
    assert desk.count("report") == 1
    assert [entry.status for entry in store.journal("reports")] == ["failed"]


def test_a_budget_stops_and_what_was_paid_is_kept(index: GraphIndex, store: SqliteStore) -> None:
    with pytest.raises(BudgetError):
        retrieve(index, Desk(budget=0), "global")
    with pytest.raises(BudgetError):
        retrieve(index, Desk(budget=1), "global")
    assert len(list(store.read(Report))) == 1


def test_local_finds_what_surrounds_the_entities(index: GraphIndex) -> None:
    retrieve(index, Desk(), "global")
    found = retrieve(index, Desk(), "local")
    assert [passage.chunk_id for passage in found.passages[:1]] == [chunk_id("Bridge")]
    assert found.facts[0].predicate == "designed"
    assert [report.title for report in found.reports] == ["The bridge"]
    assert len(found.passages) == 3  # plain RAG fills up


def test_drift_follows_up_and_stops_when_nothing_is_missing(index: GraphIndex) -> None:
    desk = Desk(followed=("Where was Ivo Tarn born?",))
    found = retrieve(index, desk, "drift", rounds=5)
    assert desk.count("follow_up") == 2  # the second time it asks what was asked already
    assert "was born in Pellin" in desk.asked[-1][1]
    assert {chunk_id("Bridge"), chunk_id("Tarn")} <= {passage.chunk_id for passage in found.passages}
    assert [report.title for report in found.reports] == ["The bridge"]
    none = Desk()
    retrieve(index, none, "drift")
    assert none.count("follow_up") == 1


def test_tree_ranks_reports_among_passages(index: GraphIndex) -> None:
    plain = retrieve(index, Desk(), "tree")
    assert len(plain.passages) == 3 and not plain.reports
    found = retrieve(index, Desk(), "tree", "Tarn designed a bridge.", write=1)
    assert len(found.passages) + len(found.reports) == 3
    assert [report.title for report in found.reports] == ["The bridge"]
    assert {line.kind for line in pack(found, 300, count_words).lines} == {"report", "passage"}


def test_what_a_question_costs_is_planned(index: GraphIndex) -> None:
    desk = Desk()
    for name in ("global", "drift"):
        desk.asked.clear()
        retrieve(index, desk, name)
        planned = planned_calls(name, {})
        assert planned is not None and len(desk.asked) <= planned.calls
    assert planned_calls("tree", {}) is None and planned_calls("local", {}) is None
    assert planned_calls("tree", {"write": 2}) is not None


def test_a_part_of_the_index_gives_no_point_that_rests_on_facts_outside_it(index: GraphIndex) -> None:
    whole = retrieve(index, Desk(), "global")
    part = restrict(index, CorpusFilter(after="2031", before="2031"))  # the bridge alone
    found = retrieve(part, Desk(), "global")
    assert 0 < len(found.points) < len(whole.points)
    assert {fact.source for point in found.points for fact in point.facts} == {"bridge.md"}
    assert retrieve(restrict(index, CorpusFilter(after="2090")), Desk(), "global").points == ()


def test_a_part_of_the_index_shows_no_report_on_facts_outside_it(index: GraphIndex) -> None:
    asked = "Tarn designed a bridge."
    retrieve(index, Desk(), "tree", asked, write=1)
    part = restrict(index, CorpusFilter(after="2031", before="2031"))
    for name, settings in (("local", {}), ("tree", {}), ("drift", {"write": 0})):
        assert retrieve(index, Desk(), name, asked, **settings).reports
        found = retrieve(part, Desk(), name, asked, **settings)
        assert found.passages and not found.reports
