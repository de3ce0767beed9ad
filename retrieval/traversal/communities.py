"""The communities of an index for a question: how near each is, and what its report says.

A community is as near as the five of its facts that are nearest to the question; one that has fewer says less. They are
chosen from the root down: a community that is too large for one report gives way to its parts, the nearest first, so
that no fact is reported twice. Reports are written when they are first needed, and kept (`kg.reports.write`).

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

from kg.communities.graph import CommunityGraph
from kg.reports.write import ReportPlan, write_with
from kg.schema import Report
from models.errors import BudgetError, OutputError
from models.protocols import ChatModel, Vectors
from retrieval.index.graph_index import GraphIndex
from retrieval.index.rank import ScoredId
from retrieval.index.search import known_rows
from retrieval.text.texts import with_heading
from retrieval.types import RetrievedReport

NEAREST = 5
"""Number of a community's facts, those nearest to the question, that decide how near it is."""


class ReportSettings(BaseModel):
    """Settings of the retrievers that use community reports.

    Attributes:
        model: Chat model that writes reports, and that the retriever calls.
        write: Maximum number of reports written for a question; 0 uses only those that exist.
        report_tokens: Maximum number of tokens of facts that one report is written from.
        communities: Maximum number of communities chosen for a question.
        largest: Maximum number of facts of a community that is not divided into its parts.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str = Field(default="qwen-1.5b", min_length=1)
    write: int = Field(default=4, ge=0)
    report_tokens: int = Field(default=800, ge=64)
    communities: int = Field(default=6, ge=1)
    largest: int = Field(default=60, ge=1)

    def calls_to_write(self) -> int:
        """Maximum number of calls that reports cost for a question."""
        return min(self.write, self.communities)


class Communities:
    """The communities of one index; the store is read once."""

    def __init__(self, index: GraphIndex) -> None:
        self._index = index

    @cached_property
    def _tree(self) -> CommunityGraph:
        return CommunityGraph(self._index.store)

    @cached_property
    def _rows(self) -> dict[str, NDArray[np.intp]]:
        """Rows of each community's facts, ascending; those without facts in the index are left out."""
        rows_of = {}
        for key, facts in self._tree.facts.items():
            rows = known_rows(self._index.fact_ids, [fact.id for fact in facts])
            if len(rows):
                rows_of[key] = rows
        return rows_of

    def near(self, vector: NDArray[np.float32], limit: int, largest: int) -> list[ScoredId]:
        """Communities for a question, nearest first; none contains another.

        Args:
            vector: Embedding of the question, array (dimension,).
            limit: Maximum number of communities.
            largest: Maximum number of facts of a community that is not divided into its parts, if it has any.
        Returns:
            Ids with scores: the sum of the cosines of the nearest facts, divided by `NEAREST`.
        """
        if not self._rows:
            return []
        cosines = self._index.fact_vectors @ vector
        # A best-first search down the tree. `heapq` pops the least, hence the negative scores; ties go by id.
        heap: list[tuple[float, str]] = []

        def push_parts(parent: str) -> bool:
            parts = [part.id for part in self._tree.children[parent] if part.id in self._rows]
            for part_id in parts:
                heapq.heappush(heap, (-self._relevance(part_id, cosines), part_id))
            return bool(parts)

        push_parts("")  # the communities without a parent
        chosen: list[ScoredId] = []
        while heap and len(chosen) < limit:
            negative_score, key = heapq.heappop(heap)
            if len(self._rows[key]) <= largest or not push_parts(key):
                chosen.append(ScoredId(key, -negative_score))
        return chosen

    def _relevance(self, community_id: str, cosines: NDArray[np.float32]) -> float:
        """Divided by `NEAREST` also where there are fewer facts, so that a community of one near fact doesn't win."""
        nearest = np.sort(cosines[self._rows[community_id]])[-NEAREST:]
        return round(float(nearest.sum()) / NEAREST, 6)

    def of_entities(self, entity_ids: Iterable[str]) -> dict[str, int]:
        """Communities that contain some of these entities, and how many of them; in the order of the tree."""
        wanted = set(entity_ids)
        counts = {key: len(wanted.intersection(group.entity_ids)) for key, group in self._tree.communities.items()}
        return {key: count for key, count in counts.items() if count}

    def reports(self) -> dict[str, Report]:
        """The reports that exist, by community."""
        return {report.community_id: report for report in self._index.store.read(Report)}

    def covered_reports(self) -> dict[str, Report]:
        """The reports of whose facts the index has all: on a part of an index, others say what lies outside it."""
        facts = self._tree.facts
        return {
            key: report
            for key, report in self.reports().items()
            if key in facts and len(self._rows.get(key, ())) == len(facts[key])
        }

    def write(self, community_ids: Sequence[str], chat: ChatModel, settings: ReportSettings) -> None:
        """Write the reports that are missing, in order, as many as the settings allow; failures are recorded.

        Raises:
            OutputError: None of the communities has a report, since all failed, now or before.
            BudgetError: The calls' budget is used up; reports that were written are kept.
            ModelError: The model cannot be reached.
            StoreError: Another process writes to the workspace.
        """
        reports = self.reports()
        missing = frozenset([key for key in community_ids if key not in reports][: settings.write])
        if not missing:
            return
        plan = ReportPlan(
            settings.model, max_reports=len(missing), context_tokens=settings.report_tokens, communities=missing
        )
        with self._index.writing():
            run = write_with(chat, self._index.store, plan)
        if run.stopped:
            raise BudgetError(run.stopped)
        if run.failed and not any(key in self.reports() for key in community_ids):
            reasons = "; ".join(dict.fromkeys(failure.reason for failure in run.failed))
            raise OutputError(
                f"No report on the communities near the question could be written ({reasons}). Use a stronger model, "
                "or try again: graft communities report --retry-failed."
            )


def retrieved_report(report: Report, score: float) -> RetrievedReport:
    """A report of the store as a retriever returns it."""
    return RetrievedReport(report.id, report.title, report.summary, score)


class ReportVectors:
    """Embeddings of reports, each computed once."""

    def __init__(self, index: GraphIndex) -> None:
        self._index = index
        self._vectors: dict[str, NDArray[np.float32]] = {}

    def of(self, reports: Sequence[Report]) -> Vectors:
        """Vectors of reports, array (reports, dimension), float32."""
        # Under its basis, the digest of what a report was written from, since a report may be written again.
        new = [report for report in reports if report.basis not in self._vectors]
        texts = [with_heading(report.title, "", report.summary) for report in new]
        if texts:
            for report, vector in zip(new, self._index.encoder.encode(texts, "passage"), strict=True):
                self._vectors[report.basis] = vector
        if not reports:
            return np.zeros((0, self._index.encoder.dimension), dtype=np.float32)
        return np.stack([self._vectors[report.basis] for report in reports])
