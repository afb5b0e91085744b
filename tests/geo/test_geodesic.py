"""Membership agrees with the geodesic (Karney, GRS80) within 0.05 m up to 2 km, anywhere in China."""

import numpy as np
import pytest
import shapely
from pyproj import CRS, Geod

from geo import buffers
from geo.crs import metric_crs, project, scale_at
from geo.errors import CRSError

GEOD = Geod(ellps="GRS80")


def cases(n, seed):
    """Anchors, a unit of each at a known geodesic distance, and the middle of the city they belong to."""
    rng = np.random.default_rng(seed)
    lon, lat = rng.uniform(73.6, 134.9, n), rng.uniform(18.0, 53.5, n)
    distance = np.where(
        rng.random(n) < 0.3, rng.choice([500.0, 1000.0, 1500.0, 2000.0], n), rng.uniform(1, 2000, n)
    )
    there_lon, there_lat, _ = GEOD.fwd(lon, lat, rng.uniform(0, 360, n), distance)
    # a city may lie on the border of two zones: its middle up to half a degree away
    city = np.clip(lon + rng.uniform(-0.5, 0.5, n), 73.5, 136.4)
    return lon, lat, there_lon, there_lat, distance, city


def entry(lon, lat, there_lon, there_lat, crs):
    places = np.asarray(shapely.points(lon, lat))
    units = np.asarray(shapely.points(there_lon, there_lat))
    scale = scale_at(crs, lon, lat)
    return np.array(
        [
            buffers.entry_distances(
                project(places[i : i + 1], crs), project(units[i : i + 1], crs), crs=crs, scale=scale[i : i + 1],
                radius_m=2100.0,
            ).entry_m[0]
            for i in range(len(lon))
        ]
    )  # fmt: skip


def test_entry_distances_are_geodesic_anywhere_in_china():
    lon, lat, there_lon, there_lat, distance, city = cases(3000, seed=1)
    found = np.empty(len(lon))
    zones = np.round(city / 3.0)
    for zone in np.unique(zones):
        rows = zones == zone
        crs = metric_crs(float(np.clip(zone * 3.0, 73.5, 136.4)), 35.0)
        found[rows] = entry(lon[rows], lat[rows], there_lon[rows], there_lat[rows], crs)
    assert np.abs(found - distance).max() < 0.05


def test_the_plane_without_its_scale_would_not_do():
    # the promise rests on the scale: without it the Gauss-Krueger plane is off by up to 0.63 m
    crs = CRS.from_epsg(4547)
    lon, lat = np.full(50, 115.49), np.linspace(18, 53, 50)
    there_lon, there_lat, _ = GEOD.fwd(lon, lat, np.full(50, 45.0), np.full(50, 2000.0))
    flat = shapely.distance(
        project(np.asarray(shapely.points(lon, lat)), crs),
        project(np.asarray(shapely.points(there_lon, there_lat)), crs),
    )
    assert np.abs(flat - 2000.0).max() > 0.3
    assert np.abs(entry(lon, lat, there_lon, there_lat, crs) - 2000.0).max() < 0.02


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:4490", "EPSG:3857", None])
def test_no_distance_is_taken_in_degrees_or_web_mercator(crs):
    point = np.asarray(shapely.points([[114.3, 30.6]]))
    with pytest.raises(CRSError):
        buffers.entry_distances(point, point, crs=crs, scale=np.ones(1), radius_m=1000.0)
    with pytest.raises(CRSError):
        buffers.discs(point, np.array([1000.0]), np.ones(1), crs=crs)
