import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.config import ResolveConfig
from kg.language.text import normalise_name
from kg.resolution.judge import Judge
from kg.resolution.resolve import resolve
from kg.rulings import MERGE, SPLIT, UNDO, ruling
from kg.schema import Evidence, Extraction, Mention, Triple
from models.errors import OutputError, RefusedPromptError
from models.protocols import Completion, Usage
from tests.kg.scripted import LetterEncoder


def extraction(chunk, *mentions, facts=()):
    """An extraction; a mention is (name, type), a fact (subject, predicate, object, dates…)."""
    rows = tuple(Mention(name, kind, Evidence(chunk, n, n + 1)) for n, (name, kind) in enumerate(mentions))
    here = Evidence(chunk, 0, 99)
    return Extraction(f"x:{chunk}", chunk, rows, tuple(Triple(s, p, o, here, *dates) for s, p, o, *dates in facts))


def run(*extractions, similarity=0.5, encoder=None, rulings=(), judge=None):
    """Resolve; a chunk "d1/2" belongs to document "d1"."""
    sources = {row.chunk_id: row.chunk_id.split("/")[0] for row in extractions}
    config = ResolveConfig(similarity=similarity)
    return resolve(extractions, sources, encoder or LetterEncoder(), config, rulings, judge)


def groups(result):
    return sorted((entity.type, tuple(sorted({entity.name, *entity.aliases}))) for entity in result.entities)


def test_spellings_that_differ_in_case_and_article_are_one_entity():
    result = run(
        extraction("d1/1", ("Saltmarsh Herald", "organisation"), ("Saltmarsh Herald", "organisation")),
        extraction("d2/1", ("the Saltmarsh herald", "organisation")),
    )
    assert [(e.name, e.aliases) for e in result.entities] == [("Saltmarsh Herald", ("the Saltmarsh herald",))]
    assert [evidence.chunk_id for evidence in result.entities[0].evidence] == ["d1/1", "d1/1", "d2/1"]


def test_legal_forms_and_titles_do_not_make_another_thing():
    result = run(
        extraction("d1/1", ("Marrow & Finch", "organisation"), ("Dr Ada Lorne", "person")),
        extraction("d2/1", ("Marrow & Finch Ltd", "organisation"), ("Ada Lorne", "person")),
        extraction("d3/1", ("the Marrow & Finch company", "organisation")),
    )
    assert groups(result) == [
        ("organisation", ("Marrow & Finch", "Marrow & Finch Ltd", "the Marrow & Finch company")),
        ("person", ("Ada Lorne", "Dr Ada Lorne")),
    ]


def test_a_surname_is_the_person_of_its_own_document():
    result = run(
        extraction("d1/1", ("Ada Lorne", "person"), ("Lorne", "person")),
        extraction("d1/2", ("Lorne", "other"), ("Oune", "place"), facts=[("Lorne", "left", "Oune")]),
        extraction("d2/1", ("Tomas Lorne", "person"), ("Lorne", "person"), facts=[("Lorne", "saw", "Oune")]),
    )
    names = {entity.id: entity.name for entity in result.entities}
    assert groups(result) == [
        ("person", ("Ada Lorne", "Lorne")),
        ("person", ("Lorne", "Tomas Lorne")),
        ("place", ("Oune",)),
    ]
    assert {(names[f.subject_id], f.predicate) for f in result.facts} == {("Ada Lorne", "leaves")}


def test_a_surname_that_fits_two_or_none_stays_by_itself():
    result = run(
        extraction("d1/1", ("Ada Lorne", "person"), ("Tomas Lorne", "person"), ("Lorne", "person")),
        extraction("d2/1", ("Lorne", "person")),
    )
    assert groups(result) == [("person", ("Ada Lorne",)), ("person", ("Lorne",)), ("person", ("Tomas Lorne",))]


def test_the_mill_is_the_one_mill_of_its_document_and_no_alias():
    result = run(
        extraction(
            "d1/1",
            ("Bellwick Mill", "organisation"),
            ("the mill", "other"),
            ("Oune", "place"),
            facts=[("the mill", "lies by", "Oune")],
        ),
        extraction("d2/1", ("the mill", "other")),
    )
    names = {entity.id: (entity.name, entity.aliases) for entity in result.entities}
    assert [names[fact.subject_id] for fact in result.facts] == [("Bellwick Mill", ())]
    assert ("the mill", ()) in names.values()


