"""Facts kept against tokens spent: what an extractor's answers would have been worth, had they ended sooner.

A bound on the number of lines cuts an answer's end off, and greedy decoding writes the same beginning under any bound;
so one run at a generous bound gives the whole curve, without another call: every answer is cut at each number of lines
for a hundred tokens of its passage, verified as the extractor verifies it, and its tokens are counted in proportion to
what is left of its text. Useless answers count with all their tokens and no facts, and a passage without any answer
with its gold. A second reading that `gleaning` adds is left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from eval.extraction.document_graph import DocumentFact
from eval.extraction.gold_triples import GoldDocument
from eval.extraction.measure import PAIRS, Scores, overall, score
from eval.extraction.relation_match import RelationMatch
from kg.extraction.chat import ChatExtractor, Sentence, halves
from kg.extraction.proposals import Answer, most_lines, proposals
from kg.extraction.protocol import Passage
from kg.extraction.verify import verify
from models.errors import BudgetReached, OutputError

DENSITIES = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 12.0)


@dataclass(frozen=True, slots=True)
class Point:
    """One bound.

    Attributes:
        density: Most lines a hundred tokens of a passage.
        tokens_out: Tokens written for one token of the corpus.
        facts: Facts that stood up, for a hundred tokens of the corpus.
        dropped: Share of what was proposed that did not.
        pairs: Ends that gold joins (see `eval.extraction.measure`), by the model's facts alone.
    """

    density: float
    tokens_out: float
    facts: float
    dropped: float
    pairs: Scores


@dataclass(frozen=True, slots=True)
class _Answer:
    """Lines about some sentences of a passage, which are so many tokens of it."""

    document: int
    passage: Passage
    sentences: Sequence[Sentence]
    tokens: float
    lines: tuple[str, ...]
    tokens_out: int


def curve(
    documents: Sequence[GoldDocument],
    passages: Sequence[tuple[int, Passage]],
    extractor: ChatExtractor,
    relations: RelationMatch,
    densities: Sequence[float] = DENSITIES,
) -> list[Point]:
    """The curve of a run that is on record.

    Args:
        documents: With their gold.
        passages: Each with the position of its document.
        extractor: With a chat model that answers from the records, and under a budget of no call where there is none.
        relations: Compares relations.
        densities: Bounds; the one that the run had is put in the place of those above it.
    Returns:
        A point a bound, rising; none where no passage has an answer.
    """
    answers = [answer for number, passage in passages for answer in _answers(number, passage, extractor)]
    if not any(answer.lines for answer in answers):
        return []
    bound = extractor.density
    bounds = sorted({*(each for each in densities if each < bound), bound})
    tokens = sum(passage.tokens for _, passage in passages)
    return [_point(documents, answers, tokens, extractor, relations, each) for each in bounds]


def _answers(number: int, passage: Passage, extractor: ChatExtractor) -> Iterator[_Answer]:
    """The answers about a passage: about all of it, or what came instead."""
    sentences = [(chunk, span) for chunk in passage.chunks for span in extractor.sentences.split(chunk.text)]
    whole = _answer(number, passage, sentences, extractor)
    yield whole
    if not whole.lines:
        for half in halves(sentences):
            yield _answer(number, passage, half, extractor)


def _answer(number: int, passage: Passage, sentences: Sequence[Sentence], extractor: ChatExtractor) -> _Answer:
    lines: tuple[str, ...] = ()
    try:
        completion = extractor.chat.complete(extractor.request(passage, sentences))
        lines, tokens_out = Answer.model_validate(completion.parsed).facts, completion.usage.tokens_out
    except OutputError as error:
        tokens_out = error.tokens_out
    except BudgetReached:  # nothing on record: it was never asked, or no answer came
        tokens_out = 0
    return _Answer(number, passage, sentences, extractor.tokens(passage, sentences), lines, tokens_out)


def _point(
    documents: Sequence[GoldDocument],
    answers: Sequence[_Answer],
    tokens: int,
    extractor: ChatExtractor,
    relations: RelationMatch,
    density: float,
) -> Point:
    facts: list[list[DocumentFact]] = [[] for _ in documents]
    written, kept, dropped = 0.0, 0, 0
    for answer in answers:
        lines = answer.lines[: most_lines(answer.tokens, density)]
        written += answer.tokens_out * _length(lines) / _length(answer.lines)
        shown = [
            (chunk, [span for owner, span in answer.sentences if owner is chunk]) for chunk in answer.passage.chunks
        ]
        verified = verify(proposals(Answer(facts=lines)), shown, answer.passage.title, extractor.config.relations or ())
        kept, dropped = kept + len(verified.triples), dropped + verified.dropped
        facts[answer.document] += [
            DocumentFact((each.subject,), (each.predicate,), (each.object,)) for each in verified.triples
        ]
    pairs = overall([row[PAIRS] for row in score(documents, facts, relations)])
    return Point(density, written / tokens, 100 * kept / tokens, dropped / max(1, kept + dropped), pairs)


def _length(lines: Sequence[str]) -> int:
    return len(json.dumps({"facts": list(lines)}, ensure_ascii=False, separators=(",", ":")))
