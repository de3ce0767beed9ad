"""How sure an answer is: the probability that its evidence holds an answer at all.

A small model that has been told to say "not found" still guesses when the evidence speaks of other things: on 30
questions whose passages had been taken away, qwen-1.5b answered all 30. Three shares show it: how much of the answer's
words stands in the lines it cites, how much of the question's words, and how many of the question's names any line of
the context holds. A logistic regression over them, fitted to answers whose evidence was known to hold the answer or
not, gives the probability. Below the threshold the answer is withheld.

Weights and threshold: `python -m benchmarks.abstention fit`, 60 questions of HotpotQA's development set, every other
one with the passages of its answer taken away, answered by qwen-1.5b; the third share decides nearly alone. Source of
the idea: Kamath, Jia and Liang, ACL 2020 (a calibrator beside the model decides what to answer).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from retrieval.names import names_in
from retrieval.terms import telling_terms, terms
from retrieval.types import ContextLine

WEIGHTS = (-1.788, -0.015, 0.534, 1.932)
"""Of a constant, and of the three shares."""
THRESHOLD = 0.51
"""Answers whose evidence is less likely to hold one are withheld."""


def shares(
    question: str, answer: str, cited: Sequence[ContextLine], lines: Sequence[ContextLine]
) -> tuple[float, float, float]:
    """Shares in [0, 1]: of the answer's terms and of the question's in the cited lines, of its names in any line.

    Args:
        question: As asked.
        answer: As given.
        cited: Lines that the answer rests on.
        lines: All lines of the context.
    """
    told = _terms_of(cited)
    said = set(telling_terms(answer))
    asked = set(telling_terms(question)) - said
    whole = " ".join(" ".join(terms(line.text)) for line in lines)
    names = {" ".join(terms(name)) for name in names_in(question)}
    held = sum(f" {name} " in f" {whole} " for name in names)
    return _share(len(said & told), len(said)), _share(len(asked & told), len(asked)), _share(held, len(names))


def confidence(values: Sequence[float], weights: Sequence[float] = WEIGHTS) -> float:
    """Probability, in (0, 1), that the evidence behind these shares holds an answer."""
    constant, *others = weights
    return 1 / (1 + math.exp(-(constant + sum(w * value for w, value in zip(others, values, strict=True)))))


def _terms_of(lines: Iterable[ContextLine]) -> set[str]:
    return {term for line in lines for term in terms(line.text)}


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 1.0
