"""Posters, rounds of household visits and school zones of a town small enough to count by hand.

Metres from the middle of the hamlet (tests/service/hamlet.py); on the central meridian, so the scale is 1.

Sites: market M1, mall L1; alley B1 of 90 m, B2 of 401 m, B3 closed; street 长街 in two pieces of 600 and
400 m, the second one-way (half: 800 m in all).
"""

from __future__ import annotations

import json
from datetime import date, datetime

import hamlet
import openpyxl
import pandas as pd
import pytest
import shapely
from hamlet import shape, table
from office import refused, run

from geo.errors import LayerError
from layers.batches import NewBatch
from layers.ledger import Case, Ledger, opened
from layers.store import Store
from service.clock import SHANGHAI
from service.supervision.coverage_rules import Required
from service.usecases import coverage_count_files, coverage_households, coverage_posters, coverage_schools
from service.usecases.count_tables import CountsRefusedError, write_faults
from service.usecases.rule_books import current
from service.web.app import create_app

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=SHANGHAI)


def line(x0, x1, y):
    return shape((x0, y), (x1, y), kind=shapely.LineString)


def yard(x, y, side=40):
    return shape((x, y), (x + side, y), (x + side, y + side), (x, y + side), kind=shapely.Polygon)


def spot(unit, kind, x, y):
    return {**hamlet.anchor(unit, kind, x, y), "gates": None}


def layers():
    alley = {"name": None, "district": "东街"}
    issues = [
        # id, category, state, metres east of the gate of S1 (300, 0)
        ("J1", "JY07", "found", 199.9), ("J2", "JY07", "found", 200.1), ("J3", "JY07", "closed", 150.0),
        ("J4", "HJ01", "found", 10.0), ("J5", "JY07", "found", 20.0),
    ]  # fmt: skip
    return {
        "anchors": table("anchors", [
            spot("M1", "market", 0, 0), spot("L1", "mall", 100, 0),
            # the school stands 200 m west of its gate: measured from its own place J1 would be 400 m away
            {**spot("S1", "school", 100, 0), "gates": shapely.MultiPoint([shape((300, 0))])},
            spot("S2", "school", 5000, 0),
            {**spot("N1", "mall", 5100, 0), "subtype": "网吧"},
            {**spot("X", "mall", 0, 300), "name": "同名"},
        ]),
        "back_alleys": table("back_alleys", [
            {**alley, "id": "B1", "geometry": line(0, 90, 50)},
            {**alley, "id": "B2", "geometry": line(0, 401, 60)},
            {**alley, "id": "B3", "geometry": line(0, 900, 70), "status": "closed"},
            {**alley, "id": "X", "name": "同名", "geometry": line(0, 10, 80)},
        ]),
        "compounds": table("compounds", [
            {"id": f"C{number}", "name": f"幸福{number}小区", "households": 100, "geometry": yard(200 * number, 500)}
            for number in range(5)
        ]),
        "roads": table("roads", [
            {"id": "R1", "name": "长街", "class": "primary", "geometry": line(0, 600, 900)},
            {"id": "R2", "name": "长街", "class": "primary", "oneway": "yes", "geometry": line(600, 1000, 900)},
            {"id": "R3", "name": "短街", "class": "residential", "geometry": line(0, 500, 950)},
        ]),
        "issues": table("issues", [
            {"id": ident, "category": category, "state": state, "found_at": pd.Timestamp(NOW),
             "geometry": shape((300 + east, 0))}
            for ident, category, state, east in issues
        ]),
    }  # fmt: skip


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    path = tmp_path_factory.mktemp("town") / "town.db"
    with Store.open(path, create=True) as store:
        batch = NewBatch(source="镇.gpkg", sha256="ab" * 32, imported_at=NOW.isoformat(), kind="layers")
        store.add(layers(), batch, {})
    return path


@pytest.fixture
def path(town, tmp_path):
    copy = tmp_path / "zhoubian.db"
    copy.write_bytes(town.read_bytes())
    return copy


@pytest.fixture
def store(path):
    with Store.open(path, create=False) as opened_:
        yield opened_


def sheet(file, *rows):
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(list(row))
    book.save(file)
    return file


POSTERS = ("点位编号", "主题", "数量", "破损")
ROUNDS = ("小区编号", "轮次", "日期", "户数")


def posters(file, *rows):
    return sheet(file, ("公益广告清点表",), POSTERS, *rows, ("合计", None, 99, None))


