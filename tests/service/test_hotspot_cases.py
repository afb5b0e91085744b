"""What a hotspot map says of a town whose issues are known one by one."""

from __future__ import annotations

import csv
import math
from collections import Counter
from datetime import date, timedelta

import numpy as np
import pytest
import spotted_town as town
from hamlet import BACK, MIDDLE
from pyproj import Transformer

from geo.errors import DesignError, StatisticsError
from layers.resources import data_path
from layers.store import Store
from service.usecases import hotspots
from service.usecases.hotspot_city import read_city
from service.usecases.issue_filters import IssueFilter

ROWS = town.reports()
LAST = town.FIRST + timedelta(days=town.DAYS - 1)


def on_point(row):
    return (row["x"], row["y"]) == town.PILE


def city_of(path):
    with Store.open(path, create=False) as store:
        return read_city(store, "甲地图")


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    return city_of(town.stored(tmp_path_factory.mktemp("town") / "town.db"))


def matched(city, **query):
    return hotspots.select(city, IssueFilter.from_query(query)).matched


def code_of(call):
    with pytest.raises((DesignError, StatisticsError)) as refusal:
        call()
    return refusal.value.code


# -- the filter ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "holds"),
    [
        ({}, lambda r: True),
        ({"category": "HJ"}, lambda r: r["category"].startswith("HJ")),
        ({"category": "HJ01,SS"}, lambda r: r["category"] in ("HJ01", "SS01")),
        ({"category": "QQ"}, lambda r: False),
        ({"district": "东街"}, lambda r: r["district"] == "东街"),
        ({"district": "东街,西街"}, lambda r: True),
        ({"unit": "城管局"}, lambda r: r["unit"] == "城管局"),
        ({"unit": ""}, lambda r: True),
        ({"source": "complaint"}, lambda r: r["source"] == "complaint"),
        ({"state": "found,closed"}, lambda r: r["state"] in ("found", "closed")),
        ({"since": "2026-01-01", "until": "2026-01-31"}, lambda r: (r["day"].year, r["day"].month) == (2026, 1)),
        ({"since": "2026-05-06", "until": "2026-05-06"}, lambda r: r["day"] == date(2026, 5, 6)),
        ({"hours": "8-11"}, lambda r: 8 <= r["hour"] <= 11),
        ({"hours": "22-5"}, lambda r: r["hour"] >= 22 or r["hour"] <= 5),
        ({"source": "patrol", "hours": "6-6", "category": "HJ"},
         lambda r: r["source"] == "patrol" and r["hour"] == 6 and r["category"].startswith("HJ")),
    ],
)  # fmt: skip
def test_a_filter_takes_exactly_these(city, query, holds):
    wanted = IssueFilter.from_query(query)
    mask = wanted.mask(city.issues)
    assert mask.tolist() == [holds(row) for row in ROWS]
    assert IssueFilter.from_query(wanted.to_query()) == wanted


@pytest.mark.parametrize("severity", ["1", "2", "3", "1,3"])
def test_severity_is_that_of_the_category(city, severity):
    with data_path("rules", "issue_categories.csv").open(encoding="utf-8", newline="") as file:
        levels = {row["code"]: row["severity"] for row in csv.DictReader(file)}
    expected = sum(levels[row["category"]] in severity.split(",") for row in ROWS)
    assert matched(city, severity=severity) == expected


def test_a_drawn_area_takes_what_lies_in_it(city):
    corners = [(-500, -500), (700, -500), (700, 700), (-500, 700)]
    lon, lat = BACK.transform(*np.transpose(np.array(corners) + MIDDLE))
    within = ";".join(f"{a:.8f},{b:.8f}" for a, b in zip(lon, lat, strict=True))
    expected = sum(-500 < row["x"] < 700 and -500 < row["y"] < 700 for row in ROWS)
    assert matched(city, within=within) == expected


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"since": "2026-02-01", "until": "2026-01-01"}, "dates_reversed"),
        ({"since": "2026-02-30"}, "filter_date"),
        ({"until": "gestern"}, "filter_date"),
        ({"hours": "8"}, "filter_hours"),
        ({"hours": "8-24"}, "filter_hours"),
        ({"source": "rumour"}, "filter_value"),
        ({"state": "gone"}, "filter_value"),
        ({"severity": "4"}, "filter_value"),
        ({"within": "1,2;3,4"}, "filter_area"),
        ({"within": "0,0;1,1;1,0;0,1"}, "filter_area"),
        ({"within": "nan,0;1,1;1,0"}, "filter_area"),
    ],
)
def test_a_filter_that_means_nothing_is_refused(query, code):
    assert code_of(lambda: IssueFilter.from_query(query)) == code


