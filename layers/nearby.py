"""Who of equal key is near whom: grid cells, so that no file makes it slow.

Points are hashed into cells whose diagonal is the distance. Whoever shares a cell is near, and a
point has at most 20 cells around it to look into.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.integer[Any]]

_CHUNK = 50_000
_CROWD = 20


def plane(lonlat: Floats) -> Floats:
    """Metres east and north of the first point, on the WGS-84 ellipsoid at the median latitude.

    Parameters
    ----------
    lonlat : (n, 2) float, EPSG:4326

    Returns
    -------
    (n, 2) float, metres. True for distances within a city, see `find`; also across the 180th meridian.
    """
    if not len(lonlat):
        return np.empty((0, 2))
    east = (lonlat[:, 0] - lonlat[0, 0] + 180.0) % 360.0 - 180.0
    north = lonlat[:, 1] - lonlat[0, 1]
    lat = math.radians(float(np.median(lonlat[:, 1])))
    a, e2 = 6378137.0, 0.0066943799901413165
    w = math.sqrt(1.0 - e2 * math.sin(lat) ** 2)
    normal, meridian = a / w, a * (1.0 - e2) / w**3
    return np.column_stack([np.radians(east) * (normal * math.cos(lat)), np.radians(north) * meridian])


def grouped(values: Ints) -> tuple[Ints, NDArray[np.int32], Ints, NDArray[np.int32]]:
    """Equal values together: one sort, and half the memory of `numpy.unique`.

    Returns
    -------
    values : (g,) int, sorted, each once
    order : (n,) int32
        Positions, group after group; in a group in the given order.
    start : (g + 1,) int
        Where each group begins in `order`, and where the last one ends.
    group : (n,) int32
        The group of every position.
    """
    order = np.argsort(values, kind="stable").astype(np.int32)
    ranked = values[order]
    begins = np.empty(len(values), dtype=bool)
    begins[:1] = True
    np.not_equal(ranked[1:], ranked[:-1], out=begins[1:])
    start = np.flatnonzero(begins)
    group = np.empty(len(values), dtype=np.int32)
    group[order] = np.cumsum(begins, dtype=np.int32) - 1
    return ranked[start], order, np.append(start, len(values)), group


def _repeated(key: Ints) -> NDArray[np.bool_]:
    """Which keys stand more than once."""
    order = np.argsort(key).astype(np.int32)
    ranked = key[order]
    equal = ranked[1:] == ranked[:-1]
    several = np.zeros(len(key), dtype=bool)
    several[order[1:]] = equal
    several[order[:-1]] |= equal
    return several


class _Cells:
    """Points of equal key in square cells whose diagonal is the distance: who shares one is near.

    Parameters
    ----------
    key : (n,) int
    xy : (n, 2) float, metres
    """

    def __init__(self, key: Ints, xy: Floats, distance_m: float) -> None:
        self.xy, self.distance_m = xy, distance_m
        # a hair smaller than the square in the circle, so that rounding cannot push a corner out
        side = distance_m * math.sqrt(0.5) * (1 - 1e-9)
        packed = np.zeros(len(xy), dtype=np.int64)
        for axis in (0, 1):
            packed = (packed << 32) + (
                np.floor((xy[:, axis] - xy[:, axis].min()) / side).astype(np.int64) + 2
            )
        self._cells, _, _, cell = grouped(packed)
        _, _, _, keyed = grouped(key)
        packed = keyed * np.int64(len(self._cells)) + cell
        del cell, keyed
        self._joined, self.order, self.start, self.group = grouped(packed)
        self.first = self.order[self.start[:-1]]

    def neighbours(self) -> Iterator[tuple[Ints, Ints]]:
        """(groups, the group of equal key in a cell beside each): every cell that the distance reaches."""
        keyed, cell = np.divmod(self._joined, len(self._cells))
        for east in range(-2, 3):
            for north in range(-2, 3):
                if (east, north) == (0, 0) or abs(east) == abs(north) == 2:
                    continue
                beside, known = _lookup(self._cells, self._cells + (east << 32) + north)
                groups = np.flatnonzero(known[cell])
                wanted = keyed[groups] * np.int64(len(self._cells)) + beside[cell[groups]]
                other, there = _lookup(self._joined, wanted)
                yield groups[there], other[there]

    def near(self, one: Ints, other: Ints) -> NDArray[np.bool_]:
        """Which of the pairs of points are within the distance."""
        gap = self.xy[one] - self.xy[other]
        within: NDArray[np.bool_] = np.einsum("ij,ij->i", gap, gap) <= self.distance_m**2
        return within


def _lookup(known: Ints, wanted: Ints) -> tuple[Ints, NDArray[np.bool_]]:
    """(position among the sorted known values, whether it is one of them)."""
    at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return at, known[at] == wanted


def earlier_within(key: Ints, xy: Floats, distance_m: float) -> Ints:
    """Has a point an earlier one of its key within the distance?

    Parameters
    ----------
    key : (n,) int
        0 is compared with nothing.
    xy : (n, 2) float, metres
    distance_m : float

    Returns
    -------
    (n,) int
        Position of an earlier point of the same key, at most `distance_m` away; -1 if there is none.
        Where there are several, any of them, the same in every run.

    Notes
    -----
    All points of a cell are near its first, so only the first of each cell needs a look at the 20
    cells around: at most 20 comparisons a point, whatever the file.
    """
    found = np.full(len(key), -1, dtype=np.int64)
    several = np.flatnonzero(_repeated(key) & (key != 0)).astype(np.int32)
    if not len(several):
        return found
    cells = _Cells(key[several], xy[several], distance_m)
    earlier = cells.first[cells.group]
    earlier[cells.first] = -1
    for groups, others in cells.neighbours():
        # a cell that begins after the group does holds nothing earlier
        worth = cells.first[others] < cells.first[groups]
        sizes = cells.start[others + 1] - cells.start[others]
        for one, point in _pairs(cells, groups[worth], others[worth], sizes[worth]):
            first = cells.first[one]
            hit = (point < first) & cells.near(first, point)
            earlier[first[hit]] = point[hit]
    found[several] = np.where(earlier < 0, -1, several[earlier])
    return found


def _pairs(cells: _Cells, groups: Ints, others: Ints, sizes: Ints) -> Iterator[tuple[Ints, Ints]]:
    """Every group with each of the first `sizes` points of the other, some 50,000 pairs at a time."""
    ends = np.cumsum(sizes)
    total = int(ends[-1]) if len(ends) else 0
    for low in range(0, total, _CHUNK):
        pair = np.arange(low, min(low + _CHUNK, total))
        at = np.searchsorted(ends, pair, side="right")
        yield groups[at], cells.order[cells.start[others[at]] + pair - (ends[at] - sizes[at])]


def near_known(key: Ints, xy: Floats, known_key: Ints, known_xy: Floats, distance_m: float) -> Ints:
    """For every point: a known one of its key within the distance, -1 for none.

    Parameters
    ----------
    key, known_key : (n,) and (m,) int
        0 is compared with nothing.
    xy, known_xy : (n, 2) and (m, 2) float, metres
        Both on the same plane.

    Notes
    -----
    Of more than 20 known points of one key in one cell (0.7 times the distance wide), 20 are looked
    at from other cells: a bound for hostile files, at most 400 comparisons a point.
    """
    known_n = len(known_key)
    keys = np.concatenate([known_key, key])
    shared = np.flatnonzero(np.isin(keys, np.intersect1d(known_key, key)) & (keys != 0))
    found = np.full(len(key), -1, dtype=np.int64)
    if not len(shared):
        return found
    cells = _Cells(keys[shared], np.concatenate([known_xy, xy])[shared], distance_m)
    asks = shared >= known_n
    # the known points stand first in each group
    first = cells.first[cells.group]
    near = np.where(asks & ~asks[first], first, -1)
    known = np.bincount(cells.group[~asks], minlength=len(cells.first))
    for groups, others in cells.neighbours():
        open_ = known[groups] == 0
        groups_open, others_open = groups[open_], others[open_]
        sizes = np.minimum(known[others_open], _CROWD)
        for one, point in _pairs(cells, groups_open, others_open, sizes):
            for asked, beside in _spread(cells, one, point):
                hit = cells.near(asked, beside)
                near[asked[hit]] = beside[hit]
    found[shared[asks] - known_n] = np.where(near[asks] < 0, -1, shared[near[asks]])
    return found


def _spread(cells: _Cells, groups: Ints, points: Ints) -> Iterator[tuple[Ints, Ints]]:
    """Every point of each group with the point that goes with the group."""
    sizes = cells.start[groups + 1] - cells.start[groups]
    ends = np.cumsum(sizes)
    for low in range(0, int(sizes.sum()), _CHUNK):
        pair = np.arange(low, min(low + _CHUNK, int(ends[-1])))
        at = np.searchsorted(ends, pair, side="right")
        yield cells.order[cells.start[groups[at]] + pair - (ends[at] - sizes[at])], points[at]
