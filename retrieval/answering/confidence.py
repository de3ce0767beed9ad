"""How sure an answer is: the probability that its evidence holds an answer at all.

A small model that has been told to say "not found" still guesses when the evidence speaks of other things: on 30
questions whose passages had been taken away, qwen-1.5b answered all 30. Three shares show it: how many of the
question's names any line of the context holds, how many of its other telling words, and how many of its numbers the
lines cited. A logistic regression over them, fitted to answers whose evidence was known to hold the answer or not,
gives the probability. Below the threshold the answer is withheld. How much of the answer stands in the lines tells
nothing: the model copies from whatever it is shown.

Weights and threshold: `python -m benchmarks.abstention fit` on what qwen-1.5b answered to 60 questions of HotpotQA's
development set, every other one with the passages of its answer taken away, and to the demo's 80, of which 12 ask about
what never happened. Fitted to the first alone, it withheld a quarter of the demo's right answers. Source of the idea:
Kamath, Jia and Liang, ACL 2020 (a calibrator beside the model decides what to answer).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from retrieval.text.names import names_in
from retrieval.text.terms import telling_terms, terms
from retrieval.types import ContextLine

WEIGHTS = (-2.447, 1.83, 0.819, 1.395)
"""Of a constant, and of the three shares."""
THRESHOLD = 0.63
"""Answers whose evidence is less likely to hold one are withheld."""


def shares(question: str, cited: Sequence[ContextLine], lines: Sequence[ContextLine]) -> tuple[float, float, float]:
    """Shares in [0, 1]: of the question's names and other telling words in any line, of its numbers in cited ones.

    Args:
        question: As asked.
        cited: Lines that the answer rests on.
        lines: All lines of the context.
    """
    whole = f" {' '.join(' '.join(terms(line.text)) for line in lines)} "
    names = {" ".join(terms(name)) for name in names_in(question)}
    of_names = {term for name in names for term in name.split()}
    others = set(telling_terms(question)) - of_names
    numbers = {term for term in others if term.isdigit()}
    held = sum(f" {name} " in whole for name in names)
    return (
        _share(held, len(names)),
        _share(len(others & set(whole.split())), len(others)),
        _share(len(numbers & _terms_of(cited)), len(numbers)),
    )


def confidence(values: Sequence[float], weights: Sequence[float] = WEIGHTS) -> float:
    """Probability, in (0, 1), that the evidence behind these shares holds an answer."""
    constant, *others = weights
    return 1 / (1 + math.exp(-(constant + sum(w * value for w, value in zip(others, values, strict=True)))))


def _terms_of(lines: Iterable[ContextLine]) -> set[str]:
    return {term for line in lines for term in terms(line.text)}


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 1.0
