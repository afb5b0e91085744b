"""Every row is accepted or refused with a reason, and stands where it is."""

from __future__ import annotations

import json
import math
import zipfile
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import MultiPoint, Point, Polygon
from whole_file import WholeCheck as Checked
from whole_file import check, read_file

from geo.crs import from_wgs84
from geo.errors import LayerError
from layers.faults import Fault
from layers.reading import Reading
from layers.schema import LAYERS
from layers.store import NewBatch, Store
from layers.validate import Checker
from service.i18n import LANGS, texts

SHANGHAI = ZoneInfo("Asia/Shanghai")
# around the city of Wuhan; 4547 is the 3-degree zone of 114 E, 4526 the same as zone 38
LON = np.array([114.301, 114.312, 114.323, 114.334])
LAT = np.array([30.501, 30.512, 30.523, 30.534])


def table(headings: str, *rows: list[object], **more: object) -> Reading:
    names = headings.split()
    held = [list(row) + [None] * (len(names) - len(row)) for row in rows]
    return Reading(names, [str(number + 2) for number in range(len(rows))], held, **more)


def features(*shapes: object, datum: str | None = "EPSG:4326", **columns: list[object]) -> Reading:
    geometry = np.empty(len(shapes), object)
    geometry[:] = shapes
    values = [list(row) for row in zip(*columns.values(), strict=True)] or [[] for _ in shapes]
    return Reading(list(columns), [str(n + 1) for n in range(len(shapes))], values, geometry, datum=datum)


def codes(checked: Checked) -> dict[str, str]:
    assert len(checked.table) + len(checked.faults) == checked.read
    assert len(checked.rows) == len(checked.table)
    for fault in checked.faults:
        assert all(f"fault.{fault.code}" in texts() for _ in LANGS)
    return {fault.row: fault.code for fault in checked.faults}


def only(checked: Checked) -> Fault:
    assert len(codes(checked)) == 1
    return checked.faults[0]


def noted(checked: Checked, code: str) -> dict[str, object] | None:
    return next((note.facts for note in checked.notes if note.code == code), None)


# -- accepted + refused = rows ---------------------------------------------------------------------

junk = st.one_of(
    st.none(),
    st.text(max_size=8),
    st.text(st.characters(categories=["Cs", "Cc", "Lo"]), max_size=4),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.datetimes(),
    st.sampled_from(["合计", "", " ", "420106001001001", "1.1E+14", "2024.5.6", "5月6日", "１１４．３", "-", "market", "3_0"]),
    st.floats(114, 115),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=2), st.integers(), max_size=2),
)  # fmt: skip


@pytest.mark.parametrize("layer", sorted(LAYERS))
@pytest.mark.parametrize("datum", [None, "gcj02", "bd09", "EPSG:4547"])
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_accepted_and_refused_add_up_to_the_rows_and_can_be_stored(layer, datum, data):
    names = [column.name for column in LAYERS[layer].columns] + ["lon", "lat", "geometry", "gates"]
    rows = data.draw(st.lists(st.lists(junk, min_size=len(names), max_size=len(names)), max_size=6))
    try:
        checked = check(table(" ".join(names), *rows), layer, datum=datum)
    except LayerError as refused:
        assert refused.code in (
            "datum_needed",
            "datum_nowhere",
            "datum_not_metres",
            "datum_unfit",
            "datum_beyond",
        )
        return
    assert set(codes(checked)) | set(checked.rows) == {str(number + 2) for number in range(len(rows))}
    checked.table.to_wkb().to_csv().encode("utf-8")  # no halves of characters
    for fault in checked.faults:
        json.dumps([fault.value, fault.column, fault.message]).encode("utf-8")
        assert not any(
            "\ud800" <= sign <= "\udfff" or (sign < " " and sign not in "\t\n\r") for sign in fault.value
        )


def test_what_was_accepted_and_refused_goes_into_the_store(tmp_path):
    reading = table(
        "id name lon lat",
        ["a\0b", "x\x01y", 114.3, 30.5],
        ["\ud800", "z", 114.3, 30.5],
        ["c", "\udfff\0", 114.3, 30.5],
    )
    checked = check(reading, "toilets")
    assert codes(checked) == {"3": "text_broken", "4": "text_broken"}
    assert checked.table[["id", "name"]].iloc[0].tolist() == ["ab", "xy"]
    batch = NewBatch(source="x", sha256="0", imported_at="2026-05-06T08:00:00+08:00", kind="toilets")
    with Store.open(tmp_path / "s.db", create=True) as store:
        store.add({"toilets": checked.table}, batch, {"toilets": checked.faults}, update=False)
        assert store.read("toilets")["id"].tolist() == ["ab"]


