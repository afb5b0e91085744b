"""The made-up city plays a year: a mock inspection every two weeks, what was found, and how it ended.

Everything goes the way an office goes: a draw, a mission, its results, cards, reports of the units,
re-checks, the passing of time. Chance comes from one seed, so the year is the same wherever it is
played; none of it is true of anybody.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import partial
from itertools import count
from typing import Any

import numpy as np

from geo.design import Design
from layers.ledger import Case, Ledger
from layers.missions import Mission
from layers.store import Store
from layers.synthetic import SEED

from .. import clock
from ..supervision.rulebook import RuleBook
from ..supervision.worktime import Span
from . import (
    draws,
    issue_actions,
    issue_book,
    mission_progress,
    missions,
    plaques,
    results,
    rule_books,
    sample_counts,
    tick,
)
from .bulletin_settings import settings_of
from .periods import Period, ended
from .result_rows import ResultRow

OFFICE = "创城办"
NAME = "第{number:02d}期模拟测评"
FIRST, PERIOD, ROUNDS = date(2025, 11, 10), timedelta(days=14), 26
END = datetime(2026, 11, 1, 8, 0, tzinfo=clock.SHANGHAI)
LOOKBACK_AFTER = (6, 12, 18, 24)
"""Rounds after which the sites that failed are visited again, nine days later."""
SECRET, UNANNOUNCED = "六月暗访", date(2026, 6, 23)

_FAILS, _UNSEEN, _NOT_APPLICABLE, _INSIDE_LINES = 0.16, 0.03, 0.05, 0.12
_ON_SITE, _FORGOTTEN, _NOT_PASSED, _SUSPENDED = 0.16, 0.025, 0.11, 0.3
_LONG_WD = 10
"""A deadline of so many work days and more may be put off."""

Progress = Callable[[int, int | None], None]


@dataclass(frozen=True)
class Year:
    """What the year came to: missions held, issues found by them, issues of the register taken up."""

    missions: int
    found: int
    adopted: int


def played(store: Store) -> bool:
    """Whether the year has been played in a store."""
    return any(line.name == NAME.format(number=ROUNDS) for line in missions.listing(store))


def play(store: Store, *, progress: Progress | None = None) -> Year:
    """Play the year in a store of the sample city."""
    return _Year(store).play(progress or _silent)


def _silent(_done: int, _total: int | None) -> None:
    """Nobody wants to know how far it is."""


def periods_of(store: Store) -> list[Period]:
    """The bulletin periods of the year that have ended, the earliest first."""
    settings = settings_of(rule_books.current(store, END.date()))
    last = ended(END, settings.period, settings.start)
    found = [last]
    while (before := found[-1].before()).since >= FIRST:
        found.append(before)
    return found[::-1]


class _Year:
    """The year as it goes on: a queue of what happens when."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._book = rule_books.current(store, FIRST)
        self._rng = np.random.default_rng([SEED, 7])
        self._queue: list[tuple[datetime, int, Callable[[datetime], None]]] = []
        self._order = count()
        self._pace = dict(
            zip(
                self._book.units, self._rng.lognormal(-0.15, 0.4, len(self._book.units)).tolist(), strict=True
            )
        )
        self._written = _at(FIRST, 8, 0)
        self._frame = draws.frame_now(store, Design())
        self._found = 0

    def play(self, progress: Progress) -> Year:
        self._plan_missions()
        passed = 0
        while self._queue and self._queue[0][0] < END:
            at, _, happen = heapq.heappop(self._queue)
            happen(at)
            passed = max(passed, (at.date() - FIRST).days)
            progress(passed, (END.date() - FIRST).days)
        adopted = issue_book.adopt(self._store, who=OFFICE, now=END)
        tick.tick(self._store, now=END)
        sample_counts.take(self._store, who=OFFICE, now=END)
        for period in periods_of(self._store):
            plaques.decide(self._store, period.since, period.last, now=END)
        return Year(len(missions.listing(self._store)), self._found, len(adopted))

    # -- missions ------------------------------------------------------------------------------

    def _plan_missions(self) -> None:
        for number in range(1, ROUNDS + 1):
            day = _work_day(FIRST + (number - 1) * PERIOD, self._book)
            self._at(_at(day, 8, 0), partial(self._mock, number))
            if number in LOOKBACK_AFTER:
                again = _at(_work_day(day + timedelta(days=9), self._book), 8, 30)
                self._at(again, partial(self._lookback, number))
        self._at(_at(UNANNOUNCED - timedelta(days=4), 16, 0), self._seal)
        self._at(_at(UNANNOUNCED, 8, 30), self._unannounced)

    def _mock(self, number: int, at: datetime) -> None:
        name = NAME.format(number=number)
        tick.tick(self._store, now=at)
        seed = f"沐宁 {name} {at.date()}"
        draws.run(self._store, Design(), now=at, seed=seed, name=name, frame=self._frame)
        starts = at.replace(minute=30)
        made = missions.create(self._store, name, "mock", draw=name, starts_at=starts, now=at, who=OFFICE)
        self._at(at.replace(hour=17, minute=40), lambda later: self._visit(made, later, worse=1.0))

    def _lookback(self, number: int, at: datetime) -> None:
        name = f"第{number:02d}期回头看"
        of = [NAME.format(number=number)]
        made = missions.create(self._store, name, "lookback", of=of, starts_at=at, now=at, who=OFFICE)
        self._at(at.replace(hour=17, minute=40), lambda later: self._visit(made, later, worse=0.45))

    def _seal(self, at: datetime) -> None:
        # an office leaves the seed out; the sample city must be the same everywhere
        seed = self._rng.bytes(16).hex()
        draws.run(self._store, Design(), now=at, seed=seed, name=SECRET, sealed=True, frame=self._frame)
        starts = _at(UNANNOUNCED, 8, 30)
        missions.create(self._store, SECRET, "unannounced", draw=SECRET, starts_at=starts, now=at, who=OFFICE)

    def _unannounced(self, at: datetime) -> None:
        second = "公开数 20260623"
        made = mission_progress.start(self._store, SECRET, second=second, now=at, who=OFFICE)
        self._at(at.replace(hour=17, minute=40), lambda later: self._visit(made, later, worse=1.25))

    def _visit(self, mission: Mission, at: datetime, *, worse: float) -> None:
        """A day of inspection: the rows of its sheets, and what follows from them."""
        rows: list[ResultRow] = []
        begin = mission.starts_at
        step = (at - timedelta(minutes=30) - begin) / max(len(mission.sites), 1)
        for number, site in enumerate(mission.sites):
            rows += self._rows(site, begin + number * step, worse * _better(at.date()))
        report = results.take_results(self._store, mission.name, rows, who=OFFICE, now=at).require()
        # units are told on the spot; what they did during the day is written down after the results
        self._written = at + timedelta(minutes=20)
        ledger = Ledger(self._store)
        self._found += len(report.taken_up)
        for issue in report.taken_up:
            self._follow(ledger.case(issue), at)

    def _rows(self, site: dict[str, Any], at: datetime, worse: float) -> list[ResultRow]:
        """What is seen at a site; a place has a character of its own that stays."""
        own = np.random.default_rng([SEED, *site["id"].encode()]).gamma(2.2, 1 / 2.2)
        seen = at.replace(microsecond=0)
        told = []
        for item in self._book.items.get(site["type"], ()):
            chance = min(_FAILS * own * worse, 0.6)
            kind = self._rng.random()
            row: dict[str, Any] = {"site": site["id"], "item": item.code, "at": seen, "verdict": "yes"}
            if kind < chance:
                cases = 1 + int(self._rng.geometric(0.5) - 1)
                lines = item.category == "SR01" and self._rng.random() < _INSIDE_LINES
                fixed = self._rng.random() < _ON_SITE
                row.update(verdict="no", cases=cases, inside_lines=lines, fixed_on_site=fixed and not lines)
            elif kind < chance + _UNSEEN:
                row["verdict"] = "unseen"
            elif kind < chance + _UNSEEN + _NOT_APPLICABLE:
                row["verdict"] = "na"
            told.append(ResultRow(**row))
        return told

    # -- issues --------------------------------------------------------------------------------

    def _follow(self, case: Case, now: datetime) -> None:
        """What a unit makes of a card: most mend it in time, some late, some not at all."""
        if case.state != "carded" or case.deadline is None:
            return
        span = Span.parse(self._book.categories[case.category].deadline)
        if span.unit == "wd" and span.amount >= _LONG_WD and self._rng.random() < _SUSPENDED:
            self._suspend(case, now)
            return
        if self._rng.random() < _FORGOTTEN:
            return
        allowed = max((case.deadline - case.found_at).total_seconds(), 3600.0)
        pace = self._pace.get(case.lead_unit or "", 1.0)
        spent = timedelta(seconds=allowed * pace * float(self._rng.lognormal(-0.95, 0.75)))
        self._report(case.issue, case.found_at + spent)

    def _suspend(self, case: Case, now: datetime) -> None:
        at = now + timedelta(hours=20)
        until = now + timedelta(days=int(self._rng.integers(30, 70)))
        approver = "分管副市长"
        self._act(at, case.issue, "suspend", approver=approver, until=until, note="需列入改造计划")
        self._report(case.issue, until + timedelta(days=int(self._rng.integers(1, 9))))

    def _report(self, issue: str, at: datetime) -> None:
        if at >= END:  # nobody will see it
            return
        at = self._office_hours(at)
        self._act(at, issue, "report")
        recheck = self._office_hours(at + timedelta(hours=float(self._rng.uniform(3, 40))))
        if self._rng.random() < _NOT_PASSED:
            self._act(recheck, issue, "recheck", passed=False, note="现场复核未达标")
            self._report(issue, recheck + timedelta(hours=float(self._rng.uniform(3, 30))))
        else:
            self._act(recheck, issue, "recheck", passed=True, close=True)

    def _act(self, done: datetime, issue: str, action: str, **facts: Any) -> None:
        """Something done at a moment, and written down then or at the end of a day of inspection."""
        done = done.replace(second=0, microsecond=0)

        def happen(now: datetime) -> None:
            issue_actions.act(self._store, issue, action, who=OFFICE, now=now, at=done, **facts)

        self._at(max(done, self._written), happen)

    # -- time ----------------------------------------------------------------------------------

    def _at(self, at: datetime, happen: Callable[[datetime], None]) -> None:
        heapq.heappush(self._queue, (at.replace(second=0, microsecond=0), next(self._order), happen))

    def _office_hours(self, at: datetime) -> datetime:
        """The moment itself where somebody works, else a while after the next opening."""
        calendar = self._book.calendar
        day, minutes = at.date(), at.hour * 60 + at.minute
        if calendar.is_work_day(day) and 8 * 60 <= minutes < 17 * 60 + 30:
            return at
        if minutes >= 8 * 60:
            day += timedelta(days=1)
        return _at(_work_day(day, self._book), 8, 0) + timedelta(minutes=int(self._rng.integers(5, 90)))


def _at(day: date, hour: int, minute: int) -> datetime:
    return datetime.combine(day, time(hour, minute), clock.SHANGHAI)


def _work_day(day: date, book: RuleBook) -> date:
    """The day itself or the next on which somebody works."""
    while not book.calendar.is_work_day(day):
        day += timedelta(days=1)
    return day


def _better(day: date) -> float:
    """The city gets better in the course of the year."""
    return 1.25 - 0.55 * min(max((day - FIRST).days / 365, 0.0), 1.0)
