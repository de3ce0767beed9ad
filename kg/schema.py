"""The data types of the knowledge base: everything that a store keeps is one of these.

Frozen, slotted dataclasses without behaviour. Ids derive from content (see `make_id`), so the
same input gives the same id on any machine, and writing a row twice changes nothing. A span is
`(start, end)` in characters, end exclusive. Dates are ISO 8601 text ("2031", "2031-03",
"2031-03-04"), whose alphabetical order is the order of time.
"""

from __future__ import annotations

from dataclasses import dataclass

from models.files.digest import digest

RELATION, CLAIM = "relation", "claim"
"""Kinds of facts: what a text states itself, and what it attributes to somebody."""


def make_id(prefix: str, *parts: object) -> str:
    """Content id such as "c:1f…" of 16 bytes; `parts` must be JSON-serialisable."""
    return f"{prefix}:{digest(*parts)}"


@dataclass(frozen=True, slots=True)
class Document:
    """One source text.

    Attributes:
        id: Content id of `source` and `text`.
        source: Path relative to the folder that was indexed (POSIX), plus "#row" for rows of a table.
        title: Title, or the file's stem.
        text: Complete text, NFC-normalised, newlines as "\\n".
        date: Date of the document, or "".
    """

    id: str
    source: str
    title: str
    text: str
    date: str = ""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A part of a document: whole sentences, at most a set number of tokens.

    Attributes:
        id: Content id of document id and span.
        document_id: Document that it belongs to.
        position: 0-based position within the document.
        start: Index of its first character in the document's text.
        end: Index one past its last character.
        text: The characters of that span, exactly.
        tokens: Number of tokens, as the sentence splitter counts them.
    """

    id: str
    document_id: str
    position: int
    start: int
    end: int
    text: str
    tokens: int


@dataclass(frozen=True, slots=True, order=True)
class Evidence:
    """Where a name or a fact was found: a span of a chunk's text.

    Attributes:
        chunk_id: The chunk.
        start: Index of the first character in the chunk's text.
        end: Index one past the last character.
    """

    chunk_id: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Mention:
    """A name as one chunk writes it, before resolution.

    Attributes:
        name: The name as the text writes it, on one line.
        type: Kind of the thing, lower case.
        evidence: Span of the name.
    """

    name: str
    type: str
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Triple:
    """A fact as one chunk states it, before resolution: names instead of entity ids.

    Attributes:
        subject: Name of the subject.
        predicate: Relation in the text's words, lower case.
        object: Name of the object.
        evidence: Span of the sentence, or the sentences, that state the fact.
        valid_from: First date on which it holds, or "".
        valid_to: Last date on which it holds, or "".
        kind: "relation" or "claim", as in `Fact`.
        status: Status of a claim, as in `Fact`; "" for a relation.
    """

    subject: str
    predicate: str
    object: str
    evidence: Evidence
    valid_from: str = ""
    valid_to: str = ""
    kind: str = RELATION
    status: str = ""


@dataclass(frozen=True, slots=True)
class Extraction:
    """All names and facts of one chunk: the record that resolution starts from.

    Attributes:
        id: Content id of the chunk id.
        chunk_id: The chunk.
        mentions: Names, each with its span.
        triples: Facts, each with its sentence.
        dropped: Number of proposed names and facts that were refused because the text does not contain them; those of
            chunks that were extracted together all count for the first.
    """

    id: str
    chunk_id: str
    mentions: tuple[Mention, ...]
    triples: tuple[Triple, ...]
    dropped: int = 0


@dataclass(frozen=True, slots=True)
class Entity:
    """A person, place or other thing, resolved from its mentions.

    Attributes:
        id: Content id of the normalised canonical name and the type.
        name: Most frequent surface form.
        type: Most frequent type, lower case ("person", "organisation", …).
        aliases: The other surface forms, sorted.
        evidence: All spans that name it, sorted.
    """

    id: str
    name: str
    type: str
    aliases: tuple[str, ...]
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Fact:
    """Subject, predicate and object, with the sentences that state them.

    Attributes:
        id: Content id of subject, predicate, object, validity, kind and status.
        subject_id: Entity that is the subject.
        predicate: Relation in words, lower case, in its canonical form; a property, never a label.
        object_id: Entity that is the object.
        evidence: Spans of the sentences, sorted; never empty.
        valid_from: First date on which it holds, or "".
        valid_to: Last date on which it holds, or "".
        kind: "relation", which the text states itself, or "claim", which it attributes to somebody.
        status: Status of a claim: "asserted", "suspected" or "denied"; "" for a relation.
        phrases: The relation as the texts word it, sorted, where that is not the predicate alone.
    """

    id: str
    subject_id: str
    predicate: str
    object_id: str
    evidence: tuple[Evidence, ...]
    valid_from: str = ""
    valid_to: str = ""
    kind: str = RELATION
    status: str = ""
    phrases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Merge:
    """Why two names are one entity.

    Attributes:
        id: Content id of entity id and names.
        entity_id: The entity that both names refer to.
        name: One name, normalised.
        other: The other name, normalised.
        reason: Reason of the merge, in words.
    """

    id: str
    entity_id: str
    name: str
    other: str
    reason: str


@dataclass(frozen=True, slots=True)
class Ruling:
    """A person's decision about two names: an input of resolution, like the documents.

    Attributes:
        id: Content id of the other fields.
        position: 0-based position; a later ruling about the same names overrules an earlier one.
        action: "merge", "split" or "undo".
        name: One name, normalised.
        other: The other name, normalised; the same name again, to split it by document.
        source: Source of the document in which the name means another entity, where a name is split by document; else
            "".
    """

    id: str
    position: int
    action: str
    name: str
    other: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class Community:
    """A group of entities of the Leiden hierarchy.

    Attributes:
        id: Content id of level and members.
        level: Level of the hierarchy; 0 is the coarsest.
        parent_id: Id of its community on the next coarser level, or "".
        entity_ids: Ids of its members, sorted.
    """

    id: str
    level: int
    parent_id: str
    entity_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Handle:
    """A short name that a community keeps while its members change; see `kg.communities.handles`.

    Attributes:
        id: The name, such as "c1f2e3d4".
        community_id: Id of the community that has the name now.
    """

    id: str
    community_id: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A sentence of a report.

    Attributes:
        text: The sentence.
        fact_ids: Ids of the facts that support it.
    """

    text: str
    fact_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """What a community is about, written by a model on request.

    Attributes:
        id: Content id of the community id.
        community_id: The community.
        basis: Digest of what it was written from; if that changes, the report is out of date.
        title: Title, a few words.
        summary: Summary, a paragraph.
        rating: Importance of the community for the corpus, in [0, 10].
        findings: Sentences, each supported by facts of the community.
    """

    id: str
    community_id: str
    basis: str
    title: str
    summary: str
    rating: float
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Description:
    """What the facts say about an entity, in one or two sentences, written by a model on first use.

    Attributes:
        id: Content id of the entity id.
        entity_id: The entity.
        basis: Digest of what it was written from; if that changes, the description is out of date.
        text: The sentences.
    """

    id: str
    entity_id: str
    basis: str
    text: str


Row = Document | Chunk | Extraction | Ruling | Entity | Fact | Merge | Community | Handle | Report | Description
"""Any row that a `GraphStore` keeps."""

CONTENT: tuple[type[Row], ...] = (Document, Chunk, Extraction, Ruling, Entity, Fact, Merge, Community)
"""Rows determined by sources, settings and rulings, so that a rebuild gives the same; a store's digest covers them."""

NOTES: tuple[type[Row], ...] = (Handle, Report, Description)
"""Rows that depend on the order of events: names that communities keep, and texts that a model wrote on request."""

KINDS: tuple[type[Row], ...] = (*CONTENT, *NOTES)
