"""Where do counts and densities live? Square cells and hexagons in metres.

Cells are half-open: a point on a shared border belongs to the cell to the east or north of it. Row 0 is
the southernmost. Origins are whole multiples of the cell, so maps of the same CRS and cell lie on each other.
Hexagons are regular, with a corner to the north; a point goes to the nearest centre, found by rounding
its cube coordinates (the rule of Red Blob Games, "Hexagonal grids", section rounding).
Lengths are those of the plane: within 0.04 % of the ground in a Gauss-Krueger zone of 3 degrees or UTM.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from .errors import StatisticsError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

OUTSIDE = -1
MOST_CELLS = 4_000_000
"""About 25 km x 25 km at 12.5 m; one surface of it is 32 MB."""
MOST_HEXAGONS = 500_000
"""They are drawn as polygons, of about 300 bytes each."""

_ROOT3 = math.sqrt(3.0)


def check_size(cells_x: float, cells_y: float, cell_m: float, most: int = MOST_CELLS) -> None:
    """Refuse a cell that is no length, and a grid of more than `most` cells.

    Raises
    ------
    StatisticsError
        ``cell_size`` or ``grid_large``, with the cell that would do.
    """
    if not (math.isfinite(cell_m) and cell_m > 0):
        raise StatisticsError(
            f"a cell of {cell_m:g} m is no cell; give a length above 0", code="cell_size", cell_m=cell_m
        )
    cells = cells_x * cells_y
    if not cells <= most:
        enough = cell_m * math.sqrt(cells / most)
        raise StatisticsError(
            f"cells of {cell_m:g} m over {cells_x * cell_m / 1000:.1f} x {cells_y * cell_m / 1000:.1f} km"
            f" make {cells:,.0f} cells, at most {most:,} are drawn; take cells of {enough:.0f} m or a smaller"
            " area (a stray point makes an area large)",
            code="grid_large",
            cell_m=cell_m,
            width_km=cells_x * cell_m / 1000,
            height_km=cells_y * cell_m / 1000,
            cells=int(min(cells, 2**62)),
            most=most,
            enough_m=enough,
        )


@dataclass(frozen=True)
class Grid:
    """Square cells.

    Parameters
    ----------
    x, y : float
        South-west corner, m in the city's metric CRS.
    cell_m : float
        Side of a cell.
    nx, ny : int
        Columns (west to east) and rows (south to north); together at most `MOST_CELLS`.
    """

    x: float
    y: float
    cell_m: float
    nx: int
    ny: int

    def __post_init__(self) -> None:
        check_size(self.nx, self.ny, self.cell_m)

    @property
    def shape(self) -> tuple[int, int]:
        """(ny, nx)."""
        return self.ny, self.nx

    @property
    def cell_km2(self) -> float:
        """Area of a cell."""
        return self.cell_m * self.cell_m / 1e6

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north in m."""
        return self.x, self.y, self.x + self.nx * self.cell_m, self.y + self.ny * self.cell_m

    def centres(self) -> tuple[Floats, Floats]:
        """Eastings (nx,) and northings (ny,) of the middles of the cells."""
        x: Floats = self.x + (np.arange(self.nx, dtype=np.float64) + 0.5) * self.cell_m
        y: Floats = self.y + (np.arange(self.ny, dtype=np.float64) + 0.5) * self.cell_m
        return x, y

    def locate(self, x: ArrayLike, y: ArrayLike) -> Ints:
        """The cell of each point as row * nx + column, `OUTSIDE` where there is none; (n,) int64."""
        column = (np.asarray(x, dtype=np.float64) - self.x) / self.cell_m
        row = (np.asarray(y, dtype=np.float64) - self.y) / self.cell_m
        # a comparison with NaN is false, so a point without a position is outside
        here = (column >= 0) & (column < self.nx) & (row >= 0) & (row < self.ny)
        if here.all():
            return row.astype(np.int64) * self.nx + column.astype(np.int64)
        cell = np.full(here.shape, OUTSIDE, dtype=np.int64)
        cell[here] = row[here].astype(np.int64) * self.nx + column[here].astype(np.int64)
        return cell


