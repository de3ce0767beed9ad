import numpy as np
import pytest

from retrieval.index import bm25_scores as bm25


def _scores(texts: list[str], question: str) -> np.ndarray:
    arrays, vocabulary = bm25.build(texts)
    return bm25.Bm25(arrays, vocabulary, len(texts)).scores(question)


def test_the_passage_with_the_rarer_word_wins() -> None:
    scores = _scores(["the ferry waits", "the ferry leaves", "the barrage stands"], "Where is the barrage?")
    assert scores.argmax() == 2 and scores[0] == scores[1] == 0


def test_unknown_words_score_nothing() -> None:
    assert _scores(["one passage"], "zyx wvu").tolist() == [0.0]


def test_one_passage_is_enough() -> None:
    assert _scores(["The Aldermoon Bridge opened."], "Aldermoon")[0] > 0


def test_no_passages_and_passages_without_words_are_no_error() -> None:
    assert _scores([], "bridge").shape == (0,)
    assert _scores(["...", ""], "bridge").tolist() == [0.0, 0.0]
    assert _scores(["...", "bridge"], "bridge")[1] > 0


def test_a_repeated_word_in_the_question_counts_once() -> None:
    texts = ["ferry", "bridge bridge"]
    assert np.array_equal(_scores(texts, "ferry ferry bridge"), _scores(texts, "ferry bridge"))


@pytest.mark.parametrize(
    "spelt",
    [
        ("bà", "bá", "ba"),
        ("schön", "schon"),
        ("łąka", "laka"),
        ("péché", "pêche"),
        ("أمل", "امل"),
        ("осёл", "осел"),
    ],
)
def test_the_spelling_of_the_question_is_the_best(spelt: tuple[str, ...]) -> None:
    for row, word in enumerate(spelt):
        scores = _scores([f"word {spelling} here" for spelling in spelt], word)
        assert scores.argmax() == row
        assert scores.min() > 0
