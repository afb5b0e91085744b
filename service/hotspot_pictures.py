"""What the hotspot page shows of an answer: its picture in Web Mercator and the legend that belongs to it.

Surfaces are drawn in twelve fixed steps from pale to dark. Classes are told apart by pattern as well as by
colour (whatever is cold, falling or doubtful is hatched), so a grey print says the same. A legend's swatch
is painted by the code that paints the map.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo.emerging import KINDS
from geo.hotspots import CLASSES
from layers.rasters import Raster, WebPlace, sampled, tile_place, web_place

from .heat_image import RDBU, Scale, png
from .usecases.hotspots import Comparison, Emergence, Heat, Spots, raster

Codes = NDArray[np.uint8]
Pattern = Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.bool_]]
"""Of the rows and columns of a picture: which pixels carry the colour."""

FINER = 4
"""Cells of a test are drawn as so many times so many, so that a pattern has room."""
SWATCH = (14, 26)
SURE_Q = 0.05
RATIOS = (0.5, 2 / 3, 1.0, 1.5, 2.0)
"""Breaks of the change: rate after over rate before."""


def _solid(row: NDArray[np.int64], column: NDArray[np.int64]) -> NDArray[np.bool_]:
    return np.broadcast_to(True, np.broadcast_shapes(row.shape, column.shape))


def _falling(row: NDArray[np.int64], column: NDArray[np.int64]) -> NDArray[np.bool_]:
    return (row + column) % 6 < 4


def _rising(row: NDArray[np.int64], column: NDArray[np.int64]) -> NDArray[np.bool_]:
    return (row - column) % 6 < 4


def _thin(row: NDArray[np.int64], column: NDArray[np.int64]) -> NDArray[np.bool_]:
    return (row + column) % 6 < 2


def _level(row: NDArray[np.int64], column: NDArray[np.int64]) -> NDArray[np.bool_]:
    return np.broadcast_to(row % 5 < 3, np.broadcast_shapes(row.shape, column.shape))


def _dots(row: NDArray[np.int64], column: NDArray[np.int64]) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = (row % 4 < 2) & (column % 4 < 2)
    return found


def _checks(row: NDArray[np.int64], column: NDArray[np.int64]) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = (row // 3 + column // 3) % 2 == 0
    return found


@dataclass(frozen=True)
class Look:
    """A class of a map: its name (the texts know it), colour and pattern."""

    name: str
    colour: str
    pattern: Pattern = _solid


GI_LOOKS = (
    Look("cold_99", RDBU[0], _falling), Look("cold_95", RDBU[1], _falling),
    Look("cold_90", RDBU[2], _falling),
    Look("hot_90", RDBU[4]), Look("hot_95", RDBU[5]), Look("hot_99", RDBU[6]),
)  # fmt: skip
CHANGE_LOOKS = (
    Look("unsure", "8a8f94", _dots),
    Look("less_half", RDBU[0], _falling), Look("less_third", RDBU[1], _falling),
    Look("less", RDBU[2], _falling),
    Look("more", RDBU[4]), Look("more_half", RDBU[5]), Look("more_double", RDBU[6]),
)  # fmt: skip
_EMERGING = {
    "new": ("fdae61", _solid), "consecutive": ("f46d43", _solid), "intensifying": ("67001f", _solid),
    "persistent": ("b2182b", _level), "diminishing": ("d6604d", _falling), "sporadic": ("c51b7d", _dots),
    "oscillating": ("8e0152", _checks), "historical": ("7f7f7f", _rising),
}  # fmt: skip
_COLD = ("c7e9f1", "92c5de", "053061", "2166ac", "4393c3", "5e4fa2", "3f007d", "a6bddb")
EMERGING_LOOKS = tuple(
    reversed(
        [
            *(Look(f"hot_{kind}", *_EMERGING[kind]) for kind in KINDS[1:]),
            *(Look(f"cold_{kind}", colour, _thin) for kind, colour in zip(KINDS[1:], _COLD, strict=True)),
        ]
    )
)


# -- surfaces --------------------------------------------------------------------------------------


def highest(found: Heat) -> float:
    """The highest density inside the ground; 0 where there is none."""
    values = found.surface.values
    return float(np.nanmax(values)) if np.isfinite(values).any() else 0.0


def surface_bounds(found: Heat) -> tuple[float, float, float, float]:
    """West, south, east, north of the picture, degrees."""
    return web_place(found.raster).bounds


def surface_picture(found: Heat, scale: Scale) -> bytes:
    """A density as a picture of the whole city."""
    return png(scale.classes(sampled(found.raster.values, web_place(found.raster))), scale.colours)


def surface_tile(found: Heat, scale: Scale, zoom: int, x: int, y: int) -> bytes:
    """A density on a tile of 256 pixels."""
    place = tile_place(found.raster, zoom, x, y)
    return png(scale.classes(sampled(found.raster.values, place)), scale.colours)


def surface_legend(scale: Scale) -> list[dict[str, Any]]:
    """The classes from the highest down; the first, which is not drawn, is left out."""
    rows = []
    for number in range(len(scale.colours) - 1, 0, -1):
        codes = np.full(SWATCH, number, dtype=np.uint8)
        rows.append(
            {
                "from": scale.breaks[number],
                "to": scale.breaks[number + 1],
                "colour": f"#{scale.colours[number]}",
                "swatch": _address(png(codes, scale.colours)),
            }
        )
    return rows


# -- classes ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Classed:
    """Cells in classes, ready to be drawn.

    Parameters
    ----------
    codes : (ny, nx) uint8
        Place of each cell in `looks`, counted from 1; 0 where nothing is drawn.
    plane : Raster
        The same ground in finer cells; its values are not looked at.
    looks : sequence of Look
    facts : dict
        What the legend says.
    """

    codes: Codes
    plane: Raster
    looks: Sequence[Look]
    facts: dict[str, Any]

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north of the picture, degrees."""
        return web_place(self.plane).bounds

    def picture(self) -> bytes:
        """The whole city."""
        return _patterned(_nearest(self.codes, web_place(self.plane)), self.looks)

    def legend(self) -> list[dict[str, Any]]:
        """The classes with the number of their cells, the last (hottest) first."""
        cells = np.bincount(self.codes.ravel(), minlength=len(self.looks) + 1)
        return [
            {
                "name": self.looks[number - 1].name,
                "cells": int(cells[number]),
                "swatch": _address(_patterned(np.full(SWATCH, number, dtype=np.uint8), self.looks)),
            }
            for number in range(len(self.looks), 0, -1)
        ]


