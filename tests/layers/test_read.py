"""Every format as it stands in the file, and every file that is not what its name says."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from pathlib import Path

import geopandas as gpd
import pyogrio
import pytest
import shapely
from openpyxl import Workbook
from pyproj import CRS
from shapely import Point

from geo.errors import LayerError
from layers.read import read_file
from layers.reading import Reading

HEAD = ["编号", "名称", "经度", "纬度"]
ROWS = [["1", "甲公厕", "114.31", "30.51"], ["2", "乙公厕", "114.32", "30.52"]]


def cells(reading: Reading) -> list[list[str]]:
    return [["" if cell is None else str(cell) for cell in row] for row in reading.values]


def noted(reading: Reading, code: str) -> dict[str, object]:
    return next(note.facts for note in reading.notes if note.code == code)


def refused(path: Path, layer: str = "toilets") -> str:
    with pytest.raises(LayerError) as caught:
        read_file(path, layer)
    assert path.name in str(caught.value)
    return caught.value.code


def saved(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


# -- CSV -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_csv_is_read_with_any_common_delimiter(tmp_path, delimiter, ending):
    text = ending.join(delimiter.join(row) for row in [HEAD, *ROWS]) + ending
    reading = read_file(saved(tmp_path / "公厕.csv", text.encode()), "toilets")
    assert (reading.headings, cells(reading), reading.rows) == (HEAD, ROWS, ["2", "3"])


def test_the_delimiter_is_the_one_that_makes_the_headings_known(tmp_path):
    text = "id;geometry\na;LINESTRING (114.1 30.1, 114.2 30.2, 114.3 30.3, 114.4 30.4)\n"
    assert read_file(saved(tmp_path / "x.csv", text.encode()), "roads").headings == ["id", "geometry"]


@pytest.mark.parametrize(
    ("encoding", "mark", "said"),
    [
        ("utf-8", b"", "UTF-8"),
        ("utf-8-sig", b"", "UTF-8-SIG"),
        ("utf-16-le", b"\xff\xfe", "UTF-16"),
        ("utf-16-be", b"\xfe\xff", "UTF-16"),
        ("gb18030", b"", "GB18030"),
    ],
)
def test_the_encoding_is_found_and_said_rare_characters_included(tmp_path, encoding, mark, said):
    row = ["1", "龘㙍𠮷巷", "114.31", "30.51"]  # GBK; GB18030 four bytes; beyond the basic plane
    text = ",".join(HEAD) + "\n" + ",".join(row) + "\n"
    reading = read_file(saved(tmp_path / "x.csv", mark + text.encode(encoding)), "toilets")
    assert reading.headings[0] == "编号"
    assert cells(reading) == [row]
    assert noted(reading, "encoding") == {"encoding": said}


def test_plain_gbk_is_read(tmp_path):
    text = ",".join(HEAD) + "\n" + ",".join(ROWS[0]) + "\n"
    assert cells(read_file(saved(tmp_path / "x.csv", text.encode("gbk")), "toilets")) == [ROWS[0]]


def test_bytes_of_no_encoding_are_refused_with_their_line(tmp_path):
    path = saved(tmp_path / "x.csv", b"id,lon,lat\n1,114,30\n2,\xff\xff\xff,30\n")
    with pytest.raises(LayerError, match=r"byte 23 \(line 3\)") as caught:
        read_file(path, "toilets")
    assert caught.value.code == "file_encoding"


def test_a_row_with_more_cells_than_headings_is_marked(tmp_path):
    text = "name,lon,lat\n甲,114.1,30.1\n乙,东门,114.2,30.2\n丙,114.3,30.3,,\n"
    reading = read_file(saved(tmp_path / "x.csv", text.encode()), "toilets")
    assert reading.too_wide == {"3": 4}


@pytest.mark.parametrize("text", ['name,lon,lat\n"甲,114.1,30.1\n', 'name,lon,lat\n"甲"乙,114.1,30.1\n'])
def test_quotes_that_do_not_match_are_refused(tmp_path, text):
    assert refused(saved(tmp_path / "x.csv", text.encode())) == "csv_broken"


def test_a_cell_of_fifty_megabytes_is_refused_with_its_line(tmp_path):
    path = saved(tmp_path / "x.csv", b"name,lon,lat\n" + b"a" * 50_000_000 + b",114.1,30.1\n")
    with pytest.raises(LayerError, match="line 2"):
        read_file(path, "toilets")


def test_titles_above_the_headings_and_blank_lines_below_are_no_records(tmp_path):
    text = f"某区公厕一览表,,,\n填表日期：2026年5月,,,\n{','.join(HEAD)}\n{','.join(ROWS[0])}\n,,,\n,,,\n"
    reading = read_file(saved(tmp_path / "x.csv", text.encode()), "toilets")
    assert (reading.rows, cells(reading)) == (["4"], [ROWS[0]])
    assert noted(reading, "title_rows") == {"count": 2}


def test_headings_in_two_rows_are_read_together(tmp_path):
    text = "编号,名称,坐标,\n,,经度,纬度\n1,甲公厕,114.31,30.51\n"
    reading = read_file(saved(tmp_path / "x.csv", text.encode()), "toilets")
    assert (reading.headings, reading.rows, cells(reading)) == (HEAD, ["3"], [ROWS[0]])


def test_a_table_without_known_headings_says_what_it_saw(tmp_path):
    path = saved(tmp_path / "x.csv", "甲公厕,114.31,30.51\n".encode())
    with pytest.raises(LayerError, match=r"甲公厕, 114\.31") as caught:
        read_file(path, "toilets")
    assert caught.value.code == "headings_unknown"


# -- Excel -----------------------------------------------------------------------------------------


def book(path: Path, *sheets: tuple[str, list[list[object]]], merged: tuple[str, ...] = ()) -> Path:
    made = Workbook()
    made.remove(made.active)
    for name, rows in sheets:
        sheet = made.create_sheet(name)
        for row in rows:
            sheet.append(row)
        for cells_ in merged:
            sheet.merge_cells(cells_)
    made.save(path)
    return path


def test_xlsx_with_a_merged_title_and_merged_headings_is_read(tmp_path):
    rows = [
        ["某区公共卫生间一览表", None, None, None],
        ["编号", "名称", "坐标", None],
        [None, None, "经度", "纬度"],
        [1, "甲公厕", 114.31, 30.51],
    ]
    path = book(tmp_path / "x.xlsx", ("表", rows), merged=("A1:D1", "A2:A3", "B2:B3", "C2:D2"))
    reading = read_file(path, "toilets")
    assert (reading.headings, reading.rows) == (HEAD, ["4"])
    assert reading.values == [[1.0, "甲公厕", 114.31, 30.51]]


def test_a_cell_merged_downwards_holds_for_every_row(tmp_path):
    rows = [
        ["名称", "街道", "经度", "纬度"],
        ["甲", "胜利街", 114.1, 30.1],
        ["乙", None, 114.2, 30.2],
        ["丙", None, 114.3, 30.3],
    ]
    reading = read_file(book(tmp_path / "x.xlsx", ("表", rows), merged=("B2:B3",)), "toilets")
    assert [row[1] for row in reading.values] == ["胜利街", "胜利街", ""]


def test_the_first_sheet_with_known_headings_is_read_and_the_others_named(tmp_path):
    path = book(tmp_path / "x.xlsx", ("说明", [["请勿外传"]]), ("公厕", [HEAD, *ROWS]), ("旧", [HEAD]))
    reading = read_file(path, "toilets")
    assert len(reading.values) == 2
    assert noted(reading, "other_sheets") == {"read": "公厕", "others": "说明, 旧"}


def rezipped(path: Path, member: str, content: bytes) -> Path:
    """The workbook with one member replaced."""
    with zipfile.ZipFile(path) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name, held in (parts | {member: content}).items():
            new.writestr(name, held)
    return path


def test_a_workbook_that_defines_entities_is_refused(tmp_path):
    path = book(tmp_path / "x.xlsx", ("公厕", [HEAD, *ROWS]))
    bad = b'<?xml version="1.0"?><!DOCTYPE k [<!ENTITY e SYSTEM "file:///etc/passwd">]><worksheet/>'
    assert refused(rezipped(path, "xl/worksheets/sheet1.xml", bad)) == "file_damaged"


def test_a_workbook_that_unpacks_beyond_reason_is_refused_by_its_directory(tmp_path):
    path = book(tmp_path / "x.xlsx", ("公厕", [HEAD, *ROWS]))
    assert refused(rezipped(path, "xl/worksheets/sheet1.xml", b" " * 60_000_000)) == "file_bomb"


@pytest.mark.parametrize("kept", [0.3, 0.6, 0.95])
def test_a_truncated_workbook_is_refused(tmp_path, kept):
    whole = book(tmp_path / "x.xlsx", ("公厕", [HEAD, *ROWS])).read_bytes()
    assert refused(saved(tmp_path / "y.xlsx", whole[: int(len(whole) * kept)])) == "file_disguised"


# -- GeoJSON ---------------------------------------------------------------------------------------

POINT = {"type": "Point", "coordinates": [114.31, 30.51]}


def geojson(path: Path, *features: object, **members: object) -> Path:
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features, **members}), "utf-8")
    return path


def feature(geometry: object = POINT, **properties: object) -> dict[str, object]:
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def test_geojson_without_crs_is_wgs84_by_its_standard(tmp_path):
    reading = read_file(geojson(tmp_path / "x.geojson", feature(name="甲")), "toilets")
    assert (reading.datum, reading.headings, reading.values) == ("EPSG:4326", ["name"], [["甲"]])
    assert shapely.get_coordinates(reading.geometry).tolist() == [[114.31, 30.51]]


@pytest.mark.parametrize(
    ("name", "datum"),
    [
        ("urn:ogc:def:crs:OGC:1.3:CRS84", "EPSG:4326"),
        ("urn:ogc:def:crs:EPSG::4490", "EPSG:4490"),
        ("EPSG:4547", "EPSG:4547"),
        ("http://www.opengis.net/def/crs/EPSG/0/4490", "EPSG:4490"),
    ],
)
def test_geojson_with_a_named_crs_is_in_it(tmp_path, name, datum):
    crs = {"type": "name", "properties": {"name": name}}
    assert read_file(geojson(tmp_path / "x.geojson", feature(), crs=crs), "toilets").datum == datum


@pytest.mark.parametrize(
    "crs",
    [
        {"type": "link", "properties": {"href": "http://127.0.0.1:9/x.wkt", "type": "ogcwkt"}},
        {"type": "name", "properties": {"name": "http://127.0.0.1:9/x.wkt"}},
        {"type": "name", "properties": {"name": "+proj=pipeline +step +proj=hgridshift +grids=/etc/passwd"}},
        {"type": "name", "properties": {"name": "http://127.0.0.1:9/EPSG:4326"}},
        {"type": "name", "properties": "EPSG:4326"},
        "EPSG:4326",
        7,
    ],
)
def test_a_crs_that_is_no_name_is_handed_on_as_unusable_and_never_followed(tmp_path, crs, monkeypatch):
    def no_network(*_: object) -> None:
        raise AssertionError("a link was followed")

    monkeypatch.setattr("socket.socket.connect", no_network)
    reading = read_file(geojson(tmp_path / "x.geojson", feature(), crs=crs), "toilets")
    assert reading.datum is None
    assert reading.datum_unusable


def test_features_without_a_usable_geometry_are_kept_as_rows(tmp_path):
    deep: dict[str, object] = POINT
    for _ in range(300):
        deep = {"type": "GeometryCollection", "geometries": [deep]}
    bad = [None, {}, [], "x", {"type": "Point"}, {"type": "Point", "coordinates": ["a", "b"]}, deep]
    features = [feature(), *(feature(shape) for shape in bad), None, 5, [], {"properties": [1]}]
    reading = read_file(geojson(tmp_path / "x.geojson", *features), "toilets")
    assert reading.rows == [str(number) for number in range(1, 13)]
    assert [shape is not None for shape in reading.geometry] == [True] + [False] * 11
    assert set(reading.geometry_faults) == {str(number) for number in range(3, 13)}  # 2: null is legal


def test_the_id_of_a_feature_serves_where_its_properties_have_none(tmp_path):
    reading = read_file(
        geojson(tmp_path / "x.geojson", {**feature(name="甲"), "id": "a"}, feature(id="b")), "toilets"
    )
    records = [dict(zip(reading.headings, row, strict=True)) for row in reading.values]
    assert [record["id"] for record in records] == ["a", "b"]


def test_headings_lose_halves_of_characters(tmp_path):
    path = saved(
        tmp_path / "x.geojson",
        json.dumps({"type": "FeatureCollection", "features": [feature(**{"\ud800a\0": 1})]}).encode(),
    )
    assert read_file(path, "toilets").headings == ["\N{REPLACEMENT CHARACTER}a"]


# -- GDAL formats ----------------------------------------------------------------------------------


def places(crs: str | None = "EPSG:4326", **columns: list[object]) -> gpd.GeoDataFrame:
    held = columns or {"name": ["甲公厕", "乙公厕"]}
    return gpd.GeoDataFrame(held, geometry=[Point(114.31, 30.51), Point(114.32, 30.52)], crs=crs)


def test_the_layer_of_a_geopackage_is_chosen_by_its_name_and_the_others_named(tmp_path):
    path = tmp_path / "数据.gpkg"
    pyogrio.write_dataframe(places(name=["甲", "乙"]), path, layer="别的")
    pyogrio.write_dataframe(places(name=["丙", "丁"]), path, layer="toilets", append=True)
    reading = read_file(path, "toilets")
    assert [row[0] for row in reading.values] == ["丙", "丁"]
    assert noted(reading, "other_layers") == {"read": "toilets", "others": "别的"}
    assert read_file(path, "roads").values[0] == ["甲"]


def shapefile(
    folder: Path, name: str = "layer", *, crs: str | None = "EPSG:4326", encoding: str = "UTF-8"
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    pyogrio.write_dataframe(places(crs), folder / f"{name}.shp", encoding=encoding)
    return folder


def zipped(path: Path, folder: Path, prefix: str = "", *, leave_out: tuple[str, ...] = ()) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for part in sorted(folder.iterdir()):
            if part.suffix not in leave_out:
                archive.write(part, prefix + part.name)
    return path


@pytest.mark.parametrize("encoding", ["UTF-8", "GBK"])
@pytest.mark.parametrize("cpg", [True, False])
@pytest.mark.parametrize("prefix", ["", "某区/背街小巷/", "../../", "/tmp/"])
@pytest.mark.filterwarnings("ignore:.*crs:UserWarning")
def test_a_zipped_shapefile_is_read_whatever_its_folder_and_encoding(tmp_path, encoding, cpg, prefix):
    folder = shapefile(tmp_path / "in", "背街小巷", encoding=encoding)
    path = zipped(tmp_path / "图.zip", folder, prefix, leave_out=() if cpg else (".cpg",))
    before = set(tmp_path.parent.rglob("*"))
    reading = read_file(path, "toilets")
    assert (reading.datum, [row[0] for row in reading.values]) == ("EPSG:4326", ["甲公厕", "乙公厕"])
    assert set(tmp_path.parent.rglob("*")) == before


def test_utf8_names_of_many_records_are_not_taken_for_gbk_because_of_the_header(tmp_path):
    """200 records put the byte C8 into the header, which is no UTF-8."""
    table = gpd.GeoDataFrame({"name": ["甲"] + ["A"] * 199}, geometry=[Point(114, 30)] * 200, crs=4326)
    (tmp_path / "in").mkdir()
    pyogrio.write_dataframe(table, tmp_path / "in" / "l.shp", encoding="UTF-8")
    reading = read_file(zipped(tmp_path / "x.zip", tmp_path / "in", leave_out=(".cpg",)), "toilets")
    assert {row[0] for row in reading.values} == {"甲", "A"}


@pytest.mark.filterwarnings("ignore:.*crs:UserWarning")
def test_a_shapefile_without_prj_states_no_datum(tmp_path):
    folder = shapefile(tmp_path / "in")
    reading = read_file(zipped(tmp_path / "x.zip", folder, leave_out=(".prj",)), "toilets")
    assert (reading.datum, reading.datum_unusable) == (None, None)


def test_a_prj_that_cannot_be_read_is_handed_on_as_unusable(tmp_path):
    folder = shapefile(tmp_path / "in")
    (folder / "layer.prj").write_text('PROJCS["broken"')
    reading = read_file(zipped(tmp_path / "x.zip", folder), "toilets")
    assert (reading.datum, reading.datum_unusable) == (None, 'PROJCS["broken"')


@pytest.mark.parametrize("epsg", [4490, 4547, 4526, 4508, 32650])
def test_the_prj_of_a_chinese_office_is_known_by_its_number(tmp_path, epsg):
    folder = shapefile(tmp_path / "in", crs=f"EPSG:{epsg}")
    (folder / "layer.prj").write_text(CRS.from_epsg(epsg).to_wkt("WKT1_ESRI"))
    reading = read_file(zipped(tmp_path / "x.zip", folder), "toilets")
    assert CRS.from_user_input(reading.datum).to_epsg() == epsg


@pytest.mark.parametrize("part", [".shx", ".dbf"])
def test_a_shapefile_without_one_of_its_parts_is_refused(tmp_path, part):
    folder = shapefile(tmp_path / "in")
    assert refused(zipped(tmp_path / "x.zip", folder, leave_out=(part,))) == "zip_parts"


def test_two_shapefiles_in_a_zip_are_refused_but_what_a_mac_adds_is_not_one(tmp_path):
    folder = shapefile(tmp_path / "in", "a")
    path = zipped(tmp_path / "x.zip", folder)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("__MACOSX/._a.shp", b"mac")
    assert len(read_file(path, "toilets").values) == 2
    shapefile(folder, "b")
    assert refused(zipped(tmp_path / "y.zip", folder)) == "zip_shapes"


def test_a_zip_with_a_damaged_part_is_refused(tmp_path):
    raw = bytearray(zipped(tmp_path / "x.zip", shapefile(tmp_path / "in")).read_bytes())
    at = raw.index(b"\0\0\x27\x0a")
    raw[at + 40] ^= 0xFF
    assert refused(saved(tmp_path / "y.zip", bytes(raw))) == "file_damaged"


# -- not what the name says ------------------------------------------------------------------------

VRT = b'<OGRVRTDataSource><OGRVRTLayer name="x"><SrcDataSource>/etc/passwd</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>'


def _contents() -> dict[str, bytes]:
    sheet = io.BytesIO()
    Workbook().save(sheet)
    return {
        "vrt": VRT,
        "xlsx": sheet.getvalue(),
        "gzip": b"\x1f\x8b\x08\0\0\0\0\0",
        "pdf": b"%PDF-1.7\n",
        "xls": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500),
        "sqlite": b"SQLite format 3\0" + bytes(100),
        "noise": struct.pack("<64I", *range(64)),
    }


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".xlsx", ".geojson", ".json", ".gpkg", ".zip"])
@pytest.mark.parametrize("content", sorted(_contents()))
def test_a_file_that_is_not_what_its_name_says_is_refused_by_name(tmp_path, ending, content):
    path = saved(tmp_path / f"文件{ending}", _contents()[content])
    expected = {"file_disguised", "file_damaged", "headings_unknown", "zip_shapes", "file_encoding"}
    assert refused(path) in expected
    assert b"root:" not in str(refused(path)).encode()


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".xlsx", ".geojson", ".json", ".gpkg", ".zip"])
def test_an_empty_file_is_refused(tmp_path, ending):
    assert refused(saved(tmp_path / f"x{ending}", b"")) == "file_empty"


@pytest.mark.parametrize("ending", [".shp", ".vrt", ".kml", ".exe", ""])
def test_other_endings_are_refused_with_the_known_ones(tmp_path, ending):
    assert refused(saved(tmp_path / f"x{ending}", VRT)) == "file_ending"


def test_a_missing_file_is_refused(tmp_path):
    assert refused(tmp_path / "x.csv") == "file_missing"


def test_truncated_feature_files_are_refused(tmp_path):
    whole = geojson(tmp_path / "x.geojson", feature(name="甲")).read_bytes()
    assert refused(saved(tmp_path / "y.geojson", whole[:-5])) == "file_disguised"
    pyogrio.write_dataframe(places(), tmp_path / "x.gpkg")
    half = (tmp_path / "x.gpkg").read_bytes()[:20_000]
    assert refused(saved(tmp_path / "y.gpkg", half)) == "file_damaged"


def test_a_geopackage_without_a_layer_is_refused(tmp_path):
    pyogrio.write_dataframe(places().drop(columns="geometry"), tmp_path / "x.gpkg")
    assert refused(tmp_path / "x.gpkg") == "file_no_layer"


# -- real files ------------------------------------------------------------------------------------


def real_zip(tmp_path: Path, folder: Path, stem: str) -> Path:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for part in folder.glob(f"{stem}.*"):
            archive.write(part, part.name)
    return tmp_path / "x.zip"


@pytest.mark.testdata
def test_shanghai_districts_in_gbk_without_cpg_have_their_names(tmp_path, test_data):
    reading = read_file(real_zip(tmp_path, test_data / "shanghai", "districts_area"), "areas")
    names = {row[reading.headings.index("NAME")] for row in reading.values}
    assert len(reading.values) == 17
    assert {"闸北区", "崇明县", "浦东新区"} <= names


@pytest.mark.testdata
def test_shenzhen_districts_without_prj_state_no_datum(tmp_path, test_data):
    reading = read_file(real_zip(tmp_path, test_data / "shenzhen_districts", "sz"), "areas")
    assert (len(reading.values), reading.datum) == (10, None)
    assert {"罗湖", "大鹏", "光明"} <= {str(row[reading.headings.index("qh")])[:2] for row in reading.values}


@pytest.mark.testdata
def test_xiamen_blocks_keep_their_own_projection(tmp_path, test_data):
    reading = read_file(
        real_zip(tmp_path, test_data / "xiamen_zones", "xiamen_region_partition"), "compounds"
    )
    assert len(reading.values) == 661
    assert "499995.7" in reading.datum


@pytest.mark.testdata
def test_haidian_geopackage_has_three_layers(test_data):
    reading = read_file(test_data / "beijing_haidian_osm" / "beijing_haidian.gpkg", "roads")
    assert len(reading.values) == 1126
    assert "pois" in noted(reading, "other_layers")["others"]
