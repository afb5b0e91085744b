"""What is exported comes back the same, and a file is there whole or not at all."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pyogrio
import pytest
import shapely
from shapely import LineString, MultiPoint, Point, Polygon
from whole_file import check, read_file

from geo.errors import LayerError
from layers.cells import value_of
from layers.read_tables import unquoted
from layers.schema import LAYERS, Column, conform
from layers.write import whole, write_csv, write_geojson, write_gpkg, write_xlsx

IDS = ["=1+1", "420106001001001", "0012", "'=x"]
TEXTS = ["@巷", "龘𠮷（东）", "-5", '{{7*7}}, "x"; <b>\n二行']
PLACES = [(114.30, 30.5), (114.31, 30.5), (114.32, 30.5), (114.33, 30.5)]
TIMES = ["2024-05-06 08:30:00", "1990-07-01 00:00:01", "2024-12-31 23:59:59", "2024-02-29 12:00:00"]


def values(column: Column) -> object:
    if column.name == "id":
        return IDS
    if column.allowed:
        return [*(column.allowed * 4)[:4]]
    if column.kind == "integer":
        return [1, None, 3, 2**40]
    if column.kind == "datetime":
        told = pd.to_datetime(TIMES).tz_localize("Asia/Shanghai")
        return told if column.required else told.where([True, False, True, True])
    return TEXTS if column.required else [None, *TEXTS[1:]]


def sample(name: str) -> gpd.GeoDataFrame:
    """A table of the layer with text that looks like formulas, gaps and every kind of value."""
    layer = LAYERS[name]
    shapes: list[object] = [Point(place) for place in PLACES]
    if "LineString" in layer.geometry:
        shapes = [LineString([(x, y), (x + 0.001, y)]) for x, y in PLACES]
    elif "Polygon" in layer.geometry:
        shapes = [Polygon([(x, y), (x + 0.001, y), (x + 0.001, y + 0.001)]) for x, y in PLACES]
    columns = {column.name: values(column) for column in layer.columns}
    if layer.gates:
        columns["gates"] = [MultiPoint(PLACES[:2]), None, MultiPoint(PLACES[2:3]), None]
    return conform(gpd.GeoDataFrame(columns, geometry=shapes, crs="EPSG:4326"), name)


def write(table: gpd.GeoDataFrame, layer: str, path: Path) -> None:
    match path.suffix:
        case ".csv":
            write_csv(table, path)
        case ".xlsx":
            write_xlsx({layer: table}, path)
        case ".geojson":
            write_geojson({layer: table}, path)
        case ".gpkg":
            write_gpkg({layer: table}, path)


@pytest.mark.parametrize("layer", sorted(LAYERS))
@pytest.mark.parametrize("ending", [".csv", ".xlsx", ".geojson", ".gpkg"])
def test_an_exported_layer_is_imported_as_the_same_table(tmp_path, layer, ending):
    table = sample(layer)
    path = tmp_path / f"周边 {layer}{ending}"
    write(table, layer, path)
    checked = check(read_file(path, layer), layer)
    assert checked.faults == []
    held = ["geometry", "gates"]
    pd.testing.assert_frame_equal(
        pd.DataFrame(checked.table.drop(columns=held, errors="ignore")),
        pd.DataFrame(table.drop(columns=held, errors="ignore")),
    )
    # tables round to 1e-7 degrees, one centimetre
    assert shapely.equals_exact(checked.table.geometry.values, table.geometry.values, 1e-7).all()
    if "gates" in table:
        for found, given in zip(checked.table["gates"], table["gates"], strict=True):
            assert (found is None) == (given is None)
            assert found is None or found.equals_exact(given, 1e-7)


@pytest.mark.parametrize("ending", [".csv", ".xlsx"])
def test_a_table_of_points_has_their_coordinates_in_columns(tmp_path, ending):
    path = tmp_path / f"x{ending}"
    write(sample("issues"), "issues", path)
    assert {"lon", "lat"} <= set(read_file(path, "issues").headings)


def test_text_that_looks_like_a_formula_stays_text_in_a_workbook(tmp_path):
    write_xlsx({"公厕": pd.DataFrame({"x": ["=1+1", "+1", "-1", "@a", "plain", -1]})}, tmp_path / "x.xlsx")
    cells = openpyxl.load_workbook(tmp_path / "x.xlsx").active["A"][1:]
    assert [(cell.value, cell.data_type) for cell in cells] == [
        ("=1+1", "s"), ("+1", "s"), ("-1", "s"), ("@a", "s"), ("plain", "s"), (-1, "n"),
    ]  # fmt: skip


def test_text_that_looks_like_a_formula_has_an_apostrophe_in_csv(tmp_path):
    told = ["=1+1", "+1", "-1", "@a", "\t=1", "\r=1", "'=1", "plain", "'plain"]
    write_csv(pd.DataFrame({"x": told}), tmp_path / "x.csv")
    raw = (tmp_path / "x.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbfx\r\n")
    for line in ("'=1+1", "'+1", "'-1", "'@a", "''=1", "plain", "'plain"):
        assert f"\r\n{line}\r\n".encode() in raw
    assert b"'\t=1" in raw
    assert b"'\r=1" in raw


@pytest.mark.parametrize("told", ["1-2", "3/4", "12-31-26"])
def test_text_that_a_spreadsheet_would_change_has_an_apostrophe_in_csv_and_comes_back(tmp_path, told):
    write_csv(pd.DataFrame({"id": [told], "day": ["2026-05-06"], "few": ["42"]}), tmp_path / "x.csv")
    assert (tmp_path / "x.csv").read_text("utf-8-sig").splitlines()[1] == f"'{told},2026-05-06,42"
    assert unquoted(f"'{told}") == told


@pytest.mark.parametrize("told", ["420106001001001", "0012"])
def test_digits_that_a_spreadsheet_would_change_come_back_as_a_code_and_as_a_name(tmp_path, told):
    write_csv(pd.DataFrame({"id": [told]}), tmp_path / "x.csv")
    assert (tmp_path / "x.csv").read_text("utf-8-sig").splitlines()[1] == f"'{told}"
    layer = LAYERS["toilets"]
    for name in ("id", "name"):
        assert value_of(layer.by_name[name], layer, f"'{told}", name) == told


def test_numbers_below_zero_stay_numbers_in_csv(tmp_path):
    write_csv(pd.DataFrame({"x": [-1.5]}), tmp_path / "x.csv")
    assert (tmp_path / "x.csv").read_text("utf-8-sig").split() == ["x", "-1.5"]


def test_a_workbook_leaves_out_what_it_cannot_hold(tmp_path):
    told = "a\0\x01\x0b\ud800\ufffe\uffffb\n" + "长" * 40_000
    write_xlsx({"x": pd.DataFrame({"x": [told]})}, tmp_path / "x.xlsx")
    held = openpyxl.load_workbook(tmp_path / "x.xlsx").active["A2"].value
    assert held[:4] == "ab\n长"
    assert len(held) == 32_767


def test_several_tables_go_into_one_geojson_each_feature_naming_its_own(tmp_path):
    tables = {name: sample(name) for name in ("anchors", "issues")}
    write_geojson(tables, tmp_path / "x.geojson")
    features = json.loads((tmp_path / "x.geojson").read_text("utf-8"))["features"]
    assert [f["properties"]["layer"] for f in features] == ["anchors"] * 4 + ["issues"] * 4
    assert [f["properties"]["id"] for f in features] == IDS * 2


def test_an_empty_table_is_valid_geojson(tmp_path):
    write_geojson({"issues": sample("issues").iloc[:0]}, tmp_path / "x.geojson")
    assert json.loads((tmp_path / "x.geojson").read_text("utf-8")) == {
        "type": "FeatureCollection",
        "features": [],
    }


def test_several_tables_are_layers_of_a_geopackage(tmp_path):
    write_gpkg({name: sample(name) for name in ("anchors", "roads")}, tmp_path / "x.gpkg")
    assert {str(name) for name, _ in pyogrio.list_layers(tmp_path / "x.gpkg")} == {"anchors", "roads"}


def test_writing_changes_no_table(tmp_path):
    table, before = sample("anchors"), sample("anchors")
    for ending in (".csv", ".xlsx", ".geojson", ".gpkg"):
        write(table, "anchors", tmp_path / f"x{ending}")
    pd.testing.assert_frame_equal(table.drop(columns="gates"), before.drop(columns="gates"))
    assert all(isinstance(gates, MultiPoint) for gates in table["gates"].iloc[[0, 2]])


# -- whole or not at all ---------------------------------------------------------------------------


@pytest.mark.parametrize("ending", [".csv", ".xlsx", ".geojson", ".gpkg"])
def test_a_missing_folder_is_refused_with_its_name(tmp_path, ending):
    with pytest.raises(LayerError, match="无此夹") as caught:
        write(sample("roads"), "roads", tmp_path / "无此夹" / f"x{ending}")
    assert caught.value.code == "out_folder"


@pytest.mark.parametrize("ending", [".csv", ".xlsx", ".geojson", ".gpkg"])
def test_an_older_file_is_replaced_and_nothing_left_beside_it(tmp_path, ending):
    path = tmp_path / f"x{ending}"
    path.write_text("old")
    write(sample("roads"), "roads", path)
    assert path.read_bytes()[:3] != b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_that_cannot_be_written_is_one_sentence_and_leaves_nothing(tmp_path):
    (tmp_path / "x.csv").mkdir()
    with pytest.raises(LayerError, match=r"x\.csv cannot be written") as caught:
        write_csv(sample("roads"), tmp_path / "x.csv")
    assert caught.value.code == "out_not_written"
    assert [held.name for held in tmp_path.iterdir()] == ["x.csv"]


def test_a_full_disk_leaves_the_old_file(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("old")
    with pytest.raises(LayerError, match="No space left"), whole(path) as temporary:
        temporary.write_text("half")
        raise OSError(28, "No space left on device")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("fault", [KeyboardInterrupt, MemoryError, ValueError])
def test_an_interruption_leaves_the_old_file_and_nothing_beside_it(tmp_path, fault):
    path = tmp_path / "x.csv"
    path.write_text("old")
    with pytest.raises(fault), whole(path) as temporary:
        temporary.write_text("half")
        raise fault
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows replaces no file that is open")
def test_whoever_reads_the_old_file_meanwhile_reads_it_to_its_end(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("old")
    with path.open() as opened:
        write_csv(sample("roads"), path)
        assert opened.read() == "old"


def test_a_program_killed_half_way_leaves_the_old_file(tmp_path):
    path = tmp_path / "表.csv"
    path.write_text("old")
    code = (
        "import os, sys; from pathlib import Path; from layers.write import whole\n"
        "with whole(Path(sys.argv[1])) as temporary:\n"
        "    temporary.write_text('half'); os._exit(9)"
    )
    root = Path(__file__).resolve().parents[2]
    assert subprocess.run([sys.executable, "-c", code, str(path)], cwd=root, check=False).returncode == 9
    assert path.read_text() == "old"


def test_coordinates_in_tables_are_good_to_a_centimetre(tmp_path):
    lon, lat = np.float64(114.123456789), np.float64(30.987654321)
    table = conform(gpd.GeoDataFrame({"id": ["1"]}, geometry=[Point(lon, lat)], crs=4326), "toilets")
    write_csv(table, tmp_path / "x.csv")
    reading = read_file(tmp_path / "x.csv", "toilets")
    assert reading.values[0][-2:] == ["114.1234568", "30.9876543"]