def spots_classes(found: Spots) -> Classed:
    """The classes of Gi*; what is not significant is not drawn."""
    names = {look.name: number for number, look in enumerate(GI_LOOKS, 1)}
    table = np.zeros(7, dtype=np.uint8)
    for number, name in CLASSES.items():
        table[number + 3] = names.get(name, 0)
    return _classed(table[found.spots.bin.astype(np.int64) + 3], found, GI_LOOKS)


def change_classes(found: Comparison) -> Classed:
    """How the rate changed where that is sure; nothing where too few issues are expected."""
    change = found.change
    ratio = np.where(change.shown, change.ratio, 1.0)
    step = np.searchsorted(np.array(RATIOS), ratio, side="right") + 2
    step = np.where(change.shown & (change.q <= SURE_Q), step, 1)
    return _classed(np.where(change.shown, step, 0), found, CHANGE_LOOKS)


def emerging_classes(found: Emergence) -> Classed:
    """The kinds of hot and cold spots."""
    kind = found.emerging.kind.astype(np.int64)
    from_top = np.where(kind > 0, kind, len(KINDS) - 1 - kind)  # 1: new hot spot
    return _classed(np.where(kind == 0, 0, len(EMERGING_LOOKS) + 1 - from_top), found, EMERGING_LOOKS)


def _classed(codes: NDArray[Any], found: Spots | Comparison | Emergence, looks: Sequence[Look]) -> Classed:
    inside = np.where(found.window.inside, codes, 0).astype(np.uint8)
    whole = raster(inside, found.window, found.city)
    finer = np.broadcast_to(np.float32(0), (inside.shape[0] * FINER, inside.shape[1] * FINER))
    plane = Raster(finer, whole.x0, whole.y0, whole.cell_m / FINER, whole.crs)
    return Classed(inside, plane, looks, found.facts())


def _nearest(codes: Codes, place: WebPlace) -> Codes:
    """The class at each pixel; positions are in the finer cells."""
    ny, nx = codes.shape
    row = np.floor((place.row + 0.5) / FINER).astype(np.int64)
    column = np.floor((place.column + 0.5) / FINER).astype(np.int64)
    inside = (row >= 0) & (row < ny) & (column >= 0) & (column < nx)
    return np.where(inside, codes[row.clip(0, ny - 1), column.clip(0, nx - 1)], 0).astype(np.uint8)


def _patterned(codes: Codes, looks: Sequence[Look]) -> bytes:
    row, column = np.ogrid[: codes.shape[0], : codes.shape[1]]
    drawn = codes.copy()
    for number, look in enumerate(looks, 1):
        if look.pattern is not _solid:
            drawn[(codes == number) & ~look.pattern(row, column)] = 0
    return png(drawn, ("ffffff", *(look.colour for look in looks)))


def _address(picture: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(picture).decode("ascii")
