"""Fill routes with the sites worth most for their time, break them up, fill them again.

Best insertion over every task, team and place; then for a fixed number of rounds neighbouring visits
are taken out and the gaps filled anew with a little chance in the order (ruin and recreate: Schrimpf
et al. 2000; strings of neighbours as in Christiaens and Vanden Berghe 2020). It needs no engine: it
is the preview, the guard of `route_solver.py`, and what is left without PyVRP.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from typing import NamedTuple

import numpy as np

from .route_moves import polish
from .route_runs import NEVER, Run, Terms, runs_of, score_of
from .route_vroom import vroom_routes
from .routes import Bools, Floats, Ints, Problem, Routes, Score

PREVIEW_ROUNDS, PREVIEW_WORK = 500, 15_000
"""Rounds of a preview at most; for many tasks fewer, as many as make this product with them."""

FEW = 40
"""Tasks up to which VROOM answers at once."""

SECOND = 0.01
"""Points that a second of travel weighs."""

HEAT = 0.01
"""Share of the best points by which a worse plan may be accepted at first, on average."""

OVERLOOKED = 0.05
"""Share of sites put behind all others in a round."""

POWERS = (1.0, 2.0, 3.0)
"""What the points are raised to, one of them in each round."""

SPREAD = 0.2
"""By how much a task may be worth more or less to a team in a round."""

LARGEST_RUIN = 0.5, 20
"""At most this share of the visits is taken out in a round, and at most so many."""

NEIGHBOURS = 300
"""Tasks looked at around one for those."""

STRINGS, STRAYS = 0.3, 0.2
"""How often these are neighbours in a route, and any; else neighbours in space."""

SPAN_S = 300.0
"""Added to every cost, so that a site on the way is not worth more than everything."""

MUST = 1e12
"""How many times more than any other a required site counts."""

Watch = Callable[[Score, float], None]
"""Told the best score so far and the share of rounds done, in [0, 1]; may raise to stop."""


class Insertion(NamedTuple):
    """Where a site is best added to routes: before the task now at `position`, as `task`."""

    team: int
    position: int
    task: int
    extra_s: int


def best_insertion(problem: Problem, routes: Routes, site: int) -> Insertion | None:
    """Where a site is added to routes with the least extra travel.

    Returns
    -------
    Insertion or None
        None if it fits nowhere, is visited already or another of its group is. A route that cannot
        be done as it stands takes nothing.
    """
    terms = Terms(problem)
    visited = {terms.site[task] for route in routes for task in route}
    if visited & set(terms.rivals[site]) or not terms.tasks_of[site]:
        return None
    tasks = np.array(terms.tasks_of[site])
    best: Insertion | None = None
    for team in range(problem.teams):
        route = tuple(routes[team]) if team < len(routes) else ()
        if terms.duration(team, route) is None:
            continue
        fits, extra, _ = Run(terms, team, route).insertions(tasks)
        extra = np.where(fits, extra, NEVER)
        place, choice = divmod(int(extra.argmin()), len(tasks))
        least = int(extra[place, choice])
        if least < NEVER and (best is None or least < best.extra_s):
            best = Insertion(team, place, int(tasks[choice]), least)
    return best


def insert_all(
    problem: Problem,
    routes: Routes = (),
    *,
    seed: int,
    rounds: int,
    frozen: Collection[int] = (),
    polished: bool = True,
    watch: Watch | None = None,
) -> Routes:
    """Routes made by insertion, starting from given ones.

    Parameters
    ----------
    routes : Routes
        What is there already; the tasks at the end of a route that cannot be done are taken out first.
    seed, rounds : int
        The same give the same routes. With 0 rounds: one filling and one polish.
    frozen : team numbers
        Their routes stay as they are, whatever they break.
    polished : bool
        Whether moves shorten the first filling, before the rounds.
    watch : callable
        Told of progress after every round.
    """
    return Search(problem, routes, seed=seed, frozen=frozen, polished=polished).run(rounds, watch)


def preview(problem: Problem, *, seed: int) -> Routes:
    """A plan at once: by insertion, from VROOM's plan too where pyvroom is installed; the better."""
    rounds = min(PREVIEW_ROUNDS, PREVIEW_WORK // max(problem.tasks, 1))
    first = vroom_routes(problem) if problem.tasks <= FEW else None
    if first is None:
        return insert_all(problem, seed=seed, rounds=rounds)
    plans = [
        insert_all(problem, seed=seed, rounds=rounds // 2),
        insert_all(problem, first, seed=seed, rounds=0),
    ]
    terms = Terms(problem)
    return max(plans, key=lambda routes: score_of(terms, runs_of(terms, routes)).key)


class Search:
    """Ruin and recreate; `runs` and `score` are the best so far."""

    def __init__(
        self,
        problem: Problem,
        routes: Routes = (),
        *,
        seed: int,
        frozen: Collection[int] = (),
        polished: bool = True,
    ) -> None:
        self.terms = Terms(problem)
        self.random = np.random.default_rng(seed)
        self.frozen = frozenset(frozen)
        self.kept = {team: tuple(routes[team]) for team in self.frozen if team < len(routes)}
        self._taken = self._sites_of_frozen()
        self._near = _neighbours(problem)
        self._most = _most_points(self.terms, self._taken)
        self.runs = self.fill(runs_of(self.terms, self._without_frozen(routes)), plain=True)
        if polished:
            self.runs = self._better(self.shortened(self.runs), self.runs)
        self.score = score_of(self.terms, self.runs)

    def run(
        self, rounds: int, watch: Watch | None = None, enough: Callable[[Score], bool] | None = None
    ) -> Routes:
        """Search for a number of rounds, or until the best is enough, and return the best routes."""
        now, worth = self.runs, self._worth(self.score)
        for done in range(rounds):
            if enough is not None and enough(self.score):
                break
            tried = self.fill(self.ruin(now))
            score = score_of(self.terms, tried)
            if score.key > self.score.key:
                tried = self.shortened(tried)
                score = score_of(self.terms, tried)
                self.runs, self.score = tried, score
            value = self._worth(score)
            heat = self._heat() * (1 - done / rounds)
            if value[0] >= worth[0] and value[1] > worth[1] + heat * math.log(1 - self.random.random()):
                now, worth = tried, value
            if watch is not None:
                watch(self.score, (done + 1) / rounds)
        return self.routes

    def _heat(self) -> float:
        """By how much a worse plan may be worse at first: in points, or in travel where all is visited."""
        full = self.score.points == self._most
        return HEAT * (SECOND * self.score.travel_s if full else max(self.score.points, 1))

    @property
    def routes(self) -> Routes:
        """The best routes so far."""
        return self.routes_of(self.runs)

    def routes_of(self, runs: list[Run]) -> Routes:
        """Runs as routes, with the frozen ones."""
        return tuple(self.kept.get(run.team, run.route) for run in runs)

    def _worth(self, score: Score) -> tuple[int, float]:
        """Required sites, and points with a little off for each second of travel."""
        return score.required, score.points - SECOND * score.travel_s

    def _sites_of_frozen(self) -> Bools:
        taken = np.zeros(self.terms.problem.sites, bool)
        for route in self.kept.values():
            for task in route:
                taken[self.terms.rivals[self.terms.site[task]]] = True
        return taken

    def _without_frozen(self, routes: Routes) -> Routes:
        return tuple(
            () if team in self.frozen else tuple(t for t in route if not self._taken[self.terms.site[t]])
            for team, route in enumerate(routes)
        )

    def _better(self, one: list[Run], two: list[Run]) -> list[Run]:
        return one if score_of(self.terms, one).key >= score_of(self.terms, two).key else two

    def shortened(self, runs: list[Run]) -> list[Run]:
        """Less travel, and then whatever fits into the time won."""
        return self.fill(polish(self.terms, runs, self.frozen), plain=True)

    def _open(self, runs: list[Run]) -> Bools:
        """(t,) whether a task may still be inserted: neither its site nor one of its group is visited."""
        terms = self.terms
        shut = self._taken.copy()
        for run in runs:
            for task in run.route:
                shut[terms.rivals[terms.site[task]]] = True
        return ~shut[terms.problem.task_site]

    def fill(
        self, runs: list[Run], *, plain: bool = False, dear: Callable[[Run], Ints] | None = None
    ) -> list[Run]:
        """Insert the best task for its time until none fits; `dear`: (t,) a cost on top, for each run."""
        terms, runs = self.terms, list(runs)
        if not terms.problem.tasks or not runs:
            return runs
        wanted = self._wanted(plain)
        free = self._open(runs)
        cost = np.vstack([run.cheapest[0] + (0 if dear is None else dear(run)) for run in runs])
        cost[list(self.frozen)] = NEVER
        while True:
            gain = np.where((cost < NEVER) & free, wanted / (cost + SPAN_S), -1.0)
            team, task = divmod(int(gain.argmax()), gain.shape[1])
            if gain[team, task] < 0:
                return runs
            runs[team] = runs[team].with_task(task, int(runs[team].cheapest[1][task]))
            cost[team] = runs[team].cheapest[0] + (0 if dear is None else dear(runs[team]))
            for rival in terms.rivals[terms.site[task]]:
                free[terms.tasks_of[rival]] = False

    def _wanted(self, plain: bool) -> Floats:
        """(k, t) how much each task is worth to each team, with some chance in it."""
        terms, problem = self.terms, self.terms.problem
        worth = terms.points.astype(float)
        if plain:
            worth = np.where(problem.required, MUST * worth, worth)
        else:
            worth = worth ** self.random.choice(POWERS)
            worth = np.where(problem.required, MUST, worth) * self.random.uniform(0.7, 1.3, problem.sites)
            worth[self.random.random(problem.sites) < OVERLOOKED] *= 1e-20  # until nothing else fits
        spread = 1.0 if plain else self.random.uniform(1 - SPREAD, 1 + SPREAD, (problem.teams, problem.tasks))
        wanted: Floats = worth[problem.task_site] * spread
        return wanted

    def ruin(self, runs: list[Run]) -> list[Run]:
        """Take out some visits that are near each other in space or in a route."""
        visited = [task for run in runs if run.team not in self.frozen for task in run.route]
        if not visited:
            return runs
        most = min(max(4, round(LARGEST_RUIN[0] * len(visited))), LARGEST_RUIN[1])
        count = int(self.random.integers(1, most + 1))
        seat = {task: run.team for run in runs for task in run.route}
        kind = self.random.random()
        if kind < STRINGS:
            route = runs[seat[visited[int(self.random.integers(len(visited)))]]].route
            start = int(self.random.integers(len(route)))
            gone = route[start : start + count]
        elif kind < STRINGS + STRAYS:
            gone = tuple(self.random.choice(visited, min(count, len(visited)), replace=False).tolist())
        else:
            centre = int(self.random.integers(len(self._near)))
            near = self._near[centre]
            gone = tuple(int(task) for task in near if int(task) in seat)[:count]
        hit = {seat[task] for task in gone}
        return [run.without(gone) if run.team in hit else run for run in runs]


def _neighbours(problem: Problem) -> Ints:
    """(t, n) for each task the nearest of all tasks, itself among them, the nearest first."""
    count = min(problem.tasks, NEIGHBOURS)
    nearest = np.empty((problem.tasks, count), np.int64)
    for task in range(problem.tasks):
        there, back = problem.travel_s[:, task].min(axis=0), problem.travel_s[:, :, task].min(axis=0)
        nearest[task] = np.argsort(there + back, kind="stable")[:count]
    return nearest


def _most_points(terms: Terms, taken: Bools) -> int:
    """Points if every site that can be done were visited, the best of each group."""
    usable = [
        site
        for site in range(terms.problem.sites)
        if not taken[site] and terms.can[:, terms.tasks_of[site]].any()
    ]
    points = {site: (int(terms.points[site]), -site) for site in usable}
    best = {max(points[other] for other in terms.rivals[site] if other in points) for site in usable}
    return sum(worth for worth, _ in best)
