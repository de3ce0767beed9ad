"""How chunks, entities and facts read as text: the same words are embedded, searched and shown.

A passage carries its title and date in front. Short dated articles lean on their heading ("this morning", "the
company"), and a reader who sees the date can decide which of two articles is newer.
"""

from __future__ import annotations

from kg.documents.heading import heading_of
from kg.documents.window import PassageWindow, embedded_passages
from kg.schema import Chunk, Document, Entity
from kg.stores.protocol import GraphStore
from models.protocols import Encoder
from retrieval.types import RetrievedFact


def with_heading(title: str, date: str, text: str) -> str:
    """A passage behind its title and date, on one line.

    Example:
        >>> with_heading("Bridge opens", "2031-03-04", "The mayor\\ncut the ribbon.")
        'Bridge opens (2031-03-04): The mayor cut the ribbon.'
        >>> with_heading("", "", "No heading.")
        'No heading.'
    """
    return heading_of(title, date) + " ".join(text.split())


def passage_texts(store: GraphStore) -> dict[str, str]:
    """Every chunk by id, in the store's order, behind its heading."""
    headings = {document.id: (document.title, document.date) for document in store.read(Document)}
    no_heading = ("", "")
    return {
        chunk.id: with_heading(*headings.get(chunk.document_id, no_heading), chunk.text) for chunk in store.read(Chunk)
    }


def embedded_texts(store: GraphStore, encoder: Encoder, texts: list[str]) -> list[str]:
    """The texts of all chunks as an encoder is given them.

    Args:
        store: Store of the chunks.
        encoder: The encoder.
        texts: What `passage_texts` returned for the store.
    Returns:
        `texts`, unless a heading would leave the encoder too little room for the passage and is cut.
    """
    window = PassageWindow.of(encoder)
    if window is None:
        return texts
    headings = ((document.title, document.date) for document in store.read(Document))
    if all(window.heading(*heading) == heading_of(*heading) for heading in headings):
        return texts
    return embedded_passages(store.read(Document), store.read(Chunk), encoder)


def entity_text(entity: Entity) -> str:
    """Name and type of an entity, as embedded: "Orrin Quay (place)"."""
    return f"{entity.name} ({entity.type})" if entity.type else entity.name


def fact_text(subject: str, predicate: str, object_: str) -> str:
    """A fact as embedded: "subject predicate object"."""
    return f"{subject} {predicate} {object_}"


def fact_sentence(subject: str, predicate: str, object_: str, valid_from: str = "", valid_to: str = "") -> str:
    """A fact as shown to a reader.

    Example:
        >>> fact_sentence("maren Oskevald", "leads", "Veldrane Tidal", "2026", "2033")
        'Maren Oskevald leads Veldrane Tidal (from 2026 to 2033).'
    """
    body = " ".join(fact_text(subject, predicate, object_).split()).rstrip(".")
    validity = " ".join(f"{word} {date}" for word, date in (("from", valid_from), ("to", valid_to)) if date)
    return f"{body[:1].upper()}{body[1:]}{f' ({validity})' if validity else ''}."


def retrieved_fact_sentence(fact: RetrievedFact) -> str:
    """A retrieved fact as shown to a reader."""
    return fact_sentence(fact.subject, fact.predicate, fact.object, fact.valid_from, fact.valid_to)
