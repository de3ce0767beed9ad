"""Finding texts again in whatever quotes them: recorded calls, reports, the files of a run.

A trace is a run of six words of a text, or a name. What living texts say as well is no trace, since it stays
true of them. Case, punctuation, line breaks and the escapes of JSON and HTML don't count; a character of a
script without spaces counts as a word. What only tells the same in other words is not found.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

_RUN = 6
_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
_WORD = re.compile(rf"[{_CJK}]|[^\W{_CJK}_]+")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|.)")
_SHORTEST_NAME = 3

Words = tuple[str, ...]


class Traces:
    """What some texts leave behind.

    Args:
        texts: The texts, by who they belong to.
        names: Names that only they give, likewise; those that a living text gives are left out.
        living: Texts that stay.
    """

    def __init__(
        self, texts: Mapping[str, Iterable[str]], names: Mapping[str, Iterable[str]], living: Iterable[str]
    ) -> None:
        self._runs: dict[int, frozenset[str]] = {}
        self._names: dict[str, dict[Words, frozenset[str]]] = {}
        for owner, own in texts.items():
            for text in own:
                words = words_of(text)
                if len(words) < _RUN:
                    self._add_name(words, owner)
                for run in _runs(words):
                    self._runs[run] = self._runs.get(run, frozenset()) | {owner}
        for owner, name in ((owner, name) for owner, own in names.items() for name in own):
            self._add_name(words_of(name), owner)
        for words in map(words_of, living):
            for run in _runs(words):
                self._runs.pop(run, None)
            for known in {known for known, _ in self._named(words)}:
                del self._names[known[0]][known]

    def owners(self, text: str) -> frozenset[str]:
        r"""Whose traces a text holds.

        Example:
            >>> traces = Traces({"a.md": ["Ada Lorne sold the mill by Lake Oune."]}, {}, [])
            >>> traces.owners(r'"SOLD the mill\nby Lake Oune"')
            frozenset({'a.md'})
        """
        words = words_of(html.unescape(_ESCAPE.sub(_unescape, text)))
        runs = (self._runs[run] for run in _runs(words) if run in self._runs)
        return frozenset(chain.from_iterable(chain(runs, (owners for _, owners in self._named(words)))))

    def _add_name(self, words: Words, owner: str) -> None:
        if len("".join(words).encode()) >= _SHORTEST_NAME:
            own = self._names.setdefault(words[0], {})
            own[words] = own.get(words, frozenset()) | {owner}

    def _named(self, words: Words) -> Iterator[tuple[Words, frozenset[str]]]:
        """The names that a text gives, with their owners."""
        for place, word in enumerate(words):
            for name, owners in self._names.get(word, {}).items():
                if words[place : place + len(name)] == name:
                    yield name, owners


def words_of(text: str) -> Words:
    """Words as they are compared.

    Example:
        >>> words_of("Lake Oune, 한강!")
        ('lake', 'oune', '한', '강')
    """
    return tuple(_WORD.findall(text.casefold()))


def _runs(words: Words) -> Iterator[int]:
    return (hash(words[place : place + _RUN]) for place in range(len(words) - _RUN + 1))


def _unescape(match: re.Match[str]) -> str:
    return chr(int(match[1], 16)) if match[1] else " "
