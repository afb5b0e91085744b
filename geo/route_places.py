"""Where in the routes would a task fit, and what would it cost? All places at once, exactly.

A place is a gap between two stops or, with `runs`, the room that a run of consecutive stops takes.
A stretch of a route is summed up by four numbers that say all there is to know of its times, and two
stretches make one in a single step (Vidal, Crainic, Gendreau, Prins 2013, "A hybrid genetic algorithm
with adaptive diversity management for a large class of vehicle routing problems with time-windows",
Computers & Operations Research 40, section 4.2): how long it takes at least, the earliest and latest
start of such a shortest pass, and whether some window is missed whatever the start.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .route_times import hops
from .routes import NO_WAY_S, Problem, Routes

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

EVER_S = 10**12  # beyond any moment, small enough to be added up


@dataclass(frozen=True)
class Stretch:
    """Times of a part of a route, or of many parts (numbers or arrays alike), in seconds.

    `takes`: at least; `start`, `latest`: the earliest and latest start of a pass that takes no longer;
    `missed`: whether some window cannot be kept (or not by this team).
    """

    takes: Ints
    start: Ints
    latest: Ints
    missed: Bools


@dataclass(frozen=True)
class Places:
    """n places in routes.

    Parameters
    ----------
    team, first, after : (n,) int
        The task comes before stop `after` of the team, in place of the stops `first` to `after` - 1.
    """

    team: Ints
    first: Ints
    after: Ints
    _before: Ints  # the task before the place, -1: the team's start
    _behind: Ints  # the task behind it, -1: the team's end
    _head: Stretch
    _tail: Stretch
    _spared_s: Ints  # travel of the ways that fall away


@dataclass(frozen=True)
class Fits:
    """What becomes of a team's day with a task in each of n places.

    Parameters
    ----------
    possible : (n,) bool
        The team may do the task, there is a way, and every window of the route is kept.
    shift_over_s, work_over_s : (n,) int
        How far the day then goes beyond the shift and the working time, 0 or more.
    travel_s : (n,) int
        More travel than before; may be negative.
    """

    possible: Bools
    shift_over_s: Ints
    work_over_s: Ints
    travel_s: Ints

    @property
    def over_s(self) -> Ints:
        """(n,) what shift and working time both lack."""
        return np.maximum(self.shift_over_s, self.work_over_s)

    @property
    def feasible(self) -> Bools:
        """(n,) possible within shift and working time."""
        within: Bools = self.over_s == 0
        return self.possible & within


def places(problem: Problem, routes: Routes, *, runs: bool = False) -> Places:
    """Every gap of every route; with `runs` also every run of consecutive stops.

    In order of team, then `first`, then `after`. A route that already breaks a window, or holds what
    its team may not do, offers only the places that would mend it.
    """
    rows = [np.zeros((0, 5), np.int64)]
    heads, tails, spared = [], [], []
    for team, route in enumerate(routes):
        n = len(route)
        first, after = np.triu_indices(n + 1) if runs else (np.arange(n + 1), np.arange(n + 1))
        ends = np.array([-1, *route, -1])
        rows.append(np.column_stack([np.full(len(first), team), first, after, ends[first], ends[after + 1]]))
        ways = np.array(hops(problem, team, route), np.int64)
        head, tail = _heads(problem, team, route, ways), _tails(problem, team, route, ways)
        heads.append(head[:, first])
        tails.append(tail[:, after])
        upto = np.concatenate([[0], np.cumsum(ways)])
        spared.append(upto[after + 1] - upto[first])
    team_, first_, after_, before, behind = np.concatenate(rows).T
    none = np.zeros((4, 0), np.int64)
    return Places(
        team_,
        first_,
        after_,
        before,
        behind,
        Stretch(*np.concatenate([none, *heads], axis=1)),
        Stretch(*np.concatenate([none, *tails], axis=1)),
        np.concatenate([none[0], *spared]),
    )


def fits(problem: Problem, where: Places, task: int) -> Fits:
    """What each place would be for a task that is in none of the routes."""
    team, profile = where.team, problem.profile[where.team]
    come = np.where(
        where._before < 0, problem.start_s[team, task], problem.travel_s[profile, where._before, task]
    )
    go = np.where(
        where._behind < 0, problem.end_s[team, task], problem.travel_s[profile, task, where._behind]
    )
    day = _join(_join(where._head, _visit(problem, task), come), where._tail, go)
    possible = problem.allowed[team, task] & (come < NO_WAY_S) & (go < NO_WAY_S) & ~day.missed
    return Fits(
        possible,
        np.maximum(day.start + day.takes - problem.shift_s[team, 1], 0),
        np.maximum(day.takes - problem.work_s[team], 0),
        come + go - where._spared_s,
    )


def _join(a: Stretch, b: Stretch, hop: Ints) -> Stretch:
    """One stretch after another; once a window is missed the other numbers mean nothing."""
    lag = a.takes + hop
    wait = np.maximum(b.start - lag - a.latest, 0)
    return Stretch(
        lag + wait + b.takes,
        np.maximum(b.start - lag, a.start) - wait,
        np.minimum(b.latest - lag, a.latest),
        a.missed | b.missed | (a.start + lag > b.latest),
    )


def _visit(problem: Problem, task: int) -> Stretch:
    """One task alone; a window that never opens is missed."""
    early, late = problem.early_s[task], problem.late_s[task]
    return Stretch(problem.service_s[task], early, late, late < early)


def _stretch(start: int, latest: int) -> Stretch:
    return Stretch(np.int64(0), np.int64(start), np.int64(latest), np.False_)  # type: ignore[arg-type]


def _heads(problem: Problem, team: int, route: tuple[int, ...], ways: Ints) -> Ints:
    """(4, n + 1) the stretch from the start through the first 0, 1, ... n stops."""
    stretch = _stretch(int(problem.shift_s[team, 0]), EVER_S)
    found = [stretch]
    for index, task in enumerate(route):
        stretch = _forbid(
            _join(stretch, _visit(problem, task), ways[index]), problem, team, task, ways[index]
        )
        found.append(stretch)
    return _table(found)


def _tails(problem: Problem, team: int, route: tuple[int, ...], ways: Ints) -> Ints:
    """(4, n + 1) the stretch from stop 0, 1, ... n (the end alone) through the end."""
    stretch = _stretch(-EVER_S, EVER_S)
    found = [stretch]
    for index in reversed(range(len(route))):
        task, hop = route[index], ways[index + 1]
        stretch = _forbid(_join(_visit(problem, task), stretch, hop), problem, team, task, hop)
        found.append(stretch)
    return _table(found[::-1])


def _forbid(stretch: Stretch, problem: Problem, team: int, task: int, hop: np.int64) -> Stretch:
    """Missed, too, where the team may not do the task or has no way."""
    wrong = ~problem.allowed[team, task] | (hop >= NO_WAY_S)
    return Stretch(stretch.takes, stretch.start, stretch.latest, stretch.missed | wrong)


def _table(stretches: list[Stretch]) -> Ints:
    return np.array([(s.takes, s.start, s.latest, s.missed) for s in stretches], np.int64).T
