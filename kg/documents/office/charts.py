"""Charts of office documents: their title, series and categories with their values, as rows of a table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kg.documents.office.blocks import Block, row_block
from kg.documents.office.markup import attribute, find_all, local_name

if TYPE_CHECKING:
    from lxml.etree import _Element

_MAX_POINTS = 1000
"""Maximum number of categories that are read; a curve has more, and no reader sees each."""


def chart_blocks(chart: _Element) -> Iterator[Block]:
    """Blocks of a chart.

    Args:
        chart: Root of its XML (DrawingML).
    """
    yield Block("")
    for title in find_all(chart, "title"):
        yield Block("".join(part.text or "" for part in find_all(title, "t")))
    series = list(find_all(chart, "ser"))
    names = [" ".join(_points(each, ("tx",)).values()) for each in series]
    categories: dict[int, str] = {}
    for each in series:
        categories = {**_points(each, ("cat", "xVal")), **categories}
    values = [_points(each, ("val", "yVal")) for each in series]
    if any(names):
        yield row_block(["", *names])
    indices = sorted({*categories, *(index for each in values for index in each)})
    for index in indices[:_MAX_POINTS]:
        yield row_block([categories.get(index, ""), *(each.get(index, "") for each in values)])


def _points(series: _Element, names: tuple[str, ...]) -> dict[int, str]:
    """The stored points of a part of a series, by their index."""
    points: dict[int, str] = {}
    for part in series:
        if local_name(part) in names:
            for point in find_all(part, "pt"):
                index = attribute(point, "idx")
                if index.isdigit():
                    points[int(index)] = _number("".join(part.text or "" for part in find_all(point, "v")))
            direct = "".join(value.text or "" for value in find_all(part, "v"))
            if not points and direct:
                points[0] = direct
    return points


def _number(text: str) -> str:
    """A value without the digits that binary fractions add: 4.3 for 4.2999999999999998."""
    try:
        return f"{float(text):.10g}" if len(text) > 12 else text
    except ValueError:
        return text
