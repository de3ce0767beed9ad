"""The `tree` retriever: passages and the reports above them, searched as one list.

The reports of the hierarchy of communities are summaries of summaries, as the inner nodes of RAPTOR's tree are, with
the passages as its leaves. All nodes are ranked together by embedding, so that a broad question meets reports and a
narrow one passages. Reports near the question that are missing may be written first.

Source: Sarthi et al., ICLR 2024 (RAPTOR): the collapsed tree, which its authors found better than walking down level by
    level. There, clusters are of passages by embedding; here they are the graph's communities.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from models.calls.chats import Chats
from models.calls.prompt import CHARACTERS_PER_TOKEN, load_prompt
from models.files.digest import digest
from retrieval.index.graph_index import GraphIndex
from retrieval.index.rank import top_rows
from retrieval.traversal.communities import Communities, ReportSettings, ReportVectors, found_report
from retrieval.types import PlannedCalls, Retrieved

_REPORT_TOKENS_OUT = 300


class TreeSettings(ReportSettings):
    """Settings of `tree`: those of reports; none is written unless asked for."""

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
    def asks(settings: TreeSettings) -> PlannedCalls | None:
        """What a question costs at most, for a plan; None if no report is to be written."""
        if not settings.write:
            return None
        fixed = round(sum(len(text) for _, text in load_prompt("report").turns) / CHARACTERS_PER_TOKEN)
        return PlannedCalls(
            settings.model, settings.calls_to_write(), fixed + settings.report_tokens, _REPORT_TOKENS_OUT
        )

    def retrieve(self, question: str, limit: int) -> Retrieved:
        """Find passages and reports, together at most `limit`.

        Raises:
            BudgetReached: Reports that were paid for are kept.
        """
        vector = self._index.encode_question(question)
        if self._settings.write:
            near = self._communities.near(vector, self._settings.communities, self._settings.largest)
            chat = self._chats(self._settings.model)
            self._communities.write([item.id for item in near], chat, self._settings)
        there = self._communities.told()
        reports = [there[key] for key in sorted(there)]
        leaves = self._index.search.near_passages(vector, limit)
        cosines = self._vectors.of(reports) @ vector
        both = np.concatenate([[item.score for item in leaves], cosines])
        rows = top_rows(both, limit).tolist()
        passages = [leaves[row] for row in rows if row < len(leaves)]
        chosen = [row - len(leaves) for row in rows if row >= len(leaves)]
        found = [found_report(reports[row], float(cosines[row])) for row in chosen]
        return Retrieved(self._index.passages(passages), reports=tuple(found))
