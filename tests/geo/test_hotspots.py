"""Gi* against esda, its chances against enumeration, its false alarms against pure noise."""

from itertools import product

import numpy as np
import pytest
from scipy.stats import binom

from geo.errors import StatisticsError
from geo.hotspots import (
    CLASSES,
    P_FLOOR,
    benjamini_hochberg,
    confidence_bins,
    exact_tails,
    gi_star,
    gi_star_units,
    window,
    window_sums,
    z_scores,
)

QUEEN = window(100, 100, "square")


def slow_sums(values, inside, keep):
    """Window sums by visiting every pair of cells."""
    ny, nx = values.shape
    total, size = np.zeros(values.shape), np.zeros(values.shape, int)
    for y, x, v, u in product(range(ny), range(nx), range(ny), range(nx)):
        if inside[y, x] and inside[v, u] and keep(v - y, u - x):
            total[y, x] += values[v, u]
            size[y, x] += 1
    return total, size


def skewed(rng, shape, mean=3.0, shape_of_gamma=0.3):
    return rng.poisson(rng.gamma(shape_of_gamma, mean / shape_of_gamma, shape))


# -- windows


def test_a_disk_holds_the_cells_within_the_radius():
    # three cells: rows -3..3 reach floor(sqrt(9 - row^2)) cells to either side
    assert window(300, 100).tolist() == [0, 2, 2, 3, 2, 2, 0]


def test_a_square_of_one_cell_is_the_queen_neighbourhood():
    assert QUEEN.tolist() == [1, 1, 1]


def test_a_radius_that_is_a_multiple_of_the_cell_only_in_decimals_keeps_its_last_row():
    assert len(window(0.3, 0.1)) == 7  # 0.3 / 0.1 = 2.9999999999999996


@pytest.mark.parametrize("radius_m", [0, 99, -100, np.nan, np.inf])
def test_a_window_without_neighbours_is_refused(radius_m):
    with pytest.raises(StatisticsError) as told:
        window(radius_m, 100)
    assert told.value.code == "window_too_small"


@pytest.mark.parametrize("radius", [1, 2, 3.7, 8, 30])
@pytest.mark.parametrize("shape", ["disk", "square"])
@pytest.mark.parametrize("dtype", [np.int64, np.float64])
def test_window_sums_match_the_visit_of_every_pair(radius, shape, dtype):
    values = np.random.default_rng(4).integers(0, 50, (9, 17)).astype(dtype)
    if shape == "disk":

        def keep(dy, dx):
            return dy * dy + dx * dx <= radius * radius
    else:

        def keep(dy, dx):
            return max(abs(dy), abs(dx)) <= radius

    expected, _ = slow_sums(values, np.ones(values.shape, bool), keep)
    np.testing.assert_allclose(window_sums(values, window(radius, 1, shape)), expected, atol=1e-10)


@pytest.mark.parametrize("shape", [(1, 1), (1, 12), (12, 1)])
def test_window_sums_on_a_grid_of_one_row_or_column(shape):
    assert (
        window_sums(np.ones(shape, np.int64), window(50, 1)).tolist() == np.full(shape, max(shape)).tolist()
    )


# -- z


def test_z_of_six_points_is_the_one_published_with_pysal():
    # Gi* of pysal's documentation and tests (getisord.G_Local, star=True, binary, distance 15)
    points = np.array([(10, 10), (20, 10), (40, 10), (15, 20), (30, 20), (30, 30)], float)
    values = np.array([2, 3, 3.2, 5, 8, 7])
    near = np.hypot(*(points[:, None] - points[None]).T) <= 15
    z = z_scores(values, near @ values, near.sum(axis=1), np.ones(6, bool))
    assert z == pytest.approx(
        [-1.39727626, -0.28917762, 0.65064964, -0.28917762, 1.23452088, 2.02424331], abs=1e-8
    )


