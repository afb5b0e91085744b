"""GeoPackages and shapefiles as offices hand them in, whole and damaged."""

from __future__ import annotations

import sqlite3
import struct
from contextlib import closing

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
import shapely
from feature_files import places, read, refused, saved, shapefile, zipped
from pyproj import CRS
from shapely import Point

from layers.count_rows import count_shapes


def two_layers(path, *names):
    for number, name in enumerate(names):
        table = places(name=[f"{name}1", f"{name}2"])
        pyogrio.write_dataframe(table, path, layer=name, append=number > 0)
    return path


def altered(path, sql):
    with closing(sqlite3.connect(path)) as held, held:
        held.executescript(sql)
    return path


# -- GeoPackage ------------------------------------------------------------------------------------


def test_the_layer_of_a_geopackage_is_chosen_by_its_name_and_the_others_named(tmp_path):
    path = two_layers(tmp_path / "数据.gpkg", "别的", "toilets")
    whole = read(path)
    assert whole.column("name") == ["toilets1", "toilets2"]
    assert whole.noted("other_layers") == {"read": "toilets", "others": "别的"}


def test_of_several_layers_the_user_is_asked_and_may_name_one(tmp_path):
    path = two_layers(tmp_path / "x.gpkg", "甲", "乙")
    told = refused(path)
    assert (told.code, told.facts["parts"]) == ("part_needed", "甲, 乙")
    assert read(path, part="乙").column("name") == ["乙1", "乙2"]
    told = refused(path, part="丙")
    assert (told.code, told.facts["part"], told.facts["parts"]) == ("part_unknown", "丙", "甲, 乙")


def test_the_only_layer_with_geometry_is_taken_whatever_its_name(tmp_path):
    path = tmp_path / "x.gpkg"
    pyogrio.write_dataframe(places().drop(columns="geometry"), path, layer="说明")
    pyogrio.write_dataframe(places(), path, layer="某图层", append=True)
    assert len(read(path).values) == 2


def test_a_geopackage_in_pieces_holds_every_record_once_in_its_order(tmp_path, monkeypatch):
    monkeypatch.setattr("layers.read_vector.PIECE", 3)
    table = gpd.GeoDataFrame({"n": range(8)}, geometry=[Point(n, 0) for n in range(8)], crs=4326)
    pyogrio.write_dataframe(table, tmp_path / "x.gpkg", spatial_index=False)
    altered(tmp_path / "x.gpkg", "UPDATE x SET fid = fid * 1000")
    whole = read(tmp_path / "x.gpkg")
    assert [len(piece.rows) for piece in whole.pieces] == [3, 3, 2]
    assert (whole.rows, whole.column("n")) == (list("12345678"), list(range(8)))
    assert [shape.x for shape in whole.geometry] == list(range(8))


@pytest.mark.parametrize("blob", ["x'4750'", "substr(geom, 1, 20)", "zeroblob(60)"])
def test_a_damaged_geometry_is_told_and_a_missing_one_is_not_called_damaged(tmp_path, blob):
    path = tmp_path / "x.gpkg"
    table = gpd.GeoDataFrame(
        {"n": range(4)}, geometry=[Point(1, 2), Point(3, 4), None, Point(5, 6)], crs=4326
    )
    pyogrio.write_dataframe(table, path, spatial_index=False)
    altered(path, f"UPDATE x SET geom = {blob} WHERE n = 1")
    whole = read(path)
    assert [shape is None for shape in whole.geometry] == [False, True, True, False]
    assert set(whole.faults) == {"2"}


def test_a_view_is_refused_beside_tables_and_alone(tmp_path):
    path = tmp_path / "x.gpkg"
    pyogrio.write_dataframe(places(), path, layer="t")
    altered(
        path,
        """CREATE VIEW v AS WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT n AS fid, NULL AS geom FROM c;
        INSERT INTO gpkg_contents (table_name, data_type, identifier, srs_id) VALUES ('v', 'features', 'v', 4326);
        INSERT INTO gpkg_geometry_columns VALUES ('v', 'geom', 'POINT', 4326, 0, 0);""",
    )
    assert len(read(path).values) == 2
    assert refused(path, part="v").code == "layer_is_view"
    altered(path, "DELETE FROM gpkg_geometry_columns WHERE table_name = 't'")
    assert refused(path).code == "layer_is_view"


