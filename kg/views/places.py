"""Where a fact stands: the sentence and the source behind a piece of evidence."""

from __future__ import annotations

from kg.schema import Chunk, Document, Evidence
from kg.stores.protocol import GraphStore


class Places:
    """Sentence and source of a piece of evidence; the texts of the store are read once."""

    def __init__(self, store: GraphStore) -> None:
        sources = {document.id: document.source for document in store.read(Document)}
        self._chunks = {chunk.id: (chunk.text, sources.get(chunk.document_id, "")) for chunk in store.read(Chunk)}

    def sentence(self, evidence: Evidence) -> str:
        """The sentence on one line."""
        text, _ = self._chunks.get(evidence.chunk_id, ("", ""))
        return " ".join(text[evidence.start : evidence.end].split())

    def source(self, evidence: Evidence) -> str:
        """Path of the document."""
        return self._chunks.get(evidence.chunk_id, ("", ""))[1]
