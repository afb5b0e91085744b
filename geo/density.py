"""How many issues per km2, where?

Kernel density with the bandwidth in metres: the sum of kernels at the middle of every cell, each point where
it stands and not where its cell is (`spreading.py`). Against the exact Gaussian sum, where the density is
above 1 % of its peak: at most 1e-4 off at bandwidth / cell = 6, 5e-3 at 2 (tests/geo/test_density.py); the
quartic at most 1e-3 of its peak at radius / cell = 17.

Edges (Diggle 1985, "A kernel method for smoothing point process data"; Jones 1993): e(x) is the part of the
kernel at x that lies in the window. ``uniform`` divides the sum by e at the place, ``diggle`` divides each
point by e at the point, so that the total stays; both take nothing from outside the window, because they
assume that nobody looked there. ``none`` divides nothing and takes the points up to three bandwidths beyond
the window's rectangle.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from .errors import StatisticsError
from .grid import Floats, Grid
from .spreading import (
    BOX,
    CUBIC,
    GUARD_SIGMAS,
    LINEAR,
    Kernel,
    Lattice,
    fold,
    gather,
    smooth,
    spread,
)
from .window import Window

Edge = Literal["uniform", "diggle", "none"]
EDGES: tuple[Edge, ...] = ("uniform", "diggle", "none")

PRESETS_M = {"alley": 75.0, "street": 150.0, "district": 400.0}
UNIT_DAYS = 30.0
"""Densities over time are given per 30 days."""

LINEAR_FROM = 5_000_000
"""From so many points on, linear binning serves if the bandwidth is six cells or more: 1e-2 off at worst."""

_LINEAR_CELLS = 6.0
_LEAST_EDGE = 1e-4
_DEEP = 1e-6
_CHUNK = 1 << 17
_LEAST_CELLS = 2.0


def cell_for(kernel: Kernel) -> float:
    """The cell that a kernel asks for: a third of its sigma, at most 25 m."""
    return min(25.0, kernel.sigma_m / 3.0)


def check_kernel(kernel: Kernel, window: Window) -> None:
    """Refuse a kernel that the grid cannot show, or that shows nothing of the window.

    Raises
    ------
    StatisticsError
        ``bandwidth_below_cell``: sigma under two cells. ``bandwidth_above_window``: sigma above the
        longer side of the window, where the map would be one number.
    """
    cell = window.grid.cell_m
    west, south, east, north = shapely.bounds(window.area)
    side = float(max(east - west, north - south))
    if kernel.sigma_m < _LEAST_CELLS * cell * (1 - 1e-12):
        raise StatisticsError(
            f"a bandwidth of {kernel.sigma_m:g} m is under two cells of {cell:g} m and would show the cells,"
            f" not the issues; take a bandwidth from {_LEAST_CELLS * cell:g} m or cells up to"
            f" {kernel.sigma_m / _LEAST_CELLS:g} m",
            code="bandwidth_below_cell",
            bandwidth_m=kernel.sigma_m,
            cell_m=cell,
            least_m=_LEAST_CELLS * cell,
            most_cell_m=kernel.sigma_m / _LEAST_CELLS,
        )
    if kernel.sigma_m > side:
        raise StatisticsError(
            f"a bandwidth of {kernel.sigma_m:g} m is above the whole study area ({side:.0f} m), the map would"
            " be one number; take a smaller one, or issues per km2 of the area",
            code="bandwidth_above_window",
            bandwidth_m=kernel.sigma_m,
            side_m=side,
        )


@dataclass(frozen=True)
class Taken:
    """What became of the points.

    Parameters
    ----------
    used : int
        In the sum.
    weight : float
        Their weights added up; `used` without weights.
    outside : int
        Left out because they lie outside the window (edge ``none``: 3 bandwidths outside its rectangle).
    unplaced : int
        Left out because a coordinate is not a number.
    """

    used: int
    weight: float
    outside: int
    unplaced: int


@dataclass(frozen=True, eq=False)
class Surface:
    """A density at the middle of every cell.

    Parameters
    ----------
    values : (ny, nx) float64
        Weight per km2, per 30 days if `days` is known; row 0 in the south; NaN where a cell has no ground in
        the window; never negative.
    days : float or None
        Length of the period; None: the values are per km2 and no more (streets, compounds).
    """

    values: Floats
    window: Window
    kernel: Kernel
    edge: Edge
    days: float | None
    taken: Taken

    @property
    def mass(self) -> float:
        """Weight on the ground of the window: the integral of the surface, over its whole period."""
        held = np.nansum(self.values * self.window.share) * self.window.grid.cell_km2
        return float(held) * (1.0 if self.days is None else self.days / UNIT_DAYS)

    def within_kernel(self) -> Floats:
        """(ny, nx): weight of the whole period under the kernel at each cell: density x `Kernel.km2`."""
        return self.values * (self.kernel.km2 * (1.0 if self.days is None else self.days / UNIT_DAYS))


@dataclass(frozen=True, eq=False)
class EdgeMass:
    """How much of the kernel at a place lies in the window; keep one per window and kernel.

    Parameters
    ----------
    cells : (ny, nx) float64
        At the middle of every cell, [1e-4, 1]: less than 1e-4 is taken as 1e-4.
    """

    window: Window
    kernel: Kernel
    cells: Floats

    def at(self, x: Floats, y: Floats) -> Floats:
        """At places in the window, (n,); exactly 1 where all but a millionth of the kernel lies in it."""
        lattice = Lattice.around(self.window.grid, self.kernel)
        part = np.ones(len(x))
        near = np.flatnonzero(~self._deep.ravel()[self.window.grid.locate(x, y)])
        part[near] = np.clip(gather(lattice, self._nodes, x[near], y[near]), _LEAST_EDGE, 1.0)
        return part

    @cached_property
    def _deep(self) -> NDArray[np.bool_]:
        deep: NDArray[np.bool_] = ndimage.minimum_filter(self.cells, 3, mode="nearest") > 1.0 - _DEEP
        return deep

    @cached_property
    def _nodes(self) -> Floats:
        lattice = Lattice.around(self.window.grid, self.kernel)
        return _smooth_window(lattice, self.window, self.kernel, CUBIC + 1)


def _smooth_window(lattice: Lattice, window: Window, kernel: Kernel, splines: int) -> Floats:
    """Part of the kernel in the window, (rows, columns).

    A whole cell is a block: a point at its middle times the box of a cell. A cut cell is a block about the
    middle of its part, which is off by (cell / sigma)^3 / 400 at most.
    """
    whole = np.zeros((lattice.rows, lattice.columns))
    lattice.cut(whole)[:] = window.share == 1
    total = np.zeros((lattice.size, CUBIC + 1))
    spread(lattice, total, window.middle_x, window.middle_y, window.share.ravel()[window.cut], CUBIC)
    mass = smooth(lattice, kernel, whole, splines - BOX)
    mass += smooth(lattice, kernel, fold(lattice, total), splines + CUBIC + 1 - BOX)
    mass *= window.grid.cell_m**2
    return mass


def edge_mass(window: Window, kernel: Kernel) -> EdgeMass:
    """The window's exact shares smoothed with the kernel; one transform, worth keeping.

    Raises
    ------
    StatisticsError
        As `check_kernel`.
    """
    check_kernel(kernel, window)
    lattice = Lattice.around(window.grid, kernel)
    cells = lattice.cut(_smooth_window(lattice, window, kernel, 0))
    return EdgeMass(window, kernel, np.clip(cells, _LEAST_EDGE, 1.0))


def density(
    x: ArrayLike,
    y: ArrayLike,
    window: Window,
    kernel: Kernel,
    *,
    weights: ArrayLike | None = None,
    edge: Edge = "uniform",
    days: float | None = None,
    edges: EdgeMass | None = None,
) -> Surface:
    """Kernel density of points over a window.

    Parameters
    ----------
    x, y : (n,) float32 or float64
        Metres in the window's CRS; read in chunks, never copied as a whole. n may be 0: then all is 0.
    weights : (n,) float, optional
        Severity or half-life weights, >= 0; 1 for every point if left out.
    edge : 'uniform', 'diggle' or 'none'
        See the head of this module.
    days : float, optional
        Length of the period (with half-life weights the effective one, see `recency`): the density is then
        per 30 days.
    edges : EdgeMass, optional
        `edge_mass` of this window and kernel, if it is at hand.

    Raises
    ------
    StatisticsError
        As `check_kernel`; ``points_length``, ``weights``, ``period_days``, ``edge_rule``.
    """
    check_kernel(kernel, window)
    x, y, heavy = _columns(x, y, weights)
    if days is not None and not (math.isfinite(days) and days > 0):
        raise StatisticsError(
            f"a period of {days:g} days has no rate; the last day must not lie before the first",
            code="period_days",
            days=days,
        )
    if edge not in EDGES:
        raise StatisticsError(
            f"edge correction {edge!r} is unknown; use {', '.join(EDGES)}",
            code="edge_rule",
            edge=edge,
            known=", ".join(EDGES),
        )
    if edge != "none" and edges is None:
        edges = edge_mass(window, kernel)
    lattice = Lattice.around(window.grid, kernel)
    order = _order(len(x), window.grid, kernel)
    total = np.zeros((lattice.size, order + 1))
    used, outside, unplaced, mass = 0, 0, 0, 0.0
    for start in range(0, len(x), _CHUNK):
        chunk = slice(start, start + _CHUNK)
        east, north = np.asarray(x[chunk], dtype=np.float64), np.asarray(y[chunk], dtype=np.float64)
        weight = None if heavy is None else np.asarray(heavy[chunk], dtype=np.float64)
        held = window.holds(east, north) if edge != "none" else _near(window, kernel, east, north)
        if not held.all():
            placed = int(np.count_nonzero(np.isfinite(east) & np.isfinite(north)))
            unplaced += len(east) - placed
            east, north = east[held], north[held]
            outside += placed - len(east)
            weight = None if weight is None else weight[held]
        used += len(east)
        mass += float(len(east) if weight is None else weight.sum())
        if edge == "diggle" and edges is not None:
            part = edges.at(east, north)
            weight = 1.0 / part if weight is None else weight / part
        spread(lattice, total, east, north, weight, order)
    values = lattice.cut(smooth(lattice, kernel, fold(lattice, total), order + 1))
    values = np.maximum(values, 0.0) * (1e6 if days is None else 1e6 * UNIT_DAYS / days)
    if edge == "uniform" and edges is not None:
        values /= edges.cells
    values[~window.inside] = np.nan
    return Surface(values, window, kernel, edge, days, Taken(used, mass, outside, unplaced))


def _order(points: int, grid: Grid, kernel: Kernel) -> int:
    fine = kernel.sigma_m >= _LINEAR_CELLS * grid.cell_m
    return LINEAR if points >= LINEAR_FROM and fine else CUBIC


def _near(window: Window, kernel: Kernel, x: Floats, y: Floats) -> NDArray[np.bool_]:
    west, south, east, north = shapely.bounds(window.area)
    guard = GUARD_SIGMAS * kernel.sigma_m
    near = np.ones(len(x), dtype=np.bool_)
    for places, low, high in ((x, west - guard, east + guard), (y, south - guard, north + guard)):
        # the extremes are NaN if any place is, and then no comparison holds
        if not (places.min() >= low and places.max() <= high):
            near &= (places >= low) & (places <= high)
    return near


def _columns(
    x: ArrayLike, y: ArrayLike, weights: ArrayLike | None
) -> tuple[NDArray[np.floating[Any]], NDArray[np.floating[Any]], NDArray[np.floating[Any]] | None]:
    x, y = np.asarray(x), np.asarray(y)
    heavy = None if weights is None else np.asarray(weights)
    lengths = [len(column) for column in (x, y, heavy) if column is not None]
    if len(set(lengths)) != 1:
        raise StatisticsError(
            f"eastings, northings and weights have different lengths ({', '.join(map(str, lengths))});"
            " give one of each for every point",
            code="points_length",
            lengths=", ".join(map(str, lengths)),
        )
    bad = 0 if heavy is None else int(np.count_nonzero(~((heavy >= 0) & np.isfinite(heavy))))
    if heavy is not None and bad:
        raise StatisticsError(
            f"{bad} of {len(heavy)} weights are negative or no number; a weight is 0 or more",
            code="weights",
            bad=bad,
            points=len(heavy),
        )
    return x, y, heavy


class Recency(NamedTuple):
    """Weights (n,) in (0, 1], and the days that an unweighted period would have to last."""

    weights: Floats
    days: float


def recency(age_days: ArrayLike, half_life_days: float, days: float) -> Recency:
    """Weights for a map of "now": 2^(-age / half-life).

    Parameters
    ----------
    age_days : (n,) float
        Days before the end of the period, 0 to `days`.
    half_life_days : float
        After so many days an issue counts half.
    days : float
        Length of the period.

    Returns
    -------
    Recency
        Its days are the integral of the weight over the period, H / ln 2 (1 - 2^(-days / H)): a steady stream
        of issues keeps its density per 30 days.

    Raises
    ------
    StatisticsError
        ``half_life`` or ``ages``.
    """
    age = np.asarray(age_days, dtype=np.float64)
    if not (half_life_days > 0 and days > 0 and math.isfinite(half_life_days) and math.isfinite(days)):
        raise StatisticsError(
            f"a half-life of {half_life_days:g} days in a period of {days:g} days weighs nothing;"
            " give both above 0",
            code="half_life",
            half_life_days=half_life_days,
            days=days,
        )
    wrong = int(np.count_nonzero(~((age >= 0) & (age <= days))))
    if wrong:
        raise StatisticsError(
            f"{wrong} of {age.size} issues lie outside the period of {days:g} days; filter by date first",
            code="ages",
            wrong=wrong,
            points=age.size,
            days=days,
        )
    effective = half_life_days / math.log(2.0) * -math.expm1(-days / half_life_days * math.log(2.0))
    return Recency(np.exp2(-age / half_life_days), effective)
