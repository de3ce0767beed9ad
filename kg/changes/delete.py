"""Delete documents from a knowledge base: the result equals a build without them.

What a deletion leaves on disk (journals, records of calls) is removed by `kg.erasure`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from kg.build import Build, BuildModels
from kg.changes.update import ChangeSummary, known_files
from kg.documents.sources import by_file, matching_sources
from kg.erasure.residual import STAGE, remember
from kg.schema import Chunk, Document, Extraction
from kg.stores.protocol import GraphStore
from kg.workspace import Workspace
from models.calls.executor import ThreadExecutor
from models.runtime.progress import SILENT, Progress


def delete(
    workspace: Workspace, sources: Collection[str], models: BuildModels, progress: Progress = SILENT
) -> ChangeSummary:
    """Remove the documents of some sources, and what was extracted from them, without calling an extractor.

    Args:
        workspace: Workspace to change, under its write lock.
        sources: Sources as `named` gives them: files, or single rows of tables.
        models: Models of the build; only encoder and judge are used.
        progress: Progress callback.
    """
    with workspace.writing():
        run = Build(workspace, models, progress, ThreadExecutor(1))
        files = known_files(workspace.store)
        documents = list(by_file(workspace.store.read(Document), files))
        staying = [document for file, document in documents if not {file, document.source} & set(sources)]
        # A table whose last row is deleted has no document left, so its file is gone too.
        emptied = {file for file, _ in documents} - {file for file, _ in by_file(staying, files)}
        _drop_others(run, staying, gone_files=emptied | (files & set(sources)))
        return ChangeSummary(run.summary(), removed=tuple(sorted(sources)))


def named(store: GraphStore, patterns: Sequence[str], gone_too: bool = False) -> list[str]:
    """Sources by name or pattern: files, and single rows of tables.

    Args:
        store: Store that knows the sources.
        patterns: Names and patterns (see `kg.documents.sources.matching_sources`).
        gone_too: Whether deleted sources count of which something is left (see `kg.erasure.residual`).
    Raises:
        InputError: A pattern matches no source.
    """
    all_sources = known_files(store) | {document.source for document in store.read(Document)}
    if gone_too:
        all_sources |= {entry.item for entry in store.journal("load")} | {entry.key for entry in store.journal(STAGE)}
    return matching_sources(patterns, all_sources)


def _drop_others(run: Build, staying: Sequence[Document], gone_files: Collection[str]) -> None:
    """Drop the rows of all documents but those that stay, and make the graph from what was extracted from these."""
    store = run.store
    document_ids = {document.id for document in staying}
    chunks = [chunk for chunk in store.read(Chunk) if chunk.document_id in document_ids]
    chunk_ids = {chunk.id for chunk in chunks}
    extractions = [extraction for extraction in store.read(Extraction) if extraction.chunk_id in chunk_ids]
    # The texts are needed to find what quotes them, so what is left of them is remembered before they go.
    marks = remember(run.workspace, staying)
    with store.transaction():
        store.mark(marks)
        store.replace(Document, staying)
        store.replace(Chunk, chunks)
        store.replace(Extraction, extractions)
        run.stages["load"].keep(lambda item: item not in gone_files)
        run.stages["chunk"].keep(document_ids.__contains__)
        run.stages["extract"].keep(chunk_ids.__contains__)
        for name in ("load", "chunk", "extract"):
            run.stages[name].forget_others()
    run.resolve(staying, chunks, extractions)
    run.find_communities()
