"""Names of entities, and which of them stand in a question; and what looks like a name in any text."""

from __future__ import annotations

import re

from kg.schema import Entity
from retrieval.text.terms import STOPWORDS, terms

_LONGEST_NAME = 12
"""Words of a name that are looked for."""
_NAME = re.compile(r"(?<!^)\b(?:[A-Z][\w'’.-]*)(?:\s+(?:(?:of|de|von|van)\s+)?[A-Z\d][\w'’.-]*)*")


def names_of(entity: Entity) -> list[str]:
    """The terms of an entity's name and aliases, each joined by spaces; sorted."""
    return sorted({" ".join(terms(name)) for name in (entity.name, *entity.aliases)} - {""})


def named_entities(names: dict[str, list[int]], question: str) -> list[int]:
    """Rows of the entities whose name or alias stands in a question; the longest name wins.

    A name counts if one of its words looks like a name: a capital, a digit, or a script without capitals.
    A question in lower case throughout may name things with any word but a stopword.

    Example:
        >>> named_entities({"orrin quay": [4], "quay": [7], "mayor": [8]}, "Who is the mayor of Orrin Quay?")
        [4]
        >>> named_entities({"orrin quay": [4], "mayor": [8]}, "who is the mayor of orrin quay")
        [8, 4]
    """
    words = [(term, looks_like_name(word)) for word in question.split() for term in terms(word)]
    sure = any(marked for term, marked in words if term not in STOPWORDS)
    telling = [term not in STOPWORDS and (marked or not sure) for term, marked in words]
    taken = [False] * len(words)
    found: list[tuple[int, int]] = []
    for length in range(min(_LONGEST_NAME, len(words)), 0, -1):
        for start in range(len(words) - length + 1):
            span = slice(start, start + length)
            rows = names.get(" ".join(term for term, _ in words[span]), [])
            if rows and any(telling[span]) and not any(taken[span]):
                taken[span] = [True] * length
                found.extend((start, row) for row in rows)
    return list(dict.fromkeys(row for _, row in sorted(found)))


def names_in(text: str) -> list[str]:
    """What looks like a name in a text, in order; its first word is in capitals for another reason and doesn't count.

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
