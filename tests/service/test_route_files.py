"""Every file of a plan, read back by another library: the same times, places and names as the plan."""

from __future__ import annotations

import io
import json
import re
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import fastkml
import fastkml.validator
import gpxpy
import icalendar
import openpyxl
import plan_record
import pytest
import xmlschema

from geo.errors import DesignError, LayerError
from service import route_files
from service.i18n import LANGS, error_text
from service.route_colours import team_colour
from service.route_days import days, exact_time

SCHEMAS = Path(__file__).parent / "schemas"
MIDNIGHT = datetime(2026, 11, 23, 16, tzinfo=UTC)  # of 24 November in Asia/Shanghai
PLANS = {
    "plan": plan_record.plan,
    "estimated": plan_record.estimated,
    "undated": plan_record.undated,
    "idle": plan_record.idle,
}
TITLES = [
    "1-01 明山农贸市场", "1-02 竹竿二巷", "1-03 <script>alert(1)</script>云亭新村", "1-04 清井初级中学",
    '2-01 晨洲社区“A&B” "门诊" <卫生服务站>', "2-02 =1+1", "2-03 XQ1701",
]  # fmt: skip


def made(ending: str, record=None, lang="zh") -> bytes:
    return route_files.KINDS[ending].make(record or plan_record.plan(), lang)


def stops(record=None) -> list[dict]:
    return [stop for route in (record or plan_record.plan())["routes"] for stop in route["stops"]]


def legs(record=None) -> list[dict]:
    return [leg for route in (record or plan_record.plan())["routes"] for leg in route["legs"]]


def since_midnight(at: datetime) -> int:
    return round((at - MIDNIGHT).total_seconds())


def lonlat(pairs) -> list[list[float]]:
    return [[round(lon, 6), round(lat, 6)] for lon, lat in pairs]


def sheets_of(record=None, lang="zh"):
    return openpyxl.load_workbook(io.BytesIO(made("xlsx", record, lang)))


# ------------------------------------------------------------------- the same as the plan, in each file


def test_the_plan_made_by_hand_agrees_with_itself():
    record = plan_record.plan()
    sites = {site["id"]: site for site in record["sites"]}
    for route in record["routes"]:
        clock = route["depart_s"]
        for leg, stop in zip(route["legs"], route["stops"], strict=False):
            assert (leg["depart_s"], leg["arrive_s"]) == (clock, clock + leg["seconds"])
            assert leg["path"][-1] == stop["enter"]
            assert stop["leave_s"] == stop["begin_s"] + sites[stop["site"]]["service_s"]
            opens, closes = sites[stop["site"]]["windows"][stop["window"]]
            assert opens <= stop["begin_s"] <= stop["leave_s"] <= closes
            clock = stop["leave_s"]
        assert route["work_s"] == route["travel_s"] + route["wait_s"] + route["service_s"]


def test_geojson_gives_the_plan():
    read = json.loads(made("geojson"))
    found = {
        role: [f for f in read["features"] if f["properties"]["role"] == role]
        for role in ("stop", "leg", "not_visited")
    }
    assert [f["geometry"]["coordinates"] for f in found["stop"]] == [stop["enter"] for stop in stops()]
    assert [f["geometry"]["coordinates"] for f in found["leg"]] == [leg["path"] for leg in legs()]
    for feature, stop in zip(found["stop"], stops(), strict=True):
        told = feature["properties"]
        for name in ("arrive", "begin", "leave"):
            assert told[f"{name}_s"] == stop[f"{name}_s"]
            assert told[name] == exact_time(stop[f"{name}_s"])
            assert since_midnight(datetime.fromisoformat(told[f"{name}_at"])) == stop[f"{name}_s"]
    assert [f"{f['properties']['label']} {f['properties']['name']}" for f in found["stop"]] == TITLES
    assert [f["properties"]["reason"] for f in found["not_visited"]] == ["window_missed"]


