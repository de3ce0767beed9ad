"""What the encoder reads of the passages of each document: measured once, and kept in the journal.

Tokenising every passage and identifying its language takes longer than all else that an unchanged folder needs. Neither
changes before the encoder or the passages do.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import astuple

from kg.documents.window import PassageWindow, embedded_passages, measure_reading, reading_notices
from kg.schema import Chunk, Document
from kg.stores.protocol import GraphStore, JournalEntry
from kg.summary import EncoderReading
from models.files.digest import digest
from models.protocols import Encoder, WindowedEncoder

_RULES = 1
"""Changes with what is measured, so that it is measured again."""
_STAGE = "read"


class EncoderReadings:
    """What one encoder reads of the passages in one store."""

    def __init__(self, store: GraphStore, encoder: Encoder) -> None:
        self._store = store
        self._encoder = encoder
        self._window = PassageWindow.of(encoder)
        self._before = {entry.item: entry for entry in store.journal(_STAGE)}

    def fits(self, document: Document, chunks: Sequence[Chunk]) -> bool:
        """Whether the encoder reads every passage of a document to its end."""
        if self._window is None:
            return True
        known = self._known(document.id, self._key(document, chunks))
        if known is not None:
            return not any(reading.cut for reading in known.values())
        return not self._window.excess(document, chunks)

    def measure(self, documents: Iterable[Document], chunks: Iterable[Chunk]) -> dict[str, EncoderReading]:
        """Measure what was not measured yet, and forget documents that are gone.

        Args:
            documents: All documents of the store.
            chunks: All chunks of the store.
        Returns:
            The reading of all passages; see `kg.documents.window.measure_reading`.
        """
        if not isinstance(self._encoder, WindowedEncoder):
            return {}
        chunks_of: defaultdict[str, list[Chunk]] = defaultdict(list)
        for part in chunks:
            chunks_of[part.document_id].append(part)
        gone, new, totals = dict(self._before), list[JournalEntry](), dict[str, EncoderReading]()
        for document in documents:
            own = chunks_of[document.id]
            key = self._key(document, own)
            gone.pop(document.id, None)
            readings = self._known(document.id, key)
            if readings is None:
                readings = measure_reading(self._encoder, embedded_passages([document], own, self._encoder))
                values = {language: astuple(reading) for language, reading in readings.items()}
                new.append(JournalEntry(_STAGE, document.id, key, "done", json.dumps(values)))
            for language, reading in readings.items():
                totals[language] = totals[language] + reading if language in totals else reading
        self._keep(new, list(gone.values()))
        return dict(sorted(totals.items(), key=lambda item: (-item[1].passages, item[0])))

    def notices(self, readings: dict[str, EncoderReading]) -> list[str]:
        """See `kg.documents.window.reading_notices`."""
        return reading_notices(self._encoder, readings)

    def _key(self, document: Document, chunks: Sequence[Chunk]) -> str:
        # Where a chunk stands is part of its id, and a document's text of the document's.
        ids = sorted(part.id for part in chunks)
        return digest(_RULES, self._encoder.digest, document.title, document.date, ids)

    def _known(self, document_id: str, key: str) -> dict[str, EncoderReading] | None:
        entry = self._before.get(document_id)
        if entry is None or entry.key != key:
            return None
        return {language: EncoderReading(*values) for language, values in json.loads(entry.reason).items()}

    def _keep(self, new: Sequence[JournalEntry], gone: Sequence[JournalEntry]) -> None:
        if not (new or gone):
            return
        with self._store.transaction():
            self._store.unmark(gone)
            self._store.mark(new)
        for entry in gone:
            del self._before[entry.item]
        self._before |= {entry.item: entry for entry in new}
