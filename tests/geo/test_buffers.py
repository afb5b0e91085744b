"""Entry distances against GEOS, pair by pair, and against figures worked out by hand."""

import math

import numpy as np
import pytest
import shapely

from geo.buffers import PairTable, discs, entry_distances, segments
from geo.errors import FrameError

CRS = "EPSG:4547"


def geometries(*shapes):
    found = np.empty(len(shapes), dtype=object)
    found[:] = shapes
    return found


def entries(anchors, units, radius_m=2000.0, scale=None, rule="intersects"):
    k = np.ones(len(anchors)) if scale is None else scale
    return entry_distances(anchors, units, crs=CRS, scale=k, radius_m=radius_m, rule=rule)


def as_dict(pairs):
    return {
        (int(a), int(u)): float(d) for a, u, d in zip(pairs.anchor, pairs.unit, pairs.entry_m, strict=True)
    }


def all_against_all(anchors, units, radius_m, scale):
    """Slow and obvious: every distance by GEOS."""
    found = {}
    for a, anchor in enumerate(anchors):
        for u, unit in enumerate(units):
            distance = shapely.distance(anchor, unit) / scale[a]
            if distance <= radius_m:
                found[a, u] = distance
    return found


def random_lines(rng, n, size):
    lines = []
    for _ in range(n):
        corners = np.cumsum(rng.normal(0, rng.choice([20, 80, 700]), (rng.integers(2, 9), 2)), axis=0)
        lines.append(shapely.LineString(corners + rng.uniform(0, size, 2)))
    lines.append(shapely.MultiLineString([lines[0], lines[1]]))
    return geometries(*lines)


@pytest.mark.parametrize("seed", range(4))
def test_lines_have_the_distance_that_geos_gives(seed):
    rng = np.random.default_rng(seed)
    anchors = np.asarray(shapely.points(rng.uniform(-3000, 6000, (40, 2)) + np.array([500_000, 3_400_000])))
    units = random_lines(rng, 300, 6000)
    units = np.asarray(shapely.transform(units, lambda xy: xy + np.array([500_000, 3_400_000])))
    scale = rng.uniform(0.9996, 1.0004, 40)
    expected = all_against_all(anchors, units, 2000.0, scale)
    found = as_dict(entries(anchors, units, scale=scale))
    assert found.keys() == expected.keys()
    assert max(abs(found[pair] - expected[pair]) for pair in expected) < 1e-6


@pytest.mark.parametrize("seed", range(2))
def test_polygons_points_and_gates_mix(seed):
    rng = np.random.default_rng(seed)
    anchors = np.asarray(shapely.points(rng.uniform(0, 3000, (30, 2))))
    polygons = shapely.buffer(
        shapely.points(rng.uniform(0, 3000, (60, 2))), rng.uniform(20, 150, 60), quad_segs=3
    )
    gates = [shapely.MultiPoint(rng.uniform(0, 3000, (3, 2))) for _ in range(40)]
    points = shapely.points(rng.uniform(0, 3000, (40, 2)))
    units = geometries(*polygons, *gates, *points)
    expected = all_against_all(anchors, units, 800.0, np.ones(30))
    found = as_dict(entries(anchors, units, radius_m=800.0))
    assert found.keys() == expected.keys()
    assert max(abs(found[pair] - expected[pair]) for pair in expected) < 1e-6
    assert min(expected.values()) == 0.0  # an anchor inside a compound


def test_polygon_anchors_are_measured_from_their_boundary():
    anchors = geometries(shapely.box(0, 0, 100, 100), shapely.box(1000, 0, 1100, 100))
    units = geometries(shapely.LineString([(400, 50), (500, 50)]), shapely.LineString([(10, 10), (20, 20)]))
    assert as_dict(entries(anchors, units, radius_m=500.0)) == {(0, 0): 300.0, (0, 1): 0.0, (1, 0): 500.0}


def test_pairs_come_sorted_and_each_once():
    rng = np.random.default_rng(3)
    anchors = np.asarray(shapely.points(rng.uniform(0, 5000, (70, 2))))
    pairs = entries(anchors, random_lines(rng, 400, 5000))
    keys = pairs.anchor * 1000 + pairs.unit
    assert (np.diff(keys) > 0).all()


def test_the_radius_belongs_to_the_surrounding():
    units = geometries(shapely.Point(500, 0), shapely.Point(500.0001, 0))
    assert as_dict(entries(geometries(shapely.Point(0, 0)), units, radius_m=500.0)) == {(0, 0): 500.0}


# one straight alley, 300 m long, 40 m off the anchor at its near end
ALLEY = shapely.LineString([(0, 40), (300, 40)])
BENT = shapely.LineString([(0, 40), (0, 140), (300, 140)])