# -- cells -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "told",
    ["2024-05-06", "20240506", 20240506, "202405060000", "2024.5.6", "2024/5/6", "2024年5月6日", "２０２４－５－６", "2024-05-06 00:00:00", 45418, 45418.0, "45418",
     "2024-05-05T16:00:00Z", datetime(2024, 5, 6)],  # noqa: DTZ001
)  # fmt: skip
def test_dates_as_offices_write_them_are_the_same_day(told):
    """45418 days after 1899-12-30, the zero of spreadsheets, is 2024-05-06."""
    checked = check(table("category found_at lon lat", ["SS01", told, 114.3, 30.5]), "issues")
    assert codes(checked) == {}
    assert checked.table["found_at"][0] == datetime(2024, 5, 6, tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("told", "hour", "minute"),
    [("2024年5月6日8时30分", 8, 30), ("2024年5月6日 下午3时", 15, 0), ("2024/5/6 下午 15:30", 15, 30),
     ("2024/5/6 上午 12:05", 0, 5), ("2024-05-06 3:05:00 pm", 15, 5), ("05/06/2024 12:20:00 AM", 0, 20),
     ("5/6/2024 12:20 PM", 12, 20)],
)  # fmt: skip
def test_times_of_both_halves_of_the_day_are_understood(told, hour, minute):
    """By hand; with AM or PM the month comes first."""
    checked = check(table("category found_at lon lat", ["SS01", told, 114.3, 30.5]), "issues")
    assert codes(checked) == {}
    assert checked.table["found_at"][0] == datetime(2024, 5, 6, hour, minute, tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    "told", ["2026-13-01", "2026-02-29", "1.5.2026", "昨天", "0001-01-01", True, "12:30", 3,
             "5/6/2024", "20241306", "05/06/2024 08:30", "13/06/2024 8:30 AM", "2024-05-06 15:30 AM", "2024-05-0608:30"]
)  # fmt: skip
def test_dates_that_are_none_or_lack_the_year_are_refused(told):
    checked = check(table("category found_at lon lat", ["SS01", told, 114.3, 30.5]), "issues")
    assert only(checked).code == "not_a_date"


def test_a_day_without_a_year_is_taken_in_the_year_that_is_said_and_else_refused():
    reading = table("category found_at lon lat", ["SS01", "5月6日", 114.3, 30.5])
    assert only(check(reading, "issues")).code == "date_without_year"
    said = check(reading, "issues", year=2024)
    assert said.table["found_at"][0] == datetime(2024, 5, 6, tzinfo=SHANGHAI)
    assert said.fixed == ["2"]


@pytest.mark.parametrize(
    ("titles", "year"), [("某区2024年5月问题台账", 2024), ("2023、2024年台账", None), ("第20245号", None)]
)
def test_the_only_year_of_the_titles_is_that_of_dates_without_one(titles, year):
    reading = table("category found_at lon lat", ["SS01", "5月6日 8:30", 114.3, 30.5], titles=titles)
    checked = check(reading, "issues")
    if year is None:
        assert only(checked).code == "date_without_year"
    else:
        assert checked.table["found_at"][0] == datetime(year, 5, 6, 8, 30, tzinfo=SHANGHAI)


def test_a_day_number_with_a_time_is_that_second():
    checked = check(table("category found_at lon lat", ["SS01", 45418 + 8.5 / 24, 114.3, 30.5]), "issues")
    assert checked.table["found_at"][0] == datetime(2024, 5, 6, 8, 30, tzinfo=SHANGHAI)


@pytest.mark.parametrize("told", [420106001001001.0, 420106001001001, "420106001001001", "420106001001001.0"])
def test_fifteen_digit_codes_keep_their_digits(told):
    assert check(table("id lon lat", [told, 114.3, 30.5]), "toilets").table["id"][0] == "420106001001001"


@pytest.mark.parametrize("told", ["4.20106E+14", "4.2E14", 4.2010600100100112e16, 1111027380930123.0])
def test_codes_that_a_spreadsheet_has_rounded_are_refused(told):
    assert only(check(table("id lon lat", [told, 114.3, 30.5]), "toilets")).code == "id_rounded"


