"""The `global` retriever: points about the whole corpus, drawn from the reports of its communities.

"What do the speakers disagree about?" has no passage that answers it. Communities near the question are chosen from the
root down (`retrieval.traversal.communities`), reports that are missing are written, and a model reads all findings, a
batch at a time, and states the points that help, with a score (the map); the answer is written from the best of them,
as from any evidence (the reduce). A point cites findings, and a finding facts: citations lead to the sentences of the
documents. A point that cites no finding it was shown is dropped. Without the map, findings themselves are the points,
scored by embedding, and the question costs no call beyond the reports.

Source: Edge et al. 2024 (GraphRAG), section 3.1.6, global search by map and reduce.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kg.language.sentences import count_tokens
from kg.schema import Report
from models.calls.chats import Chats
from models.calls.prompt import CHARACTERS_PER_TOKEN, load_prompt
from models.errors import OutputError
from models.files.digest import digest
from models.protocols import ChatRequest
from retrieval.index.graph_index import GraphIndex
from retrieval.index.rank import Scored
from retrieval.index.search import known_rows
from retrieval.text.sentences import whole_sentences
from retrieval.text.texts import headed
from retrieval.traversal.communities import Communities, ReportSettings
from retrieval.types import FoundFact, FoundPoint, PlannedCalls, Retrieved

MOST_POINTS = 8
MOST_CHARACTERS = 300
MAX_TOKENS = 600
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "points": {
            "type": "array",
            "maxItems": MOST_POINTS,
            "items": {
                "type": "object",
                "properties": {
                    "text": {"type": "string", "minLength": 1, "maxLength": MOST_CHARACTERS},
                    "findings": {"type": "array", "items": {"type": "integer", "minimum": 1}, "maxItems": 6},
                    "score": {"type": "integer", "minimum": 0, "maximum": 10},
                },
                "required": ["text", "findings", "score"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["points"],
    "additionalProperties": False,
}


class GlobalSettings(ReportSettings):
    """Settings of `global`, beside those of reports.

    Attributes:
        map: Whether a model states the points; else findings are the points.
        batch_tokens: Most tokens of findings that are read in one call.
        points: Most points returned.
    """

    map: bool = True
    batch_tokens: int = Field(default=1000, ge=64)
    points: int = Field(default=40, ge=1)


class _Point(BaseModel):
    """A point as the model gives it."""

    model_config = ConfigDict(extra="forbid")

    text: str
    findings: list[int]
    score: float


class _Points(BaseModel):
    """A model's answer."""

    model_config = ConfigDict(extra="forbid")

    points: list[_Point]


