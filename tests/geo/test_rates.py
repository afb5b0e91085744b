"""Rates: by hand, by closed forms, against esda; and the difference between clean and never seen."""

import math

import numpy as np
import pandas as pd
import pytest
import shapely
from scipy.special import ndtr

from geo.density import density
from geo.errors import CRSError, StatisticsError
from geo.rates import (
    CLEAN,
    FOUND,
    LEAST_STREET_KM,
    LEAST_VISITS,
    NEVER,
    OUTSIDE,
    STATES,
    THIN,
    per_100m,
    per_hectare,
    ratio,
    shrink,
    street_km,
    visit_states,
)
from geo.spreading import gaussian
from geo.window import make_window

CRS = "EPSG:4547"
CITY = shapely.box(0, 0, 4000, 2000)
WINDOW = make_window(CITY, 25.0, crs=CRS)


def test_street_density_is_that_of_a_line_smeared_by_the_kernel():
    sigma, (a, b), north = 150.0, (1013.0, 2407.0), 988.0
    surface = street_km(
        np.array([shapely.LineString([(a, north), (b, north)])]), WINDOW, gaussian(sigma), edge="none"
    )
    xs, ys = WINDOW.grid.centres()
    across = np.exp(-0.5 * ((ys - north) / sigma) ** 2) / (sigma * math.sqrt(2 * math.pi))
    want = across[:, None] * (ndtr((b - xs) / sigma) - ndtr((a - xs) / sigma)) / 1000 * 1e6
    np.testing.assert_allclose(surface.values[:80, :160], want[:80, :160], atol=1e-3 * want.max())
    assert surface.mass == pytest.approx((b - a) / 1000, rel=1e-6)
    slope = np.array([shapely.LineString([(1000, 700), (2000, 1300)])])
    assert street_km(slope, WINDOW, gaussian(75.0), edge="none").mass == pytest.approx(
        math.hypot(1, 0.6), rel=1e-6
    )


def test_streets_beyond_the_window_serve_where_issues_do():
    line = np.array([shapely.LineString([(-900, 1000), (600, 1000)])])
    sigma = 150.0
    xs, ys = WINDOW.grid.centres()
    row, first = int(np.argmin(abs(ys - 1000))), xs < 300
    across = math.exp(-0.5 * ((ys[row] - 1000) / sigma) ** 2) / (sigma * math.sqrt(2 * math.pi)) * 1000
    guarded = street_km(line, WINDOW, gaussian(sigma), edge="none").values[row, first]
    # the street is taken 450 m beyond the border, three bandwidths
    np.testing.assert_allclose(guarded, across * ndtr((600 - xs[first]) / sigma), rtol=3e-3)
    # and where nobody looked beyond it, what is inside is blown up instead
    corrected = street_km(line, WINDOW, gaussian(sigma)).values[row, first]
    np.testing.assert_allclose(corrected, across * ndtr((600 - xs[first]) / sigma), rtol=0.03)


def test_issues_spread_evenly_along_streets_have_an_even_rate():
    ways = [shapely.LineString([(x, 0), (x, 2000)]) for x in range(50, 4000, 100)]
    xs, ys = np.meshgrid(np.arange(50.0, 4000, 100), np.arange(5.0, 2000, 10))
    kernel = gaussian(150.0)
    # an issue every 10 m in 60 days: 100 a km, 50 a km in 30 days, up to the border
    issues = density(xs.ravel(), ys.ravel(), WINDOW, kernel, days=60)
    rate = ratio(issues, street_km(np.array(ways), WINDOW, kernel), least=LEAST_STREET_KM)
    assert set(np.unique(rate.state)) == {OUTSIDE, FOUND}
    np.testing.assert_allclose(rate.values[WINDOW.share == 1], 50.0, rtol=2e-3)