# -- what is chosen --------------------------------------------------------------------------------


def test_the_default_point_of_a_geocoder_is_left_out_and_told(city):
    chosen = hotspots.select(city, IssueFilter())
    assert (chosen.matched, chosen.piled, len(chosen.rows)) == (1930, 60, 1870)
    assert not any(on_point(ROWS[row]) for row in chosen.rows)
    kept = hotspots.select(city, IssueFilter(), with_piled=True)
    assert (kept.matched, kept.piled, len(kept.rows)) == (1930, 0, 1930)


def test_the_period_is_that_of_all_issues_unless_it_is_told(city):
    chosen = hotspots.select(city, IssueFilter(category=("HJ02",)))
    assert (chosen.since, chosen.until, chosen.days) == (town.FIRST, LAST, 365)
    chosen = hotspots.select(city, IssueFilter(since=date(2026, 1, 1), until=date(2026, 1, 30)))
    assert chosen.days == 30


def test_a_period_after_the_last_issue_is_refused(city):
    wanted = IssueFilter(since=LAST + timedelta(days=1))
    assert code_of(lambda: hotspots.select(city, wanted)) == "dates_reversed"


def test_the_ground_is_the_coarsest_area_or_the_hull_of_the_issues(city, tmp_path):
    assert (city.ground, round(city.area.area / 1e6, 3)) == ("district", 16.0)
    bare = city_of(town.stored(tmp_path / "bare.db", areas=False))
    assert bare.ground == "hull"
    side = 3900.0
    rounded = side**2 + 4 * side * 500 + math.pi * 500**2
    assert bare.area.area == pytest.approx(rounded, rel=2e-3)
    assert bare.districts is None


def test_a_store_without_issues_says_how_to_get_some(tmp_path):
    with Store.open(tmp_path / "empty.db", create=True) as store:
        assert code_of(lambda: read_city(store, "")) == "no_issues"


# -- density and the list --------------------------------------------------------------------------


def test_a_density_adds_up_to_its_issues(city):
    found = hotspots.heat(city, IssueFilter(), edge="diggle")
    ground = found.surface.window
    total = np.nansum(found.surface.values * ground.share) * ground.grid.cell_km2 * 365 / 30
    assert total == pytest.approx(1870, rel=2e-3)
    told = found.facts()
    assert (told["used"], told["outside"], told["piled"], told["issues"]) == (1870, 0, 60, 1930)
    assert (told["bandwidth_m"], told["cell_m"], told["ground"]) == (150.0, 25.0, "district")


def test_the_worst_place_is_the_street_with_its_name(city):
    found = hotspots.heat(city, IssueFilter())
    listed = hotspots.top(found, 5)
    first = listed[0]
    assert (first.rank, first.place, first.place_layer, first.place_id) == (1, "槐树巷", "back_alleys", "B1")
    assert (first.district, first.unit) == ("东街", "甲单位")
    assert [spot.density for spot in listed] == sorted((spot.density for spot in listed), reverse=True)
    forward = Transformer.from_crs("EPSG:4326", "EPSG:4547", always_xy=True)
    at = np.array([forward.transform(spot.lon, spot.lat) for spot in listed]) - MIDDLE
    near = []
    for row in ROWS:
        far = np.hypot(*(at - (row["x"], row["y"])).T)
        if not on_point(row) and far[0] == far.min() and far[0] <= 300:
            near.append(row)
    assert first.issues == len(near)
    assert first.categories == tuple(Counter(row["category"] for row in near).most_common(3))
    assert first.categories[0][0] == "SS01"
    assert first.places == len({(row["x"], row["y"]) for row in near})
    assert first.place_days == len({(row["x"], row["y"], row["day"]) for row in near})
    assert first.rate == pytest.approx(len(near) * 30 / 365)
    assert (first.first, first.last) == (str(min(r["day"] for r in near)), str(max(r["day"] for r in near)))
    later = sum((row["day"] - town.FIRST).days >= 182.5 for row in near)
    assert first.change == pytest.approx(later / (len(near) - later))


def test_hexagons_count_every_issue_once(city):
    counts = hotspots.hexagons(city, IssueFilter(category=("SS01",)))
    assert counts.issues.sum() == 270
    assert (counts.issues > 0).all()
    assert ((counts.share > 0) & (counts.share <= 1)).all()


