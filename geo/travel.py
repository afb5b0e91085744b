"""How far is it from place to place? What every engine of travel answers, and the estimate without roads.

An engine answers three questions about positions in EPSG:4326: where they meet the network (`snap`),
how far it is between all of two lists (`matrix`), and along which line (`path`). The engine inside
the program works on a road layer (`roads.py`); `StraightLine` is what is left without one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from .crs import GEOD
from .errors import DesignError

Mode = Literal["walk", "bike", "drive"]
MODES: tuple[Mode, ...] = get_args(Mode)

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FAR_M = 50.0
"""A position farther than this from every road is told: its way in may be another than the nearest."""

CIRCUITY = 1.25
"""Network length over straight length: 1.20-1.29 was measured on real cities (docs/routes.md)."""

SPEED_KMH: dict[Mode, float] = {"walk": 4.5, "bike": 11.0, "drive": 25.0}
"""Of an engine that knows no classes of roads; `Speeds` of `roads.py` refines driving."""


@dataclass(frozen=True)
class Snapped:
    """Where positions meet the network.

    Parameters
    ----------
    lonlat : (n, 2) float
        The place on the network, EPSG:4326; the position itself where nothing is near.
    gap_m : (n,) float
        From the position to it, metres on the ground; infinite where the network has nothing.
    part : (n,) int
        Connected part of the network: positions with different numbers cannot reach each other. 0 is
        the largest; -1 where the engine cannot tell.
    """

    lonlat: Floats
    gap_m: Floats
    part: Ints


@dataclass(frozen=True)
class Legs:
    """Travel between all of two lists of positions.

    Parameters
    ----------
    metres, seconds : (n, m) float
        The way to and from the network is in both. Infinite where there is no way.
    """

    metres: Floats
    seconds: Floats


@dataclass(frozen=True)
class Path:
    """One way.

    Parameters
    ----------
    lonlat : (k, 2) float
        Its line from position to position, EPSG:4326, k >= 2.
    metres, seconds : float
        As the matrix says.
    """

    lonlat: Floats
    metres: float
    seconds: float


class TravelEngine(Protocol):
    """Snap, matrix, path: all that planning asks of roads. Positions are (n, 2) lon, lat in EPSG:4326."""

    name: str
    """`roads`, `straight`, `osrm`, `valhalla`: stands on every output."""
    estimate: bool
    """Whether distances are guessed: said on every output."""

    def snap(self, lonlat: Floats, mode: Mode) -> Snapped:
        """Where positions meet the network of a mode."""
        ...

    def matrix(self, sources: Floats, targets: Floats, mode: Mode) -> Legs:
        """Travel from every source to every target."""
        ...

    def path(self, source: Floats, target: Floats, mode: Mode) -> Path | None:
        """The way from one position (2,) to another; None where there is none."""
        ...


class StraightLine:
    """The estimate without roads: the geodesic times a factor, at one speed per mode.

    Parameters
    ----------
    circuity : float
        Network length over straight length, at least 1.
    speed_kmh : mapping of mode to km/h

    Raises
    ------
    DesignError
        For a factor below 1 or a speed that is not above 0.
    """

    def __init__(self, circuity: float = CIRCUITY, speed_kmh: Mapping[Mode, float] = SPEED_KMH) -> None:
        if not (math.isfinite(circuity) and circuity >= 1):
            raise DesignError(
                f"the way over the straight line is {circuity:g}: no way is shorter than straight;"
                f" take 1 or more (usual: {CIRCUITY})",
                code="circuity_low",
                circuity=f"{circuity:g}",
                usual=CIRCUITY,
            )
        slow = [mode for mode in MODES if not (math.isfinite(speed_kmh[mode]) and speed_kmh[mode] > 0)]
        if slow:
            raise DesignError(
                f"the speed of {slow[0]} is {speed_kmh[slow[0]]:g} km/h; it must be above 0",
                code="speed_low",
                mode=slow[0],
                speed=f"{speed_kmh[slow[0]]:g}",
            )
        self.name = "straight"
        self.estimate = True
        self.circuity = circuity
        self.speed_kmh = dict(speed_kmh)

    def snap(self, lonlat: Floats, mode: Mode) -> Snapped:  # noqa: ARG002  one network of straight lines
        """Every position is on the network, and all are connected."""
        lonlat = np.asarray(lonlat, dtype=np.float64).reshape(-1, 2)
        return Snapped(lonlat.copy(), np.zeros(len(lonlat)), np.zeros(len(lonlat), dtype=np.int64))

    def matrix(self, sources: Floats, targets: Floats, mode: Mode) -> Legs:
        """Geodesic length times the factor, from every source to every target."""
        metres = self.circuity * geodesic(
            np.asarray(sources, dtype=np.float64).reshape(-1, 1, 2),
            np.asarray(targets, dtype=np.float64).reshape(1, -1, 2),
        )
        return Legs(metres, metres / (self.speed_kmh[mode] / 3.6))

    def path(self, source: Floats, target: Floats, mode: Mode) -> Path:
        """The straight line; longer than it looks, by the factor."""
        legs = self.matrix(source, target, mode)
        return Path(
            np.array([source, target], dtype=np.float64), float(legs.metres[0, 0]), float(legs.seconds[0, 0])
        )


def geodesic(a: Floats, b: Floats) -> Floats:
    """Ground metres between positions (..., 2) lon, lat; the shapes broadcast."""
    a, b = np.broadcast_arrays(a, b)
    *_, metres = GEOD.inv(a[..., 0].ravel(), a[..., 1].ravel(), b[..., 0].ravel(), b[..., 1].ravel())
    return np.asarray(metres, dtype=np.float64).reshape(a.shape[:-1])
