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


def check(names=(), facts=()):
    chunk = Chunk("c:1", "d:1", 0, 0, len(TEXT), TEXT, 40)
    return verify(Answer(names=tuple(names), facts=tuple(" | ".join(fact) for fact in facts)), [(chunk, SENTENCES)])


def one_fact(*fact):
    result = check(facts=[fact])
    return result.triples[0] if result.triples else None


def shown(triple):
    return TEXT[triple.evidence.start : triple.evidence.end]


def test_names_come_back_as_written_with_every_place():
    mentions = check(["harrow mills (organisation)", "TORSBY (place)"]).mentions
    assert {(m.name, m.type) for m in mentions} == {("Harrow Mills", "organisation"), ("Torsby", "place")}
    places = [(m.evidence.start, m.evidence.end) for m in mentions if m.name == "Torsby"]
    assert [TEXT[slice(*place)] for place in places] == ["Torsby"] * 3
    assert TEXT[slice(*next((m.evidence.start, m.evidence.end) for m in mentions))] == "Harrow\nMills"


@pytest.mark.parametrize("name", ["Nova Corp", "She", "the", "The ", "Tors", "", "...", "his mill"])
def test_a_name_that_is_not_there_is_dropped_and_counted(name):
    result = check([f"{name} (person)"])
    assert (result.mentions, result.dropped) == ([], 1)


def test_a_name_inside_a_longer_one_is_placed_where_it_stands_alone():
    result = check(["Harrow Mills (organisation)", "Mills (organisation)", "Lake Oune (place)", "Lake (place)"])
    assert len([m for m in result.mentions if m.name == "Mills"]) == 1  # nowhere alone: its place inside the longer one
    assert {m.name for m in result.mentions} == {"Harrow Mills", "Mills", "Lake Oune", "Lake"}


def test_a_fact_shows_its_sentence():
    triple = one_fact("Ada Lorne", "Founded", "Marrow & Finch")
    assert (triple.subject, triple.predicate, triple.object) == ("Ada Lorne", "founded", "Marrow & Finch")
    assert shown(triple) == "In 2018 Ada Lorne founded Marrow & Finch in Torsby."


def test_the_sentence_with_the_words_of_the_relation_is_shown():
    text = "Harrow Mills lies in Torsby. Harrow Mills left Torsby."
    chunk = Chunk("c:1", "d:1", 0, 0, len(text), text, 10)
    answer = Answer(names=(), facts=("Harrow Mills | left | Torsby", "Harrow Mills | lies in | Torsby"))
    triples = verify(answer, [(chunk, RuleSentences().split(text))]).triples
    assert [text[t.evidence.start : t.evidence.end] for t in triples] == [text[29:], text[:28]]


def test_a_fact_behind_a_pronoun_shows_the_sentence_with_the_name_too():
    assert shown(one_fact("Ada Lorne", "sold her firm to", "Harrow Mills")) == TEXT[: SENTENCES[1][1]]


@pytest.mark.parametrize(
    "fact",
    [
        ("Ada Lorne", "lives by", "Lake Oune Castle"),
        ("Lake Oune", "is far from", "Ada Lorne"),  # neither in one sentence nor in two neighbours
        ("Ada Lorne", "is", "ada lorne"),
        ("Ada Lorne", "", "Torsby"),
        ("Ada Lorne", "—", "Torsby"),
        ("Ada Lorne", "one two three four five six seven eight nine", "Torsby"),
        ("She", "sold", "Harrow Mills"),
        ("Torsby", "lies by and", "Lake Oune"),
        ("Ada Lorne", "sold", "She sold the firm"),
        ("Ada Lorne", "founded"),
        ("Ada Lorne", "sings in", "Torsby"),  # both ends stand there, the relation doesn't
    ],
)
def test_a_fact_that_does_not_stand_there_is_dropped_and_counted(fact):
    result = check(facts=[fact])
    assert (result.triples, result.mentions, result.dropped) == ([], [], 1)


