"""Facts from one chunk, or a few neighbours: one call of a chat model under a JSON schema.

The prompt comes from `kg.extraction.examples`: fixed instructions and worked examples first, so that a server reads
them once, then the document's title and the passage. An answer is lines (`kg.extraction.proposals`), bounded in number
by the schema and in length in proportion to the passage, so that a model that repeats itself ends soon. A useless
answer is asked for once more in two halves; if that fails too, the passage counts as failed. What the passage doesn't
hold is refused (`kg.extraction.verify`). A second reading of what the first left out, `gleaning`, is the model's own or
the parser's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from kg.config import ExtractConfig
from kg.extraction.examples import extraction_prompt
from kg.extraction.nlp import NlpExtractor
from kg.extraction.proposals import DENSITY, TYPES, Answer, answer_schema, proposals
from kg.extraction.protocol import Passage, Reading, by_chunk
from kg.extraction.verify import Verified, guess_type, verify
from kg.language.sentences import SentenceSplitter
from kg.language.spacy_pipeline import OTHER, Pipeline
from kg.language.spans import Span, bare, fold
from kg.schema import Chunk, Mention, Triple
from models.calls.prompt import load_prompt
from models.errors import InputError, OutputError
from models.files.digest import digest
from models.protocols import ChatModel, ChatRequest, Completion, Message, Usage

Sentence = tuple[Chunk, Span]

TRAINED = ExtractConfig(style="chained", domain="none")
"""The form in which a model is asked that was trained to extract (`training.extractor`)."""

_VERIFIER = 5
"""Changes with the rules here and in all that is called from here, so that passages are verified anew."""


class ChatExtractor:
    """Reads passages with a chat model; safe to call from several threads.

    Args:
        chat: The model.
        sentences: Splits passages.
        config: Style, domain, schema, gleaning.
    """

    def __init__(
        self,
        chat: ChatModel,
        sentences: SentenceSplitter,
        config: ExtractConfig | None = None,
    ) -> None:
        self.chat = chat
        self.sentences = sentences
        self.config = config or ExtractConfig()
        self.pipeline = Pipeline()
        gleans = self.config.gleaning == "nlp" and not self.config.relations
        self.parser = NlpExtractor(sentences, self.pipeline) if gleans else None
        self.prompt = extraction_prompt(self.config)

    @property
    def density(self) -> float:
        """Most lines of an answer for a hundred tokens of its passage."""
        return self.config.density or DENSITY[self.config.style]

    def schema(self, tokens: float) -> dict[str, Any]:
        """Schema of the answer about a passage of so many tokens."""
        config = self.config
        kinds = config.entity_types or TYPES
        return answer_schema(config.style, tokens, kinds, config.relations or (), self.density)

    def key(self, passage: Passage) -> str:
        """Digest of everything that the reading of a passage depends on."""
        gleaner = self.parser.key(passage) if self.parser else self.config.gleaning
        parts = (
            self.prompt.template,
            self.chat.digest,
            self.schema(passage.tokens),
            gleaner,
            load_prompt("extract_glean").template if self.config.gleaning == "ask" else "",
            self.sentences.name,
            self.pipeline.digest,
            _VERIFIER,
        )
        chunks = [[chunk.id, chunk.text] for chunk in passage.chunks]
        return digest(*parts, chunks, passage.title)

    def __call__(self, passage: Passage) -> Reading:
        """Read one passage.

        Raises:
            OutputError: The model's answer can't be used, nor can those for the two halves.
            ModelError: The model cannot be reached or refuses.
            BudgetReached: The budget allows no further call.
        """
        sentences = [(chunk, span) for chunk in passage.chunks for span in self.sentences.split(chunk.text)]
        wasted, wasted_now = Usage(), Usage()
        try:
            parts = [self._ask(passage, sentences)]
        except OutputError as error:
            if len(sentences) < 2:
                raise
            wasted, wasted_now = _wasted(error)
            parts = self._ask_halves(passage, sentences, wasted, error.recorded)
        if self.config.gleaning == "ask" and len(parts) == 1:
            try:
                parts.append(self._ask(passage, sentences, before=parts[0][0]))
            except OutputError as error:  # what the first reading found stands
                wasted, wasted_now = _wasted(error)
        completions = [completion for completion, _ in parts]
        mentions = [mention for _, verified in parts for mention in verified.mentions]
        mentions = self._with_kinds(mentions, sentences)
        triples = [triple for _, verified in parts for triple in verified.triples]
        if self.parser:
            with suppress(InputError):  # a language that the parser doesn't know: what the model found stands
                more = self.parser(passage).extractions
                known = {mention.evidence for mention in mentions}
                mentions += [each for row in more for each in row.mentions if each.evidence not in known]
                triples += _unjoined([triple for row in more for triple in row.triples], triples)
        return Reading(
            extractions=by_chunk(passage, mentions, triples, sum(verified.dropped for _, verified in parts)),
            usage=sum((completion.usage for completion in completions), wasted),
            spent=sum((completion.usage for completion in completions if not completion.recorded), wasted_now),
            model_seconds=sum(completion.seconds for completion in completions),
        )

    def _with_kinds(self, mentions: list[Mention], sentences: Sequence[Sentence]) -> list[Mention]:
        """Names whose kind the model didn't say, with the kind that the recogniser sees."""
        if all(mention.type != OTHER for mention in mentions):
            return mentions
        kinds = self.pipeline.kinds(chunk.text[slice(*span)] for chunk, span in sentences)
        return [
            replace(mention, type=kinds.get(bare(mention.name)) or guess_type(fold(mention.name)))
            if mention.type == OTHER
            else mention
            for mention in mentions
        ]

    def request(self, passage: Passage, sentences: Sequence[Sentence], before: Completion | None = None) -> ChatRequest:
        """The call for some sentences of a passage, or the one that asks what the answer `before` left out."""
        tokens = self.tokens(passage, sentences)
        messages = self.prompt.fill(shown(passage, sentences))
        if before is not None:
            messages += (Message("assistant", before.text), *load_prompt("extract_glean").fill({}))
        return ChatRequest(
            messages=messages,
            schema=self.schema(tokens),
            max_tokens=150 + round(3 * tokens),
            template=self.prompt.template,
        )

    @staticmethod
    def tokens(passage: Passage, sentences: Sequence[Sentence]) -> float:
        """How many tokens of a passage some of its sentences are, about."""
        whole = sum(len(chunk.text) for chunk in passage.chunks)
        return passage.tokens * sum(end - start for _, (start, end) in sentences) / max(1, whole)

    def _ask_halves(
        self, passage: Passage, sentences: Sequence[Sentence], wasted: Usage, recorded: bool
    ) -> list[tuple[Completion, Verified]]:
        parts: list[tuple[Completion, Verified]] = []
        try:
            for half in halves(sentences):
                parts.append(self._ask(passage, half))
        except OutputError as error:
            spent = sum((completion.usage for completion, _ in parts), wasted)
            error.tokens_in += spent.tokens_in
            error.tokens_out += spent.tokens_out
            error.recorded &= recorded and all(completion.recorded for completion, _ in parts)
            raise
        return parts

    def _ask(
        self, passage: Passage, sentences: Sequence[Sentence], before: Completion | None = None
    ) -> tuple[Completion, Verified]:
        completion = self.chat.complete(self.request(passage, sentences, before))
        try:
            answer = Answer.model_validate(completion.parsed)
        except ValidationError as error:
            used = completion.usage
            raise OutputError(
                f"the answer of {self.chat.name} breaks the extraction schema: {error}", used.tokens_in, used.tokens_out
            ) from error
        spans = {chunk.id: [span for owner, span in sentences if owner is chunk] for chunk in passage.chunks}
        shown = [(chunk, spans[chunk.id]) for chunk in passage.chunks]
        return completion, verify(proposals(answer), shown, passage.title, self.config.relations or ())


def halves(sentences: Sequence[Sentence]) -> tuple[Sequence[Sentence], ...]:
    """What is asked for instead, where the answer about all sentences is useless; nothing about a single one."""
    middle = (len(sentences) + 1) // 2
    return (sentences[:middle], sentences[middle:]) if len(sentences) > 1 else ()


def shown(passage: Passage, sentences: Sequence[Sentence]) -> dict[str, str]:
    """What a prompt shows of a passage; chunks may repeat sentences of their neighbours, each is read once."""
    places = {chunk.start + span[0]: " ".join(chunk.text[slice(*span)].split()) for chunk, span in sentences}
    return {"title": passage.title, "passage": " ".join(places.values())}


def _wasted(error: OutputError) -> tuple[Usage, Usage]:
    """What a useless answer cost, and what of that was paid now."""
    cost = Usage(error.tokens_in, error.tokens_out)
    return cost, Usage() if error.recorded else cost


def _unjoined(more: Iterable[Triple], known: Iterable[Triple]) -> list[Triple]:
    """Facts whose two ends no known fact joins."""
    joined = {frozenset((fold(triple.subject), fold(triple.object))) for triple in known}
    return [triple for triple in more if frozenset((fold(triple.subject), fold(triple.object))) not in joined]
