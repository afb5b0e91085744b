"""Trends against pymannkendall, classes against the wording of ArcGIS, months against the calendar."""

from itertools import combinations, permutations, product

import numpy as np
import pytest
from scipy.stats import norm

from geo.emerging import KIND_NAMES, KINDS, complete_months, emerging, kinds, mann_kendall, month_cube
from geo.errors import StatisticsError
from geo.hotspots import window

QUEEN = window(1, 1, "square")


def day(text):
    return np.datetime64(text, "D")


# -- Mann-Kendall


def test_s_tau_and_p_are_those_of_pymannkendall():
    peer = pytest.importorskip("pymannkendall")
    rng = np.random.default_rng(1)
    series = np.concatenate(
        [rng.normal(size=(24, 60)), rng.integers(0, 4, (24, 60)), np.zeros((24, 1))], axis=1
    )
    found = mann_kendall(series)
    expected = [peer.original_test(column) for column in series.T]
    assert found.s.tolist() == [one.s for one in expected]
    assert found.tau.tolist() == [one.Tau for one in expected]
    np.testing.assert_allclose(found.p, [one.p for one in expected], rtol=0, atol=5e-16)


def test_s_counts_the_pairs_that_rise_less_those_that_fall():
    series = np.random.default_rng(2).integers(0, 6, (11, 40)).astype(float)
    expected = [sum(np.sign(c[j] - c[i]) for i, j in combinations(range(11), 2)) for c in series.T]
    assert mann_kendall(series).s.tolist() == expected


def test_a_series_of_gilbert_has_the_published_s():
    # Gilbert 1987, Statistical Methods for Environmental Pollution Monitoring, example of table 16.1:
    # 10, 15, 14, 20 -> five rises, one fall
    found = mann_kendall(np.array([[10.0], [15], [14], [20]]))
    assert found.s.tolist() == [4]
    assert found.tau[0] == pytest.approx(4 / 6)


def test_the_variance_of_ties_is_that_of_all_orders():
    # var S over all 720 orders of 1 1 1 2 2 3: enumerated, not the formula
    values = [1.0, 1, 1, 2, 2, 3]
    s = np.array([sum(np.sign(b - a) for a, b in combinations(order, 2)) for order in permutations(values)])
    deviate = (11 - 1) / np.sqrt(np.mean(s**2))
    assert mann_kendall(np.array(values)[:, None]).p[0] == pytest.approx(2 * norm.sf(deviate), rel=1e-12)


def test_equal_values_have_no_trend():
    found = mann_kendall(np.full((12, 3), 7.0))
    assert (found.s.tolist(), found.p.tolist()) == ([0, 0, 0], [1, 1, 1])


def test_time_reversed_is_the_trend_reversed():
    series = np.random.default_rng(3).integers(0, 9, (15, 4, 5)).astype(float)
    forth, back = mann_kendall(series), mann_kendall(series[::-1])
    assert (forth.s == -back.s).all()
    np.testing.assert_allclose(forth.p, back.p)


def test_chunks_change_nothing():
    series = np.random.default_rng(3).normal(size=(10, 40_000))
    assert mann_kendall(series).s[30_000:].tolist() == mann_kendall(series[:, 30_000:]).s.tolist()


# -- classes


def kind(hot, cold="", *, s=0, p=1.0):
    """Steps as text: h for hot; in `cold` c for cold."""
    warm = np.array([step == "h" for step in hot])[:, None]
    cool = np.array([step == "c" for step in cold.ljust(len(hot), ".")])[:, None]
    code = int(kinds(warm, cool, np.array([s]), np.array([p]))[0])
    return KIND_NAMES[code].removeprefix("hot_").replace("cold_", "cold ")


CASES = [
    ("..........", "", 0, 1.0, "none"),
    (".........h", "", 0, 1.0, "new"),
    ("........hh", "", 0, 1.0, "consecutive"),
    (".hhhhhhhhh", "", 9, 0.01, "intensifying"),
    ("hhhhhhhhhh", "", 9, 0.01, "intensifying"),
    ("hhhhhhhhhh", "", 9, 0.06, "persistent"),
    ("hhhhhhhhhh", "", -9, 0.01, "diminishing"),
    ("hhhh.hhhhh", "", 0, 1.0, "persistent"),
    ("hhhhhhhhh.", "", 0, 1.0, "historical"),
    ("hhhhhhhhh.", "", 9, 0.01, "historical"),
    ("hhhhhhhh..", "", 0, 1.0, "none"),
    ("h........h", "", 0, 1.0, "sporadic"),
    ("h.......hh", "", 0, 1.0, "sporadic"),
    ("hhhhhhhh.h", "", 0, 1.0, "persistent"),
    ("hhhhhhh..h", "", 0, 1.0, "sporadic"),
    ("h........h", "..c.", 0, 1.0, "oscillating"),
    ("..hhhhhhhh", "", 9, 0.01, "consecutive"),
    ("hhhhhh....", "", 0, 1.0, "none"),
    (".........h", "c", 0, 1.0, "new"),
]


@pytest.mark.parametrize(("hot", "cold", "s", "p", "expected"), CASES)
def test_the_kind_of_a_hot_spot(hot, cold, s, p, expected):
    assert kind(hot, cold, s=s, p=p) == expected


