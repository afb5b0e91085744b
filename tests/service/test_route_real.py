"""Routes on real roads: the tiles of Haidian, a whole country, and 92,667 edges of Wuhan.

What is held: every leg lies on the roads of the layer, is as long as it says, and no rule is broken by a
checker that shares nothing with the planning.
"""

from __future__ import annotations

from datetime import UTC, datetime

import fastparquet
import geopandas as gpd
import numpy as np
import pytest
import shapely
from pyproj import Geod

from geo.design import ANCHOR_CLASSES, Design
from geo.route_check import check
from layers.batches import NewBatch
from layers.schema import conform
from layers.store import Store
from service.usecases import draws, imports, routes
from service.usecases.route_ground import routes_of
from service.usecases.route_teams import TeamsWanted

pytestmark = pytest.mark.testdata

NOW = datetime(2026, 5, 6, 8, tzinfo=UTC)
GEOD = Geod(ellps="WGS84")
CLASSES = {"living_street": "residential", "pedestrian": "residential", "unclassified": "residential"}


def planned(store, mode, **more):
    draws.run(store, Design(), now=NOW, seed="1", name="d")
    wanted = routes.Wanted(
        "d", teams=TeamsWanted(3, mode=mode, **more), iterations=40, seconds=None, name="p"
    )
    routes.begin(store, wanted, now=NOW)
    return routes.improve(store, "p", now=lambda: NOW)


def holds(store, record):
    """Legs follow the roads, lengths and times are true, no rule is broken."""
    roads = store.read("roads")
    tree = shapely.STRtree(roads.geometry.to_numpy())
    legs = [leg for route in record["routes"] for leg in route["legs"]]
    assert legs
    for leg in legs:
        line = np.array(leg["path"])
        length = GEOD.line_length(*line.T)
        # coordinates are rounded to 1e-6 degrees, about 0.1 m a vertex
        assert length == pytest.approx(leg["metres"], abs=0.5 + 0.15 * len(line))
        middle = shapely.points(line[1:-1])
        if len(middle):
            _, gap = tree.query_nearest(middle, return_distance=True, all_matches=False)
            assert gap.max() < 2e-6
        straight = GEOD.inv(*line[0], *line[-1])[2]
        assert leg["metres"] >= straight - 0.5
    ground = routes._ground(store, record)
    assert check(ground.problem, routes_of(ground, record["routes"])) == ()
    told = [stop["site"] for route in record["routes"] for stop in route["stops"]]
    told += [one["site"] for one in record["dropped"]]
    assert sorted(told) == sorted(site["id"] for site in record["sites"])


@pytest.mark.parametrize("mode", ["walk", "bike", "drive"])
def test_teams_follow_the_streets_of_haidian(test_data, tmp_path, mode):
    for tile in ("tsinghua_2017.osm", "cau_2026.osm", "bupt_2025.osm"):
        file = test_data / "beijing_haidian_osm" / tile
        imports.run(tmp_path / "h.db", file, imports.Options("osm", update=True), now=NOW)
    with Store.open(tmp_path / "h.db", create=False) as store:
        record = planned(store, mode)
        holds(store, record)
    assert record["roads"]["approximate"] == (mode == "drive")
    assert "OpenStreetMap" in record["roads"]["source"]
    # three tiles of about 2 km: every anchor is near the edge of what is known
    assert "extract_edge" in {warning["code"] for warning in record["warnings"]}


def test_teams_cross_a_country_by_bicycle(test_data, tmp_path):
    file = test_data / "osm_pbf_samples" / "liechtenstein.osm.pbf"
    imports.run(tmp_path / "l.db", file, imports.Options("osm"), now=NOW)
    with Store.open(tmp_path / "l.db", create=False) as store:
        record = planned(store, "bike", shift="07:00-18:00")
        holds(store, record)
    assert record["totals"]["visited"] > 0


def wuhan(folder):
    """The roads of Wuhan with places drawn at random along them."""
    with (folder / "road_networks" / "wuhan_8989.parquet").open("rb") as opened:
        table = fastparquet.ParquetFile(opened).to_pandas()
    lines = gpd.GeoSeries.from_wkb(table["geometry"], crs=32650).to_crs(4326)
    highway = table["highway"].astype(str)
    roads = gpd.GeoDataFrame(
        {"id": [f"r{i}" for i in range(len(table))],
         "class": highway.str.removesuffix("_link").map(lambda kind: CLASSES.get(kind, kind)),
         "subtype": highway},
        geometry=lines.to_numpy(), crs=4326,
    )  # fmt: skip
    rng = np.random.default_rng(7)
    small = np.flatnonzero(highway.isin(["residential", "living_street", "pedestrian"]))
    chosen = rng.choice(small, 900, replace=False)
    middle = shapely.line_interpolate_point(lines.to_numpy()[chosen], 0.5, normalized=True)
    anchors = gpd.GeoDataFrame(
        {"id": [f"a{i}" for i in range(300)], "class": [ANCHOR_CLASSES[i % 6] for i in range(300)]},
        geometry=middle[:300], crs=4326,
    )  # fmt: skip
    alleys = gpd.GeoDataFrame(
        {"id": [f"b{i}" for i in range(300)]}, geometry=lines.to_numpy()[chosen[300:600]], crs=4326
    )
    compounds = gpd.GeoDataFrame({"id": [f"c{i}" for i in range(300)]}, geometry=middle[600:], crs=4326)
    rows = {"roads": roads, "anchors": anchors, "back_alleys": alleys, "compounds": compounds}
    return {name: conform(held, name) for name, held in rows.items()}


def test_teams_cross_wuhan(test_data, tmp_path):
    batch = NewBatch(
        source="wuhan", sha256="ab" * 32, imported_at=NOW.isoformat(), kind="osm", datum="wgs84",
        licence="ODbL 1.0", attribution="© OpenStreetMap contributors",
    )  # fmt: skip
    layers = wuhan(test_data)
    assert len(layers["roads"]) == 92_667
    with Store.open(tmp_path / "w.db", create=True) as store:
        store.add(layers, batch, {})
        record = planned(store, "bike", shift="07:00-18:00")
        holds(store, record)
        assert record["totals"]["visited"] >= 6
