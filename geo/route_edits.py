"""Work with a plan without solving: move, take out, put in, drop a team, lock what is agreed.

Pure functions of a problem and its routes. Nothing is refused for being late: an edited plan may break
windows and shifts; `route_times` tells its times and `route_check` all that is wrong with it.

What a lock means. A locked *stop* stays visited, by the same team, and begins at most `slack_s`
before or after the time it was agreed for, inside its window; its neighbours may change, and so may
the end by which an alley is entered. A locked *team* keeps its route to the second.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .errors import NotFoundError
from .route_places import fits, places
from .route_times import timetable
from .routes import NO_WAY_S, Problem, Routes

Ints = NDArray[np.int64]

AGREED_S = 600
"""By how much a locked stop may begin earlier or later than agreed: the ten minutes people allow anyway."""


@dataclass(frozen=True)
class Locks:
    """What is agreed: sites whose stops stay, and teams whose whole routes stay."""

    sites: frozenset[int] = frozenset()
    teams: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Frozen:
    """What is left to solve under locks, and the way back.

    Parameters
    ----------
    problem : Problem
        Without the locked teams, their sites and the alternatives of these; locked stops narrowed.
    sites, tasks, teams : (n,) int
        The numbers that its sites, tasks and teams have in the whole problem.
    kept : Routes
        The routes of the locked teams in the whole problem; empty for the others.
    """

    problem: Problem
    sites: Ints
    tasks: Ints
    teams: Ints
    kept: Routes

    def inner(self, routes: Routes) -> Routes:
        """Routes of the whole problem as routes of the smaller one: where a solver may start.

        Without the stops that stand for a site of a locked team already (an alternative put in by hand).
        """
        number = {int(task): index for index, task in enumerate(self.tasks)}
        return tuple(tuple(number[task] for task in routes[team] if task in number) for team in self.teams)

    def join(self, routes: Routes) -> Routes:
        """Routes of the smaller problem put together with the locked ones."""
        whole = list(self.kept)
        for team, route in zip(self.teams, routes, strict=True):
            whole[team] = tuple(int(self.tasks[task]) for task in route)
        return tuple(whole)


def remove(problem: Problem, routes: Routes, site: int) -> Routes:
    """The routes without a site; the same routes when none visits it."""
    return tuple(tuple(task for task in route if problem.task_site[task] != site) for route in routes)


def move(
    problem: Problem, routes: Routes, site: int, team: int, position: int, keep_task: int | None = None
) -> Routes:
    """A site as stop `position` of a team, wherever it was before.

    Parameters
    ----------
    position : int
        From 0, counted in the route without the site; beyond its end: last.
    keep_task : int, optional
        The task to do. Without it the one that the team may do, then that makes the least late, then
        with the least travel.

    Raises
    ------
    NotFoundError
        `site_no_task`: the site cannot be done at all, or not by `keep_task`.
    """
    return _put(problem, remove(problem, routes, site), site, (team,), position, keep_task)


def insert(
    problem: Problem,
    routes: Routes,
    site: int,
    team: int | None = None,
    position: int | None = None,
    *,
    forced: bool = True,
) -> Routes:
    """A site where it costs the least travel and breaks nothing, else where it makes the least late.

    Parameters
    ----------
    team, position : int, optional
        Only that team; only that place (of the team, or of every team).
    forced : bool
        False: without a place that breaks nothing it is left out.

    Raises
    ------
    NotFoundError
        `site_no_task`, and `no_team` when there is nobody to visit it.

    Notes
    -----
    Whether an alternative of it is visited is not asked: whoever adds a site by hand wants that site.
    """
    if not problem.teams:
        raise NotFoundError(f"site {site} cannot be added: there is no team", code="no_team", site=site)
    without = remove(problem, routes, site)
    teams = range(problem.teams) if team is None else (team,)
    if position is None:
        added = _cheapest(problem, without, site, teams)
        if added is not None or not forced:
            return added or without
    return _put(problem, without, site, teams, position, None)


def drop_team(
    problem: Problem, routes: Routes, team: int, *, reinsert: bool = True
) -> tuple[Routes, tuple[int, ...]]:
    """A team stays at home: its route is emptied, its stops go to the others where they fit.

    Parameters
    ----------
    reinsert : bool
        Whether to look for places: required sites first, then by priority, each in the place with the
        least more travel that breaks nothing. False: all are left.

    Returns
    -------
    Routes, and the sites that are visited by nobody now, in the order of the route.
    """
    sites = [int(problem.task_site[task]) for task in routes[team]]
    changed = tuple(() if index == team else route for index, route in enumerate(routes))
    if not reinsert:
        return changed, tuple(sites)
    others = [index for index in range(problem.teams) if index != team]
    placed = set()
    for site in sorted(
        set(sites), key=lambda site: (-int(problem.required[site]), -int(problem.points[site]), site)
    ):
        if _alternative_visited(problem, changed, site):
            continue
        added = _cheapest(problem, changed, site, others)
        if added is not None:
            changed = added
            placed.add(site)
    return changed, tuple(site for site in dict.fromkeys(sites) if site not in placed)


def freeze(problem: Problem, routes: Routes, locks: Locks, *, slack_s: int = AGREED_S) -> Frozen:
    """What is left to solve when some stops and teams are agreed.

    Parameters
    ----------
    routes : Routes
        The plan that was agreed; its timetable gives the agreed times.
    locks : Locks
        A site on the route of a locked team is locked with it.
    slack_s : int
        How far a locked stop may move, 0 or more.

    Returns
    -------
    Frozen. A locked stop is required; only its team may do it, as the plan does even where skills
    or windows said otherwise; sites of its group are for nobody. `routes` of a plan that breaks
    nothing break nothing in it, and keep their times.

    Raises
    ------
    NotFoundError
        `lock_unvisited`: a locked site that no route visits.
    """
    place = {
        int(problem.task_site[task]): (team, i) for team, r in enumerate(routes) for i, task in enumerate(r)
    }
    missing = sorted(locks.sites - place.keys())
    if missing:
        raise NotFoundError(
            f"site {missing[0]} is locked, but no team visits it ({len(missing)} such sites);"
            " put it into a route or take its lock away",
            code="lock_unvisited", site=missing[0], count=len(missing),
        )  # fmt: skip
    early, late = problem.early_s.copy(), problem.late_s.copy()
    allowed, required = problem.allowed.copy(), problem.required.copy()
    for site in sorted(locks.sites):
        team, index = place[site]
        visit = timetable(problem, team, routes[team]).visits[index]
        mine = problem.task_site == site
        early[mine] = np.maximum(early[mine], visit.begin_s - slack_s)
        late[mine] = np.minimum(late[mine], visit.begin_s + slack_s)
        late[visit.task] = max(int(late[visit.task]), visit.begin_s)  # agreed though late
        allowed[np.arange(problem.teams) != team, :] &= ~mine
        rivals = [other for other in _alternatives(problem, site) if other not in locks.sites]
        allowed[:, np.isin(problem.task_site, rivals)] = False
        allowed[team, visit.task] = True
        required[site] = True
    narrowed = replace(problem, early_s=early, late_s=late, allowed=allowed, required=required)
    gone = {int(problem.task_site[task]) for team in locks.teams for task in routes[team]}
    gone |= {int(other) for site in gone for other in _alternatives(problem, site)}
    kept = tuple(route if team in locks.teams else () for team, route in enumerate(routes))
    return _part(narrowed, gone, locks.teams, kept)


def _part(problem: Problem, gone: Collection[int], away: Collection[int], kept: Routes) -> Frozen:
    """The problem without some sites and teams."""
    sites = np.array([site for site in range(problem.sites) if site not in gone], np.int64)
    teams = np.array([team for team in range(problem.teams) if team not in away], np.int64)
    tasks = np.flatnonzero(np.isin(problem.task_site, sites))
    return Frozen(
        Problem(
            task_site=np.searchsorted(sites, problem.task_site[tasks]),
            service_s=problem.service_s[tasks],
            early_s=problem.early_s[tasks],
            late_s=problem.late_s[tasks],
            priority=problem.priority[sites],
            required=problem.required[sites],
            group=problem.group[sites],
            travel_s=problem.travel_s[:, tasks[:, None], tasks],
            profile=problem.profile[teams],
            start_s=problem.start_s[teams[:, None], tasks],
            end_s=problem.end_s[teams[:, None], tasks],
            shift_s=problem.shift_s[teams],
            work_s=problem.work_s[teams],
            allowed=problem.allowed[teams[:, None], tasks],
        ),
        sites,
        tasks,
        teams,
        kept,
    )


def _alternatives(problem: Problem, site: int) -> Ints:
    """The other sites of its group."""
    group = problem.group[site]
    others = (problem.group == group) & (np.arange(problem.sites) != site)
    return np.flatnonzero(others & (group >= 0))


def _alternative_visited(problem: Problem, routes: Routes, site: int) -> bool:
    others = set(_alternatives(problem, site).tolist())
    return any(int(problem.task_site[task]) in others for route in routes for task in route)


def _tasks(problem: Problem, site: int, keep_task: int | None = None) -> list[int]:
    tasks = [int(task) for task in np.flatnonzero(problem.task_site == site) if keep_task in (None, task)]
    if not tasks:
        raise NotFoundError(
            f"site {site} cannot be put into a route: it has no window, or not the one asked for",
            code="site_no_task", site=site,
        )  # fmt: skip
    return tasks


def _cheapest(problem: Problem, routes: Routes, site: int, teams: Iterable[int]) -> Routes | None:
    """With the site where it costs the least travel and every rule is kept; None: nowhere."""
    where = places(problem, routes)
    mine = np.isin(where.team, list(teams))
    best: tuple[int, int, int] | None = None
    for task in _tasks(problem, site):
        found = fits(problem, where, task)
        for place in np.flatnonzero(found.feasible & mine):
            candidate = (int(found.travel_s[place]), int(place), task)
            best = candidate if best is None else min(best, candidate)
    if best is None:
        return None
    _, index, task = best
    return _with(routes, int(where.team[index]), int(where.first[index]), task)


def _put(
    problem: Problem,
    routes: Routes,
    site: int,
    teams: Iterable[int],
    position: int | None,
    keep_task: int | None,
) -> Routes:
    """With the site where it breaks the least: rules first, then seconds late, then travel."""
    best: tuple[tuple[int, ...], tuple[int, int, int]] | None = None
    for team in teams:
        held = len(routes[team])
        before = _cost(problem, team, routes[team])
        positions = range(held + 1) if position is None else (min(max(position, 0), held),)
        for place in positions:
            for task in _tasks(problem, site, keep_task):
                after = _cost(problem, team, _with(routes, team, place, task)[team])
                more = tuple(a - b for a, b in zip(after, before, strict=True))
                best = min(best or (more, (team, place, task)), (more, (team, place, task)))
    if best is None:
        raise NotFoundError(f"site {site} cannot be added: there is no team", code="no_team", site=site)
    return _with(routes, *best[1])


def _with(routes: Routes, team: int, position: int, task: int) -> Routes:
    route = (*routes[team][:position], task, *routes[team][position:])
    return (*routes[:team], route, *routes[team + 1 :])


def _cost(problem: Problem, team: int, route: tuple[int, ...]) -> tuple[int, int, int]:
    """Tasks it may not do and ways there are not; seconds late and over; travel."""
    table = timetable(problem, team, route)
    banned = sum(not problem.allowed[team, task] for task in route)
    way = problem.travel_s[problem.profile[team], route[:-1], route[1:]]
    blocked = int((way >= NO_WAY_S).sum())
    if route:
        blocked += int(problem.start_s[team, route[0]] >= NO_WAY_S) + int(
            problem.end_s[team, route[-1]] >= NO_WAY_S
        )
    late = sum(visit.late_s for visit in table.visits) + table.over_s
    return banned + blocked, late, table.travel_s
