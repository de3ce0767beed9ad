"""The `tree` retriever: passages and the reports above them, searched as one list.

Source: Sarthi et al., ICLR 2024 (RAPTOR): the collapsed tree, which its authors found better than descending level by
level. There, passages are clustered by embedding; here, the clusters are the graph's communities.

The reports of the hierarchy of communities are summaries of summaries, like the inner nodes of RAPTOR's tree; the
passages are its leaves. All nodes are ranked together by embedding, so that a broad question finds reports and a narrow
one passages. Missing reports near the question can be written first.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from models.calls.chats import Chats
from models.calls.prompt import CHARACTERS_PER_TOKEN, load_prompt
from models.files.digest import digest
from retrieval.index.graph_index import GraphIndex
from retrieval.index.rank import top_rows
from retrieval.traversal.communities import Communities, ReportSettings, ReportVectors, retrieved_report
from retrieval.types import PlannedCalls, RetrievedEvidence

_REPORT_TOKENS_OUT = 300
"""Number of tokens of a report, for estimates."""


class TreeSettings(ReportSettings):
    """Settings of `tree`: those of reports.

    Attributes:
        write: Maximum number of reports written for a question; 0 writes none.
    """

    write: int = Field(default=0, ge=0)


class TreeRetriever:
    """Passages and reports by embedding, together at most `limit`."""

    name = "tree"
    Settings = TreeSettings

    def __init__(self, index: GraphIndex, settings: TreeSettings, chats: Chats) -> None:
        self._index = index
        self._settings = settings
        self._chats = chats
        self._communities = Communities(index)
        self._vectors = ReportVectors(index)
        written = (chats(settings.model).digest, load_prompt("report").template) if settings.write else ()
        self.digest = digest(self.name, index.digest, settings.model_dump(), *written)

    @staticmethod
    def planned_calls(settings: TreeSettings) -> PlannedCalls | None:
        """Upper bound of a question's calls; None if no report may be written."""
        if not settings.write:
            return None
        fixed = round(sum(len(text) for _, text in load_prompt("report").turns) / CHARACTERS_PER_TOKEN)
        return PlannedCalls(
            settings.model, settings.calls_to_write(), fixed + settings.report_tokens, _REPORT_TOKENS_OUT
        )

    def retrieve(self, question: str, limit: int) -> RetrievedEvidence:
        """Find passages and reports, together at most `limit`.

        Raises:
            BudgetError: The calls' budget is used up; reports that were paid for are kept.
        """
        vector = self._index.encode_question(question)
        if self._settings.write:
            near = self._communities.near(vector, self._settings.communities, self._settings.largest)
            chat = self._chats(self._settings.model)
            self._communities.write([item.id for item in near], chat, self._settings)
        report_of = self._communities.covered_reports()
        reports = [report_of[key] for key in sorted(report_of)]
        passages = self._index.search.near_passages(vector, limit)
        cosines = self._vectors.of(reports) @ vector
        # One ranking: passages have the rows 0 to len(passages) - 1, reports those behind.
        # Cosines of the same encoder, so that passages and reports can be compared.
        scores = np.concatenate([[item.score for item in passages], cosines])
        rows = top_rows(scores, limit).tolist()
        best_passages = [passages[row] for row in rows if row < len(passages)]
        best_reports = []
        for row in rows:
            if row >= len(passages):
                number = row - len(passages)
                best_reports.append(retrieved_report(reports[number], float(cosines[number])))
        return RetrievedEvidence(self._index.passages(best_passages), reports=tuple(best_reports))
