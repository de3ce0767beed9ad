"""Corpora in BEIR's form, with facts if there are any, as rows of a knowledge base: what retrieval is measured on.

    corpus.jsonl      {"_id", "title", "text"}
    queries.jsonl     {"_id", "text"}
    qrels/test.tsv    query-id  corpus-id  score, tab-separated, with a header; a score above 0 is gold
    facts.jsonl       {"passage_id", "subject", "predicate", "object"}, optional

A passage stays whole: one document of one chunk, so that a ranking of chunks is one of passages. A fact's evidence is
its passage; two names are one entity if their letters and digits are the same, in any case. Source: Thakur et al. 2021
for the form; Gutiérrez et al. 2025 (HippoRAG 2) for how names of given triples are joined.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field

from kg.language.sentences import count_tokens
from kg.schema import Chunk, Document, Entity, Evidence, Fact, Row, make_id
from models.errors import InputError
from models.files.jsonl import read_lines

QRELS = "qrels/test.tsv"
_FORM = "a folder in BEIR's form"


class _Line(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Passage(_Line):
    id: str = Field(alias="_id", min_length=1)
    title: str = ""
    text: str


class _Query(_Line):
    id: str = Field(alias="_id", min_length=1)
    text: str = Field(min_length=1)


class _Fact(_Line):
    passage_id: str
    subject: str
    predicate: str
    object: str


L = TypeVar("L", bound=_Line)


@dataclass(frozen=True, slots=True)
class Query:
    """A question and the ids of the passages that hold its evidence."""

    id: str
    text: str
    gold: frozenset[str]


@dataclass(frozen=True, slots=True)
class Corpus:
    """A folder in BEIR's form.

    Attributes:
        name: Of the folder.
        rows: Documents, chunks, entities and facts.
        queries: Those with gold, in the order of their file.
        passage_of: Id of the passage of every chunk.
        without_gold: Queries that have none and are left out.
    """

    name: str
    rows: tuple[Row, ...]
    queries: tuple[Query, ...]
    passage_of: dict[str, str]
    without_gold: int


def read_corpus(folder: Path) -> Corpus:
    """Read a folder.

    Raises:
        InputError: A file is missing or malformed, an id is there twice, or a line names an id that is not there.
    """
    passages = _by_id(folder / "corpus.jsonl", _Passage)
    queries = _by_id(folder / "queries.jsonl", _Query)
    gold = _gold(folder / QRELS, passages.keys(), queries.keys())
    documents = {
        key: Document(make_id("d", key, each.title, each.text), key, each.title, each.text)
        for key, each in passages.items()
    }
    chunks = {
        key: Chunk(make_id("c", row.id), row.id, 0, 0, len(row.text), row.text, count_tokens(row.text))
        for key, row in documents.items()
    }
    facts = list(read_lines(folder / "facts.jsonl", _Fact, _FORM)) if (folder / "facts.jsonl").exists() else []
    asked = tuple(Query(key, each.text, frozenset(gold[key])) for key, each in queries.items() if key in gold)
    if not asked:
        raise InputError(f"{folder / QRELS} has no gold passage of any query: there is nothing to measure")
    return Corpus(
        folder.resolve().name,
        (*documents.values(), *chunks.values(), *_graph(facts, chunks, folder)),
        asked,
        {row.id: key for key, row in chunks.items()},
        len(queries) - len(asked),
    )


def normalised(name: str) -> str:
    """A name as the graph joins it: letters and digits in lower case, all else one space.

    Example:
        >>> normalised("St. John's  (Malta)")
        'st john s malta'
    """
    return " ".join(re.sub(r"[^\w]|_", " ", name.lower()).split())


def _graph(facts: list[tuple[int, _Fact]], chunks: dict[str, Chunk], folder: Path) -> Iterator[Row]:
    names: defaultdict[str, Counter[str]] = defaultdict(Counter)
    places: defaultdict[str, set[Evidence]] = defaultdict(set)
    told: defaultdict[tuple[str, str, str], set[Evidence]] = defaultdict(set)
    for number, fact in facts:
        chunk = chunks.get(fact.passage_id)
        if chunk is None:
            raise InputError(f"{folder / 'facts.jsonl'}, line {number}: no passage {fact.passage_id!r} in corpus.jsonl")
        subject, object_ = normalised(fact.subject), normalised(fact.object)
        predicate = " ".join(fact.predicate.lower().split())
        if not (subject and object_ and predicate):
            continue
        span = Evidence(chunk.id, 0, len(chunk.text))
        for key, name in ((subject, fact.subject), (object_, fact.object)):
            names[key][" ".join(name.split())] += 1
            places[key].add(span)
        told[subject, predicate, object_].add(span)
    ids = {key: make_id("e", key) for key in names}
    for key, forms in names.items():
        (name, _), *others = sorted(forms.items(), key=lambda form: (-form[1], form[0]))
        yield Entity(ids[key], name, "", tuple(sorted(form for form, _ in others)), tuple(sorted(places[key])))
    for (subject, predicate, object_), spans in told.items():
        yield Fact(
            make_id("f", subject, predicate, object_), ids[subject], predicate, ids[object_], tuple(sorted(spans))
        )


def _by_id(path: Path, kind: type[L]) -> dict[str, L]:
    rows: dict[str, L] = {}
    for number, row in read_lines(path, kind, _FORM):
        key = str(row.id)  # type: ignore[attr-defined]
        if key in rows:
            raise InputError(f"{path}, line {number}: the id {key!r} is there twice; ids are to be unique")
        rows[key] = row
    if not rows:
        raise InputError(f"{path} is empty")
    return rows


def _gold(path: Path, passages: object, queries: object) -> dict[str, set[str]]:
    try:
        _, *lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {error}; expected a header and lines of three columns") from error
    gold: defaultdict[str, set[str]] = defaultdict(set)
    for number, line in enumerate(lines, 2):
        columns = line.split("\t")
        if len(columns) != 3 or not columns[2].strip().lstrip("-").isdigit():
            raise InputError(f"{path}, line {number}: expected query-id, corpus-id and score, got {line!r}")
        query, passage, score = columns
        if query not in queries or passage not in passages:  # type: ignore[operator]
            raise InputError(
                f"{path}, line {number}: {query!r} or {passage!r} is no id of queries.jsonl or corpus.jsonl"
            )
        if int(score) > 0:
            gold[query].add(passage)
    return gold
