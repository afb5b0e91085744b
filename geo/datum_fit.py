"""Which datum are these coordinates in? The one under which they stand as real places stand to roads.

A median distance alone misleads: a compound is set back from its streets, so that a wrong datum,
which scatters the points at random, brings them nearer. What only the right datum has is
*precision*: nudge the points by about 100 m in any direction and their relation to the roads is
lost. Two relations are looked at: points *near* roads (bus stops, outlines), by the logarithm of
the distance, and points *clear* of roads (buildings), by the share that stands on a roadway. Both
are paired: each point is compared with itself nudged in eight directions, and the gain is told in
standard errors. A datum wins only if

- its gain is at least `SURE` standard errors,
- and `MARGIN` times that of every other candidate,
- and `MARGIN` times that of the same points thrown `FAR_M` away in sixteen directions, which shows
  what chance can do with these points in this city (points in clusters, streets in a grid),
- and the figures shown to the user, taken over the same points under all candidates, agree.

Otherwise nobody knows, and the answer says so. tests/geo/test_datum_fit.py measures how often the
rule errs. Points of known names need no statistic: they lie on their namesakes or they do not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from pyproj import CRS

from .crs import DATUMS, Floats, metric_crs, project, to_wgs84

DEGREES = ("wgs84", "gcj02", "bd09")

SURE = 4.0
MARGIN = 1.5
FEWEST = 15
"""Points near roads, under a candidate, from which a gain is taken."""
FEWEST_PAIRS = 5

KNOWN_M = 300.0
"""A point further from every road than this says nothing: the roads there are not in the store."""
ROADWAY_M = 4.0
_FLOOR_M = 5.0
"""Half the width of a street: nearer than that is not better."""
_CELL_M = 50.0
"""Of the points in one cell one is taken: neighbours err together."""
MOST = 1000
_MOST_FAR = 600
_NAMESAKE_M = 200.0
_PAIRS_AGREE = 0.8
_SAME_POINTS = 10

_EIGHTH = np.arange(8) * np.pi / 4.0 + 0.2
_NUDGES = (
    np.column_stack([np.cos(_EIGHTH), np.sin(_EIGHTH)]) * np.where(np.arange(8) % 2, 80.0, 130.0)[:, None]
)
_SIXTEENTH = np.arange(16) * np.pi / 8.0 + 0.1
FAR_M = (250.0, 430.0, 340.0, 550.0)
_THROWS = np.column_stack([np.cos(_SIXTEENTH), np.sin(_SIXTEENTH)]) * np.resize(FAR_M, 16)[:, None]

By = Literal["near", "clear", "names"]


@dataclass(frozen=True)
class Roads:
    """Road lines ready to be measured against, in the metric plane of their middle."""

    tree: shapely.STRtree
    crs: CRS
    middle: tuple[float, float]

    def plane(self, lonlat: Floats) -> Floats:
        """(n, 2) degrees to metres of the plane."""
        points = project(np.asarray(shapely.points(lonlat), dtype=object), self.crs)
        return np.asarray(shapely.get_coordinates(points), dtype=np.float64)

    def distance(self, plane: Floats, within_m: float = np.inf) -> Floats:
        """Metres from each point to the nearest road; infinite beyond `within_m` and where not finite."""
        found = np.full(len(plane), np.inf)
        here = np.flatnonzero(np.isfinite(plane).all(axis=1))
        limit = None if np.isinf(within_m) else within_m
        (point, _), gap = self.tree.query_nearest(
            shapely.points(plane[here]), max_distance=limit, return_distance=True, all_matches=False
        )
        found[here[point]] = gap
        return found


def roads_from(lines: NDArray[np.object_]) -> Roads | None:
    """Roads to compare with; None where there are none.

    Parameters
    ----------
    lines : (n,) LineString or MultiLineString, EPSG:4326
    """
    parts = np.asarray(shapely.get_parts(lines), dtype=object)
    if not len(parts):
        return None
    corners = shapely.bounds(parts)
    lon, lat = np.median(0.5 * (corners[:, :2] + corners[:, 2:]), axis=0)
    crs = metric_crs(float(lon), float(lat))
    return Roads(shapely.STRtree(project(parts, crs)), crs, (float(lon), float(lat)))


@dataclass(frozen=True)
class Pairs:
    """Places of one table and the places of the same names in another.

    Parameters
    ----------
    index : (k,) int
        Rows of the first table.
    lonlat : (k, 2) degrees, EPSG:4326
        Where the second table has the same name.
    """

    index: NDArray[np.int64]
    lonlat: Floats


def same_named(names: Sequence[str | None], known: Sequence[str | None], lonlat: ArrayLike) -> Pairs:
    """The rows whose name is found once on either side; spaces and case do not count."""
    places = np.asarray(lonlat, dtype=np.float64).reshape(-1, 2)
    ours, theirs = _once(names), _once(known)
    shared = [name for name in ours if name in theirs]
    return Pairs(
        np.array([ours[name] for name in shared], dtype=np.int64),
        places[np.array([theirs[name] for name in shared], dtype=np.int64)],
    )


def _once(names: Sequence[str | None]) -> dict[str, int]:
    found: dict[str, int] = {}
    twice = set()
    for row, name in enumerate(names):
        key = "".join(name.split()).casefold() if isinstance(name, str) else ""
        if key and found.setdefault(key, row) != row:
            twice.add(key)
    return {key: row for key, row in found.items() if key not in twice}


@dataclass(frozen=True)
class Fit:
    """How the points lie under one candidate.

    Parameters
    ----------
    datum : str
    road_m : float or None
        Median metres to the nearest road, over the same points for every candidate.
    on_road : float or None
        Share of these points on a roadway (within 4 m of its line), [0, 1].
    named_m : float or None
        Median metres to the known place of the same name.
    """

    datum: str
    road_m: float | None
    on_road: float | None
    named_m: float | None


@dataclass(frozen=True)
class Verdict:
    """The candidates and the one that is clearly best.

    Parameters
    ----------
    fits : tuple of Fit
        In the order of the candidates.
    winner : str or None
        None: undecided.
    by : "near", "clear", "names" or None
        What decided: `road_m`, `on_road` or `named_m` of the fits.
    used : int
        Points that the figures come from.
    far : int
        Points outside the extent of the roads under every candidate, left out.
    pairs : int
        Names found on both sides.
    """

    fits: tuple[Fit, ...]
    winner: str | None
    by: By | None
    used: int
    far: int
    pairs: int


def fit(
    xy: ArrayLike,
    *,
    roads: Roads | None = None,
    pairs: Pairs | None = None,
    candidates: Sequence[str] = DEGREES,
) -> Verdict:
    """Compare coordinates as they stand in a file with roads and namesakes under each datum.

    Parameters
    ----------
    xy : (n, 2) float
        Longitude, latitude or easting, northing: x first.
    roads : Roads, optional
    pairs : Pairs, optional
        `index` counts rows of `xy`.
    candidates : sequence of str
        As `geo.crs.to_wgs84` takes them.
    """
    raw = np.array(xy, dtype=np.float64).reshape(-1, 2)
    moved = {}
    for datum in candidates:
        given = raw.copy()
        given[~np.isfinite(raw).all(axis=1)] = np.nan
        if datum in DATUMS:
            given[(np.abs(raw) > (180.0, 90.0)).any(axis=1)] = np.nan
        moved[datum] = np.column_stack(to_wgs84(given[:, 0], given[:, 1], datum))
    return judge(moved, roads, pairs)


def judge(
    moved: Mapping[str, Floats], roads: Roads | None, pairs: Pairs | None = None, *, most: int = MOST
) -> Verdict:
    """The verdict on the same n places taken in several ways.

    Parameters
    ----------
    moved : dict of candidate to (n, 2) degrees, EPSG:4326
    roads, pairs : as for `fit`
    most : int
        Points compared with the roads at most.

    Notes
    -----
    Where names and roads contradict each other nothing wins.
    """
    count = len(next(iter(moved.values()), ()))
    named, named_m = _by_names(moved, pairs)
    seen = _by_roads(moved, roads, most) if roads is not None and count else _NOTHING_SEEN
    winner, by = seen.winner, seen.by
    if named is not None:
        agreed = winner in (None, named)
        winner, by = (named, "names") if agreed else (None, None)
    return Verdict(
        fits=tuple(Fit(c, seen.road_m.get(c), seen.on_road.get(c), named_m.get(c)) for c in moved),
        winner=winner,
        by=by,
        used=seen.used,
        far=seen.far,
        pairs=0 if pairs is None else len(pairs.index),
    )


# -- names -----------------------------------------------------------------------------------------


def metres_between(a: Floats, b: Floats) -> Floats:
    """(n, 2) east and north metres from places `b` to places `a`, both in degrees; good to 1 % at 50 km."""
    middle = np.radians(0.5 * (a[:, 1] + b[:, 1]))
    step = (a - b) * 111_320.0
    step[:, 0] *= np.cos(middle)
    return np.asarray(step, dtype=np.float64)


def _by_names(moved: Mapping[str, Floats], pairs: Pairs | None) -> tuple[str | None, dict[str, float]]:
    if pairs is None or not len(pairs.index):
        return None, {}
    gaps = {c: np.hypot(*metres_between(at[pairs.index], pairs.lonlat).T) for c, at in moved.items()}
    medians = {c: float(np.median(gap)) for c, gap in gaps.items()}
    best = min(medians, key=lambda c: medians[c])
    others = [c for c in gaps if c != best]
    clear = (
        len(pairs.index) >= FEWEST_PAIRS
        and medians[best] <= _NAMESAKE_M
        and all(2.0 * medians[best] <= medians[c] for c in others)
        and all(float(np.mean(gaps[best] < gaps[c])) >= _PAIRS_AGREE for c in others)
    )
    return best if clear else None, medians


# -- roads -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Seen:
    winner: str | None
    by: By | None
    road_m: dict[str, float]
    on_road: dict[str, float]
    used: int
    far: int


_NOTHING_SEEN = _Seen(None, None, {}, {}, 0, 0)


def _spread(numbers: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """At most `most` of the numbers, evenly over their order."""
    if len(numbers) <= most:
        return numbers
    return numbers[np.linspace(0, len(numbers) - 1, most).astype(np.int64)]


def _sample(moved: Mapping[str, Floats], roads: Roads, most: int) -> tuple[dict[str, Floats], int]:
    """Places in the plane: those in the extent of the roads under some candidate, one to a cell, evenly
    over the file; and how many lie outside."""
    planes = {c: roads.plane(at) for c, at in moved.items()}
    near = np.zeros(len(next(iter(planes.values()))), dtype=bool)
    left, bottom, right, top = shapely.total_bounds(roads.tree.geometries)
    for at in planes.values():
        low, high = at >= (left - KNOWN_M, bottom - KNOWN_M), at <= (right + KNOWN_M, top + KNOWN_M)
        near |= (low & high).all(axis=1)
    rows = np.flatnonzero(near)
    cells = np.floor(next(iter(planes.values()))[rows] / _CELL_M)
    first = np.sort(np.unique(cells, axis=0, return_index=True)[1])
    rows = _spread(rows[first], most)
    return {c: at[rows] for c, at in planes.items()}, len(near) - int(near.sum())


def _by_roads(moved: Mapping[str, Floats], roads: Roads, most: int) -> _Seen:
    sample, far = _sample(moved, roads, most)
    gaps = {c: roads.distance(at, KNOWN_M) for c, at in sample.items()}
    gains = {c: max(_gains(sample[c], gaps[c], roads).values()) for c in sample}
    order = sorted(gains, key=lambda c: -gains[c])
    best = order[0]
    ways = _gains(sample[best], gaps[best], roads)
    by: By = "near" if ways["near"] >= ways["clear"] else "clear"
    same = np.all([np.isfinite(gap) for gap in gaps.values()], axis=0)
    sure = gains[best] >= SURE and all(gains[best] >= MARGIN * gains[c] for c in order[1:])
    sure = sure and _beats_chance(sample[best], gaps[best], roads)
    if same.sum() < _SAME_POINTS and sure:
        # the roads reach no further than the shift: take the points they hold if the winner is right
        same = np.isfinite(gaps[best])
        gaps = {c: roads.distance(at) for c, at in sample.items()}
    if same.sum() < _SAME_POINTS:
        return _Seen(None, None, {}, {}, int(same.sum()), far)
    road_m = {c: float(np.median(gap[same])) for c, gap in gaps.items()}
    on_road = {c: float(np.mean(gap[same] < ROADWAY_M)) for c, gap in gaps.items()}
    shown = road_m if by == "near" else on_road
    sure = sure and all(shown[best] < shown[c] for c in order[1:])
    return _Seen(best if sure else None, by if sure else None, road_m, on_road, int(same.sum()), far)


def gain_as_is(lonlat: Floats, roads: Roads) -> float:
    """How precisely places fit the roads where they are, in standard errors; 0 where nothing can be told.

    Parameters
    ----------
    lonlat : (n, 2) degrees, EPSG:4326
    """
    plane = _sample({"": lonlat}, roads, MOST)[0][""]
    return max(_gains(plane, roads.distance(plane, KNOWN_M), roads).values())


def _gains(plane: Floats, gap: Floats, roads: Roads) -> dict[str, float]:
    """What the places lose by a nudge, in standard errors: nearness to roads, and clearness of them.

    The standard error is never taken smaller than chance would have it: half the spread of the
    nudged points, and the binomial error of their share on the roadway.
    """
    here = np.isfinite(gap)
    count = int(here.sum())
    if count < FEWEST:
        return {"near": 0.0, "clear": 0.0}
    nudged = roads.distance((plane[here][None] + _NUDGES[:, None]).reshape(-1, 2), KNOWN_M)
    nudged = np.minimum(nudged, KNOWN_M).reshape(len(_NUDGES), count)
    closeness = np.log(nudged + _FLOOR_M)
    lost = closeness.mean(axis=0) - np.log(gap[here] + _FLOOR_M)
    share = float(np.mean(nudged < ROADWAY_M))
    spread = max(float(lost.std(ddof=1)), 0.5 * float(closeness.std()), 1e-9)
    binomial = max(share * (1.0 - share), 0.25 / count) ** 0.5
    return {
        "near": float(lost.mean()) / spread * count**0.5,
        "clear": (share - float(np.mean(gap[here] < ROADWAY_M))) / binomial * count**0.5,
    }


def _beats_chance(plane: Floats, gap: Floats, roads: Roads) -> bool:
    """Whether the places gain clearly more where they are than wherever else they are thrown."""
    rows = _spread(np.flatnonzero(np.isfinite(gap)), _MOST_FAR)
    here = max(_gains(plane[rows], gap[rows], roads).values())
    for throw in _THROWS:
        there = plane[rows] + throw
        if MARGIN * max(_gains(there, roads.distance(there, KNOWN_M), roads).values()) > here:
            return False
    return True
