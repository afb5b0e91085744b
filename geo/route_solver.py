"""The answer to a routing problem: PyVRP's search, checked, and never less than our own insertion.

PyVRP (Wouda, Lan and Kool 2024) searches with prizes for optional sites; what it returns is tested
by the timetable, which shares nothing with it, and compared with the plan of `route_insertion.py`.
A search may return less than visiting nobody (docs/routes.md): here it cannot.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

import numpy as np

from . import route_engine
from .route_insertion import Search
from .route_times import score, timetable
from .routes import NO_WAY_S, Problem, Routes, Score

ITERATIONS = 2_000
"""Of a search that is given neither iterations nor time."""

PATIENCE = 500
"""Iterations per task without a better plan after which a search by time ends early."""

OWN_ROUNDS = 100
"""Rounds of our own insertion before the engine starts, and of chance after it."""

OWN_SHARE = 0.05
"""Of the time at most, for these rounds."""

Progress = Callable[[Score, float], None]
"""Told the best score so far and the share of the work done, in [0, 1]; may raise to stop."""

Clock = Callable[[], float]


@dataclass(frozen=True)
class Solved:
    """Routes, and what found them.

    `engine`: `pyvrp`, or `insertion` where PyVRP is not installed or found nothing better. `spent_s`
    is 0 without a clock.
    """

    routes: Routes
    engine: str
    version: str
    iterations: int
    spent_s: float


def solve(
    problem: Problem,
    *,
    seed: int,
    iterations: int | None = None,
    seconds: float | None = None,
    clock: Clock | None = None,
    progress: Progress | None = None,
    routes: Routes = (),
    frozen: Collection[int] = (),
) -> Solved:
    """The best routes found.

    Parameters
    ----------
    seed, iterations : int
        The same give the same routes, byte for byte. Iterations are the engine's.
    seconds : float
        Time to search; ends early where nothing gets better for long. Needs a `clock`.
    clock : callable
        Seconds that only grow, such as `time.monotonic`; geo has none of its own.
    progress : callable
        Told of progress some times a second; what it raises ends the search and is raised.
    routes, frozen :
        Routes to begin from, and the teams whose routes stay as they are.

    Returns
    -------
    Solved
        Its routes break nothing, and are no worse by `Score.key` than insertion, the routes given
        (where these can be done) and the empty plan. Frozen routes are kept whatever they break.
    """
    limit = Limit(iterations, seconds, clock, progress)
    rest = _without(problem, routes, frozen)
    start = tuple(() if team in frozen else tuple(route) for team, route in enumerate(routes))
    start += ((),) * (problem.teams - len(start))
    version = route_engine.version()
    own = Search(rest, start, seed=seed)
    done = limit.rounds(own, OWN_ROUNDS if version is not None else None)
    found = _best(rest, [(start, "insertion"), (own.routes, "insertion")])
    if version is not None and not limit.over(0):
        limit.best = score(rest, found[0])
        answer, done = route_engine.search(
            rest,
            None,
            seed=seed,
            over=lambda number, best: limit.tell(number, lambda: _score_of(rest, best())),
            patience=None if seconds is None else PATIENCE * problem.tasks,
        )
        found = _best(rest, [found, (answer, "pyvrp"), (_filled(rest, answer, seed), "pyvrp")])
    whole = tuple(
        tuple(routes[team]) if team in frozen and team < len(routes) else route
        for team, route in enumerate(found[0])
    )
    return Solved(whole, found[1], (version or "") if found[1] == "pyvrp" else "", done, limit.spent_s)


def broken(problem: Problem, routes: Routes) -> bool:
    """Whether routes break a rule: late, too long, not allowed, no way, a site or group twice."""
    if len(routes) != problem.teams:
        return True
    sites = [int(problem.task_site[task]) for route in routes for task in route]
    groups = [int(problem.group[site]) for site in sites if problem.group[site] >= 0]
    if len(set(sites)) < len(sites) or len(set(groups)) < len(groups):
        return True
    for team, route in enumerate(routes):
        if not all(problem.allowed[team, task] for task in route):
            return True
        if any(problem.late_s[task] < problem.early_s[task] for task in route):
            return True
        table = timetable(problem, team, route)
        if table.travel_s >= NO_WAY_S or table.over_s or any(visit.late_s for visit in table.visits):
            return True
    return False


def _best(problem: Problem, plans: list[tuple[Routes, str]]) -> tuple[Routes, str]:
    """The best plan that breaks nothing; the first of equals."""
    empty: Routes = ((),) * problem.teams
    best, name, most = empty, plans[0][1], score(problem, empty)
    for routes, maker in plans:
        if not broken(problem, routes) and score(problem, routes).key > most.key:
            best, name, most = routes, maker, score(problem, routes)
    return best, name


def _filled(problem: Problem, routes: Routes, seed: int) -> Routes:
    """Routes polished and filled where something fits; as they are where they break a rule."""
    return routes if broken(problem, routes) else Search(problem, routes, seed=seed).routes


def _score_of(problem: Problem, routes: Routes | None) -> Score | None:
    return None if routes is None or broken(problem, routes) else score(problem, routes)


def _without(problem: Problem, routes: Routes, frozen: Collection[int]) -> Problem:
    """The problem that is left when the routes of some teams stay."""
    if not frozen:
        return problem
    allowed = problem.allowed.copy()
    allowed[list(frozen)] = False
    sites = [int(problem.task_site[task]) for team in frozen if team < len(routes) for task in routes[team]]
    groups = [int(problem.group[site]) for site in sites if problem.group[site] >= 0]
    shut = np.isin(np.arange(problem.sites), sites) | np.isin(problem.group, groups)
    allowed[:, shut[problem.task_site]] = False
    return replace(problem, allowed=allowed)


class Limit:
    """When a search ends, and whom it tells."""

    def __init__(
        self, iterations: int | None, seconds: float | None, clock: Clock | None, progress: Progress | None
    ) -> None:
        if seconds is not None and clock is None:
            raise TypeError("a search by seconds needs a clock")
        self.iterations = ITERATIONS if iterations is None and seconds is None else iterations
        self.seconds, self.clock, self.progress = seconds, clock, progress
        self.begun = clock() if clock is not None else 0.0
        self.best = Score(0, 0, 0, 0)
        self.told = -1.0

    @property
    def spent_s(self) -> float:
        """Since the beginning; 0 without a clock."""
        return self.clock() - self.begun if self.clock is not None else 0.0

    def share(self, done: int) -> float:
        """Of the work, in [0, 1]."""
        shares = [0.0]
        if self.iterations is not None:
            shares.append(done / max(self.iterations, 1))
        if self.seconds is not None:
            shares.append(self.spent_s / max(self.seconds, 1e-9))
        return min(max(shares), 1.0)

    def over(self, done: int) -> bool:
        """Whether the work is done."""
        return self.share(done) >= 1.0

    def tell(self, done: int, look: Callable[[], Score | None]) -> bool:
        """Say how far it is, at every hundredth of the work; whether it is done."""
        share = self.share(done)
        if self.progress is not None and (share >= self.told + 0.01 or share >= 1.0):
            seen = look()
            if seen is not None and seen.key > self.best.key:
                self.best = seen
            self.told = share
            self.progress(self.best, share)
        return share >= 1.0

    def rounds(self, own: Search, most: int | None) -> int:
        """Run our own search for some rounds, or as long as there is work."""
        done, share = 0, 1.0 if most is None else OWN_SHARE
        while (most is None or done < most) and self.share(done if most is None else 0) < share:
            step = min(25, (most if most is not None else self.iterations or 25) - done) or 25
            own.run(step)
            done += step
            self.tell(done if most is None else 0, lambda: own.score)
        return done
