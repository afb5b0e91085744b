"""What the exposure page draws, without any number: fetched once, whatever the settings are.

The encoding is that of `features`. The numbers follow by themselves (`/api/exposure/numbers`), so a
change of setting moves no geometry.
"""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from layers.schema import DRAWN

from .features import anchor_points, extent, names_of, place, road_lines

SHOWN = ("anchors", *DRAWN, "roads")


def exposure_geometry(layers: dict[str, gpd.GeoDataFrame], *, attribution: str) -> dict[str, Any]:
    """Units, anchors and roads as compact JSON values, free of language and of any design.

    Parameters
    ----------
    layers : dict of GeoDataFrame, EPSG:4326
        `anchors`, `back_alleys`, `compounds` and `roads`; a missing or empty one is drawn as nothing.
        Excluded units are there too: which of them are in the frame depends on the design.
    attribution : str
        Where the layers come from, as their licences ask.

    Returns
    -------
    dict
        `units`: per layer, in the order of the layer, `id`, `name` and `paths` (or `xy` of a point).
        `anchors`: `id`, `name`, `class` and `xy` at the main gate, else the centroid. `roads` as in
        `features.draw_features`. `bounds` is [west, south, east, north] in degrees, or None.
    """
    tables = {name: layers[name] for name in SHOWN if name in layers and len(layers[name])}
    return {
        "format": "zhoubian-exposure-map/1",
        "attribution": attribution,
        "bounds": extent(tables),
        "roads": road_lines(tables.get("roads")),
        "anchors": _anchors(tables.get("anchors")),
        "units": {name: _units(tables.get(name)) for name in DRAWN},
    }


def _anchors(table: gpd.GeoDataFrame | None) -> list[dict[str, Any]]:
    if table is None:
        return []
    xy = np.round(shapely.get_coordinates(anchor_points(table, "gate")), 6).tolist()
    rows = zip(table["id"], names_of(table), table["class"], xy, strict=True)
    return [{"id": ident, "name": name, "class": kind, "xy": at} for ident, name, kind, at in rows]


def _units(table: gpd.GeoDataFrame | None) -> list[dict[str, Any]]:
    if table is None:
        return []
    rows = zip(table["id"], names_of(table), table.geometry, strict=True)
    return [{"id": ident, "name": name, **place(geometry)} for ident, name, geometry in rows]
