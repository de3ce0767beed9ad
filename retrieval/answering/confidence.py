"""Confidence of an answer: the probability that its evidence contains an answer at all.

A small model that was told to say "not found" still guesses when the evidence is about other things: on 30 questions
whose passages had been removed, qwen-1.5b answered all 30. Three shares show it: how many of the question's names any
line of the context contains, how many of its other telling words, and how many of its numbers the cited lines. A
logistic regression over them, fitted to answers whose evidence was known to contain the answer or not, gives the
probability. How much of the answer is in the lines says nothing: the model copies from whatever it is shown.

Weights and threshold: `python -m benchmarks.abstention fit` on what qwen-1.5b answered to 60 questions of HotpotQA's
development set, every other one with the passages of its answer removed, and to the demo's 80, of which 12 are about
what never happened. Fitted to the first alone, it withheld a quarter of the demo's right answers.

Source of the idea: Kamath, Jia and Liang, ACL 2020 (a calibrator beside the model decides what to answer).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from retrieval.text.names import names_in
from retrieval.text.terms import telling_terms, terms
from retrieval.types import ContextLine

WEIGHTS = (-2.447, 1.83, 0.819, 1.395)
"""Weights of the constant and of the three shares, in logits."""
THRESHOLD = 0.63
"""Minimum confidence of an answer that is given; answers below are withheld."""


def evidence_shares(
    question: str, cited: Sequence[ContextLine], lines: Sequence[ContextLine]
) -> tuple[float, float, float]:
    """How much of a question the evidence speaks of.

    Args:
        question: Text of the question.
        cited: Lines that the answer rests on.
        lines: All lines of the context.
    Returns:
        Shares in [0, 1], each 1 if the question has none: of its names and of its other telling terms in any line, and
        of its numbers in the cited lines.
    """
    # A space at both ends, so that a name is found as complete words only.
    context = _terms_text(lines)
    names = {" ".join(terms(name)) for name in names_in(question)}
    name_terms = {term for name in names for term in name.split()}
    other_terms = set(telling_terms(question)) - name_terms
    # Numbers count in the cited lines only: a year somewhere in the context does not support this answer.
    numbers = {term for term in other_terms if term.isdigit()}
    cited_terms = {term for line in cited for term in terms(line.text)}
    # Names count as complete phrases, since their single words ("river", "John") are all over a corpus; the other terms
    # count one by one. What belongs to a name is not counted a second time among them.
    return (
        _share(sum(f" {name} " in context for name in names), len(names)),
        _share(len(other_terms & set(context.split())), len(other_terms)),
        _share(len(numbers & cited_terms), len(numbers)),
    )


def confidence(shares: Sequence[float], weights: Sequence[float] = WEIGHTS) -> float:
    """Probability, in (0, 1), that the evidence behind these shares contains an answer: the logistic function."""
    constant, *share_weights = weights
    logit = constant + sum(weight * share for weight, share in zip(share_weights, shares, strict=True))
    return 1 / (1 + math.exp(-logit))


def _terms_text(lines: Sequence[ContextLine]) -> str:
    """The terms of all lines in order, between spaces."""
    all_terms = [term for line in lines for term in terms(line.text)]
    return f" {' '.join(all_terms)} "


def _share(part: int, total: int) -> float:
    # A question without names or numbers gives no reason to doubt: 1, as if all had been found.
    return part / total if total else 1.0
