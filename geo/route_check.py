"""Is a plan what it says it is? A checker that shares nothing with the solvers and the timetable.

Plain loops over the words of `routes.py`, slow and obvious: who may do what, which way exists, when
a team can be where. Every fault is found and told with its numbers; nothing is repaired.

What is decided exactly: a team may leave at any second from its shift's start on. Leaving at once
makes every arrival the earliest possible, so what is late then is late always. Leaving later makes
nothing earlier and the day never longer (each second of delay is saved at the start and costs at
most one at the end), so the shortest day is that of the latest departure that delays nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .routes import NO_WAY_S, Problem, Routes

if TYPE_CHECKING:
    from .route_times import Timetable


@dataclass(frozen=True)
class Violation:
    """One thing that a plan breaks or tells falsely.

    Parameters
    ----------
    code : str
        Without timetables: `team_count`, `task_unknown`, `site_twice`, `group_twice`, `not_allowed`,
        `no_way`, `begins_late`, `beyond_shift`, `beyond_work`. Of timetables: `other_tasks`,
        `departs_early`, `departs_badly`, `begins_early`, `time_false`, `slack_false`, `late_false`.
    team : int or None
        None: the whole plan.
    index : int or None
        The place in the team's route, from 0; None: the whole route.
    facts : dict
        Whole numbers (seconds, task, site, group, team), and under `what` the name of a time.
    """

    code: str
    team: int | None = None
    index: int | None = None
    facts: dict[str, int | str] = field(default_factory=dict)


def check(
    problem: Problem, routes: Routes, timetables: tuple[Timetable, ...] | None = None
) -> tuple[Violation, ...]:
    """Everything that routes, and the timetables told of them, do wrong; empty for a valid plan.

    Parameters
    ----------
    problem : Problem
    routes : Routes
        One per team.
    timetables : one per team, optional
        What is told of the routes; checked too when given. A timetable may be honest about a late
        plan: then only the lateness itself is found.

    Notes
    -----
    Times of a route with an unknown task or without a way are not looked at: there are none.
    """
    found: list[Violation] = []
    if len(routes) != problem.teams:
        found.append(Violation("team_count", facts={"routes": len(routes), "teams": problem.teams}))
    if timetables is not None and len(timetables) != len(routes):
        found.append(Violation("other_tasks", facts={"routes": len(routes), "timetables": len(timetables)}))
    found.extend(_repeated(problem, routes))
    for team, route in enumerate(routes[: problem.teams]):
        faults = list(_unusable(problem, team, route))
        found.extend(faults)
        if any(fault.code in ("task_unknown", "no_way") for fault in faults):
            continue
        found.extend(_untimely(problem, team, route))
        if timetables is not None and team < len(timetables):
            found.extend(_false(problem, team, route, timetables[team]))
    return tuple(found)


def _repeated(problem: Problem, routes: Routes) -> Iterator[Violation]:
    """Sites visited twice, and sites of one group."""
    site_of: dict[int, tuple[int, int]] = {}
    group_of: dict[int, int] = {}
    for team, route in enumerate(routes):
        for index, task in enumerate(route):
            if not 0 <= task < problem.tasks:
                continue
            site = int(problem.task_site[task])
            group = int(problem.group[site])
            if site in site_of:
                other_team, other_index = site_of[site]
                facts = {"site": site, "other_team": other_team, "other_index": other_index}
                yield Violation("site_twice", team, index, {**facts})
                continue
            site_of[site] = (team, index)
            if group >= 0 and group in group_of:
                yield Violation(
                    "group_twice", team, index, {"site": site, "other_site": group_of[group], "group": group}
                )
            elif group >= 0:
                group_of[group] = site


def _unusable(problem: Problem, team: int, route: tuple[int, ...]) -> Iterator[Violation]:
    """Unknown tasks, tasks that the team may not do, missing ways."""
    known = True
    for index, task in enumerate(route):
        if not 0 <= task < problem.tasks:
            known = False
            yield Violation("task_unknown", team, index, {"task": task, "tasks": problem.tasks})
        elif not problem.allowed[team, task]:
            yield Violation("not_allowed", team, index, {"task": task, "site": int(problem.task_site[task])})
    if not known:
        return
    for index, seconds in enumerate(_ways(problem, team, route)):
        if seconds >= NO_WAY_S:  # of the way to the stop `index`; the last one goes to the team's end
            yield Violation("no_way", team, index, {"stops": len(route)})


def _ways(problem: Problem, team: int, route: tuple[int, ...]) -> list[int]:
    """Seconds from the start to the first stop, between stops, and from the last one to the end."""
    if not route:
        return []
    ways = [int(problem.start_s[team][route[0]])]
    for index in range(1, len(route)):
        ways.append(int(problem.travel_s[problem.profile[team]][route[index - 1]][route[index]]))
    ways.append(int(problem.end_s[team][route[-1]]))
    return ways


def _begins(problem: Problem, team: int, route: tuple[int, ...], depart: int) -> list[int]:
    """The earliest begin of each stop when the team leaves at `depart`; and, last, when it is back."""
    ways = _ways(problem, team, route)
    times = []
    now = depart
    for index, task in enumerate(route):
        now = max(now + ways[index], int(problem.early_s[task]))
        times.append(now)
        now = now + int(problem.service_s[task])
    times.append(now + ways[-1])
    return times


def _best_departure(problem: Problem, team: int, route: tuple[int, ...]) -> int:
    """The earliest departure of the shortest day among those that make nothing later than it must be."""
    first = int(problem.shift_s[team][0])
    at_once = _begins(problem, team, route, first)
    last_moments = [int(problem.late_s[task]) for task in route] + [int(problem.shift_s[team][1])]
    limits = [max(moment, must) for moment, must in zip(last_moments, at_once, strict=True)]

    def delays_nothing(depart: int) -> bool:
        times = _begins(problem, team, route, depart)
        return all(time <= limit for time, limit in zip(times, limits, strict=True))

    def day(depart: int) -> int:
        return _begins(problem, team, route, depart)[-1] - depart

    latest = first
    beyond = max(limits) + 1
    while latest + 1 < beyond:  # the latest second that still delays nothing
        middle = (latest + beyond) // 2
        if delays_nothing(middle):
            latest = middle
        else:
            beyond = middle
    shortest = day(latest)
    best = latest
    below = first - 1
    while below + 1 < best:  # the earliest second with that same day
        middle = (below + best) // 2
        if day(middle) == shortest:
            best = middle
        else:
            below = middle
    return best


def _untimely(problem: Problem, team: int, route: tuple[int, ...]) -> Iterator[Violation]:
    """What no departure can keep."""
    if not route:
        return
    first, last = int(problem.shift_s[team][0]), int(problem.shift_s[team][1])
    *begins, back = _begins(problem, team, route, first)
    for index, (task, begin) in enumerate(zip(route, begins, strict=True)):
        late = begin - int(problem.late_s[task])
        if late > 0:
            facts = {"task": task, "site": int(problem.task_site[task]), "by_s": late}
            yield Violation("begins_late", team, index, {**facts})
    if back > last:
        yield Violation("beyond_shift", team, None, {"by_s": back - last})
    depart = _best_departure(problem, team, route)
    work = _begins(problem, team, route, depart)[-1] - depart
    if work > int(problem.work_s[team]):
        yield Violation("beyond_work", team, None, {"by_s": work - int(problem.work_s[team])})


def _false(problem: Problem, team: int, route: tuple[int, ...], told: Timetable) -> Iterator[Violation]:
    """What a timetable tells that is not so; each time follows from the told one before it."""
    first = int(problem.shift_s[team][0])
    if tuple(visit.task for visit in told.visits) != tuple(route):
        yield Violation("other_tasks", team, None, {"stops": len(route), "visits": len(told.visits)})
        return
    if not route:
        zeros = [("travel_s", told.travel_s), ("wait_s", told.wait_s), ("service_s", told.service_s)]
        for what, value in [*zeros, ("over_s", told.over_s)]:
            yield from _differs(team, None, what, value, 0)
        yield from _differs(team, None, "depart_s", told.depart_s, first)
        yield from _differs(team, None, "back_s", told.back_s, first)
        return
    yield from _false_visits(problem, team, route, told)
    yield from _false_sums(problem, team, route, told)
    yield from _false_slack(problem, team, route, told)


def _false_visits(
    problem: Problem, team: int, route: tuple[int, ...], told: Timetable
) -> Iterator[Violation]:
    first = int(problem.shift_s[team][0])
    best = _best_departure(problem, team, route)
    if told.depart_s < first:
        yield Violation("departs_early", team, None, {"told": told.depart_s, "true": first})
    elif told.depart_s != best:
        yield Violation("departs_badly", team, None, {"told": told.depart_s, "true": best})
    ways = _ways(problem, team, route)
    now = told.depart_s
    for index, (task, visit) in enumerate(zip(route, told.visits, strict=True)):
        early, late = int(problem.early_s[task]), int(problem.late_s[task])
        yield from _differs(team, index, "arrive_s", visit.arrive_s, now + ways[index])
        if visit.begin_s < early:
            yield Violation("begins_early", team, index, {"told": visit.begin_s, "true": early})
        else:
            yield from _differs(team, index, "begin_s", visit.begin_s, max(visit.arrive_s, early))
        yield from _differs(team, index, "wait_s", visit.wait_s, visit.begin_s - visit.arrive_s)
        yield from _differs(
            team, index, "leave_s", visit.leave_s, visit.begin_s + int(problem.service_s[task])
        )
        if visit.late_s != max(visit.begin_s - late, 0):
            facts = {"told": visit.late_s, "true": max(visit.begin_s - late, 0)}
            yield Violation("late_false", team, index, {**facts})
        now = visit.leave_s


def _false_sums(problem: Problem, team: int, route: tuple[int, ...], told: Timetable) -> Iterator[Violation]:
    ways = _ways(problem, team, route)
    last = int(problem.shift_s[team][1])
    yield from _differs(team, None, "back_s", told.back_s, told.visits[-1].leave_s + ways[-1])
    yield from _differs(team, None, "travel_s", told.travel_s, sum(ways))
    yield from _differs(team, None, "wait_s", told.wait_s, sum(visit.wait_s for visit in told.visits))
    services = sum(int(problem.service_s[task]) for task in route)
    yield from _differs(team, None, "service_s", told.service_s, services)
    over = max(told.back_s - last, told.back_s - told.depart_s - int(problem.work_s[team]), 0)
    yield from _differs(team, None, "over_s", told.over_s, over)


def _false_slack(problem: Problem, team: int, route: tuple[int, ...], told: Timetable) -> Iterator[Violation]:
    for index, visit in enumerate(told.visits):
        if _all_in_time(problem, team, route, told, index, 0):
            enough = visit.slack_s >= 0 and _all_in_time(problem, team, route, told, index, visit.slack_s)
            more = _all_in_time(problem, team, route, told, index, visit.slack_s + 1)
            if not enough or more:
                yield Violation("slack_false", team, index, {"told": visit.slack_s, "more": int(enough)})
        elif visit.slack_s != 0:
            yield Violation("slack_false", team, index, {"told": visit.slack_s, "more": 0})


def _differs(team: int, index: int | None, what: str, told: int, true: int) -> Iterator[Violation]:
    if told != true:
        yield Violation("time_false", team, index, {"what": what, "told": told, "true": true})


def _all_in_time(
    problem: Problem, team: int, route: tuple[int, ...], told: Timetable, index: int, delay: int
) -> bool:
    """Whether nothing from a stop on is late, nor the team, when that stop begins `delay` later."""
    ways = _ways(problem, team, route)
    begin = told.visits[index].begin_s + delay
    for place in range(index, len(route)):
        if place > index:
            begin = max(begin + ways[place], int(problem.early_s[route[place]]))
        if begin > int(problem.late_s[route[place]]):
            return False
        begin = begin + int(problem.service_s[route[place]])
    back = begin + ways[-1]
    if back > int(problem.shift_s[team][1]):
        return False
    return back - told.depart_s <= int(problem.work_s[team])