def test_ids_that_only_look_like_numbers_are_kept():
    told = ["0012", "3E12", "1-2", "1.0", "甲－1"]
    rows = [[name, 114.3, 30.5 + at / 100] for at, name in enumerate(told)]
    assert check(table("id lon lat", *rows), "toilets").table["id"].tolist() == told


@pytest.mark.parametrize(
    ("told", "code"),
    [("东经114度", "not_degrees"), ("3_0.5", "not_a_number"), ("30,5", "not_a_number"), ("NaN", "not_finite"),
     ("Infinity", "not_finite"), ("1e999", "not_finite"), ("", "place_missing"), (None, "place_missing"), ("٣٠", "not_a_number")],
)  # fmt: skip
def test_coordinates_that_are_no_numbers_are_refused(told, code):
    fault = only(check(table("name lon 纬度", ["甲", 114.3, told]), "toilets"))
    assert (fault.code, fault.column) == (code, "纬度")


@pytest.mark.parametrize("told", ["３０．５", " 30.5 ", "30.5°", "+30.5", "3.05e1", 30.5])
def test_coordinates_in_full_width_digits_and_with_signs_are_numbers(told):
    assert check(table("name lon lat", ["甲", "１１４．３", told]), "toilets").table.geometry[0] == Point(
        114.3, 30.5
    )


@pytest.mark.parametrize(("told", "count"), [("1,234", 1234), ("１２", 12), (12.0, 12)])
def test_counts_are_whole_numbers(told, count):
    assert (
        check(table("name lon lat households", ["甲", 114.3, 30.5, told]), "compounds").table["households"][0]
        == count
    )


def test_rows_that_are_no_records_are_refused_one_by_one():
    checked = check(
        table(
            "id name lon lat",
            ["1", "甲", 114.3, 30.5],
            [None, " ", "", None],
            ["2", "乙", 114.31, 30.5],
            ["合计", "", 2, None],
        ),
        "toilets",
    )
    assert codes(checked) == {"3": "row_empty", "5": "row_total"}


def test_a_row_with_more_cells_than_headings_is_refused(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("name,lon,lat\n甲,114.1,30.1\n乙,东门,114.2,30.2\n丙,114.3,30.3,,\n", "utf-8")
    checked = check(read_file(path, "toilets"), "toilets")
    assert codes(checked) == {"3": "row_wide"}
    assert checked.table["name"].tolist() == ["甲", "丙"]


@pytest.mark.parametrize("value", [["a"], {"a": 1}, []])
def test_lists_and_objects_are_no_values(value):
    assert only(check(features(Point(114.3, 30.5), name=[value]), "toilets")).code == "value_nested"


def test_text_of_more_than_two_thousand_characters_is_refused_and_two_thousand_kept():
    checked = check(table("name lon lat", ["长" * 2001, 114.3, 30.5], ["长" * 2000, 114.3, 30.5]), "toilets")
    assert codes(checked) == {"2": "text_long"}
    assert len(checked.faults[0].value) <= 40


# -- 社区 and 小区, alleys, hospitals ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layer", "name", "class_", "code"),
    [
        ("anchors", "水果湖社区", "小区", "compound_not_anchor"),
        ("anchors", "甲", "庙宇", "value_unknown"),
        ("anchors", "仁爱动物医院", "hospital", "vet"),
        ("anchors", "爱心宠物医院", "医院", "vet"),
        ("compounds", "水果湖社区居委会", None, "community_not_compound"),
        ("compounds", "三号学生宿舍", None, "dormitory"),
    ],
)
def test_what_belongs_to_another_layer_is_refused(layer, name, class_, code):
    assert only(check(table("name class lon lat", [name, class_, 114.3, 30.5]), layer)).code == code


def test_a_community_is_an_anchor_and_a_compound_a_compound():
    anchors = check(table("name 类别 lon lat", ["水果湖社区", "社区", 114.3, 30.5]), "anchors")
    assert anchors.table["class"].tolist() == ["community"]
    assert len(check(table("name lon lat", ["水果湖小区", 114.3, 30.5]), "compounds").table) == 1


def test_an_alley_as_a_point_is_refused():
    assert only(check(table("name lon lat", ["胜利巷", 114.3, 30.5]), "back_alleys")).code == "alley_point"


