"""Reads corpora in BEIR's form, with facts if there are any, as rows of a knowledge base.

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
from collections.abc import Container, Iterator
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


class _BeirLine(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _BeirPassage(_BeirLine):
    id: str = Field(alias="_id", min_length=1)
    title: str = ""
    text: str


class _BeirQuery(_BeirLine):
    id: str = Field(alias="_id", min_length=1)
    text: str = Field(min_length=1)


class _BeirFact(_BeirLine):
    passage_id: str
    subject: str
    predicate: str
    object: str


L = TypeVar("L", bound=_BeirLine)


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
        name: Name of the folder.
        rows: Documents, chunks, entities and facts.
        queries: Queries with gold, in the order of their file.
        passage_of: Id of the passage of every chunk, by chunk id.
        without_gold: Number of queries left out because they have no gold passage.
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
    passages = _by_id(folder / "corpus.jsonl", _BeirPassage)
    queries = _by_id(folder / "queries.jsonl", _BeirQuery)
    gold = _gold(folder / QRELS, passages.keys(), queries.keys())
    documents: dict[str, Document] = {}
    chunks: dict[str, Chunk] = {}
    for key, passage in passages.items():
        document = Document(make_id("d", key, passage.title, passage.text), key, passage.title, passage.text)
        text = document.text
        documents[key] = document
        chunks[key] = Chunk(make_id("c", document.id), document.id, 0, 0, len(text), text, count_tokens(text))
    facts = list(read_lines(folder / "facts.jsonl", _BeirFact, _FORM)) if (folder / "facts.jsonl").exists() else []
    with_gold = tuple(Query(key, query.text, frozenset(gold[key])) for key, query in queries.items() if key in gold)
    if not with_gold:
        raise InputError(f"Expected gold passages in {folder / QRELS}, but no line has a score above 0.")
    return Corpus(
        folder.resolve().name,
        (*documents.values(), *chunks.values(), *_graph(facts, chunks, folder)),
        with_gold,
        {chunk.id: key for key, chunk in chunks.items()},
        len(queries) - len(with_gold),
    )


def normalised(name: str) -> str:
    """A name as the graph joins it: letters and digits in lower case, all else one space.

    Example:
        >>> normalised("St. John's  (Malta)")
        'st john s malta'
    """
    return " ".join(re.sub(r"[^\w]|_", " ", name.lower()).split())


def _graph(facts: list[tuple[int, _BeirFact]], chunks: dict[str, Chunk], folder: Path) -> Iterator[Row]:
    """Entities and facts, from triples with the numbers of their lines."""
    names: defaultdict[str, Counter[str]] = defaultdict(Counter)
    mentions: defaultdict[str, set[Evidence]] = defaultdict(set)
    evidence: defaultdict[tuple[str, str, str], set[Evidence]] = defaultdict(set)
    for number, fact in facts:
        chunk = chunks.get(fact.passage_id)
        if chunk is None:
            raise InputError(
                f"{folder / 'facts.jsonl'}, line {number}: expected the id of a passage in corpus.jsonl, "
                f"got {fact.passage_id!r}."
            )
        subject, object_ = normalised(fact.subject), normalised(fact.object)
        predicate = " ".join(fact.predicate.lower().split())
        # Open information extraction leaves empty ends and predicates; such a triple states nothing.
        if not (subject and object_ and predicate):
            continue
        span = Evidence(chunk.id, 0, len(chunk.text))  # published triples say the passage, not the sentence
        for key, name in ((subject, fact.subject), (object_, fact.object)):
            names[key][" ".join(name.split())] += 1
            mentions[key].add(span)
        evidence[subject, predicate, object_].add(span)
    ids = {key: make_id("e", key) for key in names}
    for key, spellings in names.items():
        # The most frequent spelling is the name, the others are aliases; ties by letter, so that ids are reproducible.
        (name, _), *others = sorted(spellings.items(), key=lambda counted: (-counted[1], counted[0]))
        aliases = tuple(sorted(spelling for spelling, _ in others))
        yield Entity(ids[key], name, "", aliases, tuple(sorted(mentions[key])))
    for (subject, predicate, object_), spans in evidence.items():
        yield Fact(
            make_id("f", subject, predicate, object_), ids[subject], predicate, ids[object_], tuple(sorted(spans))
        )


def _by_id(path: Path, kind: type[L]) -> dict[str, L]:
    lines: dict[str, L] = {}
    for number, line in read_lines(path, kind, _FORM):
        key = str(line.id)  # type: ignore[attr-defined]
        if key in lines:
            raise InputError(f"{path}, line {number}: expected unique ids, but the id {key!r} is there twice.")
        lines[key] = line
    if not lines:
        raise InputError(f"Expected one or more lines in {path}, but it is empty.")
    return lines


def _gold(path: Path, passages: Container[str], queries: Container[str]) -> dict[str, set[str]]:
    try:
        _, *lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise InputError(f"Expected a header and lines of three columns in {path}, but: {error}.") from error
    gold: defaultdict[str, set[str]] = defaultdict(set)
    for number, line in enumerate(lines, 2):
        columns = line.split("\t")
        if len(columns) != 3 or not columns[2].strip().lstrip("-").isdigit():
            raise InputError(f"{path}, line {number}: expected query-id, corpus-id and score, got {line!r}.")
        query, passage, score = columns
        if query not in queries or passage not in passages:
            raise InputError(
                f"{path}, line {number}: expected ids of queries.jsonl and corpus.jsonl, but {query!r} or {passage!r} "
                "is not there."
            )
        if int(score) > 0:
            gold[query].add(passage)
    return gold
