"""When facts hold: those that hold on the day a question asks about come first, and older ones are marked as such.

A question that names a date asks about that date, one that looks back ("the former mayor") about any time, and any
other about now. A fact holds from its first to its last date, as far as the text gives them; one without dates always
does.
Two facts that differ in one end alone and begin at different times may contradict each other or both hold, which the
graph cannot know: the older keeps its place, with a note that names the newer.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from kg.language.dates import find_dates, is_before
from retrieval.types import FoundFact

NOW = "9999"
"""Later than any date of a document."""
_LOOKS_BACK = re.compile(
    r"\b(?:before|earlier|former(?:ly)?|previous(?:ly)?|used to|once|originally|at first|predecessors?|history|ever"
    r"|was|were|did|had|ago)\b",
    re.IGNORECASE,
)


def asked_about(question: str) -> str:
    """The date that a question asks about: the last that it names, `NOW` where it speaks of the present, else "".

    Example:
        >>> asked_about("Who led Bellwick Mill in March 2015?"), asked_about("Who leads Bellwick Mill?")
        ('2015-03', '9999')
        >>> asked_about("Who led Bellwick Mill before Ines Varga?"), asked_about("Who was its first head?")
        ('', '')
    """
    dates = find_dates(question)
    return dates[-1] if dates else "" if _LOOKS_BACK.search(question) else NOW


def holds(fact: FoundFact, date: str) -> bool:
    """Whether a fact holds on a date; dates of different precision are compared as far as both go.

    Example:
        >>> led = FoundFact("f", "Hale", "led", "Mill", "", "", 1.0, "2011-03", "2019")
        >>> [holds(led, date) for date in ("2011", "2010", "2019-05-01", NOW)]
        [True, False, True, False]
    """
    return not (
        (fact.valid_from and is_before(date, fact.valid_from)) or (fact.valid_to and is_before(fact.valid_to, date))
    )


def prefer_valid(facts: Sequence[FoundFact], question: str) -> tuple[FoundFact, ...]:
    """Facts that hold on the date that the question asks about, then the others, each in their order."""
    date = asked_about(question)
    return tuple(sorted(facts, key=lambda fact: not holds(fact, date))) if date else tuple(facts)


def superseded_marked(facts: Sequence[FoundFact]) -> list[tuple[FoundFact, str]]:
    """Each fact with a note that names a newer one, or "".

    Only a fact with a first and without a last date is marked: the others say themselves when they held.
    """
    rivals: defaultdict[tuple[str, str, str], list[FoundFact]] = defaultdict(list)
    for fact in facts:
        for side in _sides(fact):
            rivals[side].append(fact)
    return [(fact, _note(fact, (each for side in _sides(fact) for each in rivals[side]))) for fact in facts]


def _sides(fact: FoundFact) -> tuple[tuple[str, str, str], tuple[str, str, str]]:
    return ("subject", fact.subject.lower(), fact.predicate), ("object", fact.object.lower(), fact.predicate)


def _note(fact: FoundFact, rivals: Iterable[FoundFact]) -> str:
    if not fact.valid_from or fact.valid_to:
        return ""
    newer = [each for each in rivals if each.valid_from and is_before(fact.valid_from, each.valid_from)]
    if not newer:
        return ""
    last = max(newer, key=lambda each: (each.valid_from, each.fact_id))
    other = last.object if last.subject.lower() == fact.subject.lower() else last.subject
    return f" (Older; from {last.valid_from}: {other}.)"
