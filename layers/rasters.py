"""A surface of numbers on a metric plane: as GeoTIFF, and moved to Web Mercator for a web map.

Row 0 of an array is the southern edge on the plane, as in every computation here, and the northern edge
in a picture, as in every picture.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin
from pyproj import CRS, Transformer

from geo.crs import WGS84

from .write import whole

_HALF_WORLD = 20_037_508.342789244
"""Half the edge of Web Mercator, metres."""


@dataclass(frozen=True)
class Raster:
    """Values on a plane.

    Parameters
    ----------
    values : (ny, nx) float, NaN where nothing is known; row 0 is the southern edge.
    x0, y0 : float
        The south-western corner, metres.
    cell_m : float
    crs : CRS
        The metric plane.
    """

    values: NDArray[np.floating]
    x0: float
    y0: float
    cell_m: float
    crs: CRS


@dataclass(frozen=True)
class WebPlace:
    """Where the pixels of a picture in Web Mercator fall in a raster.

    Parameters
    ----------
    column, row : (height, width) float32
        Position in cells from the middle of the first cell; row 0 of the picture is the northern edge.
    bounds : (west, south, east, north), degrees.
    """

    column: NDArray[np.float32]
    row: NDArray[np.float32]
    bounds: tuple[float, float, float, float]


@lru_cache(maxsize=16)
def _between(source: str, target: str) -> Transformer:
    """Making a transformer takes ten times as long as a tile."""
    return Transformer.from_crs(source, target, always_xy=True)


@lru_cache(maxsize=16)
def _wkt(crs: CRS) -> str:
    return crs.to_wkt()


_WEB = "EPSG:3857"


def web_place(raster: Raster, pixels: int = 700_000) -> WebPlace:
    """A picture of the whole raster with about so many pixels.

    A picture that is not warped lies 160 to 630 m off at the corners of a city of 20 km.
    """
    ny, nx = raster.values.shape
    return _web_place(nx, ny, raster.x0, raster.y0, raster.cell_m, _wkt(raster.crs), pixels)


@lru_cache(maxsize=4)
def _web_place(nx: int, ny: int, x0: float, y0: float, cell_m: float, crs: str, pixels: int) -> WebPlace:
    forward = _between(crs, _WEB)
    edge = np.linspace(0, 1, 21)
    x = x0 + nx * cell_m * np.concatenate([edge, edge, np.zeros(21), np.ones(21)])
    y = y0 + ny * cell_m * np.concatenate([np.zeros(21), np.ones(21), edge, edge])
    east, north = forward.transform(x, y)
    west_m, east_m, south_m, north_m = east.min(), east.max(), north.min(), north.max()
    ratio = (east_m - west_m) / (north_m - south_m)
    limit = min(pixels, nx * ny * 4)
    height = max(1, round(math.sqrt(limit / ratio)))
    width = max(1, round(limit / height))
    column, row = _cells(
        west_m, north_m, (east_m - west_m) / width, (north_m - south_m) / height, width, height,
        (x0, y0, cell_m), crs,
    )  # fmt: skip
    back = _between(_WEB, WGS84)
    (west, right), (south, top) = back.transform([west_m, east_m], [south_m, north_m])
    return WebPlace(column, row, (west, south, right, top))


def tile_place(raster: Raster, zoom: int, x: int, y: int, size: int = 256) -> WebPlace:
    """The picture of a tile of a web map."""
    edge = 2 * _HALF_WORLD / 2**zoom
    west, north = -_HALF_WORLD + x * edge, _HALF_WORLD - y * edge
    column, row = _cells(
        west, north, edge / size, edge / size, size, size,
        (raster.x0, raster.y0, raster.cell_m), _wkt(raster.crs),
    )  # fmt: skip
    back = _between(_WEB, WGS84)
    (w, e), (s, n) = back.transform([west, west + edge], [north - edge, north])
    return WebPlace(column, row, (w, s, e, n))


def _cells(
    west: float, north: float, step_x: float, step_y: float, width: int, height: int,
    raster: tuple[float, float, float], crs: str,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:  # fmt: skip
    """Position of every pixel's middle in the raster; exact on a net of 32 pixels, straight between."""
    x0, y0, cell_m = raster
    back = _between(_WEB, crs)
    across = np.unique(np.append(np.arange(0, width, 32), width - 1))
    down = np.unique(np.append(np.arange(0, height, 32), height - 1))
    mx, my = np.meshgrid(west + (across + 0.5) * step_x, north - (down + 0.5) * step_y)
    px, py = back.transform(mx, my)
    found = []
    for at, start in ((px, x0), (py, y0)):
        net = (at - start) / cell_m - 0.5
        rows = np.stack([np.interp(np.arange(width), across, line) for line in net])
        place = np.searchsorted(down, np.arange(height), side="right") - 1
        place = np.clip(place, 0, max(0, len(down) - 2))
        if len(down) == 1:
            found.append(np.repeat(rows, height, axis=0).astype(np.float32))
            continue
        share = ((np.arange(height) - down[place]) / (down[place + 1] - down[place]))[:, None]
        found.append((rows[place] * (1 - share) + rows[place + 1] * share).astype(np.float32))
    return found[0], found[1]


def sampled(values: NDArray[np.floating], place: WebPlace) -> NDArray[np.float32]:
    """Bilinear values at the pixels of a picture; NaN outside the raster."""
    ny, nx = values.shape
    column, row = place.column, place.row
    inside = (column >= -0.5) & (column < nx - 0.5) & (row >= -0.5) & (row < ny - 0.5)
    x = np.clip(column, 0, nx - 1)
    y = np.clip(row, 0, ny - 1)
    i, j = x.astype(np.int32), y.astype(np.int32)
    i1, j1 = np.minimum(i + 1, nx - 1), np.minimum(j + 1, ny - 1)
    fx, fy = x - i, y - j
    flat = np.ascontiguousarray(values, dtype=np.float32).ravel()
    low = flat[j * nx + i] * (1 - fx) + flat[j * nx + i1] * fx
    high = flat[j1 * nx + i] * (1 - fx) + flat[j1 * nx + i1] * fx
    found: NDArray[np.float32] = np.where(inside, low * (1 - fy) + high * fy, np.nan).astype(np.float32)
    return found


def write_geotiff(raster: Raster, path: Path) -> None:
    """Write the values as a GeoTIFF of 32-bit numbers, NaN for no data, in the raster's own plane.

    Tags of OGC 19-008r4, 7.5 and Annex B; the plane needs an EPSG number.
    """
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    ny = raster.values.shape[0]
    top = raster.y0 + ny * raster.cell_m
    for tag, kind, value in (
        (33550, 12, (raster.cell_m, raster.cell_m, 0.0)),
        (33922, 12, (0.0, 0.0, 0.0, raster.x0, top, 0.0)),
        # GTModelType projected, GTRasterType area, ProjectedCRS
        (34735, 3, (1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, raster.crs.to_epsg() or 32767)),
        (42113, 2, "nan"),
    ):
        tags.tagtype[tag] = kind
        tags[tag] = value
    picture = Image.fromarray(np.flipud(raster.values).astype(np.float32))
    with whole(path) as temporary:
        picture.save(temporary, format="TIFF", tiffinfo=tags, compression="tiff_adobe_deflate")
