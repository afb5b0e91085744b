"""Closed intervals on numbered lines: their union and what it leaves over, all lines at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SAME_M = 1e-6
"""Ends nearer than this meet; nothing shorter is left over."""


@dataclass(frozen=True)
class Intervals:
    """Intervals sorted by line and beginning.

    Parameters
    ----------
    on : (n,) int
        Number of the line.
    low, high : (n,) float
        Metres along it.
    """

    on: Ints
    low: Floats
    high: Floats

    def __len__(self) -> int:
        return len(self.on)

    @property
    def metres(self) -> Floats:
        """(n,) how long each is."""
        return self.high - self.low

    def take(self, which: NDArray[np.bool_]) -> Intervals:
        """Some of them."""
        return Intervals(self.on[which], self.low[which], self.high[which])


def groups(on: Ints, low: Floats, high: Floats) -> tuple[Ints, Ints]:
    """Which intervals hang together on their line.

    Returns
    -------
    order : (n,) int
        Sorts them by line and beginning.
    first : (g,) int
        Where in that order each group begins.
    """
    order = np.lexsort((low, on))
    if len(order) == 0:
        return order, order
    line, begin, end = on[order], low[order], high[order]
    fresh = np.append(True, line[1:] != line[:-1])
    # one long axis: the lines behind each other, far enough apart not to touch
    starts = np.flatnonzero(fresh)
    span = np.maximum.reduceat(end, starts) - begin[starts] + 1.0
    base = np.repeat(
        np.append(0.0, np.cumsum(span)[:-1]) - begin[starts], np.diff(np.append(starts, len(line)))
    )
    reached = np.maximum.accumulate(end + base)
    fresh[1:] |= (begin + base)[1:] > reached[:-1] + SAME_M
    return order, np.flatnonzero(fresh)


def union(on: Ints, low: Floats, high: Floats) -> Intervals:
    """Intervals without overlap that hold what these hold; those that end before they begin hold nothing."""
    held = high >= low
    on, low, high = on[held], low[held], high[held]
    order, first = groups(on, low, high)
    if len(order) == 0:
        return Intervals(on, low, high)
    return Intervals(on[order][first], low[order][first], np.maximum.reduceat(high[order], first))


def left_over(lines: Ints, size_m: Floats, held: Intervals) -> Intervals:
    """What a union leaves of whole lines.

    Parameters
    ----------
    lines : (k,) int
        Numbers of the lines, ascending.
    size_m : (k,) float
        Their lengths; each runs from 0.
    held : Intervals
        A union; what it holds of other lines does not matter.
    """
    known = np.isin(held.on, lines)
    on, low, high = held.on[known], held.low[known], held.high[known]
    size = size_m[np.searchsorted(lines, on)]
    line = np.concatenate([lines, on])
    begin = np.concatenate([np.zeros(len(lines)), np.clip(high, 0.0, size)])
    end = np.concatenate([size_m, np.clip(low, 0.0, size)])
    rise, fall = np.lexsort((begin, line)), np.lexsort((end, line))
    begin, end = begin[rise], end[fall]
    kept = end - begin > SAME_M
    return Intervals(line[rise][kept], begin[kept], end[kept])
