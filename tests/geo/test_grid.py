"""Cells, hexagons and windows: against shapely cell by cell, and by hand."""

import numpy as np
import pytest
import shapely

from geo.errors import StatisticsError
from geo.grid import OUTSIDE, Grid, grid_over, hexagons_over, locate_areas, tally
from geo.window import cut_lines, make_window

CRS = "EPSG:4547"
HOLED = shapely.MultiPolygon([
    shapely.Polygon(
        [(3, 4), (97, 11), (120, 80), (60, 55), (14, 88)], [[(40, 20), (70, 24), (52, 41)], [(20, 30), (20, 50), (30, 50), (30, 30)]]
    ),
    shapely.box(20, 100, 47.5, 130),
    shapely.Polygon([(70, 100), (71, 100), (70.5, 101)]),
])  # fmt: skip


def wild(seed):
    """A valid area of many corners, some on the lines and corners of the grid."""
    rng = np.random.default_rng(seed)
    spots = np.where(
        rng.random((12, 2)) < 0.3, rng.integers(0, 13, (12, 2)) * 10.0, rng.uniform(0, 120, (12, 2))
    )
    return shapely.union_all(
        shapely.buffer(
            shapely.points(spots), rng.choice([4.0, 10.0, 21.0], 12), quad_segs=3, cap_style="square"
        )
    )


def boxes(grid):
    xs, ys = np.meshgrid(*grid.centres())
    half = grid.cell_m / 2
    return shapely.box(xs - half, ys - half, xs + half, ys + half)


@pytest.mark.parametrize("area", [HOLED, *(wild(seed) for seed in range(12))])
def test_share_and_middle_of_a_cell_are_those_of_its_overlap(area):
    window = make_window(area, 10.0, crs=CRS)
    part = shapely.intersection(boxes(window.grid), area)
    np.testing.assert_allclose(window.share, shapely.area(part) / 100, atol=1e-9)
    middle = shapely.centroid(part).ravel()[window.cut]
    big = window.share.ravel()[window.cut] > 1e-3
    np.testing.assert_allclose(window.middle_x[big], shapely.get_x(middle)[big], atol=1e-6)
    np.testing.assert_allclose(window.middle_y[big], shapely.get_y(middle)[big], atol=1e-6)
    assert window.km2 == pytest.approx(area.area / 1e6, rel=1e-12)


@pytest.mark.parametrize("area", [HOLED, *(wild(seed) for seed in range(12))])
def test_a_window_holds_the_points_that_the_polygon_holds(area):
    window = make_window(area, 10.0, crs=CRS)
    corners = shapely.get_coordinates(area)
    around = np.random.default_rng(1).uniform(-20, 150, (3000, 2))
    lattice = np.stack(np.meshgrid(np.arange(-10, 151, 5.0), np.arange(-10, 151, 5.0)), axis=-1).reshape(
        -1, 2
    )
    x, y = np.concatenate([corners, around, lattice, [[np.nan, 5], [5, np.nan], [np.inf, 5]]]).T
    finite = np.isfinite(x) & np.isfinite(y)
    want = np.zeros(len(x), bool)
    want[finite] = shapely.intersects_xy(area, x[finite], y[finite])
    np.testing.assert_array_equal(window.holds(x, y), want)


def test_a_grid_starts_at_whole_cells_and_holds_its_borders():
    assert grid_over((-3.0, 10.0, 40.0, 40.0), 10.0) == Grid(-10.0, 10.0, 10.0, 6, 4)
    assert grid_over((0.0, 0.0, 5.0, 5.0), 10.0, margin_m=15.0) == Grid(-20.0, -20.0, 10.0, 5, 5)


def test_points_fall_into_half_open_cells_from_the_south_west():
    grid = Grid(100.0, 200.0, 10.0, 3, 2)
    x = [100, 109.9, 110, 129.9, 130, 99.9, np.nan, 115]
    y = [200, 209.9, 200, 219.9, 210, 210, 205, 220]
    assert grid.locate(x, y).tolist() == [0, 0, 1, 5, OUTSIDE, OUTSIDE, OUTSIDE, OUTSIDE]
    assert grid.locate([], []).tolist() == []
    assert grid.bounds == (100, 200, 130, 220)