# -- posters -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "per_m", "length_m", "need"),
    [
        (1, 200, 90, 1), (1, 200, 200, 1), (1, 200, 200.004, 1), (1, 200, 201, 2), (1, 200, 401, 3),
        (3, 500, 500, 3), (3, 500, 501, 4), (3, 500, 800, 5), (3, 500, 10, 1), (5, None, None, 5),
    ],
)  # fmt: skip
def test_a_street_needs_its_share_rounded_up(count, per_m, length_m, need):
    assert Required("arterial", None, count, per_m).need(length_m) == need


def need(store, key):
    rows = coverage_posters.coverage(store, now=NOW).rows
    return {
        theme: int(n)
        for theme, n in rows.loc[rows["key"] == key, ["theme", "required"]].itertuples(index=False)
    }


def test_what_is_required_is_that_of_the_domain_reference(store):
    assert need(store, "anchors/M1") == {"": 5, "core_value": 2, "integrity": 2}
    assert need(store, "anchors/L1") == {"": 5}
    assert need(store, "back_alleys/B1") == {"": 1}
    assert need(store, "back_alleys/B2") == {"": 3}  # 401 m: every started 200 m
    assert need(store, "back_alleys/B3") == {}  # closed
    # 600 m and half of 400 m: 800 m; 1 per 200 m, 3 per theme per 500 m = 4.8
    assert need(store, "roads/长街") == {"": 4, "core_value": 5, "integrity": 5, "minors": 5, "civility": 5}
    assert need(store, "roads/短街") == {}  # no arterial


def test_counts_are_taken_and_only_what_differs_is_changed(store, tmp_path):
    first = posters(
        tmp_path / "甲.xlsx", ("M1", "核心价值观", 3, 1), ("M1", "诚信", 2, None), ("长街", "文明", "5", 0)
    )
    told = coverage_posters.take(store, first, who="创城办", now=NOW)
    assert (told.rows, told.new, told.changed) == (3, 3, 0)
    again = coverage_posters.take(store, first, who="别人", now=NOW.replace(hour=13))
    assert (again.new, again.changed, again.unchanged) == (0, 0, 3)
    mended = posters(
        tmp_path / "乙.xlsx", ("anchors/M1", "社会主义核心价值观", 4, 1), ("M1", "integrity", 2, 0)
    )
    told = coverage_posters.take(store, mended, who="别人", now=NOW.replace(hour=14))
    assert (told.new, told.changed, told.unchanged) == (0, 1, 1)
    # 4 with 1 damaged: 3 of the core values, 2 of integrity; 5 in all are there
    answer = coverage_posters.coverage(store, now=NOW)
    rows = answer.rows[answer.rows["key"] == "anchors/M1"].set_index("theme")
    assert rows["counted"].to_dict() == {"": 5, "core_value": 3, "integrity": 2}
    assert answer.sites.set_index("key").loc["anchors/M1", "state"] == "met"


def test_a_site_is_short_of_the_larger_of_its_themes_and_its_total(store, tmp_path):
    # total 2 of 5: 3 short; core values 1 of 2 and integrity 0 of 2: 3 short; the site lacks 3
    coverage_posters.take(
        store,
        posters(tmp_path / "甲.xlsx", ("M1", "核心价值观", 1, 0), ("M1", "健康", 1, 0)),
        who="x",
        now=NOW,
    )
    answer = coverage_posters.coverage(store, now=NOW)
    short = answer.shortfall
    assert list(short[["key", "theme", "short"]].itertuples(index=False, name=None)) == [
        ("anchors/M1", "", 3), ("anchors/M1", "integrity", 2), ("anchors/M1", "core_value", 1),
    ]  # fmt: skip
    sites = answer.sites.set_index("key")
    assert (sites.loc["anchors/M1", "state"], sites.loc["anchors/M1", "short"]) == ("short", 3)
    assert sites.loc["anchors/L1", "state"] == "unknown"


def test_the_share_is_of_the_sites_that_were_counted(store, tmp_path):
    coverage_posters.take(
        store, posters(tmp_path / "甲.xlsx", ("B1", "文明", 1, 0), ("B2", "文明", 2, 0)), who="x", now=NOW
    )
    told = coverage_posters.coverage(store, now=NOW).by_type.set_index("site_type")
    # B1 (1 of 1) met, B2 (2 of 3) short, the alley X was not counted; B3 is closed
    row = told.loc["back_alley"]
    assert (row["sites"], row["met"], row["short"], row["unknown"], row["share"]) == (3, 1, 1, 1, 0.5)
    assert coverage_posters.coverage(store, now=NOW).left_out == 1
    assert pd.isna(told.loc["market", "share"])


