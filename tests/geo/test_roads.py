"""Which lines meet where, who may use them, and how long they are."""

from __future__ import annotations

import json
from itertools import pairwise

import geopandas as gpd
import numpy as np
import pytest
import shapely
from pyproj import CRS
from shapely import GeometryCollection, LineString, MultiLineString, Point
from streets import GEOD, LAT, LON, Oracle, at, city, layer

from geo.errors import CRSError, LayerError
from geo.network import RoadNetwork
from geo.roads import Speeds, build_graph, count_crossings, open_to, stretch


def pieces(graph):
    """Row and length to the centimetre of every edge."""
    return list(zip(graph.row.tolist(), graph.length_m.round(2).tolist(), strict=True))


def degrees(graph):
    return sorted(np.bincount(np.concatenate([graph.u, graph.v])).tolist())


# -- lines become edges


def test_lines_split_where_they_share_a_vertex():
    roads = layer([(0, 0), (100, 0), (150, 5), (200, 0)], [(100, -80), (100, 0), (100, 60)])
    graph = build_graph(roads, "walk")
    bent = round(2 * (50**2 + 5**2) ** 0.5, 2)
    assert pieces(graph) == [(0, 100.0), (0, bent), (1, 80.0), (1, 60.0)]
    assert degrees(graph) == [1, 1, 1, 1, 4]
    assert np.diff(graph.starts).tolist() == [2, 3, 2, 2]
    assert graph.part.tolist() == [0] * 5
    np.testing.assert_allclose(graph.part_m, [240 + bent], atol=0.02)


def test_a_line_that_meets_itself_is_split_there():
    lollipop = [(0, 0), (100, 0), (150, 50), (150, -50), (100, 0)]
    graph = build_graph(layer(lollipop), "walk")
    assert pieces(graph) == [(0, 100.0), (0, round(100 + 2 * 5000**0.5, 2))]
    assert (graph.u == graph.v).tolist() == [False, True]


def test_vertices_a_millimetre_apart_are_one_and_three_centimetres_apart_are_two():
    for gap, nodes, bridges in ((0.001, 5, 0), (0.03, 4, 1)):  # metres
        graph = build_graph(layer([(-100, 0), (0, 0), (100, 0)], [(5, -90), (0, gap), (5, 90)]), "walk")
        assert (len(graph.x), count_crossings(graph)) == (nodes, bridges)


def test_parts_of_a_multiline_and_repeated_vertices_count_as_drawn():
    two = MultiLineString([[at(0, 0), at(0, 0), at(50, 0), at(50, 0)], [at(50, 0), at(50, 70)]])
    graph = build_graph(layer(two), "walk")
    assert pieces(graph) == [(0, 50.0), (0, 70.0)]
    assert degrees(graph) == [1, 1, 2]


def test_what_is_no_line_is_left_out_and_counted():
    with np.errstate(invalid="ignore"):
        unplaced = LineString([(114.0, 30.0), (np.nan, 30.0)])
    roads = layer(
        [(0, 0), (100, 0)],
        None,
        LineString(),
        Point(LON, LAT),
        GeometryCollection([Point(LON, LAT)]),
        LineString([at(0, 0), at(0, 0)]),
        unplaced,
        LineString([(114.0, 30.0), (114.0, 95.0)]),
        [(0, 0), (0, 100)],
        subtype=[None] * 8 + ["motorroad"],
    )
    graph = build_graph(roads, "walk")
    assert pieces(graph) == [(0, 100.0)]
    assert graph.counts == {
        "rows": 9, "missing": 2, "not_lines": 2, "unreadable": 2, "no_length": 1, "closed": 1,
        "joined": 0, "crossings_joined": 0,
    }  # fmt: skip


def test_the_third_coordinate_is_not_looked_at():
    flat = build_graph(layer([(0, 0), (100, 0)]), "walk")
    hill = LineString([(*at(0, 0), 5.0), (*at(100, 0), 90.0)])
    assert build_graph(layer(hill), "walk").length_m.tolist() == flat.length_m.tolist()


@pytest.mark.parametrize("crs", [None, "EPSG:32650", "EPSG:4547", "EPSG:32649"])
def test_lengths_are_metres_on_the_ground_in_any_plane(crs):
    roads = city(1)
    graph = build_graph(roads, "walk", crs and CRS.from_user_input(crs))
    expected = [GEOD.line_length(*np.array(line.coords).T) for line in roads.geometry]
    np.testing.assert_allclose(np.bincount(graph.row, graph.length_m), expected, rtol=1e-6)
    lonlat = graph.lonlat(graph.vertices)
    for edge, (first, last) in enumerate(pairwise(graph.starts)):
        assert GEOD.line_length(*lonlat[first:last].T) == pytest.approx(graph.length_m[edge], rel=1e-6)