def test_gpx_gives_the_plan_with_a_track_per_team_and_a_waypoint_per_stop():
    read = gpxpy.parse(made("gpx").decode())
    assert (len(read.waypoints), len(read.tracks), len(read.routes)) == (7, 2, 0)
    assert [since_midnight(point.time) for point in read.waypoints] == [stop["arrive_s"] for stop in stops()]
    assert lonlat((p.longitude, p.latitude) for p in read.waypoints) == [stop["enter"] for stop in stops()]
    assert [point.name for point in read.waypoints] == TITLES
    for point, stop in zip(read.waypoints, stops(), strict=True):
        assert re.findall(r"\d\d:\d\d:\d\d", point.description)[:2] == [exact_time(stop["arrive_s"]), exact_time(stop["leave_s"])]  # fmt: skip
    segments = [s for track in read.tracks for s in track.segments]
    assert [lonlat((p.longitude, p.latitude) for p in s.points) for s in segments] == [
        leg["path"] for leg in legs()
    ]


def test_kml_gives_the_plan_with_a_folder_per_team():
    read = fastkml.KML.from_string(made("kml"))
    document = read.features[0]
    assert [folder.name for folder in document.features] == ["1 一组", "2 二组", "未到访（1 处）"]
    teams = document.features[:2]
    points = [mark for folder in teams for mark in folder.features if mark.geometry.geom_type == "Point"]
    lines = [mark for folder in teams for mark in folder.features if mark.geometry.geom_type == "LineString"]
    assert [mark.name for mark in points] == TITLES
    for mark, of, names in [
        *((mark, stop, ("arrive_s", "leave_s")) for mark, stop in zip(points, stops(), strict=True)),
        *((mark, leg, ("depart_s", "arrive_s")) for mark, leg in zip(lines, legs(), strict=True)),
    ]:
        span = mark.times
        assert [since_midnight(span.begin.dt), since_midnight(span.end.dt)] == [of[name] for name in names]
    assert [lonlat([mark.geometry.coords[0][:2]])[0] for mark in points] == [
        stop["enter"] for stop in stops()
    ]
    assert [lonlat(at[:2] for at in mark.geometry.coords) for mark in lines] == [
        leg["path"] for leg in legs()
    ]
    # KML writes opacity, blue, green, red
    colours = [style.styles[1].color for style in document.styles]
    assert colours == [f"ff{c[5:7]}{c[3:5]}{c[1:3]}" for c in (team_colour(0), team_colour(1))]


def test_the_workbook_gives_the_plan():
    book = sheets_of()
    assert book.sheetnames == ["总览", "1 一组", "2 二组", "未到访"]
    rows = [row for name in book.sheetnames[1:3] for row in book[name].iter_rows(min_row=2, values_only=True)]
    heads = [cell.value for cell in book["1 一组"][1]]
    at = {
        name: heads.index(name)
        for name in ("到达", "等候", "开始", "离开", "余量", "经度（WGS-84）", "纬度（WGS-84）", "编号")
    }
    assert len(rows) == 7
    for row, stop in zip(rows, stops(), strict=True):
        for head, name in (("到达", "arrive_s"), ("开始", "begin_s"), ("离开", "leave_s")):
            told = row[at[head]]
            assert isinstance(told, time)
            assert told.hour * 3600 + told.minute * 60 + told.second == stop[name]
        assert (row[at["等候"]], row[at["余量"]]) == (timedelta(seconds=stop["wait_s"]), timedelta(seconds=stop["slack_s"]))  # fmt: skip
        assert [row[at["经度（WGS-84）"]], row[at["纬度（WGS-84）"]]] == stop["enter"]
        assert row[at["编号"]] == stop["site"]
    assert [f"{row[0]} {row[5]}" for row in rows] == TITLES


