"""Which spellings are one word, in every script; what a word is where no spaces are written."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg.language.words import fold, is_spaced, search_form, spellings, units, visible, words

ANY = st.text(
    alphabet=st.one_of(
        st.characters(exclude_categories=["Cs"]), st.sampled_from("aİıß½²³\u0301\u00adﾞｶक़ก์ำ가ᄀ\u200c0१5 \u0307·lَى")
    )
)


@pytest.mark.parametrize(
    "spellings",
    [
        ("IĞDIR", "ığdır", "Iğdır", "iğdir", "İĞDİR"),
        ("GROẞE", "große", "GROSSE"),
        ("ΣΊΣΥΦΟΣ", "σίσυφος", "Σίσυφος", "ΣΙΣΥΦΟΣ"),
        ("ﬂuﬀ", "fluff", "ＦＬＵＦＦ"),
        ("ﾌﾟﾗﾑ", "プラム", "フ\u309aラム"),
        ("Ⅻ", "xii", "ＸＩＩ"),
        ("⑦", "7", "७", "٧", "๗", "７"),
        ("3ª", "3a"),
        ("كِتَابٌ", "كتاب", "كتـــاب", "ﻛﺘﺎﺏ", "کتاب"),
        ("סֵפֶר", "ספר"),
        ("Staats\u00advertrag", "Staatsvertrag", "Staats\u200bvertrag", "Staats\u2060vertrag"),
        ("نمی\u200cدانم", "نمیدانم", "نمي\u200cدانم"),
        ("അവന്\u200d", "അവൻ"),
        ("L’Aquila", "L'Aquila", "Lʼaquila"),
        ("2014–15", "2014-15", "2014‑15"),
        ("Росто\u0301в", "Ростов"),
        ("ባሕር፡ዳር", "ባሕር ዳር"),
    ],
)
def test_spellings_of_one_word_fold_to_one(spellings: tuple[str, ...]) -> None:
    assert len({fold(spelling) for spelling in spellings}) == 1
    assert len({tuple(words(spelling)) for spelling in spellings}) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("काल", "कील"),
        ("बाल", "बोल"),
        ("கல்", "கால்"),
        ("ਦਿਲ", "ਦਲ"),
        ("বন", "বান"),
        ("มา", "ม้า"),
        ("ເສືອ", "ເສື້ອ"),
        ("か", "が"),
        ("10³", "103"),
        ("5½", "51/2"),
    ],
)
def test_vowel_signs_tones_and_exponents_count(one: str, other: str) -> None:
    assert fold(one) != fold(other)
    assert words(one) != words(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("пой", "пои"),
        ("бўз", "буз"),
        ("Київ", "Киів"),
        ("кит", "ќит"),
        ("ӱш", "уш"),
    ],
)
def test_a_mark_makes_another_cyrillic_letter(one: str, other: str) -> None:
    assert words(one) != words(other)
    assert words(unicodedata.normalize("NFD", one)) == words(one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("мёд", "мед"),
        ("เเก้ว", "แก้ว"),
        ("คํ้า", "ค้ำ"),
        ("ԱՐԵՎ", "արև"),
        ("خانهٔ", "خانۀ"),
        ("ہوا", "هوا"),
        ("Ɗan", "dan"),
    ],
)
def test_search_forgives_variants_of_a_spelling(one: str, other: str) -> None:
    assert words(one) == words(other)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("क्षत्रिय, ज्ञान।", ["क्षत्रिय", "ज्ञान"]),
        ("யாழ்ப்பாணம் நகரம்", ["யாழ்ப்பாணம்", "நகரம்"]),
        ("תל־אביב היא עיר", ["תל", "אביב", "היא", "עיר"]),
        ('דו״ח ודו"ח', ["דוח", "ודוח"]),
        ("深圳。", ["深圳"]),
        ("山", ["山"]),
        ("コピー機", ["コピ", "ピー", "ー機"]),
        ("เกาะ", ["เก", "กา", "าะ"]),
        ("ພາສາ", ["ພາ", "າສ", "ສາ"]),
        ("부산이 2020년", ["부산", "산이", "2020", "년"]),
        ("Ærøskøbing, Đà Nẵng", ["aeroskobing", "da", "nang"]),
        ("paral·lel novel·la a·b", ["parallel", "novella", "a", "b"]),
        ("e=mc²; 10² m²", ["e", "mc2", "10", "2", "m2"]),
        ("snake_case", ["snake", "case"]),
    ],
)
def test_words_of_every_script(text: str, found: list[str]) -> None:
    assert words(text) == found


@given(ANY)
def test_folding_is_idempotent_and_blind_to_normalisation(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    assert search_form(search_form(text)) == search_form(text)
    for form in ("NFC", "NFD"):
        assert fold(unicodedata.normalize(form, text)) == fold(text)
        assert words(unicodedata.normalize(form, text)) == words(text)


@given(st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126)))
def test_width_does_not_count(text: str) -> None:
    wide = "".join(chr(ord(character) + 0xFEE0) for character in text)
    assert words(wide) == words(text)


@given(ANY)
def test_a_mark_begins_no_word_and_white_space_is_in_none(text: str) -> None:
    for word in words(text):
        assert word
        assert unicodedata.category(word[0])[0] != "M"
        assert not any(character.isspace() for character in word)


@given(ANY)
def test_units_are_all_that_is_no_white_space(text: str) -> None:
    folded = fold(text)
    assert "".join(units(folded)) == "".join(folded.split())


def test_scripts_that_write_spaces() -> None:
    assert all(map(is_spaced, "aжωअتאაአᏣ5-"))
    assert not any(map(is_spaced, "中かカー々ไລក한မབ"))


def test_what_nobody_sees_is_not_shown_but_joiners_shape_letters() -> None:
    assert visible("Kö\u00adln\u200b\n am  Rhein\u202c") == "Köln am Rhein"
    assert visible("می\u200cروم") == "می\u200cروم"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Bà Lê, ba le", ["bà", "lê"]),
        ("ŻÓŁĆ zolc", ["żółć"]),
        ("إبرة ابره", ["إبرة"]),
        ("ОРЁЛ орел", ["орёл"]),
        ("naïve, plain 42", ["naïve"]),
        ("한국 北京 मेला Ångström’s", ["ångström"]),
    ],
)
def test_spellings_are_the_words_that_search_writes_otherwise(text: str, found: list[str]) -> None:
    assert spellings(text) == found


@given(ANY)
def test_no_spelling_is_a_word_of_another_text(text: str) -> None:
    assert not set(words(text)) & set(spellings(text))
