"""Text to terms: the one way in which retrieval decides whether two words are the same word.

The words are those of `kg.language.words`: case, width and accents do not count, and scripts written without spaces
give pairs of characters. An English plural equals its singular (Harman's S-stemmer). Single letters and digits are
kept: "vitamin C" and "Article 5" are often the point of a question.
"""

from __future__ import annotations

from functools import lru_cache

from kg.language.words import words

_STOPWORDS = (
    "a about also am an and any are as at be been being but by can could did do does doing each for from had has have "
    "having he her hers him his how i if in into is it its itself just me might must my no nor not of on or our ours "
    "shall she should so some such than that the their theirs them then there these they this those to too was we were "
    "what when where which while who whom whose why will with would you your yours"
)
STOPWORDS = frozenset(_STOPWORDS.split())
"""Function and question words of English.

They are dropped from questions: "which" is rare in articles, so BM25 would take it for a telling word."""


def terms(text: str) -> list[str]:
    """Cut text into terms, in order.

    Example:
        >>> terms("The Cafés of Orrin Quay, 5")
        ['the', 'cafe', 'of', 'orrin', 'quay', '5']
    """
    return [_singular(word) for word in words(text)]


def telling_terms(text: str) -> list[str]:
    """Terms without stopwords, or all of them if nothing else is left.

    Example:
        >>> telling_terms("Who leads the Lodestar Foundation?")
        ['lead', 'lodestar', 'foundation']
        >>> telling_terms("Who is The Who?")
        ['who', 'is', 'the', 'who']
    """
    all_terms = terms(text)
    return [term for term in all_terms if term not in STOPWORDS] or all_terms


@lru_cache(maxsize=1 << 16)
def _singular(word: str) -> str:
    """Strip an English plural ending. Source: Harman, JASIS 1991 (the S-stemmer)."""
    # "ies" becomes "y", otherwise the last "s" goes; short words and endings such as "bus" and "glass" stay.
    if len(word) <= 3 or word in STOPWORDS:
        return word
    if word.endswith("ies") and not word.endswith(("eies", "aies")):
        return word[:-3] + "y"
    if word.endswith("es") and not word.endswith(("aes", "ees", "oes")):
        return word[:-1]
    if word.endswith("s") and not word.endswith(("us", "ss")):
        return word[:-1]
    return word
