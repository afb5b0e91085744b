"""The time of day in Asia/Shanghai; the only place that asks the clock."""

from __future__ import annotations

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")


def now() -> datetime:
    """The present moment to the second, in Asia/Shanghai."""
    return datetime.now(SHANGHAI).replace(microsecond=0)


def minute(moment: datetime) -> str:
    """``2026-05-06 16:30``, in Asia/Shanghai."""
    return f"{moment.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"


FIRST, LAST = date(1900, 1, 1), date(2199, 12, 31)
"""No issue lies outside; beyond them are the ends of what a date with a time zone can say."""


def within(day: date) -> date:
    """The day itself, or the nearest that a moment with a day beside it can be said of."""
    return min(max(day, FIRST), LAST)


def midnight(day: date) -> datetime:
    """The beginning of a day in Shanghai."""
    return datetime.combine(within(day), time(), SHANGHAI)
