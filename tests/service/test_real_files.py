"""Real files come in at the first try, or with exactly one stated correction.

The counts are those of the PROVENANCE of the data, or are counted here from the raw file by a way that
shares nothing with the import.
"""

from __future__ import annotations

import csv
import gzip
import json
import re
import shutil
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import fastparquet
import geopandas as gpd
import numpy as np
import pyogrio
import pytest
import shapely
from pyproj import CRS, Geod

from geo.crs import wgs84_to_bd09, wgs84_to_gcj02
from geo.errors import LayerError
from layers.store import Store
from service.usecases import imports
from service.usecases.datum_check import label

pytestmark = pytest.mark.testdata

NOW = datetime(2026, 5, 6, 8, tzinfo=UTC)


@pytest.fixture
def store(tmp_path):
    return tmp_path / "real.db"


@pytest.fixture
def take(store):
    """Import a file: what the first try says, where it needs a correction, and the report with it."""

    def take(file, kind, problem=None, **correction):
        assert (problem is None) == (not correction)
        options = imports.Options(kind)
        if problem is not None:
            try:
                first = imports.run(store, file, replace(options, dry_run=True), now=NOW)
            except imports.NothingAcceptedError as error:
                assert problem in {code for of in error.report.reasons.values() for code in of}
            except LayerError as error:
                assert error.code == problem
            else:
                assert problem in {note.code for note in first.notes}
            assert not store.exists()
        report = imports.run(store, file, replace(options, **correction), now=NOW)
        for counts in report.batch.counts.values():
            if kind != "osm":
                assert counts["accepted"] + counts["fixed"] + counts["refused"] == counts["read"]
        return report

    return take


def rows(store, layer):
    with Store.open(store, create=False) as held:
        return held.read(layer)


def facts(report, code):
    return next(note.facts for note in report.notes if note.code == code)


def table(file):
    with file.open(encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text))


def moved_m(stored, raw):
    """Metres between the stored places and the numbers of the file, both (n, 2) degrees."""
    return Geod(ellps="WGS84").inv(*np.transpose(stored), *np.transpose(raw))[2]


# -- Baidu -----------------------------------------------------------------------------------------


def test_suzhou_compounds_whose_headings_say_bd09(take, store, test_data):
    """42 rows at 0,0 and one in Baotou (PROVENANCE); dormitories and repeated rows counted here."""
    file = test_data / "suzhou_compounds_west" / "compounds_west_bd09.csv"
    raw = table(file)
    report = take(file, "compounds", "datum_in_heading", datum="bd09")
    reasons = report.reasons["compounds"]
    assert report.total("read") == len(raw) == 2079
    assert (reasons["null_island"], reasons["outside_city"]) == (42, 1)
    placed = [row for row in raw if float(row["lng_bd09"]) > 115]
    named = [row for row in placed if "宿舍" not in row["name"]]
    assert reasons["dormitory"] == len(placed) - len(named)
    same = Counter((row["name"], row["lng_bd09"], row["lat_bd09"]) for row in named)
    assert reasons["record_same"] == sum(count - 1 for count in same.values())
    known = {name: (float(lon), float(lat)) for name, lon, lat in same}
    stored = rows(store, "compounds")
    once = stored[stored["name"].map(Counter(row["name"] for row in named)) == 1]
    metres = moved_m(
        shapely.get_coordinates(once.geometry.to_numpy()), [known[name] for name in once["name"]]
    )
    assert 800 < metres.min() <= metres.max() < 1400


def test_lianjia_compounds_in_bd09(take, test_data):
    report = take(
        test_data / "beijing_lianjia_bd09" / "compounds_bd09.csv", "compounds", "datum_assumed", datum="bd09"
    )
    assert (report.total("read"), report.total("accepted")) == (36, 36)


