import math

import pytest

from eval.arms.metrics import best_option, contains, exact_match, f1, normalise, normalised_scores
from models.protocols import OptionScore


def test_normalisation_is_that_of_squad():
    assert normalise("The cat's  A-frame, an Œuvre.") == "cats aframe œuvre"


@pytest.mark.parametrize(
    ("prediction", "expected"), [("Ada Lorne", 1.0), ("ada lorne!", 1.0), ("Lorne", 0.0), ("", 0.0)]
)
def test_exact_match_requires_the_whole_answer(prediction, expected):
    assert exact_match(prediction, ["The Ada Lorne", "Lady Lorne"]) == expected


def test_contains_finds_whole_words_only():
    assert contains("It was Ada Lorne, I think.", ["Ada Lorne"]) == 1.0
    assert contains("It was Adam", ["Ada"]) == 0.0
    assert contains("anything", ["the"]) == 0.0  # nothing is left of it, and nothing is no answer


def test_f1_takes_the_best_accepted_answer():
    assert f1("Ada Lorne of Torsby", ["Torsby", "Ada Lorne"]) == pytest.approx(2 * 2 / (4 + 2))
    assert f1("", ["x"]) == 0.0
    assert f1("the", ["an"]) == 1.0  # SQuAD: two empty answers agree


def test_normalisations_can_change_the_winner():
    options = [OptionScore(-4.0, 1, 2), OptionScore(-6.0, 3, 30), OptionScore(-5.0, 4, 5)]
    winners = {name: best_option(normalised_scores(options, name)) for name in ("sum", "token", "character")}
    assert winners == {"sum": 0, "token": 2, "character": 1}


def test_equal_scores_give_the_first_option_and_nan_none():
    assert best_option([-1.0, -1.0]) == 0
    with pytest.raises(ValueError, match="numbers"):
        best_option([-1.0, math.nan])
    with pytest.raises(ValueError, match="one or more"):
        best_option([])
