"""The fact judge: decides whether a graph keeps a fact, as a GPT-4-class judge decided of three peers' graphs.

No strong judge runs on a laptop, so a logistic regression over `eval.mine.fact_features` stands in for it. It is fitted
once, by `eval.mine.fit_judge`, to the judgments that KGGen's authors published; `fact_judge.yaml` has its coefficients
and how well it agrees with them. Every system's graphs are scored by these same coefficients.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from eval.mine.fact_features import FEATURES
from models.files.settings import check_settings, parse_mapping

FILE = "fact_judge.yaml"


@dataclass(frozen=True, slots=True)
class FactJudge:
    """A fitted judge.

    Attributes:
        weights: Coefficients of the logistic regression, one for each of `FEATURES`.
        bias: Its constant term.
        threshold: Minimum probability of a fact that is kept.
    """

    weights: tuple[float, ...]
    bias: float
    threshold: float

    def probabilities(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Probability that each fact is kept.

        Args:
            features: Array (facts, 4), columns as `FEATURES`.
        Returns:
            Array (facts,), float64, in [0, 1].
        """
        # Logistic function of a weighted sum; features are not standardised here, the weights allow for their scale.
        scores = features @ np.array(self.weights) + self.bias
        return np.asarray(1 / (1 + np.exp(-scores)), dtype=np.float64)

    def kept(self, features: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Whether each fact is kept, array (facts,), bool."""
        return np.asarray(self.probabilities(features) >= self.threshold, dtype=np.bool_)


class _JudgeFile(BaseModel):
    """The content of `fact_judge.yaml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    weights: dict[str, float]
    bias: float
    threshold: float
    agreement: dict[str, Any]


@cache
def _shipped_file() -> _JudgeFile:
    text = (files("eval.mine") / FILE).read_text("utf-8")
    name = "coefficients of the fact judge"
    return check_settings(parse_mapping(text, FILE, name), _JudgeFile, FILE, name)


def shipped_judge() -> FactJudge:
    """The judge that every table is made with."""
    shipped = _shipped_file()
    return FactJudge(tuple(shipped.weights[name] for name in FEATURES), shipped.bias, shipped.threshold)


def agreement_of_judge() -> dict[str, Any]:
    """How well the shipped judge agrees with the judgments it stands in for (see `eval.mine.fit_judge`)."""
    return dict(_shipped_file().agreement)