def test_a_tally_adds_weights_and_leaves_out_the_outside():
    place = np.array([0, 2, 2, OUTSIDE])
    assert tally(place, 4).tolist() == [1, 0, 2, 0]
    assert tally(place, 4, [0.5, 1, 2, 9]).tolist() == [0.5, 0, 3, 0]
    assert tally(np.empty(0, np.int64), 2).tolist() == [0, 0]


@pytest.mark.parametrize("width", [37.0, 200.0])
def test_a_point_goes_to_the_hexagon_around_it(width):
    area = shapely.box(-400, 300, 700, 1500)
    hexagons = hexagons_over(area, width)
    x, y = np.random.default_rng(2).uniform([[-400], [300]], [[700], [1500]], (2, 2000))
    row = hexagons.locate(x, y)
    assert (row != OUTSIDE).all()
    assert shapely.intersects_xy(shapely.buffer(hexagons.polygons()[row], 1e-6), x, y).all()
    # the nearest centre, tried one by one
    cx, cy = hexagons.centres()
    np.testing.assert_array_equal(row, np.argmin((cx - x[:, None]) ** 2 + (cy - y[:, None]) ** 2, axis=1))


def test_hexagons_tile_the_area_and_are_as_wide_as_said():
    hexagons = hexagons_over(HOLED, 15.0)
    shapes = hexagons.polygons()
    assert (hexagons.share * hexagons.hexagon_km2).sum() == pytest.approx(HOLED.area / 1e6, rel=1e-9)
    assert shapely.area(shapes) == pytest.approx(hexagons.hexagon_km2 * 1e6)
    west, south, east, north = shapely.bounds(shapes).T
    np.testing.assert_allclose(east - west, 15.0)
    np.testing.assert_allclose(north - south, 15.0 * 2 / 3**0.5)
    assert shapely.intersects(shapes, HOLED).all()
    assert hexagons.locate([1e7, np.nan], [0.0, 0.0]).tolist() == [OUTSIDE, OUTSIDE]
    assert len(hexagons_over(shapely.Polygon(), 15.0)) == 0


def test_too_many_hexagons_are_refused():
    with pytest.raises(StatisticsError) as caught:
        hexagons_over(shapely.box(0, 0, 100_000, 100_000), 10.0)
    assert caught.value.code == "grid_large"
    with pytest.raises(StatisticsError):
        hexagons_over(HOLED, -5.0)


def test_a_point_on_a_shared_border_belongs_to_the_first_area():
    areas = np.array(
        [shapely.box(0, 0, 10, 10), shapely.box(10, 0, 20, 10), None, shapely.box(0, 0, 20, 10)], object
    )
    x, y = [5, 10, 15, 20, 25, np.nan], [5, 5, 5, 5, 5, 5]
    assert locate_areas(areas, x, y).tolist() == [0, 0, 1, 1, OUTSIDE, OUTSIDE]
    assert locate_areas(areas[:0], x, y).tolist() == [OUTSIDE] * 6


def test_lines_are_cut_at_the_cells_and_keep_their_length():
    grid = Grid(0.0, 0.0, 10.0, 12, 12)
    rng = np.random.default_rng(4)
    lines = np.array(
        [shapely.LineString(rng.uniform(-30, 150, (9, 2))) for _ in range(20)]
        + [
            shapely.LineString([(0, 0), (120, 120)]),
            shapely.LineString([(20, 5), (20, 115)]),
            None,
            shapely.LineString(),
        ]
        + [shapely.MultiLineString([[(1, 1), (2, 1)], [(15, 1), (5, 1)]])],
        dtype=object,
    )
    pieces = cut_lines(lines, grid)
    inside = shapely.length(shapely.intersection(lines[:20], shapely.box(*grid.bounds)))
    want = [*inside, 120 * 2**0.5, 110, 0, 0, 11]
    np.testing.assert_allclose(np.bincount(pieces.line, pieces.length_m, minlength=25), want, rtol=1e-9)
    cells = boxes(grid)
    held = np.bincount(grid.locate(pieces.x, pieces.y), pieces.length_m, minlength=144).reshape(12, 12)
    # a line along a border of cells counts in the cell to the east: none of the random ones does
    random = pieces.line < 20
    held = np.bincount(
        grid.locate(pieces.x[random], pieces.y[random]), pieces.length_m[random], minlength=144
    )
    exact = sum(shapely.length(shapely.intersection(cells, line)) for line in lines[:20])
    np.testing.assert_allclose(held.reshape(12, 12), exact, atol=1e-6)
