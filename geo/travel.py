"""How far is it from place to place? What every engine of travel answers, and the estimate without roads.

An engine answers three questions about positions in EPSG:4326: where they meet the network (`snap`),
how far it is between all of two lists (`matrix`), and along which line (`path`). The engine inside
the program works on a road layer (`roads.py`); `StraightLine` is what is left without one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

Mode = Literal["walk", "bike", "drive"]
MODES: tuple[Mode, ...] = get_args(Mode)

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

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