def test_lianjia_business_areas_of_which_some_cross_themselves(store, test_data):
    """227 areas, 5 of them invalid as they stand; nothing in a GeoJSON tells of BD-09, the user does."""
    file = test_data / "beijing_lianjia_bd09" / "business_areas_bd09.geojson"
    report = imports.run(store, file, imports.Options("compounds", datum="bd09"), now=NOW)
    crossing = int((~gpd.read_file(file).geometry.is_valid).sum())
    assert crossing == 5
    assert report.total("accepted") + report.total("fixed") == report.total("read") == 227
    assert 0 < report.total("fixed") <= crossing  # the shift itself mends what crosses by a hair
    assert rows(store, "compounds").geometry.is_valid.all()


def test_lianjia_districts_in_bd09_lie_on_the_districts_of_openstreetmap(store, test_data):
    """Two words are needed, for nothing in the file says either: the datum, and the level of the areas."""
    file = test_data / "beijing_lianjia_bd09" / "districts_bd09.geojson"
    with pytest.raises(LayerError) as asked:
        imports.run(store, file, imports.Options("areas", datum="bd09"), now=NOW)
    assert asked.value.code == "column_missing"
    options = imports.Options("areas", datum="bd09", given_class="district")
    assert imports.run(store, file, options, now=NOW).total("accepted") == 16


# -- Shanghai --------------------------------------------------------------------------------------


FILED_AS_HOSPITALS = (
    "芭比堂动物医院眼科中心猫科中心",
    "汉维宠仕高级兽医进修医院",
    "御宠佳园宠物诊所(康桥路)",
)
"""Clinics for animals whose type says they are for people."""


@pytest.mark.parametrize(
    ("src", "kind", "count"), [("shanghai_school", "school", 4109), ("shanghai_hospital", "hospital", 5282)]
)
def test_shanghai_points_of_one_class(take, store, test_data, tmp_path, src, kind, count):
    """A table of one class as a clerk filters it; animal clinics by their type, which the import does not read."""
    raw = [
        row
        for row in table(test_data / "shanghai" / "poi_shanghai_urban_9_districts.csv")
        if row["src"] == src
    ]
    file = tmp_path / f"{kind}.csv"
    with file.open("w", encoding="utf-8-sig", newline="") as text:
        writer = csv.DictWriter(text, raw[0].keys())
        writer.writeheader()
        writer.writerows(raw)
    report = take(file, "anchors", "column_missing", given_class=kind)
    assert report.total("read") == len(raw) == count
    animals = {row["name"] for row in raw if "动物医疗" in row["type"]}
    refused = {fault.value for fault in report.faults["anchors"]}
    assert refused - animals == ({*FILED_AS_HOSPITALS} if kind == "hospital" else set())
    assert len(refused & animals) >= 0.9 * len(animals)
    stored = rows(store, "anchors")
    assert set(stored["class"]) == {kind}
    assert set(stored["district"]) == {
        "浦东新区",
        "闵行区",
        "徐汇区",
        "杨浦区",
        "静安区",
        "普陀区",
        "黄浦区",
        "长宁区",
        "虹口区",
    }


def test_shanghai_districts_in_gbk_without_cpg(take, store, test_data):
    """17 districts, of before November 2015: 闸北区 and 崇明县 are among them."""
    report = take(
        test_data / "shanghai" / "districts_area.shp", "areas", "column_missing", given_class="district"
    )
    assert report.total("accepted") == 17
    assert facts(report, "encoding") == {"encoding": "GB18030"}
    stored = rows(store, "areas")
    assert {"闸北区", "崇明县", "浦东新区"} <= set(stored["name"])
    assert all(re.fullmatch(r"31\d{4}", code) for code in stored["id"])


