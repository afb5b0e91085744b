"""What a plan visits and who goes: from a draw, from named ids, with what is said of them."""

from __future__ import annotations

from dataclasses import replace

import geopandas as gpd
import pytest
import shapely
from route_town import DESIGN, MORNING, corner, stored

from geo.errors import DesignError, NotFoundError
from layers.batches import NewBatch
from layers.rules import span_of, visit_rules
from layers.schema import ANCHOR_CLASSES, conform
from layers.store import Store
from service.usecases import draws
from service.usecases.route_sites import SitesWanted, _apply, sites_of
from service.usecases.route_teams import TeamsWanted, place, team_words, teams_of


@pytest.fixture
def town(tmp_path):
    record = stored(tmp_path / "t.db")
    with Store.open(tmp_path / "t.db", create=False) as store:
        yield store, record


def test_every_kind_of_site_has_a_visit():
    assert set(visit_rules()) == {*ANCHOR_CLASSES, "back_alley", "compound"}
    assert len(visit_rules()["school"].windows_s) >= 2
    assert max(last for _, last in visit_rules()["market"].windows_s) <= 12 * 3600


def test_a_plan_visits_what_was_drawn_each_once(town):
    store, record = town
    sites, warnings = sites_of(store, record, SitesWanted())
    drawn = {f"anchors/{unit}" for stratum in record["strata"] for unit in stratum["drawn"]}
    drawn |= {f"{layer}/{visit['id']}" for layer, visits in record["visits"].items() for visit in visits}
    assert [site["id"] for site in sites] == sorted(
        {site["id"] for site in sites}, key=[s["id"] for s in sites].index
    )
    assert {site["id"] for site in sites} == drawn
    assert warnings == []


def test_a_unit_serves_every_anchor_that_drew_it(town):
    store, record = town
    sites, _ = sites_of(store, record, SitesWanted())
    visits = {v["id"]: v["anchors"] for v in record["visits"]["back_alleys"]}
    for site in sites:
        if site["layer"] == "back_alleys":
            assert site["anchors"] == visits[site["unit"]]


def test_a_compound_is_entered_by_its_gate_and_an_alley_at_its_ends(town):
    store, _ = town
    sites, _ = sites_of(store, None, SitesWanted(must=("c0", "b0")))
    alley, compound = sites
    assert alley["ends"] == [list(corner(1, 1)), list(corner(2, 1))]
    assert compound["lonlat"] == [pytest.approx(corner(1.2, 0)[0] + 0.0004, abs=1e-6), corner(0, 0)[1]]
    assert compound["ends"] is None


def test_an_alley_takes_its_inspection_and_the_walk_through_it(town):
    store, _ = town
    (alley,), _ = sites_of(store, None, SitesWanted(must=("b0",), service_s={"back_alley": 300}))
    # 0.002 degrees of longitude at 39.95 N: 2 * 85.4 m; at 4.5 km/h 1.25 m/s
    assert alley["length_m"] == pytest.approx(170.9, abs=0.5)
    assert alley["service_s"] == pytest.approx(437, abs=1)


def test_the_priority_is_exposure_times_issue_weight_plus_one(town):
    store, record = town
    sites, _ = sites_of(store, record, SitesWanted())
    for site in sites:
        assert site["priority"] == pytest.approx(site["exposure"] * (site["weight"] + 1))
    # every class has one anchor and one is drawn: each is certain to be visited
    assert {site["exposure"] for site in sites if site["layer"] == "anchors"} == {1.0}


def test_what_is_said_of_a_site_overrules_what_is_said_of_its_kind(town):
    store, _ = town
    wanted = SitesWanted(
        must=("c0", "c1"), service_s={"c0": 60, "compound": 120}, windows_s={"compounds/c1": ((0, 3600),)},
        needs={"c0": ("英语",)}, any_one=(("c0", "c1"),),
    )  # fmt: skip
    first, second = sites_of(store, None, wanted)[0]
    assert (first["service_s"], second["service_s"]) == (60, 120)
    assert second["windows"] == [[0, 3600]]
    assert (first["skills"], second["skills"]) == (["英语"], [])
    assert first["group"] == second["group"] == "1"


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        (SitesWanted(must=("c0", "none", "nix")), "site_unknown"),
        (SitesWanted(must=("c0",), service_s={"c1": 60}), "site_not_planned"),
        (SitesWanted(must=("c0", "c1", "c2"), any_one=(("c0", "c1"), ("c1", "c2"))), "site_two_groups"),
    ],
)
def test_unusable_wishes_are_told(town, wanted, code):
    with pytest.raises((DesignError, NotFoundError)) as refused:
        sites_of(town[0], None, wanted)
    assert refused.value.code == code


def test_an_id_of_two_sites_is_no_name_for_one(town):
    store, _ = town
    sites, _ = sites_of(store, None, SitesWanted(must=("c0", "b0")))
    for site in sites:
        site["unit"] = "same"
    with pytest.raises(DesignError) as refused:
        _apply(sites, SitesWanted(service_s={"same": 60}))
    assert refused.value.code == "site_ambiguous"


def test_a_unit_that_left_the_layer_is_told(town, tmp_path):
    store, record = town
    gone = {**record, "visits": {**record["visits"], "compounds": [{"id": "c99", "anchors": ["a0"]}]}}
    sites, warnings = sites_of(store, gone, SitesWanted())
    assert not any(site["unit"] == "c99" for site in sites)
    assert warnings == [{"code": "unit_gone", "facts": {"layer": "compounds", "count": 1, "first": "c99"}}]


def test_a_must_visit_site_of_the_draw_is_required(town):
    store, record = town
    sites, _ = sites_of(store, record, SitesWanted(lookback=("anchors/a0",)))
    (site,) = (s for s in sites if s["unit"] == "a0")
    assert (site["required"], site["from"]) == (True, "lookback")


