"""What a mission visits: sites of a draw, of a plan, of earlier missions, and those that are named."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from geo.errors import DesignError
from layers.missions import Mission, Missions
from layers.store import Store
from layers.tables import results

from .route_sites import KINDS, place_of, resolve

TOILETS = "toilets"
"""Toilets are visited where they are named as ``toilets/ID``."""
TYPES = {**KINDS, TOILETS: "public_toilet"}
Key = tuple[str, str]
"""Layer and id."""


@dataclass
class Wanted:
    """Why a site is visited, and by whom."""

    anchors: list[str] = field(default_factory=list)
    must_visit: bool = False
    team: int | None = None
    order: int | None = None
    failed: list[str] = field(default_factory=list)


Sites = dict[Key, Wanted]


def of_draw(record: Mapping[str, Any]) -> Sites:
    """The drawn anchors and units, each with the anchors that drew it."""
    found: Sites = {
        ("anchors", unit): Wanted([unit]) for stratum in record["strata"] for unit in stratum["drawn"]
    }
    for layer, visits in record["visits"].items():
        for visit in visits:
            known = found.setdefault((layer, visit["id"]), Wanted())
            known.anchors += [anchor for anchor in visit["anchors"] if anchor not in known.anchors]
    return found


def of_plan(record: Mapping[str, Any]) -> Sites:
    """The sites of a plan, with the team that visits them and their place in its day."""
    stops = {
        stop["site"]: (int(route["team"]), int(stop["number"]))
        for route in record["routes"]
        for stop in route["stops"]
    }
    return {
        (site["layer"], site["unit"]): Wanted(
            list(site["anchors"]), bool(site["required"]), *stops.get(site["id"], (None, None))
        )
        for site in record["sites"]
    }


def failed(store: Store, missions: Sequence[Mission]) -> Sites:
    """Sites of missions at which an item was not in order, outside marked lines; with those items."""
    found: Sites = {}
    for mission in missions:
        keys = {site["id"]: key_of(site) for site in mission.sites}
        for result in Missions(store).results(results.c.mission == mission.name):
            if result.counts:
                wanted = found.setdefault(keys[result.site], Wanted())
                wanted.failed += [result.item] if result.item not in wanted.failed else []
    return found


def missed(missions: Sequence[Mission]) -> Sites:
    """Sites of missions that nobody has seen: still planned, or skipped."""
    return {key_of(site): Wanted() for one in missions for site in one.sites if site["status"] != "visited"}


def named(store: Store, ids: Iterable[str]) -> Sites:
    """Sites that must be visited, as a user writes them (NotFoundError `site_unknown`)."""
    told = list(dict.fromkeys(ids))
    plain = [one.removeprefix(f"{TOILETS}/") for one in told if one.startswith(f"{TOILETS}/")]
    for unit in plain:
        place_of(store, TOILETS, unit)
    keys = [*((TOILETS, unit) for unit in plain)]
    others = [one for one in told if not one.startswith(f"{TOILETS}/")]
    keys += resolve(store, others) if others else []
    return {key: Wanted([key[1]] if key[0] == "anchors" else [], must_visit=True) for key in keys}


def joined(*parts: Sites) -> Sites:
    """All sites; one that several parts hold is visited once, for all their reasons."""
    found: Sites = {}
    for part in parts:
        for key, more in part.items():
            wanted = found.setdefault(key, Wanted())
            wanted.anchors += [anchor for anchor in more.anchors if anchor not in wanted.anchors]
            wanted.failed += [item for item in more.failed if item not in wanted.failed]
            wanted.must_visit |= more.must_visit
            if more.team is not None:
                wanted.team, wanted.order = more.team, more.order
    return found


def described(store: Store, wanted: Sites) -> tuple[list[dict[str, Any]], list[str]]:
    """The sites as the record of a mission holds them, and those that are in no layer any more.

    A site is known by its id; two of one id in different layers by ``layer/id``.
    """
    twice = _twice(wanted)
    sites: list[dict[str, Any]] = []
    gone: list[str] = []
    for layer in ("anchors", *TYPES):
        ids = [unit for of, unit in wanted if of == layer]
        if not ids:
            continue
        columns = ["class", "name", "district", "unit"]
        table = store.read(layer, columns=columns).set_index("id")
        for unit in ids:
            if unit not in table.index:
                gone.append(f"{layer}/{unit}")
                continue
            row = table.loc[unit]
            (lon, lat), name = place_of(store, layer, unit)
            one = wanted[layer, unit]
            sites.append(
                {
                    "id": f"{layer}/{unit}" if unit in twice else unit,
                    "type": TYPES.get(layer) or str(row["class"]), "layer": layer, "name": name,
                    "district": _said(row["district"]), "unit": _said(row["unit"]), "lon": lon, "lat": lat,
                    "must_visit": one.must_visit, "team": one.team, "order": one.order, "status": "planned",
                    "why": None, "anchors": one.anchors, "failed": one.failed,
                }
            )  # fmt: skip
    return in_order(sites), gone


def in_order(sites: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """By team and stop; without a plan anchors first, each layer by id."""
    layers = ("anchors", *TYPES)
    return sorted(
        sites,
        key=lambda site: (
            site["team"] is None,
            site["team"] or 0,
            site["order"] or 0,
            layers.index(site["layer"]),
            site["id"],
        ),
    )


def key_of(site: Mapping[str, Any]) -> Key:
    """Layer and id of a site of a record."""
    return site["layer"], unit_of(site)


def unit_of(site: Mapping[str, Any]) -> str:
    """The id of a site in its layer."""
    unit: str = site["id"].removeprefix(f"{site['layer']}/")
    return unit


def one_of(mission: Mission, given: str) -> dict[str, Any]:
    """A site of a mission by id, by ``layer/id`` or by its whole name.

    Raises
    ------
    DesignError
        `mission_site_unknown`, also for a name that several sites bear.
    """
    found = [
        site
        for site in mission.sites
        if given in (site["id"], f"{site['layer']}/{unit_of(site)}")
    ] or [site for site in mission.sites if given == site["name"]]  # fmt: skip
    if len(found) != 1:
        raise DesignError(
            f"{given[:60]!r} names {len(found)} sites of the mission {mission.name!r}; write the id of one as"
            f" zhoubian mission show {mission.name} lists it",
            code="mission_site_unknown", given=given[:60], count=len(found), name=mission.name,
        )  # fmt: skip
    return found[0]


def _twice(wanted: Sites) -> set[str]:
    units = [unit for _, unit in wanted]
    return {unit for unit in units if units.count(unit) > 1}


def _said(value: Any) -> str | None:
    return value if isinstance(value, str) else None
