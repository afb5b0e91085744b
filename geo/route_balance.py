"""Even out the working times of teams, for little extra travel.

Ruin and recreate on whole plans: visits are taken out and put back where they do not take a team
beyond an aim drawn between the mean and the longest working time, and a plan is worth more the
shorter its longest working time, as long as travel stays within the bound. Working time counts from
a free departure, so a team whose school is late may leave late. What is visited stays visited.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from .route_insertion import Search
from .route_runs import NEVER, Run
from .route_times import score, timetable
from .routes import Ints, Problem, Routes

EXTRA = 0.05
"""Share of travel that may be spent on it."""

EVEN = 1.10
"""Longest over mean working time that is even enough."""

POWER = 8
"""Of the mean of working times that stands for the longest: the second longest counts a little, too."""

HEAT = 0.01
"""Share of that mean by which a worse plan may be accepted at first, on average."""

OVER = 1.0
"""What a second of travel too much weighs against a second of that mean."""

DEAR = 3
"""What a second beyond the round's aim weighs against a second of travel when a visit is placed."""


@dataclass(frozen=True)
class Evenness:
    """The working times of a plan.

    `ratio` is the longest over the mean of all teams, those without visits too; 1 without any work.
    """

    longest_s: int
    mean_s: float
    travel_s: int

    @property
    def ratio(self) -> float:
        """1 is even, the number of teams the opposite."""
        return self.longest_s / self.mean_s if self.mean_s else 1.0


def evenness(problem: Problem, routes: Routes) -> Evenness:
    """How evenly routes share the work."""
    tables = [timetable(problem, team, route) for team, route in enumerate(routes)]
    works = [table.work_s for table in tables] or [0]
    return Evenness(max(works), float(np.mean(works)), sum(table.travel_s for table in tables))


def balance(
    problem: Problem,
    routes: Routes,
    *,
    seed: int,
    rounds: int,
    extra: float = EXTRA,
    even: float = EVEN,
    frozen: Collection[int] = (),
) -> Routes:
    """Routes to the same sites with more even working times.

    Parameters
    ----------
    routes : Routes
        That break nothing.
    seed, rounds : int
        The same give the same routes; rounds of ruin and recreate in all.
    extra : float
        Travel may grow by this share, >= 0.
    even : float
        Ends where longest over mean working time is at most this.
    frozen : team numbers
        Their routes stay.

    Returns
    -------
    Routes
        With a shorter longest working time; the given ones where none was found.
    """
    inner = _only(problem, routes, frozen)
    most_travel = int(score(problem, routes).travel_s * (1 + extra))
    best, now = routes, evenness(problem, routes)
    search = Search(inner, routes, seed=seed, frozen=frozen, polished=False)
    if now.ratio <= even or not any(run.route for run in search.runs):
        return best
    for found in _evened(problem, search, most_travel, rounds):
        then = evenness(problem, found)
        if then.ratio < now.ratio and then.longest_s <= now.longest_s:
            best, now = found, then
            if now.ratio <= even:
                break
    return best


def _evened(problem: Problem, search: Search, most_travel: int, rounds: int) -> Iterator[Routes]:
    """Plans within the travel allowed, from one plan on."""
    runs = search.runs
    visits = sum(len(run.route) for run in runs)
    most_travel -= sum(timetable(problem, team, route).travel_s for team, route in search.kept.items())
    worth = _unevenness(runs, most_travel)
    for done in range(rounds):
        works = [run.work_s for run in runs if run.team not in search.frozen]
        aim = search.random.uniform(float(np.mean(works)), max(works))
        tried = search.fill(search.ruin(runs), dear=partial(_beyond, aim=aim))
        if sum(len(run.route) for run in tried) < visits:
            continue
        value = _unevenness(tried, most_travel)
        heat = HEAT * (1 - done / rounds) * worth
        if value < worth - heat * math.log(1 - search.random.random()):
            runs, worth = tried, value
            if sum(run.travel_s for run in runs) <= most_travel:
                yield search.routes_of(runs)


def _unevenness(runs: list[Run], most_travel: int) -> float:
    """A mean near the longest working time, and travel beyond the most allowed."""
    works = np.array([run.work_s for run in runs], float)
    longest = max(float(works.max()), 1.0)
    mean = longest * float(np.mean((works / longest) ** POWER)) ** (1 / POWER)
    return float(mean + OVER * max(sum(run.travel_s for run in runs) - most_travel, 0))


def _beyond(run: Run, aim: float) -> Ints:
    """(t,) what it costs on top that a task takes a team beyond the aim."""
    late = np.maximum(run.work_s + run.cheapest[2] - aim, 0)
    return np.where(run.cheapest[0] < NEVER, DEAR * late, 0).astype(np.int64)


def _only(problem: Problem, routes: Routes, frozen: Collection[int]) -> Problem:
    """The problem of visiting all that the routes that may change visit, and nothing else."""
    visited = np.zeros(problem.sites, bool)
    moving = [route for team, route in enumerate(routes) if team not in frozen]
    visited[[int(problem.task_site[task]) for route in moving for task in route]] = True
    allowed = problem.allowed & visited[problem.task_site]
    allowed[list(frozen)] = False
    return replace(
        problem,
        priority=np.zeros(problem.sites),
        required=np.ones(problem.sites, bool),
        allowed=allowed,
    )
