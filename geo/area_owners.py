"""Which area is responsible for a unit? A proof, unit by unit.

An alley goes to the area with the largest share of its length, a compound to the one with the largest
share of its ground, a compound known as a point to the area that holds it. Equal shares go to the
smallest id, and are told, for nobody but the office can settle them.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from .areas import LEVELS, require_ids, units_of
from .crs import require_metric
from .errors import CRSError, LayerError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Geometries = NDArray[np.object_]

STATES = ("one", "ambiguous", "outside", "no_owner")
"""What becomes of a unit: exactly one area with an owner; two areas with equal shares; no area; an area
without an owner. Each unit is in one state, so the four counts add up to the units."""

WHYS = ("inside", "largest", "partly", "tie", "outside")
"""Wholly in one area; the largest share of several; in one area and outside all; equal shares; in none."""

EQUAL = 1e-6
"""Shares that differ by less are equal: a millimetre of a kilometre."""

LEAST = 1e-3
"""A smaller share (30 cm of an alley of 300 m) is inexact drawing, unless there is no larger one."""


@dataclass(frozen=True)
class Shares:
    """How units lie in the areas of one level, as a sparse table.

    Parameters
    ----------
    unit, area : (n,) int64
        Rows; sorted by unit, then by share, largest first; those equal to the largest by id.
    share : (n,) float in (0, 1]
        Part of the unit's length, ground or points inside the area; areas that overlap count twice. Those
        below `LEAST` are left out where the unit has a larger one.
    """

    unit: Ints
    area: Ints
    share: Floats


def shares_of(units: gpd.GeoDataFrame, areas: gpd.GeoDataFrame) -> Shares:
    """Part of every unit in every area that it meets; metric CRS, areas of one level.

    A line along a border lies in both areas with its whole length. A unit without extent (a line of
    length 0) counts as the point in its middle.
    """
    crs = require_metric(areas.crs, "a share of areas")
    if not crs.equals(units.crs):
        raise CRSError(
            "units and areas are in different planes; project both to the city's metric CRS",
            code="planes_differ",
        )
    shapes: Geometries = np.array(units.geometry.to_numpy(), dtype=object)
    size = _size(shapes)
    flat = ~shapely.is_missing(shapes) & ~shapely.is_empty(shapes) & (size == 0)
    shapes[flat] = shapely.centroid(shapes[flat])
    size = np.where(flat, 1.0, size)
    held = areas.geometry.to_numpy()
    unit, area = shapely.STRtree(held).query(shapes, predicate="intersects")
    whole = shapely.covers(held[area], shapes[unit])
    share = np.ones(len(unit))
    part = np.flatnonzero(~whole)
    cut = shapely.intersection(shapes[unit[part]], held[area[part]])
    share[part] = np.minimum(_size(cut, shapely.get_dimensions(shapes[unit[part]])) / size[unit[part]], 1.0)
    largest = np.zeros(len(units))
    np.maximum.at(largest, unit, share)
    kept = (share > 0) & (share >= np.minimum(LEAST, largest[unit]))
    unit, area, share = unit[kept], area[kept], share[kept]
    rank = np.argsort(np.argsort(areas["id"].to_numpy(dtype=str), kind="stable"), kind="stable")
    level = np.where(share >= largest[unit] - EQUAL, largest[unit], share)
    order = np.lexsort((rank[area], -level, unit))
    return Shares(unit[order].astype(np.int64), area[order].astype(np.int64), share[order])


def responsible(
    units: gpd.GeoDataFrame, areas: gpd.GeoDataFrame, *, owner_level: str | None = None
) -> pd.DataFrame:
    """The one area of each level that is responsible for each unit, and the unit that owns it.

    Parameters
    ----------
    units : GeoDataFrame, metric CRS
        `id`; lines, polygons or points.
    areas : GeoDataFrame, the same CRS
        All levels: `id`, `level`, `parent`, `unit`.
    owner_level : str, optional
        The level whose unit owns; by default `owner_level_of`.

    Returns
    -------
    DataFrame, one row per unit, in their order
        `id`; for every level in use the id of the area (`district` ... `grid`, None outside);
        `area` (that of `owner_level`), `share` of the unit in it, `areas` (how many of that level it
        meets), `split` (id and share of each, where there are several), `owner`, `owner_from` (the area
        that states it: the area itself or one above), `why` (one of `WHYS`), `state` (one of `STATES`),
        `nested` (False where an area named does not lie in the one named a level above: the largest
        share of each level may be in another branch).

    Raises
    ------
    LayerError
        `areas_none` without areas, `areas_level` for a level that no area has, `areas_repeated`.
    """
    require_ids(areas)
    level = owner_level or owner_level_of(areas)
    if not (areas["level"] == level).any():
        known = ", ".join(name for name in LEVELS if (areas["level"] == name).any()) or "-"
        raise LayerError(
            f"there are no areas of the level {level}; the levels there are: {known}",
            code="areas_level", level=level, known=known,
        )  # fmt: skip
    ids = areas["id"].to_numpy(dtype=object)
    proof = pd.DataFrame({"id": units["id"].to_numpy(dtype=object)})
    chosen: dict[str, Ints] = {}
    for name in LEVELS:
        rows = np.flatnonzero(areas["level"] == name)
        if not len(rows):
            continue
        shares = shares_of(units, areas.iloc[rows])
        first = _first(shares, len(units))
        at = np.where(first >= 0, rows[shares.area[first]] if len(shares.area) else -1, -1)
        chosen[name] = at
        proof[name] = _named(ids, at)
        if name == level:
            _decide(proof, shares, first, ids[rows])
    owner, stated = units_of(areas)
    at = chosen[level]
    proof["area"] = _named(ids, at)
    proof["owner"], proof["owner_from"] = _named(owner, at), _named(stated, at)
    ownerless = (proof["why"] != "outside") & proof["owner"].isna()
    proof["state"] = np.select(
        [proof["why"] == "outside", proof["why"] == "tie", ownerless],
        ["outside", "ambiguous", "no_owner"],
        "one",
    )
    proof["nested"] = _nested(chosen, ids, areas["parent"].to_numpy(dtype=object))
    return proof


def owner_level_of(areas: gpd.GeoDataFrame) -> str:
    """The level that owns: the finest above the grid, else the grid (LayerError `areas_none`).

    Grid cells are too small for an alley: the cell with its largest share may hold a tenth of it.
    """
    for level in ("community", "subdistrict", "district", "grid"):
        if (areas["level"] == level).any():
            return level
    raise LayerError("there are no areas; import the layer areas first", code="areas_none")


def counts(proof: pd.DataFrame) -> dict[str, int]:
    """Units by state, `n` in all; what is split, and what is not nested, besides."""
    told = {state: int((proof["state"] == state).sum()) for state in STATES}
    split, apart = int((proof["areas"] > 1).sum()), int((~proof["nested"]).sum())
    return {"n": len(proof), **told, "split": split, "not_nested": apart}


def _size(shapes: Geometries, dimension: Ints | None = None) -> Floats:
    """Ground of polygons, length of lines, number of points: by their own dimension or the one given."""
    of = shapely.get_dimensions(shapes) if dimension is None else dimension
    points = np.where(of == 0, shapely.get_num_coordinates(shapes), 0.0)
    lines = np.where(of == 1, shapely.length(shapes), 0.0)
    size: Floats = np.where(of == 2, shapely.area(shapes), lines + points)
    return size


def _first(shares: Shares, count: int) -> Ints:
    """Position in the shares of each unit's first, -1 for a unit in no area."""
    first = np.full(count, -1, dtype=np.int64)
    have, at = np.unique(shares.unit, return_index=True)
    first[have] = at
    return first


