"""Statements read off real parses: what a sentence says is found, what it doesn't say is not."""

from __future__ import annotations

from typing import Any

import pytest

from kg.extraction.clauses import statements

pytestmark = pytest.mark.models

CASES = [
    (
        "Ada Lorne, a chemist, founded Marrow & Finch in Torsby.",
        {"Ada Lorne | is | chemist", "Ada Lorne | founded | Marrow & Finch", "Ada Lorne | founded in | Torsby"},
    ),
    (
        "Gulls lay eggs on cliffs, and gulls eat crabs and worms.",
        {"Gulls | lay | eggs", "Gulls | lay eggs on | cliffs", "gulls | eat | crabs", "gulls | eat | worms"},
    ),
    (
        "The harbour plays a vital role in trade.",
        {"harbour | plays | vital role", "harbour | plays vital role in | trade"},
    ),
    (
        "The bridge was built by engineers who had studied rivers.",
        {"bridge | was built by | engineers", "engineers | had studied | rivers"},
    ),
    ("Otters began to eat mussels.", {"Otters | began to eat | mussels"}),
    ("The mill did not burn coal.", {"mill | did not burn | coal"}),
    ("The owner's boat carries a variety of tools.", {"owner's boat | carries | variety of tools"}),
    ("The capital of Norway is Oslo.", {"capital | of | Norway", "capital | is | Oslo", "Norway | capital is | Oslo"}),
    (
        "Ada Lorne lives in the town of Torsby.",
        {"Ada Lorne | lives in | town", "Ada Lorne | lives in town of | Torsby", "town | of | Torsby"},
    ),
    ("Some eggs are round.", {"eggs | are | round"}),
    ("Salt is essential for bakers.", {"Salt | is essential for | bakers"}),
    ("In addition, herons eat frogs.", {"herons | eat | frogs"}),
    ("It rains.", set()),
]


@pytest.mark.parametrize(("sentence", "wanted"), CASES, ids=[sentence for sentence, _ in CASES])
def test_what_a_sentence_states(parser: Any, sentence: str, wanted: set[str]) -> None:
    doc = parser(sentence)
    found = {
        f"{doc[slice(*each.subject)].text} | {each.relation} | {doc[slice(*each.object)].text}"
        for each in statements(doc)
    }
    assert found == wanted


def test_a_clause_about_a_description_is_about_the_thing_described(parser: Any) -> None:
    doc = parser("Ines Varga was a chemist who led Harrow Mill.")
    subjects = {doc[slice(*each.subject)].text for each in statements(doc) if each.relation == "led"}
    assert subjects == {"Ines Varga"}
