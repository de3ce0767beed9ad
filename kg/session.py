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

from kg.build import BuildModels, build
from kg.change import Changes, Given, update
from kg.config import IndexConfig
from kg.executor import Executor, ThreadExecutor
from kg.extractors import WITHOUT_CHAT
from kg.sentences import RuleSentences
from kg.summary import IndexSummary
from kg.workspace import Workspace
from models.errors import BudgetReached, GraftError
from models.factory import calls_in_parallel, open_chat
from models.progress import SILENT, Progress
from models.protocols import ChatModel, Encoder
from models.records import Budget, Records


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


def index_folder(session: Session, root: Path, encoder: Encoder, facts: Path | None = None) -> IndexSummary:
    """Bring the session's workspace to hold what the sources under `root` say.

    Raises:
        InputError: No document could be read.
        ModelError: The extractor cannot be reached.
        BudgetReached: The budget is used up; the same call goes on.
    """
    with _open_models(session, encoder, facts) as (models, executor):
        return build(session.workspace, root, models, session.progress, executor, session.retry_failed)


def update_sources(session: Session, given: Given, encoder: Encoder, facts: Path | None = None) -> Changes:
    """Bring new and changed documents into the session's workspace; raises as `kg.change.update`."""
    with _open_models(session, encoder, facts) as (models, executor):
        return update(session.workspace, given, models, session.progress, executor, session.retry_failed)


@contextmanager
def _open_models(session: Session, encoder: Encoder, facts: Path | None) -> Iterator[tuple[BuildModels, Executor]]:
    """What the workspace is built with; the chat model only if its extractor is one."""
    extractor = session.workspace.config.extractor
    opened = nullcontext(None) if extractor in WITHOUT_CHAT else session.open_chat(extractor)
    with opened as chat, open_judge(session) as judge:
        executor = ThreadExecutor(1 if chat is None else calls_in_parallel(extractor))
        yield BuildModels(chat, encoder, RuleSentences(), facts, judge), executor
