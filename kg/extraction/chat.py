"""Facts from one chunk, or a few neighbours: one call of a chat model under a JSON schema.

The prompt comes from `kg.extraction.examples`: fixed instructions and worked examples first, so that a server computes
them once, then the document's title and the text. A reply is lines (`kg.extraction.proposals`), bounded in number by
the schema and in tokens in proportion to the text, so that a model that repeats itself ends soon. After a rejected
reply the model is called for each half of the sentences; if that fails too, the input counts as failed. Facts that the
text does not hold are refused (`kg.extraction.verify`). A second extraction of what the first left out, `gleaning`, is
the model's own or the parser's.
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
from kg.extraction.parsed_languages import is_latin
from kg.extraction.proposals import DENSITY, TYPES, ExtractionReply, proposals, reply_schema
from kg.extraction.protocol import ExtractionInput, ExtractionOutcome, by_chunk
from kg.extraction.verify import VerifiedFacts, guess_type, verify
from kg.language import korean
from kg.language.sentences import SentenceSplitter
from kg.language.spacy_pipeline import OTHER, Pipeline
from kg.language.spans import Span, bare, fold
from kg.schema import Chunk, Mention, Triple
from models.calls.budget import wasted_usage
from models.calls.prompt import load_prompt
from models.errors import InputError, OutputError, RefusedPromptError, TooLongError, describe_problems
from models.files.digest import digest
from models.protocols import ChatModel, ChatRequest, Completion, Message, Usage

ChunkSentence = tuple[Chunk, Span]

TRAINED_FORM = ExtractConfig(style="chained", domain="none")
"""The prompt form for a model that was trained to extract (`training.extractor`)."""

_VERIFIER = 6
"""Version of the rules here and in all that is called from here; raise it, and stored outcomes are made again."""


class ChatExtractor:
    """Extracts with a chat model; safe to call from several threads.

    Args:
        chat: The model.
        sentences: Splits chunks into sentences.
        config: Style, domain, kinds, relations, gleaning.
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
        # The parser's relations are the text's own words, which a list of allowed relations excludes.
        gleans = self.config.gleaning == "nlp" and not self.config.relations
        self.parser = NlpExtractor(sentences, self.pipeline) if gleans else None
        self.prompt = extraction_prompt(self.config)

    @property
    def density(self) -> float:
        """Maximum number of lines of a reply for a hundred tokens of text."""
        return self.config.density or DENSITY[self.config.style]

    def schema(self, tokens: float) -> dict[str, Any]:
        """Schema of the reply about a text of so many tokens."""
        config = self.config
        kinds = config.entity_types or TYPES
        return reply_schema(config.style, tokens, kinds, config.relations or (), self.density)

    def key(self, item: ExtractionInput) -> str:
        """Digest of everything that the outcome for an input depends on."""
        gleaner = self.parser.key(item) if self.parser else self.config.gleaning
        parts = (
            self.prompt.template,
            self.chat.digest,
            self.schema(item.tokens),
            gleaner,
            load_prompt("extract_glean").template if self.config.gleaning == "ask" else "",
            self.sentences.name,
            self.pipeline.digest,
            _VERIFIER,
        )
        chunks = [[chunk.id, chunk.text] for chunk in item.chunks]
        # Of Korean names the particles are cut off by what is installed beside GRAFT.
        reader = [korean.version()] if _is_korean(item) else []
        return digest(*parts, chunks, item.title, *reader)

    def __call__(self, item: ExtractionInput) -> ExtractionOutcome:
        """Extract names and facts from one input.

        Raises:
            OutputError: The model's reply cannot be used, nor can those for the two halves, or the server refuses the
                text.
            ModelError: The model cannot be reached or refuses.
            BudgetError: The budget allows no further call.
            InputError: The text is Korean, and what separates particles from names is not installed.
        """
        if _is_korean(item):
            korean.require()  # before any call is paid for
        sentences = [(chunk, span) for chunk in item.chunks for span in self.sentences.split(chunk.text)]
        wasted, newly_wasted = Usage(), Usage()
        try:
            parts = [self._call(item, sentences)]
        except OutputError as error:
            # A greedy model would write the same again, but less text often ends what it repeated. A server that
            # refuses what a text is about refuses one of its halves too.
            is_refused = isinstance(error, RefusedPromptError) and not isinstance(error, TooLongError)
            if len(sentences) < 2 or is_refused:
                raise
            wasted, newly_wasted = _wasted(error)
            parts = self._call_halves(item, sentences, wasted, error.recorded)
        if self.config.gleaning == "ask" and len(parts) == 1:
            try:
                parts.append(self._call(item, sentences, before=parts[0][0]))
            except OutputError as error:  # the facts of the first reply are kept
                wasted, newly_wasted = _wasted(error)
        completions = [completion for completion, _ in parts]
        mentions = [mention for _, verified in parts for mention in verified.mentions]
        mentions = self._with_kinds(mentions, sentences)
        triples = [triple for _, verified in parts for triple in verified.triples]
        if self.parser:
            with suppress(InputError):  # a language that the parser does not know: the model's facts are kept
                parsed = self.parser(item).extractions
                known = {mention.evidence for mention in mentions}
                parsed_mentions = [mention for extraction in parsed for mention in extraction.mentions]
                mentions += [mention for mention in parsed_mentions if mention.evidence not in known]
                triples += _unjoined([triple for extraction in parsed for triple in extraction.triples], triples)
        # Lines beyond the most that a reply may have count as dropped, like those that the text does not state.
        surplus = sum(completion.surplus for completion in completions)
        return ExtractionOutcome(
            extractions=by_chunk(item, mentions, triples, sum(verified.dropped for _, verified in parts) + surplus),
            usage=sum((completion.usage for completion in completions), wasted),
            new_usage=sum((completion.usage for completion in completions if not completion.recorded), newly_wasted),
            model_seconds=sum(completion.seconds for completion in completions),
        )

    def _with_kinds(self, mentions: list[Mention], sentences: Sequence[ChunkSentence]) -> list[Mention]:
        """All names; those without a kind from the model get the kind that the recogniser sees."""
        if all(mention.type != OTHER for mention in mentions):
            return mentions
        texts = [chunk.text[slice(*span)] for chunk, span in sentences]
        # The recogniser takes words of other scripts for names at random.
        kinds = self.pipeline.kinds(texts) if is_latin(" ".join(texts)) else {}
        return [
            replace(mention, type=kinds.get(bare(mention.name)) or guess_type(fold(mention.name)))
            if mention.type == OTHER
            else mention
            for mention in mentions
        ]

    def request(
        self, item: ExtractionInput, sentences: Sequence[ChunkSentence], before: Completion | None = None
    ) -> ChatRequest:
        """The call for some sentences of an input, or the one for what the reply `before` left out."""
        tokens = self.tokens(item, sentences)
        messages = self.prompt.fill(prompt_fields(item, sentences))
        if before is not None:
            messages += (Message("assistant", before.text), *load_prompt("extract_glean").fill({}))
        return ChatRequest(
            messages=messages,
            schema=self.schema(tokens),
            # Far more than honest lines take: only a model that repeats itself is cut off.
            max_tokens=150 + round(3 * tokens),
            template=self.prompt.template,
        )

    @staticmethod
    def tokens(item: ExtractionInput, sentences: Sequence[ChunkSentence]) -> float:
        """Number of tokens of some sentences of an input, estimated by their share of its characters."""
        characters = sum(len(chunk.text) for chunk in item.chunks)
        return item.tokens * sum(end - start for _, (start, end) in sentences) / max(1, characters)

    def _call_halves(
        self, item: ExtractionInput, sentences: Sequence[ChunkSentence], wasted: Usage, recorded: bool
    ) -> list[tuple[Completion, VerifiedFacts]]:
        parts: list[tuple[Completion, VerifiedFacts]] = []
        try:
            for half in halves(sentences):
                parts.append(self._call(item, half))
        except OutputError as error:
            # The failed item reports the tokens of all its calls, not of the last one alone.
            used = sum((completion.usage for completion, _ in parts), wasted)
            error.tokens_in += used.tokens_in
            error.tokens_out += used.tokens_out
            error.estimated |= used.estimated
            error.recorded &= recorded and all(completion.recorded for completion, _ in parts)
            raise
        return parts

    def _call(
        self, item: ExtractionInput, sentences: Sequence[ChunkSentence], before: Completion | None = None
    ) -> tuple[Completion, VerifiedFacts]:
        completion = self.chat.complete(self.request(item, sentences, before))
        try:
            reply = ExtractionReply.model_validate(completion.parsed)
        except ValidationError as error:
            used = completion.usage
            raise OutputError(
                f"The reply of {self.chat.name} breaks the extraction schema: {describe_problems(error, 'reply')}. "
                "Take a stronger model.",
                used.tokens_in,
                used.tokens_out,
                estimated=used.estimated,
            ) from error
        spans: dict[str, list[Span]] = {chunk.id: [] for chunk in item.chunks}
        for chunk, span in sentences:
            spans[chunk.id].append(span)
        shown = [(chunk, spans[chunk.id]) for chunk in item.chunks]
        return completion, verify(proposals(reply), shown, item.title, self.config.relations or ())


