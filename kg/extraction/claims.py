"""Whether a sentence states a fact itself or reports it of somebody, by the words that journalists use for it.

English cues only; a sentence without one is a plain statement. No model is called: that would cost tokens for every
fact, and small models decide at random.
"""

from __future__ import annotations

import re

from kg.schema import CLAIM, RELATION

_STATUS = (
    (
        "denied",
        r"den(?:y|ies|ied|ying)|refut(?:es|ed|ing)|disputed|dismisse[sd] (?:the )?(?:claims?|reports?|allegations?)",
    ),
    (
        "suspected",
        r"allegedly|alleged to|alleges?|alleging|accus(?:es|ed|ing)|suspected|reportedly|rumou?red|purported(?:ly)?"
        r"|supposedly",
    ),
    (
        "asserted",
        r"according to|(?:sa(?:ys|id)|claim(?:s|ed)|assert(?:s|ed)|argue[sd]|believe[sd]|insist(?:s|ed)"
        r"|suggest(?:s|ed)?|told|announced|stated|think|thought|maintain(?:s|ed)?) that",
    ),
)
_CUES = re.compile("|".join(rf"(?P<{status}>\b(?:{words})\b)" for status, words in _STATUS), re.IGNORECASE)
_ORDER = [status for status, _ in _STATUS]


def claim(sentence: str) -> tuple[str, str]:
    """Kind and status of the facts of a sentence; of several cues the most doubtful counts.

    Returns:
        ("relation", ""), or "claim" with "denied", "suspected" or "asserted".
    Example:
        >>> claim("Hale allegedly sold the mill."), claim("According to Varga, Hale denied it."), claim("Hale sold it.")
        (('claim', 'suspected'), ('claim', 'denied'), ('relation', ''))
    """
    statuses = {match.lastgroup for match in _CUES.finditer(sentence)}
    return next(((CLAIM, status) for status in _ORDER if status in statuses), (RELATION, ""))
