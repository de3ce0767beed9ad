"""The sentence and the source behind a piece of evidence, for those that show many facts at once.

`kg.views.dossier.read_spans` reads a few spans instead.
"""

from __future__ import annotations

from kg.schema import Chunk, Document, Evidence
from kg.stores.protocol import GraphStore


class EvidenceLocator:
    """Sentences and sources of evidence; all texts of the store are read once, and kept."""

    def __init__(self, store: GraphStore) -> None:
        sources = {document.id: document.source for document in store.read(Document)}
        self._chunks = {chunk.id: (chunk.text, sources.get(chunk.document_id, "")) for chunk in store.read(Chunk)}

    def sentence(self, evidence: Evidence) -> str:
        """The sentence on one line; "" if its chunk is gone."""
        text, _ = self._chunks.get(evidence.chunk_id, ("", ""))
        return " ".join(text[evidence.start : evidence.end].split())

    def source(self, evidence: Evidence) -> str:
        """Source of the document; "" if it is gone."""
        return self._chunks.get(evidence.chunk_id, ("", ""))[1]
