"""Update a knowledge base with new and changed documents, without going through all of its sources.

Only what is new is read, split and extracted; entities and communities are made from all extractions. After any
sequence of updates and deletions the store has the same digest as one that was built at once from the same sources.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kg.build import Build, BuildModels, extractor_of
from kg.documents.load import LoadedFile, load_entry, load_file
from kg.documents.sources import absolute, by_file, files_of
from kg.schema import Document
from kg.stores.journal import GONE
from kg.stores.protocol import GraphStore
from kg.summary import IndexSummary
from kg.workspace import Workspace
from models.calls.executor import Executor, ThreadExecutor
from models.errors import ConfigError
from models.runtime.progress import SILENT, Progress


@dataclass(frozen=True, slots=True)
class UpdateRequest:
    """The files of an update.

    Attributes:
        paths: Files and folders to read.
        root: Folder that sources are named relative to; None finds it (see `kg.documents.sources`).
        encoding: Encoding that the user expects; None for that of the workspace.
    """

    paths: tuple[Path, ...]
    root: Path | None = None
    encoding: str | None = None


@dataclass(frozen=True, slots=True)
class ChangeSummary:
    """What an update or a deletion did to the sources, and what the knowledge base holds now.

    Attributes:
        summary: Summary of the knowledge base, as after a build.
        added: Sources that were not known before.
        changed: Sources whose documents differ from those before; of a source that failed, none are left.
        unchanged: Number of the sources read whose documents are the same as before; files that were skipped count
            nowhere here, but in `IndexSummary.skips`.
        removed: Sources that were removed.
    """

    summary: IndexSummary
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    unchanged: int = 0
    removed: tuple[str, ...] = ()


def update(
    workspace: Workspace,
    request: UpdateRequest,
    models: BuildModels,
    progress: Progress = SILENT,
    executor: Executor | None = None,
    retry_failed: bool = False,
) -> ChangeSummary:
    """Read new and changed documents; documents of all other sources stay.

    A file that cannot be read any more is recorded as failed and takes its documents with it, as in a rebuild.

    Args:
        workspace: Workspace to update, under its write lock.
        request: What to read.
        models: Models of the build (see `kg.build.build`).
        progress: Progress callback.
        executor: Spreads the model calls; four threads by default.
        retry_failed: Whether items of all sources that failed before and haven't changed are tried again.
    Raises:
        InputError: A path does not exist, or holds nothing that can be read; nothing is changed.
        ConfigError: Two files would have one name, or there is no extractor; nothing is changed.
        BudgetError: The budget is used up; what is finished is kept, and a second update continues.
        ModelError: The chat model can't be reached; what is finished is kept.
    """
    extractor = extractor_of(workspace, models)
    with workspace.writing():
        run = Build(workspace, models, progress, executor or ThreadExecutor(), retry_failed, extractor)
        loaded = load_requested(workspace, request, progress)
        known = known_files(workspace.store)
        before = set(by_file(workspace.store.read(Document), known))
        summary = run.run_stages(loaded, others_stay=True)
    # A source has changed if one of its documents is only before or only after; a new one is not among the known.
    had_documents = {source for source, _ in before}
    names = {file.source for file in loaded if not file.skipped or file.source in had_documents}
    after = {(file.source, document) for file in loaded for document in file.documents}
    changed = {source for source, _ in before ^ after if source in names & known}
    return ChangeSummary(summary, tuple(sorted(names - known)), tuple(sorted(changed)), len((names & known) - changed))


def load_requested(workspace: Workspace, request: UpdateRequest, progress: Progress = SILENT) -> list[LoadedFile]:
    """Read the files of a request, under the names that the knowledge base has for them; nothing is written.

    Raises:
        InputError: A path does not exist, or holds nothing that can be read.
        ConfigError: Two files would have one name, or the encoding is not that of the workspace.
    """
    encoding = _encoding(workspace, request)
    named = set(map(absolute, request.paths))
    files = sorted(files_of(request.paths, request.root, known_files(workspace.store)).items())
    loaded = []
    with progress.step("read documents", total=len(files), unit="sources") as step:
        for source, file in files:
            read = load_file if file in named else load_entry
            loaded.append(read(file, source, encoding))
            step.advance()
    return loaded


def _encoding(workspace: Workspace, request: UpdateRequest) -> str:
    """The encoding of a workspace's files of text.

    Raises:
        ConfigError: The request names another: what is updated must read as it would in a rebuild.
    """
    own = workspace.config.encoding
    if request.encoding is not None and request.encoding != own:
        raise ConfigError(
            f"The workspace {workspace.path} reads its files "
            f"{f'in the encoding {own}' if own else 'in the encoding that it detects'}, not in {request.encoding}. "
            "Leave out --encoding and save the file as UTF-8, or index into a new workspace with that encoding."
        )
    return own


def known_files(store: GraphStore) -> set[str]:
    """Files that were read or tried, and not deleted since."""
    return {entry.item for entry in store.journal("load") if entry.reason != GONE}
