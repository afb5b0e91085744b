"""When is it due? The clock that runs in working hours only.

A deadline is so many working hours (``4 wh``), work days (``3 wd``) or minutes of real time
(``10 min``), or the visit itself (``on site``). Working hours and minutes count from the time found; a
work day ends at the close of the n-th work day after the day found (domain reference §8).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal

from geo.errors import DesignError

Unit = Literal["wh", "wd", "min", "on site"]

_SPAN = re.compile(r"(\d{1,5}) ?(wh|wd|min)")
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Span:
    """A length of time as deadlines are written. `amount` is 0 for what is done on site."""

    amount: int
    unit: Unit

    @classmethod
    def parse(cls, text: str) -> Span:
        """``4 wh``, ``3 wd``, ``10 min`` or ``on site``.

        Raises
        ------
        DesignError
            `deadline_unreadable`.
        """
        clean = text.strip().lower()
        if clean == "on site":
            return cls(0, "on site")
        found = _SPAN.fullmatch(clean)
        if found is None or int(found[1]) == 0:
            raise DesignError(
                f"{text[:40]!r} is no deadline; write 4 wh (working hours), 3 wd (work days), 10 min or"
                " on site",
                code="deadline_unreadable", given=text[:40],
            )  # fmt: skip
        unit: Unit = "wh" if found[2] == "wh" else "wd" if found[2] == "wd" else "min"
        return cls(int(found[1]), unit)

    def words(self) -> str:
        """As `parse` reads it."""
        return self.unit if self.unit == "on site" else f"{self.amount} {self.unit}"


@dataclass(frozen=True)
class WorkCalendar:
    """Working hours, holidays and make-up work days of an office.

    Parameters
    ----------
    version : str
    shifts : tuple of (time, time)
        Ascending, without overlap: 8:00-12:00 and 14:00-18:00.
    holidays : frozenset of date
        Days off beside Saturdays and Sundays.
    makeup : frozenset of date
        Saturdays and Sundays that are work days (调休).
    first, last : date
        The days that the calendar knows.
    provisional_from : date or None
        From this day on the holidays are those of the law alone: the State Council has not yet said
        which days around them are off, and which weekends are worked. A deadline that ends there may
        turn out some days early or late, and is told so.
    """

    version: str
    shifts: tuple[tuple[time, time], ...]
    holidays: frozenset[date]
    makeup: frozenset[date]
    first: date
    last: date
    provisional_from: date | None = None

    def is_provisional(self, day: date) -> bool:
        """Whether the holidays around a day are not yet announced."""
        return self.provisional_from is not None and day >= self.provisional_from

    @property
    def day_minutes(self) -> int:
        """Minutes of working time in a work day."""
        return sum(_minutes(end) - _minutes(begin) for begin, end in self.shifts)

    def is_work_day(self, day: date) -> bool:
        """Whether somebody works on a day.

        Raises
        ------
        DesignError
            `calendar_ends` for a day that the calendar does not know.
        """
        if not self.first <= day <= self.last:
            raise DesignError(
                f"the work calendar {self.version} knows {self.first} to {self.last}, not {day};"
                " add the holidays and make-up work days of that year",
                code="calendar_ends", version=self.version, first=str(self.first), last=str(self.last),
                day=str(day),
            )  # fmt: skip
        return day in self.makeup or (day.weekday() < 5 and day not in self.holidays)


def half(span: Span, calendar: WorkCalendar) -> Span:
    """Half a deadline in working hours, rounded up: half of 5 wd is 20 wh."""
    if span.unit == "wd":
        return Span(-(-span.amount * calendar.day_minutes // 120), "wh")
    return Span(-(-span.amount // 2), span.unit)


def due(found: datetime, span: Span, calendar: WorkCalendar) -> datetime:
    """When a deadline ends that began to run when an issue was found.

    Parameters
    ----------
    found : datetime
        Local time; its time zone is kept.

    Raises
    ------
    DesignError
        `calendar_ends` when it runs beyond the days that the calendar knows.
    """
    if span.unit == "on site":
        return found
    if span.unit == "min":
        return found + timedelta(minutes=span.amount)
    if span.unit == "wd":
        day, left = found.date(), span.amount
        while left:
            day += _DAY
            left -= calendar.is_work_day(day)
        return datetime.combine(day, calendar.shifts[-1][1], found.tzinfo)
    return work_on(found, span.amount * 3600, calendar)


def work_on(begin: datetime, left_s: int, calendar: WorkCalendar) -> datetime:
    """When so many seconds of working time are over that run from a moment on.

    Raises
    ------
    DesignError
        `calendar_ends` when they run beyond the days that the calendar knows.
    """
    left = timedelta(seconds=left_s)
    for opens, closes in _stretches(begin, calendar):
        if left <= closes - opens:
            return opens + left
        left -= closes - opens
    raise AssertionError("the stretches end with an error only")


def worked(begin: datetime, end: datetime, calendar: WorkCalendar) -> timedelta:
    """Working time between two moments; none when the end comes first."""
    total = timedelta()
    if end <= begin:
        return total
    for opens, closes in _stretches(begin, calendar, until=end):
        total += min(closes, end) - opens
    return total


def _stretches(
    begin: datetime, calendar: WorkCalendar, until: datetime | None = None
) -> Iterator[tuple[datetime, datetime]]:
    """Working time from a moment on, stretch by stretch."""
    day = begin.date()
    while until is None or day <= until.date():
        if calendar.is_work_day(day):
            for opens, closes in calendar.shifts:
                first = max(datetime.combine(day, opens, begin.tzinfo), begin)
                last = datetime.combine(day, closes, begin.tzinfo)
                if first < last and (until is None or first < until):
                    yield first, last
        day += _DAY


def _minutes(moment: time) -> int:
    return moment.hour * 60 + moment.minute
