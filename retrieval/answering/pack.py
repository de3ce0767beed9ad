"""Evidence to a prompt: the best of it that fits a token budget, numbered, with its provenance.

    [1] Veldrane Tidal is led by Maren Oskevald (from 2026).
    [2] First turbine (2031-03-04): Maren Oskevald watched from a pilot boat.

The budget is counted with the reader's own tokenizer over the complete text, numbers and line ends included, and never
exceeded. Line breaks inside a passage are dropped, so that no document can forge a numbered line of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from retrieval.text.freshness import mark_superseded
from retrieval.text.sentences import sentences
from retrieval.text.terms import terms
from retrieval.text.texts import retrieved_fact_sentence, with_heading
from retrieval.types import (
    ContextLine,
    PackedContext,
    PackedPoint,
    Passage,
    QueryRow,
    RetrievedEvidence,
    RetrievedFact,
    RetrievedPoint,
    RetrievedReport,
)

CountTokens = Callable[[str], int]
"""Number of tokens of a text under the reader's tokenizer."""


class BudgetShares(BaseModel):
    """Maximum share of the budget for each kind of evidence, in [0, 1].

    Passages are fitted in first, then rows and facts, then points and reports: what one kind leaves, the next may take
    up to its share. If there are no passages, the others' shares do not count. With a `text` below 1, a graph has room
    even if passages would fill the budget.

    Attributes:
        text: Maximum share of passages.
        facts: Maximum share of rows of a query and of facts, those of paths first.
        reports: Maximum share of points and reports.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    text: float = Field(default=1.0, ge=0, le=1)
    facts: float = Field(default=0.2, ge=0, le=1)
    reports: float = Field(default=0.2, ge=0, le=1)


class PackSettings(BaseModel):
    """How evidence is laid out.

    Attributes:
        shares: How the budget is divided between passages, facts and reports.
        order: "best_last" puts the strongest passage next to the question, where small readers attend most;
            "best_first" puts it first.
        restate: Whether facts are also shown if their sentence is already in a packed passage. By default they are not:
            another passage is worth more than repeated words.
        least_part: Minimum share of a passage's characters that must remain when it is cut after a sentence to fit;
            otherwise the passage is left out. Half a passage often still answers, a first line rarely.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    shares: BudgetShares = BudgetShares()
    order: Literal["best_last", "best_first"] = "best_last"
    restate: bool = False
    least_part: float = Field(default=0.5, gt=0, le=1)


@dataclass(frozen=True, slots=True)
class _TokenBudget:
    """What a trial text is checked against: a number of tokens, the tokenizer and the layout."""

    tokens: int
    count: CountTokens
    settings: PackSettings

    def lay_out(self, extras: list[ContextLine], passages: list[ContextLine]) -> PackedContext:
        """Number the pieces in the order shown; facts and reports are weaker than any passage."""
        shown = [*passages, *extras]  # best first
        if self.settings.order == "best_last":
            shown.reverse()
        lines = tuple(replace(line, number=number) for number, line in enumerate(shown, start=1))
        text = "\n".join(f"[{line.number}] {line.text}" for line in lines)
        return PackedContext(text, lines, self.count(text) if text else 0, 0)

    def holds(self, extras: list[ContextLine], passages: list[ContextLine]) -> bool:
        """Whether these pieces fit the budget.

        The text is laid out and counted as a whole: tokens of single lines do not add up, since a tokenizer merges
        across their ends and numbers grow longer.
        """
        return self.lay_out(extras, passages).tokens <= self.tokens

    def share(self, share: float) -> _TokenBudget:
        """A share of this budget, rounded down."""
        return replace(self, tokens=int(self.tokens * share))


def pack(
    retrieved: RetrievedEvidence, budget_tokens: int, count_tokens: CountTokens, settings: PackSettings | None = None
) -> PackedContext:
    """Fit evidence into a token budget.

    Passages go in best first, without repetitions. Rows and facts, then points and reports take what passages leave, up
    to their shares, so that by default a graph never costs a passage.

    Args:
        retrieved: Evidence, each list best first.
        budget_tokens: Maximum number of tokens of the text, >= 0.
        count_tokens: The reader's tokenizer.
        settings: Shares and layout.
    Returns:
        A text of at most `budget_tokens` tokens; `left_out` counts pieces that did not fit, without repetitions.
    Raises:
        ValueError: The budget is negative.
    """
    if budget_tokens < 0:
        raise ValueError(f"Expected a budget of at least 0 tokens; got {budget_tokens}.")
    budget = _TokenBudget(budget_tokens, count_tokens, settings or PackSettings())
    shares = budget.settings.shares
    # Greedy, best first. An optimal packing (a knapsack) would trade the best passage for two worse ones, and a reader
    # of few passages depends on the best.
    distinct = list(_distinct(retrieved.passages))
    passages, left_out = _fit_passages(budget.share(shares.text), distinct)
    # Of a passage that was cut, only the part shown counts: a fact from the rest is still news.
    shown = _ShownTexts(line.evidence for line in passages)
    facts = [fact for fact in _facts(retrieved) if budget.settings.restate or not shown.contain(fact.sentence)]
    fact_lines = [*map(_row_line, retrieved.rows), *map(_fact_line, mark_superseded(facts))]
    report_lines = [*map(_point_line, enumerate(retrieved.points)), *map(_report_line, retrieved.reports)]
    extras: list[ContextLine] = []
    for lines, share in ((fact_lines, shares.facts), (report_lines, shares.reports)):
        # Retrievers such as `global` return no passages: then reports may fill the budget.
        limit = budget.share(share if distinct else 1.0)
        fitting = _fit_extras(budget, limit, lines, extras, passages)
        left_out += len(lines) - len(fitting)
        extras += fitting
    return replace(budget.lay_out(extras, passages), left_out=left_out, query=retrieved.query)


