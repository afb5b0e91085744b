"""Which ground is studied? The exact part of every cell that lies in a polygon, and lines cut at the cells.

One sweep serves both. Every edge is cut where it crosses a line of the grid. For the area, each
piece covers the part of its cell to the east of it and the whole of every cell farther east, with the sign of
its direction; the running sum along a row is the exact overlap (Green's theorem; the coverage
accumulation of font rasterisers), and with the first moments its middle. Holes and islands need no special
case.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray

from .crs import require_metric
from .errors import StatisticsError
from .grid import OUTSIDE, Floats, Grid, Ints, grid_over

_OUT, _BORDER, _IN = 0, 1, 2
_ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class Window:
    """A study area on a grid.

    Parameters
    ----------
    area : Polygon or MultiPolygon
        Valid, in the city's metric CRS.
    grid : Grid
        Holds the whole area.
    share : (ny, nx) float64
        Part of each cell in the area, [0, 1], exact to rounding.
    place : (ny, nx) uint8
        0 outside, 1 touched by the outline, 2 inside.
    cut : (c,) int64
        Cells partly in the area, row * nx + column.
    middle_x, middle_y : (c,) float64
        Centre of gravity of their part in the area, m.
    """

    area: shapely.Geometry
    grid: Grid
    share: Floats
    place: NDArray[np.uint8]
    cut: Ints
    middle_x: Floats
    middle_y: Floats

    @cached_property
    def inside(self) -> NDArray[np.bool_]:
        """(ny, nx): cells with any ground in the area."""
        return self.share > 0

    @property
    def km2(self) -> float:
        """The area."""
        return float(self.share.sum()) * self.grid.cell_km2

    def holds(self, x: Floats, y: Floats) -> NDArray[np.bool_]:
        """Whether each point lies in the area or on its outline; exact, and fast away from the outline."""
        cell = self.grid.locate(x, y)
        known = self.place.ravel()[cell]
        known[cell == OUTSIDE] = _OUT
        held: NDArray[np.bool_] = known == _IN
        doubtful = np.flatnonzero(known == _BORDER)
        if not len(doubtful):
            return held
        shapely.prepare(self.area)
        held[doubtful] = shapely.intersects_xy(self.area, x[doubtful], y[doubtful])
        return held


class Pieces(NamedTuple):
    """Lines cut at the cells of a grid: middle of each piece in m, its length in m, its line's number."""

    x: Floats
    y: Floats
    length_m: Floats
    line: Ints


def check_area(area: shapely.Geometry, crs: Any) -> None:
    """Refuse what is no study area: no polygon, an empty, invalid or flat one, degrees.

    Raises
    ------
    CRSError
        As `require_metric`.
    StatisticsError
        ``window_kind``, ``window_invalid`` or ``window_empty``.
    """
    require_metric(crs, "a study area")
    if not isinstance(area, shapely.Polygon | shapely.MultiPolygon):
        kind = getattr(area, "geom_type", type(area).__name__)
        raise StatisticsError(
            f"a study area is a polygon, not a {kind}; draw a closed outline", code="window_kind", kind=kind
        )
    if not shapely.is_valid(area):
        reason = shapely.is_valid_reason(area)
        raise StatisticsError(
            f"the outline of the study area is not valid ({reason}); draw it without crossing itself",
            code="window_invalid",
            reason=reason,
        )
    if not shapely.area(area) > 0:
        raise StatisticsError("the study area holds no ground; draw it larger", code="window_empty")


def make_window(area: shapely.Geometry, cell_m: float, *, crs: Any) -> Window:
    """A polygon on the grid of cells that holds it.

    Raises
    ------
    CRSError, StatisticsError
        As `check_area` and `geo.grid.check_size`.
    """
    check_area(area, crs)
    grid = grid_over(tuple(shapely.bounds(area).tolist()), cell_m)
    shapes = shapely.orient_polygons(shapely.get_parts(area))
    rings = shapely.get_rings(shapes)
    cut = _cut(rings, grid)
    share, moment_x, moment_y = _overlap(cut, grid)
    share[np.abs(share) < _ROUNDING] = 0.0
    share[share > 1 - _ROUNDING] = 1.0
    partly = (share > 0) & (share < 1)
    place = np.where(share > 0, _IN, _OUT).astype(np.uint8)
    place[partly] = _BORDER
    for u, v in ((cut.column, cut.row), (cut.u0, cut.v0), (cut.u1, cut.v1)):
        # a corner of the outline may lie in a cell that none of its pieces has its middle in
        column, row = np.floor(u).astype(np.int64), np.floor(v).astype(np.int64)
        place[row.clip(0, grid.ny - 1), column.clip(0, grid.nx - 1)] = _BORDER
    cells = np.flatnonzero(partly)
    row, column = np.divmod(cells, grid.nx)
    part = share.ravel()[cells]
    east, north = moment_x.ravel()[cells] / part, moment_y.ravel()[cells] / part
    middle_x = grid.x + (column.astype(np.float64) + np.clip(east, 0.0, 1.0)) * grid.cell_m
    middle_y = grid.y + (row.astype(np.float64) + np.clip(north, 0.0, 1.0)) * grid.cell_m
    return Window(area, grid, share, place, cells, middle_x, middle_y)


