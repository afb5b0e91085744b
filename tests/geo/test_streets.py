"""Edges strung into streets: what goes on, what ends, what comes round."""

from __future__ import annotations

import numpy as np
import pytest
from streets import layer

from geo.roads import build_graph
from geo.streets import make_streets


def strung(*lines, names=None, chosen=None):
    roads = layer(*lines)
    graph = build_graph(roads, "walk")
    named = np.array(names or [""] * len(lines), object)[graph.row]
    return graph, make_streets(graph, named, chosen)


def lengths(streets):
    return sorted(np.round(streets.length_m, 1).tolist())


def test_edges_of_one_name_are_one_street_whatever_crosses():
    graph, streets = strung(
        [(0, 0), (300, 0), (700, 0)], [(300, -200), (300, 0), (300, 100)], names=["大街", "小街"]
    )
    assert len(graph) == 4
    assert sorted(zip(streets.name, np.round(streets.length_m).tolist(), strict=True)) == [
        ("大街", 700), ("小街", 300),
    ]  # fmt: skip


def test_a_street_goes_round_a_corner_where_only_two_of_its_ends_meet():
    _, streets = strung([(0, 0), (200, 0)], [(200, 0), (200, 300)], names=["弯街", "弯街"])
    assert lengths(streets) == [500.0]


def test_a_name_that_changes_ends_the_street():
    _, streets = strung([(0, 0), (200, 0)], [(200, 0), (500, 0)], names=["东街", "西街"])
    assert lengths(streets) == [200.0, 300.0]


def test_where_a_street_forks_it_goes_straight_on_and_the_arm_is_a_street_of_its_own():
    _, streets = strung([(0, 0), (200, 0)], [(200, 0), (500, 10)], [(200, 0), (200, 100)], names=["叉街"] * 3)
    assert lengths(streets) == [100.0, pytest.approx(500.2, abs=0.1)]


def test_roads_without_a_name_go_straight_on_over_a_crossing_and_end_at_a_corner_that_others_meet():
    _, straight = strung([(0, 0), (200, 0), (400, 0)], [(200, -100), (200, 0)])
    assert lengths(straight) == [100.0, 400.0]
    _, corner = strung(
        [(0, 0), (200, 0)], [(200, 0), (200, 300)], [(200, 0), (300, -200)], names=["", "", "名街"]
    )
    assert lengths(corner) == [200.0, pytest.approx(223.6, abs=0.1), 300.0]


def test_a_road_that_comes_back_is_a_ring_and_its_measure_passes_the_seam():
    graph, streets = strung([(0, 0), (100, 0), (100, 100)], [(100, 100), (0, 100), (0, 0)])
    assert streets.ring.tolist() == [True]
    assert lengths(streets) == [400.0]
    edge, low, high = zip(*streets.pieces(0, 350.0, 450.0), strict=True)
    assert len(edge) == 2
    assert sum(abs(b - a) for a, b in zip(low, high, strict=True)) == pytest.approx(100.0)
    path = streets.path(graph, 0, 350.0, 450.0)
    assert np.hypot(*np.diff(path, axis=0).T).sum() == pytest.approx(100.0, abs=0.1)


def test_a_loop_of_one_edge_is_a_ring():
    _, streets = strung([(0, 0), (100, 0), (50, 80), (0, 0)])
    assert streets.ring.tolist() == [True]


def test_measure_runs_against_an_edge_that_is_drawn_the_other_way():
    _, streets = strung([(0, 0), (200, 0)], [(500, 0), (200, 0)], names=["街", "街"])
    assert sorted(streets.turned.tolist()) == [False, True]
    at = streets.place_of(2)
    # 50 m from the beginning of the second line is its far end
    there = streets.along(at[[1]], np.array([50.0]), np.array([300.0]))[0]
    assert there == pytest.approx(450.0 if not streets.turned[at[0]] else 50.0, abs=0.01)
    pieces = streets.pieces(0, 100.0, 300.0)
    assert sum(abs(high - low) for _, low, high in pieces) == pytest.approx(200.0)


def test_edges_that_are_no_streets_are_left_out():
    _, streets = strung([(0, 0), (200, 0)], [(200, 0), (500, 0)], chosen=np.array([True, False]))
    assert lengths(streets) == [200.0]


def test_no_street_at_all_is_no_fault():
    _, streets = strung([(0, 0), (200, 0)], chosen=np.array([False]))
    assert len(streets) == 0
    assert len(streets.edge) == 0
