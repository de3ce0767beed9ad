"""What a word is in every script, and when two spellings are one word. Everything that compares words asks here.

Three forms of a text, each further from how it is written:

- `fold`: the spelling, for names, spans and answers. Case, width, ligatures, digits of any script, hidden characters
  (soft hyphens, joiners), Arabic and Hebrew vowel points do not count; accents and vowel signs do.
- `search_form`: `fold` without accents and without the variants of one Arabic or Latin letter.
- `words`: the terms of `search_form`. A combining mark never ends a word. Scripts that write no spaces (Chinese,
  Japanese, Thai, Khmer and others), and Korean, whose particles stick to the noun, give overlapping pairs of
  characters, as Lucene's CJKAnalyzer makes them.

Knows no language: a text rarely says which one it is in, so Turkish "İ", "I", "ı" and "i" are one letter everywhere.

    words("ＣＡＦÉ, हिन्दी, 北京")    # ['cafe', 'हिन्दी', '北京']

Source: UAX #29 (words); letter variants: Lucene's analysers of Arabic, Persian, Hindi.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import regex

_UNSPACED_SCRIPTS = (
    "Han Hiragana Katakana Bopomofo Yi Thai Lao Tai_Viet Tai_Le New_Tai_Lue Tai_Tham Khmer Myanmar Tibetan Balinese "
    "Javanese Lepcha"
)
# The mark that lengthens kana is shared by two scripts; 〆 and the repetition marks of kana belong to none.
_UNSPACED = "".join(rf"\p{{{script}}}" for script in _UNSPACED_SCRIPTS.split()) + r"\u30fc\u3006\u3031-\u3035"
PAIRED = rf"[[{_UNSPACED}\p{{Hangul}}]&&[\p{{L}}\p{{M}}\p{{Nl}}]]"
"""Letters that are taken in pairs, as a set of the module `regex` in its version 1."""
_WORD = regex.compile(
    rf"(?V1)(?P<paired>[{PAIRED}--\p{{M}}]{PAIRED}*)|[[\p{{L}}\p{{N}}]--{PAIRED}][[\p{{L}}\p{{N}}\p{{M}}]--{PAIRED}]*"
)
_UNIT = regex.compile(rf"(?V1){PAIRED}\p{{M}}*|[^{PAIRED}]+")
_ASCII_WORD = re.compile("[a-z0-9]+")
_LETTER = regex.compile(r"(?s).\p{M}*")
_UNSPACED_LETTER = regex.compile(rf"(?V1)[[{_UNSPACED}]&&[\p{{L}}\p{{M}}\p{{Nl}}]]")
_HANGUL = regex.compile(r"[\p{Hangul}&&\p{L}]", regex.V1)

_HIDDEN = r"\p{Default_Ignorable_Code_Point}\p{Cf}"
"""Characters that a reader does not see: soft hyphens, joiners, directions, variants of glyphs, fillers."""
# Arabic vowel signs and signs of recitation, tatweel; Hebrew points; Syriac points: texts leave them out at will.
_OPTIONAL = (
    r"\u0610-\u061a\u0640\u064b-\u0652\u0656-\u065f\u0670\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed\u08d3-\u08ff"
    r"\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0711\u0730-\u074a"
)
_DROPPED = regex.compile(f"[{_HIDDEN}{_OPTIONAL}]")
# Accents, Cyrillic titlo, Arabic hamza and madda above or below a letter, the Devanagari nukta. Behind a letter of
# Cyrillic a mark makes another letter (й, ї, ў, ќ), but ё is often written е.
_ACCENTS = regex.compile(
    r"(?<!\p{Cyrillic})[\u0300-\u036f]|(?<=е)\u0308"
    r"|[\u0483-\u0487\u0653-\u0655\u093c\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]"
)
_UNSEEN = regex.compile(r"[\u00ad\u180e\u200b\u2060-\u2064\ufeff\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Hidden characters that no script needs; the joiners U+200C and U+200D shape letters, so a name keeps them."""

# Greek capitals have no accent; in Cyrillic the acute shows a reader where the stress is.
_STRESS = re.compile("(?<=[\u03b1-\u03c9аеиоуыэюяіє])\u0301|(?<=[\u03b1-\u03c9і]\u0308)\u0301")

_RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹₀₁₂₃₄₅₆₇₈₉"
_LOWERED = str.maketrans(_RAISED, "0123456789" * 2)
_RAISED_RUN = re.compile(f"[{_RAISED}]+")
_FREE_RAISED = re.compile(f"(?<![0-9{_RAISED}])[{_RAISED}]+")
# "5½" is no 51/2.
_FRACTION = regex.compile(r"(?<=[\p{Nd}\p{No}])(?=[¼-¾⅐-⅟↉])")

