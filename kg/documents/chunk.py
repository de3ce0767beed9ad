"""A document to chunks: whole sentences, at most a set number of tokens each, and no more than an encoder reads.

Sentences are packed greedily. A paragraph that fits a chunk of its own is not broken where the
chunk before it is at least half full; a heading always stays with the text below it. Only a
sentence longer than a chunk is cut, at a line end or clause first, then between words, then inside
a word. Without overlap every character that is not white space lies in exactly one chunk.
Knows nothing of models: the sentence splitter counts tokens, and a `ReadingLimit` those of an encoder.

    chunk(document, max_tokens=160, sentences=RuleSentences())
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Sequence
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
class ReadingLimit:
    """What an encoder reads of a chunk.

    Attributes:
        max_tokens: Maximum number of the encoder's tokens, at least 1.
        counts: Number of the encoder's tokens of each text. Counts should add up over white space; where they do not, a
            chunk can be longer than `max_tokens`.
    """

    max_tokens: int
    counts: Callable[[Sequence[str]], list[int]]


@dataclass(frozen=True, slots=True)
class _Unit:
    """A span that is packed undivided: a sentence (with the headings above it), or a part of a long sentence.

    Attributes:
        start: First character.
        end: End, exclusive.
        tokens: Number of tokens by the splitter.
        read: Number of tokens by the encoder; 0 without a limit.
    """

    start: int
    end: int
    tokens: int
    read: int = 0


@dataclass(frozen=True, slots=True)
class _Limit:
    """Maximum size of a chunk, in both kinds of tokens."""

    tokens: int
    read: int = sys.maxsize

    def holds(self, *units: _Unit) -> bool:
        return sum(unit.tokens for unit in units) <= self.tokens and sum(unit.read for unit in units) <= self.read

    def is_half_full(self, unit: _Unit) -> bool:
        return 2 * unit.tokens >= self.tokens or 2 * unit.read >= self.read


def chunk(
    document: Document,
    max_tokens: int,
    sentences: SentenceSplitter,
    overlap_sentences: int = 0,
    reading: ReadingLimit | None = None,
) -> tuple[Chunk, ...]:
    """Cut a document into chunks.

    Args:
        document: A document whose text may be of any length, or empty.
        max_tokens: Maximum number of tokens of a chunk, at least 1. Only a single character that is
            more than one token exceeds it.
        sentences: Splitter that finds sentences and counts tokens.
        overlap_sentences: Number of sentences that a chunk repeats from the chunk before, as far as they
            fit beside at least one new sentence.
        reading: What an encoder reads of a chunk at most; None for no such limit.
    Returns:
        Chunks in order, each with the exact characters of its span.
    Raises:
        ValueError: `max_tokens` is below 1 or `overlap_sentences` below 0.
    """
    if max_tokens < 1 or overlap_sentences < 0:
        raise ValueError(
            f"Expected max_tokens of 1 or more and overlap_sentences of 0 or more, got {max_tokens} and "
            f"{overlap_sentences}."
        )
    text = document.text
    limit = _Limit(max_tokens) if reading is None else _Limit(max_tokens, reading.max_tokens)
    paragraphs = list(_paragraphs(text, sentences.split(text)))
    counter = _TokenCounter(text, sentences.count_tokens, reading)
    counter.count_ahead([span for paragraph in paragraphs for span in paragraph])
    units = [_units(text, counter, paragraph, limit) for paragraph in paragraphs]
    groups = _pack(units, counter, limit)
    spans = _overlap(groups, counter, limit, overlap_sentences)
    return tuple(_chunk(document, position, span) for position, span in enumerate(spans))


def _chunk(document: Document, position: int, span: _Unit) -> Chunk:
    chunk_id = make_id("c", document.id, span.start, span.end)
    text = document.text[span.start : span.end]
    return Chunk(chunk_id, document.id, position, span.start, span.end, text, span.tokens)


class _TokenCounter:
    """Counts tokens of spans of one text."""

    def __init__(self, text: str, count_tokens: CountTokens, reading: ReadingLimit | None) -> None:
        self._text = text
        self._count = count_tokens
        self._reading = reading
        self._read: dict[Span, int] = {}

    def count_ahead(self, spans: list[Span]) -> None:
        """Count the encoder's tokens of many spans at once, which is faster than one by one."""
        if self._reading is not None:
            counts = self._reading.counts([self._text[start:end] for start, end in spans])
            self._read.update(zip(spans, counts, strict=True))

    def unit(self, start: int, end: int) -> _Unit:
        """A span with its tokens."""
        span = (start, end)
        if self._reading is not None and span not in self._read:
            self.count_ahead([span])
        return _Unit(start, end, self._count(self._text[start:end]), self._read.get(span, 0))

    def joined(self, first: _Unit, second: _Unit) -> _Unit:
        """Both units as one. Counts add up over white space; elsewhere the joined text is counted again."""
        if self._text[first.end : second.start].isspace():
            return _Unit(first.start, second.end, first.tokens + second.tokens, first.read + second.read)
        return self.unit(first.start, second.end)


