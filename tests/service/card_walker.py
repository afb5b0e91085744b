"""The life of a card walked minute by minute: slow, obvious, and the measure of `supervision/cards.py`.

A deadline is a list of countdowns and is reached when all of them are empty: working minutes, minutes of
real time, or closings of work days after the day it began on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

MINUTE = timedelta(minutes=1)
SHIFTS = ((8, 12), (14, 18))


def works(moment: datetime, holidays: frozenset[Any], makeup: frozenset[Any]) -> bool:
    """Whether the minute that begins now is working time."""
    return is_work_day(moment.date(), holidays, makeup) and any(a <= moment.hour < b for a, b in SHIFTS)


def is_work_day(day: Any, holidays: frozenset[Any], makeup: frozenset[Any]) -> bool:
    return day in makeup or (day.isoweekday() < 6 and day not in holidays)


@dataclass
class Countdown:
    """``wh`` and ``min`` count minutes, ``wd`` the closings of work days."""

    kind: str
    left: int
    began: datetime

    def pass_minute(self, ends: datetime, holidays: frozenset[Any], makeup: frozenset[Any]) -> None:
        """The minute that ends at a moment is over."""
        if self.kind == "wd":
            closing = (ends.hour, ends.minute) == (18, 0) and is_work_day(ends.date(), holidays, makeup)
            self.left -= closing and ends.date() > self.began.date()
        elif self.kind == "min" or works(ends - MINUTE, holidays, makeup):
            self.left -= 1


@dataclass
class Walker:
    """An issue of the usual three colours.

    Parameters
    ----------
    span : (amount, unit) of the category
    severity : int
    recurs : bool
    """

    found: datetime
    span: tuple[int, str]
    severity: int
    recurs: bool
    holidays: frozenset[Any]
    makeup: frozenset[Any]
    colour: str = ""
    state: str = "carded"
    rework: int = 0
    until: datetime | None = None
    clocks: list[Countdown] = field(default_factory=list)
    told: list[tuple[datetime, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._card("yellow" if self.recurs else "white", self.found)
        self.told.append((self.found, "carded"))

    def walk(self, actions: Sequence[tuple[datetime, str, Any]], now: datetime) -> None:
        """From the finding to now; actions at a moment come before what is missed at that moment."""
        moment, left = self.found, list(actions)
        while True:
            if self.state == "suspended" and self.until == moment:
                self._resume(moment)
            while left and left[0][0] == moment:
                _, action, fact = left.pop(0)
                self._do(moment, action, fact)
            if moment >= now:
                return
            self._missed(moment)
            moment += MINUTE
            if self.state == "carded":
                for clock in self.clocks:
                    clock.pass_minute(moment, self.holidays, self.makeup)

    def deadline(self, now: datetime) -> datetime:
        """When the present countdowns will be empty, if nothing happens meanwhile."""
        moment, clocks = now, [Countdown(**vars(clock)) for clock in self.clocks]
        while any(clock.left > 0 for clock in clocks):
            moment += MINUTE
            for clock in clocks:
                clock.pass_minute(moment, self.holidays, self.makeup)
        return moment

    def _missed(self, moment: datetime) -> None:
        if self.state != "carded" or any(clock.left > 0 for clock in self.clocks) or self.colour == "red":
            return
        self._card("red" if self.colour == "yellow" or self.severity == 3 else "yellow", moment)
        self.told.append((moment, "raised"))

    def _card(self, colour: str, moment: datetime) -> None:
        amount, unit = self.span
        hours = {"wd": 8 * 60, "wh": 60, "min": 1}[unit] * amount
        self.colour = colour
        if colour == "white":
            self.clocks = [Countdown(unit, hours if unit == "wh" else amount, moment)]
        elif colour == "yellow":
            half = -(-amount * 8 // 2) * 60 if unit == "wd" else -(-amount // 2) * (60 if unit == "wh" else 1)
            self.clocks = [
                Countdown("min" if unit == "min" else "wh", half, moment),
                Countdown("wh", 240, moment),
            ]
        else:
            self.clocks = [Countdown("wd", 1, moment)]

    def _do(self, moment: datetime, action: str, fact: Any) -> None:
        if action == "report" and self.state == "carded":
            self.state = "reported_fixed"
            self.told.append((moment, "reported_fixed"))
        elif action == "pass" and self.state == "reported_fixed":
            self.state = "rechecked"
            self.told.append((moment, "rechecked"))
        elif action == "close" and self.state == "rechecked":
            self.state = "closed"
            self.told.append((moment, "closed"))
        elif action == "fail" and self.state == "reported_fixed":
            self.state, self.rework = "carded", self.rework + 1
            self.told.append((moment, "failed"))
            before = self.colour
            levels = ["white", "yellow", "red"]
            reached = max(levels.index(before), 1 if self.rework == 1 else 2)
            self._card(levels[reached], moment)
            if levels[reached] != before:
                self.told.append((moment, "raised"))
        elif action == "suspend" and self.state == "carded" and fact > moment:
            self._suspend(moment, fact)
        elif action == "resume" and self.state == "suspended":
            self._resume(moment)

    def _suspend(self, moment: datetime, until: datetime) -> None:
        ends, minutes = moment, 0
        real = len(self.clocks) == 1 and self.clocks[0].kind == "min"
        if any(clock.left > 0 for clock in self.clocks):
            last = self.deadline(moment)
            while ends < last:
                minutes += real or works(ends, self.holidays, self.makeup)
                ends += MINUTE
        self.clocks = [Countdown("min" if real else "wh", minutes, moment)]
        self.state, self.until = "suspended", until
        self.told.append((moment, "suspended"))

    def _resume(self, moment: datetime) -> None:
        self.state, self.until = "carded", None
        self.told.append((moment, "resumed"))
