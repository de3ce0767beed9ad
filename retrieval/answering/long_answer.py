"""A question and its packed evidence to an answer of several sentences, each with checked citations.

For questions about a corpus as a whole, or wherever one sentence is too little. One call under a JSON schema.

- **Which citations are kept** is decided in `checked_claim`: a sentence keeps those of its citations that support it,
  or else the one line that supports it best; a sentence that no line supports is dropped and counted.
- A line supports a sentence if it contains most of its telling terms and all of its names (`_support`): small models
  attribute one person's deeds to another, with words that are all somewhere in the context.
- Points, which a model has stated for this very question, are added if no sentence says them (`_unsaid_points`).

    reply = answer_at_length("What do the articles say about fishing?", packed, chat)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from models.calls.prompt import load_prompt
from models.calls.structured import schema_of_reply
from models.errors import OutputError
from models.protocols import ChatModel, ChatRequest, Usage
from retrieval.answering.answer import MIN_SUPPORT, Citation, cite
from retrieval.text.names import names_in
from retrieval.text.sentences import whole_sentences
from retrieval.text.terms import telling_terms, terms
from retrieval.types import ContextLine, PackedContext

MAX_CLAIMS = 10
"""Maximum number of sentences of an answer."""
MAX_CHARACTERS = 300
"""Maximum number of characters of a sentence."""
MAX_TOKENS = 800
"""Maximum number of tokens of the model's reply."""
_SAME = 0.6
"""Share of a point's telling terms that one sentence must contain to count as saying it."""


class ClaimReply(BaseModel):
    """A sentence of the model's reply and the numbers of the lines that it cites."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field(min_length=1, max_length=MAX_CHARACTERS)
    citations: list[int] = Field(max_length=4)


class LongAnswerReply(BaseModel):
    """The model's reply.

    Attributes:
        claims: Sentences of the answer.
        found: Whether the evidence helps to answer, as the model sees it.
    """

    model_config = ConfigDict(extra="forbid")

    claims: list[ClaimReply] = Field(max_length=MAX_CLAIMS)
    found: bool


SCHEMA = schema_of_reply(LongAnswerReply)


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence of an answer and what it rests on: at least one citation."""

    text: str
    citations: tuple[Citation, ...]


@dataclass(frozen=True, slots=True)
class LongAnswer:
    """An answer of several sentences, or an abstention.

    Attributes:
        claims: Sentences that lines of the context support, none twice.
        unsupported: Number of sentences that were dropped because no line supports them.
        usage: Tokens of the call; zero if none was made.
        seconds: Duration of the call, without retrieval.
        context: Evidence that the model was shown.
    """

    claims: tuple[Claim, ...]
    unsupported: int
    usage: Usage
    seconds: float
    context: PackedContext

    @property
    def text(self) -> str:
        """The sentences one after another; "" if the evidence does not help to answer."""
        return " ".join(claim.text for claim in self.claims)

    @property
    def abstained(self) -> bool:
        """Whether no sentence is left."""
        return not self.claims

    @property
    def sources(self) -> frozenset[str]:
        """Source paths of the documents that the sentences rest on."""
        citations = [citation for claim in self.claims for citation in claim.citations]
        paths = (path for citation in citations for path in (citation.source, *citation.others))
        return frozenset(path for path in paths if path)


def answer_at_length(question: str, packed: PackedContext, chat: ChatModel) -> LongAnswer:
    """Answer a question from packed evidence, sentence by sentence.

    Args:
        question: Text of the question.
        packed: Evidence; without lines the answer is an abstention and no call is made.
        chat: Chat model that reads the evidence.
    Raises:
        ModelError: The model cannot be reached or refuses.
        OutputError: The model's reply is empty, cut off, or breaks the schema.
    """
    if not packed.lines:
        return LongAnswer((), 0, Usage(), 0.0, packed)
    prompt = load_prompt("long_answer")
    messages = prompt.fill({"context": packed.text, "question": " ".join(question.split())})
    completion = chat.complete(ChatRequest(messages, SCHEMA, MAX_TOKENS, template=prompt.template))
    reply = _reply(completion.parsed)
    numbers_of = _sentences(reply)
    name_terms = _name_terms(packed.lines)
    claims: list[Claim] = []
    for text, numbers in numbers_of.items():
        if claim := checked_claim(text, numbers, packed.lines, name_terms, question):
            claims.append(claim)
    unsupported = len(numbers_of) - len(claims)  # before points are added, which no model has said here
    if reply.found:
        claims += _unsaid_points(claims, packed.lines, name_terms, question)
    return LongAnswer(tuple(claims), unsupported, completion.usage, completion.seconds, packed)


