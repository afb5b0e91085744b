"""What hotspot maps look at: the issues of a city as columns, the ground they lie on, and names for places.

Read once, kept by whoever asks often; everything is metres around the city's middle (`IssueColumns`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from geo.crs import project
from geo.density import EdgeMass, edge_mass
from geo.errors import StatisticsError
from geo.place_days import pile_ups, place_numbers, resent
from geo.spreading import Kernel
from geo.window import Window, make_window
from layers.issue_columns import IssueColumns, read_columns
from layers.store import Store

LAYERS_READ = ("issues", "areas", "roads", "back_alleys", "compounds")
NAMED = ("back_alleys", "compounds", "roads")
AREA_LEVELS = ("district", "subdistrict", "community", "grid")
"""The coarsest level that the store holds is the ground."""

_FAR_SHARE = 0.001
_MARGIN_M = 500.0
_KEPT = 6


@dataclass(frozen=True)
class Names:
    """The sites of a layer: where they are, what they are called, who answers for them."""

    tree: shapely.STRtree
    ids: list[str]
    names: list[str]
    units: list[str]

    def nearest(self, xy: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """(k,) the nearest site of each point, and how far it is, m."""
        points = np.asarray(shapely.points(xy), dtype=object)
        (_, found), distance = self.tree.query_nearest(points, return_distance=True, all_matches=False)
        return found.astype(np.int64), distance


@dataclass(frozen=True)
class City:
    """Everything that a hotspot map is made from.

    Parameters
    ----------
    issues : IssueColumns
    area : Polygon or MultiPolygon, metres from the origin of the issues.
    ground : str
        Where the area comes from: a level of areas, or ``hull``.
    piled : (n,) bool
        Issues on a place that holds far too many: a geocoder's default point.
    resent : (n,) bool
        Issues that repeat another one: same place and category within 24 hours.
    names : dict of layer to Names
    streets : (k,) object
        Roads as lines: the denominator of a rate per street kilometre.
    districts : Names or None
        Subdistricts, else the finest areas there are.
    version : str
        Of the data, for caches.
    """

    issues: IssueColumns
    area: Any
    ground: str
    piled: NDArray[np.bool_]
    resent: NDArray[np.bool_]
    names: dict[str, Names]
    streets: NDArray[np.object_]
    districts: Names | None
    attribution: str
    version: str
    _windows: dict[float, Window] = field(default_factory=dict, repr=False)
    _edges: dict[tuple[float, Kernel], EdgeMass] = field(default_factory=dict, repr=False)

    def window(self, cell_m: float) -> Window:
        """The area on cells of that size; the last few are kept."""
        found = self._windows.get(cell_m)
        if found is None:  # what another thread drops meanwhile is still returned
            found = make_window(self.area, cell_m, crs=self.issues.crs)
            _make_room(self._windows)
            self._windows[cell_m] = found
        return found

    def edges(self, window: Window, kernel: Kernel) -> EdgeMass:
        """The edge mass of a window and a kernel; the last few are kept."""
        key = (window.grid.cell_m, kernel)
        found = self._edges.get(key)
        if found is None:
            found = edge_mass(window, kernel)
            _make_room(self._edges)
            self._edges[key] = found
        return found

    @property
    def days(self) -> tuple[int, int]:
        """First and last day that has an issue, as day numbers."""
        return int(self.issues.day.min()), int(self.issues.day.max())


def _make_room(kept: dict[Any, Any]) -> None:
    while len(kept) >= _KEPT:
        kept.pop(next(iter(kept)), None)


def read_city(
    store: Store, attribution: str, progress: Callable[[int, int | None], None] | None = None
) -> City:
    """Read what hotspot maps need.

    Raises
    ------
    StatisticsError
        `no_issues` if the store holds none.
    """
    version = store.data_version(LAYERS_READ)
    issues = read_columns(store, progress)
    if not len(issues):
        raise StatisticsError(
            "the store holds no issue yet; import some with zhoubian import FILE --as issues",
            code="no_issues",
        )
    area, ground = _ground(store, issues)
    place = place_numbers(issues.xy.astype(np.float64), crs=issues.crs)
    piled = pile_ups(np.bincount(place))[place]
    category = issues.words["category"].codes.astype(np.int64) - 1
    second = (issues.day.astype(np.int64) * 24 + issues.hour) * 3600
    # ids are those of the store, each of them once
    again = ~resent(np.full(len(issues), -1), place, category, second).kept & ~piled
    names: dict[str, Names] = {}
    streets = np.empty(0, dtype=object)
    for layer in NAMED:
        table = store.read(layer, columns=["name"] if layer == "roads" else ["name", "unit"])
        shapes = on_plane(table.geometry.array, issues)
        if layer == "roads":
            streets = shapes
        if table["name"].notna().any():
            names[layer] = _names(table, shapes)
    districts = _districts(store, issues)
    return City(issues, area, ground, piled, again, names, streets, districts, attribution, version)


def on_plane(shapes: Any, issues: IssueColumns) -> NDArray[np.object_]:
    """Geometries of the store as metres from the origin of the issues."""
    moved = project(np.asarray(shapes, dtype=object), issues.crs)
    return np.asarray(shapely.transform(moved, lambda xy: xy - issues.origin), dtype=object)


def _ground(store: Store, issues: IssueColumns) -> tuple[Any, str]:
    """The study area: the union of the coarsest areas, else the hull of nearly all issues and a margin."""
    areas = store.read("areas", columns=["level"])
    for level in AREA_LEVELS:
        part = areas[areas["level"] == level]
        if len(part):
            whole = shapely.union_all(on_plane(part.geometry.array, issues))
            return shapely.make_valid(whole, method="structure", keep_collapsed=False), level
    xy = issues.xy.astype(np.float64)
    low, high = np.quantile(xy, [_FAR_SHARE, 1 - _FAR_SHARE], axis=0)
    near = xy[((xy >= low) & (xy <= high)).all(axis=1)]
    # the hull of a line through them all, back to the first: a million point objects take a second
    around = near if len(near) else xy
    hull = shapely.convex_hull(shapely.LineString(np.vstack([around, around[:1]])))
    return shapely.buffer(hull, _MARGIN_M), "hull"


def _names(table: gpd.GeoDataFrame, shapes: NDArray[np.object_]) -> Names:
    """The rows that have a name."""
    named = table["name"].notna().to_numpy()
    table = table[named]
    units = table["unit"].fillna("").tolist() if "unit" in table else [""] * len(table)
    return Names(shapely.STRtree(shapes[named]), table["id"].tolist(), table["name"].tolist(), units)


def _districts(store: Store, issues: IssueColumns) -> Names | None:
    if not store.count("areas"):
        return None
    table = store.read("areas", columns=["name", "level", "unit"])
    for level in ("subdistrict", "community", "district", "grid"):
        part = table[table["level"] == level]
        if len(part):
            tree = shapely.STRtree(on_plane(part.geometry.array, issues))
            names = part["name"].fillna(part["id"]).tolist()
            return Names(tree, part["id"].tolist(), names, part["unit"].fillna("").tolist())
    return None
