"""A stored draw as the compact JSON that the map page draws.

Nothing here is a page: the browser fetches this and shows every name through `textContent`. The
form is private to the map (exports are GeoJSON and friends), so it is small rather than standard:
a path is a flat list of integers ``[x0, y0, dx1, dy1, ...]`` in 1e-6 degrees, every vertex as the
difference from the one before it.
"""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from geo.buffers import discs
from geo.crs import project, scale_at, to_wgs84
from layers.schema import DRAWN

Geometries = NDArray[np.object_]

ROAD_TOLERANCE_DEG = 8e-6
"""Roads are only the background of the map: a vertex less than about a metre off its line is left out."""


def draw_features(
    record: dict[str, Any], layers: dict[str, gpd.GeoDataFrame], *, attribution: str
) -> dict[str, Any]:
    """Everything the map of a draw shows, free of language.

    Parameters
    ----------
    record : dict
        A draw record (``zhoubian-draw/1``).
    layers : dict of GeoDataFrame, EPSG:4326
        `anchors`, `back_alleys`, `compounds` and `roads` as the store holds them now; a missing or
        empty one is drawn as nothing.
    attribution : str
        Where the layers come from, as their licences ask.

    Returns
    -------
    dict
        Plain JSON values. `anchors`, `back_alleys`, `compounds`: one entry per feature, in the order
        of the layer. `surroundings`: per draw of the record its anchors, buffers, pools and drawn
        units; a unit that the layer no longer holds has no `link` and is listed all the same.
        `bounds` is [west, south, east, north] in degrees, or None when there is nothing to show.
    """
    tables = {name: table for name, table in layers.items() if len(table)}
    plane = CRS.from_user_input(record["frame"]["crs"])
    places = _places(record, tables)
    drawn_anchors = {a["id"] for s in record["surroundings"] for a in s["anchors"]}
    surroundings = [_surrounding(s, record["design"], places, plane) for s in record["surroundings"]]
    return {
        "format": "zhoubian-map/1",
        "attribution": attribution,
        "bounds": _bounds(tables, surroundings),
        "roads": _roads(tables.get("roads")),
        "anchors": _anchors(tables.get("anchors"), record["design"], drawn_anchors),
        **{name: _units(tables.get(name), name, record) for name in DRAWN},
        "surroundings": surroundings,
    }


def path(coords: NDArray[np.float64]) -> list[int]:
    """Vertices (n, 2) in degrees as ``[x0, y0, dx1, dy1, ...]`` in 1e-6 degrees."""
    micro = np.rint(coords * 1e6).astype(np.int64)
    steps: list[int] = np.diff(micro, axis=0, prepend=np.zeros((1, 2), np.int64)).ravel().tolist()
    return steps


def _paths(geometry: Any) -> list[list[int]]:
    """The lines of a (multi)line, or the rings of a (multi)polygon."""
    parts = shapely.get_parts(geometry)
    if shapely.get_type_id(geometry) in (3, 6):
        parts = shapely.get_rings(parts)
    return [path(shapely.get_coordinates(part)) for part in parts]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _name_of(table: gpd.GeoDataFrame) -> list[str]:
    return [_text(name) for name in table["name"]]


def anchor_points(table: gpd.GeoDataFrame, rule: str) -> Geometries:
    """The point an anchor is drawn at: its main gate under the rule `gate`, else its centroid."""
    geometry = table.geometry.to_numpy()
    points = np.asarray(shapely.centroid(geometry), dtype=object)
    if rule == "gate" and "gates" in table:
        gates = table["gates"].to_numpy()
        there = np.array([gate is not None and not gate.is_empty for gate in gates], dtype=bool)
        points[there] = shapely.get_geometry(gates[there], 0)
    return points


def _anchors(table: gpd.GeoDataFrame | None, design: dict[str, Any], drawn: set[str]) -> list[dict[str, Any]]:
    if table is None:
        return []
    xy = np.round(shapely.get_coordinates(anchor_points(table, design["anchor_rule"])), 6).tolist()
    rows = zip(table["id"], _name_of(table), table["class"], xy, strict=True)
    return [
        {"id": ident, "name": name, "class": kind, "xy": at, "drawn": ident in drawn}
        for ident, name, kind, at in rows
    ]


def _units(table: gpd.GeoDataFrame | None, layer: str, record: dict[str, Any]) -> list[dict[str, Any]]:
    """The units of a layer; `role`: drawn or in reserve; `out`: why one was not in the frame."""
    if table is None:
        return []
    roles = {
        unit["id"]: role
        for role in ("reserves", "drawn")
        for surrounding in record["surroundings"]
        for unit in surrounding[layer][role]
    }
    excluded = set(record["design"].get("exclude_status", ()))
    visited = set(record.get("visited", {}).get(layer, ()))
    units = []
    rows = zip(table["id"], _name_of(table), table["status"], table.geometry, strict=True)
    for ident, name, status, geometry in rows:
        unit: dict[str, Any] = {"id": ident, "name": name}
        if shapely.get_dimensions(geometry) == 0:
            unit["xy"] = np.round(shapely.get_coordinates(shapely.centroid(geometry))[0], 6).tolist()
        else:
            unit["paths"] = _paths(geometry)
        if ident in roles:
            unit["role"] = roles[ident]
        elif status in excluded:
            unit["out"] = status
        elif ident in visited:
            unit["out"] = "visited"
        units.append(unit)
    return units


