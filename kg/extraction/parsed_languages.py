"""Which of the parser's ways of reading fits a text: English, French, or names alone in Korean.

A text in any other language is refused in a sentence: an English parser would find names and facts in it that are none.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module

import regex

from kg.language.identify import UNKNOWN, language_name, language_of
from kg.language.korean import is_korean
from models.errors import InputError

ENGLISH, FRENCH, KOREAN = "en", "fr", "ko"
_WORD = regex.compile(r"[\p{L}\p{M}]+")
_NAME = regex.compile(r"\p{Lu}[\p{L}\p{M}]*+(?:\s(?:\p{Ll}{1,3}\s){0,2}\p{Lu}[\p{L}\p{M}]*+)+")
"""Several capitalised words, whose small words are of no language: Le Corbusier, Los Angeles, Juan de la Cruz."""
# Frequent words that few other languages have.
_FRENCH = "le les du et est dans une aux qui avec sur pour été elle ils cette ses sont était fut où ne pas"
_ENGLISH = "the of and is was were to with by for from that which has had his her it as at are be"
_FRENCH_WORDS, _ENGLISH_WORDS = (frozenset(words.split()) for words in (_FRENCH, _ENGLISH))
_MIN_SHARE = 0.1
"""Minimum share of such words in a French text; of French prose they are a quarter."""
_MIN_STOP_WORDS = 2
"""Minimum number of frequent words of a language in a short text of that language."""
_FEW_WORDS = 15
"""Number of words below which the sequences of letters alone do not tell languages apart."""


def parsed_language(text: str) -> str:
    """The language that a text is to be read in: "fr" and "ko" where it is French or Korean, else "en".

    Whether the text is English is decided by its parse, which `kg.extraction.nlp` has.

    Example:
        >>> parsed_language("La tour est gérée par la ville de Lyon."), parsed_language("서울은 수도이다.")
        ('fr', 'ko')
        >>> parsed_language("The mill is run by the town.")
        'en'
    """
    if is_korean(text):
        return KOREAN
    words = _words_outside_names(text)
    french = sum(word in _FRENCH_WORDS for word in words)
    english = sum(word in _ENGLISH_WORDS for word in words)
    may_be = french > english and french >= max(1, _MIN_SHARE * len(words))
    is_french = may_be and (language_of(text) == FRENCH or (not english and len(words) < _FEW_WORDS))
    return FRENCH if is_french else ENGLISH


def foreign_words(text: str) -> frozenset[str]:
    """The small words of the language of a short text in Latin letters; none where it may be English.

    Example:
        >>> "ciudad" in foreign_words("La ciudad de Lima es la capital del Perú."), foreign_words("Ada leads the mill.")
        (False, frozenset())
    """
    code = language_of(text)
    if code in (UNKNOWN, ENGLISH):
        return frozenset()
    words = _words_outside_names(text)
    foreign, english = _stop_words(code), _stop_words(ENGLISH)
    number = sum(word in foreign for word in words)
    is_foreign = number >= _MIN_STOP_WORDS and number > sum(word in english for word in words)
    return foreign if is_foreign else frozenset()


def _words_outside_names(text: str) -> list[str]:
    return _WORD.findall(_NAME.sub(" ", text).lower())


@cache
def _stop_words(language: str) -> frozenset[str]:
    """spaCy's stop words of a language, none where it has no list."""
    try:
        return frozenset(import_module(f"spacy.lang.{language}.stop_words").STOP_WORDS)
    except ModuleNotFoundError:
        return frozenset()


def unread(text: str) -> InputError:
    """The error about a text in a language that the parser does not read."""
    code = language_of(text)
    language = "another language" if code in (UNKNOWN, ENGLISH) else language_name(code)
    return InputError(
        f"The parser reads English and French, and names in Korean; this text is in {language}. Name a chat model as "
        "the extractor."
    )


def is_latin(text: str) -> bool:
    """Whether at least half of a text's letters are Latin."""
    letters = [character for character in text if character.isalpha()]
    return 2 * len(regex.findall(r"[\p{Latin}&&\p{L}]", "".join(letters), regex.V1)) >= len(letters)
