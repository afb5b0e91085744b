"""Is there a public toilet every 500 metres? Coverage of a road network by places, exact along its lines.

The rule reads 「每隔500米至少有一处公共卫生间」 and does not say how to measure. Three readings, each with
its distance D (500 m) and the width B beside a road (50 m); all metres are ground metres:

`window`
    Every stretch of D metres along a street has a toilet beside it. Where a line of `streets.py` passes
    within B of a toilet, the toilet stands at the nearest point of that pass. A *gap* is a stretch
    between two toilets that follow each other on a line, or between a toilet and an end of the line, or
    a whole line without any, that is longer than D. A point is uncovered if it lies in a gap: some
    window of D metres that holds it holds no toilet. A line of at most D metres holds no longer
    stretch: nothing is asked of it, and its metres are told apart.

`walk`
    The way on foot from a point to the nearest toilet is at most D. A toilet is reached from the nearest
    edge (`snapping.py`); the straight way from there is part of the distance. With d_u, d_v at the ends
    of an edge of length L and toilets on it at o_i, g_i off it, the distance at x is
    min(d_u + x, d_v + L - x, |x - o_i| + g_i): the covered part of an edge is a union of intervals.

`any_walk`
    Whoever walks D metres anywhere passes within B of a toilet. Within B of a toilet a walk is over; it
    is over at a dead end too, nobody turns round, and no stretch is taken twice. What lies on a walk
    of more than D is uncovered. The longest walk is exact where the roads without a toilet make trees;
    round houses it is an upper bound (`longest_walk.py`): what is told to be covered is, a gap there may be
    a false alarm. A gap of `window` longer than D + 2 B is one here too, but for the metres beside its
    toilets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from .errors import DesignError
from .intervals import SAME_M, Intervals, left_over, union
from .longest_walk import longest_walks
from .roads import RoadGraph
from .roadside import Passes, beside, line_gaps, stand
from .snapping import EdgeTree, Snaps
from .streets import Streets

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

Rule = Literal["window", "walk", "any_walk"]
RULES: tuple[Rule, ...] = get_args(Rule)

DISTANCE_M = (50.0, 5_000.0)
"""Smallest and largest distance that can be asked."""
BESIDE_M = (1.0, 500.0)


@dataclass(frozen=True)
class Coverage:
    """What n places cover of the streets of a graph.

    Parameters
    ----------
    graph : RoadGraph
    streets : Streets
    rule, distance_m, beside_m
        As asked.
    bare : Intervals
        Uncovered stretches of edges: `on` is the edge, metres from its beginning.
    gaps : Intervals
        The same along the lines of `streets`, joined where they meet: `on` is the line. On a ring a gap may
        end behind the seam.
    asked : (s,) bool
        Lines that the reading asks something of.
    serves : (n,) bool
        Places that can serve at all: for `walk` less than `distance_m` off a road; else within `beside_m`
        of a road that counts.
    node_m : (nodes,) float
        For `walk`: way from each node to the nearest place, infinite beyond `distance_m`; else empty.
    """

    graph: RoadGraph
    streets: Streets
    rule: Rule
    distance_m: float
    beside_m: float
    bare: Intervals
    gaps: Intervals
    asked: Bools
    serves: Bools
    node_m: Floats

    @property
    def street_m(self) -> float:
        """Metres of streets."""
        return float(self.streets.length_m.sum())

    @property
    def asked_m(self) -> float:
        """Metres of streets that the reading asks something of."""
        return float(self.streets.length_m[self.asked].sum())

    @property
    def bare_m(self) -> float:
        """Uncovered metres of streets."""
        return float(self.bare.metres.sum())

    @property
    def share(self) -> float:
        """Covered share of the metres asked of; NaN where nothing is asked."""
        return max(1.0 - self.bare_m / self.asked_m, 0.0) if self.asked_m > 0 else float("nan")

    def by_kind(self, kind: Ints, count: int) -> tuple[Floats, Floats, Floats]:
        """Metres of streets, metres asked of and uncovered metres of each kind of edge; `kind` is (e,)."""
        edge = self.streets.edge
        length = self.graph.length_m[edge]
        sums: list[Floats] = [np.zeros(count) for _ in range(3)]
        np.add.at(sums[0], kind[edge], length)
        np.add.at(sums[1], kind[edge], length * self.asked[self.streets.line])
        np.add.at(sums[2], kind[self.bare.on], self.bare.metres)
        return sums[0], sums[1], sums[2]


def cover(
    graph: RoadGraph,
    streets: Streets,
    places: Floats,
    *,
    rule: Rule = "window",
    distance_m: float = 500.0,
    beside_m: float = 50.0,
    tree: EdgeTree | None = None,
) -> Coverage:
    """Coverage of streets by places.

    Parameters
    ----------
    graph : RoadGraph
        For walking; ways are walked in both directions.
    streets : Streets
        Of this graph: what must be covered. One may walk on all of the graph.
    places : (n, 2) float, EPSG:4326
        Toilets; none is allowed.
    rule : str
    distance_m, beside_m : float
    tree : EdgeTree, optional
        Of this graph, made already.

    Raises
    ------
    DesignError
        `coverage_rule`, `coverage_distance`, `coverage_beside`.
    """
    check(rule, distance_m, beside_m)
    places = np.asarray(places, float).reshape(-1, 2)
    node_m = np.empty(0)
    asked = np.ones(len(streets), bool)
    if rule == "walk":
        snaps = (tree or EdgeTree(graph)).snap(places)
        serves = snaps.gap_m < distance_m
        node_m = walk_to_nodes(graph, snaps, distance_m)
        bare = _beyond(graph, streets, snaps, node_m, distance_m)
    elif rule == "window":
        stands = stand(graph, streets, places, beside_m)
        asked = streets.length_m > distance_m + SAME_M
        serves = np.isin(np.arange(len(places)), stands.place)
        gaps = line_gaps(streets, stands, distance_m)
        bare = _on_edges(streets, gaps)
        return Coverage(graph, streets, rule, distance_m, beside_m, bare, gaps, asked, serves, node_m)
    else:
        passes = beside(graph, np.arange(len(graph)), places, beside_m)
        serves = np.isin(np.arange(len(places)), passes.place)
        bare = _never_met(graph, streets, passes, distance_m)
    return Coverage(
        graph,
        streets,
        rule,
        distance_m,
        beside_m,
        bare,
        _on_lines(graph, streets, bare),
        asked,
        serves,
        node_m,
    )


def check(rule: str, distance_m: float, beside_m: float) -> None:
    """Refuse a reading that does not exist, and distances out of bounds."""
    if rule not in RULES:
        raise DesignError(
            f"there is no reading {rule[:40]!r}; use one of {', '.join(RULES)}",
            code="coverage_rule", given=rule[:40], allowed=", ".join(RULES),
        )  # fmt: skip
    low, high = DISTANCE_M
    if not low <= distance_m <= high:
        raise DesignError(
            f"the distance is {distance_m:g} m; give {low:g} to {high:g} m",
            code="coverage_distance", given=f"{distance_m:g}", low=f"{low:g}", high=f"{high:g}",
        )  # fmt: skip
    low, high = BESIDE_M
    if not low <= beside_m <= high:
        raise DesignError(
            f"a toilet stands beside a street within {beside_m:g} m of it; give {low:g} to {high:g} m",
            code="coverage_beside", given=f"{beside_m:g}", low=f"{low:g}", high=f"{high:g}",
        )  # fmt: skip


# -- on foot to the nearest -------------------------------------------------------------------------


def walk_to_nodes(graph: RoadGraph, snaps: Snaps, limit_m: float) -> Floats:
    """(nodes,) way from each node to the nearest of snapped places, their gaps included.

    One search from all places at once; infinite beyond `limit_m`.
    """
    n = len(graph.x)
    return search(walk_matrix(graph, snaps, limit_m), n, limit_m)


def search(costs: csr_array, n: int, limit_m: float) -> Floats:
    """(n,) distances from the node behind all others of a `walk_matrix`."""
    reached: Floats = dijkstra(costs, indices=n, limit=limit_m + 1.0)[:n] - 1.0
    return reached


def walk_matrix(graph: RoadGraph, snaps: Snaps, limit_m: float) -> csr_array:
    """Ways between nodes, and one node more that leads to the edges of all snapped places.

    A metre is added to each way out of that node, so that none is of no length.
    """
    n, length = len(graph.x), graph.length_m
    on = np.flatnonzero((snaps.edge >= 0) & (snaps.gap_m < limit_m))
    edge, offset, gap = snaps.edge[on], snaps.offset_m[on], snaps.gap_m[on]
    source = np.full(len(on), n)
    tail = np.concatenate([graph.u, graph.v, source, source])
    head = np.concatenate([graph.v, graph.u, graph.u[edge], graph.v[edge]])
    cost = np.concatenate([length, length, 1.0 + gap + offset, 1.0 + gap + length[edge] - offset])
    return cheapest(tail, head, cost, n + 1)


def cheapest(tail: Ints, head: Ints, cost: Floats, nodes: int) -> csr_array:
    """Arcs as csgraph takes them; of parallel ones the cheapest, it would add them up."""
    order = np.lexsort((cost, head, tail))
    tail, head, cost = tail[order], head[order], cost[order]
    first = np.append(True, (tail[1:] != tail[:-1]) | (head[1:] != head[:-1]))
    tail, head, cost = tail[first], head[first], cost[first]
    starts = np.searchsorted(tail, np.arange(nodes + 1)).astype(np.int32)
    return csr_array((cost, head.astype(np.int32), starts), shape=(nodes, nodes))


def _beyond(graph: RoadGraph, streets: Streets, snaps: Snaps, node_m: Floats, limit_m: float) -> Intervals:
    """What of the streets is farther than `limit_m` from every place."""
    edge = np.sort(streets.edge)
    length = graph.length_m[edge]
    from_u, from_v = limit_m - node_m[graph.u[edge]], limit_m - node_m[graph.v[edge]]
    on = np.flatnonzero((snaps.edge >= 0) & (snaps.gap_m < limit_m))
    own, offset, reach = snaps.edge[on], snaps.offset_m[on], limit_m - snaps.gap_m[on]
    held = union(
        np.concatenate([edge, edge, own]),
        np.concatenate([np.zeros(len(edge)), np.maximum(length - from_v, 0.0), offset - reach]),
        np.concatenate([np.minimum(from_u, length), length, offset + reach]),
    )
    return left_over(edge, length, held)


# -- any walk ---------------------------------------------------------------------------------------


def _never_met(graph: RoadGraph, streets: Streets, passes: Passes, distance_m: float) -> Intervals:
    """What of the streets lies on a walk of more than `distance_m` that passes no place."""
    edges = np.arange(len(graph))
    free = left_over(edges, graph.length_m, union(passes.edge, passes.low, passes.high))
    nodes = len(graph.x)
    stubs = nodes + 2 * np.arange(len(free))
    begin = np.where(free.low <= SAME_M, graph.u[free.on], stubs)
    end = np.where(free.high >= graph.length_m[free.on] - SAME_M, graph.v[free.on], stubs + 1)
    longest = longest_walks(nodes + 2 * len(free), begin, end, free.metres)
    is_street = np.zeros(len(graph), bool)
    is_street[streets.edge] = True
    return free.take((longest > distance_m + SAME_M) & is_street[free.on])


# -- edges and lines --------------------------------------------------------------------------------


def _on_lines(graph: RoadGraph, streets: Streets, bare: Intervals) -> Intervals:
    """Stretches of edges along their lines, joined where they meet; over the seam of a ring too."""
    at = streets.place_of(len(graph))[bare.on]
    size = graph.length_m[bare.on]
    one, two = streets.along(at, bare.low, size), streets.along(at, bare.high, size)
    joined = union(streets.line[at], np.minimum(one, two), np.maximum(one, two))
    if len(joined) == 0:
        return joined
    first = np.append(True, joined.on[1:] != joined.on[:-1])
    last = np.append(first[1:], True)
    whole = streets.length_m[joined.on]
    at_seam = streets.ring[joined.on] & ~(first & last)
    begins, ends = first & at_seam & (joined.low <= SAME_M), last & at_seam & (joined.high >= whole - SAME_M)
    both = np.intersect1d(joined.on[begins], joined.on[ends])
    meets = np.isin(joined.on, both)
    from_seam, to_seam = begins & meets, ends & meets
    low, high = joined.low.copy(), joined.high.copy()
    high[to_seam] += joined.high[from_seam]
    kept = ~from_seam
    return Intervals(joined.on[kept], low[kept], high[kept])


def _on_edges(streets: Streets, gaps: Intervals) -> Intervals:
    """Stretches of lines as stretches of their edges."""
    pieces = [
        piece
        for line, low, high in zip(gaps.on.tolist(), gaps.low.tolist(), gaps.high.tolist(), strict=True)
        for piece in streets.pieces(line, low, high)
    ]
    if not pieces:
        return Intervals(np.empty(0, np.int64), np.empty(0), np.empty(0))
    edge, one, two = (np.array(column) for column in zip(*pieces, strict=True))
    low, high = np.minimum(one, two), np.maximum(one, two)
    kept = high - low > SAME_M
    order = np.lexsort((low[kept], edge[kept]))
    return Intervals(edge[kept][order].astype(np.int64), low[kept][order], high[kept][order])
