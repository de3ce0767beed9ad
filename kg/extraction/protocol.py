"""The protocol of extractors: their input, neighbouring chunks of a document, and their outcome, names and facts.

Extractors differ in their source of facts (`kg.extraction.chat` calls a chat model, `kg.extraction.nlp` parses,
`kg.extraction.imported` looks facts up in a file); the build journals their outcomes in one way.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from kg.schema import Chunk, Document, Extraction, Fact, Mention, Triple, make_id
from kg.summary import FailedItem, ItemCounts, ItemNote
from models.protocols import Usage


@dataclass(frozen=True, slots=True)
class ExtractionInput:
    """A chunk, or several neighbours, that an extractor is given at once.

    Attributes:
        chunks: Chunks of one document, at least one, in order.
        title: Title of the document.
        date: Date of the document, or "".
        source: Source of the document, or "".
    """

    chunks: tuple[Chunk, ...]
    title: str
    date: str
    source: str = ""

    @property
    def id(self) -> str:
        """Id of the first chunk."""
        return self.chunks[0].id

    @property
    def tokens(self) -> int:
        """Number of tokens of all chunks."""
        return sum(chunk.tokens for chunk in self.chunks)


_FREE = Usage()


@dataclass(frozen=True, slots=True)
class ExtractionOutcome:
    """The names and facts of one input, and their cost.

    Attributes:
        extractions: Names and facts that the text holds, by chunk.
        usage: Tokens of all calls when they were first made, those with a rejected reply included.
        new_usage: Tokens of the calls that were made now and not taken from records.
        model_seconds: Seconds of all calls when they were first made.
    """

    extractions: tuple[Extraction, ...]
    usage: Usage = _FREE
    new_usage: Usage = _FREE
    model_seconds: float = 0.0


class Extractor(Protocol):
    """Extracts names and facts; safe to call from several threads."""

    def key(self, item: ExtractionInput) -> str:
        """Digest of everything that the outcome for an input depends on."""

    def __call__(self, item: ExtractionInput) -> ExtractionOutcome:
        """Extract names and facts from one input.

        Raises:
            GraftError: Nothing can be extracted; the item fails.
        """


@dataclass(frozen=True, slots=True)
class FactAccount:
    """How the facts of a file ended: each is found in a passage, failed or skipped.

    Attributes:
        counts: Number of facts by outcome.
        failures: Entries of the file that are no facts.
        skips: Facts that are left out, with the reasons.
    """

    counts: ItemCounts = field(default_factory=ItemCounts)
    failures: tuple[FailedItem, ...] = ()
    skips: tuple[ItemNote, ...] = ()


@runtime_checkable
class AccountingExtractor(Protocol):
    """An extractor whose facts are given, so that each of them ends in a way that can be told."""

    def account(
        self, sources: Mapping[str, str], extractions: Iterable[Extraction], facts: Iterable[Fact]
    ) -> FactAccount:
        """Say how each fact ended.

        Args:
            sources: Source of the document of each chunk, by the chunk's id.
            extractions: Extractions of all chunks.
            facts: Facts that were made from them.
        """


def extraction_inputs(documents: Sequence[Document], chunks: Sequence[Chunk], max_tokens: int) -> list[ExtractionInput]:
    """Neighbouring chunks of a document together as long as they fit; a longer chunk alone.

    Args:
        documents: Documents, in the order of the inputs.
        chunks: Chunks of those documents, in any order.
        max_tokens: Maximum number of tokens of an input of several chunks; 0 takes each chunk alone.
    """
    groups: dict[str, list[list[Chunk]]] = {document.id: [] for document in documents}
    for chunk in sorted(chunks, key=lambda chunk: chunk.position):
        document_groups = groups[chunk.document_id]
        if document_groups and sum(member.tokens for member in document_groups[-1]) + chunk.tokens <= max_tokens:
            document_groups[-1].append(chunk)
        else:
            document_groups.append([chunk])
    return [
        ExtractionInput(tuple(group), document.title, document.date, document.source)
        for document in documents
        for group in groups[document.id]
    ]


def by_chunk(
    item: ExtractionInput, mentions: Iterable[Mention], triples: Iterable[Triple], dropped: int
) -> tuple[Extraction, ...]:
    """Names and facts by chunk, each once; refused ones belong to no chunk and are counted with the first."""
    # Dictionaries without values: sets that keep the order.
    chunk_mentions: defaultdict[str, dict[Mention, None]] = defaultdict(dict)
    chunk_triples: defaultdict[str, dict[Triple, None]] = defaultdict(dict)
    for mention in mentions:
        chunk_mentions[mention.evidence.chunk_id][mention] = None
    for triple in triples:
        chunk_triples[triple.evidence.chunk_id][triple] = None
    return tuple(
        Extraction(
            id=make_id("x", chunk.id),
            chunk_id=chunk.id,
            mentions=tuple(chunk_mentions[chunk.id]),
            triples=tuple(chunk_triples[chunk.id]),
            dropped=0 if index else dropped,
        )
        for index, chunk in enumerate(item.chunks)
    )
