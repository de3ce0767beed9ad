"""Measures how well records of two tables are matched, on labelled pairs in ditto's text form: `graft eval resolution`.

Records are blocked (`eval.resolution.blocking`) and compared (`eval.resolution.similarity`). The weights of the
features are learnt from `train` and `valid` together: the mean of a logistic regression and of extremely randomised
trees. The threshold is the one of the best F1 on the predictions that five folds of cross-validation, repeated twice,
make of those same pairs. `test` is read once, for the figures. A pair that blocking leaves out counts as predicted not
to match.

    result = measure_resolution(Path("Beer"), open_encoder("minilm"))
    result.f1.mean
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.resolution.blocking import candidates
from eval.resolution.record_pairs import LabelledPair, read_folder
from eval.resolution.similarity import Features, RecordSimilarity
from eval.statistics.stats import Interval
from models.errors import InputError
from models.protocols import Encoder
from models.runtime.progress import SILENT, Progress

_FOLDS, _REPEATS = 5, 2
_RESAMPLES = 10_000

Truth = NDArray[np.bool_]
Probabilities = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Blocking:
    """What blocking leaves to compare.

    Attributes:
        left: Number of distinct records of the left table.
        right: Number of distinct records of the right table.
        pairs: Number of pairs compared.
        share: Share of all left x right pairs that are compared, in [0, 1].
        recall: Share of the labelled matches of all three files that are compared, in [0, 1].
    """

    left: int
    right: int
    pairs: int
    share: float
    recall: float


@dataclass(frozen=True, slots=True)
class ResolutionResult:
    """Figures on `test.txt`, with 95 % bootstrap intervals.

    Attributes:
        name: Name of the folder.
        n: Number of test pairs.
        matches: Number of test pairs that match.
        threshold: Minimum probability of a match.
        validation_f1: Best F1 of cross-validation on train and valid, where the threshold comes from.
        precision: Share of the pairs predicted to match that do.
        recall: Share of the pairs that match that are predicted to.
        f1: Harmonic mean of precision and recall.
        blocking: What blocking leaves to compare.
    """

    name: str
    n: int
    matches: int
    threshold: float
    validation_f1: float
    precision: Interval
    recall: Interval
    f1: Interval
    blocking: Blocking


def measure_resolution(
    folder: Path, encoder: Encoder, threshold: float | None = None, progress: Progress = SILENT
) -> ResolutionResult:
    """Match the records of a folder.

    Args:
        folder: Holds train.txt, valid.txt and test.txt.
        encoder: Embeds records and values.
        threshold: Replaces the one that cross-validation finds.
        progress: Where progress is shown.
    Raises:
        InputError: A file cannot be used, or train and valid hold fewer than two pairs of either label.
    """
    splits = read_folder(folder)
    fitting, test = [*splits["train"], *splits["valid"]], splits["test"]
    everything = [*fitting, *test]
    # Blocking sees all records, test ones included, but no label: it is what a real run would know.
    left, right = sorted({pair.left for pair in everything}), sorted({pair.right for pair in everything})
    with progress.step("match records", total=4, unit="steps") as step:
        compared = candidates(left, right, encoder)
        step.advance()
        fitting_features, test_features = _features(fitting, test, encoder)
        step.advance()
        truth = np.array([pair.is_match for pair in fitting])
        best, validation_f1 = _choose_threshold(fitting_features, truth)
        step.advance()
        probabilities = _predict(fitting_features, truth, test_features)
        step.advance()
    threshold = best if threshold is None else threshold
    is_compared = np.array([(pair.left, pair.right) in compared for pair in test])
    predicted = is_compared & (probabilities >= threshold)
    matching = np.array([pair.is_match for pair in test])
    precision, recall, f1 = _intervals(predicted, matching)
    matches = [pair for pair in everything if pair.is_match]
    found = sum((pair.left, pair.right) in compared for pair in matches)
    possible = len(left) * len(right)
    blocking = Blocking(len(left), len(right), len(compared), len(compared) / possible, found / max(1, len(matches)))
    counts = (len(test), int(matching.sum()))
    return ResolutionResult(folder.resolve().name, *counts, threshold, validation_f1, precision, recall, f1, blocking)


def _features(
    fitting: Sequence[LabelledPair], test: Sequence[LabelledPair], encoder: Encoder
) -> tuple[Features, Features]:
    """Features of both; columns and the rarity of words come from the pairs to fit on alone, so test stays unseen."""
    records = [record for pair in fitting for record in (pair.left, pair.right)]
    columns = list(dict.fromkeys(column for record in records for column, _ in record))
    similarity = RecordSimilarity(records, columns, encoder)
    return similarity.features(fitting), similarity.features(test)


def _models() -> list[Any]:
    from sklearn.ensemble import ExtraTreesClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return [
        # Matches are rare among labelled pairs (one in ten is usual), hence balanced weights in both models.
        make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=5000, class_weight="balanced")),
        ExtraTreesClassifier(100, min_samples_leaf=2, class_weight="balanced", random_state=0),
    ]


def _predict(fitting: Features, truth: Truth, features: Features) -> Probabilities:
    """Mean probability of a match by models fitted to labelled pairs, array (n,)."""
    predictions = [model.fit(fitting, truth).predict_proba(features)[:, 1] for model in _models()]
    return np.asarray(np.mean(predictions, axis=0))


def _choose_threshold(fitting: Features, truth: Truth) -> tuple[float, float]:
    """The threshold of the best F1 in cross-validation, and that F1; of several, the middle one."""
    from sklearn.model_selection import StratifiedKFold

    # Every fold needs at least one pair of either label.
    folds = min(_FOLDS, int(truth.sum()), int((~truth).sum()))
    if folds < 2:
        raise InputError(
            f"Expected two pairs or more of either label in train.txt and valid.txt, found {int(truth.sum())} that "
            f"match and {int((~truth).sum())} that don't. There is nothing to learn from."
        )
    probabilities = np.zeros(len(truth))
    for repeat in range(_REPEATS):
        for fit, held_out in StratifiedKFold(folds, shuffle=True, random_state=repeat).split(fitting, truth):
            probabilities[held_out] += _predict(fitting[fit], truth[fit], fitting[held_out]) / _REPEATS
    return best_threshold(probabilities, truth)


def best_threshold(scores: Probabilities, truth: Truth) -> tuple[float, float]:
    """Threshold of the best F1, half-way between neighbouring scores, and that F1.

    Example:
        >>> best_threshold(np.array([0.1, 0.2, 0.8, 0.9]), np.array([False, False, True, True]))
        (0.5, 1.0)
    """
    # A threshold half-way between scores is the one least likely to be crossed by a slightly different score.
    distinct = np.unique(scores)
    middles = (distinct[1:] + distinct[:-1]) / 2 if len(distinct) > 1 else distinct
    values = np.array([_rates(scores >= middle, truth)[2] for middle in middles])
    # Of thresholds that are equally good here, the middle one is furthest from errors on either side.
    best = middles[values >= values.max() - 1e-12]
    return float(best[len(best) // 2]), float(values.max())


def _rates(predicted: Truth, matching: Truth) -> tuple[float, float, float]:
    """Precision, recall and F1; 0 where there is nothing to divide by."""
    correct = float((predicted & matching).sum())
    positives, matches = float(predicted.sum()), float(matching.sum())
    f1 = 2 * correct / (positives + matches) if positives + matches else 0.0
    return correct / positives if positives else 0.0, correct / matches if matches else 0.0, f1


def _intervals(predicted: Truth, matching: Truth, seed: int = 0) -> tuple[Interval, Interval, Interval]:
    """Precision, recall and F1 with percentile intervals over resampled pairs.

    Every pair is one of four kinds (true or false, positive or negative), so drawing pairs with replacement is drawing
    the counts of the four kinds from a multinomial distribution: no pair needs to be looked at again.

    Source: Efron and Tibshirani, "An introduction to the bootstrap", 1993.
    """
    correct, wrong = (predicted & matching).sum(), (predicted & ~matching).sum()
    missed = (~predicted & matching).sum()
    counts = np.array([correct, wrong, missed, len(predicted) - correct - wrong - missed])
    drawn = np.random.default_rng(seed).multinomial(len(predicted), counts / len(predicted), size=_RESAMPLES)
    corrects, wrongs, misses = drawn[:, 0], drawn[:, 1], drawn[:, 2]
    resampled = (
        corrects / np.maximum(1, corrects + wrongs),
        corrects / np.maximum(1, corrects + misses),
        2 * corrects / np.maximum(1, 2 * corrects + wrongs + misses),
    )
    rows = []
    for mean, values in zip(_rates(predicted, matching), resampled, strict=True):
        low, high = np.percentile(values, [2.5, 97.5])
        rows.append(Interval(mean, float(low), float(high)))
    precision, recall, f1 = rows
    return precision, recall, f1
