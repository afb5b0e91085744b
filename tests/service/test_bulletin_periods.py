"""Periods of bulletins: local days, the last one excluded; written down from a calendar."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from geo.errors import DesignError
from service.usecases.periods import containing, ended, kind_of

START = date(2026, 1, 5)  # a Monday


def days(kind, year, month, day, start=START):
    found = containing(date(year, month, day), kind, start)
    return found.since, found.end


@pytest.mark.parametrize(
    ("kind", "day", "since", "end"),
    [
        ("week", (2026, 5, 6), (2026, 5, 4), (2026, 5, 11)),  # a Wednesday
        ("week", (2027, 1, 1), (2026, 12, 28), (2027, 1, 4)),
        ("fortnight", (2026, 1, 5), (2026, 1, 5), (2026, 1, 19)),
        ("fortnight", (2026, 1, 18), (2026, 1, 5), (2026, 1, 19)),
        ("fortnight", (2026, 1, 19), (2026, 1, 19), (2026, 2, 2)),
        ("fortnight", (2026, 1, 4), (2025, 12, 22), (2026, 1, 5)),  # before the start it goes on backwards
        ("14d", (2026, 1, 18), (2026, 1, 5), (2026, 1, 19)),
        ("10d", (2026, 1, 15), (2026, 1, 15), (2026, 1, 25)),
        ("1d", (2026, 5, 6), (2026, 5, 6), (2026, 5, 7)),
        ("month", (2026, 2, 28), (2026, 2, 1), (2026, 3, 1)),
        ("month", (2026, 12, 31), (2026, 12, 1), (2027, 1, 1)),
        ("two-months", (2026, 4, 30), (2026, 3, 1), (2026, 5, 1)),
        ("two-months", (2026, 12, 1), (2026, 11, 1), (2027, 1, 1)),
        ("quarter", (2026, 9, 30), (2026, 7, 1), (2026, 10, 1)),
        ("quarter", (2026, 10, 1), (2026, 10, 1), (2027, 1, 1)),
        ("year", (2028, 2, 29), (2028, 1, 1), (2029, 1, 1)),
    ],
)
def test_a_day_lies_in_the_period_of_the_calendar(kind, day, since, end):
    assert days(kind, *day) == (date(*since), date(*end))


@pytest.mark.parametrize(
    "kind", ["week", "fortnight", "month", "two-months", "quarter", "year", "10d", "366d"]
)
def test_periods_follow_each_other_without_gap_or_overlap(kind):
    period = containing(date(2025, 12, 30), kind, START)
    for _ in range(6):
        after = period.after()
        assert after.since == period.end
        assert after.before() == period
        assert containing(period.last, kind, START) == period
        assert period.end - period.last == timedelta(days=1)
        period = after


def test_a_period_runs_from_midnight_to_midnight_in_china():
    period = containing(date(2026, 1, 5), "fortnight", START)
    assert period.begins_at.isoformat() == "2026-01-05T00:00:00+08:00"
    assert period.ends_at.isoformat() == "2026-01-19T00:00:00+08:00"


def test_fourteen_days_are_a_fortnight():
    assert kind_of(" 14D ") == kind_of("fortnight") == "fortnight"
    assert kind_of("07d") == "7d"


def test_the_last_period_has_ended_by_local_time():
    # 18 January, 16:30 in London is 19 January in China: the period up to the 18th has ended
    assert ended(datetime(2026, 1, 18, 16, 30, tzinfo=ZoneInfo("UTC")), "14d", START).end == date(2026, 1, 19)
    assert ended(datetime(2026, 1, 18, 15, 30, tzinfo=ZoneInfo("UTC")), "14d", START).end == date(2026, 1, 5)


@pytest.mark.parametrize("words", ["", "0d", "367d", "9999d", "fort", "-1d", "1.5d", "１４日"])
def test_what_is_no_period_is_refused(words):
    with pytest.raises(DesignError) as refused:
        kind_of(words)
    assert refused.value.code == "period_unknown"
