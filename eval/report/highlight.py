"""Finds gold quotes in a context, so that people see at a glance whether the evidence was there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TextPiece:
    """A part of a text.

    Attributes:
        text: The part.
        gold: Whether it is in a gold quote.
    """

    text: str
    gold: bool


def highlight(text: str, quotes: Sequence[str]) -> tuple[tuple[TextPiece, ...], int]:
    """Split a text at the quotes it contains; any white space counts as one space, and case matters.

    Args:
        text: The context.
        quotes: Gold quotes; empty ones are skipped.
    Returns:
        The text in pieces, in order, and how many of the quotes it contains.
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
        matches = [match.span() for match in re.finditer(r"\s+".join(map(re.escape, words)), text)]
        found += bool(matches)
        spans.extend(matches)
    pieces, end = [], 0
    for start, stop in _merged(spans):
        pieces += [TextPiece(text[end:start], False), TextPiece(text[start:stop], True)]
        end = stop
    pieces.append(TextPiece(text[end:], False))
    return tuple(piece for piece in pieces if piece.text), found


def split_lines(pieces: Sequence[TextPiece]) -> tuple[tuple[TextPiece, ...], ...]:
    """Pieces by line of the text; blank lines are dropped.

    Example:
        >>> split_lines((TextPiece("one ", False), TextPiece("two\\nthree", True)))[1]
        (TextPiece(text='three', gold=True),)
    """
    lines: list[list[TextPiece]] = [[]]
    for piece in pieces:
        first, *rest = piece.text.split("\n")
        lines[-1].append(TextPiece(first, piece.gold))
        lines.extend([TextPiece(part, piece.gold)] for part in rest)
    filled = []
    for line in lines:
        if "".join(piece.text for piece in line).strip():
            filled.append(tuple(piece for piece in line if piece.text))
    return tuple(filled)


def _merged(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, stop in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
        else:
            merged.append((start, stop))
    return merged
