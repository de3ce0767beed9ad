"""Marks one answer, and makes log-probabilities of options comparable.

Every metric returns the value of one item; means are taken in `eval.runs.summary`, over all planned items, so that a
failed item never drops out of a denominator.
"""

from __future__ import annotations

import math
import re
import string
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Literal

from models.protocols import OptionScore

Normalisation = Literal["sum", "token", "character", "pmi"]

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation + "‘’“”«»–—…·")


def normalise(text: str) -> str:
    """Lower case, no punctuation, no articles, single spaces.

    Source: Rajpurkar et al., SQuAD, EMNLP 2016 (its official evaluation script).
    Example:
        >>> normalise("The  Orrin Quay, an old port!")
        'orrin quay old port'
    """
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def exact_match(prediction: str, answers: Sequence[str]) -> float:
    """1.0 if the normalised prediction equals one of the accepted answers.

    Example:
        >>> exact_match("the Quay.", ["Quay"]), exact_match("a quay wall", ["Quay"])
        (1.0, 0.0)
    """
    return float(any(normalise(prediction) == normalise(answer) for answer in answers))


def contains(prediction: str, answers: Sequence[str]) -> float:
    """1.0 if the prediction contains an accepted answer as whole words.

    Example:
        >>> contains("It opened in 2031.", ["2031"]), contains("It opened in 20310", ["2031"])
        (1.0, 0.0)
    """
    # Spaces around both make a substring test one of whole words.
    text = f" {normalise(prediction)} "
    return float(any(bool(normalise(answer)) and f" {normalise(answer)} " in text for answer in answers))


def f1(prediction: str, answers: Sequence[str]) -> float:
    """Largest token F1 of the prediction with an accepted answer, in [0, 1].

    Source: Rajpurkar et al., SQuAD, EMNLP 2016.
    Example:
        >>> round(f1("Maren Oskevald", ["Oskevald"]), 3)
        0.667
    """
    return max((_token_f1(normalise(prediction).split(), normalise(answer).split()) for answer in answers), default=0.0)


def _token_f1(predicted: list[str], gold: list[str]) -> float:
    # Two empty texts are equal; an empty one against a text shares nothing.
    if not predicted or not gold:
        return float(predicted == gold)
    # Multiset intersection: a token that is repeated counts as often as both have it.
    common = sum((Counter(predicted) & Counter(gold)).values())
    return 2 * common / (len(predicted) + len(gold))


ANSWER_METRICS: dict[str, Callable[[str, Sequence[str]], float]] = {
    "exact_match": exact_match,
    "f1": f1,
    "contains": contains,
}


def normalised_scores(
    options: Sequence[OptionScore], normalisation: Normalisation, neutral: Sequence[OptionScore] = ()
) -> tuple[float, ...]:
    """Make the scores of options of unequal length, or of unequal frequency, comparable.

    The log-probability of an option is a sum over its tokens, each below 0, so a longer option scores lower whatever
    it says. "token" divides the sum by the number of tokens, "character" by the number of characters, which does not
    depend on the tokeniser. "pmi" is log p(option | prompt) - log p(option | neutral prompt), so that a phrase which a
    model finds likely anywhere has no advantage.

    Args:
        options: Log-probabilities (natural logarithm) of an item's options.
        normalisation: "sum" changes nothing; the others are explained above.
        neutral: For "pmi": log-probabilities of the same options after a prefix without question or evidence.
    Returns:
        A score an option, in the same order; only their order within one item has a meaning.
    Source: Gao, "Multiple choice normalization in LM evaluation", 2021; Holtzman et al., "Surface form competition",
        EMNLP 2021, equation 3 (domain-conditional pointwise mutual information).
    Example:
        >>> normalised_scores([OptionScore(-6.0, 3, 12), OptionScore(-5.0, 1, 4)], "token")
        (-2.0, -5.0)
        >>> normalised_scores([OptionScore(-6.0, 3, 12), OptionScore(-5.0, 1, 4)], "character")
        (-0.5, -1.25)
        >>> normalised_scores([OptionScore(-6.0, 3, 12)], "pmi", [OptionScore(-9.0, 3, 12)])
        (3.0,)
    """
    if normalisation == "sum":
        return tuple(option.logprob for option in options)
    if normalisation == "token":
        return tuple(option.logprob / max(option.tokens, 1) for option in options)
    if normalisation == "character":
        return tuple(option.logprob / max(option.characters, 1) for option in options)
    return tuple(option.logprob - base.logprob for option, base in zip(options, neutral, strict=True))


def best_option(scores: Sequence[float]) -> int:
    """Index of the highest score; the first of equal scores.

    Raises:
        ValueError: There is no score, or one is not a number.
    Example:
        >>> best_option([-2.0, -1.0, -1.0])
        1
    """
    if not scores or any(math.isnan(score) for score in scores):
        raise ValueError(f"Expected one or more scores that are numbers, got {list(scores)}.")
    return max(range(len(scores)), key=lambda index: (scores[index], -index))