@pytest.mark.parametrize(
    ("one", "other", "kind"),
    [
        ("Oune Barrage", "Oune Barrage project", "place"),
        ("Kittiwake turbine", "Kittiwake turbines", "product"),
        ("Salt Marsh", "Saltmarsh", "place"),
        ("Murmurine Instruments", "Murmurrine Instruments", "organisation"),
        ("Jean-Luc Marrow", "Jean Luc Marrow", "person"),
    ],
)
def test_near_spellings_are_merged_if_embeddings_are_near(one, other, kind):
    extractions = [extraction("d1/1", (one, kind)), extraction("d2/1", (other, kind))]
    assert len(run(*extractions).entities) == 1
    assert len(run(*extractions, similarity=1.0, encoder=Opposites()).entities) == 2


class Opposites(LetterEncoder):
    """Gives neighbouring texts opposite vectors."""

    def encode(self, texts, kind="passage"):
        vectors = super().encode(texts, kind)
        vectors[1::2] *= -1
        return vectors


@pytest.mark.parametrize(
    ("one", "other", "kind"),
    [
        ("Ada Lorne", "Ida Lorne", "person"),
        ("Ada Lorne", "Ada Lorney", "person"),
        ("Ada Lorne", "Ada M. Lorne", "person"),
        ("Line 4", "Line 5", "place"),
        ("Highway 12", "Highway 122", "place"),
        ("Oune", "Oune Barrage", "place"),
        ("Harrow Mills", "Harrow Museum", "organisation"),
        ("2031", "2032", "value"),
        ("48 million crests", "49 million crests", "value"),
    ],
)
def test_different_things_stay_apart_however_near_their_embeddings(one, other, kind):
    result = run(extraction("d1/1", (one, kind)), extraction("d1/2", (other, kind)), similarity=0.01)
    assert len(result.entities) == 2


def test_an_abbreviation_belongs_to_the_full_name_that_stands_in_its_document():
    full, short = ("Tidal Power Board", "organisation"), ("TPB", "organisation")
    assert len(run(extraction("d1/1", full, short), extraction("d2/1", short)).entities) == 1
    assert len(run(extraction("d1/1", full), extraction("d2/1", short)).entities) == 2


def test_a_person_and_a_place_of_one_name_stay_apart():
    result = run(
        *(extraction(f"d{n}/1", ("Jordan", "person")) for n in range(3)),
        *(extraction(f"d{n}/1", ("Jordan", "place")) for n in range(3, 6)),
    )
    assert groups(result) == [("person", ("Jordan",)), ("place", ("Jordan",))]


def test_a_rare_other_type_is_a_mistake():
    result = run(
        *(extraction(f"d{n}/1", ("Veldrane Tidal", "organisation")) for n in range(5)),
        extraction("d5/1", ("Veldrane Tidal", "person")),
        extraction("d6/1", ("Veldrane Tidal", "other")),
        extraction("d7/1", ("Veldrane Tidal", "place")),
    )
    assert groups(result) == [("organisation", ("Veldrane Tidal",))]


def test_facts_that_say_the_same_are_one_with_all_their_evidence():
    names = (("Ada Lorne", "person"), ("Torsby", "place"))
    result = run(
        extraction(
            "d1/1", *names, facts=[("Ada Lorne", "lives in", "Torsby"), ("Ada Lorne", "lives in", "Torsby", "2031")]
        ),
        extraction("d2/1", *names, facts=[("Ada Lorne", "lives in", "Torsby"), ("Ada Lorne", "is", "Ada Lorne")]),
    )
    assert sorted((fact.valid_from, len(fact.evidence)) for fact in result.facts) == [("", 2), ("2031", 1)]


def test_only_names_that_might_be_merged_are_embedded():
    encoder = LetterEncoder()
    run(extraction("d1/1", *((f"Name{n} Of{n}", "place") for n in range(50))), encoder=encoder)
    assert encoder.seen == []


WORDS = st.sampled_from(["Ada", "Lorne", "Lornes", "Mill", "Ltd", "Dr", "the mill", "ML", "4"])
MENTIONS = st.tuples(
    st.lists(WORDS, min_size=1, max_size=3).map(" ".join),
    st.sampled_from(["person", "organisation", "place", "product", "value", "other"]),
)
READINGS = st.lists(st.tuples(st.integers(0, 3), st.lists(MENTIONS, min_size=1, max_size=4)), max_size=6)


