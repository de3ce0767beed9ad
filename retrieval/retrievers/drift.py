"""The `drift` retriever: reports first, then follow-up questions, each answered by local search.

Source: Whiting, Larson and Truitt 2024 (DRIFT search): primer, follow-ups, ranked output. Left out are the hypothetical
answer by which DRIFT expands the question before it chooses reports, and the answers between rounds; retrieved facts
take their place.

The reports of the communities nearest to the question give an overview. A chat model names what is missing as
follow-up questions; local search finds evidence for each. In the next round the model is given what was found and
writes further questions, until it has none or `rounds` is reached. Evidence of all rounds is fused by rank.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from models.calls.chats import Chats
from models.calls.prompt import CHARACTERS_PER_TOKEN, load_prompt
from models.calls.structured import schema_of_reply
from models.errors import OutputError
from models.files.digest import digest
from models.protocols import ChatRequest
from retrieval.index.fuse import reciprocal_rank_fusion
from retrieval.index.graph_index import GraphIndex
from retrieval.index.rank import ScoredId
from retrieval.retrievers.local import LocalRetriever, LocalSettings
from retrieval.text.freshness import prefer_valid
from retrieval.text.texts import retrieved_fact_sentence, with_heading
from retrieval.traversal.communities import ReportSettings, retrieved_report
from retrieval.types import PlannedCalls, RetrievedEvidence, RetrievedReport

MAX_QUESTIONS = 3
"""Maximum number of follow-up questions of a round."""
MAX_TOKENS = 200
"""Maximum number of tokens of the model's reply."""
_SHOWN_FACTS = 12
"""Maximum number of reports and facts that the model is given in a round, the newest."""
_RRF_K = 10
_FollowUp = Annotated[str, Field(min_length=1, max_length=200)]


class FollowUpReply(BaseModel):
    """The model's reply: follow-up questions; none if nothing is missing."""

    model_config = ConfigDict(extra="forbid")

    questions: list[_FollowUp] = Field(max_length=MAX_QUESTIONS)


SCHEMA = schema_of_reply(FollowUpReply)


class DriftSettings(ReportSettings):
    """Settings of `drift`, in addition to those of reports.

    Attributes:
        communities: Maximum number of communities whose reports begin the search.
        local: Settings of the search that answers a follow-up question.
        rounds: Maximum number of rounds of follow-up questions, one call each.
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
        # Reports are part of the evidence, so that their prompt belongs to the digest, too.
        report_prompt = load_prompt("report").template
        prompts = self._prompt.template, report_prompt
        self.digest = digest(self.name, index.digest, settings.model_dump(), self._chat.digest, *prompts, SCHEMA)

    @staticmethod
    def planned_calls(settings: DriftSettings) -> PlannedCalls:
        """Upper bound of a question's calls."""
        fixed = round(sum(len(text) for _, text in load_prompt("follow_up").turns) / CHARACTERS_PER_TOKEN)
        calls = settings.calls_to_write() + settings.rounds
        return PlannedCalls(settings.model, calls, fixed + settings.report_tokens, MAX_TOKENS)

    def retrieve(self, question: str, limit: int) -> RetrievedEvidence:
        """Find at most `limit` passages, and facts and reports.

        Raises:
            BudgetError: The calls' budget is used up; reports and replies that were paid for are kept.
        """
        vector = self._index.encode_question(question)
        near = self._communities.near(vector, self._settings.communities, self._settings.largest)
        self._communities.write([item.id for item in near], self._chat, self._settings)
        report_of = self._communities.covered_reports()
        reports = tuple(retrieved_report(report_of[item.id], item.score) for item in near if item.id in report_of)
        # The question itself is searched, too: if the model has no follow-up, this is `local` with more reports.
        evidence = [self._local.retrieve(question, limit)]
        shown = [with_heading(report.title, "", report.summary) for report in reports]
        searched = {question}
        for _ in range(self._settings.rounds):
            # A question that was searched before would only find the same evidence again.
            new = [follow_up for follow_up in self._follow_ups(question, shown) if follow_up not in searched]
            if not new:
                break
            searched.update(new)
            results = [self._local.retrieve(follow_up, limit) for follow_up in new]
            evidence += results
            shown = [*shown, *_first_facts(results)][-_SHOWN_FACTS:]
        return self._fused(question, evidence, reports, limit)

    def _follow_ups(self, question: str, shown: Sequence[str]) -> list[str]:
        """Follow-up questions of a round; none if the model gives no usable reply."""
        fields = {"known": " ".join(shown) or "nothing", "question": " ".join(question.split())}
        request = ChatRequest(self._prompt.fill(fields), SCHEMA, MAX_TOKENS, template=self._prompt.template)
        try:
            reply = FollowUpReply.model_validate(self._chat.complete(request).parsed)
        except (OutputError, ValidationError):
            return []  # what was found so far is evidence all the same
        return list(dict.fromkeys(" ".join(text.split()) for text in reply.questions if text.strip()))

    def _fused(
        self, question: str, evidence: Sequence[RetrievedEvidence], reports: tuple[RetrievedReport, ...], limit: int
    ) -> RetrievedEvidence:
        """The evidence of all questions, fused by rank."""
        # By rank, since scores of different questions cannot be compared.
        passage_runs, fact_runs = [], []
        for result in evidence:
            passage_runs.append([ScoredId(passage.chunk_id, passage.score) for passage in result.passages])
            fact_runs.append([ScoredId(fact.fact_id, fact.score) for fact in result.facts])
        passages = self._index.passages(reciprocal_rank_fusion(passage_runs, _RRF_K)[:limit])
        best_facts = reciprocal_rank_fusion(fact_runs, _RRF_K)[: self._settings.local.facts]
        return RetrievedEvidence(passages, prefer_valid(self._index.facts(best_facts), question), reports=reports)


def _first_facts(results: Sequence[RetrievedEvidence]) -> list[str]:
    """The first facts of each result as sentences, the same number of each."""
    share = _SHOWN_FACTS // len(results)
    return [retrieved_fact_sentence(fact) for result in results for fact in result.facts[:share]]
