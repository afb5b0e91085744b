"""Real extracts: three tiles of Beijing, the centre of Helsinki, all of Liechtenstein.

Expected values come from counting the raw XML with xml.etree, from the provenance of the files, from
an extraction made by another program (the .gpkg beside each file) and from libosmium's own assembly
of areas.
"""

from __future__ import annotations

import os
import re
import xml.etree.ElementTree as ET
from collections import Counter
from functools import cache
from pathlib import Path

import geopandas as gpd
import osmium
import pytest
import shapely

from layers.osm import OsmReading, read_osm
from layers.schema import LAYERS

DATA = Path(os.environ.get("ZHOUBIAN_TEST_DATA", Path(__file__).parents[2] / "../shared/data"))
TILES = {name: f"beijing_haidian_osm/{name}.osm" for name in ("tsinghua_2017", "cau_2026", "bupt_2025")}
FILES = {
    **TILES,
    "helsinki": "osm_pbf_samples/helsinki_centre.osm.pbf",
    "liechtenstein": "osm_pbf_samples/liechtenstein.osm.pbf",
}

pytestmark = pytest.mark.testdata


def located(relative: str) -> Path:
    path = DATA / relative
    if not path.exists():
        message = f"{relative} is not under ZHOUBIAN_TEST_DATA"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return path


@cache
def _reading(path: Path) -> OsmReading:
    return read_osm(path)


def reading(name: str) -> OsmReading:
    return _reading(located(FILES[name]))


def tagged(name: str, kind: str) -> dict[str, dict[str, str]]:
    """Tags of the objects of one kind in a tile, by our id."""
    root = ET.parse(located(TILES[name])).getroot()
    return {
        f"{kind[0]}{item.get('id')}": {tag.get("k"): tag.get("v") for tag in item.iter("tag")}
        for item in root.iter(kind)
    }


@pytest.mark.parametrize("name", FILES)
def test_accepted_and_refused_add_up_to_what_was_read(name):
    found = reading(name)
    for layer, count in found.counts.items():
        assert count.read == count.accepted + count.refused
        assert count.merged == len(found.layers.get(layer, ()))
        assert count.merged <= count.accepted
    assert sum(count.refused for count in found.counts.values()) == len(found.every_fault)


@pytest.mark.parametrize("name", FILES)
def test_tables_fit_their_layers(name):
    for layer, table in reading(name).layers.items():
        schema = LAYERS[layer]
        assert table.crs.to_epsg() == 4326
        assert table["id"].is_unique
        assert table.geometry.is_valid.all()
        assert not table.geometry.is_empty.any()
        assert set(table.geom_type) <= set(schema.geometry)
        for column in schema.columns:
            assert not (column.required and table[column.name].isna().any())
            if column.allowed:
                assert set(table[column.name].dropna()) <= set(column.allowed)
        if layer in ("back_alleys", "compounds"):
            assert table["name"].notna().all()


@pytest.mark.parametrize("name", FILES)
def test_every_piece_of_alley_is_in_one_unit(name):
    found = reading(name)
    assert found.layers["back_alleys"]["pieces"].sum() == found.counts["back_alleys"].accepted


@pytest.mark.parametrize("name", TILES)
def test_roads_of_a_tile_are_the_highways_of_its_xml(name):
    ways = {key: tags for key, tags in tagged(name, "way").items() if "highway" in tags}
    no_road = ("platform", "construction", "proposed")
    expected = {
        key: tags["highway"]
        for key, tags in ways.items()
        if tags["highway"] not in no_road and tags.get("area") != "yes"
    }
    roads = reading(name).layers["roads"]
    assert dict(zip(roads["id"], roads["subtype"], strict=True)) == expected
    assert reading(name).counts["roads"].read == len(ways)


@pytest.mark.parametrize("name", ["helsinki", "liechtenstein"])
def test_roads_of_a_pbf_are_those_another_program_extracted(name):
    stored = {"helsinki": "helsinki_centre.gpkg", "liechtenstein": "liechtenstein.gpkg"}[name]
    other = gpd.read_file(located(f"osm_pbf_samples/{stored}"), layer="roads", ignore_geometry=True)
    theirs = {f"w{number}" for number in other["osm_id"]}
    ours = set(reading(name).layers["roads"]["id"])
    assert ours <= theirs
    # it kept the ways that lost a node at the cut, and those still being built
    told = {f"w{fault.row.split()[1]}": fault.code for fault in reading(name).every_fault}
    allowed = {"osm_missing_nodes", "osm_no_road_today", "osm_unknown_road"}
    assert {told[key] for key in theirs - ours} <= allowed


@pytest.mark.parametrize("name", TILES)
def test_alleys_by_tag_are_counted_as_in_the_xml(name):
    ways = tagged(name, "way").values()
    alleys = [tags for tags in ways if tags.get("service") == "alley" and tags.get("highway") == "service"]
    units = reading(name).layers["back_alleys"]
    accepted = units.loc[units["subtype"] == "alley", "pieces"].sum()
    refused = sum(f.value == "alley" for f in reading(name).every_fault)
    assert accepted + refused == len(alleys)


