"""Cut an area by a line or by axes, so that the pieces cover it once.

Borders and cuts are noded together and the faces between them taken, so neighbouring pieces share
every corner, and the pieces add up to the whole. All in the metric plane.
"""

from __future__ import annotations

import math

import numpy as np
import shapely
from numpy.typing import NDArray

from .errors import LayerError
from .grid_codes import MOST, reading_order

Floats = NDArray[np.float64]
Geometries = NDArray[np.object_]

CELL_M2 = 10_000.0
"""A unit grid cell (万米网格) has about this."""

SMALL = 0.3
"""A cell below this part of the target joins the neighbour with which it shares the longest border."""

SPECK_M2 = 1.0
"""What a line cuts off along the border by inexact drawing, and nobody means."""

LOOSE_M = 0.001
_LONGER = 0.01


def cut_by_line(area: shapely.Geometry, line: shapely.Geometry) -> Geometries:
    """The pieces of an area on the sides of a line, from north to south, then from west to east.

    Parameters
    ----------
    area : Polygon or MultiPolygon, valid, metres
    line : LineString or MultiLineString, metres
        Must cut through: no end of it may lie inside the area. What lies outside is of no account; an
        end on the border, or at most `LOOSE_M` short of it, reaches it.

    Returns
    -------
    (n,) polygons, n >= 2. A part of a MultiPolygon that the line does not cut stays with the piece
    nearest to it.

    Raises
    ------
    LayerError
        `cut_misses`: the line cuts nothing off; `cut_not_through`: it ends inside the area.
    """
    line = _to_the_border(area, line)
    faces = _faces(area, line)
    inside = shapely.intersection(line, area)
    seams = shapely.union_all(shapely.boundary(faces))
    loose = shapely.length(shapely.difference(inside, shapely.buffer(seams, LOOSE_M)))
    if loose > 0:
        raise LayerError(
            f"the line ends inside the area ({loose:.1f} m of it lead nowhere);"
            " draw it from border to border, a little beyond on both sides",
            code="cut_not_through", loose_m=f"{loose:.1f}",
        )  # fmt: skip
    faces, parts = _without_small(faces, SPECK_M2), shapely.get_parts(area)
    if len(faces) <= len(parts):
        raise LayerError(
            "the line cuts nothing off the area: it lies outside, or along the border;"
            " check the line and the id",
            code="cut_misses",
        )
    return _in_order(_with_untouched(parts, faces))


def cut_by_axes(area: shapely.Geometry, along: int, across: int, *, north: bool = False) -> Geometries:
    """The pieces of an area under a lattice of equal rectangles.

    Parameters
    ----------
    area : Polygon or MultiPolygon, valid, metres
    along, across : int
        Strips along the longer and the shorter side of the smallest rectangle around the area; with
        `north`, from west to east and from south to north of the upright rectangle.
    north : bool
        Along the axes of the plane (east and north) instead of the area's own.

    Returns
    -------
    (n,) polygons, from north to south, then from west to east. A rectangle that a bay of the border
    cuts in two gives two pieces.

    Raises
    ------
    LayerError
        `cut_counts`: not at least two pieces, or more than `MOST` rectangles.
    """
    if along < 1 or across < 1 or not 2 <= along * across <= MOST:
        raise LayerError(
            f"{along} x {across} is no way to cut; give two numbers from 1 on,"
            f" with 2 to {MOST} pieces in all",
            code="cut_counts", along=along, across=across, most=MOST,
        )  # fmt: skip
    corner, one, two = _frame(area, north=north)
    lines = [_chord(corner + one * k / along, two) for k in range(1, along)]
    lines += [_chord(corner + two * k / across, one) for k in range(1, across)]
    return _in_order(_without_small(_faces(area, shapely.MultiLineString(lines)), SPECK_M2))


def cut_into_cells(area: shapely.Geometry, cell_m2: float = CELL_M2, *, north: bool = False) -> Geometries:
    """The pieces of an area under a lattice of squares of about a given size.

    Parameters
    ----------
    cell_m2 : float
        Ground wanted of each piece. The side is fitted so that whole squares fill the rectangle of
        `cut_by_axes`; a piece below `SMALL` of the target joins a neighbour.

    Raises
    ------
    LayerError
        `cut_cell_size`: no size, or the area has less than one and a half of it;
        `cut_many`: more than `MOST` cells.
    """
    ground = float(shapely.area(area))
    if not (math.isfinite(cell_m2) and 0 < cell_m2 <= ground / 1.5):
        raise LayerError(
            f"the area has {ground:.0f} m2 and is not cut into cells of {cell_m2:g} m2;"
            " give a smaller size above 0",
            code="cut_cell_size", area_m2=f"{ground:.0f}", cell_m2=f"{cell_m2:g}",
        )  # fmt: skip
    corner, one, two = _frame(area, north=north)
    side = math.sqrt(cell_m2)
    along, across = (max(1, round(float(np.hypot(*edge)) / side)) for edge in (one, two))
    if along * across > 4 * MOST:
        raise _many(round(ground / cell_m2), cell_m2, ground)
    if along * across < 2:
        along = 2
    lines = [_chord(corner + one * k / along, two) for k in range(1, along)]
    lines += [_chord(corner + two * k / across, one) for k in range(1, across)]
    cells = _without_small(_faces(area, shapely.MultiLineString(lines)), SMALL * cell_m2)
    if len(cells) > MOST:
        raise _many(len(cells), cell_m2, ground)
    return _in_order(cells)