def test_the_calendar_gives_the_plan():
    read = icalendar.Calendar.from_ical(made("ics"))
    events = read.walk("VEVENT")
    assert [since_midnight(event["DTSTART"].dt) for event in events] == [stop["arrive_s"] for stop in stops()]
    assert [since_midnight(event["DTEND"].dt) for event in events] == [stop["leave_s"] for stop in stops()]
    assert [[event["GEO"].longitude, event["GEO"].latitude] for event in events] == [
        stop["enter"] for stop in stops()
    ]
    assert [str(event["SUMMARY"]) for event in events] == TITLES
    assert len({str(event["UID"]) for event in events}) == 7
    assert {str(event["CLASS"]) for event in events} == {"CONFIDENTIAL"}


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("ending", ["geojson", "gpx", "kml", "ics"])
def test_every_text_file_says_that_it_is_internal_and_whether_travel_is_an_estimate(ending, lang):
    internal, estimate = {"zh": ("内部资料", "估计"), "en": ("Internal", "estimate")}[lang]
    unfolded = made(ending, plan_record.estimated(), lang).decode().replace("\r\n ", "")
    assert internal in unfolded
    assert estimate in unfolded
    assert estimate not in made(ending, None, lang).decode().replace("\r\n ", "").replace(
        '"estimate": false', ""
    )


# ------------------------------------------------------------------------------------------- formats


@pytest.fixture(scope="module")
def gpx_schema() -> xmlschema.XMLSchema:
    return xmlschema.XMLSchema(SCHEMAS / "gpx_written.xsd")


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("name", PLANS)
def test_gpx_is_valid(name, lang, gpx_schema):
    gpx_schema.validate(made("gpx", PLANS[name](), lang).decode())


def test_the_schema_refuses_a_route_and_a_wrong_order(gpx_schema):
    good = made("gpx").decode()
    assert not gpx_schema.is_valid(good.replace("</gpx>", "<rte/></gpx>"))
    assert not gpx_schema.is_valid(
        re.sub(r"(<name>.*?</name>)\s*(<desc>.*?</desc>)", r"\2\1", good, flags=re.DOTALL)
    )


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("name", PLANS)
def test_kml_is_valid(name, lang, tmp_path):
    file = tmp_path / "routes.kml"
    file.write_bytes(made("kml", PLANS[name](), lang))
    assert fastkml.validator.validate(file_to_validate=file)


@pytest.mark.parametrize("name", ["plan", "estimated", "idle"])
def test_calendar_lines_are_folded_at_75_octets_and_never_inside_a_character(name):
    raw = made("ics", PLANS[name]())
    lines = raw.split(b"\r\n")
    assert lines[-1] == b""
    assert max(map(len, lines)) <= 75
    assert any(line.startswith(b" ") for line in lines)
    for line in lines:
        line.decode()  # a fold inside a character would not decode
    assert b"\n" not in raw.replace(b"\r\n", b"")


def test_a_calendar_text_is_escaped_and_read_back_whole():
    record = plan_record.plan()
    odd = 'a;b,c\\d\n新一行\r\n:"x" ，' + "长" * 200
    record["sites"][0]["name"] = odd
    first = icalendar.Calendar.from_ical(made("ics", record)).walk("VEVENT")[0]
    assert str(first["SUMMARY"]) == "1-01 " + odd.replace("\r\n", "\n")


def test_a_later_revision_moves_the_events_of_the_calendar():
    before = icalendar.Calendar.from_ical(made("ics")).walk("VEVENT")
    after = icalendar.Calendar.from_ical(made("ics", plan_record.plan() | {"revision": 2})).walk("VEVENT")
    assert [event["UID"] for event in before] == [event["UID"] for event in after]
    assert (int(before[0]["SEQUENCE"]), int(after[0]["SEQUENCE"])) == (1, 2)


def test_without_a_date_there_is_no_calendar_and_the_other_files_give_no_day():
    record = plan_record.undated()
    with pytest.raises(DesignError, match="--date") as refused:
        made("ics", record)
    assert refused.value.code == "plan_date_needed"
    assert "20261121-1" in error_text(refused.value, "zh")
    assert gpxpy.parse(made("gpx", record).decode()).waypoints[0].time is None
    assert b"TimeSpan" not in made("kml", record)
    assert json.loads(made("geojson", record))["features"][0]["properties"]["arrive_at"] is None


