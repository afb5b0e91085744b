"""Plans against what others find in the same time, one after the other in one run.

    python tests/bench/bench_routes.py [--seconds 10] [--seeds 5] [--sizes 30,100,300] [--only quality,preview,...]

Peers: PyVRP through its own Model with plain prizes and OR-Tools (parallel cheapest insertion,
guided local search, disjunctions), each for the same processor time; VROOM for what it takes.
Promised: priority at least 99.5 % of PyVRP's and never below OR-Tools'; a preview of 30 sites in
0.5 s with 97 % of the answer's; no rule broken; at most 10 % of the time outside a search at 300
sites; where everything fits, the longest working time at most 1.15 of the mean for at most 5 % more
travel.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np
import pyvrp
from route_cities import office

from geo import route_insertion, route_solver
from geo.route_balance import balance, evenness
from geo.route_insertion import preview
from geo.route_solver import solve
from geo.route_times import score
from geo.route_vroom import vroom_routes
from geo.routes import NO_WAY_S, Problem, Routes

TEAMS = {30: 2, 100: 6, 300: 18}


def faults(p: Problem, routes: Routes) -> int:
    """Rules broken, counted by walking back from the end of each route and then forth."""
    sites = [int(p.task_site[task]) for route in routes for task in route]
    count = len(sites) - len(set(sites)) + (len(routes) != p.teams)
    for team, route in enumerate(routes):
        if not route:
            continue
        count += sum(not p.allowed[team, task] for task in route)
        hops = [p.travel_s[p.profile[team], a, b] for a, b in itertools.pairwise(route)]
        hops = [p.start_s[team, route[0]], *hops, p.end_s[team, route[-1]]]
        count += sum(hop >= NO_WAY_S for hop in hops)
        latest = p.shift_s[team, 1] - hops[-1]
        for task, hop in zip(reversed(route), reversed(hops[:-1]), strict=True):
            latest = min(latest - p.service_s[task], p.late_s[task]) - hop
        now = depart = max(latest, p.shift_s[team, 0])
        for task, hop in zip(route, hops, strict=False):
            now = max(now + hop, p.early_s[task])
            count += now > p.late_s[task]
            now += p.service_s[task]
        now += hops[-1]
        count += (now > p.shift_s[team, 1]) + (now - depart > p.work_s[team])
    return int(count)


def raw_pyvrp(p: Problem, seconds: float) -> Routes:
    """As PyVRP's documentation does it."""
    model = pyvrp.Model()
    starts = np.unique(p.start_s, axis=0, return_inverse=True)[1].ravel()
    places = [model.add_location(0, 0) for _ in range(p.tasks + starts.max() + 1)]
    depots = [model.add_depot(places[p.tasks + start]) for start in range(starts.max() + 1)]
    for start in range(starts.max() + 1):
        first, last = p.shift_s[0].tolist()
        model.add_vehicle_type(
            int((starts == start).sum()), start_depot=depots[start], end_depot=depots[start],
            tw_early=first, tw_late=last, shift_duration=int(p.work_s[0]),
        )  # fmt: skip
    for task in range(p.tasks):
        model.add_client(
            places[task], service_duration=int(p.service_s[task]), tw_early=int(p.early_s[task]),
            tw_late=int(p.late_s[task]), prize=int(p.points[task]), required=False,
        )  # fmt: skip
    for a in range(p.tasks):
        for start in range(starts.max() + 1):
            way = int(p.start_s[int(np.flatnonzero(starts == start)[0]), a])
            model.add_edge(places[p.tasks + start], places[a], way, way)
            model.add_edge(places[a], places[p.tasks + start], way, way)
        for b in range(p.tasks):
            if a != b:
                model.add_edge(places[a], places[b], int(p.travel_s[0, a, b]), int(p.travel_s[0, a, b]))
    begun = time.process_time()
    found = model.solve(lambda _: time.process_time() - begun >= seconds, seed=1, display=False)
    teams = {start: np.flatnonzero(starts == start).tolist() for start in range(starts.max() + 1)}
    routes: list[tuple[int, ...]] = [()] * p.teams
    for route in found.best.routes():
        routes[teams[route.vehicle_type()].pop(0)] = tuple(stop.idx for stop in route if stop.is_client())
    return tuple(routes)


