"""The record of a plan: its routes with times and ways, reasons, warnings, totals and what measured it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from geo import travel
from geo.network import RoadNetwork
from geo.route_edits import Frozen, Locks, freeze
from geo.route_reasons import Reason, reasons
from geo.routes import Problem, Routes
from layers.store import Store

from . import layers as layer_cases
from .route_ground import FAR_M, Ground, record_routes, totals

MOST_SITES = 600
"""Sites that are planned with at once: those beyond, of the least priority, are told as not planned."""
_OF_ANY_PLAN = ("never_open", "window_short", "skills", "no_way", "window_missed", "shift_short")
"""Reasons that hold whatever the routes are."""


def told_record(
    store: Store,
    record: Mapping[str, Any],
    ground: Ground,
    routes: Routes,
    locks: Mapping[str, bool],
    engine: Mapping[str, Any],
) -> dict[str, Any]:
    """The record of a plan with these routes: times, ways, reasons, warnings and totals."""
    kept = held(ground, routes, locks)
    lost = [key for key, on in locks.items() if on and key not in kept]
    told = record_routes(ground, routes, kept)
    beyond = [site for site in record["sites"] if not site["planned"]]
    return {
        **{key: value for key, value in record.items() if key != "locks"},
        "engine": dict(engine),
        "roads": _roads(store, ground, record),
        "warnings": [*record["beforehand"], *_lost(ground, lost), *_warnings(ground)],
        "routes": told,
        "dropped": [*_dropped(ground, routes, kept), *({"site": site["id"], "reason": "too_many",
                    "facts": {"most": MOST_SITES}} for site in beyond)],
        "totals": totals(ground, routes, told, beyond),
    }  # fmt: skip


def _lost(ground: Ground, lost: Sequence[str]) -> list[dict[str, Any]]:
    """Locked stops that a solver could not keep: their team has no time for all of them."""
    if not lost:
        return []
    names = [site["name"] or site["id"] for site in ground.sites if site["id"] in lost]
    return [{"code": "lock_lost", "facts": {"count": len(lost), "sites": "、".join(names[:5])}}]


def searched(ground: Ground) -> Problem:
    """The problem without the sites that were taken out by hand."""
    out = np.array([site.get("excluded", False) for site in ground.sites], dtype=bool)
    return replace(ground.problem, allowed=ground.problem.allowed & ~out[ground.problem.task_site])


def held(ground: Ground, routes: Routes, locks: Mapping[str, bool]) -> dict[str, bool]:
    """The locks without those of stops that are no longer visited: what is gone cannot be kept."""
    visited = {ground.sites[ground.tasks[task].site]["id"] for route in routes for task in route}
    return {key: on for key, on in locks.items() if key.startswith("team/") or key in visited}


def agreed(ground: Ground, routes: Routes, locks: Mapping[str, bool]) -> Problem:
    """The problem in which no insertion changes what is locked; with the same sites, tasks and teams."""
    stops = {key: on for key, on in locks.items() if not key.startswith("team/")}
    problem = frozen_of(ground, routes, stops).problem
    shut = [bool(locks.get(f"team/{team['id']}")) for team in ground.teams]
    return replace(problem, allowed=problem.allowed & ~np.array(shut, dtype=bool)[:, None])


def frozen_of(ground: Ground, routes: Routes, locks: Mapping[str, bool]) -> Frozen:
    """What is left to solve when the locks of a record hold."""
    sites = {number for number, site in enumerate(ground.sites) if locks.get(site["id"])}
    teams = {number for number, team in enumerate(ground.teams) if locks.get(f"team/{team['id']}")}
    return freeze(searched(ground), routes, Locks(frozenset(sites), frozenset(teams)))


def _dropped(ground: Ground, routes: Routes, locks: Mapping[str, bool]) -> list[dict[str, Any]]:
    """Why each site is not visited."""
    away = _without_road(ground)
    told = []
    for reason in _reasons(ground, routes, locks):
        code, facts = reason.code, dict(reason.facts)
        if ground.sites[reason.site].get("excluded"):
            code, facts = "removed", {}
        elif reason.site in away:
            code, facts = "no_road", {"limit": round(FAR_M)}
        told.append({"site": ground.sites[reason.site]["id"], "reason": code, "facts": _named(ground, facts)})
    return told


def _reasons(ground: Ground, routes: Routes, locks: Mapping[str, bool]) -> list[Reason]:
    """The reasons that hold while what is locked stays as it is."""
    found = {reason.site: reason for reason in reasons(searched(ground), routes)}
    if any(locks.values()):
        frozen = frozen_of(ground, routes, locks)
        for reason in reasons(frozen.problem, frozen.inner(routes)):
            facts = dict(reason.facts)
            if "team" in facts:
                facts["team"] = int(frozen.teams[int(facts["team"])])
            if "other" in facts:
                facts["other"] = int(frozen.sites[int(facts["other"])])
            site = int(frozen.sites[reason.site])
            if found[site].code in _OF_ANY_PLAN:
                continue
            if reason.code in _OF_ANY_PLAN:  # of the teams that are left, not of all
                found[site] = Reason(site, "locked")
            else:
                found[site] = replace(reason, site=site, facts=facts)
    return [found[site] for site in sorted(found)]


def _named(ground: Ground, facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of a reason with names in place of numbers of rows, stops counted from 1."""
    told = {name: value for name, value in facts.items() if name not in ("task", "group")}
    if "team" in told:
        told["team"] = ground.teams[told["team"]]["name"]
    if "other" in told:
        other = ground.sites[told["other"]]
        told["other"] = other["name"] or other["id"]
    if "position" in told:
        told["position"] += 1
    return told


