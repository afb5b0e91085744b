"""Where it is bad, whether that is real, and whether it is getting worse: one function per question.

Every answer carries what a legend has to say: method, bandwidth, period, issues used and left out.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.bandwidth import Advice, advice
from geo.crs import to_wgs84
from geo.density import Edge, Surface, cell_for, density, recency
from geo.emerging import KINDS, Cube, Emerging, emerging, month_cube
from geo.errors import DesignError, StatisticsError
from geo.grid import hexagons_over, tally
from geo.hotspots import CLASSES, HotSpots, gi_star, window
from geo.peaks import Forecast, catchment, forecast, hot_area, local_maxima
from geo.periods import Change, compare_periods
from geo.place_days import place_days
from geo.rates import LEAST_STREET_KM, STATES, Rate, ratio, street_km
from geo.scan import scan
from geo.spreading import Kernel, gaussian, quartic
from geo.window import Window, cut_lines
from layers.issue_columns import date_of, day_number
from layers.rasters import Raster
from layers.rules import categories

from .hotspot_city import City
from .issue_filters import IssueFilter

TEST_CELL_M = 100.0
TEST_RADIUS_M = 300.0
CHANGE_CELL_M = 200.0
EMERGING_CELL_M = 200.0
EMERGING_RADIUS_M = 400.0
HEXAGON_M = 200.0
HOT_SHARE = 0.05
"""Part of the ground whose densest cells are held against the next period."""
APART_BANDWIDTHS = 2.0
FIRST_CATEGORIES = 3


@dataclass(frozen=True)
class Selection:
    """The issues that a map speaks of.

    Parameters
    ----------
    rows : (n,) int64
        Places in the columns of the city.
    since, until : date
        The period: as filtered, else from the first to the last day that has any issue.
    matched : int
        Issues that the filter takes.
    piled : int
        Of these, on a place that holds far too many (a geocoder's default point); left out.
    resent : int
        Of the others, the same case again (same place and category within 24 hours); left out.
    """

    rows: NDArray[np.int64]
    since: date
    until: date
    matched: int
    piled: int
    resent: int = 0

    @property
    def days(self) -> int:
        """Days of the period, both ends included."""
        return (self.until - self.since).days + 1


def select(city: City, wanted: IssueFilter, *, with_piled: bool = False) -> Selection:
    """The issues of a filter, without cases sent again and without a geocoder's default point."""
    chosen = wanted.mask(city.issues)
    matched = int(np.count_nonzero(chosen))
    piled = int(np.count_nonzero(chosen & city.piled))
    again = int(np.count_nonzero(chosen & city.resent))
    chosen &= ~city.resent
    if not with_piled:
        chosen &= ~city.piled
    first, last = city.days
    since, until = wanted.since or date_of(first), wanted.until or date_of(last)
    if since > until:
        raise DesignError(
            f"the period begins on {since} and ends before, on {until}; swap the dates",
            code="dates_reversed", since=str(since), until=str(until),
        )  # fmt: skip
    return Selection(np.flatnonzero(chosen), since, until, matched, 0 if with_piled else piled, again)


def kernel_of(shape: str, metres: float) -> Kernel:
    """``gaussian`` with a bandwidth, or ``quartic`` with a radius (DesignError `kernel_unknown`)."""
    if shape == "gaussian":
        return gaussian(metres)
    if shape == "quartic":
        return quartic(metres)
    raise DesignError(
        f"the kernel {shape!r} is unknown; use gaussian or quartic", code="kernel_unknown", given=shape[:40]
    )


# -- density ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Heat:
    """A density surface with what its legend says."""

    surface: Surface
    selection: Selection
    city: City
    weight: str = ""
    half_life_days: float | None = None

    @property
    def raster(self) -> Raster:
        """Issues per km2 and 30 days, on the metric plane."""
        return raster(self.surface.values, self.surface.window, self.city)

    def facts(self) -> dict[str, Any]:
        """What the legend and the exports say."""
        surface = self.surface
        return {
            **facts(self.city, self.selection),
            "kernel": surface.kernel.shape,
            "bandwidth_m": round(surface.kernel.sigma_m, 2),
            "radius_m": round(surface.kernel.reach_m, 1) if surface.kernel.shape == "quartic" else None,
            "cell_m": round(surface.window.grid.cell_m, 3),
            "edge": surface.edge,
            "used": surface.taken.used,
            "outside": surface.taken.outside,
            "weight": self.weight,
            "half_life_days": self.half_life_days,
        }


def heat(
    city: City,
    wanted: IssueFilter,
    *,
    kernel: Kernel | None = None,
    edge: Edge = "uniform",
    cell_m: float | None = None,
    weight: str = "",
    half_life_days: float | None = None,
) -> Heat:
    """Issues per km2 and 30 days.

    Parameters
    ----------
    cell_m : float, optional
        Side of a cell; by default what the kernel asks for.
    weight : str
        ``severity``: an issue counts 1 to 3 times after its category, 1 where that is unknown.
    half_life_days : float, optional
        An issue so many days before the end of the period counts half; a steady stream keeps its density.
    """
    kernel = kernel or gaussian(150.0)
    chosen = select(city, wanted)
    ground = city.window(cell_for(kernel) if cell_m is None else cell_m)
    x, y = city.issues.xy[chosen.rows].T
    edges = None if edge == "none" else city.edges(ground, kernel)
    weights, days = _weights(city, chosen, weight, half_life_days)
    surface = density(x, y, ground, kernel, weights=weights, edge=edge, days=days, edges=edges)
    return Heat(surface, chosen, city, weight, half_life_days)


def _weights(
    city: City, chosen: Selection, weight: str, half_life_days: float | None
) -> tuple[NDArray[np.float64] | None, float]:
    """What each issue counts, and the days that the period is worth."""
    if weight not in ("", "severity"):
        raise DesignError(
            f"the weight {weight!r} is unknown; use severity, or leave it out",
            code="weight_unknown", given=weight[:40],
        )  # fmt: skip
    weights: NDArray[np.float64] | None = None
    if weight:
        words = city.issues.words["category"]
        known = categories()
        severity = np.array([known[word].severity if word in known else 1 for word in words.words], float)
        weights = severity[words.codes[chosen.rows]]
    days = float(chosen.days)
    if half_life_days is not None:
        age = day_number(chosen.until) - city.issues.day[chosen.rows].astype(np.float64)
        faded = recency(age, half_life_days, days)
        weights = faded.weights if weights is None else weights * faded.weights
        days = faded.days
    return weights, days


def raster(values: NDArray[Any], ground: Window, city: City) -> Raster:
    """Values of the cells of a window as a raster on the city's plane."""
    grid = ground.grid
    east, north = city.issues.origin
    return Raster(values, grid.x + east, grid.y + north, grid.cell_m, city.issues.crs)


def facts(city: City, chosen: Selection) -> dict[str, Any]:
    """What every legend says."""
    return {
        "since": chosen.since.isoformat(),
        "until": chosen.until.isoformat(),
        "days": chosen.days,
        "issues": len(city.issues),
        "matched": chosen.matched,
        "piled": chosen.piled,
        "resent": chosen.resent,
        "ground": city.ground,
        "attribution": city.attribution,
    }


@dataclass(frozen=True)
class StreetRate:
    """Issues per street kilometre and 30 days; blank where there is too little street."""

    rate: Rate
    selection: Selection
    city: City

    @property
    def highest(self) -> float:
        """The largest rate; 0 where no cell has enough street."""
        return float(np.nanmax(self.rate.values, initial=0.0))

    @property
    def raster(self) -> Raster:
        """The rate, on the metric plane."""
        return raster(self.rate.values, self.rate.issues.window, self.city)

    def facts(self) -> dict[str, Any]:
        """What the legend and the exports say."""
        states = Counter(self.rate.state[self.rate.issues.window.inside].tolist())
        return {
            **Heat(self.rate.issues, self.selection, self.city).facts(),
            "per": "street_km",
            "least": self.rate.least,
            "cells": {name: states.get(at, 0) for at, name in enumerate(STATES) if name != "outside"},
        }


def per_street(city: City, wanted: IssueFilter, *, kernel: Kernel | None = None) -> StreetRate:
    """Issues per street kilometre and 30 days, both smoothed by one kernel.

    Raises
    ------
    StatisticsError
        `no_streets` if the store holds no road.
    """
    if not len(city.streets):
        raise StatisticsError(
            "the store holds no road, so there is no rate per street kilometre;"
            " import roads with zhoubian import FILE --as roads",
            code="no_streets",
        )
    found = heat(city, wanted, kernel=kernel)
    surface = found.surface
    edges = city.edges(surface.window, surface.kernel)
    streets = street_km(city.streets, surface.window, surface.kernel, edges=edges)
    return StreetRate(ratio(surface, streets, least=LEAST_STREET_KM), found.selection, city)


ADVISED_M = (40.0, 55.0, 75.0, 100.0, 130.0, 150.0, 200.0, 270.0, 350.0, 400.0, 550.0)
ADVICE_PLACES = 20_000


def bandwidth_advice(city: City, wanted: IssueFilter) -> Advice:
    """Which bandwidth foretells a place from the others best; shown, never applied.

    Of more than 20,000 issues evenly some are used.
    """
    chosen = select(city, wanted)
    some = np.unique(np.linspace(0, len(chosen.rows) - 1, min(ADVICE_PLACES, len(chosen.rows))).astype(int))
    xy = city.issues.xy[chosen.rows[some]].astype(np.float64) if len(chosen.rows) else np.empty((0, 2))
    return advice(xy[:, 0], xy[:, 1], np.array(ADVISED_M), city.window(ADVISED_M[0] / 3))


# -- is it real? -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Spots:
    """Gi* of place-days on a grid."""

    spots: HotSpots
    window: Window
    selection: Selection
    place_days: int
    merged: int
    city: City

    def facts(self) -> dict[str, Any]:
        """What the legend and the exports say."""
        bins = Counter(self.spots.bin[self.window.inside].tolist())
        return {
            **facts(self.city, self.selection),
            "cell_m": self.window.grid.cell_m,
            "radius_m": TEST_RADIUS_M,
            "place_days": self.place_days,
            "merged": self.merged,
            "cells": {name: bins.get(number, 0) for number, name in CLASSES.items()},
        }


def spots(city: City, wanted: IssueFilter, *, cell_m: float = TEST_CELL_M) -> Spots:
    """Which cells have more (fewer) place-days around them than chance gives.

    Raises
    ------
    StatisticsError
        As `geo.hotspots.gi_star`: too few issues, all cells alike.
    """
    chosen = select(city, wanted)
    ground = city.window(cell_m)
    counts, kept, merged = _place_day_counts(city, chosen, ground)
    found = gi_star(counts, ground.inside, window(max(TEST_RADIUS_M, cell_m), cell_m))
    return Spots(found, ground, chosen, kept, merged, city)


def _place_day_counts(city: City, chosen: Selection, ground: Window) -> tuple[NDArray[np.int64], int, int]:
    """(ny, nx) place-days, their number, and the issues merged into them."""
    xy = city.issues.xy[chosen.rows].astype(np.float64)
    found = place_days(xy, city.issues.day[chosen.rows].astype(np.int64), crs=city.issues.crs)
    first = xy[found.first]
    counts = tally(ground.grid.locate(first[:, 0], first[:, 1]), ground.inside.size)
    return counts.reshape(ground.grid.shape).astype(np.int64), len(found.first), found.merged


@dataclass(frozen=True)
class FoundCluster:
    """A circle with more place-days than its streets explain."""

    lon: float
    lat: float
    radius_m: float
    cases: int
    expected: float
    relative_risk: float
    p: float


SCAN_CELL_M = 250.0
SCAN_SEED = 20_261_120


def clusters(city: City, wanted: IssueFilter) -> list[FoundCluster]:
    """Circles of up to 1 km with more place-days than their street length explains (Kulldorff's scan).

    Without roads the ground of each cell is the exposure. The simulated maps have a fixed seed: the
    same data give the same answer.
    """
    chosen = select(city, wanted)
    ground = city.window(SCAN_CELL_M)
    counts, _, _ = _place_day_counts(city, chosen, ground)
    inside = np.flatnonzero(ground.inside)
    if len(city.streets):
        pieces = cut_lines(city.streets, ground.grid)
        cell = ground.grid.locate(pieces.x, pieces.y)
        exposure = tally(cell, ground.inside.size, pieces.length_m)
    else:
        exposure = ground.share.ravel()
    used = inside[(exposure[inside] > 0) | (counts.ravel()[inside] > 0)]
    # a cell with issues and no street stands for its ground: a path that the roads layer does not have
    least = exposure[exposure > 0].min(initial=1.0)
    row, column = np.divmod(used, ground.grid.nx)
    x, y = ground.grid.centres()
    at = np.column_stack([x[column], y[row]])
    found = scan(
        at, counts.ravel()[used], np.maximum(exposure[used], least), crs=city.issues.crs,
        rng=np.random.default_rng(SCAN_SEED),
    )  # fmt: skip
    absolute = at[[one.centre for one in found]] + city.issues.origin if found else np.empty((0, 2))
    lon, lat = to_wgs84(absolute[:, 0], absolute[:, 1], f"EPSG:{city.issues.crs.to_epsg()}")
    return [
        FoundCluster(
            round(float(lon[at]), 6), round(float(lat[at]), 6), round(one.radius_m, 1), one.cases,
            round(one.expected, 2), round(one.relative_risk, 3), one.p,
        )
        for at, one in enumerate(found)
    ]  # fmt: skip


# -- is it getting worse? --------------------------------------------------------------------------


@dataclass(frozen=True)
class Comparison:
    """Period B against period A on a grid."""

    change: Change
    window: Window
    before: Selection
    after: Selection
    city: City

    def facts(self) -> dict[str, Any]:
        """What the legend and the exports say."""
        shown = self.change.shown & self.window.inside
        return {
            **facts(self.city, self.after),
            "before_since": self.before.since.isoformat(),
            "before_until": self.before.until.isoformat(),
            "before_matched": self.before.matched,
            "cell_m": self.window.grid.cell_m,
            "shown": int(np.count_nonzero(shown)),
            "worse": int(np.count_nonzero(shown & (self.change.q <= 0.05) & (self.change.ratio > 1))),
            "better": int(np.count_nonzero(shown & (self.change.q <= 0.05) & (self.change.ratio < 1))),
        }


def comparison(
    city: City, wanted: IssueFilter, before: tuple[date, date], *, cell_m: float = CHANGE_CELL_M
) -> Comparison:
    """Place-days of the filter's period against an earlier one, day for day."""
    earlier = select(city, replace(wanted, since=before[0], until=before[1]))
    later = select(city, wanted)
    if earlier.until >= later.since and later.until >= earlier.since:
        raise DesignError(
            f"the periods {earlier.since} to {earlier.until} and {later.since} to {later.until} overlap;"
            " choose two that do not",
            code="periods_overlap", a=f"{earlier.since}/{earlier.until}", b=f"{later.since}/{later.until}",
        )  # fmt: skip
    ground = city.window(cell_m)
    a, _, _ = _place_day_counts(city, earlier, ground)
    b, _, _ = _place_day_counts(city, later, ground)
    change = compare_periods(a, b, exposure_a=float(earlier.days), exposure_b=float(later.days))
    return Comparison(change, ground, earlier, later, city)


@dataclass(frozen=True)
class Emergence:
    """The kind of hot or cold spot of each cell, by months."""

    emerging: Emerging
    cube: Cube
    window: Window
    selection: Selection
    city: City

    def facts(self) -> dict[str, Any]:
        """What the legend and the exports say."""
        kinds = Counter(self.emerging.kind[self.window.inside].tolist())
        return {
            **facts(self.city, self.selection),
            "cell_m": self.window.grid.cell_m,
            "radius_m": EMERGING_RADIUS_M,
            "months": [str(month) for month in self.cube.months],
            "left_out": self.cube.left_out,
            "hot": {KINDS[at]: kinds.get(at, 0) for at in range(1, len(KINDS))},
            "cold": {KINDS[at]: kinds.get(-at, 0) for at in range(1, len(KINDS))},
        }


def emergence(city: City, wanted: IssueFilter, *, cell_m: float = EMERGING_CELL_M) -> Emergence:
    """New, consecutive, intensifying, persistent, diminishing, sporadic, oscillating, historical spots.

    Raises
    ------
    StatisticsError
        As `geo.emerging`: fewer than ten complete months, a month with too few issues.
    """
    chosen = select(city, wanted)
    ground = city.window(cell_m)
    xy = city.issues.xy[chosen.rows].astype(np.float64)
    day = city.issues.day[chosen.rows].astype(np.int64)
    found = place_days(xy, day, crs=city.issues.crs)
    cell = ground.grid.locate(xy[found.first, 0], xy[found.first, 1])
    kept = cell >= 0
    row, column = np.divmod(cell[kept], ground.grid.nx)
    calendar = np.datetime64("2000-01-01") + day[found.first][kept]
    cube = month_cube(
        row, column, calendar, shape=ground.grid.shape,
        since=np.datetime64(chosen.since), until=np.datetime64(chosen.until),
    )  # fmt: skip
    return Emergence(
        emerging(cube.counts, ground.inside, window(max(EMERGING_RADIUS_M, cell_m), cell_m)),
        cube, ground, chosen, city,
    )  # fmt: skip


def prediction(city: City, wanted: IssueFilter, *, kernel: Kernel | None = None) -> Forecast | None:
    """What the hot area of the first half of the period caught of the second; None if there is too little.

    Printed beside the map, so that the map is honest about itself.
    """
    whole = select(city, wanted)
    middle = day_number(whole.since) + whole.days // 2
    if whole.days < 2:
        return None
    first = heat(city, replace(wanted, since=whole.since, until=date_of(middle - 1)), kernel=kernel)
    later = select(city, replace(wanted, since=date_of(middle), until=whole.until))
    ground = first.surface.window
    xy = city.issues.xy[later.rows]
    counts = tally(ground.grid.locate(xy[:, 0], xy[:, 1]), ground.inside.size).reshape(ground.grid.shape)
    try:
        return forecast(hot_area(first.surface.values, HOT_SHARE), ground.inside, counts.astype(np.int64))
    except StatisticsError as error:
        if error.code in ("nothing_hot", "no_next_issues"):
            return None  # nothing to hold against anything: the page says that it is not known
        raise


# -- which street is it? ---------------------------------------------------------------------------


@dataclass(frozen=True)
class TopSpot:
    """A place of the list: where it is, what is there, and how it changed."""

    rank: int
    lon: float
    lat: float
    density: float
    place: str
    place_layer: str
    place_id: str
    place_m: float
    district: str
    issues: int
    places: int
    place_days: int
    rate: float
    change: float | None
    first: str
    last: str
    categories: tuple[tuple[str, int], ...]
    unit: str


def top(found: Heat, most: int = 20) -> list[TopSpot]:
    """The highest points of a density, at least two bandwidths apart, with names and what lies around.

    An issue belongs to the nearest point within two bandwidths; `rate` is issues in 30 days, `change`
    the second half of the period over the first.
    """
    city, chosen = found.city, found.selection
    ground, kernel = found.surface.window, found.surface.kernel
    radius = APART_BANDWIDTHS * kernel.sigma_m
    peaks = local_maxima(found.surface.values, cell_m=ground.grid.cell_m, apart_m=radius, most=most)
    if not len(peaks.value):
        return []
    x, y = ground.grid.centres()
    at = np.column_stack([x[peaks.column], y[peaks.row]])
    xy = city.issues.xy[chosen.rows].astype(np.float64)
    belongs = catchment(xy, at, crs=city.issues.crs, radius_m=radius)
    absolute = at + city.issues.origin
    lon, lat = to_wgs84(absolute[:, 0], absolute[:, 1], f"EPSG:{city.issues.crs.to_epsg()}")
    middle = day_number(chosen.since) + chosen.days / 2
    spots_ = []
    for rank in range(len(at)):
        rows = chosen.rows[belongs == rank]
        day = city.issues.day[rows].astype(np.int64)
        days = place_days(city.issues.xy[rows].astype(np.float64), day, crs=city.issues.crs)
        later = int(np.count_nonzero(day >= middle))
        place, layer, place_id, metres, unit = _name(city, at[rank])
        spots_.append(
            TopSpot(
                rank=rank + 1, lon=round(float(lon[rank]), 6), lat=round(float(lat[rank]), 6),
                density=float(peaks.value[rank]), place=place, place_layer=layer, place_id=place_id,
                place_m=round(metres, 1), district=_district(city, at[rank]), issues=len(rows),
                places=days.places, place_days=len(days.first), rate=len(rows) * 30 / chosen.days,
                change=later / (len(rows) - later) if len(rows) > later else None,
                first=date_of(day.min()).isoformat() if len(day) else "",
                last=date_of(day.max()).isoformat() if len(day) else "",
                categories=_common(city, rows, "category"), unit=unit or _most_common(city, rows),
            )
        )  # fmt: skip
    return spots_


def _name(city: City, xy: NDArray[np.float64]) -> tuple[str, str, str, float, str]:
    """The nearest alley, compound or road that has a name: name, layer, id, metres, responsible unit."""
    best = ("", "", "", np.inf, "")
    for layer, held in city.names.items():
        found, metres = held.nearest(xy.reshape(1, 2))
        if len(found) and metres[0] < best[3]:
            row = int(found[0])
            best = (held.names[row], layer, held.ids[row], float(metres[0]), held.units[row])
    return best if np.isfinite(best[3]) else ("", "", "", 0.0, "")


def _district(city: City, xy: NDArray[np.float64]) -> str:
    if city.districts is None:
        return ""
    found, metres = city.districts.nearest(xy.reshape(1, 2))
    return city.districts.names[int(found[0])] if len(found) and metres[0] == 0 else ""


def _common(city: City, rows: NDArray[np.int64], column: str) -> tuple[tuple[str, int], ...]:
    words = city.issues.words[column]
    counts = np.bincount(words.codes[rows], minlength=len(words.words))
    counts[0] = 0
    order = np.argsort(-counts, kind="stable")[:FIRST_CATEGORIES]
    return tuple((words.words[at], int(counts[at])) for at in order if counts[at])


def _most_common(city: City, rows: NDArray[np.int64]) -> str:
    found = _common(city, rows, "unit")
    return found[0][0] if found else ""


def top_rows(found: list[TopSpot]) -> list[dict[str, Any]]:
    """The list as JSON values or rows of a table."""
    return [asdict(spot) for spot in found]


# -- counts ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class HexCounts:
    """Issues in hexagons; only those that hold any."""

    polygons: NDArray[np.object_]
    issues: NDArray[np.int64]
    share: NDArray[np.float64]
    width_m: float
    selection: Selection
    city: City


def hexagons(city: City, wanted: IssueFilter, *, width_m: float = HEXAGON_M) -> HexCounts:
    """Issues by metric hexagons, flat to flat `width_m`; polygons in EPSG:4326."""
    chosen = select(city, wanted)
    held = hexagons_over(city.area, width_m)
    xy = city.issues.xy[chosen.rows]
    counts = tally(held.locate(xy[:, 0], xy[:, 1]), len(held)).astype(np.int64)
    some = np.flatnonzero(counts)
    epsg = f"EPSG:{city.issues.crs.to_epsg()}"

    def degrees(at: NDArray[np.float64]) -> NDArray[np.float64]:
        moved = at + city.issues.origin
        return np.column_stack(to_wgs84(moved[:, 0], moved[:, 1], epsg))

    polygons = np.asarray(shapely.transform(held.polygons()[some], degrees), dtype=object)
    return HexCounts(polygons, counts[some], held.share[some], width_m, chosen, city)