def test_a_geopackage_that_another_program_is_writing_is_refused(tmp_path):
    pyogrio.write_dataframe(places(), tmp_path / "x.gpkg")
    with closing(sqlite3.connect(tmp_path / "x.gpkg")) as held:
        held.execute("PRAGMA journal_mode=WAL")
        held.execute("DELETE FROM gpkg_ogr_contents")
        held.commit()
        assert refused(tmp_path / "x.gpkg").code == "gpkg_open"
    before = sorted(tmp_path.iterdir())
    assert len(read(tmp_path / "x.gpkg").values) == 2
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("kept", [100, 4096, 20_000, 0.9])
def test_a_truncated_geopackage_is_refused(tmp_path, kept):
    pyogrio.write_dataframe(places(), tmp_path / "x.gpkg")
    raw = (tmp_path / "x.gpkg").read_bytes()
    path = saved(tmp_path / "y.gpkg", raw[: int(kept if kept > 1 else len(raw) * kept)])
    assert refused(path).code in ("file_damaged", "file_no_layer")


def test_a_geopackage_without_a_layer_is_refused(tmp_path):
    pyogrio.write_dataframe(places().drop(columns="geometry"), tmp_path / "x.gpkg")
    assert refused(tmp_path / "x.gpkg").code == "file_no_layer"
    with closing(sqlite3.connect(tmp_path / "y.gpkg")) as held:
        held.execute("CREATE TABLE t (a)")
    assert refused(tmp_path / "y.gpkg").code == "file_no_layer"


# -- shapefiles ------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["UTF-8", "GBK"])
@pytest.mark.parametrize("cpg", [True, False])
@pytest.mark.parametrize("prefix", ["", "某区/背街小巷/"])
def test_a_zipped_shapefile_is_read_whatever_its_folder_and_encoding(tmp_path, encoding, cpg, prefix):
    folder = shapefile(tmp_path / "in", "背街小巷", encoding=encoding)
    path = zipped(tmp_path / "图.zip", folder, prefix, leave_out=() if cpg else (".cpg",))
    before = set(tmp_path.parent.rglob("*"))
    whole = read(path)
    assert (whole.datum, whole.column("name")) == ("EPSG:4326", ["甲公厕", "乙公厕"])
    assert whole.noted("encoding")["encoding"] == {"UTF-8": "UTF-8", "GBK": "GB18030"}[encoding]
    assert set(tmp_path.parent.rglob("*")) == before


@pytest.mark.parametrize("told", ["UTF-8", "65001", "ISO-8859-1x", "GBK", "936", ""])
def test_a_cpg_that_does_not_fit_the_bytes_is_overruled(tmp_path, told):
    folder = shapefile(tmp_path, encoding="GBK")
    saved(folder / "layer.cpg", told)
    assert read(folder / "layer.shp").column("name") == ["甲公厕", "乙公厕"]


def test_the_encoding_can_be_overruled(tmp_path):
    folder = shapefile(tmp_path, encoding="GBK")
    assert read(folder / "layer.shp", encoding="gbk").column("name") == ["甲公厕", "乙公厕"]
    expected = ["甲公厕".encode("gbk").decode("latin-1"), "乙公厕".encode("gbk").decode("latin-1")]
    assert read(folder / "layer.shp", encoding="latin-1").column("name") == expected
    assert refused(folder / "layer.shp", encoding="base64").code == "encoding_unknown"


def test_a_name_cut_off_by_the_width_of_its_field_loses_only_its_last_half_character(tmp_path):
    folder = shapefile(tmp_path)
    raw = (folder / "layer.dbf").read_bytes()
    cut = raw.replace("乙公厕".encode(), "乙公厕".encode()[:-1] + b" ")
    saved(folder / "layer.dbf", cut)
    assert read(folder / "layer.shp").column("name") == ["甲公厕", "乙公"]


