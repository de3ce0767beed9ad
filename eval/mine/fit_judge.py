"""Fits the fact judge to the judgments published with peers' graphs, and reports how far it can be trusted.

    python -m eval.mine.fit_judge --essays essays.json --facts facts.json results_*.zip > eval/mine/fact_judge.yaml

Only graphs of the given essays are used for the fit; the zips' other essays are a test set that the judge never saw.
Agreement on the given essays is out of fold, by essay. Three more checks look for undeserved credit: facts of another
essay; graphs whose objects are shuffled (which shows how much the judge sees of who did what to whom); and, since the
judge will meet systems that it wasn't fitted to, each peer as judged by a fit to the other two.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import yaml
from numpy.typing import NDArray

from eval.mine.fact_features import FEATURES, fact_features
from eval.mine.fact_judge import FactJudge
from eval.mine.files import Essay, StoredGraph, read_essays, read_graphs
from eval.statistics.agreement import Flags, Values, agreement
from models.factory import open_encoder
from models.protocols import Encoder, Vectors

Groups = NDArray[np.int64]

FOLDS = 10
"""Number of folds of cross-validation."""
_HEADER = """\
# The fact judge (eval/mine/fact_judge.py), written by eval/mine/fit_judge.py: coefficients of a logistic regression,
# and its agreement with the judgments it was fitted to (out of fold, by essay) and with those of essays it never saw.
# Numbers of our own, derived from the judgments published with KGGen (Mo et al. 2025, MIT licence).
"""


@dataclass(frozen=True, slots=True)
class StoredJudgments:
    """Published judgments with the features that the judge sees, a row a judgment.

    Attributes:
        features: Array (n, 4), float64: features of each fact in its own graph.
        kept: Array (n,), bool: the published verdicts.
        essay: Array (n,), int64: position of the essay; -1 if it is none of those given.
        system: Array (n,), str: name of the peer.
        foreign: Array (m, 4): features of another essay's facts in the same graphs.
        shuffled: Array (n, 4): features of the same facts, in the graphs with their objects shuffled.
    """

    features: Values
    kept: Flags
    essay: Groups
    system: np.ndarray[tuple[int], np.dtype[np.str_]]
    foreign: Values
    shuffled: Values


class _CachedEncoder:
    """An encoder that embeds each text once: the same nodes are needed three times."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._vectors: dict[str, Vectors] = {}
        self.name, self.digest, self.dimension = encoder.name, encoder.digest, encoder.dimension

    def encode(self, texts: Sequence[str], kind: Literal["query", "passage"] = "passage") -> Vectors:
        new = sorted(set(texts) - self._vectors.keys())
        self._vectors |= zip(new, self._encoder.encode(new, kind), strict=True)
        return np.stack([self._vectors[text] for text in texts]) if texts else self._encoder.encode([])


