"""Who is within r metres of whom, and the buffers to draw on a map.

Membership is decided by distance, never by a polygon: an inscribed buffer polygon loses 0.15 % of
the pairs at 2 km. For every (anchor, unit) pair one number is kept, the entry distance: the
smallest radius at which the unit is a member. Every membership rule is another entry distance, and
every radius law is a threshold on it.

Distances are taken in a conformal plane and divided by the scale at the anchor; they agree with the
geodesic on GRS80 within 0.05 m up to 2 km (tests/geo/test_geodesic.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import shapely
from numpy.typing import NDArray

from .crs import require_metric
from .errors import FrameError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Geometries = NDArray[np.object_]

AlleyRule = Literal["intersects", "midpoint", "majority", "within", "part"]
ALLEY_RULES: tuple[AlleyRule, ...] = ("intersects", "midpoint", "majority", "within", "part")
PART_M = 50.0
"""The rule `part`: at least 50 m of the alley or half of it, whichever is less."""

_CELL_M = 1000.0
_LONG_M = 500.0
_BLOCK = 60_000


@dataclass(frozen=True)
class PairTable:
    """Sparse table of entry distances.

    Parameters
    ----------
    anchor, unit : (n,) int64
        Row numbers in the anchor and unit tables; sorted by anchor, then unit, each pair once.
    entry_m : (n,) float64
        Smallest radius in ground metres at which the unit is a member; 0 where the anchor lies in it.
    """

    anchor: Ints
    unit: Ints
    entry_m: Floats

    def __post_init__(self) -> None:
        if not len(self.anchor) == len(self.unit) == len(self.entry_m):
            raise FrameError("a pair table needs columns of one length", code="pairs_length")
        bad = ~np.isfinite(self.entry_m) | (self.entry_m < 0)
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            raise FrameError(
                f"a pair table holds {int(bad.sum())} negative or infinite distances,"
                f" the first at row {row}; mend them where they were computed",
                code="pairs_distance",
                count=int(bad.sum()),
                row=row,
            )

    def __len__(self) -> int:
        return len(self.anchor)


def _order(anchor: Ints, unit: Ints) -> Ints:
    """Rows by anchor, then unit: a radix sort by 16-bit digits, five times as fast as `lexsort`."""
    order: Ints = np.arange(len(anchor))
    for key in (unit, anchor):
        digits = range(0, int(key.max(initial=0)).bit_length(), 16)
        for shift in digits:
            digit = ((key >> shift) & 0xFFFF).astype(np.uint16)
            order = order[np.argsort(digit[order], kind="stable")]
    return order


def _sorted(anchor: Ints, unit: Ints, entry_m: Floats) -> PairTable:
    order = _order(anchor, unit)
    return PairTable(anchor[order], unit[order], entry_m[order])


@dataclass(frozen=True)
class Segments:
    """Lines or points as flat arrays: feature f owns segments `starts[f]:starts[f + 1]`.

    A point is a segment of length zero. Every feature owns at least one segment.
    """

    x: Floats
    y: Floats
    dx: Floats
    dy: Floats
    starts: Ints

    @property
    def owner(self) -> Ints:
        """(segments,) the feature of each segment."""
        return np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))


def segments(geometry: Geometries) -> Segments:
    """Points, MultiPoints, lines and MultiLines as `Segments`.

    Raises
    ------
    FrameError
        If some geometry is missing or empty, or is a polygon.
    """
    kinds = shapely.get_type_id(geometry)
    if np.isin(kinds, (3, 6)).any():
        raise FrameError(
            "polygons have no segments to measure to; use their boundary", code="segments_polygon"
        )
    coords, owner = shapely.get_coordinates(geometry, return_index=True)
    count = np.bincount(owner, minlength=len(geometry))
    if (count == 0).any():
        raise FrameError(
            f"{int((count == 0).sum())} geometries are missing or empty; remove or mend them",
            code="geometry_empty",
            count=int((count == 0).sum()),
        )
    is_point = np.isin(kinds, (0, 4))
    # vertices that open a segment: all of a point, all but the last of each line part
    parts, part_owner = shapely.get_parts(geometry, return_index=True)
    part_size = shapely.get_num_coordinates(parts)
    opens = np.ones(len(coords), dtype=bool)
    ends = np.cumsum(part_size) - 1
    opens[ends[~is_point[part_owner]]] = False
    first = np.flatnonzero(opens)
    step = np.zeros((len(first), 2))
    lines = ~is_point[owner[first]]
    step[lines] = coords[first[lines] + 1] - coords[first[lines]]
    starts = np.zeros(len(geometry) + 1, dtype=np.int64)
    np.cumsum(np.bincount(owner[first], minlength=len(geometry)), out=starts[1:])
    return Segments(coords[first, 0], coords[first, 1], step[:, 0].copy(), step[:, 1].copy(), starts)


def _ragged(starts: Ints, rows: Ints) -> tuple[Ints, Ints]:
    """Positions of the segments of `rows`, one after the other, and where each row begins."""
    size = starts[rows + 1] - starts[rows]
    begin = np.cumsum(size) - size
    flat = np.arange(int(size.sum())) + np.repeat(starts[rows] - begin, size)
    return flat, begin


@dataclass(frozen=True)
class _Layout:
    """Features sorted by the cell of their middle, so that a row of cells is one contiguous run."""

    columns: int
    cell: Ints
    unit: Ints
    middle_x: Floats
    middle_y: Floats
    half: Floats
    begin: Ints
    x: Floats
    y: Floats
    dx: Floats
    dy: Floats
    inverse: Floats

    @property
    def margin(self) -> float:
        """How far a feature reaches from its middle, in one coordinate."""
        return float(self.half.max())

    def near(self, row: int, column: int, span: int) -> Ints:
        """Features whose middle lies within `span` cells of a cell."""
        low, high = max(column - span, 0), min(column + span, self.columns - 1)
        rows = np.arange(row - span, row + span + 1) * self.columns
        first = np.searchsorted(self.cell, rows + low)
        last = np.searchsorted(self.cell, rows + high, side="right")
        runs: list[Ints] = [np.arange(a, b) for a, b in zip(first, last, strict=True)]
        return np.concatenate(runs)


def _cells(x: Floats, y: Floats) -> tuple[Ints, Ints]:
    return (x // _CELL_M).astype(np.int64), (y // _CELL_M).astype(np.int64)


def _layouts(features: Segments, origin: tuple[float, float], columns: int, box: Floats) -> Iterator[_Layout]:
    """Short features and long ones apart: a long one would widen the search of every tile."""
    half = 0.5 * np.maximum(box[2] - box[0], box[3] - box[1])
    middle_x, middle_y = 0.5 * (box[0] + box[2]) - origin[0], 0.5 * (box[1] + box[3]) - origin[1]
    long = half > _LONG_M
    for chosen in (np.flatnonzero(~long), np.flatnonzero(long)):
        if len(chosen) == 0:
            continue
        column, row = _cells(middle_x[chosen], middle_y[chosen])
        cell = row * columns + column
        order = np.argsort(cell, kind="stable")
        unit = chosen[order]
        flat, begin = _ragged(features.starts, unit)
        dx, dy = features.dx[flat], features.dy[flat]
        square = dx * dx + dy * dy
        yield _Layout(
            columns=columns,
            cell=cell[order],
            unit=unit,
            middle_x=middle_x[unit],
            middle_y=middle_y[unit],
            half=half[unit],
            begin=np.append(begin, len(flat)),
            x=features.x[flat] - origin[0],
            y=features.y[flat] - origin[1],
            dx=dx,
            dy=dy,
            inverse=np.divide(1.0, square, out=np.zeros_like(square), where=square > 0),
        )


def nearest_pairs(x: Floats, y: Floats, scale: Floats, features: Segments, radius_m: float) -> PairTable:
    """Distance from points to the nearest point of each feature, for all pairs within a radius.

    Parameters
    ----------
    x, y : (a,) float
        Anchors in the plane, metres.
    scale : (a,) float
        Plane metres per ground metre at each anchor.
    features : Segments
        Lines or points in the same plane.
    radius_m : float
        Largest ground distance kept.

    Notes
    -----
    Anchors are taken tile by tile of 1 km, so that the candidates of a tile are a few contiguous
    runs of features and a block of anchors x segments stays in the second-level cache.
    """
    if len(features.starts) < 2 or len(x) == 0:
        return PairTable(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
    ends = features.x + features.dx, features.y + features.dy
    at = features.starts[:-1]
    box = np.stack(
        [
            np.minimum.reduceat(np.minimum(features.x, ends[0]), at),
            np.minimum.reduceat(np.minimum(features.y, ends[1]), at),
            np.maximum.reduceat(np.maximum(features.x, ends[0]), at),
            np.maximum.reduceat(np.maximum(features.y, ends[1]), at),
        ]
    )
    origin = min(float(x.min()), float(box[0].min())), min(float(y.min()), float(box[1].min()))
    columns = int((max(float(x.max()), float(box[2].max())) - origin[0]) // _CELL_M) + 1
    x, y = x - origin[0], y - origin[1]
    found = [
        part
        for layout in _layouts(features, origin, columns, box)
        for part in _tiles(x, y, scale, layout, radius_m)
    ]
    if not found:
        return PairTable(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
    anchor, unit, entry = (np.concatenate(column) for column in zip(*found, strict=True))
    return _sorted(anchor, unit, entry)


def _tiles(
    x: Floats, y: Floats, scale: Floats, layout: _Layout, radius_m: float
) -> Iterator[tuple[Ints, Ints, Floats]]:
    """Pairs of one group of features, tile by tile."""
    span = int(np.ceil((radius_m * float(scale.max()) + layout.margin) / _CELL_M))
    column, row = _cells(x, y)
    cell = row * layout.columns + column
    order = np.argsort(cell, kind="stable")
    cells, first = np.unique(cell[order], return_index=True)
    for number, members in zip(cells.tolist(), np.split(order, first[1:]), strict=True):
        row_number, column_number = divmod(number, layout.columns)
        near = layout.near(row_number, column_number, span)
        ax, ay = x[members], y[members]
        # leave out features whose circumscribed circle no anchor of the tile can reach
        mx, my = layout.middle_x[near], layout.middle_y[near]
        gap_x = np.maximum(np.maximum(ax.min() - mx, mx - ax.max()), 0.0)
        gap_y = np.maximum(np.maximum(ay.min() - my, my - ay.max()), 0.0)
        limit = radius_m * float(scale[members].max()) + layout.half[near] * np.sqrt(2.0)
        near = near[gap_x * gap_x + gap_y * gap_y <= limit * limit]
        if len(near):
            yield from _blocks(ax, ay, scale[members], members, layout, near, radius_m)


def _blocks(
    ax: Floats, ay: Floats, scale: Floats, members: Ints, layout: _Layout, near: Ints, radius_m: float
) -> Iterator[tuple[Ints, Ints, Floats]]:
    """Distances of the anchors of a tile to its candidates, a cache-sized block at a time."""
    parts, starts = _ragged(layout.begin, near)
    px, py, dx, dy, inverse = (
        column[parts] for column in (layout.x, layout.y, layout.dx, layout.dy, layout.inverse)
    )
    step = max(1, _BLOCK // len(parts))
    for start in range(0, len(members), step):
        block = slice(start, start + step)
        wx, wy = ax[block, None] - px, ay[block, None] - py
        u = wx * dx
        u += wy * dy
        u *= inverse
        np.clip(u, 0.0, 1.0, out=u)
        wx -= u * dx
        u *= dy
        wy -= u
        wx *= wx
        wy *= wy
        wx += wy
        best = np.minimum.reduceat(wx, starts, axis=1)
        k = scale[block]
        a, f = np.nonzero(best <= ((radius_m * k) ** 2)[:, None])
        yield members[block][a], layout.unit[near[f]], np.sqrt(best[a, f]) / k[a]


def _pair_blocks(features: Segments, unit: Ints, size: int = 200_000) -> Iterator[slice]:
    """Runs of pairs whose segments together fit a block of memory."""
    total = np.cumsum(features.starts[unit + 1] - features.starts[unit])
    start = 0
    while start < len(unit):
        done = total[start - 1] if start else 0
        stop = max(int(np.searchsorted(total, done + size, side="right")), start + 1)
        yield slice(start, stop)
        start = stop


def farthest(x: Floats, y: Floats, features: Segments, pairs: PairTable) -> Floats:
    """Plane distance from each pair's anchor to the farthest vertex of its feature: rule `within`."""
    result = np.empty(len(pairs))
    ex, ey = features.x + features.dx, features.y + features.dy
    for run in _pair_blocks(features, pairs.unit):
        a, f = pairs.anchor[run], pairs.unit[run]
        flat, begin = _ragged(features.starts, f)
        owner = np.repeat(a, features.starts[f + 1] - features.starts[f])
        near = np.hypot(features.x[flat] - x[owner], features.y[flat] - y[owner])
        far = np.hypot(ex[flat] - x[owner], ey[flat] - y[owner])
        result[run] = np.maximum.reduceat(np.maximum(near, far), begin)
    return result


