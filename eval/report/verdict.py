"""What a run says, in two sentences: the best way, how sure that is, and which arms can't be told from it.

The oracle arm is left out of the contest: it is given the gold evidence, so it is a ceiling. The words are
chosen from the numbers of `metrics.json` alone; where the run made no test, the sentence says so.
"""

from __future__ import annotations

from dataclasses import dataclass

from eval.report.finished_run import Record, is_oracle
from eval.report.numerals import THIN, WIDE, interval, p_value, percent, points
from eval.runs.results import ArmSummary
from eval.types import Comparison

LEVEL = 0.05


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer of the run.

    Attributes:
        best: The arm it is about; None if the run has no arm beside the oracle.
        sentence: The finding.
        notes: What a careful reader should know beside it.
    """

    best: ArmSummary | None
    sentence: str
    notes: tuple[str, ...]


def verdict(record: Record) -> Verdict:
    """Put the finding of a run into words."""
    contest = [arm for arm in record.arms if not is_oracle(arm)]
    if not contest:
        return Verdict(None, "This run has no arm beside the oracle, so there is nothing to compare.", ())
    best = contest[0]
    lead = [arm.name for arm in contest if arm.result.accuracy == best.result.accuracy]
    sentence = f"{_subject(lead)} {_score(best, len(lead) > 1)}{_against_floor(record, best)}."
    notes = (*_indistinct(record, best, lead), *_gap(record, best), *_failures(record))
    return Verdict(best, sentence, notes)


def find_comparison(record: Record, a: str, b: str) -> Comparison | None:
    """The run's comparison of a with b, turned round if it was made the other way; None if it was not made."""
    for made in record.result.comparisons:
        if (made.a, made.b) == (a, b):
            return made
        if (made.a, made.b) == (b, a):
            return Comparison(
                a=a,
                b=b,
                difference=-made.difference,
                ci_low=-made.ci_high,
                ci_high=-made.ci_low,
                p_value=made.p_value,
                p_holm=made.p_holm,
                wins=made.losses,
                losses=made.wins,
            )
    return None


def _subject(lead: list[str]) -> str:
    return lead[0] if len(lead) == 1 else f"{', '.join(lead[:-1])} and {lead[-1]}"


def _score(best: ArmSummary, shared: bool) -> str:
    result = best.result
    verb = "share the lead, each answering" if shared else "answers best:"
    return f"{verb} {percent(result.accuracy)} of {result.n} items right (95{THIN}% interval {interval(result)})"


def _against_floor(record: Record, best: ArmSummary) -> str:
    floor = record.floor
    if floor is None:
        return "; the run has no closed-book arm to hold it against"
    if floor is best:
        return "; no way of adding knowledge does better than the model alone"
    difference = best.result.accuracy - floor.result.accuracy
    if difference <= 0:
        return f", no more than {floor.name}"
    clause = f", {points(difference).lstrip('+')} points more than {floor.name}"
    made = find_comparison(record, best.name, floor.name)
    if made is None:
        return f"{clause} (not tested in this run)"
    doubt = "" if made.p_holm < LEVEL else ", so the gain may be chance"
    return (
        f"{clause} (interval {interval(made)}; exact paired test p{WIDE}{p_value(made.p_value)}, "
        f"after Holm p{WIDE}{p_value(made.p_holm)}{doubt})"
    )


def _indistinct(record: Record, best: ArmSummary, lead: list[str]) -> tuple[str, ...]:
    others = [arm for arm in record.arms if not is_oracle(arm) and arm.name not in lead and arm is not record.floor]
    made = [(arm, find_comparison(record, best.name, arm.name)) for arm in others]
    close = [arm.name for arm, test in made if test is not None and test.p_holm >= LEVEL]
    untested = [arm.name for arm, test in made if test is None]
    notes = []
    if close:
        notes.append(f"Not told apart from {best.name} on these items (Holm p of 0.05 or more): {', '.join(close)}.")
    if untested:
        notes.append(f"Not compared with {best.name} by a test: {', '.join(untested)}; read the intervals.")
    return tuple(notes)


def _gap(record: Record, best: ArmSummary) -> tuple[str, ...]:
    floor, ceiling = record.floor, record.ceiling
    if floor is None or ceiling is None or floor is best:
        return ()
    room = ceiling.result.accuracy - floor.result.accuracy
    gain = best.result.accuracy - floor.result.accuracy
    if room <= 0 or gain <= 0:
        return ()
    if gain >= room:
        return (f"That is as good as {ceiling.name}, which reads the gold evidence, or better.",)
    return (
        f"It closes {gain / room:.0%} of the gap between {floor.name} and {ceiling.name} "
        f"({percent(ceiling.result.accuracy)}), which reads the gold evidence.".replace("%", " %", 1).replace(
            "  %", " %"
        ),
    )


def _failures(record: Record) -> tuple[str, ...]:
    failed = [f"{arm.name} {arm.result.failed}" for arm in record.arms if arm.result.failed]
    return (f"Items that failed count as wrong: {', '.join(failed)}.",) if failed else ()
