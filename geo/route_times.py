"""When does a team arrive? The timetable of a route, and what can be known of it in one step.

A team leaves its start at the moment that makes its working time shortest, and of those at the
earliest, begins each task when it arrives or when the window opens, and is never early back. A late
arrival is kept and told: an edited plan may be late, a solved one never is.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from .routes import Problem, Routes, Score


@dataclass(frozen=True)
class Visit:
    """One task of a timetable, in seconds of the day.

    `slack_s`: how much later it may begin without making itself, anything behind it or the team's
    day late; 0 when one of these is late already. `late_s`: by how much it begins after its
    window's last moment.
    """

    task: int
    arrive_s: int
    begin_s: int
    leave_s: int
    wait_s: int
    slack_s: int
    late_s: int


@dataclass(frozen=True)
class Timetable:
    """A team's day; `depart_s` = `back_s` for a team without visits.

    `over_s`: by how much it goes beyond the shift or the working time.
    """

    depart_s: int
    back_s: int
    visits: tuple[Visit, ...]
    travel_s: int
    wait_s: int
    service_s: int
    over_s: int

    @property
    def work_s(self) -> int:
        """From start to end."""
        return self.back_s - self.depart_s


def timetable(problem: Problem, team: int, route: tuple[int, ...]) -> Timetable:
    """The times of one route; late arrivals push everything behind them."""
    first, last = (int(value) for value in problem.shift_s[team])
    if not route:
        return Timetable(first, first, (), 0, 0, 0, 0)
    ways = hops(problem, team, route)
    early = [int(problem.early_s[task]) for task in route]
    late = [int(problem.late_s[task]) for task in route]
    service = [int(problem.service_s[task]) for task in route]
    depart = _best_departure(first, ways, early, late, service)
    arrive, begin, leave = [], [], []
    now = depart
    for index in range(len(route)):
        arrive.append(now + ways[index])
        begin.append(max(arrive[-1], early[index]))
        leave.append(begin[-1] + service[index])
        now = leave[-1]
    back = now + ways[-1]
    room = min(last - back, int(problem.work_s[team]) - (back - depart))
    slack = [0] * len(route)
    later = room
    for index in reversed(range(len(route))):
        later = min(late[index] - begin[index], later)
        slack[index] = max(later, 0)
        if later >= 0:  # else something behind is late already, and no waiting makes up for that
            later += begin[index] - arrive[index]  # waiting takes up a delay of what is before it
    visits = tuple(
        Visit(task, arrive[i], begin[i], leave[i], begin[i] - arrive[i], slack[i], max(begin[i] - late[i], 0))
        for i, task in enumerate(route)
    )
    wait = sum(visit.wait_s for visit in visits)
    return Timetable(depart, back, visits, sum(ways), wait, sum(service), max(-room, 0))


def timetables(problem: Problem, routes: Routes) -> tuple[Timetable, ...]:
    """The times of every team."""
    return tuple(timetable(problem, team, route) for team, route in enumerate(routes))


def score(problem: Problem, routes: Routes) -> Score:
    """How good routes are, whatever they break."""
    tables = timetables(problem, routes)
    visited = np.unique(problem.task_site[np.array([t for route in routes for t in route], dtype=np.int64)])
    met = {
        int(problem.group[s]) if problem.group[s] >= 0 else -2 - int(s)
        for s in visited
        if problem.required[s]
    }
    return Score(
        len(met),
        int(problem.points[visited].sum()),
        sum(table.travel_s for table in tables),
        max((table.work_s for table in tables), default=0),
    )


def hops(problem: Problem, team: int, route: tuple[int, ...]) -> list[int]:
    """Travel before each task and after the last, in seconds; [0] for a team that stays."""
    if not route:
        return [0]
    travel = problem.travel_s[problem.profile[team]]
    between = [int(travel[a, b]) for a, b in pairwise(route)]
    return [int(problem.start_s[team, route[0]]), *between, int(problem.end_s[team, route[-1]])]


def _best_departure(
    first: int, hops: list[int], early: list[int], late: list[int], service: list[int]
) -> int:
    """The earliest departure of those with the least waiting, making nothing later than it must be.

    A delay d of the departure reaches a begin as max(d - w, 0), w all waiting up to there; it has to
    stay within that task's room, and beyond the whole waiting it saves nothing.
    """
    now, waited, limit = first, 0, None
    for index in range(len(early)):
        arrive = now + hops[index]
        begin = max(arrive, early[index])
        waited += begin - arrive
        room = waited + max(late[index] - begin, 0)
        limit = room if limit is None else min(limit, room)
        now = begin + service[index]
    return first + min(waited, limit or 0)