def _many(count: int, cell_m2: float, ground: float) -> LayerError:
    enough = math.ceil(1.2 * ground / MOST / 100) * 100
    return LayerError(
        f"cells of {cell_m2:g} m2 make about {count} pieces, and serial numbers end at {MOST};"
        f" take cells of {enough} m2, or cut the area in two first",
        code="cut_many", cell_m2=f"{cell_m2:g}", count=count, most=MOST, enough_m2=enough,
    )  # fmt: skip


def _faces(area: shapely.Geometry, cuts: shapely.Geometry) -> Geometries:
    """The faces between border and cuts that lie in the area."""
    noded = shapely.union_all([shapely.boundary(area), cuts])
    faces = shapely.get_parts(shapely.polygonize(shapely.get_parts(noded)))
    shapely.prepare(area)
    inside: Geometries = faces[shapely.intersects(area, shapely.point_on_surface(faces))]
    return inside


def _to_the_border(area: shapely.Geometry, line: shapely.Geometry) -> shapely.Geometry:
    """The line, its ends that stop at most `LOOSE_M` short of the border drawn on to it."""
    parts = []
    border = shapely.boundary(area)
    for part in shapely.get_parts(shapely.line_merge(line)):
        xy = shapely.get_coordinates(part)
        for at, inner in ((0, 1), (-1, -2)):
            step = xy[at] - xy[inner]
            far = float(np.hypot(*step))
            if far > 0 and shapely.distance(border, shapely.Point(xy[at])) <= LOOSE_M:
                xy[at] = xy[at] + step / far * 2 * LOOSE_M
        parts.append(shapely.LineString(xy))
    return shapely.MultiLineString(parts)


def _with_untouched(parts: Geometries, faces: Geometries) -> Geometries:
    """The faces, parts of the area that were not cut joined to the nearest of the others."""
    if len(parts) == 1:
        return faces
    home = shapely.STRtree(parts).query_nearest(shapely.point_on_surface(faces), all_matches=False)[1]
    alone = np.bincount(home, minlength=len(parts))[home] == 1
    cut = faces[~alone]
    near = shapely.STRtree(cut).query_nearest(faces[alone], all_matches=False)[1]
    pieces = [
        shapely.MultiPolygon([face, *shapely.get_parts(faces[alone][near == at])])
        if (near == at).any()
        else face
        for at, face in enumerate(cut)
    ]
    return _array(pieces)


def _frame(area: shapely.Geometry, *, north: bool) -> tuple[Floats, Floats, Floats]:
    """A corner of the rectangle around the area and its two edges; the longer first, or east first."""
    origin = shapely.get_coordinates(area)[0]
    near = shapely.transform(area, lambda xy: xy - origin)  # millions of metres cost GEOS its digits
    box = shapely.envelope(near) if north else shapely.oriented_envelope(near)
    corners = shapely.get_coordinates(box)[:4] + origin
    if north:
        low, high = corners.min(axis=0), corners.max(axis=0)
        return low, np.array([high[0] - low[0], 0.0]), np.array([0.0, high[1] - low[1]])
    one, two = corners[1] - corners[0], corners[3] - corners[0]
    if np.hypot(*one) < np.hypot(*two):
        one, two = two, one
    return corners[0], one, two


def _chord(start: Floats, edge: Floats) -> shapely.LineString:
    """A line along an edge, a little longer at both ends."""
    return shapely.LineString([start - edge * _LONGER, start + edge * (1 + _LONGER)])


def _without_small(cells: Geometries, least_m2: float) -> Geometries:
    """Cells, each below `least_m2` joined to the neighbour with the longest common border, smallest first."""
    held = dict(enumerate(cells))
    size = dict(enumerate(shapely.area(cells).tolist()))
    todo = {at for at, ground in size.items() if ground < least_m2}
    if not todo:
        return cells
    beside: dict[int, set[int]] = {at: set() for at in held}
    for a, b in shapely.STRtree(cells).query(cells, predicate="intersects").T.tolist():
        if a != b:
            beside[a].add(b)
    while todo:
        small = min(todo, key=lambda at: (size[at], at))
        todo.discard(small)
        common = {at: _common_m(held[small], held[at]) for at in sorted(beside[small])}
        into = max(common, key=lambda at: (common[at], -at), default=None)
        if into is None or common[into] <= 0:
            continue  # it stands alone
        held[into] = shapely.coverage_union_all([held[into], held.pop(small)])
        size[into] += size.pop(small)
        if size[into] >= least_m2:
            todo.discard(into)
        for at in beside.pop(small):
            beside[at].discard(small)
            if at != into:
                beside[at].add(into)
                beside[into].add(at)
    return _array(list(held.values()))


def _common_m(one: shapely.Geometry, two: shapely.Geometry) -> float:
    return float(shapely.length(shapely.intersection(shapely.boundary(one), shapely.boundary(two))))


def _array(shapes: list[shapely.Geometry]) -> Geometries:
    held: Geometries = np.full(len(shapes), None, dtype=object)
    held[:] = shapes
    return held


def _in_order(pieces: Geometries) -> Geometries:
    ordered: Geometries = pieces[reading_order(pieces)]
    return ordered
