"""An issue belongs to the unit it lies in or next to, and to none that is too far."""

import numpy as np
import pytest
import shapely

from geo.errors import CRSError
from geo.nearest import NONE, nearest_unit

PLANE = "EPSG:4547"


def shapes(*given):
    array = np.empty(len(given), dtype=object)
    array[:] = given
    return array


LINE = shapely.LineString([(0, 0), (100, 0)])
BOX = shapely.box(0, 50, 100, 150)


def test_distances_are_those_of_the_plane():
    points = shapes(*(shapely.Point(xy) for xy in [(50, 10), (103, 4), (50, 100), (50, 45), (500, 500)]))
    unit, distance = nearest_unit(points, shapes(LINE, BOX), crs=PLANE, within_m=30)
    # above the line; 3-4-5 beyond its end; inside the box; 5 m below it; nowhere near
    assert unit.tolist() == [0, 0, 1, 1, NONE]
    np.testing.assert_allclose(distance, [10, 5, 0, 5, np.inf], rtol=1e-12)


@pytest.mark.parametrize(("away", "belongs"), [(29.99, 0), (30.0, 0), (30.01, NONE)])
def test_the_limit_itself_is_near_enough(away, belongs):
    unit, _ = nearest_unit(shapes(shapely.Point(50, away)), shapes(LINE), crs=PLANE, within_m=30)
    assert unit[0] == belongs


def test_of_units_equally_near_the_first_serves():
    left, right = shapely.Point(-10, 0), shapely.Point(10, 0)
    for units in (shapes(left, right, left), shapes(right, left, left)):
        unit, _ = nearest_unit(shapes(shapely.Point(0, 0)), units, crs=PLANE, within_m=30)
        assert unit[0] == 0


def test_where_one_side_is_missing_nothing_belongs():
    none = shapes()
    unit, distance = nearest_unit(shapes(shapely.Point(0, 0)), none, crs=PLANE, within_m=30)
    assert (unit.tolist(), distance.tolist()) == ([NONE], [np.inf])
    unit, distance = nearest_unit(none, shapes(LINE), crs=PLANE, within_m=30)
    assert len(unit) == len(distance) == 0


def test_degrees_are_refused():
    with pytest.raises(CRSError):
        nearest_unit(shapes(shapely.Point(116, 39)), shapes(LINE), crs="EPSG:4326", within_m=30)