@pytest.mark.parametrize(
    ("datum", "shift"), [("wgs84", None), ("gcj02", wgs84_to_gcj02), ("bd09", wgs84_to_bd09)]
)
def test_datum_of_bus_stops_is_told_by_the_roads(store, test_data, tmp_path, datum, shift):
    """Stops in the centre lie a median 3.5 m from a road as they are, 30 m and 119 m shifted (PROVENANCE)."""
    imports.run(store, test_data / "shanghai" / "roads_centre_2026.osm", imports.Options("osm"), now=NOW)
    raw = table(test_data / "shanghai" / "poi_shanghai_urban_9_districts.csv")
    stops = [row for row in raw if row["src"] == "shanghai_bus"]
    places = np.array([[float(row["lon"]), float(row["lat"])] for row in stops])
    if shift is not None:
        places = np.column_stack(shift(*places.T))
    file = tmp_path / "stops.csv"
    with file.open("w", encoding="utf-8", newline="") as text:
        told = [
            (row["name"], f"{lon:.7f}", f"{lat:.7f}") for row, (lon, lat) in zip(stops, places, strict=True)
        ]
        csv.writer(text).writerows([("name", "lon", "lat"), *told])
    report = imports.run(
        store, file, imports.Options("anchors", given_class="transit", dry_run=True), now=NOW
    )
    differing = [note.facts for note in report.notes if note.code == "datum_differs"]
    assert differing == ([] if shift is None else [{"datum": "wgs84", "fits": datum}])
    names = {"wgs84": "WGS-84", "gcj02": "GCJ-02", "bd09": "BD-09"}
    assert (
        next(note.facts["datum"] for note in report.notes if note.code.startswith("datum_fits"))
        == names[datum]
    )


# -- shapefiles without a usual datum --------------------------------------------------------------


SHENZHEN = "罗湖 福田 盐田 宝安 光明 坪山 龙华 南山 大鹏 龙岗"


def test_shenzhen_districts_without_prj(take, store, test_data):
    report = take(
        test_data / "shenzhen_districts" / "sz.shp", "areas", "column_missing", given_class="district"
    )
    assert report.total("accepted") == 10
    assert facts(report, "datum_assumed") == {}
    stored = rows(store, "areas")
    assert "".join(sorted(stored["name"])) == "".join(sorted(SHENZHEN.split()))
    west, south, east, north = shapely.total_bounds(stored.geometry.to_numpy())
    np.testing.assert_allclose((west, south, east, north), (113.75, 22.40, 114.62, 22.87), atol=0.01)


def test_xiamen_blocks_in_a_system_of_their_own(take, store, test_data):
    report = take(test_data / "xiamen_zones" / "xiamen_region_partition.shp", "compounds")
    assert report.total("accepted") == 661
    west, south, east, north = shapely.total_bounds(rows(store, "compounds").geometry.to_numpy())
    assert (round(west, 3), round(south, 3), round(east, 3), round(north, 3)) == (
        118.066,
        24.424,
        118.198,
        24.56,
    )
    told = label(report.batch.datum)
    assert len(told) < 100
    assert "Transverse Mercator" in told
    assert "499995.7" in told


def unnamed(crs):
    """The same projection, called nothing."""
    return re.sub(
        r'^PROJCRS\["[^"]*"', 'PROJCRS["unknown"', re.sub(r',ID\["EPSG",\d+\](?=\]$)', "", CRS(crs).to_wkt())
    )


def test_roads_in_a_projection_without_a_name(take, store, test_data, tmp_path):
    """4,658 roads of Liechtenstein in an unnamed UTM, back where they are within a centimetre."""
    roads = gpd.read_file(test_data / "osm_pbf_samples" / "liechtenstein.gpkg", layer="roads")[
        ["osm_id", "highway", "geometry"]
    ]
    file = tmp_path / "roads.gpkg"
    flat = roads.to_crs("EPSG:32632")
    pyogrio.raw.write(
        file, flat.geometry.to_wkb().to_numpy(), [flat["osm_id"].to_numpy(), flat["highway"].to_numpy(dtype=object)],
        ["osm_id", "highway"], geometry_type="Unknown", crs=unnamed("EPSG:32632"), driver="GPKG",
    )  # fmt: skip
    report = take(file, "roads")
    assert report.total("read") == len(roads) == 4658
    reasons = report.reasons.get("roads", {})
    assert report.total("accepted") == 4658 - sum(reasons.values())
    stored = rows(store, "roads").set_index("id")
    for osm_id, line in list(zip(roads["osm_id"].astype(str), roads.geometry, strict=True))[::500]:
        assert shapely.hausdorff_distance(stored.geometry[osm_id], line) < 1e-7
    assert len(label(report.batch.datum)) < 100