def test_a_name_stays_text_in_the_balloon_of_a_map_program():
    text = made("kml", plan_record.plan()).decode()
    # once escaped for HTML and once for XML
    record = plan_record.plan()
    record["sites"][0]["address"] = "<img src=x onerror=alert(1)>"
    told = fastkml.KML.from_string(made("kml", record)).features[0].features[0].features[0].description
    assert "&lt;img src=x onerror=alert(1)&gt;" in told
    assert "<script>" not in text


def test_signs_that_xml_cannot_hold_are_left_out():
    record = plan_record.plan()
    record["sites"][0]["name"] = "市\x0b场\x00￿"
    record["teams"][0]["name"] = "一\x01组"
    record["teams"][0]["start_name"] = "\x02创城办"
    record["sites"][0]["address"] = "\x1f1号"
    assert gpxpy.parse(made("gpx", record).decode()).waypoints[0].name == "1-01 市场"
    assert fastkml.KML.from_string(made("kml", record)).features[0].features[0].name == "1 一组"
    assert sheets_of(record).sheetnames[1] == "1 一组"
    assert str(icalendar.Calendar.from_ical(made("ics", record)).walk("VEVENT")[0]["LOCATION"]) == "1号"


# ------------------------------------------------------------------------------------------ workbook


def test_text_like_a_formula_and_ids_stay_text():
    record = plan_record.plan()
    for site, odd in zip(
        record["sites"], ("=1+1", "+1", "-1", "@x", "001", "1-2", "=cmd|' /C calc'!A0"), strict=False
    ):
        site["name"] = odd
    book = sheets_of(record)
    cells = [row[5] for name in book.sheetnames[1:3] for row in book[name].iter_rows(min_row=2)]
    assert [cell.value for cell in cells] == ["=1+1", "+1", "-1", "@x", "001", "1-2", "=cmd|' /C calc'!A0"]
    assert {cell.data_type for cell in cells} == {"s"}
    kinds = {cell.data_type for sheet in book for row in sheet.iter_rows() for cell in row}
    assert "f" not in kinds


def test_a_sheet_prints_on_a4_landscape_marked_internal_with_its_heads_on_every_page():
    book = sheets_of()
    for sheet in book:
        assert (sheet.page_setup.paperSize, sheet.page_setup.orientation) == ("9", "landscape") or (
            sheet.page_setup.paperSize == 9 and sheet.page_setup.orientation == "landscape"
        )
        assert (sheet.sheet_properties.pageSetUpPr.fitToPage, sheet.page_setup.fitToHeight) == (True, 0)
        assert "内部资料" in sheet.oddHeader.center.text
    for name in book.sheetnames[1:]:
        assert book[name].print_title_rows == "$1:$1"
        assert book[name].freeze_panes
    assert book["1 一组"]["R2"].hyperlink.target.startswith("https://uri.amap.com/")


def test_team_names_that_excel_refuses_or_that_are_alike_make_sheets_all_the_same():
    record = plan_record.idle()
    for team, name in zip(record["teams"], ("a/b:c*?[x]\\'", "长" * 50, "长" * 50), strict=True):
        team["name"] = name
    titles = sheets_of(record).sheetnames
    assert len(titles) == len({title.casefold() for title in titles}) == 5
    assert max(map(len, titles)) <= 31


def test_a_time_after_midnight_counts_on():
    record = plan_record.plan()
    last = record["routes"][0]["stops"][-1]
    last["leave_s"] = 24 * 3600 + 600
    book = sheets_of(record)
    assert book["1 一组"]["E5"].value == timedelta(hours=24, minutes=10)
    assert (
        since_midnight(icalendar.Calendar.from_ical(made("ics", record)).walk("VEVENT")[3]["DTEND"].dt)
        == 87000
    )


def test_what_is_not_visited_stands_in_the_workbook_with_its_reason():
    (row,) = sheets_of()["未到访"].iter_rows(min_row=2, values_only=True)
    assert row[:4] == ("anchors/DW0763", "祥庭菜市场", "农贸市场", "沐宁市羊市三条胡同9号")
    assert "4 分" in row[6]
    assert row[7] == "window_missed"


# --------------------------------------------------------------------------------------- odd plans


