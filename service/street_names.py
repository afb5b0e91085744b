"""Where the names of streets go on a drawn map: once each, along a straight piece with room for it.

Plain geometry on a sheet: x to the right, y down.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .label_places import Box

Floats = NDArray[np.float64]


class Street(NamedTuple):
    """A line of a street: its name, how important it is, and (n, 2) places."""

    name: str
    rank: int
    xy: Floats


class StreetName(NamedTuple):
    """Words around a middle, turned clockwise by degrees from -90 to 90."""

    words: str
    x: float
    y: float
    degrees: float


def street_names(
    streets: Iterable[Street],
    size: float,
    *,
    shown: Callable[[str], str],
    width: Callable[[str], float],
    frame: Box,
    taken: list[Box],
    avoid: Floats,
) -> list[StreetName]:
    """The names that have room, the important streets first.

    Parameters
    ----------
    streets : iterable of Street
        Those without a name are passed over.
    size : float
        How high the words are.
    shown, width : functions
        A name as it is written, and how wide that is.
    frame, taken, avoid
        As `label_places.beside`; the boxes of the names are added to `taken`.
    """
    best: dict[str, tuple[int, float, Floats]] = {}
    for name, rank, xy in streets:
        for piece in straights(xy) if name else ():
            length = float(np.hypot(*(piece[1] - piece[0])))
            if name not in best or (rank, length) > best[name][:2]:
                best[name] = (rank, length, piece)
    told = []
    for name, (_, length, piece) in sorted(best.items(), key=lambda one: one[1][:2], reverse=True):
        words = shown(name)
        wide = width(words)
        x, y = (float(side) for side in piece.mean(axis=0))
        step = piece[1] - piece[0]
        degrees = math.degrees(math.atan2(step[1], step[0]))
        degrees = degrees - 180 if degrees > 90 else degrees + 180 if degrees < -90 else degrees
        turned = math.radians(abs(degrees))
        across = (wide * math.cos(turned) + size * math.sin(turned)) / 2
        down = (wide * math.sin(turned) + size * math.cos(turned)) / 2
        box = Box(x - across, y - down, x + across, y + down)
        if length < wide * 1.1 or not box.within(frame) or box.covers(avoid):
            continue
        if any(box.overlaps(other) for other in taken):
            continue
        taken.append(box)
        told.append(StreetName(words, x, y, degrees))
    return told


def straights(xy: Floats) -> list[Floats]:
    """Pieces of a line that turn by less than 12 degrees in all, each by its two ends."""
    pieces, first = [], 0
    for index in range(1, len(xy)):
        last = index == len(xy) - 1
        begun = xy[first + 1] - xy[first]
        step = xy[index] - xy[index - 1]
        turn = abs(math.remainder(math.atan2(step[1], step[0]) - math.atan2(begun[1], begun[0]), math.tau))
        if turn > math.radians(12):
            pieces.append(xy[[first, index - 1]])
            first = index - 1
        if last:
            pieces.append(xy[[first, index]])
    return pieces
