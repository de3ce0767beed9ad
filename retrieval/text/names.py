"""Names of entities, which of them a question mentions, and what looks like a name in any text."""

from __future__ import annotations

import regex

from kg.language.words import is_spaced
from kg.schema import Entity
from retrieval.text.terms import STOPWORDS, terms

_MAX_NAME_WORDS, _MAX_NAME_PAIRS = 12, 40
"""Maximum number of words, and of pairs of characters in scripts without spaces, of a name that is searched for."""
_NAME = regex.compile(r"(?<!^)\b(?:\p{Lu}[\w\p{M}'’.-]*)(?:\s+(?:(?:of|de|von|van)\s+)?[\p{Lu}\d][\w\p{M}'’.-]*)*")


def names_of(entity: Entity) -> list[str]:
    """The terms of an entity's name and aliases, each joined by spaces; sorted."""
    return sorted({" ".join(terms(name)) for name in (entity.name, *entity.aliases)} - {""})


def named_entities(names: dict[str, list[int]], question: str) -> list[int]:
    """Rows of the entities whose name or alias is in a question; the longest name wins.

    A name counts if one of its words looks like a name: a capital, a digit, or a script without capitals. In a
    question that is in lower case throughout, any word but a stopword may be part of a name.

    Args:
        names: Terms of each name, joined by spaces, to the rows of the entities that bear it.
        question: Any text.
    Returns:
        Distinct entity rows, in the order in which the question names them.
    Example:
        >>> named_entities({"orrin quay": [4], "quay": [7], "mayor": [8]}, "Who is the mayor of Orrin Quay?")
        [4]
        >>> named_entities({"orrin quay": [4], "mayor": [8]}, "who is the mayor of orrin quay")
        [8, 4]
        >>> named_entities({"이순 순신": [2]}, "이순신은 어디에서 태어났나?")
        [2]
    """
    words: list[tuple[str, bool]] = []
    for word in question.split():
        is_name = looks_like_name(word)
        # Of stopwords only one with a capital inside the question may be a name: "Who is The Who?"
        words += ((term, is_name and (term not in STOPWORDS or (bool(words) and term != "i"))) for term in terms(word))
    has_capitals = any(is_name for term, is_name in words if term not in STOPWORDS)
    # "quay" in "the old quay" is no name where names are capitalised; in "who led orrin quay" it must be allowed to be.
    may_name = [is_name or not (has_capitals or term in STOPWORDS) for term, is_name in words]
    taken = [False] * len(words)
    hits: list[tuple[int, int]] = []
    longest = _MAX_NAME_WORDS if all(is_spaced(term[0]) for term, _ in words) else _MAX_NAME_PAIRS
    # Longest spans first, so that "Orrin Quay" takes its words before "Quay" can.
    for length in range(min(longest, len(words)), 0, -1):
        for start in range(len(words) - length + 1):
            span = slice(start, start + length)
            rows = names.get(" ".join(term for term, _ in words[span]), [])
            # One word that looks like a name is enough: "mayor of Pellin" may be an alias.
            if rows and any(may_name[span]) and not any(taken[span]):
                taken[span] = [True] * length
                hits.extend((start, row) for row in rows)
    return list(dict.fromkeys(row for _, row in sorted(hits)))


def names_in(text: str) -> list[str]:
    """What looks like a name in a text, in order.

    The first word does not count: it begins with a capital in any case.

    Example:
        >>> names_in("Did Maren Oskevald study at the University of Orrin Quay?")
        ['Maren Oskevald', 'University of Orrin Quay']
    """
    return _NAME.findall(text)


def without_names(text: str, placeholder: str) -> str:
    """The text with a placeholder for each name.

    Example:
        >>> without_names("Are Runa Fisk and Tom Hale of one nationality?", "X")
        'Are X and X of one nationality?'
    """
    return _NAME.sub(placeholder, text)


def looks_like_name(word: str) -> bool:
    """Whether a word has a capital, a digit, or letters of a script without capitals."""
    return any(c.isupper() or c.isdigit() or (c.isalpha() and c.lower() == c.upper()) for c in word)