_SAME_SIGNS = dict.fromkeys("‘’‚‛′ʼʻʹ`´׳＇", "'") | dict.fromkeys("“”„‟″״", '"') | dict.fromkeys("‐‑‒–—―−﹘﹣־", "-")
_SAME_LETTERS = {
    "ı": "i",
    "⁄": "/",  # of "½"
    "፡": " ",  # the mark between words of Ethiopic
    # Keyboards of Persian and Urdu have a kaf and a yeh of their own.
    "ک": "ك",
    "ی": "ي",
    # Malayalam writes a bare consonant as a letter of its own or with a virama.
    "ൺ": "ണ്",
    "ൻ": "ന്",
    "ർ": "ര്",
    "ൽ": "ല്",
    "ൾ": "ള്",
    "ൿ": "ക്",
}
# Letters that are variants of others but do not decompose, as in Lucene's ASCIIFoldingFilter and ArabicNormalizer.
_SEARCH_LETTERS = str.maketrans(
    {
        "ø": "o",
        "ł": "l",
        "đ": "d",
        "ð": "d",
        "ħ": "h",
        "ŧ": "t",
        "æ": "ae",
        "œ": "oe",
        "þ": "th",
        **dict(zip("ŋɓɗƙƴəɛɔ", "nbdkyaeo", strict=True)),
        "ى": "ي",
        "ة": "ه",
        "ہ": "ه",
        "ە": "ه",
        "ँ": "ं",
    }
)
# Thai keyboards make ae of two e as well, and put a tone on either side of am's ring; the capitals of the Armenian "և"
# are those of "եվ".
_MISTYPED = regex.compile("(เเ)|\u0e4d([\u0e48-\u0e4b])(?=า)|եւ")
# An abbreviation in Hebrew has a quotation mark before its last letter; Catalan has "l·l".
_INSIDE = regex.compile(r"(?<=\p{Hebrew})[\"'](?=\p{Hebrew})|(?<=l)[·‧](?=l)")
# Of these, in any order, only capitals fold: most of Chinese, Japanese and Korean text is spared the tables.
_EAST = "\u3041-\u3094\u30a1-\u30fa\u30fc\u4e00-\u9fff\uac00-\ud7a3"
_PLAIN = re.compile(f"[\x00-\x7f\u3001\u3002{_EAST}]*")
_PLAIN_WORD = re.compile(f"[a-z0-9]+|[{_EAST}]+")
_CACHED_LENGTH = 40
"""Maximum length of a piece of text that is cached: longer ones rarely come again."""


class _FoldTable(dict[int, str]):
    """Each character's folded form, found when it first occurs, for `str.translate`."""

    def __missing__(self, code: int) -> str:
        self[code] = folded = _fold_character(chr(code))
        return folded


def _fold_character(character: str) -> str:
    if same := _SAME_SIGNS.get(character):
        return same
    if character in _RAISED:
        return character
    # Casefolding may give letters that decompose further, and the other way round: twice is enough (Unicode, D145).
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", character).casefold()).casefold()
    kept = _DROPPED.sub("", folded)
    return "".join(str(unicodedata.decimal(c, "")) or _SAME_SIGNS.get(c) or _SAME_LETTERS.get(c, c) for c in kept)


_TABLE = _FoldTable()


def fold(text: str) -> str:
    """A text in the form in which spellings are compared; what is not a letter or digit stays.

    Idempotent, and the same for every Unicode normalisation of the text.

    Example:
        >>> fold("Ｏﬃce İZMİR ٣٤"), fold("Ver\\u00adöffentlichung") == fold("VERÖFFENTLICHUNG"), fold("10³")
        ('office izmir 34', True, '10³')
    """
    if _PLAIN.fullmatch(text):
        return text.lower().replace("`", "'")
    # Decomposed first, so that marks are in one order whatever the text's normalisation.
    split = _FRACTION.sub(" ", unicodedata.normalize("NFD", text))
    # "İ" leaves a dot above its "i".
    letters = _STRESS.sub("", split.translate(_TABLE).replace("i\u0307", "i"))
    folded = unicodedata.normalize("NFC", letters)
    return _FREE_RAISED.sub(lambda match: match[0].translate(_LOWERED), folded)


def search_form(text: str) -> str:
    """A text as search compares it: folded, without accents and variants of a letter.

    Example:
        >>> search_form("Łódź, Ærø, إلى"), search_form("हिन्दी")
        ('lodz, aero, الي', 'हिन्दी')
    """
    folded = fold(text)
    if _PLAIN.fullmatch(folded):
        return folded
    bare = _ACCENTS.sub("", unicodedata.normalize("NFD", folded)).translate(_SEARCH_LETTERS)
    spelt = _MISTYPED.sub(_as_usual, _INSIDE.sub("", bare))
    return unicodedata.normalize("NFC", spelt)


