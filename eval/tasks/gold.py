"""Finds the evidence of answers in the knowledge base: from an item's quotes to chunks.

A quote is looked for in the text of its document with white space ignored, and every chunk that overlaps it
is gold; a quote "" makes all chunks of the document gold. A document or quote that cannot be found is an error: an
oracle that silently lacks its evidence would be a false result.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from eval.types import GoldEvidence, Item
from kg.schema import Chunk, Document
from kg.stores.protocol import GraphStore
from models.errors import InputError


@dataclass(frozen=True, slots=True)
class GoldChunks:
    """The evidence of one item, found in the store.

    Attributes:
        documents: Ids of the gold documents, in order.
        quoted: Chunks that overlap a quote, in the order of the quotes.
        of_documents: Chunks of documents that are gold as a unit, without a quote, in order.
    """

    documents: tuple[str, ...] = ()
    quoted: tuple[Chunk, ...] = ()
    of_documents: tuple[Chunk, ...] = ()

    @property
    def chunk_ids(self) -> tuple[str, ...]:
        """Ids of all gold chunks, each once."""
        return tuple(dict.fromkeys(chunk.id for chunk in (*self.quoted, *self.of_documents)))


def find_quote(text: str, quote: str) -> tuple[int, int] | None:
    """Span of a quote in a text, white space ignored; None if it is not there.

    Example:
        >>> find_quote("It opened\\n in  May.", "opened in May")
        (3, 18)
    """
    # Chunking, PDF extraction and people who copy quotes all change white space, so both sides are compared without it;
    # `positions` leads from a character of the bare text back to the text itself.
    positions = [index for index, character in enumerate(text) if not character.isspace()]
    bare = "".join(text[index] for index in positions)
    wanted = "".join(unicodedata.normalize("NFC", quote).split())
    start = bare.find(wanted)
    return None if start < 0 else (positions[start], positions[start + len(wanted) - 1] + 1)


class GoldFinder:
    """Finds the gold chunks of items in a store.

    Attributes:
        documents: Documents of the store, by id.
        owner: Id of the document of every chunk, by chunk id.
    """

    def __init__(self, store: GraphStore) -> None:
        self.documents: dict[str, Document] = {document.id: document for document in store.read(Document)}
        self._by_source = {document.source: document for document in self.documents.values()}
        self._chunks: dict[str, list[Chunk]] = defaultdict(list)
        self.owner: dict[str, str] = {}
        for chunk in store.read(Chunk):
            self._chunks[chunk.document_id].append(chunk)
            self.owner[chunk.id] = chunk.document_id
        for chunks in self._chunks.values():
            chunks.sort(key=lambda chunk: chunk.position)

    def find_all(self, items: Iterable[Item]) -> dict[str, GoldChunks]:
        """Gold of every item, by item id.

        Raises:
            InputError: A document or quote is not in the knowledge base; the message names the item.
        """
        return {item.id: self._find(item) for item in items}

    def _find(self, item: Item) -> GoldChunks:
        documents: list[str] = []
        quoted: dict[str, Chunk] = {}
        of_documents: dict[str, Chunk] = {}
        for evidence in item.evidence:
            document = self._document(item, evidence)
            # Recall is over documents, so that a document with two quotes counts once.
            documents.append(document.id)
            chunks = self._chunks[document.id]
            if evidence.quote.strip():
                quoted |= {chunk.id: chunk for chunk in self._overlapping(item, document, evidence.quote)}
            else:
                of_documents |= {chunk.id: chunk for chunk in chunks}
        return GoldChunks(tuple(dict.fromkeys(documents)), tuple(quoted.values()), tuple(of_documents.values()))

    def _document(self, item: Item, evidence: GoldEvidence) -> Document:
        # File systems differ in how they compose accents; sources in the store are NFC.
        source = unicodedata.normalize("NFC", evidence.document)
        if source in self._by_source:
            return self._by_source[source]
        # Questions may have been written beside another folder than the one that was indexed.
        similar = [self._by_source[known] for known in self._by_source if _same_end(known, source)]
        if len(similar) == 1:
            return similar[0]
        examples = ", ".join(sorted(self._by_source)[:3]) or "none"
        raise InputError(
            f'Item "{item.id}": its evidence names the document "{evidence.document}", which is '
            f"{'ambiguous' if similar else 'not'} in the knowledge base (its documents look like: {examples}). "
            "Name documents by their path below the indexed folder."
        )

    def _overlapping(self, item: Item, document: Document, quote: str) -> Sequence[Chunk]:
        span = find_quote(document.text, quote)
        if span is None:
            raise InputError(
                f'Item "{item.id}": the quote "{quote[:80]}" is not in {document.source}. Copy it from the text.'
            )
        start, end = span
        chunks = [chunk for chunk in self._chunks[document.id] if chunk.start < end and chunk.end > start]
        if not chunks:
            raise InputError(f'Item "{item.id}": no chunk of {document.source} contains the quote "{quote[:80]}".')
        return chunks


def _same_end(known: str, named: str) -> bool:
    """Whether one path ends in the other, at a folder's boundary."""
    return known.endswith("/" + named) or named.endswith("/" + known)