@settings(max_examples=200, deadline=None)
@given(READINGS, st.randoms(use_true_random=False))
def test_every_mention_has_one_entity_whatever_the_order(given_readings, shuffle):
    extractions = [
        extraction(f"d{document}/{n}", *mentions, facts=[(mentions[0][0], "meets", mentions[-1][0])])
        for n, (document, mentions) in enumerate(given_readings)
    ]
    result = run(*extractions)
    shuffled = list(extractions)
    shuffle.shuffle(shuffled)
    assert run(*shuffled) == result
    ids = [entity.id for entity in result.entities]
    assert len(set(ids)) == len(ids)
    spans = [evidence for entity in result.entities for evidence in entity.evidence]
    assert sorted(spans) == sorted(mention.evidence for row in extractions for mention in row.mentions)
    assert {end for fact in result.facts for end in (fact.subject_id, fact.object_id)} <= set(ids)


def test_large_corpora_are_not_compared_pair_by_pair():
    rng = random.Random(0)
    words = [f"Word{n}" for n in range(3000)]
    extractions = []
    for n in range(400):
        streets = [(" ".join(rng.sample(words, 2)) + " Street", "place") for _ in range(10)]
        extractions.append(extraction(f"d{n}/1", *streets))
    result = run(*extractions)
    assert len(result.entities) > 3900


def people(result):
    """Documents of every person, by entity."""

    def documents(entity):
        return tuple(sorted({span.chunk_id.split("/")[0] for span in entity.evidence}))

    return sorted((entity.name, documents(entity)) for entity in result.entities if entity.type == "person")


def test_two_people_of_one_name_born_in_different_years_are_two():
    def born(document, year, place):
        facts = [("Ada Lorne", "was born in", year), ("Ada Lorne", "lives in", place)]
        return extraction(f"{document}/1", ("Ada Lorne", "person"), (year, "value"), (place, "place"), facts=facts)

    result = run(born("d1", "1871", "Torsby"), born("d2", "1950", "Torsby"), born("d3", "1950", "Lund"))
    assert people(result) == [("Ada Lorne", ("d1",)), ("Ada Lorne", ("d2", "d3"))]
    assert len({entity.id for entity in result.entities}) == len(result.entities)


class FarApart(LetterEncoder):
    """Texts with "water" in them lie at right angles to all others."""

    def encode(self, texts, kind="passage"):
        vectors = super().encode(texts, kind)
        vectors[:] = 0
        vectors[range(len(texts)), [int("water" in text) for text in texts]] = 1
        return vectors


LAWYER = ("practised water law in", "Ythering"), ("negotiates over the water of", "Thessock"), ("speaks for", "Ostrel")
GLASS = ("runs the furnace on", "Cooper's Row"), ("learned the craft from", "his aunt"), ("casts", "48 prisms")


def joss(document, *facts, name="Joss Tarrender"):
    others = tuple((object_, "place") for _, object_ in facts)
    return extraction(f"{document}/1", (name, "person"), *others, facts=[(name, *fact) for fact in facts])


def test_two_people_of_one_name_whose_facts_lie_far_apart_are_two():
    extractions = [joss("d1", *GLASS), joss("d2", *LAWYER, name="Mr Joss Tarrender"), joss("d3", LAWYER[0])]
    result = run(*extractions, encoder=FarApart())
    assert people(result) == [("Joss Tarrender", ("d1",)), ("Joss Tarrender", ("d2", "d3"))]
    subjects = {fact.predicate: fact.subject_id for fact in result.facts}
    assert subjects["casts"] != subjects["speaks for"]


def test_a_shared_neighbour_or_too_few_facts_keep_one_person_one():
    shared = [joss("d1", *GLASS, ("lives in", "Ostrel")), joss("d2", *LAWYER)]
    assert people(run(*shared, encoder=FarApart())) == [("Joss Tarrender", ("d1", "d2"))]
    few = [joss("d1", *GLASS[:2]), joss("d2", *LAWYER)]
    assert people(run(*few, encoder=FarApart())) == [("Joss Tarrender", ("d1", "d2"))]


@pytest.mark.models
def test_the_two_joss_tarrenders_of_the_demo_stay_apart_and_its_others_whole():
    from models.factory import open_encoder

    extractions = [
        joss("08", *GLASS, ("is a glass-blower of", "Marl Haven"), ("makes the new lens for", "Sable Ness")),
        joss("09", *LAWYER[:2], ("is negotiator of", "the Province of Ostrel")),
        joss("15", ("negotiated", "the Willow Treaty"), ("negotiated for", "Ostrel")),
        joss("38", ("was elected chair of", "the Thessock Commission"), ("has a law office in", "Ythering")),
        joss("01", ("is chief executive of", "Veldrane Tidal"), ("watched from", "a boat"), name="Maren Oskevald"),
        joss("18", ("becomes president of", "the Binnacle Foundation"), ("had run", "Vasterly"), name="Maren Oskevald"),
    ]
    result = run(*extractions, encoder=open_encoder("minilm"), similarity=0.85)
    assert people(result) == [
        ("Joss Tarrender", ("08",)),
        ("Joss Tarrender", ("09", "15", "38")),
        ("Maren Oskevald", ("01", "18")),
    ]


