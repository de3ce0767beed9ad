"""What a knowledge base says of each document alone: the graph split along its evidence.

Measures of extraction hold the facts of a document against what that document says. One knowledge base over all of
them is built as any other (`build`), resolution included; `facts_by_document` then gives every document the facts
that are read in it, with the names as it spells them, so that no document is helped by another.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kg.extraction.protocol import Passage, passages_of
from kg.indexing import index_folder
from kg.language.text import normalise_name
from kg.schema import Chunk, Document, Entity, Evidence, Extraction, Fact
from kg.session import Session
from kg.stores.protocol import GraphStore
from kg.summary import IndexSummary
from kg.workspace import Workspace
from models.errors import ConfigError
from models.factory import open_encoder
from models.files.atomic import replace_text

SOURCES = "sources"
_FILE = "documents.jsonl"


@dataclass(frozen=True, slots=True)
class DocumentFact:
    """A fact as one document tells it.

    Attributes:
        subject: Names of the subject in this document, most frequent first; never empty.
        predicates: The relation in words: as the document writes it where that is known, else its canonical form.
        object: Names of the object.
    """

    subject: tuple[str, ...]
    predicates: tuple[str, ...]
    object: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Built:
    """A knowledge base over documents that are to be measured.

    Attributes:
        workspace: Where it is.
        extractor: Name of what read the facts.
        summary: What the build reports.
        facts: Facts of each document, in the order the documents were given; none for one that failed.
        failed: How many documents failed, wholly or in part.
        corpus_tokens: Tokens of all passages.
        read: Passages that were read in this run, and not found as read before.
        uncached: Of the tokens read for these passages, those that no prefix cache had; the share is that of all calls
            on record in the workspace.
    """

    workspace: Path
    extractor: str
    summary: IndexSummary
    facts: tuple[tuple[DocumentFact, ...], ...]
    failed: int
    corpus_tokens: int
    read: int
    uncached: float = 0.0


def build(documents: Sequence[tuple[str, str]], session: Session) -> Built:
    """Index titles and texts in a session's workspace, and split its graph by document.

    Args:
        documents: Title and text of each.
        session: Its workspace holds these documents afterwards, and no others.
    Raises:
        ConfigError: The workspace holds other documents, which this would replace.
        ModelError: The extractor cannot be reached.
        BudgetReached: The budget is used up; the same call goes on.
    """
    workspace = session.workspace
    store, sources = workspace.store, workspace.path / SOURCES
    if not (sources / _FILE).is_file() and any(store.read(Document)):
        raise ConfigError(
            f"the workspace {workspace.path} holds other documents, which a measurement would replace: "
            "name a folder that is new"
        )
    before = _read_passages(store)
    encoder = open_encoder(workspace.config.encoder, session.progress)
    summary = index_folder(session, _write(documents, sources), encoder)
    chunks = {row.id: row for row in store.read(Chunk)}
    numbers = {row.id: _number(row) for row in store.read(Document)}
    facts = {numbers[document]: found for document, found in facts_by_document(store).items()}
    failed = {numbers[chunks[item].document_id] for item in _failed(summary) if item in chunks}
    failed |= set(range(len(documents))) - set(numbers.values())
    return Built(
        workspace=workspace.path,
        extractor=workspace.config.extractor,
        summary=summary,
        facts=tuple(facts.get(number, ()) for number in range(len(documents))),
        failed=len(failed),
        corpus_tokens=sum(row.tokens for row in chunks.values()),
        read=len(_read_passages(store) - before),
        uncached=summary.tokens_in * _uncached_share(session),
    )


def _uncached_share(session: Session) -> float:
    totals = session.records.totals()
    read = sum(row.tokens_in for row in totals)
    return sum(row.tokens_in - row.cached for row in totals) / read if read else 0.0


def passages_by_document(workspace: Workspace) -> list[tuple[int, Passage]]:
    """The passages of a measured workspace as they were read, each with the position of its document."""
    documents = sorted(workspace.store.read(Document), key=_number)
    numbers = {document.source: _number(document) for document in documents}
    passages = passages_of(documents, list(workspace.store.read(Chunk)), workspace.config.extract_tokens or 0)
    return [(numbers[passage.source], passage) for passage in passages]


def _write(documents: Sequence[tuple[str, str]], folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    rows = ({"id": str(number), "title": title, "text": text} for number, (title, text) in enumerate(documents))
    replace_text(folder / _FILE, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    return folder


def _number(document: Document) -> int:
    return int(document.source.rsplit("#", 1)[1])


def _read_passages(store: GraphStore) -> set[str]:
    return {entry.item for entry in store.journal("extract") if entry.status == "done"}


def _failed(summary: IndexSummary) -> list[str]:
    return [failure.item for failure in summary.failures if failure.stage == "extract"]


def facts_by_document(store: GraphStore) -> dict[str, tuple[DocumentFact, ...]]:
    """The facts of every document that has any, by document id, in the order in which it tells them."""
    chunks = {row.id: row for row in store.read(Chunk)}
    entities = {row.id: row for row in store.read(Entity)}
    read = _names_read(store)
    names = {key: _names_by_document(entity, chunks, read) for key, entity in entities.items()}

    def place(evidence: Evidence) -> tuple[int, int]:
        return chunks[evidence.chunk_id].start + evidence.start, evidence.end

    found: dict[str, list[tuple[tuple[int, int], DocumentFact]]] = {}
    for fact in store.read(Fact):
        first: dict[str, tuple[int, int]] = {}
        for evidence in fact.evidence:
            document = chunks[evidence.chunk_id].document_id
            first[document] = min(place(evidence), first.get(document, place(evidence)))
        # A wording is the document's own only if no other document could have brought it.
        predicates = fact.phrases if fact.phrases and len(first) == 1 else (fact.predicate,)
        for document, where in first.items():
            ends = [
                names[end].get(document, (entities[end].name, *entities[end].aliases))
                for end in (fact.subject_id, fact.object_id)
            ]
            found.setdefault(document, []).append((where, DocumentFact(ends[0], predicates, ends[1])))
    return {
        document: tuple(fact for _, fact in sorted(rows, key=lambda row: (row[0], row[1].subject)))
        for document, rows in found.items()
    }


def _names_read(store: GraphStore) -> dict[Evidence, set[str]]:
    """The names that were read at each span: one that the title gives is not what stands there."""
    names: dict[Evidence, set[str]] = {}
    for row in store.read(Extraction):
        for mention in row.mentions:
            names.setdefault(mention.evidence, set()).add(mention.name)
    return names


def _names_by_document(
    entity: Entity, chunks: dict[str, Chunk], read: dict[Evidence, set[str]]
) -> dict[str, tuple[str, ...]]:
    """How each document spells an entity, most frequent spelling first, the longer first among equals."""
    keys = {normalise_name(name) for name in (entity.name, *entity.aliases)}
    counts: dict[str, Counter[str]] = {}
    for evidence in entity.evidence:
        chunk = chunks[evidence.chunk_id]
        found = {name for name in read.get(evidence, ()) if normalise_name(name) in keys}
        found = found or {chunk.text[evidence.start : evidence.end]}
        counts.setdefault(chunk.document_id, Counter()).update(found)
    return {
        document: tuple(sorted(names, key=lambda name: (-names[name], -len(name), name)))
        for document, names in counts.items()
    }
