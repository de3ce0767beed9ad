"""Where sentences end, in many scripts, and how tokens are counted."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.language.sentences import RuleSentences, SentenceSplitter, SpacySentences, count_tokens
from models.errors import ConfigError, ModelError

RULES = RuleSentences()
TEXTS = st.text(alphabet=st.sampled_from(list("abcDr. !?\n\t'\"()#-1中。！한国“”\u3000é")), max_size=200)

SAME_IN_BOTH = [
    ("One paragraph without an end\n\nAnother one.", ["One paragraph without an end", "Another one."]),
    ("# Head\n## Below\nText here. More.", ["# Head", "## Below", "Text here.", "More."]),
    ("- first item\n- second item\n1. third", ["- first item", "- second item", "1. third"]),
    ("我们去了北京。天气很好！「好。」他说。", ["我们去了北京。", "天气很好！", "「好。」", "他说。"]),
    ("한국어 문장입니다. 두 번째 문장이다.", ["한국어 문장입니다.", "두 번째 문장이다."]),
    ("A line\nthat goes on. Then another.", ["A line\nthat goes on.", "Then another."]),
    (" \n ", []),
    ("", []),
]


@pytest.fixture(scope="module")
def statistical() -> Iterator[SentenceSplitter]:
    from models.weights.resolve import resolve

    try:
        folder = resolve("en_core_web_sm").folder
    except ModelError as error:
        pytest.skip(f"the pinned spaCy pipeline is not here and cannot be pulled: {error}")
    assert folder is not None
    yield SpacySentences(folder)


def texts_of(splitter: SentenceSplitter, text: str) -> list[str]:
    return [text[start:end] for start, end in splitter.split(text)]


@pytest.mark.parametrize(("text", "sentences"), SAME_IN_BOTH)
def test_rules_find_sentences(text: str, sentences: list[str]) -> None:
    assert texts_of(RULES, text) == sentences


def test_rules_know_a_few_abbreviations() -> None:
    text = "Dr. Vane of St. Mary's paid $3.50 on Jan. 5. He had J. R. Pelk's receipt."
    assert texts_of(RULES, text) == ["Dr. Vane of St. Mary's paid $3.50 on Jan. 5.", "He had J. R. Pelk's receipt."]


def test_an_opening_quote_belongs_to_what_it_opens() -> None:
    assert texts_of(RULES, 'He left.  "Stay!" she said. (It rained.)') == [
        "He left.",
        '"Stay!" she said.',
        "(It rained.)",
    ]


@pytest.mark.models
@pytest.mark.parametrize(("text", "sentences"), SAME_IN_BOTH)
def test_the_model_finds_sentences(statistical: SentenceSplitter, text: str, sentences: list[str]) -> None:
    assert texts_of(statistical, text) == sentences


@pytest.mark.models
def test_the_model_knows_what_rules_do_not(statistical: SentenceSplitter) -> None:
    text = "The firm Oune Ltd. was sold. Its chief, Ms. Pelk, left at 5 p.m. on Friday."
    assert texts_of(statistical, text) == [
        "The firm Oune Ltd. was sold.",
        "Its chief, Ms. Pelk, left at 5 p.m. on Friday.",
    ]


@pytest.mark.models
@settings(max_examples=50, deadline=None)
@given(text=TEXTS)
def test_the_model_loses_nothing(statistical: SentenceSplitter, text: str) -> None:
    check_spans(text, statistical.split(text))


@settings(deadline=None)
@given(TEXTS)
def test_rules_lose_nothing(text: str) -> None:
    check_spans(text, RULES.split(text))


def check_spans(text: str, spans: list[tuple[int, int]]) -> None:
    """Spans are in order, disjoint, trimmed, and hold every character that is not white space."""
    place = 0
    for start, end in spans:
        assert place <= start < end
        assert not text[place:start].strip()
        assert text[start:end].strip() == text[start:end]
        place = end
    assert not text[place:].strip()


@pytest.mark.parametrize("text", ["(" * 20_000, "a " * 600_000, "中" * 20_000, "no end " * 30_000 + "\n" + "x" * 3000])
def test_endless_texts_are_cut_and_nothing_is_lost(text: str) -> None:
    check_spans(text, RULES.split(text))


def test_tokens_are_words_and_marks_and_ideographs() -> None:
    assert count_tokens("The ferry (a new one), late.") == 10
    assert count_tokens("서울은 수도이다.") == 3
    assert count_tokens("北京是首都。") == 6
    assert count_tokens("ภาษาไทย") == 7
    assert count_tokens("x" * 2400) == 100
    assert count_tokens("") == count_tokens(" \n") == 0


@given(st.text(max_size=30), st.text(max_size=30))
def test_counts_add_up_over_white_space(one: str, other: str) -> None:
    assert count_tokens(f"{one}\n{other}") == count_tokens(one) + count_tokens(other)


def test_one_splitter_serves_many_threads() -> None:
    text = "The ferry left. It came back! Did it rain?\n\n" * 30
    expected = RULES.split(text), count_tokens(text)
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append((RULES.split(text), count_tokens(text)))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 8


def test_a_folder_without_a_pipeline_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"Expected a spaCy pipeline in"):
        SpacySentences(tmp_path).split("Text.")


def test_a_pipeline_without_a_sentence_model_is_refused(tmp_path: Path) -> None:
    import spacy

    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    nlp.to_disk(tmp_path)
    with pytest.raises(ConfigError, match=r"with a `senter`, but .* has only sentencizer"):
        SpacySentences(tmp_path).split("Text.")
