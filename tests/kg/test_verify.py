import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg.schema import Chunk
from kg.sentences import RuleSentences
from kg.spans import fold
from kg.verify import Answer, verify

TEXT = (
    "In 2018 Ada Lorne founded Marrow & Finch in Torsby. She sold the firm to Harrow\nMills for 4,000 crowns. "
    "Torsby lies by Lake Oune. Harrow Mills left Torsby."
)
SENTENCES = RuleSentences().split(TEXT)


def check(date="", **answer):
    chunk = Chunk("c:1", "d:1", 0, 0, len(TEXT), TEXT, 40)
    return verify(Answer.model_validate({"facts": [], **answer}), chunk, SENTENCES, date)


def one_fact(n, *items, **more):
    result = check(facts=[{"n": n, "facts": [items]}], **more)
    return result.triples[0] if result.triples else None


def shown(triple):
    return TEXT[triple.evidence.start : triple.evidence.end]


def test_names_come_back_as_written_with_every_place():
    mentions = check(organisation=["harrow mills"], place=["TORSBY"]).mentions
    assert {(m.name, m.type) for m in mentions} == {("Harrow Mills", "organisation"), ("Torsby", "place")}
    places = [(m.evidence.start, m.evidence.end) for m in mentions if m.name == "Torsby"]
    assert [TEXT[slice(*place)] for place in places] == ["Torsby"] * 3
    assert TEXT[slice(*next((m.evidence.start, m.evidence.end) for m in mentions))] == "Harrow\nMills"


@pytest.mark.parametrize("name", ["Nova Corp", "She", "the", "The ", "Tors", "", "...", "his mill"])
def test_a_name_that_is_not_there_is_dropped_and_counted(name):
    result = check(person=[name])
    assert (result.mentions, result.dropped) == ([], 1)


def test_a_name_inside_a_longer_one_is_placed_where_it_stands_alone():
    result = check(organisation=["Harrow Mills", "Mills"], place=["Lake Oune", "Lake"])
    assert len([m for m in result.mentions if m.name == "Mills"]) == 1  # nowhere alone: its place inside the longer one
    assert {m.name for m in result.mentions} == {"Harrow Mills", "Mills", "Lake Oune", "Lake"}


def test_a_fact_shows_its_sentence():
    triple = one_fact(1, "Ada Lorne", "Founded", "Marrow & Finch")
    assert (triple.subject, triple.predicate, triple.object) == ("Ada Lorne", "founded", "Marrow & Finch")
    assert shown(triple) == "In 2018 Ada Lorne founded Marrow & Finch in Torsby."


def test_a_wrong_sentence_number_is_put_right():
    assert shown(one_fact(1, "Torsby", "lies by", "Lake Oune")) == "Torsby lies by Lake Oune."
    assert shown(one_fact(99, "Torsby", "lies by", "Lake Oune")) == "Torsby lies by Lake Oune."


def test_a_fact_behind_a_pronoun_shows_the_sentence_with_the_name_too():
    assert shown(one_fact(2, "Ada Lorne", "sold her firm to", "Harrow Mills")) == TEXT[: SENTENCES[1][1]]


@pytest.mark.parametrize(
    ("n", "fact"),
    [
        (3, ("Ada Lorne", "lives by", "Lake Oune Castle")),
        (1, ("Lake Oune", "is far from", "Ada Lorne")),  # neither in a sentence, nor before it
        (1, ("Ada Lorne", "is", "ada lorne")),
        (1, ("Ada Lorne", "", "Torsby")),
        (1, ("Ada Lorne", "—", "Torsby")),
        (1, ("Ada Lorne", "one two three four five six seven eight nine", "Torsby")),
        (2, ("She", "sold", "Harrow Mills")),
    ],
)
def test_a_fact_that_does_not_stand_there_is_dropped_and_counted(n, fact):
    result = check(facts=[{"n": n, "facts": [fact]}])
    assert (result.triples, result.mentions, result.dropped) == ([], [], 1)


def test_ends_that_were_not_listed_become_mentions():
    result = check(facts=[{"n": 2, "facts": [["Harrow Mills", "paid", "4,000 crowns"]]}])
    assert {(m.name, m.type) for m in result.mentions} == {("Harrow Mills", "other"), ("4,000 crowns", "value")}


def test_repetitions_are_merged_and_not_counted():
    facts = [["Torsby", "lies by", "Lake Oune"], ["torsby", "lies  by", "Lake Oune"]]
    result = check(facts=[{"n": 3, "facts": facts}], place=["Torsby", "Torsby"])
    assert (len(result.triples), result.dropped) == (1, 0)


@pytest.mark.parametrize(
    ("given", "date", "kept"),
    [
        ("2018", "", "2018"),
        ("2018-13", "", ""),
        ("2019", "", ""),
        ("2019-04", "2019-04-01", "2019-04"),
        ("soon", "", ""),
    ],
)
def test_a_date_needs_its_form_and_a_known_year(given, date, kept):
    triple = one_fact(1, "Ada Lorne", "founded", "Marrow & Finch", given, date=date)
    assert (triple.valid_from, triple.valid_to) == (kept, "")
    assert one_fact(1, "Ada Lorne", "founded", "Marrow & Finch", "", given, date=date).valid_to == kept


NAMES = st.sampled_from(["Ada Lorne", "Torsby", "Lake Oune", "Harrow Mills", "Nova", "she", "the firm", "2018", ""])


@given(st.lists(st.tuples(st.integers(-2, 9), NAMES, st.text(max_size=12), NAMES), max_size=6), st.lists(NAMES))
def test_everything_kept_stands_in_its_span(facts, names):
    given_facts = [{"n": n, "facts": [[s, p, o]]} for n, s, p, o in facts]
    result = check(facts=given_facts, other=names)
    mentioned = {m.name for m in result.mentions}
    for mention in result.mentions:
        assert fold(TEXT[mention.evidence.start : mention.evidence.end]) == fold(mention.name)
    for triple in result.triples:
        assert fold(triple.subject) in fold(shown(triple)) and fold(triple.object) in fold(shown(triple))
        assert {triple.subject, triple.object} <= mentioned
    assert len(result.triples) + result.dropped <= len(facts) + len(names)
