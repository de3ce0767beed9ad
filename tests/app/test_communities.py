from dataclasses import replace
from pathlib import Path

import pytest

from kg.schema import Community, Fact, Report
from kg.workspace import Workspace
from tests.app.command import graft
from tests.app.scripted import ENCODER, NEVER, PLAINLY
from tests.kg.reporting import REPORTER, STORIES, Reporter, report_by_rule
from tests.kg.scripted import write_sources

HERE = ("--workspace", "kb")


@pytest.fixture(autouse=True)
def indexed(alone, monkeypatch):
    """Two stories, indexed in kb."""
    monkeypatch.setattr(Reporter, "asked", [])
    monkeypatch.setattr(Reporter, "answer", None)
    write_sources(Path("articles"), STORIES)
    done = graft("index", "articles", *HERE, *PLAINLY, "--json", "-q")
    assert done.code == 0


def rows(kind):
    with Workspace.open(Path("kb")) as workspace:
        return {row.id: row for row in workspace.store.read(kind)}


def test_ls_lists_root_first():
    document = graft("communities", "ls", *HERE, "--json").json
    levels = [line["level"] for line in document["communities"]]
    assert levels == sorted(levels)
    assert sum(document["levels"].values()) == len(rows(Community)) == len(levels)
    assert {line["id"] for line in document["communities"]} == set(rows(Community))
    first = document["communities"][0]
    shown = graft("communities", "ls", *HERE, "--limit", "1").out
    assert first["handle"] in shown and f"1 of {len(levels)} communities" in shown
    assert {
        line["level"] for line in graft("communities", "ls", *HERE, "--level", "0", "--json").json["communities"]
    } == {0}


def test_show_gives_members_and_facts_with_their_sentences():
    (line,) = graft("communities", "ls", *HERE, "--level", "0", "--limit", "1", "--json").json["communities"]
    document = graft("communities", "show", line["handle"], *HERE, "--json").json
    assert document["line"] == line
    assert len(document["members"]) == line["size"]
    assert {fact["id"] for fact in document["facts"]} <= set(rows(Fact))
    (source, sentence), *_ = document["facts"][0]["places"]
    assert sentence in STORIES[source]
    shown = graft("communities", "show", line["handle"], *HERE).out
    assert f"{source}: {sentence}" in shown


def test_an_unknown_community_is_said_to_be_unknown():
    assert "graft communities ls" in graft("communities", "show", "nothing", *HERE).error(2)


def test_report_writes_what_is_missing_and_lists_all():
    arguments = ("communities", "report", *HERE, "--model", REPORTER, "--json", "-q")
    first = graft(*arguments, "--level", "0", "--limit", "1").json
    assert (first["written"], len(first["reports"]), first["findings_dropped"]) == (1, 1, 1)
    assert first["missing"] >= 1
    done = graft(*arguments)
    assert (done.code, done.json["missing"]) == (0, 0)
    assert len(done.json["reports"]) == len(rows(Report)) == len(Reporter.asked)
    (text, fact_ids), *_ = done.json["reports"][0]["findings"]
    assert text and set(fact_ids) <= set(rows(Fact))
    assert graft(*arguments).json["written"] == 0


def test_the_list_calls_no_model():
    before = graft("communities", "report", *HERE, "--model", NEVER, "--list", "--json").json
    assert (before["reports"], before["missing"] > 0) == ([], True)
    graft("communities", "report", *HERE, "--model", REPORTER, "-q", "--level", "0")
    done = graft("communities", "report", *HERE, "--model", NEVER, "--list")
    title = next(iter(rows(Report).values())).title
    assert done.code == 0
    assert f"About {title}." in done.out and "More of it" not in done.out  # the first sentence of the summary
    assert "without one yet: " in done.out


def test_a_used_up_budget_exits_with_5_and_says_so():
    done = graft("communities", "report", *HERE, "--model", REPORTER, "--max-tokens", "500", "--json", "-q")
    assert (done.code, done.json["written"]) == (5, 0)
    assert "Run the same command again to continue." in done.err
    done = graft("communities", "report", *HERE, "--model", REPORTER, "--max-calls", "1", "--json", "-q")
    assert (done.code, done.json["written"]) == (5, 1)


def test_a_failed_report_exits_with_3_and_names_its_community():
    Reporter.answer = staticmethod(lambda shown: {**report_by_rule(shown), "findings": []})
    done = graft("communities", "report", *HERE, "--model", REPORTER, "--level", "0", "--json", "-q")
    assert done.code == 3
    failed = {failure["item"] for failure in done.json["failed"]}
    assert failed and failed <= set(rows(Community))
    assert f"The report on {min(failed)} failed: " in done.err


def test_eval_communities_prints_one_document():
    done = graft("eval", "communities", "kb", "--edits", "2", "--hash-seeds", "1", "--json", "-q")
    assert done.code == 0, done.err
    document = done.json
    assert (document["coverage"], document["paths"], document["deterministic"]) == (1, True, True)
    assert len(document["digests"]) == 3
    assert [way["name"] for way in document["divisions"]] == ["steady", "leiden"]
    assert 0 <= document["divisions"][0]["top"]["mean"] <= 1
    shown = graft("eval", "communities", "kb", "--edits", "1", "--hash-seeds", "1", "-q")
    for line in (
        "Entities in a community: 100.0%",
        "Every entity on one path through the hierarchy: yes",
        "Same communities in 2 other processes: yes",
    ):
        assert line in shown.out.splitlines()


def test_eval_communities_sees_a_division_that_is_not_today_s():
    with Workspace.open(Path("kb")) as workspace:
        first, *_ = workspace.store.read(Community)
        workspace.store.put([replace(first, id="m:other")])
    done = graft("eval", "communities", "kb", "--edits", "1", "--hash-seeds", "1", "--json", "-q")
    assert (done.code, done.json["deterministic"], done.json["paths"]) == (1, False, False)


def test_eval_communities_needs_facts():
    write_sources(Path("bare"), {"a.md": "Nothing.", "b.md": "Little."})
    graft("index", "bare", "-w", "kb2", "--encoder", ENCODER, "--extractor", "none", "-q")
    assert "0 facts" in graft("eval", "communities", "kb2", "-q").error(2)
    assert "graft index" in graft("eval", "communities", "nowhere", "-q").error(2)
