"""Reads corpora in BEIR's form, with facts if there are any, as rows of a knowledge base.

    corpus.jsonl      {"_id", "title", "text"}
    queries.jsonl     {"_id", "text"}
    qrels/test.tsv    judgements (`eval.retrieval.judgements`); those of dev or train if there are none of test
    facts.jsonl       {"passage_id", "subject", "predicate", "object"}, optional

A passage stays whole: one document of one chunk, so that a ranking of chunks is one of passages. A fact's evidence is
its passage; two names are one entity if their letters and digits are the same, in any case. Source: Thakur et al. 2021
for the form; Gutiérrez et al. 2025 (HippoRAG 2) for how names of given triples are joined.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from eval.retrieval.judgements import Judgements, read_judgements
from eval.tasks.files import read_published
from kg.language.sentences import count_tokens
from kg.schema import Chunk, Document, Entity, Evidence, Fact, Row, make_id
from models.errors import InputError
from models.files.jsonl import parse_lines

_FORM = "a folder in BEIR's form"


def _as_id(value: Any) -> Any:
    """A number as text, since many sets number their passages; a text without white space around, as in judgements."""
    if isinstance(value, str):
        return value.strip()
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _as_text(value: Any) -> Any:
    """A title or text that is null as an empty one, and a number as its digits: a film may be called 1984."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return "" if value is None else value


_Id = Annotated[str, BeforeValidator(_as_id), Field(min_length=1)]
_Text = Annotated[str, BeforeValidator(_as_text)]


class _BeirLine(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _BeirPassage(_BeirLine):
    id: _Id = Field(alias="_id")
    title: _Text = ""
    text: _Text


class _BeirQuery(_BeirLine):
    id: _Id = Field(alias="_id")
    text: _Text = Field(pattern=r"\S")


class _BeirFact(_BeirLine):
    passage_id: _Id
    subject: str
    predicate: str
    object: str


L = TypeVar("L", bound=_BeirLine)


@dataclass(frozen=True, slots=True)
class Query:
    """A question and the relevance of passages to it.

    Attributes:
        id: Unique among the queries.
        text: The question.
        grades: Relevance from 1 on, by id of the passage; some may not be in the corpus.
        own: Id of the passage that is the query itself and is left out of its ranking, or "".
    """

    id: str
    text: str
    grades: Mapping[str, int]
    own: str = ""

    @property
    def gold(self) -> frozenset[str]:
        """Ids of the relevant passages."""
        return frozenset(self.grades)


@dataclass(frozen=True, slots=True)
class Corpus:
    """A folder in BEIR's form.

    Attributes:
        name: Name of the folder.
        rows: Documents, chunks, entities and facts.
        queries: Queries with gold, in the order of their file.
        passage_of: Id of the passage of every chunk, by chunk id.
        without_gold: Number of queries left out because they have no gold passage.
        judgements: The judgements, with the numbers of those that lead nowhere.
        empty: Number of passages with neither title nor text, which no query finds.
    """

    name: str
    rows: tuple[Row, ...]
    queries: tuple[Query, ...]
    passage_of: dict[str, str]
    without_gold: int
    judgements: Judgements
    empty: int = 0

    @property
    def notices(self) -> list[str]:
        """What a user should know about the folder, in sentences."""
        told = self.judgements.notices
        if own := sum(bool(query.own) for query in self.queries):
            told.append(
                f"{own:,} {'query is a passage' if own == 1 else 'queries are passages'} of the corpus by id; "
                "a query's own passage is left out of its ranking, as in BEIR."
            )
        if self.empty:
            told.append(f"{self.empty:,} of {len(self.passage_of):,} passages have neither title nor text.")
        return told


def read_corpus(folder: Path) -> Corpus:
    """Read a folder.

    Raises:
        InputError: A file is missing or malformed, an id is there twice, or a fact names a passage that is not there.
    """
    passages = _by_id(folder / "corpus.jsonl", _BeirPassage)
    queries = _by_id(folder / "queries.jsonl", _BeirQuery)
    judgements = read_judgements(folder, queries.keys(), passages.keys())
    documents: dict[str, Document] = {}
    chunks: dict[str, Chunk] = {}
    for key, passage in passages.items():
        document = Document(make_id("d", key, passage.title, passage.text), key, passage.title, passage.text)
        text = document.text
        documents[key] = document
        chunks[key] = Chunk(make_id("c", document.id), document.id, 0, 0, len(text), text, count_tokens(text))
    path = folder / "facts.jsonl"
    facts = list(parse_lines(read_published(path, _FORM), str(path), _BeirFact)) if path.exists() else []
    with_gold = _queries(queries, judgements, passages)
    return Corpus(
        folder.resolve().name,
        (*documents.values(), *chunks.values(), *_graph(facts, chunks, folder)),
        with_gold,
        {chunk.id: key for key, chunk in chunks.items()},
        len(queries) - len(with_gold),
        judgements,
        sum(not f"{passage.title}{passage.text}".strip() for passage in passages.values()),
    )


def _queries(queries: Mapping[str, _BeirQuery], judgements: Judgements, passages: Container[str]) -> tuple[Query, ...]:
    """Queries with gold. One whose id is that of a passage is that passage, unless ids are plainly two numberings."""
    grades = judgements.grades
    # No set judges a query as relevant to itself: where that is so, queries and passages are each numbered from 0.
    two_numberings = any(query in graded for query, graded in grades.items())
    found = []
    for key, query in queries.items():
        if key in grades:
            own = key if key in passages and not two_numberings else ""
            found.append(Query(key, query.text, grades[key], own))
    return tuple(found)


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
    for number, line in parse_lines(read_published(path, _FORM), str(path), kind):
        key = str(line.id)  # type: ignore[attr-defined]
        if key in lines:
            raise InputError(f"{path}, line {number}: expected unique ids, but the id {key!r} is there twice.")
        lines[key] = line
    if not lines:
        raise InputError(f"Expected one or more lines in {path}, but it is empty.")
    return lines
