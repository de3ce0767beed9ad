"""The communities of an index as a question sees them: how near each is, and what its report says.

A community is as near as the five of its facts that are nearest to the question; one that has fewer has less to say.
Those chosen are found from the root down: a community that is too large for one report gives way to its parts, the
nearest first, so that no fact is told twice. Reports are written when first asked for and kept (`kg.reports.write`).

Source: Edge et al. 2024 (GraphRAG) for reports as the units of global search; choosing them from the root down is its
    dynamic selection, here by embeddings instead of a model's rating; writing them on demand is LazyGraphRAG's idea.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from kg.communities.graph import CommunityFacts
from kg.reports.write import ReportPlan, write_with
from kg.schema import Report
from models.errors import BudgetReached, OutputError
from models.protocols import ChatModel, Vectors
from retrieval.index.graph_index import GraphIndex
from retrieval.index.rank import Scored
from retrieval.index.search import known_rows
from retrieval.text.texts import headed
from retrieval.types import FoundReport

NEAREST = 5
"""Facts that a community is judged by."""


class ReportSettings(BaseModel):
    """Settings of what reads reports.

    Attributes:
        model: Chat model that writes them, and whatever else is asked of one.
        write: Most reports written for a question; 0 uses those that are there.
        report_tokens: Most tokens of facts that one report is written from.
        communities: Most communities chosen for a question.
        largest: Most facts of a community that is not divided into its parts.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str = Field(default="qwen-1.5b", min_length=1)
    write: int = Field(default=4, ge=0)
    report_tokens: int = Field(default=800, ge=64)
    communities: int = Field(default=6, ge=1)
    largest: int = Field(default=60, ge=1)

    def calls_to_write(self) -> int:
        """Most calls that reports cost for a question."""
        return min(self.write, self.communities)


class Communities:
    """The communities of one index; what is read of the store is read once."""

    def __init__(self, index: GraphIndex) -> None:
        self._index = index

    @cached_property
    def _found(self) -> CommunityFacts:
        return CommunityFacts(self._index.store)

    @cached_property
    def _rows(self) -> dict[str, NDArray[np.intp]]:
        """Rows of the facts that the index has of each community, where there are any."""
        ids = {key: [fact.id for fact in facts] for key, facts in self._found.facts.items()}
        found = {key: known_rows(self._index.fact_ids, each) for key, each in ids.items()}
        return {key: rows for key, rows in found.items() if len(rows)}

    def near(self, vector: NDArray[np.float32], most: int, largest: int) -> list[Scored]:
        """Communities for a question, nearest first; none holds another.

        Args:
            vector: The question, array (dimension,).
            most: How many.
            largest: Most facts of a community that is not divided into its parts, where it has any.
        Returns:
            Ids with scores: the sum of the cosines of the nearest facts, over `NEAREST`.
        """
        if not self._rows:
            return []
        cosines = self._index.fact_vectors @ vector
        heap: list[tuple[float, str]] = []

        def push(parent: str) -> bool:
            below = [row.id for row in self._found.children[parent] if row.id in self._rows]
            for key in below:
                heapq.heappush(heap, (-self._relevance(key, cosines), key))
            return bool(below)

        push("")
        chosen: list[Scored] = []
        while heap and len(chosen) < most:
            score, key = heapq.heappop(heap)
            if len(self._rows[key]) <= largest or not push(key):
                chosen.append(Scored(key, -score))
        return chosen

    def _relevance(self, community_id: str, cosines: NDArray[np.float32]) -> float:
        said = np.sort(cosines[self._rows[community_id]])[-NEAREST:]
        return round(float(said.sum()) / NEAREST, 6)

    def of_entities(self, entity_ids: Iterable[str]) -> dict[str, int]:
        """Communities that hold some of these entities, and how many of them; in the order of the tree."""
        wanted = set(entity_ids)
        counts = {key: len(wanted.intersection(row.entity_ids)) for key, row in self._found.communities.items()}
        return {key: count for key, count in counts.items() if count}

    def reports(self) -> dict[str, Report]:
        """The reports that are written, by community."""
        return {report.community_id: report for report in self._index.store.read(Report)}

    def told(self) -> dict[str, Report]:
        """Those reports whose facts the index has all: on a part of an index, the others tell what lies outside."""
        facts = self._found.facts
        return {
            key: report
            for key, report in self.reports().items()
            if key in facts and len(self._rows.get(key, ())) == len(facts[key])
        }

    def write(self, community_ids: Sequence[str], chat: ChatModel, settings: ReportSettings) -> None:
        """Have those reports written that are missing, in order, as many as the settings allow; failures are on record.

        Raises:
            OutputError: Then none of the communities has a report, since all failed, now or before.
            BudgetReached: The calls' budget is used up; reports that were written are kept.
            ModelError: The model cannot be reached.
            StoreError: Another process writes to the workspace.
        """
        there = self.reports()
        missing = frozenset([key for key in community_ids if key not in there][: settings.write])
        if not missing:
            return
        plan = ReportPlan(settings.model, most=len(missing), context_tokens=settings.report_tokens, communities=missing)
        with self._index.writing():
            run = write_with(chat, self._index.store, plan)
        if run.stopped:
            raise BudgetReached(run.stopped)
        if run.failed and not any(key in self.reports() for key in community_ids):
            reasons = "; ".join(dict.fromkeys(failure.reason for failure in run.failed))
            raise OutputError(
                f"No report on what is near the question could be written ({reasons}). Take a stronger model, or try "
                "again: graft communities report --retry-failed."
            )


def found_report(report: Report, score: float) -> FoundReport:
    """A report as a retriever returns it."""
    return FoundReport(report.id, report.title, report.summary, score)


class ReportVectors:
    """Embeddings of reports, each made once."""

    def __init__(self, index: GraphIndex) -> None:
        self._index = index
        self._known: dict[str, NDArray[np.float32]] = {}

    def of(self, reports: Sequence[Report]) -> Vectors:
        """Array (reports, dimension)."""
        new = [report for report in reports if report.basis not in self._known]
        texts = [headed(report.title, "", report.summary) for report in new]
        if texts:
            for report, vector in zip(new, self._index.encoder.encode(texts, "passage"), strict=True):
                self._known[report.basis] = vector
        if not reports:
            return np.zeros((0, self._index.encoder.dimension), dtype=np.float32)
        return np.stack([self._known[report.basis] for report in reports])
