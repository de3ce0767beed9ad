"""A session: one workspace with the records of its model calls, a budget and a progress callback.

Everything that may cost money (extracting, paraphrasing, answering) is given a session, so that every call is recorded
and one budget covers them all. `kg.indexing.index_folder` is the first of those. `open_session` makes the workspace
where there is none, and removes it again if the work ends in an error before anything was finished.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from kg.config import IndexConfig
from kg.workspace import Workspace
from models.calls.records import Budget, Records
from models.errors import BudgetError, GraftError
from models.factory import open_chat
from models.protocols import ChatModel
from models.runtime.progress import SILENT, Progress


@dataclass(frozen=True, slots=True)
class Session:
    """What every paid stage is given.

    Attributes:
        workspace: The open workspace.
        records: Records of the models' calls.
        budget: How much may be spent.
        progress: Progress callback.
        retry_failed: Whether items that failed before are tried again.
    """

    workspace: Workspace
    records: Records
    budget: Budget
    progress: Progress = SILENT
    retry_failed: bool = False

    def open_chat(self, name: str) -> closing[ChatModel]:
        """Open a chat model whose calls are recorded and counted against the budget; a context manager closes it."""
        return closing(open_chat(name, self.records, self.budget, progress=self.progress))


@contextmanager
def open_session(
    path: Path,
    config: IndexConfig,
    budget: Budget | None = None,
    progress: Progress = SILENT,
    retry_failed: bool = False,
) -> Iterator[Session]:
    """Make or open a workspace, with a session to work in it.

    A workspace made here is deleted again if the work ends in an error before a model call or the graph was finished: a
    wrong key or name leaves nothing behind. A used-up budget leaves it, so that the work can continue.

    Args:
        path: Folder of the workspace.
        config: Its configuration.
        budget: How much may be spent; None for no limit.
        progress: Progress callback.
        retry_failed: Whether items that failed before are tried again.
    Raises:
        ConfigError: The workspace there was built with other settings.
        StoreError: The folder holds something else, or cannot be written.
    """
    with Workspace.create(path, config) as workspace:
        was_made, is_useless = workspace.is_new, False
        _ = workspace.store  # the store makes the file that the records share
        try:
            with closing(Records(workspace.records_path, retry_failed)) as records:
                try:
                    yield Session(workspace, records, budget or Budget(), progress, retry_failed)
                except BudgetError:
                    raise
                except GraftError:
                    is_useless = was_made and Workspace.exists(path) and not _has_results(workspace, records)
                    raise
        finally:
            if is_useless:
                # A build clears the mark once it has read the sources; `discard` deletes only what bears it.
                workspace.is_new = True
                workspace.discard()


def _has_results(workspace: Workspace, records: Records) -> bool:
    """Whether a recorded call or a finished graph would be lost with the workspace."""
    return any(total.calls for total in records.totals()) or any(workspace.store.journal("communities"))


def open_judge(session: Session) -> AbstractContextManager[ChatModel | None]:
    """Open the chat model that decides about names, if the workspace's configuration names one."""
    judge = session.workspace.config.resolve.judge
    return nullcontext(None) if judge is None else session.open_chat(judge)