def _as_usual(match: regex.Match[str]) -> str:
    """The usual spelling of what `_MISTYPED` finds."""
    return "แ" if match[1] else f"{match[2]}\u0e4d" if match[2] else "եվ"


def words(text: str) -> list[str]:
    """The words of a text in the form of search, in order; pairs of characters where a script writes no spaces.

    Example:
        >>> words("Zoë’s 3 महीने, ทะเล"), words("서울은")
        (['zoe', 's', '3', 'महीने', 'ทะ', 'ะเ', 'เล'], ['서울', '울은'])
    """
    found: list[str] = []
    for piece in text.split():
        found += _words_of(piece) if len(piece) <= _CACHED_LENGTH else _find_words(piece)
    return found


@lru_cache(maxsize=1 << 16)
def _words_of(piece: str) -> tuple[str, ...]:
    return tuple(_find_words(piece))


def spellings(text: str) -> list[str]:
    """The folded words of a text that `words` spells without an accent or with another variant of a letter.

    In many languages they are other words, so that search prefers what is spelt as the question is.

    Example:
        >>> spellings("Ein schönes Café in Rom"), spellings("schon")
        (['schönes', 'café'], [])
    """
    found: list[str] = []
    for piece in text.split():
        if not _PLAIN.fullmatch(piece):
            found += _spellings_of(piece) if len(piece) <= _CACHED_LENGTH else _find_spellings(piece)
    return found


@lru_cache(maxsize=1 << 14)
def _spellings_of(piece: str) -> tuple[str, ...]:
    return tuple(_find_spellings(piece))


def _find_spellings(piece: str) -> list[str]:
    return [word for word in _cut(fold(piece)) if search_form(word) != word]


def _find_words(piece: str) -> list[str]:
    if piece.isascii():
        return _ASCII_WORD.findall(piece.lower())
    if _PLAIN.fullmatch(piece):
        runs = _PLAIN_WORD.findall(piece.lower())
        return [word for run in runs for word in ([run] if run.isascii() else _pairs(run))]
    return _cut(search_form(piece))


def _cut(form: str) -> list[str]:
    """The words of a text that is folded."""
    # A raised digit behind a digit is an exponent: 10³ is no 103.
    form = _RAISED_RUN.sub(lambda match: f" {match[0].translate(_LOWERED)} ", form)
    matches = ((match[0], match["paired"]) for match in _WORD.finditer(form))
    return [word for run, paired in matches for word in (_pairs(_LETTER.findall(run)) if paired else [run])]


def _pairs(letters: Sequence[str]) -> list[str]:
    """Neighbouring letters together; a letter that is alone."""
    return [one + other for one, other in pairwise(letters)] or list(letters)


def units(text: str) -> list[str]:
    """The smallest parts of a folded text in which answers may differ: words, or single characters.

    Every character of a script without spaces is a unit, and every Korean syllable, as MLQA's and KorQuAD's scripts
    count them; white space ends other units.

    Example:
        >>> units("das ist 北京 2031年"), units("서울은")
        (['das', 'ist', '北', '京', '2031', '年'], ['서', '울', '은'])
    """
    if text.isascii():
        return text.split()
    return [unit for piece in text.split() for unit in _UNIT.findall(piece)]


@lru_cache(maxsize=1 << 12)
def is_spaced(character: str) -> bool:
    """Whether the script of a letter puts spaces between words and joins nothing to names.

    Chinese, Japanese, Thai and others write no spaces, and Korean joins particles to names.
    """
    return not (_UNSPACED_LETTER.match(character) or _HANGUL.match(character))


def is_hangul(character: str) -> bool:
    """Whether a character is a Korean letter or syllable."""
    return "\uac00" <= character <= "\ud7a3" or (character >= "\u1100" and bool(_HANGUL.match(character)))


def is_mark(character: str) -> bool:
    """Whether a character is a combining mark, which belongs to the letter before it."""
    return not "\u30ff" < character < "\ua66f" and character >= "\u0300" and unicodedata.category(character)[0] == "M"


def visible(text: str) -> str:
    """A name as it is shown: on one line, without characters that nobody sees.

    Example:
        >>> visible("Hafen\\u00adordnung\\n der  Stadt")
        'Hafenordnung der Stadt'
    """
    return " ".join((text if text.isascii() else _UNSEEN.sub("", text)).split())
