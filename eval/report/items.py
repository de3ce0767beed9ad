"""The list of items in a report: what each arm chose, how it scored the options, and what it had read.

Everything is put in the order of the table of arms. A context is shown once an item, however many arms read it,
and a text that two retrievers share is shown once. Very large runs show fewer items, or no contexts beyond a
budget; the page then says so and names the file that has them all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from eval.report.finished_run import Record
from eval.report.highlight import Piece, highlight, split_lines
from eval.runs.results import ArmSummary
from eval.types import LETTERS, Context, GoldEvidence, Item, Sample

MOST_ITEMS = 2_000
MOST_CONTEXT_CHARACTERS = 4_000_000


@dataclass(frozen=True, slots=True)
class ArmOutcome:
    """How one arm did on one item.

    Attributes:
        arm: The arm.
        value: Mean of `correct` over its seeds, in [0, 1]; 0 where there is no sample.
        word: "right", "wrong", "partly right" or "failed".
        answers: What it wrote, one a seed, for a short-answer item.
        metrics: Means of the item's further metrics.
        errors: Why it failed.
    """

    arm: str
    value: float
    word: str
    answers: tuple[str, ...]
    metrics: Mapping[str, float]
    errors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OptionCell:
    """What one arm made of one option: the mean score, or None, and how many of its seeds chose it."""

    score: float | None
    votes: int
    seeds: int


@dataclass(frozen=True, slots=True)
class OptionRow:
    """One option of a multiple-choice item, with a cell an arm."""

    letter: str
    text: str
    gold: bool
    cells: tuple[OptionCell, ...]


@dataclass(frozen=True, slots=True)
class ContextView:
    """A context and who read it.

    Attributes:
        name: Its retriever, or several that found the same.
        arms: Arms that read it.
        context: As frozen.
        lines: Its text by line, cut at the gold quotes; empty if it is left out for size.
        found: Gold quotes that stand in it.
        quotes: Gold quotes there are.
        left_out: Whether the text is left out for size.
    """

    name: str
    arms: tuple[str, ...]
    context: Context
    lines: tuple[tuple[Piece, ...], ...]
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
        words = ("right", "partly right", "wrong", "failed")
        named = [(word, [outcome.arm for outcome in self.outcomes if outcome.word == word]) for word in words]
        return "; ".join(f"{word}: {', '.join(arms)}" for word, arms in named if arms)


def item_views(record: Record) -> tuple[ItemView, ...]:
    """Lay out the items of a run, in the task's order."""
    return tuple(_views(record))


def _views(record: Record) -> Iterator[ItemView]:
    room = MOST_CONTEXT_CHARACTERS
    for number, item in enumerate(record.items[:MOST_ITEMS], 1):
        samples = record.samples.get(item.id, {})
        outcomes = tuple(_outcome(arm.name, samples.get(arm.name, ())) for arm in record.arms)
        contexts = record.contexts.get(item.id, {})
        views = _context_views(record.arms, contexts, item.evidence, room)
        room -= sum(len(view.context.text) for view in views if not view.left_out)
        yield ItemView(number, item, outcomes, _options(item, record.arms, samples), views)


def _outcome(arm: str, samples: Sequence[Sample]) -> ArmOutcome:
    value = sum(sample.correct for sample in samples) / len(samples) if samples else 0.0
    errors = tuple(sample.error for sample in samples if sample.error) if samples else ("no answer in this run",)
    if errors and len(errors) >= len(samples):
        word = "failed"
    else:
        word = "right" if value >= 1 else "wrong" if value <= 0 else "partly right"
    names = sorted({name for sample in samples for name in sample.metrics})
    means = {name: sum(sample.metrics.get(name, 0.0) for sample in samples) / len(samples) for name in names}
    answers = tuple(sample.prediction for sample in samples if not sample.error)
    return ArmOutcome(arm, value, word, answers, means, errors)


def _options(
    item: Item, arms: Sequence[ArmSummary], samples: Mapping[str, tuple[Sample, ...]]
) -> tuple[OptionRow, ...]:
    return tuple(
        OptionRow(
            letter=LETTERS[number] if number < len(LETTERS) else str(number + 1),
            text=text,
            gold=number == item.answer,
            cells=tuple(_cell(number, samples.get(arm.name, ())) for arm in arms),
        )
        for number, text in enumerate(item.choices)
    )


def _cell(number: int, samples: Sequence[Sample]) -> OptionCell:
    scores = [sample.scores[number] for sample in samples if number < len(sample.scores)]
    votes = sum(sample.prediction == str(number) and not sample.error for sample in samples)
    return OptionCell(sum(scores) / len(scores) if scores else None, votes, len(samples))


def _context_views(
    arms: Sequence[ArmSummary], contexts: Mapping[str, Context], evidence: Sequence[GoldEvidence], room: int
) -> tuple[ContextView, ...]:
    readers: dict[str, list[str]] = {}
    for arm in arms:
        readers.setdefault(arm.retriever, []).append(arm.name)
    groups: dict[tuple[str, str, str], list[str]] = {}
    for key, context in contexts.items():
        if readers.get(key):
            groups.setdefault((context.text, context.error, context.query), []).append(key)
    quotes = [gold.quote for gold in evidence if gold.quote.strip()]
    views = []
    for (text, _, _), keys in groups.items():
        pieces, found = highlight(text, quotes)
        left_out = len(text) > room
        room -= 0 if left_out else len(text)
        names = tuple(name for key in keys for name in readers[key])
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
