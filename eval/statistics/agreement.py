"""How well a judge agrees with stored judgments: accuracy, Cohen's kappa, AUC, and shares system by system."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Flags = NDArray[np.bool_]
Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement over one set of judgments.

    Attributes:
        n: Number of judgments.
        accuracy: Share on which both judges agree, in [0, 1].
        kappa: Cohen's kappa: 1 for perfect agreement, 0 for what chance would give.
        auc: Probability that of two facts, one kept and one not, the kept one has the higher probability.
        stored: Share kept by the stored judgments.
        judged: Share kept by the judge.
    """

    n: int
    accuracy: float
    kappa: float
    auc: float
    stored: float
    judged: float


def agreement(stored: Flags, judged: Flags, probabilities: Values) -> Agreement:
    """Compare a judge's verdicts with stored ones.

    Args:
        stored: Array (n,), bool: the stored verdicts.
        judged: Array (n,), bool: the judge's verdicts.
        probabilities: Array (n,), float64 in [0, 1]: how sure the judge is that each fact is kept.
    Source: Cohen, "A coefficient of agreement for nominal scales", 1960.
    Example:
        >>> kept = np.array([True, True, False, False])
        >>> agreement(kept, kept, np.array([0.9, 0.8, 0.2, 0.1]))
        Agreement(n=4, accuracy=1.0, kappa=1.0, auc=1.0, stored=0.5, judged=0.5)
    """
    observed, judged_share, stored_share = float(np.mean(stored == judged)), float(judged.mean()), float(stored.mean())
    # Accuracy flatters where most facts are kept: two judges that say "kept" blindly, nine times in ten each, agree on
    # 82 %. Kappa is the agreement beyond that expected of two independent judges with these shares.
    expected = judged_share * stored_share + (1 - judged_share) * (1 - stored_share)
    kappa = (observed - expected) / (1 - expected) if expected < 1 else 1.0
    return Agreement(len(stored), observed, kappa, auc(stored, probabilities), stored_share, judged_share)


def auc(stored: Flags, probabilities: Values) -> float:
    """Area under the ROC curve, from ranks; 0.5 if one class is missing.

    Args:
        stored: Array (n,), bool.
        probabilities: Array (n,), float64.
    Source: Mann and Whitney 1947: AUC = (sum of the positives' ranks - p(p + 1) / 2) / (p * n).

    Example:
        >>> auc(np.array([True, False, False]), np.array([0.5, 0.5, 0.1]))
        0.75
    """
    from scipy.stats import rankdata

    positives, negatives = int(stored.sum()), int((~stored).sum())
    # Without both classes there is no pair to order; 0.5 is what chance would give.
    if not positives or not negatives:
        return 0.5
    # Ties get their mean rank, which counts a tie as half a right order.
    ranks = float(rankdata(probabilities)[stored].sum())
    return (ranks - positives * (positives + 1) / 2) / (positives * negatives)
