import json

import pytest

from kg.communities.graph import CommunityGraph
from kg.language.sentences import count_tokens
from kg.reports.prompt import MAX_REPLY_TOKENS, SCHEMA, FindingReply, ReportReply, findings_of, in_turns, select_input
from kg.schema import Chunk, Community, Document, Entity, Evidence, Fact, Report
from kg.stores.sqlite.store import SqliteStore
from kg.views.evidence import EvidenceLocator
from models.calls.prompt import load_prompt
from models.calls.structured import parse_structured
from models.errors import OutputError

PARTS = ("abcdef", "uv")


@pytest.fixture
def store(tmp_path):
    """One community of two parts: six letters with nine facts, and two with one, all in one text."""
    opened = SqliteStore(tmp_path / "graph.sqlite")
    pairs = ["ab", "ac", "ad", "ae", "af", "bc", "cd", "de", "ef", "uv", "au"]
    sentences = [f"{one} knows {other} since the year {number}." for number, (one, other) in enumerate(pairs)]
    text = " ".join(sentences)
    facts = []
    for number, (one, other) in enumerate(pairs):
        start = text.index(sentences[number])
        evidence = (Evidence("c:1", start, start + len(sentences[number])),)
        facts.append(Fact(f"f:{number:02}", one, "knows", other, evidence))
    whole = "".join(PARTS)
    opened.put([Document("d:1", "a.md", "T", text), Chunk("c:1", "d:1", 0, 0, len(text), text, 9)])
    opened.put(facts)
    opened.put([Entity(letter, letter.upper(), "other", (), ()) for letter in whole])
    opened.put(
        [Community("m:0", 0, "", tuple(whole)), *(Community(f"m:{part}", 1, "m:0", tuple(part)) for part in PARTS)]
    )
    yield opened
    opened.close()


def shown(store, budget, reports=()):
    graph, locator = CommunityGraph(store), EvidenceLocator(store)
    return select_input(graph.communities["m:0"], graph, locator, {r.community_id: r for r in reports}, budget)


def test_facts_come_in_turns_from_the_parts_and_strongest_first(store):
    found = CommunityGraph(store)
    facts = list(in_turns(found.communities["m:0"], found))
    assert len(facts) == 11
    first = {fact.id for fact in facts[:3]}
    assert {"f:09", "f:10"} < first  # the only fact of the small part, the only one between, one of the large part
    assert [fact.id for fact in found.facts["m:uv"]] == ["f:09"]


def test_each_fact_has_its_number_and_its_sentence(store):
    lines = shown(store, 1000).fields["facts"].splitlines()
    assert len(lines) == 11
    assert all(line.startswith(f"[{number}] ") for number, line in enumerate(lines, 1))
    assert any(line.endswith("] A | knows | U: a knows u since the year 10.") for line in lines)


@pytest.mark.parametrize("budget", [20, 64, 100, 200])
def test_what_is_shown_fits_the_budget(store, budget):
    report = Report("r:1", "m:abcdef", "b", "Six letters", "They know each other well. " * 4, 5.0, ())
    found = shown(store, budget, [report])
    assert (
        sum(count_tokens(value.removeprefix("Parts:\n")) for value in found.fields.values()) == found.tokens <= budget
    )
    assert len(found.facts) == len(found.fields["facts"].splitlines()) <= 11
    assert shown(store, budget, [report]) == found


def test_a_part_with_a_report_is_given_by_its_report(store):
    report = Report("r:1", "m:abcdef", "b", "Six letters", "They know each other.", 5.0, ())
    assert shown(store, 500, [report]).fields["parts"] == "Parts:\n- Six letters: They know each other.\n"
    assert shown(store, 500).fields["parts"] == ""


def test_only_numbers_that_were_shown_are_citations(store):
    facts = shown(store, 1000).facts
    given = [("one", [2, 1, 2]), ("none", []), ("beyond", [12, 60]), (" ", [1]), ("part", [3, 60])]
    reply = ReportReply(
        title="T", summary="S", rating=3, findings=[FindingReply(text=text, facts=numbers) for text, numbers in given]
    )
    findings = findings_of(reply, facts)
    assert [(finding.text, finding.fact_ids) for finding in findings] == [
        ("one", (facts[1].id, facts[0].id)),
        ("part", (facts[2].id,)),
    ]


def test_the_example_of_the_prompt_satisfies_the_schema():
    (example,) = (text for role, text in load_prompt("report").turns if role == "assistant")
    reply = ReportReply.model_validate(parse_structured(example, SCHEMA))
    assert reply.findings
    assert count_tokens(example) < MAX_REPLY_TOKENS


@pytest.mark.parametrize(
    "change",
    [
        {"findings": [{"text": "A", "facts": [0]}]},
        {"findings": [{"text": "A", "facts": [61]}]},
        {"findings": [{"text": "", "facts": [1]}]},
        {"findings": [{"text": "A", "facts": [1], "more": 1}]},
        {"findings": []},
        {"rating": 11},
        {"rating": 1.5},
        {"title": ""},
        {"summary": "S" * 601},
        {"more": 1},
    ],
)
def test_a_reply_beyond_the_bounds_of_the_schema_is_refused(change):
    reply = {"title": "T", "summary": "S", "findings": [{"text": "A", "facts": [1, 60]}], "rating": 10}
    assert parse_structured(json.dumps(reply), SCHEMA) == reply
    with pytest.raises(OutputError):
        parse_structured(json.dumps(reply | change), SCHEMA)
