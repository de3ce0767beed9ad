"""A question and its packed evidence to an answer that cites its lines, or abstains.

One call under a JSON schema. Nothing the model says about its sources is taken on trust: a citation
must name a line of the context, one that shares no word with the answer gives way to one that does, and an
answer without any is kept only if a line holds its words. No evidence, no call.

    reply = answer("Who leads Veldrane Tidal?", pack(retriever.retrieve(question, 10), 1000, count_tokens), chat)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from models.calls.prompt import load_prompt
from models.errors import OutputError
from models.protocols import ChatModel, ChatRequest, Usage
from retrieval.answering.confidence import THRESHOLD, confidence, shares
from retrieval.text.sentences import sentences
from retrieval.text.terms import telling_terms, terms
from retrieval.types import ContextLine, PackedContext

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "answer": {"type": "string", "maxLength": 600},
        "citations": {"type": "array", "items": {"type": "integer"}, "maxItems": 8},
        "found": {"type": "boolean"},
    },
    "required": ["answer", "citations", "found"],
    "additionalProperties": False,
}
MAX_TOKENS = 320
LEAST_SUPPORT = 0.6
"""Share of an uncited answer's telling terms that one line must hold to be taken for its source."""


@dataclass(frozen=True, slots=True)
class Citation:
    """A line that an answer rests on.

    Attributes:
        number: The line's number in the context.
        chunk_id: The chunk it comes from; "" for a report.
        source: The document's source path.
        title: The document's title.
        quote: The sentence of the document nearest to the answer, word for word; "" for a report.
        others: Of a line that rests on several documents: the further ones.
    """

    number: int
    chunk_id: str
    source: str
    title: str
    quote: str
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a question.

    Attributes:
        text: The answer; "" if abstained. citations: Lines it rests on, at least one unless abstained. abstained: The
        evidence does not hold the answer. usage: Tokens of the call; zero if none was made. seconds: Time of the call,
        retrieval apart. context: What the model was shown. dropped_citations: Numbers the model cited that are no lines
        of the context. confidence: Probability that the evidence holds the answer (`retrieval.answering.confidence`); 0
        without an answer. withheld: The answer that the model gave and that was not sure enough, or "".
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
        question: The question.
        packed: Evidence; without lines the answer is an abstention and no call is made.
        chat: The reader.
        threshold: Least confidence of an answer that is given, in [0, 1]; 0 gives all that the model gives.
    Raises:
        ModelError: The model cannot be reached or refuses.
        OutputError: The model's reply is empty, cut off, or not of the schema.
    """
    if not packed.lines:
        return Answer("", (), True, Usage(), 0.0, packed)
    prompt = load_prompt("answer")
    messages = prompt.fill({"context": packed.text, "question": " ".join(question.split())})
    completion = chat.complete(ChatRequest(messages, SCHEMA, MAX_TOKENS, template=prompt.template))
    text, cited, found = _read(completion.parsed)
    lines = {line.number: line for line in packed.lines}
    known = [lines[number] for number in cited if number in lines]
    dropped = len(cited) - len(known)
    if found and text:
        known = _borne_out(text, known, packed.lines)
    if not (found and text and known):
        return Answer("", (), True, completion.usage, completion.seconds, packed, dropped)
    sure = confidence(shares(question, known, packed.lines))
    if sure < threshold:
        return Answer("", (), True, completion.usage, completion.seconds, packed, dropped, sure, text)
    citations = tuple(cite(line, text, question) for line in known)
    return Answer(text, citations, False, completion.usage, completion.seconds, packed, dropped, sure)


def _read(parsed: Any) -> tuple[str, list[int], bool]:
    """Answer, distinct citations and found."""
    try:
        text, cited, found = parsed["answer"], parsed["citations"], parsed["found"]
        return " ".join(str(text).split()), list(dict.fromkeys(int(number) for number in cited)), bool(found)
    except (KeyError, TypeError, ValueError) as error:
        raise OutputError(
            f'Expected {{"answer": text, "citations": numbers, "found": true or false}}; the model gave {parsed!r}.'
        ) from error


def _borne_out(text: str, cited: list[ContextLine], lines: Iterable[ContextLine]) -> list[ContextLine]:
    """The cited lines that share a telling term with the answer, else the line that holds it, else those cited.

    Small readers often name the line beside the right one. A "yes" shares no term with any line.
    """
    words = set(telling_terms(text))
    return [line for line in cited if words & set(terms(line.text))] or _supporting(words, lines) or cited


def _supporting(words: set[str], lines: Iterable[ContextLine]) -> list[ContextLine]:
    """The line that holds most of an answer's telling terms, if it holds enough of them; the first of equals."""
    shares = [(len(words & set(terms(line.text))) / max(len(words), 1), line) for line in lines]
    best = max(shares, key=lambda pair: pair[0])
    return [best[1]] if best[0] >= LEAST_SUPPORT else []


def cite(line: ContextLine, text: str, question: str) -> Citation:
    """A citation of a line, with the sentence of the document that is nearest to what was said."""
    quote = _quote(line.evidence, text, question)
    return Citation(line.number, line.chunk_id, line.source, line.title, quote, line.others)


def _quote(evidence: str, text: str, question: str) -> str:
    """The sentence that shares most terms with the answer, then with the question; the first of equals."""
    answered, asked = set(telling_terms(text)), set(telling_terms(question))
    found = [evidence[start:end] for start, end in sentences(evidence)]
    scored = [(len(answered & set(terms(s))), len(asked & set(terms(s))), -place) for place, s in enumerate(found)]
    return found[-max(scored)[2]] if scored else ""