def test_another_form_of_the_relation_or_a_short_one_will_do():
    assert one_fact("Ada Lorne", "is the founder of", "Marrow & Finch")
    assert one_fact("Marrow & Finch", "is in", "Torsby")


@pytest.mark.parametrize(
    ("relation", "text", "stands"),
    [
        ("met with", "Ada Lorne met Tom Hale.", True),
        ("has been CEO of", "Ada Lorne became CEO under Tom Hale.", True),
        ("位于北京市", "Ada Lorne 位于北京市中心 Tom Hale.", True),
        ("has been rival of", "Ada Lorne has met Tom Hale.", False),
        ("is the sister of", "Ada Lorne is older than the mayor, Tom Hale.", False),
    ],
)
def test_a_relation_must_be_told_where_its_ends_stand(relation, text, stands):
    chunk = Chunk("c:1", "d:1", 0, 0, len(text), text, 10)
    answer = Answer(names=(), facts=(f"Ada Lorne | {relation} | Tom Hale",))
    assert bool(verify(answer, [(chunk, [(0, len(text))])]).triples) == stands


def test_ends_that_were_not_listed_become_mentions():
    result = check(facts=[("Harrow Mills", "bought the firm for", "4,000 crowns")])
    assert {(m.name, m.type) for m in result.mentions} == {("Harrow Mills", "other"), ("4,000 crowns", "value")}


def test_repetitions_are_merged_and_not_counted():
    result = check(
        ["Torsby (place)", "Torsby (place)"],
        [("Torsby", "lies by", "Lake Oune"), ("torsby", "lies  by", "Lake Oune")],
    )
    assert (len(result.triples), result.dropped) == (1, 0)


def test_people_are_not_counted_in_numbers():
    assert {m.type for m in check(["4,000 crowns (person)"]).mentions} == {"value"}


def test_the_date_behind_a_fact_is_its_validity():
    text = "Ada Lorne, head of Harrow Mills since March 2019, met Tom Hale."
    chunk = Chunk("c:1", "d:1", 0, 0, len(text), text, 10)
    answer = Answer(names=(), facts=("Ada Lorne | is head of | Harrow Mills", "Ada Lorne | met | Tom Hale"))
    assert [t.valid_from for t in verify(answer, [(chunk, [(0, len(text))])]).triples] == ["2019-03", ""]


def test_a_fact_goes_to_the_passage_that_tells_it_and_a_name_to_every_one():
    texts = ("Harrow Mills lies in Torsby.", "Harrow Mills left Torsby.")
    shown = [(Chunk(f"c:{n}", "d:1", n, 0, len(t), t, 10), [(0, len(t))]) for n, t in enumerate(texts)]
    answer = Answer(names=("Torsby (place)",), facts=("Harrow Mills | left | Torsby", "Nova | left | Torsby"))
    result = verify(answer, shown)
    assert [triple.evidence.chunk_id for triple in result.triples] == ["c:1"]
    assert {m.evidence.chunk_id for m in result.mentions if m.name == "Torsby"} == {"c:0", "c:1"}
    assert result.dropped == 1


NAMES = st.sampled_from(["Ada Lorne", "Torsby", "Lake Oune", "Harrow Mills", "Nova", "she", "the firm", "2018", ""])


@given(st.lists(st.tuples(NAMES, st.text(max_size=12), NAMES), max_size=6), st.lists(NAMES))
def test_everything_kept_stands_in_its_span(facts, names):
    result = check([f"{name} (place)" for name in names], facts)
    mentioned = {m.name for m in result.mentions}
    for mention in result.mentions:
        assert fold(TEXT[mention.evidence.start : mention.evidence.end]) == fold(mention.name)
    for triple in result.triples:
        assert fold(triple.subject) in fold(shown(triple)) and fold(triple.object) in fold(shown(triple))
        assert {triple.subject, triple.object} <= mentioned
    assert len(result.triples) + result.dropped <= len(facts) + len(names)