def radius_of_length(x: Floats, y: Floats, features: Segments, pairs: PairTable, length: Floats) -> Floats:
    """Smallest plane radius whose disc holds a given length of the line, for each pair.

    Parameters
    ----------
    length : (features,) float
        Plane metres wanted of each feature; at most its length.

    Notes
    -----
    A disc of radius r holds of a segment the part between foot - s and foot + s, s = sqrt(r^2 - h^2),
    h the distance of its line. The sum over segments grows with r; bisection to 1e-7 m.
    """
    result = np.empty(len(pairs))
    far = farthest(x, y, features, pairs)
    for run in _pair_blocks(features, pairs.unit):
        a, f = pairs.anchor[run], pairs.unit[run]
        flat, begin = _ragged(features.starts, f)
        size = features.starts[f + 1] - features.starts[f]
        owner = np.repeat(a, size)
        dx, dy = features.dx[flat], features.dy[flat]
        whole = np.hypot(dx, dy)
        safe = np.where(whole > 0, whole, 1.0)
        wx, wy = x[owner] - features.x[flat], y[owner] - features.y[flat]
        foot = (wx * dx + wy * dy) / safe
        height2 = ((wx * dy - wy * dx) / safe) ** 2
        low, high = np.zeros(len(f)), far[run].copy()
        wanted = length[f]
        for _ in range(int(np.ceil(np.log2(max(float(high.max()), 1.0) / 1e-7)))):
            middle = 0.5 * (low + high)
            s = np.sqrt(np.maximum(np.repeat(middle * middle, size) - height2, 0.0))
            held = np.maximum(np.minimum(foot + s, whole) - np.maximum(foot - s, 0.0), 0.0)
            enough = np.add.reduceat(held, begin) >= wanted
            high = np.where(enough, middle, high)
            low = np.where(enough, low, middle)
        result[run] = high
    return result


