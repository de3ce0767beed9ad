"""Compares two long answers to one question: by a judge model, and by what can be counted without one.

The judge is given the same two answers in both orders. If it names the same answer twice, that answer wins; if its
choice follows the order, the result is a tie. Counted are the claims of an answer that its citations support, and the
documents that it cites. Source: Zheng et al., NeurIPS 2023 (judges prefer the answer that comes first: swap, and count
a change as a tie); Edge et al. 2024 (criteria for global questions).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from eval.statistics.stats import Interval, intervals, mcnemar
from models.calls.prompt import load_prompt
from models.calls.structured import schema_of_reply
from models.errors import OutputError
from models.protocols import ChatModel, ChatRequest
from retrieval.answering.long_answer import LongAnswer

Choice = Literal["1", "2", "tie"]
MAX_TOKENS = 60
NOTHING = "Nothing was found."
"""What a judge is shown for an abstention."""


class ComparisonReply(BaseModel):
    """What a judge model answers: which of two answers is better, by criterion (Edge et al. 2024)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    comprehensiveness: Choice
    diversity: Choice
    directness: Choice


CRITERIA = tuple(ComparisonReply.model_fields)


@dataclass(frozen=True, slots=True)
class PairJudgment:
    """A judge's decision on one question.

    Attributes:
        scores: By criterion: 1.0 if the first answer wins, 0.0 if the second does, 0.5 for a tie.
        swapped: Number of criteria on which the judge's choice followed the order.
    """

    scores: dict[str, float]
    swapped: int


def judge_pair(question: str, first: str, second: str, chat: ChatModel) -> PairJudgment:
    """Have a model compare two answers in both orders.

    Raises:
        ModelError: The model cannot be reached.
        OutputError: A reply of the model does not follow the schema.
    """
    if first == second:  # a judge could only invent a difference
        return PairJudgment(dict.fromkeys(CRITERIA, 0.5), 0)
    forwards, backwards = _call_judge(question, first, second, chat), _call_judge(question, second, first, chat)
    scores, swapped = {}, 0
    for name in CRITERIA:
        # Scores are those of `first`: it was answer 1 in the first call and answer 2 in the second.
        in_order = {"1": 1.0, "2": 0.0, "tie": 0.5}[getattr(forwards, name)]
        reversed_order = {"1": 0.0, "2": 1.0, "tie": 0.5}[getattr(backwards, name)]
        scores[name] = in_order if in_order == reversed_order else 0.5
        # {0, 1}: the judge preferred the same position twice. A tie in one order alone is not counted as following it.
        swapped += {in_order, reversed_order} == {0.0, 1.0}
    return PairJudgment(scores, swapped)


def _call_judge(question: str, first: str, second: str, chat: ChatModel) -> ComparisonReply:
    prompt = load_prompt("compare")
    values = {"question": " ".join(question.split()), "first": first or NOTHING, "second": second or NOTHING}
    schema = schema_of_reply(ComparisonReply)
    completion = chat.complete(ChatRequest(prompt.fill(values), schema, MAX_TOKENS, template=prompt.template))
    try:
        return ComparisonReply.model_validate(completion.parsed)
    except ValidationError as error:
        expected = f'"1", "2" or "tie" for {", ".join(CRITERIA)}'
        raise OutputError(f"Expected {expected}, but the judge replied {completion.parsed!r}.") from error


@dataclass(frozen=True, slots=True)
class Preference:
    """How one system does against another on one criterion.

    Attributes:
        wins: Number of questions decided for the first system.
        losses: Number of questions decided for the second.
        ties: Number of questions decided for neither, failures of the judge included.
        rate: Wins and half the ties, as a share of all questions, with its 95 % interval.
        p: p-value of the exact McNemar test of wins against losses.
    """

    wins: int
    losses: int
    ties: int
    rate: Interval
    p: float


def preferences(verdicts: Sequence[PairJudgment]) -> dict[str, Preference]:
    """How the first system does against the second, by criterion, over all questions."""
    table = {}
    for name in CRITERIA:
        scores = np.array([verdict.scores[name] for verdict in verdicts])
        wins, losses = int((scores == 1).sum()), int((scores == 0).sum())
        # Ties count half in the rate, but not at all in the test, which asks only who wins when someone does.
        (rate,) = intervals(scores[None, :])
        table[name] = Preference(wins, losses, len(scores) - wins - losses, rate, mcnemar(wins, losses))
    return table


@dataclass(frozen=True, slots=True)
class AnswerCounts:
    """What can be counted in an answer without a judge.

    Attributes:
        claims: Number of sentences that citations support.
        sources: Number of distinct documents cited.
        unsupported: Number of sentences that were dropped because no citation supports them.
        words: Number of words of the answer.
    """

    claims: int
    sources: int
    unsupported: int
    words: int

    @classmethod
    def of(cls, answer: LongAnswer) -> AnswerCounts:
        """Count an answer."""
        return cls(len(answer.claims), len(answer.sources), answer.unsupported, len(answer.text.split()))