def test_aliases_that_a_text_states_are_kept_on_one_entity_with_the_reason():
    names = (("Veldrane Tidal", "organisation"), ("Tidewater", "organisation"), ("Oune", "place"))
    result = run(
        extraction("d1/1", *names, facts=[("Veldrane Tidal", "is also known as", "Tidewater")]),
        extraction("d2/1", ("Tidewater", "organisation"), ("Oune", "place"), facts=[("Tidewater", "dams", "Oune")]),
    )
    assert ("organisation", ("Tidewater", "Veldrane Tidal")) in groups(result)
    assert [(merge.name, merge.other, merge.reason) for merge in result.merges] == [
        ("tidewater", "veldrane tidal", "a text says: is also known as")
    ]
    assert len(result.facts) == 1


def test_an_everyday_word_and_an_ambiguous_abbreviation_glue_nothing_together():
    nickname = [("Francis Magal", "is also known as", "The Mouth")]
    result = run(
        extraction("d1/1", ("Francis Magal", "other"), ("The Mouth", "other"), facts=nickname),
        extraction("d2/1", ("mouth", "other")),
        extraction("d3/1", ("TPB", "organisation"), ("Tidal Power Board", "organisation")),
        extraction("d4/1", ("TPB", "organisation"), ("Torsby Piano Band", "organisation")),
    )
    assert result.merges == ()


@pytest.mark.parametrize(
    ("one", "other"), [("caterpillar", "the caterpillars"), ("life cycle", "life cycles"), ("man", "men")]
)
def test_singular_and_plural_of_a_concept_are_one_thing_whatever_kind_a_model_gives_it(one, other):
    result = run(extraction("d1/1", (one, "other")), extraction("d2/1", (other, "product")))
    assert len(result.entities) == 1
    assert [merge.reason for merge in result.merges] == ["singular and plural"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("the first stage", "the second stage"),
        ("the first", "the first stage"),
        ("life cycle", "life cycle of the butterfly"),
        ("adduction", "abduction"),
        ("many people", "people"),
        ("gas", "ga"),
        ("mitosis", "mitosi"),
        ("1970", "1970s"),
    ],
)
def test_vague_phrases_are_not_glued_together(one, other):
    result = run(extraction("d1/1", (one, "other"), (other, "other")), similarity=0.01)
    assert len(result.entities) == 2


def test_what_a_fact_links_are_two_things():
    names = (("Oune Barrage", "place"), ("Oune Barrage project", "place"))
    assert len(run(extraction("d1/1", *names)).entities) == 1
    linked = extraction("d1/1", *names, facts=[("Oune Barrage project", "builds", "Oune Barrage")])
    assert len(run(linked).entities) == 2


def test_facts_in_other_tenses_are_one_with_all_their_evidence_and_wordings():
    names = (("Marrow", "organisation"), ("Ada Lorne", "person"))
    result = run(
        extraction("d1/1", *names, facts=[("Marrow", "was founded by", "Ada Lorne")]),
        extraction("d2/1", *names, facts=[("Marrow", "is founded by", "Ada Lorne")]),
        extraction("d3/1", *names, facts=[("Marrow", "was not founded by", "Ada Lorne")]),
    )
    told = {fact.predicate: (len(fact.evidence), fact.phrases) for fact in result.facts}
    assert told == {
        "founded by": (2, ("is founded by", "was founded by")),
        "was not founded by": (1, ()),
    }


class Judging:
    """A chat model that knows which names are one thing."""

    name = "judging"
    digest = "judging-1"

    def __init__(self, *same, useless=None):
        self.same, self.useless, self.asked = same, useless, []

    def complete(self, request):
        question = request.messages[-1].content
        self.asked.append(question)
        if self.useless:
            raise self.useless("no JSON", 7, 1)

        def asks_about(pair):
            return all(name in question for name in pair)

        answer = {"same": any(map(asks_about, self.same))}
        return Completion("{}", Usage(10, 2), "stop", 0.1, parsed=answer)


