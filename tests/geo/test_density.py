"""Density: against the exact sum, by symmetry, by closed forms, and at the edges of what can be asked."""

import math

import numpy as np
import pytest
import shapely
from scipy.special import ndtr

from geo import density as module
from geo.bandwidth import advice
from geo.density import UNIT_DAYS, density, edge_mass, recency
from geo.errors import CRSError, StatisticsError
from geo.spreading import QUARTIC_SIGMAS, Kernel, gaussian, quartic
from geo.window import make_window

CRS = "EPSG:4547"
X0, Y0 = 500_000.0, 3_380_000.0
SIDE = 3000.0
SQUARE = shapely.box(X0, Y0, X0 + SIDE, Y0 + SIDE)
# a city with a bay, a lake and an island
CITY = shapely.union_all([
    shapely.Polygon(
        [(X0, Y0), (X0 + 2900, Y0 + 130), (X0 + 2700, Y0 + 2900), (X0 + 1500, Y0 + 1400), (X0 + 210, Y0 + 2750)],
        [[(X0 + 600, Y0 + 500), (X0 + 1100, Y0 + 520), (X0 + 800, Y0 + 1100)]],
    ),
    shapely.box(X0 + 1300, Y0 + 2300, X0 + 1715, Y0 + 2810),
])  # fmt: skip


