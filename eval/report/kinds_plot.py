"""Draws accuracy by kind of question: a heat map with its numbers, arms as rows and kinds as columns, or the other way
round if there are many kinds."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from eval.report.numerals import percent
from eval.report.svg import HEAT, INK, NAME, ROW, WIDTH, Plot, drawing, plain, to_svg
from eval.types import ArmResult

MAX_KINDS_ACROSS = 6


def kind_plot(
    arms: Sequence[ArmResult], by_kind: Mapping[str, Mapping[str, tuple[float, int]]], label: str
) -> Plot | None:
    """A heat map of accuracy by kind of question; None if there is only one kind.

    Args:
        arms: Arms, in the order of the plot.
        by_kind: Accuracy and number of items, by kind and arm.
        label: Name of the headline metric.
    """
    if len(by_kind) < 2:
        return None
    counts: dict[str, int] = {}
    cells: list[list[float | None]] = []  # a row a kind, a column an arm
    for kind, by_arm in by_kind.items():
        counts[kind] = max((n for _, n in by_arm.values()), default=0)
        cells.append([by_arm[arm.name][0] if arm.name in by_arm else None for arm in arms])
    overall: list[float | None] = [arm.accuracy for arm in arms]
    names, title = [plain(arm.name, NAME) for arm in arms], f"{label} by kind of question"
    if len(by_kind) <= MAX_KINDS_ACROSS:
        heads = [f"{plain(kind or 'no kind', 22)}\nn = {counts[kind]}" for kind in by_kind]
        grid = list(zip(overall, *cells, strict=True))  # a row an arm, a column a kind
        svg, height = _heat_map(names, ["all", *heads], grid, title, total_row=False)
    else:
        heads = [f"{plain(kind or 'no kind', 22)} ({counts[kind]})" for kind in by_kind]
        svg, height = _heat_map(["all items", *heads], names, [overall, *cells], title, total_row=True)
    smallest = min(counts.values())
    caption = (
        "Percentage of items answered correctly, with the number of items of each kind. In the smallest kind "
        f"({smallest}) one item is {100 / max(smallest, 1):.0f} points, so small differences there mean little."
    )
    return Plot("kinds", title, caption, svg, height)


def _heat_map(
    rows: Sequence[str], columns: Sequence[str], cells: Sequence[Sequence[float | None]], title: str, total_row: bool
) -> tuple[str, float]:
    """A heat map of shares as SVG, and its height; the first row (`total_row`) or column is all items, in bold."""
    left = min(190.0, 14 + 6.6 * max(len(row) for row in rows))
    wrapped = [_wrap(column, (WIDTH - left - 4) / len(columns)) for column in columns]
    slanted = None in wrapped
    heads = list(columns) if slanted else [head or "" for head in wrapped]
    lines = max(head.count("\n") + 1 for head in heads)
    top, right = (92.0, 44.0) if slanted else (14.0 + 13 * lines, 4.0)
    height = top + ROW * len(rows) + 6
    with drawing("kinds", WIDTH, height) as figure:
        axes = figure.add_axes((left / WIDTH, 4 / height, (WIDTH - left - right) / WIDTH, (height - top) / height))
        axes.set(xlim=(0, len(columns)), ylim=(len(rows), 0), frame_on=False)
        axes.set_yticks([row + 0.5 for row in range(len(rows))], rows)
        axes.xaxis.tick_top()
        axes.set_xticks([column + 0.5 for column in range(len(columns))], heads, color=INK, fontsize=10)
        if slanted:
            for tick in axes.get_xticklabels():
                tick.set(ha="left", rotation=38, rotation_mode="anchor")
        for row, values in enumerate(cells):
            for column, value in enumerate(values):
                if value is not None:
                    _cell(axes, row, column, value, strong=(row if total_row else column) == 0)
        return to_svg(figure, "kinds", title, _heat_words(rows, columns, cells)), height


def _wrap(head: str, width: float) -> str | None:
    """A column's heading in lines that fit `width` pixels; None if a word doesn't fit."""
    limit = int(width / 5.9)  # pixels of an average character at this font size
    lines: list[str] = []
    for line in head.split("\n"):
        lines += textwrap.wrap(line, max(limit, 1), break_long_words=False)
    return "\n".join(lines) if len(lines) <= 4 and all(len(line) <= limit for line in lines) else None


def _heat_words(rows: Sequence[str], columns: Sequence[str], cells: Sequence[Sequence[float | None]]) -> str:
    heads = [column.replace("\n", " ") for column in columns]
    sentences = []
    for row, values in zip(rows, cells, strict=True):
        shares = [f"{head} {percent(value, 0)}" for head, value in zip(heads, values, strict=True) if value is not None]
        sentences.append(f"{row}: {', '.join(shares)}")
    return "; ".join(sentences)


def _cell(axes: Any, row: int, column: int, value: float, strong: bool) -> None:
    from matplotlib.patches import Rectangle

    box = Rectangle((column + 0.02, row + 0.04), 0.96, 0.92, facecolor=HEAT, alpha=0.06 + 0.94 * value, linewidth=0)
    axes.add_patch(box)
    weight = "bold" if strong else "normal"
    axes.text(column + 0.5, row + 0.52, f"{100 * value:.0f}", ha="center", va="center", weight=weight)