def grid_over(bounds: tuple[float, float, float, float], cell_m: float, *, margin_m: float = 0.0) -> Grid:
    """The grid that holds a rectangle, its borders included.

    Parameters
    ----------
    bounds : (west, south, east, north) in m
    margin_m : float
        Kept free all around.
    """
    west, south, east, north = bounds
    if not all(map(math.isfinite, (*bounds, margin_m))):
        raise StatisticsError("the area has no finite extent; check its outline", code="grid_endless")
    check_size(1, 1, cell_m)
    first = math.floor((west - margin_m) / cell_m), math.floor((south - margin_m) / cell_m)
    last = math.floor((east + margin_m) / cell_m), math.floor((north + margin_m) / cell_m)
    return Grid(first[0] * cell_m, first[1] * cell_m, cell_m, last[0] - first[0] + 1, last[1] - first[1] + 1)


@dataclass(frozen=True, eq=False)
class Hexagons:
    """Regular hexagons that touch an area.

    Parameters
    ----------
    width_m : float
        Flat to flat; the centre of hexagon (q, r) is (width (q + r / 2), width r sqrt(3) / 2).
    q, r : (n,) int64
        Axial coordinates, sorted by r, then q; the same ground has the same q and r in every map.
    share : (n,) float64
        Part of the hexagon that lies in the area, (0, 1].
    """

    width_m: float
    q: Ints
    r: Ints
    share: Floats

    def __len__(self) -> int:
        return len(self.q)

    @property
    def hexagon_km2(self) -> float:
        """Area of a whole hexagon."""
        return self.width_m**2 * _ROOT3 / 2 / 1e6

    def centres(self) -> tuple[Floats, Floats]:
        """Eastings and northings of the middles, (n,) each."""
        return _centres(self.q, self.r, self.width_m)

    def polygons(self) -> NDArray[np.object_]:
        """(n,) shapely polygons, counter-clockwise from the corner in the north-east."""
        return _polygons(*self.centres(), self.width_m)

    def locate(self, x: ArrayLike, y: ArrayLike) -> Ints:
        """The row of each point's hexagon, `OUTSIDE` where none is listed; (n,) int64."""
        x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
        row = np.full(x.shape, OUTSIDE, dtype=np.int64)
        if not len(self):
            return row
        here = np.isfinite(x) & np.isfinite(y)
        q, r = _nearest_hexagon(x[here], y[here], self.width_m)
        low_q, low_r = int(self.q.min()), int(self.r.min())
        wide, high = int(self.q.max()) - low_q + 1, int(self.r.max()) - low_r + 1
        known = np.full(wide * high, OUTSIDE, dtype=np.int64)
        known[(self.r - low_r) * wide + self.q - low_q] = np.arange(len(self))
        near = (q >= low_q) & (q < low_q + wide) & (r >= low_r) & (r < low_r + high)
        found = np.full(len(q), OUTSIDE, dtype=np.int64)
        found[near] = known[((r - low_r) * wide + q - low_q)[near].astype(np.int64)]
        row[here] = found
        return row


def _nearest_hexagon(x: Floats, y: Floats, width_m: float) -> tuple[Floats, Floats]:
    """Axial coordinates of the nearest centre, as whole floats."""
    r = y / (width_m * _ROOT3 / 2)
    q = x / width_m - r / 2
    s = -q - r
    near_q, near_r, near_s = np.rint(q), np.rint(r), np.rint(s)
    off_q, off_r, off_s = np.abs(near_q - q), np.abs(near_r - r), np.abs(near_s - s)
    # the three must sum to 0: the one rounded farthest gives way
    first = (off_q > off_r) & (off_q > off_s)
    second = ~first & (off_r > off_s)
    return np.where(first, -near_r - near_s, near_q), np.where(second, -near_q - near_s, near_r)


