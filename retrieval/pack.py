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

from retrieval.sentences import sentences
from retrieval.terms import terms
from retrieval.texts import fact_sentence, headed
from retrieval.types import ContextLine, FoundFact, FoundReport, FoundRow, PackedContext, Passage, Retrieved

CountTokens = Callable[[str], int]


class PackSettings(BaseModel):
    """How evidence is laid out.

    Attributes:
        order: "best_last" puts the strongest passage next to the question, where small readers attend most.
        restate: Also show facts whose sentence already stands in a packed passage. Off: the words are there, and
            another passage is worth more than saying them twice.
        least_part: A passage that doesn't fit is cut after a sentence if at least this share of its characters
            remains; otherwise it is left out. Half a passage often still answers, a first line rarely.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

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


def pack(
    retrieved: Retrieved,
    budget_tokens: int,
    count_tokens: CountTokens,
    facts_share: float = 0.2,
    settings: PackSettings | None = None,
) -> PackedContext:
    """Fit evidence into a token budget.

    Passages go in best first, without repetitions. Rows, facts and reports take what passages leave, up to their share,
    so that a graph never costs a passage.

    Args:
        retrieved: Evidence, each list best first.
        budget_tokens: Most tokens of the whole text, >= 0.
        count_tokens: The reader's tokenizer.
        facts_share: Share of the budget open to rows, facts and reports, in [0, 1]; 0 shows passages only.
        settings: Layout.
    Returns:
        A text of at most `budget_tokens` tokens; `left_out` counts pieces that did not fit, repetitions apart.
    Raises:
        ValueError: The budget is negative or the share is not in [0, 1].
    """
    if budget_tokens < 0 or not 0 <= facts_share <= 1:
        raise ValueError(
            f"Expected a budget of at least 0 tokens and a share in [0, 1]; got {budget_tokens} and {facts_share}."
        )
    whole = _Fit(budget_tokens, count_tokens, settings or PackSettings())
    wanted = list(_distinct(retrieved.passages))
    passages, left = _fill(whole, wanted)
    extras, dropped = _extras(whole, int(budget_tokens * facts_share), retrieved, passages) if facts_share else ([], 0)
    return replace(whole.lay_out(extras, passages), left_out=left + dropped, query=retrieved.query)


def _extras(
    whole: _Fit, share_tokens: int, retrieved: Retrieved, passages: list[ContextLine]
) -> tuple[list[ContextLine], int]:
    """Rows, facts that no packed passage tells, and reports, within their share; and how many did not fit."""
    share = replace(whole, budget=share_tokens)
    told = _Told(line.evidence for line in passages)
    new = [fact for fact in _facts(retrieved) if whole.settings.restate or not told.holds(fact.sentence)]
    extras: list[ContextLine] = []
    candidates = [
        *map(_row_line, retrieved.rows),
        *map(_fact_line, new),
        *map(_report_line, retrieved.reports),
    ]
    for line in candidates:
        if share.holds([*extras, line], []) and whole.holds([*extras, line], passages):
            extras.append(line)
    return extras, len(candidates) - len(extras)


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


def _fact_line(fact: FoundFact) -> ContextLine:
    shown = fact_sentence(fact.subject, fact.predicate, fact.object, fact.valid_from, fact.valid_to)
    return ContextLine(0, shown, fact.chunk_id, "fact", fact.source, fact.title, fact.sentence)


def _row_line(row: FoundRow) -> ContextLine:
    return ContextLine(0, headed("The graph says", "", row.text), "", "row", title="query of the graph")


def _report_line(report: FoundReport) -> ContextLine:
    return ContextLine(0, headed(report.title, "", report.summary), "", "report", title=report.title)