@pytest.mark.parametrize(
    ("word", "class_"),
    [("motorway_link", "motorway"), ("trunk_link", "trunk"), ("primary_link", "primary"), ("secondary_link", "secondary"),
     ("tertiary_link", "tertiary"), ("footway", "path"), ("cycleway", "path"), ("path", "path"), ("steps", "path"), ("track", "path"),
     ("living_street", "residential"), ("unclassified", "residential"), ("pedestrian", "residential"), ("residential", "residential"),
     ("service", "service"), ("主干道", "primary")],
)  # fmt: skip
def test_words_of_openstreetmap_are_road_classes(word, class_):
    line = shapely.LineString([(114.3, 30.5), (114.31, 30.5)])
    assert check(features(line, highway=[word]), "roads").table["class"].tolist() == [class_]


# -- ids -------------------------------------------------------------------------------------------


def test_rows_without_an_id_get_the_same_one_in_every_import_and_order():
    rows = [["甲", 114.3, 30.5], ["乙", 114.3, 30.5], ["甲", 114.31, 30.5]]
    one, other = (check(table("name lon lat", *given), "toilets").table for given in (rows, rows[::-1]))
    assert one["id"].is_unique
    assert one["id"].tolist() == other["id"].tolist()[::-1]


def test_issues_at_one_place_without_an_id_are_told_apart():
    rows = [
        ["SS01", "2024-05-06", 114.3, 30.5],
        ["SS01", "2024-05-07", 114.3, 30.5],
        ["SS02", "2024-05-06", 114.3, 30.5],
    ]
    assert codes(check(table("category found_at lon lat", *rows), "issues")) == {}


# -- datums ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "datum", ["wgs84", "cgcs2000", "gcj02", "bd09", "EPSG:4547", "EPSG:4526", "EPSG:32650"]
)
@pytest.mark.parametrize("northing_first", [False, True])
@pytest.mark.parametrize("form", ["columns", "wkt", "features"])
def test_places_come_back_from_every_datum(datum, northing_first, form):
    x, y = from_wgs84(LON, LAT, datum)
    if northing_first:
        if not datum.startswith("EPSG") or form != "columns":
            return
        x, y = y, x
    if form == "columns":
        reading = table(
            "name X Y", *([f"点{n}", float(a), float(b)] for n, (a, b) in enumerate(zip(x, y, strict=True)))
        )
    elif form == "wkt":
        reading = table(
            "name wkt",
            *(
                [f"点{n}", f"POINT ({a!r} {b!r})"]
                for n, (a, b) in enumerate(zip(x.tolist(), y.tolist(), strict=True))
            ),
        )
    else:
        reading = features(*shapely.points(x, y), name=["甲", "乙", "丙", "丁"], datum=None)
    checked = check(reading, "toilets", datum=datum)
    assert codes(checked) == {}
    # 1e-9 degrees are 0.1 mm
    np.testing.assert_allclose(
        shapely.get_coordinates(checked.table.geometry), np.c_[LON, LAT], rtol=0, atol=1e-9
    )
    assert (noted(checked, "northing_first") is not None) == northing_first


@pytest.mark.parametrize("datum", ["wgs84", "gcj02", "bd09"])
def test_gates_move_with_their_compound(datum):
    (lon, gate_lon), (lat, gate_lat) = from_wgs84([114.3, 114.301], [30.5, 30.501], datum)
    row = [
        "甲",
        lon,
        lat,
        f"{gate_lon!r} {gate_lat!r}; {lon!r} {lat!r}".replace("np.float64(", "").replace(")", ""),
    ]
    gates = check(table("name lon lat 大门", row), "compounds", datum=datum).table["gates"][0]
    np.testing.assert_allclose(shapely.get_coordinates(gates), [[114.301, 30.501], [114.3, 30.5]], atol=1e-9)


@pytest.mark.parametrize("told", ["114.3,30.5", "114.3 30.5 7", "114.3", "东门", "nan nan"])
def test_gates_that_are_no_list_of_places_are_refused(told):
    assert (
        only(check(table("name lon lat gates", ["甲", 114.3, 30.5, told]), "compounds")).code
        == "gates_unreadable"
    )


def test_half_a_gate_and_a_swapped_gate_are_refused():
    heads = "name lon lat gate_lon gate_lat"
    rows = [
        ["甲", 114.3, 30.5, 114.3, None],
        ["乙", 114.3, 30.5, 30.5, 114.3],
        ["丙", 114.3, 30.5, 114.3, 30.5],
    ]
    checked = check(table(heads, *rows), "compounds")
    assert codes(checked) == {"2": "place_missing", "3": "swapped"}
    assert checked.table["gates"][0] == MultiPoint([(114.3, 30.5)])


