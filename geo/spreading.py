"""Sums of a kernel over points that lie on no grid, by splines and the fast Fourier transform.

Spread, transform, divide by the transform of the spline, return (Dutt and Rokhlin 1993, "Fast Fourier
transforms for nonequispaced data"). The lattice is the grid with a guard around it and room for the kernel's
reach, so nothing wraps from one border to the other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import fft, sparse, special

from .errors import StatisticsError
from .grid import Floats, Grid

Shape = Literal["gaussian", "quartic"]

QUARTIC_SIGMAS = 2.0 * math.sqrt(2.0)
"""The quartic kernel of radius R has the variance of a Gaussian of R / 2.83 in each direction."""

GUARD_SIGMAS = 3.0
"""How far beyond the window points are taken where no edge correction asks for none."""

CUBIC, LINEAR, BOX = 3, 1, 1
"""Orders of spreading (spline of order + 1 boxes), and the one box of a cell's share."""

_REACH_SIGMAS = 5.0


@dataclass(frozen=True)
class Kernel:
    """What a point is smeared into.

    Parameters
    ----------
    shape : 'gaussian' or 'quartic'
    sigma_m : float
        Standard deviation in each direction, m: the bandwidth.
    """

    shape: Shape
    sigma_m: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.sigma_m) and self.sigma_m > 0):
            raise StatisticsError(
                f"a bandwidth of {self.sigma_m:g} m smooths nothing; give a length above 0",
                code="bandwidth",
                bandwidth_m=self.sigma_m,
            )

    @property
    def reach_m(self) -> float:
        """Beyond it the kernel is nothing (quartic: its radius) or 4e-6 of its peak (Gaussian)."""
        return self.sigma_m * (_REACH_SIGMAS if self.shape == "gaussian" else QUARTIC_SIGMAS)

    @property
    def peak(self) -> float:
        """Value at the centre, per m2."""
        area = 2.0 if self.shape == "gaussian" else QUARTIC_SIGMAS**2 / 3.0
        return 1.0 / (math.pi * area * self.sigma_m**2)

    @property
    def km2(self) -> float:
        """Ground it looks at: 1 / (integral of its square), the disc that would be as noisy."""
        area = 4.0 if self.shape == "gaussian" else QUARTIC_SIGMAS**2 * 5.0 / 9.0
        return math.pi * area * self.sigma_m**2 / 1e6


def gaussian(bandwidth_m: float) -> Kernel:
    """The normal kernel; `bandwidth_m` is its standard deviation."""
    return Kernel("gaussian", bandwidth_m)


def quartic(radius_m: float) -> Kernel:
    """3 / (pi R^2) (1 - r^2 / R^2)^2 within R; the "radius" of QGIS and ArcGIS. Its sigma is R / 2.83."""
    return Kernel("quartic", radius_m / QUARTIC_SIGMAS)


