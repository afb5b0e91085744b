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

ROLES = ("drawn", "reserves")

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
        `metric` is that of the design: by walking distance a buffer is only the radius by air.
        `bounds` is [west, south, east, north] in degrees, or None when there is nothing to show.
    """
    tables = {name: table for name, table in layers.items() if len(table)}
    plane = CRS.from_user_input(record["frame"]["crs"])
    drawn_anchors = {a["id"] for s in record["surroundings"] for a in s["anchors"]}
    surroundings = _surroundings(record, tables, plane)
    return {
        "format": "zhoubian-map/1",
        "attribution": attribution,
        "metric": record["design"].get("metric", "straight"),
        "bounds": _bounds(tables, surroundings),
        "roads": road_lines(tables.get("roads")),
        "anchors": _anchors(tables.get("anchors"), record["design"], drawn_anchors),
        **{name: _units(tables.get(name), name, record) for name in DRAWN},
        "surroundings": surroundings,
    }


def path(coords: NDArray[np.float64]) -> list[int]:
    """Vertices (n, 2) in degrees as ``[x0, y0, dx1, dy1, ...]`` in 1e-6 degrees."""
    micro = np.rint(coords * 1e6).astype(np.int64)
    steps: list[int] = np.diff(micro, axis=0, prepend=np.zeros((1, 2), np.int64)).ravel().tolist()
    return steps


def paths(geometry: Any) -> list[list[int]]:
    """The lines of a (multi)line, or the rings of a (multi)polygon."""
    parts = shapely.get_parts(geometry)
    if shapely.get_type_id(geometry) in (3, 6):
        parts = shapely.get_rings(parts)
    return [path(shapely.get_coordinates(part)) for part in parts]


def place(geometry: Any) -> dict[str, Any]:
    """Where a unit is drawn: its `paths`, or `xy` in degrees of a point."""
    if shapely.get_dimensions(geometry) == 0:
        return {"xy": np.round(shapely.get_coordinates(shapely.centroid(geometry))[0], 6).tolist()}
    return {"paths": paths(geometry)}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def names_of(table: gpd.GeoDataFrame) -> list[str]:
    """Names, a missing one as an empty text."""
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
    excluded = set(design["exclude_status"])
    anchors = []
    rows = zip(table["id"], names_of(table), table["class"], table["status"], xy, strict=True)
    for ident, name, kind, status, at in rows:
        anchor = {"id": ident, "name": name, "class": kind, "xy": at, "drawn": ident in drawn}
        if status in excluded:
            anchor["out"] = status
        anchors.append(anchor)
    return anchors


def _units(table: gpd.GeoDataFrame | None, layer: str, record: dict[str, Any]) -> list[dict[str, Any]]:
    """The units of a layer; `role`: drawn or in reserve; `out`: why one was not in the frame."""
    if table is None:
        return []
    roles = {
        unit["id"]: role
        for role in reversed(ROLES)
        for surrounding in record["surroundings"]
        for unit in surrounding[layer][role]
    }
    excluded = set(record["design"]["exclude_status"])
    visited = set(record["visited"].get(layer, ()))
    units = []
    rows = zip(table["id"], names_of(table), table["status"], table.geometry, strict=True)
    for ident, name, status, geometry in rows:
        unit: dict[str, Any] = {"id": ident, "name": name, **place(geometry)}
        if ident in roles:
            unit["role"] = roles[ident]
        elif status in excluded:
            unit["out"] = status
        elif ident in visited:
            unit["out"] = "visited"
        units.append(unit)
    return units


def road_lines(table: gpd.GeoDataFrame | None) -> list[dict[str, Any]]:
    """Roads joined by class and name, so that tens of thousands of edges are a few hundred lines."""
    if table is None:
        return []
    geometry = table.geometry.to_numpy()
    keys = pd.DataFrame({"class": table["class"].to_numpy(), "name": table["name"].fillna("").to_numpy()})
    roads = []
    groups: dict[tuple[str, str], NDArray[np.intp]] = keys.groupby(["class", "name"]).indices  # type: ignore[assignment]
    for (kind, name), rows in sorted(groups.items()):
        merged = shapely.line_merge(shapely.multilinestrings(shapely.get_parts(geometry[rows])))
        lines = paths(shapely.simplify(merged, ROAD_TOLERANCE_DEG))
        roads.append({"class": kind, "name": name, "paths": lines})
    return roads


def _measured(table: gpd.GeoDataFrame, layer: str, design: dict[str, Any]) -> Geometries:
    """The geometry of each row that the draw measured to: gates and centroids where the rules say so."""
    geometry: Geometries = table.geometry.to_numpy().copy()
    if layer == "anchors":
        return (
            geometry if design["anchor_rule"] == "boundary" else anchor_points(table, design["anchor_rule"])
        )
    if layer == "compounds" and design["compound_rule"] == "gate":
        gates = table["gates"].to_numpy()
        there = np.array([gate is not None and not gate.is_empty for gate in gates], dtype=bool)
        geometry[there] = gates[there]
    return geometry


def _places(
    record: dict[str, Any], tables: dict[str, gpd.GeoDataFrame], plane: CRS
) -> dict[str, dict[str, Any]]:
    """The anchors and units of the record that the layers still hold: layer -> id -> plane geometry."""
    wanted: dict[str, set[str]] = {"anchors": {a["id"] for s in record["surroundings"] for a in s["anchors"]}}
    for layer in DRAWN:
        wanted[layer] = {
            unit["id"] for s in record["surroundings"] for role in ROLES for unit in s[layer][role]
        }
    places: dict[str, dict[str, Any]] = {layer: {} for layer in wanted}
    for layer, ids in wanted.items():
        if layer in tables:
            table = tables[layer][tables[layer]["id"].isin(ids)]
            placed = project(_measured(table, layer, record["design"]), plane)
            places[layer] = dict(zip(table["id"], placed, strict=True))
    return places


def _surroundings(
    record: dict[str, Any], tables: dict[str, gpd.GeoDataFrame], plane: CRS
) -> list[dict[str, Any]]:
    """The draws of the record with their buffers, and with a link from the anchor to each drawn unit.

    Shapes are collected first and brought back to degrees in one go: a transformer per unit took
    30 s for 200 anchors.
    """
    places = _places(record, tables, plane)
    design = record["design"]
    shown: list[dict[str, Any]] = []
    buffers: list[tuple[dict[str, Any], Any, float]] = []
    links: list[tuple[dict[str, Any], Any]] = []
    for given in record["surroundings"]:
        surrounding: dict[str, Any] = {"key": given["key"], "anchors": given["anchors"], "buffers": []}
        for anchor in given["anchors"]:
            if anchor["id"] in places["anchors"]:
                buffers.append((surrounding, places["anchors"][anchor["id"]], float(anchor["radius_m"])))
        for layer in DRAWN:
            pool = given[layer]
            weight = design["alley_weight" if layer == "back_alleys" else "compound_weight"]
            surrounding[layer] = {key: pool[key] for key in ("pool", "asked", "note")}
            surrounding[layer] |= {"equal": weight == "equal", "widened_to_m": pool["widened_to_m"]}
            for role in ROLES:
                units = [
                    {"id": u["id"], "anchor": u["anchor"], "entry_m": round(float(u["entry_m"]), 1)}
                    for u in pool[role]
                ]
                surrounding[layer][role] = units
                for unit in units:
                    if unit["anchor"] in places["anchors"] and unit["id"] in places[layer]:
                        ends = places["anchors"][unit["anchor"]], places[layer][unit["id"]]
                        links.append((unit, shapely.shortest_line(*ends)))
        shown.append(surrounding)
    for (unit, _), line in zip(links, _unproject([line for _, line in links], plane), strict=True):
        unit["link"] = path(shapely.get_coordinates(line))
    shapes = _unproject(
        _buffer_shapes([b[1] for b in buffers], [b[2] for b in buffers], design, plane), plane
    )
    for (surrounding, _, _), shape in zip(buffers, shapes, strict=True):
        surrounding["buffers"].append(paths(shape))
    return shown


def _buffer_shapes(
    anchors: list[Any], radii_m: list[float], design: dict[str, Any], plane: CRS
) -> Geometries:
    where = np.array(anchors, dtype=object)
    centre = shapely.get_coordinates(shapely.centroid(where))
    scale = scale_at(plane, *to_wgs84(centre[:, 0], centre[:, 1], _code(plane)))
    inner = float(design["inner_m"]) if design["shape"] == "ring" else 0.0
    return discs(where, np.array(radii_m), scale, crs=plane, inner_m=inner)


def _code(plane: CRS) -> str:
    return f"EPSG:{plane.to_epsg()}"


def _unproject(geometry: Any, plane: CRS) -> Geometries:
    def move(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack(to_wgs84(xy[:, 0], xy[:, 1], _code(plane)))

    moved: Geometries = shapely.transform(np.array(geometry, dtype=object), move)
    return moved


def _bounds(tables: dict[str, gpd.GeoDataFrame], surroundings: list[dict[str, Any]]) -> list[float] | None:
    """What the page opens on: the buffers if there are any, else every layer."""
    rings = [ring for s in surroundings for buffer in s["buffers"] for ring in buffer]
    if rings:
        xy = np.vstack([np.cumsum(np.reshape(ring, (-1, 2)), axis=0) for ring in rings]) / 1e6
        return [*xy.min(axis=0).tolist(), *xy.max(axis=0).tolist()]
    return extent(tables)


def extent(tables: dict[str, gpd.GeoDataFrame]) -> list[float] | None:
    """[west, south, east, north] in degrees of all tables that hold something; None for none."""
    shown = [table.total_bounds for table in tables.values() if len(table)]
    if not shown:
        return None
    box = np.array(shown)
    return [*box[:, :2].min(axis=0).tolist(), *box[:, 2:].max(axis=0).tolist()]