@pytest.mark.parametrize(
    ("place", "code"),
    [((0.0, 0.0), "null_island"), ((30.5, 114.3), "swapped"), ((500_000.0, 3_377_000.0), "out_of_range"), ((181.0, 30.5), "out_of_range"),
     ((109.892, 40.655), "outside_city"), ((math.nan, 30.5), "place_missing"), ((1e308, 1e308), "out_of_range")],
)  # fmt: skip
@pytest.mark.parametrize("datum", ["wgs84", "gcj02", "bd09"])
def test_a_place_that_cannot_be_is_refused_and_the_others_stay(place, code, datum):
    rows = [["甲", 114.3, 30.5], ["乙", 114.31, 30.5], ["丙", *place], ["丁", 114.32, 30.5]]
    checked = check(table("name lon lat", *rows), "toilets", datum=datum)
    assert codes(checked) == {"4": code}
    assert checked.table["name"].tolist() == ["甲", "乙", "丁"]


def test_a_place_beyond_a_projection_is_refused_and_the_others_stay():
    x, y = from_wgs84(LON, LAT, "EPSG:4547")
    x[1] = 1e300
    rows = [[str(n), float(a), float(b)] for n, (a, b) in enumerate(zip(x, y, strict=True))]
    assert list(codes(check(table("name lon lat", *rows), "toilets", datum="EPSG:4547"))) == ["3"]


@pytest.mark.parametrize("datum", ["EPSG:3857", "EPSG:4547"])
def test_degrees_are_not_taken_for_the_metres_of_a_plane(datum):
    rows = [[str(n), float(x), float(y)] for n, (x, y) in enumerate(zip(LON, LAT, strict=True))]
    with pytest.raises(LayerError) as caught:
        check(table("name lon lat", *rows), "toilets", datum=datum)
    assert caught.value.code == "datum_not_metres"
    with pytest.raises(LayerError):
        check(features(Point(114.3, 30.6), datum=None), "toilets", datum=datum)


def test_metres_without_a_datum_are_refused_and_degrees_are_taken_for_wgs84():
    with pytest.raises(LayerError) as caught:
        check(features(Point(528_000, 3_375_000), datum=None), "toilets")
    assert caught.value.code == "datum_needed"
    checked = check(features(Point(114.3, 30.5), datum=None), "toilets")
    assert (checked.datum, noted(checked, "datum_assumed")) == ("wgs84", {})


def test_what_the_user_says_overrules_the_file_and_is_noted():
    checked = check(features(Point(114.3, 30.5), datum="EPSG:4547"), "toilets", datum="wgs84")
    assert checked.table.geometry[0] == Point(114.3, 30.5)
    assert noted(checked, "datum_overruled") == {
        "stated": "CGCS2000 / 3-degree Gauss-Kruger CM 114E",
        "datum": "wgs84",
    }


def test_a_datum_that_cannot_be_used_asks_for_another():
    reading = Reading(["name"], ["1"], [["甲"]], np.array([Point(114.3, 30.5)]), datum_unusable="http://x")
    with pytest.raises(LayerError, match="--datum") as caught:
        check(reading, "toilets")
    assert caught.value.code == "datum_unusable"
    assert len(check(reading, "toilets", datum="wgs84").table) == 1


# -- shapes ----------------------------------------------------------------------------------------


def test_a_polygon_that_crosses_itself_is_repaired_to_both_its_triangles_and_counted():
    bowtie = Polygon([(114, 30), (114.02, 30.02), (114.02, 30), (114, 30.02)])
    checked = check(
        features(bowtie, Polygon([(114, 30), (114.01, 30), (114.01, 30.01)]), name=["甲", "乙"]), "compounds"
    )
    assert codes(checked) == {}
    assert checked.table.geometry.is_valid.all()
    # two triangles of base 0.02 and height 0.01
    assert checked.table.geometry[0].area == pytest.approx(2 * 0.5 * 0.02 * 0.01)
    assert noted(checked, "repaired") == {"count": 1}


def test_sound_polygons_are_not_counted_as_repaired():
    assert (
        noted(check(features(Polygon([(114, 30), (114.01, 30), (114.01, 30.01)])), "compounds"), "repaired")
        is None
    )


