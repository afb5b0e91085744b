"""Why is a site not visited? For each one the first obstacle that is true.

In this order; the first five hold for any plan, the others for the routes as they stand:

==================  =========================================================================================
`never_open`        The site has no task at all: no window. No facts.
`window_short`      Every window is shorter than the visit. `missing_s` in the longest one, of `task`.
`skills`            No team may do it (skills, mode, locks). `teams`: how many there are.
`no_way`            No team that may do it gets there and back. `teams` may do it, `there` of them get there.
`window_missed`     Going there at once, every team arrives after the window; `team` by the least, `by_s`.
`shift_short`       Even as its only visit it is too long for every team's shift or working time;
                    `missing_s` for `team`, the least: `shift_s` at the shift's end, `work_s` of the
                    working time.
`alternative`       `other`, a site of the same `group`, is visited.
`fits`              Nothing: `team` could visit it at `position` with `travel_s` more travel.
`exchange`          The plan would be better with it in place of `stops` stops from `position` of `team`.
`needs_time`        `team` could visit it at `position` if it had `missing_s` more of both: `shift_s` of
                    the shift, `work_s` of the working time. No other team or place needs less.
`worse`             Its windows leave only the place of other visits that are worth as much or more: at
                    the least `stops` stops from `position` of `team`.
==================  =========================================================================================

`exchange` and `worse` tell `priority` and `required` (0 or 1) of the site, and `lost_priority` and
`lost_required` of the stops whose place it would take. `task` is the task meant. `fits` and `exchange`
are no reasons: they say that the routes can be made better, as after an edit or a short search.

A detour that is shorter than the straight way (through an alley that is no road) could only reach a
site that going there directly does not; then the place in the routes decides, not the direct way.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .route_places import Places, fits, places
from .routes import NO_WAY_S, Problem, Routes

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Reason:
    """Why a site is not visited; `facts` as the table of this module says, seconds in whole numbers."""

    site: int
    code: str
    facts: dict[str, int | float] = field(default_factory=dict)


@dataclass(frozen=True)
class _Run:
    """All places of all teams, and what their stops are worth."""

    where: Places
    lost_required: Ints
    lost_points: Ints
    lost_priority: NDArray[np.float64]


@dataclass(frozen=True)
class _Choice:
    """The places for each task of a site, one below the other."""

    task: Ints
    place: Ints
    feasible: NDArray[np.bool_]
    possible: NDArray[np.bool_]
    shift_over_s: Ints
    work_over_s: Ints
    travel_s: Ints


def unvisited(problem: Problem, routes: Routes) -> tuple[int, ...]:
    """The sites that no route visits, in order."""
    visited = {int(problem.task_site[task]) for route in routes for task in route}
    return tuple(site for site in range(problem.sites) if site not in visited)


def reasons(problem: Problem, routes: Routes) -> tuple[Reason, ...]:
    """The reason of each unvisited site, in order of sites.

    Exact: all gaps and all runs of consecutive stops of all teams are looked at, for every task of
    the site. A route that is late or too long already takes no visit more.
    """
    left = unvisited(problem, routes)
    if not left:
        return ()
    met = {int(problem.task_site[task]) for route in routes for task in route}
    groups = {
        int(problem.group[site]): site for site in sorted(met, reverse=True) if problem.group[site] >= 0
    }
    runs = _runs(problem, routes)
    found = []
    for site in left:
        reason = _never(problem, site)
        if reason is None:
            choice = _choice(problem, runs, site)
            group = int(problem.group[site])
            if not choice.feasible.any():
                reason = _alone(problem, site)
            elif group in groups:
                reason = Reason(site, "alternative", {"other": groups[group], "group": group})
            else:
                reason = _as_it_stands(problem, runs, choice, site)
        found.append(reason)
    return tuple(found)


def _never(problem: Problem, site: int) -> Reason | None:
    """No window, none long enough, nobody who may."""
    tasks = np.flatnonzero(problem.task_site == site)
    if not len(tasks):
        return Reason(site, "never_open")
    missing = problem.early_s[tasks] - problem.late_s[tasks]
    if missing.min() > 0:
        least = int(missing.argmin())
        return Reason(site, "window_short", {"task": int(tasks[least]), "missing_s": int(missing[least])})
    if not problem.allowed[:, tasks[missing <= 0]].any():
        return Reason(site, "skills", {"teams": problem.teams})
    return None


def _alone(problem: Problem, site: int) -> Reason:
    """Why no team could visit it even with nothing else to do."""
    tasks = np.flatnonzero((problem.task_site == site) & (problem.late_s >= problem.early_s))
    team, column = np.nonzero(problem.allowed[:, tasks])
    task = tasks[column]
    come, go = problem.start_s[team, task], problem.end_s[team, task]
    there = come < NO_WAY_S
    way = there & (go < NO_WAY_S)
    if not way.any():
        return Reason(site, "no_way", {"teams": len(np.unique(team)), "there": len(np.unique(team[there]))})
    team, task, come, go = team[way], task[way], come[way], go[way]
    arrive = problem.shift_s[team, 0] + come
    late = arrive - problem.late_s[task]
    if late.min() > 0:
        least = int(late.argmin())
        facts = {"team": int(team[least]), "task": int(task[least]), "by_s": int(late[least])}
        return Reason(site, "window_missed", {**facts})
    team, task, come, go, arrive = (values[late <= 0] for values in (team, task, come, go, arrive))
    service = problem.service_s[task]
    back = np.maximum(arrive, problem.early_s[task]) + service + go
    shift = np.maximum(back - problem.shift_s[team, 1], 0)
    work = np.maximum(come + service + go - problem.work_s[team], 0)
    missing = np.maximum(shift, work)
    least = int(missing.argmin())
    return Reason(
        site,
        "shift_short",
        {
            "team": int(team[least]),
            "task": int(task[least]),
            "missing_s": int(missing[least]),
            "shift_s": int(shift[least]),
            "work_s": int(work[least]),
        },
    )


def _as_it_stands(problem: Problem, runs: _Run, choice: _Choice, site: int) -> Reason:
    """The best that the routes allow: a gap, an exchange, more time, or a loss."""
    first, after = runs.where.first[choice.place], runs.where.after[choice.place]
    gap = first == after
    free = np.flatnonzero(choice.feasible & gap)
    if len(free):
        best = free[choice.travel_s[free].argmin()]
        return Reason(site, "fits", {**_at(runs, choice, best), "travel_s": int(choice.travel_s[best])})
    able = np.flatnonzero(choice.feasible)
    lost = (runs.lost_required[choice.place[able]], runs.lost_points[choice.place[able]])
    best = able[np.lexsort((choice.travel_s[able], lost[1], lost[0]))[0]]
    place = choice.place[best]
    gain = (int(problem.required[site]), int(problem.points[site]))
    exchange = {
        **_at(runs, choice, best),
        "stops": int(after[best] - first[best]),
        "priority": float(problem.priority[site]),
        "required": gain[0],
        "lost_priority": float(runs.lost_priority[place]),
        "lost_required": int(runs.lost_required[place]),
    }
    if gain > (int(runs.lost_required[place]), int(runs.lost_points[place])):
        return Reason(site, "exchange", exchange)
    wanting = np.flatnonzero(choice.possible & gap)
    if not len(wanting):
        return Reason(site, "worse", exchange)
    missing = np.maximum(choice.shift_over_s, choice.work_over_s)[wanting]
    best = wanting[np.lexsort((choice.travel_s[wanting], missing))[0]]
    shift, work = int(choice.shift_over_s[best]), int(choice.work_over_s[best])
    facts = {"missing_s": max(shift, work), "shift_s": shift, "work_s": work}
    return Reason(site, "needs_time", {**_at(runs, choice, best), **facts})


def _at(runs: _Run, choice: _Choice, index: np.int64) -> dict[str, int | float]:
    place = choice.place[index]
    return {
        "team": int(runs.where.team[place]),
        "position": int(runs.where.first[place]),
        "task": int(choice.task[index]),
    }


def _choice(problem: Problem, runs: _Run, site: int) -> _Choice:
    tasks = np.flatnonzero(problem.task_site == site)
    found = [fits(problem, runs.where, int(task)) for task in tasks]
    count = len(runs.where.team)
    return _Choice(
        np.repeat(tasks, count),
        np.tile(np.arange(count), len(tasks)),
        np.concatenate([fit.feasible for fit in found]),
        np.concatenate([fit.possible for fit in found]),
        np.concatenate([fit.shift_over_s for fit in found]),
        np.concatenate([fit.work_over_s for fit in found]),
        np.concatenate([fit.travel_s for fit in found]),
    )


def _runs(problem: Problem, routes: Routes) -> _Run:
    """All runs with the required visits, points and priority that giving them up would lose."""
    where = places(problem, routes, runs=True)
    required, points = np.zeros(len(where.team), np.int64), np.zeros(len(where.team), np.int64)
    priority = np.zeros(len(where.team), np.float64)
    for team, route in enumerate(routes):
        sites = problem.task_site[np.array(route, np.int64)]
        mine = where.team == team
        first, after = where.first[mine], where.after[mine]
        required[mine] = _between(problem.required[sites], first, after)
        points[mine] = _between(problem.points[sites], first, after)
        priority[mine] = _between(problem.priority[sites], first, after)
    return _Run(where, required, points, priority)


def _between(values: NDArray[Any], first: Ints, after: Ints) -> NDArray[Any]:
    """Sums of `values[first:after]`."""
    upto = np.concatenate([[0], np.cumsum(values)])
    sums: NDArray[Any] = upto[after] - upto[first]
    return sums
