import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.text.terms import telling_terms, terms


def test_case_accents_width_and_plural_do_not_count() -> None:
    assert terms("ＣＡＦÉS libraries") == terms("cafe library")


def test_words_that_only_look_plural_stay() -> None:
    assert terms("glass bus his was") == ["glass", "bus", "his", "was"]


def test_korean_nouns_meet_whatever_particle_follows() -> None:
    assert set(terms("서울시")) <= set(terms("서울시는 어디에 있나"))


def test_single_letters_and_digits_are_kept() -> None:
    assert terms("Article 5, vitamin C") == ["article", "5", "vitamin", "c"]


@given(st.text())
def test_any_text_gives_clean_terms_that_are_stable(text: str) -> None:
    found = terms(text)
    assert all(found) and not any(re.search(r"\s", term) for term in found)
    assert set(telling_terms(text)) <= set(found)


@pytest.mark.parametrize(
    ("query", "passage"),
    [
        ("मूल", "यह मूल पाठ है।"),
        ("KONSTANZ", "Der See bei Kon\u00adstanz."),
        ("izmit", "İzmit bir şehirdir."),
        ("ﾃﾚﾋﾞ", "テレビを見る"),
        ("القاهره", "مدينة القَاهِرَة كبيرة"),
        ("เชียงใหม่", "เขาอยู่ที่เชียงใหม่มานาน"),
        ("2031", "في عام ٢٠٣١"),
        ("인천", "인천에서 배가 떠났다"),
    ],
)
def test_a_word_meets_itself_in_any_spelling(query: str, passage: str) -> None:
    assert set(terms(query)) <= set(terms(passage))


def test_words_that_differ_in_a_vowel_sign_do_not_meet() -> None:
    assert not set(terms("काली")) & set(terms("काला कुल कील"))