def test_all_faults_of_a_table_come_at_once_and_nothing_is_stored(store, tmp_path):
    file = posters(
        tmp_path / "坏.xlsx",
        ("M1", "诚信", 2, 0),
        ("没有", "诚信", 2, 0),
        ("M1", "龙舟", 2, 0),
        ("L1", "诚信", "两块", 0),
        ("L1", "文明", 1, 2),
        ("M1", "诚信建设", 3, 0),
        ("X", "诚信", 1, 0),
        (None, "诚信", 1, 0),
        ("B1", "文明", -1, 0),
        (datetime(2026, 1, 2), "文明", 1, 0),  # noqa: DTZ001 - what a spreadsheet makes of 1-2
    )
    with pytest.raises(CountsRefusedError) as told:
        coverage_posters.take(store, file, who="x", now=NOW)
    # a title and the headings above: the first record is row 3
    assert [(fault.row, fault.column, fault.code) for fault in told.value.form.faults] == [
        ("4", "点位编号", "count_site_unknown"),
        ("5", "主题", "count_theme"),
        ("6", "数量", "not_a_count"),
        ("7", "破损", "count_damaged"),
        ("8", "主题", "count_twice"),
        ("9", "点位编号", "count_site_ambiguous"),
        ("10", "点位编号", "count_blank"),
        ("11", "数量", "count_negative"),
        ("12", "点位编号", "text_is_date"),
    ]
    assert (coverage_posters.coverage(store, now=NOW).sites["state"] == "unknown").all()
    out = tmp_path / "退回.xlsx"
    assert write_faults(out, told.value.form, "zh") == 9
    rows = list(openpyxl.load_workbook(out).active.iter_rows(values_only=True))
    assert rows[1] == ("原因", "行", *POSTERS)
    assert rows[2][1:] == ("4", "没有", "诚信", 2, 0)


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ([("名称", "块数")], "counts_headings"),
        ([POSTERS], "counts_empty"),
        ([POSTERS, ("合计", None, 3)], "counts_empty"),
    ],
)
def test_a_table_of_something_else_is_one_sentence(store, tmp_path, rows, code):
    with pytest.raises(LayerError) as told:
        coverage_posters.take(store, sheet(tmp_path / "别的.xlsx", *rows), who="x", now=NOW)
    assert told.value.code == code


def test_a_csv_in_gbk_is_taken(store, tmp_path):
    file = tmp_path / "清点.csv"
    file.write_bytes("点位,主题,块数\nM1,诚信,2\n".encode("gbk"))
    assert coverage_posters.take(store, file, who="x", now=NOW).new == 1


# -- households --------------------------------------------------------------------------------------


def rounds(file, *rows):
    return sheet(file, ROUNDS, *rows)


def test_rounds_are_counted_up_to_the_day(store, tmp_path):
    file = rounds(
        tmp_path / "入户.xlsx",
        ("C1", 1, "2026.9.1", 80), ("C2", 1, "2026-09-01", 80), ("C2", 2, "2026年10月1日", 90),
        ("幸福3小区", 1, "2026-08-01", 1), ("C3", 2, "2026-09-01", None), ("C3", 3, "2026-10-01", 50),
        ("C3", 4, "2026-11-20", 60),
    )  # fmt: skip
    assert coverage_households.take(store, file, who="x", now=NOW).new == 7
    answer = coverage_households.coverage(store, now=NOW)
    assert answer.compounds.set_index("id")["rounds"].to_dict() == {
        "C0": 0,
        "C1": 1,
        "C2": 2,
        "C3": 4,
        "C4": 0,
    }
    assert answer.counts == {"0": 2, "1": 1, "2": 1, "3+": 1}
    assert list(answer.unvisited["id"]) == ["C0", "C4"]
    assert list(answer.behind["id"]) == ["C0", "C4", "C1", "C2"]
    assert answer.compounds.set_index("id").loc["C2", "visited"] == 90
    # the first of October counts, the second round of C2 is of that day
    early = coverage_households.coverage(store, now=NOW, until=date(2026, 10, 1))
    assert early.counts == {"0": 2, "1": 1, "2": 1, "3+": 1}
    before = coverage_households.coverage(store, now=NOW, until=date(2026, 9, 30))
    assert before.counts == {"0": 2, "1": 2, "2": 1, "3+": 0}
    again = coverage_households.take(store, file, who="y", now=NOW)
    assert (again.new, again.changed) == (0, 0)