def test_a_scribble_is_refused():
    corners = np.random.default_rng(1).uniform([114, 30], [114.01, 30.01], (200, 2))
    assert only(check(features(Polygon(corners)), "compounds")).code == "polygon_tangled"


@pytest.mark.parametrize(
    ("layer", "wkt", "code"),
    [
        ("compounds", "POLYGON ((114 30, 114.1 30, 114.2 30, 114 30))", "polygon_flat"),
        ("compounds", "LINESTRING (114 30, 114.1 30)", "geometry_type"),
        ("compounds", "POLYGON EMPTY", "place_missing"),
        ("compounds", "POLYGON ((114 30, 114.1 30))", "geometry_broken"),
        ("back_alleys", "LINESTRING (114 30, 114 30)", "line_flat"),
        ("back_alleys", "垃圾", "geometry_broken"),
        ("back_alleys", "GEOMETRYCOLLECTION (" * 50_000, "geometry_broken"),
        ("toilets", "GEOMETRYCOLLECTION (POINT (114 30))", "geometry_type"),
        ("toilets", "POINT Z (114 30 nan)", None),
    ],
)
def test_shapes_in_text_are_judged(layer, wkt, code):
    found = codes(check(table("name wkt", ["甲", wkt]), layer))
    assert found == ({} if code is None else {"2": code})


# -- whole files -----------------------------------------------------------------------------------


def test_missing_columns_are_named_in_both_languages():
    with pytest.raises(LayerError, match=r"class \(类别\).*--class"):
        check(table("name lon lat", ["甲", 114.3, 30.5]), "anchors")
    with pytest.raises(LayerError, match="经度"):
        check(table("name address", ["甲", "胜利街"]), "toilets")
    checked = check(table("name lon lat", ["甲", 114.3, 30.5]), "anchors", given_class="market")
    assert checked.table["class"].tolist() == ["market"]


def test_columns_that_are_not_used_are_named():
    checked = check(table("name lon lat 联系电话", ["甲", 114.3, 30.5, "1"]), "toilets")
    assert noted(checked, "columns_unused") == {"count": 1, "columns": "联系电话"}


def test_an_empty_table_has_no_rows():
    assert check(table("name lon lat"), "toilets").read == 0


# -- real files: counts from their PROVENANCE.md ---------------------------------------------------


@pytest.mark.testdata
def test_suzhou_compounds(test_data):
    """42 rows at 0, 0 and one in Inner Mongolia; 84 rows share their coordinates, some with their name."""
    reading = read_file(test_data / "suzhou_compounds_west" / "compounds_west_bd09.csv", "compounds")
    checked = check(reading, "compounds", datum="bd09")
    found = list(codes(checked).values())
    assert checked.read == 2079
    assert (found.count("null_island"), found.count("outside_city")) == (42, 1)
    assert set(found) <= {"null_island", "outside_city", "id_twice", "dormitory", "community_not_compound"}


@pytest.mark.testdata
def test_beijing_business_areas_with_five_that_cross_themselves(test_data):
    areas = read_file(test_data / "beijing_lianjia_bd09" / "business_areas_bd09.geojson", "compounds")
    checked = check(areas, "compounds", datum="bd09")
    assert (checked.read, codes(checked)) == (227, {})
    assert (~shapely.is_valid(areas.geometry)).sum() == 5
    # one of the five crosses itself by the last digit only, and no longer once it is converted
    assert noted(checked, "repaired") == {"count": 4}
    assert checked.table.geometry.is_valid.all()
    compounds = read_file(test_data / "beijing_lianjia_bd09" / "compounds_bd09.csv", "compounds")
    checked = check(compounds, "compounds", datum="bd09")
    assert (checked.read, codes(checked)) == (36, {})
    assert all(len(told) == 13 for told in checked.table["id"])  # 1111027380930 and the like


@pytest.mark.testdata
def test_all_rows_of_the_shanghai_table_are_accounted_for(test_data):
    reading = read_file(test_data / "shanghai" / "poi_shanghai_urban_9_districts.csv", "toilets")
    checked = check(reading, "toilets")
    assert checked.read == 27_975
    assert set(codes(checked).values()) <= {"id_twice"}
    assert noted(checked, "columns_unused") == {"count": 3, "columns": "pname, type, src"}