def _overlap(cut: _Cut, grid: Grid) -> tuple[Floats, Floats, Floats]:
    """Area of each cell in the rings, and its first moments from the cell's south-west corner; (ny, nx) each.

    An interior is to the left of its ring, so a piece that goes down opens it to the east, one that
    goes up closes it.
    """
    u0, u1 = cut.u0 - cut.column, cut.u1 - cut.column
    v0, v1 = cut.v0 - cut.row, cut.v1 - cut.row
    fall = v0 - v1
    lever = fall * (v0 + v1) / 2
    own_x = fall * (1 - (u0 * u0 + u0 * u1 + u1 * u1) / 3) / 2
    own_y = lever - fall * (u0 * (2 * v0 + v1) + u1 * (v0 + 2 * v1)) / 6
    wide = grid.nx + 2
    flat = cut.row * wide + cut.column
    sums = []
    for own, east in ((fall * (1 - (u0 + u1) / 2), fall), (own_x, fall / 2), (own_y, lever)):
        change = np.bincount(flat, weights=own, minlength=grid.ny * wide).astype(np.float64)
        change += np.bincount(flat + 1, weights=east - own, minlength=grid.ny * wide)
        summed: Floats = np.cumsum(change.reshape(grid.ny, wide), axis=1)[:, : grid.nx]
        sums.append(summed)
    return sums[0], sums[1], sums[2]


def cut_lines(lines: NDArray[np.object_], grid: Grid, *, margin_m: float = 0.0) -> Pieces:
    """Lines (or multi-lines) in pieces of one cell each, the cells thought on beyond the grid.

    Parameters
    ----------
    lines : (n,) shapely geometries
        In the plane of the grid; None and empty ones have no piece.
    margin_m : float
        What lies farther outside the grid's rectangle is left out.

    Returns
    -------
    Pieces
        Sorted by line; the lengths of a line add up to its length in the rectangle and its margin.
    """
    parts, line = shapely.get_parts(lines, return_index=True)
    west, south, east, north = grid.bounds
    parts = shapely.clip_by_rect(parts, west - margin_m, south - margin_m, east + margin_m, north + margin_m)
    pieces, part = shapely.get_parts(parts, return_index=True)
    cut = _cut(pieces, grid)
    c = grid.cell_m
    return Pieces(
        grid.x + (cut.u0 + cut.u1) / 2 * c,
        grid.y + (cut.v0 + cut.v1) / 2 * c,
        np.hypot(cut.u1 - cut.u0, cut.v1 - cut.v0) * c,
        line[part[cut.line]].astype(np.int64),
    )


class _Cut(NamedTuple):
    """Pieces in cells: from (u0, v0) to (u1, v1), in which cell, of which line."""

    u0: Floats
    v0: Floats
    u1: Floats
    v1: Floats
    column: Ints
    row: Ints
    line: Ints


def _cut(lines: NDArray[np.object_], grid: Grid) -> _Cut:
    xy, owner = shapely.get_coordinates(lines, return_index=True)
    u, v = (xy[:, 0] - grid.x) / grid.cell_m, (xy[:, 1] - grid.y) / grid.cell_m
    same = owner[1:] == owner[:-1]
    u0, v0, u1, v1 = u[:-1][same], v[:-1][same], u[1:][same], v[1:][same]
    owner = owner[:-1][same]
    everyone = np.arange(len(u0))
    at = [np.zeros(len(u0)), np.ones(len(u0))]
    of = [everyone, everyone]
    for start, end in ((u0, u1), (v0, v1)):
        low, high = np.minimum(start, end), np.maximum(start, end)
        first = np.floor(low) + 1
        crossed = np.maximum(np.ceil(high) - first, 0).astype(np.int64)
        edge = np.repeat(everyone, crossed)
        within = np.arange(len(edge)) - np.repeat(np.cumsum(crossed) - crossed, crossed)
        at.append((first[edge] + within - start[edge]) / (end - start)[edge])
        of.append(edge)
    step, edge = np.clip(np.concatenate(at), 0.0, 1.0), np.concatenate(of)
    order = np.lexsort((step, edge))
    step, edge = step[order], edge[order]
    piece = (edge[1:] == edge[:-1]) & (step[1:] > step[:-1])
    a, b, edge = step[:-1][piece], step[1:][piece], edge[:-1][piece]
    du, dv = (u1 - u0)[edge], (v1 - v0)[edge]
    ua, va, ub, vb = u0[edge] + a * du, v0[edge] + a * dv, u0[edge] + b * du, v0[edge] + b * dv
    column = np.clip(np.floor((ua + ub) / 2), 0, grid.nx - 1).astype(np.int64)
    row = np.clip(np.floor((va + vb) / 2), 0, grid.ny - 1).astype(np.int64)
    return _Cut(ua, va, ub, vb, column, row, owner[edge].astype(np.int64))
