"""Which bandwidth do the issues themselves ask for?

Likelihood cross-validation (Habbema, Hermans and van den Broek 1974; Duin 1976): every place is
foretold from all others, and the bandwidth that foretells best is advised. Reports of one place are not
independent and would pull the bandwidth towards 0, so each distinct place counts once. Scott's rule
is not offered: it smooths a city as if it had one centre.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import fft

from .density import edge_mass
from .errors import StatisticsError
from .grid import Floats
from .spreading import CUBIC, Kernel, Lattice, fold, gather, gaussian, smooth, spline, spread
from .window import Window

LEAST_PLACES = 30
SAME_PLACE_M = 0.1
_LEAST = 1e-6
"""A place that no other foretells scores this part of the kernel's peak, so one stray point cannot decide."""


@dataclass(frozen=True, eq=False)
class Advice:
    """The curve and its highest point.

    Parameters
    ----------
    bandwidths_m : (b,) float64, ascending
    score : (b,) float64
        Mean log density (per m2) of a place as foretold by the others; higher is better.
    best_m : float
    at_end : bool
        The best is the first or last one tried: the true best may lie beyond.
    places : int
        Distinct places used.
    """

    bandwidths_m: Floats
    score: Floats
    best_m: float
    at_end: bool
    places: int


def advice(x: ArrayLike, y: ArrayLike, bandwidths_m: ArrayLike, window: Window) -> Advice:
    """Cross-validated bandwidth of a Gaussian kernel with edge correction ``uniform``.

    Parameters
    ----------
    x, y : (n,) float
        Metres; those outside the window are left out, those within 0.1 m of each other are one place.
    bandwidths_m : (b,) float
        At least two cells of the window each; three and more are exact to 1e-3 of the score.

    Raises
    ------
    StatisticsError
        ``too_few_places`` under 30; as `geo.density.check_kernel`.
    """
    tried = np.unique(np.asarray(bandwidths_m, dtype=np.float64))
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    held = window.holds(x, y)
    tenths = np.unique(np.rint(np.column_stack([x[held], y[held]]) / SAME_PLACE_M), axis=0)
    places = tenths * SAME_PLACE_M
    if len(places) < LEAST_PLACES or not len(tried):
        raise StatisticsError(
            f"{len(places)} distinct places are too few to advise a bandwidth, {LEAST_PLACES} are needed;"
            " keep the preset, or take a longer period",
            code="too_few_places",
            places=len(places),
            least=LEAST_PLACES,
        )
    score = np.array([_score(places[:, 0], places[:, 1], window, gaussian(float(h))) for h in tried])
    best = int(np.argmax(score))
    return Advice(tried, score, float(tried[best]), best in (0, len(tried) - 1), len(places))


def _score(x: Floats, y: Floats, window: Window, kernel: Kernel) -> float:
    mass = edge_mass(window, kernel).at(x, y)
    lattice = Lattice.around(window.grid, kernel)
    total = np.zeros((lattice.size, CUBIC + 1))
    spread(lattice, total, x, y, None, CUBIC)
    splines = 2 * (CUBIC + 1)
    foretold = gather(lattice, smooth(lattice, kernel, fold(lattice, total), splines), x, y)
    u, v = lattice.steps(x, y)
    foretold -= _itself(u % 1, lattice.columns, lattice, kernel) * _itself(
        v % 1, lattice.rows, lattice, kernel
    )
    foretold = np.maximum(foretold, _LEAST * kernel.peak) / ((len(x) - 1) * mass)
    return float(np.log(foretold).mean())


def _itself(t: Floats, length: int, lattice: Lattice, kernel: Kernel) -> Floats:
    """What a point `t` cells after a node sees of itself along one axis, per m; exact on this lattice."""
    frequency = fft.rfftfreq(length)
    turn = 2.0 * np.pi * kernel.sigma_m / lattice.grid.cell_m
    line: NDArray[np.float64] = fft.irfft(
        np.exp(-0.5 * (turn * frequency) ** 2) / np.sinc(frequency) ** (2 * (CUBIC + 1)), n=length
    )
    weights = spline(t, CUBIC)
    seen = np.zeros(len(t))
    for j in range(CUBIC + 1):
        for k in range(CUBIC + 1):
            seen += weights[:, j] * weights[:, k] * line[abs(j - k)]
    return seen / lattice.grid.cell_m
