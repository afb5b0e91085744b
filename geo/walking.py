"""Who is within r metres of whom on foot: entry distances along the roads.

A place stands for itself at one position or several: an anchor at its main gate or centroid, a
compound at each of its gates, else along its boundary, an alley along its line. Every position meets
the roads at the nearest point of a road open to walkers, and the bit between the two is walked as
well. What nobody can walk to is outside; which positions are far from every road, or on roads cut
off from the rest, is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from .buffers import AlleyRule, PairTable
from .crs import to_wgs84
from .travel import FAR_M, Mode, Snapped

if TYPE_CHECKING:
    from .network import RoadWarning

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Geometries = NDArray[np.object_]

STEP_M = 50.0
"""Positions along an alley or a boundary are its vertices, and more where these are farther apart."""
_BLOCK = 256
"""Anchors whose pairs with single positions are in memory together."""


class Walkways(Protocol):
    """What of a road network the membership on foot asks. Positions are (n, 2) lon, lat in EPSG:4326."""

    def snap(self, lonlat: Floats, mode: Mode) -> Snapped:
        """Where positions meet the network."""
        ...

    def within(
        self, sources: Floats, targets: Floats, metres: float, mode: Mode, *, owner: Ints | None = None
    ) -> PairTable:
        """All pairs at most so far apart along the network, the bits to and from it included.

        With an owner for each target the pairs are of source and owner, at its nearest target.
        """
        ...

    def warnings_for(self, lonlat: Floats, mode: Mode) -> Sequence[RoadWarning]:
        """What to know of positions; `extract_edge` is asked of anchors."""
        ...


@dataclass(frozen=True)
class Positions:
    """Where the rows of a table can be walked to.

    Parameters
    ----------
    lonlat : (n, 2) float, EPSG:4326
    owner : (n,) int
        The row of each position, ascending; every row has one at least.
    """

    lonlat: Floats
    owner: Ints

    @classmethod
    def of(cls, plane: Geometries, crs: CRS) -> Positions:
        """Points and gates as they are; lines and boundaries by their vertices, at most `STEP_M` apart."""
        dense = shapely.segmentize(plane, STEP_M)
        xy, owner = shapely.get_coordinates(dense, return_index=True)
        lon, lat = to_wgs84(xy[:, 0], xy[:, 1], f"EPSG:{crs.to_epsg()}")
        return cls(np.column_stack([lon, lat]), owner.astype(np.int64))


@dataclass(frozen=True)
class OnFoot:
    """How the places of a layer meet the roads, for whoever reads a result.

    Parameters
    ----------
    far : tuple of str
        Ids of the places of which every position is more than `FAR_M` from a road.
    apart : tuple of str
        Ids of those without any road, or only with roads that are cut off from the largest network.
    edge : int
        Anchors so near the edge of the road layer that their reach may be cut short.
    edge_first : str or None
        The first of them.
    """

    far: tuple[str, ...]
    apart: tuple[str, ...]
    edge: int = 0
    edge_first: str | None = None


def footing(network: Walkways, positions: Positions, ids: Sequence[str]) -> OnFoot:
    """Which places lie far from every road or on roads that are cut off."""
    met = network.snap(positions.lonlat, "walk")
    near, joined = np.zeros(len(ids), dtype=bool), np.zeros(len(ids), dtype=bool)
    found = np.isfinite(met.gap_m)
    near[positions.owner[met.gap_m <= FAR_M]] = True
    joined[positions.owner[found & (met.part <= 0)]] = True
    return OnFoot(
        far=tuple(ids[row] for row in np.flatnonzero(~near & joined).tolist()),
        apart=tuple(ids[row] for row in np.flatnonzero(~joined).tolist()),
    )


def anchor_footing(network: Walkways, positions: Positions, ids: Sequence[str]) -> OnFoot:
    """The same of anchors, one position each, and which stand near the edge of the road layer."""
    met = footing(network, positions, ids)
    for warning in network.warnings_for(positions.lonlat, "walk"):
        if warning.code == "extract_edge":
            edge = int(warning.facts["count"])
            return replace(met, edge=edge, edge_first=ids[int(warning.facts["first"])])
    return met


def walking_pairs(
    network: Walkways,
    anchors: Floats,
    units: Positions,
    count: int,
    *,
    metres: float,
    rule: AlleyRule = "intersects",
) -> PairTable:
    """Walking distance of every (anchor, unit) pair within reach.

    Parameters
    ----------
    anchors : (a, 2) float
        One position each, EPSG:4326.
    units : Positions
    count : int
        Units there are.
    metres : float
        Longest way kept.
    rule : str
        `intersects` and `midpoint`: the nearest position of the unit; `within`: the farthest, and only
        if all are within reach.

    Returns
    -------
    PairTable
        Distances to the millimetre: sums of lengths differ beyond it from one machine to another.
    """
    if len(anchors) == 0 or count == 0:
        return PairTable(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
    if rule == "within":
        found = _whole_pairs(network, anchors, units, count, metres)
    else:
        found = network.within(anchors, units.lonlat, metres, "walk", owner=units.owner)
    return PairTable(found.anchor, found.unit, np.round(found.entry_m, 3))


def _whole_pairs(
    network: Walkways, anchors: Floats, units: Positions, count: int, metres: float
) -> PairTable:
    """Pairs of which every position of the unit is within reach, at the farthest of them."""
    held = np.bincount(units.owner, minlength=count)
    parts: list[tuple[Ints, Ints, Floats]] = []
    for start in range(0, len(anchors), _BLOCK):
        near = network.within(anchors[start : start + _BLOCK], units.lonlat, metres, "walk")
        key = near.anchor * count + units.owner[near.unit]  # ascending, as pairs and owners are
        pair, first, many = np.unique(key, return_index=True, return_counts=True)
        if len(pair) == 0:
            continue
        whole = many == held[pair % count]
        entry = np.maximum.reduceat(near.entry_m, first)[whole]
        parts.append((start + pair[whole] // count, pair[whole] % count, entry))
    if not parts:
        return PairTable(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
    anchor, unit, entry = (np.concatenate(column) for column in zip(*parts, strict=True))
    return PairTable(anchor, unit, entry)


def inside_at_once(pairs: PairTable, anchors: Geometries, units: Geometries) -> PairTable:
    """The pairs with 0 where an anchor stands inside a unit: it need not walk to its boundary."""
    areas = np.flatnonzero(shapely.get_dimensions(units) == 2)
    if len(areas) == 0 or len(anchors) == 0:
        return pairs
    anchor, area = shapely.STRtree(units[areas]).query(anchors, predicate="intersects")
    unit = areas[area]
    width = int(max(pairs.unit.max(initial=0), unit.max(initial=0))) + 1
    inside = np.unique(anchor * width + unit)
    known = pairs.anchor * width + pairs.unit
    keep = ~np.isin(known, inside)
    key = np.concatenate([known[keep], inside])
    entry = np.concatenate([pairs.entry_m[keep], np.zeros(len(inside))])
    order = np.argsort(key, kind="stable")
    return PairTable(key[order] // width, key[order] % width, entry[order])
