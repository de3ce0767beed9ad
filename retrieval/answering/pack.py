"""Evidence to a prompt: the best of it that fits a token budget, numbered, with its provenance.

    [1] Veldrane Tidal is led by Maren Oskevald (from 2026).
    [2] First turbine (2031-03-04): Maren Oskevald watched from a pilot boat.

The budget is counted with the reader's own tokenizer over the whole text, numbers and line ends
included, and never exceeded. Line breaks inside a passage are dropped, so that no document can forge
a numbered line of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from retrieval.text.freshness import superseded_marked
from retrieval.text.sentences import sentences
from retrieval.text.terms import terms
from retrieval.text.texts import headed, stated
from retrieval.types import (
    ContextLine,
    FoundFact,
    FoundPoint,
    FoundReport,
    FoundRow,
    PackedContext,
    PackedPoint,
    Passage,
    Retrieved,
)

CountTokens = Callable[[str], int]


class Shares(BaseModel):
    """Most of the budget that each kind of evidence may take, in [0, 1].

    Passages are fitted in first, then rows and facts, then points and reports: what one kind leaves, the next may take
    up to its share. Where there are no passages the others' shares do not count. With a `text` below 1 a graph has
    room even where passages would fill the budget.

    Attributes:
        text: Of passages.
        facts: Of rows of a query and facts, those of paths first.
        reports: Of points and reports.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    text: float = Field(default=1.0, ge=0, le=1)
    facts: float = Field(default=0.2, ge=0, le=1)
    reports: float = Field(default=0.2, ge=0, le=1)


class PackSettings(BaseModel):
    """How evidence is laid out.

    Attributes:
        shares: How the budget is shared between passages, facts and reports.
        order: "best_last" puts the strongest passage next to the question, where small readers attend most.
        restate: Also show facts whose sentence already stands in a packed passage. Off: the words are there, and
            another passage is worth more than saying them twice.
        least_part: A passage that doesn't fit is cut after a sentence if at least this share of its characters
            remains; otherwise it is left out. Half a passage often still answers, a first line rarely.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    shares: Shares = Shares()
    order: Literal["best_last", "best_first"] = "best_last"
    restate: bool = False
    least_part: float = Field(default=0.5, gt=0, le=1)


@dataclass(frozen=True, slots=True)
class _Fit:
    """A text under trial: the budget, the tokenizer and the layout that it is judged by."""

    budget: int
    count: CountTokens
    settings: PackSettings

    def lay_out(self, extras: list[ContextLine], passages: list[ContextLine]) -> PackedContext:
        """Number the pieces in the order shown; facts and reports are weaker than any passage."""
        shown = [*passages, *extras]
        if self.settings.order == "best_last":
            shown.reverse()
        lines = tuple(replace(line, number=number) for number, line in enumerate(shown, start=1))
        text = "\n".join(f"[{line.number}] {line.text}" for line in lines)
        return PackedContext(text, lines, self.count(text) if text else 0, 0)

    def holds(self, extras: list[ContextLine], passages: list[ContextLine]) -> bool:
        """Whether these pieces stay within the budget."""
        return self.lay_out(extras, passages).tokens <= self.budget

    def part(self, share: float) -> _Fit:
        """The same with a share of the budget."""
        return replace(self, budget=int(self.budget * share))


def pack(
    retrieved: Retrieved, budget_tokens: int, count_tokens: CountTokens, settings: PackSettings | None = None
) -> PackedContext:
    """Fit evidence into a token budget.

    Passages go in best first, without repetitions. Rows and facts, then points and reports take what passages leave, up
    to their shares, so that by default a graph never costs a passage.

    Args:
        retrieved: Evidence, each list best first.
        budget_tokens: Most tokens of the whole text, >= 0.
        count_tokens: The reader's tokenizer.
        settings: Shares and layout.
    Returns:
        A text of at most `budget_tokens` tokens; `left_out` counts pieces that did not fit, repetitions apart.
    Raises:
        ValueError: The budget is negative.
    """
    if budget_tokens < 0:
        raise ValueError(f"Expected a budget of at least 0 tokens; got {budget_tokens}.")
    whole = _Fit(budget_tokens, count_tokens, settings or PackSettings())
    shares = whole.settings.shares
    wanted = list(_distinct(retrieved.passages))
    passages, left = _fill(whole.part(shares.text), wanted)
    alone = not wanted
    told = _Told(line.evidence for line in passages)
    new = [fact for fact in _facts(retrieved) if whole.settings.restate or not told.holds(fact.sentence)]
    facts = [*map(_row_line, retrieved.rows), *map(_fact_line, superseded_marked(new))]
    reports = [*map(_point_line, enumerate(retrieved.points)), *map(_report_line, retrieved.reports)]
    extras: list[ContextLine] = []
    for lines, share in ((facts, shares.facts), (reports, shares.reports)):
        kept = _kept(whole, whole.part(1.0 if alone else share), lines, extras, passages)
        left += len(lines) - len(kept)
        extras += kept
    return replace(whole.lay_out(extras, passages), left_out=left, query=retrieved.query)


def _kept(
    whole: _Fit, share: _Fit, lines: list[ContextLine], before: list[ContextLine], passages: list[ContextLine]
) -> list[ContextLine]:
    """Those of the lines that fit their share, beside all that is packed already."""
    kept: list[ContextLine] = []
    for line in lines:
        if share.holds([*kept, line], []) and whole.holds([*before, *kept, line], passages):
            kept.append(line)
    return kept


def _fill(fit: _Fit, wanted: list[Passage]) -> tuple[list[ContextLine], int]:
    """The passages that fit, best first, whole or cut; and how many do not."""
    packed: list[ContextLine] = []
    for passage in wanted:
        line: ContextLine | None = _passage_line(passage, passage.text)
        if line and not fit.holds([], [*packed, line]):
            line = _longest_part(fit, packed, passage)
        if line:
            packed.append(line)
    return packed, len(wanted) - len(packed)


def _longest_part(fit: _Fit, packed: list[ContextLine], passage: Passage) -> ContextLine | None:
    """The longest beginning of whole sentences that fits, if it is long enough."""
    ends = [end for _, end in sentences(passage.text)[:-1]]
    least = fit.settings.least_part * len(passage.text)
    for end in reversed([end for end in ends if end >= least]):
        line = _passage_line(passage, passage.text[:end])
        if fit.holds([], [*packed, line]):
            return line
    return None


def _distinct(passages: Iterable[Passage]) -> Iterator[Passage]:
    """Passages without those whose words, in their order, all stand in a better one.

    Case, punctuation and spacing don't count, every word and digit does: two yearly notices that differ
    in one number are two facts.
    """
    told = _Told(())
    for passage in passages:
        if not told.holds(passage.text):
            told.add(passage.text)
            yield passage


class _Told:
    """Texts already told, compared by their terms."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts = [_key(text) for text in texts]

    def add(self, text: str) -> None:
        """Remember a text."""
        self._texts.append(_key(text))

    def holds(self, text: str) -> bool:
        """Whether one of the texts contains all of `text`; an empty text is contained in none."""
        key = _key(text)
        return bool(key.strip()) and any(key in told for told in self._texts)