def _is_korean(item: ExtractionInput) -> bool:
    return korean.is_korean("\n".join(chunk.text for chunk in item.chunks))


def halves(sentences: Sequence[ChunkSentence]) -> tuple[Sequence[ChunkSentence], ...]:
    """The sentences of the two calls that follow a rejected reply; none after a reply about a single sentence."""
    middle = (len(sentences) + 1) // 2
    return (sentences[:middle], sentences[middle:]) if len(sentences) > 1 else ()


def prompt_fields(item: ExtractionInput, sentences: Sequence[ChunkSentence]) -> dict[str, str]:
    """Values of the prompt's fields. Chunks may repeat sentences of their neighbours; each is shown once."""
    by_start = {chunk.start + span[0]: " ".join(chunk.text[slice(*span)].split()) for chunk, span in sentences}
    return {"title": item.title, "passage": " ".join(by_start.values())}


def _wasted(error: OutputError) -> tuple[Usage, Usage]:
    """Tokens of a rejected reply, and those of them that were paid for now."""
    cost = wasted_usage(error)
    return cost, Usage() if error.recorded else cost


def _unjoined(more: Iterable[Triple], known: Iterable[Triple]) -> list[Triple]:
    """Facts whose two ends no known fact joins."""
    joined = {frozenset((fold(triple.subject), fold(triple.object))) for triple in known}
    return [triple for triple in more if frozenset((fold(triple.subject), fold(triple.object))) not in joined]
