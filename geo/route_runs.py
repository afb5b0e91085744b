"""What does it cost to put a task into a route? Answered for all tasks and places at once.

A stretch of a route is three numbers: its least duration and the earliest and latest start that
keep it (Vidal, Crainic, Gendreau and Prins 2013, eq. 8-11; as in PyVRP). Two stretches join in a few
operations, so a task between the front and the back of a route is tested without walking it, and
the least duration is the working time with a free departure: the cap on it is exact.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from .routes import Bools, Ints, Problem, Routes, Score

MANY_TASKS = 1000
"""Travel between more is kept as an array only."""

NEVER = 1 << 40
"""Cost of what cannot be done."""


class Stretch(NamedTuple):
    """Some consecutive part of a route that can be done in time; seconds.

    `duration_s` is the least from its first to its last moment, waiting included, reached by
    starting at any moment from `early_s` to `late_s`.
    """

    duration_s: int
    early_s: int
    late_s: int


def join(first: Stretch, hop_s: int, second: Stretch) -> Stretch | None:
    """One stretch, `hop_s` of travel, and another; None if that is too late."""
    to_second = first.duration_s + hop_s
    if first.early_s + to_second > second.late_s:
        return None
    wait = max(second.early_s - to_second - first.late_s, 0)
    return Stretch(
        to_second + wait + second.duration_s,
        max(second.early_s - to_second, first.early_s) - wait,
        min(second.late_s - to_second, first.late_s),
    )


class Terms:
    """A problem, made ready for many questions.

    `can` (k, t): the team may do the task, and it is open at some time.
    `tasks_of`: the tasks of each site. `rivals`: for each site, those excluded with it, itself first.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.can: Bools = problem.allowed & (problem.early_s <= problem.late_s)
        self.points = problem.points
        self.tasks_of: list[list[int]] = [[] for _ in range(problem.sites)]
        for task, site in enumerate(problem.task_site.tolist()):
            self.tasks_of[site].append(task)
        members: dict[int, list[int]] = {}
        groups = problem.group.tolist()
        for site, group in enumerate(groups):
            if group >= 0:
                members.setdefault(group, []).append(site)
        self.rivals: list[list[int]] = [
            [site, *(other for other in members.get(groups[site], []) if other != site)]
            for site in range(problem.sites)
        ]
        self.stretch = [
            Stretch(*row)
            for row in np.column_stack([problem.service_s, problem.early_s, problem.late_s]).tolist()
        ]
        self.shift = [Stretch(0, *row) for row in problem.shift_s.tolist()]
        self.work_s: list[int] = problem.work_s.tolist()
        # rows of lists are read faster one by one, but take four times the memory
        self.travel: Any = problem.travel_s.tolist() if problem.tasks <= MANY_TASKS else problem.travel_s
        self.start: list[list[int]] = problem.start_s.tolist()
        self.end: list[list[int]] = problem.end_s.tolist()
        self.profile: list[int] = problem.profile.tolist()
        self.site: list[int] = problem.task_site.tolist()

    def hops(self, team: int, route: tuple[int, ...]) -> list[int]:
        """Travel before each task and after the last; [0] for an empty route."""
        if not route:
            return [0]
        travel = self.travel[self.profile[team]]
        between = [int(travel[a][b]) for a, b in pairwise(route)]
        return [self.start[team][route[0]], *between, self.end[team][route[-1]]]

    def duration(self, team: int, route: tuple[int, ...]) -> int | None:
        """Least working time of a route, or None if it cannot be done."""
        if not route:
            return 0
        if not all(self.can[team, task] for task in route):
            return None
        hops = self.hops(team, route)
        whole: Stretch | None = self.shift[team]
        for hop, task in zip(hops, route, strict=False):
            whole = join(whole, hop, self.stretch[task]) if whole is not None else None
        whole = join(whole, hops[-1], self.shift[team]) if whole is not None else None
        return whole.duration_s if whole is not None and whole.duration_s <= self.work_s[team] else None