def test_a_forecast_needs_two_days(city):
    day = date(2026, 5, 6)
    assert hotspots.prediction(city, IssueFilter(since=day, until=day)) is None
    foretold = hotspots.prediction(city, IssueFilter(category=("SS01",)))
    assert foretold is not None
    assert foretold.hit_rate == 1.0  # the same street in both halves
    assert foretold.pai == pytest.approx(1 / foretold.area_share)


# -- tests -----------------------------------------------------------------------------------------


def test_the_street_is_hot_and_the_default_point_is_not(city):
    found = hotspots.spots(city, IssueFilter())
    grid = found.window.grid
    kept = {(row["x"], row["y"], row["day"]) for row in ROWS if not on_point(row)}
    assert found.place_days == len(kept)
    assert found.merged == 1870 - len(kept)
    offset = np.array(MIDDLE) - city.issues.origin
    cells = grid.locate(*(np.array([town.STREET, town.PILE]) + offset).T)
    assert found.spots.bin.ravel()[cells].tolist() == [3, 0]


def test_the_street_is_a_hot_spot_of_many_months(city):
    found = hotspots.emergence(city, IssueFilter())
    assert found.facts()["months"][0] == "2025-11"
    assert len(found.facts()["months"]) == 12
    assert found.facts()["left_out"] == 0
    offset = np.array(MIDDLE) - city.issues.origin
    cell = found.window.grid.locate(*(np.array([town.STREET]) + offset).T)[0]
    assert found.emerging.hot.reshape(12, -1)[:, cell].sum() >= 6
    assert found.emerging.kind.ravel()[cell] > 0


def test_months_that_are_not_complete_are_left_out(city):
    found = hotspots.emergence(city, IssueFilter(since=date(2025, 11, 11)))
    assert found.facts()["months"][0] == "2025-12"
    early = {
        (row["x"], row["y"], row["day"]) for row in ROWS
        if not on_point(row) and date(2025, 11, 11) <= row["day"] < date(2025, 12, 1)
    }  # fmt: skip
    assert found.facts()["left_out"] == len(early)


def test_periods_are_compared_by_place_days_a_day(city):
    before = (date(2025, 11, 1), date(2026, 1, 31))
    found = hotspots.comparison(city, IssueFilter(since=date(2026, 2, 1), until=date(2026, 4, 30)), before)
    told = found.facts()
    assert told["before_matched"] == sum(row["day"] <= before[1] for row in ROWS)
    assert told["matched"] == sum(date(2026, 2, 1) <= row["day"] <= date(2026, 4, 30) for row in ROWS)
    assert (told["worse"], told["better"]) == (0, 0)
    assert told["shown"] >= 1


@pytest.mark.parametrize(
    ("since", "until"),
    [(date(2026, 1, 31), date(2026, 4, 30)), (date(2025, 10, 1), date(2025, 11, 1)), (None, None)],
)
def test_periods_that_overlap_are_refused(city, since, until):
    before = (date(2025, 11, 1), date(2026, 1, 31))
    wanted = IssueFilter(since=since, until=until)
    assert code_of(lambda: hotspots.comparison(city, wanted, before)) == "periods_overlap"


def test_nothing_chosen_is_an_empty_map_and_no_test(city):
    nothing = IssueFilter(category=("QQ",))
    found = hotspots.heat(city, nothing)
    assert np.nanmax(found.surface.values) == 0
    assert (found.facts()["matched"], found.facts()["used"]) == (0, 0)
    assert hotspots.top(found) == []
    assert len(hotspots.hexagons(city, nothing).issues) == 0
    assert hotspots.prediction(city, nothing) is None
    assert code_of(lambda: hotspots.spots(city, nothing)) == "too_few"
    assert code_of(lambda: hotspots.emergence(city, nothing)) == "step_too_few"


def test_a_kernel_below_the_cell_or_above_the_town_is_refused(city):
    wanted = IssueFilter()
    narrow = hotspots.kernel_of("gaussian", 30.0)
    assert code_of(lambda: hotspots.heat(city, wanted, kernel=narrow, cell_m=25.0)) == "bandwidth_below_cell"
    wide = hotspots.kernel_of("gaussian", 5000.0)
    assert code_of(lambda: hotspots.heat(city, wanted, kernel=wide)) == "bandwidth_above_window"
    tiny = hotspots.kernel_of("gaussian", 0.5)
    assert code_of(lambda: hotspots.heat(city, wanted, kernel=tiny)) == "grid_large"
    assert code_of(lambda: hotspots.kernel_of("cone", 10.0)) == "kernel_unknown"
