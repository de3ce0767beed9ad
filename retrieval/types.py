"""What a retriever returns (`RetrievedEvidence`) and what the packer makes of it (`PackedContext`).

Scores can be compared within one `RetrievedEvidence` only. Ids are those of `kg.schema`. Provenance is never lost:
every line of a packed context names the chunk it comes from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk that a retriever found for a question.

    Attributes:
        chunk_id: Id of the chunk.
        document_id: Id of its document.
        source: Source path of the document.
        title: Title of the document.
        date: Date of the document, or "".
        text: Text of the chunk.
        score: Relevance; higher is better.
    """

    chunk_id: str
    document_id: str
    source: str
    title: str
    date: str
    text: str
    score: float


@dataclass(frozen=True, slots=True)
class RetrievedFact:
    """A fact that a retriever found for a question.

    Attributes:
        fact_id: Id of the fact.
        subject: Name of its subject.
        predicate: Relation between subject and object, in words.
        object: Name of its object.
        chunk_id: Id of the chunk whose sentence states it, or "".
        sentence: That sentence, word for word, or "".
        score: Relevance; higher is better.
        valid_from: First date on which it holds, or "".
        valid_to: Last date on which it holds, or "".
        source: Source path of the document that states it.
        title: Title of that document.
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
class FactPath:
    """A walk over the graph: facts in order, each sharing an entity with the next."""

    facts: tuple[RetrievedFact, ...]
    score: float


@dataclass(frozen=True, slots=True)
class RetrievedReport:
    """A community report that a retriever found for a question."""

    report_id: str
    title: str
    summary: str
    score: float


@dataclass(frozen=True, slots=True)
class RetrievedPoint:
    """A statement about the corpus that helps to answer a question, drawn from community reports.

    Attributes:
        text: One sentence, or a few.
        title: Title of the report that the statement comes from.
        facts: Facts that support it, at least one.
        score: How much it helps to answer; higher is better.
        is_drawn: Whether a chat model worded it for this question; otherwise it is a finding of a report as written.
    """

    text: str
    title: str
    facts: tuple[RetrievedFact, ...]
    score: float
    is_drawn: bool = True


@dataclass(frozen=True, slots=True)
class QueryRow:
    """A row of values that a query of the graph returned, as text: "p.name: Maren Oskevald; count: 3"."""

    text: str


@dataclass(frozen=True, slots=True)
class GraphQuery:
    """A query of the graph that was written for a question.

    Attributes:
        text: The query as written.
        problem: Why it returned nothing, or "".
    """

    text: str
    problem: str = ""


@dataclass(frozen=True, slots=True)
class RetrievedEvidence:
    """Evidence for one question.

    Attributes:
        passages: Passages, best first.
        facts: Facts, best first.
        paths: Paths of facts, best first.
        reports: Community reports, best first.
        points: Statements about the corpus, best first.
        rows: Rows of values that `query` returned.
        query: Query of the graph that was written for the question; None where there is none.
    """

    passages: tuple[Passage, ...] = ()
    facts: tuple[RetrievedFact, ...] = ()
    paths: tuple[FactPath, ...] = ()
    reports: tuple[RetrievedReport, ...] = ()
    points: tuple[RetrievedPoint, ...] = ()
    rows: tuple[QueryRow, ...] = ()
    query: GraphQuery | None = None


@dataclass(frozen=True, slots=True)
class PlannedCalls:
    """Upper bound of what a retriever that calls a chat model spends on one question.

    Attributes:
        model: Name of the chat model.
        calls: Maximum number of calls.
        tokens_in: Maximum number of prompt tokens of one call.
        tokens_out: Maximum number of written tokens of one call.
    """

    model: str
    calls: int
    tokens_in: int
    tokens_out: int


class Retriever(Protocol):
    """Turns a question into evidence.

    A class that calls a chat model also has a static method `planned_calls(settings)`, which returns `PlannedCalls`.
    """

    name: str

    @property
    def digest(self) -> str:
        """Digest of the index and of every setting; part of the key of frozen contexts."""

    def retrieve(self, question: str, limit: int) -> RetrievedEvidence:
        """Find at most `limit` passages, and the other kinds of evidence that this retriever gives."""


@dataclass(frozen=True, slots=True)
class PackedPoint:
    """The point that a line of a context shows.

    Attributes:
        text: The point, in the words of a chat model.
        stated: The facts that support it, as the graph states them.
        place: Rank among the points found, from 0, best first.
        is_drawn: Whether a chat model worded it for this question, as in `RetrievedPoint`.
    """

    text: str
    stated: str
    place: int
    is_drawn: bool


@dataclass(frozen=True, slots=True)
class ContextLine:
    """One numbered piece of a packed context: "[n] text".

    Attributes:
        number: Citation number, from 1.
        text: Text as shown to the model, without its number.
        chunk_id: Id of the chunk that it comes from; "" for reports and rows.
        kind: "passage", "fact", "point", "report" or "row".
        source: Source path of the document.
        title: Title of the document.
        evidence: The document's own words behind the line: the passage as shown, or the sentence of a fact.
        others: Source paths of further documents, for a point that facts of several documents support.
        point: The point that the line shows; None for other kinds.
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
        text: Text that goes into the prompt.
        lines: The same text line by line, with provenance.
        tokens: Number of tokens of `text` under the reader's tokenizer.
        left_out: Number of pieces that did not fit.
        query: Query of the graph behind the evidence; None where there is none.
    """

    text: str
    lines: tuple[ContextLine, ...]
    tokens: int
    left_out: int
    query: GraphQuery | None = None
