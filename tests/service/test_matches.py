"""What may be one issue, where else the same may be, and how quickly litter goes: small towns by hand."""

from __future__ import annotations

import json
from datetime import date, timedelta

import geopandas as gpd
import openpyxl
import pandas as pd
import pytest
import shapely
from followed_town import Followed, at, stored, write
from hamlet import add, anchor, layers, shape, table
from office import refused, run
from sqlalchemy import insert

from geo.errors import DesignError, NotFoundError
from layers import tables
from layers.store import Store
from service.i18n import text
from service.usecases.issue_matches import duplicates, lookalikes
from service.usecases.response_times import response_times, write_responses

NOW = at("2026-05-20 12:00")


def place(x: float, y: float = 0.0) -> dict[str, float]:
    """A place in metres of the hamlet."""
    point = shape((x, y))
    return {"lon": point.x, "lat": point.y}


def issue(
    name: str, category: str, found: str, spot: tuple[float, float] = (0, 0), **facts: object
) -> Followed:
    return Followed(name, category, at(found), **place(*spot), **facts)


# ------------------------------------------------------------------ duplicates


@pytest.fixture
def twins(tmp_path):
    held = [
        issue("A", "HJ01", "2026-05-06 09:00", site="B1"),
        issue("B", "HJ01", "2026-05-07 09:00", site="B1"),  # 24 hours later
        issue("C", "HJ01", "2026-05-06 08:00", (25, 0)),  # no site, 25 m off
        issue("D", "SR01", "2026-05-06 09:00", site="B1"),  # another category
        issue("E", "HJ01", "2026-05-06 09:00", site="B1").mended(at("2026-05-06 10:00")),
        issue("F", "HJ01", "2026-05-06 09:00", site="B1").withdraw(at("2026-05-06 10:00")),
        issue("G", "HJ01", "2026-05-06 09:00", site="B2"),  # next door
        issue("H", "HJ01", "2026-05-06 09:30", (80, 0)),  # 55 m from C
    ]
    with stored(tmp_path / "zhoubian.db", held) as store:
        yield store


def test_open_issues_of_one_place_and_day_may_be_one(twins):
    pairs = {(pair.first.issue, pair.second.issue): pair for pair in duplicates(twins, now=NOW)}
    assert set(pairs) == {("A", "B"), ("C", "A"), ("C", "G")}  # C and B are 25 hours apart
    assert (pairs["C", "A"].metres, pairs["C", "A"].hours) == (25.0, 1.0)
    assert pairs["A", "B"].hours == 24.0


def test_the_hours_can_be_chosen_and_one_issue_asked_about(twins):
    wide = {(pair.first.issue, pair.second.issue) for pair in duplicates(twins, now=NOW, hours=25)}
    assert ("C", "B") in wide
    own = {(pair.first.issue, pair.second.issue) for pair in duplicates(twins, now=NOW, issue="B")}
    assert own == {("A", "B")}
    with pytest.raises(NotFoundError):
        duplicates(twins, now=NOW, issue="没有")


# ------------------------------------------------------------------ 举一反三


@pytest.fixture
def hamlet(tmp_path):
    """Markets M1 to M4 and a school, alleys and compounds of the hamlet; JY01 at some of them."""
    market = {"district": "东街", "unit": "甲公司"}
    held = layers(issues=False)
    held["anchors"] = table("anchors", [
        {**anchor("M1", "market", 0, 0), **market},
        {**anchor("M2", "market", 3000, 0), **market},
        {**anchor("M3", "market", 500, 0), "district": "西街"},
        {**anchor("M4", "market", 900, 0), "district": "东街"},
        {**anchor("M5", "market", 100, 0), "district": "西街"},
        anchor("S1", "school", 0, 700),
    ])  # fmt: skip
    rows = [
        {"id": name, "category": "JY01", "found_at": pd.Timestamp(at("2026-05-06 09:00")), "site": site,
         "geometry": shape(spot)}
        for name, site, spot in (("A", "M1", (0, 0)), ("X", "B1", (100, 0)), ("Y", "B5", (100, 400)))
    ]  # fmt: skip
    held["issues"] = table("issues", rows)
    east = {"district": "东街", "site_type": "market"}
    cases = [
        issue("A", "JY01", "2026-05-06 09:00", site="M1", responsible="甲公司", **east),
        issue("B", "JY01", "2026-04-06 09:00", (3000, 0), site="M2", responsible="甲公司", **east).mended(
            at("2026-04-07 09:00")
        ),
        issue("C", "JY01", "2026-05-07 09:00", (3000, 0), site="M2", responsible="甲公司", **east),
        issue("D", "JY01", "2026-05-07 09:00", (0, 700), site="S1", district="东街", site_type="school"),
        issue("E", "JY02", "2026-05-07 09:00", (900, 0), site="M4", **east),
        issue("F", "JY01", "2026-05-07 09:00", (9000, 0), site="B4", district="西街", site_type="back_alley"),
        issue("X", "JY01", "2026-05-06 09:00", (100, 0), site="B1", site_type="back_alley", responsible="甲单位"),
    ]  # fmt: skip
    with Store.open(tmp_path / "zhoubian.db", create=True) as store:
        add(store, held)
        write(store, cases)
        yield store