@dataclass(frozen=True)
class Lattice:
    """A grid with a guard around it and room against wrapping; (rows, columns) of periodic cells."""

    grid: Grid
    guard: int
    rows: int
    columns: int

    @classmethod
    def around(cls, grid: Grid, kernel: Kernel) -> Lattice:
        guard = math.ceil(GUARD_SIGMAS * kernel.sigma_m / grid.cell_m) + 2
        pad = guard + max(math.ceil(kernel.reach_m / grid.cell_m) + 2, guard)
        return cls(
            grid,
            guard,
            fft.next_fast_len(grid.ny + pad, real=True),
            fft.next_fast_len(grid.nx + pad, real=True),
        )

    @property
    def size(self) -> int:
        return self.rows * self.columns

    def steps(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Places in cells; the middle of the first cell of the lattice is (0, 0)."""
        u, v = x - self.grid.x, y - self.grid.y
        for place in (u, v):
            np.divide(place, self.grid.cell_m, out=place)
            np.add(place, self.guard - 0.5, out=place)
        return u, v

    def cut(self, values: Floats) -> Floats:
        """The part over the grid."""
        part: Floats = values[self.guard : self.guard + self.grid.ny, self.guard : self.guard + self.grid.nx]
        return part


def spline(t: Floats, order: int) -> Floats:
    """Weights (n, order + 1) of the nodes around a place `t` cells after a node; they add up to 1."""
    if order == LINEAR:
        pair = np.empty((len(t), 2))
        np.subtract(1.0, t, out=pair[:, 0])
        pair[:, 1] = t
        return pair
    square = t * t
    cube = square * t
    weights = np.empty((len(t), 4))
    weights[:, 3] = cube / 6.0
    weights[:, 0] = (1.0 - 3.0 * t + 3.0 * square - cube) / 6.0
    weights[:, 1] = (4.0 - 6.0 * square + 3.0 * cube) / 6.0
    weights[:, 2] = 1.0 - weights[:, 0] - weights[:, 1] - weights[:, 3]
    return weights


def nodes(lattice: Lattice, x: Floats, y: Floats, order: int) -> tuple[NDArray[np.int32], Floats, Floats]:
    """First node of each point's patch, and the weights of its columns and rows."""
    u, v = lattice.steps(x, y)
    # the guard keeps every place above 0, where cutting off is rounding down
    column, row = u.astype(np.int32), v.astype(np.int32)
    u -= column
    v -= row
    row *= np.int32(lattice.columns)
    row += column
    row -= np.int32((order // 2) * (lattice.columns + 1))
    return row, spline(u, order), spline(v, order)


def spread(lattice: Lattice, total: Floats, x: Floats, y: Floats, weight: Floats | None, order: int) -> None:
    """Spread points onto `total` (size, order + 1): column k is to be moved k cells to the east.

    A point is a column of a sparse matrix, its rows the patch's first nodes, times its weights across: every
    memory line is met once for four nodes, which is four times as fast as sixteen `bincount`.
    """
    first, across, along = nodes(lattice, x, y, order)
    if weight is not None:
        for k in range(order + 1):
            along[:, k] *= weight
    width = order + 1
    rows = np.empty((len(first), width), dtype=np.int32)
    for k in range(width):  # column by column: numpy is slow along an axis of 2 or 4
        np.add(first, np.int32(k * lattice.columns), out=rows[:, k])
    ends = np.arange(0, rows.size + 1, width, dtype=np.int32)
    total += sparse.csc_array((along.ravel(), rows.ravel(), ends), shape=(lattice.size, len(x))) @ across


def gather(lattice: Lattice, values: Floats, x: Floats, y: Floats) -> Floats:
    """Adjoint of the cubic spreading: `values` (rows, columns) at places, (n,)."""
    first, across, along = nodes(lattice, x, y, CUBIC)
    flat, found = values.ravel(), np.zeros(len(x))
    for j in range(4):
        for k in range(4):
            found += along[:, j] * across[:, k] * flat[first + (j * lattice.columns + k)]
    return found


def smooth(lattice: Lattice, kernel: Kernel, values: Floats, splines: int) -> Floats:
    """Convolve with a kernel and undo the spreading; per m2, (rows, columns).

    Parameters
    ----------
    splines : int
        Boxes of one cell that the values were and will be smeared with: 4 for cubic spreading, 2 for
        linear, 4 more if a cubic gathering follows; one less to smear them with a box.
    """
    cell = lattice.grid.cell_m
    across, along = fft.rfftfreq(lattice.columns), fft.fftfreq(lattice.rows)
    turn = 2.0 * math.pi * kernel.sigma_m / cell
    spectrum = fft.rfft2(values)
    if kernel.shape == "gaussian":
        spectrum *= np.exp(-0.5 * (turn * across) ** 2) / np.sinc(across) ** splines
        spectrum *= (np.exp(-0.5 * (turn * along) ** 2) / np.sinc(along) ** splines)[:, None]
    else:
        z = np.hypot(along[:, None], across) * (turn * QUARTIC_SIGMAS)
        z[0, 0] = 1.0
        hankel = 48.0 * special.jv(3, z) / z**3
        hankel[0, 0] = 1.0
        spectrum *= hankel / np.sinc(across) ** splines
        spectrum /= (np.sinc(along) ** splines)[:, None]
    smooth: Floats = fft.irfft2(spectrum, s=(lattice.rows, lattice.columns), overwrite_x=True)
    smooth /= cell * cell
    return smooth


def fold(lattice: Lattice, total: Floats) -> Floats:
    """Move the columns of the spreading to their places and add them up, (rows, columns)."""
    moved = total[:, 0].copy()
    for k in range(1, total.shape[1]):
        moved[k:] += total[:-k, k]
    return moved.reshape(lattice.rows, lattice.columns)
