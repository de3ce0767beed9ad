"""What is left of documents that are gone, remembered when they go so that erasing finds it later.

Without its text, nobody can tell which recorded calls or run folders still quote a document. So whenever documents go
(deleted, or replaced by a newer version), the journal's stage "gone" keeps their source with the ids of the document
and its chunks, the keys of the calls that hold its text, the ids of the rulings on its names, and the names of the
files that quote it: never the text itself.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from kg.erasure.traces import TextTraces
from kg.language.text import normalise_name
from kg.schema import Chunk, Document, Extraction, Ruling
from kg.stores.protocol import GraphStore, JournalEntry
from kg.workspace import Workspace
from models.calls.records import Records

STAGE = "gone"
ID, CALL, RULING, FILE = "id", "call", "ruling", "file"
"""What a mark stands for: a document or chunk, a recorded call, a ruling, a file of the workspace."""

_BINARY = {".safetensors", ".pt", ".npy", ".sqlite", ".sqlite-wal", ".sqlite-shm", ".lock"}
"""Endings of files that hold no text to search; the records in the store's file are searched as rows."""


def mark(kind: str, name: str, source: str) -> JournalEntry:
    """The journal entry for something that is left of a source.

    Args:
        kind: What it is: `ID`, `CALL`, `RULING` or `FILE`.
        name: Its id, key or file name.
        source: The source.
    """
    # The source is part of the item, since two documents may both be quoted by one call or file.
    return JournalEntry(STAGE, f"{name} {source}", source, "skipped", kind)


def marked(store: GraphStore, kind: str, sources: Collection[str]) -> set[str]:
    """The names of one kind that were remembered of some sources."""
    entries = (entry for entry in store.journal(STAGE) if entry.reason == kind and belongs(entry.key, sources))
    return {entry.item.removesuffix(f" {entry.key}") for entry in entries}


def belongs(source: str, sources: Collection[str]) -> bool:
    """Whether a document's source is one of these, or a row of one."""
    # "#" comes before a row of a table, "~" before the number of a document whose name another one of its file has.
    return any(source == file or source.startswith((f"{file}#", f"{file}~")) for file in sources)


def remember(workspace: Workspace, staying: Sequence[Document]) -> list[JournalEntry]:
    """Marks of the documents that are about to go: all of the store but those that stay."""
    store = workspace.store
    kept = {document.id for document in staying}
    gone = {document.id: document.source for document in store.read(Document) if document.id not in kept}
    if not gone:
        return []
    chunks = {chunk.id: gone[chunk.document_id] for chunk in store.read(Chunk) if chunk.document_id in gone}
    traces = traces_of(store, set(gone), staying)
    return [
        *(mark(ID, row_id, source) for row_id, source in (gone | chunks).items()),
        *(mark(RULING, ruling.id, source) for ruling, sources in rulings_on(store, chunks) for source in sources),
        *(mark(CALL, key, source) for key, sources in calls_with(traces, workspace) for source in sources),
        *(mark(FILE, name, source) for name, sources in files_with(traces, workspace) for source in sources),
    ]


def traces_of(store: GraphStore, gone: set[str], staying: Iterable[Document]) -> TextTraces:
    """The traces of documents, by source: their words, and the names that only they give.

    Args:
        store: Store that still holds the documents.
        gone: Ids of the documents.
        staying: The documents that stay.
    """
    texts, names = defaultdict[str, list[str]](list), defaultdict[str, list[str]](list)
    source_of = {}
    for document in store.read(Document, sorted(gone)):
        texts[document.source].append(document.text)
        names[document.source].append(document.title)
        source_of[document.id] = document.source
    owner = {chunk.id: source_of[chunk.document_id] for chunk in store.read(Chunk) if chunk.document_id in gone}
    for extraction in store.read(Extraction):
        if source := owner.get(extraction.chunk_id):
            names[source] += (mention.name for mention in extraction.mentions)
            names[source] += (end for triple in extraction.triples for end in (triple.subject, triple.object))
    remaining = (f"{document.title}\n{document.text}" for document in staying)
    return TextTraces(texts, names, (*remaining, *_prompts()))


def rulings_on(store: GraphStore, chunks: Mapping[str, str]) -> Iterator[tuple[Ruling, set[str]]]:
    """Rulings about a name that only some chunks give, with the sources that give it.

    Args:
        store: Store that still holds the chunks.
        chunks: Source of each of these chunks, by id.
    """
    rulings = list(store.read(Ruling))
    if not rulings:
        return
    sources_of, other_names = defaultdict[str, set[str]](set), set[str]()
    for extraction in store.read(Extraction):
        for name in {normalise_name(mention.name) for mention in extraction.mentions}:
            if extraction.chunk_id in chunks:
                sources_of[name].add(chunks[extraction.chunk_id])
            else:
                other_names.add(name)
    for ruling in rulings:
        own_names = {ruling.name, ruling.other} - other_names
        if sources := set().union(*(sources_of.get(name, set()) for name in own_names)):
            yield ruling, sources


def calls_with(traces: TextTraces, workspace: Workspace) -> Iterator[tuple[str, frozenset[str]]]:
    """Keys of recorded calls that hold traces, with the owners of these."""
    with closing(Records(workspace.records_path)) as records:
        for key, request, response in records.texts():
            # Schema and template are ours and the same in every call; names in them say nothing of a document.
            prompt = {name: value for name, value in json.loads(request).items() if name not in ("schema", "template")}
            if sources := traces.owners(f"{json.dumps(prompt)} {response}"):
                yield key, sources


def files_with(traces: TextTraces, workspace: Workspace) -> Iterator[tuple[str, frozenset[str]]]:
    """Files beside store and arrays that hold traces, by their names in the workspace, with the traces' owners."""
    for path in _files(workspace):
        if sources := traces.owners(path.read_text(encoding="utf-8", errors="replace")):
            yield path.relative_to(workspace.path).as_posix(), sources


def _files(workspace: Workspace) -> Iterator[Path]:
    index = workspace.path / "index"
    texts = (path for path in sorted(workspace.path.rglob("*")) if path.is_file() and path.suffix not in _BINARY)
    # The arrays for retrieval are made again without the documents, as after any change.
    return (path for path in texts if not path.is_relative_to(index))


@lru_cache
def _prompts() -> tuple[str, ...]:
    """Texts of the prompts, which recorded calls repeat whatever document they are about."""
    folder = files("configs") / "prompts"
    shipped = (*folder.iterdir(), *(folder / "examples").iterdir())
    return tuple(file.read_text(encoding="utf-8") for file in shipped if file.is_file())