def test_faults_of_rounds_come_at_once(store, tmp_path):
    coverage_households.take(
        store, rounds(tmp_path / "一.xlsx", ("C1", 2, "2026-09-01", 5)), who="x", now=NOW
    )
    file = rounds(
        tmp_path / "坏.xlsx",
        ("M1", 1, "2026-09-01", 5),
        ("C0", 0, "2026-09-01", 5),
        ("C0", 1, "2026-11-21", 5),
        ("C2", 1, "昨天", 5),
        ("C1", 1, "2026-09-02", 5),  # after its second round
        ("C1", "1", "2026-08-01", 5),
    )
    with pytest.raises(CountsRefusedError) as told:
        coverage_households.take(store, file, who="x", now=NOW)
    assert [(fault.row, fault.code) for fault in told.value.form.faults] == [
        ("2", "count_no_compound"), ("3", "count_round"), ("4", "count_future"), ("5", "not_a_date"),
        ("6", "count_order"), ("7", "count_twice"),
    ]  # fmt: skip
    assert coverage_households.coverage(store, now=NOW).counts == {"0": 4, "1": 1, "2": 0, "3+": 0}


# -- schools -----------------------------------------------------------------------------------------


def test_a_zone_is_200_m_from_the_gate(store):
    answer = coverage_schools.zones(store, now=NOW)
    told = answer.schools.set_index("id")
    # J1 (199.9 m) and J5 (20 m) are in the zone, J2 (200.1 m) is not; J3 is closed; J4 is of another category
    assert (told.loc["S1", "open"], told.loc["S1", "closed"], told.loc["S1", "venues"]) == (2, 1, 0)
    assert (told.loc["S1", "state"], told.loc["S1", "measured_from"]) == ("open", "gate")
    assert told.loc["S1", "nearest_m"] == pytest.approx(20, abs=0.1)
    # the net cafe stands 100 m from the place of the other school, which has no gate
    assert (told.loc["S2", "state"], told.loc["S2", "venues"], told.loc["S2", "measured_from"]) == (
        "venue", 1, "point",
    )  # fmt: skip
    assert list(answer.found["id"]) == ["J5", "J3", "J1", "N1"]
    assert answer.counts == {"open": 1, "venue": 1, "past": 0, "clear": 0}


def test_the_circle_that_is_drawn_has_the_radius_on_the_ground(store):
    circles = coverage_schools.zones(store, now=NOW).schools.to_crs("EPSG:4547").geometry
    west, _, east, _ = circles.iloc[0].bounds
    assert east - west == pytest.approx(400, abs=0.2)


def test_withdrawn_issues_count_nowhere(store):
    found = [
        opened(
            Case(issue=ident, category="JY07", source="patrol", found_at=NOW, rules="2026.1", lon=114.0, lat=30.6,
                 withdrawn_at=NOW if ident == "J5" else None, merged_into="J5" if ident == "J1" else None),
            at=NOW, recorded_at=NOW, who="x",
        )
        for ident in ("J1", "J5")
    ]  # fmt: skip
    Ledger(store).write([case for case, _ in found], [event for _, event in found])
    assert coverage_schools.zones(store, now=NOW).schools.set_index("id").loc["S1", "open"] == 0


def test_a_town_without_schools_has_no_zones(tmp_path):
    with Store.open(tmp_path / "leer.db", create=True) as empty:
        answer = coverage_schools.zones(empty, now=NOW)
        assert len(answer.schools) == 0
        assert coverage_posters.coverage(empty, now=NOW).by_type["sites"].tolist() == [0]
        assert coverage_households.coverage(empty, now=NOW).counts == {"0": 0, "1": 0, "2": 0, "3+": 0}


# -- the doors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("subject", ["posters", "households", "schools"])
def test_every_file_can_be_written(store, tmp_path, subject, lang):
    module = {"posters": coverage_posters.coverage, "households": coverage_households.coverage,
              "schools": coverage_schools.zones}[subject]  # fmt: skip
    coverage_posters.take(
        store, posters(tmp_path / "甲.xlsx", ("M1", "诚信", 1, 0), ("B2", "文明", 1, 0)), who="x", now=NOW
    )
    answer, book = module(store, now=NOW), current(store, NOW.date())
    for ending in ("xlsx", "csv", "geojson", "html"):
        out = tmp_path / f"{subject}.{ending}"
        coverage_count_files.write_answer(store, answer, book, out, lang)
        assert out.stat().st_size > 100
    told = json.loads((tmp_path / f"{subject}.geojson").read_text(encoding="utf-8"))
    assert len(told["features"]) >= 2
    assert (tmp_path / f"{subject}.csv").read_bytes().startswith(b"\xef\xbb\xbf")