def ortools(p: Problem, seconds: float) -> Routes:
    """The usual set-up: a node for each site and each start, times as a dimension."""
    from ortools.constraint_solver import pywrapcp, routing_enums_pb2  # noqa: PLC0415

    size = p.tasks + p.teams
    ways = np.zeros((size, size), np.int64)
    ways[: p.tasks, : p.tasks] = p.travel_s[0]
    ways[p.tasks :, : p.tasks], ways[: p.tasks, p.tasks :] = p.start_s, p.end_s.T
    spent = ways.copy()
    spent[: p.tasks] += p.service_s[:, None]
    starts = list(range(p.tasks, size))
    manager = pywrapcp.RoutingIndexManager(size, p.teams, starts, starts)
    routing = pywrapcp.RoutingModel(manager)
    nodes = manager.IndexToNode
    way, time_of = ways.tolist(), spent.tolist()
    travel = routing.RegisterTransitCallback(lambda a, b: way[nodes(a)][nodes(b)])
    clock = routing.RegisterTransitCallback(lambda a, b: time_of[nodes(a)][nodes(b)])
    routing.SetArcCostEvaluatorOfAllVehicles(travel)
    routing.AddDimension(clock, 86_400, 86_400, False, "time")
    times = routing.GetDimensionOrDie("time")
    for task in range(p.tasks):
        index = manager.NodeToIndex(task)
        times.CumulVar(index).SetRange(int(p.early_s[task]), int(p.late_s[task]))
        routing.AddDisjunction([index], int(p.points[task]))
    for team in range(p.teams):
        first, last = p.shift_s[team].tolist()
        times.CumulVar(routing.Start(team)).SetRange(first, last)
        times.CumulVar(routing.End(team)).SetRange(first, last)
        times.SetSpanUpperBoundForVehicle(int(p.work_s[team]), team)
    how = pywrapcp.DefaultRoutingSearchParameters()
    how.first_solution_strategy = routing_enums_pb2.FirstSolutionStrategy.PARALLEL_CHEAPEST_INSERTION
    how.local_search_metaheuristic = routing_enums_pb2.LocalSearchMetaheuristic.GUIDED_LOCAL_SEARCH
    begun = time.process_time()
    over = routing.solver().CustomLimit(lambda: time.process_time() - begun >= seconds)
    routing.AddSearchMonitor(over)
    how.time_limit.FromSeconds(int(seconds * 20) + 1)
    found = routing.SolveWithParameters(how)
    routes = []
    for team in range(p.teams):
        index, route = routing.Start(team), []
        while found is not None and not routing.IsEnd(index := found.Value(routing.NextVar(index))):
            route.append(nodes(index))
        routes.append(tuple(route))
    return tuple(routes)


def ours(p: Problem, seconds: float) -> Routes:
    return solve(p, seed=1, seconds=seconds, clock=time.process_time).routes


def timed(work: Callable[[], Routes]) -> tuple[float, Routes]:
    start = time.process_time()
    found = work()
    return time.process_time() - start, found


def quality(sizes: list[int], seeds: int, seconds: float) -> bool:
    """Priority as a share of each peer's, and faults."""
    kept = True
    for size in sizes:
        shares: dict[str, list[float]] = {"pyvrp": [], "ortools": [], "vroom": []}
        broken = 0
        for seed in range(1, seeds + 1):
            p = office(size, TEAMS[size], seed)
            plans = {
                "ours": ours(p, seconds), "pyvrp": raw_pyvrp(p, seconds), "ortools": ortools(p, seconds),
                "vroom": vroom_routes(p) or ((),) * p.teams,
            }  # fmt: skip
            broken += faults(p, plans["ours"])
            points = {name: score(p, routes).points for name, routes in plans.items()}
            for name, found in shares.items():
                found.append(points["ours"] / max(points[name], 1))
            print(f"  {size} sites, seed {seed}: {points}", flush=True)
        print(
            f"{size} sites, {seconds:g} s: ours in % of "
            + "; ".join(
                f"{name} {100 * statistics.mean(found):.2f} (least {100 * min(found):.2f})"
                for name, found in shares.items()
            )
            + f"; rules broken {broken}"
        )
        kept &= min(shares["pyvrp"]) >= 0.995 and min(shares["ortools"]) >= 1 and broken == 0
    return kept