@lru_cache(maxsize=1 << 12)
def _key(text: str) -> str:
    return f" {' '.join(terms(text))} "


def _facts(retrieved: Retrieved) -> Iterator[FoundFact]:
    """Facts of paths, best path first, then the others; each once."""
    every = [*(fact for path in retrieved.paths for fact in path.facts), *retrieved.facts]
    seen: set[str] = set()
    for fact in every:
        if fact.fact_id not in seen:
            seen.add(fact.fact_id)
            yield fact


def _passage_line(passage: Passage, text: str) -> ContextLine:
    shown = headed(passage.title, passage.date, text)
    return ContextLine(0, shown, passage.chunk_id, "passage", passage.source, passage.title, text)


def _fact_line(marked: tuple[FoundFact, str]) -> ContextLine:
    fact, note = marked
    return ContextLine(0, stated(fact) + note, fact.chunk_id, "fact", fact.source, fact.title, fact.sentence)


def _row_line(row: FoundRow) -> ContextLine:
    return ContextLine(0, headed("The graph says", "", row.text), "", "row", title="query of the graph")


def _point_line(placed: tuple[int, FoundPoint]) -> ContextLine:
    place, point = placed
    first, *others = point.facts
    evidence = " ".join(dict.fromkeys(fact.sentence for fact in point.facts))
    sources = tuple(dict.fromkeys(fact.source for fact in others if fact.source != first.source))
    shown = headed(point.title, "", point.text)
    packed = PackedPoint(point.text, " ".join(map(stated, point.facts)), place, point.is_drawn)
    return ContextLine(0, shown, first.chunk_id, "point", first.source, first.title, evidence, sources, packed)


def _report_line(report: FoundReport) -> ContextLine:
    return ContextLine(0, headed(report.title, "", report.summary), "", "report", title=report.title)
