"""Routing problems for property tests: small, odd, and often impossible.

Times are tiny (a day of about a hundred seconds), so every departure and every order can be gone
through. Windows that never open, parts without a way, shifts shorter than any visit, groups, teams
that may not do a task, open ends, asymmetric ways, no sites, no teams: all of them occur.
"""

import itertools

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from geo.routes import NO_WAY_S, Problem

DAY_S = 100

UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""A property holds on a slow machine, too."""


def make_problem(
    *, travel, start, end, service, early, late, shift, work=None, task_site=None, priority=None, required=None,
    group=None, profile=None, allowed=None,
):  # fmt: skip
    """A problem from plain lists; by default a task per site, everyone may do all, work as long as the shift."""
    tasks, teams = len(service), len(shift)
    task_site = list(range(tasks)) if task_site is None else task_site
    sites = max(task_site, default=-1) + 1 if priority is None else len(priority)
    shift_s = np.array(shift, np.int64).reshape(teams, 2)
    travel_s = np.array(travel, np.int64)
    return Problem(
        task_site=np.array(task_site, np.int64),
        service_s=np.array(service, np.int64),
        early_s=np.array(early, np.int64),
        late_s=np.array(late, np.int64),
        priority=np.array([1.0] * sites if priority is None else priority, np.float64),
        required=np.array([False] * sites if required is None else required, bool),
        group=np.array([-1] * sites if group is None else group, np.int64),
        travel_s=travel_s if travel_s.ndim == 3 else travel_s.reshape(1, tasks, tasks),
        profile=np.array([0] * teams if profile is None else profile, np.int64),
        start_s=np.array(start, np.int64).reshape(teams, tasks),
        end_s=np.array(end, np.int64).reshape(teams, tasks),
        shift_s=shift_s,
        work_s=shift_s[:, 1] - shift_s[:, 0] if work is None else np.array(work, np.int64),
        allowed=np.ones((teams, tasks), bool)
        if allowed is None
        else np.array(allowed, bool).reshape(teams, tasks),
    )


def on_a_line(places, *, teams, shift, start=0, service=10, early=None, late=None, **more):
    """Sites at whole places of a line, a second for each step; teams start and end at `start`."""
    n = len(places)
    away = [[abs(place - start) for place in places]] * teams
    return make_problem(
        travel=[[abs(a - b) for b in places] for a in places],
        start=away,
        end=away,
        service=[service] * n if isinstance(service, int) else service,
        early=[0] * n if early is None else early,
        late=[1000] * n if late is None else late,
        shift=[shift] * teams,
        **more,
    )


@st.composite
def problems(draw, max_sites=5, max_teams=3, min_sites=0, min_teams=0, metric=False, easy=False):
    """Any problem. `metric`: no detour is a short cut. `easy`: what one meets is mostly possible."""
    sites = draw(st.integers(min_sites, max_sites))
    teams = draw(st.integers(min_teams, max_teams))
    task_site = [site for site in range(sites) for _ in range(draw(st.integers(1, 2)))]
    tasks = len(task_site)
    profiles = draw(st.integers(1, 2))
    few = st.lists(st.integers(0, 20), min_size=tasks, max_size=tasks)
    near = st.lists(st.integers(0, 8), min_size=tasks, max_size=tasks)
    early, late = [], []
    for _ in range(tasks):
        kind = draw(
            st.sampled_from(["open", "open", "window", "window"] + ([] if easy else ["never", "past"]))
        )
        opens = draw(st.integers(0, DAY_S // 2))
        closes = {
            "open": DAY_S * 2,
            "window": opens + draw(st.integers(0, 40)),
            "never": opens - draw(st.integers(1, 30)),
            "past": 0,
        }[kind]
        early.append(0 if kind in ("open", "past") else opens)
        late.append(closes)
    starts = [draw(st.integers(0, 20)) for _ in range(teams)]
    lengths = [draw(st.integers(DAY_S // 2 if easy else 0, DAY_S)) for _ in range(teams)]
    open_end = [draw(st.booleans()) for _ in range(teams)]
    if metric:
        east, north = draw(near), draw(near)
        depot = [(draw(st.integers(0, 8)), draw(st.integers(0, 8))) for _ in range(teams)]
        flat = [[abs(a - c) + abs(b - d) for c, d in zip(east, north, strict=True)] for a, b in zip(east, north, strict=True)]  # fmt: skip
        travel = np.array([flat, (np.array(flat).reshape(tasks, tasks) * 2).tolist()][:profiles]).reshape(
            profiles, tasks, tasks
        )
        profile = [draw(st.integers(0, profiles - 1)) for _ in range(teams)]
        start = [
            [(abs(a - x) + abs(b - y)) * (1 + p) for a, b in zip(east, north, strict=True)]
            for (x, y), p in zip(depot, profile, strict=True)
        ]
        end = [[0] * tasks if free else row for row, free in zip(start, open_end, strict=True)]
    else:
        way = st.sampled_from([*range(0, 25), NO_WAY_S])
        row = st.lists(way, min_size=tasks, max_size=tasks)
        travel = np.array([[draw(row) for _ in range(tasks)] for _ in range(profiles)]).reshape(
            profiles, tasks, tasks
        )
        profile = [draw(st.integers(0, profiles - 1)) for _ in range(teams)]
        start = [draw(row) for _ in range(teams)]
        end = [[0] * tasks if free else draw(row) for free in open_end]
    may = st.lists(st.sampled_from([True, True, True, False]), min_size=tasks, max_size=tasks)
    return make_problem(
        travel=travel,
        start=start,
        end=end,
        service=draw(few),
        early=early,
        late=late,
        shift=[(first, first + length) for first, length in zip(starts, lengths, strict=True)],
        work=[
            draw(st.integers(length // 2, length)) if draw(st.booleans()) else length for length in lengths
        ],
        task_site=task_site,
        priority=[float(draw(st.integers(0, 9))) for _ in range(sites)],
        required=[draw(st.sampled_from([False, False, True])) for _ in range(sites)],
        group=[draw(st.sampled_from([-1, -1, -1, 0, 1])) for _ in range(sites)],
        profile=profile,
        allowed=[draw(may) for _ in range(teams)],
    )


@st.composite
def problems_and_routes(draw, clean=False, **how):
    """A problem and routes in it, mostly late or forbidden; `clean`: no site and no group twice."""
    problem = draw(problems(**how))
    order = draw(st.permutations(range(problem.tasks)))
    routes = [[] for _ in range(problem.teams)]
    sites, groups = set(), set()
    for task in order if problem.teams else ():
        site = int(problem.task_site[task])
        group = int(problem.group[site])
        if site in sites or (clean and group in groups) or draw(st.sampled_from([False, False, True])):
            continue
        sites.add(site)
        groups |= {group} - {-1}
        routes[draw(st.integers(0, problem.teams - 1))].append(task)
    return problem, tuple(tuple(route) for route in routes)


@st.composite
def plans(draw, fill=3, **how):
    """A problem and a plan that keeps every rule, with room left or, mostly, none for some sites.

    `fill`: of each four tasks that could be added, how many are.
    """
    problem = draw(problems(**({"easy": True, "metric": True, "min_teams": 1} | how)))
    routes = [()] * problem.teams
    sites, groups = set(), set()
    for task in draw(st.permutations(range(problem.tasks))):
        site = int(problem.task_site[task])
        group = int(problem.group[site])
        if site in sites or group in groups or draw(st.integers(0, 3)) >= fill:
            continue
        team = draw(st.integers(0, problem.teams - 1))
        for position in range(len(routes[team]) + 1):
            longer = (*routes[team][:position], task, *routes[team][position:])
            if can_be_done(problem, team, longer):
                routes[team] = longer
                sites.add(site)
                groups |= {group} - {-1}
                break
    return problem, tuple(routes)


def simulate(problem, team, route, depart):
    """(begin of each task, back) when leaving at a second; written anew, on purpose."""
    begins, now, before = [], depart, None
    for task in route:
        profile = problem.profile[team]
        hop = problem.start_s[team, task] if before is None else problem.travel_s[profile, before, task]
        begins.append(int(max(now + hop, problem.early_s[task])))
        now, before = begins[-1] + problem.service_s[task], task
    return begins, int(now + (0 if before is None else problem.end_s[team, before]))


def can_be_done(problem, team, route):
    """Whether some departure, of all there are, keeps every rule; goes through them one by one."""
    if not route:
        return True
    if not all(problem.allowed[team, task] for task in route):
        return False
    first, last = (int(moment) for moment in problem.shift_s[team])
    for depart in range(first, last + 1):
        begins, back = simulate(problem, team, route, depart)
        in_time = all(begin <= problem.late_s[task] for begin, task in zip(begins, route, strict=True))
        if in_time and back <= last and back - depart <= problem.work_s[team]:
            return True
    return False


def all_routes(problem, sites):
    """Every order of tasks that visits exactly these sites, once each."""
    tasks = [[t for t in range(problem.tasks) if problem.task_site[t] == site] for site in sites]
    for chosen in itertools.product(*tasks):
        yield from itertools.permutations(chosen)
