"""Finds texts again in whatever quotes them: recorded calls, reports, the files of a run.

A trace is a sequence of six words of a text, or a name. What remaining texts say as well is no trace. What
`kg.language.words.fold` folds, punctuation, line breaks and the escapes of JSON and HTML don't count; a character of a
script without spaces counts as a word. A paraphrase in other words is not found.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

import regex

from kg.language.words import fold, units

_NGRAM = 6
"""Words of a trace: long enough that two texts hardly share one by chance, short enough for a quoted half sentence."""
_NO_WORD = regex.compile(r"[^\p{L}\p{N}\p{M}]+")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|.)")
_MIN_NAME_BYTES = 3
"""In UTF-8, so that one Chinese character is a name and "No" is none."""

Words = tuple[str, ...]


class TextTraces:
    """The traces of some texts, each with its owners.

    Args:
        texts: The texts, by owner.
        names: Names that the texts give, by owner; names that a remaining text gives as well are left out.
        remaining: Texts that stay.
    """

    def __init__(
        self, texts: Mapping[str, Iterable[str]], names: Mapping[str, Iterable[str]], remaining: Iterable[str]
    ) -> None:
        self._ngrams: dict[int, frozenset[str]] = {}
        self._names: dict[str, dict[Words, frozenset[str]]] = {}  # by first word, then by all words
        for owner, owned_texts in texts.items():
            for text in owned_texts:
                words = words_of(text)
                if len(words) < _NGRAM:
                    self._add_name(words, owner)
                for ngram in _ngrams(words):
                    self._ngrams[ngram] = self._ngrams.get(ngram, frozenset()) | {owner}
        for owner, owned_names in names.items():
            for name in owned_names:
                self._add_name(words_of(name), owner)
        for words in map(words_of, remaining):
            for ngram in _ngrams(words):
                self._ngrams.pop(ngram, None)
            for name_words in {name for name, _ in self._names_in(words)}:
                del self._names[name_words[0]][name_words]

    def owners(self, text: str) -> frozenset[str]:
        r"""The owners of the traces that a text holds.

        Example:
            >>> traces = TextTraces({"a.md": ["Ada Lorne sold the mill by Lake Oune."]}, {}, [])
            >>> traces.owners(r'"SOLD the mill\nby Lake Oune"')
            frozenset({'a.md'})
        """
        words = words_of(html.unescape(_ESCAPE.sub(_unescape, text)))
        of_ngrams = (self._ngrams[ngram] for ngram in _ngrams(words) if ngram in self._ngrams)
        of_names = (owners for _, owners in self._names_in(words))
        return frozenset(chain.from_iterable(chain(of_ngrams, of_names)))

    def _add_name(self, words: Words, owner: str) -> None:
        if len("".join(words).encode()) >= _MIN_NAME_BYTES:
            same_start = self._names.setdefault(words[0], {})
            same_start[words] = same_start.get(words, frozenset()) | {owner}

    def _names_in(self, words: Words) -> Iterator[tuple[Words, frozenset[str]]]:
        """The names that a text gives, with their owners."""
        for start, word in enumerate(words):
            for name, owners in self._names.get(word, {}).items():
                if words[start : start + len(name)] == name:
                    yield name, owners


def words_of(text: str) -> Words:
    """Words as they are compared.

    Example:
        >>> words_of("Lake Oune, 한강!")
        ('lake', 'oune', '한', '강')
    """
    return tuple(units(_NO_WORD.sub(" ", fold(text))))


def _ngrams(words: Words) -> Iterator[int]:
    """Hashes of all sequences of six words; the texts of a corpus would not fit into memory six times over."""
    return (hash(words[start : start + _NGRAM]) for start in range(len(words) - _NGRAM + 1))


def _unescape(match: re.Match[str]) -> str:
    return chr(int(match[1], 16)) if match[1] else " "