def _fit_extras(
    budget: _TokenBudget,
    share: _TokenBudget,
    lines: list[ContextLine],
    packed: list[ContextLine],
    passages: list[ContextLine],
) -> list[ContextLine]:
    """Those of the lines that fit.

    Args:
        budget: Budget of the complete text.
        share: Budget of these lines alone.
        lines: Rows and facts, or points and reports, best first.
        packed: Extras that are packed already.
        passages: Passages that are packed already.
    """
    fitting: list[ContextLine] = []
    for line in lines:
        # A long line that does not fit is skipped; a shorter one behind it may still fit.
        if share.holds([*fitting, line], []) and budget.holds([*packed, *fitting, line], passages):
            fitting.append(line)
    return fitting


def _fit_passages(budget: _TokenBudget, passages: list[Passage]) -> tuple[list[ContextLine], int]:
    """The passages that fit, best first, complete or cut; and the number of those that do not."""
    packed: list[ContextLine] = []
    for passage in passages:
        line: ContextLine | None = _passage_line(passage, passage.text)
        if line and not budget.holds([], [*packed, line]):
            line = _longest_part(budget, packed, passage)
        if line:
            packed.append(line)
    return packed, len(passages) - len(packed)


def _longest_part(budget: _TokenBudget, packed: list[ContextLine], passage: Passage) -> ContextLine | None:
    """The longest beginning of complete sentences that fits, if it is long enough."""
    ends = [end for _, end in sentences(passage.text)[:-1]]  # without the last: the complete passage does not fit
    min_characters = budget.settings.least_part * len(passage.text)
    for end in reversed([end for end in ends if end >= min_characters]):
        line = _passage_line(passage, passage.text[:end])
        if budget.holds([], [*packed, line]):
            return line
    return None


def _distinct(passages: Iterable[Passage]) -> Iterator[Passage]:
    """Passages without those whose words, in their order, are all in a better one.

    Case, punctuation and spacing don't count, every word and digit does: two yearly notices that differ in one number
    are two facts.
    """
    shown = _ShownTexts(())
    for passage in passages:
        if not shown.contain(passage.text):
            shown.add(passage.text)
            yield passage


class _ShownTexts:
    """Texts that a reader is already shown, compared by their terms."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts = [_spaced_terms(text) for text in texts]

    def add(self, text: str) -> None:
        """Remember a text."""
        self._texts.append(_spaced_terms(text))

    def contain(self, text: str) -> bool:
        """Whether one of the texts contains all of `text`; an empty text is contained in none."""
        wanted = _spaced_terms(text)
        return bool(wanted.strip()) and any(wanted in shown for shown in self._texts)


@lru_cache(maxsize=1 << 12)
def _spaced_terms(text: str) -> str:
    """The terms of a text with a space on either side of each, so that only complete words are found in it."""
    return f" {' '.join(terms(text))} "


def _facts(retrieved: RetrievedEvidence) -> Iterator[RetrievedFact]:
    """Facts of paths, best path first, then the others; each once."""
    path_facts = [fact for path in retrieved.paths for fact in path.facts]
    seen: set[str] = set()
    for fact in (*path_facts, *retrieved.facts):
        if fact.fact_id not in seen:
            seen.add(fact.fact_id)
            yield fact


# Lines get the number 0 here, since their order is known only when the text is laid out.


def _passage_line(passage: Passage, text: str) -> ContextLine:
    shown = with_heading(passage.title, passage.date, text)
    return ContextLine(0, shown, passage.chunk_id, "passage", passage.source, passage.title, text)


def _fact_line(marked: tuple[RetrievedFact, str]) -> ContextLine:
    fact, note = marked
    shown = retrieved_fact_sentence(fact) + note
    return ContextLine(0, shown, fact.chunk_id, "fact", fact.source, fact.title, fact.sentence)


def _row_line(row: QueryRow) -> ContextLine:
    return ContextLine(0, with_heading("The graph says", "", row.text), "", "row", title="query of the graph")


def _point_line(ranked: tuple[int, RetrievedPoint]) -> ContextLine:
    rank, point = ranked
    first, *others = point.facts
    # The first fact names the line's source; the sentences of all are its evidence, so that any of them can be quoted.
    evidence = " ".join(dict.fromkeys(fact.sentence for fact in point.facts))
    sources = tuple(dict.fromkeys(fact.source for fact in others if fact.source != first.source))
    shown = with_heading(point.title, "", point.text)
    packed = PackedPoint(point.text, " ".join(map(retrieved_fact_sentence, point.facts)), rank, point.is_drawn)
    return ContextLine(0, shown, first.chunk_id, "point", first.source, first.title, evidence, sources, packed)


def _report_line(report: RetrievedReport) -> ContextLine:
    return ContextLine(0, with_heading(report.title, "", report.summary), "", "report", title=report.title)
