"""Finding a gold quote in a context, so that a reader sees at a glance whether the evidence was there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text, gold or not."""

    text: str
    gold: bool


def highlight(text: str, quotes: Sequence[str]) -> tuple[tuple[Piece, ...], int]:
    """Cut a text at the quotes it holds; any run of white space counts as one space, letter case counts.

    Args:
        text: The context.
        quotes: Gold quotes; empty ones are passed over.
    Returns:
        The whole text in pieces, and how many of the quotes stand in it.
    Example:
        >>> pieces, found = highlight("Old. The bridge\\nopened.", ["The bridge opened.", "It fell."])
        >>> [piece.text for piece in pieces if piece.gold], found
        (['The bridge\\nopened.'], 1)
    """
    spans: list[tuple[int, int]] = []
    found = 0
    for quote in quotes:
        words = quote.split()
        if not words:
            continue
        hits = [hit.span() for hit in re.finditer(r"\s+".join(map(re.escape, words)), text)]
        found += bool(hits)
        spans.extend(hits)
    pieces, end = [], 0
    for start, stop in _merged(spans):
        pieces += [Piece(text[end:start], False), Piece(text[start:stop], True)]
        end = stop
    pieces.append(Piece(text[end:], False))
    return tuple(piece for piece in pieces if piece.text), found


def split_lines(pieces: Sequence[Piece]) -> tuple[tuple[Piece, ...], ...]:
    """Pieces by line of the text; blank lines are dropped.

    Example:
        >>> split_lines((Piece("one ", False), Piece("two\\nthree", True)))[1]
        (Piece(text='three', gold=True),)
    """
    lines: list[list[Piece]] = [[]]
    for piece in pieces:
        first, *rest = piece.text.split("\n")
        lines[-1].append(Piece(first, piece.gold))
        lines.extend([Piece(part, piece.gold)] for part in rest)
    filled = (tuple(piece for piece in line if piece.text) for line in lines)
    return tuple(line for line in filled if "".join(piece.text for piece in line).strip())


def _merged(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, stop in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
        else:
            merged.append((start, stop))
    return merged
