"""Names and facts from one chunk, or a few neighbours: one call of a chat model under a JSON schema.

The prompt is `configs/prompts/extract.md`: fixed instructions and one example first, then the
document's title and date and the passage. An answer is short lines ("Ada Lorne (person)", "Ada Lorne |
founded | Marrow"), which take a small model half the tokens of nested objects and keep it to the point.
The schema bounds every list, and the answer's length is in proportion to the passage, so that a model
that repeats itself ends soon.
Such an answer is asked for once more in two halves; if that fails too, the passage counts as failed.
What the passage doesn't hold is refused (see `kg.verify`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from kg.prompt import Prompt, load_prompt
from kg.reading import Passage, Reading, by_chunk
from kg.schema import Chunk
from kg.sentences import SentenceSplitter
from kg.spans import Span
from kg.verify import TYPES, Answer, Verified, verify
from models.digest import digest
from models.errors import OutputError
from models.protocols import ChatModel, ChatRequest, Completion, Usage

Sentence = tuple[Chunk, Span]

_VERIFIER = 2
"""Changes with the rules of `kg.verify`, so that passages are verified anew; answers come from the records."""


class ChatExtractor:
    """Reads passages with a chat model; safe to call from several threads."""

    def __init__(self, chat: ChatModel, sentences: SentenceSplitter, most_tokens: int, prompt: Prompt | None = None):
        self.chat = chat
        self.sentences = sentences
        self.prompt = prompt or load_prompt("extract")
        self.schema = answer_schema(most_tokens)

    def key(self, passage: Passage) -> str:
        """Digest of everything that the reading of a passage depends on."""
        parts = (self.prompt.template, self.chat.digest, self.schema, _VERIFIER)
        chunks = [[chunk.id, chunk.text] for chunk in passage.chunks]
        return digest(*parts, chunks, passage.title, passage.date)

    def __call__(self, passage: Passage) -> Reading:
        """Read one passage.

        Raises:
            OutputError: The model's answer can't be used, nor can those for the two halves.
            ModelError: The model cannot be reached or refuses.
            BudgetReached: The budget allows no further call.
        """
        sentences = [(chunk, span) for chunk in passage.chunks for span in self.sentences.split(chunk.text)]
        wasted = Usage()
        try:
            parts = [self._ask(passage, sentences)]
        except OutputError as error:
            if len(sentences) < 2:
                raise
            wasted = Usage(error.tokens_in, error.tokens_out)
            parts = self._ask_halves(passage, sentences, wasted)
        completions = [completion for completion, _ in parts]
        return Reading(
            extractions=by_chunk(
                passage,
                [mention for _, verified in parts for mention in verified.mentions],
                [triple for _, verified in parts for triple in verified.triples],
                sum(verified.dropped for _, verified in parts),
            ),
            usage=sum((completion.usage for completion in completions), wasted),
            spent=sum((completion.usage for completion in completions if not completion.recorded), Usage()),
            model_seconds=sum(completion.seconds for completion in completions),
        )

    def request(self, passage: Passage, sentences: Sequence[Sentence]) -> ChatRequest:
        """The call for some sentences of a passage."""
        # Chunks may repeat sentences of their neighbours; the model reads each once.
        places = {chunk.start + span[0]: " ".join(chunk.text[slice(*span)].split()) for chunk, span in sentences}
        share = sum(end - start for _, (start, end) in sentences) / sum(len(chunk.text) for chunk in passage.chunks)
        values = {"title": passage.title, "date": passage.date or "unknown", "passage": " ".join(places.values())}
        return ChatRequest(
            messages=self.prompt.fill(values),
            schema=self.schema,
            max_tokens=150 + round(3 * passage.tokens * share),
            template=self.prompt.template,
        )

    def _ask_halves(
        self, passage: Passage, sentences: Sequence[Sentence], wasted: Usage
    ) -> list[tuple[Completion, Verified]]:
        middle = (len(sentences) + 1) // 2
        parts: list[tuple[Completion, Verified]] = []
        try:
            for half in (sentences[:middle], sentences[middle:]):
                parts.append(self._ask(passage, half))
        except OutputError as error:
            spent = sum((completion.usage for completion, _ in parts), wasted)
            error.tokens_in += spent.tokens_in
            error.tokens_out += spent.tokens_out
            raise
        return parts

    def _ask(self, passage: Passage, sentences: Sequence[Sentence]) -> tuple[Completion, Verified]:
        completion = self.chat.complete(self.request(passage, sentences))
        try:
            answer = Answer.model_validate(completion.parsed)
        except ValidationError as error:
            used = completion.usage
            raise OutputError(
                f"the answer of {self.chat.name} breaks the extraction schema: {error}", used.tokens_in, used.tokens_out
            ) from error
        spans = {chunk.id: [span for owner, span in sentences if owner is chunk] for chunk in passage.chunks}
        return completion, verify(answer, [(chunk, spans[chunk.id]) for chunk in passage.chunks])


def answer_schema(most_tokens: int) -> dict[str, Any]:
    """JSON schema of an answer about a passage of at most so many tokens.

    The same for all passages of a knowledge base, since a server compiles each schema once.
    """
    kinds = "|".join(TYPES)
    name, fact = f"{_words(8)} \\(({kinds})\\)", f"{_words(8)} \\| {_words(6)} \\| {_words(8)}"
    # Few enough that a model which only repeats itself is soon done, and never fewer than the prompt's example has.
    most = max(7, 2 + most_tokens // 40)
    properties = {"names": _lines(name, most), "facts": _lines(fact, most)}
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _lines(pattern: str, most: int) -> dict[str, Any]:
    return {"type": "array", "items": {"type": "string", "pattern": f"^{pattern}$"}, "maxItems": most}


def _words(most: int) -> str:
    """Pattern of at most so many words, without bars, quotes or brackets that would let a model leave its form."""
    word = '[^ |"\\\\\\n{}()\\[\\]]{1,40}'
    return f"{word}( {word}){{0,{most - 1}}}"
