"""A document to passages: whole sentences, at most a set number of tokens each.

Sentences are packed greedily. A paragraph that fits a passage of its own is not broken where the
passage before it is at least half full; a heading never parts from the text below it. Only a
sentence longer than a passage is cut, at a line end or clause first, then between words, then inside
a word. Without overlap every character that is not white space lies in exactly one passage.
Knows nothing of models: what a token is, the splitter says.

    chunk(document, max_tokens=160, sentences=RuleSentences())
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise

from kg.language.sentences import SentenceSplitter, Span
from kg.schema import Chunk, Document, make_id

_PARAGRAPH = re.compile(r"\n[^\S\n]*\n")
_HEADING = re.compile(r"\#{1,6}\s[^\n]*")
_CLAUSE = re.compile(r"\n|[;:,—–][\"'”’)\]]*\s|[，；：、；]")
_WORD = re.compile(r"\s+")

CountTokens = Callable[[str], int]


@dataclass(frozen=True, slots=True)
class _Unit:
    """What is packed as a whole: a sentence (with the headings above it), or a part of a long one."""

    start: int
    end: int
    tokens: int


def chunk(
    document: Document, max_tokens: int, sentences: SentenceSplitter, overlap_sentences: int = 0
) -> tuple[Chunk, ...]:
    """Cut a document into passages.

    Args:
        document: Its text may be of any length, or empty.
        max_tokens: Most tokens of a passage, at least 1. Passed only by a single character that is
            more than one token.
        sentences: Finds sentences and counts tokens.
        overlap_sentences: How many sentences of the passage before a passage repeats, as far as they
            fit beside at least one new sentence.
    Returns:
        Passages in order, each with the exact characters of its span.
    Raises:
        ValueError: `max_tokens` is below 1 or `overlap_sentences` below 0.
    """
    if max_tokens < 1 or overlap_sentences < 0:
        raise ValueError(f"max_tokens must be >= 1 and overlap >= 0, they are {max_tokens} and {overlap_sentences}")
    text = document.text
    paragraphs = _paragraphs(text, sentences.split(text))
    counter = _Counter(text, sentences.count_tokens)
    units = [_units(text, counter, paragraph, max_tokens) for paragraph in paragraphs]
    groups = _pack(units, counter, max_tokens)
    passages = _overlap(groups, counter, max_tokens, overlap_sentences)
    return tuple(_chunk(document, position, passage) for position, passage in enumerate(passages))


def _chunk(document: Document, position: int, passage: _Unit) -> Chunk:
    start, end = passage.start, passage.end
    chunk_id = make_id("c", document.id, start, end)
    return Chunk(chunk_id, document.id, position, start, end, document.text[start:end], passage.tokens)


class _Counter:
    """Counts tokens of spans of one text."""

    def __init__(self, text: str, count_tokens: CountTokens) -> None:
        self._text = text
        self._count = count_tokens

    def __call__(self, start: int, end: int) -> int:
        return self._count(self._text[start:end])

    def joined(self, first: _Unit, second: _Unit) -> _Unit:
        """Both units as one. Counts add up over white space; elsewhere the whole is counted anew."""
        apart = self._text[first.end : second.start].isspace()
        tokens = first.tokens + second.tokens if apart else self(first.start, second.end)
        return _Unit(first.start, second.end, tokens)


def _paragraphs(text: str, sentences: list[Span]) -> Iterator[list[Span]]:
    """Sentences by paragraph; a heading counts to the paragraph below and its sentence."""
    paragraph: list[Span] = []
    heading: Span | None = None
    for before, span in pairwise([(0, 0), *sentences]):
        if paragraph and heading is None and _PARAGRAPH.search(text, before[1], span[0]):
            yield paragraph
            paragraph = []
        if _HEADING.fullmatch(text, *span):
            if paragraph and heading is None:
                yield paragraph
                paragraph = []
            heading = heading or span
            continue
        paragraph.append((heading[0] if heading else span[0], span[1]))
        heading = None
    if heading:
        paragraph.append((heading[0], sentences[-1][1]))
    if paragraph:
        yield paragraph


def _units(text: str, counter: _Counter, paragraph: list[Span], limit: int) -> list[_Unit]:
    units: list[_Unit] = []
    for start, end in paragraph:
        unit = _Unit(start, end, counter(start, end))
        units += [unit] if unit.tokens <= limit else _cut(text, counter, unit, limit)
    return units


def _cut(text: str, counter: _Counter, unit: _Unit, limit: int) -> list[_Unit]:
    """Cut what is too long into parts that fit, each as long as can be."""
    parts: list[_Unit] = []
    for piece in _fitting(text, counter, unit, limit):
        if parts and (joined := counter.joined(parts[-1], piece)).tokens <= limit:
            parts[-1] = joined
        else:
            parts.append(piece)
    return parts


def _fitting(text: str, counter: _Counter, unit: _Unit, limit: int) -> Iterator[_Unit]:
    """Pieces of a unit that fit, cut as little as possible: clauses, else words, else halves of words."""
    for separator in (_CLAUSE, _WORD):
        cuts = [match.end() for match in separator.finditer(text, unit.start, unit.end) if match.end() < unit.end]
        if cuts:
            for start, end in pairwise([unit.start, *cuts, unit.end]):
                yield from _fit_piece(text, counter, (start, end), limit)
            return
    middle = (unit.start + unit.end) // 2
    if middle == unit.start:  # one character: nothing is left to cut
        yield unit
        return
    yield from _fit_piece(text, counter, (unit.start, middle), limit)
    yield from _fit_piece(text, counter, (middle, unit.end), limit)


def _fit_piece(text: str, counter: _Counter, span: Span, limit: int) -> Iterator[_Unit]:
    start, end = span
    while end > start and text[end - 1].isspace():
        end -= 1
    while start < end and text[start].isspace():
        start += 1
    if start == end:
        return
    unit = _Unit(start, end, counter(start, end))
    if unit.tokens <= limit:
        yield unit
    else:
        yield from _fitting(text, counter, unit, limit)


def _pack(paragraphs: list[list[_Unit]], counter: _Counter, limit: int) -> list[list[_Unit]]:
    """Group units into passages."""
    groups: list[list[_Unit]] = []
    whole: _Unit | None = None  # the passage that is being filled
    for units in paragraphs:
        if whole and 2 * whole.tokens >= limit and not _fits(whole, units, limit) and _fits(None, units, limit):
            whole = None
        for unit in units:
            joined = counter.joined(whole, unit) if whole else unit
            if whole and joined.tokens <= limit:
                groups[-1].append(unit)
                whole = joined
            else:
                groups.append([unit])
                whole = unit
    return groups


def _fits(whole: _Unit | None, units: list[_Unit], limit: int) -> bool:
    return (whole.tokens if whole else 0) + sum(unit.tokens for unit in units) <= limit


def _overlap(groups: list[list[_Unit]], counter: _Counter, limit: int, overlap: int) -> Iterator[_Unit]:
    """The passages, each begun early enough to repeat the end of the one before."""
    for before, group in pairwise([[], *groups]):
        passage = reduce(counter.joined, group)
        for unit in reversed(before[-overlap:] if overlap else []):
            longer = counter.joined(unit, passage)
            if longer.tokens > limit:
                break
            passage = longer
        yield passage