def collect_judgments(
    essays: Sequence[Essay], peers: dict[str, list[StoredGraph]], encoder: Encoder
) -> StoredJudgments:
    """Look for every judged fact in its graph."""
    essay_of = {fact: number for number, essay in enumerate(essays) for fact in essay.facts}
    parts: list[tuple[Any, ...]] = []
    for system, graphs in peers.items():
        judged, cached = [graph for graph in graphs if graph.facts], _CachedEncoder(encoder)
        # Each graph is also asked for the facts of the next essay: what it keeps of those is undeserved credit.
        for graph, other in zip(judged, judged[1:] + judged[:1], strict=True):
            rows = len(graph.facts)
            parts.append(
                (
                    fact_features(graph.facts, graph.relations, cached),
                    np.array(graph.kept),
                    np.full(rows, essay_of.get(graph.facts[0], -1)),
                    np.full(rows, system),
                    fact_features(other.facts, graph.relations, cached),
                    fact_features(graph.facts, _shuffled(graph), cached),
                )
            )
    return StoredJudgments(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _shuffled(graph: StoredGraph) -> list[tuple[str, str, str]]:
    objects = np.random.default_rng(0).permutation([object_ for _, _, object_ in graph.relations])
    return [(s, p, str(o)) for (s, p, _), o in zip(graph.relations, objects, strict=True)]


def fit_judge(features: Values, kept: Flags) -> FactJudge:
    """Fit a ridge-penalised logistic regression on standardised features.

    The threshold is the one that keeps as many facts as the published verdicts do: the judge is used to compare shares,
    so its share must be unbiased, even where another threshold would agree on more single facts.

    Args:
        features: Array (n, 4), float64.
        kept: Array (n,), bool.
    """
    from scipy.optimize import minimize

    # 1e-9: a feature that never varies gets weight 0 instead of a division by 0.
    mean, scale = features.mean(axis=0), features.std(axis=0) + 1e-9
    inputs, signs = np.column_stack([(features - mean) / scale, np.ones(len(kept))]), np.where(kept, 1.0, -1.0)

    def loss(weights: Values) -> float:
        # Minus the log-likelihood: log(1 + exp(-sign * score)), in the form that does not overflow. The constant term,
        # which is last, is not penalised.
        return float(np.logaddexp(0, -signs * (inputs @ weights)).sum() + 0.5 * (weights[:-1] ** 2).sum())

    fitted = minimize(loss, np.zeros(inputs.shape[1]), method="BFGS").x
    # Back to the features' own scale: w * (x - mean) / scale + b = (w / scale) * x + (b - (w / scale) * mean).
    weights = fitted[:-1] / scale
    judge = FactJudge(tuple(float(weight) for weight in weights), float(fitted[-1] - weights @ mean), 0.5)
    return _with_threshold(judge, judge.probabilities(features), kept)


def _with_threshold(judge: FactJudge, probabilities: Values, kept: Flags) -> FactJudge:
    return FactJudge(judge.weights, judge.bias, float(np.quantile(probabilities, 1 - kept.mean())))


def out_of_fold(features: Values, kept: Flags, groups: Groups) -> Values:
    """Probabilities of every row from a judge fitted to other groups.

    Args:
        features: Array (n, 4), float64.
        kept: Array (n,), bool.
        groups: Array (n,), int64: the essay of each row. Facts of one essay share a graph, so an essay is never split
            between fitting and testing.
    Returns:
        Array (n,), float64.
    """
    probabilities = np.zeros(len(kept))
    for fold in range(FOLDS):
        test = groups % FOLDS == fold
        if test.any():
            probabilities[test] = fit_judge(features[~test], kept[~test]).probabilities(features[test])
    return probabilities


def report(stored: StoredJudgments) -> dict[str, Any]:
    """The judge fitted to the given essays' judgments, and every figure of its agreement."""
    given = stored.essay >= 0
    features, kept, system = stored.features[given], stored.kept[given], stored.system[given]
    probabilities = out_of_fold(features, kept, stored.essay[given])
    judge = _with_threshold(fit_judge(features, kept), probabilities, kept)
    names = sorted(set(stored.system.tolist()))
    figures = {
        "out_of_fold": _figures(kept, probabilities, system, judge.threshold, names),
        "unseen_essays": _figures(
            stored.kept[~given], judge.probabilities(stored.features[~given]), stored.system[~given], judge.threshold,
            names,
        ),
        "peer_left_out": {name: _left_out(features, kept, system == name) for name in names},
        "kept": _shares(judge, stored.features, stored.system),
        "kept_of_another_essay": _shares(judge, stored.foreign, stored.system),
        "kept_with_objects_shuffled": _shares(judge, stored.shuffled, stored.system),
    }  # fmt: skip
    weights = dict(zip(FEATURES, judge.weights, strict=True))
    return {"weights": weights, "bias": judge.bias, "threshold": judge.threshold, "agreement": figures}


def _figures(
    kept: Flags, probabilities: Values, system: np.ndarray[Any, Any], threshold: float, names: Sequence[str]
) -> dict[str, Any]:
    if not len(kept):
        return {}
    masks = {"all": np.full(len(kept), True), **{name: system == name for name in names}}
    return {
        name: asdict(agreement(kept[mask], probabilities[mask] >= threshold, probabilities[mask]))
        for name, mask in masks.items()
        if mask.any()
    }


def _shares(judge: FactJudge, features: Values, system: np.ndarray[Any, Any]) -> dict[str, float]:
    return {str(name): float(judge.kept(features[system == name]).mean()) for name in np.unique(system)}


def _left_out(features: Values, kept: Flags, mask: Flags) -> dict[str, Any]:
    if mask.all():
        return {}
    judge = fit_judge(features[~mask], kept[~mask])
    return asdict(agreement(kept[mask], judge.kept(features[mask]), judge.probabilities(features[mask])))


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(part) for name, part in value.items()}
    return round(value, 4) if isinstance(value, float) else value


def main(arguments: Sequence[str]) -> None:
    """Write the judge as YAML to standard output."""
    parser = argparse.ArgumentParser(prog="python -m eval.mine.fit_judge", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--essays", type=Path, required=True)
    parser.add_argument("--facts", type=Path, required=True)
    parser.add_argument("graphs", type=Path, nargs="+")
    options = parser.parse_args(arguments)
    peers = {path.stem.removeprefix("results_"): read_graphs(path) for path in options.graphs}
    stored = collect_judgments(read_essays(options.essays, options.facts), peers, open_encoder("minilm"))
    sys.stdout.write(_HEADER + yaml.safe_dump(_rounded(report(stored)), sort_keys=False))


if __name__ == "__main__":
    main(sys.argv[1:])
