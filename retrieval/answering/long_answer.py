"""A question and its packed evidence to an answer of several sentences, each with checked citations.

For questions about a corpus as a whole, or wherever one sentence is too little. One call under a JSON schema. A line
bears a sentence out if it holds most of its telling terms and all of its names: small models put one person's deeds in
another's mouth, with words that all stand somewhere in the context. A sentence keeps those of its citations that bear
it out, or the one line that does best; where none does, it is dropped and counted. Points, which a model has stated for
this very question, are not lost to a reader that repeats two of ten: those it leaves out stand behind what it says.

    reply = answer_at_length("What do the articles say about fishing?", packed, chat)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from models.calls.prompt import load_prompt
from models.errors import OutputError
from models.protocols import ChatModel, ChatRequest, Usage
from retrieval.answering.answer import LEAST_SUPPORT, Citation, cite
from retrieval.text.names import names_in
from retrieval.text.sentences import whole_sentences
from retrieval.text.terms import telling_terms, terms
from retrieval.types import ContextLine, PackedContext

MOST_CLAIMS = 10
MOST_CHARACTERS = 300
MAX_TOKENS = 800
_SAME = 0.6
"""Share of a point's telling terms in one sentence from which on the sentence tells it."""
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "claims": {
            "type": "array",
            "maxItems": MOST_CLAIMS,
            "items": {
                "type": "object",
                "properties": {
                    "text": {"type": "string", "minLength": 1, "maxLength": MOST_CHARACTERS},
                    "citations": {"type": "array", "items": {"type": "integer"}, "maxItems": 4},
                },
                "required": ["text", "citations"],
                "additionalProperties": False,
            },
        },
        "found": {"type": "boolean"},
    },
    "required": ["claims", "found"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence of an answer and what it rests on: at least one citation."""

    text: str
    citations: tuple[Citation, ...]


@dataclass(frozen=True, slots=True)
class LongAnswer:
    """What came of a question.

    Attributes:
        claims: The sentences that lines of the context bear out, none twice.
        unsupported: Sentences that were dropped because no line does.
        usage: Tokens of the call; zero if none was made.
        seconds: Time of the call, retrieval apart.
        context: What the model was shown.
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
        """Whether nothing could be said."""
        return not self.claims

    @property
    def sources(self) -> frozenset[str]:
        """The documents that the sentences rest on."""
        cited = (citation for claim in self.claims for citation in claim.citations)
        return frozenset(source for each in cited for source in (each.source, *each.others) if source)


def answer_at_length(question: str, packed: PackedContext, chat: ChatModel) -> LongAnswer:
    """Answer a question from packed evidence, sentence by sentence.

    Args:
        question: The question.
        packed: Evidence; without lines the answer is an abstention and no call is made.
        chat: The reader.
    Raises:
        ModelError: The model cannot be reached or refuses.
        OutputError: The model's reply is empty, cut off, or not of the schema.
    """
    if not packed.lines:
        return LongAnswer((), 0, Usage(), 0.0, packed)
    prompt = load_prompt("long_answer")
    messages = prompt.fill({"context": packed.text, "question": " ".join(question.split())})
    completion = chat.complete(ChatRequest(messages, SCHEMA, MAX_TOKENS, template=prompt.template))
    said = _read(completion.parsed)
    known = {term for line in packed.lines for name in names_in(f"{line.text} {line.evidence}") for term in terms(name)}
    checked = (_checked(text, cited, packed, known, question) for text, cited in said.items())
    claims = [claim for claim in checked if claim]
    unsupported = len(said) - len(claims)
    if completion.parsed["found"]:
        claims += _left_out(claims, packed, known, question)
    return LongAnswer(tuple(claims), unsupported, completion.usage, completion.seconds, packed)


def _read(parsed: Any) -> dict[str, list[int]]:
    """The sentences with the numbers they cite; none where the model found nothing."""
    try:
        rows = parsed["claims"] if parsed["found"] else []
        said = [
            (" ".join(whole_sentences(str(row["text"]), MOST_CHARACTERS).split()), [int(n) for n in row["citations"]])
            for row in rows
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise OutputError(
            f'Expected {{"claims": sentences with citations, "found": true or false}}; the model gave {parsed!r}.'
        ) from error
    return {text: cited for text, cited in said if text}


def _left_out(claims: Sequence[Claim], packed: PackedContext, known: set[str], question: str) -> Iterator[Claim]:
    """Points that no sentence tells and their facts bear out, most helpful first; with them `MOST_CLAIMS` in all."""
    told = [set(telling_terms(claim.text)) for claim in claims]
    points = [(line.point, line) for line in packed.lines if line.point and line.point.is_drawn]
    for point, line in sorted(points, key=lambda pair: pair[0].place):
        words, names = set(telling_terms(point.text)), _names(point.text, known)
        is_new = all(len(words & each) < _SAME * len(words) for each in told)
        if is_new and len(told) < MOST_CLAIMS and _share_held(words, names, _basis(line)) >= LEAST_SUPPORT:
            told.append(words)
            yield Claim(point.text, (cite(line, point.text, question),))


def _checked(text: str, numbers: list[int], packed: PackedContext, known: set[str], question: str) -> Claim | None:
    """The sentence with the cited lines that bear it out, else with the line that does best; None if none does."""
    told, names = set(telling_terms(text)), _names(text, known)
    shares = {line: _share_held(told, names, _basis(line), set(terms(line.text))) for line in packed.lines}
    borne = [line for line in packed.lines if shares[line] >= LEAST_SUPPORT]
    kept = [line for line in borne if line.number in numbers] or sorted(borne, key=lambda line: -shares[line])[:1]
    return Claim(text, tuple(cite(line, text, question) for line in kept)) if kept else None


def _names(text: str, known: set[str]) -> list[list[str]]:
    """The terms of each name in a sentence; its first word is one if it is a term of the context's names."""
    first = text.split()[0]
    opening = [first] if first[:1].isupper() and set(terms(first)) & known else []
    return [terms(name) for name in (*opening, *names_in(text))]


def _basis(line: ContextLine) -> set[str]:
    """The terms of what is known of a line: of a point, which is a model's own words, those of its facts alone."""
    return set(terms(f"{line.title} {line.point.stated if line.point else line.text} {line.evidence}"))


def _share_held(
    told: set[str], names: list[list[str]], basis: set[str], shown: set[str] | frozenset[str] = frozenset()
) -> float:
    """Share of a sentence's telling terms that a line holds, in its basis or as shown; 0 if its basis lacks a name."""
    if not told or not all(basis.issuperset(name) for name in names):
        return 0.0
    return len(told & (basis | shown)) / len(told)
