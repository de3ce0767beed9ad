"""Finding a name in a text as a reader would: case, width, quotes, dashes and line breaks don't matter.

`Folded` keeps, for every character of the simplified text, the place it came from, so that a match is
an exact span of the text as it is stored. A name counts as found only on whole words: "Ann" is not in
"annual".
"""

from __future__ import annotations

import re
import unicodedata

Span = tuple[int, int]

_SAME = str.maketrans(
    {"‘": "'", "’": "'", "‚": "'", "′": "'", "“": '"', "”": '"', "„": '"', "‐": "-", "‑": "-", "–": "-", "—": "-"}
)


def fold(text: str) -> str:
    """A text in the form in which names are compared.

    Example:
        >>> fold("  Marrow\\n &  FINCH’s")
        "marrow & finch's"
    """
    return Folded(text).folded.strip()


class Folded:
    """A text prepared for many searches.

    Example:
        >>> Folded("Said  Ada\\nLorne.").find("ada lorne")
        (6, 15)
    """

    def __init__(self, text: str) -> None:
        letters: list[str] = []
        origin: list[int] = []
        for place, character in enumerate(unicodedata.normalize("NFC", text) if not text.isascii() else text):
            simple = " " if character.isspace() else unicodedata.normalize("NFKC", character).casefold()
            for letter in simple.translate(_SAME):
                if letter == " " and letters and letters[-1] == " ":
                    continue
                letters.append(letter)
                origin.append(place)
        self.folded = "".join(letters)
        self._origin = origin

    def find(self, name: str, start: int = 0, end: int | None = None) -> Span | None:
        """First place where `name` stands as whole words within text[start:end], or None."""
        wanted = fold(name)
        if not wanted:
            return None
        for match in re.finditer(re.escape(wanted), self.folded):
            first, last = match.start(), match.end() - 1
            span = (self._origin[first], self._origin[last] + 1)
            if span[0] >= start and (end is None or span[1] <= end) and self._whole(first, last):
                return span
        return None

    def _whole(self, first: int, last: int) -> bool:
        """Whether no letter or digit touches the match from outside."""
        before = self.folded[first - 1 : first] + self.folded[first]
        after = self.folded[last : last + 2]
        return not (len(before) == 2 and before.isalnum()) and not (len(after) == 2 and after.isalnum())