def without_way(record, path):
    """No way leads to the second stop: travel longer than any shift, whatever stands for a line."""
    record["routes"][0]["legs"][1] |= {"metres": None, "seconds": 10_000_000, "path": path}
    return record


@pytest.mark.parametrize("path", [[], [[114.888676, 32.994906], [114.890097, 32.995174]]])
def test_a_leg_without_a_way_is_told_and_has_no_line(path):
    record = without_way(plan_record.plan(), path)
    without = [f for f in json.loads(made("geojson", record))["features"] if f["geometry"] is None]
    assert [f["properties"]["to"] for f in without] == ["back_alleys/XX1768"]
    assert len(gpxpy.parse(made("gpx", record).decode()).tracks[0].segments) == 4
    assert [sheets_of(record)["1 一组"][cell].value for cell in ("J3", "K3")] == [None, None]
    assert made("ics", record)
    marks = fastkml.KML.from_string(made("kml", record)).features[0].features[0].features
    assert sum(mark.geometry.geom_type == "LineString" for mark in marks) == 4


def test_a_team_that_starts_anywhere_has_no_leg_to_its_first_stop():
    record = plan_record.plan()
    record["teams"][0] |= {"start": None, "start_name": None}
    del record["routes"][0]["legs"][0]
    book = sheets_of(record)["1 一组"]
    assert [book[cell].value for cell in ("A2", "J2", "S2")] == ["1-01", None, None]
    assert book["S3"].value == "百度导航"
    assert len(gpxpy.parse(made("gpx", record).decode()).tracks[0].segments) == 4
    assert len(icalendar.Calendar.from_ical(made("ics", record)).walk("VEVENT")) == 7


def test_a_team_keeps_its_number_when_another_falls_out(tmp_path):
    record = plan_record.plan()
    record["teams"], record["routes"] = record["teams"][1:], record["routes"][1:]
    assert [point.name[:4] for point in gpxpy.parse(made("gpx", record).decode()).waypoints] == [
        "2-01",
        "2-02",
        "2-03",
    ]
    written = route_files.write_all(record, tmp_path, "zh")
    assert "sheet-2.html" in [file.name for file in written.files]


def test_a_team_without_a_name_is_called_by_its_number():
    record = plan_record.plan()
    record["teams"][0]["name"] = "1"
    assert [track.name for track in gpxpy.parse(made("gpx", record).decode()).tracks] == ["第 1 组", "2 二组"]
    assert [track.name for track in gpxpy.parse(made("gpx", record, "en").decode()).tracks] == [
        "Team 1",
        "2 二组",
    ]


def test_a_team_without_stops_has_a_track_a_folder_and_a_sheet_and_no_stop():
    record = plan_record.idle()
    assert [len(track.segments) for track in gpxpy.parse(made("gpx", record).decode()).tracks] == [5, 3, 0]
    assert sheets_of(record)["3 三组"].max_row == 1
    assert [len(day.calls) for day in days(record, "zh")] == [4, 3, 0]


# -------------------------------------------------------------------------------------- on the disk


def test_all_files_are_written_and_what_is_not_is_told(tmp_path):
    written = route_files.write_all(plan_record.plan(), tmp_path / "路线 1", "zh")
    names = [
        "routes.geojson",
        "routes.gpx",
        "routes.kml",
        "routes.xlsx",
        "routes.ics",
        "sheet-1.html",
        "sheet-2.html",
    ]
    assert [file.name for file in written.files] == names
    assert written.refused == []
    assert sorted(file.name for file in (tmp_path / "路线 1").iterdir()) == sorted(names)
    undated = route_files.write_all(plan_record.undated(), tmp_path / "2", "zh")
    assert [file.name for file in undated.files] == [name for name in names if name != "routes.ics"]
    assert [fault.code for fault in undated.refused] == ["plan_date_needed"]


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "x").write_text("a file")
    with pytest.raises(LayerError) as refused:
        route_files.write_all(plan_record.plan(), tmp_path / "x", "zh")
    assert refused.value.code == "out_not_written"
