"""The `drift` retriever: reports first, then follow-up questions, each answered by local search.

The reports of the communities nearest to the question say what there is to know; a model names what is missing as
follow-up questions; local search finds evidence for each, and in the next round the model sees what was found and asks
again, until it has no question or the rounds are over. Evidence of all rounds is fused by rank.

Source: Whiting, Larson and Truitt 2024 (DRIFT search): primer, follow-ups, ranked output. Left out: the hypothetical
    answer by which DRIFT expands the question before it chooses reports, and answers between the rounds, whose place
    the found facts take.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from models.calls.chats import Chats
from models.calls.prompt import CHARACTERS_PER_TOKEN, load_prompt
from models.errors import OutputError
from models.files.digest import digest
from models.protocols import ChatRequest
from retrieval.index.fuse import reciprocal_rank_fusion
from retrieval.index.graph_index import GraphIndex
from retrieval.index.rank import Scored
from retrieval.retrievers.local import LocalRetriever, LocalSettings
from retrieval.text.freshness import prefer_valid
from retrieval.text.texts import headed, stated
from retrieval.traversal.communities import ReportSettings, found_report
from retrieval.types import FoundReport, PlannedCalls, Retrieved

MOST_QUESTIONS = 3
MAX_TOKENS = 200
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "questions": {
            "type": "array",
            "maxItems": MOST_QUESTIONS,
            "items": {"type": "string", "minLength": 1, "maxLength": 200},
        }
    },
    "required": ["questions"],
    "additionalProperties": False,
}
_KNOWN_FACTS = 12
_RRF_K = 10


class DriftSettings(ReportSettings):
    """Settings of `drift`, beside those of reports.

    Attributes:
        local: The search that answers a follow-up.
        rounds: Most times that the model is asked for follow-ups.
    """

    communities: int = Field(default=3, ge=1)
    local: LocalSettings = LocalSettings()
    rounds: int = Field(default=2, ge=1)


class DriftRetriever:
    """Passages, facts and reports by rounds of follow-up questions."""

    name = "drift"
    Settings = DriftSettings

    def __init__(self, index: GraphIndex, settings: DriftSettings, chats: Chats) -> None:
        self._index = index
        self._settings = settings
        self._chat = chats(settings.model)
        self._local = LocalRetriever(index, settings.local)
        self._communities = self._local.communities
        self._prompt = load_prompt("follow_up")
        written = load_prompt("report").template
        self.digest = digest(
            self.name, index.digest, settings.model_dump(), self._chat.digest, self._prompt.template, written, SCHEMA
        )

    @staticmethod
    def asks(settings: DriftSettings) -> PlannedCalls:
        """What a question costs at most, for a plan."""
        fixed = round(sum(len(text) for _, text in load_prompt("follow_up").turns) / CHARACTERS_PER_TOKEN)
        calls = settings.calls_to_write() + settings.rounds
        return PlannedCalls(settings.model, calls, fixed + settings.report_tokens, MAX_TOKENS)

    def retrieve(self, question: str, limit: int) -> Retrieved:
        """Find at most `limit` passages, and facts and reports.

        Raises:
            BudgetReached: Reports and answers that were paid for are on record.
        """
        vector = self._index.encode_question(question)
        near = self._communities.near(vector, self._settings.communities, self._settings.largest)
        self._communities.write([item.id for item in near], self._chat, self._settings)
        there = self._communities.told()
        told = [(there[item.id], item.score) for item in near if item.id in there]
        reports = tuple(found_report(report, score) for report, score in told)
        found = [self._local.retrieve(question, limit)]
        known = [headed(report.title, "", report.summary) for report in reports]
        asked = {question}
        for _ in range(self._settings.rounds):
            new = [each for each in self._follow_ups(question, known) if each not in asked]
            if not new:
                break
            asked.update(new)
            answers = [self._local.retrieve(each, limit) for each in new]
            found += answers
            known = [*known, *_told(answers)][-_KNOWN_FACTS:]
        return self._fused(question, found, reports, limit)

    def _follow_ups(self, question: str, known: Sequence[str]) -> list[str]:
        """What the model asks next; nothing, where it gives no usable answer."""
        values = {"known": " ".join(known) or "nothing", "question": " ".join(question.split())}
        request = ChatRequest(self._prompt.fill(values), SCHEMA, MAX_TOKENS, template=self._prompt.template)
        try:
            asked = self._chat.complete(request).parsed["questions"]
        except (OutputError, KeyError, TypeError):
            return []
        return list(dict.fromkeys(" ".join(str(each).split()) for each in asked if str(each).strip()))

    def _fused(
        self, question: str, found: Sequence[Retrieved], reports: tuple[FoundReport, ...], limit: int
    ) -> Retrieved:
        """All evidence, fused by rank over the questions."""
        runs = [[Scored(passage.chunk_id, passage.score) for passage in each.passages] for each in found]
        facts = [[Scored(fact.fact_id, fact.score) for fact in each.facts] for each in found]
        passages = self._index.passages(reciprocal_rank_fusion(runs, _RRF_K)[:limit])
        best = reciprocal_rank_fusion(facts, _RRF_K)[: self._settings.local.facts]
        return Retrieved(passages, prefer_valid(self._index.facts(best), question), reports=reports)


def _told(answers: Sequence[Retrieved]) -> list[str]:
    """The first facts of each answer in words."""
    facts = [fact for each in answers for fact in each.facts[: _KNOWN_FACTS // len(answers)]]
    return list(map(stated, facts))
