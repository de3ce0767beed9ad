"""What a retriever returns and what a packer makes of it.

Scores are comparable within one `Retrieved` only. Ids are those of `kg.schema`; provenance is
never lost: every line of a packed context knows the chunk it came from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk found for a question.

    Attributes:
        chunk_id: The chunk.
        document_id: Its document.
        source: The document's source path.
        title: The document's title.
        date: The document's date, or "".
        text: The chunk's text.
        score: Higher is better.
    """

    chunk_id: str
    document_id: str
    source: str
    title: str
    date: str
    text: str
    score: float


@dataclass(frozen=True, slots=True)
class FoundFact:
    """A fact found for a question, with the names of its ends and the sentence that states it.

    `source` and `title` are those of the document that the sentence stands in.
    """

    fact_id: str
    subject: str
    predicate: str
    object: str
    chunk_id: str
    sentence: str
    score: float
    valid_from: str = ""
    valid_to: str = ""
    source: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True)
class Path:
    """A walk over the graph: facts in order, each sharing an entity with the next."""

    facts: tuple[FoundFact, ...]
    score: float


@dataclass(frozen=True, slots=True)
class FoundReport:
    """A community report found for a question."""

    report_id: str
    title: str
    summary: str
    score: float


@dataclass(frozen=True, slots=True)
class FoundPoint:
    """A statement about the corpus that reports make for a question.

    Attributes:
        text: One sentence, or a few.
        title: Of the report that makes it.
        facts: What it rests on, at least one.
        score: How much it helps to answer, higher is better.
        is_drawn: Whether a model stated it for this question; else a report says it anyway.
    """

    text: str
    title: str
    facts: tuple[FoundFact, ...]
    score: float
    is_drawn: bool = True


@dataclass(frozen=True, slots=True)
class FoundRow:
    """A row of values that a query of the graph returned, as text: "p.name: Maren Oskevald; count: 3"."""

    text: str


@dataclass(frozen=True, slots=True)
class GraphQuery:
    """A query of the graph that was written for a question.

    Attributes:
        text: As written.
        problem: Why nothing came of it, or "".
    """

    text: str
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Retrieved:
    """Evidence for one question, each list best first, and the query of the graph behind it, where there is one."""

    passages: tuple[Passage, ...] = ()
    facts: tuple[FoundFact, ...] = ()
    paths: tuple[Path, ...] = ()
    reports: tuple[FoundReport, ...] = ()
    points: tuple[FoundPoint, ...] = ()
    rows: tuple[FoundRow, ...] = ()
    query: GraphQuery | None = None


@dataclass(frozen=True, slots=True)
class PlannedCalls:
    """What a retriever that asks a chat model spends on a question, at most: calls, and tokens of each."""

    model: str
    calls: int
    tokens_in: int
    tokens_out: int


class Retriever(Protocol):
    """Question to evidence; a class that asks a chat model says what that costs in `asks(settings)`."""

    name: str

    @property
    def digest(self) -> str:
        """Names the index and every setting; part of the key of frozen contexts."""

    def retrieve(self, question: str, limit: int) -> Retrieved:
        """Find at most `limit` passages (and what else the retriever knows)."""


@dataclass(frozen=True, slots=True)
class PackedPoint:
    """What a line says that is a point.

    Attributes:
        text: The point, in a model's words.
        stated: The facts that it rests on, as the graph states them.
        place: Among the points found, from 0, best first.
        is_drawn: As `FoundPoint`.
    """

    text: str
    stated: str
    place: int
    is_drawn: bool


@dataclass(frozen=True, slots=True)
class ContextLine:
    """One numbered piece of a packed context: "[n] text".

    Attributes:
        number: The citation number, from 1.
        text: As shown to the model, without its number.
        chunk_id: Where it comes from.
        kind: "passage", "fact", "point", "report" or "row".
        source: The document's source path.
        title: The document's title.
        evidence: The document's own words behind the line: the passage as shown, or the sentence of a fact.
        others: Of a point that rests on several facts: the sources of the further ones.
        point: Where the line is one.
    """

    number: int
    text: str
    chunk_id: str
    kind: str
    source: str = ""
    title: str = ""
    evidence: str = ""
    others: tuple[str, ...] = ()
    point: PackedPoint | None = None


@dataclass(frozen=True, slots=True)
class PackedContext:
    """Evidence that fits a token budget, ready for a prompt.

    Attributes:
        text: What the prompt holds.
        lines: The same, line by line, with provenance.
        tokens: Number of tokens of `text` under the reader's tokenizer.
        left_out: Pieces that did not fit.
        query: The query of the graph behind the evidence, where there is one.
    """

    text: str
    lines: tuple[ContextLine, ...]
    tokens: int
    left_out: int
    query: GraphQuery | None = None
