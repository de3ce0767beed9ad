"""From a folder of documents to a knowledge base: open the models that the workspace names, then build or update.

The stages and their order are in `kg.build`; what a paid stage is given is in `kg.session`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from kg.build import BuildModels, build
from kg.changes.update import ChangeSummary, UpdateRequest, update
from kg.extraction.registry import WITHOUT_CHAT
from kg.language.sentences import RuleSentences
from kg.session import Session, open_judge
from kg.summary import IndexSummary
from models.calls.executor import Executor, ThreadExecutor
from models.factory import calls_in_parallel
from models.protocols import Encoder


def index_folder(session: Session, root: Path, encoder: Encoder, facts: Path | None = None) -> IndexSummary:
    """Build the session's workspace from the sources under a folder.

    Args:
        session: The workspace, and what may be spent.
        root: Folder of sources, or one file.
        encoder: Compares names.
        facts: File of facts, if the workspace's extractor is "import".
    Raises:
        InputError: No document could be read.
        ModelError: The extractor cannot be reached.
        BudgetError: The budget is used up; the same call continues.
    """
    with _open_models(session, encoder, facts) as (models, executor):
        return build(session.workspace, root, models, session.progress, executor, session.retry_failed)


def update_sources(
    session: Session, request: UpdateRequest, encoder: Encoder, facts: Path | None = None
) -> ChangeSummary:
    """Read new and changed documents into the session's workspace; raises as `kg.changes.update.update`."""
    with _open_models(session, encoder, facts) as (models, executor):
        return update(session.workspace, request, models, session.progress, executor, session.retry_failed)


@contextmanager
def _open_models(session: Session, encoder: Encoder, facts: Path | None) -> Iterator[tuple[BuildModels, Executor]]:
    """Open the models that the workspace is built with; a chat model only if its extractor is one."""
    extractor = session.workspace.config.extractor
    opened = nullcontext(None) if extractor in WITHOUT_CHAT else session.open_chat(extractor)
    with opened as chat, open_judge(session) as judge:
        executor = ThreadExecutor(1 if chat is None else calls_in_parallel(extractor))
        yield BuildModels(chat, encoder, RuleSentences(), facts, judge), executor
