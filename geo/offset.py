"""Do two layers lie apart by one steady step? What a datum taken for another leaves behind.

GCJ-02 lies 20-700 m from WGS-84 and BD-09 up to 1.4 km, everywhere in a city by nearly the same
step. A layer imported in the wrong datum therefore fits nothing until all of it is moved by that step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .crs import (
    Floats,
    LonLat,
    bd09_to_wgs84,
    gcj02_to_wgs84,
    wgs84_to_bd09,
    wgs84_to_gcj02,
)
from .datum_fit import FEWEST_PAIRS, By, Pairs, Roads, gain_as_is, judge, metres_between

LEAST_M, MOST_M = 250.0, 1500.0
_TIGHT_M = 60.0
_TIGHT_SHARE = 0.25
_SAME_STEP_M = 80.0
_MOST = 400
_FITS_ALREADY = 5.0
"""Standard errors; spares layers in order the search for what went wrong."""

CAUSES: dict[str, Callable[[Floats, Floats], LonLat]] = {
    "gcj02_as_wgs84": gcj02_to_wgs84,
    "bd09_as_wgs84": bd09_to_wgs84,
    "wgs84_as_gcj02": wgs84_to_gcj02,
    "wgs84_as_bd09": wgs84_to_bd09,
    "bd09_as_gcj02": lambda lon, lat: bd09_to_wgs84(*wgs84_to_gcj02(lon, lat)),
    "gcj02_as_bd09": lambda lon, lat: gcj02_to_wgs84(*wgs84_to_bd09(lon, lat)),
}
"""What went wrong -> from the place as stored to the true place (EPSG:4326 both).

``a_as_b``: the coordinates were `a` and were imported as `b`.
"""

MIRRORED = {cause: "_as_".join(reversed(cause.split("_as_"))) for cause in CAUSES}
"""The mistake in the *other* layer that would leave the same step."""

UNKNOWN = "unknown"
COMPASS = ("n", "ne", "e", "se", "s", "sw", "w", "nw")


@dataclass(frozen=True)
class Offset:
    """A layer lies beside another by one step.

    Parameters
    ----------
    metres : float
    direction : str
        Where the layer lies, seen from where the other one wants it: one of `COMPASS`.
    cause : str
        A key of `CAUSES`, or `UNKNOWN`.
    by : "names", "near" or "clear"
        What told: pairs of the same name, or the fit to roads.
    count : int
        Pairs or points compared.
    spread_m : float or None
        Median distance of the pairs from the common step; None where roads told.
    """

    metres: float
    direction: str
    cause: str
    by: By
    count: int
    spread_m: float | None


def direction_of(east: float, north: float) -> str:
    """The one of eight directions that a step goes."""
    return COMPASS[round(np.degrees(np.arctan2(east, north)) / 45.0) % 8]


def offset_of_pairs(lonlat: Floats, pairs: Pairs) -> Offset | None:
    """The common step from the places of known names to those of a layer.

    Parameters
    ----------
    lonlat : (n, 2) degrees, EPSG:4326
        The layer as stored.
    pairs : Pairs
        `index` counts its rows.

    Returns
    -------
    Offset or None
        None with fewer than five pairs, a step outside 250-1,500 m, or pairs that do not agree:
        half of them within 60 m or a quarter of the step, whichever is less.
    """
    if len(pairs.index) < FEWEST_PAIRS:
        return None
    ours = lonlat[pairs.index]
    steps = metres_between(ours, pairs.lonlat)
    step = np.median(steps, axis=0)
    metres = float(np.hypot(*step))
    spread = float(np.median(np.hypot(*(steps - step).T)))
    if not LEAST_M <= metres <= MOST_M or spread > min(_TIGHT_M, _TIGHT_SHARE * metres):
        return None
    left = {
        cause: float(np.hypot(*(_step_of(cause, ours) - step)))
        for cause in CAUSES
    }  # fmt: skip
    likely = min(left, key=lambda cause: left[cause])
    cause = likely if left[likely] <= _SAME_STEP_M else UNKNOWN
    return Offset(metres, direction_of(*step), cause, "names", len(steps), spread)


def offset_to_roads(lonlat: Floats, roads: Roads) -> Offset | None:
    """The step after which a layer fits the roads, by the rule of `datum_fit`.

    Parameters
    ----------
    lonlat : (n, 2) degrees, EPSG:4326
        Points of the layer, or the vertices of its lines and outlines, as stored.

    Returns
    -------
    Offset or None
        None where the layer fits as it is, and where nothing can be told.
    """
    if gain_as_is(lonlat, roads) >= _FITS_ALREADY:
        return None
    moved = {cause: np.column_stack(move(*lonlat.T)) for cause, move in CAUSES.items()}
    verdict = judge({"as_is": lonlat, **moved}, roads, most=_MOST)
    if verdict.winner in (None, "as_is") or verdict.by is None:
        return None
    cause = str(verdict.winner)
    step = _step_of(cause, lonlat)
    metres = float(np.hypot(*step))
    if not LEAST_M <= metres <= MOST_M:
        return None
    return Offset(metres, direction_of(*step), cause, verdict.by, verdict.used, None)


def _step_of(cause: str, lonlat: Floats) -> Floats:
    """East and north metres, from the true place to the stored one, in the middle of the layer."""
    middle = np.median(lonlat[np.isfinite(lonlat).all(axis=1)], axis=0).reshape(1, 2)
    true = np.column_stack(CAUSES[cause](*middle.T))
    step: Floats = metres_between(middle, true)[0]
    return step
