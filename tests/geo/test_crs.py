"""Coordinates against published values, PROJ's registry and round trips."""

import math

import numpy as np
import pytest
import shapely
from pyproj import CRS, Geod, Transformer

from geo import crs
from geo.errors import CRSError

RNG_SEED = 20261120


def china(n):
    rng = np.random.default_rng(RNG_SEED)
    return rng.uniform(73.5, 135.0, n), rng.uniform(18.0, 53.5, n)


# published test values of eviltransform (Beijing, Shanghai, Shenzhen) and coordtransform (116.404, 39.915)
@pytest.mark.parametrize(
    ("wgs", "gcj"),
    [
        ((121.5272106, 31.1774276), (121.531541859215, 31.17530398364597)),
        ((113.912316, 22.543847), (113.9171764808363, 22.540796131694766)),
        ((116.377817, 39.911954), (116.38404722455657, 39.91334545536069)),
        ((116.404, 39.915), (116.41024449916938, 39.91640428150164)),
    ],
)
def test_gcj02_agrees_with_published_values(wgs, gcj):
    # eviltransform uses another ellipsoid: 1.8 cm, so 1e-6 degrees
    np.testing.assert_allclose(np.ravel(crs.wgs84_to_gcj02(*wgs)), gcj, atol=1e-6)


def test_bd09_agrees_with_a_published_value():
    found = np.ravel(crs.gcj02_to_bd09(116.404, 39.915))
    np.testing.assert_allclose(found, (116.41036949371029, 39.92133699351021), atol=1e-10)


@pytest.mark.parametrize("datum", ["gcj02", "bd09", "EPSG:4547", "EPSG:32650", "cgcs2000"])
def test_a_round_trip_stays_below_a_micrometre(datum):
    lon, lat = china(2000)
    if datum.startswith("EPSG"):
        lon = 113.0 + (lon - 73.5) / 61.5 * 2.0  # within the zone
    back = crs.to_wgs84(*crs.from_wgs84(lon, lat, datum), datum)
    metres = Geod(ellps="GRS80").inv(lon, lat, back.lon, back.lat)[2]
    assert metres.max() < 1e-6


def test_places_outside_china_are_not_shifted():
    for move in (crs.wgs84_to_gcj02, crs.gcj02_to_wgs84, crs.wgs84_to_bd09, crs.bd09_to_wgs84):
        assert tuple(map(float, move(24.94, 60.17))) == (24.94, 60.17)


def test_the_shift_is_as_large_as_the_domain_reference_says():
    # nine cities: 265 to 657 m between WGS-84 and GCJ-02; anywhere in China 18 to 702 m
    lon, lat = china(5000)
    moved = crs.wgs84_to_gcj02(lon, lat)
    metres = Geod(ellps="GRS80").inv(lon, lat, moved.lon, moved.lat)[2]
    assert metres.min() > 5
    assert metres.max() < 720
    assert 300 < np.median(metres) < 550


@pytest.mark.parametrize(
    ("lon", "code"), [(114.0, 4547), (120.0, 4549), (75.0, 4534), (135.0, 4554), (112.6, 4547)]
)
def test_the_three_degree_zone_of_a_longitude(lon, code):
    assert crs.gauss_kruger(lon) == code


@pytest.mark.parametrize("width", [3, 6])
@pytest.mark.parametrize("zone_number", [False, True])
@pytest.mark.parametrize("lon", [76.0, 87.9, 104.2, 117.4, 134.0])
def test_zone_codes_are_those_of_the_registry(lon, width, zone_number):
    known = CRS.from_epsg(crs.gauss_kruger(lon, width=width, zone_number=zone_number))
    assert known.name.startswith("CGCS2000")
    parameters = {p.name: p.value for p in known.coordinate_operation.params}
    meridian = parameters["Longitude of natural origin"]
    assert abs(meridian - lon) <= width / 2
    easting = parameters["False easting"]
    assert (easting > 1e6) == zone_number


def test_a_longitude_outside_the_zones_is_refused():
    with pytest.raises(CRSError) as told:
        crs.gauss_kruger(20.0)
    assert told.value.code == "outside_zones"


def test_x_means_easting_whatever_the_registry_prints_first():
    # EPSG:4547 prints northing first; a place 1 degree east of its meridian has an easting above 500 km
    x, y = crs.from_wgs84(115.0, 30.0, "EPSG:4547")
    assert 590_000 < float(x) < 600_000
    assert 3_300_000 < float(y) < 3_400_000
    lon, lat = crs.to_wgs84(114.3, 30.5, "EPSG:4490")
    assert (float(lon), float(lat)) == (114.3, 30.5)


@pytest.mark.parametrize(
    ("words", "datum"),
    [("WGS-84", "wgs84"), ("GCJ02", "gcj02"), ("bd-09", "bd09"), ("EPSG:4326", "wgs84"), ("4490", "cgcs2000"),
     ("epsg:4547", "EPSG:4547")],
)  # fmt: skip
def test_datums_are_read_as_people_write_them(words, datum):
    assert crs.parse_datum(words) == datum


@pytest.mark.parametrize(
    ("words", "code"), [("mars", "datum_unknown"), ("EPSG:999999", "epsg_unknown"), ("", "datum_unknown")]
)
def test_an_unknown_datum_is_refused(words, code):
    with pytest.raises(CRSError) as told:
        crs.parse_datum(words)
    assert told.value.code == code


def test_the_metric_crs_of_cities():
    assert crs.metric_crs(114.3, 30.6).to_epsg() == 4547
    assert crs.metric_crs(24.94, 60.17).to_epsg() == 32635  # Helsinki
    assert crs.metric_crs(-71.06, 42.36).to_epsg() == 32619  # Boston
    for bad in ((math.nan, 30.0), (114.0, 91.0)):
        with pytest.raises(CRSError):
            crs.metric_crs(*bad)


@pytest.mark.parametrize(
    ("given", "code"),
    [("EPSG:4326", "crs_degrees"), ("EPSG:4490", "crs_degrees"), ("EPSG:3857", "crs_mercator"),
     ("EPSG:3395", "crs_mercator"), (None, "crs_missing"), ("EPSG:2263", "crs_unit")],
)  # fmt: skip
def test_no_distance_in_degrees_mercator_or_feet(given, code):
    with pytest.raises(CRSError) as told:
        crs.require_metric(given)
    assert told.value.code == code


@pytest.mark.parametrize("given", ["EPSG:4547", "EPSG:4526", "EPSG:32650"])
def test_transverse_mercator_is_metric(given):
    assert crs.require_metric(given) == CRS.from_user_input(given)


def test_projecting_is_what_proj_says():
    x, y = Transformer.from_crs("EPSG:4326", "EPSG:4547", always_xy=True).transform(114.3, 30.6)
    moved = crs.project(np.array([shapely.Point(114.3, 30.6), None], dtype=object), CRS.from_epsg(4547))
    assert (moved[0].x, moved[0].y) == (x, y)
    assert moved[1] is None


def test_geometries_of_a_shifted_datum_come_back_flat():
    lon, lat = crs.wgs84_to_bd09([114.3, 114.31], [30.6, 30.61])
    line = shapely.LineString(np.column_stack([lon, lat, [5.0, 6.0]]))
    moved = crs.geometry_to_wgs84(np.array([line], dtype=object), "bd09")[0]
    assert not moved.has_z
    np.testing.assert_allclose(shapely.get_coordinates(moved), [[114.3, 30.6], [114.31, 30.61]], atol=1e-11)
