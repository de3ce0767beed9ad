"""The `global` retriever: points about the corpus as a whole, drawn from the reports of its communities.

Source: Edge et al. 2024 (GraphRAG), section 3.1.6, global search by map and reduce.

"What do the speakers disagree about?" has no passage that answers it. Communities near the question are chosen from the
root down (`retrieval.traversal.communities`), missing reports are written, and a chat model is given all their
findings, a batch at a time, and states the points that help, with a score (the map). The answer is written from the
best of them, as from any evidence (the reduce). A point cites findings, and a finding facts: citations lead to the
sentences of the documents. A point that cites no finding of its batch is dropped. Without the map, findings themselves
are the points, scored by embedding, and the question costs no call beyond the reports.

The file cannot have the retriever's name, since `global` is a keyword of Python.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kg.language.sentences import count_tokens
from kg.schema import Report
from models.calls.chats import Chats
from models.calls.prompt import CHARACTERS_PER_TOKEN, load_prompt
from models.calls.structured import schema_of_reply
from models.errors import OutputError
from models.files.digest import digest
from models.protocols import ChatRequest
from retrieval.index.graph_index import GraphIndex
from retrieval.index.rank import ScoredId
from retrieval.index.search import known_rows
from retrieval.text.sentences import whole_sentences
from retrieval.text.texts import with_heading
from retrieval.traversal.communities import Communities, ReportSettings
from retrieval.types import PlannedCalls, RetrievedEvidence, RetrievedFact, RetrievedPoint

MAX_POINTS = 8
"""Maximum number of points of a batch."""
MAX_CHARACTERS = 300
"""Maximum number of characters of a point."""
MAX_TOKENS = 600
"""Maximum number of tokens of the model's reply to a batch."""
_TOKENS_PER_FINDING, _FINDINGS_PER_REPORT = 40, 5
"""For estimates: average number of tokens of a finding, and maximum number of findings of a report."""


class PointReply(BaseModel):
    """A point as the model states it.

    Attributes:
        text: The statement.
        findings: Numbers of the findings that support it, from 1.
        score: How much it helps to answer, from 0 to 10.
    """

    model_config = ConfigDict(extra="forbid")

    text: str = Field(min_length=1, max_length=MAX_CHARACTERS)
    findings: list[Annotated[int, Field(ge=1)]] = Field(max_length=6)
    score: int = Field(ge=0, le=10)


class MapReply(BaseModel):
    """The model's reply to a batch of findings."""

    model_config = ConfigDict(extra="forbid")

    points: list[PointReply] = Field(max_length=MAX_POINTS)


SCHEMA = schema_of_reply(MapReply)


class GlobalSettings(ReportSettings):
    """Settings of `global`, in addition to those of reports.

    Attributes:
        map: Whether a chat model states the points; otherwise findings are the points.
        batch_tokens: Maximum number of tokens of findings in one call.
        points: Maximum number of points returned.
    """

    map: bool = True
    batch_tokens: int = Field(default=1000, ge=64)
    points: int = Field(default=40, ge=1)


@dataclass(frozen=True, slots=True)
class _ReportFinding:
    """A finding with the title of its report and the ids of the facts that it rests on."""

    text: str
    title: str
    fact_ids: tuple[str, ...]

    @property
    def line(self) -> str:
        """The finding as shown to the model, and as embedded."""
        return with_heading(self.title, "", self.text)


@dataclass(frozen=True, slots=True)
class _CorpusPoint:
    """A point with the title of its report and the ids of the facts that it rests on."""

    text: str
    title: str
    fact_ids: tuple[str, ...]
    score: float


