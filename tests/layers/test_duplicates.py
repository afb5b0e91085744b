"""Duplicates and pile-ups, against brute force on small tables and against real cities."""

from __future__ import annotations

import csv
import gzip
import itertools
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod

from layers.duplicates import NEAR_M, SAME_M, find, known_nearby, plain_name
from layers.nearby import earlier_within, near_known, plane
from service.i18n import fault_text, text

WGS84 = Geod(ellps="WGS84")
SHANGHAI = (121.47, 31.23)


def metres(one, other):
    return WGS84.inv(*one, *other)[2]


def beside(east_m, north_m, start=SHANGHAI):
    """A place so many metres from the start."""
    lon, lat, _ = WGS84.fwd(*start, 90, east_m)
    return WGS84.fwd(lon, lat, 0, north_m)[:2]


def sites(*places):
    return np.array([beside(*place) for place in places])


def found(names, places, classes=None, **more):
    return find(range(2, 2 + len(names)), names, classes, sites(*places), **more)


def told(findings):
    return {note.code: note.facts for note in findings.notes()}


# -- who is near whom ------------------------------------------------------------------------------


def brute_earlier(keys, xy, distance):
    return [
        {
            j
            for j in range(i)
            if keys[i] == keys[j] != 0 and math.dist(xy[i], xy[j]) <= distance
        }
        for i in range(len(keys))
    ]  # fmt: skip


tables = st.lists(
    st.tuples(st.integers(0, 2), st.integers(-15, 15), st.integers(-15, 15)), min_size=1, max_size=40
)


@settings(max_examples=300, deadline=None)
@given(tables, st.sampled_from([1.0, 5.0, 9.0]))
def test_every_point_with_an_earlier_namesake_is_found_and_no_other(table, distance):
    keys = np.array([key for key, _, _ in table])
    xy = np.array([(x, y) for _, x, y in table], float)
    for answer, expected in zip(
        earlier_within(keys, xy, distance), brute_earlier(keys, xy, distance), strict=True
    ):
        assert answer in expected if expected else answer == -1


@settings(max_examples=300, deadline=None)
@given(tables, tables, st.sampled_from([1.0, 5.0, 9.0]))
def test_every_point_with_a_known_namesake_is_found_and_no_other(new, known, distance):
    key, known_key = (np.array([row[0] for row in part]) for part in (new, known))
    xy, known_xy = (np.array([row[1:] for row in part], float) for part in (new, known))
    answers = near_known(key, xy, known_key, known_xy, distance)
    for at, answer in enumerate(answers):
        near = {
            j
            for j in range(len(known))
            if key[at] == known_key[j] != 0 and math.dist(xy[at], known_xy[j]) <= distance
        }
        assert answer in near if near else answer == -1


@pytest.mark.parametrize("start", [SHANGHAI, (179.9999, -16.8), (120.0, 50.0)])
def test_the_plane_agrees_with_the_ellipsoid_within_a_city(start):
    places = np.array([beside(east, north, start) for east in (0, 60, 9000) for north in (0, 45, 9000)])
    xy = plane(places)
    for i, j in itertools.combinations(range(len(places)), 2):
        true = metres(places[i], places[j])
        assert math.dist(xy[i], xy[j]) == pytest.approx(true, rel=2.5e-3)


# -- names -----------------------------------------------------------------------------------------


def test_a_namesake_within_50_m_is_told_and_stays():
    findings = found(["沐宁农贸市场", "别处", "沐宁农贸市场"], [(0, 0), (500, 0), (30, 39)])
    assert findings.repeats == {}
    assert told(findings) == {"same_name_near": {"count": 1, "examples": "2/4 沐宁农贸市场"}}


@pytest.mark.parametrize(("east_m", "count"), [(49.9, 1), (50.1, 0)])
def test_near_ends_at_50_m(east_m, count):
    assert found(["a", "a"], [(0, 0), (east_m, 0)]).same_name_near.count == count


def test_a_record_with_float_noise_is_a_repeat_of_the_first():
    lonlat = np.array(
        [[121.467295795601, 31.231337654842], [121.467295795601 + 2e-13, 31.231337654842 - 1e-13]]
    )
    findings = find([7, 3], ["上海大剧院"] * 2, None, lonlat)
    assert findings.repeats == {3: 7}
    assert told(findings) == {"near_duplicates": {"count": 1, "examples": "7/3 上海大剧院"}}


@pytest.mark.parametrize(("east_m", "repeats"), [(0.99, {3: 2}), (1.01, {})])
def test_one_place_ends_at_one_metre(east_m, repeats):
    assert found(["a", "a"], [(0, 0), (east_m, 0)]).repeats == repeats