def test_the_three_tiles_hold_the_nineteen_alleys_of_their_provenance():
    classes = Counter(road for name in TILES for road in reading(name).layers["roads"]["class"])
    assert classes["alley"] == 19
    assert "alley" not in set(reading("tsinghua_2017").layers["roads"]["class"])


def test_liechtenstein_holds_the_alleys_and_toilets_of_its_provenance():
    found = reading("liechtenstein")
    assert (found.layers["roads"]["class"] == "alley").sum() == 44
    assert found.counts["toilets"].read == 13
    assert found.objects["nodes"] == 142_832
    assert found.objects["ways"] == 15_247


def test_toilets_are_those_of_the_provenance():
    assert sum(reading(name).counts["toilets"].accepted for name in TILES) == 9
    assert reading("helsinki").counts["toilets"].accepted == 18


@pytest.mark.parametrize("name", TILES)
def test_named_residential_areas_become_compounds_under_their_names(name):
    expected = {
        tags["name"]
        for tags in tagged(name, "way").values()
        if tags.get("landuse") == "residential" and "name" in tags
    }
    assert expected <= set(reading(name).layers["compounds"]["name"])


@pytest.mark.parametrize("name", TILES)
def test_no_block_number_and_no_dormitory_names_a_compound(name):
    compounds = reading(name).layers["compounds"]
    assert not compounds["name"].str.fullmatch(r"\D{0,2}\d+(号楼|楼|公寓)?").any()
    dormitories = {key for key, tags in tagged(name, "way").items() if tags.get("building") == "dormitory"}
    assert not dormitories & set(compounds["id"])
    refused = {f"w{f.row.split()[1]}" for f in reading(name).every_fault if f.code == "osm_dormitory"}
    assert dormitories <= refused


@pytest.mark.parametrize("name", TILES)
def test_no_bus_stop_is_a_transit_hub(name):
    nodes = tagged(name, "node")
    stops = {
        key
        for key, tags in nodes.items()
        if tags.get("highway") == "bus_stop" or tags.get("public_transport") == "platform"
    }
    anchors = reading(name).layers["anchors"]
    assert not stops & set(anchors["id"])
    assert stops or name == "bupt_2025"


def test_every_metro_station_of_the_tsinghua_tile_is_one_anchor():
    stations = {
        tags["name"] for tags in tagged("tsinghua_2017", "node").values() if tags.get("railway") == "station"
    }
    anchors = reading("tsinghua_2017").layers["anchors"]
    transit = anchors.loc[anchors["class"] == "transit", "name"]
    assert sorted(transit) == sorted(stations)


def test_community_and_compound_are_not_confused():
    for name in TILES:
        found = reading(name)
        assert not found.layers["compounds"]["name"].str.contains("社区").any()
        anchors = found.layers["anchors"]
        communities = anchors.loc[anchors["class"] == "community", "name"]
        assert not communities.str.contains("小区").any()


def test_tiles_without_a_market_say_so():
    silent = {name for name in TILES if "osm_no_market" not in [note.code for note in reading(name).notes]}
    marketplaces = {
        name
        for name in TILES
        if any(tags.get("amenity") == "marketplace" and "name" not in tags
               for tags in tagged(name, "node").values())
    }  # fmt: skip
    assert silent == marketplaces == {"cau_2026"}


def test_gates_of_the_universities_lie_on_their_outlines():
    anchors = reading("bupt_2025").layers["anchors"].set_index("id")
    campus = anchors.loc["w30784020"]
    plane = gpd.GeoSeries([campus.geometry.boundary, campus["gates"]], crs=4326).to_crs("EPSG:4547")
    assert campus["name"] == "北京师范大学"
    assert max(plane[0].distance(gate) for gate in plane[1].geoms) <= 1.0


@pytest.mark.parametrize("name", ["helsinki", "liechtenstein", "cau_2026"])
def test_areas_of_relations_are_those_libosmium_assembles(name):
    wkb = osmium.geom.WKBFactory()
    theirs = {
        f"r{area.orig_id()}": shapely.from_wkb(wkb.create_multipolygon(area))
        for area in osmium.FileProcessor(str(located(FILES[name]))).with_areas()
        if area.is_area() and not area.from_way()
    }
    compared = 0
    for layer in ("anchors", "compounds", "toilets"):
        table = reading(name).layers[layer]
        for key, shape in zip(table["id"], table.geometry, strict=True):
            if key.startswith("r"):
                assert shape.equals(theirs[key])
                compared += 1
    refused = {
        f"r{f.row.split()[1]}" for f in reading(name).every_fault if f.code == "osm_relation_incomplete"
    }
    assert not refused & set(theirs)
    assert compared or refused


def test_labels_are_chinese_in_beijing_and_english_in_helsinki():
    chinese = [name for tile in TILES for name in reading(tile).layers["back_alleys"]["name"]]
    assert all(re.search("[一-鿿]", name) for name in chinese)
    english = reading("helsinki").layers["back_alleys"]["name"]
    assert not english.str.contains("[一-鿿]", regex=True).any()
    assert english.str.startswith("alley near ").any()