def _without_road(ground: Ground) -> set[int]:
    """Sites whose every task is entered or left farther than `FAR_M` from the roads of its mode."""
    near = {
        task.site
        for task in ground.tasks
        for mode, gap in ground.gap_m.items()
        if task.through is not (mode == "drive") and max(gap[task.enter], gap[task.leave]) <= FAR_M
    }
    return {task.site for task in ground.tasks} - near


def _site_places(ground: Ground) -> dict[int, list[int]]:
    places: dict[int, list[int]] = {}
    for task in ground.tasks:
        places.setdefault(task.site, []).extend((task.enter, task.leave))
    return places


def _warnings(ground: Ground) -> list[dict[str, Any]]:
    """Sites that meet the roads far away, sites on roads of their own, and roads that end too near."""
    told: list[dict[str, Any]] = []
    places = _site_places(ground)
    names = [site["name"] or site["id"] for site in ground.sites]
    for mode, gap in ground.gap_m.items():
        worst = {number: float(gap[at].max()) for number, at in places.items()}
        far = [number for number in worst if travel.FAR_M < worst[number] <= FAR_M]
        if far:
            first = max(far, key=lambda number: worst[number])
            facts = {"count": len(far), "first": names[first], "metres": round(worst[first])}
            told.append({"code": "snap_far", "facts": {"mode": mode, **facts}})
        parts = {number: set(ground.part[mode][at].tolist()) for number, at in places.items()}
        apart = [number for number, own in parts.items() if own - {0, -1} and worst[number] <= FAR_M]
        if apart:
            facts = {"count": len(apart), "sites": "、".join(names[number] for number in apart[:5])}
            told.append({"code": "part_apart", "facts": {"mode": mode, **facts}})
        if isinstance(ground.engine, RoadNetwork):
            anchors = [number for number, site in enumerate(ground.sites) if site["layer"] == "anchors"]
            lonlat = np.array([ground.sites[number]["lonlat"] for number in anchors]).reshape(-1, 2)
            for warning in ground.engine.warnings_for(lonlat, mode):
                if warning.code == "extract_edge":
                    first = names[anchors[int(warning.facts["first"])]]
                    facts = {"mode": mode, "count": int(warning.facts["count"]), "first": first}
                    told.append({"code": "extract_edge", "facts": facts})
    return told


def _roads(store: Store, ground: Ground, record: Mapping[str, Any]) -> dict[str, Any]:
    """What travel was measured on."""
    engine = ground.engine
    own = engine.name == "roads"
    return {
        "engine": engine.name,
        "estimate": engine.estimate,
        "approximate": own and any(team["mode"] == "drive" for team in record["teams"]),
        "digest": store.data_version(("roads",))[:16] if own else None,
        "source": layer_cases.attribution(store, ("roads",)) if own else None,
        "circuity": travel.CIRCUITY if engine.estimate else None,
    }
