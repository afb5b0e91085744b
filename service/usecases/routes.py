"""Plan the routes of a mock inspection, and work with a plan: move, lock, drop, add, solve again.

A plan is a record (``zhoubian-plan/1``) in the store. Every change makes its next revision, and is
refused when somebody else has made one in between.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from time import monotonic
from typing import Any

import geopandas as gpd

from geo import route_engine
from geo.errors import DesignError, NotFoundError, StoreError
from geo.route_balance import balance
from geo.route_edits import drop_team as without_team
from geo.route_edits import insert, remove
from geo.route_edits import move as moved
from geo.route_insertion import preview
from geo.route_solver import Progress, Solved, solve
from geo.routes import Routes
from geo.travel import Mode, StraightLine, TravelEngine
from layers.road_graphs import road_network
from layers.road_servers import road_server
from layers.rules import visit_rules
from layers.store import PlanHeading, PlanRow, Store

from ..recent import Recent
from ..settings import VERSION
from . import draws, route_record
from . import layers as layer_cases
from .route_ground import Ground, make_ground, routes_of
from .route_record import agreed, frozen_of, searched, told_record
from .route_sites import SitesWanted, resolve, sites_of
from .route_teams import TeamsWanted, teams_of

FORMAT = "zhoubian-plan/1"
EVENING, EVENING_WORK = 1000, 60_000
"""Rounds of evening out the working times, fewer where there are many tasks: about a second."""
_GROUNDS: Recent[Ground] = Recent(4)


@dataclass(frozen=True)
class Wanted:
    """A plan as a user asks for it.

    Parameters
    ----------
    draw : str or None
        A draw of the store; without one only the sites that are named.
    sites, teams : what is visited, and by whom.
    seconds, iterations : float or None, int or None
        How long to look for a better plan; by iterations the same seed gives the same plan.
    roads : str or None
        Address of a routing server (``osrm+http://...``, ``valhalla+http://...``); by default the road
        layer of the store.
    """

    draw: str | None = None
    sites: SitesWanted = field(default_factory=SitesWanted)
    teams: TeamsWanted = field(default_factory=TeamsWanted)
    seconds: float | None = 10.0
    iterations: int | None = None
    seed: int = 1
    name: str | None = None
    date: date | None = None
    roads: str | None = None


# ------------------------------------------------------------------------------------------ asking


def listing(store: Store) -> list[PlanHeading]:
    """All plans, the oldest first."""
    return store.plans()


def record_of(store: Store, name: str) -> dict[str, Any]:
    """The record of a plan (NotFoundError `plan_unknown`)."""
    return store.plan(name).record


def plan_data(store: Store, name: str) -> tuple[dict[str, Any], gpd.GeoDataFrame, str]:
    """A plan's record, the roads its map shows, and whose data they are."""
    return record_of(store, name), store.read("roads"), layer_cases.attribution(store, ("roads",))


# ------------------------------------------------------------------------------------------ making


def begin(store: Store, wanted: Wanted, *, now: datetime) -> dict[str, Any]:
    """Make a plan at once by insertion, and store it as its first revision.

    Raises
    ------
    ZhoubianError
        For teams, sites or settings that cannot be; nothing is stored then.
    """
    name = _checked_name(store, wanted.name, now)
    teams = teams_of(store, wanted.teams)
    draw = None if wanted.draw is None else draws.record_of(store, wanted.draw)
    sites, warnings = sites_of(store, draw, wanted.sites)
    if not sites:
        raise DesignError(
            "there is nothing to visit: there is no draw, or none of its sites is in the layers still, and"
            " none is named; choose another draw or name sites with --must",
            code="plan_no_sites",
        )
    settings = {
        "draw": wanted.draw, "seconds": wanted.seconds, "iterations": wanted.iterations,
        "seed": wanted.seed, "roads": wanted.roads,
        # what is said of kinds holds for sites that are added later, too
        "service_s": dict(wanted.sites.service_s),
        "needs": {k: list(v) for k, v in wanted.sites.needs.items()},
        "windows_s": {k: [list(window) for window in v] for k, v in wanted.sites.windows_s.items()},
    }  # fmt: skip
    _limit(sites)
    heading = {
        "format": FORMAT, "name": name, "draw": wanted.draw, "version": VERSION,
        "created_at": now.isoformat(), "date": None if wanted.date is None else wanted.date.isoformat(),
        "revision": 1, "settings": settings, "sites": sites, "teams": teams, "beforehand": warnings,
    }  # fmt: skip
    ground = _ground(store, heading)
    routes = preview(searched(ground), seed=wanted.seed)
    record = told_record(store, heading, ground, routes, {}, {"name": "insertion", "version": VERSION})
    store.save_plan(name, wanted.draw, now.isoformat(), record)
    return record


def improve(
    store: Store,
    name: str,
    *,
    now: Callable[[], datetime],
    seconds: float | None = None,
    iterations: int | None = None,
    seed: int | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Look for a better plan, what is locked kept as it is, and store it as the next revision.

    Parameters
    ----------
    progress : callable, optional
        As `geo.route_solver.solve` calls it; may raise to stop, and nothing is stored then.

    Raises
    ------
    StoreError
        `plan_changed` when somebody changed the plan while it was worked on.
    """
    row = store.plan(name)
    record, settings = row.record, row.record["settings"]
    if seconds is None and iterations is None:
        seconds, iterations = settings["seconds"], settings["iterations"]
    used = settings["seed"] if seed is None else seed
    ground = _ground(store, record)
    locks = _locks(record)
    before = routes_of(ground, record["routes"])
    frozen = frozen_of(ground, before, locks)
    if not frozen.problem.teams:
        raise DesignError(
            "every team of the plan is locked: there is nothing left to solve; unlock one first",
            code="plan_all_locked", name=name,
        )  # fmt: skip
    found = solve(
        frozen.problem, seed=used, iterations=iterations, seconds=None if iterations is not None else seconds,
        clock=monotonic, progress=progress, routes=frozen.inner(before),
    )  # fmt: skip
    rounds = min(EVENING, EVENING_WORK // max(frozen.problem.tasks, 1))
    routes = frozen.join(balance(frozen.problem, found.routes, seed=used, rounds=rounds))
    settings = {**settings, "seconds": seconds, "iterations": iterations, "seed": used}
    told = told_record(
        store, {**record, "settings": settings}, ground, routes, locks, _engine(found, iterations)
    )
    return _kept(store, name, told, row.revision, now())


# ----------------------------------------------------------------------------------------- changing

Record = dict[str, Any]
Edit = Callable[[Store, Record], Record]
"""A change of a record without solving: the record with its times anew. The given one is not touched."""


def change(store: Store, name: str, edits: Sequence[Edit], *, revision: int | None, now: datetime) -> Record:
    """Make some changes one after the other and store them as the next revision: all of them or none.

    Parameters
    ----------
    revision : int or None
        The revision that the user saw; None: whatever it is now.

    Raises
    ------
    StoreError
        `plan_changed` when somebody else has made another revision.
    ZhoubianError
        What an edit cannot do; nothing is stored then.
    """
    row = _current(store, name, revision)
    record = row.record
    for edit in edits:
        record = edit(store, record)
    return _kept(store, name, record, row.revision, now)


def moving(site: str, team: str, position: int | None) -> Edit:
    """A site to a team, visited so far or not, as stop `position` (from 1; None: where it fits best)."""

    def edit(ground: Ground, _: Record, routes: Routes) -> Routes:
        number, to = _site(ground, site), team_row(ground.teams, team)
        ground.sites[number]["excluded"] = False
        if position is None:
            return insert(ground.problem, remove(ground.problem, routes, number), number, team=to)
        return moved(ground.problem, routes, number, to, position - 1)

    return _edited(edit)


def locking(what: Sequence[str], locked: bool) -> Edit:
    """Stops (by site id) and teams (``team/1``) locked or unlocked: `improve` keeps what is locked."""

    def edit(ground: Ground, record: Record, routes: Routes) -> Routes:
        visited = {ground.sites[ground.tasks[task].site]["id"] for route in routes for task in route}
        for one in what:
            if one.startswith("team/"):
                row = team_row(ground.teams, one.removeprefix("team/"))
                record["locks"][f"team/{ground.teams[row]['id']}"] = locked
                continue
            site = ground.sites[_site(ground, one)]["id"]
            if site not in visited:
                raise DesignError(
                    f"{site} is not visited in this plan and cannot be locked; put it to a team first",
                    code="site_not_visited", id=site,
                )  # fmt: skip
            record["locks"][site] = locked
        return routes

    return _edited(edit)


def removing(site: str) -> Edit:
    """A site out of the routes; it stays in the plan as not visited and is not put back by `improve`."""

    def edit(ground: Ground, record: Record, routes: Routes) -> Routes:
        number = _site(ground, site)
        ground.sites[number]["excluded"] = True
        record["locks"].pop(ground.sites[number]["id"], None)
        return remove(ground.problem, routes, number)

    return _edited(edit)


def dropping(team: str) -> Edit:
    """A team falls out: its stops go to the others where they fit, the rest is not visited, with reasons.

    What is locked of the other teams stays as it is; the locks of the team fall out with it.
    """

    def edit(store: Store, record: Record) -> Record:
        ground = _ground(store, record)
        gone = team_row(ground.teams, team)
        if len(ground.teams) == 1:
            raise DesignError(
                "the only team of a plan cannot fall out; make another plan", code="team_only", team=team
            )
        before = routes_of(ground, record["routes"])
        lost = {f"team/{ground.teams[gone]['id']}"} | {
            ground.sites[ground.tasks[task].site]["id"] for task in before[gone]
        }
        locks = {key: on for key, on in _locks(record).items() if key not in lost}
        routes, _ = without_team(agreed(ground, before, locks), before, gone)
        left = {**record, "teams": [one for number, one in enumerate(record["teams"]) if number != gone]}
        kept = tuple(route for number, route in enumerate(routes) if number != gone)
        # the tasks of a problem depend on the modes of its teams
        smaller = _ground(store, left)
        same = tuple(tuple(smaller.tasks.index(ground.tasks[task]) for task in route) for route in kept)
        return told_record(store, left, smaller, same, locks, _EDITED)

    return edit


def adding(site: str) -> Edit:
    """One more site on the way, where it costs least, or told as not visited where it fits nowhere.

    It fits where nothing becomes late and what is locked stays as it is. May be a site that was too many.
    """

    def edit(store: Store, record: Record) -> Record:
        key = "/".join(resolve(store, [site])[0])
        known = next((one for one in record["sites"] if one["id"] == key), None)
        if known is not None and known["planned"]:
            raise DesignError(f"{key} is in this plan already", code="site_twice", id=key)
        if known is not None:  # beyond the most sites so far
            sites = [{**one, "planned": True} if one is known else one for one in record["sites"]]
            more = {**record, "sites": sites}
        else:
            draw = None if record["draw"] is None else draws.record_of(store, record["draw"])
            nobody = None if draw is None else {**draw, "strata": [], "visits": {}}
            added, warnings = sites_of(store, nobody, _as_before(record["settings"], key))
            added[0].update({"from": "added", "required": False, "planned": True})
            beforehand = record["beforehand"] + warnings
            more = {**record, "sites": [*record["sites"], *added], "beforehand": beforehand}
        ground = _ground(store, more)
        before, locks = routes_of(ground, record["routes"]), _locks(record)
        routes = insert(agreed(ground, before, locks), before, _site(ground, key), forced=False)
        return told_record(store, more, ground, routes, locks, _EDITED)

    return edit


def _as_before(settings: Mapping[str, Any], key: str) -> SitesWanted:
    """A site under what was said of its kind when the plan was made."""
    told: dict[str, dict[str, Any]] = {
        name: {word: value for word, value in settings.get(name, {}).items() if word in visit_rules()}
        for name in ("service_s", "windows_s", "needs")
    }
    return SitesWanted(
        must=(key,),
        service_s=told["service_s"],
        windows_s={
            kind: tuple((first, last) for first, last in spans) for kind, spans in told["windows_s"].items()
        },
        needs={kind: tuple(skills) for kind, skills in told["needs"].items()},
        strict=False,
    )


_EDITED = {"name": "edited", "version": VERSION}


def _edited(edit: Callable[[Ground, Record, Routes], Routes]) -> Edit:
    """A change of routes, locks (`record["locks"]`) or sites of the same problem."""

    def edited(store: Store, record: Record) -> Record:
        own = {**record, "sites": [dict(site) for site in record["sites"]], "locks": _locks(record)}
        ground = _ground(store, own)
        routes = edit(ground, own, routes_of(ground, own["routes"]))
        return told_record(store, own, ground, routes, own["locks"], _EDITED)

    return edited


def _current(store: Store, name: str, revision: int | None) -> PlanRow:
    """The plan, if it is still what the user saw."""
    row = store.plan(name)
    if revision is not None and row.revision != revision:
        raise StoreError(
            f"the plan {name!r} was changed in the meantime (it is at revision {row.revision}, the change"
            f" was made to revision {revision}); load it again and repeat the change",
            code="plan_changed", name=name, stored=row.revision, given=revision,
        )  # fmt: skip
    return row


def _kept(store: Store, name: str, record: dict[str, Any], revision: int, now: datetime) -> dict[str, Any]:
    told = {**record, "revision": revision + 1}
    store.update_plan(name, told, now.isoformat(), revision=revision)
    return told


def _site(ground: Ground, given: str) -> int:
    """The row of a site by layer/id or by id."""
    found = [number for number, site in enumerate(ground.sites) if given in (site["id"], site["unit"])]
    if len(found) != 1:
        raise NotFoundError(
            f"{given!r} names {len(found)} sites that this plan reckons with; write it as layer/id, such as"
            f" {ground.sites[0]['id']}, and put in with --add what was too many",
            code="plan_site_unknown", given=given, count=len(found), example=ground.sites[0]["id"],
        )  # fmt: skip
    return found[0]


def team_row(teams: Sequence[Mapping[str, Any]], given: str) -> int:
    """The row of a team by number or by name (NotFoundError `plan_team_unknown`)."""
    found = [row for row, team in enumerate(teams) if given in (team["id"], team["name"])]
    if not found:
        known = ", ".join(team["id"] for team in teams)
        raise NotFoundError(
            f"there is no team {given!r} in this plan; the teams are {known}",
            code="plan_team_unknown", given=given, teams=known,
        )  # fmt: skip
    return found[0]


# ------------------------------------------------------------------------------------- how it is made


def _checked_name(store: Store, name: str | None, now: datetime) -> str:
    taken = {heading.name for heading in store.plans()}
    if name is None:
        number = 1
        while (chosen := f"{now:%Y%m%d}-{number}") in taken:
            number += 1
        return chosen
    if not draws.NAME.fullmatch(name) or name != name.strip() or name in (".", ".."):
        raise DesignError(
            f"{name[:40]!r} cannot be the name of a plan; use 1 to 60 letters, digits or Chinese characters"
            " without / or \\",
            code="plan_name", given=name[:40],
        )  # fmt: skip
    return name


def engine_of(store: Store, address: str | None, modes: Iterable[Mode]) -> TravelEngine:
    """What measures travel: a server, the road layer, or without roads the straight line."""
    if address is not None:
        return road_server(address)
    return road_network(store, modes) or StraightLine()


def _ground(store: Store, record: Mapping[str, Any]) -> Ground:
    """The problem of a plan: places and travel, kept while neither sites, teams nor roads change."""
    address = record["settings"]["roads"]
    sites = [site for site in record["sites"] if site["planned"]]
    decisive = [
        [{key: site[key] for key in _DECISIVE} for site in sites],
        record["teams"], address, store.data_version(("roads",)), str(store.path),
    ]  # fmt: skip

    def make() -> Ground:
        return make_ground(
            sites, record["teams"], engine_of(store, address, [team["mode"] for team in record["teams"]])
        )

    found = _GROUNDS.get(json.dumps(decisive, sort_keys=True), make)
    return replace(found, sites=sites, teams=record["teams"])


_DECISIVE = (
    "id",
    "lonlat",
    "ends",
    "length_m",
    "service_s",
    "windows",
    "priority",
    "required",
    "group",
    "skills",
)


def _limit(sites: list[dict[str, Any]]) -> None:
    """Mark what is planned with: required sites, then those of most priority, up to `MOST_SITES`."""
    rank = sorted(sites, key=lambda site: (not site["required"], -site["priority"], site["id"]))
    for number, site in enumerate(rank):
        site["planned"] = number < route_record.MOST_SITES


def _engine(found: Solved, iterations: int | None) -> dict[str, Any]:
    """What searched: PyVRP and our own search, or the latter alone where PyVRP is not installed."""
    with_pyvrp = route_engine.version()
    told = {
        "name": "insertion" if with_pyvrp is None else "pyvrp",
        "version": with_pyvrp or VERSION,
        "iterations": found.iterations,
    }
    # the time spent differs from run to run; without it the same seed and iterations give the same bytes
    return told if iterations is not None else {**told, "spent_s": round(found.spent_s, 1)}


def _locks(record: Mapping[str, Any]) -> dict[str, bool]:
    stops = {stop["site"]: stop["locked"] for route in record["routes"] for stop in route["stops"]}
    return {**stops, **{f"team/{route['team']}": route["locked"] for route in record["routes"]}}
