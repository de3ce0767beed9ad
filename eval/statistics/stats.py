"""How sure a result is: paired bootstrap intervals, exact McNemar test, Holm's correction.

What the p-value in the table of comparisons tests: the null hypothesis that arms A and B are equally good. Only items
on which one of them is right and the other wrong count: `wins` (A right, B wrong) and `losses` (A wrong, B right). The
p-value is the probability, if the null hypothesis were true, of a split of wins and losses at least as uneven as the
observed one, in either direction (`mcnemar`). Holm's p-value corrects it for the number of comparisons in the run
(`holm`); a difference is called significant if the corrected p-value is below 0.05.

With several training seeds an item's value is its mean over the seeds, and `paired_exact_test` is the exact sign-flip
test of the differences, of which McNemar's test is the case of one seed. Intervals are another matter: the paired
bootstrap (`intervals`) says how large the difference may be, the p-value whether there is evidence of any.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

P_VALUES_EXPLAINED = (
    "p (exact): McNemar's test, or the sign-flip test where an arm has several training seeds: the probability of a "
    "split of wins and losses at least this uneven if both arms were equally good. "
    "p (Holm): corrected for the number of comparisons; below 0.05, the difference is significant."
)
"""What the p-values in a table of comparisons test, in words for its readers."""
RESAMPLES = 10_000
"""Number of resamples: at the 2.5th percentile the noise of resampling is then about 0.03 standard errors."""
_BLOCK = 500  # resamples drawn at once: bounds the memory to arms * 500 * items numbers


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean with its 95 % interval.

    Attributes:
        mean: The observed mean.
        low: Lower end: the 2.5th percentile of the resampled means.
        high: Upper end: the 97.5th percentile.
    """

    mean: float
    low: float
    high: float


def resampled_means(values: Values, resamples: int = RESAMPLES, seed: int = 0) -> Values:
    """Means of each row over the same resampled items: the paired bootstrap.

    Every resample draws n of the n items with replacement and takes all arms' values on those items. Items differ in
    difficulty far more than arms do, and a hard item is hard for every arm. Drawing the same items for all arms keeps
    that common part out of their differences, so the interval of a difference is as narrow as the data allow.

    Args:
        values: Array (k, n), float64: a value for every arm and item.
        resamples: Number of resamples.
        seed: Seed of the generator; equal seeds draw the same items.
    Returns:
        Array (k, resamples), float64.
    Raises:
        ValueError: There is no item.
    Source: Efron and Tibshirani, "An introduction to the bootstrap", 1993.
    """
    if values.ndim != 2 or values.shape[1] == 0:
        raise ValueError(f"Expected an array (arms, items) with one or more items, got shape {values.shape}.")
    items = values.shape[1]
    # A generator of its own for every call: intervals depend on the values and the seed alone, not on earlier calls.
    generator = np.random.default_rng(seed)
    means = np.empty((values.shape[0], resamples))
    for start in range(0, resamples, _BLOCK):
        stop = min(start + _BLOCK, resamples)
        drawn = generator.integers(0, items, size=(stop - start, items))
        # values[:, drawn] is (k, block, n): every arm on the same drawn items.
        means[:, start:stop] = values[:, drawn].mean(axis=2)
    return means


def intervals(values: Values, resamples: int = RESAMPLES, seed: int = 0) -> list[Interval]:
    """Percentile intervals (95 %) of the mean of each row of an array (k, n).

    Example:
        >>> intervals(np.ones((1, 5)))
        [Interval(mean=1.0, low=1.0, high=1.0)]
    """
    # Percentiles of the resampled means, not mean ± 1.96 standard errors: near 0 % and 100 % right the distribution is
    # skewed, and a symmetric interval would leave [0, 1].
    ends = np.percentile(resampled_means(values, resamples, seed), [2.5, 97.5], axis=1)
    return [
        Interval(float(mean), float(low), float(high))
        for mean, low, high in zip(values.mean(axis=1), ends[0], ends[1], strict=True)
    ]


