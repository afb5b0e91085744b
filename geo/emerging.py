"""Is it getting worse? Hot spots by month, their trend and their kind.

A cube of place-days (months x cells), Gi* in each month, a Mann-Kendall test of its z over the
months, and the classes of ArcGIS's emerging hot spot analysis.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from .errors import StatisticsError
from .hotspots import gi_star

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

MIN_STEPS = 10
"""Steps that a trend needs, as ArcGIS asks for."""
HOT_Q = 0.05
TREND_P = 0.05
MOST = 0.9
"""A cell hot in this share of the steps is hot as a rule."""

KINDS = (
    "none", "new", "consecutive", "intensifying", "persistent", "diminishing", "sporadic", "oscillating",
    "historical",
)  # fmt: skip
"""The classes 0..8 of hot spots; -1..-8 are the cold ones."""
KIND_NAMES = {
    sign * code: f"{side}_{kind}" if code else kind
    for sign, side in ((1, "hot"), (-1, "cold"))
    for code, kind in enumerate(KINDS)
}
"""Name of each class, -8..8, by which its text is found."""

_CHUNK = 1 << 14


@dataclass(frozen=True)
class Cube:
    """Place-days by month and cell.

    Parameters
    ----------
    months : (T,) datetime64[M]
    counts : (T, ny, nx) int32
    left_out : int
        Place-days in a month that is not complete.
    """

    months: NDArray[np.datetime64]
    counts: NDArray[np.int32]
    left_out: int


@dataclass(frozen=True)
class Trend:
    """Mann-Kendall test of each series.

    Parameters
    ----------
    s : int64
        Pairs that rise less pairs that fall.
    tau : float in [-1, 1]
        Kendall's tau-a, s / (T (T - 1) / 2).
    p : float in [0, 1]
        Two-sided.
    """

    s: Ints
    tau: Floats
    p: Floats


@dataclass(frozen=True)
class Emerging:
    """The kind of each cell.

    Parameters
    ----------
    kind : (ny, nx) int8
        A key of `KIND_NAMES`; 0 outside.
    z : (T, ny, nx) float
        Gi* in each step; NaN outside.
    hot, cold : (T, ny, nx) bool
        Significant at a false discovery rate of 0.05 within the step.
    trend : Trend of (ny, nx)
        0, 0 and 1 outside.
    """

    kind: NDArray[np.int8]
    z: Floats
    hot: Bools
    cold: Bools
    trend: Trend


def complete_months(since: np.datetime64, until: np.datetime64) -> NDArray[np.datetime64]:
    """The months that lie wholly within two days, both of them included.

    Returns
    -------
    (T,) datetime64[M], empty if there is none or the days are reversed.
    """
    first, last = since.astype("datetime64[D]"), until.astype("datetime64[D]")
    begin = first.astype("datetime64[M]")
    if begin.astype("datetime64[D]") < first:
        begin += 1
    return np.arange(begin, max(begin, (last + 1).astype("datetime64[M]")))


def month_cube(
    row: Ints,
    column: Ints,
    day: NDArray[np.datetime64],
    *,
    shape: tuple[int, int],
    since: np.datetime64,
    until: np.datetime64,
) -> Cube:
    """Count place-days by month and cell.

    Parameters
    ----------
    row, column : (n,) int
        Cell of each place-day (`place_days.PlaceDays.first`), within `shape`.
    day : (n,) datetime64[D]
        Local calendar day.
    since, until : datetime64[D]
        First and last day that the data cover. A month that starts before or ends after is not counted:
        it would look like a drop.

    Raises
    ------
    StatisticsError
        `few_steps` for fewer than 10 complete months.
    """
    months = complete_months(since, until)
    _require_steps(len(months))
    step = (day.astype("datetime64[M]") - months[0]).astype(np.int64)
    counted = (step >= 0) & (step < len(months)) & (day >= since) & (day <= until)
    cell = (step[counted] * shape[0] + row[counted]) * shape[1] + column[counted]
    counts = np.bincount(cell, minlength=len(months) * shape[0] * shape[1]).astype(np.int32)
    return Cube(months, counts.reshape(len(months), *shape), int(np.count_nonzero(~counted)))


def emerging(counts: NDArray[Any], inside: Bools, half: Ints) -> Emerging:
    """The kind of hot or cold spot that each cell is.

    Parameters
    ----------
    counts : (T, ny, nx) int
        Place-days of each step, complete steps in order of time.
    inside : (ny, nx) bool
    half : (2 r + 1,) int
        From `hotspots.window`.

    Raises
    ------
    StatisticsError
        `few_steps`; `step_too_few` where a step has too few issues for its own test (`gi_star`).

    Notes
    -----
    Gi* within each step: a rise of the whole city makes no cell emerge. The trend is that of z.
    """
    steps = len(counts)
    _require_steps(steps)
    z = np.empty(counts.shape)
    hot, cold = np.zeros(counts.shape, dtype=bool), np.zeros(counts.shape, dtype=bool)
    for step in range(steps):
        try:
            spots = gi_star(counts[step], inside, half)
        except StatisticsError as error:
            if error.code != "too_few":
                raise
            cells, events = error.facts["cells"], error.facts["events"]
            raise StatisticsError(
                f"step {step + 1} of {steps} has {events} issues in {cells} non-empty cells, too few for"
                f" a test: it needs {error.facts['min_events']} issues in {error.facts['min_cells']} cells;"
                " take larger cells, a wider filter or another period",
                code="step_too_few",
                step=step + 1, steps=steps, **error.facts,
            ) from error  # fmt: skip
        z[step] = spots.z
        significant = spots.q <= HOT_Q
        hot[step] = significant & (spots.bin > 0)
        cold[step] = significant & (spots.bin < 0)
    s, tau, p = np.zeros(inside.shape, dtype=np.int64), np.zeros(inside.shape), np.ones(inside.shape)
    trend = mann_kendall(z[:, inside])
    s[inside], tau[inside], p[inside] = trend.s, trend.tau, trend.p
    return Emerging(kinds(hot, cold, s, p), z, hot, cold, Trend(s, tau, p))


def mann_kendall(series: Floats) -> Trend:
    """Test each series for a monotonic trend.

    Parameters
    ----------
    series : (T, ...) float
        T >= 2 finite values in order of time.

    Notes
    -----
    S = sum of sign(x[j] - x[i]) over i < j; var S = (T (T-1) (2T+5) - sum t (t-1) (2t+5)) / 18 over
    groups of t equal values; the normal deviate is (S - sign S) / sd S (Mann 1945; Kendall 1975, §4.9).
    A series of equal values has p = 1. O(T^2) per series, in chunks that stay in the cache.
    """
    steps = len(series)
    flat = series.reshape(steps, -1)
    s, ties = np.empty(flat.shape[1], dtype=np.int64), np.zeros(flat.shape[1])
    for start in range(0, flat.shape[1], _CHUNK):
        part = np.ascontiguousarray(flat[:, start : start + _CHUNK])
        up, down = np.zeros((2, part.shape[1]), dtype=np.int32)
        for step in range(1, steps):
            up += np.count_nonzero(part[step] > part[:step], axis=0)
            down += np.count_nonzero(part[step] < part[:step], axis=0)
        s[start : start + _CHUNK] = up - down
        tied = np.flatnonzero(up + down < steps * (steps - 1) // 2)
        ties[start + tied] = _ties(part[:, tied])
    pairs = steps * (steps - 1)
    spread = np.sqrt((pairs * (2 * steps + 5) - ties) / 18)
    deviate = np.divide(np.abs(s) - 1.0, spread, out=np.zeros(len(s)), where=s != 0)
    shape = series.shape[1:]
    return Trend(
        s.reshape(shape),
        (s / (pairs / 2)).reshape(shape),
        # the lower tail keeps the digits that 1 - cdf loses
        (2.0 * ndtr(-deviate)).reshape(shape),
    )


def kinds(hot: Bools, cold: Bools, s: Ints, p: Floats) -> NDArray[np.int8]:
    """The class of each cell by the wording of ArcGIS Pro.

    Parameters
    ----------
    hot, cold : (T, ...) bool
        Significant in each step.
    s, p : (...)
        Mann-Kendall of z.

    Returns
    -------
    (...) int8, an index of `KINDS`; negative for cold, 0 for none.

    Notes
    -----
    Hot at the last step: in at least 90 % of all steps **intensifying**, **diminishing** or **persistent**,
    by the trend; in fewer **new** (never before), **consecutive** (one unbroken run of at least two,
    nothing before), **oscillating** (cold at some step), else **sporadic**. Not hot at the last step,
    but in at least 90 %: **historical**. Where the wording lets two apply (a new hot spot once cold; a
    persistent one that just ended), the order here decides. Cold spots by the mirror; a cell that is
    something hot is not also something cold.
    """
    risen, fallen = (p < TREND_P) & (s > 0), (p < TREND_P) & (s < 0)
    warm = _one_side(hot, cold, risen, fallen)
    cool = _one_side(cold, hot, fallen, risen)
    return np.where(warm > 0, warm, -cool).astype(np.int8)


def _one_side(here: Bools, opposite: Bools, stronger: Bools, weaker: Bools) -> NDArray[np.int8]:
    steps = len(here)
    times = here.sum(axis=0)
    last = here[-1]
    run = np.cumprod(here[::-1], axis=0, dtype=np.int64).sum(axis=0)
    mostly = times >= MOST * steps - 1e-9
    conditions = (
        ("historical", mostly & ~last),
        ("intensifying", mostly & last & stronger),
        ("diminishing", mostly & last & weaker),
        ("persistent", mostly & last),
        ("new", last & (times == 1)),
        ("consecutive", last & (run == times)),
        ("oscillating", last & opposite.any(axis=0)),
        ("sporadic", last),
    )
    names = [np.int8(KINDS.index(name)) for name, _ in conditions]
    chosen: NDArray[np.int8] = np.select([holds for _, holds in conditions], names, np.int8(0))
    return chosen


def _ties(series: Floats) -> Floats:
    """Sum of t (t-1) (2t+5) over the groups of t equal values in each column."""
    ordered = np.sort(series, axis=0)
    length = np.ones(series.shape[1])
    total = np.zeros(series.shape[1])
    for step in range(1, len(ordered)):
        length = np.where(ordered[step] == ordered[step - 1], length + 1, 1.0)
        # what the group gains by growing to `length`: g(t) - g(t-1) of g(t) = t (t-1) (2t+5)
        total += (length - 1) * (6 * length + 6)
    return total


def _require_steps(steps: int) -> None:
    if steps < MIN_STEPS:
        raise StatisticsError(
            f"{steps} complete months are too few for a trend: it needs {MIN_STEPS}; take a longer period",
            code="few_steps", steps=steps, min_steps=MIN_STEPS,
        )  # fmt: skip
