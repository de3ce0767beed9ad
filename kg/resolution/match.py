"""What speaks for two names being one thing, and what speaks against it.

Names that are the same but for a title, a legal form or a hyphen are one thing at once, and so are the singular and the
plural of a common noun. Spellings that are merely alike need near embeddings as well, and the facts may veto them: what
a fact links are two things. An abbreviation belongs to the full name if a document has both. Two names of people are
alike only if their letters are the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from kg.resolution.candidates import Pair
from kg.resolution.contexts import NameContext
from kg.resolution.names import alike, is_initialism, singular
from kg.resolution.uses import NameNode

ABBREVIATION = "an abbreviation of the other, and a document has both"


@dataclass(frozen=True, slots=True)
class NameProfile:
    """What resolution knows of a node.

    Attributes:
        words: The core of the name.
        sources: Documents that use it.
        surfaces: All the ways in which it is written.
        is_common: Whether it is a common noun.
    """

    words: tuple[str, ...]
    sources: frozenset[str]
    surfaces: frozenset[str]
    is_common: bool


Profiles = Mapping[NameNode, NameProfile]


def certain(pair: Pair, profiles: Profiles) -> str:
    """Why two names are one thing by their words alone, or ""."""
    one, other = pair
    first, second = profiles[one], profiles[other]
    if one.sense != other.sense:
        return ""
    # Two texts may use the same letters for two things; a text that has both forms introduces the abbreviation.
    if _is_abbreviated(pair, profiles) and first.sources & second.sources:
        return ABBREVIATION
    if "value" in (one.kind, other.kind):
        return ""  # "1,000" and "1000." may be two measurements
    if one.kind == other.kind and one.kind and first.words == second.words and not _is_bare(pair, profiles):
        return "the same but for a title, a legal form or punctuation"
    if first.is_common or second.is_common:
        if _hyphenless(first.words) == _hyphenless(second.words):
            return "the same but for a hyphen or punctuation"
        # Names keep their plural: "Williams" is not several "William".
        both = (first.is_common or one.kind == "") and (second.is_common or other.kind == "")
        if both and singular(first.words) == singular(second.words):
            return "singular and plural"
    return ""


def may_be_near(pair: Pair, profiles: Profiles) -> bool:
    """Whether two names are alike enough for their embeddings to decide."""
    one, other = pair
    first, second = profiles[one], profiles[other]
    if (one.kind, one.sense) != (other.kind, other.sense) or one.kind in ("", "value") or _is_bare(pair, profiles):
        return False
    if first.is_common or second.is_common:
        return False  # "adduction" and "abduction", "the first stage" and "the first"
    return alike(first.words, second.words, one.kind == "person")


def vetoed(pair: Pair, context_of: Callable[[NameNode], NameContext]) -> str:
    """What the facts have against two names being one thing, or ""."""
    one, other = pair
    context, other_context = context_of(one), context_of(other)
    if other.name in context.partners:
        return "a fact links the two"
    return "they were born or died in different years" if context.contradicts(other_context) else ""


def _is_bare(pair: Pair, profiles: Profiles) -> bool:
    """Whether one is a person of one name, who may be somebody else in every document."""
    return pair[0].kind == "person" and min(len(profiles[node].words) for node in pair) < 2


def _is_abbreviated(pair: Pair, profiles: Profiles) -> bool:
    """Whether one is the initials of the other, written in capitals, and the kinds don't speak against it."""
    one, other = pair
    if "person" in (one.kind, other.kind) or (one.kind != other.kind and one.kind and other.kind):
        return False
    return _stands_for(profiles[one], profiles[other]) or _stands_for(profiles[other], profiles[one])


def _stands_for(short: NameProfile, full: NameProfile) -> bool:
    return is_initialism(short.words, full.words) and any(surface.isupper() for surface in short.surfaces)


def ambiguous(pairs: Iterable[Pair], profiles: Profiles) -> set[NameNode]:
    """The abbreviations that stand for several full names, and so for none of them surely.

    Args:
        pairs: Pairs of an abbreviation and a full name, in either order.
        profiles: What is known of the nodes.
    """
    fulls: dict[NameNode, set[tuple[str, ...]]] = defaultdict(set)
    for pair in pairs:
        short, full = sorted(pair, key=lambda node: len(profiles[node].words))
        fulls[short].add(singular(profiles[full].words))
    return {short for short, full_names in fulls.items() if len(full_names) > 1}


def is_everyday(short: NameNode, full: NameNode, profiles: Profiles) -> bool:
    """Whether `short` is one plain word, or a person's one name, that documents use without `full`.

    One band calls its singer "the Mouth", and every river has a mouth.
    """
    plain, longer = profiles[short], profiles[full]
    is_plain = short.kind == "person" or any(surface.islower() for surface in plain.surfaces)
    return is_plain and len(plain.words) == 1 < len(longer.words) and not plain.sources <= longer.sources


def _hyphenless(words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(" ".join(words).replace("-", " ").split())
