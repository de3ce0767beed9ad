"""How near a graph comes to stating a fact, in four numbers: the input of the fact judge.

- `nearest`: best cosine between the fact and one relation in words, or its predicate alone if that is a sentence, as
  in graphs whose relations are descriptions.
- `two_relations`, `three_relations`: the largest share of the fact's words that two or three relations contain which
  are connected by their ends, so that words scattered over a large graph don't add up. A word weighs more if fewer of
  the essay's facts have it; words are alike if their first six letters are.
- `number_missing`: 1 if the fact has a number that none of the retrieved relations has.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from eval.mine.files import RelationWords
from eval.mine.subgraph import SubgraphSearch
from models.protocols import Encoder, Vectors
from retrieval.text.terms import telling_terms

FEATURES = ("nearest", "two_relations", "three_relations", "number_missing")
_STEM = 6  # letters of a word that count: a crude stemmer, but the same for every system's graph
_SENTENCE = 3  # minimum number of words of a predicate that stands for itself
_STARTS = 6  # relations that a greedy search begins at
_MIN_WEIGHT = 0.3  # so that a word which all facts share still counts


def fact_features(facts: Sequence[str], relations: Sequence[RelationWords], encoder: Encoder) -> NDArray[np.float64]:
    """Look for an essay's facts in a graph.

    Args:
        facts: All facts of the essay.
        relations: The graph.
        encoder: MiniLM, which the judge is fitted to.
    Returns:
        Array (facts, 4), float64, columns as `FEATURES`.
    """
    # Graphs repeat relations; a repetition states nothing more.
    relations = list(dict.fromkeys(relations))
    search, vectors = SubgraphSearch(relations, encoder), encoder.encode(list(facts))
    retrieved = [search.near(vector) for vector in vectors]
    embedded = sorted(set(chain.from_iterable(retrieved)))
    relation_vectors = _RelationVectors([relations[number] for number in embedded], encoder)
    stems = [_stems(fact) for fact in facts]
    facts_with = Counter(chain.from_iterable(stems))
    rows = []
    for fact, fact_stems, vector, numbers in zip(facts, stems, vectors, retrieved, strict=True):
        near = [relations[number] for number in numbers]
        # Inverse "document" frequency over the essay's own facts: its topic's name is in most of them and says little.
        weights = {stem: math.log((len(facts) + 1) / facts_with[stem]) + _MIN_WEIGHT for stem in fact_stems}
        two, three = _connected_shares(weights, near)
        rows.append((relation_vectors.best_cosine(vector, near), two, three, float(_misses_a_number(fact, near))))
    return np.array(rows, dtype=np.float64).reshape(-1, len(FEATURES))


class _RelationVectors:
    """Vectors of relations as texts, each embedded once."""

    def __init__(self, relations: Sequence[RelationWords], encoder: Encoder) -> None:
        texts = sorted({text for relation in relations for text in self._texts(relation)})
        self._vectors = dict(zip(texts, encoder.encode(texts), strict=True))

    @staticmethod
    def _texts(relation: RelationWords) -> tuple[str, ...]:
        text, predicate = " ".join(relation), relation[1]
        return (text, predicate) if len(predicate.split()) >= _SENTENCE else (text,)

    def best_cosine(self, fact: Vectors, relations: Sequence[RelationWords]) -> float:
        """Highest cosine of a fact, a unit vector (d,), with one of the relations; 0 without any."""
        texts = (text for relation in relations for text in self._texts(relation))
        return max((float(self._vectors[text] @ fact) for text in texts), default=0.0)


def _stems(text: str) -> frozenset[str]:
    return frozenset(term[:_STEM] for term in telling_terms(text))


def _connected_shares(weights: dict[str, float], relations: Sequence[RelationWords]) -> tuple[float, float]:
    """Shares of the weights that the best two and three connected relations contain, in [0, 1].

    Found greedily from the six best relations: all connected triples of a dense graph would be millions.
    """
    stems = [_stems(" ".join(relation)) & weights.keys() for relation in relations]
    touching: dict[str, list[int]] = {}
    for number, (subject, _, object_) in enumerate(relations):
        for end in (subject, object_):
            touching.setdefault(end, []).append(number)

    def weight(words: frozenset[str]) -> float:
        return sum(weights[word] for word in sorted(words))

    # Greedy: from each start, twice the connected relation that adds most; a relation may be chosen again for 0.
    best = [0.0, 0.0]
    for start in sorted(range(len(relations)), key=lambda number: (-weight(stems[number]), number))[:_STARTS]:
        covered, ends = stems[start], {relations[start][0], relations[start][2]}
        for step in range(2):
            connected = sorted({number for end in ends for number in touching[end]})
            following = max(connected, key=lambda number: (weight(stems[number] - covered), -number))
            covered |= stems[following]
            ends |= {relations[following][0], relations[following][2]}
            best[step] = max(best[step], weight(covered))
    total = weight(frozenset(weights)) or 1.0
    return best[0] / total, best[1] / total


def _misses_a_number(fact: str, relations: Sequence[RelationWords]) -> bool:
    in_graph = set(re.findall(r"\d+", " ".join(" ".join(relation) for relation in relations)))
    return not set(re.findall(r"\d+", fact)) <= in_graph
