"""From sites, teams and an engine of travel to a problem in numbers, and from routes back to a record.

A site has one place (its gate) or, an alley, two ends: on foot or by bicycle it is entered at one and
left at the other, by car it is walked there and back from one of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from geo.errors import DesignError
from geo.network import RoadNetwork
from geo.route_times import score, timetables
from geo.routes import NO_WAY_S, Problem, Routes
from geo.travel import SPEED_KMH, Mode, Path, TravelEngine

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

FAR_M = 1000.0
"""A site or start farther than this from every road has no way to it."""
_WALK_MS = SPEED_KMH["walk"] / 3.6


class Task(NamedTuple):
    """One way of doing a site: places to enter and leave, window, whether from the alley's far end."""

    site: int
    enter: int
    leave: int
    window: int
    reversed: bool
    through: bool | None
    """An alley: walked through (True) or there and back (False); None for any other site."""


@dataclass(frozen=True)
class Ground:
    """A problem with what its numbers stand for.

    Parameters
    ----------
    sites, teams : list of dict
        As the record holds them.
    tasks : tuple of Task
        In the order of the problem.
    lonlat : (p, 2) float
        The places: those of the sites, then starts and ends of the teams.
    gap_m : dict of mode to (p,) float
        From each place to the nearest road.
    part : dict of mode to (p,) int
        Connected part of the network.
    metres : dict of mode to (p, p) float
    starts, ends : list of int or None
        Places of the teams.
    """

    problem: Problem
    sites: list[dict[str, Any]]
    teams: list[dict[str, Any]]
    tasks: tuple[Task, ...]
    lonlat: Floats
    gap_m: dict[Mode, Floats]
    part: dict[Mode, Ints]
    metres: dict[Mode, Floats]
    starts: list[int | None]
    ends: list[int | None]
    engine: TravelEngine
    drawn: dict[tuple[Mode, int, int], list[list[float]]] = field(default_factory=dict)
    """The lines of the ways drawn so far, by mode and places."""


def make_ground(sites: list[dict[str, Any]], teams: list[dict[str, Any]], engine: TravelEngine) -> Ground:
    """The problem of some sites and teams.

    Raises
    ------
    DesignError
        `no_teams`; `start_far` for starts or ends more than 1 km from every road, all of them at once.
    """
    if not teams:
        raise DesignError("a plan needs at least one team; say --teams 1 or more", code="no_teams")
    modes: list[Mode] = list(dict.fromkeys(team["mode"] for team in teams))
    places, first = _places(sites)
    starts = [_add(places, team["start"]) for team in teams]
    ends = [_add(places, team["end"]) for team in teams]
    lonlat = np.array(places, dtype=np.float64).reshape(-1, 2)
    snapped = {mode: engine.snap(lonlat, mode) for mode in modes}
    gap = {mode: snapped[mode].gap_m for mode in modes}
    _require_near(teams, starts, ends, gap)
    legs = {mode: engine.matrix(lonlat, lonlat, mode) for mode in modes}
    for mode in modes:
        far = gap[mode] > FAR_M
        for table in (legs[mode].seconds, legs[mode].metres):
            table[far, :] = table[:, far] = np.inf
    tasks = _tasks(sites, first, modes)
    problem = _problem(sites, teams, tasks, [legs[mode].seconds for mode in modes], modes, starts, ends)
    return Ground(
        problem, sites, teams, tasks, lonlat, gap, {mode: snapped[mode].part for mode in modes},
        {mode: legs[mode].metres for mode in modes}, starts, ends, engine,
    )  # fmt: skip


def _places(sites: Sequence[Mapping[str, Any]]) -> tuple[list[list[float]], list[int]]:
    """Positions of all sites, and where those of each begin."""
    places: list[list[float]] = []
    first = []
    for site in sites:
        first.append(len(places))
        places += site["ends"] or [site["lonlat"]]
    return places, first


def _add(places: list[list[float]], place: list[float] | None) -> int | None:
    if place is None:
        return None
    places.append(place)
    return len(places) - 1


def _require_near(
    teams: Sequence[Mapping[str, Any]],
    starts: Sequence[int | None],
    ends: Sequence[int | None],
    gap: Mapping[Mode, Floats],
) -> None:
    far = [
        (team["name"], float(gap[team["mode"]][place]))
        for team, start, end in zip(teams, starts, ends, strict=True)
        # who comes back to the start is told once
        for place in ((start,) if team["start"] == team["end"] else (start, end))
        if place is not None and gap[team["mode"]][place] > FAR_M
    ]
    if far:
        name, metres = far[0]
        shown = f"{metres / 1000:.1f}" if np.isfinite(metres) else "> 2"
        raise DesignError(
            f"{len(far)} starts or ends lie outside the roads that are known: that of {name} is"
            f" {shown} km from the nearest one; give a place inside the extract as lon,lat",
            code="start_far", count=len(far), name=name, km=shown,
        )  # fmt: skip


