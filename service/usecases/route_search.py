"""What a route may begin at, and what may be added to it: places of the store by name."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import shapely

from geo.travel import MODES
from layers.store import Store

from ..features import anchor_points
from . import draws, routes
from .route_sites import KINDS, SitesWanted, sites_of

SEARCHED = ("anchors", "back_alleys", "compounds")
MOST = 12


def starts(store: Store, draw: str) -> list[dict[str, Any]]:
    """The drawn anchors of a draw that the store still holds: id, name (or None), class, lonlat."""
    record = draws.record_of(store, draw)
    drawn = {anchor["id"] for surrounding in record["surroundings"] for anchor in surrounding["anchors"]}
    table = store.read("anchors")
    table = table[table["id"].isin(drawn)]
    points = shapely.get_coordinates(anchor_points(table, record["design"]["anchor_rule"]))
    rows = zip(table["id"], table["name"], table["class"], np.round(points, 6).tolist(), strict=True)
    return [{"id": ident, "name": _name(name), "class": kind, "lonlat": at} for ident, name, kind, at in rows]


def amount(store: Store, draw: str) -> dict[str, int]:
    """How much a draw is: `sites` to visit, and `service_s`, seconds that the visits take without the ways.

    What the sites are worth and the roads are kept by their use cases, so that asking for the amount
    makes the plan itself come sooner.
    """
    sites, _ = sites_of(store, draws.record_of(store, draw), SitesWanted())
    routes.engine_of(store, None, MODES)
    return {"sites": len(sites), "service_s": sum(site["service_s"] for site in sites)}


def search(store: Store, words: str, without: Collection[str], most: int = MOST) -> list[dict[str, Any]]:
    """Anchors, alleys and compounds by a part of their name or id.

    Parameters
    ----------
    words : str
        Upper and lower case are the same; empty words find nothing.
    without : collection of str
        Ids of sites (``layer/unit``) that are not offered.
    most : int

    Returns
    -------
    list of dict
        `layer`, `unit`, `name` (or None), `kind`; what begins with the words comes first.
    """
    wanted = words.strip().casefold()
    if not wanted:
        return []
    found: list[tuple[bool, dict[str, Any]]] = []
    for layer in SEARCHED:
        columns = ["id", "name", "class"] if layer == "anchors" else ["id", "name"]
        table = store.read(layer, columns=columns)
        kinds = table["class"] if layer == "anchors" else [KINDS[layer]] * len(table)
        for unit, given, kind in zip(table["id"], table["name"], kinds, strict=True):
            name = _name(given)
            told = [unit.casefold(), (name or "").casefold()]
            if any(wanted in one for one in told) and f"{layer}/{unit}" not in without:
                later = not any(one.startswith(wanted) for one in told)
                found.append((later, {"layer": layer, "unit": unit, "name": name, "kind": kind}))
    return [site for _, site in sorted(found, key=lambda one: one[0])[:most]]


def _name(given: Any) -> str | None:
    return given if isinstance(given, str) else None