def _roads(table: gpd.GeoDataFrame | None) -> list[dict[str, Any]]:
    """Roads joined by class and name, so that tens of thousands of edges are a few hundred lines."""
    if table is None:
        return []
    geometry = shapely.simplify(table.geometry.to_numpy(), ROAD_TOLERANCE_DEG)
    keys = pd.DataFrame({"class": table["class"].to_numpy(), "name": table["name"].fillna("").to_numpy()})
    roads = []
    groups: dict[tuple[str, str], NDArray[np.intp]] = keys.groupby(["class", "name"]).indices  # type: ignore[assignment]
    for (kind, name), rows in sorted(groups.items()):
        merged = shapely.line_merge(shapely.multilinestrings(shapely.get_parts(geometry[rows])))
        roads.append({"class": kind, "name": name, "paths": _paths(merged)})
    return roads


def _places(record: dict[str, Any], tables: dict[str, gpd.GeoDataFrame]) -> dict[str, dict[str, Any]]:
    """Where each unit of the record is: layer -> id -> geometry, EPSG:4326, as the draw measured it."""
    places: dict[str, dict[str, Any]] = {}
    for name in ("anchors", *DRAWN):
        table = tables.get(name)
        if table is None:
            places[name] = {}
            continue
        geometry = table.geometry.to_numpy().copy()
        if name == "anchors":
            rule = record["design"]["anchor_rule"]
            geometry = geometry if rule == "boundary" else anchor_points(table, rule)
        elif name == "compounds" and record["design"]["compound_rule"] == "gate":
            gates = table["gates"].to_numpy()
            there = np.array([gate is not None and not gate.is_empty for gate in gates], dtype=bool)
            geometry[there] = gates[there]
        places[name] = dict(zip(table["id"], geometry, strict=True))
    return places


def _surrounding(
    given: dict[str, Any], design: dict[str, Any], places: dict[str, dict[str, Any]], plane: CRS
) -> dict[str, Any]:
    """One draw of the record with its buffers and the links from anchors to units, in 1e-6 degrees."""
    shown: dict[str, Any] = {"key": given["key"], "anchors": given["anchors"]}
    there = [a for a in given["anchors"] if a["id"] in places["anchors"]]
    origin = {a["id"]: places["anchors"][a["id"]] for a in there}
    shown["buffers"] = []
    if there:
        where = np.array(list(origin.values()), dtype=object)
        centre = shapely.get_coordinates(shapely.centroid(where))
        inner = float(design["inner_m"]) if design["shape"] == "ring" else 0.0
        radii = np.array([a["radius_m"] for a in there], dtype=np.float64)
        scale = scale_at(plane, centre[:, 0], centre[:, 1])
        shapes = discs(project(where, plane), radii, scale, crs=plane, inner_m=inner)
        shown["buffers"] = [_paths(shape) for shape in _unproject(shapes, plane)]
    for layer in DRAWN:
        pool = given[layer]
        weight = design.get("alley_weight" if layer == "back_alleys" else "compound_weight", "equal")
        shown[layer] = {key: pool[key] for key in ("pool", "asked", "note")}
        shown[layer] |= {"equal": weight == "equal", "widened_to_m": pool.get("widened_to_m")}
        for role in ("drawn", "reserves"):
            shown[layer][role] = [_linked(unit, origin, places[layer], plane) for unit in pool[role]]
    return shown


def _linked(
    unit: dict[str, Any], origin: dict[str, Any], places: dict[str, Any], plane: CRS
) -> dict[str, Any]:
    """A drawn unit with the shortest line from its anchor, where both are still in the layers."""
    shown = {"id": unit["id"], "anchor": unit["anchor"], "entry_m": round(float(unit["entry_m"]), 1)}
    if unit["anchor"] in origin and unit["id"] in places:
        ends = project(np.array([origin[unit["anchor"]], places[unit["id"]]], dtype=object), plane)
        line = shapely.shortest_line(ends[0], ends[1])
        shown["link"] = path(shapely.get_coordinates(_unproject(np.array([line], dtype=object), plane)[0]))
    return shown


def _unproject(geometry: Geometries, plane: CRS) -> Geometries:
    code = f"EPSG:{plane.to_epsg()}"
    moved: Geometries = shapely.transform(
        geometry, lambda xy: np.column_stack(to_wgs84(xy[:, 0], xy[:, 1], code))
    )
    return moved


def _bounds(tables: dict[str, gpd.GeoDataFrame], surroundings: list[dict[str, Any]]) -> list[float] | None:
    """What the page opens on: the buffers if there are any, else every layer."""
    rings = [ring for s in surroundings for buffer in s["buffers"] for ring in buffer]
    if rings:
        xy = np.vstack([np.cumsum(np.reshape(ring, (-1, 2)), axis=0) for ring in rings]) / 1e6
        return [*xy.min(axis=0).tolist(), *xy.max(axis=0).tolist()]
    shown = [tables[name].total_bounds for name in ("anchors", *DRAWN, "roads") if name in tables]
    if not shown:
        return None
    box = np.array(shown)
    return [*box[:, :2].min(axis=0).tolist(), *box[:, 2:].max(axis=0).tolist()]
