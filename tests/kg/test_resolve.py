import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.config import ResolveConfig
from kg.resolve import resolve
from kg.schema import Evidence, Extraction, Mention, Triple
from tests.kg.scripted import LetterEncoder


def reading(chunk, *mentions, facts=()):
    """An extraction; a mention is (name, type), a fact (subject, predicate, object, dates…)."""
    rows = tuple(Mention(name, kind, Evidence(chunk, n, n + 1)) for n, (name, kind) in enumerate(mentions))
    here = Evidence(chunk, 0, 99)
    return Extraction(f"x:{chunk}", chunk, rows, tuple(Triple(s, p, o, here, *dates) for s, p, o, *dates in facts))


def run(*readings, similarity=0.5, encoder=None):
    """Resolve; a chunk "d1/2" belongs to document "d1"."""
    sources = {row.chunk_id: row.chunk_id.split("/")[0] for row in readings}
    return resolve(readings, sources, encoder or LetterEncoder(), ResolveConfig(similarity=similarity))


def groups(result):
    return sorted((entity.type, tuple(sorted({entity.name, *entity.aliases}))) for entity in result.entities)


def test_spellings_that_differ_in_case_and_article_are_one_entity():
    result = run(
        reading("d1/1", ("Saltmarsh Herald", "organisation"), ("Saltmarsh Herald", "organisation")),
        reading("d2/1", ("the Saltmarsh herald", "organisation")),
    )
    assert [(e.name, e.aliases) for e in result.entities] == [("Saltmarsh Herald", ("the Saltmarsh herald",))]
    assert [evidence.chunk_id for evidence in result.entities[0].evidence] == ["d1/1", "d1/1", "d2/1"]


def test_legal_forms_and_titles_do_not_make_another_thing():
    result = run(
        reading("d1/1", ("Marrow & Finch", "organisation"), ("Dr Ada Lorne", "person")),
        reading("d2/1", ("Marrow & Finch Ltd", "organisation"), ("Ada Lorne", "person")),
        reading("d3/1", ("the Marrow & Finch company", "organisation")),
    )
    assert groups(result) == [
        ("organisation", ("Marrow & Finch", "Marrow & Finch Ltd", "the Marrow & Finch company")),
        ("person", ("Ada Lorne", "Dr Ada Lorne")),
    ]


def test_a_surname_is_the_person_of_its_own_document():
    result = run(
        reading("d1/1", ("Ada Lorne", "person"), ("Lorne", "person")),
        reading("d1/2", ("Lorne", "other"), ("Oune", "place"), facts=[("Lorne", "left", "Oune")]),
        reading("d2/1", ("Tomas Lorne", "person"), ("Lorne", "person"), facts=[("Lorne", "saw", "Oune")]),
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
        reading("d1/1", ("Ada Lorne", "person"), ("Tomas Lorne", "person"), ("Lorne", "person")),
        reading("d2/1", ("Lorne", "person")),
    )
    assert groups(result) == [("person", ("Ada Lorne",)), ("person", ("Lorne",)), ("person", ("Tomas Lorne",))]


def test_the_mill_is_the_one_mill_of_its_document_and_no_alias():
    result = run(
        reading(
            "d1/1",
            ("Bellwick Mill", "organisation"),
            ("the mill", "other"),
            ("Oune", "place"),
            facts=[("the mill", "lies by", "Oune")],
        ),
        reading("d2/1", ("the mill", "other")),
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
    readings = [reading("d1/1", (one, kind)), reading("d2/1", (other, kind))]
    assert len(run(*readings).entities) == 1
    assert len(run(*readings, similarity=1.0, encoder=Opposites()).entities) == 2


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
    result = run(reading("d1/1", (one, kind)), reading("d1/2", (other, kind)), similarity=0.01)
    assert len(result.entities) == 2


def test_an_abbreviation_belongs_to_the_full_name_that_stands_in_its_document():
    full, short = ("Tidal Power Board", "organisation"), ("TPB", "organisation")
    assert len(run(reading("d1/1", full, short), reading("d2/1", short)).entities) == 1
    assert len(run(reading("d1/1", full), reading("d2/1", short)).entities) == 2


def test_a_person_and_a_place_of_one_name_stay_apart():
    result = run(
        *(reading(f"d{n}/1", ("Jordan", "person")) for n in range(3)),
        *(reading(f"d{n}/1", ("Jordan", "place")) for n in range(3, 6)),
    )
    assert groups(result) == [("person", ("Jordan",)), ("place", ("Jordan",))]


def test_a_rare_other_type_is_a_mistake():
    result = run(
        *(reading(f"d{n}/1", ("Veldrane Tidal", "organisation")) for n in range(5)),
        reading("d5/1", ("Veldrane Tidal", "person")),
        reading("d6/1", ("Veldrane Tidal", "other")),
        reading("d7/1", ("Veldrane Tidal", "place")),
    )
    assert groups(result) == [("organisation", ("Veldrane Tidal",))]


def test_facts_that_say_the_same_are_one_with_all_their_evidence():
    names = (("Ada Lorne", "person"), ("Torsby", "place"))
    result = run(
        reading(
            "d1/1", *names, facts=[("Ada Lorne", "lives in", "Torsby"), ("Ada Lorne", "lives in", "Torsby", "2031")]
        ),
        reading("d2/1", *names, facts=[("Ada Lorne", "lives in", "Torsby"), ("Ada Lorne", "is", "Ada Lorne")]),
    )
    assert sorted((fact.valid_from, len(fact.evidence)) for fact in result.facts) == [("", 2), ("2031", 1)]


def test_only_names_that_might_be_merged_are_embedded():
    encoder = LetterEncoder()
    run(reading("d1/1", *((f"Name{n} Of{n}", "place") for n in range(50))), encoder=encoder)
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
    readings = [
        reading(f"d{document}/{n}", *mentions, facts=[(mentions[0][0], "meets", mentions[-1][0])])
        for n, (document, mentions) in enumerate(given_readings)
    ]
    result = run(*readings)
    shuffled = list(readings)
    shuffle.shuffle(shuffled)
    assert run(*shuffled) == result
    ids = [entity.id for entity in result.entities]
    assert len(set(ids)) == len(ids)
    spans = [evidence for entity in result.entities for evidence in entity.evidence]
    assert sorted(spans) == sorted(mention.evidence for row in readings for mention in row.mentions)
    assert {end for fact in result.facts for end in (fact.subject_id, fact.object_id)} <= set(ids)


def test_large_corpora_are_not_compared_pair_by_pair():
    rng = random.Random(0)
    words = [f"Word{n}" for n in range(3000)]
    readings = [
        reading(f"d{n}/1", *((" ".join(rng.sample(words, 2)) + " Street", "place") for _ in range(10)))
        for n in range(400)
    ]
    result = run(*readings)
    assert len(result.entities) > 3900
