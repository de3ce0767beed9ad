"""Words cut at line ends: which hyphens belong to a word, and which only to the line.

A PDF does not say so, and a dictionary of every language is not at hand, but the rest of the document mostly knows. The
hyphen between two lines is kept where the compound stands elsewhere in the document with its hyphen ("well-known"),
dropped where the joined word stands elsewhere without it, and else dropped unless

- the second line begins with a capital or a digit ("Anglo-Saxon", "1990-1995"), or the first ends with a digit,
- the first part forms compounds in English ("well-", "self-", "half-"; the list is short on purpose).

A hyphen before "and", "or", "und", "oder" stands for a word left out ("lower- and upper-case"); then a space follows.
"""

from __future__ import annotations

import re
from collections.abc import Set
from dataclasses import dataclass

HYPHENS = "\u2010\u00ad\ufffe\u0002-"
"""Hyphen-minus, hyphen, soft hyphen, and the two marks that PDFium has for a hyphen at a line's end."""

_INVISIBLE = "\u00ad\ufffe\u0002"
_WORD = re.compile(r"[^\W\d_]+(?:[-\u2010][^\W\d_]+)*")
_CUT = re.compile(rf"\w[\w{HYPHENS}]*[{HYPHENS}]$")
_LONGEST = 100
_FIRST_WORD = re.compile(r"\w+(?:[-\u2010]\w+)*")
_CONJUNCTIONS = frozenset({"and", "or", "to", "und", "oder", "bis", "et", "ou", "y", "o", "e", "och", "of", "en"})
_COMPOUND_HEADS = frozenset(
    {
        *("all", "cross", "double", "ex", "first", "full", "half", "hard", "high", "ill", "large", "late", "long"),
        *("low", "new", "non", "old", "quarter", "second", "self", "short", "single", "small", "so", "third"),
        *("three", "two", "well", "wide"),
    }
)


@dataclass(frozen=True, slots=True)
class KnownWords:
    """Words of a document, in lower case.

    Attributes:
        words: Words and compounds as they stand within lines.
    """

    words: Set[str]

    @classmethod
    def of(cls, lines: list[str]) -> KnownWords:
        """The words of all lines, without the pieces at line ends that a hyphen cuts."""
        words: set[str] = set()
        cut = False
        for line in lines:
            found = _WORD.findall(line.lower())
            following = line[-1:] in HYPHENS and bool(line)
            words.update(found[1 if cut else 0 : len(found) - 1 if following else len(found)])
            cut = following
        return cls(words)


def joined(line: str, following: str, known: KnownWords) -> str:
    """Two lines of one paragraph as one, with the cut word between them whole.

    Example:
        >>> joined("The govern-", "ment fell.", KnownWords(set()))
        'The government fell.'
        >>> joined("A well-", "known mill.", KnownWords(set()))
        'A well-known mill.'
    """
    first = _FIRST_WORD.match(following)
    cut = _CUT.search(line[-_LONGEST:])
    if not cut or not first:
        return line.rstrip(_INVISIBLE) + " " + following
    body, head, tail = line[:-1], cut[0][:-1], first[0]
    if tail.lower() in _CONJUNCTIONS:
        return f"{body}- {following}"
    if line[-1] == "\u00ad":  # a soft hyphen says itself that it is none
        return body + following
    plain, compound = f"{head}{tail}".lower(), f"{head}-{tail}".lower().replace("\u2010", "-")
    if compound in known.words:
        keep = True
    elif plain in known.words:
        keep = False
    else:
        keep = not tail[0].islower() or head[-1].isdigit() or head.lower() in _COMPOUND_HEADS
        # Letters without case (Arabic, Hebrew) have no capitals that could speak for a compound.
        keep = keep and not (tail[0].isalpha() and not tail[0].isupper() and not tail[0].islower())
    return f"{body}-{following}" if keep else body + following
