"""Travel on the roads of a layer: the engine inside the program.

A position is snapped to an edge (`snapping.py`) and becomes a node of its own there, so distances are
exact between positions on one edge, on parallel edges and on loops. The way between position and
road is walked in a straight line and is part of every figure. Between equal positions it is 0.

Walking and cycling take the shortest way; driving takes the quickest and tells its metres.
Distances come from Dijkstra's algorithm in scipy, 64 sources at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra
from shapely.geometry.base import BaseGeometry

from .buffers import PairTable
from .crs import scale_at
from .roads import RoadGraph, Speeds, build_graph, stretch
from .snapping import REACH_M, EdgeTree, Snaps
from .travel import FAR_M, Legs, Mode, Path, Snapped

if TYPE_CHECKING:
    import geopandas as gpd

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

EDGE_M = 2_000.0
"""So near the edge of the extract, roads that would be used may be missing."""

Goal = Literal["metres", "seconds"]

_SOURCES = 64
_BOX = 1.02
"""Plane metres per ground metre are fewer than this in any plane that a city is measured in."""
_CELLS = 8_000_000
"""Distances held at a time: fewer sources at once on a large graph."""


@dataclass(frozen=True)
class RoadWarning:
    """What to know about positions on a network.

    Parameters
    ----------
    code : str
        `no_road_near`, `snap_far`, `part_apart`, `extract_edge`.
    facts : mapping
        `count` positions and the number of the `first`; the others by code, see `RoadNetwork.warnings_for`.
    """

    code: str
    facts: Mapping[str, int | float]


@dataclass(frozen=True)
class _Arcs:
    """Directed stretches of edges from node to node, sorted by tail then head, one each: the cheapest.

    Arc i runs on `edge[i]` from offset `begin[i]` to `end[i]`, ground metres.
    """

    nodes: int
    tail: Ints
    head: Ints
    edge: Ints
    begin: Floats
    end: Floats
    cost: Floats

    @property
    def key(self) -> Ints:
        """(arcs,) ascending."""
        return self.tail * self.nodes + self.head

    @property
    def metres(self) -> Floats:
        """(arcs,) ground metres."""
        return np.abs(self.end - self.begin)

    def matrix(self) -> csr_array:
        """The costs, as csgraph takes them."""
        starts = np.searchsorted(self.tail, np.arange(self.nodes + 1)).astype(np.int32)
        return csr_array((self.cost, self.head.astype(np.int32), starts), shape=(self.nodes, self.nodes))

    def find(self, tail: Ints, head: Ints, key: Ints) -> Ints:
        """The arcs from node to node; `key` is `self.key`."""
        return np.searchsorted(key, tail * self.nodes + head)


def _arcs(
    graph: RoadGraph, goal: Goal, nodes: int, tail: Ints, head: Ints, edge: Ints, begin: Floats, end: Floats
) -> _Arcs:
    """Stretches in both directions where the edge allows them, the cheapest between two nodes."""
    there, back = graph.forward[edge], graph.backward[edge]
    tail, head = np.concatenate([tail[there], head[back]]), np.concatenate([head[there], tail[back]])
    edge = np.concatenate([edge[there], edge[back]])
    begin, end = np.concatenate([begin[there], end[back]]), np.concatenate([end[there], begin[back]])
    cost = np.abs(end - begin)
    if goal == "seconds":
        cost = cost * (graph.seconds[edge] / graph.length_m[edge])
    # csgraph would add up parallel arcs
    order = np.lexsort((edge, cost, head, tail))
    tail, head = tail[order], head[order]
    first = np.ones(len(order), bool)
    first[1:] = (tail[1:] != tail[:-1]) | (head[1:] != head[:-1])
    chosen = order[first]
    return _Arcs(nodes, tail[first], head[first], edge[chosen], begin[chosen], end[chosen], cost[chosen])


def _whole(graph: RoadGraph, goal: Goal) -> _Arcs:
    """The arcs of a graph; a loop leads nowhere."""
    edge = np.flatnonzero(graph.u != graph.v)
    length = graph.length_m[edge]
    tail, head = graph.u[edge].astype(np.int64), graph.v[edge].astype(np.int64)
    return _arcs(graph, goal, len(graph.x), tail, head, edge, np.zeros(len(edge)), length)


def _attach(graph: RoadGraph, whole: _Arcs, goal: Goal, edge: Ints, offset: Floats) -> tuple[_Arcs, Ints]:
    """The arcs with a node for every position on an edge, and the node of each position (-1: none).

    The nodes of an edge are chained in order of their offset; positions at one place share a node, a
    position at an end of its edge is that end. The whole edges stay.
    """
    node = np.full(len(edge), -1, np.int64)
    length = graph.length_m[edge]
    on = edge >= 0
    at_u, at_v = on & (offset <= 0), on & (offset >= length)
    node[at_u], node[at_v] = graph.u[edge[at_u]], graph.v[edge[at_v]]
    inner = np.flatnonzero(on & ~at_u & ~at_v)
    if len(inner) == 0:
        return whole, node
    inner = inner[np.lexsort((offset[inner], edge[inner]))]
    e, o = edge[inner], offset[inner]
    new = np.ones(len(e), bool)
    new[1:] = (e[1:] != e[:-1]) | (o[1:] != o[:-1])
    number = whole.nodes + np.cumsum(new) - 1
    node[inner] = number
    e, o, number = e[new], o[new], number[new]
    first = np.ones(len(e), bool)
    first[1:] = e[1:] != e[:-1]
    last = np.append(first[1:], True)
    before, begin = np.roll(number, 1), np.roll(o, 1)
    before[first], begin[first] = graph.u[e[first]], 0.0
    nodes = whole.nodes + len(number)
    chained = _arcs(
        graph, goal, nodes,
        np.concatenate([before, number[last]]),
        np.concatenate([number, graph.v[e[last]].astype(np.int64)]),
        np.concatenate([e, e[last]]),
        np.concatenate([begin, o[last]]),
        np.concatenate([o, graph.length_m[e[last]]]),
    )  # fmt: skip
    columns = {
        name: np.concatenate([getattr(whole, name), getattr(chained, name)])
        for name in ("tail", "head", "edge", "begin", "end", "cost")
    }
    order = np.argsort(columns["tail"] * nodes + columns["head"], kind="stable")
    return _Arcs(nodes, **{name: column[order] for name, column in columns.items()}), node


class RoadNetwork:
    """A travel engine on a road layer; graphs are made when a mode is first asked for, and kept.

    Parameters
    ----------
    graphs : function of a mode
        Gives the graph, built or from a cache.
    walk_kmh : float
        How fast the way between position and road is walked.
    """

    name = "roads"
    estimate = False

    def __init__(self, graphs: Callable[[Mode], RoadGraph], *, walk_kmh: float | None = None) -> None:
        self._graphs = graphs
        self._walk_ms = (Speeds().walk if walk_kmh is None else walk_kmh) / 3.6
        self._trees: dict[Mode, EdgeTree] = {}
        self._bases: dict[tuple[Mode, Goal], _Arcs] = {}
        self._hulls: dict[Mode, BaseGeometry] = {}

    @classmethod
    def from_lines(
        cls,
        roads: gpd.GeoDataFrame,
        crs: CRS | None = None,
        *,
        join_at_crossings: bool = False,
        speeds: Speeds | None = None,
    ) -> RoadNetwork:
        """The network of a road layer; arguments as of `build_graph`."""
        speeds = speeds or Speeds()

        def build(mode: Mode) -> RoadGraph:
            return build_graph(roads, mode, crs, join_at_crossings=join_at_crossings, speeds=speeds)

        return cls(build, walk_kmh=speeds.walk)

    def graph(self, mode: Mode) -> RoadGraph:
        """The graph of a mode."""
        return self._tree(mode).graph

    def _tree(self, mode: Mode) -> EdgeTree:
        if mode not in self._trees:
            self._trees[mode] = EdgeTree(self._graphs(mode))
        return self._trees[mode]

    def _base(self, mode: Mode, goal: Goal) -> _Arcs:
        if (mode, goal) not in self._bases:
            self._bases[mode, goal] = _whole(self.graph(mode), goal)
        return self._bases[mode, goal]

    def _hull(self, mode: Mode) -> BaseGeometry:
        if mode not in self._hulls:
            self._hulls[mode] = shapely.MultiPoint(self.graph(mode).vertices).convex_hull
        return self._hulls[mode]

    def snap(self, lonlat: Floats, mode: Mode) -> Snapped:
        """Where positions meet the roads of a mode: on edges, see `snapping.py`."""
        found = self._tree(mode).snap(lonlat)
        place = np.where(np.isfinite(found.gap_m)[:, None], self.graph(mode).lonlat(found.xy), lonlat)
        return Snapped(place, found.gap_m, found.part)

    def _placed(
        self, mode: Mode, goal: Goal, sources: Floats, targets: Floats
    ) -> tuple[_Arcs, Snaps, Snaps, Ints, Ints]:
        tree = self._tree(mode)
        here, there = tree.snap(sources), tree.snap(targets)
        arcs, node = _attach(
            tree.graph,
            self._base(mode, goal),
            goal,
            np.concatenate([here.edge, there.edge]),
            np.concatenate([here.offset_m, there.offset_m]),
        )
        return arcs, here, there, node[: len(sources)], node[len(sources) :]

    def matrix(self, sources: Floats, targets: Floats, mode: Mode) -> Legs:
        """Travel from every source to every target, (n, 2) and (m, 2) in EPSG:4326.

        Returns
        -------
        Legs
            (n, m) metres and seconds with the gaps at both ends; infinite where there is no way.
        """
        goal: Goal = "seconds" if mode == "drive" else "metres"
        graph = self.graph(mode)
        arcs, here, there, start, stop = self._placed(mode, goal, sources, targets)
        if goal == "seconds":
            seconds, metres = _tables(arcs, start, stop)
        else:
            metres = _table(arcs, start, stop)
            seconds = metres * float(graph.seconds[0] / graph.length_m[0])
        gap = here.gap_m[:, None] + there.gap_m
        metres, seconds = metres + gap, seconds + gap / self._walk_ms
        equal = _equal(sources, targets)
        metres[equal] = seconds[equal] = 0.0
        return Legs(metres, seconds)

    def path(self, source: Floats, target: Floats, mode: Mode) -> Path | None:
        """The way from one position (2,) to another; None where there is none."""
        return self.paths(np.reshape(source, (1, 2)), np.reshape(target, (1, 2)), mode)[0]

    def paths(self, sources: Floats, targets: Floats, mode: Mode) -> list[Path | None]:
        """The way from each source to the target of the same row: many legs at once, (n, 2) both."""
        goal: Goal = "seconds" if mode == "drive" else "metres"
        graph = self.graph(mode)
        arcs, here, there, start, stop = self._placed(mode, goal, sources, targets)
        costs, key, metres = arcs.matrix(), arcs.key, arcs.metres
        pace = graph.seconds / graph.length_m
        far = np.hypot(*(there.xy - here.xy).T)
        found: list[Path | None] = []
        for leg in range(len(sources)):
            if np.array_equal(sources[leg], targets[leg]):
                found.append(Path(np.stack([sources[leg], targets[leg]]), 0.0, 0.0))
                continue
            nodes = _route(costs, int(start[leg]), int(stop[leg]), float(far[leg]))
            if nodes is None:
                found.append(None)
                continue
            arc = arcs.find(nodes[:-1], nodes[1:], key)
            gap = float(here.gap_m[leg] + there.gap_m[leg])
            line = [here.xy[leg : leg + 1]]
            line += [
                stretch(graph, *where)
                for where in zip(
                    arcs.edge[arc].tolist(), arcs.begin[arc].tolist(), arcs.end[arc].tolist(), strict=True
                )
            ]
            line.append(there.xy[leg : leg + 1])
            lonlat = np.concatenate(
                [sources[leg : leg + 1], graph.lonlat(np.concatenate(line)), targets[leg : leg + 1]]
            )
            moves = np.append(True, (np.abs(np.diff(lonlat, axis=0)) > 1e-9).any(axis=1))
            moves[-1] |= int(moves.sum()) < 2
            lonlat = lonlat[moves]
            lonlat[-1] = targets[leg]
            found.append(
                Path(
                    lonlat,
                    float(metres[arc].sum()) + gap,
                    float((metres[arc] * pace[arcs.edge[arc]]).sum()) + gap / self._walk_ms,
                )
            )
        return found

    def within(
        self,
        sources: Floats,
        targets: Floats,
        metres: float,
        mode: Mode = "walk",
        *,
        owner: Ints | None = None,
    ) -> PairTable:
        """Who is within a distance along the roads of whom: the shortest way, whatever the mode.

        Parameters
        ----------
        sources, targets : (n, 2), (m, 2) float, EPSG:4326
        metres : float
            Largest distance kept, the gaps at both ends included.
        owner : (m,) int, optional
            The unit that each target position belongs to (a compound has several gates); the distance
            to a unit is that to its nearest position. Else every position is a unit of its own.

        Returns
        -------
        PairTable
            Source, unit, ground metres; sorted by source, then unit.
        """
        owner = np.arange(len(targets)) if owner is None else np.asarray(owner, np.int64)
        by_unit = np.argsort(owner, kind="stable")
        targets, owner = targets[by_unit], owner[by_unit]
        arcs, here, there, start, stop = self._placed(mode, "metres", sources, targets)
        graph, costs = self.graph(mode), arcs.matrix()
        place = np.empty((arcs.nodes, 2))
        place[: len(graph.x)] = np.column_stack([graph.x, graph.y])
        place[start[start >= 0]], place[stop[stop >= 0]] = here.xy[start >= 0], there.xy[stop >= 0]
        known = np.unique(np.concatenate([sources, targets]), axis=0, return_inverse=True)[1].ravel()
        here_at, there_at = known[: len(sources)], known[len(sources) :]
        meets = bool(np.isin(here_at, there_at).any())
        narrow = np.int32 if owner.max(initial=0) < 2**31 else np.int64
        # millions of pairs: narrow until they are sorted, one column at a time
        of, to, far = [np.empty(0, np.int32)], [np.empty(0, narrow)], [np.empty(0)]
        for block in _neighbours(here.xy, np.flatnonzero(start >= 0), metres):
            # no way within the limit leaves this box
            low, high = here.xy[block].min(axis=0) - _BOX * metres, here.xy[block].max(axis=0) + _BOX * metres
            inside = ((place >= low) & (place <= high)).all(axis=1)
            nodes, column = np.flatnonzero(inside), np.flatnonzero((stop >= 0) & inside[stop])
            if len(column) == 0:
                continue
            number = np.cumsum(inside) - 1
            reached = dijkstra(costs[nodes][:, nodes], indices=number[start[block]], limit=metres)
            total = reached[:, number[stop[column]]] + there.gap_m[column] + here.gap_m[block][:, None]
            if meets:
                total[here_at[block][:, None] == there_at[column]] = 0.0
            units, first = np.unique(owner[column], return_index=True)
            if len(units) < len(column):
                total = np.minimum.reduceat(total, first, axis=1)
            source, unit = np.nonzero(total <= metres)
            of.append(block[source].astype(np.int32))
            to.append(units[unit].astype(narrow))
            far.append(total[source, unit])
        for lost in np.flatnonzero((start < 0) & np.isin(here_at, there_at)).tolist():  # no road near it
            same = np.unique(owner[there_at == here_at[lost]])
            of.append(np.full(len(same), lost, np.int32))
            to.append(same.astype(narrow))
            far.append(np.zeros(len(same)))
        anchor = np.concatenate(of)
        order = np.argsort(anchor, kind="stable")
        return PairTable(
            anchor[order].astype(np.int64),
            np.concatenate(to)[order].astype(np.int64),
            np.concatenate(far)[order],
        )

    def warnings_for(self, lonlat: Floats, mode: Mode) -> tuple[RoadWarning, ...]:
        """What to know before trusting travel between positions, (n, 2) in EPSG:4326.

        Returns
        -------
        tuple of RoadWarning
            - `no_road_near`: no edge within `within_m`;
            - `snap_far`: the road is more than `over_m` away, at most `worst_m`;
            - `part_apart`: on `parts` other parts of the network than the main one;
            - `extract_edge`: less than `within_m` inside the convex hull of the network, or `outside` it.

            Only those with a count; `count` and `first` are positions.
        """
        graph, found = self.graph(mode), self._tree(mode).snap(lonlat)
        near = np.isfinite(found.gap_m)
        far = near & (found.gap_m > FAR_M)
        apart = near & (found.part > 0)
        hull = self._hull(mode)
        rim = hull.exterior if isinstance(hull, shapely.Polygon) else hull
        row = np.flatnonzero(near)
        points = np.asarray(shapely.points(graph.plane(lonlat[row])), dtype=object)
        inward = np.asarray(shapely.distance(rim, points)) / scale_at(graph.crs, *lonlat[row].T)
        outside = ~np.asarray(shapely.intersects(hull, points), dtype=bool)
        edge = np.zeros(len(near), bool)
        edge[row] = outside | (inward < EDGE_M)
        told = (
            ("no_road_near", ~near, {"within_m": REACH_M}),
            ("snap_far", far, {"over_m": FAR_M, "worst_m": float(found.gap_m[far].max(initial=0.0))}),
            ("part_apart", apart, {"parts": len(np.unique(found.part[apart]))}),
            ("extract_edge", edge, {"within_m": EDGE_M, "outside": int(outside.sum())}),
        )
        return tuple(
            RoadWarning(code, {"count": int(which.sum()), "first": int(np.flatnonzero(which)[0]), **facts})
            for code, which, facts in told
            if which.any()
        )


def _equal(sources: Floats, targets: Floats) -> NDArray[np.bool_]:
    same: NDArray[np.bool_] = (sources[:, None] == targets).all(axis=2)
    return same


def _blocks(rows: Ints, width: int) -> list[Ints]:
    size = max(1, min(_SOURCES, _CELLS // max(width, 1)))
    return [rows[first : first + size] for first in range(0, len(rows), size)]


def _neighbours(xy: Floats, rows: Ints, reach: float) -> list[Ints]:
    """Positions in blocks of neighbours: to and fro through strips of the plane."""
    if len(rows) == 0:
        return []
    low = xy[rows].min(axis=0)
    wide, high = np.maximum(xy[rows].max(axis=0) - low, 1.0).tolist()
    strip = max(np.sqrt(wide * high * _SOURCES / len(rows)), 0.25 * reach, 1.0)
    level = ((xy[rows, 1] - low[1]) // strip).astype(np.int64)
    order = np.lexsort((np.where(level % 2, -xy[rows, 0], xy[rows, 0]), level))
    return [np.sort(rows[order[first : first + _SOURCES]]) for first in range(0, len(rows), _SOURCES)]


def _table(arcs: _Arcs, start: Ints, stop: Ints) -> Floats:
    """Costs from nodes to nodes; infinite from or to -1. Runs from whichever side has fewer."""
    if len(np.unique(stop)) < len(np.unique(start)):
        return _spread(arcs.matrix().T.tocsr(), stop, start).T.copy()
    return _spread(arcs.matrix(), start, stop)


def _spread(costs: csr_array, start: Ints, stop: Ints) -> Floats:
    table = np.full((len(start), len(stop)), np.inf)
    nodes, which = np.unique(start, return_inverse=True)
    reached = np.full((len(nodes), len(stop)), np.inf)
    for block in _blocks(np.flatnonzero(nodes >= 0), costs.shape[0]):
        reached[block] = dijkstra(costs, indices=nodes[block])[:, stop]
    table[:] = reached[which]
    table[:, stop < 0] = np.inf
    return table


def _tables(arcs: _Arcs, start: Ints, stop: Ints) -> tuple[Floats, Floats]:
    """Costs from nodes to nodes, and the metres of these ways, followed back from their ends."""
    costs, key, metres = arcs.matrix(), arcs.key, arcs.metres
    nodes, which = np.unique(start, return_inverse=True)
    reached = np.full((len(nodes), len(stop)), np.inf)
    length = np.full((len(nodes), len(stop)), np.inf)
    for block in _blocks(np.flatnonzero(nodes >= 0), arcs.nodes):
        cost, before = dijkstra(costs, indices=nodes[block], return_predecessors=True)
        reached[block] = cost[:, stop]
        way = np.where(np.isfinite(cost[:, stop]), 0.0, np.inf)
        source = np.repeat(np.arange(len(block)), len(stop))
        target = np.tile(np.arange(len(stop)), len(block))
        at = stop[target]
        while True:
            came = before[source, at].astype(np.int64)
            on = (came >= 0) & (at >= 0)
            if not on.any():
                break
            source, target, at, came = source[on], target[on], at[on], came[on]
            way[source, target] += metres[arcs.find(came, at, key)]
            at = came
        length[block] = way
    for table in (reached, length):
        table[:, stop < 0] = np.inf
    return reached[which], length[which]


def _route(costs: csr_array, start: int, stop: int, far_m: float) -> Ints | None:
    """The nodes of the cheapest way; searched first about as far as such a way usually is."""
    if start < 0 or stop < 0:
        return None
    for limit in (1.5 * far_m + 500.0, 4.0 * far_m + 2_000.0, np.inf):
        cost, before = dijkstra(costs, indices=start, limit=limit, return_predecessors=True)
        if np.isfinite(cost[stop]):
            nodes = [stop]
            while nodes[-1] != start:
                nodes.append(int(before[nodes[-1]]))
            return np.array(nodes[::-1], np.int64)
    return None
