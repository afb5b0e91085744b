"""Which way can one go? A road layer as a graph for walking, cycling or driving.

Who may use what, unless the column `modes` says so for a road:

- walking: everything but motorways (class motorway, subtype motorroad) and busways; trunk roads are
  open (most have pavements in a city), so are steps. One-way signs do not bind.
- cycling: as walking but no steps and no corridors; one-way signs bind.
- driving: no class path and none of the subtypes pedestrian, footway, steps, cycleway, path, track,
  bridleway, corridor, trail; one-way signs bind. Turns cost nothing and none is forbidden: approximate.

A direction that is not given is both. Lengths are plane lengths over the scale at the middle of each
segment (`crs.scale_at`): ground metres.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from .crs import from_wgs84, metric_crs, require_metric, scale_at, to_wgs84
from .errors import LayerError
from .road_lines import Lines as _Lines
from .road_lines import crossings, cut, join_crossings, join_ends, measures
from .travel import SPEED_KMH, Mode

if TYPE_CHECKING:
    import geopandas as gpd

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
SmallInts = NDArray[np.int32]
Bools = NDArray[np.bool_]

DRIVE_KMH: Mapping[str, float] = {
    "motorway": 80.0,
    "trunk": 45.0,
    "primary": 30.0,
    "secondary": 27.0,
    "tertiary": 25.0,
    "residential": 18.0,
    "service": 12.0,
    "alley": 10.0,
    "path": 8.0,
}
"""By day in a city, waiting at lights included: an assumption, not a measurement; pass others in `Speeds`."""

SHORTEST_M = 1e-3
"""No edge is shorter: two nodes may lie in one place."""

_DIGITS = 1e7
"""Vertices that agree to 1e-7 degrees (1 cm) are one."""

_CHUNK = 200_000

_NO_FOOT = frozenset({"motorway", "motorway_link", "motorroad", "busway", "bus_guideway"})
_NO_CAR = frozenset(
    ("busway", "bus_guideway", "pedestrian", "footway", "steps", "cycleway", "path", "track", "bridleway")
) | {"corridor", "trail"}
_CLOSED: dict[Mode, frozenset[str]] = {
    "walk": _NO_FOOT,
    "bike": _NO_FOOT | {"steps", "corridor"},
    "drive": _NO_CAR,
}
"""Subtypes that a mode may not use."""

_CLOSED_CLASS: dict[Mode, frozenset[str]] = {
    "walk": frozenset({"motorway"}),
    "bike": frozenset({"motorway"}),
    "drive": frozenset({"path"}),
}


@dataclass(frozen=True)
class Speeds:
    """How fast one goes.

    Parameters
    ----------
    walk, bike : float
        km/h, everywhere.
    drive : mapping of road class to km/h
        A class that is not in it is driven at `SPEED_KMH["drive"]`.
    """

    walk: float = SPEED_KMH["walk"]
    bike: float = SPEED_KMH["bike"]
    drive: Mapping[str, float] = field(default_factory=lambda: DRIVE_KMH)

    def of(self, mode: Mode, classes: NDArray[np.object_]) -> Floats:
        """Metres per second on roads of these classes."""
        if mode == "drive":
            kinds, number = np.unique(classes.astype(str), return_inverse=True)
            each = np.array([self.drive.get(kind, SPEED_KMH["drive"]) for kind in kinds.tolist()], float)
            return each[number] / 3.6
        return np.full(len(classes), (self.walk if mode == "walk" else self.bike) / 3.6)


@dataclass(frozen=True)
class RoadGraph:
    """Nodes where roads meet or end, edges between them; n nodes, e edges.

    Parameters
    ----------
    crs : CRS
        The metric plane of every coordinate.
    mode : str
    x, y : (n,) float
    u, v : (e,) int32
        First and last node; the same for a loop. Parallel edges are kept.
    length_m, seconds : (e,) float
        Ground metres, at least `SHORTEST_M`.
    forward, backward : (e,) bool
        Open from u to v, from v to u.
    row : (e,) int32
        The row of the layer.
    vertices : (k, 2) float
        The vertices of edge i are `starts[i]:starts[i + 1]`, ends included.
    starts : (e + 1,) int64
    part : (n,) int32
        Nodes with one number reach each other, there and back; 0 holds the most metres of road.
    part_m : (parts,) float
        Metres of road inside each part.
    counts : mapping of str to int
        Of the layer: `rows`; left out: `missing` (no geometry), `not_lines`, `unreadable` (a coordinate
        that is no place), `closed` (to this mode), `no_length` (pieces without extent); `joined`: ends
        that stopped within 0.5 m of another line; `crossings_joined`.
    """

    crs: CRS
    mode: Mode
    x: Floats
    y: Floats
    u: SmallInts
    v: SmallInts
    length_m: Floats
    seconds: Floats
    forward: Bools
    backward: Bools
    row: SmallInts
    vertices: Floats
    starts: Ints
    part: SmallInts
    part_m: Floats
    counts: Mapping[str, int]

    def __len__(self) -> int:
        return len(self.u)

    @property
    def edge_part(self) -> SmallInts:
        """(e,) the part an edge lies in; -1 where it leads from one part to another."""
        here, there = self.part[self.u], self.part[self.v]
        return np.where(here == there, here, np.int32(-1))

    def plane(self, lonlat: Floats) -> Floats:
        """(n, 2) positions in EPSG:4326 to the plane."""
        return np.column_stack(from_wgs84(lonlat[:, 0], lonlat[:, 1], self.crs.srs))

    def lonlat(self, xy: Floats) -> Floats:
        """(n, 2) places of the plane to EPSG:4326."""
        return np.column_stack(to_wgs84(xy[:, 0], xy[:, 1], self.crs.srs))


def open_to(roads: gpd.GeoDataFrame, mode: Mode) -> Bools:
    """(rows,) which roads a mode may use: as `modes` says, else by subtype and class."""
    n = len(roads)

    def column(name: str) -> NDArray[np.object_]:
        if name not in roads:
            return np.full(n, "", dtype=object)
        filled: NDArray[np.object_] = roads[name].astype(object).where(roads[name].notna(), "").to_numpy()
        return filled

    def chosen(name: str, keep: frozenset[str]) -> Bools:
        return np.isin(column(name).astype(str), sorted(keep))

    allowed = ~chosen("subtype", _CLOSED[mode]) & ~chosen("class", _CLOSED_CLASS[mode])
    kinds, number = np.unique(column("modes").astype(str), return_inverse=True)
    told = np.array([bool(kind.strip()) for kind in kinds.tolist()], bool)
    says = np.array([mode in kind.split() for kind in kinds.tolist()], bool)
    return np.where(told[number], says[number], allowed)


def build_graph(
    roads: gpd.GeoDataFrame,
    mode: Mode,
    crs: CRS | None = None,
    *,
    join_at_crossings: bool = False,
    speeds: Speeds | None = None,
) -> RoadGraph:
    """The roads that a mode may use as a graph.

    Parameters
    ----------
    roads : GeoDataFrame, EPSG:4326
        Lines with the columns class, subtype, oneway (yes, no, reverse) and, where it is known, modes
        (words of walk, bike, drive; none). Columns that are missing are empty.
    mode : str
    crs : CRS, optional
        Metric; else that of the middle of the roads.
    join_at_crossings : bool
        Roads that cross meet there: for layers drawn by hand without nodes. Else such a crossing is a
        bridge (`count_crossings` tells how many there are).
    speeds : Speeds, optional

    Raises
    ------
    LayerError
        `roads_none` if no road is left for the mode.
    CRSError
        If distances may not be taken in `crs`.
    """
    usable = open_to(roads, mode)
    shapes = np.asarray(roads.geometry.array, dtype=object)
    counts = {"rows": len(shapes)}
    kind = shapely.get_type_id(shapes)
    missing = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    line = np.isin(kind, (1, 2, 5)) & ~missing
    counts["missing"] = int(missing.sum())
    counts["not_lines"] = int((~missing & ~line).sum())
    counts["closed"] = int((line & ~usable).sum())
    rows = np.flatnonzero(line & usable)
    lonlat, starts, row = _vertices(shapes[rows], rows, counts)
    if len(row) == 0:
        raise LayerError(
            f"none of {len(shapes)} roads can be used to {mode}: {counts['closed']} are closed to it;"
            " import roads, or correct their class and the column modes",
            code="roads_none",
            mode=mode,
            rows=len(shapes),
            closed=counts["closed"],
        )
    if crs is None:
        low, high = lonlat.min(axis=0), lonlat.max(axis=0)
        crs = metric_crs(*(0.5 * (low + high)).tolist())
    require_metric(crs)
    key = np.rint(lonlat * _DIGITS).astype(np.int64)
    xy = np.column_stack(from_wgs84(lonlat[:, 0], lonlat[:, 1], crs.srs))
    lines = cut(xy, (key[:, 0] + 1_800_000_000) * (1 << 31) + key[:, 1] + 900_000_000, starts, row)
    lines, counts["joined"] = join_ends(lines)
    counts["crossings_joined"] = 0
    if join_at_crossings:
        lines, counts["crossings_joined"] = join_crossings(lines)
    return _graph(lines, roads, mode, crs, speeds or Speeds(), counts)


def _vertices(shapes: NDArray[np.object_], rows: Ints, counts: dict[str, int]) -> tuple[Floats, Ints, Ints]:
    """Vertices of the single lines in `shapes` without repeats, where each begins, and its row."""
    parts, owner = shapely.get_parts(shapes, return_index=True)
    lonlat, part = shapely.get_coordinates(parts, return_index=True)
    wrong = ~np.isfinite(lonlat).all(axis=1) | (np.abs(lonlat) > (180.0, 90.0)).any(axis=1)
    bad_row = np.unique(owner[part[wrong]])
    counts["unreadable"] = len(bad_row)
    keep = ~np.isin(owner, bad_row)[part]
    keep[1:] &= (part[1:] != part[:-1]) | (lonlat[1:] != lonlat[:-1]).any(axis=1)
    size = np.bincount(part[keep], minlength=len(parts))
    counts["no_length"] = int((size == 1).sum())
    keep &= size[part] > 1
    whole = np.flatnonzero(size > 1)
    starts = np.zeros(len(whole) + 1, np.int64)
    np.cumsum(size[whole], out=starts[1:])
    return lonlat[keep], starts, rows[owner[whole]]


def _graph(
    lines: _Lines, roads: gpd.GeoDataFrame, mode: Mode, crs: CRS, speeds: Speeds, counts: dict[str, int]
) -> RoadGraph:
    used, number = np.unique(np.concatenate([lines.first, lines.last]), return_inverse=True)
    place = lines.place[used]
    u, v = (side.astype(np.int32) for side in np.split(number, 2))
    length = np.maximum(_ground_m(lines, crs), SHORTEST_M)
    of_class = roads["class"].to_numpy(dtype=object)[lines.row] if "class" in roads else np.full(len(u), "")
    way = (
        roads["oneway"].astype(object).where(roads["oneway"].notna(), "no").to_numpy().astype(str)[lines.row]
        if "oneway" in roads and mode != "walk"
        else np.full(len(u), "no")
    )
    forward, backward = way != "reverse", way != "yes"
    part, part_m = _parts(u, v, forward, backward, length, len(used))
    return RoadGraph(
        crs, mode, place[:, 0].copy(), place[:, 1].copy(), u, v, length, length / speeds.of(mode, of_class),
        forward, backward, lines.row.astype(np.int32), lines.xy, lines.starts, part, part_m, counts,
    )  # fmt: skip


def _ground_m(lines: _Lines, crs: CRS) -> Floats:
    """(n,) metres on the ground: every segment over the scale at its middle."""
    step = np.hypot(*np.diff(lines.xy, axis=0).T)
    step[lines.starts[1:-1] - 1] = 0.0  # from one line to the next
    for first in range(0, len(step), _CHUNK):
        run = slice(first, first + _CHUNK)
        middle = 0.5 * (lines.xy[:-1][run] + lines.xy[1:][run])
        step[run] /= scale_at(crs, *to_wgs84(middle[:, 0], middle[:, 1], crs.srs))
    length: Floats = np.add.reduceat(step, lines.starts[:-1])
    return length


def _parts(
    u: SmallInts, v: SmallInts, forward: Bools, backward: Bools, length: Floats, n: int
) -> tuple[SmallInts, Floats]:
    """Strongly connected parts, numbered by metres of road inside them, then by their first node."""
    tail = np.concatenate([u[forward], v[backward]])
    head = np.concatenate([v[forward], u[backward]])
    count, label = connected_components(
        coo_array((np.ones(len(tail), np.int8), (tail, head)), shape=(n, n)), connection="strong"
    )
    inside = label[u] == label[v]
    metres: Floats = np.zeros(count)
    np.add.at(metres, label[u[inside]], length[inside])
    first = np.unique(label, return_index=True)[1]
    order = np.lexsort((first, -metres))
    number = np.empty(count, np.int32)
    number[order] = np.arange(count, dtype=np.int32)
    part: SmallInts = number[label]
    return part, metres[order]


def count_crossings(graph: RoadGraph) -> int:
    """How many times two edges cross without meeting: bridges, or a layer drawn without nodes."""
    return len(crossings(as_lines(graph)))


def as_lines(graph: RoadGraph) -> _Lines:
    """The edges of a graph as lines."""
    node = np.full(len(graph.vertices), -1, np.int64)
    node[graph.starts[:-1]] = graph.u
    node[graph.starts[1:] - 1] = graph.v
    return _Lines(
        graph.vertices, node, graph.starts, graph.row.astype(np.int64), np.column_stack([graph.x, graph.y])
    )


def stretch(graph: RoadGraph, edge: int, from_m: float, to_m: float) -> Floats:
    """The line of an edge between two offsets from its beginning.

    Parameters
    ----------
    from_m, to_m : float
        Ground metres; from the larger to the smaller it runs backwards.

    Returns
    -------
    (k, 2) float
        Plane metres, k >= 2.
    """
    xy = graph.vertices[graph.starts[edge] : graph.starts[edge + 1]]
    if {from_m, to_m} == {0.0, graph.length_m[edge]}:
        return xy if from_m <= to_m else xy[::-1]
    along = measures(xy, np.array([0, len(xy)]))
    low, high = sorted((from_m, to_m))
    ends = np.clip(np.array([low, high]) / graph.length_m[edge], 0.0, 1.0) * along[-1]
    place = np.column_stack([np.interp(ends, along, xy[:, 0]), np.interp(ends, along, xy[:, 1])])
    inner = xy[(along > ends[0]) & (along < ends[1])]
    line: Floats = np.concatenate([place[:1], inner, place[1:]])
    return line if from_m <= to_m else line[::-1]
