"""How well a judge agrees with stored judgments: accuracy, Cohen's kappa, AUC, and shares system by system."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Flags = NDArray[np.bool_]
Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Agreement:
    """Over one set of judgments.

    Attributes:
        n: Judgments.
        accuracy: Share on which both say the same.
        kappa: Cohen's, 1 for perfect agreement, 0 for chance.
        auc: Chance that a fact said to be kept has the higher probability of two.
        stored: Share kept, as stored.
        judged: Share kept, as judged.
    """

    n: int
    accuracy: float
    kappa: float
    auc: float
    stored: float
    judged: float


def agreement(stored: Flags, judged: Flags, probabilities: Values) -> Agreement:
    """Hold verdicts against stored ones.

    Example:
        >>> said = np.array([True, True, False, False])
        >>> agreement(said, said, np.array([0.9, 0.8, 0.2, 0.1]))
        Agreement(n=4, accuracy=1.0, kappa=1.0, auc=1.0, stored=0.5, judged=0.5)
    """
    same, mine, theirs = float(np.mean(stored == judged)), float(judged.mean()), float(stored.mean())
    chance = mine * theirs + (1 - mine) * (1 - theirs)
    kappa = (same - chance) / (1 - chance) if chance < 1 else 1.0
    return Agreement(len(stored), same, kappa, auc(stored, probabilities), theirs, mine)


def auc(stored: Flags, probabilities: Values) -> float:
    """Area under the ROC curve, from ranks (Mann and Whitney); 0.5 where one class is missing.

    Example:
        >>> auc(np.array([True, False, False]), np.array([0.5, 0.5, 0.1]))
        0.75
    """
    from scipy.stats import rankdata

    positives, negatives = int(stored.sum()), int((~stored).sum())
    if not positives or not negatives:
        return 0.5
    ranks = float(rankdata(probabilities)[stored].sum())
    return (ranks - positives * (positives + 1) / 2) / (positives * negatives)
