from __future__ import annotations

from typing import Any

import pytest

from eval.statistics.pairwise import CRITERIA, AnswerCounts, PairJudgment, judge_pair, preferences
from models.errors import OutputError
from models.protocols import ChatRequest, Completion, Usage
from retrieval.answering.long_answer import answer_at_length
from retrieval.answering.pack import pack
from retrieval.types import RetrievedEvidence
from tests.retrieval.fakes import ScriptedChat, count_words, passage


class Biased:
    """Prefers what stands first, or the answer that contains a word."""

    name = digest = "biased"

    def __init__(self, word: str = "") -> None:
        self._word = word
        self.calls = 0

    def complete(self, request: ChatRequest) -> Completion:
        self.calls += 1
        first = request.messages[-1].content.split("Answer 2:")[0]
        parsed: dict[str, Any] = dict.fromkeys(CRITERIA, "1" if self._word in first else "2")
        return Completion("", Usage(), "stop", 0.0, parsed=parsed)

    def close(self) -> None:
        return None


def test_a_judge_that_follows_the_order_makes_a_tie() -> None:
    verdict = judge_pair("Why?", "one", "other", Biased())
    assert verdict == PairJudgment(dict.fromkeys(CRITERIA, 0.5), 3)


def test_the_same_choice_in_both_orders_counts() -> None:
    assert judge_pair("Why?", "one", "other", Biased("one")).scores["diversity"] == 1.0
    assert judge_pair("Why?", "other", "one", Biased("one")).scores["diversity"] == 0.0


def test_equal_answers_cost_no_call() -> None:
    biased = Biased()
    assert judge_pair("Why?", "same", "same", biased).scores["directness"] == 0.5
    assert biased.calls == 0


def test_a_reply_without_the_criteria_is_an_error() -> None:
    with pytest.raises(OutputError, match="comprehensiveness"):
        judge_pair("Why?", "one", "other", ScriptedChat({"winner": "1"}))


def test_preferences_count_ties_by_half() -> None:
    verdicts = [PairJudgment(dict.fromkeys(CRITERIA, score), 0) for score in (1.0, 1.0, 0.5, 0.0)]
    found = preferences(verdicts)["diversity"]
    assert (found.wins, found.losses, found.ties, found.rate.mean) == (2, 1, 1, 0.625)
    assert found.p == 1.0


def test_claims_and_sources_are_counted_after_the_check() -> None:
    packed = pack(RetrievedEvidence((passage("The bridge crosses the Sel.", "Bridge"),)), 50, count_words)
    said = [{"text": text, "citations": [1]} for text in ("The bridge crosses the Sel.", "Nine cows sang.")]
    answer = answer_at_length("What is told?", packed, ScriptedChat({"claims": said, "found": True}))
    assert AnswerCounts.of(answer) == AnswerCounts(1, 1, 1, 5)
