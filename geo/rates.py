"""How bad is it for what is there? Issues per street km, per visit, per compound, per 100 m, per hectare.

A count alone shows where people live and where inspectors walk. A rate divides by what could be found
fault with, smoothed with the same kernel, and says nothing where there is too little of it. Having looked and
found nothing is a finding; not having looked is none, and the two never share a colour.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import shapely
from numpy.typing import ArrayLike, NDArray

from .crs import require_metric
from .density import Edge, EdgeMass, Surface, density
from .errors import StatisticsError
from .grid import Floats, Ints, tally
from .nearest import nearest_unit
from .spreading import GUARD_SIGMAS, Kernel
from .window import Window, cut_lines

States = NDArray[np.uint8]

LEAST_STREET_KM = 0.2
LEAST_VISITS = 5.0
LEAST_COMPOUNDS = 5.0

OUTSIDE, NEVER, THIN, CLEAN, FOUND = range(5)
STATES = ("outside", "never", "thin", "clean", "found")
"""Outside the window; nothing to divide by; too little of it; looked at and clean; a rate above 0."""

_NEVER_PART = 0.1
_CLEAN_ISSUES = 0.5
_M_PER_100M = 100.0
_M2_PER_HA = 10_000.0


@dataclass(frozen=True, eq=False)
class Rate:
    """A ratio of two surfaces.

    Parameters
    ----------
    values : (ny, nx) float64
        NaN where `state` is outside, never or thin; 0 is possible only in clean or found cells.
    state : (ny, nx) uint8
        Index into `STATES`.
    least : float
        The floor that the denominator under the kernel had to reach.
    """

    values: Floats
    state: States
    issues: Surface
    per: Surface
    least: float


def street_km(
    lines: NDArray[np.object_],
    window: Window,
    kernel: Kernel,
    *,
    edge: Edge = "uniform",
    edges: EdgeMass | None = None,
) -> Surface:
    """Km of street per km2.

    Parameters
    ----------
    lines : (n,) shapely lines
        In the window's CRS; cut at the cells, each piece weighs its exact length at its middle.

    Notes
    -----
    The middle stands for a piece of at most 1.42 cells; its second moment is missing, which changes the
    density near the end of a street by at most (cell / sigma)^2 / 50 of its peak (0.2 % at three cells), and
    the length by nothing.
    """
    guard = GUARD_SIGMAS * kernel.sigma_m if edge == "none" else 0.0
    pieces = cut_lines(lines, window.grid, margin_m=guard)
    return density(
        pieces.x, pieces.y, window, kernel, weights=pieces.length_m / 1000.0, edge=edge, edges=edges
    )


def ratio(issues: Surface, per: Surface, *, least: float) -> Rate:
    """Issues for each unit of a denominator, cell by cell.

    Parameters
    ----------
    issues, per : Surface
        Of one grid, kernel and edge rule. If both have a period the 30 days cancel (issues per visit); if
        only the issues have one the rate is per 30 days (issues per street km per 30 days).
    least : float
        Smallest denominator under the kernel (`Surface.within_kernel`) that carries a rate:
        `LEAST_STREET_KM`, `LEAST_VISITS`, `LEAST_COMPOUNDS`. Below a tenth of it the cell counts as never
        looked at.

    Returns
    -------
    Rate
        A cell is clean where less than half an issue lies under the kernel.

    Raises
    ------
    StatisticsError
        ``surfaces_differ``: dividing maps of two bandwidths makes hot spots of its own. ``rate_floor``.
    """
    differing = [
        name
        for name, same in (
            (
                "grid",
                issues.window.grid == per.window.grid
                and bool(shapely.equals(issues.window.area, per.window.area)),
            ),
            ("kernel", issues.kernel == per.kernel),
            ("edge", issues.edge == per.edge),
        )
        if not same
    ]
    if differing:
        raise StatisticsError(
            f"a rate needs two maps made alike, these differ in {', '.join(differing)}; make both with one"
            " window, bandwidth and edge correction",
            code="surfaces_differ",
            differing=", ".join(differing),
        )
    if not (math.isfinite(least) and least > 0):
        raise StatisticsError(
            f"a floor of {least:g} lets a rate divide by nothing; give one above 0",
            code="rate_floor",
            least=least,
        )
    known, found = per.within_kernel(), issues.within_kernel()
    enough = known >= least
    state = np.full(known.shape, OUTSIDE, dtype=np.uint8)
    state[known < least] = THIN
    state[known < _NEVER_PART * least] = NEVER
    state[enough] = np.where(found[enough] < _CLEAN_ISSUES, CLEAN, FOUND)
    values = np.full(known.shape, np.nan)
    values[enough] = issues.values[enough] / per.values[enough]
    return Rate(values, state, issues, per, least)


class UnitRates(NamedTuple):
    """Rates of units, and which point went where.

    Parameters
    ----------
    table : DataFrame
        On the index of the units: `issues` (or their weight), the size, the rate.
    unit : (n,) int64
        Row of the unit of each point, -1 for none.
    """

    table: pd.DataFrame
    unit: Ints


def per_100m(
    points: NDArray[np.object_],
    alleys: pd.Series,
    *,
    crs: Any,
    within_m: float,
    weights: ArrayLike | None = None,
) -> UnitRates:
    """Issues per 100 m of alley.

    Parameters
    ----------
    points : (n,) shapely points
        In the plane of `crs`, metric.
    alleys : (u,) series of shapely lines
    within_m : float
        A point belongs to the nearest alley, if that is at most so far; of two equally near the first serves.

    Returns
    -------
    UnitRates
        Columns `issues`, `length_m`, `per_100m`; the rate of an alley without length is NaN.
    """
    return _unit_rates(points, alleys, "length_m", "per_100m", _M_PER_100M, crs, within_m, weights)


def per_hectare(
    points: NDArray[np.object_],
    compounds: pd.Series,
    *,
    crs: Any,
    within_m: float,
    weights: ArrayLike | None = None,
) -> UnitRates:
    """Issues per hectare of compound: columns `issues`, `area_m2`, `per_ha`; see `per_100m`.

    A point in a compound is 0 m from it, so it never goes to a neighbour.
    """
    return _unit_rates(points, compounds, "area_m2", "per_ha", _M2_PER_HA, crs, within_m, weights)


def _unit_rates(
    points: NDArray[np.object_],
    units: pd.Series,
    size_name: str,
    rate_name: str,
    scale: float,
    crs: Any,
    within_m: float,
    weights: ArrayLike | None,
) -> UnitRates:
    require_metric(crs)
    shapes = np.asarray(units, dtype=object)
    unit, _ = nearest_unit(points, shapes, crs=crs, within_m=within_m)
    issues = tally(unit, len(shapes), weights)
    size = shapely.length(shapes) if size_name == "length_m" else shapely.area(shapes)
    rate = np.full(len(shapes), np.nan)
    np.divide(issues * scale, size, out=rate, where=size > 0)
    return UnitRates(
        pd.DataFrame({"issues": issues, size_name: size, rate_name: rate}, index=units.index), unit
    )


def visit_states(visits: ArrayLike, issues: ArrayLike) -> States:
    """Never visited, visited and clean, or found, for units; (u,) uint8, index into `STATES`."""
    visited, bad = np.asarray(visits) > 0, np.asarray(issues) > 0
    # an issue at a unit without a recorded visit was still found there
    states: States = np.where(bad, FOUND, np.where(visited, CLEAN, NEVER)).astype(np.uint8)
    return states


class Shrunk(NamedTuple):
    """Empirical Bayes rates.

    Parameters
    ----------
    rate : (u,) float64
        Between the raw rate and `mean`; NaN where the population is 0.
    trust : (u,) float64
        Share of the raw rate in it, [0, 1].
    mean : (u,) float64
        What it is drawn to: the rate of all areas, or of the area and its neighbours.
    """

    rate: Floats
    trust: Floats
    mean: Floats


def shrink(issues: ArrayLike, population: ArrayLike, neighbours: Sequence[Ints] | None = None) -> Shrunk:
    """Empirical Bayes rates of areas: a rate from few visits is drawn to the rate around.

    Parameters
    ----------
    issues : (u,) float, >= 0
    population : (u,) float, >= 0
        Visits, street km, compounds, residents.
    neighbours : u arrays of row numbers, optional
        Local shrinkage, each area with its neighbours; left out: global.

    Raises
    ------
    StatisticsError
        ``shrink_columns``: lengths differ, a value is negative or no number, or issues without population.

    Notes
    -----
    Marshall (1991), "Mapping disease and mortality rates using empirical Bayes estimators", Applied
    Statistics 40: 283-294. With r = o / n: mean m = sum o / sum n, variance A = sum n (r - m)^2 / sum n -
    m / mean(n), 0 if negative; trust = A / (A + m / n); estimate = m + trust (r - m). Locally the sums run
    over the area and its neighbours.
    """
    o, n = np.asarray(issues, dtype=np.float64), np.asarray(population, dtype=np.float64)
    sound = o.shape == n.shape and bool(
        (np.isfinite(o) & np.isfinite(n) & (o >= 0) & (n >= 0) & ((n > 0) | (o == 0))).all()
    )
    if not sound or (neighbours is not None and len(neighbours) != len(n)):
        raise StatisticsError(
            f"{len(o)} counts over {len(n)} populations cannot be shrunk: both must be 0 or more and of one"
            " length, and an area without population can have no issue; mend these areas",
            code="shrink_columns",
            counts=len(o),
            populations=len(n),
        )
    if neighbours is None:
        members: Ints = np.arange(len(n))
        owner: Ints = np.zeros(len(n), dtype=np.int64)
        group: Ints = np.zeros(len(n), dtype=np.int64)
        groups = 1
    else:
        around = [np.union1d(near, [row]).astype(np.int64) for row, near in enumerate(neighbours)]
        members = np.concatenate([*around, np.empty(0, dtype=np.int64)])
        owner = np.repeat(np.arange(len(n)), [len(near) for near in around])
        group, groups = np.arange(len(n)), len(n)

    def total(values: Floats) -> Floats:
        return np.bincount(owner, weights=values, minlength=groups).astype(np.float64)

    held = n[members]
    with np.errstate(divide="ignore", invalid="ignore"):
        raw = o / n
        mean = total(o[members]) / total(held)
        apart = np.where(held > 0, held * (raw[members] - mean[owner]) ** 2, 0.0)
        # an area without population is no area to average over
        usual = total(held) / total((held > 0).astype(np.float64))
        spread = np.maximum(total(apart) / total(held) - mean / usual, 0.0)
        noise = mean[group] / n
        trust = spread[group] / (spread[group] + noise)
        # all rates equal: nothing varies and nothing is noise
        trust = np.where(n > 0, np.where(spread[group] + noise > 0, trust, 0.0), 0.0)
        rate = np.where(n > 0, mean[group] + trust * (raw - mean[group]), np.nan)
    return Shrunk(rate, trust, mean[group])
