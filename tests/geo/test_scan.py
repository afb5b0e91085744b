"""The scan statistic against SaTScan's printed ratios and against every circle drawn by hand."""

from math import comb, log

import numpy as np
import pytest

from geo.errors import CRSError, StatisticsError
from geo.scan import log_likelihood_ratio, scan

CRS = "EPSG:32650"


def run(xy, cases, exposure, **options):
    options = {"crs": CRS, "rng": np.random.default_rng(1), "simulations": 99, **options}
    return scan(np.asarray(xy, float), np.asarray(cases), np.asarray(exposure, float), **options)


@pytest.mark.parametrize(
    ("population", "cases", "printed"),
    [(111_674, 100, 14.083511), (8_839, 11, 3.209485)],
)
def test_the_ratio_is_the_one_satscan_prints_for_new_york(population, cases, printed):
    # leukaemia in upstate New York: 552 cases, 1,057,673 people; SaTScan's output as kept in the tests
    # of the R package smerc (French, tests/testthat/test_scan.test.R)
    assert log_likelihood_ratio(cases, 552 * population / 1_057_673, 552) == pytest.approx(printed, abs=5e-7)


def test_the_ratio_of_all_cases_in_one_circle():
    assert log_likelihood_ratio(10, 2.0, 10) == pytest.approx(10 * log(5))


def test_fewer_than_expected_is_no_cluster():
    assert log_likelihood_ratio(np.array([2, 3]), 3.0, 10).tolist() == [0, 0]


def every_circle(xy, cases, exposure, max_share, radius_m):
    """Each set of units within some unit's distance of another unit, and its ratio."""
    xy, cases, exposure = np.asarray(xy, float), np.asarray(cases), np.asarray(exposure, float)
    gap = np.hypot(*(xy[:, None] - xy[None]).T)
    total, share = cases.sum(), exposure / exposure.sum()
    found = {}
    for centre in range(len(xy)):
        for edge in np.unique(gap[centre]):
            members = frozenset(np.flatnonzero(gap[centre] <= edge).tolist())
            part = share[list(members)].sum()
            if edge <= radius_m and part <= max_share + 1e-12:
                found[members] = float(log_likelihood_ratio(cases[list(members)].sum(), total * part, total))
    return found


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("lattice", [False, True])
def test_clusters_are_the_best_of_all_circles_without_overlap(seed, lattice):
    rng = np.random.default_rng(seed)
    # on a lattice many units lie at one distance and enter together
    xy = np.argwhere(np.ones((6, 7))) * 100.0 if lattice else rng.random((42, 2)) * 2000
    exposure = rng.integers(1, 9, 42).astype(float)
    cases = rng.poisson(exposure)
    circles = every_circle(xy, cases, exposure, 0.25, 450)
    expected, taken = [], set()
    for members, ratio in sorted(circles.items(), key=lambda item: -round(item[1], 9)):
        if ratio > 0 and not members & taken:
            expected.append((members, ratio))
            taken |= members
    found = run(xy, cases, exposure, max_share=0.25, max_radius_m=450, most=100)
    assert [c.llr for c in found] == pytest.approx([ratio for _, ratio in expected], rel=1e-9)
    assert [frozenset(c.members.tolist()) for c in found] == [members for members, _ in expected]
    assert all(c.members[0] == c.centre for c in found)


def test_the_figures_of_a_cluster():
    # ten units in a row with ten households each, units 2 and 3 the nearest; 20 cases, 8 of them in units 2 and 3
    xy = [(x, 0) for x in (0, 100, 200, 250, 350, 450, 550, 650, 750, 850)]
    (first, *_) = run(xy, [1, 1, 4, 4, 1, 1, 2, 2, 2, 2], [10] * 10, max_share=0.2)
    assert sorted(first.members.tolist()) == [2, 3]
    assert (first.cases, first.expected, first.radius_m) == (8, pytest.approx(4), 50)
    assert first.relative_risk == pytest.approx((8 / 4) / (12 / 16))
    assert first.llr == pytest.approx(8 * log(2) + 12 * log(12 / 16))


def test_p_is_the_chance_that_enumeration_gives():
    # two units far apart, equal exposure, 6 cases: the larger share is at least 5 with chance 14/64
    chance = 2 * (comb(6, 5) + comb(6, 6)) / 64
    (found,) = run([(0, 0), (9000, 0)], [5, 1], [1, 1], max_share=0.5, simulations=9999)
    assert found.p == pytest.approx(chance, abs=5 * np.sqrt(chance * (1 - chance) / 9999))


def test_a_planted_cluster_is_found_and_noise_is_not():
    rng = np.random.default_rng(5)
    xy = np.argwhere(np.ones((20, 20))) * 200.0
    near = np.hypot(*(xy - [2000, 2000]).T) <= 500
    noise = run(xy, rng.poisson(3.0, 400), np.ones(400), simulations=199)
    assert noise[0].p > 0.05
    (first, *_) = run(xy, rng.poisson(np.where(near, 9.0, 3.0)), np.ones(400), simulations=199)
    assert first.p == 1 / 200
    assert near[first.members].mean() > 0.8
    assert first.radius_m <= 1000


def test_noise_is_called_a_cluster_as_often_as_stated():
    rng = np.random.default_rng(6)
    xy = np.argwhere(np.ones((6, 6))) * 100.0
    p = [
        run(xy, rng.multinomial(80, np.full(36, 1 / 36)), np.ones(36), rng=rng, max_share=0.3)[0].p
        for _ in range(300)
    ]
    # 30 of 300 expected, standard error 5.2
    assert 10 <= sum(one <= 0.1 for one in p) <= 50


def test_the_same_generator_gives_the_same_clusters():
    xy = np.random.default_rng(7).random((50, 2)) * 3000
    cases = np.random.default_rng(8).poisson(2, 50)
    first, again = (run(xy, cases, np.ones(50), rng=np.random.default_rng(3)) for _ in range(2))
    assert [(c.centre, c.p) for c in first] == [(c.centre, c.p) for c in again]


def test_units_on_one_spot_enter_together_and_units_without_exposure_never():
    xy = [(0, 0), (0, 0), (5000, 0), (9000, 0), (9000, 10)]
    found = run(xy, [5, 0, 1, 1, 0], [1, 1, 4, 4, 0], max_share=0.3)
    assert found[0].members.tolist() == [0, 1]
    assert found[0].radius_m == 0
    assert not any(4 in c.members for c in found)


def refusal(*args, **options):
    with pytest.raises(StatisticsError) as told:
        run(*args, **options)
    return told.value


def test_what_cannot_be_scanned_is_told():
    xy = [(0, 0), (100, 0)]
    assert refusal(xy, [3, 1], [1, 0]).facts == {"cases": 1}
    assert refusal(xy, [3, 1], [1, 0]).code == "cases_without_exposure"
    assert refusal(xy, [0, 0], [1, 1]).code == "nothing_to_scan"
    assert refusal(xy, [3, 1], [1, 1], max_share=0.1).facts == {"cases": 4, "circles": 0, "share": "10.0%"}
    assert refusal(np.zeros((0, 2)), [], []).code == "nothing_to_scan"
    error = refusal(np.zeros((1500, 2)), np.ones(1500, int), np.ones(1500))
    assert (error.code, error.facts["circles"]) == ("scan_too_large", 2_250_000)
    with pytest.raises(CRSError):
        run(xy, [1, 1], [1, 1], crs="EPSG:4326")
