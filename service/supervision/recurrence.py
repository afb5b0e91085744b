"""Is it back? A finding that repeats a closed one, and findings that may be one and the same.

Both rules look for the same category at the same site, or else within `near_m` metres; they differ in
the time they look back. Nothing is decided here: a recurrence is linked, a duplicate is a candidate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.crs import metric_crs, project

from .rulebook import CardRules

NONE = -1
_APART_M = 1e7


@dataclass(frozen=True)
class Findings:
    """Findings, in parallel sequences.

    Parameters
    ----------
    category : (n,) str
    site : (n,) str or None
        Id of the site or unit; two findings that both name one are at the same site or are not.
    lonlat : (n, 2) float, EPSG:4326
    at : (n,) datetime
        When it was found; of closed ones, when it was closed.
    """

    category: Sequence[str]
    site: Sequence[str | None]
    lonlat: NDArray[np.float64]
    at: Sequence[datetime]

    def __post_init__(self) -> None:
        lonlat = np.asarray(self.lonlat, dtype=np.float64).reshape(-1, 2)
        object.__setattr__(self, "lonlat", lonlat)

    def __len__(self) -> int:
        return len(self.category)


def recurs(found: Findings, closed: Findings, rules: CardRules) -> NDArray[np.int64]:
    """The closed issue that each finding repeats.

    Parameters
    ----------
    found : Findings, n of them
    closed : Findings
        Closed issues with the moments of their closing.
    rules : CardRules
        `recurrence_days` calendar days in China: closed on the 1st and found on the 31st, 30 days later,
        is a recurrence whatever the hours; found a day later is not. `near_m`: a finding without a site
        (or a closed issue without) belongs to the other within this distance.

    Returns
    -------
    (n,) int64
        Row in `closed`, `NONE` where nothing matches; of several the one closed last (the first row of
        those closed at the same moment). An issue closed after the finding is none that it repeats.
    """
    new, old = _together(found, closed, rules.near_m)
    found_s, closed_s = _seconds(found.at), _seconds(closed.at)
    apart = _days(found_s)[new] - _days(closed_s)[old]
    fits = (closed_s[old] <= found_s[new]) & (apart <= rules.recurrence_days)
    new, old = new[fits], old[fits]
    order = np.lexsort((old, -closed_s[old], new))
    first = order[np.unique(new[order], return_index=True)[1]]
    linked = np.full(len(found), NONE, dtype=np.int64)
    linked[new[first]] = old[first]
    return linked


def alike(findings: Findings, *, near_m: float, within: timedelta) -> list[tuple[int, int]]:
    """Pairs of findings that may be one: together in category, place and time.

    Returns
    -------
    list of (row of the earlier, row of the later), by the rows; found at the same moment, the first
    row counts as the earlier.
    """
    one, other = _together(findings, findings, near_m)
    at = _seconds(findings.at)
    fits = (one != other) & (np.abs(at[one] - at[other]) <= within.total_seconds())
    fits &= (at[one] < at[other]) | ((at[one] == at[other]) & (one < other))
    pairs = np.unique(np.column_stack([one[fits], other[fits]]), axis=0)
    return [(int(first), int(second)) for first, second in pairs]


def _together(a: Findings, b: Findings, near_m: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs (row in a, row in b) of the same category and the same site, or near each other.

    Two that name different sites are not together, however near: two shops next door are two shops.
    """
    empty = np.empty(0, dtype=np.int64)
    if not len(a) or not len(b):
        return empty, empty
    category = _codes([*a.category, *b.category])
    site = _codes([*a.site, *b.site])
    n = len(a)
    place = np.where(site >= 0, site * (category.max() + 1) + category, -1)
    left, right = _joined(place[:n], place[n:])
    pairs = [(left, right)]
    # one of the two names no site: all new ones with the unnamed, and the unnamed with the named
    for rows_a, rows_b in (
        (np.arange(n), np.flatnonzero(site[n:] < 0)),
        (np.flatnonzero(site[:n] < 0), np.flatnonzero(site[n:] >= 0)),
    ):
        one, other = _near(
            _Places(a.lonlat[rows_a], category[:n][rows_a]), _Places(b.lonlat[rows_b], category[n:][rows_b]),
            near_m,
        )  # fmt: skip
        pairs.append((rows_a[one], rows_b[other]))
    return (
        np.concatenate([one for one, _ in pairs]).astype(np.int64),
        np.concatenate([other for _, other in pairs]).astype(np.int64),
    )


def _joined(a: NDArray[np.int64], b: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """All pairs of equal keys that are not negative."""
    rows = np.flatnonzero(b >= 0)
    order = rows[np.argsort(b[rows], kind="stable")]
    keys = b[order]
    wanted = np.flatnonzero(a >= 0)
    first, last = np.searchsorted(keys, a[wanted], "left"), np.searchsorted(keys, a[wanted], "right")
    count = last - first
    left = np.repeat(wanted, count)
    start = np.repeat(first - np.concatenate([[0], np.cumsum(count)[:-1]]), count) if len(count) else count
    return left, order[start + np.arange(len(left))]


class _Places(NamedTuple):
    lonlat: NDArray[np.float64]
    category: NDArray[np.int64]


def _near(a: _Places, b: _Places, near_m: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of the same category within `near_m`."""
    if not len(a.lonlat) or not len(b.lonlat):
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    lon, lat = np.median(np.concatenate([a.lonlat, b.lonlat]), axis=0)
    crs = metric_crs(float(lon), float(lat))
    # each category in a plane of its own, side by side: a crowded place would make millions of pairs
    shapes: list[NDArray[np.object_]] = []
    for places in (a, b):
        flat = project(np.asarray(shapely.points(places.lonlat), dtype=object), crs)
        xy = shapely.get_coordinates(flat)
        moved = shapely.points(xy[:, 0] + places.category * _APART_M, xy[:, 1])
        shapes.append(np.asarray(moved, dtype=object))
    left, right = shapely.STRtree(shapes[1]).query(shapes[0], predicate="dwithin", distance=near_m)
    return left, right


def _codes(words: Sequence[str | None]) -> NDArray[np.int64]:
    """A number for each word, -1 for none."""
    known: dict[str, int] = {}
    return np.array([-1 if not word else known.setdefault(word, len(known)) for word in words], np.int64)


def _seconds(moments: Sequence[datetime]) -> NDArray[np.float64]:
    return np.array([moment.timestamp() for moment in moments], dtype=np.float64)


def _days(seconds: NDArray[np.float64]) -> NDArray[np.int64]:
    """Number of the calendar day in China."""
    return np.floor((seconds + 8 * 3600) / 86_400).astype(np.int64)
