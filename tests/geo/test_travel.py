"""The estimate without roads, against distances found by hand."""

import math

import numpy as np
import pytest

from geo.errors import DesignError
from geo.travel import CIRCUITY, MODES, SPEED_KMH, StraightLine, TravelEngine, geodesic

DEGREE_EAST = 6378137.0 * math.pi / 180
"""Metres along the equator, a circle of the ellipsoid's large half axis."""

DEGREE_NORTH = 6378137.0 * (1 - 0.00669438002290) * math.pi / 180
"""Metres along a meridian where it crosses the equator: its radius of curvature there is a (1 - e2)."""

HERE = np.array([[0.0, 0.0]])


def test_a_hundredth_of_a_degree_along_the_equator_is_1113_m():
    legs = StraightLine(circuity=1).matrix(HERE, np.array([[0.01, 0.0]]), "walk")
    assert legs.metres[0, 0] == pytest.approx(1113.1949, abs=1e-3)


def test_a_hundredth_of_a_degree_along_the_meridian_is_1106_m():
    metres = StraightLine(circuity=1).matrix(HERE, np.array([[0.0, 0.01]]), "walk").metres[0, 0]
    assert metres == pytest.approx(DEGREE_NORTH / 100, abs=1e-3)


def test_the_way_is_a_quarter_longer_than_straight():
    assert CIRCUITY == 1.25
    metres = StraightLine().matrix(HERE, np.array([[0.01, 0.0]]), "walk").metres[0, 0]
    assert metres == pytest.approx(1.25 * DEGREE_EAST / 100, abs=1e-3)


@pytest.mark.parametrize(("mode", "hours"), [("walk", 1 / 4.5), ("bike", 1 / 11), ("drive", 1 / 25)])
def test_a_kilometre_takes_what_the_speed_of_the_mode_says(mode, hours):
    there = np.array([[1000 / DEGREE_EAST, 0.0]])
    assert StraightLine(circuity=1).matrix(HERE, there, mode).seconds[0, 0] == pytest.approx(3600 * hours)


def test_the_speed_is_an_argument():
    there = np.array([[1000 / DEGREE_EAST, 0.0]])
    slow = StraightLine(circuity=1, speed_kmh={**SPEED_KMH, "walk": 3.6})
    assert slow.matrix(HERE, there, "walk").seconds[0, 0] == pytest.approx(1000)


def test_rows_are_sources_and_columns_are_targets():
    sources, targets = np.array([[0.0, 0.0], [0.02, 0.0]]), np.array([[0.01, 0.0], [0.02, 0.0], [0.05, 0.0]])
    hundredths = [[1, 2, 5], [1, 0, 3]]
    metres = StraightLine(circuity=1).matrix(sources, targets, "bike").metres
    np.testing.assert_allclose(metres, np.array(hundredths) * DEGREE_EAST / 100, atol=1e-6)


def test_the_180th_meridian_is_no_wall():
    metres = geodesic(np.array([179.999, 0.0]), np.array([-179.999, 0.0]))
    assert metres == pytest.approx(0.002 * DEGREE_EAST)


def test_no_sources_or_targets_give_an_empty_matrix():
    none = np.empty((0, 2))
    assert StraightLine().matrix(none, HERE, "walk").metres.shape == (0, 1)
    assert StraightLine().matrix(HERE, none, "walk").seconds.shape == (1, 0)
    assert StraightLine().snap(none, "walk").gap_m.shape == (0,)


@pytest.mark.parametrize("mode", MODES)
def test_every_position_is_on_the_network_itself(mode):
    places = np.array([[114.3, 30.6], [114.4, 30.5]])
    snapped = StraightLine().snap(places, mode)
    assert snapped.lonlat.tolist() == places.tolist()
    assert snapped.lonlat is not places
    assert snapped.gap_m.tolist() == [0, 0]
    assert snapped.part.tolist() == [0, 0]


def test_the_path_is_the_straight_line_with_the_numbers_of_the_matrix():
    engine: TravelEngine = StraightLine()
    a, b = np.array([114.3, 30.6]), np.array([114.31, 30.61])
    path, legs = engine.path(a, b, "bike"), engine.matrix(a[None], b[None], "bike")
    assert path is not None
    assert path.lonlat.tolist() == [a.tolist(), b.tolist()]
    assert (path.metres, path.seconds) == (legs.metres[0, 0], legs.seconds[0, 0])
    assert engine.estimate
    assert engine.name == "straight"


@pytest.mark.parametrize("circuity", [0.99, 0, -1, math.nan, math.inf])
def test_no_way_is_shorter_than_straight(circuity):
    with pytest.raises(DesignError) as refused:
        StraightLine(circuity)
    assert refused.value.code == "circuity_low"


@pytest.mark.parametrize("speed", [0, -4, math.nan, math.inf])
def test_a_speed_is_above_zero(speed):
    with pytest.raises(DesignError) as refused:
        StraightLine(speed_kmh={**SPEED_KMH, "bike": speed})
    assert refused.value.code == "speed_low"
    assert refused.value.facts["mode"] == "bike"
