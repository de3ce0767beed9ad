import pytest

from kg.communities.graph import CommunityFacts
from kg.language.sentences import count_tokens
from kg.reports.prompt import MOST_ANSWER_TOKENS, SCHEMA, FindingAnswer, ReportAnswer, findings_of, in_turns, show
from kg.schema import Chunk, Community, Document, Entity, Evidence, Fact, Report
from kg.stores.sqlite.store import SqliteStore
from kg.views.places import Places
from models.calls.prompt import load_prompt
from models.calls.structured import parse_structured

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
    found = CommunityFacts(store)
    return show(found.communities["m:0"], found, Places(store), {r.community_id: r for r in reports}, budget)


def test_facts_come_in_turns_from_the_parts_and_strongest_first(store):
    found = CommunityFacts(store)
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


def test_a_part_with_a_report_is_told_by_it(store):
    report = Report("r:1", "m:abcdef", "b", "Six letters", "They know each other.", 5.0, ())
    assert shown(store, 500, [report]).fields["parts"] == "Parts:\n- Six letters: They know each other.\n"
    assert shown(store, 500).fields["parts"] == ""


def test_only_numbers_that_were_shown_are_citations(store):
    facts = shown(store, 1000).facts
    given = [("one", [2, 1, 2]), ("none", []), ("beyond", [0, 12, -1]), ("", [1]), ("part", [3, 99])]
    answer = ReportAnswer(
        title="T", summary="S", rating=3, findings=[FindingAnswer(text=text, facts=numbers) for text, numbers in given]
    )
    found = findings_of(answer, facts)
    assert [(finding.text, finding.fact_ids) for finding in found] == [
        ("one", (facts[1].id, facts[0].id)),
        ("part", (facts[2].id,)),
    ]


def test_the_example_of_the_prompt_satisfies_the_schema():
    (example,) = (text for role, text in load_prompt("report").turns if role == "assistant")
    answer = ReportAnswer.model_validate(parse_structured(example, SCHEMA))
    assert answer.findings
    assert count_tokens(example) < MOST_ANSWER_TOKENS
