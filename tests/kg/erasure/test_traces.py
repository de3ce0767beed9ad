"""Finding a text again in what quotes it."""

from __future__ import annotations

import html
import json

import pytest

from kg.erasure.traces import TextTraces

TEXT = "Ada Lorne sold the “old” mill by Lake Oune\nto Tomas Varga in 2029, for no money at all."
OTHER = "Ines Varga bought a bakery in Torsby. It bakes bread for all of Bellwick every day."


@pytest.fixture
def traces() -> TextTraces:
    return TextTraces({"a.md": [TEXT]}, {"a.md": ["Ada Lorne", "Varga", "Lake Oune"]}, [OTHER])


@pytest.mark.parametrize(
    "holding",
    [
        TEXT,
        TEXT.upper(),
        " ".join(TEXT.split()),
        json.dumps({"text": json.dumps(TEXT)}),
        json.dumps(TEXT, ensure_ascii=False),
        html.escape(TEXT),
        "the 'old' mill by Lake Oune",
        "as ada-lorne said",
    ],
)
def test_quotations_are_found_however_they_are_written(traces: TextTraces, holding: str) -> None:
    assert traces.owners(f"x {holding} y") == {"a.md"}


@pytest.mark.parametrize("free", ["", OTHER, "Ines Varga sold the mill.", "Adam Lorne", "in 2029, for no"])
def test_what_living_texts_say_and_mere_likeness_are_no_trace(traces: TextTraces, free: str) -> None:
    assert traces.owners(free) == frozenset()


def test_a_sentence_that_stays_elsewhere_is_no_trace() -> None:
    traces = TextTraces({"a.md": [f"{OTHER} {TEXT}"]}, {}, [OTHER])
    assert traces.owners(OTHER) == frozenset()
    assert traces.owners(TEXT) == {"a.md"}


def test_each_owner_of_a_shared_text_is_named() -> None:
    traces = TextTraces({"a.md": [TEXT], "b.md": [TEXT, "Oune froze."]}, {}, [])
    assert traces.owners(TEXT) == {"a.md", "b.md"}
    assert traces.owners("and so Oune froze!") == {"b.md"}


def test_scripts_without_spaces_are_found_in_part() -> None:
    traces = TextTraces({"a.md": ["汉江穿过首尔流入黄海。한강은 서울을 지난다."]}, {}, [])
    assert traces.owners(json.dumps("穿过首尔流入")) == {"a.md"}
    assert traces.owners("穿过首尔") == frozenset()


@pytest.mark.parametrize(
    ("name", "holding"),
    [
        ("सुमित्रा", "उस दिन सुमित्रा आई।"),
        ("GÜLİZAR", "Evde Gülizar vardı."),
        ("خَدِيجَة", "قالت خديجة ذلك"),
        ("Bahn­wärter", "der Bahnwärter schlief"),
        ("サクラ", "駅前のｻｸﾗ商店"),
        ("Ευρυδίκη", "Η ΕΥΡΥΔΙΚΗ ΕΦΥΓΕ"),
    ],
)
def test_a_name_of_any_script_is_found_however_it_is_spelled(name: str, holding: str) -> None:
    traces = TextTraces({}, {"a.md": [name]}, [])
    assert traces.owners(holding) == {"a.md"}
    assert traces.owners(json.dumps(holding)) == {"a.md"}


def test_a_name_that_differs_in_a_vowel_sign_is_no_trace() -> None:
    assert TextTraces({}, {"a.md": ["सीमा"]}, []).owners("सोमा आई") == frozenset()
