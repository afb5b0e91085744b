"""The dated work list of the desk review: which days a period spans, and the dates of work that repeats.

Domain reference §10: 周调度、月部署、季通报、年考核. Pure calendar: a week begins on Monday.
"""

from __future__ import annotations

import calendar
from datetime import date, timedelta

PERIODS = ("week", "month", "quarter", "year")
_MONTHS = {"month": 1, "quarter": 3, "year": 12}


def window(day: date, period: str) -> tuple[date, date]:
    """First and last day of the week, month, quarter or year that holds a day."""
    if period == "week":
        monday = day - timedelta(days=day.weekday())
        return monday, monday + timedelta(days=6)
    months = _MONTHS[period]
    first = date(day.year, day.month - (day.month - 1) % months, 1)
    return first, _later(first, months) - timedelta(days=1)


def repeated(first: date, period: str, times: int) -> list[date]:
    """The dates of work that comes back each period, `times` of them.

    A day that a shorter month has not is its last one: 31 January, 28 February, 31 March.
    """
    if period == "week":
        return [first + timedelta(weeks=number) for number in range(times)]
    return [_later(first, number * _MONTHS[period]) for number in range(times)]


def _later(day: date, months: int) -> date:
    whole = day.year * 12 + day.month - 1 + months
    year, month = divmod(whole, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