def _lengths(features: Segments) -> Floats:
    return np.add.reduceat(np.hypot(features.dx, features.dy), features.starts[:-1])


def _kept(pairs: PairTable, plane: Floats, scale: Floats, radius_m: float) -> PairTable:
    entry = plane / scale[pairs.anchor]
    keep = entry <= radius_m
    return PairTable(pairs.anchor[keep], pairs.unit[keep], entry[keep])


def _touching(anchors: Geometries, units: Geometries, scale: Floats, radius_m: float) -> PairTable:
    """Pairs within a radius of any two geometries, by GEOS; 0 where they meet."""
    if len(anchors) == 0 or len(units) == 0:
        return PairTable(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
    tree = shapely.STRtree(units)
    reach = radius_m * scale
    box = shapely.bounds(anchors) + reach[:, None] * np.array([-1.0, -1.0, 1.0, 1.0])
    a, u = tree.query(shapely.box(*box.T))
    plane = shapely.distance(anchors[a], units[u])
    pairs = _sorted(a, u, plane)
    return _kept(pairs, pairs.entry_m, scale, radius_m)


def entry_distances(
    anchors: Geometries,
    units: Geometries,
    *,
    crs: Any,
    scale: Floats,
    radius_m: float,
    rule: AlleyRule = "intersects",
) -> PairTable:
    """Entry distance of every (anchor, unit) pair within a radius.

    Parameters
    ----------
    anchors, units : (a,), (u,) shapely geometries
        In the plane of `crs`. Anchors: points, or polygons to measure from their boundary. Units:
        lines, polygons (0 m inside), points or MultiPoints (nearest gate).
    crs : CRS
        Metric and conformal; degrees and Web Mercator raise.
    scale : (a,) float
        `crs.scale_at` of each anchor.
    radius_m : float
        Largest entry distance kept, ground metres.
    rule : str
        For lines. `intersects`: nearest point (favours long alleys); `midpoint`: half-length point
        (neutral); `majority`: half of the length inside; `within`: all of it inside (favours short
        ones); `part`: at least 50 m or half of it inside.

    Returns
    -------
    PairTable

    Raises
    ------
    CRSError
        If distances may not be taken in `crs`.
    FrameError
        If a geometry is missing or empty, or the rule is asked of units that are no lines.
    """
    require_metric(crs)
    for what, geometry in (("anchors", anchors), ("units", units)):
        empty = shapely.is_missing(geometry) | shapely.is_empty(geometry)
        if empty.any():
            raise FrameError(
                f"{int(empty.sum())} {what} have no geometry; remove or mend them",
                code="geometry_missing",
                count=int(empty.sum()),
                what=what,
            )
    flat = ~np.isin(shapely.get_type_id(units), (3, 6))
    if rule != "intersects" and not np.isin(shapely.get_type_id(units), (1, 5)).all():
        raise FrameError(f"the rule {rule} is for lines", code="rule_lines", rule=rule)
    if rule == "midpoint":
        units = shapely.line_interpolate_point(units, 0.5, normalized=True)
    points = (shapely.get_type_id(anchors) == 0).all()
    if not points:
        if rule in ("majority", "within", "part"):
            raise FrameError(
                f"the rule {rule} measures from a point; measure from the gate or the centroid of the anchor",
                code="rule_needs_point",
                rule=rule,
            )
        return _touching(anchors, units, scale, radius_m)
    x, y = shapely.get_x(anchors), shapely.get_y(anchors)
    if flat.all():
        features = segments(units)
        pairs = nearest_pairs(x, y, scale, features, radius_m)
        if rule == "within":
            return _kept(pairs, farthest(x, y, features, pairs), scale, radius_m)
        if rule in ("majority", "part"):
            wanted = 0.5 * _lengths(features)
            if rule == "part":
                wanted = np.minimum(wanted, PART_M)
            return _kept(pairs, radius_of_length(x, y, features, pairs, wanted), scale, radius_m)
        return pairs
    lines, polygons = np.flatnonzero(flat), np.flatnonzero(~flat)
    near = nearest_pairs(x, y, scale, segments(units[lines]), radius_m)
    inside = _touching(anchors, units[polygons], scale, radius_m)
    return _sorted(
        np.concatenate([near.anchor, inside.anchor]),
        np.concatenate([lines[near.unit], polygons[inside.unit]]),
        np.concatenate([near.entry_m, inside.entry_m]),
    )


def discs(
    anchors: Geometries, radius_m: Floats, scale: Floats, *, crs: Any, inner_m: float = 0.0
) -> Geometries:
    """Buffer polygons to draw on a map, 128 corners, in the plane of `crs`; never used for membership.

    Parameters
    ----------
    inner_m : float
        Inner radius of a ring, 0 for a disc.
    """
    require_metric(crs)
    shapes: Geometries = shapely.buffer(anchors, radius_m * scale, quad_segs=32)
    if inner_m > 0:
        shapes = shapely.difference(shapes, shapely.buffer(anchors, inner_m * scale, quad_segs=32))
    return shapes