def test_the_same_elsewhere_is_told_by_type_area_and_body(hamlet):
    told = lookalikes(hamlet, "A", now=NOW)
    # B4 is an alley of the west, B1 an alley of nobody's: alike in nothing; M4 has another category
    assert [(one.site, one.alike, one.open, one.found) for one in told.elsewhere] == [
        ("M2", ("type", "district", "body"), 1, 2),
        ("S1", ("district",), 1, 1),
    ]
    assert told.elsewhere[0].name == "点位M2"
    assert told.elsewhere[0].last == at("2026-05-07 09:00")
    assert told.duplicates == ()


def test_alike_sites_where_nobody_has_looked_come_nearest_first(hamlet):
    # M4 is of the same subdistrict; M5 is 100 m off, M3 500 m; M2 has had it
    assert [one.site for one in lookalikes(hamlet, "A", now=NOW).unseen] == ["M4", "M5", "M3"]


def test_a_site_where_an_inspection_judged_the_item_has_been_looked_at(hamlet):
    with hamlet.writing() as connection:
        connection.execute(insert(tables.missions).values(
            name="第一次", kind="mock", rules="x", created_at="x", starts_at="x", changed_at="x", revision=1,
            record={},
        ))  # fmt: skip
        for site, item, verdict in (
            ("M4", "market-03", "yes"),  # licences, JY01
            ("M5", "market-03", "unseen"),
            ("M3", "market-04", "yes"),  # another category
        ):
            connection.execute(insert(tables.results).values(
                mission="第一次", site=site, item=item, verdict=verdict, cases=0, inside_lines=0, photos=[],
                at="2026-05-08T09:00:00.000000+08:00", who="创城办",
            ))  # fmt: skip
    assert [one.site for one in lookalikes(hamlet, "A", now=NOW).unseen] == ["M5", "M3"]


def test_alleys_are_compared_by_their_profile(hamlet):
    told = lookalikes(hamlet, "X", now=NOW)
    # B5 has the same body, but an issue of the category lies on it; other alleys are alike in nothing
    assert [one.site for one in told.unseen] == []
    assert [one.site for one in told.elsewhere] == ["B4"]


def test_an_issue_without_a_site_has_no_alike_sites_to_visit(hamlet):
    write(hamlet, [issue("Z", "JY01", "2026-05-08 09:00", (5000, 0), district="东街")])
    told = lookalikes(hamlet, "Z", now=NOW)
    assert told.unseen == ()
    assert [one.site for one in told.elsewhere] == ["M2", "M1", "S1"]


# ------------------------------------------------------------------ the 10-minute rule


def roads() -> gpd.GeoDataFrame:
    rows = [
        {"id": "R1", "name": "人民路", "class": "primary", "geometry": ((-100, 40), (1000, 40))},
        {"id": "R2", "name": "建设路", "class": "primary", "geometry": ((-100, 100), (1000, 100))},
        {"id": "R3", "name": None, "class": "residential", "geometry": ((-100, 1), (1000, 1))},
    ]
    for row in rows:
        row["geometry"] = shape(*row["geometry"], kind=shapely.LineString)
    return table("roads", rows)


@pytest.fixture
def litter(tmp_path):
    """Ten issues of HJ03: closed after 4, 10, 10.5, 30 and 60 minutes, one mended at once, open ones."""
    held = []
    for number, minutes in enumerate((4, 10, 10.5, 30, 60)):
        found = at("2026-05-06 09:00") + timedelta(hours=number)
        one = Followed(f"L{number}", "HJ03", found, district="东街", **place(10 * number, 45))
        held.append(one.mended(found + timedelta(minutes=minutes)))
    held += [
        issue("M", "HJ03", "2026-05-06 09:00", (0, 90), fixed=True, district="西街"),
        issue("N", "HJ03", "2026-05-20 11:49", (0, 0), district="西街"),  # open for 11 minutes
        issue("O", "HJ03", "2026-05-20 11:50", (0, -900), district="西街"),  # open for 10
        issue("P", "HJ01", "2026-05-06 09:00", district="西街"),
        issue("Q", "HJ03", "2026-05-06 09:00").withdraw(at("2026-05-06 09:01")),
        issue("R", "HJ03", "2026-05-21 09:00"),  # tomorrow
    ]
    with stored(tmp_path / "zhoubian.db", held) as store:
        add(store, {"roads": roads()})
        yield store


def test_litter_is_in_time_up_to_ten_minutes_of_the_clock(litter):
    told = response_times(litter, now=NOW)
    assert told.limits == {"HJ03": 10.0}
    total = told.total
    # in time 4 10 0; late 10.5 30 60 and N; O is undecided
    assert (total.issues, total.in_time, total.late, total.undecided) == (8, 3, 4, 1)
    assert total.share == 3 / 7
    # mended: 0 4 10 10.5 30 60; three of six took no longer than 10, nine of ten no longer than 60
    assert (total.median, total.p90) == (10.0, 60.0)
    east, west = told.groups
    assert (east.key, east.share, east.median, east.p90) == ("东街", 2 / 5, 10.5, 60.0)
    assert (west.key, west.share, west.undecided, west.median) == ("西街", 1 / 2, 1, 0.0)


