"""Missions: what they visit, what is sealed, and how their stops stand."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from typing import Any

import hamlet
import pytest
import route_town
from mission_town import NOW, SITES, START, at, copied, create, made, row
from sqlalchemy import select

from geo.errors import ZhoubianError
from layers import tables
from layers.missions import Missions
from layers.store import Store
from service.i18n import error_text
from service.usecases import draws, mission_progress, missions, results, rule_books

OFFICE = "创城办"


@pytest.fixture(scope="module")
def templates(tmp_path_factory):
    """The hamlet with a mission, and the town of the routes with an open and a sealed draw."""
    folder = tmp_path_factory.mktemp("missions")
    town = folder / "镇.db"
    route_town.stored(town, roads=False)
    with Store.open(town, create=False) as store:
        draws.run(store, route_town.DESIGN, now=START, seed="a5" * 16, name="暗抽", sealed=True)
    return {"hamlet": made(folder), "town": town}


@pytest.fixture
def store(templates, tmp_path):
    with Store.open(copied(templates["hamlet"], tmp_path), create=False) as opened:
        yield opened


@pytest.fixture
def town(templates, tmp_path):
    with Store.open(copied(templates["town"], tmp_path), create=False) as opened:
        yield opened


def ids(mission) -> list[str]:
    return sorted(site["id"] for site in mission.sites)


def take(store, mission: str, *rows) -> None:
    assert results.take_results(store, mission, rows, who="一组", now=NOW).applied


def save_plan(store, name: str, draw: str | None, sites: list[tuple[str, str]], *, date=None) -> None:
    """A plan with the first two sites for team 2 and the third for team 1; the rest is not visited."""
    record = {
        "draw": draw, "date": date,
        "sites": [
            {"id": f"{layer}/{unit}", "layer": layer, "unit": unit, "anchors": [], "required": unit == "b11"}
            for layer, unit in sites
        ],
        "routes": [
            {"team": "1", "stops": [{"number": 1, "site": "/".join(sites[2])}]},
            {"team": "2", "stops": [{"number": 1, "site": "/".join(sites[1])},
                                    {"number": 2, "site": "/".join(sites[0])}]},
        ],
    }  # fmt: skip
    store.save_plan(name, draw, START.isoformat(), record)


def new(store, name: str, kind: str = "mock", **more: Any):
    return missions.create(store, name, kind, **{"starts_at": START, "now": START, "who": OFFICE, **more})


# -- what is visited -------------------------------------------------------------------------------


def test_a_mission_visits_the_anchors_and_units_of_its_draw(town):
    record = draws.record_of(town, "抽一")
    drawn = {unit for stratum in record["strata"] for unit in stratum["drawn"]}
    drawn |= {visit["id"] for visits in record["visits"].values() for visit in visits}
    mission = new(town, "第一轮", draw="抽一")
    assert ids(mission) == sorted(drawn)
    visits = {one["id"]: one["anchors"] for one in record["visits"]["back_alleys"]}
    alleys = {site["id"]: site["anchors"] for site in mission.sites if site["layer"] == "back_alleys"}
    assert alleys == visits


def test_a_site_knows_its_type_unit_and_place(store):
    by_id = {site["id"]: site for site in missions.of(store, "第一轮", now=NOW, who=OFFICE).sites}
    assert {unit: by_id[unit]["type"] for unit in SITES} == {
        "M1": "market", "S1": "school", "B1": "back_alley", "B5": "back_alley", "C1": "compound",
    }  # fmt: skip
    alley = by_id["B1"]
    assert (alley["district"], alley["unit"], alley["status"]) == ("东街", "甲单位", "planned")
    middle = hamlet.shape((110.0, 0.0))  # the alley runs from 100 m to 120 m
    assert (alley["lon"], alley["lat"]) == pytest.approx((middle.x, middle.y), abs=1e-6)
    assert all(site["must_visit"] for site in by_id.values())


def test_a_plan_gives_teams_and_order_and_its_further_sites(town):
    record = draws.record_of(town, "抽一")
    alleys = [("back_alleys", one["id"]) for one in record["visits"]["back_alleys"]]
    added = next(("back_alleys", f"b{n}") for n in (11, 10) if ("back_alleys", f"b{n}") not in alleys)
    save_plan(town, "路", "抽一", [alleys[0], alleys[1], added], date="2026-05-06")
    mission = new(town, "第一轮", plan="路", starts_at=None)
    assert mission.draw == "抽一"
    assert mission.starts_at == at(6, 0)
    routed = [(site["id"], site["team"], site["order"]) for site in mission.sites if site["team"]]
    assert routed == [(added[1], 1, 1), (alleys[1][1], 2, 1), (alleys[0][1], 2, 2)]
    assert {site["team"] for site in mission.sites[3:]} == {None}
    assert len(mission.sites) == len(ids(new(town, "无路线", draw="抽一"))) + 1


def test_two_sites_of_one_id_are_known_by_their_layers(store):
    hamlet.add(store, {"compounds": hamlet.table("compounds", [
        {"id": "M1", "name": "同号小区",
         "geometry": hamlet.shape((0, 900), (50, 900), (50, 950), (0, 950), kind=hamlet.shapely.Polygon)},
    ])})  # fmt: skip
    mission = create(store, "同号", ("anchors/M1", "compounds/M1", "B1"))
    assert ids(mission) == ["B1", "anchors/M1", "compounds/M1"]
    take(store, "同号", row("compounds/M1", "compound-01", "no"), row("anchors/M1", "market-01", "no"))
    with store.reading() as connection:
        held = connection.execute(select(tables.cases.c.issue, tables.cases.c.site)).fetchall()
    assert sorted(held) == [("同号/anchors/M1/market-01", "M1"), ("同号/compounds/M1/compound-01", "M1")]


def test_a_look_back_goes_to_what_failed_outside_marked_lines(store):
    take(
        store, "第一轮", row("M1", "market-01", "no", 2), row("M1", "market-05", "no"),
        row("B1", "back_alley-08", "no", inside_lines=True), row("B5", "back_alley-01", "yes"),
        row("S1", "school-01", "na"),
    )  # fmt: skip
    mission = new(store, "回头看", "lookback", of=["第一轮"])
    assert [(site["id"], site["failed"]) for site in mission.sites] == [("M1", ["market-01", "market-05"])]
    assert mission.record["of"] == ["第一轮"]


def test_a_make_up_mission_goes_to_what_nobody_saw(store):
    take(store, "第一轮", row("M1", "market-01", "yes"), row("B1", "back_alley-01", "unseen"))
    for site, status, why in (("S1", "skipped", "学校放假"), ("B5", "visited", None)):
        mission_progress.set_status(store, "第一轮", site, status, why=why, now=NOW, who=OFFICE)
    assert ids(new(store, "补测", "makeup", of=["第一轮"])) == ["B1", "C1", "S1"]


def test_a_mission_keeps_the_rules_of_the_program_whole(store):
    mission = missions.of(store, "第一轮", now=NOW, who=OFFICE)
    books = tables.rule_books
    with store.reading() as connection:
        held = connection.execute(select(books.c.version, books.c.record)).one()
    assert held.version == mission.rules == rule_books.current(store, START.date()).version
    assert len(held.record["checklists"]) == 151
    create(store, "第二轮")  # the same book is kept once
    with store.reading() as connection:
        assert len(connection.execute(select(books.c.version)).fetchall()) == 1


# -- sealed ----------------------------------------------------------------------------------------


def sealed(town, **more: Any):
    return new(town, "暗访", "unannounced", draw="暗抽", starts_at=at(7, 9), **more)


def test_nobody_reads_the_list_of_an_unannounced_mission_before_its_start(town):
    sealed(town, sites=["c9"])
    early = at(7, 8, 59)
    for ask in (
        lambda: missions.of(town, "暗访", now=early, who="某街道"),
        lambda: mission_progress.start(town, "暗访", "开奖", now=early, who="某街道"),
        lambda: draws.unseal(town, "暗抽", "开奖", now=early),
        lambda: new(town, "补", "makeup", of=["暗访"]),
        lambda: results.take_results(town, "暗访", [], who="x", now=early),
    ):
        with pytest.raises(ZhoubianError, match="2026-05-07 09:00") as refused:
            ask()
        assert refused.value.code == "mission_sealed"
    assert town.draw("暗抽").state == "sealed"
    [line] = missions.listing(town)
    assert (line.sealed, line.sites) == (True, None)


def test_at_its_start_an_unannounced_mission_lists_what_the_sealed_draw_gives(town):
    sealed(town, sites=["c9"])
    begun = mission_progress.start(town, "暗访", "开奖123", now=at(7, 9), who="创城办主任")
    record = draws.record_of(town, "暗抽")
    drawn = {unit for stratum in record["strata"] for unit in stratum["drawn"]}
    drawn |= {visit["id"] for visits in record["visits"].values() for visit in visits}
    assert ids(begun) == sorted(drawn | {"c9"})
    assert (begun.record["seal"]["started_by"], begun.revision) == ("创城办主任", 2)
    proof = draws.verify(town, record)
    assert (proof.draw_same, proof.sealed_true) == (True, True)


def test_who_asks_for_a_sealed_list_is_written_down_for_ever(town):
    sealed(town)
    with pytest.raises(ZhoubianError):
        missions.of(town, "暗访", now=at(7, 8), who="某街道")
    mission_progress.start(town, "暗访", "开奖", now=at(7, 9), who=OFFICE)
    missions.of(town, "暗访", now=at(7, 10), who="二组")
    told = [(one.at, one.who, one.what) for one in missions.accesses(town, "暗访")]
    assert told == [
        (at(7, 8), "某街道", "list_refused"), (at(7, 9), OFFICE, "start"), (at(7, 10), "二组", "list"),
    ]  # fmt: skip
    with closing(sqlite3.connect(town.path)) as other, pytest.raises(sqlite3.Error, match="history"):
        other.execute("DELETE FROM accesses")


def test_the_list_of_an_open_mission_is_no_secret(store):
    missions.of(store, "第一轮", now=NOW, who="某街道")
    assert missions.accesses(store, "第一轮") == []


def test_an_unknown_mission_has_no_list_that_was_asked_for(store):
    with pytest.raises(ZhoubianError) as told:
        missions.accesses(store, "没有")
    assert told.value.code == "mission_unknown"


def test_a_started_mission_gets_its_plan(town):
    sealed(town)
    begun = mission_progress.start(town, "暗访", "开奖", now=at(7, 9), who=OFFICE)
    stops = [(site["layer"], site["id"]) for site in begun.sites[:3]]
    save_plan(town, "路", "暗抽", stops)
    mission_progress.set_status(town, "暗访", stops[0][1], "skipped", why="修路", now=at(7, 10), who=OFFICE)
    planned = mission_progress.start(town, "暗访", None, plan="路", now=at(7, 10), who=OFFICE)
    told = [(site["id"], site["team"], site["order"], site["status"]) for site in planned.sites[:3]]
    assert told == [
        (stops[2][1], 1, 1, "planned"), (stops[1][1], 2, 1, "planned"), (stops[0][1], 2, 2, "skipped"),
    ]  # fmt: skip
    assert (planned.plan, len(planned.sites)) == ("路", len(begun.sites))


# -- stops -----------------------------------------------------------------------------------------


def test_a_stop_is_found_by_id_layer_and_name(store):
    for given in ("B1", "back_alleys/B1", "单元B1"):
        mission = mission_progress.set_status(store, "第一轮", given, "visited", now=NOW, who=OFFICE)
        assert [site["id"] for site in mission.sites if site["status"] == "visited"] == ["B1"]
        mission_progress.set_status(store, "第一轮", "B1", "planned", now=NOW, who=OFFICE)


def test_a_change_to_another_revision_than_the_one_that_was_read_is_refused(store):
    mission_progress.set_status(store, "第一轮", "B1", "visited", now=NOW, who=OFFICE, revision=1)
    with pytest.raises(ZhoubianError) as refused:
        mission_progress.set_status(store, "第一轮", "S1", "visited", now=NOW, who=OFFICE, revision=1)
    assert refused.value.code == "mission_changed"
    statuses = {site["id"]: site["status"] for site in Missions(store).mission("第一轮").sites}
    assert (statuses["B1"], statuses["S1"]) == ("visited", "planned")


def test_the_listing_counts_stops_and_results(store):
    take(store, "第一轮", row("M1", "market-01", "no"), row("M1", "market-02", "yes"))
    mission_progress.set_status(store, "第一轮", "S1", "skipped", why="放假", now=NOW, who=OFFICE)
    [line] = missions.listing(store)
    assert (line.sites, line.visited, line.skipped, line.results, line.failed) == (5, 1, 1, 2, 1)


# -- refusals --------------------------------------------------------------------------------------

REFUSALS = {
    "mission_unknown": lambda s, t: missions.of(s, "无此任务", now=NOW, who=OFFICE),
    "mission_exists": lambda s, t: create(s),
    "mission_name": lambda s, t: create(s, "一/二"),
    "mission_kind": lambda s, t: new(s, "n", "巡查", sites=["B1"]),
    "mission_no_sites": lambda s, t: new(s, "n"),
    "site_unknown": lambda s, t: new(s, "n", sites=["B1", "B77"]),
    "draw_unknown": lambda s, t: new(s, "n", draw="没有"),
    "draw_sealed": lambda s, t: new(t, "n", draw="暗抽"),
    "mission_of_kind": lambda s, t: new(s, "n", sites=["B1"], of=["第一轮"]),
    "mission_of_needed": lambda s, t: new(s, "n", "lookback"),
    "mission_nothing_failed": lambda s, t: new(s, "n", "lookback", of=["第一轮"]),
    "mission_draw_needed": lambda s, t: new(s, "n", "unannounced"),
    "mission_draw_open": lambda s, t: new(t, "n", "unannounced", draw="抽一"),
    "mission_started": lambda s, t: mission_progress.start(s, "第一轮", "x", now=NOW, who=OFFICE),
    "mission_early": lambda s, t: results.take_results(
        s, "第一轮", [row("M1", "market-01", "yes")], who=OFFICE, now=START - timedelta(minutes=1)
    ),
    "mission_status": lambda s, t: mission_progress.set_status(
        s, "第一轮", "B1", "done", now=NOW, who=OFFICE
    ),
    "mission_why": lambda s, t: mission_progress.set_status(
        s, "第一轮", "B1", "skipped", why=" ", now=NOW, who=OFFICE
    ),
    "mission_site_unknown": lambda s, t: mission_progress.set_status(
        s, "第一轮", "B2", "visited", now=NOW, who=OFFICE
    ),
}  # fmt: skip


@pytest.mark.parametrize("code", REFUSALS)
def test_what_cannot_be_is_told_in_one_sentence_in_both_languages(code, store, town):
    with pytest.raises(ZhoubianError) as refused:
        REFUSALS[code](store, town)
    assert refused.value.code == code
    chinese = error_text(refused.value, "zh")
    assert not chinese.isascii()
    assert "{" not in chinese
    assert len(missions.listing(store)) == 1  # nothing was stored


def test_a_sealed_mission_refuses_what_would_open_it_early(town):
    save_plan(town, "路", "抽一", [("anchors", "a0"), ("anchors", "a1"), ("anchors", "a2")])
    with pytest.raises(ZhoubianError) as early:
        new(town, "n", "unannounced", draw="暗抽", plan="路")
    assert early.value.code == "mission_plan_other"
    save_plan(town, "路二", None, [("anchors", "a0"), ("anchors", "a1"), ("anchors", "a2")])
    with pytest.raises(ZhoubianError) as early:
        new(town, "n", "unannounced", draw="暗抽", plan="路二")
    assert early.value.code == "mission_plan_early"
    sealed(town)
    with pytest.raises(ZhoubianError) as twice:
        new(town, "另一", "unannounced", draw="暗抽", starts_at=at(8, 9))
    assert (twice.value.code, twice.value.facts["other"]) == ("mission_draw_taken", "暗访")
    later = at(7, 9) + timedelta(hours=1)
    with pytest.raises(ZhoubianError) as waiting:
        missions.of(town, "暗访", now=later, who=OFFICE)
    assert waiting.value.code == "mission_not_started"
    with pytest.raises(ZhoubianError) as second:
        mission_progress.start(town, "暗访", None, now=later, who=OFFICE)
    assert second.value.code == "mission_second"
    assert not error_text(second.value, "zh").isascii()


def test_a_site_with_results_was_visited_whatever_anybody_says(store):
    take(store, "第一轮", row("M1", "market-01", "yes"))
    with pytest.raises(ZhoubianError) as refused:
        mission_progress.set_status(store, "第一轮", "M1", "skipped", why="没去", now=NOW, who=OFFICE)
    assert refused.value.code == "mission_site_seen"
    assert refused.value.facts == {"site": "M1", "count": 1}


def test_every_site_visited_leaves_nothing_to_make_up_for(store):
    for site in SITES:
        mission_progress.set_status(store, "第一轮", site, "visited", now=NOW, who=OFFICE)
    with pytest.raises(ZhoubianError) as refused:
        new(store, "补测", "makeup", of=["第一轮"])
    assert refused.value.code == "mission_nothing_missed"
