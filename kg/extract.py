"""Names and facts from one passage: one call of a chat model under a JSON schema.

The prompt is `configs/prompts/extract.md`: fixed instructions and one example first, then the
document's title and date and the passage. An answer is short lines ("Ada Lorne (person)", "Ada Lorne |
founded | Marrow"), which take a small model half the tokens of nested objects and keep it to the point.
The schema bounds every list, and the answer's length is in proportion to the passage, so that a model
that repeats itself ends soon.
Such an answer is asked for once more in two halves; if that fails too, the passage counts as failed.
What the passage doesn't hold is refused (see `kg.verify`).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from kg.prompt import Prompt, load_prompt
from kg.schema import Chunk, Document, Extraction, make_id
from kg.sentences import SentenceSplitter
from kg.spans import Span
from kg.verify import TYPES, Answer, Verified, verify
from models.digest import digest
from models.errors import OutputError
from models.protocols import ChatModel, ChatRequest, Completion, Usage

_VERIFIER = 1
"""Changes with the rules of `kg.verify`, so that passages are verified anew; answers come from the records."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk with what the prompt says of its document."""

    chunk: Chunk
    title: str
    date: str

    @classmethod
    def of(cls, chunk: Chunk, document: Document) -> Passage:
        """The passage of a chunk and its document."""
        return cls(chunk, document.title, document.date)


@dataclass(frozen=True, slots=True)
class Reading:
    """What one passage gave, and what it cost.

    Attributes:
        extraction: Names and facts that stood up.
        usage: Tokens of the answers, as first made.
        spent: Tokens of those answers that were made now and not taken from records.
        model_seconds: Seconds the answers took, as first made.
        spent_seconds: Wall-clock seconds of this reading.
    """

    extraction: Extraction
    usage: Usage
    spent: Usage
    model_seconds: float
    spent_seconds: float


class Extractor:
    """Reads passages with a chat model; safe to call from several threads."""

    def __init__(self, chat: ChatModel, sentences: SentenceSplitter, chunk_tokens: int, prompt: Prompt | None = None):
        self.chat = chat
        self.sentences = sentences
        self.prompt = prompt or load_prompt("extract")
        self.schema = answer_schema(chunk_tokens)

    def key(self, passage: Passage) -> str:
        """Digest of everything that the reading of a passage depends on."""
        parts = (self.prompt.template, self.chat.digest, self.schema, _VERIFIER)
        return digest(*parts, passage.chunk.id, passage.chunk.text, passage.title, passage.date)

    def __call__(self, passage: Passage) -> Reading:
        """Read one passage.

        Raises:
            OutputError: The model's answer can't be used, nor can those for the two halves.
            ModelError: The model cannot be reached or refuses.
            BudgetReached: The budget allows no further call.
        """
        began = time.perf_counter()
        spans = self.sentences.split(passage.chunk.text)
        try:
            parts = [self._ask(passage, spans)]
        except OutputError:
            if len(spans) < 2:
                raise
            middle = (len(spans) + 1) // 2
            parts = [self._ask(passage, half) for half in (spans[:middle], spans[middle:])]
        completions = [completion for completion, _ in parts]
        return Reading(
            extraction=_extraction(passage.chunk, [verified for _, verified in parts]),
            usage=sum((completion.usage for completion in completions), Usage()),
            spent=sum((completion.usage for completion in completions if not completion.recorded), Usage()),
            model_seconds=sum(completion.seconds for completion in completions),
            spent_seconds=time.perf_counter() - began,
        )

    def request(self, passage: Passage, spans: Sequence[Span]) -> ChatRequest:
        """The call for some sentences of a passage."""
        chunk = passage.chunk
        text = " ".join(" ".join(chunk.text[slice(*span)].split()) for span in spans)
        share = sum(end - start for start, end in spans) / max(1, len(chunk.text))
        values = {"title": passage.title, "date": passage.date or "unknown", "passage": text}
        return ChatRequest(
            messages=self.prompt.fill(values),
            schema=self.schema,
            max_tokens=150 + round(3 * chunk.tokens * share),
            template=self.prompt.template,
        )

    def _ask(self, passage: Passage, spans: Sequence[Span]) -> tuple[Completion, Verified]:
        completion = self.chat.complete(self.request(passage, spans))
        try:
            answer = Answer.model_validate(completion.parsed)
        except ValidationError as error:
            raise OutputError(f"the answer of {self.chat.name} breaks the extraction schema: {error}") from error
        return completion, verify(answer, passage.chunk, spans)


def answer_schema(chunk_tokens: int) -> dict[str, Any]:
    """JSON schema of an answer about a passage of at most `chunk_tokens` tokens.

    The same for all passages of a knowledge base, since a server compiles each schema once.
    """
    kinds = "|".join(TYPES)
    name, fact = f"{_words(8)} \\(({kinds})\\)", f"{_words(8)} \\| {_words(6)} \\| {_words(8)}"
    # Few enough that a model which only repeats itself is soon done; a passage seldom holds more.
    properties = {
        "names": _lines(name, most=2 + chunk_tokens // 32),
        "facts": _lines(fact, most=2 + chunk_tokens // 25),
    }
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _lines(pattern: str, most: int) -> dict[str, Any]:
    return {"type": "array", "items": {"type": "string", "pattern": f"^{pattern}$"}, "maxItems": most}


def _words(most: int) -> str:
    """Pattern of at most so many words, without bars, quotes or brackets that would let a model leave its form."""
    word = '[^ |"\\\\\\n{}()\\[\\]]{1,40}'
    return f"{word}( {word}){{0,{most - 1}}}"


def _extraction(chunk: Chunk, parts: Sequence[Verified]) -> Extraction:
    return Extraction(
        id=make_id("x", chunk.id),
        chunk_id=chunk.id,
        mentions=tuple(dict.fromkeys(mention for part in parts for mention in part.mentions)),
        triples=tuple(dict.fromkeys(triple for part in parts for triple in part.triples)),
        dropped=sum(part.dropped for part in parts),
    )
