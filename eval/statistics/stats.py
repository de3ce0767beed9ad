"""How sure a result is: paired bootstrap intervals, exact McNemar, Holm's correction.

All arms answered the same items, so everything here is paired: one set of resampled items serves all arms.
With several training seeds an item's value is its mean over the seeds; `paired_exact_test` is then the exact
sign-flip test, of which McNemar's is the case of one seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

RESAMPLES = 10_000
_BLOCK = 500


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean with its 95 % interval."""

    mean: float
    low: float
    high: float


def resampled_means(values: Values, resamples: int = RESAMPLES, seed: int = 0) -> Values:
    """Means of each row over the same resampled items.

    Args:
        values: Array (k, n), float64: a value for every arm and item.
        resamples: Number of resamples.
        seed: Seed of the generator; equal seeds draw equal items.
    Returns:
        Array (k, resamples), float64.
    Raises:
        ValueError: There is no item.
    Source: Efron and Tibshirani, "An introduction to the bootstrap", 1993.
    """
    if values.ndim != 2 or values.shape[1] == 0:
        raise ValueError(f"expected an array (arms, items) with one or more items, found shape {values.shape}")
    items = values.shape[1]
    generator = np.random.default_rng(seed)
    means = np.empty((values.shape[0], resamples))
    for start in range(0, resamples, _BLOCK):
        stop = min(start + _BLOCK, resamples)
        drawn = generator.integers(0, items, size=(stop - start, items))
        means[:, start:stop] = values[:, drawn].mean(axis=2)
    return means


def intervals(values: Values, resamples: int = RESAMPLES, seed: int = 0) -> list[Interval]:
    """Percentile intervals (95 %) of the mean of each row of an array (k, n).

    Example:
        >>> intervals(np.ones((1, 5)))
        [Interval(mean=1.0, low=1.0, high=1.0)]
    """
    ends = np.percentile(resampled_means(values, resamples, seed), [2.5, 97.5], axis=1)
    return [
        Interval(float(mean), float(low), float(high))
        for mean, low, high in zip(values.mean(axis=1), ends[0], ends[1], strict=True)
    ]


def mcnemar(wins: int, losses: int) -> float:
    """Exact two-sided McNemar test of the items on which two arms differ.

    Args:
        wins: Items only the first arm got right.
        losses: Items only the second got right.
    Returns:
        p-value in (0, 1]; 1 where they never differ.
    Source: McNemar 1947, exact form: a binomial test of wins among wins + losses.
    Example:
        >>> mcnemar(5, 0), mcnemar(0, 0)
        (0.0625, 1.0)
    """
    if wins + losses == 0:
        return 1.0
    from scipy.stats import binomtest

    return float(binomtest(wins, wins + losses, 0.5).pvalue)


def paired_exact_test(a: Sequence[float], b: Sequence[float]) -> float:
    """Exact two-sided sign-flip test that the mean difference of paired values is zero.

    Args:
        a: Values of one arm, an item each; 0 or 1, or means of a few such values.
        b: Values of the other arm on the same items.
    Returns:
        p-value in (0, 1]: the share of all 2 ** n sign patterns whose sum is as far from zero. For values
        0 and 1 this is the exact McNemar test.
    Source: Fisher 1935; Pitman 1937 (permutation of paired differences).
    Example:
        >>> paired_exact_test([1, 1, 1, 1, 1, 0], [0, 0, 0, 0, 0, 0])
        0.0625
    """
    differences = [Fraction(x - y).limit_denominator(1000) for x, y in zip(a, b, strict=True) if x != y]
    if all(abs(difference) == 1 for difference in differences):
        wins = sum(difference > 0 for difference in differences)
        return mcnemar(wins, len(differences) - wins)
    scale = np.lcm.reduce([difference.denominator for difference in differences])
    steps = [abs(int(difference * int(scale))) for difference in differences]
    observed = abs(int(sum(differences) * int(scale)))
    return _tail(steps, observed)


def _tail(steps: list[int], observed: int) -> float:
    """Share of sign patterns of `steps` whose sum is `observed` or more away from zero."""
    reach = sum(steps)
    shares = np.zeros(2 * reach + 1)
    shares[reach] = 1.0
    for step in steps:
        shares = 0.5 * (np.roll(shares, step) + np.roll(shares, -step))
    sums = np.abs(np.arange(-reach, reach + 1))
    return float(min(1.0, shares[sums >= observed].sum()))


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Holm's step-down correction over a family of tests, in the order given.

    Source: Holm, "A simple sequentially rejective multiple test procedure", 1979.
    Example:
        >>> holm([0.01, 0.04, 0.03])
        (0.03, 0.06, 0.06)
    """
    corrected = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda index: p_values[index])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = largest
    return tuple(corrected)
