"""What is left of documents that went: remembered when they go, so that erasing finds it later.

Without its text, nobody can tell which recorded calls or run folders still quote a document. So whenever documents
go (deleted, or replaced by a newer version), the journal's stage "gone" keeps their source with the ids of the
document and its passages, the keys of the calls that hold its text, the ids of the rulings on its names, and the
names of the files that quote it: never the text itself.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from kg.erasure.traces import Traces
from kg.language.text import normalise_name
from kg.schema import Chunk, Document, Extraction, Ruling
from kg.stores.protocol import GraphStore, JournalEntry
from kg.workspace import Workspace
from models.calls.records import Records

STAGE = "gone"
ID, CALL, RULING, FILE = "id", "call", "ruling", "file"
"""What a mark stands for: a document or passage, a recorded call, a ruling, a file of the workspace."""

_BINARY = {".safetensors", ".pt", ".npy", ".sqlite", ".sqlite-wal", ".sqlite-shm", ".lock"}


def mark(kind: str, what: str, source: str) -> JournalEntry:
    """That something is left of a source."""
    return JournalEntry(STAGE, f"{what} {source}", source, "skipped", kind)


def marked(store: GraphStore, kind: str, sources: Collection[str]) -> set[str]:
    """What was remembered of some sources."""
    entries = (entry for entry in store.journal(STAGE) if entry.reason == kind and belongs(entry.key, sources))
    return {entry.item.removesuffix(f" {entry.key}") for entry in entries}


def belongs(source: str, sources: Collection[str]) -> bool:
    """Whether a document's source is one of these, or a row of one."""
    return any(source == each or source.startswith((f"{each}#", f"{each}~")) for each in sources)


def remember(workspace: Workspace, staying: Sequence[Document]) -> list[JournalEntry]:
    """Marks of the documents that are to go: all of the store but those that stay."""
    kept = {document.id for document in staying}
    gone = {row.id: row.source for row in workspace.store.read(Document) if row.id not in kept}
    if not gone:
        return []
    store = workspace.store
    chunks = {row.id: gone[row.document_id] for row in store.read(Chunk) if row.document_id in gone}
    traces = traces_of(store, set(gone), staying)
    return [
        *(mark(ID, what, source) for what, source in (gone | chunks).items()),
        *(mark(RULING, row.id, source) for row, sources in rulings_on(store, chunks) for source in sources),
        *(mark(CALL, key, source) for key, sources in calls_with(traces, workspace) for source in sources),
        *(mark(FILE, name, source) for name, sources in files_with(traces, workspace) for source in sources),
    ]


def traces_of(store: GraphStore, gone: set[str], staying: Iterable[Document]) -> Traces:
    """What documents leave behind, by source: their words, and names that only they give.

    Args:
        store: Still holds the documents.
        gone: Their ids.
        staying: The documents that stay.
    """
    texts, names = defaultdict[str, list[str]](list), defaultdict[str, list[str]](list)
    source_of = {}
    for document in store.read(Document, sorted(gone)):
        texts[document.source].append(document.text)
        names[document.source].append(document.title)
        source_of[document.id] = document.source
    owner = {row.id: source_of[row.document_id] for row in store.read(Chunk) if row.document_id in gone}
    for row in store.read(Extraction):
        if source := owner.get(row.chunk_id):
            names[source] += (mention.name for mention in row.mentions)
            names[source] += (end for triple in row.triples for end in (triple.subject, triple.object))
    living = (f"{document.title}\n{document.text}" for document in staying)
    return Traces(texts, names, (*living, *_prompts()))


def rulings_on(store: GraphStore, chunks: Mapping[str, str]) -> Iterator[tuple[Ruling, set[str]]]:
    """Rulings about a name that only some passages give, with the sources that give it.

    Args:
        store: Still holds the passages.
        chunks: Source of each of them, by id.
    """
    rulings = list(store.read(Ruling))
    given, others = defaultdict[str, set[str]](set), set[str]()
    for row in store.read(Extraction) if rulings else ():
        for name in {normalise_name(mention.name) for mention in row.mentions}:
            if row.chunk_id in chunks:
                given[name].add(chunks[row.chunk_id])
            else:
                others.add(name)
    for ruling in rulings:
        sources = {source for name in {ruling.name, ruling.other} - others for source in given.get(name, ())}
        if sources:
            yield ruling, sources


def calls_with(traces: Traces, workspace: Workspace) -> Iterator[tuple[str, frozenset[str]]]:
    """Keys of recorded calls that hold traces, with whose they are."""
    with closing(Records(workspace.records_path)) as records:
        for key, request, response in records.texts():
            asked = {name: value for name, value in json.loads(request).items() if name not in ("schema", "template")}
            if sources := traces.owners(f"{json.dumps(asked)} {response}"):
                yield key, sources


def files_with(traces: Traces, workspace: Workspace) -> Iterator[tuple[str, frozenset[str]]]:
    """Files beside store and arrays that hold traces, by their names in the workspace, with whose they are."""
    for path in _files(workspace):
        if sources := traces.owners(path.read_text(encoding="utf-8", errors="replace")):
            yield path.relative_to(workspace.path).as_posix(), sources


def _files(workspace: Workspace) -> Iterator[Path]:
    index = workspace.path / "index"
    found = (path for path in sorted(workspace.path.rglob("*")) if path.is_file() and path.suffix not in _BINARY)
    return (path for path in found if not path.is_relative_to(index))


@lru_cache
def _prompts() -> tuple[str, ...]:
    """Texts that every call repeats, whatever it is about."""
    folder = files("configs") / "prompts"
    shipped = (*folder.iterdir(), *(folder / "examples").iterdir())
    return tuple(file.read_text(encoding="utf-8") for file in shipped if file.is_file())