def test_all_repeats_name_a_row_that_stays():
    findings = found(["a"] * 4, [(0, 0), (0.8, 0), (1.6, 0), (30, 0)])
    assert findings.repeats == {3: 2, 4: 2}
    assert findings.same_name_near.count == 1


def test_a_repeat_is_found_though_a_third_namesake_is_nearer_to_one_of_both():
    # 2 and 3 are 50.4 m apart, 4 is within 50 m of 2 and repeats 3
    assert found(["a"] * 3, [(0, 0), (50.4, 0), (49.6, 0)]).repeats == {4: 3}


def test_another_class_another_address_or_no_name_is_no_repeat():
    same = [(0, 0), (0, 0)]
    assert found(["a", "a"], same, ["school", "hospital"]).notes() == []
    assert found(["a", "a"], same, ["school", "school"]).repeats == {3: 2}
    addresses = found(["a", "a"], same, addresses=["1号", "2号"])
    assert (addresses.repeats, addresses.same_name_near.count) == ({}, 1)
    assert found(["a", "a"], same, addresses=["１号", "1 号"]).repeats == {3: 2}
    assert found([None, None], same).notes() == []
    assert found(["—", "（）"], same).notes() == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("沐宁市场（东门）", "沐宁市场(东门)"),
        ("沐宁市场【东门】", "沐宁市场 东门"),
        ("ＡＢＣ　Mall", "abc mall"),
        ("7－2号", "7-2号"),
    ],
)
def test_width_case_brackets_spaces_and_dashes_make_no_other_name(one, other):
    assert plain_name(one) == plain_name(other)
    assert found([one, other], [(0, 0), (0.5, 0)]).repeats == {3: 2}


def test_a_name_with_the_separator_in_it_moves_no_other_name():
    findings = found(["x\0y", "b", "b"], [(0, 0), (0, 0), (0, 0)])
    assert findings.repeats == {4: 3}


def test_one_site_under_two_names_is_told_only():
    findings = found(["沐宁农贸市场", "沐宁菜市场", "沐宁商场"], [(0, 0), (20, 0), (20, 5)])
    assert told(findings) == {"two_names": {"count": 1, "examples": "2/3 沐宁农贸市场 / 沐宁菜市场"}}
    assert findings.repeats == {}


def test_two_toilets_at_one_place_are_told_and_none_is_refused():
    findings = found(["东街公厕", "东街公共卫生间"], [(0, 0), (0, 0)])
    assert findings.two_names.count == 1
    assert findings.repeats == {}


def test_one_place_under_other_names_counts_all_its_rows():
    findings = found(["a", "b", "b", "c", None], [(0, 0), (0, 0), (80, 0), (80, 0), (80, 0)])
    assert findings.same_place.count == 4
    assert findings.same_place.examples == ("2/3 a / b", "4/5 b / c")


kinds = st.sampled_from(["甲农贸市场", "甲菜市场", "甲市场", "乙", "乙 ", None])


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(kinds, st.integers(0, 6), st.integers(0, 3), st.sampled_from("pq")), min_size=1, max_size=15
    )
)
def test_every_row_is_told_under_the_first_heading_that_fits(table):
    names = [name for name, *_ in table]
    classes = [kind for *_, kind in table]
    # steps of 20 m, none of whose distances is 50 m
    lonlat = sites(*((20 * x, 20 * y) for _, x, y, _ in table))
    findings = find(range(len(table)), names, classes, lonlat)
    twice, near, two = set(), set(), set()
    for i, j in itertools.combinations(range(len(table)), 2):
        if names[i] is None or names[j] is None or classes[i] != classes[j]:
            continue
        distance = metres(lonlat[i], lonlat[j])
        same = names[i].strip() == names[j].strip()
        if same and distance <= SAME_M:
            twice.add(j)
        if same and distance <= NEAR_M:
            near.add(j)
        if names[i][0] == names[j][0] and distance <= NEAR_M:
            two.add(j)
    assert set(findings.repeats) == twice
    assert findings.same_name_near.count == len(near - twice)
    two = {j for j in two if names[j].strip() != "甲市场"} - near | {
        j for j in two if names[j] == "甲市场"
    } - near
    assert findings.two_names.count == len(two)
    assert not set(findings.repeats.values()) & set(findings.repeats)


def test_an_empty_file_and_a_single_row_have_nothing():
    assert find([], [], None, np.empty((0, 2))).notes() == []
    assert found(["a"], [(0, 0)]).notes() == []


# -- issues ----------------------------------------------------------------------------------------


