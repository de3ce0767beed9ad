"""Dates as documents write them, converted to ISO 8601 where that needs no guess."""

from __future__ import annotations

import re
from datetime import date

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            *("jan january", "feb february", "mar march", "apr april", "may", "jun june", "jul july"),
            *("aug august", "sep sept september", "oct october", "nov november", "dec december"),
        ),
        start=1,
    )
    for name in names.split()
}
_MONTH = rf"(?P<month>{'|'.join(sorted(_MONTHS, key=len, reverse=True))})\.?"
_PATTERNS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"(?P<y>\d{4})(?:([-/.])(?P<m>\d{1,2})(?:\2(?P<d>\d{1,2}))?)?(?:[T ]\d{1,2}:\d{2}.*)?",
        r"(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})",
        rf"(?:[a-z]+,? )?(?P<d>\d{{1,2}})(?:st|nd|rd|th)?[ -](?:of )?{_MONTH},?[ -](?P<y>\d{{4}})(?: .*)?",
        rf"(?:[a-z]+, )?{_MONTH} (?P<d>\d{{1,2}})(?:st|nd|rd|th)?,? (?P<y>\d{{4}})(?: .*)?",
        rf"{_MONTH},? (?P<y>\d{{4}})",
        r"(?P<y>\d{4}) ?[年년] ?(?:(?P<m>\d{1,2}) ?[月월] ?(?:(?P<d>\d{1,2}) ?[日일])?)?.*",
    )
)
_MONTH_NAME = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?"
    r"|Nov(?:ember)?|Dec(?:ember)?)\.?"
)
DATE = (
    rf"(?:\d{{4}}-\d\d(?:-\d\d)?|(?:\d{{1,2}} )?{_MONTH_NAME} \d{{4}}|{_MONTH_NAME} \d{{1,2}}, \d{{4}}|\d{{4}})"
    r"(?!\d|[.,]\d)"
)
"""Regular expression of a date within an English text; `normalise_date` converts what it matches."""
_IN_TEXT = re.compile(
    rf"(?<![\w.,-])(?:(?=\d{{4}}-|\d{{1,2}} [A-Z]|[A-Z])|(?<=[a-z] )(?=(?:1\d|2[01])\d\d\b))(?P<date>{DATE})(?!\w)"
)
"""Dates within a sentence; a bare number counts as a year behind a word, as in "in 2015", if it may be one."""
_NUMBERS = re.compile(r"(?P<a>\d{1,2})([-/.])(?P<b>\d{1,2})\2(?P<y>\d{4})")


def normalise_date(value: object) -> str:
    """A date as "2031", "2031-03" or "2031-03-04"; "" if it cannot be converted.

    Times of day are dropped. A date that does not exist ("2031-02-30") and one that may mean two days
    ("03/04/2031") give "".

    Example:
        >>> normalise_date("4 March 2031"), normalise_date("2026/5/8"), normalise_date("next week")
        ('2031-03-04', '2026-05-08', '')
    """
    text = " ".join(str(value).split()) if isinstance(value, str | int | date) else ""
    for pattern in _PATTERNS:
        if match := pattern.fullmatch(text):
            parts = match.groupdict()
            month = parts.get("m") or _MONTHS.get((parts.get("month") or "").lower(), "")
            return _iso(parts["y"], str(month), parts.get("d") or "")
    if match := _NUMBERS.fullmatch(text):
        # Day first or month first: only where one of the two is no date, or both are the same, it is known.
        first, second, year = match["a"], match["b"], match["y"]
        readings = {_iso(year, second, first), _iso(year, first, second)} - {""}
        return readings.pop() if len(readings) == 1 else ""
    return ""


def find_dates(text: str) -> list[str]:
    """The dates that a text names, as `normalise_date` gives them, in order.

    Example:
        >>> find_dates("Who led it in March 2015, and on 4 May 2016?")
        ['2015-03', '2016-05-04']
        >>> find_dates("Are there 3100 people in Torsby?")
        []
    """
    dates = (normalise_date(match["date"]) for match in _IN_TEXT.finditer(text))
    return [date for date in dates if date]


def is_before(one: str, other: str) -> bool:
    """Whether an ISO date lies before another, both cut to the same precision.

    Example:
        >>> is_before("2030-12-31", "2031"), is_before("2031-05", "2031")
        (True, False)
    """
    length = min(len(one), len(other))
    return one[:length] < other[:length]


def _iso(year: str, month: str, day: str) -> str:
    """ISO 8601 of the parts given, "" unless they are a date."""
    try:
        parts = date(int(year), int(month or 1), int(day or 1)).isoformat().split("-")
    except ValueError:
        return ""
    return "-".join(parts[: 1 + bool(month) + bool(day)])