def test_a_crossing_on_the_other_side_of_the_world_has_its_own_plane():
    for lon, lat in ((-179.99, -17.0), (18.07, 59.33), (113.5, 22.2)):
        roads = gpd.GeoDataFrame(
            {"class": ["alley"]},
            geometry=[LineString([(lon, lat), (lon + 0.01, lat + 0.01)])],
            crs="EPSG:4326",
        )
        expected = GEOD.inv(lon, lat, lon + 0.01, lat + 0.01)[2]
        assert build_graph(roads, "walk").length_m[0] == pytest.approx(expected, rel=1e-6)


# -- ends that stop short, bridges


@pytest.mark.parametrize(("gap", "joined"), [(0.0, 1), (0.3, 1), (-0.3, 1), (0.49, 1), (0.6, 0)])
def test_an_end_within_half_a_metre_of_another_line_is_joined_there(gap, joined):
    graph = build_graph(layer([(0, 0), (300, 0)], [(100, gap), (100, 80)]), "walk")
    assert graph.counts["joined"] == joined
    if joined:
        assert pieces(graph) == [(0, 100.0), (0, 200.0), (1, 80.0)]
        assert degrees(graph) == [1, 1, 1, 3]
        assert len(graph.part_m) == 1
    else:
        assert len(graph.part_m) == 2


def test_ends_that_face_each_other_become_one():
    graph = build_graph(layer([(0, 0), (100, 0)], [(100.3, 0.1), (200, 0)]), "walk")
    assert graph.counts["joined"] == 2
    assert degrees(graph) == [1, 1, 2]
    np.testing.assert_allclose(graph.length_m.sum(), 200, atol=0.05)


def test_loose_ends_near_each_other_and_a_street_join_the_street():
    roads = layer([(0, 0), (300, 0)], [(100, 0.3), (100, 80)], [(99.8, 0.25), (40, 30)])
    graph = build_graph(roads, "walk")
    assert graph.counts["joined"] == 2
    assert pieces(graph)[:3] == [(0, 99.8), (0, 0.2), (0, 200.0)]
    assert len(graph.part_m) == 1


def test_a_chain_of_loose_ends_meets_in_one_place():
    roads = layer(
        [(0, 0), (100, 0)], [(100, 0.2), (100, 80)], [(100.3, 0), (180, -60)], [(99.8, -0.1), (40, -60)]
    )
    graph = build_graph(roads, "walk")
    assert graph.counts["joined"] == 4
    assert len(graph.part_m) == 1


def test_a_stub_shorter_than_half_a_metre_is_joined_to_nothing_else():
    roads = layer([(0, 0), (100, 0), (200, 0)], [(100, 0), (100, 0.4)])
    assert build_graph(roads, "walk").counts["joined"] == 0


def test_several_ends_on_one_line_cut_it_several_times():
    roads = layer(
        [(0, 0), (150, 0), (300, 0)],
        [(250, 0.2), (250, 80)],
        [(50, 0.2), (50, 80)],
        [(100, -0.2), (100, -80)],
    )
    graph = build_graph(roads, "walk")
    assert [length for row, length in pieces(graph) if row == 0] == [50.0, 50.0, 150.0, 50.0]
    assert len(graph.part_m) == 1


def test_an_end_joins_the_nearest_line_and_of_equal_ones_the_first():
    near = build_graph(layer([(0, 0), (300, 0)], [(0, 0.3), (300, 0.3)], [(100, 0.2), (100, -80)]), "walk")
    assert [row for row, length in pieces(near) if length in (100.0, 200.0)] == [1, 1]
    same = build_graph(layer([(0, 0), (300, 0)], [(0, 0), (300, 0)], [(100, 0.2), (100, 80)]), "walk")
    assert pieces(same) == [(0, 100.0), (0, 200.0), (1, 300.0), (2, 80.0)]


def test_a_crossing_without_a_vertex_is_a_bridge_that_is_counted_and_can_be_joined():
    roads = layer([(-100, 0), (200, 0)], [(0, -50), (0, 60)], [(100, -50), (100, 60)], [(200, 0), (200, 90)])
    bridge = build_graph(roads, "walk")
    assert (len(bridge), count_crossings(bridge)) == (4, 2)
    joined = build_graph(roads, "walk", join_at_crossings=True)
    assert pieces(joined) == [
        (0, 100.0),
        (0, 100.0),
        (0, 100.0),
        (1, 50.0),
        (1, 60.0),
        (2, 50.0),
        (2, 60.0),
        (3, 90.0),
    ]
    assert joined.counts["crossings_joined"] == 2
    assert count_crossings(joined) == 0
    assert len(joined.part_m) == 1


