"""Puts the finding of a run into words: the best arm, how sure that is, and which arms do not differ significantly.

The oracle arm is left out of the contest: it is given the gold evidence, so it is a ceiling. The words follow from the
numbers of `metrics.json` alone; if the run made no test, the sentence says so.
"""

from __future__ import annotations

from dataclasses import dataclass

from eval.report.finished_run import FinishedRun, is_oracle
from eval.report.numerals import THIN, WIDE, interval, p_value, percent, points
from eval.runs.results import ArmSummary
from eval.types import Comparison

LEVEL = 0.05
"""Significance level, for p-values after Holm's correction."""


@dataclass(frozen=True, slots=True)
class RunVerdict:
    """The finding of a run in words.

    Attributes:
        best: The best arm; None if the run has no arm except the oracle.
        sentence: The finding.
        notes: What a careful reader should also know.
    """

    best: ArmSummary | None
    sentence: str
    notes: tuple[str, ...]


def verdict(run: FinishedRun) -> RunVerdict:
    """Put the finding of a run into words."""
    contest = [arm for arm in run.arms if not is_oracle(arm)]
    if not contest:
        return RunVerdict(None, "This run has no arm except the oracle, so there is nothing to compare.", ())
    best = contest[0]
    # Arms of exactly equal accuracy share the lead: naming one of them would be arbitrary.
    lead = [arm.name for arm in contest if arm.result.accuracy == best.result.accuracy]
    sentence = f"{_subject(lead)} {_score(best, len(lead) > 1)}{_against_floor(run, best)}."
    notes = (*_not_significant(run, best, lead), *_gap(run, best), *_failures(run))
    return RunVerdict(best, sentence, notes)


def find_comparison(run: FinishedRun, a: str, b: str) -> Comparison | None:
    """The run's comparison of a with b, with a and b exchanged if it was made the other way; None if there is none."""
    for made in run.result.comparisons:
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


def _either(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"each of {', '.join(names[:-1])} and {names[-1]}"


def _score(best: ArmSummary, shared: bool) -> str:
    result = best.result
    verb = "share the lead, each answering" if shared else "answers best:"
    return f"{verb} {percent(result.accuracy)} of {result.n} items right (95{THIN}% interval {interval(result)})"


def _against_floor(run: FinishedRun, best: ArmSummary) -> str:
    floor = run.floor
    if floor is None:
        return "; the run has no closed-book arm to compare it with"
    if floor is best:
        return "; no way of adding knowledge is better than the model alone"
    difference = best.result.accuracy - floor.result.accuracy
    if difference <= 0:
        return f", no more than {floor.name}"
    clause = f", {points(difference).lstrip('+')} points more than {floor.name}"
    made = find_comparison(run, best.name, floor.name)
    if made is None:
        return f"{clause} (not tested in this run)"
    # The words follow the corrected p-value, never the interval: two rules could contradict each other.
    doubt = "" if made.p_holm < LEVEL else "; the difference is not significant"
    return (
        f"{clause} (interval {interval(made)}; exact paired test p{WIDE}{p_value(made.p_value)}, "
        f"p{WIDE}{p_value(made.p_holm)} after Holm’s correction{doubt})"
    )


def _not_significant(run: FinishedRun, best: ArmSummary, lead: list[str]) -> tuple[str, ...]:
    others = [arm for arm in run.arms if not is_oracle(arm) and arm.name not in lead and arm is not run.floor]
    made = [(arm, find_comparison(run, best.name, arm.name)) for arm in others]
    close = [arm.name for arm, test in made if test is not None and test.p_holm >= LEVEL]
    untested = [arm.name for arm, test in made if test is None]
    notes = []
    if close:
        notes.append(f"The difference between {best.name} and {_either(close)} is not significant on these items.")
    if untested:
        notes.append(f"The difference between {best.name} and {_either(untested)} was not tested; see the intervals.")
    return tuple(notes)


def _gap(run: FinishedRun, best: ArmSummary) -> tuple[str, ...]:
    floor, ceiling = run.floor, run.ceiling
    if floor is None or ceiling is None or floor is best:
        return ()
    room = ceiling.result.accuracy - floor.result.accuracy
    gain = best.result.accuracy - floor.result.accuracy
    if room <= 0 or gain <= 0:
        return ()
    if gain >= room:
        return (f"That is at least as good as {ceiling.name}, which is given the gold evidence.",)
    return (
        f"It closes {percent(gain / room, 0)} of the gap between {floor.name} and {ceiling.name} "
        f"({percent(ceiling.result.accuracy)}), which is given the gold evidence.",
    )


def _failures(run: FinishedRun) -> tuple[str, ...]:
    failed = [f"{arm.name} {arm.result.failed}" for arm in run.arms if arm.result.failed]
    return (f"Items that failed count as wrong: {', '.join(failed)}.",) if failed else ()