def _named(values: Geometries, rows: Ints) -> Geometries:
    """Values by row, None for -1."""
    told: Geometries = np.full(len(rows), None, dtype=object)
    told[rows >= 0] = values[rows[rows >= 0]]
    return told


def _decide(proof: pd.DataFrame, shares: Shares, first: Ints, ids: Geometries) -> None:
    """Share, number of areas, the split and the reason, of the level that owns."""
    count = np.bincount(shares.unit, minlength=len(proof))
    proof["share"] = np.where(first >= 0, shares.share[first] if len(shares.share) else 0.0, 0.0)
    proof["areas"] = count
    second = np.minimum(first + 1, max(len(shares.share) - 1, 0))
    tie = np.zeros(len(proof), dtype=bool)
    several = np.flatnonzero(count > 1)
    tie[several] = np.isclose(shares.share[first[several]], shares.share[second[several]], rtol=0, atol=EQUAL)
    split: list[str | None] = [None] * len(proof)
    for row in several.tolist():
        run = slice(first[row], first[row] + count[row])
        told = zip(ids[shares.area[run]], shares.share[run], strict=True)
        split[row] = "; ".join(f"{name} {share:.1%}" for name, share in told)
    proof["split"] = split
    partly = proof["share"] < 1 - 2 * LEAST  # both ends may reach a little over a border
    proof["why"] = np.select(
        [count == 0, tie, count > 1, partly], ["outside", "tie", "largest", "partly"], "inside"
    )


def _nested(chosen: dict[str, Ints], ids: Geometries, parent: Geometries) -> NDArray[np.bool_]:
    """Whether each area named lies in the one named at the next level above."""
    levels = [level for level in LEVELS if level in chosen]
    nested = np.ones(len(next(iter(chosen.values()))), dtype=bool)
    for wide, fine in pairwise(levels):
        both = (chosen[wide] >= 0) & (chosen[fine] >= 0)
        nested[both] &= parent[chosen[fine][both]] == ids[chosen[wide][both]]
    return nested
