"""How alike two records are, as numbers that mean the same for any column.

Every column gives the same features: shared words, weighted by how rare they are, shared letter triples, edit
similarity, agreement of numbers, and whether a value is missing. The record as a whole gives them once more, so that a
value that is in the wrong column still counts, and with them the cosine of its embedding. (Embedding every column
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
"""Number of features of one column."""
_WORD = re.compile(r"\d+(?:[.:]\d+)*|[^\W\d_]+")
_NUMBER = re.compile(r"\d+(?:[.:]\d+)?")
_MAX_CHARACTERS = 120  # beyond that, edit similarity is slow and says no more than words do


class RecordSimilarity:
    """Features of pairs of records.

    Args:
        records: Records from which the rarity of words is counted.
        columns: Names of the columns, in the order of the features.
        encoder: Embeds records.
    """

    def __init__(self, records: Iterable[Record], columns: Sequence[str], encoder: Encoder) -> None:
        self.columns = tuple(columns)
        self._encoder = encoder
        self._records_with: Counter[str] = Counter()
        self._total = 0
        for record in set(records):
            self._records_with.update(set(words(record_text(record))))
            self._total += 1

    def features(self, pairs: Sequence[LabelledPair]) -> Features:
        """Array (pairs, (columns + 1) * PER_COLUMN + 1), float64; the record as a whole comes last."""
        rows = []
        for pair in pairs:
            values = zip(self._values(pair.left), self._values(pair.right), strict=True)
            rows.append([number for left, right in values for number in self._compare(left, right)])
        texts = sorted({record_text(record) for pair in pairs for record in (pair.left, pair.right)})
        vectors = dict(zip(texts, self._encoder.encode(texts), strict=True))
        cosines = [float(vectors[record_text(pair.left)] @ vectors[record_text(pair.right)]) for pair in pairs]
        return np.column_stack([np.array(rows, dtype=np.float64), cosines])

    def weight(self, word: str) -> float:
        """Smoothed inverse document frequency: rare words weigh more, in [1, 1 + ln(1 + number of records)]."""
        return 1 + math.log((1 + self._total) / (1 + self._records_with[word]))

    def _values(self, record: Record) -> list[str]:
        of_column: Mapping[str, str] = dict(record)
        values = [clean(of_column.get(column, "")) for column in self.columns]
        return [*values, record_text(record)]

    def _compare(self, left: str, right: str) -> list[float]:
        """The features of one column, in a fixed order; a missing value is neither alike nor unlike."""
        if not left or not right:
            return [1.0, float(left == right), *[0.0] * (PER_COLUMN - 2)]
        left_words, right_words = set(words(left)), set(words(right))
        shared, only_left, only_right = left_words & right_words, left_words - right_words, right_words - left_words
        common = self._mass(shared)
        lighter, heavier = sorted((common + self._mass(only_left), common + self._mass(only_right)))
        return [
            0.0,
            float(left == right),
            len(shared) / max(1, len(left_words | right_words)),
            common / max(1e-9, lighter + heavier - common),  # weighted Jaccard
            common / max(1e-9, lighter),  # how much of the shorter value the other contains
            max(map(self.weight, only_left), default=0.0),  # one rare word of its own tells two records apart
            max(map(self.weight, only_right), default=0.0),
            _triples_shared(left, right),
            _edit_similarity(left, right),
            _numbers_agree(left, right),
        ]

    def _mass(self, some: Iterable[str]) -> float:
        # Sorted: sums of floats depend on the order, and that of a set on the hash seed.
        return sum(map(self.weight, sorted(some)))


def clean(value: str) -> str:
    """A value for comparing: case, width, quotes and lone punctuation don't count; "-" alone is no value.

    Example:
        >>> clean("` Salt Inn '"), clean("-"), clean("8.10 %")
        ('salt inn', '', '8.10 %')
    """
    # Published sets write quotes as ` and ', with spaces around.
    key = normalise_name(value.replace("`", "'"))
    return key if any(letter.isalnum() for letter in key) else ""


def record_text(record: Record) -> str:
    """All values of a record as one text."""
    return " ".join(text for _, value in record if (text := clean(value)))


@lru_cache(maxsize=1 << 16)
def words(text: str) -> tuple[str, ...]:
    """Words and numbers of a cleaned value."""
    return tuple(_WORD.findall(text))


def _triples_shared(left: str, right: str) -> float:
    one, two = _triples(left), _triples(right)
    return len(one & two) / max(1, len(one | two))


@lru_cache(maxsize=1 << 16)
def _triples(text: str) -> frozenset[str]:
    letters = " " + "".join(character for character in text if character.isalnum() or character == " ") + " "
    return frozenset(letters[start : start + 3] for start in range(len(letters) - 2))


@lru_cache(maxsize=1 << 16)
def _edit_similarity(left: str, right: str) -> float:
    # Sorted, since SequenceMatcher is not symmetric.
    one, two = sorted((left[:_MAX_CHARACTERS], right[:_MAX_CHARACTERS]))
    return SequenceMatcher(None, one, two, autojunk=False).ratio()


def _numbers_agree(left: str, right: str) -> float:
    """From -1 (numbers on both sides, none near) over 0 (a side without numbers) to 1 (all the same)."""
    one, two = _numbers(left), _numbers(right)
    if not one or not two:
        return 0.0
    # Each number of the side with fewer must find a partner; extra numbers on the other side do not count.
    short, long = sorted((one, two), key=len)
    best = []
    for number in short:
        best.append(max(_agree(number, other) for other in long))
    return 2 * sum(best) / len(best) - 1


@lru_cache(maxsize=1 << 16)
def _numbers(text: str) -> tuple[str, ...]:
    return tuple(_NUMBER.findall(text))


def _agree(one: str, other: str) -> float:
    """1 for the same number or year ("15", "2015"), falling to 0 where they differ by a tenth of the larger."""
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