def previews(seeds: int, seconds: float) -> bool:
    """Time and share of previews of 30 sites, with VROOM and without."""
    kept = True
    real = route_insertion.vroom_routes
    preview(office(30, 2, 0), seed=1)  # first imports
    answers = {seed: score(p := office(30, 2, seed), ours(p, seconds)).points for seed in range(1, seeds + 1)}
    for name, engine in (("with VROOM", real), ("without", lambda _: None)):
        route_insertion.vroom_routes = engine  # type: ignore[assignment]
        took, shares, broken = [], [], 0
        for seed, answer in answers.items():
            p = office(30, 2, seed)
            found = timed(lambda p=p: preview(p, seed=1))
            took.append(found[0])
            shares.append(score(p, found[1]).points / answer)
            broken += faults(p, found[1])
        print(
            f"preview of 30 sites {name}: median {statistics.median(took):.2f} s, longest {max(took):.2f} s, "
            f"{100 * statistics.mean(shares):.2f} % of the answer (least {100 * min(shares):.2f}); "
            f"rules broken {broken}"
        )
        kept &= statistics.median(took) <= 0.5 and min(shares) >= 0.97 and broken == 0
    route_insertion.vroom_routes = real
    return kept


def overhead(seconds: float) -> bool:
    """Time outside PyVRP's search and our own rounds at 300 sites."""
    p = office(300, 18, 1)
    spent = {"pyvrp": 0.0, "own": 0.0}
    raw_solve, raw_run = pyvrp.solve, route_solver.Search.run

    def watched_solve(*args, **kwargs):
        start = time.process_time()
        found = raw_solve(*args, **kwargs)
        spent["pyvrp"] += time.process_time() - start
        return found

    def watched_run(*args, **kwargs):
        start = time.process_time()
        found = raw_run(*args, **kwargs)
        spent["own"] += time.process_time() - start
        return found

    pyvrp.solve, route_solver.Search.run = watched_solve, watched_run
    start = time.process_time()
    ours(p, seconds)
    took = time.process_time() - start
    pyvrp.solve, route_solver.Search.run = raw_solve, raw_run
    rest = took - spent["pyvrp"] - spent["own"]
    print(
        f"300 sites, {seconds:g} s asked for, {took:.2f} s taken: PyVRP {spent['pyvrp']:.2f} s, own rounds "
        f"{spent['own']:.2f} s, all else {rest:.2f} s = {100 * rest / took:.1f} % (promised at most 10)"
    )
    return rest / took <= 0.10


def balances(count: int, starts: int) -> bool:
    """Longest over mean working time where everything fits, before and after."""
    before, after, travel = [], [], []
    seed = 0
    while len(before) < count:
        seed += 1
        p = office(40, 6, seed, starts=starts)
        routes = solve(p, seed=1, iterations=1500).routes
        if score(p, routes).points < p.points.sum():
            continue
        took, even = timed(lambda p=p, routes=routes: balance(p, routes, seed=1, rounds=4000))
        was, now = evenness(p, routes), evenness(p, even)
        before.append(was.ratio)
        after.append(now.ratio)
        travel.append(now.travel_s / was.travel_s)
        assert faults(p, even) == 0 and score(p, even).points == score(p, routes).points
        print(
            f"  seed {seed}: {was.ratio:.3f} -> {now.ratio:.3f}, travel x {travel[-1]:.3f}, {took:.1f} s",
            flush=True,
        )
    print(
        f"longest / mean working time, {starts} starts: before {statistics.mean(before):.3f} (most "
        f"{max(before):.3f}), after {statistics.mean(after):.3f} (most {max(after):.3f}), "
        f"{sum(ratio <= 1.15 for ratio in after)} of {count} at most 1.15; travel x "
        f"{statistics.mean(travel):.3f} (most {max(travel):.3f})"
    )
    return max(after) <= 1.15 and max(travel) <= 1.05


def main() -> int:
    """Print every figure; 1 if a promise is broken."""
    options = argparse.ArgumentParser()
    options.add_argument("--seconds", type=float, default=10.0)
    options.add_argument("--seeds", type=int, default=5)
    options.add_argument("--sizes", default="30,100,300")
    options.add_argument("--only", default="quality,preview,overhead,balance")
    asked = options.parse_args()
    parts = asked.only.split(",")
    kept = []
    if "preview" in parts:
        kept.append(previews(max(asked.seeds, 5), min(asked.seconds, 3.0)))
    if "overhead" in parts:
        kept.append(overhead(asked.seconds))
    if "balance" in parts:
        kept += [balances(10, starts) for starts in (3, 1)]
    if "quality" in parts:
        kept.append(quality([int(size) for size in asked.sizes.split(",")], asked.seeds, asked.seconds))
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