def points(n=2000, seed=7):
    """Repeats at a few addresses, clusters and background, as complaints are."""
    rng = np.random.default_rng(seed)
    address = rng.uniform(0, SIDE, (40, 2))[rng.integers(40, size=n // 2)]
    spot = rng.uniform(300, SIDE - 300, (6, 2))[rng.integers(6, size=n // 4)] + rng.normal(0, 90, (n // 4, 2))
    away = rng.uniform(0, SIDE, (n - n // 2 - n // 4, 2))
    xy = np.clip(np.concatenate([address, spot, away]), 0, SIDE)
    return X0 + xy[:, 0], Y0 + xy[:, 1]


def exact(x, y, weights, xs, ys, sigma):
    """The direct Gaussian sum per km2: separable, so one matrix product."""
    across = np.exp(-0.5 * ((xs - x[:, None]) / sigma) ** 2)
    along = np.exp(-0.5 * ((ys - y[:, None]) / sigma) ** 2) * weights[:, None]
    return along.T @ across / (2 * math.pi * sigma**2) * 1e6


def exact_quartic(x, y, xs, ys, radius):
    east, north = np.meshgrid(xs, ys)
    total = np.zeros(east.shape)
    for a, b in zip(x, y, strict=True):
        total += np.maximum(1 - ((east - a) ** 2 + (north - b) ** 2) / radius**2, 0) ** 2
    return total * 3 / (math.pi * radius**2) * 1e6


def square_edge(x, y, sigma, side=SIDE):
    """The part of a Gaussian within the square: a product of normal probabilities."""
    return np.prod(
        [ndtr((o + side - v) / sigma) - ndtr((o - v) / sigma) for o, v in ((X0, x), (Y0, y))], axis=0
    )


@pytest.mark.parametrize(("sigma", "most"), [(150.0, 1e-4), (75.0, 1e-3), (50.0, 5e-3)])
@pytest.mark.parametrize("weighted", [False, True])
def test_density_equals_the_exact_sum(sigma, most, weighted):
    x, y = points()
    weights = np.random.default_rng(3).integers(1, 4, len(x)) if weighted else None
    window = make_window(SQUARE, 25.0, crs=CRS)
    got = density(x, y, window, gaussian(sigma), weights=weights, edge="none").values
    want = exact(x, y, np.ones(len(x)) if weights is None else weights, *window.grid.centres(), sigma)
    dense = window.inside & (want > 0.01 * want.max())
    assert np.max(np.abs(got - want)[dense] / want[dense]) <= most


def test_quartic_equals_the_exact_sum_and_ends_at_its_radius():
    x, y = points(200)
    window = make_window(SQUARE, 25.0, crs=CRS)
    surface = density(x, y, window, quartic(424.0), edge="none")
    want = exact_quartic(x, y, *window.grid.centres(), 424.0)
    assert np.nanmax(np.abs(surface.values - want)[window.inside]) <= 1e-3 * want.max()
    assert surface.kernel.sigma_m * 2.83 == pytest.approx(424.0, rel=1e-3)


@pytest.mark.parametrize("kernel", [gaussian(100.0), quartic(300.0)])
def test_kernel_holds_one_and_its_peak_and_ground_are_those_of_the_formula(kernel):
    r = (np.arange(200_000) + 0.5) * (8 * kernel.sigma_m / 200_000)
    radius = QUARTIC_SIGMAS * kernel.sigma_m
    shape = (
        np.exp(-0.5 * (r / kernel.sigma_m) ** 2)
        if kernel.shape == "gaussian"
        else np.maximum(1 - (r / radius) ** 2, 0) ** 2
    )
    ring = 2 * math.pi * r * (r[1] - r[0])
    height = 1 / np.sum(shape * ring)
    assert kernel.peak == pytest.approx(height, rel=1e-6)
    assert kernel.km2 == pytest.approx(1e-6 / np.sum((height * shape) ** 2 * ring), rel=1e-6)
    # variance in one direction is half the mean square distance
    assert np.sum(height * shape * r**2 * ring) / 2 == pytest.approx(kernel.sigma_m**2, rel=1e-6)


def test_a_point_amid_the_window_holds_its_weight_over_the_whole_period():
    window = make_window(SQUARE, 25.0, crs=CRS)
    # the transform of the quartic is cut off, and what swings below 0 is clipped
    for kernel, most in ((gaussian(100.0), 1e-9), (quartic(400.0), 5e-4)):
        surface = density([X0 + 1507], [Y0 + 1493], window, kernel, weights=[3.0], edge="none", days=90)
        assert surface.mass == pytest.approx(3.0, rel=most)
        peak = 3.0 * kernel.peak * 1e6 * UNIT_DAYS / 90
        assert np.nanmax(surface.values) == pytest.approx(peak, rel=0.02)


def test_density_is_linear_and_copies_are_weights():
    x, y = points(400)
    window = make_window(CITY, 25.0, crs=CRS)
    kernel = gaussian(120.0)
    k = np.arange(len(x)) % 4
    heavy = density(x, y, window, kernel, weights=k).values
    copies = density(np.repeat(x, k), np.repeat(y, k), window, kernel).values
    parts = sum(
        density(x[k == j], y[k == j], window, kernel, weights=np.full((k == j).sum(), j)).values
        for j in (1, 2, 3)
    )
    np.testing.assert_allclose(heavy, copies, atol=1e-12 * np.nanmax(heavy))
    np.testing.assert_allclose(heavy, parts, atol=1e-12 * np.nanmax(heavy))


@pytest.mark.parametrize("edge", ["uniform", "diggle", "none"])
def test_shifted_by_whole_cells_the_map_is_the_same(edge):
    x, y = points(300)
    here = density(x, y, make_window(CITY, 25.0, crs=CRS), gaussian(90.0), edge=edge).values
    east, north = 4000.0, -1250.0
    moved = shapely.transform(CITY, lambda xy: xy + np.array([east, north]))
    there = density(x + east, y + north, make_window(moved, 25.0, crs=CRS), gaussian(90.0), edge=edge).values
    np.testing.assert_allclose(there, here, rtol=1e-7, atol=1e-9 * np.nanmax(here))


def test_metres_told_as_kilometres_change_the_unit_and_nothing_else():
    x, y = points(300)
    here = density(x, y, make_window(CITY, 25.0, crs=CRS), gaussian(90.0), edge="uniform").values
    # a power of two divides without rounding, so the cells stay the same cells
    k = 1024.0
    small = shapely.transform(CITY, lambda xy: xy / k)
    there = density(x / k, y / k, make_window(small, 25 / k, crs=CRS), gaussian(90 / k)).values
    np.testing.assert_allclose(there / k**2, here, rtol=1e-6, atol=1e-8 * np.nanmax(here))


def test_mirrored_points_give_the_mirrored_map():
    window = make_window(SQUARE, 25.0, crs=CRS)
    x, y = points(300)
    x, y = np.clip(x, X0 + 1, X0 + SIDE - 1), np.clip(y, Y0 + 1, Y0 + SIDE - 1)
    cells = round(SIDE / 25)
    for edge in module.EDGES:
        here = density(x, y, window, gaussian(90.0), edge=edge).values[:cells, :cells]
        there = density(2 * X0 + SIDE - x, y, window, gaussian(90.0), edge=edge).values[:cells, :cells]
        np.testing.assert_allclose(there[:, ::-1], here, atol=1e-9 * here.max())
        turned = density(X0 + y - Y0, Y0 + x - X0, window, gaussian(90.0), edge=edge).values[:cells, :cells]
        np.testing.assert_allclose(turned.T, here, atol=1e-9 * here.max())


@pytest.mark.parametrize("kernel", [gaussian(50.0), gaussian(500.0), quartic(150.0)])
def test_no_density_is_negative_and_outside_there_is_none(kernel):
    x, y = points(50)
    for edge in module.EDGES:
        surface = density(x, y, make_window(CITY, 25.0, crs=CRS), kernel, edge=edge)
        assert np.nanmin(surface.values) >= 0
        np.testing.assert_array_equal(np.isnan(surface.values), ~surface.window.inside)


@pytest.mark.parametrize(("sigma", "most"), [(50.0, 1e-3), (150.0, 5e-5), (400.0, 5e-6)])
def test_edge_mass_of_a_square_is_a_product_of_normal_probabilities(sigma, most):
    # a side of 125 cells, and corners a third of a cell off, so that the outline cuts cells
    window = make_window(SQUARE, 24.0, crs=CRS)
    mass = edge_mass(window, gaussian(sigma))
    xs, ys = np.meshgrid(*window.grid.centres())
    inside = window.share > 0.99
    want = square_edge(xs, ys, sigma)
    np.testing.assert_allclose(mass.cells[inside], want[inside], atol=most)
    x, y = points(500)
    np.testing.assert_allclose(mass.at(x, y), square_edge(x, y, sigma), atol=most)


def test_uniform_divides_at_the_place_and_diggle_at_the_point():
    x, y = points(300)
    window = make_window(SQUARE, 25.0, crs=CRS)
    xs, ys = window.grid.centres()
    inside = window.share == 1
    place = exact(x, y, np.ones(300), xs, ys, 150.0) / square_edge(*np.meshgrid(xs, ys), 150.0)
    point = exact(x, y, 1 / square_edge(x, y, 150.0), xs, ys, 150.0)
    for edge, want in (("uniform", place), ("diggle", point)):
        got = density(x, y, window, gaussian(150.0), edge=edge).values
        np.testing.assert_allclose(got[inside], want[inside], rtol=2e-4, atol=1e-6 * want.max())


def test_diggle_keeps_the_total():
    x, y = points()
    window = make_window(CITY, 25.0, crs=CRS)
    inside = int(shapely.intersects_xy(CITY, x, y).sum())
    surface = density(x, y, window, gaussian(150.0), edge="diggle", days=45)
    assert surface.taken.used == inside
    assert surface.mass == pytest.approx(inside, rel=5e-4)


def test_an_even_city_is_even_up_to_its_border():
    # a point in the middle of every 5 m square: squares end where the island does
    fine = make_window(CITY, 5.0, crs=CRS)
    xs, ys = np.meshgrid(*fine.grid.centres())
    within = fine.place > 0
    held = fine.holds(xs[within], ys[within])
    x, y = xs[within][held], ys[within][held]
    window = make_window(CITY, 25.0, crs=CRS)
    for kernel in (gaussian(100.0), quartic(300.0)):
        values = density(x, y, window, kernel, edge="uniform").values[window.share > 0.5]
        np.testing.assert_allclose(values, 1e6 / 25.0, rtol=0.01)


def test_order_and_chunks_change_nothing_but_rounding(monkeypatch):
    x, y = points(3000)
    window = make_window(CITY, 25.0, crs=CRS)
    here = density(x, y, window, gaussian(150.0)).values
    mixed = np.random.default_rng(0).permutation(3000)
    monkeypatch.setattr(module, "_CHUNK", 97)
    there = density(x[mixed], y[mixed], window, gaussian(150.0)).values
    # the transform mixes every cell with every other: rounding is a part of the peak
    np.testing.assert_allclose(there, here, atol=1e-12 * np.nanmax(here))


def test_linear_binning_for_very_many_points_is_within_one_percent(monkeypatch):
    x, y = points()
    window = make_window(SQUARE, 25.0, crs=CRS)
    monkeypatch.setattr(module, "LINEAR_FROM", 1000)
    got = density(x, y, window, gaussian(150.0), edge="none").values
    want = exact(x, y, np.ones(len(x)), *window.grid.centres(), 150.0)
    dense = window.inside & (want > 0.01 * want.max())
    off = np.abs(got - want)[dense] / want[dense]
    assert 1e-4 < off.max() <= 1e-2
    # five cells would be 3 % off: they stay with the cubic splines
    fine = density(x, y, window, gaussian(125.0), edge="none").values
    want = exact(x, y, np.ones(len(x)), *window.grid.centres(), 125.0)
    assert np.max(np.abs(fine - want)[dense] / want[dense]) <= 1e-3


def test_density_agrees_with_kdepy():
    fftkde = pytest.importorskip("KDEpy").FFTKDE
    x, y = points()
    window = make_window(SQUARE, 12.5, crs=CRS)
    got = density(x, y, window, gaussian(150.0), edge="none").values
    xs, ys = window.grid.centres()
    wide = 80  # cells around, because KDEpy wants every point on its grid
    xs = xs[0] + 12.5 * np.arange(-wide, len(xs) + wide)
    ys = ys[0] + 12.5 * np.arange(-wide, len(ys) + wide)
    grid = np.stack(np.meshgrid(xs, ys, indexing="ij"), axis=-1).reshape(-1, 2) - [X0, Y0]
    # in metres KDEpy cuts the kernel at 2.6 sigma (its issue 202); in bandwidths it does not
    scaled = (
        fftkde(kernel="gaussian", bw=1.0).fit((np.column_stack([x, y]) - [X0, Y0]) / 150).evaluate(grid / 150)
    )
    want = scaled.reshape(len(xs), len(ys)).T[wide:-wide, wide:-wide] * len(x) / 150**2 * 1e6
    dense = window.inside & (want > 0.05 * want.max())
    assert np.max(np.abs(got - want)[dense] / want[dense]) < 0.02


def test_points_outside_are_counted_and_take_no_part():
    window = make_window(SQUARE, 25.0, crs=CRS)
    x = np.array([X0 + 1500, X0 - 200, 0.0, np.nan, X0 + 1500, np.inf])
    y = np.array([Y0 + 1500, Y0 + 1500, 0.0, Y0, np.nan, Y0])
    strict = density(x, y, window, gaussian(100.0), edge="uniform")
    assert (strict.taken.used, strict.taken.outside, strict.taken.unplaced) == (1, 2, 3)
    # without a correction the neighbour's points serve, up to three bandwidths
    guarded = density(x, y, window, gaussian(100.0), edge="none")
    assert (guarded.taken.used, guarded.taken.outside, guarded.taken.unplaced) == (2, 1, 3)
    want = exact(x[:2], y[:2], np.ones(2), *window.grid.centres(), 100.0)
    np.testing.assert_allclose(guarded.values[:120, :120], want[:120, :120], atol=1e-4 * want.max())


def test_points_on_the_outline_are_inside():
    window = make_window(SQUARE, 25.0, crs=CRS)
    corners = np.array([[X0, Y0], [X0 + SIDE, Y0], [X0 + SIDE, Y0 + SIDE], [X0, Y0 + SIDE]])
    taken = density(corners[:, 0], corners[:, 1], window, gaussian(100.0), edge="uniform").taken
    assert taken.used == 4


@pytest.mark.parametrize("edge", ["uniform", "diggle", "none"])
def test_no_point_gives_a_map_of_zeros(edge):
    window = make_window(CITY, 25.0, crs=CRS)
    surface = density([], [], window, gaussian(150.0), edge=edge, days=30, weights=[])
    assert (surface.values[window.inside] == 0).all()
    assert surface.mass == surface.taken.used == 0


def test_a_million_copies_of_one_point_are_a_million_times_one_point():
    window = make_window(SQUARE, 50.0, crs=CRS)
    x, y = np.full(1_000_000, X0 + 1234.5, np.float64), np.full(1_000_000, Y0 + 987.6)
    many = density(x, y, window, gaussian(150.0)).values
    one = density(x[:1], y[:1], window, gaussian(150.0)).values
    np.testing.assert_allclose(many, 1e6 * one, atol=1e-11 * np.nanmax(many))


def refused(code, call):
    with pytest.raises(StatisticsError) as caught:
        call()
    assert caught.value.code == code
    return caught.value.facts


def test_what_cannot_be_drawn_is_refused_with_the_numbers():
    window = make_window(SQUARE, 25.0, crs=CRS)
    x, y = [X0 + 10.0], [Y0 + 10.0]
    assert refused("bandwidth_below_cell", lambda: density(x, y, window, gaussian(49.0)))["least_m"] == 50
    assert refused("bandwidth_above_window", lambda: edge_mass(window, gaussian(3001.0)))["side_m"] == SIDE
    for sigma in (0.0, -1.0, math.nan, math.inf):
        refused("bandwidth", lambda sigma=sigma: Kernel("gaussian", sigma))
    for days in (0.0, -3.0, math.nan):
        refused("period_days", lambda days=days: density(x, y, window, gaussian(100.0), days=days))
    for weight in (-1.0, math.nan, math.inf):
        bad = refused(
            "weights", lambda weight=weight: density(x, y, window, gaussian(100.0), weights=[weight])
        )
        assert bad == {"bad": 1, "points": 1}
    refused("points_length", lambda: density(x, [], window, gaussian(100.0)))
    refused("edge_rule", lambda: density(x, y, window, gaussian(100.0), edge="torus"))


def test_a_grid_of_more_than_four_million_cells_is_refused_and_told_what_would_do():
    stray = shapely.MultiPolygon([SQUARE, shapely.box(0, 0, 10, 10)])
    facts = refused("grid_large", lambda: make_window(stray, 25.0, crs=CRS))
    # 503 x 3383 km
    assert facts["cells"] == pytest.approx(503_000 / 25 * 3_383_000 / 25, rel=1e-3)
    assert facts["most"] == 4_000_000
    make_window(stray, facts["enough_m"] * 1.01, crs=CRS)


def test_a_window_that_is_no_area_is_refused():
    bow = shapely.Polygon([(0, 0), (1000, 1000), (1000, 0), (0, 1000)])
    assert "intersection" in refused("window_invalid", lambda: make_window(bow, 10.0, crs=CRS))["reason"]
    refused("window_empty", lambda: make_window(shapely.Polygon(), 10.0, crs=CRS))
    refused("window_kind", lambda: make_window(shapely.LineString([(0, 0), (9, 9)]), 10.0, crs=CRS))
    refused("window_kind", lambda: make_window(None, 10.0, crs=CRS))
    refused("cell_size", lambda: make_window(SQUARE, 0.0, crs=CRS))
    with pytest.raises(CRSError):
        make_window(SQUARE, 25.0, crs="EPSG:4326")


def test_half_life_weights_keep_the_unit_of_a_steady_stream():
    ages = (np.arange(60_000) + 0.5) / 60_000 * 60.0
    weights, days = recency(ages, 30.0, 60.0)
    assert weights[0] == pytest.approx(1.0, rel=1e-4)
    assert recency([30.0], 30.0, 60.0).weights[0] == 0.5
    # 1,000 issues a day whatever the half-life
    assert weights.sum() / days == pytest.approx(1000.0, rel=1e-6)
    assert days == pytest.approx(30 / math.log(2) * 0.75)
    refused("half_life", lambda: recency([1.0], 0.0, 60.0))
    assert refused("ages", lambda: recency([1.0, -1.0, 61.0, math.nan], 30.0, 60.0))["wrong"] == 3


def left_out(x, y, sigma):
    """Mean log density of each point as told by the others within a square: pair by pair."""
    square = (x - x[:, None]) ** 2 + (y - y[:, None]) ** 2
    kernel = np.exp(-0.5 * square / sigma**2) / (2 * math.pi * sigma**2)
    np.fill_diagonal(kernel, 0)
    others = np.maximum(kernel.sum(axis=1), 1e-6 / (2 * math.pi * sigma**2))
    return np.log(others / (len(x) - 1) / square_edge(x, y, sigma)).mean()


def test_advice_is_the_cross_validated_likelihood_of_distinct_places():
    rng = np.random.default_rng(11)
    spots = rng.uniform(500, SIDE - 500, (5, 2))[rng.integers(5, size=400)]
    x, y = np.round(np.array([[X0], [Y0]]) + (spots + rng.normal(0, 200, (400, 2))).T, 1)
    held = shapely.intersects_xy(SQUARE, x, y)
    window = make_window(SQUARE, 15.0, crs=CRS)
    tried = [60.0, 80.0, 120.0, 180.0, 300.0, 500.0]
    curve = advice(np.repeat(x, 3), np.repeat(y, 3), tried, window)
    assert curve.places == held.sum()
    want = np.array([left_out(x[held], y[held], h) for h in tried])
    np.testing.assert_allclose(curve.score, want, atol=2e-3)
    assert curve.best_m == tried[int(np.argmax(want))]
    assert not curve.at_end


def test_advice_says_when_the_best_is_the_last_tried_and_when_there_is_too_little():
    x, y = np.random.default_rng(5).uniform(0, SIDE, (2, 300))
    window = make_window(SQUARE, 25.0, crs=CRS)
    even = advice(X0 + x, Y0 + y, [75.0, 150.0, 300.0], window)
    assert (even.best_m, even.at_end) == (300.0, True)
    assert (
        refused("too_few_places", lambda: advice(np.full(99, X0 + 5), np.full(99, Y0 + 5), [75.0], window))[
            "places"
        ]
        == 1
    )
