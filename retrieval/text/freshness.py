"""Which facts hold on the date that a question asks about: those come first, and superseded ones are marked.

A question that names a date asks about that date, one that looks back ("the former mayor") about any time, and any
other about the present. A fact holds from its first to its last date, as far as the text gives them; a fact without
dates always holds.

Two facts that differ only in one end and begin at different times may contradict each other or both hold. The graph
cannot know which, so the older fact keeps its rank and gets a note that names the newer one.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from kg.language.dates import find_dates, is_before
from retrieval.types import RetrievedFact

NOW = "9999"
"""Stands for the present: later than the date of any document."""
_LOOKS_BACK = re.compile(
    r"\b(?:before|earlier|former(?:ly)?|previous(?:ly)?|used to|once|originally|at first|predecessors?|history|ever"
    r"|was|were|did|had|ago)\b",
    re.IGNORECASE,
)
_Side = tuple[str, str, str]
"""One end of a fact with its predicate: ("subject" or "object", name in lower case, predicate)."""


def question_date(question: str) -> str:
    """The date that a question asks about: the last that it names, `NOW` if it is about the present, else "".

    Example:
        >>> question_date("Who led Bellwick Mill in March 2015?"), question_date("Who leads Bellwick Mill?")
        ('2015-03', '9999')
        >>> question_date("Who led Bellwick Mill before Ines Varga?"), question_date("Who was its first head?")
        ('', '')
    """
    dates = find_dates(question)
    if dates:
        return dates[-1]
    return "" if _LOOKS_BACK.search(question) else NOW


def holds(fact: RetrievedFact, date: str) -> bool:
    """Whether a fact holds on a date; dates of different precision are compared as far as both go.

    Example:
        >>> led = RetrievedFact("f", "Hale", "led", "Mill", "", "", 1.0, "2011-03", "2019")
        >>> [holds(led, date) for date in ("2011", "2010", "2019-05-01", NOW)]
        [True, False, True, False]
    """
    begins_later = fact.valid_from and is_before(date, fact.valid_from)
    has_ended = fact.valid_to and is_before(fact.valid_to, date)
    return not (begins_later or has_ended)


def prefer_valid(facts: Sequence[RetrievedFact], question: str) -> tuple[RetrievedFact, ...]:
    """Facts that hold on the date that the question asks about, then the others, each in their order."""
    date = question_date(question)
    if not date:
        return tuple(facts)
    # `sorted` is stable: within the valid and the other facts, the order by relevance stays.
    return tuple(sorted(facts, key=lambda fact: not holds(fact, date)))


def mark_superseded(facts: Sequence[RetrievedFact]) -> list[tuple[RetrievedFact, str]]:
    """Each fact with a note that names a newer one, or "".

    Only a fact with a first date and without a last one gets a note: the others already say when they held.
    """
    by_side: defaultdict[_Side, list[RetrievedFact]] = defaultdict(list)
    for fact in facts:
        for side in _sides(fact):
            by_side[side].append(fact)
    marked = []
    for fact in facts:
        # Facts that share the subject and the predicate ("leads"), or the object and the predicate ("led by").
        rivals = (rival for side in _sides(fact) for rival in by_side[side])
        marked.append((fact, _note(fact, rivals)))
    return marked


def _sides(fact: RetrievedFact) -> tuple[_Side, _Side]:
    return ("subject", fact.subject.lower(), fact.predicate), ("object", fact.object.lower(), fact.predicate)


def _note(fact: RetrievedFact, rivals: Iterable[RetrievedFact]) -> str:
    if not fact.valid_from or fact.valid_to:
        return ""
    newer = [rival for rival in rivals if rival.valid_from and is_before(fact.valid_from, rival.valid_from)]
    if not newer:
        return ""
    newest = max(newer, key=lambda rival: (rival.valid_from, rival.fact_id))
    # The end that the two facts don't share is what has changed.
    changed_end = newest.object if newest.subject.lower() == fact.subject.lower() else newest.subject
    return f" (Older; from {newest.valid_from}: {changed_end}.)"