def _zip(tmp_path: Path, folder: Path, stem: str) -> Path:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for part in folder.glob(f"{stem}.*"):
            archive.write(part, part.name)
    return tmp_path / "x.zip"


@pytest.mark.testdata
def test_xiamen_blocks_lie_where_they_should(tmp_path, test_data):
    path = _zip(tmp_path, test_data / "xiamen_zones", "xiamen_region_partition")
    checked = check(read_file(path, "compounds"), "compounds")
    assert (checked.read, codes(checked)) == (661, {})
    np.testing.assert_allclose(checked.table.total_bounds, [118.066, 24.424, 118.198, 24.560], atol=0.0006)


@pytest.mark.testdata
def test_shenzhen_districts_without_prj_are_taken_as_degrees(tmp_path, test_data):
    checked = check(
        read_file(_zip(tmp_path, test_data / "shenzhen_districts", "sz"), "compounds"), "compounds"
    )
    assert (checked.read, codes(checked), checked.datum) == (10, {}, "wgs84")
    assert noted(checked, "datum_assumed") == {}
    np.testing.assert_allclose(checked.table.total_bounds, [113.75, 22.40, 114.62, 22.87], atol=0.006)


# -- as offices write ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "degrees"),
    [("114°18′30″", 114 + 18 / 60 + 30 / 3600), ("东经114度18分30秒", 114 + 18 / 60 + 30 / 3600), ("E114°18.5'", 114 + 18.5 / 60),
     ("114°18′30″ E", 114 + 18 / 60 + 30 / 3600), ("114度", 114.0), ("１１４°１８′", 114.3), ("114d18m30s", 114 + 18 / 60 + 30 / 3600)],
)  # fmt: skip
def test_degrees_with_minutes_and_seconds_are_coordinates(told, degrees):
    checked = check(table("name lon lat", ["甲", told, "北纬30°30′"]), "toilets")
    assert checked.table.geometry[0].x == pytest.approx(degrees, abs=1e-12)
    assert checked.table.geometry[0].y == 30.5


@pytest.mark.parametrize("told", ["北纬114°", "E114°W", "114°60′", "114°18.5′30″", "114°18′75″"])
def test_degrees_that_contradict_themselves_are_refused(told):
    fault = only(check(table("name 经度 lat", ["甲", told, 30.5]), "toilets"))
    assert (fault.code, fault.column) == ("not_degrees", "经度")


@pytest.mark.parametrize(
    ("told", "number"), [("350户", 350), ("1,350 户", 1350), ("３５０户", 350), ("350.0", 350)]
)
def test_numbers_with_their_unit_are_numbers(told, number):
    checked = check(table("name households lon lat", ["甲", told, 114.3, 30.5]), "compounds")
    assert checked.table["households"][0] == number


@pytest.mark.parametrize("column", ["id", "name", "address"])
def test_a_date_where_text_belongs_is_refused_for_excel_made_it_of_a_house_number(column):
    reading = table(f"{column} lon lat", [datetime(2024, 1, 2), 114.3, 30.5])  # noqa: DTZ001
    assert only(check(reading, "toilets")).code == "text_is_date"


def test_what_was_mended_is_counted_as_fixed():
    bow = Polygon([(114.30, 30.50), (114.31, 30.51), (114.31, 30.50), (114.30, 30.51)])
    whole = Polygon([(114.30, 30.50), (114.31, 30.50), (114.31, 30.51)])
    assert check(features(whole, bow, name=["甲", "乙"]), "compounds").fixed == ["2"]
    rows = [["420106001001.0", 114.3, 30.5], ["１２３", 114.31, 30.5], ["x1", 114.32, 30.5]]
    checked = check(table("id lon lat", *rows), "toilets")
    assert (checked.table["id"].tolist(), checked.fixed) == (["420106001001", "123", "x1"], ["2", "3"])


def test_what_is_settled_by_the_first_piece_holds_for_the_next():
    checker = Checker("toilets", datum="EPSG:4547")
    x, y = from_wgs84(LON, LAT, "EPSG:4547")
    first = table("id lon lat", *([f"a{n}", y[n], x[n]] for n in range(4)))
    second = table("id lon lat", ["b", y[0], x[0]], ["far", y[0] + 500_000, x[0]])
    checker.piece(first)
    checked = checker.piece(second)
    assert shapely.get_coordinates(checked.geometry) == pytest.approx(np.array([[LON[0], LAT[0]]]), abs=1e-9)
    assert [fault.code for fault in checked.faults] == ["outside_city"]
    assert [note.code for note in checker.notes()].count("northing_first") == 1


