"""Draws three plots of a report: accuracy, paired differences, accuracy against cost (the fourth: `kinds_plot.py`).

Each function takes plain numbers and returns a `Plot`: inline SVG, with a caption and the same numbers in words for
people who cannot see it. An arm has the same colour and marker in all plots. Fonts and dark mode are left to `svg.py`
and the page's style sheet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from eval.report.labels import Box, arrange_labels
from eval.report.numerals import dollars, interval, p_cell, percent, points, seconds
from eval.report.palette import MARKERS
from eval.report.svg import CARD, INK, MUTED, NAME, ROW, RULE, WIDTH, Plot, arm_colour, drawing, plain, to_svg
from eval.report.verdict import LEVEL
from eval.types import ArmResult, Comparison

Spot = tuple[float, float]
"""Cost and accuracy of an arm."""

MAX_COMPARISONS = 40


def accuracy_plot(arms: Sequence[ArmResult], slots: Mapping[str, int], chance: float | None, label: str) -> Plot:
    """Accuracy of every arm with its interval, and a dashed line at chance.

    Args:
        arms: In the order of the rows.
        slots: Slot of every arm's colour.
        chance: Accuracy of guessing, or None.
        label: Name of the headline metric ("Accuracy", "Exact match", …).
    """
    words = "; ".join(f"{arm.name} {percent(arm.accuracy)} ({interval(arm)})" for arm in arms)
    height = 42 + ROW * len(arms)
    with drawing("accuracy", WIDTH, height) as figure:
        axes = _rows(figure, height, [arm.name for arm in arms], right=58, bottom=24)
        axes.set_xlim(0, 1)
        axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25", "50", "75", "100\u202f%"])
        axes.grid(axis="x")
        if chance is not None:
            axes.axvline(chance, color=MUTED, linewidth=1.2, linestyle=(0, (4, 3)))
            axes.text(chance, -0.72, f"chance {percent(chance, 0)}", color=MUTED, fontsize=10, ha="center", va="bottom")
        for row, arm in enumerate(arms):
            colour = arm_colour(slots[arm.name])
            axes.plot([arm.ci_low, arm.ci_high], [row, row], color=colour, linewidth=3, alpha=0.45)
            axes.plot([arm.accuracy], [row], MARKERS[slots[arm.name]], color=colour, markersize=8)
            axes.text(1.03, row, percent(arm.accuracy), va="center", weight="bold")
        svg = to_svg(figure, "accuracy", f"{label} by arm", words)
    caption = "Share of all planned items answered correctly, with its 95\u202f% bootstrap interval."
    if chance is not None:
        caption += " The dashed line is the accuracy of guessing."
    return Plot("accuracy", label, caption, svg, height)


def difference_plot(comparisons: Sequence[Comparison], slots: Mapping[str, int]) -> Plot | None:
    """Paired differences with their intervals, filled if significant after Holm; None without comparisons."""
    if not comparisons:
        return None
    shown = comparisons[:MAX_COMPARISONS]
    groups: dict[str, list[Comparison]] = {}
    for comparison in shown:
        groups.setdefault(comparison.b, []).append(comparison)
    lines: list[str | Comparison] = []
    for baseline, group in groups.items():
        lines += [f"vs {baseline}", *group]
    height = 56 + ROW * len(lines)
    with drawing("differences", WIDTH, height) as figure:
        axes = _rows(
            figure, height, [line.a if isinstance(line, Comparison) else "" for line in lines], right=74, bottom=40
        )
        axes.axvline(0, color=MUTED, linewidth=1.2)
        ends = [abs(end) for comparison in shown for end in (comparison.ci_low, comparison.ci_high)]
        reach = 1.08 * max(0.1, *ends)  # symmetric, so that 0 is in the middle
        axes.set_xlim(-reach, reach)
        axes.xaxis.set_major_formatter(lambda value, _: points(value).replace(".0", ""))
        axes.grid(axis="x")
        for number, line in enumerate(lines):
            if isinstance(line, Comparison):
                _difference(axes, number, line, slots)
            else:
                axes.text(-0.004, number + 0.1, plain(line, 2 * NAME), transform=axes.get_yaxis_transform(),
                          color=MUTED, fontsize=10.5, style="italic", va="center", ha="right")  # fmt: skip
        axes.set_xlabel("difference in percentage points")
        svg = to_svg(figure, "differences", "Paired differences", _difference_words(shown))
    more = len(comparisons) - len(shown)
    caption = (
        "Differences on the same items. Filled marks and a star: significant at 0.05 after Holm’s correction; "
        "hollow marks: not significant. On the right: p (Holm)."
    )
    caption += f" {more} more in the table." if more else ""
    return Plot("differences", "Paired differences", caption, svg, height)


def _difference(axes: Any, number: int, made: Comparison, slots: Mapping[str, int]) -> None:
    sure = made.p_holm < LEVEL
    colour, marker = arm_colour(slots.get(made.a, 2)), MARKERS[slots.get(made.a, 2)]
    axes.plot([made.ci_low, made.ci_high], [number, number], color=colour, linewidth=3, alpha=0.45)
    axes.plot([made.difference], [number], marker, color=colour, markersize=8, markeredgewidth=1.6,
              markerfacecolor=colour if sure else CARD)  # fmt: skip
    text = f"{p_cell(made.p_holm)}{' *' if sure else ''}"
    axes.text(1.03, number, text, transform=axes.get_yaxis_transform(), va="center",
              weight="bold" if sure else "normal", color=INK if sure else MUTED)  # fmt: skip


def _difference_words(comparisons: Sequence[Comparison]) -> str:
    return "; ".join(
        f"{made.a} minus {made.b}: {points(made.difference)} points ({interval(made)}), p (Holm) {p_cell(made.p_holm)}"
        for made in comparisons
    )


def cost_plot(
    arms: Sequence[ArmResult], slots: Mapping[str, int], answers: Mapping[str, int], label: str, excluded: str = ""
) -> Plot:
    """Accuracy against US dollars per question, or against seconds if an arm is free.

    Args:
        arms: Arms to draw.
        slots: Slot of every arm's colour.
        answers: Number of answers that an arm's cost covers, by arm.
        label: Name of the headline metric.
        excluded: Name of the oracle arm, which the line of the best arms leaves out.
    """
    priced = all(arm.cost_usd > 0 for arm in arms)
    costs = [(arm.cost_usd if priced else arm.seconds) / max(answers[arm.name], 1) for arm in arms]
    unit, write = ("US dollars", dollars) if priced else ("seconds", seconds)
    words = "; ".join(f"{a.name} {percent(a.accuracy)} at {write(c)}" for a, c in zip(arms, costs, strict=True))
    height = 300.0
    with drawing("cost", WIDTH, height) as figure:
        axes = figure.add_axes((44 / WIDTH, 42 / height, (WIDTH - 62) / WIDTH, (height - 56) / height))
        _cost_scale(axes, costs, unit)
        axes.set_ylim(max(0.0, min(a.ci_low for a in arms) - 0.06), min(1.0, max(a.ci_high for a in arms) + 0.06))
        axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f}\u202f%")
        axes.grid(axis="y")
        spots = [(cost, arm.accuracy) for arm, cost in zip(arms, costs, strict=True)]
        steps = _frontier([spot for spot, arm in zip(spots, arms, strict=True) if arm.name != excluded])
        axes.plot(*zip(*steps, strict=True), color=MUTED, linewidth=0.8, alpha=0.7)
        for arm, cost in zip(arms, costs, strict=True):
            colour = arm_colour(slots[arm.name])
            axes.plot([cost, cost], [arm.ci_low, arm.ci_high], color=colour, linewidth=2.4, alpha=0.35)
            axes.plot([cost], [arm.accuracy], MARKERS[slots[arm.name]], color=colour, markersize=9)
        bars = [((cost, arm.ci_low), (cost, arm.ci_high)) for arm, cost in zip(arms, costs, strict=True)]
        _name_points(axes, [arm.name for arm in arms], spots, [*bars, *pairwise(steps)])
        svg = to_svg(figure, "cost", f"{label} against {unit} per question", words)
    caption = (
        f"Up and to the left is better. {unit[0].upper()}{unit[1:]} per question include retrieval and answer; costs "
        "of index and training are in the table of set-up costs. The thin steps join the arms that no other arm "
        f"beats in both{f' (without {excluded})' if excluded else ''}."
    )
    return Plot("cost", f"{label} against cost", caption, svg, height)


def _cost_scale(axes: Any, costs: Sequence[float], unit: str) -> None:
    low, high = min(costs), max(costs)
    if low > 0:
        axes.set_xscale("log")
        axes.set_xlim(low / 1.7, high * 2.2)
        steps = [digit * 10.0**power for power in range(-9, 9) for digit in (1, 2, 5)]
        ticks = [step for step in steps if low / 1.7 <= step <= high * 2.2]
        axes.set_xticks(ticks if len(ticks) <= 8 else ticks[:: len(ticks) // 6], minor=False)
        axes.set_xticks([], minor=True)
    else:
        axes.set_xlim(-0.08 * high if high else -1, 1.3 * high if high else 1)
    axes.xaxis.set_major_formatter(lambda value, _: dollars(value) if unit == "US dollars" else f"{value:g}")
    axes.set_xlabel(f"{unit} per question{' (log scale)' if low > 0 else ''}")


def _frontier(spots: Sequence[Spot]) -> list[Spot]:
    """Corners of the steps that join the spots that no other beats in both cost and accuracy: the Pareto frontier."""
    steps: list[Spot] = []
    for cost, accuracy in sorted(spots, key=lambda spot: (spot[0], -spot[1])):
        if not steps:
            steps.append((cost, accuracy))
        elif accuracy > steps[-1][1]:
            steps += [(cost, steps[-1][1]), (cost, accuracy)]
    return steps


def _name_points(axes: Any, names: Sequence[str], spots: Sequence[Spot], lines: Sequence[tuple[Spot, Spot]]) -> None:
    """Write the names of arms so that they cover neither each other, nor a mark, nor a line."""
    pixels = [tuple(spot) for spot in axes.transData.transform(spots).tolist()]
    taken: list[Box] = []
    for line in lines:
        (x, y), (right, top) = sorted(axes.transData.transform(line).tolist())
        taken.append((x - 1.5, min(y, top) - 1.5, right + 1.5, max(y, top) + 1.5))
    texts = [plain(name, NAME) for name in names]
    frame = (axes.bbox.x0, axes.bbox.y0, WIDTH - 2, axes.bbox.y1)
    for spot, text, label in zip(pixels, texts, arrange_labels(pixels, texts, 11, frame, taken), strict=True):
        leader = {"arrowstyle": "-", "color": RULE, "linewidth": 0.8} if label.far else None
        axes.annotate(text, spot, (label.x, label.y + 2), xycoords="figure pixels", textcoords="figure pixels",
                      fontsize=11, va="bottom", ha="left", arrowprops=leader)  # fmt: skip


def _rows(figure: Any, height: float, names: Sequence[str], right: float, bottom: float) -> Any:
    """Axes with one named row a line, the first at the top."""
    labels = [plain(name, NAME) for name in names]
    left = min(200.0, 16 + 6.6 * max((len(label) for label in labels), default=0))
    left = max(left, 112.0)
    area = (left / WIDTH, bottom / height, (WIDTH - left - right) / WIDTH, (height - bottom - 16) / height)
    axes = figure.add_axes(area)
    axes.set_ylim(len(labels) - 0.4, -0.7)
    axes.set_yticks(range(len(labels)), labels)
    axes.spines["bottom"].set_visible(False)
    return axes
