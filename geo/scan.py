"""Is there a cluster at all? The circular scan statistic, with one chance for each whole cluster.

Where Gi* judges cells, this judges circles of every size around every unit and corrects for having
looked at all of them: the likelihood ratio of each is held against the largest of every simulated map.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.special import xlogy

from .crs import require_metric
from .errors import StatisticsError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MAX_CIRCLES = 2_000_000
"""Circles that are still simulated: a thousand maps of as many take some ten seconds."""

_BATCH = 1 << 20


@dataclass(frozen=True)
class Cluster:
    """A circle with more cases than its exposure explains.

    Parameters
    ----------
    centre : int
        The unit in its middle.
    members : (k,) int64
        The units in it, nearest first.
    radius_m : float
        Distance of the farthest member.
    cases, expected : int, float
    relative_risk : float
        Rate inside over rate outside; infinite if all cases lie inside.
    llr : float
        Logarithm of the likelihood ratio.
    p : float
        Share of maps, this one among them, whose largest ratio is at least as large. For clusters
        after the first this is on the side of caution.
    """

    centre: int
    members: Ints
    radius_m: float
    cases: int
    expected: float
    relative_risk: float
    llr: float
    p: float


@dataclass(frozen=True)
class _Circles:
    """Every circle as one member more than the circle before it around the same centre."""

    member: Ints
    start: Ints  # first entry of the centre of each entry
    distance: Floats
    expected: Floats
    last: Ints  # entries that end a circle: no further unit at the same distance, not over the cap


def log_likelihood_ratio(cases: Any, expected: Any, total: Any) -> Any:
    """Kulldorff's ratio for a circle with `cases` of `total` cases where `expected` are expected.

    Notes
    -----
    c log(c / e) + (C - c) log((C - c) / (C - e)) where c > e, else 0 (Kulldorff 1997, Poisson model).
    """
    c, e = np.asarray(cases, dtype=np.float64), np.asarray(expected, dtype=np.float64)
    rest, left = total - c, total - e
    ratio = xlogy(c, c / e) + xlogy(rest, np.where(rest > 0, rest, 1.0) / left)
    return np.where(c > e, ratio, 0.0)


def scan(
    xy: Floats,
    cases: Ints,
    exposure: Floats,
    *,
    crs: Any,
    rng: np.random.Generator,
    simulations: int = 999,
    max_share: float = 0.1,
    max_radius_m: float = 1000.0,
    most: int = 10,
) -> tuple[Cluster, ...]:
    """The likeliest clusters, none of which shares a unit with one before it.

    Parameters
    ----------
    xy : (n, 2) float
        Centres of the units, metres in the plane of `crs`.
    cases : (n,) int >= 0
    exposure : (n,) float >= 0
        What cases are proportional to if nothing is wrong: street km, visits, residents.
    rng : Generator
        Of the simulated maps.
    max_share : float in (0, 1)
        Largest part of all exposure in a circle.
    max_radius_m : float
        Largest radius, m.
    most : int
        Clusters returned at most.

    Returns
    -------
    tuple of Cluster, the largest ratio first; none where no circle has more cases than expected.

    Raises
    ------
    StatisticsError
        `cases_without_exposure`; `nothing_to_scan` without cases or circles; `scan_too_large`.

    Notes
    -----
    Simulated maps are multinomial: the cases of this map, thrown on the units by exposure. Units at
    one distance from a centre enter together.
    """
    require_metric(crs)
    cases, exposure = np.asarray(cases, dtype=np.int64), np.asarray(exposure, dtype=np.float64)
    lost = int(cases[~(exposure > 0)].sum())
    if lost:
        raise StatisticsError(
            f"{lost} cases lie in units without exposure: no rate can be given;"
            " give every unit with a case its exposure, or leave these units out",
            code="cases_without_exposure", cases=lost,
        )  # fmt: skip
    total = int(cases.sum())
    used = np.flatnonzero(exposure > 0)
    chance = exposure[used] / exposure[used].sum() if len(used) else exposure[used]
    circles = _circles(xy[used], chance, max_share, max_radius_m)
    if not total or not len(circles.last):
        raise StatisticsError(
            f"there is nothing to scan: {total} cases, {len(circles.last)} circles with at most"
            f" {max_share:.1%} of the exposure; take a longer period or more and smaller units",
            code="nothing_to_scan", cases=total, circles=len(circles.last), share=f"{max_share:.1%}",
        )  # fmt: skip
    ratio = _Ratio(circles.expected[circles.last], total)
    observed = ratio(_inside(circles, cases[used][None, :]))[0]
    highest = np.empty(simulations)
    batch = max(1, _BATCH // len(circles.member))
    for start in range(0, simulations, batch):
        maps = rng.multinomial(total, chance, size=min(batch, simulations - start))
        highest[start : start + batch] = ratio(_inside(circles, maps)).max(axis=1)
    highest.sort()
    inside = _inside(circles, cases[used][None, :])[0]
    taken = np.zeros(len(used), dtype=bool)
    clusters: list[Cluster] = []
    # of equal ratios the first centre and the smaller circle, on every machine
    for at in np.argsort(-observed.round(9), kind="stable"):
        if observed[at] <= 0 or len(clusters) == most:
            break
        entry = int(circles.last[at])
        members = circles.member[circles.start[entry] : entry + 1]
        if taken[members].any():
            continue
        taken[members] = True
        c, e = int(inside[at]), float(circles.expected[entry]) * total
        # the table of logarithms rounds differently from map to map only in the last digits
        above = simulations - int(np.searchsorted(highest, observed[at] * (1 - 1e-12)))
        clusters.append(
            Cluster(
                centre=int(used[members[0]]) if circles.distance[entry] > 0 else int(used[members.min()]),
                members=used[members],
                radius_m=float(circles.distance[entry]),
                cases=c,
                expected=e,
                relative_risk=(c / e) / ((total - c) / (total - e)) if c < total else float("inf"),
                llr=float(log_likelihood_ratio(c, e, total)),
                p=(above + 1) / (simulations + 1),
            )
        )
    return tuple(clusters)


class _Ratio:
    """The likelihood ratio of each circle for whole numbers of cases, by a table of logarithms."""

    def __init__(self, share: Floats, total: int) -> None:
        c = np.arange(total + 1, dtype=np.float64)
        self.table = xlogy(c, c) + xlogy(total - c, total - c)
        self.expected = share * total
        self.outside = np.log(total - self.expected)
        self.slope = self.outside - np.log(self.expected)
        self.base = total * self.outside

    def __call__(self, cases: Ints) -> Floats:
        """(m, circles) ratios of (m, circles) cases."""
        ratio = self.table[cases] + cases * self.slope - self.base
        return np.where(cases > self.expected, ratio, 0.0)


def _circles(xy: Floats, chance: Floats, max_share: float, max_radius_m: float) -> _Circles:
    n = len(xy)
    if not n:
        empty = np.zeros(0, dtype=np.int64)
        return _Circles(empty, empty, np.zeros(0), np.zeros(0), empty)
    tree = cKDTree(xy)
    held: Ints = tree.query_ball_point(xy, max_radius_m, return_length=True)
    entries = int(held.sum())
    if entries > MAX_CIRCLES:
        raise StatisticsError(
            f"{n} units have {entries} circles of up to {max_radius_m:g} m: more than {MAX_CIRCLES};"
            " take larger units or a smaller radius",
            code="scan_too_large", units=n, circles=entries, radius_m=max_radius_m, most=MAX_CIRCLES,
        )  # fmt: skip
    centre = np.repeat(np.arange(n), held)
    member = np.concatenate(tree.query_ball_point(xy, max_radius_m)).astype(np.int64)
    distance = np.hypot(*(xy[centre] - xy[member]).T)
    # the centre first, also among others on its spot
    order = np.lexsort((member, member != centre, distance, centre))
    member, distance = member[order], distance[order]
    head = np.concatenate([[0], np.cumsum(held)[:-1]]).astype(np.int64)
    start = head[centre]
    running = np.concatenate([[0.0], np.cumsum(chance[member])])
    expected = running[1:] - running[start]
    ends = np.ones(entries, dtype=bool)
    ends[:-1] = (centre[1:] != centre[:-1]) | (distance[1:] > distance[:-1])
    last = np.flatnonzero(ends & (expected <= max_share * (1 + 1e-9)))
    return _Circles(member, start, distance, expected, last)


def _inside(circles: _Circles, cases: Ints) -> Ints:
    """(m, circles) cases in each circle of (m, n) maps."""
    running = np.zeros((len(cases), len(circles.member) + 1), dtype=np.int64)
    np.cumsum(cases[:, circles.member], axis=1, out=running[:, 1:])
    return np.asarray(running[:, circles.last + 1] - running[:, circles.start[circles.last]])