@pytest.mark.parametrize(("radius_m", "shape"), [(100, "square"), (100, "disk"), (350, "disk")])
@pytest.mark.filterwarnings("ignore:The weights matrix is not fully connected")
def test_z_is_that_of_esda_on_a_masked_grid(radius_m, shape):
    esda = pytest.importorskip("esda")
    weights = pytest.importorskip("libpysal.weights")
    rng = np.random.default_rng(5)
    counts = skewed(rng, (24, 31))
    inside = rng.random(counts.shape) < 0.8
    half = window(radius_m, 100, shape)
    cells = np.argwhere(inside)
    gap = np.abs(cells[:, None] - cells[None])
    near = (gap.max(axis=2) <= 1) if shape == "square" else ((gap**2).sum(axis=2) <= (radius_m / 100) ** 2)
    np.fill_diagonal(near, False)
    w = weights.W({i: np.flatnonzero(row).tolist() for i, row in enumerate(near)}, silence_warnings=True)
    peer = esda.G_Local(np.log1p(counts[inside].astype(float)), w, transform="B", star=True, permutations=0)
    spots = gi_star(np.where(inside, counts, 999), inside, half)
    np.testing.assert_allclose(spots.z[inside], peer.Zs, atol=1e-10)
    assert np.isnan(spots.z[~inside]).all()


def test_units_with_the_neighbours_of_a_grid_get_what_the_grid_gets():
    counts = skewed(np.random.default_rng(6), (12, 13))
    cells = np.argwhere(np.ones(counts.shape, bool))
    near = np.abs(cells[:, None] - cells[None]).max(axis=2) == 1
    grid = gi_star(counts, np.ones(counts.shape, bool), QUEEN)
    units = gi_star_units(counts.ravel(), np.argwhere(near))
    for name in ("z", "p_hot", "p_cold", "p", "q"):
        np.testing.assert_allclose(getattr(units, name), getattr(grid, name).ravel(), atol=1e-12)
    assert units.bin.tolist() == grid.bin.ravel().tolist()
    assert units.size.tolist() == grid.size.ravel().tolist()


# -- chance


def enumerated_tails(values, k, at):
    sums = [sum(draw) for draw in product(values, repeat=k)]
    return np.mean([s >= at for s in sums]), np.mean([s <= at for s in sums])


@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_tails_match_every_possible_draw(k):
    values = np.array([0, 0, 0, 1, 2, 7])
    sums = np.arange(0, 7 * k + 1)
    hot, cold = exact_tails(values, sums, np.full(len(sums), k))
    expected = np.array([enumerated_tails(values, k, at) for at in sums])
    np.testing.assert_allclose(hot, expected[:, 0], atol=1e-14)
    np.testing.assert_allclose(cold, expected[:, 1], atol=1e-14)


def test_tails_of_several_sizes_at_once_are_those_of_each_size():
    values = np.array([0, 0, 0, 1, 2, 7])
    sums, sizes = np.array([3, 14, 0, 21, 9]), np.array([4, 2, 4, 3, 1])
    hot, cold = exact_tails(values, sums, sizes)
    expected = np.array([enumerated_tails(values, k, at) for at, k in zip(sums, sizes, strict=True)])
    np.testing.assert_allclose(np.column_stack([hot, cold]), np.maximum(expected, P_FLOOR), atol=1e-14)


@pytest.mark.parametrize("k", [40, 441])
def test_tails_of_large_windows_are_binomial_where_the_values_are_two(k):
    levels = np.repeat([0, 2047], [97, 3])
    hits = np.arange(0, k + 1)
    hot, cold = exact_tails(levels, hits * 2047, np.full(k + 1, k))
    np.testing.assert_allclose(hot, np.maximum(binom.sf(hits - 1, k, 0.03), P_FLOOR), rtol=1e-8, atol=1e-14)
    np.testing.assert_allclose(cold, np.maximum(binom.cdf(hits, k, 0.03), P_FLOOR), rtol=1e-8, atol=1e-14)


def test_the_whole_map_agrees_with_ten_thousand_relabellings():
    rng = np.random.default_rng(7)
    counts = skewed(rng, (20, 20))
    spots = gi_star(counts, np.ones(counts.shape, bool), QUEEN)
    values = np.log1p(counts.astype(float))
    own, more = window_sums(values, QUEEN), np.zeros(counts.shape)
    for _ in range(10_000):
        more += window_sums(rng.permuted(values.ravel()).reshape(counts.shape), QUEEN) >= own - 1e-9
    gap = spots.p_hot - more / 10_000
    # five standard errors, and without replacement the spread is up to 1 % smaller
    assert np.abs(gap).max() < 5 * 0.5 / 100 + 0.005
    assert np.abs(gap).mean() < 0.005


