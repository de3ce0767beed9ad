"""Finding a name in a text as a reader would: case, width, quotes, dashes and line breaks do not matter.

`FoldedText` keeps, for every character of the simplified text, the position it came from, so that a match is an exact
span of the stored text. A name is found only as complete words ("Ann" is not in "annual"), and in scripts without
spaces as complete characters with their marks. Which spellings are one is decided in `kg.language.words`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

import regex

from kg.language import words
from kg.language.words import is_mark, is_spaced

Span = tuple[int, int]

_ARTICLE = re.compile(r"^(?:the|an?) ")
# A letter with its marks, which may stand behind hidden characters; the sound marks of half-width kana are letters.
_LETTER = regex.compile(
    r"(?s)\s|[⁰¹²³⁴⁵⁶⁷⁸⁹₀-₉]+|.(?:[\p{Default_Ignorable_Code_Point}\p{Cf}]{0,4}[\p{M}\uff9e\uff9f])*"
)


def fold(text: str) -> str:
    """A text in the form in which names are compared.

    Example:
        >>> fold("  Marrow\\n &  FINCH’s")
        "marrow & finch's"
    """
    return " ".join(words.fold(text).split())


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
        spans: list[Span] = []
        for letter, span in _letters(text):
            if letter == " " and letters and letters[-1] == " ":
                continue
            letters.append(letter)
            spans.append(span)
        self.folded = "".join(letters)
        self._spans = spans

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
            span = (self._spans[first][0], self._spans[last][1])
            is_within = within is None or (span[0] >= within[0] and span[1] <= within[1])
            if is_within and self._is_complete(first, last):
                yield span

    def _is_complete(self, first: int, last: int) -> bool:
        """Whether no letter or digit touches the match from outside, and no mark of its last letter is left out."""
        starts = first == 0 or not _one_word(self.folded[first - 1], self.folded[first])
        ends = last + 1 == len(self.folded) or not _one_word(self.folded[last], self.folded[last + 1])
        return starts and ends and not any(map(is_mark, self.folded[last + 1 : last + 2]))


def _letters(text: str) -> Iterator[tuple[str, Span]]:
    """Every folded character with the span that it came from; white space is a space."""
    if text.isascii():
        for position, character in enumerate(words.fold(text)):
            yield " " if character.isspace() else character, (position, position + 1)
        return
    before = ""
    for match in _LETTER.finditer(text):
        letter = match[0]
        # One letter may become several ("ﬁ") or, as a soft hyphen, none.
        letters = _fold_letter(letter, before)
        for folded in letters:
            yield folded, match.span()
        if letters:
            before = letter if letter.isnumeric() else ""


@lru_cache(maxsize=1 << 14)
def _fold_letter(letter: str, number: str) -> str:
    """A letter with its marks, folded; behind a number, where an exponent or a fraction is no further digit."""
    return " " if letter.isspace() else words.fold(number + letter)[len(words.fold(number)) :]


def _one_word(left: str, right: str) -> bool:
    """Whether two neighbours belong to one word, in scripts that put spaces between words."""
    return _in_word(left) and _in_word(right) and is_spaced(left) and is_spaced(right)


def _in_word(character: str) -> bool:
    """Whether a character is part of a word: letters, digits, and marks such as the vowel signs of Indic scripts."""
    return character.isalnum() or is_mark(character)


def bare(name: str) -> str:
    """A name in the form for matching it with other mentions: folded, without leading article and possessive ending.

    Example:
        >>> bare("The United Nations’")
        'united nations'
    """
    folded = fold(name)
    return _ARTICLE.sub("", folded).removesuffix("'s").removesuffix("'")
