"""Two long answers to one question: what a model thinks of them, and what can be counted without one.

A judge that sees the same two answers in both orders and names the same one has decided; one that changes its mind with
the order has not, and that is a tie. What is counted: the claims of an answer that its citations bear out, and the
documents that it cites. Source: Zheng et al., NeurIPS 2023 (judges prefer what stands first: swap and count a change
as a tie); Edge et al. 2024 (criteria for global questions).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from eval.statistics.stats import Interval, intervals, mcnemar
from models.calls.prompt import load_prompt
from models.errors import OutputError
from models.protocols import ChatModel, ChatRequest
from retrieval.answering.long_answer import LongAnswer

CRITERIA = ("comprehensiveness", "diversity", "directness")
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {name: {"type": "string", "enum": ["1", "2", "tie"]} for name in CRITERIA},
    "required": list(CRITERIA),
    "additionalProperties": False,
}
MAX_TOKENS = 60
NOTHING = "Nothing was found."
"""What a judge is shown for an abstention."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One question: by criterion 1.0 if the first answer wins, 0.0 if the second does, 0.5 for a tie."""

    scores: dict[str, float]
    swapped: int
    """Criteria on which the judge's choice followed the order."""


def judge(question: str, first: str, second: str, chat: ChatModel) -> Verdict:
    """Have a model compare two answers in both orders.

    Raises:
        ModelError: The model cannot be reached.
        OutputError: An answer of the model is not of the schema.
    """
    if first == second:  # no call settles what is the same
        return Verdict(dict.fromkeys(CRITERIA, 0.5), 0)
    forwards, backwards = _ask(question, first, second, chat), _ask(question, second, first, chat)
    scores, swapped = {}, 0
    for name in CRITERIA:
        here = {"1": 1.0, "2": 0.0, "tie": 0.5}[forwards[name]]
        there = {"1": 0.0, "2": 1.0, "tie": 0.5}[backwards[name]]
        scores[name] = here if here == there else 0.5
        swapped += {here, there} == {0.0, 1.0}
    return Verdict(scores, swapped)


def _ask(question: str, first: str, second: str, chat: ChatModel) -> dict[str, str]:
    prompt = load_prompt("compare")
    shown = {"question": " ".join(question.split()), "first": first or NOTHING, "second": second or NOTHING}
    completion = chat.complete(ChatRequest(prompt.fill(shown), SCHEMA, MAX_TOKENS, template=prompt.template))
    parsed = completion.parsed
    if not isinstance(parsed, dict) or any(parsed.get(name) not in ("1", "2", "tie") for name in CRITERIA):
        raise OutputError(f'Expected "1", "2" or "tie" for {", ".join(CRITERIA)}; the judge gave {parsed!r}.')
    return parsed


@dataclass(frozen=True, slots=True)
class Preference:
    """How one system does against another on one criterion.

    Attributes:
        wins: Questions decided for the first.
        losses: For the second.
        ties: Neither, failures of the judge included.
        rate: Wins and half the ties, as a share of all questions, with its 95 % interval.
        p: Exact McNemar test of wins against losses.
    """

    wins: int
    losses: int
    ties: int
    rate: Interval
    p: float


def preferences(verdicts: Sequence[Verdict]) -> dict[str, Preference]:
    """By criterion, over all questions."""
    found = {}
    for name in CRITERIA:
        scores = np.array([verdict.scores[name] for verdict in verdicts])
        wins, losses = int((scores == 1).sum()), int((scores == 0).sum())
        (rate,) = intervals(scores[None, :])
        found[name] = Preference(wins, losses, len(scores) - wins - losses, rate, mcnemar(wins, losses))
    return found


@dataclass(frozen=True, slots=True)
class Counted:
    """What can be counted of an answer.

    Attributes:
        claims: Sentences that citations bear out.
        sources: Distinct documents cited.
        unsupported: Sentences that were dropped.
        words: Of the answer.
    """

    claims: int
    sources: int
    unsupported: int
    words: int

    @classmethod
    def of(cls, answer: LongAnswer) -> Counted:
        """Count an answer."""
        return cls(len(answer.claims), len(answer.sources), answer.unsupported, len(answer.text.split()))
