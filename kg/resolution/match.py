"""What speaks for two names being one thing, and what against it.

Names that are the same but for a title, a legal form or a hyphen are one thing without further ado, and so are the
singular and the plural of a common noun. Spellings that are merely alike need near embeddings as well, and are vetoed
by the facts: what a fact links are two things. An abbreviation belongs to the full name if a document has both.
Two names of people are alike only if their letters are the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from kg.resolution.candidates import Pair
from kg.resolution.contexts import Context
from kg.resolution.names import alike, is_initialism, singular
from kg.resolution.uses import Node

ABBREVIATION = "an abbreviation of the other, and a document has both"


@dataclass(frozen=True, slots=True)
class Profile:
    """What resolution knows of a node.

    Attributes:
        words: The core of the name.
        sources: Documents that use it.
        surfaces: How it is written.
        is_common: It is a common noun.
    """

    words: tuple[str, ...]
    sources: frozenset[str]
    surfaces: frozenset[str]
    is_common: bool


Profiles = Mapping[Node, Profile]


def certain(pair: Pair, profiles: Profiles) -> str:
    """Why two names are one thing by their words alone, or ""."""
    (one, mine), (other, theirs) = ((node, profiles[node]) for node in pair)
    if one.sense != other.sense:
        return ""
    if _is_abbreviated(pair, profiles) and mine.sources & theirs.sources:
        return ABBREVIATION
    if "value" in (one.kind, other.kind):
        return ""
    if one.kind == other.kind and one.kind and mine.words == theirs.words and not _is_bare(pair, profiles):
        return "the same but for a title, a legal form or punctuation"
    if mine.is_common or theirs.is_common:
        if _hyphenless(mine.words) == _hyphenless(theirs.words):
            return "the same but for a hyphen or punctuation"
        both = (mine.is_common or one.kind == "") and (theirs.is_common or other.kind == "")
        if both and singular(mine.words) == singular(theirs.words):
            return "singular and plural"
    return ""


def may_be_near(pair: Pair, profiles: Profiles) -> bool:
    """Whether two names are alike enough to ask their embeddings."""
    (one, mine), (other, theirs) = ((node, profiles[node]) for node in pair)
    if (one.kind, one.sense) != (other.kind, other.sense) or one.kind in ("", "value") or _is_bare(pair, profiles):
        return False
    if mine.is_common or theirs.is_common:
        return False  # "adduction" and "abduction", "the first stage" and "the first"
    return alike(mine.words, theirs.words, one.kind == "person")


def vetoed(pair: Pair, context_of: Callable[[Node], Context]) -> str:
    """What the facts have against two names being one thing, or ""."""
    one, other = pair
    mine, theirs = context_of(one), context_of(other)
    if other.name in mine.partners:
        return "a fact links the two"
    return "they were born or died in different years" if mine.contradicts(theirs) else ""


def _is_bare(pair: Pair, profiles: Profiles) -> bool:
    """Whether one is a person of one name, who may be somebody else in every document."""
    return pair[0].kind == "person" and min(len(profiles[node].words) for node in pair) < 2


def _is_abbreviated(pair: Pair, profiles: Profiles) -> bool:
    """Whether one is the initials of the other, written in capitals, and the kinds don't speak against it."""
    one, other = pair
    if "person" in (one.kind, other.kind) or (one.kind != other.kind and one.kind and other.kind):
        return False
    return any(
        is_initialism(profiles[short].words, profiles[full].words)
        and any(surface.isupper() for surface in profiles[short].surfaces)
        for short, full in (pair, pair[::-1])
    )


def ambiguous(pairs: Iterable[Pair], profiles: Profiles) -> set[Node]:
    """The abbreviations among pairs of an abbreviation and a full name that stand for different names."""
    fulls: dict[Node, set[tuple[str, ...]]] = defaultdict(set)
    for pair in pairs:
        short, full = sorted(pair, key=lambda node: len(profiles[node].words))
        fulls[short].add(singular(profiles[full].words))
    return {short for short, names in fulls.items() if len(names) > 1}


def is_everyday(short: Node, full: Node, profiles: Profiles) -> bool:
    """Whether `short` is one plain word, or a person's one name, that documents use without `full`.

    One band calls its singer "the Mouth", and every river has a mouth.
    """
    mine, theirs = profiles[short], profiles[full]
    is_plain = short.kind == "person" or any(surface.islower() for surface in mine.surfaces)
    return is_plain and len(mine.words) == 1 < len(theirs.words) and not mine.sources <= theirs.sources


def _hyphenless(words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(" ".join(words).replace("-", " ").split())
