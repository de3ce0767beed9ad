"""Text as GRAFT keeps it: NFC, newlines as "\\n", no control or invisible characters; and names as keys.

Every text passes through `normalise` once, when it is loaded, so that spans into it never move again. `normalise_name`
makes the key by which entity resolution finds the same name: it is for comparing, never for showing.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from kg.language.words import fold

_NEWLINES = re.compile("\r\n|[\r\v\f\x85\u2028\u2029]")
_UNWANTED = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ufeff]")
_TERMINAL = re.compile("\x1b\\[[0-?]*[ -/]*[@-~]|\x1b\\][^\x07\x1b\n]*(?:\x07|\x1b\\\\)")
_SURROGATES = re.compile("[\ud800-\udfff]")
# A soft hyphen is seen at a line's end alone, where it says that the word continues.
_SOFT_HYPHENS = re.compile("\u00ad+(?:[^\\S\n]*\n[^\\S\n]*(?=\\w))?")
# Zero-width spaces, marks of direction, invisible operators, annotation marks.
_INVISIBLE = re.compile("[\u034f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]")
# Scripts whose letters join: Arabic and its kin, those of India and south-east Asia, Mongolian, N'Ko, Adlam.
_JOINING = (
    "\u0600-\u08ff\u0900-\u0dff\u0f00-\u109f\u1700-\u18af\u1a20-\u1aad\u1b00-\u1bff\u1c00-\u1c4f\u1cd0-\u1cff"
    "\ua840-\ua87f\ua8e0-\ua8ff\ua930-\ua9ff\uaa00-\uaaff\uabc0-\uabff\ufb50-\ufdff\ufe70-\ufefc"
    "\U00010a00-\U00010aff\U00010d00-\U00010fff\U00011000-\U00011fff\U0001e900-\U0001e95f"
)
_VIRAMAS = "\u094d\u09cd\u0a4d\u0acd\u0b4d\u0bcd\u0c4d\u0ccd\u0d4d\u0dca"
_EMOJI = "\u2190-\u2bff\U0001f000-\U0001faff"
# Group 1 is what stays: the first joiner of a run between letters that join, or between parts of an emoji.
_JOINERS = re.compile(
    f"(?:(?<=[{_JOINING}])([\u200c\u200d])[\u200c\u200d]*(?=[{_JOINING}])"
    f"|(?<=[{_VIRAMAS}])([\u200c\u200d])[\u200c\u200d]*"
    f"|(?<=[{_EMOJI}\ufe0f\u20e3])(\u200d)[\u200c\u200d]*(?=[{_EMOJI}])"
    "|[\u200c\u200d]+)"
)
# The flags of England, Scotland and Wales; elsewhere tags are letters that nobody sees.
_TAGS = re.compile("(\U0001f3f4[\U000e0020-\U000e007e]+\U000e007f)|[\U000e0000-\U000e007f]")
_MARKS = re.compile("[\u200c\u200d\U000e0000-\U000e007f]")

_ARTICLE = re.compile(r"^(?:(?:the|an?) )+(?=\S)")
_POSSESSIVE = re.compile(r"(?<=\S)'s$")
_MEANINGFUL = "#%&*@"  # "C#" and "C" are two names
_PAIRS = {"(": ")", "[": "]", "{": "}", "<": ">", "«": "»", "「": "」", "『": "』", "【": "】", "《": "》", "〈": "〉"}
_CLOSERS = {closer: opener for opener, closer in _PAIRS.items()}


def normalise(text: str) -> str:
    """A text in the one form in which it is stored.

    Unicode NFC; every kind of line end is "\\n"; stray control characters, a terminal's colours and
    byte order marks are removed, and halves of surrogate pairs become U+FFFD. Characters that no
    reader sees and that would split words are removed: soft hyphens (with the line end after one),
    zero-width spaces, marks of direction; joiners stay where a script or an emoji needs them. Idempotent.

    Example:
        >>> normalise("Cafe\\u0301\\r\\nbar\\x00"), normalise("Ver\\u00adöffent\\u00ad\\nlichung")
        ('Café\\nbar', 'Veröffentlichung')
    """
    text = _UNWANTED.sub("", _TERMINAL.sub("", _NEWLINES.sub("\n", text)))
    text = _SOFT_HYPHENS.sub("", _SURROGATES.sub("\ufffd", text))
    text = unicodedata.normalize("NFC", _INVISIBLE.sub("", text))
    # What is removed may bring others together: a mark may compose with a letter, and a joiner stand beside another.
    while _MARKS.search(text) and (shorter := unicodedata.normalize("NFC", _drop_marks(text))) != text:
        text = shorter
    return text


def _drop_marks(text: str) -> str:
    """A text with joiners and tags only where they are part of what is shown."""
    return _TAGS.sub(r"\1", _JOINERS.sub(r"\1\2\3", text))


@lru_cache(maxsize=1 << 17)  # resolution calls it for every name once a fact
def normalise_name(name: str) -> str:
    """Key that all spellings of one name share; never empty for a name that is not.

    What `kg.language.words.fold` folds, spaces, quotes and punctuation at the ends, a leading English article and a
    final possessive do not count. A name of nothing else (punctuation, emoji) stays as it is.

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
    key = _strip_ends(" ".join(fold(key).split()))
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
