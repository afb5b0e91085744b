"""Which places lead the list, and did last period's map tell anything about the next?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from .crs import require_metric
from .errors import StatisticsError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

NONE = -1


@dataclass(frozen=True)
class Peaks:
    """Local maxima of a surface, the highest first.

    Parameters
    ----------
    row, column : (k,) int64
    value : (k,) float
        In the unit of the surface.
    """

    row: Ints
    column: Ints
    value: Floats


@dataclass(frozen=True)
class Forecast:
    """What last period's hot area caught of the next period.

    Parameters
    ----------
    hit_rate : float in [0, 1]
        Share of the next period's issues in the area.
    area_share : float in (0, 1]
        Share of the study area.
    pai : float
        Predictive accuracy index, hit_rate / area_share: 1 is what chance catches.
    issues : int
        Issues of the next period in the study area.
    """

    hit_rate: float
    area_share: float
    pai: float
    issues: int


def local_maxima(surface: Floats, *, cell_m: float, apart_m: float, most: int) -> Peaks:
    """The highest points of a surface, any two of them at least `apart_m` apart.

    Parameters
    ----------
    surface : (ny, nx) float
        NaN outside the study area.
    cell_m, apart_m : float
        Side of a cell and least distance of cell centres, m.
    most : int
        Peaks returned at most.

    Returns
    -------
    Peaks with a value above 0. None on a flat surface. Of equal values the first by row and column
    stands for its plateau.
    """
    height = np.where(np.isnan(surface), -np.inf, surface)
    top = ndimage.maximum_filter(height, size=3, mode="constant", cval=-np.inf)
    row, column = np.nonzero((height == top) & (height > 0))
    value = height[row, column]
    known = height[np.isfinite(height)]
    if not len(value) or value.max() == known.min():
        empty = np.zeros(0, dtype=np.int64)
        return Peaks(empty, empty, np.zeros(0))
    order = np.argsort(-value, kind="stable")
    row, column, value = row[order], column[order], value[order]
    chosen: list[int] = []
    left = np.arange(len(value))
    while len(left) and len(chosen) < most:
        best = left[0]
        chosen.append(int(best))
        gap = np.hypot(row[left] - row[best], column[left] - column[best]) * cell_m
        # whole multiples of the cell must not fall short of the distance by rounding
        left = left[(gap >= apart_m * (1 - 1e-12)) & (gap > 0)]
    return Peaks(row[chosen], column[chosen], value[chosen])


def catchment(xy: Floats, peaks: Floats, *, crs: Any, radius_m: float) -> Ints:
    """The peak that each issue belongs to: the nearest within `radius_m`.

    Parameters
    ----------
    xy : (n, 2) float
    peaks : (k, 2) float
        Metres in the plane of `crs`.

    Returns
    -------
    (n,) int64, `NONE` beyond every radius: no issue counts at two peaks.
    """
    require_metric(crs)
    if not len(xy) or not len(peaks):
        return np.full(len(xy), NONE, dtype=np.int64)
    # the bound of the query is exclusive
    _, nearest = cKDTree(peaks).query(xy, distance_upper_bound=np.nextafter(radius_m, np.inf))
    return np.where(nearest < len(peaks), nearest, NONE).astype(np.int64)


def hot_area(surface: Floats, share: float) -> Bools:
    """The densest cells that make up a share of the study area.

    Parameters
    ----------
    surface : (ny, nx) float
        NaN outside the study area.
    share : float in (0, 1]
        Of the cells inside; rounded, at least one cell. Empty cells never count as hot, so the area
        may be smaller. Of cells equal at the edge the first by row and column are taken.

    Raises
    ------
    StatisticsError
        `nothing_hot` if no cell is above 0.
    """
    flat = surface.ravel()
    inside = int(np.count_nonzero(~np.isnan(flat)))
    hot = np.flatnonzero(flat > 0)
    if not len(hot):
        raise StatisticsError(
            f"none of {inside} cells holds an issue: there is no hot area; take a longer period",
            code="nothing_hot", cells=inside,
        )  # fmt: skip
    densest = hot[np.argsort(-flat[hot], kind="stable")[: max(1, round(share * inside))]]
    area = np.zeros(len(flat), dtype=bool)
    area[densest] = True
    return area.reshape(surface.shape)


def forecast(area: Bools, inside: Bools, next_counts: NDArray[Any]) -> Forecast:
    """Hold last period's hot area against the issues of the next period.

    Parameters
    ----------
    area : (ny, nx) bool
        From `hot_area` of the earlier period alone.
    inside : (ny, nx) bool
        The study area.
    next_counts : (ny, nx) int
        Issues of the next period.

    Raises
    ------
    StatisticsError
        `no_next_issues` if the next period has none inside.

    Notes
    -----
    PAI = (hits / issues) / (hot area / area), Chainey, Tompson and Uhlig 2008.
    """
    issues = int(next_counts[inside].sum())
    if not issues:
        raise StatisticsError(
            "the next period has no issue in the study area: the forecast cannot be judged",
            code="no_next_issues",
        )
    hit_rate = int(next_counts[inside & area].sum()) / issues
    area_share = int(np.count_nonzero(inside & area)) / int(np.count_nonzero(inside))
    return Forecast(hit_rate, area_share, hit_rate / area_share, issues)
