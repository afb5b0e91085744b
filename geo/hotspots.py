"""Where is it bad, and is it real?

Gi* (Getis and Ord) of counts on a grid or on areas with neighbours. The map value is the usual z;
the p-value is not the normal one, which takes pure noise for hot spots as soon as counts are skewed,
but comes from the distribution of a sum of k values drawn from the observed ones, computed, not
simulated. Benjamini and Hochberg then decide on all cells together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from .errors import StatisticsError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

MIN_CELLS = 30
"""Non-empty cells that a test needs, as ArcGIS asks for."""
MIN_EVENTS = 60
LEVELS = 2048
"""Steps between the smallest and the largest value in the null distribution; the step is then under
a hundredth of the standard deviation unless the skew is extreme, where it is still the same for
the map and for the null."""
P_FLOOR = 1e-12
"""Smaller chances are not resolved by a transform in double precision; they are reported as this."""

CLASSES = {
    -3: "cold_99", -2: "cold_95", -1: "cold_90", 0: "none", 1: "hot_90", 2: "hot_95", 3: "hot_99",
}  # fmt: skip
"""The seven classes of ArcGIS (Gi_Bin), by false discovery rate 0.01, 0.05 and 0.10."""
CLASS_Q = (0.10, 0.05, 0.01)

_RARE = 37.0  # -log(1e-16)
_SHORT = 1 << 15  # a support up to this long is transformed whole
_NARROW = 6  # half widths up to which adding shifted copies beats a running sum


@dataclass(frozen=True)
class HotSpots:
    """Gi* of every cell or unit; all arrays have the shape of the counts.

    Parameters
    ----------
    z : float
        Gi* as a standard deviate, of log(1 + count); NaN outside.
    p_hot, p_cold : float in [1e-12, 1]
        Chance of a sum at least as large (small) as this one; NaN outside.
    p : float
        Two-sided: twice the smaller of them, at most 1.
    q : float
        Smallest false discovery rate at which the cell is reported; NaN outside.
    bin : int8
        A key of `CLASSES`; 0 outside.
    size : int64
        Cells inside the window of the cell, itself among them; 0 outside.
    """

    z: Floats
    p_hot: Floats
    p_cold: Floats
    p: Floats
    q: Floats
    bin: NDArray[np.int8]
    size: Ints


# -- windows ---------------------------------------------------------------------------------------


def window(radius_m: float, cell_m: float, shape: Literal["disk", "square"] = "disk") -> NDArray[np.int64]:
    """The cells around a cell, as half widths of rows.

    Parameters
    ----------
    radius_m : float
        Largest distance of cell centres (disk), or of their columns and rows (square); m. A square
        with the cell size for a radius is the queen's neighbourhood of 3 x 3 cells.
    cell_m : float
        Side of a cell, m.

    Returns
    -------
    (2 r + 1,) int64: cells to either side of the middle in the rows -r..r.

    Raises
    ------
    StatisticsError
        `window_too_small` if the radius is below one cell: a window of one cell has no neighbours.
    """
    # a radius given as a multiple of the cell must not lose its last row to rounding
    reach = radius_m / cell_m * (1 + 1e-12)
    if not (np.isfinite(reach) and reach >= 1):
        raise StatisticsError(
            f"a window of {radius_m:g} m holds no neighbour of a cell of {cell_m:g} m;"
            f" take at least {cell_m:g} m",
            code="window_too_small", radius_m=radius_m, cell_m=cell_m,
        )  # fmt: skip
    rows = np.arange(-int(reach), int(reach) + 1)
    if shape == "square":
        return np.full(len(rows), int(reach), dtype=np.int64)
    half: NDArray[np.int64] = np.sqrt(reach**2 - np.square(rows, dtype=np.float64)).astype(np.int64)
    return half


def window_sums(values: NDArray[Any], half: NDArray[np.int64]) -> NDArray[Any]:
    """Sum of the values in the window around each cell; what lies beyond the grid counts as 0.

    Parameters
    ----------
    values : (ny, nx) float or int
    half : (2 r + 1,) int
        From `window`.

    Returns
    -------
    (ny, nx) of the dtype of `values`. Integers are exact; floats carry the rounding of one running
    sum per row and column, not of the whole grid. O(ny nx) for a square, O(ny nx r) for a disk.
    """
    ny = len(values)
    reach = len(half) // 2
    total = np.zeros_like(values)
    for width in np.unique(half):
        across = _box(values, int(width))
        for first, last in _runs(np.flatnonzero(half == width) - reach):
            if last - first + 1 == len(half) > 1:
                total += _box(across.T, reach).T
                continue
            for row in range(max(first, 1 - ny), min(last, ny - 1) + 1):
                # cell y gets the row y + row
                low, high = max(0, -row), min(ny, ny - row)
                total[low:high] += across[low + row : high + row]
    return total


def _box(values: NDArray[Any], width: int) -> NDArray[Any]:
    """Sums over `width` columns to either side."""
    nx = values.shape[1]
    width = min(width, nx - 1)
    if width == 0:
        return values
    if width <= _NARROW:
        sums = values.copy()
        for shift in range(1, width + 1):
            sums[:, shift:] += values[:, :-shift]
            sums[:, :-shift] += values[:, shift:]
        return sums
    running = np.zeros((values.shape[0], nx + 1), dtype=values.dtype)
    np.cumsum(values, axis=1, out=running[:, 1:])
    sums = np.empty_like(running[:, 1:])
    inner = nx - width
    sums[:, :inner] = running[:, width + 1 :]
    sums[:, inner:] = running[:, -1:]
    sums[:, width + 1 :] -= running[:, 1 : nx - width]
    return sums


def _runs(rows: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """First and last of each run of successive numbers."""
    for run in np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1):
        yield int(run[0]), int(run[-1])


# -- the statistic ---------------------------------------------------------------------------------


def gi_star(counts: NDArray[Any], inside: Bools, half: NDArray[np.int64]) -> HotSpots:
    """Gi* on a grid.

    Parameters
    ----------
    counts : (ny, nx) int
        Place-days of each cell (`place_days`), so that one neighbour who calls daily from one place is
        a hot spot of days, not of calls. Values outside are not looked at.
    inside : (ny, nx) bool
        Cells of the study area. Empty cells inside count as 0, cells outside do not exist.
    half : (2 r + 1,) int
        From `window`; binary weights, the cell itself among them.

    Raises
    ------
    StatisticsError
        `too_few` for fewer than 30 non-empty cells or 60 events; `all_equal`; `counts_unusable`.

    Notes
    -----
    z by Ord and Getis (1995), equation 6. The null is random labelling taken with replacement: a sum
    of k values drawn from all observed ones. Without replacement the variance would be smaller by
    (n - k) / (n - 1), so the p-values err on the side of caution by that much, little for any window
    small against the city. Nothing is simulated, no seed is needed.
    """
    return _spots(counts, np.asarray(inside, dtype=bool), lambda grid: window_sums(grid, half))


def gi_star_units(counts: NDArray[Any], pairs: Ints) -> HotSpots:
    """Gi* on units of any shape.

    Parameters
    ----------
    counts : (n,) int
        Place-days of each unit. Units should be of like size: a large one is hot by its size alone.
    pairs : (m, 2) int
        Unit and neighbour, each direction its own row, no pair twice, no unit its own neighbour.

    Raises
    ------
    StatisticsError
        As `gi_star`.
    """
    unit, other = np.asarray(pairs, dtype=np.int64).reshape(-1, 2).T
    n = len(counts)

    def sums(values: NDArray[Any]) -> NDArray[Any]:
        around: NDArray[Any] = np.bincount(unit, weights=values[other], minlength=n).astype(values.dtype)
        total: NDArray[Any] = values + around
        return total

    return _spots(counts, np.ones(n, dtype=bool), sums)


def z_scores(values: Floats, sums: Floats, size: Ints, inside: Bools) -> Floats:
    """Gi* as a standard deviate; NaN outside, 0 where the window holds everything.

    Parameters
    ----------
    values : float
        The value of each cell, 0 outside.
    sums, size : of that shape
        Sum of the values and number of cells inside the window of each cell.

    Notes
    -----
    z = (sum - k mean) / (s sqrt((n k - k^2) / (n - 1))), s^2 = mean(x^2) - mean^2 over the n cells
    inside (Ord and Getis 1995, equation 6, with binary weights).
    """
    n = int(np.count_nonzero(inside))
    mean = values.sum() / n
    # the two-pass form: the difference of two large numbers would cost digits
    known = values[inside] if n < values.size else values.ravel()
    spread = np.sqrt(np.square(known - mean).sum() / n)
    by_size = np.zeros(int(size.max()) + 1)
    k = np.arange(1, len(by_size))
    with np.errstate(divide="ignore"):
        by_size[1:] = np.where(k < n, 1.0 / (spread * np.sqrt(np.maximum(n - k, 0) * k / (n - 1.0))), 0.0)
    z: Floats = sums - mean * size
    z *= by_size[size]
    if n < z.size:
        z[~inside] = np.nan
    return z


def checked_counts(counts: NDArray[Any], inside: Bools) -> NDArray[Any]:
    """The counts with 0 outside.

    Raises
    ------
    StatisticsError
        `counts_unusable` for a negative or non-finite count inside.
    """
    values = counts if inside.all() else np.where(inside, counts, 0)
    if len(values) and not (values.min() >= 0 and np.isfinite(values.max())):
        wrong = int(np.count_nonzero(~(np.isfinite(values) & (values >= 0))))
        raise StatisticsError(
            f"{wrong} of {values.size} counts are negative or not finite; count again",
            code="counts_unusable", wrong=wrong, cells=values.size,
        )  # fmt: skip
    return values


def _spots(counts: NDArray[Any], inside: Bools, sums: Callable[[NDArray[Any]], NDArray[Any]]) -> HotSpots:
    counted = checked_counts(np.asarray(counts), inside)
    cells, events = int(np.count_nonzero(counted)), int(counted.sum())
    if cells < MIN_CELLS or events < MIN_EVENTS:
        raise StatisticsError(
            f"{events} issues in {cells} non-empty cells are too few for a test: it needs {MIN_EVENTS} issues"
            f" in {MIN_CELLS} cells; take a longer period, a wider filter or larger cells",
            code="too_few",
            cells=cells, events=events, min_cells=MIN_CELLS, min_events=MIN_EVENTS,
        )  # fmt: skip
    values = np.log1p(counted.astype(np.float64))
    low, high = float(values.min(where=inside, initial=np.inf)), float(values.max())
    if low == high:
        raise StatisticsError(
            f"all {int(np.count_nonzero(inside))} cells hold the same number of issues: none is hotter than"
            " another; take smaller cells or a wider area",
            code="all_equal", cells=int(np.count_nonzero(inside)),
        )  # fmt: skip
    size = sums(inside.astype(np.int64))
    size[~inside] = 0
    z = z_scores(values, sums(values), size, inside)
    levels = np.rint((values - low) * ((LEVELS - 1) / (high - low))).astype(np.int64)
    levels[~inside] = 0
    p_hot, p_cold = np.full(z.shape, np.nan), np.full(z.shape, np.nan)
    p_hot[inside], p_cold[inside] = exact_tails(levels[inside], sums(levels)[inside], size[inside])
    whole = size == np.count_nonzero(inside)  # it cannot differ from itself
    p_hot[whole], p_cold[whole] = 1.0, 1.0
    p = np.minimum(2.0 * np.minimum(p_hot, p_cold), 1.0)
    q = np.full(z.shape, np.nan)
    q[inside] = benjamini_hochberg(p[inside])
    return HotSpots(z, p_hot, p_cold, p, q, confidence_bins(q, p_hot <= p_cold), size)


# -- chance ----------------------------------------------------------------------------------------


def exact_tails(levels: Ints, sums: Ints, sizes: Ints) -> tuple[Floats, Floats]:
    """Chance that k values drawn with replacement from `levels` sum to at least, and at most, this.

    Parameters
    ----------
    levels : (n,) int >= 0
        The values, in whole steps.
    sums, sizes : (m,) int
        Each sum to be judged and how many values k >= 1 it has.

    Returns
    -------
    hot, cold : (m,) float in [1e-12, 1]
        P(S_k >= sum) and P(S_k <= sum).

    Notes
    -----
    The distribution of S_k is the k-th power of that of one value under the Fourier transform. The
    transform is as long as the support, or, for many values, as the range outside of which
    Chernoff's bound leaves a chance below 1e-16; what wraps around is then below the floor.
    One inverse transform per distinct k.
    """
    hot, cold = np.empty(len(sums)), np.empty(len(sums))
    pmf = np.bincount(levels) / len(levels)
    mean = float(pmf @ np.arange(len(pmf)))
    order = np.argsort(sizes.astype(np.int32), kind="stable")
    distinct, start = np.unique(sizes[order], return_index=True)
    below, above = _reach(int(distinct[-1]), pmf, mean)
    length = fft.next_fast_len(below + above + 1, real=True)
    one = fft.rfft(pmf, length)
    power, reached = np.ones_like(one), 0
    for k, cells in zip(distinct.tolist(), np.split(order, start[1:]), strict=True):
        power *= one ** (k - reached) if k - reached > 1 else one
        reached = k
        # the transform knows sums modulo its length only: cut it where chance is smallest
        offset = max(0, round(k * mean) - below)
        chance = np.roll(fft.irfft(power, length), -(offset % length))
        at_most, at_least = np.cumsum(chance), np.cumsum(chance[::-1])[::-1]
        at = sums[cells] - offset
        within = np.clip(at, 0, length - 1)
        hot[cells] = np.where(at < 0, 1.0, np.where(at >= length, 0.0, at_least[within]))
        cold[cells] = np.where(at < 0, 0.0, np.where(at >= length, 1.0, at_most[within]))
    return np.clip(hot, P_FLOOR, 1.0), np.clip(cold, P_FLOOR, 1.0)


def _reach(k: int, pmf: Floats, mean: float) -> tuple[int, int]:
    """Steps below and above the mean that a sum of k values leaves with a chance under 1e-16."""
    highest = len(pmf) - 1
    below, above = int(np.ceil(k * mean)) + 1, int(np.ceil(k * (highest - mean))) + 1
    if below + above <= _SHORT:
        return below, above
    step = np.flatnonzero(pmf)
    away, chance = step - mean, pmf[step]
    # around the best exponent of a normal sum
    exponent = np.geomspace(0.05, 20.0, 24) * np.sqrt(2 * _RARE / (k * (chance @ np.square(away))))

    def chernoff(side: NDArray[Any]) -> int:
        bent = np.outer(exponent, side)
        top = bent.max(axis=1)
        growth = top + np.log(np.exp(bent - top[:, None]) @ chance)
        return int(np.ceil(((k * growth + _RARE) / exponent).min())) + 1

    return min(below, chernoff(-away)), min(above, chernoff(away))


def benjamini_hochberg(p: Floats) -> Floats:
    """Smallest false discovery rate at which each of m tests is rejected.

    Parameters
    ----------
    p : (m,) float in [0, 1]

    Returns
    -------
    (m,) float in [0, 1]: q[i] = min over p[j] >= p[i] of m p[j] / rank(j) (Benjamini and Hochberg
    1995, procedure 1), so that `q <= rate` are the rejections at that rate.
    """
    m = len(p)
    order = np.argsort(p)[::-1]
    q = np.empty(m)
    q[order] = np.minimum.accumulate(p[order] * (m / np.arange(m, 0, -1)))
    return np.minimum(q, 1.0)


def confidence_bins(q: Floats, hot: Bools) -> NDArray[np.int8]:
    """The class of each cell, a key of `CLASSES`, from its q (NaN: 0) and the side it lies on."""
    level = sum(((q <= rate).astype(np.int8) for rate in CLASS_Q), np.zeros(q.shape, dtype=np.int8))
    return np.where(hot, level, -level).astype(np.int8)
