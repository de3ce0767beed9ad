"""A question and its packed evidence to an answer that cites its lines, or abstains.

One call under a JSON schema. Nothing that the model says about its sources is taken on trust:

- **Which citations are kept** is decided in `supported_lines`: a citation must name a line of the context, and one that
  shares no telling word with the answer gives way to those that do, or to the line that contains most of the answer.
- An answer without any citation is kept only if a line contains enough of its words (`MIN_SUPPORT`).
- The answer is withheld if its evidence probably contains none (`retrieval.answering.confidence`).

Without evidence no call is made.

    reply = answer("Who leads Veldrane Tidal?", pack(retriever.retrieve(question, 10), 1000, count_tokens), chat)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from models.calls.prompt import load_prompt
from models.calls.structured import schema_of_reply
from models.errors import OutputError
from models.protocols import ChatModel, ChatRequest, Usage
from retrieval.answering.confidence import THRESHOLD, confidence, evidence_shares
from retrieval.text.sentences import sentences
from retrieval.text.terms import telling_terms, terms
from retrieval.types import ContextLine, PackedContext

MAX_TOKENS = 320
"""Maximum number of tokens of the model's reply."""
MIN_SUPPORT = 0.6
"""Share of an uncited answer's telling terms that one line must contain to be taken for its source, in [0, 1]."""


class AnswerReply(BaseModel):
    """The model's reply.

    Attributes:
        answer: The answer, or what the model writes instead of one.
        citations: Numbers of the lines that it claims to rest on.
        found: Whether the evidence contains an answer, as the model sees it.
    """

    model_config = ConfigDict(extra="forbid")

    answer: str = Field(max_length=600)
    citations: list[int] = Field(max_length=8)
    found: bool


SCHEMA = schema_of_reply(AnswerReply)


@dataclass(frozen=True, slots=True)
class Citation:
    """A line that an answer rests on.

    Attributes:
        number: Number of the line in the context.
        chunk_id: Id of the chunk that it comes from; "" for a report.
        source: Source path of the document.
        title: Title of the document.
        quote: Sentence of the document nearest to the answer, word for word; "" for a report.
        others: Source paths of further documents, for a line that rests on several.
    """

    number: int
    chunk_id: str
    source: str
    title: str
    quote: str
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a question, or an abstention.

    Attributes:
        text: Text of the answer; "" if abstained.
        citations: Lines that it rests on, at least one unless abstained.
        abstained: Whether the evidence does not contain the answer.
        usage: Tokens of the call; zero if none was made.
        seconds: Duration of the call, without retrieval.
        context: Evidence that the model was shown.
        dropped_citations: Number of cited numbers that are no lines of the context.
        confidence: Probability that the evidence contains the answer (`retrieval.answering.confidence`); 0 without an
            answer.
        withheld: Answer that the model gave and whose confidence was below the threshold, or "".
    """

    text: str
    citations: tuple[Citation, ...]
    abstained: bool
    usage: Usage
    seconds: float
    context: PackedContext
    dropped_citations: int = 0
    confidence: float = 0.0
    withheld: str = ""


def answer(question: str, packed: PackedContext, chat: ChatModel, threshold: float = THRESHOLD) -> Answer:
    """Answer a question from packed evidence.

    Args:
        question: Text of the question.
        packed: Evidence; without lines the answer is an abstention and no call is made.
        chat: Chat model that reads the evidence.
        threshold: Minimum confidence of an answer, in [0, 1]; 0 gives every answer that the model gives.
    Raises:
        ModelError: The model cannot be reached or refuses.
        OutputError: The model's reply is empty, cut off, or breaks the schema.
    """
    if not packed.lines:
        return Answer("", (), True, Usage(), 0.0, packed)
    prompt = load_prompt("answer")
    messages = prompt.fill({"context": packed.text, "question": " ".join(question.split())})
    completion = chat.complete(ChatRequest(messages, SCHEMA, MAX_TOKENS, template=prompt.template))
    reply = _reply(completion.parsed)
    text = " ".join(reply.answer.split())
    numbers = list(dict.fromkeys(reply.citations))  # models repeat themselves
    line_of = {line.number: line for line in packed.lines}
    cited = [line_of[number] for number in numbers if number in line_of]
    dropped = len(numbers) - len(cited)
    lines = supported_lines(text, cited, packed.lines) if reply.found and text else []
    if not lines:
        return Answer("", (), True, completion.usage, completion.seconds, packed, dropped)
    # The confidence looks at question and evidence, not at the answer: a model copies whatever it is shown.
    probability = confidence(evidence_shares(question, lines, packed.lines))
    if probability < threshold:
        return Answer("", (), True, completion.usage, completion.seconds, packed, dropped, probability, text)
    citations = tuple(cite(line, text, question) for line in lines)
    return Answer(text, citations, False, completion.usage, completion.seconds, packed, dropped, probability)


def _reply(parsed: Any) -> AnswerReply:
    try:
        return AnswerReply.model_validate(parsed)
    except ValidationError as error:
        raise OutputError(
            f'Expected {{"answer": text, "citations": numbers, "found": true or false}}; the model gave {parsed!r}.'
        ) from error


def supported_lines(text: str, cited: list[ContextLine], lines: Sequence[ContextLine]) -> list[ContextLine]:
    """The lines that an answer is said to rest on: the decision which citations are kept.

    Args:
        text: The answer.
        cited: Lines of the context that the model cites.
        lines: All lines of the context, at least one.
    Returns:
        The first of these that is not empty: the cited lines that share a telling term with the answer; the line that
        contains most of its telling terms, at least `MIN_SUPPORT` of them; the cited lines.
    """
    answer_terms = set(telling_terms(text))
    # Small readers often name the line beside the right one, so that a citation alone is no proof. A "yes" shares no
    # term with any line: then the model's citations are all there is.
    sharing = [line for line in cited if answer_terms & set(terms(line.text))]
    return sharing or _best_supporting(answer_terms, lines) or cited


def _best_supporting(answer_terms: set[str], lines: Sequence[ContextLine]) -> list[ContextLine]:
    """The line that contains most of an answer's telling terms, if it contains enough of them; the first of equals."""
    # Raw counts instead of BM25: there are few lines, all near the question, and rarity among them says little.
    counts = [len(answer_terms & set(terms(line.text))) for line in lines]
    best = max(counts)
    return [lines[counts.index(best)]] if best / max(len(answer_terms), 1) >= MIN_SUPPORT else []


def cite(line: ContextLine, text: str, question: str) -> Citation:
    """A citation of a line, with the sentence of the document that is nearest to the answer."""
    quote = _quote(line.evidence, text, question)
    return Citation(line.number, line.chunk_id, line.source, line.title, quote, line.others)


def _quote(evidence: str, text: str, question: str) -> str:
    """The sentence that shares most terms with the answer, then with the question; the first of equals."""
    answer_terms, question_terms = set(telling_terms(text)), set(telling_terms(question))
    best, quote = (-1, -1), ""
    for start, end in sentences(evidence):
        # Pairs compare by the answer first; the question decides where the answer ("yes", a number) shares nothing.
        sentence_terms = set(terms(evidence[start:end]))
        shared = len(answer_terms & sentence_terms), len(question_terms & sentence_terms)
        if shared > best:
            best, quote = shared, evidence[start:end]
    return quote
