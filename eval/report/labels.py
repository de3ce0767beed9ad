"""Positions for the names of points, so that they cover neither each other nor a point.

Greedy and deterministic: each label, in order, takes the position near its point that covers the least. There are a few
dozen labels at most, so nothing cleverer is needed.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Box = tuple[float, float, float, float]
"""Left, bottom, right, top, in pixels."""

_DIRECTIONS = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1))
_DISTANCES = (9.0, 16.0, 26.0, 40.0, 56.0)


@dataclass(frozen=True, slots=True)
class Label:
    """Position of a label.

    Attributes:
        x: Left edge, in pixels.
        y: Bottom edge, in pixels.
        far: Whether it is so far from its point that a line should join them.
    """

    x: float
    y: float
    far: bool


def text_width(text: str, size: float) -> float:
    """Width of a line of text in pixels: an estimate on the high side, for any font."""
    return sum(size if unicodedata.east_asian_width(letter) in "WF" else 0.6 * size for letter in text)


def arrange_labels(
    points: Sequence[tuple[float, float]], texts: Sequence[str], size: float, frame: Box, taken: Iterable[Box] = ()
) -> list[Label]:
    """Find a position for the label of each point.

    Args:
        points: Positions (x, y) in pixels.
        texts: Text of each point's label.
        size: Font size in pixels.
        frame: Area that labels should stay in.
        taken: Further areas that labels should not cover; points are added to them.
    Returns:
        One label a point, in order.
    Example:
        >>> one, two = arrange_labels([(50, 50), (50, 50)], ["a", "b"], 10, (0, 0, 100, 100))
        >>> one.y != two.y or one.x != two.x
        True
    """
    boxes = [(box, 1.0) for box in taken] + [((x - 6, y - 6, x + 6, y + 6), 4.0) for x, y in points]
    placed = []
    for (x, y), text in zip(points, texts, strict=True):
        width, height = text_width(text, size), 1.15 * size
        options = [_box(x, y, width, height, distance, way) for distance in _DISTANCES for way in _DIRECTIONS]
        # A point or another label is four times as bad to cover as a line; nearer positions win among equal ones.
        costs = []
        for box in options:
            covered = sum(weight * _overlap(box, other) for other, weight in boxes)
            costs.append(covered + 4 * _outside(box, frame))
        best = min(range(len(options)), key=lambda index: (costs[index], index))
        boxes.append((options[best], 4.0))
        placed.append(Label(options[best][0], options[best][1], far=best >= 2 * len(_DIRECTIONS)))
    return placed


def _box(x: float, y: float, width: float, height: float, distance: float, way: tuple[int, int]) -> Box:
    across, up = way
    shrink = 0.7 if across and up else 1.0  # diagonally, about 1 / sqrt(2) of the distance either way
    centre_x = x + across * (width / 2 + distance * shrink)
    centre_y = y + up * (height / 2 + distance * shrink)
    return centre_x - width / 2, centre_y - height / 2, centre_x + width / 2, centre_y + height / 2


def _overlap(a: Box, b: Box) -> float:
    wide = min(a[2], b[2]) - max(a[0], b[0])
    high = min(a[3], b[3]) - max(a[1], b[1])
    return wide * high if wide > 0 and high > 0 else 0.0


def _outside(box: Box, frame: Box) -> float:
    inside = _overlap(box, frame)
    return (box[2] - box[0]) * (box[3] - box[1]) - inside
