"""Two periods against the exact binomial of scipy and of the hand."""

from math import comb

import numpy as np
import pytest
from scipy.stats import binomtest

from geo.errors import StatisticsError
from geo.periods import compare_periods


def by_hand(a, b, share):
    chances = [comb(a + b, k) * share**k * (1 - share) ** (a + b - k) for k in range(a + b + 1)]
    return sum(chances[b:]), sum(chances[: b + 1]), chances[b]


@pytest.mark.parametrize(("a", "b"), [(10, 10), (5, 15), (15, 5), (0, 20), (20, 0), (3, 30)])
@pytest.mark.parametrize(("days_a", "days_b"), [(30, 30), (31, 28), (90, 60)])
def test_p_is_the_sum_of_binomial_chances(a, b, days_a, days_b):
    at_least, at_most, here = by_hand(a, b, days_b / (days_a + days_b))
    exact = compare_periods(np.array([a]), np.array([b]), exposure_a=days_a, exposure_b=days_b)
    middle = compare_periods(np.array([a]), np.array([b]), exposure_a=days_a, exposure_b=days_b, mid_p=True)
    assert exact.p[0] == pytest.approx(min(1, 2 * min(at_least, at_most)), rel=1e-10)
    assert middle.p[0] == pytest.approx(min(1, 2 * (min(at_least, at_most) - here / 2)), rel=1e-10, abs=1e-15)
    assert exact.ratio[0] == pytest.approx(b / days_b / (a / days_a) if a else np.inf)


def test_p_is_twice_the_smaller_tail_of_scipy():
    rng = np.random.default_rng(1)
    a, b = rng.poisson(40, (6, 7)), rng.poisson(60, (6, 7))
    found = compare_periods(a, b, exposure_a=30.0, exposure_b=31.0)
    for at in np.ndindex(a.shape):
        tails = [
            binomtest(int(b[at]), int(a[at] + b[at]), 31 / 61, side).pvalue for side in ("less", "greater")
        ]
        assert found.p[at] == pytest.approx(min(1, 2 * min(tails)), rel=1e-9)


def test_swapped_periods_have_the_same_p_and_the_inverse_ratio():
    a, b = np.array([12, 30, 8]), np.array([30, 31, 25])
    forth = compare_periods(a, b, exposure_a=30, exposure_b=60)
    back = compare_periods(b, a, exposure_a=60, exposure_b=30)
    np.testing.assert_allclose(forth.p, back.p, rtol=1e-10)
    np.testing.assert_allclose(forth.ratio, 1 / back.ratio)


def test_cells_with_fewer_than_five_expected_are_blank_and_no_test():
    a, b = np.array([4, 5, 0]), np.array([5, 5, 0])
    found = compare_periods(a, b, exposure_a=30, exposure_b=30)
    assert found.expected.tolist() == [4.5, 5, 0]
    assert found.shown.tolist() == [False, True, False]
    assert np.isnan(found.p).tolist() == np.isnan(found.q).tolist() == [True, False, True]
    assert found.q[1] == found.p[1] == 1


def test_the_smaller_expectation_decides():
    # 40 issues, a tenth of the exposure in one period: four expected there
    for days_a, days_b in ((90, 10), (10, 90)):
        found = compare_periods(np.array([30]), np.array([10]), exposure_a=days_a, exposure_b=days_b)
        assert found.expected[0] == pytest.approx(4)
        assert not found.shown[0]


def test_a_cell_not_visited_in_a_period_is_blank():
    found = compare_periods(
        np.array([50, 50]), np.array([60, 0]), exposure_a=np.array([9.0, 9]), exposure_b=np.array([9.0, 0])
    )
    assert found.shown.tolist() == [True, False]


def test_unchanged_rates_are_called_changed_no_oftener_than_stated():
    rng = np.random.default_rng(2)
    found = compare_periods(rng.poisson(20, 50_000), rng.poisson(30, 50_000), exposure_a=30, exposure_b=45)
    assert np.mean(found.p <= 0.05) <= 0.05
    assert np.mean(found.p <= 0.05) > 0.025
    assert (found.q > 0.05).all()


def test_a_tenfold_rise_is_found_among_many_cells():
    rng = np.random.default_rng(3)
    a, b = rng.poisson(10, 1000), rng.poisson(10, 1000)
    b[7] = 100
    found = compare_periods(a, b, exposure_a=30, exposure_b=30)
    assert np.flatnonzero(found.q <= 0.01).tolist() == [7]


@pytest.mark.parametrize("bad", [0, -1, np.nan, np.inf])
def test_a_period_without_a_length_is_told(bad):
    with pytest.raises(StatisticsError) as told:
        compare_periods(np.array([9, 9]), np.array([9, 9]), exposure_a=30, exposure_b=bad)
    assert told.value.code == "exposure_unusable"
