"""Where would the next toilet help most? Greedy choice with the exact gain of each place.

The gain of a place is the metres of streets that it newly covers under the reading in force. Each choice
takes the place with the largest gain left, and the next is asked after it stands: the chosen places
are meant to be built in their order.

`walk`: gains only fall as places are added (coverage is submodular), so the greedy choice reaches at
least 1 - 1/e of what the best set of as many candidates covers (Nemhauser, Wolsey and Fisher 1978), and a
gain found earlier bounds the one of now: most candidates are never asked again (Minoux 1978). The first
bound is the bare metres in the disc that holds every way of that length. Candidates: the ends of bare
stretches and points along them, at most `step_m` apart.

`window`: a toilet inside a gap of g metres helps only where it leaves a stretch of at most D, so the
candidates are the two points D inside the ends of each gap, the middle of a gap up to 2 D, and the
crossings of lines with gaps. Gains may rise here as places are added, so all are compared each time. A
ring without any toilet needs two: no place alone helps it, and none is named for its sake.

For `any_walk` no single place need help at all: it is not asked.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import fftconvolve

from .coverage import Coverage
from .errors import DesignError
from .intervals import SAME_M
from .roads import RoadGraph
from .roadside import points_on, stand
from .streets import Streets

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

STEP_M = 100.0
"""Candidates along a bare stretch are at most this far apart."""
_BOX = 1.02
"""Plane metres per ground metre are fewer than this in any plane that a city is measured in."""
_CELL_M = 50.0
_CELLS = 1500
_LEAST_M = 1.0
"""A place that gains less is none."""

Piece = tuple[float, float]
Spot = tuple[int, float]
"""An edge and metres from its beginning."""


@dataclass(frozen=True)
class NextPlace:
    """A place on a street where a toilet would help.

    Parameters
    ----------
    edge : int
    offset_m : float
        Where it lies: metres from the beginning of the edge.
    lon, lat : float
    gain_m : float
        Metres of streets newly covered once the places before it stand.
    """

    edge: int
    offset_m: float
    lon: float
    lat: float
    gain_m: float


def next_places(found: Coverage, count: int, *, step_m: float = STEP_M) -> list[NextPlace]:
    """The best next places, the first first; fewer where no place gains a metre more.

    Raises
    ------
    DesignError
        `coverage_next_any` for the reading `any_walk`.
    """
    if found.rule == "any_walk":
        raise DesignError(
            "best next places are not defined for the reading any_walk, where one toilet alone may help"
            " nobody; ask for them under window or walk",
            code="coverage_next_any",
        )
    if found.rule == "window":
        return _next_in_windows(found, count)
    return _next_on_foot(found, count, step_m)


def _told(graph: RoadGraph, edge: int, offset_m: float, gain_m: float) -> NextPlace:
    there = points_on(graph, np.array([edge]), np.array([offset_m]))
    lon, lat = graph.lonlat(there)[0].tolist()
    return NextPlace(edge, offset_m, lon, lat, gain_m)


# -- on foot ----------------------------------------------------------------------------------------


class Ground:
    """The bare stretches of a network on foot, and what a place would cover of them."""

    def __init__(self, found: Coverage) -> None:
        graph = found.graph
        self.limit_m = found.distance_m
        self.length = graph.length_m.tolist()
        self.u, self.v = graph.u.tolist(), graph.v.tolist()
        self.ways: list[list[tuple[int, float, int]]] = [[] for _ in range(len(graph.x))]
        for edge, (u, v, metres) in enumerate(zip(self.u, self.v, self.length, strict=True)):
            self.ways[u].append((v, metres, edge))
            if u != v:
                self.ways[v].append((u, metres, edge))
        self.bare: dict[int, list[Piece]] = {}
        for edge, low, high in zip(
            found.bare.on.tolist(), found.bare.low.tolist(), found.bare.high.tolist(), strict=True
        ):
            self.bare.setdefault(edge, []).append((low, high))
        # edges that are bare from end to end: most of them, and quickly reckoned
        self.whole = {
            edge
            for edge, held in self.bare.items()
            if held[0][0] <= SAME_M and held[0][1] >= self.length[edge] - SAME_M
        }

    def reach(self, edge: int, offset_m: float) -> dict[int, float]:
        """Way on foot to every node within the limit."""
        near: dict[int, float] = {}
        queue = [(offset_m, self.u[edge]), (self.length[edge] - offset_m, self.v[edge])]
        heapq.heapify(queue)
        limit, ways, push, pop = self.limit_m, self.ways, heapq.heappush, heapq.heappop
        while queue:
            far, node = pop(queue)
            if node in near or far > limit:
                continue
            near[node] = far
            for other, metres, _ in ways[node]:
                if other not in near and far + metres <= limit:
                    push(queue, (far + metres, other))
        return near

    def gain(self, edge: int, offset_m: float) -> float:
        """Metres of bare stretches that a place would cover."""
        near, limit, whole, bare = self.reach(edge, offset_m), self.limit_m, self.whole, self.bare
        total = 0.0
        rest = {edge}
        for node, far in near.items():
            left = limit - far
            for other, metres, by in self.ways[node]:
                if by == edge:
                    continue
                if by in whole and other != node:
                    # from both ends: half of it counts here, half at the other end
                    beyond = near.get(other)
                    total += left if beyond is None else 0.5 * min(metres, left + limit - beyond)
                elif by in bare:
                    rest.add(by)
        return total + _metres(self._newly(rest, near, edge, offset_m))

    def newly(self, edge: int, offset_m: float) -> dict[int, list[Piece]]:
        """What a place would cover of the bare stretches, by edge."""
        near = self.reach(edge, offset_m)
        edges = {by for node in near for _, _, by in self.ways[node]}
        return self._newly(edges | {edge}, near, edge, offset_m)

    def _newly(
        self, edges: set[int], near: dict[int, float], edge: int, offset_m: float
    ) -> dict[int, list[Piece]]:
        found = {}
        for other in edges:
            if other not in self.bare:
                continue
            size = self.length[other]
            held = [
                (0.0, self.limit_m - near.get(self.u[other], np.inf)),
                (size - self.limit_m + near.get(self.v[other], np.inf), size),
            ]
            if other == edge:
                held.append((offset_m - self.limit_m, offset_m + self.limit_m))
            if pieces := _both(self.bare[other], _joined(held)):
                found[other] = pieces
        return found

    def take(self, covered: dict[int, list[Piece]]) -> None:
        """Cover stretches for good."""
        for edge, pieces in covered.items():
            self.whole.discard(edge)
            left = _without(self.bare[edge], pieces)
            if left:
                self.bare[edge] = left
            else:
                del self.bare[edge]


def _joined(pieces: list[Piece]) -> list[Piece]:
    joined: list[Piece] = []
    for low, high in sorted(piece for piece in pieces if piece[1] > piece[0]):
        if joined and low <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], high))
        else:
            joined.append((low, high))
    return joined


def _both(one: list[Piece], two: list[Piece]) -> list[Piece]:
    shared = [(max(a, c), min(b, d)) for a, b in one for c, d in two]
    return [piece for piece in shared if piece[1] - piece[0] > SAME_M]


def _without(whole: list[Piece], taken: list[Piece]) -> list[Piece]:
    left = whole
    for low, high in taken:
        left = [
            piece
            for a, b in left
            for piece in ((a, min(b, low)), (max(a, high), b))
            if piece[1] - piece[0] > SAME_M
        ]
    return left


def _metres(pieces: dict[int, list[Piece]]) -> float:
    return sum(high - low for held in pieces.values() for low, high in held)


def _next_on_foot(found: Coverage, count: int, step_m: float) -> list[NextPlace]:
    ground = Ground(found)
    edge, offset, bound = candidates(found, step_m)
    queue = [(-most, -1, which) for which, most in enumerate(bound.tolist())]
    heapq.heapify(queue)
    chosen: list[NextPlace] = []
    while queue and len(chosen) < count:
        most, asked, which = heapq.heappop(queue)
        if -most < _LEAST_M:
            break
        spot = int(edge[which]), float(offset[which])
        if asked == len(chosen):
            chosen.append(_told(found.graph, *spot, -most))
            ground.take(ground.newly(*spot))
        else:
            heapq.heappush(queue, (-ground.gain(*spot), len(chosen), which))
    return chosen


def candidates(found: Coverage, step_m: float) -> tuple[Ints, Floats, Floats]:
    """Edges, offsets and upper bounds of the gain of places along the bare stretches."""
    bare, graph = found.bare, found.graph
    if len(bare) == 0:
        return np.empty(0, np.int64), np.empty(0), np.empty(0)
    parts = np.maximum(np.ceil(bare.metres / step_m).astype(np.int64), 1)
    which = np.repeat(np.arange(len(bare)), parts + 1)
    number = np.arange(len(which)) - np.repeat(np.append(0, np.cumsum(parts + 1)[:-1]), parts + 1)
    share = number / parts[which]
    edge, offset = bare.on[which], bare.low[which] + share * bare.metres[which]
    middles = number < parts[which]
    size = (bare.metres / parts)[which][middles]
    middle = offset[middles] + 0.5 * size
    spots = points_on(graph, edge, offset)
    reach = _BOX * (found.distance_m + 0.5 * float(size.max()))
    bound = _metres_around(points_on(graph, edge[middles], middle), size, spots, reach)
    # one candidate where several edges meet
    key = np.round(spots, 3)
    first = np.unique(key, axis=0, return_index=True)[1]
    first.sort()
    return edge[first], offset[first], bound[first]


def _metres_around(at: Floats, metres: Floats, spots: Floats, reach: float) -> Floats:
    """(k,) at least the metres whose place lies within `reach` of each spot: sums over cells of a raster."""
    low = np.minimum(at.min(axis=0), spots.min(axis=0))
    span = np.maximum(at.max(axis=0), spots.max(axis=0)) - low
    cell = max(_CELL_M, float(span.max()) / _CELLS)
    shape = (span // cell).astype(np.int64) + 1
    held = np.zeros(shape)
    np.add.at(held, tuple(((at - low) // cell).astype(np.int64).T), metres)
    rings = int(reach // cell) + 2
    step = (
        np.maximum(np.abs(np.arange(-rings, rings + 1)) - 1, 0) * cell
    )  # between the nearest sides of two cells
    disc = (np.hypot(step[:, None], step) <= reach).astype(float)
    around = fftconvolve(held, disc, mode="same") + 1e-9 * float(metres.sum()) + 1e-3
    found: Floats = around[tuple(((spots - low) // cell).astype(np.int64).T)]
    return found


# -- windows along a street -------------------------------------------------------------------------


def _next_in_windows(found: Coverage, count: int) -> list[NextPlace]:
    graph = found.graph
    chosen: list[NextPlace] = []
    gaps: dict[int, list[Piece]] = {}
    for line, low, high in zip(
        found.gaps.on.tolist(), found.gaps.low.tolist(), found.gaps.high.tolist(), strict=True
    ):
        gaps.setdefault(line, []).append((low, high))
    fixed = _crossings(found)
    of_line = {line: _spots(found, line, held) for line, held in gaps.items()}
    stood: dict[Spot, tuple[Ints, Floats]] = {}
    gain: dict[Spot, float] = {}
    while len(chosen) < count:
        wanted = {*fixed, *(spot for spots in of_line.values() for spot in spots)}
        stood |= _stand_at(found, sorted(wanted - set(stood)))
        for spot in wanted - set(gain):
            gain[spot] = _gain(found, gaps, *stood[spot])
        # of equals a crossing, where more streets pass
        best = max(sorted(wanted), key=lambda spot: (round(gain[spot], 1), spot in fixed), default=None)
        if best is None or gain[best] < _LEAST_M:
            break
        chosen.append(_told(graph, *best, gain[best]))
        changed = _split(found, gaps, *stood[best])
        gaps |= changed
        of_line |= {line: _spots(found, line, held) for line, held in changed.items()}
        gain = {
            spot: metres
            for spot, metres in gain.items()
            if changed.keys().isdisjoint(stood[spot][0].tolist())
        }
    return chosen


def _stand_at(found: Coverage, spots: list[Spot]) -> dict[Spot, tuple[Ints, Floats]]:
    """The lines that places on the street stand beside, and where along them."""
    if not spots:
        return {}
    graph = found.graph
    edge, offset = (np.array(column) for column in zip(*spots, strict=True))
    places = graph.lonlat(points_on(graph, edge, offset))
    stands = stand(graph, found.streets, places, found.beside_m)
    runs = np.searchsorted(stands.place, np.arange(len(spots) + 1)).tolist()
    return {
        spot: (stands.line[begin:end], stands.at_m[begin:end])
        for spot, begin, end in zip(spots, runs[:-1], runs[1:], strict=True)
    }


def _spots(found: Coverage, line: int, held: list[Piece]) -> list[Spot]:
    """Places worth asking about in the gaps of a line."""
    reach, spots = found.distance_m, []
    for low, high in held:
        spots += [low + reach, high - reach]
        if high - low <= 2 * reach:
            spots.append(0.5 * (low + high))
    return [on_edge(found.streets, line, at) for at in spots]


def on_edge(streets: Streets, line: int, at_m: float) -> tuple[int, float]:
    """The edge and the offset of a place on a line."""
    if streets.ring[line]:
        at_m %= float(streets.length_m[line])
    run = slice(int(streets.starts[line]), int(streets.starts[line + 1]))
    begin = streets.begin_m[run]
    which = max(int(np.searchsorted(begin, at_m, side="right")) - 1, 0)
    size = float((begin[which + 1] if which + 1 < len(begin) else streets.length_m[line]) - begin[which])
    offset = min(max(at_m - float(begin[which]), 0.0), size)
    return int(streets.edge[run][which]), size - offset if streets.turned[run][which] else offset


def _crossings(found: Coverage) -> set[Spot]:
    """Nodes inside the gaps of two lines or more, each as an end of one of its edges."""
    graph, bare = found.graph, found.bare
    line = found.streets.line[found.streets.place_of(len(graph))[bare.on]]
    at_u, at_v = bare.low <= SAME_M, bare.high >= graph.length_m[bare.on] - SAME_M
    node = np.concatenate([graph.u[bare.on][at_u], graph.v[bare.on][at_v]])
    by_line = np.concatenate([line[at_u], line[at_v]])
    edge = np.concatenate([bare.on[at_u], bare.on[at_v]])
    offset = np.concatenate([np.zeros(at_u.sum()), graph.length_m[bare.on][at_v]])
    pairs = np.unique(np.column_stack([node, by_line]), axis=0)
    nodes, lines = np.unique(pairs[:, 0], return_counts=True)
    first = {n: (e, o) for n, e, o in zip(node.tolist(), edge.tolist(), offset.tolist(), strict=True)}
    return {first[n] for n in nodes[lines > 1].tolist()}


def _gain(found: Coverage, gaps: dict[int, list[Piece]], line: Ints, at: Floats) -> float:
    touched = _split(found, gaps, line, at)
    before = sum(high - low for one in touched for low, high in gaps[one])
    return before - sum(high - low for held in touched.values() for low, high in held)


def _split(found: Coverage, gaps: dict[int, list[Piece]], line: Ints, at: Floats) -> dict[int, list[Piece]]:
    """The gaps of the lines that a place stands on, once it stands there."""
    told: dict[int, list[Piece]] = {}
    for one, spot in zip(line.tolist(), at.tolist(), strict=True):
        if one not in gaps:
            continue
        held = told.get(one, gaps[one])
        whole, ring = float(found.streets.length_m[one]), bool(found.streets.ring[one])
        left: list[Piece] = []
        for low, high in held:
            where = spot + whole if ring and spot < low else spot
            if not low < where < high:
                left.append((low, high))
            elif ring and (low, high) == (0.0, whole):  # without any place: round to itself
                left.append((where, where + whole))
            else:
                left += [(low, where), (where, high)]
        told[one] = [piece for piece in left if piece[1] - piece[0] > found.distance_m + SAME_M]
    return told