def mcnemar(wins: int, losses: int) -> float:
    """Exact two-sided McNemar test of the items on which two arms differ.

    Items that both arms got right, or both got wrong, say nothing about which arm is better and do not enter. If the
    arms were equally good, each of the other items would be a fair coin toss, so wins would follow a binomial
    distribution with probability 1/2. The exact form is used, not the chi-squared approximation, which is too sure
    below about 25 differing items.

    Args:
        wins: Number of items that only the first arm got right.
        losses: Number of items that only the second arm got right.
    Returns:
        p-value in (0, 1]; 1 if the arms never differ.
    Source: McNemar 1947, exact form: a binomial test of wins among wins + losses.
    Example:
        >>> mcnemar(5, 0), mcnemar(0, 0)
        (0.0625, 1.0)
    """
    if wins + losses == 0:
        return 1.0
    # Imported here, since scipy.stats is slow to load.
    from scipy.stats import binomtest

    return float(binomtest(wins, wins + losses, 0.5).pvalue)


def paired_exact_test(a: Sequence[float], b: Sequence[float]) -> float:
    """Exact two-sided sign-flip test that the mean difference of paired values is zero.

    If the arms were equally good, exchanging their names on any item would change nothing, so every pattern of signs of
    the differences would be equally likely. All 2 ** n patterns are counted, without drawing any of them (`_tail`).

    Args:
        a: Values of one arm, one an item; 0 or 1, or means of a few such values.
        b: Values of the other arm on the same items.
    Returns:
        p-value in (0, 1]: the share of all 2 ** n sign patterns whose sum is as far from zero. For values
        0 and 1 this is the exact McNemar test.
    Source: Fisher 1935; Pitman 1937 (permutation of paired differences).
    Example:
        >>> paired_exact_test([1, 1, 1, 1, 1, 0], [0, 0, 0, 0, 0, 0])
        0.0625
    """
    # Means over seeds are thirds, fifths and the like. As fractions they have a common denominator, so that sums of
    # them are whole numbers of steps, and equal sums are equal (as floats, 1/3 + 2/3 and 1 need not be).
    differences = [Fraction(x - y).limit_denominator(1000) for x, y in zip(a, b, strict=True) if x != y]
    # One seed: all steps are 1, and the sign-flip test is the binomial test of wins among the differing items.
    if all(abs(difference) == 1 for difference in differences):
        wins = sum(difference > 0 for difference in differences)
        return mcnemar(wins, len(differences) - wins)
    scale = np.lcm.reduce([difference.denominator for difference in differences])
    steps = [abs(int(difference * int(scale))) for difference in differences]
    observed = abs(int(sum(differences) * int(scale)))
    return _tail(steps, observed)


def _tail(steps: list[int], observed: int) -> float:
    """Share of sign patterns of `steps` whose sum is `observed` or more away from zero.

    The distribution of the sum is built up one difference at a time: each step moves half of the probability up and
    half of it down. That takes len(steps) * sum(steps) operations instead of 2 ** len(steps).
    """
    reach = sum(steps)
    # shares[reach + s] is the probability that the signed sum of the steps so far is s.
    shares = np.zeros(2 * reach + 1)
    shares[reach] = 1.0
    for step in steps:
        shares = 0.5 * (np.roll(shares, step) + np.roll(shares, -step))
    sums = np.abs(np.arange(-reach, reach + 1))
    # Rounding may push a sum of all probabilities a little above 1.
    return float(min(1.0, shares[sums >= observed].sum()))


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Holm's step-down correction over a family of tests, in the order given.

    With m tests of true null hypotheses at 0.05 each, about 0.05 * m look significant by chance. Holm's correction
    keeps the probability of even one such error below 0.05: the smallest p-value is multiplied by m, the next by m - 1,
    and so on, and no corrected value may be smaller than the one before it. It is never weaker than Bonferroni's, which
    multiplies all by m, and like it holds for dependent tests, as those of arms on the same items are.

    Source: Holm, "A simple sequentially rejective multiple test procedure", 1979.
    Example:
        >>> holm([0.01, 0.04, 0.03])
        (0.03, 0.06, 0.06)
    """
    corrected = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda index: p_values[index])):
        # A larger p-value may not become smaller than one before it, hence the running maximum.
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = largest
    return tuple(corrected)
