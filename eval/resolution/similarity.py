"""How alike two records are, as numbers that mean the same for any column.

Every column gives the same features: shared words, weighted by how rare they are, shared letter triples, edit
similarity, agreement of numbers, and whether a value is missing. The record as a whole gives them once more, so that a
value that stands in the wrong column still counts, and with them the cosine of its embedding. (Embedding every column
too took most of the time and changed no figure of cross-validation on Beer, Fodors-Zagats and iTunes-Amazon.)
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from difflib import SequenceMatcher
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from eval.resolution.record_pairs import LabelledPair, Record
from kg.language.text import normalise_name
from models.protocols import Encoder

Features = NDArray[np.float64]

PER_COLUMN = 10
"""Features of one column."""
_WORD = re.compile(r"\d+(?:[.:]\d+)*|[^\W\d_]+")
_NUMBER = re.compile(r"\d+(?:[.:]\d+)?")
_MOST_CHARACTERS = 120  # beyond, edit similarity is slow and says no more than words do


class Similarity:
    """Features of pairs of records.

    Args:
        records: From which the rarity of words is counted.
        columns: In the order of the features.
        encoder: Embeds records.
    """

    def __init__(self, records: Iterable[Record], columns: Sequence[str], encoder: Encoder) -> None:
        self.columns = tuple(columns)
        self._encoder = encoder
        self._seen: Counter[str] = Counter()
        self._total = 0
        for record in set(records):
            self._seen.update(set(words(whole(record))))
            self._total += 1

    def features(self, pairs: Sequence[LabelledPair]) -> Features:
        """Array (pairs, (columns + 1) * PER_COLUMN + 1), float64; the record as a whole comes last."""
        rows = [
            [
                number
                for mine, theirs in zip(self._values(pair.left), self._values(pair.right), strict=True)
                for number in self._compare(mine, theirs)
            ]
            for pair in pairs
        ]
        texts = sorted({whole(record) for pair in pairs for record in (pair.left, pair.right)})
        vectors = dict(zip(texts, self._encoder.encode(texts), strict=True))
        cosines = [float(vectors[whole(pair.left)] @ vectors[whole(pair.right)]) for pair in pairs]
        return np.column_stack([np.array(rows, dtype=np.float64), cosines])

    def weight(self, word: str) -> float:
        """How much a word says: the rarer the more, in [1, 1 + ln of the number of records]."""
        return 1 + math.log((1 + self._total) / (1 + self._seen[word]))

    def _values(self, record: Record) -> list[str]:
        of_column: Mapping[str, str] = dict(record)
        values = [clean(of_column.get(column, "")) for column in self.columns]
        return [*values, whole(record)]

    def _compare(self, mine: str, theirs: str) -> list[float]:
        if not mine or not theirs:
            return [1.0, float(mine == theirs), *[0.0] * (PER_COLUMN - 2)]
        one, two = set(words(mine)), set(words(theirs))
        shared, only_one, only_two = one & two, one - two, two - one
        common = self._mass(shared)
        masses = sorted((common + self._mass(only_one), common + self._mass(only_two)))
        return [
            0.0,
            float(mine == theirs),
            len(shared) / max(1, len(one | two)),
            common / max(1e-9, masses[0] + masses[1] - common),
            common / max(1e-9, masses[0]),
            max(map(self.weight, only_one), default=0.0),
            max(map(self.weight, only_two), default=0.0),
            _triples_shared(mine, theirs),
            _edit_similarity(mine, theirs),
            _numbers_agree(mine, theirs),
        ]

    def _mass(self, some: Iterable[str]) -> float:
        return sum(map(self.weight, sorted(some)))


def clean(value: str) -> str:
    """A value for comparing: case, width, quotes and lone punctuation don't count; "-" alone is no value.

    Example:
        >>> clean("` Salt Inn '"), clean("-"), clean("8.10 %")
        ('salt inn', '', '8.10 %')
    """
    key = normalise_name(value.replace("`", "'"))
    return key if any(letter.isalnum() for letter in key) else ""


def whole(record: Record) -> str:
    """All values of a record as one text."""
    return " ".join(text for _, value in record if (text := clean(value)))


@lru_cache(maxsize=1 << 16)
def words(text: str) -> tuple[str, ...]:
    """Words and numbers of a cleaned value."""
    return tuple(_WORD.findall(text))


def _triples_shared(mine: str, theirs: str) -> float:
    one, two = _triples(mine), _triples(theirs)
    return len(one & two) / max(1, len(one | two))


@lru_cache(maxsize=1 << 16)
def _triples(text: str) -> frozenset[str]:
    letters = " " + "".join(character for character in text if character.isalnum() or character == " ") + " "
    return frozenset(letters[place : place + 3] for place in range(len(letters) - 2))


@lru_cache(maxsize=1 << 16)
def _edit_similarity(mine: str, theirs: str) -> float:
    one, two = sorted((mine[:_MOST_CHARACTERS], theirs[:_MOST_CHARACTERS]))
    return SequenceMatcher(None, one, two, autojunk=False).ratio()


def _numbers_agree(mine: str, theirs: str) -> float:
    """From -1 (numbers on both sides, none near) over 0 (a side without) to 1 (all the same)."""
    one, two = _numbers(mine), _numbers(theirs)
    if not one or not two:
        return 0.0
    short, long = sorted((one, two), key=len)
    best = [max(_agree(number, other) for other in long) for number in short]
    return 2 * sum(best) / len(best) - 1


@lru_cache(maxsize=1 << 16)
def _numbers(text: str) -> tuple[str, ...]:
    return tuple(_NUMBER.findall(text))


def _agree(one: str, other: str) -> float:
    """1 for the same number or year ("15", "2015"), less the further apart two are."""
    if one == other or (len(one) >= 2 and len(other) >= 2 and (one.endswith(other) or other.endswith(one))):
        return 1.0
    low, high = sorted((_value(one), _value(other)))
    return max(0.0, 1 - 10 * (high - low) / high) if high else 1.0


def _value(number: str) -> float:
    """The number; minutes and seconds as seconds."""
    if ":" in number:
        minutes, seconds = number.split(":")
        return 60 * float(minutes) + float(seconds)
    return float(number)
