"""Prepares the list of items of a report: what each arm chose, how it scored the options, and its context.

Arms are in the order of the table of arms. A context is shown once an item, however many arms were given it, and a text
that two retrievers share is shown once. Very large runs show fewer items, or leave out contexts beyond a budget; the
page then says so and names the file that has them all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from eval.report.finished_run import FinishedRun
from eval.report.highlight import TextPiece, highlight, split_lines
from eval.runs.results import ArmSummary
from eval.types import LETTERS, Context, GoldEvidence, Item, Sample

MAX_ITEMS = 2_000
MAX_CONTEXT_CHARACTERS = 4_000_000
"""Limits of the page: browsers stay quick with these."""


@dataclass(frozen=True, slots=True)
class ArmOutcome:
    """How one arm did on one item.

    Attributes:
        arm: Name of the arm.
        value: Mean of `correct` over its seeds, in [0, 1]; 0 without a sample.
        word: "right", "wrong", "partly right" or "failed".
        answers: Short answers, one a seed; indices of options for multiple choice.
        metrics: Means of the item's further metrics, by name.
        errors: Reasons why it failed.
    """

    arm: str
    value: float
    word: str
    answers: tuple[str, ...]
    metrics: Mapping[str, float]
    errors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OptionCell:
    """How one arm scored one option.

    Attributes:
        score: Mean score over its seeds, or None.
        votes: Number of seeds that chose the option.
        seeds: Number of seeds.
    """

    score: float | None
    votes: int
    seeds: int


@dataclass(frozen=True, slots=True)
class OptionRow:
    """One option of a multiple-choice item, with one cell an arm."""

    letter: str
    text: str
    gold: bool
    cells: tuple[OptionCell, ...]


@dataclass(frozen=True, slots=True)
class ContextView:
    """A context and the arms that were given it.

    Attributes:
        name: Key of its retriever, or of several that found the same.
        arms: Names of the arms that were given it.
        context: The frozen context.
        lines: Its text by line, split at the gold quotes; empty if it is left out.
        found: Number of gold quotes that it contains.
        quotes: Number of gold quotes of the item.
        left_out: Whether the text is left out to keep the page small.
    """

    name: str
    arms: tuple[str, ...]
    context: Context
    lines: tuple[tuple[TextPiece, ...], ...]
    found: int
    quotes: int
    left_out: bool


@dataclass(frozen=True, slots=True)
class ItemView:
    """One item of the list."""

    number: int
    item: Item
    outcomes: tuple[ArmOutcome, ...]
    options: tuple[OptionRow, ...]
    contexts: tuple[ContextView, ...]

    @property
    def disagree(self) -> bool:
        """Whether one arm did better than another."""
        return len({outcome.value for outcome in self.outcomes}) > 1

    @property
    def summary(self) -> str:
        """The outcomes in words."""
        arms: dict[str, list[str]] = {"right": [], "partly right": [], "wrong": [], "failed": []}
        for outcome in self.outcomes:
            arms[outcome.word].append(outcome.arm)
        return "; ".join(f"{word}: {', '.join(names)}" for word, names in arms.items() if names)


def item_views(run: FinishedRun) -> tuple[ItemView, ...]:
    """The items of a run, in the task's order."""
    return tuple(_views(run))


def _views(run: FinishedRun) -> Iterator[ItemView]:
    room = MAX_CONTEXT_CHARACTERS  # characters of contexts that may still be shown
    for number, item in enumerate(run.items[:MAX_ITEMS], 1):
        samples = run.samples.get(item.id, {})
        outcomes = tuple(_outcome(arm.name, samples.get(arm.name, ())) for arm in run.arms)
        contexts = run.contexts.get(item.id, {})
        views = _context_views(run.arms, contexts, item.evidence, room)
        room -= sum(len(view.context.text) for view in views if not view.left_out)
        yield ItemView(number, item, outcomes, _options(item, run.arms, samples), views)


def _outcome(arm: str, samples: Sequence[Sample]) -> ArmOutcome:
    value = sum(sample.correct for sample in samples) / len(samples) if samples else 0.0
    errors = tuple(sample.error for sample in samples if sample.error) if samples else ("no answer in this run",)
    if errors and len(errors) >= len(samples):
        word = "failed"
    else:
        word = "right" if value >= 1 else "wrong" if value <= 0 else "partly right"
    names = sorted({name for sample in samples for name in sample.metrics})
    means = {}
    for name in names:
        means[name] = sum(sample.metrics.get(name, 0.0) for sample in samples) / len(samples)
    answers = tuple(sample.prediction for sample in samples if not sample.error)
    return ArmOutcome(arm, value, word, answers, means, errors)


def _options(
    item: Item, arms: Sequence[ArmSummary], samples: Mapping[str, tuple[Sample, ...]]
) -> tuple[OptionRow, ...]:
    rows = []
    for number, text in enumerate(item.choices):
        letter = LETTERS[number] if number < len(LETTERS) else str(number + 1)
        cells = tuple(_cell(number, samples.get(arm.name, ())) for arm in arms)
        rows.append(OptionRow(letter, text, number in item.right_options, cells))
    return tuple(rows)


def _cell(number: int, samples: Sequence[Sample]) -> OptionCell:
    scores = [sample.scores[number] for sample in samples if number < len(sample.scores)]
    votes = sum(sample.prediction == str(number) and not sample.error for sample in samples)
    return OptionCell(sum(scores) / len(scores) if scores else None, votes, len(samples))


def _context_views(
    arms: Sequence[ArmSummary], contexts: Mapping[str, Context], evidence: Sequence[GoldEvidence], room: int
) -> tuple[ContextView, ...]:
    arms_with: dict[str, list[str]] = {}
    for arm in arms:
        arms_with.setdefault(arm.retriever, []).append(arm.name)
    groups: dict[tuple[str, str, str], list[str]] = {}
    for key, context in contexts.items():
        if arms_with.get(key):
            # Equal texts with different queries or errors stay apart, since those are shown too.
            groups.setdefault((context.text, context.error, context.query), []).append(key)
    quotes = [gold.quote for gold in evidence if gold.quote.strip()]
    views = []
    for (text, _, _), keys in groups.items():
        pieces, found = highlight(text, quotes)
        # Later items lose their contexts first; what is left of the budget may still fit a shorter one.
        left_out = len(text) > room
        room -= 0 if left_out else len(text)
        names = tuple(name for key in keys for name in arms_with[key])
        views.append(
            ContextView(
                " = ".join(keys),
                names,
                contexts[keys[0]],
                () if left_out else split_lines(pieces),
                found,
                len(quotes),
                left_out,
            )
        )
    return tuple(views)
