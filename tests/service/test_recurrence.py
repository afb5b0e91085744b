"""What repeats a closed finding and what may be a duplicate: the edges by hand, the rest against plain loops."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from pyproj import Geod

from service.supervision.recurrence import NONE, Findings, alike, recurs
from service.supervision.rulebook import CardRules

SHANGHAI = ZoneInfo("Asia/Shanghai")
RULES = CardRules((), recurrence_days=30, near_m=30.0)
PLACE = (114.0, 33.0)
GEOD = Geod(ellps="GRS80")


def at(words: str) -> datetime:
    return datetime.fromisoformat(words).replace(tzinfo=SHANGHAI)


def east(metres: float) -> tuple[float, float]:
    """A place so many metres east of `PLACE`, by the geodesic."""
    lon, lat, _ = GEOD.fwd(*PLACE, 90.0, metres)
    return lon, lat


def findings(*rows: tuple[str, str | None, tuple[float, float], str]) -> Findings:
    """category, site, place, moment"""
    return Findings(
        [row[0] for row in rows], [row[1] for row in rows],
        np.array([row[2] for row in rows], dtype=float).reshape(-1, 2), [at(row[3]) for row in rows],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("found", "linked"),
    [
        ("2026-05-01 18:00", True),  # the day it was closed
        ("2026-05-30 09:00", True),
        ("2026-05-31 23:59", True),  # day 30, later in the day than the closing
        ("2026-05-31 00:01", True),
        ("2026-06-01 00:00", False),  # day 31
        ("2026-05-01 16:59", False),  # found before the closing: it was still the old one
    ],
)
def test_thirty_calendar_days_after_closing_are_a_recurrence_and_the_next_day_is_not(found, linked):
    closed = findings(("HJ01", "B1", PLACE, "2026-05-01 17:00"))
    assert recurs(findings(("HJ01", "B1", PLACE, found)), closed, RULES).tolist() == [0 if linked else NONE]


def test_days_are_those_of_china_whatever_zone_the_moments_are_in():
    closed = Findings(
        ["HJ01"], ["B1"], np.array([PLACE]), [datetime.fromisoformat("2026-04-30T16:30:00+00:00")]
    )
    # 16:30 UTC on 30 April is half past midnight on 1 May; 31 May is day 30, 1 June is day 31
    on_the_last = Findings(
        ["HJ01"], ["B1"], np.array([PLACE]), [datetime.fromisoformat("2026-05-31T15:59:00+00:00")]
    )
    too_late = Findings(
        ["HJ01"], ["B1"], np.array([PLACE]), [datetime.fromisoformat("2026-05-31T16:00:00+00:00")]
    )
    assert recurs(on_the_last, closed, RULES).tolist() == [0]
    assert recurs(too_late, closed, RULES).tolist() == [NONE]


def test_the_window_is_that_of_the_rule_book():
    closed = findings(("HJ01", "B1", PLACE, "2026-05-01 17:00"))
    found = findings(("HJ01", "B1", PLACE, "2026-05-09 08:00"))
    assert recurs(found, closed, CardRules((), 7, 30.0)).tolist() == [NONE]
    assert recurs(found, closed, CardRules((), 8, 30.0)).tolist() == [0]


@pytest.mark.parametrize(
    ("category", "site", "place", "linked"),
    [
        ("HJ02", "B1", PLACE, False),  # another category
        ("HJ01", "B1", east(5_000), True),  # the same site, wherever its point is
        ("HJ01", "B2", east(1), False),  # next door is another site
        ("HJ01", None, east(29.9), True),
        ("HJ01", None, east(30.1), False),
    ],
)
def test_a_finding_repeats_what_has_its_category_and_its_site_or_else_lies_near(
    category, site, place, linked
):
    closed = findings(("HJ01", "B1", PLACE, "2026-05-01 17:00"))
    found = findings((category, site, place, "2026-05-10 09:00"))
    assert recurs(found, closed, RULES).tolist() == [0 if linked else NONE]


def test_the_one_closed_last_is_linked():
    closed = findings(
        ("HJ01", "B1", PLACE, "2026-05-01 17:00"),
        ("HJ01", None, east(10), "2026-05-03 17:00"),
        ("HJ01", "B1", PLACE, "2026-05-02 17:00"),
        ("HJ01", "B1", PLACE, "2026-05-20 17:00"),  # closed after the finding
    )
    assert recurs(findings(("HJ01", "B1", PLACE, "2026-05-10 09:00")), closed, RULES).tolist() == [1]


def test_nothing_closed_and_nothing_found_are_no_trouble():
    one, none = findings(("HJ01", "B1", PLACE, "2026-05-10 09:00")), findings()
    assert recurs(one, none, RULES).tolist() == [NONE]
    assert recurs(none, one, RULES).tolist() == []
    assert alike(none, near_m=30, within=timedelta(hours=24)) == []


def test_two_findings_of_one_day_and_place_are_a_pair_once_the_earlier_first():
    told = findings(
        ("HJ01", "B1", PLACE, "2026-05-10 15:00"),
        ("HJ01", "B1", PLACE, "2026-05-10 09:00"),
        ("HJ01", None, east(20), "2026-05-11 09:00"),  # 24 hours after the second: still within
        ("HJ01", "B2", PLACE, "2026-05-10 09:00"),  # another site; near the one without a site
        ("HJ02", "B1", PLACE, "2026-05-10 09:00"),
        ("HJ01", "B1", PLACE, "2026-05-12 15:01"),
    )
    assert alike(told, near_m=30, within=timedelta(hours=24)) == [(0, 2), (1, 0), (1, 2), (3, 2)]


def random_findings(rng: np.random.Generator, n: int) -> Findings:
    moments = [at("2026-03-01 00:00") + timedelta(hours=int(h)) for h in rng.integers(0, 24 * 80, n)]
    sites = [None if s == 0 else f"S{s}" for s in rng.integers(0, 6, n)]
    # 28 m apart or 32 m, never 30
    lonlat = np.array([east(4.0 * m) for m in rng.integers(0, 75, n)])
    return Findings([f"HJ0{c}" for c in rng.integers(1, 4, n)], sites, lonlat, moments)


def slow_together(a: Findings, i: int, b: Findings, j: int) -> bool:
    if a.category[i] != b.category[j]:
        return False
    if a.site[i] is not None and b.site[j] is not None:
        return a.site[i] == b.site[j]
    return GEOD.inv(*a.lonlat[i], *b.lonlat[j])[2] <= 30.0


@pytest.mark.parametrize("seed", range(3))
def test_many_findings_give_what_plain_loops_give(seed):
    rng = np.random.default_rng(seed)
    found, closed = random_findings(rng, 60), random_findings(rng, 80)
    expected = []
    for i in range(60):
        fits = [
            j
            for j in range(80)
            if slow_together(found, i, closed, j)
            and closed.at[j] <= found.at[i]
            and (found.at[i].date() - closed.at[j].date()).days <= 30
        ]
        expected.append(max(fits, key=lambda j: (closed.at[j], -j), default=NONE))
    assert recurs(found, closed, RULES).tolist() == expected
    pairs = {
        (i, j) if (found.at[i], i) < (found.at[j], j) else (j, i)
        for i in range(60)
        for j in range(i)
        if slow_together(found, i, found, j) and abs(found.at[i] - found.at[j]) <= timedelta(hours=48)
    }
    assert alike(found, near_m=30, within=timedelta(hours=48)) == sorted(pairs)