class GlobalRetriever:
    """Points by map over the findings of community reports; no passages."""

    name = "global"
    Settings = GlobalSettings

    def __init__(self, index: GraphIndex, settings: GlobalSettings, chats: Chats) -> None:
        self._index = index
        self._settings = settings
        self._chat = chats(settings.model)
        self._communities = Communities(index)
        self._prompt = load_prompt("map")
        # Points are drawn from reports, so that their prompt belongs to the digest, too.
        report_prompt = load_prompt("report").template
        prompts = self._prompt.template, report_prompt
        self.digest = digest(self.name, index.digest, settings.model_dump(), self._chat.digest, *prompts, SCHEMA)

    @staticmethod
    def planned_calls(settings: GlobalSettings) -> PlannedCalls:
        """Upper bound of a question's calls, at the usual length of findings."""
        fixed = round(sum(len(text) for _, text in load_prompt("map").turns) / CHARACTERS_PER_TOKEN)
        findings_tokens = settings.communities * _FINDINGS_PER_REPORT * _TOKENS_PER_FINDING
        batches = math.ceil(findings_tokens / settings.batch_tokens) if settings.map else 0
        return PlannedCalls(
            settings.model, settings.calls_to_write() + batches, fixed + settings.batch_tokens, MAX_TOKENS // 2
        )

    def retrieve(self, question: str, limit: int) -> RetrievedEvidence:
        """Find points, best first; `limit` counts passages, of which there are none.

        Raises:
            OutputError: No report could be written, or the model gave no usable answer to any batch.
            BudgetError: The calls' budget is used up; reports and batches that were paid for are kept.
        """
        vector = self._index.encode_question(question)
        near = self._communities.near(vector, self._settings.communities, self._settings.largest)
        self._communities.write([item.id for item in near], self._chat, self._settings)
        reports = self._communities.reports()
        findings = [finding for item in near if item.id in reports for finding in _findings(reports[item.id])]
        points = self._map(question, findings) if self._settings.map else self._findings_as_points(vector, findings)
        best = sorted(points, key=lambda point: -point.score)[: self._settings.points]
        return RetrievedEvidence(points=self._with_facts(best))

    def _map(self, question: str, findings: Sequence[_ReportFinding]) -> list[_CorpusPoint]:
        """The points that the model states of each batch.

        A batch to which it gives no usable reply has no points; only if there is none for any batch, that is an error.
        """
        points: list[_CorpusPoint] = []
        has_reply, failure = False, OutputError("")
        for batch in _batches(findings, self._settings.batch_tokens):
            shown = "\n".join(f"[{number}] {finding.line}" for number, finding in enumerate(batch, start=1))
            messages = self._prompt.fill({"findings": shown, "question": " ".join(question.split())})
            request = ChatRequest(messages, SCHEMA, MAX_TOKENS, template=self._prompt.template)
            try:
                reply = MapReply.model_validate(self._chat.complete(request).parsed)
            except (OutputError, ValidationError) as error:
                failure = OutputError(f"The model stated no points of the reports ({error}).")
                continue
            has_reply = True
            for stated in reply.points:
                if point := _cited_point(stated, batch):
                    points.append(point)
        if findings and not has_reply:
            raise failure
        return points

    def _findings_as_points(
        self, vector: NDArray[np.float32], findings: Sequence[_ReportFinding]
    ) -> list[_CorpusPoint]:
        """Every finding as a point, with its cosine to the question, array (dimension,), as score."""
        if not findings:
            return []
        cosines = self._index.encoder.encode([finding.line for finding in findings]) @ vector
        return [
            _CorpusPoint(finding.text, finding.title, finding.fact_ids, round(float(cosine), 6))
            for finding, cosine in zip(findings, cosines, strict=True)
        ]

    def _with_facts(self, points: Sequence[_CorpusPoint]) -> tuple[RetrievedPoint, ...]:
        """Points with those of their facts that the index has; a point of whose facts it has none is left out."""
        wanted = {fact_id for point in points for fact_id in point.fact_ids}
        ids = self._index.fact_ids[known_rows(self._index.fact_ids, sorted(wanted))].tolist()
        facts = self._index.facts([ScoredId(fact_id.decode("ascii"), 1.0) for fact_id in ids])
        fact_of: dict[str, RetrievedFact] = {fact.fact_id: fact for fact in facts}
        retrieved = []
        for point in points:
            point_facts = tuple(fact_of[fact_id] for fact_id in point.fact_ids if fact_id in fact_of)
            if point_facts:
                retrieved.append(RetrievedPoint(point.text, point.title, point_facts, point.score, self._settings.map))
        return tuple(retrieved)


def _findings(report: Report) -> list[_ReportFinding]:
    return [_ReportFinding(finding.text, report.title, finding.fact_ids) for finding in report.findings]


def _cited_point(stated: PointReply, batch: Sequence[_ReportFinding]) -> _CorpusPoint | None:
    """A point with the facts of the findings that it cites; None if it cites none of the batch, or does not help."""
    cited = [batch[number - 1] for number in dict.fromkeys(stated.findings) if 1 <= number <= len(batch)]
    if not cited or stated.score <= 0:
        return None
    title = cited[0].title
    sentence = " ".join(whole_sentences(stated.text, MAX_CHARACTERS).split())
    text = sentence.removeprefix(f"{title}: ")  # small models repeat the heading that they were given
    if not text:
        return None
    fact_ids = dict.fromkeys(fact_id for finding in cited for fact_id in finding.fact_ids)
    return _CorpusPoint(text, title, tuple(fact_ids), float(stated.score))


def _batches(findings: Sequence[_ReportFinding], max_tokens: int) -> Iterator[list[_ReportFinding]]:
    """Findings in order, as many together as the tokens allow, at least one."""
    batch: list[_ReportFinding] = []
    used = 0
    for finding in findings:
        tokens = count_tokens(finding.line)
        if batch and used + tokens > max_tokens:
            yield batch
            batch, used = [], 0
        batch.append(finding)
        used += tokens
    if batch:
        yield batch
