"""Builds a graph over measured documents and splits its facts by document.

Extraction is measured document by document. One knowledge base over all documents is built as any other
(`build_document_graph`), resolution included; `facts_by_document` then gives every document the facts that have their
evidence in it, with the names as that document spells them, so that no document is helped by another.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kg.extraction.protocol import ExtractionInput, extraction_inputs
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
    """A fact as one document states it.

    Attributes:
        subject: Names of the subject in this document, most frequent first; never empty.
        predicates: The relation in words: as the document writes it if that is known, else its canonical form.
        object: Names of the object in this document, most frequent first; never empty.
    """

    subject: tuple[str, ...]
    predicates: tuple[str, ...]
    object: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DocumentGraph:
    """A knowledge base over measured documents, and the facts of each.

    Attributes:
        workspace: Folder of the knowledge base.
        extractor: Name of the extractor.
        summary: Counts, failures and cost of the build.
        facts: Facts of each document, in the order in which the documents were given; none for one that failed.
        failed: Number of documents that failed, wholly or in part.
        corpus_tokens: Number of tokens of all chunks.
        read: Number of chunks extracted in this run, not in an earlier one.
        uncached: Number of input tokens that no prefix cache had; estimated with the share of all recorded calls.
    """

    workspace: Path
    extractor: str
    summary: IndexSummary
    facts: tuple[tuple[DocumentFact, ...], ...]
    failed: int
    corpus_tokens: int
    read: int
    uncached: float = 0.0


def build_document_graph(documents: Sequence[tuple[str, str]], session: Session) -> DocumentGraph:
    """Index titles and texts in a session's workspace, and split its graph by document.

    Args:
        documents: Title and text of each document.
        session: Its workspace will hold these documents, and no others.
    Raises:
        ConfigError: The workspace holds other documents, which this would replace.
        ModelError: The extractor cannot be reached.
        BudgetError: The budget is used up; the same call continues.
    """
    workspace = session.workspace
    store, sources = workspace.store, workspace.path / SOURCES
    if not (sources / _FILE).is_file() and any(store.read(Document)):
        raise ConfigError(
            f"Expected an empty workspace, but {workspace.path} holds other documents, which a measurement would "
            "replace. Name a new folder."
        )
    # Taken before indexing, to see what this run extracted and what an earlier one had.
    before = _extracted_chunks(store)
    encoder = open_encoder(workspace.config.encoder, session.progress)
    summary = index_folder(session, _write(documents, sources), encoder)
    chunks = {chunk.id: chunk for chunk in store.read(Chunk)}
    positions = {document.id: _position(document) for document in store.read(Document)}
    facts = {positions[document]: of_document for document, of_document in facts_by_document(store).items()}
    failed = {positions[chunks[item].document_id] for item in _failed_chunks(summary) if item in chunks}
    # A document without any text is not stored at all; it counts as failed, not as absent.
    failed |= set(range(len(documents))) - set(positions.values())
    return DocumentGraph(
        workspace=workspace.path,
        extractor=workspace.config.extractor,
        summary=summary,
        facts=tuple(facts.get(position, ()) for position in range(len(documents))),
        failed=len(failed),
        corpus_tokens=sum(chunk.tokens for chunk in chunks.values()),
        read=len(_extracted_chunks(store) - before),
        uncached=summary.tokens_in * _uncached_share(session),
    )


def _uncached_share(session: Session) -> float:
    totals = session.records.totals()
    tokens_in = sum(total.tokens_in for total in totals)
    return sum(total.tokens_in - total.cached for total in totals) / tokens_in if tokens_in else 0.0


def inputs_by_document(workspace: Workspace) -> list[tuple[int, ExtractionInput]]:
    """The extractor's inputs in a measured workspace, each with the position of its document."""
    documents = sorted(workspace.store.read(Document), key=_position)
    positions = {document.source: _position(document) for document in documents}
    inputs = extraction_inputs(documents, list(workspace.store.read(Chunk)), workspace.config.extract_tokens or 0)
    return [(positions[source.source], source) for source in inputs]


def _write(documents: Sequence[tuple[str, str]], folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    lines = []
    for position, (title, text) in enumerate(documents):
        lines.append(json.dumps({"id": str(position), "title": title, "text": text}, ensure_ascii=False) + "\n")
    replace_text(folder / _FILE, "".join(lines))
    return folder


def _position(document: Document) -> int:
    """Position of a document in the measured set: the id that `_write` gave it."""
    return int(document.source.rsplit("#", 1)[1])


def _extracted_chunks(store: GraphStore) -> set[str]:
    return {entry.item for entry in store.journal("extract") if entry.status == "done"}


def _failed_chunks(summary: IndexSummary) -> list[str]:
    return [failure.item for failure in summary.failures if failure.stage == "extract"]


def facts_by_document(store: GraphStore) -> dict[str, tuple[DocumentFact, ...]]:
    """The facts of every document that has any, by document id, in the order in which it states them."""
    chunks = {chunk.id: chunk for chunk in store.read(Chunk)}
    entities = {entity.id: entity for entity in store.read(Entity)}
    mentioned = _names_by_span(store)
    names = {key: _names_by_document(entity, chunks, mentioned) for key, entity in entities.items()}

    def position(evidence: Evidence) -> tuple[int, int]:
        return chunks[evidence.chunk_id].start + evidence.start, evidence.end

    placed: dict[str, list[tuple[tuple[int, int], DocumentFact]]] = {}
    for fact in store.read(Fact):
        first: dict[str, tuple[int, int]] = {}
        for evidence in fact.evidence:
            document = chunks[evidence.chunk_id].document_id
            first[document] = min(position(evidence), first.get(document, position(evidence)))
        # A wording is the document's own only if no other document could have brought it.
        predicates = fact.phrases if fact.phrases and len(first) == 1 else (fact.predicate,)
        for document, start in first.items():
            subject, object_ = [
                names[end].get(document, (entities[end].name, *entities[end].aliases))
                for end in (fact.subject_id, fact.object_id)
            ]
            placed.setdefault(document, []).append((start, DocumentFact(subject, predicates, object_)))
    by_document = {}
    for document, facts in placed.items():
        facts.sort(key=lambda stated: (stated[0], stated[1].subject))
        by_document[document] = tuple(fact for _, fact in facts)
    return by_document


def _names_by_span(store: GraphStore) -> dict[Evidence, set[str]]:
    """The names that were extracted at each span; a name known from the title alone is not what stands there."""
    names: dict[Evidence, set[str]] = {}
    for extraction in store.read(Extraction):
        for mention in extraction.mentions:
            names.setdefault(mention.evidence, set()).add(mention.name)
    return names


def _names_by_document(
    entity: Entity, chunks: dict[str, Chunk], mentioned: dict[Evidence, set[str]]
) -> dict[str, tuple[str, ...]]:
    """How each document spells an entity, most frequent spelling first, the longer first among equals."""
    # Only spellings that belong to the entity: other names may have been extracted at the same span.
    keys = {normalise_name(name) for name in (entity.name, *entity.aliases)}
    counts: dict[str, Counter[str]] = {}
    for evidence in entity.evidence:
        chunk = chunks[evidence.chunk_id]
        spellings = {name for name in mentioned.get(evidence, ()) if normalise_name(name) in keys}
        spellings = spellings or {chunk.text[evidence.start : evidence.end]}
        counts.setdefault(chunk.document_id, Counter()).update(spellings)
    by_document = {}
    for document, names in counts.items():
        ranked = sorted(names.items(), key=lambda counted: (-counted[1], -len(counted[0]), counted[0]))
        by_document[document] = tuple(name for name, _ in ranked)
    return by_document
