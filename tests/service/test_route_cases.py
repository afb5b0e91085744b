"""Plans of routes as the doors ask for them: made, improved, changed, refused."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from route_town import MORNING, corner, stored

from geo.errors import DesignError, NotFoundError, StoreError
from layers.store import Store
from service import route_words
from service.usecases import route_record, routes
from service.usecases.route_sites import SitesWanted
from service.usecases.route_teams import TeamsWanted, team_words

LATER = MORNING + timedelta(minutes=5)
TWO = TeamsWanted(2, mode="bike", start="116.305,39.955", shift="07:30-12:00")
WANTED = routes.Wanted(draw="抽一", teams=TWO, iterations=60, seconds=None, name="甲")


@pytest.fixture
def town(tmp_path):
    stored(tmp_path / "t.db")
    with Store.open(tmp_path / "t.db", create=False) as store:
        yield store


def made(store, wanted=WANTED):
    routes.begin(store, wanted, now=MORNING)
    return routes.improve(store, wanted.name or routes.listing(store)[-1].name, now=lambda: LATER)


def visited(record):
    return [stop["site"] for route in record["routes"] for stop in route["stops"]]


def whole(record):
    """Nothing is lost: each site is visited once or has a reason, and the times follow from each other."""
    told = visited(record) + [one["site"] for one in record["dropped"]]
    assert sorted(told) == sorted(site["id"] for site in record["sites"])
    for team, route in zip(record["teams"], record["routes"], strict=True):
        assert route["team"] == team["id"]
        legs = {leg["to"]: leg for leg in route["legs"]}
        for stop in route["stops"]:
            site = next(site for site in record["sites"] if site["id"] == stop["site"])
            assert stop["begin_s"] == stop["arrive_s"] + stop["wait_s"]
            assert stop["leave_s"] >= stop["begin_s"] + site["service_s"]
            if stop["site"] in legs:
                assert legs[stop["site"]]["arrive_s"] == stop["arrive_s"]
        assert route["work_s"] == route["travel_s"] + route["wait_s"] + route["service_s"]
    return record


def test_a_draw_becomes_a_day_for_each_team(town):
    record = whole(made(town))
    assert len(record["routes"]) == 2
    assert not any(stop["late_s"] for route in record["routes"] for stop in route["stops"])
    for team, route in zip(record["teams"], record["routes"], strict=True):
        assert team["shift"][0] <= route["depart_s"] <= route["back_s"] <= team["shift"][1]
        for stop in route["stops"]:
            site = next(site for site in record["sites"] if site["id"] == stop["site"])
            first, last = site["windows"][stop["window"]]
            assert first <= stop["begin_s"] <= stop["leave_s"] <= last
    assert record["totals"]["visited"] == len(visited(record))
    assert record["roads"]["engine"] == "roads"
    assert record["roads"]["source"] == "© OpenStreetMap contributors"
    assert record["engine"]["name"] in ("pyvrp", "insertion", "vroom")


def test_legs_follow_the_streets(town):
    record = made(town)
    for route in record["routes"]:
        for leg in route["legs"]:
            for lon, lat in leg["path"][1:-1]:
                on_column = abs((lon - 116.30) / 0.002 - round((lon - 116.30) / 0.002)) < 1e-3
                on_row = abs((lat - 39.95) / 0.002 - round((lat - 39.95) / 0.002)) < 1e-3
                assert on_column or on_row


def test_the_first_plan_is_there_at_once_and_only_gets_better(town):
    first = whole(routes.begin(town, WANTED, now=MORNING))
    assert first["revision"] == 1
    better = whole(routes.improve(town, "甲", now=lambda: LATER))
    assert better["revision"] == 2
    assert better["totals"]["priority_visited"] >= first["totals"]["priority_visited"] - 1e-9


def test_the_same_seed_and_iterations_give_the_same_bytes(town):
    texts = []
    for name in ("甲", "乙"):
        record = made(town, replace(WANTED, name=name))
        texts.append(json.dumps({**record, "name": ""}, ensure_ascii=False))
    assert texts[0] == texts[1]


def test_without_roads_everything_is_called_an_estimate(tmp_path):
    stored(tmp_path / "t.db", roads=False)
    with Store.open(tmp_path / "t.db", create=False) as store:
        record = whole(made(store))
    assert record["roads"]["engine"] == "straight"
    assert record["roads"]["estimate"] is True
    assert record["roads"]["circuity"] == 1.25
    assert record["roads"]["digest"] is None


def test_a_stop_moves_to_another_team_and_times_follow(town):
    record = made(town)
    site = record["routes"][0]["stops"][0]["site"]
    changed = whole(routes.change(town, "甲", [routes.moving(site, "2", 1)], revision=2, now=LATER))
    assert changed["routes"][1]["stops"][0]["site"] == site
    assert site not in [stop["site"] for stop in changed["routes"][0]["stops"]]
    assert changed["revision"] == 3
    assert changed["engine"]["name"] == "edited"
    assert sorted(visited(changed)) == sorted(visited(record))


def test_a_change_of_an_older_revision_is_refused(town):
    record = made(town)
    site = record["routes"][0]["stops"][0]["site"]
    routes.change(town, "甲", [routes.moving(site, "2", 1)], revision=2, now=LATER)
    with pytest.raises(StoreError) as refused:
        routes.change(town, "甲", [routes.moving(site, "1", 1)], revision=2, now=LATER)
    assert refused.value.code == "plan_changed"
    assert routes.record_of(town, "甲")["revision"] == 3


def test_what_is_locked_stays_where_it_is(town):
    record = made(town)
    route = max(record["routes"], key=lambda one: len(one["stops"]))
    stop = route["stops"][-1]
    locked = routes.change(town, "甲", [routes.locking([stop["site"]], True)], revision=None, now=LATER)
    assert [s["locked"] for r in locked["routes"] for s in r["stops"] if s["site"] == stop["site"]] == [True]
    again = whole(routes.improve(town, "甲", now=lambda: LATER, iterations=80, seed=9))
    kept = next(r for r in again["routes"] if r["team"] == route["team"])
    now = next(s for s in kept["stops"] if s["site"] == stop["site"])
    assert abs(now["begin_s"] - stop["begin_s"]) <= 600
    assert now["locked"]


def test_a_locked_team_keeps_its_whole_route(town):
    record = made(town)
    routes.change(town, "甲", [routes.locking(["team/1"], True)], revision=None, now=LATER)
    again = whole(routes.improve(town, "甲", now=lambda: LATER, iterations=80, seed=9))
    assert again["routes"][0]["stops"] == record["routes"][0]["stops"]
    assert again["routes"][0]["locked"]


def test_a_site_taken_out_stays_out_until_it_is_put_back(town):
    record = made(town)
    site = record["routes"][0]["stops"][0]["site"]
    without = whole(routes.change(town, "甲", [routes.removing(site)], revision=None, now=LATER))
    assert {"site": site, "reason": "removed", "facts": {}} in without["dropped"]
    again = whole(routes.improve(town, "甲", now=lambda: LATER))
    assert site not in visited(again)
    back = whole(routes.change(town, "甲", [routes.moving(site, "2", None)], revision=None, now=LATER))
    assert site in [stop["site"] for stop in back["routes"][1]["stops"]]


def test_a_team_falls_ill_and_the_others_take_over_what_fits(town):
    record = made(town)
    left = whole(routes.change(town, "甲", [routes.dropping("1")], revision=None, now=LATER))
    assert [team["id"] for team in left["teams"]] == ["2"]
    assert [route["team"] for route in left["routes"]] == ["2"]
    mine = [stop["site"] for stop in record["routes"][1]["stops"]]
    assert set(mine) <= set(visited(left))
    with pytest.raises(DesignError) as refused:
        routes.change(town, "甲", [routes.dropping("2")], revision=None, now=LATER)
    assert refused.value.code == "team_only"


def test_a_site_is_added_on_the_way(town):
    record = made(town)
    other = next(f"c{i}" for i in range(10) if f"compounds/c{i}" not in [s["id"] for s in record["sites"]])
    more = whole(routes.change(town, "甲", [routes.adding(other)], revision=None, now=LATER))
    assert more["sites"][-1]["id"] == f"compounds/{other}"
    assert more["sites"][-1]["from"] == "added"
    assert f"compounds/{other}" in visited(more)
    with pytest.raises(DesignError) as refused:
        routes.change(town, "甲", [routes.adding(other)], revision=None, now=LATER)
    assert refused.value.code == "site_twice"


def test_an_added_site_is_visited_as_its_kind_was_said_to_be(town):
    sites = SitesWanted(
        must=("c0",), service_s={"compound": 120, "c0": 60}, windows_s={"compound": ((28800, 39600),)}
    )
    made(town, replace(WANTED, draw=None, sites=sites))
    more = routes.change(town, "甲", [routes.adding("c1")], revision=None, now=LATER)
    first, added = more["sites"]
    assert (first["service_s"], added["service_s"]) == (60, 120)
    assert added["windows"] == [[28800, 39600]]


def test_more_sites_than_time_leaves_the_least_worth_out_and_says_why(town):
    short = replace(WANTED, teams=replace(TWO, teams=1, shift="09:00-10:00"))
    record = whole(made(town, short))
    assert 0 < record["totals"]["visited"] < record["totals"]["sites"]
    assert {one["reason"] for one in record["dropped"]} <= {
        "needs_time", "worse", "window_missed", "shift_short", "exchange", "fits",
    }  # fmt: skip


def test_a_shift_too_short_for_any_visit_plans_nothing_and_says_so(town):
    record = whole(made(town, replace(WANTED, teams=replace(TWO, shift="09:00-09:05"))))
    assert visited(record) == []
    assert {one["reason"] for one in record["dropped"]} <= {"shift_short", "window_missed"}


def test_windows_that_never_open_are_told(town):
    sites = SitesWanted(windows_s={"school": ((0, 300),)})
    record = whole(made(town, replace(WANTED, sites=sites)))
    school = next(site["id"] for site in record["sites"] if site["kind"] == "school")
    assert [one["reason"] for one in record["dropped"] if one["site"] == school] == ["window_short"]


def test_more_required_sites_than_time_are_visited_as_far_as_possible(town):
    sites = SitesWanted(must=tuple(f"c{i}" for i in range(10)))
    record = whole(made(town, replace(WANTED, sites=sites, teams=replace(TWO, teams=1, shift="09:00-10:30"))))
    assert 0 < record["totals"]["required_visited"] < 10
    assert record["totals"]["visited"] == record["totals"]["required_visited"]


def test_one_of_several_alternatives_is_enough(town):
    sites = SitesWanted(must=("c0", "c1", "c2"), any_one=(("c0", "c1", "c2"),))
    record = whole(made(town, replace(WANTED, draw=None, sites=sites)))
    assert len(visited(record)) == 1
    assert [one["reason"] for one in record["dropped"]] == ["alternative", "alternative"]


def test_only_who_can_goes(town):
    told = (team_words("name=一组"), team_words("name=二组; skills=英语"))
    sites = SitesWanted(must=("c0", "c1"), needs={"c0": ("英语",), "c1": ("法语",)})
    teams = replace(TWO, teams=told)
    record = whole(made(town, replace(WANTED, draw=None, sites=sites, teams=teams)))
    assert [stop["site"] for stop in record["routes"][1]["stops"]] == ["compounds/c0"]
    assert [(one["site"], one["reason"]) for one in record["dropped"]] == [("compounds/c1", "skills")]


def test_beyond_the_most_sites_the_least_worth_are_told(town, monkeypatch):
    monkeypatch.setattr(route_record, "MOST_SITES", 4)
    record = whole(made(town))
    beyond = [one for one in record["dropped"] if one["reason"] == "too_many"]
    assert len(beyond) == record["totals"]["sites"] - 4
    least = {one["site"] for one in beyond}
    kept = [site["priority"] for site in record["sites"] if site["id"] not in least]
    assert min(kept) >= max(site["priority"] for site in record["sites"] if site["id"] in least)


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        (replace(WANTED, draw="none"), "draw_unknown"),
        (replace(WANTED, draw=None), "plan_no_sites"),
        (replace(WANTED, name="a/b"), "plan_name"),
        (replace(WANTED, teams=replace(TWO, start="117.9,39.95")), "start_far"),
        (replace(WANTED, roads="ftp://x"), "road_server_address"),
    ],
)
def test_what_cannot_be_planned_is_refused_and_nothing_is_stored(town, wanted, code):
    with pytest.raises((DesignError, NotFoundError, StoreError, Exception)) as refused:
        routes.begin(town, wanted, now=MORNING)
    assert refused.value.code == code
    assert routes.listing(town) == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (
            lambda store: routes.change(
                store, "甲", [routes.moving("nix", "1", 1)], revision=None, now=LATER
            ),
            "plan_site_unknown",
        ),
        (
            lambda store: routes.change(store, "甲", [routes.moving("a0", "9", 1)], revision=None, now=LATER),
            "plan_team_unknown",
        ),
        (
            lambda store: routes.change(
                store, "甲", [routes.locking(["nix"], True)], revision=None, now=LATER
            ),
            "plan_site_unknown",
        ),
        (
            lambda store: routes.change(store, "甲", [routes.adding("nix")], revision=None, now=LATER),
            "site_unknown",
        ),
        (lambda store: routes.record_of(store, "丁"), "plan_unknown"),
    ],
)
def test_unknown_names_are_refused_and_the_plan_stays(town, change, code):
    made(town)
    with pytest.raises((DesignError, NotFoundError)) as refused:
        change(town)
    assert refused.value.code == code
    assert routes.record_of(town, "甲")["revision"] == 2


def test_a_start_at_an_anchor_is_its_gate(town):
    record = made(town, replace(WANTED, teams=TeamsWanted(1, start_anchor="a1", end="open")))
    assert record["teams"][0]["start"] == list(corner(3.5, 2))
    assert record["routes"][0]["legs"][-1]["to"] != "end"


def test_progress_is_told_and_stopping_stores_nothing(town):
    routes.begin(town, WANTED, now=MORNING)

    class Stopped(Exception):
        pass

    def stop(best, share):
        raise Stopped

    with pytest.raises(Stopped):
        routes.improve(town, "甲", now=lambda: LATER, progress=stop)
    assert routes.record_of(town, "甲")["revision"] == 1


def test_taking_out_a_locked_stop_takes_its_lock_out(town):
    record = made(town)
    site = record["routes"][0]["stops"][0]["site"]
    routes.change(town, "甲", [routes.locking([site], True)], revision=None, now=LATER)
    without = whole(routes.change(town, "甲", [routes.removing(site)], revision=None, now=LATER))
    assert {"site": site, "reason": "removed", "facts": {}} in without["dropped"]
    back = whole(routes.change(town, "甲", [routes.moving(site, "2", None)], revision=None, now=LATER))
    assert not any(stop["locked"] for route in back["routes"] for stop in route["stops"])


def test_locked_stops_of_a_team_that_falls_ill_are_told(town):
    record = made(town, replace(WANTED, teams=replace(TWO, shift="08:30-09:30")))
    mine = [stop["site"] for stop in record["routes"][1]["stops"]]
    routes.change(town, "甲", [routes.locking(mine, True)], revision=None, now=LATER)
    left = whole(routes.change(town, "甲", [routes.dropping("2")], revision=None, now=LATER))
    assert set(mine) - set(visited(left)), "the town has too much time for this test"


def test_a_locked_team_takes_over_nothing(town):
    record = made(town, replace(WANTED, teams=replace(TWO, teams=3)))
    routes.change(town, "甲", [routes.locking(["team/1"], True)], revision=None, now=LATER)
    other = next(f"c{i}" for i in range(10) if f"compounds/c{i}" not in [s["id"] for s in record["sites"]])
    routes.change(town, "甲", [routes.adding(other)], revision=None, now=LATER)
    left = whole(routes.change(town, "甲", [routes.dropping("2")], revision=None, now=LATER))
    assert left["routes"][0]["stops"] == record["routes"][0]["stops"]


def test_a_site_that_fits_nowhere_is_added_as_not_visited(town):
    record = made(town, replace(WANTED, teams=replace(TWO, teams=1, shift="08:30-09:30")))
    other = next(f"c{i}" for i in range(10) if f"compounds/c{i}" not in [s["id"] for s in record["sites"]])
    more = whole(routes.change(town, "甲", [routes.adding(other)], revision=None, now=LATER))
    assert more["routes"] == record["routes"]
    assert more["dropped"][-1]["site"] == f"compounds/{other}"


def test_teams_that_are_locked_are_the_reason_and_cannot_be_solved(town):
    made(town, replace(WANTED, teams=replace(TWO, shift="08:30-09:30")))
    locked = routes.change(town, "甲", [routes.locking(["team/1", "team/2"], True)], revision=None, now=LATER)
    reasons = {one["reason"] for one in locked["dropped"]}
    assert "locked" in reasons
    assert reasons <= {"locked", "window_missed", "shift_short"}
    with pytest.raises(DesignError) as refused:
        routes.improve(town, "甲", now=lambda: LATER)
    assert refused.value.code == "plan_all_locked"


def test_an_alternative_put_in_by_hand_beside_a_locked_team_is_one_too_many(town):
    sites = SitesWanted(must=("c0", "c1", "c2"), any_one=(("c0", "c1"),))
    record = made(town, replace(WANTED, draw=None, sites=sites))
    first, other = sorted(("compounds/c0", "compounds/c1"), key=lambda one: one not in visited(record))
    team = next(r["team"] for r in record["routes"] if first in [s["site"] for s in r["stops"]])
    routes.change(
        town, "甲", [routes.moving(other, "2" if team == "1" else "1", None)], revision=None, now=LATER
    )
    locked = whole(
        routes.change(town, "甲", [routes.locking([f"team/{team}"], True)], revision=None, now=LATER)
    )
    assert {first, other} <= set(visited(locked))
    again = whole(routes.improve(town, "甲", now=lambda: LATER))
    assert other not in visited(again)
    assert [one["reason"] for one in again["dropped"]] == ["alternative"]


def test_a_plan_whose_stops_all_belong_to_a_locked_team_can_be_solved(town):
    record = made(town, replace(WANTED, draw=None, sites=SitesWanted(must=("c0",))))
    team = next(route["team"] for route in record["routes"] if route["stops"])
    routes.change(town, "甲", [routes.locking([f"team/{team}"], True)], revision=None, now=LATER)
    assert visited(routes.improve(town, "甲", now=lambda: LATER)) == ["compounds/c0"]


def test_what_is_not_planned_with_is_not_covered(town, monkeypatch):
    monkeypatch.setattr(route_record, "MOST_SITES", 4)
    sites = SitesWanted(must=tuple(f"c{i}" for i in range(6)))
    record = whole(made(town, replace(WANTED, draw=None, sites=sites)))
    worth = {site["id"]: site["priority"] for site in record["sites"]}
    assert (record["totals"]["required"], record["totals"]["required_visited"]) == (6, 4)
    assert record["totals"]["priority"] == pytest.approx(sum(worth.values()))
    assert record["totals"]["priority_visited"] == pytest.approx(sum(worth[one] for one in visited(record)))


def test_of_required_alternatives_one_is_counted(town):
    sites = SitesWanted(must=("c0", "c1", "c2"), any_one=(("c0", "c1"),))
    totals = made(town, replace(WANTED, draw=None, sites=sites))["totals"]
    assert (totals["required"], totals["required_visited"]) == (2, 2)


def test_a_site_that_was_too_many_can_be_added(town, monkeypatch):
    monkeypatch.setattr(route_record, "MOST_SITES", 4)
    record = made(town)
    beyond = next(one["site"] for one in record["dropped"] if one["reason"] == "too_many")
    more = whole(routes.change(town, "甲", [routes.adding(beyond)], revision=None, now=LATER))
    assert beyond in visited(more)
    assert len(more["sites"]) == len(record["sites"])


def test_locked_stops_that_cannot_all_be_kept_are_told(town):
    sites = SitesWanted(must=tuple(f"c{i}" for i in range(8)))
    teams = replace(TWO, shift="08:30-09:45")
    record = made(town, replace(WANTED, draw=None, sites=sites, teams=teams))
    ids = [site["id"] for site in record["sites"]]
    for one in ids:
        routes.change(town, "甲", [routes.moving(one, "1", None)], revision=None, now=LATER)
    routes.change(town, "甲", [routes.locking(ids, True)], revision=None, now=LATER)
    again = whole(routes.improve(town, "甲", now=lambda: LATER))
    lost = [warning["facts"] for warning in again["warnings"] if warning["code"] == "lock_lost"]
    assert [facts["count"] for facts in lost] == [len(ids) - len(visited(again))]


def test_small_numbers_of_expected_issues_are_not_all_zero():
    told = [route_words.issues(expected) for expected in (0.0, 0.00437, 0.0000123, 0.5, 12.346)]
    assert told == ["0.00", "0.0044", "0.000012", "0.50", "12.35"]


def test_a_reason_calls_a_team_as_every_heading_does():
    facts = {"missing_s": 60, "shift_s": 60, "work_s": 60}
    for team, named in (("2", "第 2 组再多"), ("东组", "东组 再多")):
        said = route_words.reason({"reason": "needs_time", "facts": {"team": team, **facts}}, "zh")
        assert said.replace(" ", "").startswith(named.replace(" ", ""))
