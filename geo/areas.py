"""Do the areas of responsibility cover the ground once: no gap, no overlap, everybody with a unit?

Areas come in levels (district, subdistrict, community, grid), each inside its parent. What is wrong
is found in the metric plane and told in square metres, with the polygon where it lies.

What a drawing cannot be exact about is left out and counted: parts of at most `TOLERANCE_M2`, or on
average no wider than `PRECISION_M` (an edge of 1 km that is straight in degrees is bent by 1 cm in
the plane). What is nowhere wider than `SLIVER_M` is a sliver: still a fault, for an issue there has
no unit or two, but one that is mended by snapping borders together and not by asking the offices.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from .crs import WGS84, require_metric
from .errors import CRSError, LayerError
from .grid import OUTSIDE, locate_areas

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Geometries = NDArray[np.object_]

LEVELS = ("district", "subdistrict", "community", "grid")
"""From the widest to the finest."""

TOLERANCE_M2 = 1.0
PRECISION_M = 0.05
SLIVER_M = 1.0

FAULTS = (
    "id_repeated", "invalid", "overlap", "gap", "outside", "parent_missing", "parent_unknown", "parent_level",
    "unit_missing",
)  # fmt: skip
NOTES = ("unit_inherited", "undivided")
"""What a user should know though it is no fault."""

NAMED = 12
"""Neighbours of a gap that are named; of the others it is said how many."""

_NOISE_M2 = 1e-4
_COLUMNS = ("kind", "level", "parent", "areas", "other", "area_m2", "width_m", "sliver")


@dataclass(frozen=True)
class AreaCheck:
    """What was found in the areas.

    Parameters
    ----------
    findings : GeoDataFrame, the CRS of the areas
        `kind` (one of `FAULTS` or `NOTES`), `level`, `parent` (id or None), `areas` (ids, a blank
        between them; of a gap its neighbours, ``+5`` at the end for five more), `other` (outside: the
        parent; invalid: why; unit_inherited: the area that states the unit; parent_unknown, parent_level:
        the parent named), `area_m2`, `width_m` (on average, m; both missing where nothing was measured),
        `sliver` (nowhere wider than the limit), geometry.
    checked : dict of level to count
        Areas looked at.
    ignored : int
        Overlapping, missing and protruding parts within the tolerance.
    """

    findings: gpd.GeoDataFrame
    checked: dict[str, int]
    ignored: int

    @property
    def faults(self) -> gpd.GeoDataFrame:
        """The findings that are faults, slivers too."""
        return self.findings[self.findings["kind"].isin(FAULTS)]


class _Findings:
    """Findings as they are made, and how many were too small to be one."""

    def __init__(self, tolerance_m2: float, sliver_m: float) -> None:
        self.tolerance_m2 = tolerance_m2
        self.sliver_m = sliver_m
        self.rows: list[tuple[object, ...]] = []
        self.ignored = 0

    def add(
        self, kind: str, level: str, area: str, shape: object, *, parent: object = None, other: object = None
    ) -> None:
        """A finding about an area, without a measure."""
        self.rows.append((kind, level, parent, area, other, np.nan, np.nan, False, shape))

    def measured(
        self, kind: str, level: str, names: list[tuple[object, str, object]], shapes: Geometries
    ) -> None:
        """Findings with a polygon each; `names` are parent, areas, other."""
        size, wide = shapely.area(shapes), _width(shapes)
        thin = shapely.is_empty(shapely.buffer(shapes, -0.5 * self.sliver_m))
        for at, (parent, ids, other) in enumerate(names):
            row = (float(size[at]), float(wide[at]), bool(thin[at]), shapes[at])
            self.rows.append((kind, level, parent, ids, other, *row))

    def real(self, shapes: Geometries) -> tuple[Geometries, Ints]:
        """The polygons among the parts of each geometry that are more than inexact drawing, and of which."""
        parts, owner = shapely.get_parts(shapes, return_index=True)
        flat = shapely.get_type_id(parts) == 3
        parts, owner = parts[flat], owner[flat].astype(np.int64)
        wide = _width(parts) > PRECISION_M
        large = shapely.area(parts)
        total = np.bincount(owner[wide], large[wide], minlength=len(shapes))
        kept = wide & (total[owner] > self.tolerance_m2)
        self.ignored += int(np.sum(~kept & (large > _NOISE_M2)))
        return parts[kept], owner[kept]

    def table(self, crs: object) -> gpd.GeoDataFrame:
        shapes: Geometries = np.full(len(self.rows), None, dtype=object)
        shapes[:] = [row[-1] for row in self.rows]
        held = pd.DataFrame([row[:-1] for row in self.rows], columns=list(_COLUMNS))
        held = held.astype({"area_m2": "float64", "width_m": "float64", "sliver": "bool"})
        return gpd.GeoDataFrame(held, geometry=shapes, crs=crs)


def check_areas(
    areas: gpd.GeoDataFrame,
    *,
    tolerance_m2: float = TOLERANCE_M2,
    sliver_m: float = SLIVER_M,
    levels: tuple[str, ...] = LEVELS,
) -> AreaCheck:
    """Everything that keeps the areas from covering the ground once, with one unit everywhere.

    Parameters
    ----------
    areas : GeoDataFrame, metric CRS
        `id`, `level`, `parent`, `unit` and polygons; all levels, for parents and units above.
    tolerance_m2 : float
        Overlaps, gaps and protruding parts of at most this are left out and counted.
    sliver_m : float
        What is nowhere wider is marked as a sliver.
    levels : tuple of str
        The levels to look at.

    Raises
    ------
    CRSError
        If the areas are in degrees.

    Notes
    -----
    Overlaps: every pair of a level, whatever the parents; ground that three areas share is in three
    pairs. Gaps: inside the parent's polygon; areas without one are taken together, and a gap is a hole
    in their union, or a slot between two of them no wider than `sliver_m` that opens outwards.
    A level that a parent was never divided into is a note (`undivided`), not one large gap.
    The topmost level there is needs no parent. Invalid polygons are told, and mended for the rest.
    """
    crs = require_metric(areas.crs, "a check of areas")
    found = _Findings(tolerance_m2, sliver_m)
    ids = areas["id"].to_numpy(dtype=object)
    level = areas["level"].to_numpy(dtype=object)
    parent = _texts(areas["parent"])
    wanted = np.isin(level, levels)
    shapes = _valid(areas, wanted, found)
    row_of = {name: row for row, name in reversed(list(enumerate(ids)))}
    above = np.array([row_of.get(name, -1) if name else -1 for name in parent], dtype=np.int64)
    _paperwork(areas, wanted, above, found)
    usable = ~shapely.is_missing(shapes)
    above[(above >= 0) & ~usable[above]] = -1
    for name in levels:
        rows = np.flatnonzero((level == name) & usable)
        if len(rows):
            _overlaps(name, rows, ids, parent, shapes, found)
            _gaps(name, rows, above[rows], ids, shapes, found)
            _outside(name, rows[above[rows] >= 0], above, ids, shapes, found)
            _undivided(name, above[rows], ids, level, shapes, found)
    checked = Counter(level[wanted].tolist())
    return AreaCheck(
        found.table(crs), {name: checked[name] for name in LEVELS if checked[name]}, found.ignored
    )


def units_of(areas: gpd.GeoDataFrame) -> tuple[Geometries, Geometries]:
    """The responsible unit of each area, and the id of the area that states it.

    An area without a unit has that of its parent, or of the parent's parent; None where nobody
    above states one.
    """
    ids, parent, unit = areas["id"].to_numpy(dtype=object), _texts(areas["parent"]), _texts(areas["unit"])
    row_of = {name: row for row, name in reversed(list(enumerate(ids)))}
    found: Geometries = np.full(len(areas), None, dtype=object)
    stated: Geometries = np.full(len(areas), None, dtype=object)
    for row in range(len(areas)):
        at: int | None = row
        for _ in LEVELS:
            if at is None or unit[at] is not None:
                break
            at = row_of.get(parent[at])
        if at is not None and unit[at] is not None:
            found[row], stated[row] = unit[at], ids[at]
    return found, stated


def area_of(points: Floats, areas: gpd.GeoDataFrame) -> Ints:
    """The area that holds each point.

    Parameters
    ----------
    points : (n, 2) float
        Longitude and latitude, degrees; a point that is not finite lies nowhere.
    areas : GeoDataFrame, EPSG:4326
        Areas of one level, with their `id`.

    Returns
    -------
    (n,) int64
        The row (position) of the area, -1 outside all. On a shared border, or where areas overlap,
        the area with the smallest id (compared as text).

    Raises
    ------
    CRSError
        If the areas are not in EPSG:4326.

    Notes
    -----
    Whether a point lies in a polygon needs no distance, so it is decided in degrees, where the points
    and the borders are stored; a border is straight between its corners in degrees.
    """
    if areas.crs is None or not areas.crs.equals(WGS84, ignore_axis_order=True):
        raise CRSError(
            "the area of a point is looked up in EPSG:4326; convert the areas first", code="areas_not_wgs84"
        )
    points = np.asarray(points, dtype=np.float64).reshape(-1, 2)
    order = np.argsort(areas["id"].to_numpy(dtype=str), kind="stable")
    place = locate_areas(areas.geometry.to_numpy()[order], points[:, 0], points[:, 1])
    held = place != OUTSIDE
    rows = np.full(len(points), -1, dtype=np.int64)
    rows[held] = order[place[held]]
    return rows


def require_ids(areas: gpd.GeoDataFrame) -> None:
    """LayerError `areas_repeated` where two areas have one id."""
    twice = areas["id"][areas["id"].duplicated()]
    if len(twice):
        raise LayerError(
            f"{len(twice)} areas have an id that another has too, such as {twice.iloc[0]};"
            " mend the ids first",
            code="areas_repeated", count=len(twice), first=str(twice.iloc[0]),
        )  # fmt: skip


# -- parts of the check ----------------------------------------------------------------------------


def _texts(values: pd.Series) -> Geometries:
    """Texts, None where one is missing or blank."""
    told: Geometries = np.full(len(values), None, dtype=object)
    told[:] = [str(v).strip() or None if isinstance(v, str) else None for v in values.to_numpy(dtype=object)]
    return told


def _width(shapes: Geometries) -> Floats:
    """Mean width, m: of a long strip its area by its length, of a square half its side."""
    around = shapely.length(shapes)
    wide: Floats = np.divide(2.0 * shapely.area(shapes), around, out=np.zeros(len(shapes)), where=around > 0)
    return wide


def polygons_only(shapes: Geometries) -> Geometries:
    """Each geometry without the points and lines in it; None where no polygon is left."""
    parts, owner = shapely.get_parts(shapes, return_index=True)
    inner, at = shapely.get_parts(parts, return_index=True)  # a collection may hold MultiPolygons
    flat = shapely.get_type_id(inner) == 3
    return _gathered(inner[flat], owner[at[flat]], len(shapes))


def _gathered(parts: Geometries, owner: Ints, count: int) -> Geometries:
    """Parts of each of `count` owners as one geometry, None for an owner without."""
    whole: Geometries = np.full(count, None, dtype=object)
    have, first, number = np.unique(owner, return_index=True, return_counts=True)
    single = number == 1
    whole[have[single]] = parts[first[single]]
    several = np.isin(owner, have[~single])
    if several.any():
        _, group = np.unique(owner[several], return_inverse=True)
        whole[have[~single]] = shapely.multipolygons(parts[several], indices=group)
    return whole


def _valid(areas: gpd.GeoDataFrame, wanted: NDArray[np.bool_], found: _Findings) -> Geometries:
    """The polygons, invalid ones told and mended; None where there is none."""
    shapes: Geometries = np.array(areas.geometry.to_numpy(), dtype=object)
    empty = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    wrong = ~empty & ~shapely.is_valid(shapes)
    for row in np.flatnonzero((empty | wrong) & wanted):
        reason = "no polygon" if empty[row] else str(shapely.is_valid_reason(shapes[row])).partition("[")[0]
        level, name = str(areas["level"].iloc[row]), str(areas["id"].iloc[row])
        found.add("invalid", level, name, None if empty[row] else shapes[row], other=reason)
    shapes[empty] = None
    shapes[wrong] = polygons_only(shapely.make_valid(shapes[wrong]))
    return shapes


def _paperwork(areas: gpd.GeoDataFrame, wanted: NDArray[np.bool_], above: Ints, found: _Findings) -> None:
    """Ids, parents and units, which need no geometry."""
    ids, shapes = areas["id"].to_numpy(dtype=object), areas.geometry.to_numpy()
    rank = np.array([LEVELS.index(name) for name in areas["level"]], dtype=np.int64)
    top = int(rank.min(initial=len(LEVELS)))
    parent = _texts(areas["parent"])
    unit, stated = units_of(areas)
    twice = areas["id"].duplicated().to_numpy()
    for row in np.flatnonzero(wanted):
        level, name, shape = LEVELS[rank[row]], str(ids[row]), shapes[row]
        if twice[row]:
            found.add("id_repeated", level, name, shape)
        if rank[row] > top and parent[row] is None:
            found.add("parent_missing", level, name, shape)
        elif rank[row] > top and above[row] < 0:
            found.add("parent_unknown", level, name, shape, other=parent[row])
        elif above[row] >= 0 and rank[above[row]] >= rank[row]:
            found.add("parent_level", level, name, shape, other=parent[row])
            above[row] = -1
        if unit[row] is None:
            found.add("unit_missing", level, name, shape, parent=parent[row])
        elif stated[row] != ids[row]:
            found.add("unit_inherited", level, name, shape, parent=parent[row], other=stated[row])


def _overlaps(
    level: str, rows: Ints, ids: Geometries, parent: Geometries, shapes: Geometries, found: _Findings
) -> None:
    """Pairs of one level that share ground; only areas whose edges do not match can."""
    here = shapes[rows]
    suspect = np.flatnonzero(~shapely.is_empty(shapely.coverage_invalid_edges(here)))
    if not len(suspect):
        return
    one, two = shapely.STRtree(here).query(here[suspect], predicate="intersects")
    pairs = np.sort(np.column_stack([suspect[one], two]), axis=1)
    pairs = np.unique(pairs[pairs[:, 0] != pairs[:, 1]], axis=0)
    common = polygons_only(shapely.intersection(here[pairs[:, 0]], here[pairs[:, 1]]))
    whole = _gathered(*found.real(common), len(pairs))
    kept = np.flatnonzero(~shapely.is_missing(whole))
    names: list[tuple[object, str, object]] = []
    for a, b in rows[pairs[kept]].tolist():
        first, second = sorted((str(ids[a]), str(ids[b])))
        names.append((parent[a] if parent[a] == parent[b] else None, f"{first} {second}", None))
    found.measured("overlap", level, names, whole[kept])


def _gaps(level: str, rows: Ints, above: Ints, ids: Geometries, shapes: Geometries, found: _Findings) -> None:
    """Ground of a parent that none of its areas holds; each connected part is one gap."""
    here = shapes[rows]
    holes: list[object] = []
    parents: list[object] = []
    for row in np.unique(above):
        union = shapely.union_all(here[above == row])
        if row >= 0:
            holes.append(shapely.difference(shapes[row], union))
        else:
            holes.append(_enclosed(union, here[above == row], found.sliver_m))
        parents.append(None if row < 0 else ids[row])
    lost: Geometries = np.full(len(holes), None, dtype=object)
    lost[:] = holes
    parts, owner = found.real(lost)
    gap, beside = shapely.STRtree(here).query(parts, predicate="dwithin", distance=PRECISION_M)
    around: list[list[str]] = [[] for _ in parts]
    for at, near in zip(gap.tolist(), beside.tolist(), strict=True):
        around[at].append(str(ids[rows[near]]))
    names: list[tuple[object, str, object]] = [
        (parents[group], _listed(sorted(around[at])), None) for at, group in enumerate(owner.tolist())
    ]
    found.measured("gap", level, names, parts)


def _listed(names: list[str]) -> str:
    """Names with a blank between them; a web of slivers around all areas names the first ones."""
    rest = len(names) - NAMED
    return " ".join(names[:NAMED]) + (f" +{rest}" if rest > 0 else "")


def _enclosed(union: shapely.Geometry, areas: Geometries, slot_m: float) -> shapely.Geometry:
    """Holes in a union, and the slots of at most `slot_m` between two of its areas."""
    parts = shapely.get_parts(union)
    filled = shapely.union_all(shapely.polygons(shapely.get_exterior_ring(parts)))
    holes = shapely.difference(filled, union)
    half = 0.5 * slot_m
    wide = shapely.buffer(filled, half, join_style="mitre")
    slots = shapely.get_parts(shapely.difference(shapely.buffer(wide, -half, join_style="mitre"), filled))
    slot, _ = shapely.STRtree(areas).query(slots, predicate="dwithin", distance=PRECISION_M)
    between = np.bincount(slot, minlength=len(slots)) > 1
    return shapely.union_all([holes, *slots[between]])


def _outside(
    level: str, rows: Ints, above: Ints, ids: Geometries, shapes: Geometries, found: _Findings
) -> None:
    """What reaches out of its parent."""
    if not len(rows):
        return
    beyond = polygons_only(shapely.difference(shapes[rows], shapes[above[rows]]))
    whole = _gathered(*found.real(beyond), len(rows))
    kept = np.flatnonzero(~shapely.is_missing(whole))
    names: list[tuple[object, str, object]] = [
        (ids[above[row]], str(ids[row]), ids[above[row]]) for row in rows[kept].tolist()
    ]
    found.measured("outside", level, names, whole[kept])


def _undivided(
    level: str, above: Ints, ids: Geometries, levels: Geometries, shapes: Geometries, found: _Findings
) -> None:
    """Areas without one of this level, though others of their own level have some."""
    have = np.unique(above[above >= 0])
    for row in np.setdiff1d(np.flatnonzero(np.isin(levels, np.unique(levels[have]))), have):
        found.add("undivided", level, str(ids[row]), shapes[row], parent=ids[row])