def test_a_crossing_with_a_shared_vertex_is_no_bridge():
    roads = layer([(-100, 0), (0, 0), (200, 0)], [(0, -50), (0, 0), (0, 60)])
    assert count_crossings(build_graph(roads, "walk")) == 0


def test_loops_that_hang_on_one_corner_are_no_bridge():
    loops = [(0, 0), (50, 10), (50, -10), (0, 0)], [(0, 0), (-50, 10), (-50, -10), (0, 0)]
    assert count_crossings(build_graph(layer(*loops, [(0, -90), (0, 0), (0, 90)]), "walk")) == 0


def test_lines_that_cross_twice_are_two_bridges():
    assert (
        count_crossings(build_graph(layer([(-100, 0), (200, 0)], [(0, -50), (50, 60), (100, -50)]), "walk"))
        == 2
    )


# -- who may use what


def rule(mode, **columns):
    n = len(next(iter(columns.values())))
    roads = layer(*[[(0, 0), (100, 0)]] * n, **columns)
    return open_to(roads, mode).tolist()


def test_motorways_are_closed_on_foot_and_paths_to_cars():
    kinds = ["motorway", "trunk", "primary", "alley", "service", "path"]
    assert rule("walk", **{"class": kinds}) == [False, True, True, True, True, True]
    assert rule("bike", **{"class": kinds}) == [False, True, True, True, True, True]
    assert rule("drive", **{"class": kinds}) == [True, True, True, True, True, False]


def test_the_subtype_closes_steps_to_bicycles_and_pedestrian_streets_to_cars():
    columns = {
        "class": ["path", "residential", "trunk", "path", "residential"],
        "subtype": ["steps", "pedestrian", "motorroad", "cycleway", "living_street"],
    }
    assert rule("walk", **columns) == [True, True, False, True, True]
    assert rule("bike", **columns) == [False, True, False, True, True]
    assert rule("drive", **columns) == [False, False, True, False, True]


def test_the_column_modes_decides_where_it_is_filled():
    columns = {
        "class": ["motorway", "path", "residential", "residential", "motorway", "path"],
        "modes": ["walk drive", "bike drive", "none", "walk bike drive", None, " "],
    }
    assert rule("walk", **columns) == [True, False, False, True, False, True]
    assert rule("bike", **columns) == [False, True, False, True, False, True]
    assert rule("drive", **columns) == [True, True, False, True, True, False]


def test_one_way_binds_wheels_and_not_feet():
    roads = layer(*[[(0, y), (100, y)] for y in (0, 100, 200, 300)], oneway=["yes", "reverse", "no", None])
    for mode, there, back in (
        ("walk", [True] * 4, [True] * 4),
        ("bike", [True, False, True, True], [False, True, True, True]),
        ("drive", [True, False, True, True], [False, True, True, True]),
    ):
        graph = build_graph(roads, mode)
        assert (graph.forward.tolist(), graph.backward.tolist()) == (there, back)


def test_a_layer_with_geometry_alone_is_a_network_too():
    bare = gpd.GeoDataFrame(geometry=layer([(0, 0), (100, 0)]).geometry)
    for mode, kmh in (("walk", 4.5), ("bike", 11), ("drive", 25)):
        graph = build_graph(bare, mode)
        assert graph.seconds[0] == pytest.approx(100 / kmh * 3.6, rel=1e-5)


def test_speeds_follow_the_class_when_driving():
    roads = layer([(0, 0), (100, 0)], [(0, 100), (100, 100)], **{"class": ["primary", "alley"]})
    graph = build_graph(roads, "drive", speeds=Speeds(drive={"primary": 36.0}))
    np.testing.assert_allclose(graph.seconds, [10, 14.4], rtol=1e-5)
    np.testing.assert_allclose(build_graph(roads, "walk", speeds=Speeds(walk=3.6)).seconds, 100, rtol=1e-5)


def test_parts_are_numbered_by_their_road_and_reach_there_and_back():
    roads = layer(
        [(0, 0), (100, 0)], [(0, 500), (300, 500)], [(300, 500), (300, 600)], oneway=["no", "no", "yes"]
    )
    walk, bike = build_graph(roads, "walk"), build_graph(roads, "bike")
    np.testing.assert_allclose(walk.part_m, [400, 100], atol=0.01)
    assert walk.edge_part.tolist() == [1, 0, 0]
    assert bike.edge_part.tolist() == [1, 0, -1]  # nobody comes back from the end of the one-way street


# -- errors