def test_the_two_sided_chance_is_twice_the_smaller_tail():
    counts = skewed(np.random.default_rng(7), (20, 20))
    spots = gi_star(counts, np.ones(counts.shape, bool), QUEEN)
    for hot, cold, both in zip(spots.p_hot.flat, spots.p_cold.flat, spots.p.flat, strict=True):
        assert both == min(1.0, 2 * min(hot, cold))
    assert (spots.p_hot + spots.p_cold >= 1).all()  # the observed sum lies in both


def test_pure_noise_is_called_hot_as_often_as_stated():
    rng = np.random.default_rng(2026)
    counts = skewed(rng, (80, 80), mean=2.0, shape_of_gamma=0.15)
    assert ((counts - counts.mean()) ** 3).mean() / counts.std() ** 3 > 4
    hits = cells = maps = 0
    for _ in range(200):
        spots = gi_star(rng.permuted(counts.ravel()).reshape(80, 80), np.ones((80, 80), bool), QUEEN)
        hits += np.count_nonzero(spots.p_hot <= 0.001)
        cells += counts.size
        maps += bool((spots.q <= 0.05).any())
    assert 0.0005 <= hits / cells <= 0.002
    assert maps <= 20


def test_the_normal_z_would_have_cried_wolf():
    # the reason for the exact null: the same noise, judged by z
    rng = np.random.default_rng(2026)
    counts = np.floor(rng.pareto(1.1, (80, 80))).astype(int)
    z = gi_star(counts, np.ones((80, 80), bool), QUEEN).z
    assert np.mean(z > 3.0902) > 0.002


@pytest.mark.parametrize("half", [QUEEN, window(250, 100)])
def test_a_planted_hot_spot_is_found_and_little_else(half):
    rng = np.random.default_rng(8)
    rate = np.full((60, 60), 2.0)
    rate[20:26, 30:36] = 10.0
    rate[40:52, 5:17] = 0.02
    spots = gi_star(rng.poisson(rate), np.ones((60, 60), bool), half)
    assert (spots.bin[22:24, 32:34] == 3).all()
    assert (spots.bin[44:48, 9:13] == -3).all()
    far = np.ones((60, 60), bool)
    far[16:30, 26:40] = far[36:56, 1:21] = False
    assert np.mean(spots.bin[far] != 0) < 0.01


@pytest.mark.parametrize("least", [0, 3])
def test_cells_outside_are_no_zeros(least):
    # a hot block at the border of the study area: zeros beyond it would cool it
    rng = np.random.default_rng(9)
    counts = rng.poisson(2.0, (30, 40)) + least
    inside = np.zeros((30, 40), bool)
    inside[:, :20] = True
    masked = gi_star(counts, inside, QUEEN)
    cut = gi_star(counts[:, :20], np.ones((30, 20), bool), QUEEN)
    np.testing.assert_allclose(masked.z[:, :20], cut.z, atol=1e-12)
    np.testing.assert_allclose(masked.q[:, :20], cut.q, atol=1e-12)
    np.testing.assert_allclose(masked.p_cold[:, :20], cut.p_cold, atol=1e-12)
    assert masked.size[5, 19] == 6
    assert (masked.size[:, 20:] == 0).all()
    assert (masked.bin[:, 20:] == 0).all()
    assert np.isnan(masked.p[:, 20:]).all()


def test_empty_cells_inside_do_count():
    counts = np.zeros((30, 30), int)
    counts[::4, ::4] = 4
    spots = gi_star(counts, np.ones((30, 30), bool), QUEEN)
    assert spots.size[10, 10] == 9
    assert np.isfinite(spots.z).all()


def test_a_window_over_the_whole_city_finds_nothing():
    counts = np.random.default_rng(1).poisson(3, (8, 8))
    spots = gi_star(counts, np.ones((8, 8), bool), window(20, 1, "square"))
    assert (spots.z == 0).all()
    assert (spots.p == 1).all()
    assert (spots.bin == 0).all()


def test_the_map_does_not_change_when_it_is_turned_or_mirrored():
    counts = skewed(np.random.default_rng(3), (25, 33))
    inside = np.random.default_rng(4).random(counts.shape) < 0.9
    plain = gi_star(counts, inside, window(300, 100))
    turned = gi_star(counts.T[::-1], inside.T[::-1], window(300, 100))
    np.testing.assert_allclose(turned.z, plain.z.T[::-1], atol=1e-10)
    assert (turned.bin == plain.bin.T[::-1]).all()


