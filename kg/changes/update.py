"""Changing a knowledge base without going through all of its sources: update some, delete some.

Only what is new is read, split and extracted; entities and communities are made of everything that is left. After any
sequence of changes the store equals one that was built at once of the same sources, digest for digest.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kg.build import Build, BuildModels, extractor_of
from kg.documents.load import Loaded, load_file
from kg.documents.sources import by_file, files_of
from kg.schema import Document
from kg.stores.journal import GONE
from kg.stores.protocol import GraphStore
from kg.summary import IndexSummary
from kg.workspace import Workspace
from models.calls.executor import Executor, ThreadExecutor
from models.runtime.progress import SILENT, Progress


@dataclass(frozen=True, slots=True)
class Given:
    """What is to be read.

    Attributes:
        paths: Files and folders.
        root: Folder that sources are named relative to; None finds it (see `kg.documents.sources`).
    """

    paths: tuple[Path, ...]
    root: Path | None = None


@dataclass(frozen=True, slots=True)
class Changes:
    """What a change did to the sources, and what the knowledge base holds now.

    Attributes:
        summary: As after a build.
        added: Sources that were not known before.
        changed: Sources whose documents differ from those before; of a source that failed, none are left.
        unchanged: How many of the sources given say what they said.
        removed: Sources that went.
    """

    summary: IndexSummary
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    unchanged: int = 0
    removed: tuple[str, ...] = ()


def update(
    workspace: Workspace,
    given: Given,
    models: BuildModels,
    progress: Progress = SILENT,
    executor: Executor | None = None,
    retry_failed: bool = False,
) -> Changes:
    """Read new and changed documents; documents of all other sources stay.

    A file that cannot be read any more is recorded as failed and takes its documents with it, as in a rebuild.

    Args:
        workspace: Where to; changed under its write lock.
        given: What to read.
        models: As of `kg.build.build`.
        progress: Who is told.
        executor: Spreads the model calls; four threads by default.
        retry_failed: Try items again that failed before and haven't changed, of all sources.
    Raises:
        InputError: A path does not exist, or holds nothing that can be read; nothing is changed.
        ConfigError: Two files would have one name, or there is nothing to read facts with; likewise.
        BudgetReached: The budget is used up; what is finished is kept, a second update goes on.
        ModelError: The chat model can't be reached; likewise.
    """
    extractor = extractor_of(workspace, models)
    with workspace.writing():
        run = Build(workspace, models, progress, executor or ThreadExecutor(), retry_failed, extractor)
        loaded = load_given(workspace.store, given, progress)
        known = known_files(workspace.store)
        before = set(by_file(workspace.store.read(Document), known))
        summary = run.bring_to(loaded, others_stay=True)
    names = {each.source for each in loaded}
    now = {(each.source, row) for each in loaded for row in each.documents}
    changed = {file for file, _ in before ^ now if file in names & known}
    return Changes(summary, tuple(sorted(names - known)), tuple(sorted(changed)), len((names & known) - changed))


def load_given(store: GraphStore, given: Given, progress: Progress = SILENT) -> list[Loaded]:
    """Read what is given, under the names that the knowledge base has for it; nothing is written.

    Raises:
        InputError: A path does not exist, or holds nothing that can be read.
        ConfigError: Two files would have one name.
    """
    files = sorted(files_of(given.paths, given.root, known_files(store)).items())
    loaded = []
    with progress.step("read documents", total=len(files), unit="sources") as step:
        for source, file in files:
            loaded.append(load_file(file, source))
            step.advance()
    return loaded


def known_files(store: GraphStore) -> set[str]:
    """Files that were read or tried, and not deleted since."""
    return {entry.item for entry in store.journal("load") if entry.reason != GONE}
