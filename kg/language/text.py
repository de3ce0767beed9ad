"""Text as GRAFT keeps it: NFC, newlines as "\\n", no control characters; and names as keys.

Every text passes through `normalise` once, when it is loaded, so that spans into it never move again. `normalise_name`
makes the key by which entity resolution finds the same name: it is for comparing, never for showing.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_NEWLINES = re.compile("\r\n|[\r\v\f\x85\u2028\u2029]")
_UNWANTED = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ufeff]")
_SURROGATES = re.compile("[\ud800-\udfff]")

_SPACES = re.compile(r"\s+")
_ARTICLE = re.compile(r"^(?:the|an?) (?=\S)")
_APOSTROPHES = str.maketrans("‘’ʼ`´", "'''''")
_POSSESSIVE = re.compile(r"(?<=\S)'s$")
_MEANINGFUL = "#%&*@"  # "C#" and "C" are two names
_PAIRS = {"(": ")", "[": "]", "{": "}", "<": ">", "«": "»", "「": "」", "『": "』", "【": "】", "《": "》", "〈": "〉"}
_CLOSERS = {closer: opener for opener, closer in _PAIRS.items()}


def normalise(text: str) -> str:
    """A text in the one form in which it is stored.

    Unicode NFC; every kind of line end is "\\n"; stray control characters and byte order marks are
    removed, and halves of surrogate pairs become U+FFFD. Idempotent.

    Example:
        >>> normalise("Cafe\\u0301\\r\\nbar\\x00")
        'Café\\nbar'
    """
    text = _UNWANTED.sub("", _NEWLINES.sub("\n", text))
    return unicodedata.normalize("NFC", _SURROGATES.sub("\ufffd", text))


@lru_cache(maxsize=1 << 17)  # resolution calls it for every name once a fact
def normalise_name(name: str) -> str:
    """Key that all spellings of one name share; never empty for a name that is not.

    Width, case, spaces, quotes and punctuation at the ends, a leading English article and a final
    possessive do not count. A name of nothing else (punctuation, emoji) stays as it is.

    Example:
        >>> normalise_name("  The “Saltmarsh  Herald”'s "), normalise_name("ＡＢＣ 주식회사."), normalise_name("!!")
        ('saltmarsh herald', 'abc 주식회사', '!!')
    """
    key = name
    # Each step may uncover the next one's work: «The "Herald"'s» loses the possessive, then the quotes.
    while (shorter := _shorten(key)) != key:
        key = shorter
    return key if any(character.isalnum() for character in key) else name.strip() or name


def _shorten(key: str) -> str:
    key = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", key).casefold()).translate(_APOSTROPHES)
    key = "".join(" " if c.isspace() else c for c in key if unicodedata.category(c) not in ("Cf", "Cc") or c.isspace())
    key = _strip_ends(_SPACES.sub(" ", key).strip())
    return _ARTICLE.sub("", _POSSESSIVE.sub("", key))


def _strip_ends(key: str) -> str:
    """Drop punctuation at the ends, but keep a bracket whose partner is inside: "mercury (planet)"."""
    while key:
        first, last = key[0], key[-1]
        if _PAIRS.get(first) == last and len(key) > 1:
            key = key[1:-1].strip()
        elif _droppable(last) and _CLOSERS.get(last, "\0") not in key:
            key = key[:-1].rstrip()
        elif _droppable(first) and _PAIRS.get(first, "\0") not in key:
            key = key[1:].lstrip()
        else:
            return key
    return key


def _droppable(character: str) -> bool:
    return unicodedata.category(character)[0] == "P" and character not in _MEANINGFUL
