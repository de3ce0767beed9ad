"""Facts kept against tokens spent: what an extractor's answers would have been worth, had they ended sooner.

A bound on the number of lines cuts an answer's end off, and greedy decoding writes the same beginning under any bound;
so one run at a generous bound gives the whole curve, without another call: every answer is cut at each number of lines
for a hundred tokens of its passage, verified as the extractor verifies it, and its tokens are counted in proportion to
what is left of its text.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from eval.document_graph import DocumentFact
from eval.extraction import PAIRS, Scores, overall, score
from eval.gold_triples import GoldDocument
from eval.relation_match import RelationMatch
from kg.extract import ChatExtractor
from kg.proposals import Answer, most_lines, proposals
from kg.reading import Passage
from kg.schema import Chunk
from kg.spans import Span
from kg.verify import verify
from models.errors import OutputError

DENSITIES = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 12.0)


@dataclass(frozen=True, slots=True)
class Point:
    """One bound.

    Attributes:
        density: Most lines a hundred tokens of a passage.
        tokens_out: Tokens written for one token of the corpus.
        facts: Facts that stood up, for a hundred tokens of the corpus.
        dropped: Share of what was proposed that did not.
        pairs: Ends that gold joins (see `eval.extraction`), by the model's facts alone.
    """

    density: float
    tokens_out: float
    facts: float
    dropped: float
    pairs: Scores


@dataclass(frozen=True, slots=True)
class _Answer:
    document: int
    passage: Passage
    sentences: tuple[tuple[Chunk, Span], ...]
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
        extractor: With a chat model that answers from the records. A passage that failed is left out.
        relations: Compares relations.
        densities: The bounds, rising; those above the one that the run had are left out.
    """
    answers = [answer for number, passage in passages if (answer := _answer(number, passage, extractor)) is not None]
    tokens = sum(answer.passage.tokens for answer in answers)
    bound = extractor.density
    return [
        _point(documents, answers, tokens, extractor, relations, each) for each in densities if each <= bound and tokens
    ]


def _answer(number: int, passage: Passage, extractor: ChatExtractor) -> _Answer | None:
    sentences = tuple((chunk, span) for chunk in passage.chunks for span in extractor.sentences.split(chunk.text))
    try:
        completion = extractor.chat.complete(extractor.request(passage, sentences))
    except OutputError:
        return None
    lines = Answer.model_validate(completion.parsed).facts
    return _Answer(number, passage, sentences, lines, completion.usage.tokens_out)


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
        lines = answer.lines[: most_lines(answer.passage.tokens, density)]
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
