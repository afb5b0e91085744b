"""A surface moved to Web Mercator lies where pyproj says, and a GeoTIFF says what it holds and where."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from pyproj import CRS, Transformer

from geo.crs import metric_crs
from layers.rasters import Raster, WebPlace, sampled, tile_place, web_place, write_geotiff

CITIES = {
    "Beijing": (116.4, 39.9),
    "Chengdu": (104.07, 30.67),
    "Shanghai": (121.47, 31.23),
    "Harbin": (126.64, 45.76),
}


def raster_of(lon, lat, side_m=20_000.0, cell_m=25.0):
    """A square around a place, every cell holding its own column + 1000 * row."""
    crs = metric_crs(lon, lat)
    x, y = Transformer.from_crs(4326, crs, always_xy=True).transform(lon, lat)
    n = round(side_m / cell_m)
    row, column = np.mgrid[:n, :n]
    x0, y0 = float(np.round(x) - side_m / 2), float(np.round(y) - side_m / 2)
    return Raster((column + 1000.0 * row).astype(np.float32), x0, y0, cell_m, crs)


def pixel_centres(place, height, width):
    """Web Mercator metres of the middle of every pixel, from the bounds alone."""
    forward = Transformer.from_crs(4326, 3857, always_xy=True)
    west, south, east, north = place.bounds
    (x0, x1), (y0, y1) = forward.transform([west, east], [south, north])
    x = x0 + (np.arange(width) + 0.5) * (x1 - x0) / width
    y = y1 - (np.arange(height) + 0.5) * (y1 - y0) / height
    return np.meshgrid(x, y)


def away_m(raster, place):
    """Metres between where each pixel takes its value and where pyproj says that it lies."""
    mx, my = pixel_centres(place, *place.column.shape)
    x, y = Transformer.from_crs(3857, raster.crs, always_xy=True).transform(mx, my)
    taken_x = raster.x0 + (place.column + 0.5) * raster.cell_m
    taken_y = raster.y0 + (place.row + 0.5) * raster.cell_m
    return np.hypot(taken_x - x, taken_y - y)


@pytest.mark.parametrize("city", CITIES)
def test_a_picture_of_twenty_km_lies_within_half_a_cell(city):
    raster = raster_of(*CITIES[city])
    place = web_place(raster)
    away = away_m(raster, place)
    assert away.max() < raster.cell_m / 2
    assert away[[0, 0, -1, -1], [0, -1, 0, -1]].max() < raster.cell_m / 2


@pytest.mark.parametrize("city", CITIES)
def test_a_picture_that_is_not_warped_would_lie_far_off(city):
    """160 to 630 m at the corners: what the warp is for."""
    raster = raster_of(*CITIES[city])
    place = web_place(raster)
    height, width = place.column.shape
    ny, nx = raster.values.shape
    column = np.broadcast_to((np.arange(width) + 0.5) * nx / width - 0.5, (height, width))
    row = np.broadcast_to(((height - np.arange(height) - 0.5) * ny / height - 0.5)[:, None], (height, width))
    plain = WebPlace(column.astype(np.float32), row.astype(np.float32), place.bounds)
    assert away_m(raster, plain).max() > 100


@pytest.mark.parametrize("city", CITIES)
@pytest.mark.parametrize("zoom", [12, 15, 18])
def test_a_tile_lies_within_half_a_cell(city, zoom):
    lon, lat = CITIES[city]
    raster = raster_of(lon, lat)
    x = int((lon + 180) / 360 * 2**zoom)
    y = int((1 - np.arcsinh(np.tan(np.radians(lat))) / np.pi) / 2 * 2**zoom)
    place = tile_place(raster, zoom, x, y)
    west, south, east, north = place.bounds
    assert west <= lon < east and south <= lat < north
    assert place.column.shape == (256, 256)
    assert away_m(raster, place).max() < raster.cell_m / 2


def test_the_bounds_hold_the_whole_raster():
    raster = raster_of(*CITIES["Harbin"])
    west, south, east, north = web_place(raster).bounds
    edge = np.linspace(0, 20_000, 101)
    x = raster.x0 + np.concatenate([edge, edge, 0 * edge, 0 * edge + 20_000])
    y = raster.y0 + np.concatenate([0 * edge, 0 * edge + 20_000, edge, edge])
    lon, lat = Transformer.from_crs(raster.crs, 4326, always_xy=True).transform(x, y)
    assert west <= lon.min() + 1e-7 and lon.max() - 1e-7 <= east
    assert south <= lat.min() + 1e-7 and lat.max() - 1e-7 <= north


def test_values_between_four_cells_are_bilinear_and_nothing_lies_outside():
    values = np.array([[0.0, 4.0], [8.0, 20.0]])
    column = np.array([[0.0, 0.5, 1.0, 1.49, 1.51, -0.51, 0.25]], dtype=np.float32)
    row = np.array([[0.0, 0.5, 0.0, 1.0, 1.0, 0.0, 0.75]], dtype=np.float32)
    expected = [
        [0.0, 8.0, 4.0, 20.0, np.nan, np.nan, 0.25 * (0.75 * 0 + 0.25 * 4) + 0.75 * (0.75 * 8 + 0.25 * 20)]
    ]
    np.testing.assert_allclose(sampled(values, WebPlace(column, row, (0, 0, 1, 1))), expected, rtol=1e-6)


def test_north_is_up_and_east_is_right():
    raster = raster_of(*CITIES["Beijing"], side_m=2000.0)
    place = web_place(raster)
    northing = sampled(np.floor(raster.values / 1000), place)
    easting = sampled(raster.values % 1000, place)
    row, column = northing.shape[0] // 2, northing.shape[1] // 2
    assert northing[3, column] > northing[-4, column] + 70
    assert easting[row, -4] > easting[row, 3] + 70


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (3, 500)])
def test_a_raster_of_one_line_is_drawn(shape):
    crs = CRS.from_epsg(4547)
    raster = Raster(np.ones(shape), 500_000.0, 3_385_000.0, 25.0, crs)
    place = web_place(raster)
    assert np.nanmax(sampled(raster.values, place)) == 1.0
    assert away_m(raster, place).max() < 12.5


def test_a_geotiff_says_what_it_holds_and_where(tmp_path):
    values = np.array([[1.5, np.nan, 3.0], [4.0, 5.0, 6.25]], dtype=np.float32)
    raster = Raster(values, 500_100.0, 3_385_200.0, 25.0, CRS.from_epsg(4547))
    write_geotiff(raster, tmp_path / "heat.tif")
    with Image.open(tmp_path / "heat.tif") as picture:
        tags = picture.tag_v2
        np.testing.assert_array_equal(np.array(picture), values[::-1])
        assert tags[33550] == (25.0, 25.0, 0.0)
        # the north-western corner of the first pixel
        assert tags[33922] == (0.0, 0.0, 0.0, 500_100.0, 3_385_250.0, 0.0)
        keys = np.array(tags[34735]).reshape(-1, 4)
        assert keys[0].tolist() == [1, 1, 0, 3]
        assert {key: value for key, _, _, value in keys[1:].tolist()} == {1024: 1, 1025: 1, 3072: 4547}
        assert tags[42113].rstrip("\x00") == "nan"


def test_gdal_reads_the_geotiff_the_same_way(tmp_path):
    rasterio = pytest.importorskip("rasterio")
    raster = raster_of(*CITIES["Chengdu"], side_m=1000.0)
    write_geotiff(raster, tmp_path / "heat.tif")
    with rasterio.open(tmp_path / "heat.tif") as held:
        np.testing.assert_array_equal(held.read(1), raster.values[::-1])
        assert held.crs.to_epsg() == raster.crs.to_epsg()
        assert held.bounds == (raster.x0, raster.y0, raster.x0 + 1000, raster.y0 + 1000)
        assert np.isnan(held.nodata)
