"""How well an extractor reads: its facts against gold triples, document by document.

Four measures, each with precision, recall and F1 over all documents together (micro-averaged) and bootstrap intervals
over documents:

- `pairs`: two things that some gold triple joins; relation and direction don't count.
- `pairs_among_gold`: the same, but of the predictions only those whose both ends are annotated. Gold like DocRED's
  leaves out most things a text names, so that a true fact about one of them would count as wrong in `pairs`.
- `triples`: ends, relation and direction; relations meet softly (see `eval.extraction.relation_match`).
- `triples_in_order`: likewise, but only subject and object as the gold has them, inverses or not.

An end is a gold thing if one of its spellings in the document is one of the thing's names, compared without case,
article, space or punctuation. Where annotated things share a name, the pair that gold joins is taken. The same fact
twice counts once. A document that failed has no facts, and counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from eval.extraction.document_graph import DocumentFact
from eval.extraction.gold_triples import GoldDocument, Relation, name_key
from eval.extraction.relation_match import RelationMatch
from eval.statistics.stats import Interval, Values, resampled_means

PAIRS, AMONG_GOLD, TRIPLES, IN_ORDER = "pairs", "pairs_among_gold", "triples", "triples_in_order"
MEASURES = (PAIRS, AMONG_GOLD, TRIPLES, IN_ORDER)

End = int | str
"""A gold thing by its position, or the compared form of a name that none has."""

Told = dict[tuple[End, End], set[tuple[str, ...]]]
"""Ends to what is said between them; the wordings of one fact are one prediction."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Of one document.

    Attributes:
        correct: Gold that was predicted.
        predicted: Different predictions.
        gold: Different gold.
        right: Predictions that are right; more than `correct` where two facts tell one gold triple.
    """

    correct: int
    predicted: int
    gold: int
    right: int


@dataclass(frozen=True, slots=True)
class Scores:
    """Over all documents."""

    precision: Interval
    recall: Interval
    f1: Interval


def score(
    documents: Sequence[GoldDocument], facts: Sequence[Sequence[DocumentFact]], relations: RelationMatch
) -> list[dict[str, Counts]]:
    """Counts of every measure for each document; wordings are embedded all together.

    Args:
        documents: With their gold.
        facts: What was extracted from each, in the same order.
        relations: Compares relations.
    """
    relations.learn(predicate for told in facts for fact in told for predicate in fact.predicates)
    return [score_document(gold, told, relations) for gold, told in zip(documents, facts, strict=True)]


def score_document(gold: GoldDocument, facts: Sequence[DocumentFact], relations: RelationMatch) -> dict[str, Counts]:
    """Counts of every measure for one document.

    Args:
        gold: The document.
        facts: What was extracted from it.
        relations: Compares relations.
    """
    named = _things_by_name(gold)
    joined = {frozenset((s, o)) for s, _, o in gold.triples}
    told: Told = {}
    for fact in facts:
        told.setdefault(_ends(fact, named, joined), set()).add(fact.predicates)
    pairs = {frozenset(ends) for ends in told}
    among = {pair for pair in pairs if all(isinstance(end, int) for end in pair)}
    found = pairs & joined
    return {
        PAIRS: Counts(len(found), len(pairs), len(joined), len(found)),
        AMONG_GOLD: Counts(len(found), len(among), len(joined), len(found)),
        TRIPLES: _count_triples(gold, told, relations.says),
        IN_ORDER: _count_triples(gold, told, lambda *fact: not fact[2] and relations.says_in_order(*fact[:2])),
    }


def _things_by_name(gold: GoldDocument) -> dict[str, list[int]]:
    named: dict[str, list[int]] = {}
    for number, names in enumerate(gold.entities):
        for key in dict.fromkeys(map(name_key, names)):
            named.setdefault(key, []).append(number)
    return named


def _ends(fact: DocumentFact, named: dict[str, list[int]], joined: set[frozenset[int]]) -> tuple[End, End]:
    """Subject and object as gold things; of several that share a name, those that a gold triple joins."""
    subjects, objects = _candidates(fact.subject, named), _candidates(fact.object, named)
    both = ((s, o) for s in subjects for o in objects)
    return next((ends for ends in both if frozenset(ends) in joined), (subjects[0], objects[0]))


def _candidates(names: Sequence[str], named: dict[str, list[int]]) -> list[End]:
    keys = [name_key(name) for name in names]
    things: list[End] = list(dict.fromkeys(thing for key in keys for thing in named.get(key, ())))
    return things or [keys[0]]


def _count_triples(gold: GoldDocument, told: Told, says: Callable[[tuple[str, ...], Relation, bool], bool]) -> Counts:
    right: set[tuple[End, End, tuple[str, ...]]] = set()
    correct = set()
    for number, (head, relation, tail) in enumerate(gold.triples):
        for reverse in (False, True):
            ends = (tail, head) if reverse else (head, tail)
            for predicates in told.get(ends, ()):
                if says(predicates, relation, reverse):
                    right.add((*ends, predicates))
                    correct.add(number)
    return Counts(len(correct), sum(map(len, told.values())), len(gold.triples), len(right))


def overall(counts: Sequence[Counts]) -> Scores:
    """Precision, recall and F1 of all documents together, with 95 % intervals over resampled documents.

    Example:
        >>> overall([Counts(1, 2, 1, 1), Counts(1, 2, 3, 1)]).f1.mean
        0.5
    """
    values = np.array([[row.right, row.predicted, row.correct, row.gold] for row in counts], dtype=np.float64).T
    drawn = _rates(resampled_means(values))
    ends = np.percentile(drawn, [2.5, 97.5], axis=1)
    means = _rates(values.mean(axis=1, keepdims=True))[:, 0]
    precision, recall, f1 = (Interval(float(m), float(a), float(b)) for m, a, b in zip(means, *ends, strict=True))
    return Scores(precision, recall, f1)


def _rates(sums: Values) -> Values:
    """Rows right, predicted, correct, gold to rows precision, recall, F1; 0 where nothing could be right."""
    right, predicted, correct, gold = sums
    precision = np.divide(right, predicted, out=np.zeros_like(right), where=predicted > 0)
    recall = np.divide(correct, gold, out=np.zeros_like(right), where=gold > 0)
    total = precision + recall
    f1 = np.divide(2 * precision * recall, total, out=np.zeros_like(right), where=total > 0)
    return np.stack([precision, recall, f1])