def test_a_judge_decides_what_words_leave_open_and_nothing_else():
    extractions = [
        extraction(
            "d1/1", ("Bank of Torsby", "organisation"), ("Torsby Bank", "organisation"), ("Dr Ada Lorne", "person")
        ),
        extraction("d2/1", ("Torsby Bakery", "organisation"), ("Ada Lorne", "person")),
    ]
    chat = Judging(("bank of torsby", "torsby bank"))
    result = run(*extractions, judge=Judge(chat))
    assert ("organisation", ("Bank of Torsby", "Torsby Bank")) in groups(result)
    assert {"judged one thing by judging"} < {merge.reason for merge in result.merges}
    assert len(result.entities) == 3
    assert chat.asked and not any("lorne" in question for question in chat.asked)
    for error in (OutputError, RefusedPromptError):
        judge = Judge(Judging(useless=error))
        assert len(run(*extractions, judge=judge).entities) == 4
        assert len(judge.failures) == judge.decided > 0
        assert judge.usage.tokens_in == 7 * judge.decided


def test_rulings_stand_above_rules():
    extractions = [
        extraction("d1/1", ("Ada Lorne", "person"), ("Lorne", "person"), ("Oune", "place")),
        extraction("d2/1", ("Dr Ada Lorne", "person"), ("Oune Bay", "place")),
        extraction("d3/1", ("Ada Lorne", "person")),
    ]
    assert len(run(*extractions).entities) == 3
    merged = run(*extractions, rulings=[ruling(0, MERGE, "oune", "oune bay")])
    assert [merge.reason for merge in merged.merges if "oune" in merge.name] == ["ruled one thing"]
    assert len(merged.entities) == 2
    split = run(
        *extractions, rulings=[ruling(0, SPLIT, "ada lorne", "dr ada lorne"), ruling(1, SPLIT, "lorne", "ada lorne")]
    )
    assert people(split) == [("Ada Lorne", ("d1", "d3")), ("Dr Ada Lorne", ("d2",)), ("Lorne", ("d1",))]
    apart = run(*extractions, rulings=[ruling(0, SPLIT, "ada lorne", "ada lorne", "d1")])
    assert people(apart) == [("Ada Lorne", ("d1",)), ("Ada Lorne", ("d2", "d3"))]
    again = run(
        *extractions, rulings=[ruling(0, SPLIT, "ada lorne", "ada lorne", "d1"), ruling(1, MERGE, *["ada lorne"] * 2)]
    )
    assert people(again) == people(run(*extractions))


NAMES = st.sampled_from(["ada", "lorne", "ada lorne", "mill", "ada mill", "dr ada lorne"])
RULINGS = st.lists(
    st.tuples(st.sampled_from([MERGE, SPLIT]), NAMES, NAMES, st.sampled_from(["", "d0", "d1"])), max_size=4
)


@settings(max_examples=100, deadline=None)
@given(READINGS, RULINGS, st.randoms(use_true_random=False), NAMES, NAMES)
def test_rulings_hold_whatever_the_order_and_undoing_one_gives_what_was_before(
    given_readings, ruled, shuffle, one, other
):
    extractions = [extraction(f"d{document}/{n}", *mentions) for n, (document, mentions) in enumerate(given_readings)]
    rows = [ruling(n, kind, a, a if source else b, source) for n, (kind, a, b, source) in enumerate(ruled)]
    before = run(*extractions, rulings=rows)
    count = len(rows)
    split = [*rows, ruling(count, MERGE, one, other), ruling(count + 1, SPLIT, one, other)]
    undone = [*split, ruling(count + 2, UNDO, one, other), ruling(count + 3, UNDO, one, other)]
    shuffle.shuffle(undone)
    shuffle.shuffle(extractions)
    assert run(*extractions, rulings=undone) == before
    if one != other:
        for entity in run(*extractions, rulings=split).entities:
            own = {normalise_name(entity.name)} | {normalise_name(alias) for alias in entity.aliases}
            assert not {one, other} <= own or {one, other} & {"ada", "lorne", "mill"}  # parts name several wholes


def test_five_thousand_names_are_not_compared_pair_by_pair():
    rng = random.Random(0)
    kinds = ("person", "organisation", "other")
    extractions = []
    for n in range(100):
        mentions = [
            (f"{''.join(rng.choices(LETTERS, k=5))} {''.join(rng.choices(LETTERS, k=3))}", kinds[m % 3])
            for m in range(50)
        ]
        extractions.append(extraction(f"d{n}/1", *mentions))
    result = run(*extractions)
    assert 4900 < len(result.entities) <= 5000
    assert 0 < result.pairs < 0.01 * 5000**2 / 2


LETTERS = ["ka", "lo", "mer", "ti", "vos", "an", "dre", "qui", "sel", "bor", "nem", "pha", "ru", "ost"]
