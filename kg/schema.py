"""The nouns of the knowledge base. Everything that a store keeps is one of these.

Frozen, slotted dataclasses without behaviour. Ids derive from content (see `make_id`), so the
same input gives the same id on any machine, and writing a row twice changes nothing. A span is
`(start, end)` in characters, end exclusive. Dates are ISO 8601 text ("2031", "2031-03",
"2031-03-04"), which sorts as time does.
"""

from __future__ import annotations

from dataclasses import dataclass

from models.digest import digest


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

    Its evidence is the sentence that states it.
    """

    subject: str
    predicate: str
    object: str
    evidence: Evidence
    valid_from: str = ""
    valid_to: str = ""


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
        description: One or two sentences, or "".
    """

    id: str
    name: str
    type: str
    aliases: tuple[str, ...]
    evidence: tuple[Evidence, ...]
    description: str = ""


@dataclass(frozen=True, slots=True)
class Fact:
    """Subject, predicate, object, with the sentences that state it.

    Attributes:
        id: From subject, predicate, object and validity.
        subject_id: Entity.
        predicate: Relation in words, lower case; a property, never a label.
        object_id: Entity.
        evidence: Spans of the sentences, sorted; never empty.
        valid_from: First date on which it holds, or "".
        valid_to: Last date on which it holds, or "".
    """

    id: str
    subject_id: str
    predicate: str
    object_id: str
    evidence: tuple[Evidence, ...]
    valid_from: str = ""
    valid_to: str = ""


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
class Report:
    """What a community is about, written by a model on first use.

    Attributes:
        id: From community id.
        community_id: The community.
        title: A few words.
        summary: A paragraph.
        findings: Sentences, each resting on facts of the community.
    """

    id: str
    community_id: str
    title: str
    summary: str
    findings: tuple[str, ...]


Row = Document | Chunk | Extraction | Entity | Fact | Community | Report
"""What a `GraphStore` keeps."""

KINDS: tuple[type[Row], ...] = (Document, Chunk, Extraction, Entity, Fact, Community, Report)