@pytest.mark.parametrize(
    ("words", "span"),
    [("08:00-12:00", (28800, 43200)), ("8:30－9:05", (30600, 32700)), ("０８：００-24:00", (28800, 86400))],
)
def test_spans_of_a_day_are_read(words, span):
    assert span_of(words) == span


@pytest.mark.parametrize("words", ["", "12:00-08:00", "08:00", "25:00-26:00", "08:61-09:00", "08:00-08:00"])
def test_what_is_no_span_is_refused(words):
    with pytest.raises(DesignError) as refused:
        span_of(words)
    assert refused.value.code == "span_unreadable"


def test_teams_alike_share_everything_but_the_number(town):
    teams = teams_of(town[0], TeamsWanted(3, mode="bike", start="116.31,39.96", max_work="3:30"))
    assert [team["id"] for team in teams] == ["1", "2", "3"]
    for team in teams:
        assert team["start"] == team["end"] == [116.31, 39.96]
        assert (team["mode"], team["shift"], team["work_s"]) == ("bike", [28800, 43200], 12600)


def test_a_team_in_words_overrules_what_is_said_for_all(town):
    told = (team_words("name=二组; mode=drive; shift=09:00-11:00; end=open; skills=英语 食品"), {})
    first, second = teams_of(town[0], TeamsWanted(told, start_anchor="a0"))
    assert (first["name"], first["mode"], first["shift"], first["end"]) == (
        "二组",
        "drive",
        [32400, 39600],
        None,
    )
    assert first["work_s"] == 7200
    assert first["skills"] == ["英语", "食品"]
    assert second["start"] == second["end"] == list(corner(1, 2))
    assert second["start_name"] == "market点"


def test_without_a_start_a_team_begins_at_its_first_stop(town):
    (team,) = teams_of(town[0], TeamsWanted())
    assert team["start"] is None
    assert team["end"] is None


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        (TeamsWanted(0), "no_teams"),
        (TeamsWanted(-2), "no_teams"),
        (TeamsWanted(61), "teams_many"),
        (TeamsWanted(1, mode="fly"), "mode_unknown"),
        (TeamsWanted(1, shift="morning"), "span_unreadable"),
        (TeamsWanted(1, start="39.95,116.3"), "place_unreadable"),
        (TeamsWanted(1, start_anchor="nix"), "site_unknown"),
        (TeamsWanted(1, max_work="0"), "work_unreadable"),
    ],
)
def test_impossible_teams_are_refused(town, wanted, code):
    with pytest.raises((DesignError, NotFoundError)) as refused:
        teams_of(town[0], wanted)
    assert refused.value.code == code


@pytest.mark.parametrize("words", ["speed=4", "name", "name=a;name=b"])
def test_a_team_in_unreadable_words_is_refused(words):
    with pytest.raises(DesignError) as refused:
        team_words(words)
    assert refused.value.code == "team_unreadable"


def test_latitude_first_is_no_place():
    assert place("116.3，39.95") == [116.3, 39.95]
    with pytest.raises(DesignError):
        place("39.95,116.3")


def test_exposure_is_that_of_the_draw(town):
    """The same numbers as the page of exposure shows for the same settings."""
    from service.usecases import exposure  # noqa: PLC0415

    store, record = town
    table, _ = exposure.units(store, DESIGN)
    known = {(row.layer, row.id): row.pi for row in table.itertuples()}
    for site in sites_of(store, draws.record_of(store, record["name"]), SitesWanted())[0]:
        if site["layer"] != "anchors":
            assert site["exposure"] == known[site["layer"], site["unit"]]


def test_a_cooldown_does_not_take_the_worth_of_the_units_of_the_draw_itself(town):
    store, _ = town
    resting = draws.run(store, replace(DESIGN, cooldown_days=30), now=MORNING, seed="二", name="抽二").record
    sites, _ = sites_of(store, resting, SitesWanted())
    assert resting["visited"]["back_alleys"], "the first draw has to have left something to rest"
    assert all(site["exposure"] > 0 for site in sites)


def test_an_anchor_that_was_not_drawn_has_its_chance_and_its_issues(town):
    store, record = town
    one = store.read("anchors")["class"].iloc[0]
    issues = gpd.GeoDataFrame(
        {"id": ["i1"], "category": ["x"], "site": ["a0"], "count": [3], "found_at": [MORNING]},
        geometry=[shapely.Point(corner(1, 2))], crs="EPSG:4326",
    )  # fmt: skip
    batch = NewBatch(
        source="i.csv", sha256="cd" * 32, imported_at=MORNING.isoformat(), kind="csv", datum="wgs84",
        licence=None, attribution=None,
    )  # fmt: skip
    store.add({"issues": conform(issues, "issues")}, batch, {})
    undrawn = {**record, "strata": [], "visits": {}}
    (anchor,), _ = sites_of(store, undrawn, SitesWanted(must=("a0",)))
    assert (anchor["kind"], anchor["exposure"], anchor["weight"]) == (one, 1.0, 3.0)


@pytest.mark.parametrize("names", [("2", "甲"), ("甲", "甲"), ("甲", "1")])
def test_a_name_that_could_mean_two_teams_is_refused(town, names):
    store, _ = town
    with pytest.raises(DesignError) as refused:
        teams_of(store, TeamsWanted(tuple({"name": name} for name in names)))
    assert refused.value.code == "team_names"


def test_the_name_of_a_team_is_one_line(town):
    store, _ = town
    (team,) = teams_of(store, TeamsWanted(({"name": " 东\n组\x00 "},)))
    assert team["name"] == "东 组"
