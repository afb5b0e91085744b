"""School zones: what does not belong within 200 m of a school.

Measured from the gates of a school, else from the place it has, on the ground and by distance: an
issue lies in a zone if the nearest gate is at most that far away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from sqlalchemy import select

from geo.buffers import discs, entry_distances
from geo.crs import WGS84, metric_crs, project, scale_at
from geo.design import STATUSES_EXCLUDED
from layers import tables
from layers.store import Store

from ..supervision.cards import CLOSED
from ..supervision.coverage_rules import SchoolRules, school_rules
from . import layers as layer_cases
from . import rule_books

STATES = ("open", "venue", "past", "clear")
"""With open issues; with a site that does not belong there; with issues that are all closed; with none."""
LAYERS = ("anchors", "issues")
Geometries = NDArray[np.object_]


@dataclass(frozen=True)
class SchoolZones:
    """Schools and what lies in their zones.

    Parameters
    ----------
    rules : SchoolRules
    schools : GeoDataFrame, EPSG:4326
        id, name, district, measured_from (`gate`, `point`, `outline`), open, closed (issues), venues,
        nearest_m (of whatever is nearest; missing where there is nothing), state; the zones as polygons.
    places : GeoDataFrame, EPSG:4326
        Where each school is shown: its first gate, else its middle. Points, rows as `schools`.
    found : GeoDataFrame, EPSG:4326
        A row per school and thing in its zone: school, kind (`issue`, `venue`), id, name (category or
        kind of site), state (`open`, `closed`; empty for a venue), distance_m. Points.
    """

    rules: SchoolRules
    schools: gpd.GeoDataFrame
    places: gpd.GeoDataFrame
    found: gpd.GeoDataFrame
    attribution: str

    @property
    def counts(self) -> dict[str, int]:
        """Schools by state."""
        return {state: int((self.schools["state"] == state).sum()) for state in STATES}


def zones(store: Store, *, now: datetime) -> SchoolZones:
    """Every school with its zone.

    Raises
    ------
    DesignError
        `coverage_unset`.
    """
    rules = school_rules(rule_books.current(store, now.date()))
    anchors = store.read("anchors")
    chosen = anchors[(anchors["class"] == "school") & ~anchors["status"].isin(STATUSES_EXCLUDED)]
    chosen = chosen.reset_index(drop=True)
    shapes, measured = _measured_from(chosen)
    things = pd.concat([_issues(store, rules.categories), _venues(anchors, rules.unsuitable)])
    things = things.reset_index(drop=True)
    found, circles = _near(shapes, chosen["id"].to_numpy(dtype=object), things, rules.zone_m)
    schools = gpd.GeoDataFrame(_schools(chosen, measured, found), geometry=circles, crs="EPSG:4326")
    places = gpd.GeoDataFrame({"id": chosen["id"]}, geometry=_shown_at(shapes), crs="EPSG:4326")
    return SchoolZones(rules, schools, places, found, layer_cases.attribution(store, LAYERS))


def _measured_from(schools: gpd.GeoDataFrame) -> tuple[Geometries, list[str]]:
    """The gates of each school, else its place; and which of them it is."""
    gates, shapes = schools["gates"].to_numpy(), schools.geometry.to_numpy()
    there = np.array([gate is not None and not gate.is_empty for gate in gates], dtype=bool)
    outline = np.isin(shapely.get_type_id(shapes), (3, 6))
    chosen = np.empty(len(schools), dtype=object)
    chosen[:] = [gate if yes else shape for gate, shape, yes in zip(gates, shapes, there, strict=True)]
    words = np.where(there, "gate", np.where(outline, "outline", "point")).astype(str)
    return chosen, words.tolist()


def _shown_at(shapes: Geometries) -> Geometries:
    """The first gate of several, else the middle."""
    many = shapely.get_type_id(shapes) == 4
    at: Geometries = np.where(many, shapely.get_geometry(shapes, 0), shapely.centroid(shapes))
    return at


def _issues(store: Store, categories: Sequence[str]) -> gpd.GeoDataFrame:
    """Issues of some categories that count, as points: neither withdrawn nor merged into another."""
    cases = tables.cases
    with store.reading() as connection:
        gone = connection.scalars(
            select(cases.c.issue).where(cases.c.withdrawn_at.is_not(None) | cases.c.merged_into.is_not(None))
        )
        gone_ids = set(gone)
    held = store.read("issues", columns=["id", "category", "state"])
    held = held[held["category"].isin(list(categories)) & ~held["id"].isin(gone_ids)]
    state = np.where(held["state"].isin(CLOSED), "closed", "open")
    return gpd.GeoDataFrame(
        {"kind": "issue", "id": held["id"], "name": held["category"], "state": state},
        geometry=shapely.centroid(held.geometry.to_numpy()), crs="EPSG:4326",
    )  # fmt: skip


def _venues(anchors: gpd.GeoDataFrame, unsuitable: Sequence[str]) -> gpd.GeoDataFrame:
    """Sites of kinds that do not belong near a school, as points."""
    told = anchors["subtype"].fillna("").astype(str)
    chosen = anchors[np.array([any(word in kind for word in unsuitable) for kind in told], dtype=bool)]
    return gpd.GeoDataFrame(
        {"kind": "venue", "id": chosen["id"], "name": chosen["subtype"], "state": ""},
        geometry=shapely.centroid(chosen.geometry.to_numpy()), crs="EPSG:4326",
    )  # fmt: skip


def _near(
    shapes: Geometries, schools: Geometries, things: gpd.GeoDataFrame, zone_m: float
) -> tuple[gpd.GeoDataFrame, Geometries]:
    """What lies in each zone, the nearest first, and the zones as polygons to draw."""
    spots = shapely.centroid(things.geometry.to_numpy())
    if not len(schools):
        return _found(things.iloc[:0], schools, np.empty(0)), np.empty(0, dtype=object)
    middle = shapely.get_coordinates(shapely.centroid(shapes))
    crs = metric_crs(*middle.mean(axis=0).tolist())
    plane = project(shapes, crs)
    drawn = discs(plane, np.full(len(plane), zone_m), scale_at(crs, middle[:, 0], middle[:, 1]), crs=crs)
    circles: Geometries = gpd.GeoSeries(drawn, crs=crs).to_crs(WGS84).to_numpy()
    if not len(things):
        return _found(things, schools[:0], np.empty(0)), circles
    scale = scale_at(crs, shapely.get_x(spots), shapely.get_y(spots))
    pairs = entry_distances(project(spots, crs), plane, crs=crs, scale=scale, radius_m=zone_m)
    return _found(things.iloc[pairs.anchor], schools[pairs.unit], pairs.entry_m), circles


def _found(things: gpd.GeoDataFrame, schools: Geometries, metres: NDArray[np.float64]) -> gpd.GeoDataFrame:
    told = things.assign(school=schools, distance_m=np.round(metres, 1))
    told = told.sort_values(["school", "distance_m", "id"], ignore_index=True)
    return told[["school", "kind", "id", "name", "state", "distance_m", "geometry"]]


def _schools(chosen: gpd.GeoDataFrame, measured: list[str], found: pd.DataFrame) -> pd.DataFrame:
    def count(rows: NDArray[np.bool_]) -> NDArray[np.int64]:
        by_school = found[rows].groupby("school").size().reindex(chosen["id"], fill_value=0)
        return np.asarray(by_school, dtype=np.int64)

    open_ = count((found["state"] == "open").to_numpy())
    closed = count((found["state"] == "closed").to_numpy())
    venues = count((found["kind"] == "venue").to_numpy())
    state = np.select([open_ > 0, venues > 0, closed > 0], STATES[:3], STATES[3])
    nearest = found.groupby("school")["distance_m"].min().reindex(chosen["id"]).to_numpy()
    return pd.DataFrame(
        {
            "id": chosen["id"], "name": chosen["name"], "district": chosen["district"],
            "measured_from": measured, "open": open_, "closed": closed, "venues": venues,
            "nearest_m": nearest.astype(np.float64), "state": state,
        }
    )  # fmt: skip
