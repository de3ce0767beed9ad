"""Delete documents from a knowledge base: the result equals a build without them.

What a deletion leaves on disk (journals, records of calls) is removed by `kg.erasure`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from kg.build import Build, BuildModels
from kg.changes.update import Changes, known_files
from kg.documents.sources import by_file, matching
from kg.erasure.remains import STAGE, remember
from kg.schema import Chunk, Document, Extraction
from kg.stores.protocol import GraphStore
from kg.workspace import Workspace
from models.calls.executor import ThreadExecutor
from models.runtime.progress import SILENT, Progress


def delete(workspace: Workspace, sources: Collection[str], models: BuildModels, progress: Progress = SILENT) -> Changes:
    """Remove the documents of some sources, and what was read from them; no chat model is asked.

    Args:
        workspace: Where from; changed under its write lock.
        sources: As `named` gives them: files, or single rows of tables.
        models: Only the encoder is used.
        progress: Who is told.
    """
    with workspace.writing():
        run = Build(workspace, models, progress, ThreadExecutor(1))
        files = known_files(workspace.store)
        rows = list(by_file(workspace.store.read(Document), files))
        staying = [row for file, row in rows if not {file, row.source} & set(sources)]
        empty = {file for file, _ in rows} - {file for file, _ in by_file(staying, files)}
        _drop(run, staying, gone_files=empty | (files & set(sources)))
        return Changes(run.summary(), removed=tuple(sorted(sources)))


def named(store: GraphStore, patterns: Sequence[str], gone_too: bool = False) -> list[str]:
    """Sources by name or pattern: files, and single rows of tables.

    Args:
        store: Where they are.
        patterns: See `kg.documents.sources.matching`.
        gone_too: Whether sources count of which only remains are left (see `kg.erasure.remains`).
    Raises:
        InputError: A pattern names none.
    """
    known = known_files(store) | {document.source for document in store.read(Document)}
    if gone_too:
        known |= {entry.item for entry in store.journal("load")} | {entry.key for entry in store.journal(STAGE)}
    return matching(patterns, known)


def _drop(run: Build, staying: Sequence[Document], gone_files: Collection[str]) -> None:
    """Leave the rows of the documents that stay, and make the graph anew of what was read from them."""
    store = run.store
    documents = {row.id for row in staying}
    chunks = [row for row in store.read(Chunk) if row.document_id in documents]
    chunk_ids = {row.id for row in chunks}
    extractions = [row for row in store.read(Extraction) if row.chunk_id in chunk_ids]
    marks = remember(run.workspace, staying)
    with store.transaction():
        store.mark(marks)
        store.replace(Document, staying)
        store.replace(Chunk, chunks)
        store.replace(Extraction, extractions)
        run.stages["load"].keep(lambda item: item not in gone_files)
        run.stages["chunk"].keep(documents.__contains__)
        run.stages["extract"].keep(chunk_ids.__contains__)
        for name in ("load", "chunk", "extract"):
            run.stages[name].forget_others()
    run.resolve(staying, chunks, extractions)
    run.find_communities()