@pytest.mark.parametrize(("hot", "cold", "s", "p", "expected"), CASES)
def test_the_kind_of_a_cold_spot_is_the_mirror(hot, cold, s, p, expected):
    mirrored = kind(cold.replace("c", "h").ljust(10, "."), hot.replace("h", "c"), s=-s, p=p)
    assert mirrored == ("none" if expected == "none" else f"cold {expected}")


def test_a_past_hot_spot_that_turned_cold_is_told_as_the_past_hot_spot():
    assert kind("hhhhhhhhh.", ".........c") == "historical"


def test_every_history_has_one_kind():
    for steps in product(".h", repeat=10):
        told = kind("".join(steps))
        assert (told == "none") == (steps[-1] == "." and steps.count("h") < 9)


# -- months


@pytest.mark.parametrize(
    ("since", "until", "months"),
    [
        ("2026-01-01", "2026-03-31", ["2026-01", "2026-02", "2026-03"]),
        ("2026-01-02", "2026-03-31", ["2026-02", "2026-03"]),
        ("2026-01-01", "2026-03-30", ["2026-01", "2026-02"]),
        ("2024-02-01", "2024-02-28", []),  # leap year: the 29th is missing
        ("2024-02-01", "2024-02-29", ["2024-02"]),
        ("2025-12-31", "2026-01-31", ["2026-01"]),
        ("2026-03-05", "2026-03-20", []),
        ("2026-05-01", "2026-01-01", []),
    ],
)
def test_complete_months(since, until, months):
    assert complete_months(day(since), day(until)).astype(str).tolist() == months


def test_the_cube_counts_complete_months_only():
    days = np.array(["2025-01-15", "2025-02-01", "2025-02-28", "2025-11-30", "2025-12-01"], "M8[D]")
    cube = month_cube(
        np.array([0, 1, 1, 0, 0]), np.array([0, 2, 2, 1, 0]), days,
        shape=(2, 3), since=day("2025-01-10"), until=day("2025-12-10"),
    )  # fmt: skip
    assert cube.months.astype(str).tolist() == [f"2025-{month:02}" for month in range(2, 12)]
    assert cube.counts.shape == (10, 2, 3)
    assert np.argwhere(cube.counts).tolist() == [[0, 1, 2], [9, 0, 1]]
    assert cube.counts[0, 1, 2] == 2
    assert cube.left_out == 2


def test_an_issue_outside_the_days_stated_is_left_out():
    days = np.array(["2024-12-31", "2026-01-01"], "M8[D]")
    cube = month_cube(
        np.zeros(2, int),
        np.zeros(2, int),
        days,
        shape=(1, 1),
        since=day("2025-01-01"),
        until=day("2025-12-31"),
    )
    assert (cube.counts.sum(), cube.left_out) == (0, 2)


@pytest.mark.parametrize("until", ["2025-10-30", "2024-01-01"])
def test_fewer_than_ten_months_are_told(until):
    with pytest.raises(StatisticsError) as told:
        month_cube(
            np.zeros(0, int),
            np.zeros(0, int),
            np.zeros(0, "M8[D]"),
            shape=(1, 1),
            since=day("2025-01-01"),
            until=day(until),
        )
    assert told.value.code == "few_steps"
    assert told.value.facts["min_steps"] == 10


# -- the whole


def test_planted_histories_are_told_by_their_kind():
    rng = np.random.default_rng(4)
    rate = np.full((12, 60, 60), 2.0)
    rate[11, 5:10, 5:10] = 14  # new
    rate[8:, 5:10, 30:35] = 14  # consecutive
    rate[:, 30:35, 5:10] = np.linspace(8, 40, 12)[:, None, None]  # intensifying
    rate[:, 30:35, 30:35] = np.linspace(40, 8, 12)[:, None, None]  # diminishing
    rate[:11, 50:55, 50:55] = 14  # historical
    rate[:, 44:56, 20:32] = 0.02  # cold all the year
    inside = np.ones((60, 60), bool)
    inside[:, 58:] = False
    found = emerging(rng.poisson(rate), inside, QUEEN)
    middle = {
        (7, 7): "new",
        (7, 32): "consecutive",
        (32, 7): "intensifying",
        (32, 32): "diminishing",
        (52, 52): "historical",
    }
    assert {at: KINDS[found.kind[at]] for at in middle} == middle
    assert found.kind[50, 26] == -KINDS.index("persistent")
    assert not (found.hot & found.cold).any()
    assert (found.kind[:, 58:] == 0).all()
    assert (found.trend.p[:, 58:] == 1).all()
    assert np.isnan(found.z[:, :, 58:]).all()
    assert np.mean(found.kind[:40, 12:28] != 0) < 0.02


def test_a_month_with_too_few_issues_is_named():
    counts = np.random.default_rng(5).poisson(2.0, (10, 20, 20))
    counts[6] = 0
    with pytest.raises(StatisticsError) as told:
        emerging(counts, np.ones((20, 20), bool), QUEEN)
    assert told.value.code == "step_too_few"
    assert (told.value.facts["step"], told.value.facts["steps"], told.value.facts["events"]) == (7, 10, 0)


def test_nine_steps_are_too_few():
    with pytest.raises(StatisticsError) as told:
        emerging(np.ones((9, 20, 20), int), np.ones((20, 20), bool), QUEEN)
    assert told.value.code == "few_steps"
