"""Everything a store knows of an entity: its facts with the sentences behind them, and why its names are one.

(entity,) = named(store, "Ada Lorne")
dossier(store, entity).facts[0].sentences[0].text
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from kg.language.text import normalise_name
from kg.schema import Chunk, Document, Entity, Evidence, Fact, Merge
from kg.stores.protocol import GraphStore
from models.errors import InputError


@dataclass(frozen=True, slots=True, order=True)
class Sentence:
    """A piece of a document.

    Attributes:
        source: The document's source.
        place: Position of the chunk, and start within it.
        text: The characters.
    """

    source: str
    place: tuple[int, int]
    text: str


@dataclass(frozen=True, slots=True)
class Told:
    """A fact in words, with its sentences in reading order."""

    fact: Fact
    subject: str
    object: str
    sentences: tuple[Sentence, ...]


@dataclass(frozen=True, slots=True)
class Dossier:
    """What is known of an entity.

    Attributes:
        entity: It.
        facts: In reading order.
        merges: Why its names are one thing.
        sources: Documents that name it, sorted.
    """

    entity: Entity
    facts: tuple[Told, ...]
    merges: tuple[Merge, ...]
    sources: tuple[str, ...]


def search(store: GraphStore, query: str = "") -> list[Entity]:
    """Entities with the query in their name or an alias, those named most often first."""
    wanted = query.casefold()
    found = [row for row in store.read(Entity) if any(wanted in name.casefold() for name in (row.name, *row.aliases))]
    return sorted(found, key=lambda row: (-len(row.evidence), row.name, row.id))


def named(store: GraphStore, name: str) -> list[Entity]:
    """The entities of that name, spelled in any way that counts as the same, those named most often first.

    An entity of which it is the main name goes before those of which it is an alias.

    Raises:
        InputError: There is none.
    """
    key = normalise_name(name)
    known: dict[str, str] = {}
    found = []
    for row in store.read(Entity):
        keys = [normalise_name(each) for each in (row.name, *row.aliases)]
        known |= dict(zip(keys, (row.name, *row.aliases), strict=True))
        if key in keys:
            found.append((key != keys[0], -len(row.evidence), row.id, row))
    if not found:
        near = ", ".join(known[each] for each in get_close_matches(key, known, n=3))
        hint = f"did you mean {near}?" if near else "`graft entities ls` lists the names."
        raise InputError(f"Expected the name of an entity of this workspace, found none called {name!r}: {hint}")
    return [row for *_, row in sorted(found, key=lambda item: item[:3])]


def dossier(store: GraphStore, entity: Entity) -> Dossier:
    """What the store knows of an entity."""
    facts = [fact for fact in store.read(Fact) if entity.id in (fact.subject_id, fact.object_id)]
    ends = sorted({end for fact in facts for end in (fact.subject_id, fact.object_id)})
    names = {row.id: row.name for row in store.read(Entity, ends)}
    spans = [*entity.evidence, *(span for fact in facts for span in fact.evidence)]
    sentences = read_spans(store, spans)
    told = [
        Told(
            fact,
            names[fact.subject_id],
            names[fact.object_id],
            tuple(sorted(sentences[span] for span in fact.evidence)),
        )
        for fact in facts
    ]
    return Dossier(
        entity,
        tuple(sorted(told, key=lambda each: (each.sentences, each.fact.id))),
        tuple(row for row in store.read(Merge) if row.entity_id == entity.id),
        tuple(sorted({sentences[span].source for span in entity.evidence})),
    )


def read_spans(store: GraphStore, spans: Iterable[Evidence]) -> dict[Evidence, Sentence]:
    """The text of every span, and where it stands."""
    wanted = set(spans)
    chunks = {row.id: row for row in store.read(Chunk, sorted({span.chunk_id for span in wanted}))}
    documents = sorted({chunk.document_id for chunk in chunks.values()})
    sources = {row.id: row.source for row in store.read(Document, documents)}
    return {
        span: Sentence(
            sources[chunks[span.chunk_id].document_id],
            (chunks[span.chunk_id].position, span.start),
            chunks[span.chunk_id].text[span.start : span.end],
        )
        for span in wanted
    }
