"""The right datum is told where the roads can tell it, and nothing is told where they cannot."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from geo.crs import GEOD, bd09_to_wgs84, from_wgs84, gcj02_to_wgs84, to_wgs84
from geo.datum_fit import DEGREES, Pairs, fit, judge, metres_between, roads_from, same_named
from geo.offset import CAUSES, MIRRORED, UNKNOWN, direction_of, offset_of_pairs, offset_to_roads
from geo.plane_systems import plausible_systems, suggestions

LON, LAT = 116.30, 39.95
DEGREE_M = 111_320.0


def town_roads():
    """Forty crooked streets in no regular pattern, 4 km across: a town made by a stated seed."""
    rng = np.random.default_rng(20261120)
    ends = rng.uniform(-2000, 2000, (40, 2, 2))
    bends = ends.mean(axis=1, keepdims=True) + rng.normal(0, 150, (40, 1, 2))
    return [lonlat(line) for line in np.concatenate([ends[:, :1], bends, ends[:, 1:]], axis=1)]


def lonlat(metres):
    step = np.asarray(metres, float) / DEGREE_M
    return np.column_stack([LON + step[:, 0] / np.cos(np.radians(LAT)), LAT + step[:, 1]])


TOWN = np.array([shapely.linestrings(line) for line in town_roads()], dtype=object)


def beside(lines, count, seed, noise_m=10.0):
    """Places on the roads of a city, in degrees, moved by chance."""
    rng = np.random.default_rng(seed)
    parts = shapely.get_parts(lines)
    size = shapely.length(parts)
    chosen = parts[rng.choice(len(parts), count, p=size / size.sum())]
    on = shapely.get_coordinates(shapely.line_interpolate_point(chosen, rng.random(count), normalized=True))
    noise = rng.normal(0, noise_m / DEGREE_M, (count, 2))
    return on + noise / np.column_stack([np.cos(np.radians(on[:, 1])), np.ones(count)])


def shifted(places, datum):
    return np.column_stack(from_wgs84(*places.T, datum))


# -- roads -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("datum", DEGREES)
@pytest.mark.parametrize("count", [40, 300])
def test_points_beside_roads_tell_their_datum(datum, count):
    verdict = fit(shifted(beside(TOWN, count, 1), datum), roads=roads_from(TOWN))
    assert (verdict.winner, verdict.by) == (datum, "near")
    metres = {f.datum: f.road_m for f in verdict.fits}
    assert metres[datum] < 10.0 < min(m for d, m in metres.items() if d != datum)


@pytest.mark.parametrize("datum", DEGREES)
def test_buildings_set_back_from_roads_tell_their_datum_though_it_is_not_the_nearest(datum):
    """Places 45-70 m from any road: every wrong datum scatters some of them onto the roadway."""
    rng = np.random.default_rng(2)
    roads = roads_from(TOWN)
    places = lonlat(rng.uniform(-1800, 1800, (6000, 2)))
    gap = roads.distance(roads.plane(places))
    verdict = fit(shifted(places[(gap > 45) & (gap < 70)], datum), roads=roads)
    assert (verdict.winner, verdict.by) == (datum, "clear")
    assert next(f.on_road for f in verdict.fits if f.datum == datum) == 0.0


def test_points_of_no_relation_to_roads_tell_nothing():
    roads = roads_from(TOWN)
    told = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        middles = rng.uniform(-1800, 1800, (5, 2))
        places = (rng.uniform(-1800, 1800, (60, 2)), middles[rng.integers(5, size=200)])[seed % 2]
        told += fit(lonlat(places + rng.normal(0, 100, places.shape)), roads=roads).winner is not None
    assert told <= 1  # measured: below 1 %


@pytest.mark.parametrize("away", [(-400, 0), (0, 700), (300, -300)])
def test_points_beside_the_roads_by_a_step_of_no_datum_tell_nothing(away):
    step = np.array(away) / DEGREE_M
    assert fit(beside(TOWN, 200, 3, 5.0) + step, roads=roads_from(TOWN)).winner is None


def test_points_on_parallel_streets_tell_nothing_where_a_step_to_the_next_street_fits_as_well():
    ends = [lonlat([[-3000, y], [3000, y]]) for y in range(-3000, 3001, 150)]
    streets = np.array([shapely.linestrings(line) for line in ends], dtype=object)
    places = [[7919 * i % 3000 - 1500, 150 * (i % 20 - 10)] for i in range(200)]
    assert fit(lonlat(places), roads=roads_from(streets)).winner is None


def test_far_points_are_left_out_and_counted():
    near, far = beside(TOWN, 60, 4), lonlat(np.full((25, 2), 30_000.0))
    verdict = fit(np.vstack([far, near]), roads=roads_from(TOWN))
    assert (verdict.winner, verdict.far) == ("wgs84", 25)
    assert verdict.used <= 60


@pytest.mark.parametrize(
    "xy", [np.empty((0, 2)), [[LON, LAT]], [[np.nan, LAT], [np.inf, 1e300]], [[1e308, -1e308]]]
)
def test_too_few_or_impossible_points_tell_nothing(xy):
    for roads in (roads_from(TOWN), None):
        verdict = fit(xy, roads=roads)
        assert verdict.winner is None
        assert [f.datum for f in verdict.fits] == list(DEGREES)


def test_no_lines_are_no_roads():
    assert roads_from(np.empty(0, dtype=object)) is None


def test_the_answer_does_not_change_between_calls():
    places = beside(TOWN, 3000, 5)
    assert fit(places, roads=roads_from(TOWN)) == fit(places, roads=roads_from(TOWN))


def test_figures_come_from_the_same_points_under_every_candidate():
    places = beside(TOWN, 200, 6)
    roads = roads_from(TOWN)
    verdict = judge({"one": places, "two": places.copy()}, roads)
    assert verdict.winner is None  # equal candidates
    assert verdict.fits[0].road_m == verdict.fits[1].road_m


# -- names -----------------------------------------------------------------------------------------

NAMES = ["第一小学", "人民 医院", "市场A", "客运站", "槐树社区", "商场", "商场", None, ""]
PLACES = lonlat(np.random.default_rng(7).uniform(-2000, 2000, (len(NAMES), 2)))


def test_names_pair_once_on_either_side_whatever_their_spaces_and_case():
    pairs = same_named(["人民医院", "x", "市场a", "商场", "客运站", "客运站"], NAMES, PLACES)
    assert pairs.index.tolist() == [0, 2]
    assert np.array_equal(pairs.lonlat, PLACES[[1, 2]])


@pytest.mark.parametrize("datum", DEGREES)
def test_five_known_names_tell_the_datum_without_roads(datum):
    pairs = same_named(NAMES, NAMES, PLACES)
    assert len(pairs.index) == 5
    verdict = fit(shifted(PLACES, datum), pairs=pairs)
    assert (verdict.winner, verdict.by, verdict.pairs) == (datum, "names", 5)


def test_four_known_names_are_too_few():
    pairs = same_named(NAMES[1:], NAMES[1:], PLACES[1:])
    assert fit(PLACES[1:], pairs=pairs).winner is None


def test_names_of_another_city_tell_nothing():
    pairs = same_named(NAMES, NAMES, PLACES + 1.0)
    assert fit(PLACES, pairs=pairs).winner is None


def test_roads_against_names_is_undecided():
    places = beside(TOWN, 200, 8)
    index = np.arange(10)
    pairs = Pairs(index, np.column_stack(gcj02_to_wgs84(*places[index].T)))
    assert fit(places, roads=roads_from(TOWN)).winner == "wgs84"
    assert fit(places, pairs=pairs).winner == "gcj02"
    assert fit(places, roads=roads_from(TOWN), pairs=pairs).winner is None


def test_metres_between_places_agree_with_the_geodesic():
    a, b = lonlat([[3000, 400]]), lonlat([[-1000, 2000]])
    azimuth, _, metres = GEOD.inv(*b[0], *a[0])
    east, north = metres_between(a, b)[0]
    assert np.hypot(east, north) == pytest.approx(metres, rel=0.01)
    assert np.degrees(np.arctan2(east, north)) == pytest.approx(azimuth, abs=0.5)


# -- offsets ---------------------------------------------------------------------------------------


def test_directions_are_those_of_the_compass():
    steps = [(0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1)]
    assert [direction_of(*step) for step in steps] == ["n", "ne", "e", "se", "s", "sw", "w", "nw"]
    assert [direction_of(np.sin(a), np.cos(a)) for a in np.radians([-22, 22, 23, 337, 338])] == [
        "n", "n", "ne", "nw", "n",
    ]  # fmt: skip


def stored_wrongly(cause, places):
    """Places as they lie in the store when coordinates of one datum are imported as another."""
    was, taken = cause.split("_as_")
    return np.column_stack(to_wgs84(*shifted(places, was).T, taken))


@pytest.mark.parametrize("cause", CAUSES)
def test_a_datum_taken_for_another_is_found_against_roads_and_against_names(cause):
    places = beside(TOWN, 300, 9, 5.0)
    stored = stored_wrongly(cause, places)
    _, _, metres = GEOD.inv(*places[0], *stored[0])
    for offset in (
        offset_to_roads(stored, roads_from(TOWN)),
        offset_of_pairs(stored, Pairs(np.arange(20), places[:20])),
    ):
        assert offset is not None
        assert offset.cause == cause
        assert offset.metres == pytest.approx(metres, rel=0.02)
        azimuth = np.radians(GEOD.inv(*places[0], *stored[0])[0])
        assert offset.direction == direction_of(np.sin(azimuth), np.cos(azimuth))


@pytest.mark.parametrize("cause", CAUSES)
def test_the_mirrored_mistake_in_the_other_layer_leaves_the_same_step(cause):
    places = beside(TOWN, 50, 10)
    other = stored_wrongly(MIRRORED[cause], places)
    offset = offset_of_pairs(places, Pairs(np.arange(50), other))
    assert offset is not None
    assert offset.cause == cause


def test_layers_in_order_have_no_offset():
    places = beside(TOWN, 300, 11)
    assert offset_to_roads(places, roads_from(TOWN)) is None
    assert offset_of_pairs(places, Pairs(np.arange(300), places)) is None
    assert offset_of_pairs(places, Pairs(np.arange(0), np.empty((0, 2)))) is None


def test_a_common_step_of_no_datum_has_an_unknown_cause():
    places = beside(TOWN, 30, 12)
    moved = places + np.array([0, 400 / DEGREE_M])
    offset = offset_of_pairs(moved, Pairs(np.arange(30), places))
    assert (offset.cause, offset.direction, round(offset.metres)) == (UNKNOWN, "n", 400)


@pytest.mark.parametrize(("north_m", "noise_m"), [(150, 5), (1800, 5), (600, 200)])
def test_short_long_and_loose_steps_are_no_steady_offset(north_m, noise_m):
    places = beside(TOWN, 60, 13)
    noise = np.random.default_rng(1).normal(0, noise_m, (60, 2))
    moved = places + (np.array([0, north_m]) + noise) / DEGREE_M
    assert offset_of_pairs(moved, Pairs(np.arange(60), places)) is None


# -- metres without a stated system ----------------------------------------------------------------

WUHAN = (114.31, 30.55)


@pytest.mark.parametrize("datum", ["EPSG:4547", "EPSG:4526", "EPSG:32650", "EPSG:3857", "EPSG:32649"])
@pytest.mark.parametrize("northing_first", [False, True])
def test_plane_coordinates_of_wuhan_are_recognised(datum, northing_first):
    xy = np.column_stack(from_wgs84(*np.add(WUHAN, [[0, 0], [0.02, 0.01], [-0.01, 0.02]]).T, datum))
    found = plausible_systems(xy[:, ::-1] if northing_first else xy, WUHAN)
    mine = [s for s in found if s.datum == datum]
    assert [s.northing_first for s in mine] == [northing_first]
    assert (mine[0].lon, mine[0].lat) == pytest.approx(WUHAN, abs=0.02)


def test_an_easting_of_eight_digits_names_its_zone():
    # central meridian of 3-degree zone 38 is 114 E, of 6-degree zone 20 it is 117 E
    assert [s.datum for s in plausible_systems([[38_530_000, 3_381_000]])] == ["EPSG:4526"]
    assert [s.datum for s in plausible_systems([[20_242_000, 3_384_000]])] == ["EPSG:4498"]


def test_without_a_city_every_meridian_is_named_and_none_chosen():
    told = suggestions([[3_381_000, 530_000]])
    assert told.startswith("EPSG:4547: 114.31, 30.5")
    assert told.count(";") == 4


@pytest.mark.parametrize("xy", [[], [[114.3, 30.5]], [[np.nan, np.nan]], [[5.0, 1e12]], [[1e300, -1e300]]])
def test_degrees_and_other_numbers_are_no_plane_system(xy):
    assert plausible_systems(xy) == []


def test_the_fit_tells_a_plane_system_from_its_neighbour():
    places = beside(TOWN, 200, 14)
    xy = shifted(places, "EPSG:4548")
    candidates = [s.datum for s in plausible_systems(xy, (LON, LAT))]
    assert {"EPSG:4548", "EPSG:32650"} <= set(candidates)
    assert fit(xy, roads=roads_from(TOWN), candidates=candidates).winner == "EPSG:4548"


# -- real cities -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def haidian(test_data):
    file = test_data / "beijing_haidian_osm" / "beijing_haidian.gpkg"
    roads = gpd.read_file(file, layer="roads").geometry.to_numpy()
    return roads[np.isin(shapely.get_type_id(roads), [1, 5])]


@pytest.mark.testdata
def test_shanghai_bus_stops_are_wgs84(test_data):
    lines = gpd.read_file(test_data / "shanghai" / "roads_centre_2026.gpkg").geometry.to_numpy()
    pois = pd.read_csv(test_data / "shanghai" / "poi_shanghai_urban_9_districts.csv")
    stops = pois.loc[pois["src"] == "shanghai_bus", ["lon", "lat"]].to_numpy()
    verdict = fit(stops, roads=roads_from(lines))
    assert (verdict.winner, verdict.by) == ("wgs84", "near")
    metres = {f.datum: f.road_m for f in verdict.fits}
    assert metres["wgs84"] < 5 and 25 < metres["gcj02"] < 35  # PROVENANCE.md: 3.5 against 29-33
    assert offset_to_roads(stops, roads_from(lines)) is None


@pytest.mark.testdata
def test_outlines_of_beijing_business_areas_are_bd09(test_data, haidian):
    areas = gpd.read_file(test_data / "beijing_lianjia_bd09" / "business_areas_bd09.geojson")
    outlines = shapely.get_coordinates(areas.geometry.to_numpy())
    verdict = fit(outlines, roads=roads_from(haidian))
    assert (verdict.winner, verdict.by) == ("bd09", "near")
    offset = offset_to_roads(outlines, roads_from(haidian))  # stored as if they were WGS-84
    assert (offset.cause, offset.direction) == ("bd09_as_wgs84", "ne")
    assert 900 < offset.metres < 1400


@pytest.mark.testdata
@pytest.mark.parametrize("datum", DEGREES)
@pytest.mark.parametrize("layer", ["pois", "residential"])
def test_pois_and_houses_of_haidian_tell_their_datum(test_data, haidian, layer, datum):
    table = gpd.read_file(test_data / "beijing_haidian_osm" / "beijing_haidian.gpkg", layer=layer)
    middles = shapely.get_coordinates(shapely.centroid(table.geometry.to_numpy()))
    assert offset_to_roads(middles, roads_from(haidian)) is None
    verdict = fit(shifted(middles, datum), roads=roads_from(haidian))
    assert verdict.winner in (datum, None)
    if datum == "wgs84":
        assert (verdict.winner, verdict.by) == (datum, {"pois": "near", "residential": "clear"}[layer])


@pytest.mark.testdata
@pytest.mark.parametrize("count", [20, 50, 300])
def test_small_files_of_haidian_are_never_told_wrongly(haidian, count):
    roads = roads_from(haidian)
    told = []
    for seed in range(15):
        for datum in ("gcj02", "bd09"):
            told.append((datum, fit(shifted(beside(haidian, count, seed), datum), roads=roads).winner))
    assert all(winner in (datum, None) for datum, winner in told)
    assert sum(winner == datum for datum, winner in told) >= 26  # of 30


def test_the_inverse_of_a_mistake_is_the_published_transform():
    places = beside(TOWN, 5, 15)
    for cause, move in (("gcj02_as_wgs84", gcj02_to_wgs84), ("bd09_as_wgs84", bd09_to_wgs84)):
        assert np.array_equal(np.column_stack(CAUSES[cause](*places.T)), np.column_stack(move(*places.T)))
        back = np.column_stack(CAUSES[cause](*stored_wrongly(cause, places).T))
        np.testing.assert_allclose(back, places, atol=1e-9)
