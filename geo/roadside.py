"""Where does a road pass near a place, and which stretches of a street lie between two places?

A place within B metres of a road stands beside it. Everything is exact: a road is a chain of segments,
and a segment passes through a disc between two shares of its length that solve a quadratic equation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from .crs import scale_at
from .intervals import SAME_M, Intervals, groups
from .road_lines import line_strings, measures, ragged
from .roads import RoadGraph
from .streets import Streets

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def points_on(graph: RoadGraph, edge: Ints, offset_m: Floats) -> Floats:
    """(n, 2) places on edges in the plane; offsets from their beginnings, ground metres."""
    along = measures(graph.vertices, graph.starts)
    last = graph.starts[1:] - 1
    whole = along[last]
    base = np.append(0.0, np.cumsum(whole + 1.0)[:-1])
    axis = along + np.repeat(base, np.diff(graph.starts))
    share = np.clip(offset_m / graph.length_m[edge], 0.0, 1.0)
    spot = base[edge] + share * whole[edge]
    after = np.clip(np.searchsorted(axis, spot), graph.starts[edge] + 1, last[edge])
    step = axis[after] - axis[after - 1]
    part = np.divide(spot - axis[after - 1], step, out=np.zeros(len(spot)), where=step > 0)
    one, two = graph.vertices[after - 1], graph.vertices[after]
    places: Floats = one + np.clip(part, 0.0, 1.0)[:, None] * (two - one)
    return places


@dataclass(frozen=True)
class Passes:
    """Where edges pass near places, segment by segment: edge `edge` near place `place` from `low` to `high`
    metres, nearest at `near`, `off` metres away."""

    place: Ints
    edge: Ints
    low: Floats
    high: Floats
    near: Floats
    off: Floats


def beside(graph: RoadGraph, edges: Ints, places: Floats, beside_m: float) -> Passes:
    """Where some edges pass within `beside_m` of places (n, 2) in EPSG:4326, to the point."""
    xy = graph.plane(places)
    usable = np.flatnonzero(np.isfinite(xy).all(axis=1))
    scale = np.ones(len(places))
    scale[usable] = scale_at(graph.crs, places[usable, 0], places[usable, 1])
    starts, vertices = graph.starts, graph.vertices
    shapes = line_strings(vertices, starts)[edges]
    reach = beside_m * scale
    point, which = shapely.STRtree(shapes).query(
        shapely.points(xy[usable]), predicate="dwithin", distance=reach[usable] * (1.0 + 1e-9)
    )
    pair_edge, pair_place = edges[which], usable[point]
    vertex, runs = ragged(starts[pair_edge], starts[pair_edge + 1] - starts[pair_edge] - 1)
    owner = np.repeat(np.arange(len(pair_edge)), np.diff(runs))
    place, edge = pair_place[owner], pair_edge[owner]
    a, b = vertices[vertex], vertices[vertex + 1]
    step, back = b - a, a - xy[place]
    square, half = (step**2).sum(axis=1), (back * step).sum(axis=1)
    rest = (back**2).sum(axis=1) - reach[place] ** 2
    root2 = half**2 - square * rest
    meets = (root2 >= 0) & (square > 0)
    place, edge, vertex = place[meets], edge[meets], vertex[meets]
    square, half, root = square[meets], half[meets], np.sqrt(root2[meets])
    low, high = (np.clip((-half + sign * root) / square, 0.0, 1.0) for sign in (-1.0, 1.0))
    near = np.clip(-half / square, 0.0, 1.0)
    inside = (-half - root <= square) & (-half + root >= 0.0)
    place, edge, vertex, low, high, near = (part[inside] for part in (place, edge, vertex, low, high, near))
    along = measures(vertices, starts)
    begin, size = along[vertex], along[vertex + 1] - along[vertex]
    ground = graph.length_m[edge] / along[starts[edge + 1] - 1]
    foot = vertices[vertex] + near[:, None] * (vertices[vertex + 1] - vertices[vertex])
    off = np.hypot(*(foot - xy[place]).T) / scale[place]
    low, high, near = ((begin + share * size) * ground for share in (low, high, near))
    return Passes(place, edge, low, high, near, off)


@dataclass(frozen=True)
class Stands:
    """Where places stand along lines; sorted by place, then line, then metres.

    Parameters
    ----------
    place, line : (k,) int
    at_m : (k,) float
        Metres along the line.
    """

    place: Ints
    line: Ints
    at_m: Floats


def stand(graph: RoadGraph, streets: Streets, places: Floats, beside_m: float) -> Stands:
    """Where each place stands on every line that passes within `beside_m`: at the nearest point of a pass.

    A line that comes near twice, with a stretch farther away between, has the place twice.
    """
    passes = beside(graph, streets.edge, places, beside_m)
    at = streets.place_of(len(graph))[passes.edge]
    size = graph.length_m[passes.edge]
    ends = [streets.along(at, offset, size) for offset in (passes.low, passes.high, passes.near)]
    low, high, near = np.minimum(ends[0], ends[1]), np.maximum(ends[0], ends[1]), ends[2]
    line = streets.line[at]
    key = passes.place * max(len(streets), 1) + line
    order, first = groups(key, low, high)
    if len(order) == 0:
        return Stands(order, order, np.empty(0))
    number = np.zeros(len(order), np.int64)
    number[first[1:]] = 1
    number = np.cumsum(number)
    _across_the_seam(streets, number, line[order], key[order], low[order], high[order])
    best = np.lexsort((near[order], np.round(passes.off[order], 6), number))
    chosen = order[best[np.unique(number[best], return_index=True)[1]]]
    place, line, near = passes.place[chosen], line[chosen], near[chosen]
    final = np.lexsort((near, line, place))
    return Stands(place[final], line[final], near[final])


def _across_the_seam(
    streets: Streets, number: Ints, line: Ints, key: Ints, low: Floats, high: Floats
) -> None:
    """A pass that ends at the seam of a ring and the one that begins there are one."""
    end = np.abs(high - streets.length_m[line]) <= SAME_M
    begin = np.abs(low) <= SAME_M
    for last in np.flatnonzero(streets.ring[line] & end).tolist():
        for other in np.flatnonzero(begin & (key == key[last])).tolist():
            number[number == number[last]] = number[other]


def line_gaps(streets: Streets, stands: Stands, distance_m: float) -> Intervals:
    """Stretches of lines longer than `distance_m` without a place, their ends included.

    A ring without a place counts as a line from its seam round to its seam.
    """
    everywhere = np.arange(len(streets))
    ring = streets.ring & np.isin(everywhere, stands.line)
    held = np.lexsort((stands.at_m, stands.line))
    line, at = stands.line[held], stands.at_m[held]
    fresh = np.append(True, line[1:] != line[:-1]) if len(line) else np.zeros(0, bool)
    last = np.append(fresh[1:], True) if len(line) else fresh
    # a ring goes on from its last place to its first, behind the seam
    onward = np.append(at[1:], 0.0) if len(line) else at
    first_of = at[fresh][np.cumsum(fresh) - 1] if len(line) else at
    size = streets.length_m[line]
    onward = np.where(last, np.where(ring[line], first_of + size, size), onward)

    open_ends = ~ring
    to_first = streets.length_m.copy()
    to_first[line[fresh]] = at[fresh]
    on = np.concatenate([everywhere[open_ends], line])
    low = np.concatenate([np.zeros(open_ends.sum()), at])
    high = np.concatenate([to_first[open_ends], onward])
    long = high - low > distance_m + SAME_M
    order = np.lexsort((low[long], on[long]))
    return Intervals(on[long][order], low[long][order], high[long][order])
