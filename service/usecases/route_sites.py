"""What a plan of routes visits: the sites of a draw and those that are added, each with what it is worth.

The priority of a site is its exposure times its issue weight plus one: the expected weighted issues
that a visit meets, where a visit without known issues counts as one light issue. Both factors are
kept beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import Geod

from geo.design import Design
from geo.errors import DesignError, NotFoundError
from geo.frame import LAYERS, UNIT_LAYERS
from geo.strata import anchor_strata
from geo.travel import SPEED_KMH
from layers.rules import categories, visit_rules
from layers.store import Store

from ..recent import Recent
from . import exposure
from .open_issues import OPEN_STATES

KINDS = {"back_alleys": "back_alley", "compounds": "compound"}
_GEOD = Geod(ellps="WGS84")
_TABLES: Recent[gpd.GeoDataFrame] = Recent(6)
_LOADS: Recent[dict[str, float]] = Recent(2)
_WALK_MS = SPEED_KMH["walk"] / 3.6


@dataclass(frozen=True)
class SitesWanted:
    """What is to be visited beside a draw, and what is different for single sites or kinds.

    Parameters
    ----------
    must, lookback : tuple of str
        Ids (or layer/id) that have to be visited; a look-back visit goes to a unit that failed.
    any_one : tuple of tuple of str
        Alternatives: one of each is enough.
    needs : dict of id to tuple of str
        Skills a team must have.
    service_s : dict of id or kind to int
    windows_s : dict of id or kind to tuple of (open, close)
    strict : bool
        Refuse a wish that no site answers to.
    """

    must: tuple[str, ...] = ()
    lookback: tuple[str, ...] = ()
    any_one: tuple[tuple[str, ...], ...] = ()
    needs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    service_s: Mapping[str, int] = field(default_factory=dict)
    windows_s: Mapping[str, tuple[tuple[int, int], ...]] = field(default_factory=dict)
    strict: bool = True


@dataclass
class _Found:
    came: str
    anchors: list[str]
    required: bool = False


def sites_of(
    store: Store, draw: Mapping[str, Any] | None, wanted: SitesWanted
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The sites of a plan, as its record holds them, and warnings.

    Parameters
    ----------
    draw : dict, optional
        The record of a draw.

    Raises
    ------
    NotFoundError
        `site_unknown` for ids that no layer holds, all of them at once.
    """
    found = _drawn(draw)
    for came, ids in (("must", wanted.must), ("lookback", wanted.lookback)):
        for key in resolve(store, ids):
            known = found.setdefault(key, _Found(came, [key[1]] if key[0] == "anchors" else []))
            known.came, known.required = came, True
    sites, warnings = _described(store, found, draw)
    _apply(sites, wanted)
    return sites, warnings


def resolve(store: Store, given: Sequence[str]) -> list[tuple[str, str]]:
    """(layer, id) of ids as a user writes them: ``A12`` or ``back_alleys/A12``."""
    told = list(dict.fromkeys(given))
    held = {layer: store.existing_ids(layer, [_plain(one, layer) for one in told]) for layer in LAYERS}
    places = {
        one: [layer for layer in LAYERS if _plain(one, layer) in held[layer] and _names_layer(one, layer)]
        for one in told
    }
    missing = [one for one, layers in places.items() if not layers]
    if missing:
        raise _unknown(missing, len(told))
    double = [one for one, layers in places.items() if len(layers) > 1]
    if double:
        raise DesignError(
            f"{len(double)} ids stand in several layers ({', '.join(double[:5])});"
            f" write the layer before them: {places[double[0]][0]}/{double[0]}",
            code="site_ambiguous", count=len(double), ids=", ".join(double[:5]),
            example=f"{places[double[0]][0]}/{double[0]}",
        )  # fmt: skip
    return [(layers[0], _plain(one, layers[0])) for one, layers in places.items()]


def _plain(one: str, layer: str) -> str:
    return one.removeprefix(f"{layer}/")


def _names_layer(one: str, layer: str) -> bool:
    """Whether an id does not name another layer."""
    return not any(one.startswith(f"{other}/") for other in LAYERS if other != layer)


def _table(store: Store, layer: str) -> gpd.GeoDataFrame:
    """A layer by id, read once as long as it does not change."""
    key = (str(store.path), layer, store.data_version((layer,)))
    return _TABLES.get(key, lambda: store.read(layer).set_index("id"))


