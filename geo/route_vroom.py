"""A first plan by VROOM, where pyvroom is installed: fast, and near the best for few sites.

VROOM knows no alternatives and no cap on working time. A site is one job with the windows of all its
tasks and the least travel of any of them, a group the one of its sites that is worth most; the order
it finds is then walked with our own rules, and what does not fit in is left out.
"""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np

from .route_runs import NEVER, Run, Terms
from .routes import Bools, Ints, Problem, Routes

LARGEST = 1 << 24
"""Seconds; VROOM's matrices hold 32 bits, with a factor on them."""


def vroom_routes(problem: Problem) -> Routes | None:
    """Routes that break no rule; None where pyvroom is not installed."""
    if find_spec("vroom") is None:
        return None
    import vroom  # noqa: PLC0415  (an engine is imported only where it is used)

    terms = Terms(problem)
    jobs = _jobs(problem, terms)
    if not jobs or not problem.teams:
        return ((),) * problem.teams
    office = vroom.Input()
    for team in range(problem.teams):
        first, last = problem.shift_s[team].tolist()
        if first > last:
            continue
        office.set_durations_matrix(profile=str(team), matrix_input=_matrix(problem, terms, jobs, team))
        office.add_vehicle(
            vroom.Vehicle(
                team,
                start=len(jobs),
                end=len(jobs) + 1,
                profile=str(team),
                time_window=(first, last),
                skills={
                    number for number, site in enumerate(jobs) if terms.can[team, terms.tasks_of[site]].any()
                },
            )
        )
    most = float(problem.points.max(initial=1))
    for number, site in enumerate(jobs):
        tasks = np.array(terms.tasks_of[site])
        worth = 100 if problem.required[site] else max(1, round(99 * float(problem.points[site]) / most))
        office.add_job(
            vroom.Job(
                number,
                location=number,
                default_service=int(problem.service_s[tasks].min()),
                skills={number},
                priority=worth,
                time_windows=_windows(problem, tasks),
            )
        )
    found = office.solve(exploration_level=5, nb_threads=1).routes
    found = found[found["type"] == "job"]
    if found.empty:
        return ((),) * problem.teams
    walked = []
    for team in range(problem.teams):
        order = found.loc[found["vehicle_id"] == team, "id"].astype(int).tolist()
        walked.append(_walk(terms, team, [jobs[number] for number in order]))
    return tuple(walked)


def _jobs(problem: Problem, terms: Terms) -> list[int]:
    """The sites to offer: those that can be done at all, and of each group the best."""
    usable = [site for site in range(problem.sites) if terms.can[:, terms.tasks_of[site]].any()]
    rank = {site: (not problem.required[site], -int(problem.points[site]), site) for site in usable}
    return [site for site in usable if rank[site] == min(rank[r] for r in terms.rivals[site] if r in rank)]


def _matrix(problem: Problem, terms: Terms, jobs: list[int], team: int) -> Ints:
    """(j + 2, j + 2) least travel between sites, the team's start and its end."""
    size = len(jobs)
    tasks = np.array([task for site in jobs for task in terms.tasks_of[site]])
    first = np.concatenate([[0], np.cumsum([len(terms.tasks_of[site]) for site in jobs])[:-1]])
    between = problem.travel_s[problem.profile[team]][np.ix_(tasks, tasks)]
    between = np.minimum.reduceat(np.minimum.reduceat(between, first, axis=0), first, axis=1)
    whole = np.zeros((size + 2, size + 2), np.int64)
    whole[:size, :size] = between
    whole[size, :size] = np.minimum.reduceat(problem.start_s[team, tasks], first)
    whole[:size, size + 1] = np.minimum.reduceat(problem.end_s[team, tasks], first)
    np.fill_diagonal(whole, 0)
    return np.minimum(whole, LARGEST).astype(np.uint32)


def _windows(problem: Problem, tasks: Ints) -> list[tuple[int, int]]:
    """When any of the tasks may begin, without overlaps."""
    merged: list[tuple[int, int]] = []
    for early, late in sorted(
        zip(problem.early_s[tasks].tolist(), problem.late_s[tasks].tolist(), strict=True)
    ):
        if early > late:
            continue
        if merged and early <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(late, merged[-1][1]))
        else:
            merged.append((early, late))
    return merged


def _walk(terms: Terms, team: int, sites: list[int]) -> tuple[int, ...]:
    """Each site as the task that costs least at the end of the route so far, if one fits."""
    run = Run(terms, team, ())
    for site in sites:
        tasks = np.array(terms.tasks_of[site])
        fits, extra, longer = run.insertions(tasks)
        ok: Bools = fits[-1]
        cost = np.where(ok, extra[-1] + longer[-1], NEVER)
        if ok.any():
            run = run.with_task(int(tasks[cost.argmin()]), len(run.route))
    return run.route
