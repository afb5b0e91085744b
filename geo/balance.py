"""Anchors spread over the city: the local pivotal method by tickets, and how even a draw is.

LPM2 (Grafstrom, Lundstrom and Schelin 2012): a random undecided anchor meets its nearest undecided
neighbour; one takes over chance from the other until it is in or out. Every anchor keeps its chance
n/N exactly, neighbours seldom come together. Chances are whole numbers of 1/N, distances whole
millimetres, and the choices tickets, so the draw is the same on every machine.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from .errors import DesignError, FrameError
from .lottery import Lottery
from .pools import Ranked
from .strata import Strata

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

_BLOCK = 2_000_000


def pivotal(
    lottery: Lottery,
    ids: Sequence[str],
    x: Floats,
    y: Floats,
    number: int,
    *label: str,
    always: Collection[str] = (),
) -> list[str]:
    """Draw anchors of one stratum spread over space.

    Parameters
    ----------
    ids : (N,) str
        Different; their order decides nothing.
    x, y : (N,) float
        Metres in the plane of the frame, at most 2,000 km apart.
    number : int
        How many are drawn, those in `always` among them.
    label : str
        Names the stratum in the tickets.
    always : ids
        Must-visit anchors: drawn with certainty; the others share what is left, (n - m)/(N - m) each.

    Returns
    -------
    list of str: the drawn ids by ticket, `always` first.

    Raises
    ------
    DesignError
        More asked than there are, or fewer than must be visited.
    FrameError
        Ids that stand twice, or a must-visit id that is unknown.
    """
    if len(set(ids)) != len(ids):
        raise FrameError("an id stands more than once; give every anchor its own", code="id_duplicate_anchor")
    unknown = sorted(set(always) - set(ids))
    if unknown:
        raise FrameError(
            f"anchors: {len(unknown)} ids are not in the frame ({', '.join(unknown[:5])})",
            code="id_unknown", layer="anchors", count=len(unknown), ids=", ".join(unknown[:5]),
        )  # fmt: skip
    if not len(set(always)) <= number <= len(ids):
        raise DesignError(
            f"{number} anchors are asked for, {len(ids)} can be drawn and {len(set(always))} must be;"
            " ask for a number between",
            code="balanced_number", asked=number, held=len(ids), must=len(set(always)),
        )  # fmt: skip
    must = lottery.order(set(always), "anchor", *label)
    order = sorted((row for row, unit in enumerate(ids) if unit not in set(always)), key=lambda row: ids[row])
    names = [ids[row] for row in order]
    place = np.round(1000.0 * np.column_stack([x[order], y[order]])).astype(np.int64)
    won = _duels(lottery, place, number - len(must), label)
    return must + lottery.order([names[row] for row in won], "anchor", *label)


def _duels(lottery: Lottery, place: Ints, number: int, label: tuple[str, ...]) -> list[int]:
    """Rows that win; chances are kept as whole numbers of 1/N, N the number of rows."""
    whole = len(place)
    if number in (0, whole):
        return list(range(number))
    chance = [number] * whole
    undecided = np.arange(whole)
    step = 0
    while len(undecided):
        step += 1

        def ticket(what: str, step: int = step) -> Fraction:
            return lottery.chance("pivot", *label, str(step), what)

        at = int(ticket("one") * len(undecided))
        one = int(undecided[at])
        others = np.delete(undecided, at)
        gap = ((place[others] - place[one]) ** 2).sum(axis=1)
        near = others[gap == gap.min()]
        other = int(near[int(ticket("other") * len(near))])
        a, b = chance[one], chance[other]
        first = ticket("winner")
        if a + b < whole:
            chance[one], chance[other] = (a + b, 0) if first < Fraction(a, a + b) else (0, a + b)
        elif first < Fraction(whole - b, 2 * whole - a - b):
            chance[one], chance[other] = whole, a + b - whole
        else:
            chance[one], chance[other] = a + b - whole, whole
        out = [row for row in (one, other) if chance[row] in (0, whole)]
        undecided = undecided[~np.isin(undecided, out)]
    return [row for row in range(whole) if chance[row] == whole]


@dataclass(frozen=True)
class Bracket:
    """Certified bounds of the exposure of a balanced draw, (units,) each."""

    low: Floats
    high: Floats


def balanced_bracket(chances: Floats, ranked: Ranked, strata: Strata) -> Bracket:
    """Bounds of the chance of each unit when anchors are drawn by a pivotal method.

    Parameters
    ----------
    chances : (pairs,) float
        Chance at each anchor if that is drawn, in the order of `ranked`.

    Notes
    -----
    In a pivotal step the chances of two anchors move by a martingale that keeps their sum, so
    E prod(1 - p_a X_a) never exceeds prod(1 - p_a n/N), whatever pair meets (Deville and Tille 1998):
    1 - prod(1 - p_a n/N) <= pi <= sum p_a n/N, and never more than 1.
    """
    part = chances * np.repeat(strata.fraction[strata.of], np.diff(ranked.starts))
    with np.errstate(divide="ignore"):
        missed = np.bincount(ranked.unit, np.log1p(-part), minlength=ranked.units)
    expected = np.bincount(ranked.unit, part, minlength=ranked.units)
    low = -np.expm1(missed) + 0.0  # never a negative zero
    return Bracket(low, np.maximum(np.minimum(expected, 1.0), low))


@dataclass(frozen=True)
class Balance:
    """How evenly drawn anchors lie among all, beside simple random draws of the same numbers.

    Parameters
    ----------
    voronoi : float
        Mean of (v - 1)^2, v the chance gathered by a drawn anchor from all that are nearest to it
        (Stevens and Olsen 2004): 0 is perfect.
    pielou : float
        1 - evenness of the v (Pielou 1966): 0 is perfect, below 1; not a number for one drawn anchor.
    voronoi_random, pielou_random : (draws,) float
        The same for simple random draws.
    """

    voronoi: float
    pielou: float
    voronoi_random: Floats
    pielou_random: Floats

    @property
    def better_than(self) -> float:
        """Share of the random draws with a larger Voronoi measure."""
        return float((self.voronoi_random > self.voronoi).mean())


def _measures(x: Floats, y: Floats, chance: Floats, drawn: Ints) -> tuple[float, float]:
    gathered = np.zeros(len(drawn))
    step = max(1, _BLOCK // max(len(drawn), 1))
    for low in range(0, len(x), step):
        part = slice(low, low + step)
        gap = (x[part, None] - x[drawn]) ** 2 + (y[part, None] - y[drawn]) ** 2
        # one that is equally near to several gives each its part
        near = gap <= gap.min(axis=1, keepdims=True)
        gathered += (chance[part] / near.sum(axis=1)) @ near
    share = gathered / gathered.sum()
    held = share[share > 0]
    voronoi = float(((gathered - 1.0) ** 2).mean())
    if len(drawn) < 2:
        return voronoi, float("nan")
    return voronoi, max(float(1.0 + (held * np.log(held)).sum() / np.log(len(drawn))), 0.0)


def balance(
    x: Floats, y: Floats, strata: Strata, drawn: Ints, rng: np.random.Generator, *, draws: int = 200
) -> Balance:
    """How even a draw is.

    Parameters
    ----------
    x, y : (anchors,) float
        Metres in a plane.
    strata : Strata
        How many are drawn of each; the random draws keep these numbers.
    drawn : (n,) int
        Rows of the drawn anchors.

    Raises
    ------
    DesignError
        `drawn` is not what the strata say.
    """
    counts = np.bincount(strata.of[drawn], minlength=len(strata.names))
    if len(drawn) == 0 or not np.array_equal(counts, strata.drawn) or len(set(drawn.tolist())) != len(drawn):
        raise DesignError(
            f"{len(drawn)} drawn anchors do not fit the design, which draws {int(strata.drawn.sum())};"
            " measure a draw with the design it was made by",
            code="balance_drawn", given=len(drawn), asked=int(strata.drawn.sum()),
        )  # fmt: skip
    chance = strata.fraction[strata.of]
    live = np.flatnonzero(chance > 0)

    def of(rows: Ints) -> tuple[float, float]:
        return _measures(x[live], y[live], chance[live], np.searchsorted(live, np.sort(rows)))

    voronoi, pielou = of(drawn)
    random = []
    for _ in range(draws):
        parts = [
            rng.choice(strata.rows(s), int(n), replace=False)
            for s, n in enumerate(strata.drawn.tolist())
            if n
        ]
        random.append(of(np.concatenate(parts)))
    told = np.array(random, dtype=np.float64).reshape(-1, 2)
    return Balance(voronoi, pielou, told[:, 0], told[:, 1])