def _tasks(
    sites: Sequence[Mapping[str, Any]], first: Sequence[int], modes: Sequence[Mode]
) -> tuple[Task, ...]:
    through = [walked for walked, used in ((True, _through(modes)), (False, "drive" in modes)) if used]
    tasks = []
    for number, site in enumerate(sites):
        at = first[number]
        for window in range(len(site["windows"])):
            if site["ends"] is None:
                tasks.append(Task(number, at, at, window, False, None))
                continue
            for walked in through:
                for turned in (False, True) if site["ends"][0] != site["ends"][1] else (False,):
                    enter, other = (at + 1, at) if turned else (at, at + 1)
                    tasks.append(Task(number, enter, other if walked else enter, window, turned, walked))
    return tuple(tasks)


def _through(modes: Sequence[Mode]) -> bool:
    return any(mode != "drive" for mode in modes)


def _problem(
    sites: Sequence[Mapping[str, Any]], teams: Sequence[Mapping[str, Any]], tasks: tuple[Task, ...],
    seconds: Sequence[Floats], modes: Sequence[Mode],
    starts: Sequence[int | None], ends: Sequence[int | None],
) -> Problem:  # fmt: skip
    enter = np.array([task.enter for task in tasks], dtype=np.int64)
    leave = np.array([task.leave for task in tasks], dtype=np.int64)
    site = np.array([task.site for task in tasks], dtype=np.int64)
    service = np.array([_service_s(sites[task.site], task) for task in tasks], dtype=np.int64)
    windows = [sites[task.site]["windows"][task.window] for task in tasks]
    whole = [_whole(table) for table in seconds]
    none = np.zeros(len(tasks), np.int64)
    profile = [modes.index(team["mode"]) for team in teams]
    groups = {
        name: number for number, name in enumerate(dict.fromkeys(s["group"] for s in sites if s["group"]))
    }
    return Problem(
        task_site=site,
        service_s=service,
        early_s=np.array([window[0] for window in windows], dtype=np.int64),
        late_s=np.array([window[1] for window in windows], dtype=np.int64) - service,
        priority=np.array([s["priority"] for s in sites], dtype=np.float64),
        required=np.array([s["required"] for s in sites], dtype=bool),
        group=np.array([groups.get(s["group"], -1) for s in sites], dtype=np.int64),
        travel_s=np.array([table[np.ix_(leave, enter)] for table in whole]).reshape(
            len(modes), len(tasks), -1
        ),
        profile=np.array(profile, dtype=np.int64),
        start_s=np.array(
            [none if at is None else whole[p][at, enter] for p, at in zip(profile, starts, strict=True)]
        ).reshape(len(teams), len(tasks)),
        end_s=np.array(
            [none if at is None else whole[p][leave, at] for p, at in zip(profile, ends, strict=True)]
        ).reshape(len(teams), len(tasks)),
        shift_s=np.array([team["shift"] for team in teams], dtype=np.int64),
        work_s=np.array([team["work_s"] for team in teams], dtype=np.int64),
        allowed=_allowed(sites, teams, tasks),
    )


def _service_s(site: Mapping[str, Any], task: Task) -> int:
    """An alley that is walked there and back takes its length once more."""
    back = site["length_m"] / _WALK_MS if task.through is False else 0.0
    return int(site["service_s"]) + round(back)


def _whole(seconds: Floats) -> Ints:
    return np.where(np.isfinite(seconds), np.rint(seconds), NO_WAY_S).astype(np.int64)


def _allowed(
    sites: Sequence[Mapping[str, Any]], teams: Sequence[Mapping[str, Any]], tasks: tuple[Task, ...]
) -> Bools:
    return np.array(
        [
            [
                set(sites[task.site]["skills"]) <= set(team["skills"])
                and task.through is not (team["mode"] == "drive")
                for task in tasks
            ]
            for team in teams
        ],
        dtype=bool,
    ).reshape(len(teams), len(tasks))


# ------------------------------------------------------------------------------ routes and records


def record_routes(ground: Ground, routes: Routes, locks: Mapping[str, bool]) -> list[dict[str, Any]]:
    """Routes as the record holds them, with the line of every leg.

    Parameters
    ----------
    locks : dict
        Which sites (by id) and teams (as ``team/id``) are locked.
    """
    told = []
    _draw(ground, routes)
    for number, (team, times) in enumerate(
        zip(ground.teams, timetables(ground.problem, routes), strict=True)
    ):
        stops = []
        for index, visit in enumerate(times.visits):
            task = ground.tasks[visit.task]
            site = ground.sites[task.site]["id"]
            stops.append(
                {
                    "number": index + 1, "site": site,
                    "arrive_s": visit.arrive_s, "begin_s": visit.begin_s, "leave_s": visit.leave_s,
                    "wait_s": visit.wait_s, "slack_s": visit.slack_s, "late_s": visit.late_s,
                    "enter": ground.lonlat[task.enter].tolist(), "exit": ground.lonlat[task.leave].tolist(),
                    "window": task.window, "reversed": task.reversed, "locked": locks.get(site, False),
                }
            )  # fmt: skip
        legs = _legs(ground, number, stops, [visit.task for visit in times.visits], times.depart_s)
        told.append(
            {
                "team": team["id"], "depart_s": times.depart_s, "back_s": times.back_s,
                "travel_s": times.travel_s, "metres": round(sum(leg["metres"] or 0.0 for leg in legs), 1),
                "wait_s": times.wait_s, "service_s": times.service_s, "work_s": times.work_s,
                "over_s": times.over_s, "locked": locks.get(f"team/{team['id']}", False),
                "stops": stops, "legs": legs,
            }
        )  # fmt: skip
    return told


