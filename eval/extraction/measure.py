"""Measures an extractor: its facts against gold triples, document by document.

Four measures, each with precision, recall and F1 over all documents together (micro-averaged) and bootstrap intervals
over documents:

- `pairs`: pairs of things that some gold triple joins; relation and direction don't count.
- `pairs_among_gold`: the same, but of the predictions only those whose both ends are annotated. Gold like DocRED's
  leaves out most things a text names, so that a true fact about one of them would count as wrong in `pairs`.
- `triples`: ends, relation and direction; relations are compared softly (see `eval.extraction.relation_match`).
- `triples_in_order`: likewise, but with subject and object only as the gold has them, inverses or not.

An end is a gold thing if one of its spellings in the document is one of the thing's names, compared without case,
article, space or punctuation. If annotated things share a name, the pair that a gold triple joins is taken. The same
fact twice counts once. A document that failed has no facts, and counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from eval.extraction.document_graph import DocumentFact
from eval.extraction.gold_triples import GoldDocument, Relation, name_key
from eval.extraction.relation_match import RelationMatch
from eval.statistics.stats import Interval, Values, resampled_means

PAIRS, AMONG_GOLD, TRIPLES, IN_ORDER = "pairs", "pairs_among_gold", "triples", "triples_in_order"
MEASURES = (PAIRS, AMONG_GOLD, TRIPLES, IN_ORDER)

End = int | str
"""A gold thing by its position, or the compared form of a name that no gold thing has."""

FactsByEnds = dict[tuple[End, End], set[tuple[str, ...]]]
"""Predicates by subject and object; the wordings of one fact together are one prediction."""


@dataclass(frozen=True, slots=True)
class ExtractionCounts:
    """Counts of one measure in one document.

    Attributes:
        correct: Number of gold triples (or pairs) that were predicted: recall is correct / gold.
        predicted: Number of distinct predictions.
        gold: Number of distinct gold triples (or pairs).
        right: Number of predictions that are right: precision is right / predicted. It is more than `correct` if two
            facts state one gold triple in different words.
    """

    correct: int
    predicted: int
    gold: int
    right: int


@dataclass(frozen=True, slots=True)
class ExtractionScores:
    """Precision, recall and F1 of one measure over all documents, with 95 % intervals."""

    precision: Interval
    recall: Interval
    f1: Interval


def measure_extraction(
    documents: Sequence[GoldDocument], facts: Sequence[Sequence[DocumentFact]], relations: RelationMatch
) -> list[dict[str, ExtractionCounts]]:
    """Counts of every measure for each document.

    Args:
        documents: Documents with their gold.
        facts: Facts extracted from each document, in the same order.
        relations: Compares relations; all wordings are embedded at once, which is faster than one by one.
    """
    relations.learn(chain.from_iterable(fact.predicates for of_document in facts for fact in of_document))
    return [measure_document(gold, found, relations) for gold, found in zip(documents, facts, strict=True)]


def measure_document(
    gold: GoldDocument, facts: Sequence[DocumentFact], relations: RelationMatch
) -> dict[str, ExtractionCounts]:
    """Counts of every measure for one document.

    Args:
        gold: The document.
        facts: Facts extracted from it.
        relations: Compares relations.
    """
    things = _things_by_name(gold)
    joined = {frozenset((s, o)) for s, _, o in gold.triples}
    predictions: FactsByEnds = {}
    for fact in facts:
        predictions.setdefault(_ends(fact, things, joined), set()).add(fact.predicates)
    # Unordered: pairs do not ask who is subject and who object.
    pairs = {frozenset(ends) for ends in predictions}
    among_gold = {pair for pair in pairs if all(map(_is_gold, pair))}
    correct = len(pairs & joined)
    return {
        PAIRS: ExtractionCounts(correct, len(pairs), len(joined), correct),
        AMONG_GOLD: ExtractionCounts(correct, len(among_gold), len(joined), correct),
        TRIPLES: _count_triples(gold, predictions, relations.says),
        IN_ORDER: _count_triples(gold, predictions, lambda *fact: not fact[2] and relations.says_in_order(*fact[:2])),
    }


def _is_gold(end: End) -> bool:
    return isinstance(end, int)


def _things_by_name(gold: GoldDocument) -> dict[str, list[int]]:
    """Positions of the gold things that have a name, by its compared form."""
    things: dict[str, list[int]] = {}
    for position, names in enumerate(gold.entities):
        for key in dict.fromkeys(map(name_key, names)):
            things.setdefault(key, []).append(position)
    return things


def _ends(fact: DocumentFact, things: dict[str, list[int]], joined: set[frozenset[int]]) -> tuple[End, End]:
    """Subject and object as gold things; of several that share a name, those that a gold triple joins."""
    subjects, objects = _candidates(fact.subject, things), _candidates(fact.object, things)
    # Gold decides which of two things of one name is meant: resolving names is not what is measured here.
    both = ((s, o) for s in subjects for o in objects)
    return next((ends for ends in both if frozenset(ends) in joined), (subjects[0], objects[0]))


def _candidates(names: Sequence[str], things: dict[str, list[int]]) -> list[End]:
    keys = [name_key(name) for name in names]
    candidates: list[End] = list(dict.fromkeys(thing for key in keys for thing in things.get(key, ())))
    return candidates or [keys[0]]


def _count_triples(
    gold: GoldDocument, predictions: FactsByEnds, says: Callable[[tuple[str, ...], Relation, bool], bool]
) -> ExtractionCounts:
    right: set[tuple[End, End, tuple[str, ...]]] = set()
    correct = set()
    for number, (head, relation, tail) in enumerate(gold.triples):
        # "Ann founded Orrin" states the gold triple (Orrin, founded by, Ann) with its ends reversed.
        for reverse in (False, True):
            ends = (tail, head) if reverse else (head, tail)
            for predicates in predictions.get(ends, ()):
                if says(predicates, relation, reverse):
                    right.add((*ends, predicates))
                    correct.add(number)
    return ExtractionCounts(len(correct), sum(map(len, predictions.values())), len(gold.triples), len(right))


def overall_scores(counts: Sequence[ExtractionCounts]) -> ExtractionScores:
    """Precision, recall and F1 of all documents together, with 95 % intervals over resampled documents.

    Example:
        >>> overall_scores([ExtractionCounts(1, 2, 1, 1), ExtractionCounts(1, 2, 3, 1)]).f1.mean
        0.5
    """
    rows = [(count.right, count.predicted, count.correct, count.gold) for count in counts]
    values = np.array(rows, dtype=np.float64).T
    # Rates are ratios of sums, so that sums, not the rates of single documents, are resampled; means serve as well.
    lows, highs = np.percentile(_rates(resampled_means(values)), [2.5, 97.5], axis=1)
    means = _rates(values.mean(axis=1, keepdims=True))[:, 0]
    scores = []
    for mean, low, high in zip(means, lows, highs, strict=True):
        scores.append(Interval(float(mean), float(low), float(high)))
    return ExtractionScores(*scores)


def _rates(sums: Values) -> Values:
    """Precision, recall and F1 from sums of counts; 0 where nothing could be right.

    Args:
        sums: Array (4, k), float64: right, predicted, correct, gold.
    Returns:
        Array (3, k), float64, in [0, 1].
    """
    right, predicted, correct, gold = sums
    precision = np.divide(right, predicted, out=np.zeros_like(right), where=predicted > 0)
    recall = np.divide(correct, gold, out=np.zeros_like(right), where=gold > 0)
    total = precision + recall
    f1 = np.divide(2 * precision * recall, total, out=np.zeros_like(right), where=total > 0)
    return np.stack([precision, recall, f1])
