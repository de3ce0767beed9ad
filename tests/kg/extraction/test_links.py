"""What joins two names that no clause joins: the words on the way, and nothing where the way says nothing."""

from __future__ import annotations

from typing import Any

import pytest

from kg.extraction.clauses import phrase, statements
from kg.extraction.links import MAX_STEPS, MAX_WORDS, links
from kg.language.spacy_pipeline import TYPES, VALUE

pytestmark = pytest.mark.models

CASES = [
    ("Ines Varga is a Norwegian chemist.", {"Ines Varga | is chemist | Norwegian"}),
    ("Ada Lorne bought Bellwick Mill in Torsby.", {"Ada Lorne | bought mill in | Torsby"}),
    ("Norway, Sweden and Denmark signed it.", set()),
    ("Ada Lorne said that Bo Finch had left.", set()),
    ("Tom Hale did not join the crew of the Sorrel under Ada Lorne.", set()),
    ("It rains.", set()),
]


def names_of(doc: Any) -> list[tuple[int, int]]:
    return sorted({phrase(entity.root) for entity in doc.ents if TYPES.get(entity.label_, VALUE) != VALUE})


def words(doc: Any, joined: set[frozenset[tuple[int, int]]]) -> set[str]:
    return {
        f"{doc[slice(*each.subject)].text} | {each.relation} | {doc[slice(*each.object)].text}"
        for each in links(doc, names_of(doc), joined)
    }


@pytest.mark.parametrize(("sentence", "wanted"), CASES, ids=[sentence for sentence, _ in CASES])
def test_what_joins_two_names(parser: Any, sentence: str, wanted: set[str]) -> None:
    doc = parser(sentence)
    assert words(doc, {frozenset((each.subject, each.object)) for each in statements(doc)}) == wanted


def test_what_is_joined_already_is_left_out(parser: Any) -> None:
    doc = parser("Ada Lorne met Bo Finch in Torsby.")
    pairs = {frozenset((one, other)) for one in names_of(doc) for other in names_of(doc) if one != other}
    assert words(doc, set())
    assert words(doc, pairs) == set()


def test_a_long_way_joins_nothing(parser: Any) -> None:
    doc = parser(
        "Ada Lorne praised the owner of the ship of the brother of the mayor of the capital of the island of Torsby."
    )
    assert len(names_of(doc)) == 2
    assert words(doc, set()) == set()
    assert MAX_STEPS < len(doc) > MAX_WORDS