def test_road_network_of_wuhan(take, store, test_data, tmp_path):
    """92,667 edges; those that repeat another edge of their class point for point are counted here."""
    with (test_data / "road_networks" / "wuhan_8989.parquet").open("rb") as opened:
        parquet = fastparquet.ParquetFile(opened)
        table = parquet.to_pandas()
        stated = json.loads(parquet.key_value_metadata["geo"])["columns"]["geometry"]["crs"]
    edges = gpd.GeoDataFrame(
        {"highway": table["highway"].astype("str")},
        geometry=shapely.from_wkb(table["geometry"].to_numpy()),
        crs=CRS.from_json_dict(stated),
    )
    file = tmp_path / "道路.gpkg"
    edges.to_file(file, layer="edges")
    report = take(file, "roads")
    assert report.total("read") == len(edges) == 92667
    kinds = (
        edges["highway"]
        .str.removesuffix("_link")
        .replace(dict.fromkeys(("living_street", "unclassified", "pedestrian"), "residential"))
    )
    same = Counter(zip(kinds, edges.geometry.to_wkb(), strict=True))
    assert report.reasons["roads"] == {"record_same": sum(count - 1 for count in same.values())}
    west, south, east, north = shapely.total_bounds(rows(store, "roads").geometry.to_numpy())
    assert (round(west, 2), round(south, 2), round(east, 2), round(north, 2)) == (
        113.98,
        30.38,
        114.55,
        30.78,
    )


# -- issues and OpenStreetMap ----------------------------------------------------------------------


def test_boston_requests_and_their_pile_up_at_the_city_hall(take, store, test_data, tmp_path):
    """121,145 requests, 17,070 of them at 42.3594, -71.0587, the geocoder's default (PROVENANCE)."""
    file = tmp_path / "boston.csv"
    with gzip.open(test_data / "boston_311" / "boston_311_2015.csv.gz") as packed, file.open("wb") as plain:
        shutil.copyfileobj(packed, plain)
    columns = {
        "id": "CASE_ENQUIRY_ID", "category": "TYPE", "found_at": "OPEN_DT", "closed_at": "CLOSED_DT",
        "deadline": "TARGET_DT", "source": "-",
    }  # fmt: skip
    report = take(file, "issues", "column_missing", columns=columns)
    assert (report.total("read"), report.total("accepted")) == (121145, 121145)
    pile = facts(report, "pile_up")
    assert (pile["count"], pile["places"]) == (17070, 1)
    assert pile["examples"].startswith("-71.058700, 42.359400: 17070")
    with Store.open(store, create=False) as held:
        opened = held.read("issues", columns=["found_at", "deadline"])
    assert str(opened["found_at"].min())[:16] == "2015-01-01 00:20"
    assert str(opened["found_at"].max())[:16] == "2015-12-31 23:10"
    with file.open(encoding="utf-8", newline="") as text:
        assert opened["deadline"].notna().sum() == sum(bool(row["TARGET_DT"]) for row in csv.DictReader(text))


@pytest.mark.parametrize(
    ("file", "nodes", "ways"),
    [("helsinki_centre.osm.pbf", 24260, 5130), ("liechtenstein.osm.pbf", 142832, 15247)],
)
def test_whole_osm_files(take, test_data, file, nodes, ways):
    report = take(test_data / "osm_pbf_samples" / file, "osm")
    objects = facts(report, "osm_objects")
    assert (objects["nodes"], objects["ways"]) == (nodes, ways)
    for counts in report.batch.counts.values():
        assert counts["accepted"] + counts["fixed"] + counts["refused"] == counts["read"]


@pytest.mark.parametrize("tile", ["tsinghua_2017", "cau_2026", "bupt_2025"])
def test_tiles_of_haidian(take, test_data, tile):
    """Objects counted as text."""
    file = test_data / "beijing_haidian_osm" / f"{tile}.osm"
    told = file.read_text(encoding="utf-8")
    objects = facts(take(file, "osm"), "osm_objects")
    assert objects == {f"{kind}s": len(re.findall(f"<{kind} ", told)) for kind in ("node", "way", "relation")}
