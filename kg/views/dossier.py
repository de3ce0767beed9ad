"""Everything a store knows of an entity: its facts with the sentences behind them, and why its names are one.

(entity,) = named(store, "Ada Lorne")
dossier(store, entity).facts[0].sentences[0].text
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from kg.language.text import normalise_name
from kg.language.words import fold
from kg.schema import Chunk, Document, Entity, Evidence, Fact, Merge
from kg.stores.protocol import GraphStore
from models.errors import InputError


@dataclass(frozen=True, slots=True, order=True)
class SourceSentence:
    """A sentence, or a name, with its position in the sources; sorts in reading order.

    Attributes:
        source: Source of the document.
        position: Position of the chunk in the document, and start of the sentence in the chunk's text, in characters.
        text: The characters.
    """

    source: str
    position: tuple[int, int]
    text: str


@dataclass(frozen=True, slots=True)
class StatedFact:
    """A fact in words, with the sentences that state it.

    Attributes:
        fact: The fact.
        subject: Name of its subject.
        object: Name of its object.
        sentences: The sentences, in reading order.
    """

    fact: Fact
    subject: str
    object: str
    sentences: tuple[SourceSentence, ...]


@dataclass(frozen=True, slots=True)
class Dossier:
    """What is known of an entity.

    Attributes:
        entity: The entity.
        facts: Its facts, in reading order.
        merges: Why its names are one thing.
        sources: Sources of the documents that name it, sorted.
    """

    entity: Entity
    facts: tuple[StatedFact, ...]
    merges: tuple[Merge, ...]
    sources: tuple[str, ...]


def search(store: GraphStore, query: str = "") -> list[Entity]:
    """Entities with the query in their name or an alias, those named most often first."""
    wanted = fold(query)
    entities = [entity for entity in store.read(Entity) if _is_named_with(entity, wanted)]
    return sorted(entities, key=lambda entity: (-len(entity.evidence), entity.name, entity.id))


def _is_named_with(entity: Entity, part: str) -> bool:
    return any(part in fold(name) for name in (entity.name, *entity.aliases))


def named(store: GraphStore, name: str) -> list[Entity]:
    """The entities of a name, spelled in any way that counts as the same, those named most often first.

    An entity of which it is the main name comes before those of which it is an alias.

    Raises:
        InputError: There is none.
    """
    key = normalise_name(name)
    spelling_of: dict[str, str] = {}
    matches = []
    for entity in store.read(Entity):
        names = (entity.name, *entity.aliases)
        keys = [normalise_name(spelling) for spelling in names]
        spelling_of |= dict(zip(keys, names, strict=True))
        if key in keys:
            matches.append((key != keys[0], -len(entity.evidence), entity.id, entity))
    if not matches:
        near = ", ".join(spelling_of[close] for close in get_close_matches(key, spelling_of, n=3))
        hint = f"Did you mean {near}?" if near else "`graft entities ls` lists the names."
        raise InputError(f"Expected the name of an entity of this workspace, but none is called {name!r}. {hint}")
    return [entity for *_, entity in sorted(matches, key=lambda match: match[:3])]


def dossier(store: GraphStore, entity: Entity) -> Dossier:
    """What the store knows of an entity."""
    facts = [fact for fact in store.read(Fact) if entity.id in (fact.subject_id, fact.object_id)]
    ends = sorted({end for fact in facts for end in (fact.subject_id, fact.object_id)})
    names = {row.id: row.name for row in store.read(Entity, ends)}
    spans = [*entity.evidence, *(span for fact in facts for span in fact.evidence)]
    sentences = read_spans(store, spans)
    stated = [
        StatedFact(fact, names[fact.subject_id], names[fact.object_id], _in_reading_order(fact.evidence, sentences))
        for fact in facts
    ]
    return Dossier(
        entity,
        tuple(sorted(stated, key=lambda item: (item.sentences, item.fact.id))),
        tuple(merge for merge in store.read(Merge) if merge.entity_id == entity.id),
        tuple(sorted({sentences[span].source for span in entity.evidence})),
    )


def _in_reading_order(
    spans: Iterable[Evidence], sentences: Mapping[Evidence, SourceSentence]
) -> tuple[SourceSentence, ...]:
    return tuple(sorted(sentences[span] for span in spans))


def read_spans(store: GraphStore, spans: Iterable[Evidence]) -> dict[Evidence, SourceSentence]:
    """The text of every span, with its source and position."""
    wanted = set(spans)
    chunk_ids = sorted({span.chunk_id for span in wanted})
    chunks = {chunk.id: chunk for chunk in store.read(Chunk, chunk_ids)}
    document_ids = sorted({chunk.document_id for chunk in chunks.values()})
    sources = {document.id: document.source for document in store.read(Document, document_ids)}
    sentences = {}
    for span in wanted:
        chunk = chunks[span.chunk_id]
        text = chunk.text[span.start : span.end]
        sentences[span] = SourceSentence(sources[chunk.document_id], (chunk.position, span.start), text)
    return sentences
