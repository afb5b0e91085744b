"""The periods of bulletins: local days, from a first day up to but without an end day.

Weeks begin on Monday; months, quarters and years are those of the calendar; a number of days is
counted from the start date of the bulletin settings, forwards and backwards.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from geo.errors import DesignError

from .. import clock

PRESETS = ("week", "fortnight", "month", "two-months", "quarter", "year")
_MONTHS = {"month": 1, "two-months": 2, "quarter": 3, "year": 12}
_FORTNIGHT = 14
_MOST_DAYS = 366


@dataclass(frozen=True)
class Period:
    """The local days from `since` up to, but without, `end`.

    `kind` is one of `PRESETS`, or a number of days such as ``10d``; `start` is where those are counted
    from.
    """

    kind: str
    since: date
    end: date
    start: date

    @property
    def last(self) -> date:
        """The last day that belongs to it."""
        return self.end - timedelta(days=1)

    @property
    def begins_at(self) -> datetime:
        """Its first moment."""
        return datetime.combine(self.since, time(), clock.SHANGHAI)

    @property
    def ends_at(self) -> datetime:
        """The first moment after it."""
        return datetime.combine(self.end, time(), clock.SHANGHAI)

    def before(self) -> Period:
        """The period before it."""
        return containing(self.since - timedelta(days=1), self.kind, self.start)

    def after(self) -> Period:
        """The period after it."""
        return containing(self.end, self.kind, self.start)


def kind_of(words: str) -> str:
    """The kind of period that is meant; 14 days are a fortnight (DesignError `period_unknown`)."""
    told = words.strip().lower()
    if told in PRESETS:
        return told
    days = re.fullmatch(r"0*(\d{1,3})\s*d", told)
    if days and 1 <= int(days[1]) <= _MOST_DAYS:
        return "fortnight" if int(days[1]) == _FORTNIGHT else f"{int(days[1])}d"
    raise DesignError(
        f"{words[:30]!r} is no period; use one of {', '.join(PRESETS)}, or a number of days from 1d to"
        f" {_MOST_DAYS}d",
        code="period_unknown", given=words[:30], known=", ".join(PRESETS), most=_MOST_DAYS,
    )  # fmt: skip


def containing(day: date, kind: str, start: date) -> Period:
    """The period of a kind in which a day lies.

    Parameters
    ----------
    start : date
        First day of one of the periods that are counted in days.
    """
    known = kind_of(kind)
    if known == "week":
        since = day - timedelta(days=day.weekday())
        return Period(known, since, since + timedelta(days=7), start)
    if known in _MONTHS:
        length = _MONTHS[known]
        first = (day.month - 1) // length * length
        return Period(known, date(day.year, first + 1, 1), _month(day.year, first + length), start)
    days = _FORTNIGHT if known == "fortnight" else int(known[:-1])
    since = start + timedelta(days=(day - start).days // days * days)
    return Period(known, since, since + timedelta(days=days), start)


def ended(now: datetime, kind: str, start: date) -> Period:
    """The last period of a kind that has ended by a moment."""
    return containing(now.astimezone(clock.SHANGHAI).date(), kind, start).before()


def _month(year: int, months: int) -> date:
    """The first day of a month that is counted on from January, which is 0."""
    return date(year + months // 12, months % 12 + 1, 1)
