"""Where labels go on a drawn map so that none covers another.

Plain geometry on a sheet: x to the right, y down, boxes as (left, top, right, bottom) in one unit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Box(NamedTuple):
    """A rectangle on the sheet."""

    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: Box) -> bool:
        """Whether the two share more than an edge."""
        return (
            self.left < other.right and other.left < self.right
            and self.top < other.bottom and other.top < self.bottom
        )  # fmt: skip

    def within(self, frame: Box) -> bool:
        """Whether it lies inside a frame."""
        return (
            self.left >= frame.left and self.top >= frame.top
            and self.right <= frame.right and self.bottom <= frame.bottom
        )  # fmt: skip

    def covers(self, points: Floats) -> int:
        """How many of the points (n, 2) lie inside."""
        x, y = points[:, 0], points[:, 1]
        return int(np.sum((x > self.left) & (x < self.right) & (y > self.top) & (y < self.bottom)))


def around(x: float, y: float, radius: float) -> Box:
    """The square around a place."""
    return Box(x - radius, y - radius, x + radius, y + radius)


def apart(points: Floats, gap: float, frame: Box) -> Floats:
    """Points moved as little as need be so that any two are `gap` apart, none outside the frame.

    Parameters
    ----------
    points : (n, 2) float
    gap : float
        Between any two afterwards, about; a little less where dozens share a corner.
    frame : Box
    """
    placed = np.asarray(points, dtype=np.float64).copy()
    low, high = np.array(frame[:2]), np.array(frame[2:])
    count = np.arange(len(placed))
    # two at one place part along a direction of their own, by the golden angle
    turn = (count[:, None] + count[None]) * math.pi * (3 - math.sqrt(5))
    own = np.sign(count[:, None] - count[None])[..., None] * np.stack((np.cos(turn), np.sin(turn)), axis=-1)
    for _ in range(400):
        step = placed[:, None] - placed[None]
        step = np.where(np.hypot(step[..., 0], step[..., 1])[..., None] < 1e-6, 1e-3 * own, step)
        distance = np.hypot(step[..., 0], step[..., 1])
        np.fill_diagonal(distance, np.inf)
        short = np.maximum(gap - distance, 0.0)
        if short.max(initial=0.0) < 0.01 * gap:
            break
        push = (step * (0.5 * short / np.maximum(distance, 1e-9))[..., None]).sum(axis=1)
        near = np.maximum((short > 0).sum(axis=1) / 2, 1.0)  # a crowd pushes no harder than a pair
        placed = np.clip(placed + push / near[:, None], low, high)
    return placed


def beside(
    points: Floats, sizes: Sequence[tuple[float, float]], *, radius: float, frame: Box,
    taken: Sequence[Box], avoid: Floats,
) -> list[Box | None]:  # fmt: skip
    """A box for a label beside each point, the earlier points first.

    Parameters
    ----------
    points : (n, 2) float
        What is labelled.
    sizes : n times (width, height)
    radius : float
        Of the mark at each point; a label stays clear of all marks.
    frame : Box
        No label leaves it.
    taken : sequence of Box
        What must stay visible besides.
    avoid : (m, 2) float
        What should stay visible, such as places along the routes: the box that covers fewest is chosen.

    Returns
    -------
    list of Box or None
        None where no place is free: better no label than two on one another.
    """
    blocked = [*taken, *(around(x, y, radius) for x, y in points)]
    found: list[Box | None] = []
    for (x, y), (width, height) in zip(points, sizes, strict=True):
        free = [
            box
            for box in _candidates(x, y, width, height, radius)
            if box.within(frame) and not any(box.overlaps(other) for other in blocked)
        ]
        best = min(enumerate(free), key=lambda one: (one[1].covers(avoid), one[0]), default=None)
        found.append(None if best is None else best[1])
        if best is not None:
            blocked.append(best[1])
    return found


def _candidates(x: float, y: float, width: float, height: float, radius: float) -> list[Box]:
    """Boxes around a mark, the near ones first; at each distance to the right, the left, above, below."""
    boxes = []
    for away in (1.15, 1.6, 2.2, 3.0):
        reach = radius * away
        slant = reach * 0.75
        middles = (
            (x + reach + width / 2, y), (x - reach - width / 2, y),
            (x + slant + width / 2, y - slant - height / 2), (x + slant + width / 2, y + slant + height / 2),
            (x - slant - width / 2, y - slant - height / 2), (x - slant - width / 2, y + slant + height / 2),
            (x, y - reach - height / 2), (x, y + reach + height / 2),
        )  # fmt: skip
        boxes += [Box(a - width / 2, b - height / 2, a + width / 2, b + height / 2) for a, b in middles]
    return boxes