def test_no_road_for_a_mode_is_an_error_that_says_why():
    with pytest.raises(LayerError, match="none of 2 roads can be used to drive: 2 are closed") as caught:
        build_graph(layer(*[[(0, 0), (100, 0)]] * 2, **{"class": ["path"] * 2}), "drive")
    assert caught.value.code == "roads_none"
    assert caught.value.facts == {"mode": "drive", "rows": 2, "closed": 2}
    with pytest.raises(LayerError, match="none of 0 roads"):
        build_graph(layer(), "walk")


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:3857"])
def test_degrees_and_web_mercator_are_no_plane(crs):
    with pytest.raises(CRSError):
        build_graph(layer([(0, 0), (100, 0)]), "walk", CRS.from_user_input(crs))


# -- stretches


def test_a_stretch_follows_the_vertices_between_its_ends():
    graph = build_graph(layer([(0, 0), (100, 0), (100, 50)]), "walk")
    for low, high, inner in ((20, 120, 1), (0, 150, 1), (10, 90, 0), (110, 110, 0)):
        there = graph.lonlat(stretch(graph, 0, low, high))
        assert len(there) == 2 + inner
        assert GEOD.line_length(*there.T) == pytest.approx(high - low, abs=1e-3)
        np.testing.assert_array_equal(graph.lonlat(stretch(graph, 0, high, low)), there[::-1])


# -- real roads


@pytest.fixture(scope="module")
def wuhan(test_data):
    fastparquet = pytest.importorskip("fastparquet")
    with (test_data / "road_networks" / "wuhan_8989.parquet").open("rb") as opened:
        parquet = fastparquet.ParquetFile(opened)
        table = parquet.to_pandas()
        stated = json.loads(parquet.key_value_metadata["geo"])["columns"]["geometry"]["crs"]
    subtype = table["highway"].astype("str")
    kinds = subtype.str.removesuffix("_link").replace(
        dict.fromkeys(("living_street", "unclassified", "pedestrian"), "residential")
    )
    lines = gpd.GeoDataFrame(
        {"class": kinds, "subtype": subtype, "oneway": "no"},
        geometry=shapely.from_wkb(table["geometry"].to_numpy()),
        crs=CRS.from_json_dict(stated),
    )
    return lines.to_crs("EPSG:4326")


@pytest.mark.testdata
def test_wuhan_is_one_network_whose_ways_are_those_of_networkx(wuhan):
    nx = pytest.importorskip("networkx")
    graph = build_graph(wuhan.assign(modes="walk"), "walk")  # everything open: the network of the provenance
    ends = shapely.get_coordinates(wuhan.geometry).reshape(-1, 2, 2)
    # 11 of the 82,902 nodes lie on another one
    corners, number = np.unique(ends.reshape(-1, 2).round(7), axis=0, return_inverse=True)
    assert (len(graph), len(graph.x), len(graph.part_m)) == (92_667 + graph.counts["joined"], len(corners), 1)
    assert graph.length_m.sum() / 1000 == pytest.approx(7_185, rel=1e-3)
    metres = GEOD.inv(*ends[:, 0].T, *ends[:, 1].T)[2]
    oracle = nx.Graph()
    for (u, v), length in zip(number.reshape(-1, 2).tolist(), metres, strict=True):
        oracle.add_edge(u, v, length=min(length, oracle.get_edge_data(u, v, {"length": np.inf})["length"]))
    place, (a, b) = ends[:, 0], number.reshape(-1, 2)[[11_111, 77_777], 0]
    expected = nx.dijkstra_path_length(oracle, a, b, weight="length")
    network = RoadNetwork.from_lines(wuhan.assign(modes="walk"))
    path = network.path(place[11_111], place[77_777], "walk")
    assert path.metres == pytest.approx(expected, rel=1e-6)
    assert GEOD.line_length(*path.lonlat.T) == pytest.approx(expected, rel=1e-6)
    assert 1.05 < expected / GEOD.inv(*place[11_111], *place[77_777])[2] < 2


@pytest.mark.testdata
@pytest.mark.parametrize(
    "name",
    [
        "osm_pbf_samples/liechtenstein.osm.pbf",
        "beijing_haidian_osm/tsinghua_2017.osm",
        "beijing_haidian_osm/cau_2026.osm",
    ],
)
def test_openstreetmap_files_give_the_ways_of_networkx(test_data, name):
    from layers.osm import read_osm  # noqa: PLC0415

    roads = read_osm(test_data / name).layers["roads"]
    network = RoadNetwork.from_lines(roads)
    used = roads[open_to(roads, "walk")]
    middle = np.array([line.coords[len(line.coords) // 2] for line in used.geometry])
    places = middle[np.random.default_rng(1).choice(len(middle), 12, replace=False)]
    graph = network.graph("walk")
    metres, _, gap, other = Oracle(used, graph.crs).table(places[:6], places[6:])
    found = network.matrix(places[:6], places[6:], "walk")
    np.testing.assert_allclose(found.metres, metres + gap[:, None] + other, rtol=1e-6)
