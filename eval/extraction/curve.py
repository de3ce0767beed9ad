"""Facts against tokens: what an extractor's replies would have been worth, had they ended sooner.

A bound on the number of lines cuts off the end of a reply, and greedy decoding writes the same beginning under any
bound. So one run at a generous bound gives the whole curve without another call: every reply is cut at each number of
lines per hundred tokens of its input, verified as the extractor verifies it, and its tokens are counted in proportion
to what is left of its text. Useless replies count with all their tokens and no facts, and an input without any reply
counts with its gold. The second reply that `gleaning` adds is left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from eval.extraction.document_graph import DocumentFact
from eval.extraction.gold_triples import GoldDocument
from eval.extraction.measure import PAIRS, ExtractionScores, measure_extraction, overall_scores
from eval.extraction.relation_match import RelationMatch
from kg.extraction.chat import ChatExtractor, ChunkSentence, halves
from kg.extraction.proposals import ExtractionReply, max_lines, proposals
from kg.extraction.protocol import ExtractionInput
from kg.extraction.verify import verify
from models.errors import BudgetError, OutputError

DENSITIES = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 12.0)
"""Bounds of the curve, in lines per hundred tokens of the input."""


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """The curve at one bound.

    Attributes:
        density: Maximum number of lines per hundred tokens of an input.
        tokens_out: Tokens written per token of the corpus.
        facts: Facts that passed verification, per hundred tokens of the corpus.
        dropped: Share of the proposed facts that did not pass, in [0, 1].
        pairs: Scores of pairs (see `eval.extraction.measure`), from the model's facts alone.
    """

    density: float
    tokens_out: float
    facts: float
    dropped: float
    pairs: ExtractionScores


@dataclass(frozen=True, slots=True)
class _ReplyLines:
    """The lines of a reply about some sentences of an input.

    Attributes:
        document: Position of the document.
        source: The input that the sentences are part of.
        sentences: The sentences.
        tokens: Their length in tokens.
        lines: Lines of the reply; none if it was useless.
        tokens_out: Tokens that the reply cost.
    """

    document: int
    source: ExtractionInput
    sentences: Sequence[ChunkSentence]
    tokens: float
    lines: tuple[str, ...]
    tokens_out: int


def extraction_curve(
    documents: Sequence[GoldDocument],
    inputs: Sequence[tuple[int, ExtractionInput]],
    extractor: ChatExtractor,
    relations: RelationMatch,
    densities: Sequence[float] = DENSITIES,
) -> list[CurvePoint]:
    """The curve of a recorded run.

    Args:
        documents: Documents with their gold.
        inputs: Inputs of the extractor, each with the position of its document.
        extractor: With a chat model that answers from the records, and a budget of no call beyond them.
        relations: Compares relations.
        densities: Bounds; those above the bound of the run are replaced by that one.
    Returns:
        One point a bound, ascending; none if no input has a recorded reply.
    """
    replies = [reply for document, source in inputs for reply in _replies(document, source, extractor)]
    if not any(reply.lines for reply in replies):
        return []
    bound = extractor.density
    below = {density for density in densities if density < bound}
    tokens = sum(source.tokens for _, source in inputs)
    return [_point(documents, replies, tokens, extractor, relations, density) for density in sorted({*below, bound})]


def _replies(document: int, source: ExtractionInput, extractor: ChatExtractor) -> Iterator[_ReplyLines]:
    """The replies about an input: the one about all of it and, if that was useless, those about its two halves."""
    sentences = [(chunk, span) for chunk in source.chunks for span in extractor.sentences.split(chunk.text)]
    first = _reply(document, source, sentences, extractor)
    yield first
    if not first.lines:
        for half in halves(sentences):
            yield _reply(document, source, half, extractor)


def _reply(
    document: int, source: ExtractionInput, sentences: Sequence[ChunkSentence], extractor: ChatExtractor
) -> _ReplyLines:
    lines: tuple[str, ...] = ()
    try:
        completion = extractor.chat.complete(extractor.request(source, sentences))
        lines, tokens_out = ExtractionReply.model_validate(completion.parsed).facts, completion.usage.tokens_out
    except OutputError as error:
        tokens_out = error.tokens_out
    except BudgetError:  # nothing on record: it was never called, or no reply came
        tokens_out = 0
    return _ReplyLines(document, source, sentences, extractor.tokens(source, sentences), lines, tokens_out)


def _point(
    documents: Sequence[GoldDocument],
    replies: Sequence[_ReplyLines],
    tokens: int,
    extractor: ChatExtractor,
    relations: RelationMatch,
    density: float,
) -> CurvePoint:
    facts: list[list[DocumentFact]] = [[] for _ in documents]
    written, kept, dropped = 0.0, 0, 0
    for reply in replies:
        lines = reply.lines[: max_lines(reply.tokens, density)]
        # Records have tokens of whole replies only; characters of the JSON are as good a measure of a part of one.
        written += reply.tokens_out * _length(lines) / _length(reply.lines)
        shown = []
        for chunk in reply.source.chunks:
            shown.append((chunk, [span for owner, span in reply.sentences if owner is chunk]))
        proposed = proposals(ExtractionReply(facts=lines))
        verified = verify(proposed, shown, reply.source.title, extractor.config.relations or ())
        kept, dropped = kept + len(verified.triples), dropped + verified.dropped
        for triple in verified.triples:
            facts[reply.document].append(DocumentFact((triple.subject,), (triple.predicate,), (triple.object,)))
    counts = [by_measure[PAIRS] for by_measure in measure_extraction(documents, facts, relations)]
    share_dropped = dropped / max(1, kept + dropped)
    return CurvePoint(density, written / tokens, 100 * kept / tokens, share_dropped, overall_scores(counts))


def _length(lines: Sequence[str]) -> int:
    """Characters of a reply with these lines."""
    return len(json.dumps({"facts": list(lines)}, ensure_ascii=False, separators=(",", ":")))