def test_streets_are_the_nearest_with_a_name(litter):
    told = response_times(litter, by="street", now=NOW)
    # the east ones lie 5 m from 人民路, M 10 m from 建设路, N 40 m from 人民路, O far from all
    assert {one.key: one.issues for one in told.groups} == {"人民路": 6, "建设路": 1, None: 1}


def test_a_past_period_is_told_as_of_its_end(litter):
    told = response_times(litter, since=date(2026, 5, 6), until=date(2026, 5, 6), now=NOW)
    assert (told.total.issues, told.total.in_time, told.total.late) == (6, 3, 3)
    assert response_times(litter, until=date(2026, 5, 5), now=NOW).total.share is None


@pytest.mark.parametrize("wrong", [{"by": "person"}, {"since": date(2026, 5, 2), "until": date(2026, 5, 1)}])
def test_response_times_that_cannot_be_told_are_refused(litter, wrong):
    with pytest.raises(DesignError):
        response_times(litter, now=NOW, **wrong)


def test_the_issues_are_a_map_layer_and_a_workbook(litter, tmp_path):
    told = response_times(litter, now=NOW)
    assert write_responses(told, tmp_path / "用时.geojson", litter, "zh") == 8
    features = json.loads((tmp_path / "用时.geojson").read_text(encoding="utf-8"))["features"]
    minutes = {one["properties"]["issue"]: one["properties"]["minutes"] for one in features}
    assert minutes == {
        "L0": 4.0,
        "L1": 10.0,
        "L2": 10.5,
        "L3": 30.0,
        "L4": 60.0,
        "M": 0.0,
        "N": None,
        "O": None,
    }
    write_responses(told, tmp_path / "用时.xlsx", litter, "zh")
    book = openpyxl.load_workbook(tmp_path / "用时.xlsx")
    assert [sheet.max_row for sheet in book] == [4, 9]


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_map_is_one_file_that_asks_nobody_and_runs_no_name(litter, tmp_path, lang):
    hostile = "</script><img src=x onerror=alert(1)>{{7*7}}"
    write(litter, [issue("Z", "HJ03", "2026-05-06 09:00", (0, 45), fixed=True, district=hostile)])
    out = tmp_path / "用时.html"
    assert write_responses(response_times(litter, now=NOW), out, litter, lang) == 9
    page = out.read_text(encoding="utf-8")
    assert "default-src &#39;none&#39;" in page
    assert "<img src=x" not in page
    assert "{{7*7}}" in page
    held = json.loads(page.partition('id="zb-source">')[2].partition("</script>")[0])
    assert [one["in_time"] for one in held["issues"]] == ["yes"] * 4 + ["undecided"] + ["no"] * 4
    assert text("figures.response_page", lang) in page


# ------------------------------------------------------------------ commands


@pytest.fixture
def here(twins, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_commands_tell_figures_rows_and_matches(here, capsys):
    code, out, err = run(capsys, "figures", "--by", "category", "--json")
    assert code == 0, err
    told = json.loads(out)
    # all but the withdrawn F; E is closed and the deadlines of the others have passed
    assert [told["total"][name] for name in ("found", "due", "closed", "open")] == [7, 7, 1, 6]
    assert [group["key"] for group in told["groups"]] == ["HJ01", "SR01"]
    code, out, _ = run(capsys, "--lang", "zh", "figures", "--by", "unit", "--out", "统计.xlsx")
    assert code == 0
    assert "环卫" in out
    assert "应办结" in out
    book = openpyxl.load_workbook(here / "统计.xlsx")
    assert book.sheetnames == ["统计", "每日曲线", "说明"]
    assert [cell.value for cell in book["统计"][4]][:4] == ["合计", 7, 0, 7]
    code, out, _ = run(capsys, "figures", "--rows", "open", "--by", "category", "--group", "SR01", "--json")
    assert (code, json.loads(out)) == (0, ["D"])
    assert run(capsys, "figures", "--response")[0] == 0
    code, out, _ = run(capsys, "matches", "--json")
    assert {(pair["first"], pair["second"]) for pair in json.loads(out)["duplicates"]} == {
        ("A", "B"), ("C", "A"), ("C", "G"),
    }  # fmt: skip
    code, out, err = run(capsys, "--lang", "en", "matches", "--issue", "C")
    assert code == 0, err
    assert "the same elsewhere" in out


@pytest.mark.parametrize(
    "arguments",
    [
        ("figures", "--by", "person"),
        ("figures", "--since", "2026-05-02", "--until", "2026-05-01"),
        ("figures", "--since", "上周"),
        ("figures", "--out", "统计.pdf"),
        ("figures", "--rows", "praise"),
        ("figures", "--response", "--by", "unit"),
        ("matches", "--issue", "没有"),
    ],
)
def test_the_commands_refuse_in_one_sentence(here, capsys, arguments):
    refused(capsys, *arguments)
