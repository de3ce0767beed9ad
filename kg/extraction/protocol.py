"""What an extractor is given and gives back: a passage of neighbouring chunks, and what was read there.

Extractors differ in how they read (`kg.extraction.chat` asks a chat model, `kg.extraction.nlp` parses,
`kg.extraction.imported` looks facts up); the build journals their readings in one way.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from kg.schema import Chunk, Document, Extraction, Mention, Triple, make_id
from models.protocols import Usage


@dataclass(frozen=True, slots=True)
class Passage:
    """What is read at once: a chunk, or several neighbours, with what is known of their document."""

    chunks: tuple[Chunk, ...]
    title: str
    date: str
    source: str = ""

    @property
    def id(self) -> str:
        """The first chunk's."""
        return self.chunks[0].id

    @property
    def tokens(self) -> int:
        """Tokens of the chunks."""
        return sum(chunk.tokens for chunk in self.chunks)


_FREE = Usage()


@dataclass(frozen=True, slots=True)
class Reading:
    """What one passage gave, and what it cost.

    Attributes:
        extractions: Names and facts that stood up, by chunk.
        usage: Tokens of the answers, as first made, useless ones among them.
        spent: Tokens of those answers that were made now and not taken from records.
        model_seconds: Seconds the answers took, as first made.
    """

    extractions: tuple[Extraction, ...]
    usage: Usage = _FREE
    spent: Usage = _FREE
    model_seconds: float = 0.0


class Extractor(Protocol):
    """Reads passages; safe to call from several threads."""

    def key(self, passage: Passage) -> str:
        """Digest of everything that the reading of a passage depends on."""

    def __call__(self, passage: Passage) -> Reading:
        """Read one passage.

        Raises:
            GraftError: It cannot be read; the item fails.
        """


def passages_of(documents: Sequence[Document], chunks: Sequence[Chunk], most_tokens: int) -> list[Passage]:
    """Neighbouring chunks of a document together as long as they fit; a longer chunk alone.

    Args:
        documents: In the order in which they are to be read.
        chunks: Of those documents, in any order.
        most_tokens: Most tokens of a passage of several chunks; 0 takes each chunk alone.
    """
    groups: dict[str, list[list[Chunk]]] = {document.id: [] for document in documents}
    for chunk in sorted(chunks, key=lambda chunk: chunk.position):
        own = groups[chunk.document_id]
        if own and sum(each.tokens for each in own[-1]) + chunk.tokens <= most_tokens:
            own[-1].append(chunk)
        else:
            own.append([chunk])
    return [
        Passage(tuple(group), document.title, document.date, document.source)
        for document in documents
        for group in groups[document.id]
    ]


def by_chunk(
    passage: Passage, mentions: Iterable[Mention], triples: Iterable[Triple], dropped: int
) -> tuple[Extraction, ...]:
    """What stood up, by chunk, each once; what was refused has no place and is counted with the first."""
    names, facts = dict.fromkeys(mentions), dict.fromkeys(triples)
    return tuple(
        Extraction(
            id=make_id("x", chunk.id),
            chunk_id=chunk.id,
            mentions=tuple(each for each in names if each.evidence.chunk_id == chunk.id),
            triples=tuple(each for each in facts if each.evidence.chunk_id == chunk.id),
            dropped=0 if number else dropped,
        )
        for number, chunk in enumerate(passage.chunks)
    )
