"""Where do the lines of a road layer meet? Cut at shared vertices, mend loose ends, find crossings.

Lines are flat arrays in a metric plane; a vertex that is a node carries its number. Two lines meet
where they share a vertex, as the ways of OpenStreetMap do. An end that stops just short of another
line is joined to it. Lines that cross without a shared vertex are a bridge unless the layer is
said to be drawn without nodes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Geometries = NDArray[np.object_]

JOIN_M = 0.5
"""A loose end this near another line is joined to it."""

_SAME_M = 1e-3
"""A foot this near the end of a line is that end."""


def ragged(first: Ints, size: Ints) -> tuple[Ints, Ints]:
    """The runs first[i] .. first[i] + size[i] - 1 one after the other, and where each begins (n + 1)."""
    starts = np.zeros(len(size) + 1, np.int64)
    np.cumsum(size, out=starts[1:])
    return np.arange(starts[-1]) + np.repeat(first - starts[:-1], size), starts


@dataclass(frozen=True)
class Lines:
    """Lines as flat arrays: line i owns vertices `starts[i]:starts[i + 1]`, two or more.

    Parameters
    ----------
    xy : (k, 2) float
        Plane metres.
    node : (k,) int
        The node at a vertex, -1 where none is; the ends of a line are nodes.
    starts : (n + 1,) int
    row : (n,) int
        Where each line came from.
    place : (nodes, 2) float
        Plane metres of the nodes.
    """

    xy: Floats
    node: Ints
    starts: Ints
    row: Ints
    place: Floats

    @property
    def first(self) -> Ints:
        """(n,) the node that each line begins at."""
        return self.node[self.starts[:-1]]

    @property
    def last(self) -> Ints:
        """(n,) the node that each line ends at."""
        return self.node[self.starts[1:] - 1]

    def lengths(self) -> Floats:
        """(n,) plane metres."""
        return measures(self.xy, self.starts)[self.starts[1:] - 1]

    def geometry(self) -> Geometries:
        """(n,) LineStrings in the plane."""
        return line_strings(self.xy, self.starts)


def line_strings(xy: Floats, starts: Ints) -> Geometries:
    """Flat vertices as an array of LineStrings."""
    owner = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    made: Geometries = np.asarray(shapely.linestrings(xy, indices=owner), dtype=object)
    return made


def measures(xy: Floats, starts: Ints) -> Floats:
    """(k,) how far along its line each vertex lies, plane metres."""
    if len(xy) == 0:
        return np.empty(0)
    step = np.zeros(len(xy))
    step[1:] = np.hypot(*np.diff(xy, axis=0).T)
    step[starts[:-1]] = 0.0
    total = np.cumsum(step)
    along: Floats = total - np.repeat(total[starts[:-1]], np.diff(starts))
    return along


def cut(xy: Floats, key: Ints, starts: Ints, row: Ints) -> Lines:
    """Lines split at every vertex that is used more than once.

    Parameters
    ----------
    xy : (k, 2) float
        Plane metres.
    key : (k,) int
        Equal for vertices at the same place.
    starts : (n + 1,) int
        Two or more vertices each.
    row : (n,) int
    """
    first, inverse, count = np.unique(key, return_index=True, return_inverse=True, return_counts=True)[1:]
    at_node = count[inverse] > 1
    at_node[starts[:-1]] = True
    at_node[starts[1:] - 1] = True
    places, number = np.unique(inverse[at_node], return_inverse=True)
    node = np.full(len(xy), -1, np.int64)
    node[at_node] = number
    return _split(Lines(xy, node, starts, row, xy[first[places]]))


def _split(lines: Lines) -> Lines:
    """The same lines, each split at its inner nodes; nodes pull their vertices to their place."""
    at = np.flatnonzero(lines.node >= 0)
    line = np.repeat(np.arange(len(lines.row)), np.diff(lines.starts))[at]
    same = line[:-1] == line[1:]
    begin, end = at[:-1][same], at[1:][same]
    flat, starts = ragged(begin, end - begin + 1)
    xy, node = lines.xy[flat], lines.node[flat]
    held = node >= 0
    xy[held] = lines.place[node[held]]
    return Lines(xy, node, starts, lines.row[line[:-1][same]], lines.place)


def _insert(lines: Lines, line: Ints, along: Floats, node: Ints) -> Lines:
    """Lines with further nodes at distances along them."""
    order = np.lexsort((along, line))
    line, along, node = line[order], along[order], node[order]
    step = np.zeros(len(lines.xy))
    step[1:] = np.hypot(*np.diff(lines.xy, axis=0).T)
    step[lines.starts[:-1]] = 0.0
    total = np.cumsum(step)
    where = np.searchsorted(total, total[lines.starts[line]] + along, side="right")
    where = np.clip(where, lines.starts[line] + 1, lines.starts[line + 1] - 1)
    added = np.zeros(len(lines.starts), np.int64)
    np.add.at(added, line + 1, 1)
    return Lines(
        np.insert(lines.xy, where, lines.place[node], axis=0),
        np.insert(lines.node, where, node),
        lines.starts + np.cumsum(added),
        lines.row,
        lines.place,
    )


def join_ends(lines: Lines, within_m: float = JOIN_M) -> tuple[Lines, int]:
    """Loose ends joined to the nearest other line within a distance, and how many were.

    An end is loose where no other line has a vertex. It moves onto the other line, which gets a
    node there; other loose ends come last, then the nearer line comes first, then the first of the
    layer. A line shorter than the distance keeps its ends.
    """
    degree = np.bincount(np.concatenate([lines.first, lines.last]), minlength=len(lines.place))
    own = np.empty(len(lines.place), np.int64)
    own[lines.first] = np.arange(len(lines.row))
    own[lines.last] = np.arange(len(lines.row))
    loose = np.flatnonzero(degree == 1)
    length = lines.lengths()
    loose = loose[length[own[loose]] > within_m]
    if len(loose) == 0:
        return lines, 0
    shapes = lines.geometry()
    ends: Geometries = np.asarray(shapely.points(lines.place[loose]), dtype=object)
    end, line = shapely.STRtree(shapes).query(ends, predicate="dwithin", distance=within_m)
    other = line != own[loose[end]]
    end, line = end[other], line[other]
    if len(end) == 0:
        return lines, 0
    along = np.asarray(shapely.line_locate_point(shapes[line], ends[end]))
    at_first, at_last = along <= _SAME_M, along >= length[line] - _SAME_M
    target = np.where(at_first, lines.first[line], lines.last[line])
    meets_end = (at_first | at_last) & (degree[target] == 1)
    order = np.lexsort((line, shapely.distance(ends[end], shapes[line]), meets_end, end))
    chosen = order[np.unique(end[order], return_index=True)[1]]
    end, line, along, target = end[chosen], line[chosen], along[chosen], target[chosen]
    inner = ~(at_first | at_last)[chosen]
    node = loose[end]
    place = lines.place.copy()
    place[node[inner]] = shapely.get_coordinates(
        shapely.line_interpolate_point(shapes[line[inner]], along[inner])
    )
    joined = _insert(
        Lines(lines.xy, lines.node, lines.starts, lines.row, place), line[inner], along[inner], node[inner]
    )
    return _split(_merge(joined, node[~inner], target[~inner])), len(node)


def _merge(lines: Lines, moved: Ints, onto: Ints) -> Lines:
    """Lines whose nodes `moved` are one with the nodes `onto`.

    Chains end at the node that does not move; of ends that point at each other the lowest stays.
    """
    n = len(lines.place)
    label = connected_components(
        coo_array((np.ones(len(moved), bool), (moved, onto)), shape=(n, n)), directed=False
    )[1]
    moves = np.zeros(n, bool)
    moves[moved] = True
    order = np.lexsort((np.arange(n), moves, label))
    stays = order[np.unique(label[order], return_index=True)[1]]
    kept, number = np.unique(stays[label], return_inverse=True)
    node = np.where(lines.node >= 0, number[lines.node], -1)
    return Lines(lines.xy, node, lines.starts, lines.row, lines.place[kept])


@dataclass(frozen=True)
class Crossings:
    """Places where two lines cross and no vertex is shared.

    Parameters
    ----------
    line, other : (n,) int
    along, along_other : (n,) float
        Plane metres from the beginning of each.
    xy : (n, 2) float
    """

    line: Ints
    other: Ints
    along: Floats
    along_other: Floats
    xy: Floats

    def __len__(self) -> int:
        return len(self.line)


def crossings(lines: Lines) -> Crossings:
    """Where lines that are cut at their nodes cross without one: bridges, or a layer without nodes."""
    shapes, length = lines.geometry(), lines.lengths()
    pair = shapely.STRtree(shapes).query(shapes, predicate="crosses")
    pair = pair[:, pair[0] < pair[1]]
    pair = pair[:, np.lexsort((pair[1], pair[0]))]
    parts, owner = shapely.get_parts(
        shapely.intersection(shapes[pair[0]], shapes[pair[1]]), return_index=True
    )
    point = shapely.get_type_id(parts) == 0
    points, (a, b) = parts[point], pair[:, owner[point]]
    along, along_other = (shapely.line_locate_point(shapes[side], points) for side in (a, b))
    ends = ((along <= _SAME_M) | (along >= length[a] - _SAME_M)) & (
        (along_other <= _SAME_M) | (along_other >= length[b] - _SAME_M)
    )
    keep = ~ends
    return Crossings(a[keep], b[keep], along[keep], along_other[keep], shapely.get_coordinates(points[keep]))


def join_crossings(lines: Lines) -> tuple[Lines, int]:
    """Lines with a node wherever two of them cross, and how many crossings there were."""
    found = crossings(lines)
    if len(found) == 0:
        return lines, 0
    number = np.arange(len(lines.place), len(lines.place) + len(found))
    both = Lines(lines.xy, lines.node, lines.starts, lines.row, np.concatenate([lines.place, found.xy]))
    both = _insert(
        both,
        np.concatenate([found.line, found.other]),
        np.concatenate([found.along, found.along_other]),
        np.concatenate([number, number]),
    )
    return _split(both), len(found)
