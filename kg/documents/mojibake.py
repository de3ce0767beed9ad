"""Signs that a text was read in the wrong encoding: letters where no language puts them.

A detector of encodings knows how often letters follow each other in a language. It does not know that no word is half
Latin and half Cyrillic, and that no capital follows a small letter in the middle of a word.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_NO_SPACES = {"CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "HANGUL", "BOPOMOFO", "FULLWIDTH", "HALFWIDTH"}
_WITHIN_WORDS = "’ʼ·‐–—\u00ad\u200b\u200c\u200d"
_OPENING = "“„«‘‚‹¿¡"
_SIGNS = "£€¥©®™°ºª§№²³"  # written beside letters, as in "90°C", "Acme®" and "20€"


def mojibake_share(text: str) -> float:
    """Share of the characters outside ASCII that stand where no writing puts them, in [0, 1].

    Example:
        >>> mojibake_share("Der Müller, «früh»"), mojibake_share("Der Mьller"), mojibake_share("caf╔")
        (0.0, 1.0, 1.0)
    """
    padded = f" {text} "
    odd = total = 0
    for match in _NOT_ASCII.finditer(padded):
        here = match.start()
        total += 1
        odd += _is_odd(padded[here - 1], padded[here], padded[here + 1])
    return odd / total if total else 0.0


@lru_cache(maxsize=1 << 16)
def _is_odd(before: str, here: str, after: str) -> bool:
    category = unicodedata.category(here)
    if here.isalpha():
        return _is_odd_letter(before, here, after)
    if category in ("Cc", "Co", "Cn") or here == "\ufffd":
        return True
    if category[0] == "M":  # an accent or a vowel sign belongs to the letter before it
        return not (before.isalpha() or unicodedata.category(before)[0] == "M")
    if here in _WITHIN_WORDS or category[0] == "Z":
        return False
    if here in "¹²³":
        return before.isspace()  # the lines of a table in one encoding of DOS
    letters_beside = [letter for letter in (before, after) if letter.isalpha() and _script(letter) != "CJK"]
    if here in _OPENING:
        return before in letters_beside
    # Signs stand before or after a word, all other symbols stand alone, and nothing but the above is within a word.
    return len(letters_beside) > (0 if category[0] in "SN" and here not in _SIGNS else 1)


def _is_odd_letter(before: str, here: str, after: str) -> bool:
    script = _script(here)
    if script in ("PRESENTATION", "OTHER"):
        return True
    if script != "CJK" and {_script(letter) for letter in (before, after) if letter.isalpha()} - {script, "CJK"}:
        return True
    return (before.islower() and here.isupper()) or (here.islower() and after.isupper())


@lru_cache(maxsize=1 << 14)
def _script(letter: str) -> str:
    """The first word of a letter's name; scripts that are written beside others without a space are all "CJK"."""
    if "\ufb50" <= letter <= "\ufdff" or "\ufe70" <= letter <= "\ufeff":
        return "PRESENTATION"  # of Arabic letters: the forms of a screen, which no encoding of a text should have
    name = unicodedata.name(letter, "OTHER").split()[0]
    return "CJK" if name in _NO_SPACES else name
