"""From when and until when a fact holds, by the words right behind it: "since 2026", "(2011–2019)".

English prepositions and dates only; a sentence that says it in another way gives no validity, never a
guess. No model is called: small ones put every date that they see into every fact.
"""

from __future__ import annotations

import re

from kg.language.dates import DATE, normalise_date

_TO = r"(?:until|till|to|through|and|-|–|—)"
_BEHIND = re.compile(
    rf"[\s,(]*(?:(?:since|from|in|on|as of|between)\s+)?(?P<start>{DATE})\s*{_TO}\s*(?P<end>{DATE})"
    rf"|[\s,(]*(?:since|from|in|on|as of)\s+(?P<only_start>{DATE})"
    rf"|[\s,(]*(?:until|till|up to)\s+(?P<only_end>{DATE})"
)
_IN_PREDICATE = re.compile(r"\b(?P<start>since|from|in|on|as of)$|\b(?P<end>until|till|up to)$")


def validity(predicate: str, object_: str, behind: str) -> tuple[str, str]:
    """First and last date on which a fact holds, as ISO dates, "" where the text does not say.

    Args:
        predicate: The relation, lower case.
        object_: The object, which may be the date itself: "was founded in", "2017".
        behind: The text behind the fact's last name, to the end of its sentence.
    Example:
        >>> validity("is head of", "Bellwick Mill", " since March 2019.")
        ('2019-03', '')
        >>> validity("led", "Bellwick Mill", ", 2011–2019, and left")
        ('2011', '2019')
        >>> validity("was founded in", "2017", ".")
        ('2017', '')
    """
    # The object is the date: the preposition that ends the relation decides which of the two it is.
    date = normalise_date(object_)
    if date and (word := _IN_PREDICATE.search(predicate)):
        return (date, "") if word["start"] else ("", date)
    if match := _BEHIND.match(" ".join(behind.split())):
        start = normalise_date(match["start"] or match["only_start"] or "")
        end = normalise_date(match["end"] or match["only_end"] or "")
        # An end before the start is a wrong match ("2019, in 2011"), and ISO dates compare as texts.
        return start, "" if end and end < start else end
    return "", ""
