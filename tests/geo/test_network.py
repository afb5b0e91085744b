"""Travel on roads: against networkx, by hand, and by the laws of distance."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from streets import GEOD, Oracle, city, layer, people, spots

from geo.network import RoadNetwork
from geo.roads import DRIVE_KMH, Speeds

WALK_MS = 4.5 / 3.6
# -- against networkx


@pytest.mark.parametrize("seed", range(6))
def test_walking_is_the_shortest_way_of_networkx(seed):
    roads, sources, targets = city(seed, oneway=0.3), people(seed, 12), people(seed + 50, 15)
    network = RoadNetwork.from_lines(roads)
    metres, _, gap, other = Oracle(roads, network.graph("walk").crs).table(sources, targets)
    found = network.matrix(sources, targets, "walk")
    np.testing.assert_allclose(found.metres, metres + gap[:, None] + other, rtol=1e-6)
    np.testing.assert_allclose(found.seconds, found.metres / WALK_MS, rtol=1e-12)


@pytest.mark.parametrize("seed", range(6))
def test_cycling_obeys_one_way_streets(seed):
    roads, sources, targets = city(seed, oneway=0.3), people(seed, 12), people(seed + 50, 9 + seed)
    network = RoadNetwork.from_lines(roads)
    metres, _, gap, other = Oracle(roads, network.graph("bike").crs, directed=True).table(sources, targets)
    found = network.matrix(sources, targets, "bike")
    np.testing.assert_allclose(found.metres, metres + gap[:, None] + other, rtol=1e-6)
    gap_s = (gap[:, None] + other) / WALK_MS
    np.testing.assert_allclose(found.seconds, metres / (11 / 3.6) + gap_s, rtol=1e-6)


@pytest.mark.parametrize("seed", range(6))
def test_driving_is_the_quickest_way_and_tells_its_metres(seed):
    roads, sources, targets = city(seed, oneway=0.2), people(seed, 12), people(seed + 50, 15)
    network = RoadNetwork.from_lines(roads)
    oracle = Oracle(roads, network.graph("drive").crs, directed=True, kmh=DRIVE_KMH)
    seconds, metres, gap, other = oracle.table(sources, targets, "seconds")
    found = network.matrix(sources, targets, "drive")
    np.testing.assert_allclose(found.seconds, seconds + (gap[:, None] + other) / WALK_MS, rtol=1e-6)
    np.testing.assert_allclose(found.metres, metres + gap[:, None] + other, rtol=1e-6)


@pytest.mark.parametrize("mode", ["walk", "bike", "drive"])
def test_a_path_is_as_long_as_the_matrix_says_and_as_its_line(mode):
    roads, places = city(3, oneway=0.2), people(3, 14)
    network = RoadNetwork.from_lines(roads)
    table = network.matrix(places, places[::-1], mode)
    paths = network.paths(places, places[::-1], mode)
    for n, path in enumerate(paths):
        if path is None:
            assert np.isinf(table.metres[n, n])
            continue
        assert path.metres == pytest.approx(table.metres[n, n], rel=1e-12)
        assert path.seconds == pytest.approx(table.seconds[n, n], rel=1e-12)
        assert GEOD.line_length(*path.lonlat.T) == pytest.approx(path.metres, rel=1e-6)
        assert path.lonlat[0].tolist() == places[n].tolist()
        assert path.lonlat[-1].tolist() == places[::-1][n].tolist()
    assert sum(path is not None for path in paths) >= 10


@pytest.mark.parametrize("mode", ["walk", "bike"])
def test_within_holds_the_pairs_of_the_matrix_and_no_others(mode):
    roads, sources, gates = city(5, oneway=0.2), people(5, 70), people(55, 90)
    owner = np.random.default_rng(5).integers(0, 40, 90)
    network = RoadNetwork.from_lines(roads)
    metres, _, gap, other = Oracle(roads, network.graph(mode).crs, directed=mode == "bike").table(
        sources, gates
    )
    metres += gap[:, None] + other
    for owners in (None, owner):
        units = np.arange(90) if owners is None else owners
        best = np.full((70, 90), np.inf)
        for gate, unit in enumerate(units):
            best[:, unit] = np.minimum(best[:, unit], metres[:, gate])
        found = network.within(sources, gates, 400.0, mode, owner=owners)
        source, unit = np.nonzero(best <= 400.0)
        assert found.anchor.tolist() == source.tolist()
        assert found.unit.tolist() == unit.tolist()
        np.testing.assert_allclose(found.entry_m, best[source, unit], rtol=1e-6)
    assert 0 < len(found) < 70 * 40


# -- laws


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(["walk", "bike", "drive"]))
def test_no_detour_is_shorter_and_walking_back_is_as_far(seed, mode):
    places = people(seed, 9, side=4)
    places[8] = places[0]
    network = RoadNetwork.from_lines(city(seed, 4, oneway=0.3))
    cost = getattr(network.matrix(places, places, mode), "seconds" if mode == "drive" else "metres")
    assert (np.diag(cost) == 0).all()
    assert cost[0, 8] == 0
    assert (cost[:, None, :] <= cost[:, :, None] + cost[None] + 1e-6).all()
    if mode == "walk":
        np.testing.assert_allclose(cost, cost.T, rtol=1e-12)


# -- by hand


def metres(roads, mode, a, b, **options):
    network = RoadNetwork.from_lines(roads, **options)
    found = network.matrix(spots(a), spots(b), mode).metres[0, 0]
    path = network.path(spots(a)[0], spots(b)[0], mode)
    assert (path is None and np.isinf(found)) or path.metres == pytest.approx(found, rel=1e-12)
    return found


def test_two_positions_on_one_edge_are_as_far_as_the_edge_between_them():
    assert metres(layer([(0, 0), (300, 0)]), "walk", (50, 0), (220, 0)) == pytest.approx(170, abs=1e-3)


def test_the_way_to_and_from_the_road_counts():
    assert metres(layer([(0, 0), (300, 0)]), "walk", (50, 20), (220, -30)) == pytest.approx(220, abs=1e-3)


def test_positions_on_parallel_edges_go_round_the_shorter_way():
    roads = layer([(0, 0), (300, 0)], [(0, 0), (0, 100), (300, 100), (300, 0)])
    assert metres(roads, "walk", (100, 0), (150, 100)) == pytest.approx(100 + 100 + 150, abs=1e-3)
    assert metres(roads, "walk", (250, 0), (150, 100)) == pytest.approx(50 + 100 + 150, abs=1e-3)


def test_positions_on_a_loop_go_the_shorter_way_round():
    roads = layer([(-200, 0), (0, 0)], [(0, 0), (100, 0), (100, 100), (0, 100), (0, 0)])
    assert metres(roads, "walk", (50, 0), (0, 80)) == pytest.approx(50 + 80, abs=1e-3)
    assert metres(roads, "walk", (90, 0), (100, 90)) == pytest.approx(10 + 90, abs=1e-3)
    assert metres(roads, "walk", (-50, 0), (0, 70)) == pytest.approx(50 + 70, abs=1e-3)


def test_on_a_one_way_loop_one_goes_all_the_way_round():
    roads = layer([(-200, 0), (0, 0)], [(0, 0), (100, 0), (100, 100), (0, 100), (0, 0)], oneway=["no", "yes"])
    assert metres(roads, "bike", (0, 80), (50, 0)) == pytest.approx(80 + 50, abs=1e-3)
    assert metres(roads, "bike", (50, 0), (20, 0)) == pytest.approx(400 - 30, abs=1e-3)
    assert metres(roads, "walk", (50, 0), (20, 0)) == pytest.approx(30, abs=1e-3)


def test_against_a_one_way_edge_one_goes_round_the_block():
    block = [(0, 0), (200, 0)], [(200, 0), (200, 100), (0, 100), (0, 0)]
    for way in ("yes", "reverse"):
        lines = block if way == "yes" else (block[0][::-1], block[1])
        roads = layer(*lines, oneway=[way, "no"])
        assert metres(roads, "bike", (50, 0), (150, 0)) == pytest.approx(100, abs=1e-3)
        assert metres(roads, "bike", (150, 0), (50, 0)) == pytest.approx(50 + 400 + 50, abs=1e-3)
        assert metres(roads, "drive", (150, 0), (50, 0)) == pytest.approx(500, abs=1e-3)
        assert metres(roads, "walk", (150, 0), (50, 0)) == pytest.approx(100, abs=1e-3)


def test_a_bridge_is_not_left_and_a_junction_is():
    cross = layer([(-500, 0), (500, 0)], [(0, -500), (0, 500)])
    assert np.isinf(metres(cross, "walk", (-200, 0), (0, 100)))
    assert metres(cross, "walk", (-200, 0), (0, 100), join_at_crossings=True) == pytest.approx(300, abs=1e-3)


def test_three_streets_that_cross_in_one_place_meet_there():
    star = layer([(-500, 0), (500, 0)], [(0, -500), (0, 500)], [(-300, -300), (300, 300)])
    for a, b, expected in (((-200, 0), (0, 100), 300), ((0, 100), (150, 150), 100 + 150 * 2**0.5)):
        assert metres(star, "walk", a, b, join_at_crossings=True) == pytest.approx(expected, abs=0.01)


def test_the_line_of_a_path_follows_the_corners_of_the_street():
    roads = layer([(0, 0), (100, 0), (100, 50), (300, 50)], [(300, 50), (300, 200)])
    path = RoadNetwork.from_lines(roads).path(*spots((20, 5), (305, 120)), "walk")
    corners = spots((20, 5), (20, 0), (100, 0), (100, 50), (300, 50), (300, 120), (305, 120))
    np.testing.assert_allclose(path.lonlat, corners, atol=2e-9)
    assert path.metres == pytest.approx(5 + 80 + 50 + 200 + 70 + 5, abs=1e-3)
    assert path.seconds == pytest.approx(path.metres / WALK_MS)


def test_a_path_ends_where_it_was_asked_to_also_on_the_road():
    network = RoadNetwork.from_lines(layer([(0, 0), (100, 0), (100, 50)]))
    for a, b, corners in (((20, 0), (100, 30), 3), ((20, 0), (20.00001, 0), 2), ((100, 0), (0, 0), 2)):
        source, target = spots(a, b)
        path = network.path(source, target, "walk")
        assert (path.lonlat[0].tolist(), path.lonlat[-1].tolist()) == (source.tolist(), target.tolist())
        assert len(path.lonlat) == corners


def test_a_fast_detour_beats_a_slow_street_by_car_only():
    roads = layer(
        [(0, 0), (0, 300)], [(0, 0), (100, 0), (100, 300), (0, 300)], **{"class": ["alley", "primary"]}
    )
    network = RoadNetwork.from_lines(roads, speeds=Speeds(drive={"alley": 10, "primary": 36}))
    pair = spots((0, 0)), spots((0, 300))
    driven, walked = network.matrix(*pair, "drive"), network.matrix(*pair, "walk")
    assert (driven.metres[0, 0], driven.seconds[0, 0]) == pytest.approx((500, 50), rel=1e-5)
    assert (walked.metres[0, 0], walked.seconds[0, 0]) == pytest.approx((300, 240), rel=1e-5)


def test_equal_positions_are_nowhere_apart_even_without_a_road():
    network = RoadNetwork.from_lines(layer([(0, 0), (300, 0)]))
    lost = spots((5_000, 9_000), (50, 3))
    found = network.matrix(lost, lost, "walk")
    assert found.metres.tolist() == [[0, np.inf], [np.inf, 0]]
    path = network.path(lost[0], lost[0], "walk")
    assert (path.metres, path.seconds, path.lonlat.shape) == (0, 0, (2, 2))
    assert network.within(lost, lost, 10).entry_m.tolist() == [0, 0]


def test_positions_without_a_road_within_reach_meet_nothing():
    network = RoadNetwork.from_lines(layer([(0, 0), (300, 0)]))
    places = spots((0, 2_001), (0, 1_999), (9_000, 0))
    found = network.snap(places, "walk")
    np.testing.assert_allclose(found.gap_m, [np.inf, 1_999, np.inf], atol=0.01)
    assert found.part.tolist() == [-1, 0, -1]
    assert found.lonlat[[0, 2]].tolist() == places[[0, 2]].tolist()
    table = network.matrix(places, spots((300, 0)), "walk").metres[:, 0]
    np.testing.assert_allclose(table, [np.inf, 2_299, np.inf], atol=0.01)
    assert network.path(places[0], places[1], "walk") is None


def test_nothing_asked_is_nothing_answered():
    network, none, one = RoadNetwork.from_lines(layer([(0, 0), (300, 0)])), np.empty((0, 2)), spots((0, 0))
    for mode in ("walk", "drive"):
        assert network.matrix(none, one, mode).metres.shape == (0, 1)
        assert network.matrix(one, none, mode).seconds.shape == (1, 0)
    assert len(network.within(none, one, 100)) == len(network.within(one, none, 100)) == 0
    assert network.paths(none, none, "walk") == []
    assert network.warnings_for(none, "walk") == ()


# -- warnings


def told(network, places):
    return {warning.code: dict(warning.facts) for warning in network.warnings_for(places, "walk")}


def test_warnings_name_far_snaps_parts_apart_and_the_edge_of_the_extract():
    far = 5_000
    square = [(-far, -far), (far, -far), (far, far), (-far, far), (-far, -far)]
    island = [(500, 600), (3_500, 600)]
    cross = [(-far, -far), (far, far)]
    network = RoadNetwork.from_lines(layer(square, cross, island))
    assert told(network, spots((0, 0), (10, -10))) == {}
    found = told(
        network, spots((0, 0), (1_000, 660), (2_000, 610), (-4_000, -4_000), (far + 5, 0), (90_000, 0))
    )
    assert found["no_road_near"] == {"count": 1, "first": 5, "within_m": 2_000}
    assert found["snap_far"] == {"count": 1, "first": 1, "over_m": 50, "worst_m": pytest.approx(60, abs=0.01)}
    assert found["part_apart"] == {"count": 2, "first": 1, "parts": 1}
    assert found["extract_edge"] == {"count": 2, "first": 3, "within_m": 2_000, "outside": 1}
