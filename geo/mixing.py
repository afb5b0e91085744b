"""From chances at anchors to chances in a whole inspection: anchors drawn without replacement.

Of the N anchors of a stratum n are drawn, all sets alike. A unit that anchor a draws with chance p_a
is drawn with pi = 1 - e_n(1 - p)/C(N, n). That quotient overflows and cancels; it is never formed.
Three exact ways take its place, each with small relative error however small pi is: sums for n = 1,
products for n = N, else a short series between certified bounds or a recurrence of positive terms.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_SERIES_BELOW = 0.3
"""Expected draws up to which the series is the faster way."""
_CERTIFIED = 1e-14
_TERMS = 14
_BLOCK = 100_000


@dataclass(frozen=True)
class Cells:
    """Pairs grouped by unit and stratum.

    Parameters
    ----------
    order : (pairs,) int
        Positions in the ranked pair table, one cell after the other.
    starts : (cells,) int
        Where each cell begins in `order`.
    unit, stratum : (cells,) int
    """

    order: Ints
    starts: Ints
    unit: Ints
    stratum: Ints

    @classmethod
    def of(cls, unit: Ints, stratum: Ints, strata: int) -> Cells:
        """Cells of pairs with these units and strata."""
        # cell and position in one number: sorting values is many times faster than sorting positions
        bits = max(len(unit), 1).bit_length()
        key = ((unit * strata + stratum) << bits) | np.arange(len(unit))
        key.sort()
        order = key & ((1 << bits) - 1)
        key >>= bits
        first = np.ones(len(key), dtype=bool)
        first[1:] = key[1:] != key[:-1]
        starts = np.flatnonzero(first)
        unit_of, stratum_of = np.divmod(key[starts], strata)
        return cls(order, starts, unit_of, stratum_of)

    def __len__(self) -> int:
        return len(self.starts)


def _series(p: Floats, starts: Ints, drawn: Ints, anchors: Ints) -> tuple[Floats, NDArray[np.bool_]]:
    """Partial sums of sum over t of (-1)^(t+1) e_t(p) (n)_t/(N)_t, and which are certified.

    Consecutive partial sums lie on both sides of the value (Bonferroni), so the next term bounds the
    error. e_t comes from power sums by Newton's identities.
    """
    sums = [np.add.reduceat(p, starts)]
    elementary = [np.ones(len(starts)), sums[0]]
    factor = drawn / anchors
    expected = sums[0] * factor
    value = expected.copy()
    noise = expected.copy()
    power = p.copy()
    certified = expected == 0
    for t in range(2, _TERMS + 1):
        power *= p
        sums.append(np.add.reduceat(power, starts))
        nth = np.zeros(len(starts))
        for i in range(1, t + 1):
            nth += (-1) ** (i - 1) * elementary[t - i] * sums[i - 1]
        nth /= t
        elementary.append(nth)
        factor = factor * np.maximum(drawn - t + 1, 0) / np.maximum(anchors - t + 1, 1)
        term = np.maximum(nth, 0.0) * factor
        # rounding of e_t is at most a few ulp of the largest product in it
        noise = noise * expected
        certified |= term + 1e-15 * noise <= _CERTIFIED * value
        if certified.all():
            break
        value = np.where(certified, value, value - (-1) ** t * term)
    return value, certified


def _terms(mean: float, most: int) -> int:
    """How many drawn neighbours need to be counted: (1 + mean) mean^t/t! bounds what lies beyond."""
    bound, t = 1.0 + mean, 0
    while t < most and bound > 1e-17:
        t += 1
        bound *= mean / t
    return min(most, t + 1)


def _recurrence(p: Floats, starts: Ints, size: Ints, drawn: Ints, anchors: Ints) -> Floats:
    """First hits: f(t) = P(t of the anchors so far are drawn and none of them drew the unit)."""
    result = np.zeros(len(starts))
    order = np.argsort(-size, kind="stable")
    begin = 0
    while begin < len(order):
        most = int(size[order[begin]])
        width = 1 + max(
            _terms(most * float((drawn / anchors)[order[begin:]].max()), min(most, int(drawn.max()))), 1
        )
        block = order[begin : begin + max(1, _BLOCK // width)]
        begin += len(block)
        n, N = drawn[block].astype(np.float64), anchors[block].astype(np.float64)
        state = np.zeros((width, len(block)))
        state[0] = 1.0
        left = n - np.arange(width)[:, None]
        np.maximum(left, 0.0, out=left)
        total = np.zeros(len(block))
        count = np.searchsorted(-size[block], -np.arange(most), side="left")
        for i, active in enumerate(count.tolist()):
            chance = p[starts[block[:active]] + i]
            now = state[: i + 2, :active]
            hit = np.minimum(left[: i + 2, :active] / (N[:active] - i), 1.0)
            moved = now * hit
            total[:active] += chance * moved.sum(axis=0)
            now *= 1.0 - hit
            now[1:] += moved[: len(now) - 1] * (1.0 - chance)
        result[block] = total
    return result


def mix(p: Floats, starts: Ints, drawn: Ints, anchors: Ints) -> Floats:
    """Chance that a unit is drawn by a stratum, for many (unit, stratum) cells at once.

    Parameters
    ----------
    p : (pairs,) float in [0, 1]
        Chance at each reaching anchor if that is drawn, one cell after the other.
    starts : (cells,) int
        Where each cell begins; no cell is empty.
    drawn, anchors : (cells,) int
        n anchors drawn without replacement of the N of the stratum (those that do not reach count).

    Returns
    -------
    (cells,) float in [0, 1], relative error about 1e-14

    Notes
    -----
    Series: Bonferroni bounds. Recurrence over the reaching anchors i = 0, 1, ...: with t of them
    drawn before, the next is drawn with chance (n - t)/(N - i); pi adds up the first hits. O(s min(s, n)).
    """
    if len(starts) == 0:
        return np.zeros(0)
    size = np.diff(np.append(starts, len(p)))
    result = np.zeros(len(starts))
    single, every = drawn == 1, (drawn == anchors) & (drawn > 1)
    if single.any():
        result[single] = (np.add.reduceat(p, starts) / anchors)[single]
    if every.any():
        with np.errstate(divide="ignore"):
            missed = np.add.reduceat(np.log1p(-p), starts)
        result[every] = -np.expm1(missed[every])
    other = np.flatnonzero((drawn > 1) & ~every)
    if len(other):
        inside, begin = _subset(starts, size, other)
        part = p if inside is None else p[inside]
        result[other] = _mixed(part, begin, size[other], drawn[other], anchors[other])
    return result


def _subset(starts: Ints, size: Ints, cells: Ints) -> tuple[Ints | None, Ints]:
    """Positions of the pairs of some cells (None: all), and where each cell now begins."""
    if len(cells) == len(starts):
        return None, starts
    begin = np.cumsum(size[cells]) - size[cells]
    return np.arange(int(size[cells].sum())) + np.repeat(starts[cells] - begin, size[cells]), begin


def _mixed(p: Floats, starts: Ints, size: Ints, drawn: Ints, anchors: Ints) -> Floats:
    few = np.add.reduceat(p, starts) * drawn / anchors <= _SERIES_BELOW
    result = np.zeros(len(starts))
    chosen = np.flatnonzero(few)
    if len(chosen):
        inside, begin = _subset(starts, size, chosen)
        value, certified = _series(p if inside is None else p[inside], begin, drawn[chosen], anchors[chosen])
        result[chosen] = value
        few[chosen] = certified
    rest = np.flatnonzero(~few)
    if len(rest):
        inside, begin = _subset(starts, size, rest)
        result[rest] = _recurrence(
            p if inside is None else p[inside], begin, size[rest], drawn[rest], anchors[rest]
        )
    return result


def union(chances: Floats, axis: int = -1) -> Floats:
    """Chance of at least one of independent events: 1 - prod(1 - p), exact to the last digits."""
    with np.errstate(divide="ignore"):
        return np.asarray(-np.expm1(np.log1p(-chances).sum(axis=axis)) + 0.0)  # never a negative zero


def mix_counts(laws: list[Floats], drawn: int, anchors: int) -> Floats:
    """Distribution of a sum over the drawn anchors of a stratum.

    Parameters
    ----------
    laws : list of (x,) float
        Distribution at each anchor that can add something; the others add 0.
    drawn, anchors : int
        n of N anchors, without replacement.

    Returns
    -------
    (x,) float: P(sum = 0, 1, ...)

    Notes
    -----
    f(t, x) = P(t of the anchors so far are drawn and their sum is x): the recurrence of `mix` with a
    polynomial for each anchor. All terms are positive.
    """
    most = min(drawn, len(laws))
    step = max((len(law) for law in laws), default=1) - 1
    state = np.zeros((most + 1, most * step + 1))
    state[0, 0] = 1.0
    left = np.arange(drawn, drawn - most - 1, -1, dtype=np.float64)
    for i, law in enumerate(laws):
        hit = np.minimum(left / (anchors - i), 1.0)[:, None]
        moved = state * hit
        state *= 1.0 - hit
        for x, chance in enumerate(law.tolist()):
            if chance:
                state[1:, x:] += chance * moved[:-1, : state.shape[1] - x]
    return np.asarray(state.sum(axis=0))