def test_the_input_is_left_as_it_was():
    counts, inside = np.random.default_rng(3).poisson(2, (20, 20)), np.ones((20, 20), bool)
    inside[0] = False
    before = counts.copy(), inside.copy()
    gi_star(counts, inside, QUEEN)
    assert (counts == before[0]).all()
    assert (inside == before[1]).all()


# -- false discovery


def test_benjamini_and_hochberg_reject_four_of_their_fifteen():
    # Benjamini and Hochberg 1995, section 4: thrombolysis trial, four at q = 0.05, Bonferroni three
    p = np.array([
        0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240,
        0.4262, 0.5719, 0.6528, 0.7590, 1.0000,
    ])  # fmt: skip
    shuffled = np.random.default_rng(0).permutation(15)
    q = np.empty(15)
    q[shuffled] = benjamini_hochberg(p[shuffled])
    assert (q <= 0.05).tolist() == [True] * 4 + [False] * 11
    assert q[3] == pytest.approx(0.0095 * 15 / 4)


def test_q_is_never_smaller_for_a_larger_p():
    p = np.random.default_rng(0).random(200).round(2)
    q = benjamini_hochberg(p)
    order = np.argsort(p, kind="stable")
    assert (np.diff(q[order]) >= 0).all()
    assert all(len(set(q[p == value])) == 1 for value in p)


def test_no_test_gives_no_q():
    assert benjamini_hochberg(np.zeros(0)).shape == (0,)


def test_seven_classes_by_the_rates_of_arcgis():
    q = np.array([0.01, 0.011, 0.05, 0.051, 0.1, 0.11, np.nan])
    assert confidence_bins(q, np.ones(7, bool)).tolist() == [3, 2, 2, 1, 1, 0, 0]
    assert confidence_bins(q, np.zeros(7, bool)).tolist() == [-3, -2, -2, -1, -1, 0, 0]
    assert list(CLASSES.values()) == ["cold_99", "cold_95", "cold_90", "none", "hot_90", "hot_95", "hot_99"]


# -- what cannot be said


def refused(counts, inside=None):
    with pytest.raises(StatisticsError) as told:
        gi_star(counts, np.ones(counts.shape, bool) if inside is None else inside, QUEEN)
    return told.value


def test_29_cells_are_too_few_and_30_are_not():
    counts = np.zeros((20, 20), int)
    counts.ravel()[:29] = 10
    error = refused(counts)
    assert error.code == "too_few"
    assert error.facts == {"cells": 29, "events": 290, "min_cells": 30, "min_events": 60}
    counts.ravel()[29] = 1
    gi_star(counts, np.ones((20, 20), bool), QUEEN)


def test_59_events_are_too_few_and_60_are_not():
    counts = np.zeros((20, 20), int)
    counts.ravel()[:40] = 1
    counts.ravel()[0] = 20
    assert refused(counts).facts["events"] == 59
    counts.ravel()[0] = 21
    gi_star(counts, np.ones((20, 20), bool), QUEEN)


def test_issues_outside_do_not_help_a_test():
    counts, inside = np.full((20, 20), 5), np.zeros((20, 20), bool)
    inside[0] = True
    assert refused(counts, inside).facts["cells"] == 20


@pytest.mark.parametrize("counts", [np.zeros((9, 9), int), np.zeros((0, 0), int), np.zeros((0, 5), int)])
def test_an_empty_selection_is_too_few(counts):
    assert refused(counts).code == "too_few"


def test_a_million_copies_of_one_point_are_too_few_cells():
    counts = np.zeros((9, 9), int)
    counts[4, 4] = 1_000_000
    assert refused(counts).facts["cells"] == 1


def test_equal_counts_are_told():
    assert refused(np.full((9, 9), 7)).code == "all_equal"


@pytest.mark.parametrize("bad", [-1, np.nan, np.inf])
def test_a_count_that_is_none_is_told(bad):
    counts = np.full((9, 9), 7.0)
    counts[3, 3] = bad
    error = refused(counts)
    assert (error.code, error.facts) == ("counts_unusable", {"wrong": 1, "cells": 81})
