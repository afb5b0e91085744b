"""Routing problems small enough to try every plan, and trying every plan."""

from itertools import pairwise, permutations, product

import numpy as np

from geo.routes import NO_WAY_S, Problem

LAST = 40
"""The day of these problems has 40 seconds."""


def problem(**changes):
    """Two teams and three sites on a line at 2, 5, 9, starting at 0; all may be done all day."""
    at = np.array([2, 5, 9])
    parts = {
        "task_site": np.arange(3),
        "service_s": np.full(3, 3),
        "early_s": np.zeros(3, np.int64),
        "late_s": np.full(3, LAST),
        "priority": np.array([1.0, 1.0, 1.0]),
        "required": np.zeros(3, bool),
        "group": np.full(3, -1),
        "travel_s": abs(at[:, None] - at[None])[None],
        "profile": np.zeros(2, np.int64),
        "start_s": np.tile(at, (2, 1)),
        "end_s": np.tile(at, (2, 1)),
        "shift_s": np.tile([0, LAST], (2, 1)),
        "work_s": np.full(2, LAST),
        "allowed": np.ones((2, 3), bool),
    }
    parts.update(changes)
    return Problem(**parts)


def random_problem(seed, *, tasks=5):
    """Everything at once: windows, several tasks of a site, groups, required sites, skills, open ends, no way."""
    random = np.random.default_rng(seed)
    sites = int(random.integers(2, tasks + 1))
    task_site = np.concatenate([np.arange(sites), random.integers(0, sites, tasks - sites)])
    xy = random.uniform(0, 10, (tasks, 2))
    start = random.uniform(0, 10, (2, 2))
    travel = np.stack(
        [np.rint(np.linalg.norm(xy[:, None] - xy[None], axis=2) * speed).astype(int) for speed in (1, 1.6)]
    )
    travel += random.integers(0, 3, travel.shape)  # one way is longer than the other
    travel[:, random.random((tasks, tasks)) < 0.1] = NO_WAY_S
    to = np.rint(np.linalg.norm(start[:, None] - xy[None], axis=2)).astype(int)
    end = np.where(random.random(2)[:, None] < 0.4, 0, to)
    to[random.random(to.shape) < 0.1] = NO_WAY_S
    early = random.integers(0, 25, tasks)
    return Problem(
        task_site=task_site,
        service_s=random.integers(1, 7, tasks),
        early_s=np.where(random.random(tasks) < 0.5, 0, early),
        late_s=np.where(random.random(tasks) < 0.5, LAST, early + random.integers(-1, 12, tasks)),
        priority=random.choice([0.0, 1.0, 2.0, 3.5], sites),
        required=random.random(sites) < 0.3,
        group=random.choice([-1, -1, 0, 1], sites),
        travel_s=travel,
        profile=random.integers(0, 2, 2),
        start_s=to,
        end_s=end,
        shift_s=np.array([[0, int(random.integers(10, LAST))], [int(random.integers(0, 12)), LAST]]),
        work_s=random.integers(8, LAST, 2),
        allowed=random.random((2, tasks)) < 0.85,
    )


def least_work(p, team, route):
    """Least working time over every departure, or None: by trying each second of the shift."""
    if not route:
        return 0
    first, last = p.shift_s[team]
    best = None
    for depart in range(first, last + 1):
        now = depart + p.start_s[team, route[0]]
        for index, task in enumerate(route):
            if not p.allowed[team, task] or now > p.late_s[task] or p.late_s[task] < p.early_s[task]:
                break
            now = max(now, p.early_s[task]) + p.service_s[task]
            following = route[index + 1] if index + 1 < len(route) else None
            now += p.end_s[team, task] if following is None else p.travel_s[p.profile[team], task, following]
        else:
            if now <= last and now - depart <= p.work_s[team] and (best is None or now - depart < best):
                best = now - depart
    return None if best is None else int(best)


def travel(p, team, route):
    if not route:
        return 0
    between = sum(p.travel_s[p.profile[team], a, b] for a, b in pairwise(route))
    return int(p.start_s[team, route[0]] + between + p.end_s[team, route[-1]])


def every_route(p, team):
    """Each route the team can do, with its travel."""
    for size in range(p.tasks + 1):
        for route in permutations(range(p.tasks), size):
            if least_work(p, team, route) is not None:
                yield route, travel(p, team, route)


def plan_key(p, routes):
    """(required, points, -travel) of routes, or None where they break a rule."""
    sites = [int(p.task_site[task]) for route in routes for task in route]
    groups = [int(p.group[s]) for s in sites if p.group[s] >= 0]
    if len(set(sites)) < len(sites) or len(set(groups)) < len(groups):
        return None
    if any(least_work(p, team, route) is None for team, route in enumerate(routes)):
        return None
    required = sum(bool(p.required[s]) for s in sites)
    ways = sum(travel(p, team, route) for team, route in enumerate(routes))
    return required, sum(int(p.points[s]) for s in sites), -ways


def best_key(p):
    """The key of the best of all plans."""
    least = []
    for team in range(p.teams):
        ways = {}
        for route, way in every_route(p, team):
            done = frozenset(route)
            ways[done] = min(way, ways.get(done, way))
        least.append(ways)
    best = None
    for (one, way), (two, other) in product(least[0].items(), least[1].items()):
        sites = [int(p.task_site[task]) for task in (*one, *two)]
        groups = [int(p.group[s]) for s in sites if p.group[s] >= 0]
        if len(set(sites)) < len(sites) or len(set(groups)) < len(groups):
            continue
        key = (sum(bool(p.required[s]) for s in sites), sum(int(p.points[s]) for s in sites), -way - other)
        best = key if best is None else max(best, key)
    return best