def test_utf8_names_of_many_records_are_not_taken_for_gbk_because_of_the_header(tmp_path):
    """200 records put the byte C8 into the header, which is no UTF-8."""
    table = gpd.GeoDataFrame({"name": ["甲"] + ["A"] * 199}, geometry=[Point(114, 30)] * 200, crs=4326)
    pyogrio.write_dataframe(table, tmp_path / "l.shp", encoding="UTF-8")
    (tmp_path / "l.cpg").unlink()
    assert set(read(tmp_path / "l.shp").column("name")) == {"甲", "A"}


def test_a_shapefile_without_prj_states_no_datum(tmp_path):
    path = zipped(tmp_path / "x.zip", shapefile(tmp_path / "in"), leave_out=(".prj",))
    assert (read(path).datum, read(path).unusable) == (None, None)


def test_a_prj_that_cannot_be_read_is_handed_on_as_unusable_and_left_where_it_is(tmp_path):
    folder = shapefile(tmp_path)
    saved(folder / "layer.prj", 'PROJCS["broken"')
    whole = read(folder / "layer.shp")
    assert (whole.datum, whole.unusable) == (None, 'PROJCS["broken"')
    assert (folder / "layer.prj").exists()


@pytest.mark.parametrize("epsg", [4490, 4547, 4526, 4508, 32650])
def test_the_prj_of_a_chinese_office_is_known_by_its_number(tmp_path, epsg):
    folder = shapefile(tmp_path, crs=f"EPSG:{epsg}")
    saved(folder / "layer.prj", CRS.from_epsg(epsg).to_wkt("WKT1_ESRI"))
    assert CRS.from_user_input(read(folder / "layer.shp").datum).to_epsg() == epsg


@pytest.mark.parametrize("part", [".shx", ".dbf"])
def test_a_shapefile_without_one_of_its_parts_is_refused_in_a_zip_and_out_of_it(tmp_path, part):
    folder = shapefile(tmp_path / "in")
    assert refused(zipped(tmp_path / "x.zip", folder, leave_out=(part,))).facts["missing"] == part
    (folder / f"layer{part}").unlink()
    assert refused(folder / "layer.shp").facts["missing"] == part


def test_endings_in_capitals_belong_to_the_same_shapefile(tmp_path):
    folder = shapefile(tmp_path)
    for part in list(folder.iterdir()):
        part.rename(part.with_suffix(part.suffix.upper()))
    assert len(read(folder / "layer.SHP").values) == 2


def numbered(folder, count):
    """A shapefile of points n, 0 with the attribute n."""
    table = gpd.GeoDataFrame({"n": range(count)}, geometry=[Point(n, 0) for n in range(count)], crs=4326)
    pyogrio.write_dataframe(table, folder / "l.shp")
    return folder / "l.shp"


def dbf(path):
    """The bytes of the .dbf, where its records begin, and how long each is."""
    raw = bytearray(path.with_suffix(".dbf").read_bytes())
    begin, width = struct.unpack("<HH", raw[8:12])
    return raw, begin, width


@pytest.mark.parametrize("gone", [(0,), (2, 3), (4, 5, 6, 7), (1, 9), tuple(range(10))])
def test_deleted_records_are_left_out_once_and_the_others_keep_their_numbers(tmp_path, monkeypatch, gone):
    monkeypatch.setattr("layers.read_vector.PIECE", 3)
    path = numbered(tmp_path, 10)
    raw, begin, width = dbf(path)
    for number in gone:
        raw[begin + number * width] = ord("*")
    saved(path.with_suffix(".dbf"), bytes(raw))
    whole = read(path)
    kept = [number for number in range(10) if number not in gone]
    assert whole.column("n") == kept
    assert whole.rows == [str(number + 1) for number in kept]
    assert whole.counted == len(kept)


def test_a_header_that_lies_about_the_number_of_records_is_told(tmp_path):
    path = numbered(tmp_path, 3)
    raw, _, _ = dbf(path)
    raw[4:8] = struct.pack("<I", 2_000_000_000)
    saved(path.with_suffix(".dbf"), bytes(raw))
    assert read(path).noted("dbf_count") == {"stated": 2_000_000_000, "held": 3}