@pytest.mark.parametrize(
    ("rule", "line", "by_hand"),
    [
        ("intersects", ALLEY, 40.0),
        ("midpoint", ALLEY, math.hypot(150, 40)),
        ("majority", ALLEY, math.hypot(150, 40)),
        ("within", ALLEY, math.hypot(300, 40)),
        ("part", ALLEY, math.hypot(50, 40)),
        ("intersects", BENT, 40.0),
        ("midpoint", BENT, math.hypot(100, 140)),
        ("majority", BENT, math.hypot(100, 140)),
        ("within", BENT, math.hypot(300, 140)),
        ("part", BENT, 90.0),
        # 60 m long: half of it is less than 50 m
        ("part", shapely.LineString([(0, 40), (60, 40)]), math.hypot(30, 40)),
        # two parts of 100 m on both sides, the same distance away: 100 m are inside as the radius
        # reaches 50 m along each
        ("majority", shapely.MultiLineString([[(10, 0), (110, 0)], [(-10, 0), (-110, 0)]]), 60.0),
    ],
)
def test_rules_have_the_entry_distance_worked_out_by_hand(rule, line, by_hand):
    found = as_dict(entries(geometries(shapely.Point(0, 0)), geometries(line), rule=rule))
    assert found[0, 0] == pytest.approx(by_hand, abs=1e-6)


@pytest.mark.parametrize("rule", ["majority", "part"])
def test_the_length_inside_the_entry_radius_is_the_length_asked_for(rule):
    rng = np.random.default_rng(5)
    anchors = np.asarray(shapely.points(rng.uniform(0, 3000, (10, 2))))
    units = random_lines(rng, 60, 3000)
    pairs = entries(anchors, units, rule=rule)
    assert len(pairs) > 100
    for a, u, r in zip(pairs.anchor[:150], pairs.unit[:150], pairs.entry_m[:150], strict=True):
        wanted = units[u].length / 2 if rule == "majority" else min(50.0, units[u].length / 2)
        # GEOS draws the circle as a polygon with 4 x 2000 sides: 0.2 mm off at 2 km
        circle = anchors[a].buffer(r, quad_segs=2000)
        assert units[u].intersection(circle).length == pytest.approx(wanted, abs=0.5)


def test_rules_only_ever_shrink_the_pool():
    rng = np.random.default_rng(6)
    anchors = np.asarray(shapely.points(rng.uniform(0, 3000, (20, 2))))
    units = random_lines(rng, 200, 3000)
    near = as_dict(entries(anchors, units))
    for rule in ("part", "midpoint", "majority", "within"):
        found = as_dict(entries(anchors, units, rule=rule))
        assert found.keys() <= near.keys()
        assert all(found[pair] >= near[pair] - 1e-9 for pair in found)


def test_no_anchors_or_no_units_give_no_pairs():
    none = np.empty(0, dtype=object)
    point = geometries(shapely.Point(0, 0))
    assert len(entries(none, point)) == 0
    assert len(entries(point, none)) == 0
    assert len(entries(geometries(shapely.box(0, 0, 1, 1)), none)) == 0


@pytest.mark.parametrize(
    ("units", "rule", "code"),
    [
        (geometries(None), "intersects", "geometry_missing"),
        (geometries(shapely.LineString()), "intersects", "geometry_missing"),
        (geometries(shapely.Point(1, 1)), "midpoint", "rule_lines"),
        (geometries(shapely.box(0, 0, 1, 1)), "within", "rule_lines"),
    ],
)
def test_impossible_units_are_refused(units, rule, code):
    with pytest.raises(FrameError) as told:
        entries(geometries(shapely.Point(0, 0)), units, rule=rule)
    assert told.value.code == code


def test_length_rules_do_not_measure_from_a_boundary():
    with pytest.raises(FrameError) as told:
        entries(geometries(shapely.box(0, 0, 1, 1)), geometries(ALLEY), rule="majority")
    assert told.value.code == "rule_needs_point"


@pytest.mark.parametrize("bad", [-1.0, math.inf, math.nan])
def test_a_pair_table_refuses_impossible_distances(bad):
    with pytest.raises(FrameError) as told:
        PairTable(np.array([0, 0]), np.array([0, 1]), np.array([5.0, bad]))
    assert told.value.code == "pairs_distance"
    assert told.value.facts["row"] == 1


def test_segments_of_points_and_lines():
    found = segments(
        geometries(shapely.MultiPoint([(1, 2), (3, 4)]), shapely.LineString([(0, 0), (3, 4), (3, 9)]))
    )
    assert found.starts.tolist() == [0, 2, 4]
    assert found.owner.tolist() == [0, 0, 1, 1]
    assert found.dx.tolist() == [0, 0, 3, 0]
    assert found.dy.tolist() == [0, 0, 4, 5]


def test_buffers_to_draw_have_the_area_of_their_disc_or_ring():
    points = geometries(shapely.Point(500_000, 3_400_000))
    disc = discs(points, np.array([1000.0]), np.ones(1), crs=CRS)[0]
    ring = discs(points, np.array([1000.0]), np.ones(1), crs=CRS, inner_m=500.0)[0]
    assert disc.area == pytest.approx(math.pi * 1e6, rel=1e-3)
    assert ring.area == pytest.approx(math.pi * 0.75e6, rel=1e-3)