def _reply(parsed: Any) -> LongAnswerReply:
    try:
        return LongAnswerReply.model_validate(parsed)
    except ValidationError as error:
        raise OutputError(
            f'Expected {{"claims": sentences with citations, "found": true or false}}; the model gave {parsed!r}.'
        ) from error


def _sentences(reply: LongAnswerReply) -> dict[str, list[int]]:
    """The sentences with the numbers that they cite, none twice; none if the model found nothing."""
    numbers_of: dict[str, list[int]] = {}
    if not reply.found:
        return numbers_of
    for claim in reply.claims:
        text = " ".join(whole_sentences(claim.text, MAX_CHARACTERS).split())
        if text:
            numbers_of[text] = claim.citations
    return numbers_of


def checked_claim(
    text: str, numbers: Sequence[int], lines: Sequence[ContextLine], name_terms: set[str], question: str
) -> Claim | None:
    """A sentence with its citations: the decision which of them are kept.

    Args:
        text: The sentence.
        numbers: Numbers of the lines that the model cites for it.
        lines: All lines of the context.
        name_terms: Terms of all names in the context.
        question: Text of the question, for the choice of quotes.
    Returns:
        The sentence with the cited lines that support it, else with the line that supports it best; None if no line
        does, so that the sentence is dropped.
    """
    sentence_terms, names = set(telling_terms(text)), _names(text, name_terms)
    support = {}
    for line in lines:
        support[line] = _support(sentence_terms, names, _basis(line), set(terms(line.text)))
    # The model's own choice among the lines that pass; only if none of those passes, the best of all lines. A citation
    # beside the right line is common in small readers and should not cost the sentence.
    supporting = [line for line in lines if support[line] >= MIN_SUPPORT]
    cited = [line for line in supporting if line.number in numbers]
    kept = cited or sorted(supporting, key=lambda line: -support[line])[:1]
    return Claim(text, tuple(cite(line, text, question) for line in kept)) if kept else None


def _unsaid_points(
    claims: Sequence[Claim], lines: Sequence[ContextLine], name_terms: set[str], question: str
) -> Iterator[Claim]:
    """Points that no sentence says and that their facts support, most helpful first, up to `MAX_CLAIMS` in all.

    A small reader repeats two of ten points; the others were stated for this question, too, and need not be lost.
    """
    said = [set(telling_terms(claim.text)) for claim in claims]
    points = [(line.point, line) for line in lines if line.point and line.point.is_drawn]
    for point, line in sorted(points, key=lambda pair: pair[0].place):
        point_terms, names = set(telling_terms(point.text)), _names(point.text, name_terms)
        # A sentence with most of a point's words says it; points compare with each other in the same way.
        is_new = all(len(point_terms & sentence_terms) < _SAME * len(point_terms) for sentence_terms in said)
        if is_new and len(said) < MAX_CLAIMS and _support(point_terms, names, _basis(line)) >= MIN_SUPPORT:
            said.append(point_terms)
            yield Claim(point.text, (cite(line, point.text, question),))


def _name_terms(lines: Sequence[ContextLine]) -> set[str]:
    """Terms of all names in lines and in the documents' words behind them."""
    names = [name for line in lines for name in names_in(f"{line.text} {line.evidence}")]
    return {term for name in names for term in terms(name)}


def _names(text: str, name_terms: set[str]) -> list[list[str]]:
    """The terms of each name in a sentence; its first word is one if it is a term of the context's names."""
    first = text.split(maxsplit=1)[0]
    # Every sentence begins with a capital, so that the capital alone says nothing.
    opening = [first] if first[:1].isupper() and set(terms(first)) & name_terms else []
    return [terms(name) for name in (*opening, *names_in(text))]


def _basis(line: ContextLine) -> set[str]:
    """The terms that a line can support a sentence with.

    Of a point they are those of its facts and their sentences, not of its text: that is a model's wording, and a model
    must not be evidence for itself.
    """
    return set(terms(f"{line.title} {line.point.stated if line.point else line.text} {line.evidence}"))


def _support(
    sentence_terms: set[str],
    names: list[list[str]],
    basis: set[str],
    shown_terms: set[str] | frozenset[str] = frozenset(),
) -> float:
    """Share of a sentence's telling terms that a line contains, in its basis or as shown; in [0, 1].

    0 if the basis lacks any term of a name. Other words may also come from the text as shown, which a reader of a point
    repeats; names must be in the documents.
    """
    if not sentence_terms or not all(basis.issuperset(name) for name in names):
        return 0.0
    return len(sentence_terms & (basis | shown_terms)) / len(sentence_terms)
