"""Finding a name in a text as a reader would: case, width, quotes, dashes and line breaks don't matter.

`Folded` keeps, for every character of the simplified text, the place it came from, so that a match is
an exact span of the text as it is stored. A name counts as found only on whole words: "Ann" is not in
"annual".
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

Span = tuple[int, int]

_ARTICLE = re.compile(r"^(?:the|an?) ")
_SAME = str.maketrans(
    {"‘": "'", "’": "'", "‚": "'", "′": "'", "“": '"', "”": '"', "„": '"', "‐": "-", "‑": "-", "–": "-", "—": "-"}
)


def fold(text: str) -> str:
    """A text in the form in which names are compared.

    Example:
        >>> fold("  Marrow\\n &  FINCH’s")
        "marrow & finch's"
    """
    return Folded(unicodedata.normalize("NFC", text)).folded.strip()


class Folded:
    """A text prepared for many searches.

    Example:
        >>> Folded("Said  Ada\\nLorne.").find("ada lorne")
        (6, 15)
    """

    def __init__(self, text: str) -> None:
        letters: list[str] = []
        origin: list[int] = []
        for place, character in enumerate(text):
            simple = " " if character.isspace() else unicodedata.normalize("NFKC", character).casefold()
            for letter in simple.translate(_SAME):
                if letter == " " and letters and letters[-1] == " ":
                    continue
                letters.append(letter)
                origin.append(place)
        self.folded = "".join(letters)
        self._origin = origin

    def find(self, name: str, within: Span | None = None) -> Span | None:
        """First place where `name` stands as whole words, or None."""
        return next(self.find_all(name, within), None)

    def find_all(self, name: str, within: Span | None = None) -> Iterator[Span]:
        """Every place where `name` stands as whole words inside the span `within`, in order."""
        wanted = fold(name)
        for match in re.finditer(re.escape(wanted), self.folded) if wanted else ():
            first, last = match.start(), match.end() - 1
            span = (self._origin[first], self._origin[last] + 1)
            if (within is None or (span[0] >= within[0] and span[1] <= within[1])) and self._whole(first, last):
                yield span

    def _whole(self, first: int, last: int) -> bool:
        """Whether no letter or digit touches the match from outside."""
        starts = first == 0 or not _one_word(self.folded[first - 1], self.folded[first])
        ends = last + 1 == len(self.folded) or not _one_word(self.folded[last], self.folded[last + 1])
        return starts and ends


def _one_word(left: str, right: str) -> bool:
    """Whether two neighbours belong to one word, in scripts that put spaces between words."""
    return _in_word(left) and _in_word(right) and spaced(left) and spaced(right)


def _in_word(character: str) -> bool:
    """Whether a character is part of a word: letters, digits, and the vowel signs of Indic scripts."""
    return unicodedata.category(character)[0] in "LMN"


def bare(name: str) -> str:
    """A name as two ways of finding it agree on: folded, without a leading article and a possessive ending.

    Example:
        >>> bare("The United Nations’")
        'united nations'
    """
    folded = fold(name)
    return _ARTICLE.sub("", folded).removesuffix("'s").removesuffix("'")


def spaced(character: str) -> bool:
    """Whether a script puts spaces between words.

    Latin, Greek, Cyrillic, Hebrew, Arabic, Indic: all before Thai; then Georgian and the Latin supplements.

    Chinese, Japanese, Thai and their like write no spaces, Korean joins particles to names.
    """
    return character < "\u0e00" or "\u10a0" <= character < "\u1100" or "\u1e00" <= character < "\u2e80"
