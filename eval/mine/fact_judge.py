"""The fact judge: whether a graph keeps a fact, decided as a GPT-4-class judge decided of three peers' graphs.

No strong judge runs on a laptop, so a logistic regression over `eval.mine.fact_features` stands in for it. It is fitted
once, by `eval.mine.fit_judge`, to the judgments that KGGen's authors published; `fact_judge.yaml` has its coefficients
and how well it agrees with them. Everybody's graphs are scored by these same numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from eval.mine.fact_features import FEATURES

FILE = "fact_judge.yaml"


@dataclass(frozen=True, slots=True)
class FactJudge:
    """A fitted judge.

    Attributes:
        weights: One for each of `FEATURES`.
        bias: Added to the weighted sum.
        threshold: Least probability of a fact that is kept.
    """

    weights: tuple[float, ...]
    bias: float
    threshold: float

    def probabilities(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Probability that each fact is kept.

        Args:
            features: Array (facts, 4), columns as `FEATURES`.
        """
        scores = features @ np.array(self.weights) + self.bias
        return np.asarray(1 / (1 + np.exp(-scores)), dtype=np.float64)

    def kept(self, features: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Whether each fact is kept."""
        return np.asarray(self.probabilities(features) >= self.threshold, dtype=np.bool_)


@cache
def shipped_judge() -> FactJudge:
    """The judge that every table is made with."""
    stored = yaml.safe_load((files("eval.mine") / FILE).read_text("utf-8"))
    return FactJudge(tuple(stored["weights"][name] for name in FEATURES), stored["bias"], stored["threshold"])


def agreement_of_judge() -> dict[str, Any]:
    """How well the shipped judge agrees with the judgments it stands in for (see `eval.mine.fit_judge`)."""
    stored: dict[str, Any] = yaml.safe_load((files("eval.mine") / FILE).read_text("utf-8"))["agreement"]
    return stored