class Run:
    """One team's route, which can be done, with what every insertion into it would cost. Never changed."""

    def __init__(self, terms: Terms, team: int, route: tuple[int, ...]) -> None:
        self.terms, self.team, self.route = terms, team, route
        self.hops = terms.hops(team, route)
        self.travel_s = sum(self.hops)

    @cached_property
    def _parts(self) -> tuple[Ints, Ints]:
        """(n + 1, 3) the stretch before each place of the route, and the one after it."""
        terms, shift = self.terms, self.terms.shift[self.team]
        fronts, backs = [shift], [shift]
        for hop, task in zip(self.hops, self.route, strict=False):
            fronts.append(_sure(join(fronts[-1], hop, terms.stretch[task])))
        for hop, task in zip(reversed(self.hops), reversed(self.route), strict=False):
            backs.append(_sure(join(terms.stretch[task], hop, backs[-1])))
        return np.array(fronts, np.int64), np.array(backs[::-1], np.int64)

    @cached_property
    def work_s(self) -> int:
        """Least working time."""
        if not self.route:
            return 0
        fronts, _ = self._parts
        last = Stretch(*fronts[-1].tolist())
        return _sure(join(last, self.hops[-1], self.terms.shift[self.team])).duration_s

    def insertions(self, tasks: Ints | slice = slice(None)) -> tuple[Bools, Ints, Ints]:
        """Every task at every place: whether it can be done, the extra travel, the extra working time.

        Returns
        -------
        three (n + 1, number of tasks) arrays; seconds.
        """
        terms, problem, team = self.terms, self.terms.problem, self.team
        front, back = (part.T[:, :, None] for part in self._parts)
        travel = problem.travel_s[problem.profile[team]]
        order = np.array(self.route, np.int64)
        into = np.vstack([problem.start_s[team][tasks][None], travel[order][:, tasks]])
        out = np.vstack([travel[:, order].T[:, tasks], problem.end_s[team][tasks][None]])
        early, late = problem.early_s[tasks], problem.late_s[tasks]
        service = problem.service_s[tasks]
        to_task = front[0] + into
        fits = front[1] + to_task <= late
        wait = np.maximum(early - to_task - front[2], 0)
        earliest = np.maximum(early - to_task, front[1]) - wait
        latest = np.minimum(late - to_task, front[2])
        to_back = to_task + wait + service + out
        fits &= earliest + to_back <= back[2]
        duration = to_back + back[0] + np.maximum(back[1] - to_back - latest, 0)
        fits &= duration <= terms.work_s[team]
        fits &= terms.can[team][tasks]
        return fits, into + out - np.array(self.hops)[:, None], duration - self.work_s

    @cached_property
    def cheapest(self) -> tuple[Ints, Ints, Ints]:
        """(t,) least cost of each task in this route, `NEVER` if it does not fit; its place; the longer work.

        The cost is extra travel plus extra working time: waiting is worth avoiding, too.
        """
        fits, extra, longer = self.insertions()
        cost = np.where(fits, extra + longer, NEVER)
        place = cost.argmin(axis=0)
        column = np.arange(cost.shape[1])
        return cost[place, column], place, longer[place, column]

    def with_task(self, task: int, place: int) -> Run:
        """The run with one task more."""
        return Run(self.terms, self.team, (*self.route[:place], task, *self.route[place:]))

    def without(self, tasks: Iterable[int]) -> Run:
        """The run without some tasks.

        Leaving out a task may break a route where the triangle inequality does not hold; then
        tasks leave from its end until it can be done.
        """
        gone = set(tasks)
        return shorten(self.terms, self.team, tuple(task for task in self.route if task not in gone))


def shorten(terms: Terms, team: int, route: tuple[int, ...]) -> Run:
    """As much of a route from its beginning as can be done."""
    while terms.duration(team, route) is None:
        route = route[:-1]
    return Run(terms, team, route)


def runs_of(terms: Terms, routes: Routes) -> list[Run]:
    """The runs of a plan, one for each team; empty ones where it has none."""
    filled = [*routes, *[()] * (terms.problem.teams - len(routes))]
    return [shorten(terms, team, tuple(route)) for team, route in enumerate(filled)]


def score_of(terms: Terms, runs: list[Run]) -> Score:
    """As `route_times.score`, from what the runs know already."""
    problem = terms.problem
    sites = [terms.site[task] for run in runs for task in run.route]
    met = {
        int(problem.group[site]) if problem.group[site] >= 0 else -2 - site
        for site in sites
        if problem.required[site]
    }
    return Score(
        len(met),
        int(terms.points[sites].sum()),
        sum(run.travel_s for run in runs),
        max((run.work_s for run in runs), default=0),
    )


def _sure(stretch: Stretch | None) -> Stretch:
    if stretch is None:
        raise AssertionError("a run was made of a route that cannot be done")
    return stretch
