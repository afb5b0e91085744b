"""Positions meet the nearest edge worth going to: against a loop over all segments, and by hand."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from streets import GEOD, city, layer, people, spots

from geo.crs import scale_at
from geo.roads import build_graph
from geo.snapping import REACH_M, EdgeTree, small_parts, worth_snapping


def loop_over_edges(graph, place):
    """The nearest edge, offset, gap and foot of one position: every segment in turn."""
    x, y = graph.plane(place[None])[0]
    scale = scale_at(graph.crs, place[:1], place[1:])[0]
    best = (np.inf, -1, 0.0, (x, y))
    for edge in np.flatnonzero(worth_snapping(graph)).tolist():
        line, done = graph.vertices[graph.starts[edge] : graph.starts[edge + 1]], 0.0
        whole = float(np.hypot(*np.diff(line, axis=0).T).sum())
        for (ax, ay), (bx, by) in pairwise(line):
            dx, dy = bx - ax, by - ay
            size = dx * dx + dy * dy
            share = min(max(((x - ax) * dx + (y - ay) * dy) / size, 0.0), 1.0) if size else 0.0
            foot = (ax + share * dx, ay + share * dy)
            gap = ((foot[0] - x) ** 2 + (foot[1] - y) ** 2) ** 0.5 / scale
            if gap < best[0] - 1e-9:
                offset = (done + share * size**0.5) / whole * graph.length_m[edge]
                best = (gap, edge, offset, foot)
            done += size**0.5
    return best


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(["walk", "bike"]))
def test_snapping_is_the_loop_over_all_edges(seed, mode):
    graph = build_graph(city(seed, 5, oneway=0.3), mode)
    places = people(seed, 12, side=5)
    found = EdgeTree(graph).snap(places)
    for n, place in enumerate(places):
        gap, edge, offset, foot = loop_over_edges(graph, place)
        assert found.gap_m[n] == pytest.approx(gap, abs=1e-6)
        np.testing.assert_allclose(found.xy[n], foot, rtol=0, atol=1e-6)
        if found.edge[n] == edge:
            assert found.offset_m[n] == pytest.approx(offset, abs=1e-6)
        else:  # equally near: where edges meet, or one line drawn twice
            assert found.edge[n] < edge or found.gap_m[n] < gap


def test_the_foot_and_the_gap_lie_where_a_ruler_says():
    graph = build_graph(layer([(0, 0), (100, 0), (100, 200)], [(0, 400), (250, 400)]), "walk")
    places = spots((40, -7), (130, 50), (-30, -40), (100, 200), (100, 290), (100, 310))
    found = EdgeTree(graph).snap(places)
    assert found.edge.tolist() == [0, 0, 0, 0, 0, 1]
    np.testing.assert_allclose(found.offset_m, [40, 150, 0, 300, 300, 100], atol=1e-3)
    np.testing.assert_allclose(found.gap_m, [7, 30, 50, 0, 90, 90], atol=1e-3)
    assert found.part.tolist() == [0, 0, 0, 0, 0, 1]
    feet = graph.lonlat(found.xy)
    np.testing.assert_allclose(GEOD.inv(*places.T, *feet.T)[2], found.gap_m, atol=1e-6)


def test_of_edges_equally_near_the_first_serves():
    roads = layer([(-100, 0), (0, 0)], [(0, 0), (100, 0)], [(-100, 0), (0, 0)], [(0, 0), (0, -100)])
    found = EdgeTree(build_graph(roads, "walk")).snap(spots((5, 60), (0, 60), (-5, 60), (-50, 0)))
    assert found.edge.tolist() == [1, 0, 0, 0]


def test_only_edges_open_to_the_mode_are_met():
    roads = layer([(0, 0), (500, 0)], [(0, 50), (500, 50)], **{"class": ["path", "primary"]})
    for mode, gap in (("walk", 10), ("drive", 40)):
        found = EdgeTree(build_graph(roads, mode)).snap(spots((250, 10)))
        assert found.gap_m[0] == pytest.approx(gap, abs=1e-3)


# -- parts not worth going to


def test_a_stub_is_passed_over_for_the_network_a_few_metres_farther():
    roads = layer([(0, 0), (3_000, 0)], [(100, 10), (120, 10)])
    found = EdgeTree(build_graph(roads, "walk")).snap(spots((110, 11)))
    assert (found.edge[0], found.part[0]) == (0, 0)
    assert found.gap_m[0] == pytest.approx(11, abs=1e-3)


@pytest.mark.parametrize(
    ("main", "other", "kept"),
    [(30_000, 1_990, False), (30_000, 2_010, True), (900, 95, True), (900, 85, False)],
)
def test_a_part_is_small_below_two_kilometres_and_a_tenth_of_the_largest(main, other, kept):
    graph = build_graph(layer([(0, 0), (main, 0)], [(0, 500), (other, 500)]), "walk")
    found = EdgeTree(graph).snap(spots((50, 490)))
    assert (found.edge[0], found.part[0]) == ((1, 1) if kept else (0, 0))
    assert len(small_parts(graph)) == (0 if kept else 1)


def test_small_parts_are_named_with_what_lies_on_them():
    roads = layer(
        [(0, 0), (40_000, 0)],
        [(0, 500), (30, 500), (30, 560)],
        [(30, 560), (90, 560)],
        [(0, 900), (40, 900)],
        [(20_000, 0), (20_000, 300)],
        oneway=["no", "no", "no", "no", "yes"],
    )
    graph = build_graph(roads, "bike")
    first, second, oneway = small_parts(graph)
    assert (first.rows, first.edges, first.part) == ((1, 2), 2, 1)
    assert first.metres == pytest.approx(150, abs=0.01)
    assert GEOD.inv(*first.lonlat, *spots((30, 500))[0])[2] < 0.01
    assert (second.rows, second.part) == ((3,), 2)
    assert (oneway.rows, oneway.part) == ((4,), -1)
    assert oneway.metres == pytest.approx(300, abs=0.01)
    assert [part.rows for part in small_parts(build_graph(roads, "walk"))] == [(1, 2), (3,)]


def test_a_layer_of_single_one_way_streets_is_still_met():
    graph = build_graph(layer([(0, 0), (300, 0)], oneway=["yes"]), "drive")
    found = EdgeTree(graph).snap(spots((100, 5)))
    assert (found.edge[0], found.part[0]) == (0, 0)
    assert small_parts(graph) == ()


# -- edges of the world


def test_positions_that_are_no_place_meet_nothing():
    tree = EdgeTree(build_graph(layer([(0, 0), (300, 0)]), "walk"))
    with np.errstate(invalid="ignore"):
        found = tree.snap(np.array([[np.nan, 30.6], [np.inf, np.inf], [-65.7, -30.6], [114.3, 30.6]]))
    assert found.edge.tolist() == [-1, -1, -1, 0]
    assert found.gap_m[:3].tolist() == [np.inf] * 3
    assert tree.snap(np.empty((0, 2))).edge.tolist() == []


def test_a_place_in_another_ocean_meets_nothing():
    tree = EdgeTree(build_graph(layer([(0, 0), (300, 0)]), "walk"))
    found = tree.snap(np.array([[0.0, 0.0], [24.9, 0.0], [24.3, 0.01], [204.3, 0.0], [180.0, 85.0]]))
    assert found.edge.tolist() == [-1] * 5
    assert np.isinf(found.gap_m).all()


def test_the_reach_ends_at_two_kilometres():
    tree = EdgeTree(build_graph(layer([(0, 0), (300, 0)]), "walk"))
    found = tree.snap(spots((10, REACH_M - 0.01), (10, REACH_M + 0.01)))
    assert found.edge.tolist() == [0, -1]


def test_positions_in_several_chunks_are_those_one_by_one(monkeypatch):
    tree = EdgeTree(build_graph(city(4), "walk"))
    places = people(4, 50)
    whole = tree.snap(places)
    monkeypatch.setattr("geo.snapping._CHUNK", 7)
    parts = tree.snap(places)
    for name in ("edge", "offset_m", "gap_m", "xy", "part"):
        np.testing.assert_array_equal(getattr(parts, name), getattr(whole, name))
