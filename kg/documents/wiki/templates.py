"""Templates of wikis whose text stands within a sentence: measures, words of other languages, dates, fractions.

What a template shows is in its own page, which an export of articles does not hold. Those that are common within
sentences are known here; all others (boxes, sources, remarks for editors) are left out and counted.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

# The last argument is shown: {{lang|de|Haus}}, {{nowrap|5 km}}.
_LAST = frozenset(
    {
        *("lang", "langx", "transl", "transliteration", "nowrap", "nobr", "nobreak", "small", "smaller", "big"),
        *("em", "strong", "mono", "code", "samp", "kbd", "var", "mvar", "math", "smallcaps", "sc", "larger"),
        *("color", "font color", "fontcolor", "resize", "nobold", "noitalic", "not a typo", "angbr", "ipa"),
    }
)
# The first argument is shown: {{abbr|km|kilometre}}, {{quote|To be.|Hamlet}}.
_FIRST = frozenset(
    {
        *("abbr", "abbrlink", "tooltip", "text", "quote", "blockquote", "cquote", "quotation", "ill", "link-interwiki"),
        *("interlanguage link", "formatnum", "uc", "lc", "ucfirst", "lcfirst", "nihongo", "zh", "sortname", "vanchor"),
        *("anchored", "visible anchor", "poem", "center", "plainlist", "unbulleted list", "ship", "sic", "as written"),
    }
)
# All arguments, with this between them.
_JOINED = {
    **dict.fromkeys(("convert", "cvt", "val", "unit", "height", "age", "hlist", "start date", "end date"), " "),
    **dict.fromkeys(("frac", "fraction", "sfrac", "half"), "/"),
    **dict.fromkeys(("birth date", "death date", "birth date and age", "death date and age", "dts", "film date"), "-"),
    **dict.fromkeys(("flatlist", "csv"), ", "),
}
_BEFORE = {"circa": "c. ", "c.": "c. ", "as of": "as of ", "us$": "US$", "gbp": "£", "£": "£", "euro": "€", "€": "€"}
_SIGNS = {
    **dict.fromkeys(("ndash", "–", "snd", "spnd", "spaced ndash"), " – "),
    **dict.fromkeys(("mdash", "—", "spaced en dash"), " — "),
    **dict.fromkeys(("nbsp", "space", "spaces"), " "),
    **dict.fromkeys(("'", "`"), "'"),
    **dict.fromkeys(("dot", "middot", "·", "•"), " · "),
    "!": "|",
    "=": "=",
}
_UNITS_IN_WORDS = {"to": "to", "-": "–", "–": "–", "and": "and", "by": "by", "x": "×", "or": "or", "+/-": "±"}
_NUMBER = re.compile(r"[-−+]?[\d.,/ ]+(?:e[-+]?\d+)?", re.IGNORECASE)


def template_text(name: str, arguments: Sequence[str], unit: str = "") -> str | None:
    """What a template shows, None if that is not known.

    Args:
        name: Name of the template.
        arguments: Its arguments without names, as they are shown.
        unit: Its argument "u", a measure's unit.

    Example:
        >>> template_text("convert", ["5", "km", "mi"]), template_text("Lang", ["de", "Haus"]), template_text("cn", [])
        ('5 km', 'Haus', None)
    """
    name = " ".join(name.replace("_", " ").lower().split())
    if ":" in name:  # a function, whose first argument follows its name
        name, _, first = name.partition(":")
        arguments = [first.strip(), *arguments]
    shown = [argument.strip() for argument in arguments if argument.strip()]
    if name in _SIGNS:
        return _SIGNS[name]
    if not shown:
        return None
    if name in ("convert", "cvt"):
        return _measure(shown)
    if name in _JOINED:
        return _JOINED[name].join([*shown, *filter(None, [unit])])
    if name in _BEFORE:
        return _BEFORE[name] + shown[0]
    if name in _LAST or name.startswith("lang-"):
        return shown[-1]
    return shown[0] if name in _FIRST else None


def _measure(arguments: Sequence[str]) -> str:
    """Numbers, with the words between them, and the unit that follows; not what they are converted to."""
    words: list[str] = []
    for argument in arguments:
        if _NUMBER.fullmatch(argument):
            words.append(argument)
        elif argument in _UNITS_IN_WORDS:
            words.append(_UNITS_IN_WORDS[argument])
        else:
            words.append(argument)
            break
    return " ".join(words)
