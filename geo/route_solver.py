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
from .route_insertion import Search, insert_all
from .route_times import score, timetable
from .routes import NO_WAY_S, Problem, Routes, Score

ITERATIONS = 2_000
"""Of a search that is given neither iterations nor time."""

PATIENCE = 500
"""Iterations per task without a better plan after which a search by time ends early."""

LAST_SHARE = 0.15
"""Of a search by time, at its end, for ruin and recreate from the engine's plan."""

PER_ROUND = 30
"""Iterations of the engine for one round of that, in a search by iterations."""

PER_OWN_ROUND = 5
"""Iterations asked for that make one round where there is no engine."""

STEP = 25
"""Rounds between two looks at the clock."""

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
    greedy = insert_all(rest, start, seed=seed, rounds=0, polished=version is None)
    found = _best(rest, [(start, "insertion"), (greedy, "insertion")])
    limit.see(score(rest, found[0]))
    done, part = 0, 0.0
    if version is not None and not limit.over(0, 1.0):
        part = 1 - LAST_SHARE
        answer, done = route_engine.search(
            rest,
            seed=seed,
            over=lambda number, best: limit.tell(number, part, lambda: _score_of(rest, best())),
            patience=None if seconds is None else PATIENCE * problem.tasks,
        )
        found = _best(rest, [found, (answer, "pyvrp")])
    last = Search(rest, found[0], seed=seed)
    rounds = limit.finish(last, done, part)
    found = _best(rest, [found, (last.routes, found[1])])
    if version is None:
        done = rounds
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

    def see(self, score: Score | None) -> None:
        """A plan of this score was found."""
        if score is not None and score.key > self.best.key:
            self.best = score

    def over(self, done: int, part: float) -> bool:
        """Whether so many iterations, or this part of the time, are used up."""
        return self._share(done, part) >= part

    def tell(self, done: int, part: float, look: Callable[[], Score | None]) -> bool:
        """Say how far it is, at every hundredth of the work; whether this part is over."""
        share = self._share(done, part)
        self._say(share, look)
        return share >= part

    def finish(self, search: Search, done: int, begun: float) -> int:
        """Run our own search for the rest of the work; how many rounds.

        Where the engine ended early, it gets as much less.
        """
        rounds, most = 0, None
        if self.iterations is not None:
            most = max(done // PER_ROUND if begun else self.iterations // PER_OWN_ROUND, 1)
        until = self.seconds
        if until is not None and begun:
            until = min(until, self.spent_s / begun)
        while (most is None or rounds < most) and (until is None or self.spent_s < until):
            step = STEP if most is None else min(STEP, most - rounds)
            search.run(step)
            rounds += step
            shares = [rounds / most if most is not None else 0.0, self.spent_s / until if until else 0.0]
            self._say(begun + (1 - begun) * min(max(shares), 1.0), lambda: search.score)
        self._say(1.0, lambda: search.score)
        return rounds

    def _share(self, done: int, part: float) -> float:
        by_iterations = part * done / max(self.iterations, 1) if self.iterations is not None else 0.0
        by_time = self.spent_s / max(self.seconds, 1e-9) if self.seconds is not None else 0.0
        return max(by_iterations, by_time)

    def _say(self, share: float, look: Callable[[], Score | None]) -> None:
        if self.progress is not None and (share >= self.told + 0.01 or share >= 1.0 > self.told):
            self.see(look())
            self.told = share
            self.progress(self.best, share)
