"""Passages: what is in them, how long they are, where they are cut."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.documents.chunk import chunk
from kg.language.sentences import RuleSentences
from kg.schema import Chunk, Document, make_id

RULES = RuleSentences()
TEXTS = st.lists(
    st.one_of(
        st.sampled_from(["\n", "\n\n", ". ", " ", "\n# Head\n", "\n- ", ", ", "。", "? ", "\t"]),
        st.text(alphabet="abcXYZ", min_size=1, max_size=6),
        st.text(alphabet="中文字한글", min_size=1, max_size=6),
        st.text(max_size=4),
    ),
    max_size=80,
).map("".join)


def document(text: str) -> Document:
    return Document(make_id("d", "a.txt", text), "a.txt", "A", text)


def cut(text: str, max_tokens: int, overlap: int = 0) -> tuple[Chunk, ...]:
    return chunk(document(text), max_tokens, RULES, overlap)


def texts(text: str, max_tokens: int, overlap: int = 0) -> list[str]:
    return [passage.text for passage in cut(text, max_tokens, overlap)]


def words(count: int, word: str = "Tide") -> str:
    return " ".join([word] * count)


@settings(max_examples=300, deadline=None)
@given(TEXTS, st.integers(1, 30))
def test_every_character_lies_in_exactly_one_passage(text: str, max_tokens: int) -> None:
    passages = cut(text, max_tokens)
    place = 0
    for position, passage in enumerate(passages):
        assert passage.position == position
        assert place <= passage.start < passage.end
        assert not text[place : passage.start].strip()
        assert passage.text == text[passage.start : passage.end] == passage.text.strip()
        assert passage.tokens == RULES.count_tokens(passage.text)
        assert passage.tokens <= max_tokens or passage.end - passage.start == 1
        place = passage.end
    assert not text[place:].strip()


@settings(max_examples=100, deadline=None)
@given(TEXTS, st.integers(4, 30), st.integers(1, 3))
def test_overlap_repeats_and_loses_nothing(text: str, max_tokens: int, overlap: int) -> None:
    plain, repeated = cut(text, max_tokens), cut(text, max_tokens, overlap)
    assert [passage.end for passage in repeated] == [passage.end for passage in plain]
    assert all(more.start <= less.start for more, less in zip(repeated, plain, strict=True))
    assert all(passage.tokens <= max_tokens or passage.end - passage.start == 1 for passage in repeated)


def test_sentences_are_packed_whole() -> None:
    text = f"{words(3)}. {words(4)}. {words(5)}. {words(2)}."
    assert texts(text, 10) == [f"{words(3)}. {words(4)}.", f"{words(5)}. {words(2)}."]


def test_overlap_begins_with_the_last_sentences_of_the_passage_before() -> None:
    text = "One two. Three four. Five six. Seven eight. Nine ten."
    assert texts(text, 9, overlap=1) == [
        "One two. Three four. Five six.",
        "Five six. Seven eight. Nine ten.",
    ]
    assert texts(text, 6, overlap=1)[1] == "Five six. Seven eight."  # no room to repeat anything


def test_a_paragraph_that_fits_is_not_broken_once_half_a_passage_is_full() -> None:
    first, second = f"{words(5)}.", f"{words(3)}. {words(3)}."
    assert texts(f"{first}\n\n{second}", 10) == [first, second]


def test_small_paragraphs_share_a_passage() -> None:
    text = f"{words(2)}.\n\n{words(2)}.\n\n{words(2)}."
    assert texts(text, 10) == [text]


def test_a_heading_goes_with_the_text_below_it() -> None:
    text = f"{words(7)}.\n\n# Part two\n\n## Its start\n\n{words(2)}. {words(5)}."
    assert texts(text, 11) == [f"{words(7)}.", f"# Part two\n\n## Its start\n\n{words(2)}.", f"{words(5)}."]


def test_headings_at_the_end_are_kept() -> None:
    assert texts("Text.\n\n# Notes\n# More", 4) == ["Text.", "# Notes\n# More"]


def test_a_long_sentence_is_cut_at_clauses_then_words() -> None:
    text = f"{words(6)}, {words(6, 'Ebb')}; {words(12, 'flow')}."
    assert texts(text, 8) == [
        f"{words(6)},",
        f"{words(6, 'Ebb')}; flow",
        words(8, "flow"),
        f"{words(3, 'flow')}.",
    ]


def test_a_long_word_is_cut_last() -> None:
    text = "-".join(["x"] * 40)
    passages = cut(text, 10)
    assert "".join(passage.text for passage in passages) == text
    assert all(passage.tokens <= 10 for passage in passages)


def test_chinese_is_cut_by_characters_and_clauses() -> None:
    assert texts("北京是中国的首都，人口很多。上海在海边。", 9) == ["北京是中国的首都，", "人口很多。", "上海在海边。"]


def test_ids_come_from_document_and_span() -> None:
    one, other = cut("One. Two.", 2), cut("One. Two.", 2)
    assert one == other
    assert len({passage.id for passage in (*one, *cut("One. Six.", 2))}) == 4


def test_nothing_gives_no_passage() -> None:
    assert cut("", 10) == cut(" \n ", 10) == ()


@pytest.mark.parametrize(("max_tokens", "overlap"), [(0, 0), (5, -1)])
def test_senseless_sizes_are_refused(max_tokens: int, overlap: int) -> None:
    with pytest.raises(ValueError, match="Expected max_tokens of 1 or more"):
        cut("Text.", max_tokens, overlap)
