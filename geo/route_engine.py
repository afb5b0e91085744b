"""PyVRP on our problem: its data straight from our arrays, its answer back as routes.

Every task is a client at a location of its own (the row of a matrix is its exit, the column its
entry, so an alley may be done from either end); the tasks of a site, and of the sites of a group,
are alternatives of an exclusive group. Teams that are the same in everything are one vehicle type;
what a team may not do is out of reach for its profile.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from importlib import metadata
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import numpy as np

from .routes import Ints, Problem, Routes

BEST_SITE_S = 100_000
"""Seconds of travel the best site is worth inside the search at most; see `prizes`."""

LARGEST_PRIZE = 1 << 40
"""Sums of prizes of 100,000 tasks stay within 64 bits."""


def version() -> str | None:
    """The version of PyVRP, or None where it is not installed."""
    try:
        return metadata.version("pyvrp") if find_spec("pyvrp") is not None else None
    except metadata.PackageNotFoundError:
        return None


def prizes(problem: Problem) -> Ints:
    """(s,) what a visit is worth in seconds of travel.

    That no travel can outweigh a point takes a scale of the longest possible travel. So large a
    scale makes the search blind to travel, and its answer worse; so the best site is
    worth at most `BEST_SITE_S`, and the exact order of the goals is left to the comparison of whole
    plans. A required site is worth more than all that are not.
    """
    points = problem.points
    shift = np.minimum(problem.shift_s[:, 1] - problem.shift_s[:, 0], problem.work_s)
    best = int(points.max(initial=1))
    scale = min(int(np.maximum(shift, 0).sum()) + 1, BEST_SITE_S // best)
    must = min(int(points.sum()) + 1, LARGEST_PRIZE // scale - best)
    return (points + np.where(problem.required, must, 0)) * scale


class Translation:
    """A problem as `pyvrp.ProblemData`, and its solutions as routes."""

    def __init__(self, pyvrp: ModuleType, problem: Problem) -> None:
        self.tasks: list[int] = _usable(problem).tolist()
        self.teams = _same_teams(problem)
        self.all_teams = problem.teams
        self.pyvrp = pyvrp
        self.data = self._data(problem)

    def _data(self, problem: Problem) -> Any:
        pyvrp, tasks = self.pyvrp, np.array(self.tasks, np.int64)
        size, kinds = len(tasks), len(self.teams)
        profiles: dict[bytes, int] = {}
        matrices: list[Ints] = []
        vehicles: list[Any] = []
        far = int(np.maximum(problem.shift_s[:, 1] - problem.shift_s[:, 0], 0).max(initial=0)) + 1
        for kind, teams in enumerate(self.teams):
            team = teams[0]
            key = problem.profile[team].tobytes() + problem.allowed[team].tobytes()
            if key not in profiles:
                profiles[key] = len(matrices)
                whole = np.zeros((size + 2 * kinds, size + 2 * kinds), np.int64)
                whole[:size, :size] = problem.travel_s[problem.profile[team]][np.ix_(tasks, tasks)]
                whole[:size, :size][:, ~problem.allowed[team, tasks]] = far
                whole[size:, :size][:, ~problem.allowed[team, tasks]] = far
                np.fill_diagonal(whole, 0)
                matrices.append(whole)
            matrix = matrices[profiles[key]]
            start, end = size + 2 * kind, size + 2 * kind + 1
            matrix[start, :size] = np.where(problem.allowed[team, tasks], problem.start_s[team, tasks], far)
            matrix[:size, end] = problem.end_s[team, tasks]
            early, late = problem.shift_s[team].tolist()
            vehicles.append(
                pyvrp.VehicleType(
                    num_available=len(teams),
                    start_depot=2 * kind,
                    end_depot=2 * kind + 1,
                    tw_early=early,
                    tw_late=late,
                    shift_duration=int(problem.work_s[team]),
                    profile=profiles[key],
                )
            )
        for matrix in matrices:
            np.minimum(matrix, far, out=matrix)
        groups, group_of = self._groups(problem)
        worth = prizes(problem)
        clients = [
            pyvrp.Client(
                location=index,
                service_duration=int(problem.service_s[task]),
                tw_early=int(problem.early_s[task]),
                tw_late=int(problem.late_s[task]),
                prize=int(worth[problem.task_site[task]]),
                required=False,
                group=group_of.get(index),
            )
            for index, task in enumerate(self.tasks)
        ]
        return pyvrp.ProblemData(
            [pyvrp.Location(0, 0) for _ in range(size + 2 * kinds)],
            clients,
            [pyvrp.Depot(size + index) for index in range(2 * kinds)],
            vehicles,
            matrices,
            matrices,
            groups,
        )

    def _groups(self, problem: Problem) -> tuple[list[Any], dict[int, int]]:
        """Exclusive groups of more than one client, and the group of each client in one."""
        rivals: dict[tuple[bool, int], list[int]] = {}
        for index, task in enumerate(self.tasks):
            site = int(problem.task_site[task])
            group = int(problem.group[site])
            rivals.setdefault((group >= 0, group if group >= 0 else site), []).append(index)
        several = [clients for clients in rivals.values() if len(clients) > 1]
        groups = [self.pyvrp.ClientGroup(clients, required=False) for clients in several]
        return groups, {client: number for number, clients in enumerate(several) for client in clients}

    def routes(self, solution: Any) -> Routes:
        """A PyVRP solution as routes: of teams that are the same, the first found takes the first route."""
        routes: dict[int, tuple[int, ...]] = {}
        free = [list(teams) for teams in self.teams]
        for route in solution.routes():
            team = free[route.vehicle_type()].pop(0)
            routes[team] = tuple(self.tasks[stop.idx] for stop in route if stop.is_client())
        return tuple(routes.get(team, ()) for team in range(self.all_teams))


class Stop:
    """PyVRP's stopping criterion and its listener: ends the search and tells how far it is.

    `over` is asked at every iteration with their number; it may raise.
    """

    def __init__(self, over: Callable[[int], bool], patience: int | None) -> None:
        self.over, self.patience = over, patience
        self.iterations = self.since_best = 0
        self.best: Any = None

    def __call__(self, _: float) -> bool:
        """Whether to end."""
        if self.over(self.iterations) or (self.patience is not None and self.since_best >= self.patience):
            return True
        self.iterations += 1
        self.since_best += 1
        return False

    def on_best(self, best: Any) -> None:
        """A better plan was found."""
        self.best, self.since_best = best, 0

    def on_start(self, *_: Any) -> None:
        """Nothing to do."""

    on_end = on_iteration = on_restart = on_start


def search(
    problem: Problem,
    *,
    seed: int,
    over: Callable[[int, Callable[[], Routes | None]], bool],
    patience: int | None,
) -> tuple[Routes, int]:
    """The routes PyVRP finds, which may break rules, and its iterations.

    Parameters
    ----------
    over : callable
        Asked before each iteration with how many were made and a way to see the best routes so far
        (None: none yet); ends the search by returning True, or by raising.
    patience : int, optional
        Iterations without a better plan after which it ends.
    """
    import pyvrp  # noqa: PLC0415  (an engine is imported only where it is used)

    if not len(_usable(problem)) or not _same_teams(problem):
        return ((),) * problem.teams, 0
    table = Translation(pyvrp, problem)
    stop = Stop(
        lambda done: over(done, lambda: None if stop.best is None else table.routes(stop.best)), patience
    )
    with warnings.catch_warnings():
        # it warns when required sites cannot all be done in time: the guard decides about that
        warnings.simplefilter("ignore")
        result = pyvrp.solve(
            table.data,
            stop,
            seed=seed,
            collect_stats=False,
            display=False,
            params=pyvrp.SolveParams(ils=pyvrp.IteratedLocalSearchParams(callbacks=stop)),
        )
    return table.routes(result.best), stop.iterations


def _usable(problem: Problem) -> Ints:
    """Tasks that are open at some time and that some team may do."""
    return np.flatnonzero((problem.late_s >= problem.early_s) & problem.allowed.any(axis=0))


def _same_teams(problem: Problem) -> list[list[int]]:
    """Teams with any time at all; those that are the same in everything, together."""
    kinds: dict[bytes, list[int]] = {}
    idle = (problem.shift_s[:, 1] < problem.shift_s[:, 0]) | (problem.work_s < 0)
    for team in np.flatnonzero(~idle).tolist():
        key = b"".join(
            np.ascontiguousarray(part).tobytes()
            for part in (
                problem.profile[team],
                problem.start_s[team],
                problem.end_s[team],
                problem.shift_s[team],
                problem.work_s[team],
                problem.allowed[team],
            )
        )
        kinds.setdefault(key, []).append(team)
    return list(kinds.values())
