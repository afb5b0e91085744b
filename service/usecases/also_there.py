"""举一反三: what was found here, where else is it, and where has nobody looked yet?"""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from geo.errors import NotFoundError
from geo.frame import UNIT_LAYERS
from layers.store import Store

from .hotspot_city import City, on_plane

NEAR_M = 1000.0
"""Units within this distance are nearby."""
OWN_M = 30.0
"""An issue within this distance of a unit is its own, the nearest one's."""
SAME_YEARS = 5
MOST = 20


@dataclass(frozen=True)
class Unit:
    """A unit like the one asked about.

    `issues` of the category are its own; `alike` says in what it is like the other one.
    """

    id: str
    name: str
    district: str
    metres: float
    issues: int
    alike: tuple[str, ...]


@dataclass(frozen=True)
class AlsoThere:
    """Where the same may be.

    Parameters
    ----------
    layer, unit, name, category : str
        What was asked.
    issues : int
        Of the category, at the unit itself.
    nearby : tuple of Unit
        Units of the same layer within 1 km that have the category too, the nearest first.
    unseen : tuple of Unit
        Units of the same profile (kind, age) without a report of the category, the most alike first.
    """

    layer: str
    unit: str
    name: str
    category: str
    issues: int
    nearby: tuple[Unit, ...]
    unseen: tuple[Unit, ...]


def also_there(store: Store, city: City, unit_id: str, category: str) -> AlsoThere:
    """Look for an issue's category at units like the one that has it.

    Raises
    ------
    NotFoundError
        `also_unknown` if no alley or compound has the id.
    """
    for layer in UNIT_LAYERS:
        units = store.read(layer)
        here = np.flatnonzero((units["id"] == unit_id).to_numpy())
        if len(here):
            return _like(city, layer, units, int(here[0]), category)
    raise NotFoundError(
        f"there is no alley or compound with the id {unit_id!r}; look it up with zhoubian export",
        code="also_unknown", id=unit_id[:40],
    )  # fmt: skip


def _like(city: City, layer: str, units: gpd.GeoDataFrame, here: int, category: str) -> AlsoThere:
    shapes = on_plane(units.geometry.array, city.issues)
    words = city.issues.words["category"]
    rows = np.flatnonzero(words.among(word for word in words.words if word and word.startswith(category)))
    counts = _issues_of(shapes, city.issues.xy[rows].astype(np.float64))
    metres = shapely.distance(shapes, shapes[here])
    alike = _alike(units, here)
    score = np.array([len(found) for found in alike])
    names = units["name"].fillna(units["id"]).tolist()
    districts = units["district"].fillna("").tolist()
    ids = units["id"].tolist()

    def told(row: int) -> Unit:
        return Unit(
            ids[row], names[row], districts[row], round(float(metres[row]), 1), int(counts[row]), alike[row]
        )

    others = np.arange(len(units)) != here
    near = np.flatnonzero(others & (counts > 0) & (metres <= NEAR_M))
    near = near[np.argsort(metres[near], kind="stable")][:MOST]
    quiet = np.flatnonzero(others & (counts == 0) & (score > 0))
    quiet = quiet[np.lexsort((metres[quiet], -score[quiet]))][:MOST]
    return AlsoThere(
        layer, ids[here], names[here], category, int(counts[here]),
        tuple(told(int(row)) for row in near), tuple(told(int(row)) for row in quiet),
    )  # fmt: skip


def _issues_of(shapes: NDArray[np.object_], xy: NDArray[np.float64]) -> NDArray[np.int64]:
    """(n,) issues of each unit: those to which it is the nearest, within 30 m."""
    points = np.asarray(shapely.points(xy), dtype=object)
    _, unit = shapely.STRtree(shapes).query_nearest(points, max_distance=OWN_M, all_matches=False)
    return np.bincount(unit, minlength=len(shapes)).astype(np.int64)


def _alike(units: gpd.GeoDataFrame, here: int) -> list[tuple[str, ...]]:
    """In what each unit is like the one asked about: kind, age, responsible unit."""
    found: list[list[str]] = [[] for _ in range(len(units))]
    for column in ("subtype", "unit"):
        same = (units[column] == units[column].iloc[here]).fillna(False).to_numpy(dtype=bool)
        for row in np.flatnonzero(same):
            found[row].append(column)
    if "built_year" in units and not units["built_year"].isna().iloc[here]:
        apart = (units["built_year"] - units["built_year"].iloc[here]).abs()
        for row in np.flatnonzero((apart <= SAME_YEARS).fillna(False).to_numpy(dtype=bool)):
            found[row].append("built_year")
    return [tuple(one) for one in found]
