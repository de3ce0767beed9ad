import re

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
