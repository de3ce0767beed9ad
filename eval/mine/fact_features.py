"""How near a graph comes to stating a fact, in four numbers: what the fact judge sees.

- `nearest`: best cosine between the fact and one relation, written out, or its predicate alone where that is a
  sentence, as in graphs whose relations are descriptions.
- `two_relations`, `three_relations`: the largest share of the fact's words that so many relations hold which hang
  together by their ends. Words scattered over a large graph therefore don't add up. A word weighs more the fewer of
  the essay's facts have it; words are alike by their first six letters.
- `number_missing`: 1 if the fact has a number that no relation shown has.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from eval.mine.files import RelationWords
from eval.mine.subgraph import Subgraphs
from models.protocols import Encoder, Vectors
from retrieval.text.terms import telling_terms

FEATURES = ("nearest", "two_relations", "three_relations", "number_missing")
_STEM = 6
_SENTENCE = 3
_STARTS = 6
_LEAST_WEIGHT = 0.3


def fact_features(facts: Sequence[str], relations: Sequence[RelationWords], encoder: Encoder) -> NDArray[np.float64]:
    """Look for an essay's facts in a graph.

    Args:
        facts: All facts of the essay.
        relations: The graph.
        encoder: MiniLM, which the judge is fitted to.
    Returns:
        Array (facts, 4), float64, columns as `FEATURES`.
    """
    relations = list(dict.fromkeys(relations))
    subgraphs, vectors = Subgraphs(relations, encoder), encoder.encode(list(facts))
    shown = [subgraphs.near(vector) for vector in vectors]
    nearest = _Nearest([relations[number] for number in sorted({each for one in shown for each in one})], encoder)
    stems = [_stems(fact) for fact in facts]
    counts = Counter(stem for one in stems for stem in one)
    rows = []
    for fact, words, vector, numbers in zip(facts, stems, vectors, shown, strict=True):
        near = [relations[number] for number in numbers]
        weights = {stem: math.log((len(facts) + 1) / counts[stem]) + _LEAST_WEIGHT for stem in words}
        two, three = _chains(weights, near)
        rows.append((nearest.cosine(vector, near), two, three, float(_misses_a_number(fact, near))))
    return np.array(rows, dtype=np.float64).reshape(-1, len(FEATURES))


class _Nearest:
    """Relations as texts, embedded once."""

    def __init__(self, relations: Sequence[RelationWords], encoder: Encoder) -> None:
        texts = sorted({text for relation in relations for text in self._texts(relation)})
        self._vectors = dict(zip(texts, encoder.encode(texts), strict=True))

    @staticmethod
    def _texts(relation: RelationWords) -> tuple[str, ...]:
        predicate = relation[1]
        return (" ".join(relation), *((predicate,) if len(predicate.split()) >= _SENTENCE else ()))

    def cosine(self, fact: Vectors, relations: Sequence[RelationWords]) -> float:
        texts = (text for relation in relations for text in self._texts(relation))
        return max((float(self._vectors[text] @ fact) for text in texts), default=0.0)


def _stems(text: str) -> frozenset[str]:
    return frozenset(term[:_STEM] for term in telling_terms(text))


def _chains(weights: dict[str, float], relations: Sequence[RelationWords]) -> tuple[float, float]:
    """Shares of the weights that the best two and three connected relations hold, found greedily from six starts."""
    stems = [_stems(" ".join(relation)) & weights.keys() for relation in relations]
    touching: dict[str, list[int]] = {}
    for number, (subject, _, object_) in enumerate(relations):
        for end in (subject, object_):
            touching.setdefault(end, []).append(number)

    def weight(words: frozenset[str]) -> float:
        return sum(weights[word] for word in sorted(words))

    best = [0.0, 0.0]
    for start in sorted(range(len(relations)), key=lambda number: (-weight(stems[number]), number))[:_STARTS]:
        held, ends = stems[start], {relations[start][0], relations[start][2]}
        for step in range(2):
            around = sorted({number for end in ends for number in touching[end]})
            following = max(around, key=lambda number: (weight(stems[number] - held), -number))
            held |= stems[following]
            ends |= {relations[following][0], relations[following][2]}
            best[step] = max(best[step], weight(held))
    total = weight(frozenset(weights)) or 1.0
    return best[0] / total, best[1] / total


def _misses_a_number(fact: str, relations: Sequence[RelationWords]) -> bool:
    shown = set(re.findall(r"\d+", " ".join(" ".join(relation) for relation in relations)))
    return not set(re.findall(r"\d+", fact)) <= shown
