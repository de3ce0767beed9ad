"""`graft eval resolution`: how well records of two tables are matched, on labelled pairs in ditto's text form.

Records are blocked (`eval.resolution.blocking`) and compared (`eval.resolution.similarity`); what the features weigh is
learnt from `train` and `valid` together: the mean of a logistic regression and of extremely randomised trees. The
threshold is the one of the best F1 on the predictions that five folds of cross-validation, twice, make of those same
pairs. `test` is read once, for the figures. A pair that blocking leaves out counts as predicted not to match.

    result = measure(Path("Beer"), open_encoder("minilm"))
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
from eval.resolution.similarity import Features, Similarity
from eval.statistics.stats import Interval
from models.errors import InputError
from models.protocols import Encoder
from models.runtime.progress import SILENT, Progress

_FOLDS, _REPEATS = 5, 2
_RESAMPLES = 10_000

Truth = NDArray[np.bool_]
Scores = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Blocking:
    """What blocking leaves to compare.

    Attributes:
        left: Distinct records of the left table.
        right: Distinct records of the right.
        pairs: Pairs compared.
        share: Of all left x right pairs, in [0, 1].
        recall: Share of the labelled matches of all three files that are among them.
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
        name: Of the folder.
        n: Test pairs.
        matches: Those that match.
        threshold: Least probability of a match.
        validation_f1: Best F1 of cross-validation on train and valid, where the threshold comes from.
        precision: Of the pairs predicted to match.
        recall: Of the pairs that match.
        f1: Their harmonic mean.
        blocking: See there.
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


def measure(
    folder: Path, encoder: Encoder, threshold: float | None = None, progress: Progress = SILENT
) -> ResolutionResult:
    """Match the records of a folder.

    Args:
        folder: Holds train.txt, valid.txt and test.txt.
        encoder: Embeds records and values.
        threshold: Instead of the one that cross-validation finds.
        progress: Who is told.
    Raises:
        InputError: A file cannot be used, or train and valid hold fewer than two pairs of either label.
    """
    splits = read_folder(folder)
    fitting, test = [*splits["train"], *splits["valid"]], splits["test"]
    everything = [*fitting, *test]
    left, right = sorted({pair.left for pair in everything}), sorted({pair.right for pair in everything})
    with progress.step("match records", total=4, unit="steps") as step:
        compared = candidates(left, right, encoder)
        step.advance()
        known, asked = _features(fitting, test, encoder)
        step.advance()
        truth = np.array([pair.is_match for pair in fitting])
        best, validation_f1 = _choose_threshold(known, truth)
        step.advance()
        scores = _predict(known, truth, asked)
        step.advance()
    threshold = best if threshold is None else threshold
    found = np.array([(pair.left, pair.right) in compared for pair in test]) & (scores >= threshold)
    matching = np.array([pair.is_match for pair in test])
    precision, recall, f1 = _intervals(found, matching)
    kept = [(pair.left, pair.right) in compared for pair in everything if pair.is_match]
    blocking = Blocking(
        len(left), len(right), len(compared), len(compared) / (len(left) * len(right)), sum(kept) / max(1, len(kept))
    )
    counts = (len(test), int(matching.sum()))
    return ResolutionResult(folder.resolve().name, *counts, threshold, validation_f1, precision, recall, f1, blocking)


def _features(
    fitting: Sequence[LabelledPair], test: Sequence[LabelledPair], encoder: Encoder
) -> tuple[Features, Features]:
    """Features of both; columns, and how rare a word is, come from the pairs to fit on."""
    records = [record for pair in fitting for record in (pair.left, pair.right)]
    columns = list(dict.fromkeys(column for record in records for column, _ in record))
    similarity = Similarity(records, columns, encoder)
    return similarity.features(fitting), similarity.features(test)


def _models() -> list[Any]:
    from sklearn.ensemble import ExtraTreesClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return [
        make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=5000, class_weight="balanced")),
        ExtraTreesClassifier(100, min_samples_leaf=2, class_weight="balanced", random_state=0),
    ]


def _predict(known: Features, truth: Truth, asked: Features) -> Scores:
    """Mean probability of a match, array (n,)."""
    return np.asarray(np.mean([model.fit(known, truth).predict_proba(asked)[:, 1] for model in _models()], axis=0))


def _choose_threshold(known: Features, truth: Truth) -> tuple[float, float]:
    """The threshold of the best F1 in cross-validation, and that F1; of several, the middle one."""
    from sklearn.model_selection import StratifiedKFold

    folds = min(_FOLDS, int(truth.sum()), int((~truth).sum()))
    if folds < 2:
        raise InputError(
            f"Expected two pairs or more of either label in train.txt and valid.txt, found {int(truth.sum())} that "
            f"match and {int((~truth).sum())} that don't: there is nothing to learn from."
        )
    scores = np.zeros(len(truth))
    for repeat in range(_REPEATS):
        for fit, held in StratifiedKFold(folds, shuffle=True, random_state=repeat).split(known, truth):
            scores[held] += _predict(known[fit], truth[fit], known[held]) / _REPEATS
    return best_threshold(scores, truth)


def best_threshold(scores: Scores, truth: Truth) -> tuple[float, float]:
    """Threshold of the best F1, half-way between neighbouring scores, and that F1.

    Example:
        >>> best_threshold(np.array([0.1, 0.2, 0.8, 0.9]), np.array([False, False, True, True]))
        (0.5, 1.0)
    """
    distinct = np.unique(scores)
    middles = (distinct[1:] + distinct[:-1]) / 2 if len(distinct) > 1 else distinct
    values = np.array([_rates(scores >= middle, truth)[2] for middle in middles])
    best = middles[values >= values.max() - 1e-12]
    return float(best[len(best) // 2]), float(values.max())


def _rates(found: Truth, matching: Truth) -> tuple[float, float, float]:
    right = float((found & matching).sum())
    predicted, there = float(found.sum()), float(matching.sum())
    return right / predicted if predicted else 0.0, right / there if there else 0.0, _f1(right, predicted, there)


def _f1(right: float, predicted: float, there: float) -> float:
    return 2 * right / (predicted + there) if predicted + there else 0.0


def _intervals(found: Truth, matching: Truth, seed: int = 0) -> tuple[Interval, Interval, Interval]:
    """Precision, recall and F1 with percentile intervals over resampled pairs.

    Source: Efron and Tibshirani, "An introduction to the bootstrap", 1993.
    """
    kinds = np.array([(found & matching).sum(), (found & ~matching).sum(), (~found & matching).sum(), 0])
    kinds[3] = len(found) - kinds.sum()
    drawn = np.random.default_rng(seed).multinomial(len(found), kinds / len(found), size=_RESAMPLES)
    right, wrong, missed = drawn[:, 0], drawn[:, 1], drawn[:, 2]
    resampled = (
        right / np.maximum(1, right + wrong),
        right / np.maximum(1, right + missed),
        2 * right / np.maximum(1, 2 * right + wrong + missed),
    )
    return tuple(  # type: ignore[return-value]
        Interval(mean, *(float(end) for end in np.percentile(values, [2.5, 97.5])))
        for mean, values in zip(_rates(found, matching), resampled, strict=True)
    )
