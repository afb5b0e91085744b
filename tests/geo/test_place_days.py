"""What counts once, and which places are no places."""

import numpy as np
import pytest

from geo import place_days as here
from geo.errors import CRSError
from geo.place_days import pile_ups, place_days, place_numbers, resent
from layers import duplicates

CRS = "EPSG:32650"
HOUR = 3600


def test_two_reports_of_a_place_on_a_day_are_one_place_day():
    xy = np.array(
        [[500_000, 4_400_000], [500_000.2, 4_399_999.9], [500_000, 4_400_000], [500_030, 4_400_000]]
    )
    found = place_days(xy, np.array([7, 7, 8, 7]), crs=CRS)
    assert found.place.tolist() == [0, 0, 0, 1]
    assert found.first.tolist() == [0, 2, 3]
    assert (found.merged, found.places) == (1, 2)


def test_days_before_the_origin_and_places_west_of_it_do_not_meet_others():
    rng = np.random.default_rng(1)
    xy, day = rng.integers(-40, 40, (3000, 2)).astype(float), rng.integers(-3, 4, 3000)
    distinct = {(x, y, d) for (x, y), d in zip(xy.tolist(), day.tolist(), strict=True)}
    found = place_days(xy, day, crs=CRS)
    assert len(found.first) == len(distinct)
    assert found.merged == 3000 - len(distinct)
    assert found.places == len(set(map(tuple, xy.tolist())))
    assert len({(*xy[i], day[i]) for i in found.first}) == len(distinct)


def test_a_lattice_may_be_wider_than_a_metre():
    xy = np.array([[0.0, 0.0], [4.0, -4.0], [6.0, 0.0]])
    assert place_numbers(xy, crs=CRS, round_m=10).tolist() == [0, 0, 1]


def test_nothing_reported_is_no_place_day():
    found = place_days(np.zeros((0, 2)), np.zeros(0, int), crs=CRS)
    assert (found.merged, found.places, len(found.first)) == (0, 0, 0)


def test_a_million_copies_of_one_point_are_one_place_day():
    found = place_days(np.full((1_000_000, 2), 5e5), np.zeros(1_000_000, int), crs=CRS)
    assert (found.merged, found.places) == (999_999, 1)


def test_degrees_are_refused():
    with pytest.raises(CRSError):
        place_days(np.array([[116.4, 39.9]]), np.array([1]), crs="EPSG:4326")


# -- the same case again


def test_the_same_id_is_the_same_case_however_late_and_the_earliest_stays():
    found = resent(
        np.array([5, 5, -1, -1]), np.array([0, 1, 2, 3]), np.array([-1] * 4), np.array([900 * HOUR, 0, 0, 0])
    )
    assert found.first.tolist() == [1, 1, 2, 3]
    assert (found.same_id, found.same_day) == (1, 0)
    assert found.kept.tolist() == [False, True, True, True]


@pytest.mark.parametrize(("gap_s", "first"), [(0, 0), (24 * HOUR, 0), (24 * HOUR + 1, 1)])
def test_place_and_category_within_24_hours_are_the_same_case(gap_s, first):
    found = resent(np.array([-1, -1]), np.array([3, 3]), np.array([2, 2]), np.array([100, 100 + gap_s]))
    assert found.first.tolist() == [0, first]


def test_another_category_another_place_or_none_is_another_case():
    found = resent(np.full(5, -1), np.array([0, 0, 1, 2, 2]), np.array([0, 1, 0, -1, -1]), np.zeros(5, int))
    assert found.kept.all()


def test_a_report_every_twenty_hours_for_a_month_is_not_one_case():
    # kept at 0 h, then the first after 24 h: 40 h, 80 h, ...: every second
    found = resent(np.full(36, -1), np.zeros(36, int), np.zeros(36, int), np.arange(36) * 20 * HOUR)
    assert found.kept.tolist() == [True, False] * 18


def slow_resent(case, place, category, second):
    order = sorted(range(len(case)), key=lambda i: (second[i], i))
    first, by_case, open_at = list(range(len(case))), {}, {}
    for i in order:
        if case[i] >= 0:
            first[i] = by_case.setdefault(case[i], i)
    for i in order:
        key = place[i], category[i]
        if first[i] != i or category[i] < 0:
            continue
        if key in open_at and second[i] - second[open_at[key]] <= 24 * HOUR:
            first[i] = open_at[key]
        else:
            open_at[key] = i
    return [first[j] for j in first]


@pytest.mark.parametrize("seed", range(5))
def test_resent_matches_the_walk_through_time(seed):
    rng = np.random.default_rng(seed)
    case, place = rng.integers(-1, 300, 600), rng.integers(0, 12, 600)
    category, second = rng.integers(-1, 4, 600), rng.integers(0, 90, 600) * 8 * HOUR
    found = resent(case, place, category, second)
    assert found.first.tolist() == slow_resent(case, place, category, second)
    assert found.same_id + found.same_day == 600 - found.kept.sum()


# -- pile-ups


def test_a_default_point_of_a_geocoder_is_a_pile_up():
    # Boston 311 of the test data: 17,070 of 121,145 cases on one point
    reports = np.array([17_070] + [2] * 52_037 + [1])
    assert np.flatnonzero(pile_ups(reports)).tolist() == [0]


@pytest.mark.parametrize(
    ("reports", "piled"),
    [
        ([20] + [1] * 180, True),
        ([19] + [1] * 180, False),  # twenty rows
        ([20] + [1] * 1980, True),
        ([20] + [1] * 1981, False),  # one percent: 20 of 2,001
        ([30] + [3] * 100, True),
        ([29] + [3] * 100, False),  # ten times what nine places in ten hold
        ([20], True),
    ],
)
def test_a_pile_up_needs_all_three(reports, piled):
    found = pile_ups(np.array(reports))
    assert found[0] == piled
    assert not found[1:].any()


def test_no_place_is_no_pile_up():
    assert pile_ups(np.zeros(0, int)).shape == (0,)


def test_the_rule_is_that_of_the_import():

    assert (here.PILE_ROWS, here.PILE_SHARE, here.PILE_TIMES) == (
        duplicates.PILE_ROWS,
        duplicates.PILE_SHARE,
        duplicates.PILE_TIMES,
    )
    rng = np.random.default_rng(2)
    for _ in range(50):
        reports = rng.geometric(0.3, 80)
        reports[0] = rng.integers(1, 200)
        row_place = np.repeat(np.arange(80), reports)
        assert pile_ups(reports).tolist() == duplicates._piled(row_place, reports, None).tolist()
