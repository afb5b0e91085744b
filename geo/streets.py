"""Which edges make one street? Edges strung into lines along which one can measure.

At a node the ends of edges with one name are paired, the straightest pair first, if the way bends by no
more than `BEND` degrees; where only two ends of that name meet they are one street at any angle. Ends
without a name are paired with each other alike, but at any angle only where no other street comes in.
Pairs make lines that never fork; a line that comes back to its beginning is a ring. The two
carriageways of one avenue are two lines.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from .roads import RoadGraph, stretch

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Names = NDArray[np.object_]

BEND = 60.0
"""Degrees by which a street may turn at a junction with itself."""


@dataclass(frozen=True)
class Streets:
    """Lines made of edges; k edges in lines order, s lines.

    Parameters
    ----------
    edge : (k,) int
        Edges of the graph; those of line i are `starts[i]:starts[i + 1]`, in their order.
    turned : (k,) bool
        The line runs from the end of the edge to its beginning.
    begin_m : (k,) float
        Where the edge begins on its line, ground metres.
    starts : (s + 1,) int
    name : (s,) str
        Empty where there is none.
    length_m : (s,) float
    ring : (s,) bool
    """

    edge: Ints
    turned: Bools
    begin_m: Floats
    starts: Ints
    name: Names
    length_m: Floats
    ring: Bools

    def __len__(self) -> int:
        return len(self.name)

    @property
    def line(self) -> Ints:
        """(k,) the line of each edge in `edge`."""
        return np.repeat(np.arange(len(self)), np.diff(self.starts))

    def place_of(self, edges: int) -> Ints:
        """(edges,) where each edge of the graph stands in `edge`; -1 for one in no line."""
        place = np.full(edges, -1, np.int64)
        place[self.edge] = np.arange(len(self.edge))
        return place

    def along(self, at: Ints, offset_m: Floats, length_m: Floats) -> Floats:
        """Metres along the line of offsets on edges; `at` are places in `edge`, `length_m` of the edges."""
        there: Floats = self.begin_m[at] + np.where(self.turned[at], length_m - offset_m, offset_m)
        return there

    def pieces(self, line: int, from_m: float, to_m: float) -> list[tuple[int, float, float]]:
        """The edges of a stretch of a line with offsets in running order; on a ring it may pass the seam."""
        if self.ring[line] and to_m > self.length_m[line]:
            whole = float(self.length_m[line])
            return self.pieces(line, from_m, whole) + self.pieces(line, 0.0, to_m - whole)
        run = slice(int(self.starts[line]), int(self.starts[line + 1]))
        begin = self.begin_m[run]
        end = np.append(begin[1:], self.length_m[line])
        found = []
        for at in np.flatnonzero((begin < to_m) & (end > from_m)).tolist():
            low, high, size = (
                max(from_m - begin[at], 0.0),
                min(to_m, end[at]) - begin[at],
                end[at] - begin[at],
            )
            if self.turned[run][at]:
                low, high = size - low, size - high
            found.append((int(self.edge[run][at]), float(low), float(high)))
        return found

    def path(self, graph: RoadGraph, line: int, from_m: float, to_m: float) -> Floats:
        """(k, 2) the stretch of a line as vertices of the plane."""
        parts = []
        for edge, low, high in self.pieces(line, from_m, to_m):
            size = float(graph.length_m[edge])
            ends = [size if abs(end - size) < 1e-6 else max(end, 0.0) for end in (low, high)]
            parts.append(stretch(graph, edge, ends[0], ends[1]))
        xy = np.concatenate(parts) if parts else np.empty((0, 2))
        if len(xy):
            keep = np.append(True, (np.diff(xy, axis=0) != 0).any(axis=1))
            xy = xy[keep]
        return xy


def make_streets(graph: RoadGraph, names: Names, chosen: Bools | None = None) -> Streets:
    """String edges into lines.

    Parameters
    ----------
    graph : RoadGraph
    names : (e,) str
        Name of the street of each edge; empty where there is none.
    chosen : (e,) bool, optional
        Edges that are streets; else all.
    """
    edges = np.arange(len(graph)) if chosen is None else np.flatnonzero(chosen)
    partner = _pair(graph, edges, names)
    order, turned, starts, ring = _string(len(edges), partner)
    edge = edges[order]
    length = graph.length_m[edge]
    total = np.concatenate([[0.0], np.cumsum(length)])
    begin = total[:-1] - np.repeat(total[starts[:-1]], np.diff(starts)) if len(edge) else total[:-1]
    size = np.add.reduceat(length, starts[:-1]) if len(edge) else np.empty(0)
    first = edge[starts[:-1]] if len(edge) else edge
    return Streets(edge, turned, begin, starts, names[first].astype(object), size, ring)


def _pair(graph: RoadGraph, edges: Ints, names: Names) -> Ints:
    """(2k,) the end that each end goes on to, or -1; ends 2 i and 2 i + 1 begin and end edge i."""
    k = len(edges)
    node = np.column_stack([graph.u[edges], graph.v[edges]]).ravel().astype(np.int64)
    _, name = np.unique(names[edges].astype(str), return_inverse=True)
    name = np.repeat(name, 2)
    unnamed = np.repeat(names[edges].astype(str) == "", 2)
    away = _headings(graph, edges)
    order = np.lexsort((name, node))
    change = (np.diff(node[order]) != 0) | (np.diff(name[order]) != 0)
    groups = np.split(order, np.flatnonzero(change) + 1) if k else []
    meet = np.bincount(node, minlength=len(graph.x))
    partner = np.full(2 * k, -1, np.int64)
    for group in groups:
        if len(group) < 2:
            continue
        if len(group) == 2 and (not unnamed[group[0]] or meet[node[group[0]]] == 2):
            partner[group[0]], partner[group[1]] = group[1], group[0]
            continue
        bends = sorted(
            (_bend(away[one], away[two]), one, two) for one, two in combinations(group.tolist(), 2)
        )
        for bend, one, two in bends:
            if bend > BEND:
                break
            if partner[one] < 0 and partner[two] < 0:
                partner[one], partner[two] = two, one
    return partner


def _headings(graph: RoadGraph, edges: Ints) -> list[tuple[float, float]]:
    """Unit vectors that lead away from the node at the beginning and at the end of each edge."""
    first, last = graph.starts[edges], graph.starts[edges + 1] - 1
    out = graph.vertices[first + 1] - graph.vertices[first]
    back = graph.vertices[last - 1] - graph.vertices[last]
    away = np.stack([out, back], axis=1).reshape(-1, 2)
    size = np.hypot(away[:, 0], away[:, 1])
    away = away / np.where(size > 0, size, 1.0)[:, None]
    return [(x, y) for x, y in away.tolist()]


def _bend(one: tuple[float, float], two: tuple[float, float]) -> float:
    """Degrees by which the way turns from one end into another; 0 straight on, 180 back."""
    ahead = -(one[0] * two[0] + one[1] * two[1])
    return float(np.degrees(np.arccos(min(max(ahead, -1.0), 1.0))))


def _string(k: int, partner: Ints) -> tuple[Ints, Bools, Ints, Bools]:
    """Edges in lines order, which are turned, where lines start, which lines are rings."""
    onward = partner.tolist()
    taken = [False] * k
    order: list[int] = []
    turned: list[bool] = []
    starts, ring = [0], []
    loose = np.flatnonzero(partner < 0).tolist()
    for start, closed in [(end, False) for end in loose] + [(2 * edge, True) for edge in range(k)]:
        end = start
        while end >= 0 and not taken[end >> 1]:
            taken[end >> 1] = True
            order.append(end >> 1)
            turned.append(bool(end & 1))
            end = onward[end ^ 1]
        if len(order) > starts[-1]:
            starts.append(len(order))
            ring.append(closed)
    return np.array(order, np.int64), np.array(turned, bool), np.array(starts, np.int64), np.array(ring, bool)
