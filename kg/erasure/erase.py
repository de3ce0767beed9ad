"""Erasing documents: no byte of their text, and no name that only they gave, stays in the workspace.

Deleting takes a document's rows. Erasing also takes the recorded calls that hold its text, what a model wrote from it,
the rulings on its names, and at last the journal's memory of it; then the store's file is written anew, since SQLite
leaves what it deletes in place. Run folders that quote it are named, and removed on request.

The order makes it safe to kill: what is found by the text goes while the text is there, and what was remembered of
the source goes last, so that the same command can always be run again.

    with workspace.writing():
        remains = find_remains(workspace, sources)
        erase_remains(workspace, remains, runs=False)
        delete(workspace, sources, models)
        forget(workspace.store, sources)
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import PurePosixPath

from kg.documents.sources import by_file
from kg.erasure.remains import (
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
from kg.erasure.traces import Traces
from kg.schema import Chunk, Community, Description, Document, Entity, Report, Row, Ruling
from kg.stores.journal import GONE
from kg.stores.protocol import ErasingStore, GraphStore
from kg.workspace import Workspace
from models.calls.records import Records
from models.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Remains:
    """What holds the text of some sources, beside their own rows.

    Attributes:
        ids: Of their documents and passages, earlier versions too: what an adapter may have been trained on.
        calls: Keys of recorded calls.
        notes: Reports and descriptions.
        rulings: On names that only they gave.
        runs: Folders of runs, by name.
        files: Other files, by their names in the workspace: nothing that this program made.
    """

    ids: frozenset[str]
    calls: frozenset[str]
    notes: tuple[Report | Description, ...]
    rulings: tuple[Ruling, ...]
    runs: tuple[str, ...]
    files: tuple[str, ...]


def find_remains(workspace: Workspace, sources: Collection[str]) -> Remains:
    """Look for what is to be erased with the documents of some sources; nothing is changed.

    Raises:
        ConfigError: The workspace's store cannot erase.
    """
    store = workspace.store
    _erasing(store)
    files = {entry.item for entry in store.journal("load")}
    rows = list(by_file(store.read(Document), files))
    gone = {row.id: row.source for file, row in rows if {file, row.source} & set(sources)}
    staying = [row for _, row in rows if row.id not in gone]
    chunks = {row.id for row in store.read(Chunk) if row.document_id in gone}
    notes = _notes(store, chunks)
    written = Traces({"": [_text(note) for note in notes]}, {}, (row.text for row in staying))
    traces = (traces_of(store, set(gone), staying), written)
    holding = {name for each in traces for name, _ in files_with(each, workspace)} | {
        name for name in marked(store, FILE, sources) if (workspace.path / name).exists()
    }
    runs = {PurePosixPath(name).parts[1] for name in holding if _is_of_run(name)}
    return Remains(
        ids=frozenset({*gone, *chunks} | marked(store, ID, sources)),
        calls=frozenset(
            {key for each in traces for key, _ in calls_with(each, workspace)} | marked(store, CALL, sources)
        ),
        notes=notes,
        rulings=_rulings(store, chunks, sources),
        runs=tuple(sorted(runs)),
        files=tuple(sorted(name for name in holding if not _is_of_run(name))),
    )


def erase_remains(workspace: Workspace, remains: Remains, runs: bool) -> None:
    """Remove what was found, while the documents are still there.

    Args:
        workspace: Under its write lock.
        remains: Of the documents that are deleted next.
        runs: Whether run folders go too.
    """
    with closing(Records(workspace.records_path)) as records:
        records.remove(remains.calls)
    store = workspace.store
    with store.transaction():
        for kind, rows in ((Report, remains.notes), (Description, remains.notes), (Ruling, remains.rulings)):
            _remove(store, kind, rows)
    if runs:
        for name in remains.runs:
            shutil.rmtree(workspace.runs_dir / name)


def forget(store: GraphStore, sources: Collection[str]) -> None:
    """Write the store's file anew, and let the journal forget deleted sources: the end of an erasure."""
    journal = [
        entry
        for entry in store.journal()
        if (entry.stage == STAGE and belongs(entry.key, sources))
        or (entry.stage == "load" and entry.item in sources and entry.reason == GONE)
    ]
    _erasing(store).erase(journal)


def _erasing(store: GraphStore) -> ErasingStore:
    if not isinstance(store, ErasingStore):
        raise ConfigError(
            f"the store {type(store).__name__} has no `erase`, so deleted text may stay in it: "
            "delete without --erase, and erase with the means of its database"
        )
    return store


def _is_of_run(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return parts[0] == "runs" and len(parts) > 2


def _notes(store: GraphStore, chunks: Collection[str]) -> tuple[Report | Description, ...]:
    """What a model may have written from some passages, and what is out of date, so that nobody knows from what."""
    entities = list(store.read(Entity))
    fresh = {row.id for row in entities if not any(each.chunk_id in chunks for each in row.evidence)}
    whole = {row.id for row in store.read(Community) if fresh.issuperset(row.entity_ids)}
    return (
        *(report for report in store.read(Report) if report.community_id not in whole),
        *(note for note in store.read(Description) if note.entity_id not in fresh),
    )


def _text(note: Report | Description) -> str:
    if isinstance(note, Description):
        return note.text
    return "\n".join((note.title, note.summary, *(finding.text for finding in note.findings)))


def _rulings(store: GraphStore, chunks: Collection[str], sources: Collection[str]) -> tuple[Ruling, ...]:
    known = {row.id for row, _ in rulings_on(store, dict.fromkeys(chunks, ""))} | marked(store, RULING, sources)
    return tuple(row for row in store.read(Ruling) if row.id in known or belongs(row.source, sources))


def _remove(store: GraphStore, kind: type[Row], rows: Iterable[Row]) -> None:
    ids = {row.id for row in rows}
    kept: Sequence[Row] = [row for row in store.read(kind) if row.id not in ids]
    store.replace(kind, kept)