@pytest.mark.parametrize("part", [".dbf", ".shx"])
def test_parts_that_hold_different_numbers_of_records_are_refused(tmp_path, part):
    path = numbered(tmp_path, 3)
    _, _, width = dbf(path)
    cut = path.with_suffix(part).read_bytes()[: -(width + 1) if part == ".dbf" else -8]
    saved(path.with_suffix(part), cut)
    assert refused(path).code == "shapefile_counts"


def test_the_second_count_is_that_of_the_file_sizes(tmp_path):
    path = numbered(tmp_path, 1234)
    counts = count_shapes(path.with_suffix(".shx"), path.with_suffix(".dbf"))
    assert (counts.shapes, counts.stated, counts.held, counts.deleted) == (1234, 1234, 1234, 0)


def test_a_record_cut_off_is_named_and_a_null_shape_is_not_called_damaged(tmp_path):
    table = gpd.GeoDataFrame({"n": range(3)}, geometry=[Point(1, 2), None, Point(3, 4)], crs=4326)
    pyogrio.write_dataframe(table, tmp_path / "l.shp")
    raw = (tmp_path / "l.shp").read_bytes()
    saved(tmp_path / "l.shp", raw[:-10])
    whole = read(tmp_path / "l.shp")
    assert [shape is None for shape in whole.geometry] == [False, True, True]
    assert set(whole.faults) == {"3"}


def test_a_polygon_of_a_shapefile_loses_its_heights_and_keeps_its_area(tmp_path):
    shape = shapely.force_3d(shapely.box(114, 30, 114.5, 30.5), 7)
    gpd.GeoDataFrame({"n": [1]}, geometry=[shape], crs=4326).to_file(tmp_path / "l.shp")
    [found] = read(tmp_path / "l.shp").geometry
    assert not found.has_z
    assert np.isclose(found.area, 0.25)


def test_a_file_that_is_no_shapefile_is_refused(tmp_path):
    folder = shapefile(tmp_path)
    saved(folder / "layer.shp", "<OGRVRTDataSource/>")
    assert refused(folder / "layer.shp").code == "file_disguised"


# -- real files ------------------------------------------------------------------------------------


@pytest.mark.testdata
def test_shanghai_districts_in_gbk_without_cpg_have_their_names(test_data):
    whole = read(test_data / "shanghai" / "districts_area.shp", "areas")
    assert len(whole.values) == 17
    assert {"闸北区", "崇明县", "浦东新区"} <= set(whole.column("NAME"))


@pytest.mark.testdata
def test_shenzhen_districts_without_prj_state_no_datum(test_data):
    whole = read(test_data / "shenzhen_districts" / "sz.shp", "areas")
    assert (len(whole.values), whole.datum) == (10, None)
    assert {"罗湖", "大鹏", "光明"} <= {str(name)[:2] for name in whole.column("qh")}


@pytest.mark.testdata
def test_xiamen_blocks_keep_their_own_projection(test_data):
    whole = read(test_data / "xiamen_zones" / "xiamen_region_partition.shp", "compounds")
    assert len(whole.values) == 661
    assert "499995.7" in whole.datum


@pytest.mark.testdata
def test_haidian_geopackage_has_three_layers(test_data):
    path = test_data / "beijing_haidian_osm" / "beijing_haidian.gpkg"
    whole = read(path, "roads")
    assert len(whole.values) == 1126
    assert "pois" in whole.noted("other_layers")["others"]
    assert refused(path, "toilets").code == "part_needed"


@pytest.mark.testdata
@pytest.mark.parametrize("name", ["curve", "curvepolygon", "multisurface", "line_zm", "test_gpkg_nulls"])
def test_no_geometry_of_the_fetched_geopackages_is_lost_without_a_word(test_data, name):
    whole = read(test_data / "malformed" / "fetched" / "pyogrio" / f"{name}.gpkg")
    assert whole.values
    assert all(shape is not None and not shape.is_empty for shape in whole.geometry)