def _drawn(draw: Mapping[str, Any] | None) -> dict[tuple[str, str], _Found]:
    found: dict[tuple[str, str], _Found] = {}
    if draw is None:
        return found
    for stratum in draw["strata"]:
        for unit in stratum["drawn"]:
            found["anchors", unit] = _Found("draw", [unit])
    for layer, visits in draw["visits"].items():
        for visit in visits:
            known = found.setdefault((layer, visit["id"]), _Found("draw", []))
            known.anchors += [anchor for anchor in visit["anchors"] if anchor not in known.anchors]
    return found


def _described(
    store: Store, found: dict[tuple[str, str], _Found], draw: Mapping[str, Any] | None
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    worth = _worth(store, draw)
    sites: list[dict[str, Any]] = []
    warnings: list[dict[str, Any]] = []
    for layer in LAYERS:
        ids = [unit for of, unit in found if of == layer]
        if not ids:
            continue
        table = _table(store, layer)
        gone = [unit for unit in ids if unit not in table.index]
        if gone:
            facts = {"layer": layer, "count": len(gone), "first": ", ".join(gone[:5])}
            warnings.append({"code": "unit_gone", "facts": facts})
        for unit in ids:
            if unit in table.index:
                told = worth.get((layer, unit), (0.0, 0.0))
                sites.append(_site(layer, unit, table.loc[unit], found[layer, unit], *told))
    return sites, warnings


def _site(
    layer: str, unit: str, row: pd.Series[Any], found: _Found, exposed: float, weight: float
) -> dict[str, Any]:
    kind = KINDS.get(layer) or str(row["class"])
    rule = visit_rules()[kind]
    place, ends, length = _place(row, layer)

    def said(name: str) -> str | None:
        return row[name] if name in row and isinstance(row[name], str) else None

    return {
        "id": f"{layer}/{unit}", "layer": layer, "unit": unit, "name": said("name"), "kind": kind,
        "from": found.came, "anchors": found.anchors, "district": said("district"),
        "responsible": said("unit"), "address": said("address"),
        "lonlat": place, "ends": ends, "length_m": length,
        "service_s": rule.service_s, "windows": [list(window) for window in rule.windows_s],
        "exposure": exposed, "weight": weight, "priority": exposed * (weight + 1.0),
        "required": found.required, "group": None, "skills": [], "checklist": kind,
    }  # fmt: skip


def _place(row: pd.Series[Any], layer: str) -> tuple[list[float], list[list[float]] | None, float | None]:
    """Where a site is entered: a gate, the two ends of an alley, or the middle."""
    shape = row["geometry"]
    if layer == "back_alleys":
        ends = _ends(shape)
        middle = shapely.line_interpolate_point(_longest(shape), 0.5, normalized=True)
        return _lonlat(middle), [_lonlat(end) for end in ends], round(float(_GEOD.geometry_length(shape)), 1)
    gates = row.get("gates")
    if gates is not None and not shapely.is_empty(gates):
        return _lonlat(shapely.get_geometry(gates, 0)), None, None
    return _lonlat(shapely.point_on_surface(shape)), None, None


def place_of(store: Store, layer: str, given: str) -> tuple[list[float], str | None]:
    """Where a unit of a layer is entered, and its name (NotFoundError `site_unknown`)."""
    unit = _plain(given, layer)
    table = _table(store, layer)
    if unit not in table.index:
        raise _unknown([given], 1)
    row = table.loc[unit]
    return _place(row, layer)[0], row["name"] if isinstance(row["name"], str) else None


def _unknown(missing: Sequence[str], given: int) -> NotFoundError:
    return NotFoundError(
        f"{len(missing)} of {given} ids stand in no layer of anchors, alleys or compounds"
        f" ({', '.join(missing[:5])}); write them as zhoubian export anchors shows them",
        code="site_unknown", count=len(missing), given=given, ids=", ".join(missing[:5]),
    )  # fmt: skip


def _longest(shape: Any) -> Any:
    parts = shapely.get_parts(shape)
    return parts[int(np.argmax(shapely.length(parts)))]


def _ends(shape: Any) -> list[Any]:
    """The two ends of an alley; of several pieces the two ends farthest apart."""
    parts = shapely.get_parts(shape)
    ends = np.concatenate([shapely.get_point(parts, 0), shapely.get_point(parts, -1)])
    apart = shapely.distance(ends[:, None], ends[None, :])
    one, other = np.unravel_index(int(np.argmax(apart)), apart.shape)
    return [ends[0], ends[len(parts)]] if len(parts) == 1 else [ends[one], ends[other]]


def _lonlat(point: Any) -> list[float]:
    return [round(float(shapely.get_x(point)), 6), round(float(shapely.get_y(point)), 6)]


def _worth(store: Store, draw: Mapping[str, Any] | None) -> dict[tuple[str, str], tuple[float, float]]:
    """Exposure and issue weight of every unit and anchor.

    Of the settings of the draw, and without the units that rested then: by now its own units rest.
    """
    design = Design() if draw is None else Design.from_mapping(draw["design"])
    frame, reckoned = exposure.reckon(store, design, {} if draw is None else draw["visited"])
    issues = exposure.issues_of(store, frame)
    worth: dict[tuple[str, str], tuple[float, float]] = {}
    for layer in UNIT_LAYERS:
        ids = frame.units[layer]["id"]
        weight = issues.weights(layer, len(ids))
        for unit, chance, load in zip(ids, reckoned.layers[layer].pi, weight, strict=True):
            worth[layer, unit] = (float(chance), float(load))
    key = (str(store.path), store.data_version(("issues",)))
    loads = _LOADS.get(key, lambda: _anchor_weights(store))
    strata = anchor_strata(frame, design)
    chances = dict(zip(frame.anchors["id"], strata.fraction[strata.of].tolist(), strict=True))
    for unit in {**chances, **loads}:
        worth["anchors", unit] = (chances.get(unit, 0.0), loads.get(unit, 0.0))
    return worth


def _anchor_weights(store: Store) -> dict[str, float]:
    """Severity times cases of the open issues that name an anchor."""
    issues: gpd.GeoDataFrame = store.read("issues", columns=["category", "state", "site", "count"])
    issues = issues[issues["site"].notna() & (issues["state"].isna() | issues["state"].isin(OPEN_STATES))]
    severity = issues["category"].map({code: entry.severity for code, entry in categories().items()})
    count = issues["count"].fillna(1).astype(np.int64).clip(lower=1)
    weight: NDArray[np.float64] = (severity.fillna(1).astype(float) * count).to_numpy(dtype=float)
    summed = pd.Series(weight).groupby(issues["site"].to_numpy(dtype=object)).sum()
    return {str(site): float(load) for site, load in summed.items()}


def _apply(sites: list[dict[str, Any]], wanted: SitesWanted) -> None:
    """Put what is said of single sites or kinds into them; what nothing answers to is told."""
    by_word: dict[str, list[dict[str, Any]]] = {}
    for site in sites:
        for word in (site["id"], site["unit"], site["kind"]):
            by_word.setdefault(word, []).append(site)
    grouped = [one for group in wanted.any_one for one in group]
    named = list(dict.fromkeys([*wanted.needs, *wanted.service_s, *wanted.windows_s, *grouped]))
    missing = [word for word in named if word not in by_word]
    if missing and wanted.strict:
        raise NotFoundError(
            f"{len(missing)} names are neither a site of this plan nor a kind of site"
            f" ({', '.join(missing[:5])}); the kinds are {', '.join(visit_rules())}",
            code="site_not_planned", count=len(missing), ids=", ".join(missing[:5]),
            kinds=", ".join(visit_rules()),
        )  # fmt: skip
    double = [word for word in named if word not in visit_rules() and len(by_word.get(word, [])) > 1]
    if double:
        example = by_word[double[0]][0]["id"]
        raise DesignError(
            f"{len(double)} ids stand in several layers ({', '.join(double[:5])});"
            f" write the layer before them: {example}",
            code="site_ambiguous", count=len(double), ids=", ".join(double[:5]), example=example,
        )  # fmt: skip
    # kinds first: what is said of a single site overrules its kind
    for word in sorted(named, key=lambda word: word not in visit_rules()):
        for site in by_word.get(word, []):
            site["service_s"] = wanted.service_s.get(word, site["service_s"])
            site["windows"] = [list(window) for window in wanted.windows_s.get(word, site["windows"])]
            site["skills"] = list(wanted.needs.get(word, site["skills"]))
    for number, group in enumerate(wanted.any_one, 1):
        for site in (site for word in group for site in by_word[word]):
            if site["group"] not in (None, str(number)):
                raise DesignError(
                    f"{site['id']} stands in two groups of alternatives; leave it in one",
                    code="site_two_groups", id=site["id"],
                )  # fmt: skip
            site["group"] = str(number)
        members = [site for site in sites if site["group"] == str(number)]
        # one of them is required when any is, whichever it is
        for site in members:
            site["required"] = any(other["required"] for other in members)
    for site in sites:
        if site["length_m"] is not None:
            # an alley is walked through, whatever the team came by
            site["service_s"] += round(site["length_m"] / _WALK_MS)
