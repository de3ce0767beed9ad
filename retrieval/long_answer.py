"""A question and its packed evidence to an answer of several sentences, each with checked citations.

For questions about a corpus as a whole, or wherever one sentence is too little. One call under a JSON schema. A
sentence keeps those of its citations that name a line sharing a telling term with it; one that is left without any
keeps the line that holds most of its terms, if it holds enough of them, and is dropped otherwise, and counted.

    reply = answer_at_length("What do the articles say about fishing?", packed, chat)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kg.prompt import load_prompt
from models.errors import OutputError
from models.protocols import ChatModel, ChatRequest, Usage
from retrieval.answer import Citation, cite, grounded, supporting
from retrieval.types import ContextLine, PackedContext

MOST_CLAIMS = 10
MAX_TOKENS = 800
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "claims": {
            "type": "array",
            "maxItems": MOST_CLAIMS,
            "items": {
                "type": "object",
                "properties": {
                    "text": {"type": "string", "minLength": 1, "maxLength": 300},
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
    claims = tuple(claim for text, cited in said.items() if (claim := _checked(text, cited, packed, question)))
    return LongAnswer(claims, len(said) - len(claims), completion.usage, completion.seconds, packed)


def _read(parsed: Any) -> dict[str, list[int]]:
    """The sentences with the numbers they cite; none where the model found nothing."""
    try:
        rows = parsed["claims"] if parsed["found"] else []
        said = [(" ".join(str(row["text"]).split()), [int(number) for number in row["citations"]]) for row in rows]
    except (KeyError, TypeError, ValueError) as error:
        raise OutputError(
            f'Expected {{"claims": sentences with citations, "found": true or false}}; the model gave {parsed!r}.'
        ) from error
    return {text: cited for text, cited in said if text}


def _checked(text: str, numbers: list[int], packed: PackedContext, question: str) -> Claim | None:
    lines = {line.number: line for line in packed.lines}
    cited = [lines[number] for number in dict.fromkeys(numbers) if number in lines]
    borne: list[ContextLine] = grounded(text, cited) or supporting(text, packed.lines)
    return Claim(text, tuple(cite(line, text, question) for line in borne)) if borne else None
