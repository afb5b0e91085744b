"""From degrees to the pixels of a printed map, true to scale.

The plane is the metric CRS of the middle; its stretch there (0.9996 to 1.0004) is taken out, so that a
kilometre of ground has its length on paper at 1 : n. Grid north is up; where true north lies is told.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from geo.crs import metric_crs, project, scale_at, to_wgs84
from geo.errors import DesignError

Floats = NDArray[np.float64]
Geometries = NDArray[np.object_]

DPI = 300
PX_PER_MM = DPI / 25.4
LEAST_M, PAD_MM = 300.0, 6.0
"""A fitted map shows at least so much ground, and leaves so much paper around what it shows."""
LEAST_SCALE, MOST_SCALE = 200, 2_000_000
_ROUND = (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0)


def px(mm: float) -> int:
    """Millimetres of paper as whole pixels."""
    return round(mm * PX_PER_MM)


@dataclass(frozen=True)
class Plane:
    """A frame of `width` by `height` pixels on the ground.

    `left`, `top` are plane metres of its upper left corner; `north` says by how many degrees true north
    lies clockwise of up.
    """

    crs: CRS
    left: float
    top: float
    px_per_plane_m: float
    width: int
    height: int
    scale: int
    north: float

    @property
    def px_per_m(self) -> float:
        """Pixels of a metre of ground."""
        return 1000 * PX_PER_MM / self.scale

    def shapes(self, geometry: Geometries) -> Geometries:
        """EPSG:4326 geometries on the frame, y downwards."""
        flat: Geometries = shapely.transform(project(shapely.force_2d(geometry), self.crs), self._drawn)
        return flat

    def places(self, lonlat: Floats) -> Floats:
        """(n, 2) pixels of (n, 2) degrees."""
        return np.asarray(shapely.get_coordinates(self.shapes(np.array(shapely.points(lonlat)))))

    def degrees(self) -> tuple[float, float, float, float]:
        """West, south, east and north of what the frame shows."""
        side = np.linspace(0, 1, 9)
        x, y = (ends.ravel() for ends in np.meshgrid(side * self.width, side * self.height))
        plane_x, plane_y = self.left + x / self.px_per_plane_m, self.top - y / self.px_per_plane_m
        lon, lat = to_wgs84(plane_x, plane_y, f"EPSG:{self.crs.to_epsg()}")
        return float(lon.min()), float(lat.min()), float(lon.max()), float(lat.max())

    def _drawn(self, plane_xy: Floats) -> Floats:
        return (plane_xy - (self.left, self.top)) * (self.px_per_plane_m, -self.px_per_plane_m)


def plane_around(shown: Geometries, width: int, height: int, scale: int | None) -> Plane:
    """The frame whose middle is the middle of what is shown.

    Parameters
    ----------
    shown : EPSG:4326 geometries, at least one with a place
    width, height : int
        Pixels of the frame.
    scale : int or None
        The n of 1 : n; None for the largest round one at which all of it fits.

    Raises
    ------
    DesignError
        `map_scale`: the scale is none that a city is drawn at.
    """
    if scale is not None and not LEAST_SCALE <= scale <= MOST_SCALE:
        raise DesignError(
            f"a map at 1:{scale} is not drawn; choose a scale from 1:{LEAST_SCALE} to 1:{MOST_SCALE}",
            code="map_scale", scale=scale, least=LEAST_SCALE, most=MOST_SCALE,
        )  # fmt: skip
    west, south, east, north = shapely.total_bounds(shown)
    lon, lat = float(west + east) / 2, float(south + north) / 2
    crs = metric_crs(lon, lat)
    x0, y0, x1, y1 = shapely.total_bounds(project(shapely.force_2d(shown), crs))
    middle = np.array([(x0 + x1) / 2, (y0 + y1) / 2])
    stretch = float(scale_at(crs, [lon], [lat])[0])
    if scale is None:
        ground = np.maximum(np.array([x1 - x0, y1 - y0]) / stretch, LEAST_M)
        paper_m = (np.array([width, height]) / PX_PER_MM - 2 * PAD_MM) / 1000
        scale = round_scale(float((ground / paper_m).max()))
    unit = 1000 * PX_PER_MM / scale / stretch
    up = shapely.get_coordinates(project(np.array(shapely.points([[lon, lat], [lon, lat + 0.001]])), crs))
    east_m, north_m = up[1] - up[0]
    return Plane(
        crs,
        float(middle[0] - width / 2 / unit),
        float(middle[1] + height / 2 / unit),
        unit,
        width,
        height,
        scale,
        math.degrees(math.atan2(east_m, north_m)),
    )


def round_scale(least: float) -> int:
    """The first round number from `least` up: 1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8 and tens of them."""
    power = 10.0 ** math.floor(math.log10(least))
    choices = [step * power for step in _ROUND] + [10 * power]
    return round(next(step for step in choices if step >= least * (1 - 1e-9)))


def bar_metres(plane: Plane, room_mm: float) -> float:
    """The longest of 1, 2, 5 and tens of them in metres that has room."""
    room = room_mm * PX_PER_MM / plane.px_per_m
    power = 10.0 ** math.floor(math.log10(room))
    return next(step * power for step in (5, 2, 1) if step * power <= room)
