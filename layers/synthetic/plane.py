"""The plane of the made-up city: its place, its metric CRS, and how its shapes are kept in order."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Transformer
from shapely import LineString, Polygon

from geo.crs import metric_crs

Geometries = NDArray[np.object_]

CENTRE = (114.9, 33.0)
"""Longitude and latitude of the middle of the city."""

CRS_METRIC = metric_crs(*CENTRE)
SNAP = 0.01
"""Coordinates lie on a grid of 1 cm, so that what touches shares its vertex exactly."""


def to_degrees(geometry: Any) -> Geometries:
    """Metric geometries to EPSG:4326, rounded to 1e-7 degree (1 cm): what touched still shares its vertex."""
    transformer = Transformer.from_crs(CRS_METRIC, "EPSG:4326", always_xy=True)

    def move(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.round(np.column_stack(transformer.transform(xy[:, 0], xy[:, 1])), 7)

    moved: Geometries = shapely.transform(np.asarray(geometry, dtype=object), move)
    return moved


def tidy(geometries: Any) -> Geometries:
    """The geometries in an order that depends on their place alone: west to east, then south to north."""
    items = np.asarray(geometries, dtype=object)
    points = shapely.point_on_surface(items)
    return np.asarray(items[np.lexsort((shapely.get_y(points).round(2), shapely.get_x(points).round(2)))])


def points_at(xy: Any) -> Geometries:
    """(n, 2) coordinates as n points."""
    return np.asarray(shapely.points(np.asarray(xy, dtype=np.float64)), dtype=object)


def when(condition: Any, value: Any) -> NDArray[np.object_]:
    """The value (one, or one per row) where the condition holds, else None."""
    held = np.asarray(condition, dtype=bool)
    result = np.full(len(held), None, dtype=object)
    result[held] = np.broadcast_to(np.asarray(value, dtype=object), held.shape)[held]
    return result


def largest(shape: Any) -> Polygon:
    return max(shapely.get_parts(shape), key=shapely.area)  # type: ignore[no-any-return]


def lines_of(shape: Any) -> list[LineString]:
    return [part for part in shapely.get_parts(shape) if part.geom_type == "LineString" and not part.is_empty]


def longest(shape: Any) -> LineString:
    return max(lines_of(shape), key=shapely.length)


def owners(edges: Geometries, sources: Geometries) -> NDArray[np.intp]:
    middles = shapely.line_interpolate_point(edges, 0.5, normalized=True)
    tree = shapely.STRtree(sources)
    pairs = tree.query_nearest(middles, all_matches=False)
    return np.asarray(pairs[1])
