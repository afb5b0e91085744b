"""Is it worse than in the period before? Two counts of each cell, compared exactly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc

from .errors import StatisticsError
from .hotspots import benjamini_hochberg

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MIN_EXPECTED = 5.0


@dataclass(frozen=True)
class Change:
    """Period B against period A; all arrays have the shape of the counts.

    Parameters
    ----------
    ratio : float
        Rate of B over rate of A; infinite where A has none, NaN where not shown.
    p : float in [0, 1]
        Two-sided: twice the smaller tail; NaN where not shown.
    q : float in [0, 1]
        Smallest false discovery rate at which the cell is reported, among the cells shown.
    expected : float
        Issues expected in the period with the smaller expectation, if nothing changed.
    shown : bool
        At least 5 expected.
    """

    ratio: Floats
    p: Floats
    q: Floats
    expected: Floats
    shown: NDArray[np.bool_]


def compare_periods(
    a: NDArray[Any],
    b: NDArray[Any],
    *,
    exposure_a: NDArray[Any] | float,
    exposure_b: NDArray[Any] | float,
    mid_p: bool = False,
) -> Change:
    """Compare the counts of two periods, cell by cell.

    Parameters
    ----------
    a, b : int, one shape
        Place-days of the earlier and the later period.
    exposure_a, exposure_b : float > 0, or arrays of that shape
        What the counts grew from: days, inspection visits, or the whole city's count, which asks
        whether a cell changed more than the city. A cell with no exposure in a period is not shown.
    mid_p : bool
        Count half of the chance of the observed value. Less cautious; no longer exact.

    Raises
    ------
    StatisticsError
        `exposure_unusable` for a negative or non-finite exposure, or none at all.

    Notes
    -----
    Given n = a + b, b is binomial with n trials of chance E_b / (E_a + E_b) if both rates are equal
    (Przyborowski and Wilenski 1940). The tails are regularised incomplete beta functions.
    """
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    before = np.broadcast_to(np.asarray(exposure_a, dtype=np.float64), a.shape)
    after = np.broadcast_to(np.asarray(exposure_b, dtype=np.float64), a.shape)
    wrong = int(np.count_nonzero(~(np.isfinite(before) & np.isfinite(after) & (before >= 0) & (after >= 0))))
    if wrong or not (before.any() and after.any()):
        raise StatisticsError(
            f"{wrong} cells have a negative or unknown exposure, or a period has none at all;"
            " give the days or visits of both periods",
            code="exposure_unusable", wrong=wrong,
        )  # fmt: skip
    both = (before > 0) & (after > 0)
    share = np.divide(after, before + after, out=np.full(a.shape, 0.5), where=both)
    expected = np.where(both, (a + b) * np.minimum(share, 1.0 - share), 0.0)
    shown = expected >= MIN_EXPECTED
    ratio, p, q = (np.full(a.shape, np.nan) for _ in range(3))
    with np.errstate(divide="ignore"):
        ratio[shown] = b[shown] / a[shown] * (before[shown] / after[shown])
    p[shown] = _two_sided(a[shown], b[shown], share[shown], mid_p=mid_p)
    q[shown] = benjamini_hochberg(p[shown])
    return Change(ratio, p, q, expected, shown)


def _two_sided(a: Floats, b: Floats, share: Floats, *, mid_p: bool) -> Floats:
    """Twice the smaller tail of b among a + b, at most 1."""
    at_least = _at_least(b, a, share)
    at_most = _at_least(a, b, 1.0 - share)
    if mid_p:
        half = (at_least + at_most - 1.0) / 2  # the observed value lies in both tails
        at_least, at_most = at_least - half, at_most - half
    return np.minimum(2.0 * np.minimum(at_least, at_most), 1.0)


def _at_least(x: Floats, rest: Floats, share: Floats) -> Floats:
    """P(X >= x) for X binomial with x + rest trials of chance `share`: I_share(x, rest + 1)."""
    tail = betainc(np.maximum(x, 1.0), rest + 1.0, share)
    return np.asarray(np.where(x == 0, 1.0, tail), dtype=np.float64)
