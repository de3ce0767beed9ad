from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, bootstrap

from eval.statistics.stats import holm, intervals, mcnemar, paired_exact_test, resampled_means


def test_intervals_agree_with_scipy():
    values = np.random.default_rng(3).integers(0, 2, 80).astype(float)
    theirs = bootstrap(
        (values,), np.mean, n_resamples=10_000, method="percentile", rng=np.random.default_rng(1)
    ).confidence_interval
    ours = intervals(values[None, :])[0]
    assert ours.mean == values.mean()
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.015)


def test_equal_seeds_give_equal_intervals_and_others_do_not():
    values = np.random.default_rng(0).random((1, 50))
    assert intervals(values, seed=1) == intervals(values, seed=1) != intervals(values, seed=2)


def test_the_same_items_are_drawn_for_every_arm():
    arm = np.random.default_rng(0).random(12)
    means = resampled_means(np.stack([arm, arm + 0.25]), resamples=700)
    assert means.shape == (2, 700)
    np.testing.assert_allclose(means[1] - means[0], 0.25)


@pytest.mark.parametrize("values", [[1.0], [0.0], [1.0, 1.0, 1.0]])
def test_values_that_do_not_vary_have_an_interval_of_no_width(values):
    (found,) = intervals(np.array([values]))
    assert (found.low, found.mean, found.high) == (values[0],) * 3


def test_no_item_is_an_error():
    with pytest.raises(ValueError, match="one or more items"):
        intervals(np.zeros((2, 0)))


@given(st.integers(0, 40), st.integers(0, 40))
def test_mcnemar_is_the_exact_binomial_test_and_symmetric(wins, losses):
    expected = binomtest(wins, wins + losses).pvalue if wins + losses else 1.0
    assert mcnemar(wins, losses) == pytest.approx(expected) == pytest.approx(mcnemar(losses, wins))


def test_mcnemar_by_hand():
    assert mcnemar(0, 0) == 1.0
    assert mcnemar(1, 0) == 1.0
    assert mcnemar(6, 0) == pytest.approx(2 / 2**6)
    assert mcnemar(8, 2) == pytest.approx(2 * (1 + 10 + 45) / 2**10)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=8))
def test_the_sign_flip_test_counts_all_patterns(pairs):
    a, b = [x / 3 for x, _ in pairs], [y / 3 for _, y in pairs]
    differences = [x - y for x, y in pairs if x != y]
    sums = []
    for signs in product((1, -1), repeat=len(differences)):
        sums.append(sum(s * d for s, d in zip(signs, differences, strict=True)))
    expected = np.mean([abs(total) >= abs(sum(differences)) for total in sums])
    assert paired_exact_test(a, b) == pytest.approx(expected)


def test_arms_that_never_differ_have_p_one():
    assert paired_exact_test([1, 0, 1], [1, 0, 1]) == 1.0


def test_holm_by_hand_and_in_the_order_given():
    assert holm([0.04, 0.01, 0.03, 0.005]) == pytest.approx((0.06, 0.03, 0.06, 0.02))
    assert holm([0.6, 0.9]) == (1.0, 1.0)
    assert holm([]) == ()
