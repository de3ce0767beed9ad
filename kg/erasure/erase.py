"""Erases documents: no byte of their text, and no name that only they gave, stays in the workspace.

Beside a document's rows, that takes the recorded calls that hold its text, what a model wrote from it, the rulings on
its names, and the journal's memory of it. Then the store's file is rewritten, since SQLite leaves deleted bytes there.
The order makes it safe to kill: what is found by the text goes while the text is there, what was remembered goes last.

    with workspace.writing():
        residual = find_residual_data(workspace, sources)
        erase_residual_data(workspace, residual, runs=False)
        delete(workspace, sources, models)
        forget(workspace.store, sources)
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import PurePosixPath

from kg.documents.sources import by_file
from kg.erasure.residual import (
    CALL,
    FILE,
    ID,
    RULING,
    STAGE,
    belongs,
    calls_with,
    files_with,
    marked,
    rulings_on,
    traces_of,
)
from kg.erasure.traces import TextTraces
from kg.schema import Chunk, Community, Description, Document, Entity, Report, Row, Ruling
from kg.stores.journal import GONE
from kg.stores.protocol import ErasingStore, GraphStore
from kg.workspace import Workspace
from models.calls.records import Records
from models.errors import ConfigError


@dataclass(frozen=True, slots=True)
class ResidualData:
    """What holds the text of some sources, beside their own rows.

    Attributes:
        ids: Ids of their documents and chunks, in all versions: what an adapter may have been trained on.
        calls: Keys of recorded calls that hold their text.
        notes: Reports and descriptions that a model may have written from it.
        rulings: Rulings on names that only these sources gave.
        runs: Names of the run folders that quote it.
        files: Names of other files in the workspace that quote it; this program did not make them.
    """

    ids: frozenset[str]
    calls: frozenset[str]
    notes: tuple[Report | Description, ...]
    rulings: tuple[Ruling, ...]
    runs: tuple[str, ...]
    files: tuple[str, ...]


def find_residual_data(workspace: Workspace, sources: Collection[str]) -> ResidualData:
    """Find what must be erased with the documents of some sources; nothing is changed.

    Raises:
        ConfigError: The workspace's store cannot erase.
    """
    store = workspace.store
    _erasing(store)
    files = {entry.item for entry in store.journal("load")}
    documents = list(by_file(store.read(Document), files))
    gone = {document.id for file, document in documents if {file, document.source} & set(sources)}
    staying = [document for _, document in documents if document.id not in gone]
    chunk_ids = {chunk.id for chunk in store.read(Chunk) if chunk.document_id in gone}
    notes = _notes(store, chunk_ids)
    # What a model wrote from the documents says the same in other words, so its own words are looked for too.
    of_notes = TextTraces({"": [_text(note) for note in notes]}, {}, (document.text for document in staying))
    calls, quoting = marked(store, CALL, sources), set[str]()
    for traces in (traces_of(store, gone, staying), of_notes):
        calls |= {key for key, _ in calls_with(traces, workspace)}
        quoting |= {name for name, _ in files_with(traces, workspace)}
    quoting |= {name for name in marked(store, FILE, sources) if (workspace.path / name).exists()}
    runs = {PurePosixPath(name).parts[1] for name in quoting if _is_of_run(name)}
    return ResidualData(
        ids=frozenset(gone | chunk_ids | marked(store, ID, sources)),
        calls=frozenset(calls),
        notes=notes,
        rulings=_rulings(store, chunk_ids, sources),
        runs=tuple(sorted(runs)),
        files=tuple(sorted(name for name in quoting if not _is_of_run(name))),
    )


def erase_residual_data(workspace: Workspace, residual: ResidualData, runs: bool) -> None:
    """Remove residual data, while the documents are still in the store.

    Args:
        workspace: Workspace under its write lock.
        residual: Residual data of the documents that are deleted next.
        runs: Whether run folders are removed too.
    """
    with closing(Records(workspace.records_path)) as records:
        records.remove(residual.calls)
    store = workspace.store
    with store.transaction():
        _remove(store, Report, residual.notes)
        _remove(store, Description, residual.notes)
        _remove(store, Ruling, residual.rulings)
    if runs:
        for name in residual.runs:
            shutil.rmtree(workspace.runs_dir / name)


def forget(store: GraphStore, sources: Collection[str]) -> None:
    """Rewrite the store's file, and let the journal forget deleted sources: the end of an erasure."""
    entries = [
        entry
        for entry in store.journal()
        if (entry.stage == STAGE and belongs(entry.key, sources))
        or (entry.stage == "load" and entry.item in sources and entry.reason == GONE)
    ]
    _erasing(store).erase(entries)


def _erasing(store: GraphStore) -> ErasingStore:
    if not isinstance(store, ErasingStore):
        raise ConfigError(
            f"Expected a store that can erase, but {type(store).__name__} cannot: deleted text may stay in it. "
            "Delete without --erase, and erase by the means of its database."
        )
    return store


def _is_of_run(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return parts[0] == "runs" and len(parts) > 2


def _notes(store: GraphStore, chunk_ids: Collection[str]) -> tuple[Report | Description, ...]:
    """What a model may have written from some chunks, or from a state of the graph that is gone."""
    untouched = {entity.id for entity in store.read(Entity) if not _stands_in(entity, chunk_ids)}
    communities = {row.id for row in store.read(Community) if untouched.issuperset(row.entity_ids)}
    return (
        *(report for report in store.read(Report) if report.community_id not in communities),
        *(note for note in store.read(Description) if note.entity_id not in untouched),
    )


def _stands_in(entity: Entity, chunk_ids: Collection[str]) -> bool:
    return any(span.chunk_id in chunk_ids for span in entity.evidence)


def _text(note: Report | Description) -> str:
    if isinstance(note, Description):
        return note.text
    return "\n".join((note.title, note.summary, *(finding.text for finding in note.findings)))


def _rulings(store: GraphStore, chunk_ids: Collection[str], sources: Collection[str]) -> tuple[Ruling, ...]:
    ids = {ruling.id for ruling, _ in rulings_on(store, dict.fromkeys(chunk_ids, ""))}
    ids |= marked(store, RULING, sources)
    return tuple(ruling for ruling in store.read(Ruling) if ruling.id in ids or belongs(ruling.source, sources))


def _remove(store: GraphStore, kind: type[Row], rows: Iterable[Row]) -> None:
    """Remove rows of a kind; ids of another kind among them match none."""
    store.remove(kind, {row.id for row in rows})
