"""Normalising, and names as keys."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg.language.text import normalise, normalise_name


def test_stray_controls_go_and_line_ends_become_one() -> None:
    messy = "a\x00b\r\nc\rd\u2028e\x0cf\x85g\ufeffh\ttab" + "x" * 100
    assert normalise(messy) == "ab\nc\nd\ne\nf\ngh\ttab" + "x" * 100


def test_half_a_surrogate_pair_can_be_stored_afterwards() -> None:
    assert normalise("a\ud800b").encode() == "a\ufffdb".encode()


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("Schiff\u00adfahrts\u00adamt", "Schifffahrtsamt"),
        ("Schiff\u00ad\n   fahrt, Tor\u00ad\n\nNeu", "Schifffahrt, Tor\n\nNeu"),  # only a soft hyphen joins lines
        ("well-\nknown", "well-\nknown"),
        ("water\u200bway \u2060gate\ufeffs in\u2063visible", "waterway gates invisible"),
        ("가\u200b나 東\u200b京", "가나 東京"),
        ("\u202aTarn\u202c \u2067weir\u2069 \u200eA\u200f", "Tarn weir A"),
        ("wa\u200dter\u200cway\u200d", "waterway"),
        ("می\u200cروم", "می\u200cروم"),  # Persian: the letters beside it must not join
        ("ക\u0d4d\u200d ക\u0d4d\u200dഷ", "ക\u0d4d\u200d ക\u0d4d\u200dഷ"),
        ("नि\u200c\u200c\u200dम", "नि\u200cम"),
        ("👩\u200d🚒 🏳\ufe0f\u200d🌈 👩\u200d x", "👩\u200d🚒 🏳\ufe0f\u200d🌈 👩 x"),
        ("Hi \U000e0068\U000e0069", "Hi "),
        ("\U0001f3f4\U000e0067\U000e0062\U000e007f", "\U0001f3f4\U000e0067\U000e0062\U000e007f"),  # a flag
        ("10\u00a0km", "10\u00a0km"),
    ],
)  # fmt: skip
def test_invisible_characters_do_not_split_words(text: str, stored: str) -> None:
    assert normalise(text) == stored


MARKS = "aé\u0301\u0650بक\u094d\u093c👩\ufe0f\u200b\u200c\u200d\u00ad\u034f\n \u1112\u1161"


@given(st.text(alphabet=MARKS + "\U0001f3f4\U000e0067\U000e007f"))
def test_normalise_is_idempotent_where_marks_meet(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once
    assert unicodedata.is_normalized("NFC", once)


@given(st.text())
def test_normalise_is_idempotent_and_nfc(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once
    assert unicodedata.is_normalized("NFC", once)


@pytest.mark.parametrize(
    "names",
    [
        (
            "The Saltmarsh Herald",
            "saltmarsh  herald",
            "“Saltmarsh Herald”",
            "the saltmarsh herald's",
            "SALTMARSH HERALD,",
        ),
        ("삼성전자", " 삼성전자 ", "「삼성전자」"),
        ("ＡＢＣ工業", "abc工業"),
        ("東京タワー", "（東京タワー）"),
        ("Café Zoë", "Cafe\u0301 Zoe\u0308"),
        ("Straße", "STRASSE"),
        ("O’Brien", "O'Brien"),
        ("An Otter", "otter"),
        ("İnönü", "inönü", "İNÖNÜ", "Inönü"),
        ("אֶפְרַיִם", "אפרים"),
        ("Schiff\u00adfahrts\u00adamt", "Schifffahrtsamt", "SCHIFFFAHRTSAMT"),
        ("「大阪城」", "大阪城", "大阪城。"),
        ("ﾎﾝﾀﾞ", "ホンダ"),
        ("فَاطِمَة", "فاطمة"),
        ("ΑΧΙΛΛΕΥΣ", "Αχιλλεύς"),
    ],
)
def test_spellings_of_one_name_meet(names: tuple[str, ...]) -> None:
    assert len({normalise_name(name) for name in names}) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("C#", "C"),
        ("C++", "C"),
        ("Mercury (planet)", "Mercury"),
        ("The", "A"),
        ("St. John", "John"),
        ("मेरा", "मोरा"),
        ("กา", "ก้า"),
    ],
)
def test_other_names_stay_apart(one: str, other: str) -> None:
    assert normalise_name(one) != normalise_name(other)


@pytest.mark.parametrize("name", ["!!!", "😀👩‍💻", "—", "「」", "…"])
def test_a_name_without_letters_stays_as_it_is(name: str) -> None:
    assert normalise_name(f" {name} ") == name


@given(st.text(min_size=1))
def test_a_name_is_never_lost_and_its_key_is_stable(name: str) -> None:
    key = normalise_name(name)
    assert key
    assert normalise_name(key) == key
