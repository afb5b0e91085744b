"""Editing a plan of a whole city: all places at once beside a timetable for each place.

    python tests/bench/bench_route_edits.py

300 sites with two tasks each and 18 teams on bicycles, filled until nothing fits. Both ways of looking
for a place take turns in one run and must find the same travel; then the edits of the page.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np

from geo.route_check import check
from geo.route_edits import Locks, drop_team, freeze, insert, move, remove
from geo.route_reasons import reasons, unvisited
from geo.route_times import timetable, timetables
from geo.routes import Problem, Routes

SITES, TEAMS, SIDE_M, METRES_PER_S = 300, 18, 12_000.0, 3.0


def office() -> Problem:
    """Sites all over a square, half of the tasks with a window that opens before 10:00."""
    rng = np.random.default_rng(20261121)
    tasks = 2 * SITES
    site = np.repeat(np.arange(SITES), 2)
    where = rng.uniform(0, SIDE_M, (SITES, 2))[site] + rng.normal(0, 100, (tasks, 2))
    depots = rng.uniform(0, SIDE_M, (TEAMS, 2))
    away = _seconds(depots, where)
    early = 28_800 + rng.integers(0, 2, tasks) * rng.integers(0, 7_200, tasks)
    return Problem(
        task_site=site,
        service_s=np.full(tasks, 600),
        early_s=early,
        late_s=early + rng.integers(3_600, 14_400, tasks),
        priority=rng.uniform(1, 99, SITES),
        required=np.zeros(SITES, bool),
        group=np.full(SITES, -1),
        travel_s=_seconds(where, where)[None],
        profile=np.zeros(TEAMS, np.int64),
        start_s=away,
        end_s=away,
        shift_s=np.tile([28_800, 43_200], (TEAMS, 1)),
        work_s=np.full(TEAMS, 14_400),
        allowed=np.ones((TEAMS, tasks), bool),
    )


def _seconds(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (np.hypot(*(a[:, None] - b[None]).transpose(2, 0, 1)) / METRES_PER_S).astype(np.int64)


def fill(problem: Problem) -> Routes:
    """The dearest site first, as long as nothing breaks."""
    routes: Routes = ((),) * problem.teams
    for site in np.argsort(-problem.priority):
        longer = insert(problem, routes, int(site))
        routes = longer if not check(problem, longer) else routes
    return routes


def by_timetables(problem: Problem, routes: Routes, site: int) -> int | None:
    """The least more travel of all places that break nothing, each one timed."""
    found = []
    for team, route in enumerate(routes):
        before = timetable(problem, team, route).travel_s
        for place in range(len(route) + 1):
            for task in np.flatnonzero(problem.task_site == site):
                table = timetable(problem, team, (*route[:place], int(task), *route[place:]))
                if not table.over_s and not any(visit.late_s for visit in table.visits):
                    found.append(table.travel_s - before)
    return min(found, default=None)


def seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def main() -> None:
    problem = office()
    routes = fill(problem)
    travel = sum(table.travel_s for table in timetables(problem, routes))
    visited = [int(problem.task_site[task]) for route in routes for task in route]
    print(f"{SITES} sites, {TEAMS} teams, {len(visited)} stops, {travel / 3600:.1f} h of travel")
    ours, peer = [], []
    for site in visited[:: len(visited) // 5][:5]:
        without = remove(problem, routes, site)
        least = sum(table.travel_s for table in timetables(problem, without))
        ours.append(seconds(lambda without=without, site=site: insert(problem, without, site)))
        peer.append(seconds(lambda without=without, site=site: by_timetables(problem, without, site)))
        total = sum(table.travel_s for table in timetables(problem, insert(problem, without, site)))
        assert total - least == by_timetables(problem, without, site)
    ratio = statistics.median(peer) / statistics.median(ours)
    print(f"insert: {1000 * statistics.median(ours):.1f} ms, {ratio:.1f} x faster than timing every place")
    left, stop = unvisited(problem, routes), visited[0]
    edits = {
        "insert where nothing fits": lambda: insert(problem, routes, left[0]),
        "move": lambda: move(problem, routes, stop, TEAMS - 1, 3),
        "drop a team": lambda: drop_team(problem, routes, 0),
        "freeze": lambda: freeze(problem, routes, Locks(frozenset([stop]), frozenset([TEAMS - 1]))),
        f"reasons of {len(left)}": lambda: reasons(problem, routes),
        "check": lambda: check(problem, routes, timetables(problem, routes)),
    }
    for name, work in edits.items():
        print(f"{name}: {1000 * statistics.median(seconds(work) for _ in range(5)):.1f} ms")


if __name__ == "__main__":
    main()