def test_the_commands_tell_all_three(path, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = posters(tmp_path / "甲.xlsx", ("M1", "诚信", 1, 0))
    code, out, err = run(
        capsys, "--store", path, "--lang", "zh", "coverage", "posters", "--take", file, "--out", "缺额.xlsx"
    )
    assert code == 0, err
    assert "新增 1" in out
    assert "农贸市场" in out
    heads, *rows = openpyxl.load_workbook("缺额.xlsx")["缺额清单"].iter_rows(values_only=True)
    assert heads[:2] == ("编号", "名称")
    # 1 of 5 in all, 1 of 2 of integrity, 0 of 2 of the core values
    assert [(row[4], row[7]) for row in rows] == [("不分主题", 4), ("社会主义核心价值观", 2), ("诚信", 1)]
    code, out, err = run(
        capsys, "--store", path, "--lang", "en", "coverage", "households", "--until", "2026-12-01", "--json"
    )
    assert code == 0, err
    assert json.loads(out)["counts"] == {"0": 5, "1": 0, "2": 0, "3+": 0}
    code, out, err = run(capsys, "--store", path, "--lang", "zh", "coverage", "households")
    assert code == 0, err
    assert "未入户 5" in out
    code, out, err = run(capsys, "--store", path, "--lang", "zh", "coverage", "schools")
    assert code == 0, err
    assert "有未办结问题 1" in out


def test_a_refused_table_is_shown_with_its_reasons(path, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = posters(tmp_path / "坏.xlsx", ("没有", "诚信", 1, 0), ("M1", "龙舟", 1, 0))
    code, out, err = run(
        capsys, "--store", path, "--lang", "zh", "coverage", "posters", "--take", file, "--refused", "退.xlsx"
    )
    assert code == 1
    assert "库中没有这个点位" in out
    assert "有 2 处错误" in err
    assert (tmp_path / "退.xlsx").is_file()


@pytest.mark.parametrize(
    "arguments",
    [("households", "--until", "明天"), ("posters", "--out", "x.docx"), ("posters", "--take", "没有.xlsx")],
)
def test_what_cannot_be_done_is_one_sentence(path, capsys, arguments):
    refused(capsys, "--store", path, "coverage", *arguments)


@pytest.mark.parametrize("subject", ["posters", "households", "schools"])
def test_the_pages_bring_places_by_class(path, subject):
    client = create_app(path, "zh").test_client()
    page = client.get(f"/coverage/{subject}")
    assert page.status_code == 200
    assert "幸福" not in page.get_data(as_text=True)  # nothing of the data is in the page
    told = client.get(f"/api/coverage/{subject}").get_json()
    assert sum(count for _, _, count in told["legend"]) == len(told["places"])
    assert {place[0] for place in told["places"]} <= {group for group, _, _ in told["legend"]}
    ground = client.get(f"/api/coverage/{subject}/ground").get_json()
    assert len(ground["roads"]) > 0
    for kind in ("xlsx", "csv", "geojson", "html"):
        assert client.get(f"/coverage/{subject}.{kind}").status_code == 200
    assert client.get(f"/coverage/{subject}?until=x").status_code == 200
    if subject == "households":
        assert client.get("/api/coverage/households?until=x").status_code == 400


@pytest.mark.parametrize("subject", ["posters", "households", "schools"])
def test_a_store_that_holds_nothing_has_empty_maps(tmp_path, subject):
    path = tmp_path / "leer.db"
    Store.open(path, create=True).close()
    client = create_app(path, "zh").test_client()
    assert client.get(f"/api/coverage/{subject}").get_json()["places"] == []
    assert client.get(f"/api/coverage/{subject}/ground").get_json()["bounds"] is None
    for kind in ("xlsx", "csv", "geojson", "html"):
        assert client.get(f"/coverage/{subject}.{kind}").status_code == 200


def test_a_name_that_is_markup_stays_text_in_the_file(store, tmp_path):
    hostile = "</script><img src=x onerror=alert(1)>"
    added = table("compounds", [{"id": "Z", "name": hostile, "geometry": yard(900, 900)}])
    store.add(
        {"compounds": added},
        NewBatch(source="z", sha256="cd" * 32, imported_at=NOW.isoformat(), kind="x"),
        {},
    )
    answer = coverage_households.coverage(store, now=NOW)
    out = tmp_path / "地图.html"
    coverage_count_files.write_answer(store, answer, current(store, NOW.date()), out, "zh")
    assert hostile not in out.read_text(encoding="utf-8")