def test_issues_repeat_by_category_place_and_minute_only():
    place = sites((0, 0), (0, 0), (0, 0), (0, 0), (5, 0))
    minutes = np.array([600, 600, 601, 600, 600])
    categories = ["S001", "S001", "S001", "S002", "S001"]
    findings = find(range(5), None, None, place, categories=categories, minutes=minutes)
    assert told(findings) == {"same_moment": {"count": 1, "examples": "0/1 S001"}}
    assert findings.repeats == {}


@pytest.mark.parametrize("minute", [0, 1440 * 20000, -1])
def test_a_day_without_a_time_tells_nothing(minute):
    place = sites((0, 0), (0, 0))
    assert (
        find([1, 2], None, None, place, categories=["S1"] * 2, minutes=np.array([minute] * 2)).notes() == []
    )


# -- pile-ups --------------------------------------------------------------------------------------


def piles(lonlat, **more):
    return find(np.arange(len(lonlat)), None, None, lonlat, **more).pile_ups


def spread(count, seed=1):
    return np.random.default_rng(seed).uniform((121.3, 31.1), (121.6, 31.4), (count, 2))


@pytest.mark.parametrize("decimals", [7, 4, 3, 2, 1])
@pytest.mark.parametrize("count", [100, 3_000, 100_000])
def test_rounded_coordinates_are_no_pile_up(count, decimals):
    assert piles(spread(count).round(decimals)) == ()


@pytest.mark.parametrize("decimals", [7, 4, 3, 2])
def test_a_crowded_centre_is_no_pile_up(decimals):
    middle = np.random.default_rng(2).normal(SHANGHAI, 0.08, (20_000, 2))
    assert piles(middle.round(decimals)) == ()


@pytest.mark.parametrize("rows", [range(20), range(100, 150)])
def test_a_default_place_is_told_with_its_rows(rows):
    lonlat = spread(2_000)
    lonlat[rows] = 121.47, 31.23
    (pile,) = piles(lonlat)
    assert (pile.lon, pile.lat, pile.count, pile.share, pile.first_row) == (
        121.47, 31.23, len(rows), len(rows) / 2000, rows[0],
    )  # fmt: skip


@pytest.mark.parametrize(("count", "rows"), [(30, 19), (2_100, 20)])
def test_below_20_rows_or_one_percent_nothing_is_told(count, rows):
    lonlat = spread(count)
    lonlat[:rows] = 121.47, 31.23
    assert piles(lonlat) == ()


def test_a_file_on_one_point_is_a_pile_up():
    assert [pile.share for pile in piles(np.full((20, 2), 30.0))] == [1.0]


def test_issues_noted_at_their_sites_are_no_pile_up():
    at = np.random.default_rng(3).integers(0, 40, 1_000)
    assert piles(spread(40)[at]) == ()


def test_a_busy_place_of_one_address_is_no_pile_up():
    lonlat = spread(1_000)
    lonlat[:50] = 121.47, 31.23
    addresses = [f"{number} 号" for number in range(1_000)]
    assert len(piles(lonlat, addresses=addresses)) == 1
    assert len(piles(lonlat, addresses=[None] * 1_000)) == 1
    assert piles(lonlat, addresses=["人民路 1 号"] * 45 + addresses[45:]) == ()
    assert len(piles(lonlat, addresses=["人民路 1 号"] * 44 + addresses[44:])) == 1


def test_at_a_pile_up_nothing_is_a_repeat_or_shares_its_place():
    lonlat = spread(300)
    lonlat[:30] = 121.47, 31.23
    names = ["卫生服务站"] * 20 + [f"站{number}" for number in range(280)]
    findings = find(np.arange(300), names, None, lonlat)
    assert findings.repeats == {}
    assert findings.same_place.count == 0
    assert findings.same_name_near.count == 19
    assert told(findings)["pile_up"] == {
        "count": 30, "places": 1, "examples": "121.470000, 31.230000: 30 (10.0%; 0)",
    }  # fmt: skip


def test_at_a_pile_up_no_issue_is_sent_twice():
    minutes = np.full(30, 600)
    at_once = {"categories": ["S001"] * 30, "minutes": minutes}
    assert find(np.arange(30), None, None, np.full((30, 2), 30.0), **at_once).same_moment.count == 0


# -- against the store -----------------------------------------------------------------------------


def test_a_site_that_the_store_has_under_another_id_is_told():
    new = sites((0, 0), (300, 0), (600, 0), (900, 0))
    store = sites((10, 10), (300, 0), (651, 0), (900, 5))
    known = known_nearby(
        ["n1", "b", "n3", "n4"], ["沐宁菜市场", "乙", "丙", None], new,
        ["a", "b", "c", "d"], ["沐宁农贸市场", "乙", "丙", None], store,
    )  # fmt: skip
    assert known.pairs.tolist() == [[0, 0]]
    assert [(note.code, note.facts) for note in known.notes()] == [
        ("known_nearby", {"count": 1, "examples": "n1/a 沐宁菜市场"})
    ]


