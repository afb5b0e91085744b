"""What counts as one report, and which places are no places?

A volume map counts reports. A test must not: a neighbour who calls three hundred times is
information, not three hundred independent signs. Tests count distinct (place, day); a case sent
again counts once; and a point where a geocoder drops whatever it does not find is left out and told.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .crs import require_metric

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

ROUND_M = 1.0
RESENT_HOURS = 24.0

PILE_ROWS = 20
PILE_SHARE = 0.01
PILE_TIMES = 10


@dataclass(frozen=True)
class PlaceDays:
    """Distinct (place, day) among n reports.

    Parameters
    ----------
    place : (n,) int64
        Number of the place of each report, by first appearance.
    first : (m,) int64
        The first report of each place-day, ascending.
    merged : int
        Reports that share the place and day of an earlier one, n - m.
    places : int
        Distinct places.
    """

    place: Ints
    first: Ints
    merged: int
    places: int


@dataclass(frozen=True)
class Resent:
    """Cases sent again.

    Parameters
    ----------
    first : (n,) int64
        The report each one repeats; itself where it repeats none.
    same_id, same_day : int
        Reports left out for their id, and for place and category within 24 hours.
    """

    first: Ints
    same_id: int
    same_day: int

    @property
    def kept(self) -> Bools:
        """(n,) bool: the report repeats none."""
        kept: Bools = self.first == np.arange(len(self.first))
        return kept


def place_numbers(xy: Floats, *, crs: Any, round_m: float = ROUND_M) -> Ints:
    """The place of each report: reports on one spot of a lattice of `round_m` metres share it.

    Parameters
    ----------
    xy : (n, 2) float
        Metres in the plane of `crs`.

    Returns
    -------
    (n,) int64, numbered from 0 by first appearance. Two reports less than `round_m` apart may fall
    on two spots; equal coordinates never do.
    """
    require_metric(crs)
    if not len(xy):
        return np.zeros(0, dtype=np.int64)
    spot = np.rint(np.asarray(xy, dtype=np.float64) / round_m).astype(np.int64)
    spot -= spot.min(axis=0)
    return _numbered(spot[:, 0], spot[:, 1])


def place_days(xy: Floats, day: Ints, *, crs: Any, round_m: float = ROUND_M) -> PlaceDays:
    """Distinct (place, day).

    Parameters
    ----------
    xy : (n, 2) float
        Metres in the plane of `crs`.
    day : (n,) int
        Local calendar day, from any origin.
    """
    place = place_numbers(xy, crs=crs, round_m=round_m)
    days = np.asarray(day, dtype=np.int64)
    number = _numbered(place, days - days.min()) if len(days) else place
    first = np.flatnonzero(~pd.Series(number).duplicated().to_numpy())
    return PlaceDays(place, first, len(place) - len(first), int(place.max(initial=-1)) + 1)


def resent(case: Ints, place: Ints, category: Ints, second: Ints) -> Resent:
    """Which reports are a case sent again: the same id, or place and category within 24 hours.

    Parameters
    ----------
    case : (n,) int
        Number of the case id; negative for none.
    place : (n,) int
        From `place_numbers`.
    category : (n,) int
        Number of the category; negative for none, which is like no other.
    second : (n,) int
        Time in seconds from any origin.

    Notes
    -----
    The 24 hours run from the report that is kept, not from the last repeat: a place reported every
    evening for a month stays some thirty reports, not one. Reports of equal time keep file order.
    O(n log n), with one round per report kept at the busiest place.
    """
    n = len(case)
    first = np.arange(n)
    known = np.flatnonzero(case >= 0)
    if len(known):
        in_time = known[np.argsort(second[known], kind="stable")]
        cases, at = np.unique(case[in_time], return_index=True)
        first[known] = in_time[at][np.searchsorted(cases, case[known])]
    same_id = int(np.count_nonzero(first != np.arange(n)))
    open_ = np.flatnonzero((first == np.arange(n)) & (category >= 0))
    if len(open_):
        times = second[open_] - second[open_].min()
        group = _numbered(place[open_], category[open_])
        window = int(RESENT_HOURS * 3600)
        # a gap of more than a window between groups, so that none reaches into the next
        moment = group * (int(times.max()) + window + 1) + times
        order = np.argsort(moment, kind="stable")
        opens = _window_starts(moment[order], window)
        first[open_[order]] = open_[order][opens]
    # a case whose first report was itself a repeat of another case
    first = first[first]
    return Resent(first, same_id, int(np.count_nonzero(first != np.arange(n))) - same_id)


def _window_starts(moment: Ints, window: int) -> Ints:
    """For ascending moments: the position that opened the window each of them lies in."""
    following = np.searchsorted(moment, moment + window, side="right")
    # every jump goes forward, so all chains from the group heads are walked at once, in rounds
    opens = np.zeros(len(moment), dtype=bool)
    gaps = np.diff(moment) > window
    at = np.concatenate([[0], np.flatnonzero(gaps) + 1])
    while len(at):
        opens[at] = True
        at = following[at]
        at = at[at < len(moment)]
        at = np.unique(at[~opens[at]])
    return np.maximum.accumulate(np.where(opens, np.arange(len(moment)), 0))


def pile_ups(reports: Ints) -> Bools:
    """Places with far too many reports: the default point of a geocoder, not a hot spot.

    Parameters
    ----------
    reports : (m,) int
        Reports at each place, at least 1.

    Returns
    -------
    (m,) bool: at least 20 reports, at least 1 % of all, and at least 10 times what nine places in ten
    hold at most. Where all reports lie on one place, no place is ordinary: it piles up from 20 on.

    Notes
    -----
    The rule of `layers.duplicates`, which looks at imported files, by the same numbers.
    """
    if not len(reports):
        return np.zeros(0, dtype=bool)
    ordinary = float(np.quantile(reports, 0.9, method="lower")) if len(reports) > 1 else 0.0
    limit = max(PILE_ROWS, PILE_SHARE * float(reports.sum()), PILE_TIMES * ordinary)
    return np.asarray(reports >= limit)


def _numbered(a: Ints, b: Ints) -> Ints:
    """A number for each distinct pair, by first appearance; both at least 0."""
    span = int(b.max()) + 1
    codes, _ = pd.factorize(np.asarray(pd.factorize(a)[0], dtype=np.int64) * span + b)
    return np.asarray(codes, dtype=np.int64)
