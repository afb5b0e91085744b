"""The sheet of a team: all of its stops, times and checklists, nothing from outside, nothing that runs."""

from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ET
from urllib.parse import parse_qs, urlsplit

import geopandas as gpd
import numpy as np
import plan_record
import pytest
import shapely
from html_page import Page

from geo.crs import GEOD, gcj02_to_wgs84
from layers.resources import data_path
from layers.rules import checklist
from service import route_map, route_sheets
from service.i18n import LANGS
from service.route_days import days
from service.route_words import clock_time


@pytest.fixture(scope="module")
def roads() -> gpd.GeoDataFrame:
    """Those of the sample city, with the columns of the layer."""
    table = gpd.read_file(data_path("sample", "道路.gpkg"))
    return table.rename(columns={"名称": "name", "等级": "class"})[["name", "class", "geometry"]]


@pytest.fixture(scope="module")
def html(roads) -> str:
    return route_sheets.sheets(plan_record.plan(), roads, "zh", source="示例城市")


def text_of(page: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", page[page.index("<body") :]).split())


@pytest.mark.parametrize("lang", LANGS)
def test_each_team_has_a_sheet_with_its_stops_in_order_and_the_times_of_the_plan(lang, roads):
    record = plan_record.plan()
    for index, route in enumerate(record["routes"]):
        page = route_sheets.sheets(record, roads, lang, teams=[index])
        assert page.count('<section class="sheet') == 1
        rows = re.findall(r"<tr>\s*<td class=\"number\">(.*?)</tr>", page, flags=re.DOTALL)
        assert len(rows) == len(route["stops"])
        for row, stop in zip(rows, route["stops"], strict=True):
            assert re.findall(r"\b\d\d:\d\d(?=</b>)", row) == [
                clock_time(seconds)
                for name, seconds in stop.items()
                if name in ("arrive_s", "leave_s") or (name == "begin_s" and stop["wait_s"])
            ]


def test_a_name_is_text_wherever_it_stands(html):
    found = Page(html)
    assert "script" not in found.tags
    assert found.handlers == []
    assert "&lt;script&gt;alert(1)&lt;/script&gt;云亭新村" in html
    assert "晨洲社区“A&amp;B” &#34;门诊&#34; &lt;卫生服务站&gt;" in html


def test_nothing_is_loaded_from_anywhere_and_the_policy_allows_only_the_style(html):
    found = Page(html)
    assert all(address.startswith(("https://uri.amap.com/", "https://api.map.baidu.com/", "geo:")) for address in found.addresses)  # fmt: skip
    assert not {"img", "script", "link", "iframe", "object"} & set(found.tags)
    assert " style=" not in html
    assert "url(" not in html
    assert re.search(r"default-src &#39;none&#39;; style-src &#39;sha256-[\w+/=]{44}&#39;", html)


def test_each_stop_has_the_checklist_of_its_kind(html):
    for stop, block in zip(
        [call for day in days(plan_record.plan(), "zh") for call in day.calls],
        html.split('<section class="check">')[1:],
        strict=True,
    ):
        told = re.findall(r'<span class="what">(.*?)</span>', block)
        assert told == [item.zh for item in checklist(stop.site["checklist"])]
        assert len(told) >= 10
        assert block.count("<i></i>") == 3 * len(told)


def test_a_kind_without_a_checklist_is_told_so(roads):
    record = plan_record.plan()
    record["sites"][0]["checklist"] = "hotel"
    assert "没有检查清单" in route_sheets.sheets(record, roads, "zh")


def test_every_sheet_is_marked_and_an_estimate_is_told_on_it(roads):
    plain, guessed = (
        text_of(route_sheets.sheets(r(), roads, "zh")) for r in (plan_record.plan, plan_record.estimated)
    )
    assert plain.count("内部资料") == 2
    assert "估计" not in plain
    assert guessed.count("按直线 × 1.25 估计") == 2


def test_a_day_longer_than_the_shift_is_told_on_its_sheet(html, roads):
    record = plan_record.plan()
    record["routes"][0]["over_s"] = 31 * 60 + 2
    told = text_of(route_sheets.sheets(record, roads, "zh"))
    assert told.count("（超出 31 分）") == 1
    assert "超出" not in html


def test_the_end_at_which_an_alley_is_entered_is_told(html):
    # 竹竿二巷 runs from 32.99451 N to 32.99517 N and is entered at its far end; the other one runs north too
    rows = html.split('<td class="number">')
    (far,) = (row for row in rows if "<b>竹竿二巷</b>" in row)
    (near,) = (row for row in rows if "<b>=1+1</b>" in row)
    assert "从北端进，南端出" in far
    assert "从南端进，北端出" in near
    assert html.count("端进") == 2


def test_the_code_of_a_stop_holds_the_link_to_it(html, monkeypatch):
    told = []
    made = route_sheets.segno.make
    monkeypatch.setattr(
        route_sheets.segno, "make", lambda words, **how: told.append(words) or made(words, **how)
    )
    route_sheets.sheets(plan_record.plan(), None, "zh", teams=[1])
    targets = [parse_qs(urlsplit(link).query)["to"][0].split(",") for link in told]
    assert [name for _, _, name in targets] == ["2-01", "2-02", "2-03"]
    for (lon, lat, _), stop in zip(targets, plan_record.plan()["routes"][1]["stops"], strict=True):
        back = gcj02_to_wgs84(float(lon), float(lat))
        assert GEOD.inv(float(back.lon), float(back.lat), *stop["enter"])[2] < 1
    assert html.count('class="code"') == 7


def test_a_team_without_stops_is_told_so_and_needs_no_map():
    page = route_sheets.sheets(plan_record.idle(), None, "zh", teams=[2])
    assert "没有安排" in page
    assert "<svg" not in page


def test_a_plan_without_roads_or_ways_has_a_map_all_the_same():
    record = plan_record.plan()
    record["routes"][0]["legs"][1] |= {
        "metres": None,
        "path": [[114.888676, 32.994906], [114.890097, 32.995174]],
    }
    page = route_sheets.sheets(record, None, "en", teams=[0])
    assert page.count('class="badge"') == 4


def test_a_team_that_starts_anywhere_has_no_mark_of_a_start(roads):
    record = plan_record.plan()
    record["teams"][0] |= {"start": None, "start_name": None, "end": None}
    del record["routes"][0]["legs"][0], record["routes"][0]["legs"][-1]
    page = route_sheets.sheets(record, roads, "zh", teams=[0])
    assert 'class="end"' not in page
    assert page.count('class="badge"') == 4
    assert page.count("来路") == 3
    assert '<i class="start">' not in page


def test_checklists_begin_a_page_of_their_own_unless_the_stops_run_over():
    record = plan_record.plan()
    route = record["routes"][0]
    assert 'class="checks apart"' in route_sheets.sheets(record, None, "zh", teams=[0])
    route["stops"] = [stop | {"number": number} for number, stop in enumerate(route["stops"] * 3, 1)]
    page = route_sheets.sheets(record, None, "zh", teams=[0])
    assert 'class="checks"' in page
    assert page.count('class="badge"') == 12


def test_signs_that_xml_cannot_hold_do_not_reach_the_map(roads):
    record = plan_record.plan()
    record["sites"][0]["name"] = "市\x00场\x0b"
    ET.fromstring(route_map.route_map(days(record, "zh")[0], roads, "zh", height=1000, source="\x01x"))


# --------------------------------------------------------------------------------------------- map


def drawing(record, roads, team=0, height=1000.0):
    return ET.fromstring(
        route_map.route_map(days(record, "zh")[team], roads, "zh", height=height, source="x")
    )


def by_class(root, name):
    return [e for e in root.iter() if name in (e.get("class") or "").split()]


def test_the_map_keeps_shape_and_scale(roads):
    """Distances between the numbers on paper are those on the ground at the scale that is told."""
    root = drawing(plan_record.plan(), roads)
    at = np.array([[float(e.get("cx")), float(e.get("cy"))] for e in by_class(root, "badge")])
    enters = [stop["enter"] for stop in plan_record.plan()["routes"][0]["stops"]]
    scale = route_map.scale_number(days(plan_record.plan(), "zh")[0], 1000.0)
    for (a, p), (b, q) in itertools.combinations(zip(at, enters, strict=True), 2):
        ground = GEOD.inv(*p, *q)[2]
        assert np.hypot(*(a - b)) * 1e-4 * scale == pytest.approx(ground, rel=0.06)
    # north is up: the compound is the southernmost stop, the school the northernmost
    assert np.argmax(at[:, 1]) == 2
    assert np.argmin(at[:, 1]) == 3


def test_the_scale_bar_is_as_long_as_it_says(roads):
    root = drawing(plan_record.plan(), roads)
    (bar,) = by_class(root, "bar")
    (metres,) = (float(e.text.split()[0]) for e in root.iter() if re.fullmatch(r"\d+ m", e.text or ""))
    at = np.array([[float(e.get("cx")), float(e.get("cy"))] for e in by_class(root, "badge")])
    stops = plan_record.plan()["routes"][0]["stops"]
    ground = GEOD.inv(*stops[0]["enter"], *stops[2]["enter"])[2]
    assert float(bar.get("width")) / metres == pytest.approx(np.hypot(*(at[0] - at[2])) / ground, rel=0.02)


def test_legs_are_drawn_whole_and_roads_only_as_far_as_the_map(roads):
    root = drawing(plan_record.plan(), roads)
    assert len(by_class(root, "leg")) == 2 * 5
    assert len(by_class(root, "arrow")) >= 5
    assert len(by_class(root, "inside")) == 1
    for path in by_class(root, "road"):
        for piece in path.get("d").split("M")[1:]:
            numbers = [np.array(pair.split(), dtype=float) for pair in piece.strip().split("l")]
            xy = np.cumsum(numbers, axis=0)
            assert xy.min() >= -42
            assert (xy <= np.array([1900, 1000]) + 42).all()


def test_a_leg_is_drawn_on_the_right_of_its_road():
    # to the east on paper: the right is below, where y is larger
    moved = route_map._to_the_right(np.array([[0.0, 0.0], [400.0, 0.0]]), 7)
    np.testing.assert_allclose(moved, [[0, 7], [400, 7]])


def test_stops_at_one_place_keep_their_numbers_apart(roads):
    record = plan_record.plan()
    for stop in record["routes"][0]["stops"]:
        stop["enter"] = stop["exit"] = record["teams"][0]["start"]
    for leg in record["routes"][0]["legs"]:
        leg["path"] = [record["teams"][0]["start"]] * 2
    root = drawing(record, roads)
    at = np.array([[float(e.get("cx")), float(e.get("cy"))] for e in by_class(root, "badge")])
    assert min(np.hypot(*(a - b)) for a, b in itertools.combinations(at, 2)) > 54
    assert len(by_class(root, "lead")) >= 4


def test_a_road_of_another_city_is_left_out():
    far = gpd.GeoDataFrame(
        {"name": ["远路"], "class": ["primary"]},
        geometry=[shapely.LineString([(116.3, 39.9), (116.4, 39.9)])],
        crs=4326,
    )
    assert by_class(drawing(plan_record.plan(), far), "road") == []


def test_outside_china_the_map_is_drawn_as_well():
    record = plan_record.plan()

    def moved(p):
        return [p[0] - 124.0, p[1] + 5.0]

    for route in record["routes"]:
        for stop in route["stops"]:
            stop["enter"], stop["exit"] = moved(stop["enter"]), moved(stop["exit"])
        for leg in route["legs"]:
            leg["path"] = [moved(p) for p in leg["path"]]
    for team in record["teams"]:
        team["start"], team["end"] = moved(team["start"]), team["end"] and moved(team["end"])
    assert len(by_class(drawing(record, None), "badge")) == 4


# ------------------------------------------------------------------------------------------ browser


@pytest.mark.browser
def test_the_sheet_asks_for_nothing_and_its_words_do_not_cover_each_other(page, tmp_path, roads):
    file = tmp_path / "路线 单.html"
    file.write_text(route_sheets.sheets(plan_record.plan(), roads, "zh"), encoding="utf-8")
    page.goto(file.as_uri())
    assert page.watch.foreign(file.as_uri()) == []
    assert page.watch.faults == []
    boxes = page.evaluate(
        """() => [...document.querySelectorAll('svg.map')].map((map) =>
            [...map.querySelectorAll('text.name, circle.badge')].map((e) => {
                const b = e.getBoundingClientRect(); return [b.left, b.top, b.right, b.bottom]; }))"""
    )
    assert [len(one) for one in boxes] == [8, 6]
    for one in boxes:
        for a, b in itertools.combinations(one, 2):
            assert a[2] <= b[0] + 1 or b[2] <= a[0] + 1 or a[3] <= b[1] + 1 or b[3] <= a[1] + 1


@pytest.mark.browser
@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("made", [plan_record.plan, plan_record.estimated])
def test_a_team_is_two_pages_of_a4(page, tmp_path, roads, made, lang):
    file = tmp_path / "sheet.html"
    file.write_text(route_sheets.sheets(made(), roads, lang), encoding="utf-8")
    page.goto(file.as_uri())
    printed = page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) == 4
    # 210 x 297 mm in points
    width, height = map(float, re.search(rb"/MediaBox\s*\[\s*0 0 ([\d.]+) ([\d.]+)", printed).groups())
    assert (width, height) == (pytest.approx(595.3, abs=1), pytest.approx(841.9, abs=1))
