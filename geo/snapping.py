"""Where does a position meet the network? On the nearest edge that is worth going to.

The foot may lie anywhere along an edge, not only at a junction: taking the nearest junction instead
was 7-11 % wrong on distances below a kilometre (docs/routes.md).

One rule keeps positions off stubs that lead nowhere: a connected part with less than `SMALL_PART_M` of
road and less than `SMALL_SHARE` of the largest part is left out, and so are one-way edges that one
cannot come back from. `small_parts` names what is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from .crs import GEOD, scale_at
from .road_lines import line_strings
from .roads import RoadGraph

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Geometries = NDArray[np.object_]

REACH_M = 2_000.0
"""A position farther than this from every edge meets no network."""

SMALL_PART_M = 2_000.0
"""A part with less road than this is small ..."""
SMALL_SHARE = 0.1
"""... if it also has less than this share of the road of the largest: a layer may consist of short alleys."""

_CHUNK = 100_000


def worth_snapping(graph: RoadGraph) -> Bools:
    """(e,) whether an edge lies inside a part that is not small."""
    largest = float(graph.part_m[0])
    kept = graph.part_m >= min(SMALL_PART_M, SMALL_SHARE * largest)
    part = graph.edge_part
    worth: Bools = (part >= 0) & kept[part]
    # one-way streets alone, without one place to return to: better these than none
    return worth if largest > 0 else np.ones(len(graph), bool)


@dataclass(frozen=True)
class SmallPart:
    """A connected part that nothing is snapped to.

    Parameters
    ----------
    part : int
        As in `RoadGraph.part`; -1: the one-way edges that lead out of one part and not back.
    metres : float
    edges : int
    rows : tuple of int
        Rows of the layer that lie on it, ascending.
    lonlat : (float, float)
        A vertex on its longest edge, EPSG:4326.
    """

    part: int
    metres: float
    edges: int
    rows: tuple[int, ...]
    lonlat: tuple[float, float]


def small_parts(graph: RoadGraph) -> tuple[SmallPart, ...]:
    """What is left out when positions are snapped, the longest first, the one-way edges last."""
    left = np.flatnonzero(~worth_snapping(graph))
    part = graph.edge_part[left]
    order = np.lexsort((graph.row[left], np.where(part < 0, len(graph.part_m), part)))
    left, part = left[order], part[order]
    begins = np.flatnonzero(np.concatenate([[True], part[1:] != part[:-1]])) if len(left) else left
    found = []
    for edges in np.split(left, begins[1:]) if len(left) else ():
        longest = int(edges[np.argmax(graph.length_m[edges])])
        middle = (graph.starts[longest] + graph.starts[longest + 1]) // 2
        lon, lat = graph.lonlat(graph.vertices[middle : middle + 1])[0].tolist()
        found.append(
            SmallPart(
                int(graph.edge_part[longest]),
                float(graph.length_m[edges].sum()),
                len(edges),
                tuple(np.unique(graph.row[edges]).tolist()),
                (lon, lat),
            )
        )
    return tuple(found)


@dataclass(frozen=True)
class Snaps:
    """Where n positions meet a graph.

    Parameters
    ----------
    edge : (n,) int
        -1 where no edge is within `REACH_M`.
    offset_m : (n,) float
        Ground metres from the beginning of the edge; 0 there.
    gap_m : (n,) float
        Ground metres from the position to the edge; infinite there.
    xy : (n, 2) float
        The foot in the plane; the position itself there.
    part : (n,) int
        Connected part of the edge; -1 there.
    """

    edge: Ints
    offset_m: Floats
    gap_m: Floats
    xy: Floats
    part: Ints


class EdgeTree:
    """The edges of a graph that positions are snapped to, ready to be asked.

    Parameters
    ----------
    graph : RoadGraph
    """

    def __init__(self, graph: RoadGraph) -> None:
        self.graph = graph
        self.edges: Ints = np.flatnonzero(worth_snapping(graph))
        self.shapes = line_strings(graph.vertices, graph.starts)[self.edges]
        self.plane_m: Floats = shapely.length(self.shapes)
        self.tree = shapely.STRtree(self.shapes)

    def snap(self, lonlat: Floats) -> Snaps:
        """The nearest edge of every position; of edges equally near the first of the graph.

        Parameters
        ----------
        lonlat : (n, 2) float, EPSG:4326

        Notes
        -----
        Distances are taken in the plane and divided by the scale at the position; half a world away
        that scale has no bound, so what seems near is asked again on the ellipsoid. A position that
        is no place meets nothing.
        """
        graph, n = self.graph, len(lonlat)
        xy = graph.plane(lonlat)
        found = Snaps(
            np.full(n, -1, np.int64), np.zeros(n), np.full(n, np.inf), xy.copy(), np.full(n, -1, np.int64)
        )
        usable = np.flatnonzero(np.isfinite(xy).all(axis=1))
        if len(usable) == 0:
            return found
        scale = scale_at(graph.crs, lonlat[usable, 0], lonlat[usable, 1])
        edge_part = graph.edge_part
        for run in _runs(len(usable)):
            rows = usable[run]
            points: Geometries = np.asarray(shapely.points(xy[rows]), dtype=object)
            (point, edge), plane = self.tree.query_nearest(points, return_distance=True, all_matches=True)
            order = np.lexsort((edge, point))
            first = order[np.unique(point[order], return_index=True)[1]]
            point, edge, gap = point[first], edge[first], plane[first] / scale[run][point[first]]
            near = gap <= REACH_M
            point, edge, gap = point[near], edge[near], gap[near]
            near = _on_the_ground(graph, lonlat[rows[point]], points[point], self.shapes[edge]) <= 2 * REACH_M
            point, edge, gap = point[near], edge[near], gap[near]
            along: Floats = np.asarray(shapely.line_locate_point(self.shapes[edge], points[point]))
            whole, number, row = self.plane_m[edge], self.edges[edge], rows[point]
            share = np.divide(along, whole, out=np.zeros(len(along)), where=whole > 0)
            found.edge[row], found.gap_m[row] = number, gap
            found.offset_m[row] = np.clip(share, 0.0, 1.0) * graph.length_m[number]
            found.xy[row] = shapely.get_coordinates(shapely.line_interpolate_point(self.shapes[edge], along))
            found.part[row] = np.maximum(edge_part[number], 0)
        return found


def _on_the_ground(graph: RoadGraph, lonlat: Floats, points: Geometries, shapes: Geometries) -> Floats:
    """Geodesic metres from positions to the nearest places of lines, one by one."""
    foot = shapely.line_interpolate_point(shapes, shapely.line_locate_point(shapes, points))
    there = graph.lonlat(shapely.get_coordinates(foot))
    return np.asarray(GEOD.inv(lonlat[:, 0], lonlat[:, 1], there[:, 0], there[:, 1])[2], dtype=np.float64)


def _runs(n: int) -> Iterator[slice]:
    return (slice(start, start + _CHUNK) for start in range(0, n, _CHUNK))