def _centres(q: Ints, r: Ints, width_m: float) -> tuple[Floats, Floats]:
    x: Floats = width_m * (q + r / 2.0)
    y: Floats = width_m * (_ROOT3 / 2.0) * r.astype(np.float64)
    return x, y


def _polygons(x: Floats, y: Floats, width_m: float) -> NDArray[np.object_]:
    angle = np.deg2rad([30.0, 90.0, 150.0, 210.0, 270.0, 330.0, 30.0])
    radius = width_m / _ROOT3
    ring = np.stack([x[:, None] + radius * np.cos(angle), y[:, None] + radius * np.sin(angle)], axis=-1)
    return np.asarray(shapely.polygons(ring), dtype=object)


def hexagons_over(area: shapely.Geometry, width_m: float) -> Hexagons:
    """Every hexagon with a part of its ground in an area (a valid polygon in metres).

    Raises
    ------
    StatisticsError
        As `check_size`: more than `MOST_HEXAGONS` in the bounding rectangle.
    """
    west, south, east, north = shapely.bounds(area)
    if not math.isfinite(west):
        none = np.empty(0, dtype=np.int64)
        return Hexagons(width_m, none, none, np.empty(0))
    check_size(1, 1, width_m)
    step = width_m * _ROOT3 / 2
    check_size((east - west) / width_m + 2, (north - south) / step + 2, width_m, MOST_HEXAGONS)
    rows = np.arange(math.floor(south / step) - 1, math.ceil(north / step) + 2)
    wide = math.ceil((east - west) / width_m) + 3
    first = np.floor(west / width_m - rows / 2).astype(np.int64) - 1
    q = (first[:, None] + np.arange(wide)).ravel()
    r = np.repeat(rows, wide).astype(np.int64)
    shapes = _polygons(*_centres(q, r, width_m), width_m)
    shapely.prepare(area)
    touching = np.flatnonzero(shapely.intersects(area, shapes))
    whole = shapely.contains_properly(area, shapes[touching])
    share = np.ones(len(touching))
    cut = shapely.intersection(shapes[touching][~whole], area)
    share[~whole] = np.minimum(shapely.area(cut) / shapely.area(shapes[touching][~whole]), 1.0)
    kept = share > 0
    return Hexagons(width_m, q[touching][kept], r[touching][kept], share[kept])


def tally(place: Ints, places: int, weights: ArrayLike | None = None) -> Floats:
    """How many points, or how much weight, each place holds.

    Parameters
    ----------
    place : (n,) int64
        The place of each point, as a `locate` gives it; `OUTSIDE` counts nowhere.
    places : int
    weights : (n,) float, optional
        1 for every point if left out.

    Returns
    -------
    (places,) float64
    """
    inside = place != OUTSIDE
    heavy = None if weights is None else np.asarray(weights, dtype=np.float64)[inside]
    counted: Floats = np.bincount(place[inside], weights=heavy, minlength=places).astype(np.float64)
    return counted


def locate_areas(areas: NDArray[np.object_], x: ArrayLike, y: ArrayLike) -> Ints:
    """The area (subdistrict, grid unit) each point lies in; on a shared border the first serves.

    Parameters
    ----------
    areas : (a,) shapely polygons
        In the plane of the points; None and empty ones hold no point.
    x, y : (n,) float

    Returns
    -------
    (n,) int64, `OUTSIDE` where no area holds the point.
    """
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    area = np.full(len(x), OUTSIDE, dtype=np.int64)
    here = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    point, found = shapely.STRtree(areas).query(shapely.points(x[here], y[here]), predicate="intersects")
    order = np.lexsort((found, point))
    first, at = np.unique(point[order], return_index=True)
    area[here[first]] = found[order][at]
    return area