def _hops(ground: Ground, team: int, tasks: Sequence[int]) -> list[tuple[int | None, int | None]]:
    """The places between which a team travels; None at an open start or end."""
    if not tasks:
        return []
    sources = [ground.starts[team], *(ground.tasks[task].leave for task in tasks)]
    targets = [*(ground.tasks[task].enter for task in tasks), ground.ends[team]]
    return list(zip(sources, targets, strict=True))


def _draw(ground: Ground, routes: Routes) -> None:
    """Draw the lines of all ways that are not drawn yet, those of a mode at once."""
    wanted: dict[Mode, dict[tuple[int, int], None]] = {}
    for number, tasks in enumerate(routes):
        mode: Mode = ground.teams[number]["mode"]
        for source, target in _hops(ground, number, tasks):
            if source is not None and target is not None and (mode, source, target) not in ground.drawn:
                wanted.setdefault(mode, {})[source, target] = None
    for mode, hops in wanted.items():
        ends = np.array(list(hops), dtype=np.int64)
        sources, targets = ground.lonlat[ends[:, 0]], ground.lonlat[ends[:, 1]]
        for hop, source, target, path in zip(
            hops, sources, targets, _paths(ground.engine, sources, targets, mode), strict=True
        ):
            line = np.array([source, target]) if path is None else path.lonlat
            ground.drawn[(mode, *hop)] = [[round(float(lon), 6), round(float(lat), 6)] for lon, lat in line]


def _paths(engine: TravelEngine, sources: Floats, targets: Floats, mode: Mode) -> list[Path | None]:
    if isinstance(engine, RoadNetwork):
        return engine.paths(sources, targets, mode)
    return [engine.path(source, target, mode) for source, target in zip(sources, targets, strict=True)]


def _legs(
    ground: Ground, team: int, stops: list[dict[str, Any]], tasks: list[int], depart_s: int
) -> list[dict[str, Any]]:
    """The ways of a team; none to an open end or from an open start."""
    if not tasks:
        return []
    mode: Mode = ground.teams[team]["mode"]
    problem = ground.problem
    between = [int(problem.travel_s[problem.profile[team], a, b]) for a, b in pairwise(tasks)]
    seconds = [int(problem.start_s[team, tasks[0]]), *between, int(problem.end_s[team, tasks[-1]])]
    names = ["start", *(stop["site"] for stop in stops), "end"]
    departs = [depart_s, *(stop["leave_s"] for stop in stops)]
    legs = []
    for hop, (source, target) in enumerate(_hops(ground, team, tasks)):
        if source is None or target is None:
            continue
        metres = float(ground.metres[mode][source, target])
        legs.append(
            {
                "from": names[hop], "to": names[hop + 1],
                "metres": round(metres, 1) if np.isfinite(metres) else None,
                "seconds": seconds[hop], "depart_s": departs[hop], "arrive_s": departs[hop] + seconds[hop],
                "path": ground.drawn[mode, source, target],
            }
        )  # fmt: skip
    return legs


def routes_of(ground: Ground, told: Sequence[Mapping[str, Any]]) -> Routes:
    """The tasks of the routes of a record."""
    number = {site["id"]: index for index, site in enumerate(ground.sites)}
    at = {(t.site, t.window, t.reversed, t.through): index for index, t in enumerate(ground.tasks)}
    routes = []
    for team, route in zip(ground.teams, told, strict=True):
        walked = team["mode"] != "drive"
        tasks = []
        for stop in route["stops"]:
            site = number[stop["site"]]
            through = None if ground.sites[site]["ends"] is None else walked
            tasks.append(at[site, stop["window"], stop["reversed"], through])
        routes.append(tuple(tasks))
    return tuple(routes)


def totals(
    ground: Ground,
    routes: Routes,
    told: Sequence[Mapping[str, Any]],
    beyond: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """What a plan comes to; of required alternatives one counts.

    Parameters
    ----------
    beyond : sequence of dict
        Sites that were asked for and are not planned with.
    """
    sites = [*ground.sites, *beyond]
    reached = sorted({ground.tasks[task].site for route in routes for task in route})
    worth = [site["priority"] for site in sites]
    work = [route["work_s"] for route in told]
    result = score(ground.problem, routes)
    return {
        "sites": len(sites), "visited": len(reached),
        "required": len({site["group"] or site["id"] for site in sites if site["required"]}),
        "required_visited": result.required,
        "priority": float(sum(worth)), "priority_visited": float(sum(worth[number] for number in reached)),
        "travel_s": result.travel_s, "metres": round(sum(route["metres"] for route in told), 1),
        "longest_work_s": max(work), "mean_work_s": round(sum(work) / len(work), 1),
    }  # fmt: skip
