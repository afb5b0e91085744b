"""What is drawn around one anchor: exact chances for every law of the radius.

The candidates of an anchor are sorted by entry distance, so a pool is always the first l of them:
P(pool = first l) = P(entry_l <= R < entry_(l+1)). Whatever depends on the pool alone is one sum over
l, and the chance of the unit of rank i is a sum over l >= i: one suffix sum per anchor. Ties need no
care, for no radius ends inside a tie. All sums have terms of one sign.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .buffers import PairTable
from .choice import Choice, bad_in_pools, chance_of_one, sized_bad, sized_chances
from .design import WIDEN_TO_M, Radius
from .errors import FrameError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

_ROWS = 128
"""Pools of one anchor handled together when units differ in size: bounds the memory."""


@dataclass(frozen=True)
class Ranked:
    """A pair table by anchor and entry distance: made once, used for every setting.

    Parameters
    ----------
    starts : (anchors + 1,) int
        The pairs of anchor a are `starts[a]:starts[a + 1]`.
    unit : (pairs,) int
    entry_m : (pairs,) float
        Ascending within an anchor.
    rank : (pairs,) int
        1, 2, ... within an anchor: the pool size when this is the last member.
    units : int
        Units in the layer.
    """

    starts: Ints
    unit: Ints
    entry_m: Floats
    rank: Ints
    units: int

    def __len__(self) -> int:
        return len(self.unit)

    @property
    def anchors(self) -> int:
        """Anchors in the table, those without pairs too."""
        return len(self.starts) - 1

    @property
    def anchor(self) -> Ints:
        """(pairs,) the anchor of each pair."""
        return np.repeat(np.arange(self.anchors), np.diff(self.starts))

    def only(self, anchors: Ints) -> Ranked:
        """The table of some anchors, in this order."""
        size = np.diff(self.starts)[anchors]
        starts = np.concatenate([[0], np.cumsum(size)])
        at = np.arange(starts[-1]) + np.repeat(self.starts[anchors] - starts[:-1], size)
        return Ranked(starts, self.unit[at], self.entry_m[at], self.rank[at], self.units)


def rank_pairs(pairs: PairTable, anchors: int, units: int, *, inner_m: float = 0.0) -> Ranked:
    """Sort the pairs of each anchor by entry distance.

    Parameters
    ----------
    pairs : PairTable
        In any order of rows.
    anchors, units : int
        Rows of the two tables.
    inner_m : float
        Inner radius of a ring: nearer pairs are no members.

    Raises
    ------
    FrameError
        A pair names a row that the tables do not have, or stands twice.
    """
    for what, rows, count in (("anchor", pairs.anchor, anchors), ("unit", pairs.unit, units)):
        bad = (rows < 0) | (rows >= count)
        if bad.any():
            raise FrameError(
                f"{int(bad.sum())} pairs name a {what} outside the frame, the first is row"
                f" {int(rows[bad][0])} of {count}; make the pair table from this frame",
                code="pairs_unknown", what=what, count=int(bad.sum()), first=int(rows[bad][0]), held=count,
            )  # fmt: skip
    anchor, unit, entry = pairs.anchor, pairs.unit, pairs.entry_m
    if len(anchor):
        ordered = (anchor[1:] > anchor[:-1]) | ((anchor[1:] == anchor[:-1]) & (unit[1:] > unit[:-1]))
        if not ordered.all():
            order = np.lexsort((unit, anchor))
            anchor, unit, entry = anchor[order], unit[order], entry[order]
            twice = (anchor[1:] == anchor[:-1]) & (unit[1:] == unit[:-1])
            if twice.any():
                raise FrameError(
                    f"{int(twice.sum())} pairs stand more than once in the pair table; keep the smaller"
                    " distance of each",
                    code="pairs_twice", count=int(twice.sum()),
                )  # fmt: skip
    if inner_m > 0:
        keep = entry >= inner_m
        anchor, unit, entry = anchor[keep], unit[keep], entry[keep]
    starts = np.concatenate([[0], np.cumsum(np.bincount(anchor, minlength=anchors))])
    order = np.empty(len(entry), dtype=np.int64)
    for start, stop in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
        np.add(np.argsort(entry[start:stop]), start, out=order[start:stop])
    rank = np.arange(1, len(entry) + 1) - np.repeat(starts[:-1], np.diff(starts))
    return Ranked(starts, unit[order], entry[order], rank, units)


def pool_law(ranked: Ranked, radius: Radius) -> tuple[Floats, Floats]:
    """The chance of every pool of every anchor.

    Returns
    -------
    pool : (pairs,) float
        P(the pool ends with this pair).
    empty : (anchors,) float
        P(the pool is empty).
    """
    if radius.law == "uniform":
        low, high = radius.radii_m
        place, below, whole = np.clip(ranked.entry_m, low, high), low, high - low
        above: float = high
    else:
        # radii that do not reach the pair; a whole number, so differences are exact
        place = np.searchsorted(np.array(radius.radii_m), ranked.entry_m).astype(np.float64)
        below, whole = 0.0, float(len(radius.radii_m))
        above = whole
    following = np.empty_like(place)
    following[:-1] = place[1:]
    held = np.diff(ranked.starts) > 0
    following[ranked.starts[1:][held] - 1] = above
    empty = np.ones(ranked.anchors)
    empty[held] = (place[ranked.starts[:-1][held]] - below) / whole
    following -= place
    following /= whole
    return following, empty


def _tie_ends(ranked: Ranked, at: Ints) -> Ints:
    """For positions of pairs, those of the last pair with the same anchor and distance."""
    last = np.ones(len(ranked), dtype=bool)
    last[:-1] = (ranked.entry_m[1:] != ranked.entry_m[:-1]) | (ranked.rank[1:] == 1)
    ends = np.flatnonzero(last)
    return ends[np.searchsorted(ends, at)]


def widening(ranked: Ranked, asked: int, pool: int) -> tuple[Ints, Ints]:
    """Anchors whose pool of this size is widened for so many units, and where the new pool ends."""
    reach = np.bincount(ranked.anchor[ranked.entry_m <= WIDEN_TO_M], minlength=ranked.anchors)
    wanted = np.minimum(asked, reach)
    anchors = np.flatnonzero(wanted > pool)
    return anchors, _tie_ends(ranked, ranked.starts[anchors] + wanted[anchors] - 1)


def _states(ranked: Ranked, law: tuple[Floats, Floats], choice: Choice) -> Iterator[tuple[int, bool, Floats]]:
    """(asked, widened, mass): P(so many are asked, and the final pool ends with this pair)."""
    pool, empty = law
    for asked, chance in choice.chances:
        kept = chance * pool
        moved = np.zeros(len(pool))
        for size in choice.widened_from(asked):
            anchors, ends = widening(ranked, asked, size)
            if size:
                here = ranked.starts[anchors] + size - 1
                moved_mass, kept[here] = kept[here].copy(), 0.0
            else:
                moved_mass = chance * empty[anchors]
            moved[ends] += moved_mass
        yield asked, False, kept
        if choice.widens:
            yield asked, True, moved


def _suffix_sums(values: Floats, starts: Ints) -> Floats:
    result = np.empty_like(values)
    for start, stop in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
        np.cumsum(values[start:stop][::-1], out=result[start:stop][::-1])
    return result


def chances_at_anchors(ranked: Ranked, radius: Radius, choice: Choice, sizes: Ints | None = None) -> Floats:
    """Chance of each unit to be drawn at each anchor that reaches it, given that anchor is drawn.

    Parameters
    ----------
    sizes : (units,) int, optional
        Weights of a draw in proportion to size, one after the other; None: equal chances.

    Returns
    -------
    (pairs,) float in [0, 1], in the order of `ranked`.

    Notes
    -----
    Equal: p_i = sum over l >= i of P(pool = l) E[number drawn]/l. O(pairs).
    By size: O(sum of squares of the pools) for a continuous radius, O(pairs) for a few radii.
    """
    law = pool_law(ranked, radius)
    if sizes is not None:
        return _sized_chances(ranked, law, choice, sizes)
    most = int(ranked.rank.max(initial=0))
    pools = np.arange(most + 1)
    if not choice.widens:
        table = sum(
            (chance * chance_of_one(choice, asked, pools) for asked, chance in choice.chances),
            start=np.zeros(most + 1),
        )
        return _suffix_sums(law[0] * table[ranked.rank], ranked.starts)
    mass = np.zeros(len(ranked))
    for asked, widened, weight in _states(ranked, law, choice):
        mass += weight * chance_of_one(choice, asked, pools, widened=widened)[ranked.rank]
    return _suffix_sums(mass, ranked.starts)


def _sized_chances(ranked: Ranked, law: tuple[Floats, Floats], choice: Choice, sizes: Ints) -> Floats:
    result = np.zeros(len(ranked))
    size = sizes[ranked.unit].astype(np.float64)
    for asked, widened, mass in _states(ranked, law, choice):
        if asked == 0:
            continue
        for start, stop in zip(ranked.starts[:-1].tolist(), ranked.starts[1:].tolist(), strict=True):
            ends = np.flatnonzero(mass[start:stop]) + 1
            for low in range(0, len(ends), _ROWS):
                block = ends[low : low + _ROWS]
                last = int(block[-1])
                chances = sized_chances(size[start : start + last], block, choice, asked, widened=widened)
                result[start : start + last] += mass[start + block - 1] @ chances
    return result


def bad_by_pool(ranked: Ranked, choice: Choice, bad: Bools, sizes: Ints | None = None) -> Floats:
    """Distribution of the number of bad units drawn, for every pool of every anchor.

    Parameters
    ----------
    bad : (units,) bool

    Returns
    -------
    (pairs + anchors, most + 1) float
        Row `starts[a] + a + l` belongs to the pool of the first l units of anchor a, l = 0, 1, ...
    """
    anchors = np.arange(ranked.anchors)
    zero = ranked.starts[:-1] + anchors
    pool = np.zeros(len(ranked) + ranked.anchors, dtype=np.int64)
    at = np.arange(len(ranked)) + ranked.anchor + 1
    pool[at] = ranked.rank
    flags = bad[ranked.unit]
    total = np.concatenate([[0], np.cumsum(flags)])
    met = np.zeros_like(pool)
    met[at] = total[1:] - np.repeat(total[ranked.starts[:-1]], np.diff(ranked.starts))
    result = np.zeros((len(pool), choice.most + 1))
    for asked, chance in choice.chances:
        final, widened = np.arange(len(pool)), np.zeros(len(pool), dtype=bool)
        for size in choice.widened_from(asked):
            chosen, ends = widening(ranked, asked, size)
            final[zero[chosen] + size] = at[ends]
            widened[zero[chosen] + size] = True
        for wide in (False, True):
            rows = np.flatnonzero(widened == wide)
            source = final[rows]
            if sizes is None:
                law = bad_in_pools(choice, asked, pool[source], met[source], widened=wide).T
            else:
                law = np.zeros((len(rows), asked + 1))
                first = np.repeat(ranked.starts[:-1], np.diff(ranked.starts) + 1)[source]
                number = choice.number(asked, pool[source], widened=wide)
                for row, (start, held, made) in enumerate(
                    zip(first.tolist(), pool[source].tolist(), number.tolist(), strict=True)
                ):
                    part = slice(start, start + held)
                    told = sized_bad(
                        sizes[ranked.unit[part]].astype(np.float64), flags[part], made, repeat=choice.repeat
                    )
                    law[row, : len(told)] = told
            result[rows, : asked + 1] += chance * law
    return result