def test_clean_is_not_never_visited():
    kernel = gaussian(100.0)
    # 40 visits at A with 2 issues, 40 at B with none, 2 at C, none elsewhere
    spots = {"A": (500, 500), "B": (2000, 1500), "C": (3500, 500)}
    repeats = {"A": 40, "B": 40, "C": 2}
    vx = np.concatenate([np.full(repeats[k], float(spots[k][0])) for k in spots])
    vy = np.concatenate([np.full(repeats[k], float(spots[k][1])) for k in spots])
    visits = density(vx, vy, WINDOW, kernel, days=90)
    issues = density([500.0, 500.0], [500.0, 500.0], WINDOW, kernel, days=90)
    rate = ratio(issues, visits, least=LEAST_VISITS)

    def at(x, y):
        return np.unravel_index(WINDOW.grid.locate([x], [y])[0], WINDOW.grid.shape)

    states = [STATES[rate.state[at(*spot)]] for spot in (*spots.values(), (2000, 100))]
    assert states == ["found", "clean", "thin", "never"]
    assert rate.values[at(500, 500)] == pytest.approx(2 / 40)
    assert rate.values[at(2000, 1500)] == pytest.approx(0, abs=1e-9)
    assert np.isnan(rate.values[at(3500, 500)])
    assert np.isnan(rate.values[at(2000, 100)])
    np.testing.assert_array_equal(np.isnan(rate.values), np.isin(rate.state, [OUTSIDE, NEVER, THIN]))
    # 40 visits at one place: 40 K(0) times the ground of the kernel, which is twice 40 for a Gaussian
    assert visits.within_kernel()[at(2000, 1500)] == pytest.approx(80.0, rel=0.02)


def test_units_are_clean_only_if_visited():
    assert visit_states([0, 3, 3, 0], [0, 0, 2, 1]).tolist() == [NEVER, CLEAN, FOUND, FOUND]


def test_a_rate_of_two_maps_made_differently_is_refused():
    x = np.array([500.0])
    one = density(x, x, WINDOW, gaussian(100.0))
    for other, name in (
        (density(x, x, WINDOW, gaussian(150.0)), "kernel"),
        (density(x, x, WINDOW, gaussian(100.0), edge="none"), "edge"),
        (density(x, x, make_window(CITY, 20.0, crs=CRS), gaussian(100.0)), "grid"),
    ):
        with pytest.raises(StatisticsError) as caught:
            ratio(one, other, least=1.0)
        assert (caught.value.code, caught.value.facts["differing"]) == ("surfaces_differ", name)
    for least in (0.0, math.nan):
        with pytest.raises(StatisticsError, match="floor"):
            ratio(one, one, least=least)


def test_alleys_count_what_is_nearest_per_100_m():
    lines = [
        shapely.LineString([(0, 0), (200, 0)]),
        shapely.LineString([(0, 50), (50, 50)]),
        shapely.LineString([(0, 90), (0, 90)]),
    ]
    alleys = pd.Series(lines, index=["甲巷", "乙巷", "丙巷"], dtype=object)
    points = shapely.points([(10, 5), (150, -20), (10, 45), (25, 25), (10, 1000)])
    table, unit = per_100m(points, alleys, crs=CRS, within_m=30.0)
    # the fourth is 25 m from both alleys and goes to the first; the last is near none
    assert unit.tolist() == [0, 0, 1, 0, -1]
    assert table.index.tolist() == ["甲巷", "乙巷", "丙巷"]
    assert table["issues"].tolist() == [3, 1, 0]
    np.testing.assert_allclose(table["per_100m"], [1.5, 2.0, np.nan])
    weighed = per_100m(points, alleys, crs=CRS, within_m=30.0, weights=[1, 2, 3, 4, 5]).table
    np.testing.assert_allclose(weighed["per_100m"], [3.5, 6.0, np.nan])


def test_compounds_count_what_lies_in_them_per_hectare():
    homes = pd.Series(
        [shapely.box(0, 0, 100, 100), shapely.box(100, 0, 150, 100)], index=[7, 3], dtype=object
    )
    points = shapely.points([(50, 50), (99, 50), (120, 50), (150, 110), (400, 50)])
    table, unit = per_hectare(points, homes, crs=CRS, within_m=15.0)
    assert unit.tolist() == [0, 0, 1, 1, -1]
    np.testing.assert_allclose(table["per_ha"], [2.0, 4.0])
    assert table["area_m2"].tolist() == [10_000, 5_000]
    with pytest.raises(CRSError):
        per_hectare(points, homes, crs="EPSG:4326", within_m=15.0)


