"""How far can one walk through a piece of road without taking any stretch twice?

The longest such walk in a network is hard to find (as hard as the longest path), so an upper bound is
given: a part of the network that hangs together without any one edge (a block: streets round houses) is
taken to be walked wholly, every edge once; between blocks the ways are trees, where the longest walk is
exact. So no walk is longer than told, and on trees and on whole rings the figure is exact. O(n + e).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


def longest_walks(nodes: int, u: Ints, v: Ints, length_m: Floats) -> Floats:
    """An upper bound of the longest walk through each edge; both directions are open.

    Parameters
    ----------
    nodes : int
    u, v : (e,) int
        Ends of the edges; parallel edges and loops are allowed.
    length_m : (e,) float

    Returns
    -------
    (e,) float
        Not less than the longest walk that holds the edge and takes no edge twice; equal to it where
        the part of the network is a tree, or one ring.
    """
    if len(u) == 0:
        return np.empty(0)
    bridge = bridges(nodes, u, v)
    inside = ~bridge
    count, block = connected_components(
        coo_array((np.ones(inside.sum(), np.int8), (u[inside], v[inside])), shape=(nodes, nodes)),
        directed=False,
    )
    held: Floats = np.zeros(count)
    np.add.at(held, block[u[inside]], length_m[inside])
    found = np.empty(len(u))
    a, b = block[u[bridge]].astype(np.int64), block[v[bridge]].astype(np.int64)
    through, best_two = _forest(count, a, b, length_m[bridge], held)
    found[bridge] = through
    found[inside] = best_two[block[u[inside]]]
    return found


def bridges(nodes: int, u: Ints, v: Ints) -> Bools:
    """(e,) edges whose loss would cut the network (Tarjan 1974), by a search without recursion."""
    order = np.argsort(np.concatenate([u, v]), kind="stable")
    starts = np.searchsorted(np.concatenate([u, v])[order], np.arange(nodes + 1)).tolist()
    to = np.concatenate([v, u])[order].tolist()
    by = (order % max(len(u), 1)).tolist()
    seen, low, at = [-1] * nodes, [0] * nodes, starts[:-1].copy()
    found = np.zeros(len(u), bool)
    clock = 0
    for root in range(nodes):
        if seen[root] >= 0 or starts[root] == starts[root + 1]:
            continue
        seen[root] = low[root] = clock
        clock += 1
        stack = [(root, -1)]
        while stack:
            node, came = stack[-1]
            if at[node] == starts[node + 1]:
                stack.pop()
                if stack:
                    before = stack[-1][0]
                    low[before] = min(low[before], low[node])
                    found[came] = low[node] > seen[before]
                continue
            arc = at[node]
            at[node] += 1
            if by[arc] == came:
                continue
            other = to[arc]
            if seen[other] < 0:
                seen[other] = low[other] = clock
                clock += 1
                stack.append((other, by[arc]))
            else:
                low[node] = min(low[node], seen[other])
    return found


def _forest(count: int, a: Ints, b: Ints, length_m: Floats, held: Floats) -> tuple[Floats, Floats]:
    """Longest walks through each edge of a forest whose nodes hold metres, and through each node."""
    ends = np.concatenate([a, b])
    order = np.argsort(ends, kind="stable")
    starts = np.searchsorted(ends[order], np.arange(count + 1)).tolist()
    to = np.concatenate([b, a])[order].tolist()
    by = (order % max(len(a), 1)).tolist()
    metres, inside = length_m.tolist(), held.tolist()
    # the two longest ways out of a node by different edges, without what the node holds; and by which
    first, second, way = [0.0] * count, [0.0] * count, [-1] * count

    def offer(node: int, reach: float, edge: int) -> None:
        if reach > first[node]:
            first[node], second[node], way[node] = reach, first[node], edge
        elif reach > second[node]:
            second[node] = reach

    seen = [False] * count
    for root in range(count):
        if seen[root]:
            continue
        seen[root] = True
        visit = [(root, -1, -1)]
        for node, _, came in visit:  # grows while it is read: breadth first
            for arc in range(starts[node], starts[node + 1]):
                if by[arc] != came:
                    seen[to[arc]] = True
                    visit.append((to[arc], node, by[arc]))
        for node, before, came in reversed(visit[1:]):
            offer(before, metres[came] + inside[node] + first[node], came)
        for node, before, came in visit[1:]:
            beyond = second[before] if way[before] == came else first[before]
            offer(node, metres[came] + inside[before] + beyond, came)
    best_two = np.array(first) + np.array(second) + held
    through = np.empty(len(a))
    for edge, (one, two) in enumerate(zip(a.tolist(), b.tolist(), strict=True)):
        reach = [second[node] if way[node] == edge else first[node] for node in (one, two)]
        through[edge] = metres[edge] + inside[one] + inside[two] + reach[0] + reach[1]
    return through, best_two