@dataclass(frozen=True, slots=True)
class _Finding:
    """A finding of a report, as it is shown, and what it rests on."""

    text: str
    title: str
    fact_ids: tuple[str, ...]

    @property
    def line(self) -> str:
        return headed(self.title, "", self.text)


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A point with the ids of its facts."""

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
        written = load_prompt("report").template
        self.digest = digest(
            self.name, index.digest, settings.model_dump(), self._chat.digest, self._prompt.template, written, SCHEMA
        )

    @staticmethod
    def asks(settings: GlobalSettings) -> PlannedCalls:
        """What a question costs at most, for a plan: a finding takes about 40 tokens, a report has up to five."""
        fixed = round(sum(len(text) for _, text in load_prompt("map").turns) / CHARACTERS_PER_TOKEN)
        batches = -(-settings.communities * 5 * 40 // settings.batch_tokens) if settings.map else 0
        return PlannedCalls(
            settings.model, settings.calls_to_write() + batches, fixed + settings.batch_tokens, MAX_TOKENS // 2
        )

    def retrieve(self, question: str, limit: int) -> Retrieved:
        """Find points, best first; `limit` counts passages, of which there are none.

        Raises:
            OutputError: No report could be written, or the model gave no usable answer to any batch.
            BudgetReached: Reports and batches that were paid for are on record.
        """
        vector = self._index.encode_question(question)
        near = self._communities.near(vector, self._settings.communities, self._settings.largest)
        self._communities.write([item.id for item in near], self._chat, self._settings)
        reports = self._communities.reports()
        findings = [each for item in near if item.id in reports for each in _findings(reports[item.id])]
        drawn = self._map(question, findings) if self._settings.map else self._as_they_are(vector, findings)
        best = sorted(drawn, key=lambda point: -point.score)[: self._settings.points]
        return Retrieved(points=self._with_facts(best))

    def _map(self, question: str, findings: Sequence[_Finding]) -> list[_Drawn]:
        """What the model states of each batch; one that it gives no usable answer to states nothing, unless all do."""
        drawn: list[_Drawn] = []
        answered, failure = False, OutputError("")
        for batch in _batches(findings, self._settings.batch_tokens):
            shown = "\n".join(f"[{number}] {finding.line}" for number, finding in enumerate(batch, start=1))
            messages = self._prompt.fill({"findings": shown, "question": " ".join(question.split())})
            request = ChatRequest(messages, SCHEMA, MAX_TOKENS, template=self._prompt.template)
            try:
                answer = _Points.model_validate(self._chat.complete(request).parsed)
            except (OutputError, ValidationError) as error:
                failure = OutputError(f"The model stated no points of the reports: {error}")
                continue
            answered = True
            drawn += [each for point in answer.points for each in _drawn(point, batch)]
        if findings and not answered:
            raise failure
        return drawn

    def _as_they_are(self, vector: NDArray[np.float32], findings: Sequence[_Finding]) -> list[_Drawn]:
        if not findings:
            return []
        cosines = self._index.encoder.encode([finding.line for finding in findings]) @ vector
        return [
            _Drawn(finding.text, finding.title, finding.fact_ids, round(float(cosine), 6))
            for finding, cosine in zip(findings, cosines, strict=True)
        ]

    def _with_facts(self, drawn: Sequence[_Drawn]) -> tuple[FoundPoint, ...]:
        """Points with those of their facts that the index has; one of which it has none is left out."""
        wanted = {fact_id for point in drawn for fact_id in point.fact_ids}
        ids = self._index.fact_ids[known_rows(self._index.fact_ids, sorted(wanted))].tolist()
        facts = self._index.facts([Scored(each.decode("ascii"), 1.0) for each in ids])
        found: dict[str, FoundFact] = {fact.fact_id: fact for fact in facts}
        points = []
        for point in drawn:
            borne = tuple(found[fact_id] for fact_id in point.fact_ids if fact_id in found)
            if borne:
                points.append(FoundPoint(point.text, point.title, borne, point.score, self._settings.map))
        return tuple(points)


def _findings(report: Report) -> list[_Finding]:
    return [_Finding(finding.text, report.title, finding.fact_ids) for finding in report.findings]


def _drawn(point: _Point, batch: Sequence[_Finding]) -> Iterator[_Drawn]:
    """A point that says something and cites a finding of its batch."""
    cited = [batch[number - 1] for number in dict.fromkeys(point.findings) if 1 <= number <= len(batch)]
    title = cited[0].title if cited else ""
    said = " ".join(whole_sentences(point.text, MOST_CHARACTERS).split())
    text = said.removeprefix(f"{title}: ")  # small models repeat the heading that they read
    if cited and text and point.score > 0:
        fact_ids = dict.fromkeys(fact_id for finding in cited for fact_id in finding.fact_ids)
        yield _Drawn(text, title, tuple(fact_ids), point.score)


def _batches(findings: Sequence[_Finding], most_tokens: int) -> Iterator[list[_Finding]]:
    """Findings in order, as many together as the tokens allow, at least one."""
    batch: list[_Finding] = []
    used = 0
    for finding in findings:
        tokens = count_tokens(finding.line)
        if batch and used + tokens > most_tokens:
            yield batch
            batch, used = [], 0
        batch.append(finding)
        used += tokens
    if batch:
        yield batch