@pytest.mark.parametrize("empty", ["new", "store"])
def test_nothing_is_known_to_an_empty_store_or_of_an_empty_file(empty):
    full = (["1"], ["a"], sites((0, 0)))
    none = ([], [], np.empty((0, 2)))
    new, store = (none, full) if empty == "new" else (full, none)
    known = known_nearby(*new, *store)
    assert (known.pairs.shape, known.notes()) == ((0, 2), [])


# -- told ------------------------------------------------------------------------------------------


def test_a_repeat_is_refused_with_the_row_it_repeats():
    findings = found(["a", "b", "a"], [(0, 0), (9, 9), (0, 0)])
    (fault,) = findings.faults("名称")
    assert (fault.row, fault.column, fault.value, fault.code) == ("4", "名称", "a", "record_twice")
    for lang in ("zh", "en"):
        assert "2" in fault_text(fault, lang)
    assert fault_text(fault, "en") == text("fault.record_twice", "en", **fault.facts)


def test_a_long_name_is_shortened_in_an_example():
    assert len(found(["字" * 500] * 2, [(0, 0), (0, 0)]).near_duplicates.examples[0]) < 50


# -- real cities -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def boston(test_data):
    with gzip.open(
        test_data / "boston_311" / "boston_311_2015.csv.gz", "rt", encoding="utf-8", newline=""
    ) as file:
        rows = [(row["LONGITUDE"], row["LATITUDE"], row["Location"] or None) for row in csv.DictReader(file)]
    return np.array([row[:2] for row in rows], float), [row[2] for row in rows]


@pytest.mark.testdata
@pytest.mark.parametrize("decimals", [4, 3, 2])
def test_boston_piles_up_at_the_geocoders_default_only(boston, decimals):
    lonlat, addresses = boston
    for given_addresses in (None, addresses):
        (pile,) = piles(lonlat.round(decimals), addresses=given_addresses)
        assert (pile.lon, pile.lat) == pytest.approx((-71.0587, 42.3594), abs=10**-decimals)
        if decimals == 4:
            assert pile.count == 17_070


@pytest.mark.testdata
@pytest.mark.parametrize("decimals", [15, 4, 3, 2, 1])
def test_shanghai_has_no_pile_up(test_data, decimals):
    pois = pd.read_csv(test_data / "shanghai" / "poi_shanghai_urban_9_districts.csv")
    assert piles(pois[["lon", "lat"]].to_numpy().round(decimals)) == ()


@pytest.mark.testdata
def test_shanghai_repeats_what_pairwise_comparison_finds(test_data):
    pois = pd.read_csv(test_data / "shanghai" / "poi_shanghai_urban_9_districts.csv")
    lonlat = pois[["lon", "lat"]].to_numpy()
    findings = find(np.arange(len(pois)), pois["name"].tolist(), None, lonlat)
    near, twice = set(), set()
    for at in pois.groupby(pois["name"].map(plain_name)).indices.values():
        for later, here in enumerate(at):
            first = at[:later]
            if later:
                distance = WGS84.inv(
                    *np.tile(lonlat[here], (later, 1)).T, *lonlat[first].T
                )[2]  # fmt: skip
                near |= {int(here)} if (distance <= NEAR_M).any() else set()
                twice |= {int(here)} if (distance <= SAME_M).any() else set()
    assert len(twice) >= pois.round({"lon": 7, "lat": 7}).duplicated(["name", "lon", "lat"]).sum() == 4_489
    assert set(findings.repeats) == twice
    assert findings.same_name_near.count == pytest.approx(len(near - twice), abs=2)


@pytest.mark.testdata
def test_suzhou_shares_coordinates_as_counted_by_grouping(test_data):
    compounds = pd.read_csv(test_data / "suzhou_compounds_west" / "compounds_west_bd09.csv")
    placed = compounds[compounds["lng_bd09"] > 0]
    place = ["lng_bd09", "lat_bd09"]
    names = placed["name"].map(plain_name).groupby([placed[c] for c in place])
    expected = int((names.transform("nunique") > 1).sum())
    found_there = find(placed.index, placed["name"].tolist(), None, placed[place].to_numpy())
    assert found_there.same_place.count == expected > 60
    assert found_there.pile_ups == ()


@pytest.mark.testdata
def test_suzhou_with_its_null_island_piles_up_there(test_data):
    compounds = pd.read_csv(test_data / "suzhou_compounds_west" / "compounds_west_bd09.csv")
    (pile,) = piles(compounds[["lng_bd09", "lat_bd09"]].to_numpy())
    assert (pile.lon, pile.lat, pile.count) == (0, 0, 42)