def test_columns_are_read_as_the_user_said():
    said = {"name": "名字栏", "lon": "横", "lat": "纵"}
    checked = check(table("名字栏 横 纵", ["甲", 114.3, 30.5]), "toilets", for_headings=lambda _: said)
    assert checked.table["name"].tolist() == ["甲"]
    assert noted(checked, "columns_chosen") == {"columns": "name=名字栏, lon=横, lat=纵"}


@pytest.mark.parametrize(
    ("said", "code"), [({"nmae": "名字栏"}, "map_field"), ({"name": "名称栏"}, "map_column")]
)
def test_a_mapping_of_nothing_is_refused(said, code):
    with pytest.raises(LayerError) as caught:
        check(table("名字栏 lon lat", ["甲", 114.3, 30.5]), "toilets", for_headings=lambda _: said)
    assert caught.value.code == code


def test_a_scribble_of_many_corners_is_refused_before_it_is_repaired():
    corners = np.random.default_rng(1).random((20_000, 2)) / 100 + [114.3, 30.5]
    assert only(check(features(Polygon(corners), name=["甲"]), "compounds")).code == "polygon_scribble"


def test_a_long_outline_that_crosses_itself_once_is_mended():
    turn = np.linspace(0, 2 * math.pi, 20_000, endpoint=False)
    round_ = np.column_stack([114.3 + np.cos(turn) / 100, 30.5 + np.sin(turn) / 100])
    round_[[10_000, 10_001]] = round_[[10_001, 10_000]]
    assert check(features(Polygon(round_), name=["甲"]), "compounds").fixed == ["1"]


@pytest.mark.parametrize("northing_first", [False, True])
@pytest.mark.parametrize("datum", ["EPSG:4547", "EPSG:4526", "EPSG:3857"])
@pytest.mark.parametrize("told", ["columns", "geometry", "wkt"])
def test_a_northing_that_comes_first_is_told_and_swapped(told, datum, northing_first):
    x, y = from_wgs84(LON, LAT, datum)
    pairs = list(zip(y, x, strict=True)) if northing_first else list(zip(x, y, strict=True))
    if told == "geometry":
        reading = features(*map(Point, pairs), datum=datum, name=list("甲乙丙丁"))
    elif told == "wkt":
        reading = table("name geometry", *([str(n), Point(pair).wkt] for n, pair in enumerate(pairs)))
    else:
        reading = table("name X Y", *([str(n), *pair] for n, pair in enumerate(pairs)))
    checked = check(reading, "toilets", datum=None if told == "geometry" else datum)
    found = shapely.get_coordinates(checked.table.geometry)
    assert found == pytest.approx(np.column_stack([LON, LAT]), abs=1e-7)
    assert (noted(checked, "northing_first") is not None) == northing_first


@pytest.mark.parametrize(("is_in", "said"), [("EPSG:4526", "EPSG:4547"), ("EPSG:4547", "EPSG:4526")])
def test_an_easting_with_or_without_its_zone_is_refused_where_the_other_was_said(is_in, said):
    x, y = from_wgs84(LON, LAT, is_in)
    with pytest.raises(LayerError, match=is_in) as caught:
        check(table("name x y", *(["甲", *pair] for pair in zip(x, y, strict=True))), "toilets", datum=said)
    assert caught.value.code == "datum_unfit"


def test_metres_without_a_datum_are_refused_with_what_they_may_be():
    x, y = from_wgs84(LON, LAT, "EPSG:4526")
    with pytest.raises(LayerError, match=r"EPSG:4526: 114\.3\d, 30\.5\d") as caught:
        check(table("name x y", *(["甲", *pair] for pair in zip(x, y, strict=True))), "toilets")
    assert caught.value.code == "datum_needed"


@pytest.mark.parametrize(("said", "code"), [(None, "datum_nowhere"), ("EPSG:4547", "datum_beyond")])
def test_numbers_of_no_plane_of_china_get_no_advice_that_does_not_help(said, code):
    rows = [[str(n), 9e14 + n, 9e14] for n in range(4)]
    with pytest.raises(LayerError) as caught:
        check(table("name x y", *rows), "toilets", datum=said)
    assert caught.value.code == code
    assert "EPSG:n" in str(caught.value)
