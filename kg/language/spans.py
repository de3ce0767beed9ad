"""Finding a name in a text as a reader would: case, width, quotes, dashes and line breaks do not matter.

`FoldedText` keeps, for every character of the simplified text, the position it came from, so that a match
is an exact span of the stored text. A name is found only as complete words: "Ann" is not in "annual".
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
    return FoldedText(unicodedata.normalize("NFC", text)).folded.strip()


class FoldedText:
    """A text prepared for many searches.

    Attributes:
        folded: The text in the form in which names are compared.

    Example:
        >>> FoldedText("Said  Ada\\nLorne.").find("ada lorne")
        (6, 15)
    """

    def __init__(self, text: str) -> None:
        letters: list[str] = []
        origin: list[int] = []
        for position, character in enumerate(text):
            # One character may become several ("ﬁ") or, in a run of white space, none.
            simple = " " if character.isspace() else unicodedata.normalize("NFKC", character).casefold()
            for letter in simple.translate(_SAME):
                if letter == " " and letters and letters[-1] == " ":
                    continue
                letters.append(letter)
                origin.append(position)
        self.folded = "".join(letters)
        self._origin = origin

    def find(self, name: str, within: Span | None = None) -> Span | None:
        """First span where `name` stands as complete words, or None."""
        return next(self.find_all(name, within), None)

    def find_all(self, name: str, within: Span | None = None) -> Iterator[Span]:
        """Every span where `name` stands as complete words inside the span `within`, in order."""
        folded_name = fold(name)
        if not folded_name:
            return
        for match in re.finditer(re.escape(folded_name), self.folded):
            first, last = match.start(), match.end() - 1
            span = (self._origin[first], self._origin[last] + 1)
            is_within = within is None or (span[0] >= within[0] and span[1] <= within[1])
            if is_within and self._is_complete(first, last):
                yield span

    def _is_complete(self, first: int, last: int) -> bool:
        """Whether no letter or digit touches the match from outside."""
        starts = first == 0 or not _one_word(self.folded[first - 1], self.folded[first])
        ends = last + 1 == len(self.folded) or not _one_word(self.folded[last], self.folded[last + 1])
        return starts and ends


def _one_word(left: str, right: str) -> bool:
    """Whether two neighbours belong to one word, in scripts that put spaces between words."""
    return _in_word(left) and _in_word(right) and is_spaced(left) and is_spaced(right)


def _in_word(character: str) -> bool:
    """Whether a character is part of a word: letters, digits, and the vowel signs of Indic scripts."""
    return unicodedata.category(character)[0] in "LMN"


def bare(name: str) -> str:
    """A name in the form for matching it with other mentions: folded, without leading article and possessive ending.

    Example:
        >>> bare("The United Nations’")
        'united nations'
    """
    folded = fold(name)
    return _ARTICLE.sub("", folded).removesuffix("'s").removesuffix("'")


def is_spaced(character: str) -> bool:
    """Whether a script puts spaces between words.

    Chinese, Japanese, Thai and others write no spaces, and Korean joins particles to names.
    """
    # Latin, Greek, Cyrillic, Hebrew, Arabic, Indic: all before Thai; then Georgian and the Latin supplements.
    return character < "\u0e00" or "\u10a0" <= character < "\u1100" or "\u1e00" <= character < "\u2e80"