def test_global_shrinkage_is_that_worked_out_by_hand():
    # rates 0.1, 0.3, 0.5 of 10, 20, 10 visits: m = 12 / 40 = 0.3
    # s2 = (10 x 0.04 + 0 + 10 x 0.04) / 40 = 0.02; mean n = 40 / 3; A = 0.02 - 0.0225 < 0: all at the mean
    close = shrink([1, 6, 5], [10, 20, 10])
    np.testing.assert_allclose(close.rate, 0.3)
    assert close.trust.tolist() == [0, 0, 0]
    # rates 0, 0.3, 0.6: s2 = (0.9 + 0.9) / 40 = 0.045, A = 0.045 - 0.0225 = 0.0225
    # trust = A / (A + 0.3 / n): 0.0225 / 0.0525 = 3 / 7 for 10 visits, 0.0225 / 0.0375 = 3 / 5 for 20
    apart = shrink([0, 6, 6], [10, 20, 10])
    np.testing.assert_allclose(apart.trust, [3 / 7, 3 / 5, 3 / 7])
    np.testing.assert_allclose(apart.rate, [0.3 - 0.9 / 7, 0.3, 0.3 + 0.9 / 7])
    np.testing.assert_allclose(apart.mean, 0.3)


def test_local_shrinkage_looks_at_the_neighbours_only():
    # two towns that do not touch: in each the numbers of the global example, the second with ten times the rate
    issues, visits = [0, 6, 6, 0, 60, 60], [10, 20, 10, 10, 20, 10]
    near = [
        np.array([1, 2]),
        np.array([0, 2]),
        np.array([0, 1]),
        np.array([4, 5]),
        np.array([3, 5]),
        np.array([3, 4]),
    ]
    local = shrink(issues, visits, near)
    np.testing.assert_allclose(local.rate[:3], shrink(issues[:3], visits[:3]).rate)
    np.testing.assert_allclose(local.rate[3:], shrink(issues[3:], visits[3:]).rate)
    np.testing.assert_allclose(local.mean, [0.3] * 3 + [3.0] * 3)
    # an area is its own neighbour whether it is listed or not
    with_self = [np.append(rows, row) for row, rows in enumerate(near)]
    np.testing.assert_array_equal(shrink(issues, visits, with_self).rate, local.rate)


def test_shrinkage_agrees_with_esda():
    smoothing = pytest.importorskip("esda.smoothing")
    rng = np.random.default_rng(8)
    visits = rng.integers(20, 900, 60).astype(float)
    issues = rng.poisson(visits * rng.gamma(2.0, 0.1, 60)).astype(float)
    want = smoothing.Empirical_Bayes(issues.reshape(-1, 1), visits.reshape(-1, 1)).r.ravel()
    np.testing.assert_allclose(shrink(issues, visits).rate, want, rtol=1e-10)


def test_an_area_that_nobody_visited_has_no_rate_and_no_say():
    shrunk = shrink([0, 6, 6, 0], [10, 20, 10, 0])
    assert np.isnan(shrunk.rate[3])
    np.testing.assert_allclose(shrunk.rate[:3], shrink([0, 6, 6], [10, 20, 10]).rate)
    nothing = shrink([0, 0], [0, 0])
    assert np.isnan(nothing.rate).all()
    assert shrink([0, 0], [5, 7]).rate.tolist() == [0, 0]
    assert len(shrink([], []).rate) == 0


@pytest.mark.parametrize(
    ("issues", "visits", "near"),
    [([1], [0], None), ([-1], [5], None), ([1, 2], [5], None), ([math.nan], [5], None), ([1], [5], [])],
)
def test_impossible_columns_are_refused(issues, visits, near):
    with pytest.raises(StatisticsError) as caught:
        shrink(issues, visits, near)
    assert caught.value.code == "shrink_columns"
