"""The nouns of the knowledge base. Everything that a store keeps is one of these.

Frozen, slotted dataclasses without behaviour. Ids derive from content (see `make_id`), so the
same input gives the same id on any machine, and writing a row twice changes nothing. A span is
`(start, end)` in characters, end exclusive. Dates are ISO 8601 text ("2031", "2031-03",
"2031-03-04"), which sorts as time does.
"""

from __future__ import annotations

from dataclasses import dataclass

from models.files.digest import digest

RELATION, CLAIM = "relation", "claim"
"""Kinds of facts."""


def make_id(prefix: str, *parts: object) -> str:
    """Content id such as "c:1f…" of 16 bytes; `parts` must be JSON-serialisable."""
    return f"{prefix}:{digest(*parts)}"


@dataclass(frozen=True, slots=True)
class Document:
    """One source text.

    Attributes:
        id: From `source` and `text`.
        source: Path relative to the folder that was indexed (POSIX), plus "#row" for rows of a table.
        title: Title, or the file's stem.
        text: Whole text, NFC-normalised, newlines as "\\n".
        date: Date of the document, or "".
    """

    id: str
    source: str
    title: str
    text: str
    date: str = ""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage of a document: whole sentences, at most a set number of tokens.

    Attributes:
        id: From document id and span.
        document_id: Owner.
        position: 0-based order within the document.
        start: First character in the document's text.
        end: One past the last.
        text: The characters of that span, exactly.
        tokens: Number of tokens under the chunker's tokenizer.
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
    """Where something was read: a span of a chunk's text."""

    chunk_id: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Mention:
    """A name as one chunk gives it, before resolution."""

    name: str
    type: str
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Triple:
    """A fact as one chunk gives it, before resolution: names instead of entity ids.

    Its evidence is the sentence that states it; the other fields are those of `Fact`.
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
    """Everything read from one chunk: the record that resolution starts from.

    Attributes:
        id: From chunk id.
        chunk_id: The chunk.
        mentions: Names, each with its span.
        triples: Facts, each with its sentence.
        dropped: How many proposed names and facts were refused because the text does not hold them; of chunks that
            were read together, all counted with the first.
    """

    id: str
    chunk_id: str
    mentions: tuple[Mention, ...]
    triples: tuple[Triple, ...]
    dropped: int = 0


@dataclass(frozen=True, slots=True)
class Entity:
    """A thing of the world, resolved from its mentions.

    Attributes:
        id: From the normalised canonical name and type.
        name: Most frequent surface form.
        type: Most frequent type, lower case ("person", "organisation", …).
        aliases: The other surface forms, sorted.
        evidence: Every span that names it, sorted.
    """

    id: str
    name: str
    type: str
    aliases: tuple[str, ...]
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Fact:
    """Subject, predicate, object, with the sentences that state it.

    Attributes:
        id: From subject, predicate, object, validity, kind and status.
        subject_id: Entity.
        predicate: Relation in words, lower case, in its canonical form; a property, never a label.
        object_id: Entity.
        evidence: Spans of the sentences, sorted; never empty.
        valid_from: First date on which it holds, or "".
        valid_to: Last date on which it holds, or "".
        kind: "relation", which the text states itself, or "claim", which the text reports of somebody.
        status: Of a claim: "asserted", "suspected" or "denied"; "" for a relation.
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
        id: From entity id and names.
        entity_id: The entity that both name.
        name: One name, normalised.
        other: The other, normalised.
        reason: What spoke for it, in words.
    """

    id: str
    entity_id: str
    name: str
    other: str
    reason: str


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a person has decided about two names: an input of resolution, as documents are.

    Attributes:
        id: From its other fields.
        position: 0-based; a later ruling about the same names overrules an earlier one.
        action: "merge", "split" or "undo".
        name: One name, normalised.
        other: The other, normalised; the same one, to split it by document.
        source: Of a name split by document: the source of the document whose uses are another thing; else "".
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
        id: From level and members.
        level: 0 is the coarsest.
        parent_id: Community of the next coarser level, or "".
        entity_ids: Members, sorted.
    """

    id: str
    level: int
    parent_id: str
    entity_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Handle:
    """A short name of a community that it keeps while it changes; see `kg.communities.handles`.

    Attributes:
        id: The name, such as "c1f2e3d4".
        community_id: The community that bears it now.
    """

    id: str
    community_id: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A sentence of a report, with the facts that it rests on."""

    text: str
    fact_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """What a community is about, written by a model on first use.

    Attributes:
        id: From community id.
        community_id: The community.
        basis: Digest of what it was written from; another basis makes it out of date.
        title: A few words.
        summary: A paragraph.
        rating: How much the community matters to the corpus, in [0, 10].
        findings: Sentences, each resting on facts of the community.
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
    """What is said of an entity, in one or two sentences, written by a model on first use.

    Attributes:
        id: From entity id.
        entity_id: The entity.
        basis: Digest of what it was written from; another basis makes it out of date.
        text: The sentences.
    """

    id: str
    entity_id: str
    basis: str
    text: str


Row = Document | Chunk | Extraction | Ruling | Entity | Fact | Merge | Community | Handle | Report | Description
"""What a `GraphStore` keeps."""

CONTENT: tuple[type[Row], ...] = (Document, Chunk, Extraction, Ruling, Entity, Fact, Merge, Community)
"""What sources, settings and rulings decide, so that a rebuild gives the same: what a store's digest covers."""

NOTES: tuple[type[Row], ...] = (Handle, Report, Description)
"""What depends on the order of events: names that communities keep, and what a model was asked to write."""

KINDS: tuple[type[Row], ...] = (*CONTENT, *NOTES)
