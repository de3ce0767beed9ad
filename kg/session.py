"""A session: one workspace with the records of its model calls, a budget, and someone to tell.

Everything that may cost money (extracting, paraphrasing, answering) is given a session, so that no call goes
unrecorded and one budget covers them all. `index_folder` is the first of those: it opens the extractor that the
workspace names, builds, and closes it again. `open_session` makes the workspace where there is none, and takes it
away again if nothing came of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from kg.config import IndexConfig
from kg.workspace import Workspace
from models.calls.records import Budget, Records
from models.errors import BudgetReached, GraftError
from models.factory import open_chat
from models.protocols import ChatModel
from models.runtime.progress import SILENT, Progress


@dataclass(frozen=True, slots=True)
class Session:
    """What every paid stage is given.

    Attributes:
        workspace: Open.
        records: The models' calls.
        budget: What may be spent.
        progress: Who is told.
        retry_failed: Try again what failed before.
    """

    workspace: Workspace
    records: Records
    budget: Budget
    progress: Progress = SILENT
    retry_failed: bool = False

    def open_chat(self, name: str) -> closing[ChatModel]:
        """A chat model whose calls are recorded and counted, to be used as a context manager."""
        return closing(open_chat(name, self.records, self.budget, progress=self.progress))


@contextmanager
def open_session(
    path: Path,
    config: IndexConfig,
    budget: Budget | None = None,
    progress: Progress = SILENT,
    retry_failed: bool = False,
) -> Iterator[Session]:
    """Make or open a workspace and work in it.

    One that is made here is deleted again if the work ends in an error before a model call or the graph was
    finished: a wrong key or name leaves nothing behind. A used-up budget leaves it, to be gone on with.

    Raises:
        ConfigError: The workspace there was built with other settings.
        StoreError: The folder holds something else, or cannot be written.
    """
    with Workspace.create(path, config) as workspace:
        made, useless = workspace.is_new, False
        _ = workspace.store  # the store makes the file that the records share
        try:
            with closing(Records(workspace.records_path, retry_failed)) as records:
                try:
                    yield Session(workspace, records, budget or Budget(), progress, retry_failed)
                except BudgetReached:
                    raise
                except GraftError:
                    useless = made and Workspace.exists(path) and not _has_results(workspace, records)
                    raise
        finally:
            if useless:
                workspace.is_new = True
                workspace.discard()


def _has_results(workspace: Workspace, records: Records) -> bool:
    """Whether a model's answer or a finished graph would be lost with the workspace."""
    return any(row.calls for row in records.totals()) or any(workspace.store.journal("communities"))


def open_judge(session: Session) -> AbstractContextManager[ChatModel | None]:
    """The chat model that decides about names, if the workspace's configuration names one."""
    judge = session.workspace.config.resolve.judge
    return nullcontext(None) if judge is None else session.open_chat(judge)
