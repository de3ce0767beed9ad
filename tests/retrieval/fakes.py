"""A store in a dict, an encoder of words, a scripted chat model and a small invented world."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal

import numpy as np

from kg.schema import Chunk, Document, Entity, Evidence, Fact, Row, make_id
from kg.stores.protocol import JournalEntry
from models.files.digest import digest
from models.protocols import ChatRequest, Completion, Usage, Vectors
from retrieval.text.terms import telling_terms
from retrieval.types import Passage


class MemoryStore:
    """Rows by kind and id."""

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        self._rows: dict[tuple[str, str], Row] = {}
        self.put(rows)

    def transaction(self) -> AbstractContextManager[None]:
        return nullcontext()

    def put(self, rows: Iterable[Row]) -> None:
        self._rows.update({(type(row).__name__, row.id): row for row in rows})

    def replace(self, kind: type[Any], rows: Iterable[Any]) -> None:
        self._rows = {key: row for key, row in self._rows.items() if key[0] != kind.__name__}
        self.put(rows)

    def read(self, kind: type[Any], ids: Sequence[str] | None = None) -> Iterator[Any]:
        wanted = sorted(key[1] for key in self._rows if key[0] == kind.__name__) if ids is None else ids
        return (self._rows[kind.__name__, id_] for id_ in wanted if (kind.__name__, id_) in self._rows)

    def mark(self, entries: Iterable[JournalEntry]) -> None:
        raise AssertionError("retrieval must not write to the journal")

    def journal(self, stage: str | None = None) -> Iterator[JournalEntry]:
        return iter(())

    def digest(self) -> str:
        return digest(sorted((kind, id_, repr(row)) for (kind, id_), row in self._rows.items()))

    def close(self) -> None:
        return None


class WordEncoder:
    """A bag of hashed words: texts that share telling words are near. Counts the texts it encodes."""

    name = "words"

    def __init__(self, dimension: int = 64) -> None:
        self.dimension = dimension
        self.encoded: list[str] = []

    @property
    def digest(self) -> str:
        return digest("words", self.dimension)

    def encode(self, texts: Sequence[str], kind: Literal["query", "passage"] = "passage") -> Vectors:
        if kind == "passage":
            self.encoded.extend(texts)
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for row, text in enumerate(texts):
            for term in telling_terms(text) or [""]:
                vectors[row, zlib.crc32(term.encode()) % self.dimension] += 1.0
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


class OverlapReranker:
    """Scores a passage by the telling terms that it shares with the question."""

    name = digest = "overlap"

    def rank(self, question: str, passages: Sequence[str]) -> Vectors:
        asked = set(telling_terms(question))
        return np.array([len(asked & set(telling_terms(passage))) for passage in passages], dtype=np.float32)


class ScriptedChat:
    """Replies to every request with the same JSON, and remembers the requests."""

    name = "scripted"
    digest = "scripted"

    def __init__(self, parsed: Any) -> None:
        self._parsed = parsed
        self.requests: list[ChatRequest] = []

    def complete(self, request: ChatRequest) -> Completion:
        self.requests.append(request)
        return Completion("", Usage(100, 10), "stop", 0.5, parsed=self._parsed)

    def close(self) -> None:
        return None


def count_words(text: str) -> int:
    """A tokenizer that anyone can check by eye."""
    return len(text.split())


def passage(text: str, name: str = "", title: str = "", date: str = "", score: float = 1.0) -> Passage:
    """A passage of a document of its own."""
    name = name or text
    return Passage(make_id("c", name), make_id("d", name), f"{name}.md", title, date, text, score)


ARTICLES = (
    ("Bridge", "2031-05-01", "The Aldermoon Bridge was designed by Ivo Tarn. It crosses the river Sel."),
    ("Tarn", "2029-02-11", "Ivo Tarn was born in Pellin. He keeps bees."),
    ("Pellin", "", "The mayor of Pellin is Runa Fisk, who was elected by nine votes."),
    ("Bees", "2030-07-07", "Bees need flowers. Honey keeps for years."),
    ("Harbour", "2032-01-30", "The harbour of Quenn was dredged in autumn. Ferries wait outside."),
)
FACTS = (
    ("Ivo Tarn", "designed", "Aldermoon Bridge", 0),
    ("Aldermoon Bridge", "crosses", "river Sel", 0),
    ("Ivo Tarn", "was born in", "Pellin", 1),
    ("Runa Fisk", "is mayor of", "Pellin", 2),
)


def world() -> list[Row]:
    """Five articles of one chunk, and a graph over the first three: bridge - Tarn - Pellin - Fisk."""
    documents = [Document(make_id("d", t), f"{t.lower()}.md", t, text, date) for t, date, text in ARTICLES]
    chunks = [Chunk(make_id("c", d.id), d.id, 0, 0, len(d.text), d.text, count_words(d.text)) for d in documents]
    spans: dict[str, list[Evidence]] = {}
    for subject, _, object_, place in FACTS:
        for name in (subject, object_):
            start = max(chunks[place].text.find(name), 0)
            spans.setdefault(name, []).append(Evidence(chunks[place].id, start, start + len(name)))
    entities = {
        name: Entity(make_id("e", name), name, "thing", (), tuple(sorted(set(found)))) for name, found in spans.items()
    }
    facts = [
        Fact(
            make_id("f", s, p, o),
            entities[s].id,
            p,
            entities[o].id,
            (Evidence(chunks[place].id, 0, chunks[place].text.index(".") + 1),),
        )
        for s, p, o, place in FACTS
    ]
    return [*documents, *chunks, *entities.values(), *facts]


def chunk_id(title: str) -> str:
    """The chunk of an article of the invented world."""
    return make_id("c", make_id("d", title))