def _paragraphs(text: str, sentences: list[Span]) -> Iterator[list[Span]]:
    """Sentences by paragraph; a heading belongs to the first sentence of the paragraph below it."""
    paragraph: list[Span] = []
    heading: Span | None = None
    # A heading waits until the sentence below it comes, and further headings join the first.
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


def _units(text: str, counter: _TokenCounter, paragraph: list[Span], limit: _Limit) -> list[_Unit]:
    units: list[_Unit] = []
    for start, end in paragraph:
        unit = counter.unit(start, end)
        units += [unit] if limit.holds(unit) else _cut(text, counter, unit, limit)
    return units


def _cut(text: str, counter: _TokenCounter, unit: _Unit, limit: _Limit) -> list[_Unit]:
    """Cut a unit that is too long into parts that fit, each as long as possible."""
    parts: list[_Unit] = []
    for piece in _fitting(text, counter, unit, limit):
        if parts and limit.holds(joined := counter.joined(parts[-1], piece)):
            parts[-1] = joined
        else:
            parts.append(piece)
    return parts


def _fitting(text: str, counter: _TokenCounter, unit: _Unit, limit: _Limit) -> Iterator[_Unit]:
    """Pieces of a unit that fit, cut as little as possible: clauses, else words, else halves of words."""
    # The first separator that occurs decides; pieces that are still too long are cut by the next.
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


def _fit_piece(text: str, counter: _TokenCounter, span: Span, limit: _Limit) -> Iterator[_Unit]:
    start, end = span
    while end > start and text[end - 1].isspace():
        end -= 1
    while start < end and text[start].isspace():
        start += 1
    if start == end:
        return
    unit = counter.unit(start, end)
    if limit.holds(unit):
        yield unit
    else:
        yield from _fitting(text, counter, unit, limit)


def _pack(paragraphs: list[list[_Unit]], counter: _TokenCounter, limit: _Limit) -> list[list[_Unit]]:
    """Group units into chunks."""
    groups: list[list[_Unit]] = []
    current: _Unit | None = None  # span of the chunk that is being filled
    for units in paragraphs:
        # A paragraph that fits a chunk of its own starts a new one, unless the current chunk is less than half full.
        half_full = current is not None and limit.is_half_full(current)
        if current and half_full and not limit.holds(current, *units) and limit.holds(*units):
            current = None
        for unit in units:
            joined = counter.joined(current, unit) if current else unit
            if current and limit.holds(joined):
                groups[-1].append(unit)
                current = joined
            else:
                groups.append([unit])
                current = unit
    return groups


def _overlap(groups: list[list[_Unit]], counter: _TokenCounter, limit: _Limit, overlap: int) -> Iterator[_Unit]:
    """The spans of the chunks, each begun early enough to repeat the end of the one before."""
    for before, group in pairwise([[], *groups]):
        span = reduce(counter.joined, group)
        for unit in reversed(before[-overlap:] if overlap else []):
            longer = counter.joined(unit, span)
            if not limit.holds(longer):
                break
            span = longer
        yield span
