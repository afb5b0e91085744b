"""Cutting areas: the pieces add up, share every corner, and a line that ends inside is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.area_cuts import MOST, SMALL, cut_by_axes, cut_by_line, cut_into_cells
from geo.errors import LayerError

EAST, NORTH = 500_000.0, 3_385_000.0


def shift(shape):
    return shapely.transform(shape, lambda xy: xy + np.array([EAST, NORTH]))


def square(side=100.0):
    return shift(shapely.box(0, 0, side, side))


def line(*spots):
    return shift(shapely.LineString(spots))


def whole(pieces, area):
    """The pieces cover the area once, and share every corner."""
    assert float(shapely.area(pieces).sum()) == pytest.approx(area.area, rel=1e-9)
    assert shapely.coverage_is_valid(pieces)
    assert shapely.is_valid(pieces).all()
    assert shapely.area(shapely.symmetric_difference(shapely.union_all(pieces), area)) < 1e-6 * area.area


def refused(code, function, *arguments):
    with pytest.raises(LayerError) as caught:
        function(*arguments)
    assert caught.value.code == code
    return caught.value


def test_a_line_cuts_a_square_in_two_of_known_size_the_western_first():
    pieces = cut_by_line(square(), line((30, -5), (30, 105)))
    assert shapely.area(pieces).tolist() == pytest.approx([3000, 7000], rel=1e-12)
    whole(pieces, square())


def test_an_end_on_the_border_or_a_millimetre_short_of_it_reaches_it():
    for short in (0.0, 0.0009):
        pieces = cut_by_line(square(), line((30, short), (30, 100 - short)))
        assert shapely.area(pieces).tolist() == pytest.approx([3000, 7000], abs=0.01)


def test_a_bent_line_and_a_bay_give_three_pieces():
    pieces = cut_by_line(square(), line((20, -1), (20, 50), (60, 50), (60, -1)))
    assert sorted(shapely.area(pieces).tolist()) == pytest.approx([2000, 8000])
    bay = shift(shapely.Polygon([(0, 0), (90, 0), (90, 90), (60, 90), (60, 30), (30, 30), (30, 90), (0, 90)]))
    pieces = cut_by_line(bay, line((-1, 60), (91, 60)))
    assert sorted(shapely.area(pieces).tolist()) == pytest.approx([900, 900, 4500])
    whole(pieces, bay)


def test_two_lines_in_one_cut_in_four():
    cross = shapely.union_all([line((50, -1), (50, 101)), line((-1, 50), (101, 50))])
    pieces = cut_by_line(square(), cross)
    middle = shapely.get_coordinates(shapely.centroid(pieces)) - [EAST, NORTH]
    # north-west, north-east, south-west, south-east
    assert middle.tolist() == [[25, 75], [75, 75], [25, 25], [75, 25]]


def test_a_line_that_ends_inside_is_refused_with_what_leads_nowhere():
    fault = refused("cut_not_through", cut_by_line, square(), line((50, -5), (50, 60)))
    assert float(fault.facts["loose_m"]) == pytest.approx(60, abs=0.1)
    # it cuts through, but a second line ends inside
    both = shapely.union_all([line((50, -5), (50, 105)), line((70, 20), (70, 40))])
    assert float(refused("cut_not_through", cut_by_line, square(), both).facts["loose_m"]) == pytest.approx(
        20, abs=0.1
    )


@pytest.mark.parametrize(
    "spots",
    [
        ((200, 0), (200, 100)),
        ((0, -10), (0, 110)),
        ((-1, 100.002), (101, 100.002)),
        ((50, 99.999), (200, 200)),
    ],
)
def test_a_line_outside_along_the_border_or_at_a_corner_cuts_nothing(spots):
    with pytest.raises(LayerError) as caught:
        cut_by_line(square(), line(*spots))
    assert caught.value.code in ("cut_misses", "cut_not_through")


def test_a_speck_at_the_border_is_no_piece():
    # the line runs 1 cm inside the border for 60 m, then outside: 0.6 m2
    drawn = line((-1, 99.99), (60, 99.99), (60.1, 101))
    refused("cut_misses", cut_by_line, square(), drawn)


def test_a_hole_stays_a_hole():
    ring = square().difference(shift(shapely.box(40, 40, 60, 60)))
    pieces = cut_by_line(ring, line((50, -1), (50, 101)))
    assert shapely.area(pieces).tolist() == pytest.approx([4800, 4800])
    whole(pieces, ring)
    # from the border to the hole only: it opens the ring, but cuts nothing off
    refused("cut_not_through", cut_by_line, ring, line((50, -1), (50, 50)))


def test_a_part_that_is_not_cut_stays_with_the_nearest_piece():
    exclave = square().union(shift(shapely.box(120, 0, 140, 10)))
    pieces = cut_by_line(exclave, line((50, -1), (50, 101)))
    assert shapely.area(pieces).tolist() == pytest.approx([5000, 5200])
    assert pieces[1].geom_type == "MultiPolygon"


def test_axes_of_a_turned_rectangle_are_its_own():
    turned = shapely.affinity.rotate(shift(shapely.box(0, 0, 300, 200)), 30)
    pieces = cut_by_axes(turned, 3, 2)
    assert shapely.area(pieces).tolist() == pytest.approx([10_000] * 6)
    whole(pieces, turned)


def test_axes_to_the_north_are_those_of_the_plane():
    pieces = cut_by_axes(shift(shapely.box(0, 0, 200, 300)), 2, 3, north=True)
    boxes = shapely.bounds(pieces) - [EAST, NORTH, EAST, NORTH]
    assert boxes.round(9).tolist() == [
        [0, 200, 100, 300], [100, 200, 200, 300], [0, 100, 100, 200], [100, 100, 200, 200],
        [0, 0, 100, 100], [100, 0, 200, 100],
    ]  # fmt: skip
    turned = shapely.affinity.rotate(square(), 45)
    assert shapely.area(cut_by_axes(turned, 2, 2, north=True)).tolist() == pytest.approx([2500] * 4)


def test_cells_are_about_as_large_as_asked_for():
    pieces = cut_into_cells(shift(shapely.box(0, 0, 520, 310)))
    # 520 m by 310 m hold 5 by 3 squares of about 100 m
    assert len(pieces) == 15
    assert shapely.area(pieces).tolist() == pytest.approx([104 * 310 / 3] * 15)
    assert len(cut_into_cells(shift(shapely.box(0, 0, 122, 123)))) == 2  # at least two


def test_small_cells_join_each_other_until_they_are_large_enough():
    # four cells of 100 m: 10 000, 10 000, 2 000 and 1 800 m2; the last two make 3 800 and stay
    arm = shift(
        shapely.Polygon([(0, 0), (400, 0), (400, 18), (300, 18), (300, 20), (200, 20), (200, 100), (0, 100)])
    )
    pieces = cut_into_cells(arm, north=True)
    assert sorted(shapely.area(pieces).tolist()) == pytest.approx([3800, 10_000, 10_000])


def test_no_cell_is_left_below_three_tenths_of_the_target():
    triangle = shift(shapely.Polygon([(0, 0), (1000, 0), (0, 700)]))
    pieces = cut_into_cells(triangle)
    whole(pieces, triangle)
    assert shapely.area(pieces).min() >= SMALL * 10_000
    assert shapely.get_num_geometries(pieces).max() == 1
    assert 25 <= len(pieces) <= 45  # 35 ha


@pytest.mark.parametrize("wanted", [(1, 1), (0, 5), (-2, -2), (50, 20)])
def test_one_piece_none_or_too_many_are_refused(wanted):
    assert refused("cut_counts", cut_by_axes, square(), *wanted).facts["most"] == MOST


@pytest.mark.parametrize("cell_m2", [0.0, -1.0, math.nan, math.inf, 9_000.0])
def test_a_cell_of_no_size_or_as_large_as_the_area_is_refused(cell_m2):
    refused("cut_cell_size", cut_into_cells, square(), cell_m2)


def test_more_cells_than_serial_numbers_are_refused_with_what_would_do():
    large = square(4000)  # 1600 cells
    fault = refused("cut_many", cut_into_cells, large)
    assert fault.facts["count"] == 1600
    assert len(cut_into_cells(large, fault.facts["enough_m2"])) <= MOST
    refused("cut_many", cut_into_cells, square(20_000))


@st.composite
def stars(draw):
    """A polygon around the middle: corners at rising angles, so that it never crosses itself."""
    radii = draw(st.lists(st.floats(40, 400), min_size=5, max_size=14))
    angles = np.linspace(0, 2 * np.pi, len(radii), endpoint=False) + draw(st.floats(0, 1))
    return shift(shapely.Polygon(np.column_stack([np.cos(angles) * radii, np.sin(angles) * radii])))


@settings(max_examples=60, deadline=None)
@given(stars(), st.floats(0, math.pi), st.floats(-30, 30))
def test_any_line_across_any_area_gives_pieces_that_add_up(area, angle, aside):
    along, across = (
        np.array([math.cos(angle), math.sin(angle)]),
        np.array([-math.sin(angle), math.cos(angle)]),
    )
    drawn = line(*(across * aside + along * far for far in (-1000, 1000)))
    pieces = cut_by_line(area, drawn)
    assert len(pieces) >= 2
    whole(pieces, area)


@settings(max_examples=60, deadline=None)
@given(stars(), st.integers(1, 6), st.integers(2, 6), st.booleans())
def test_any_lattice_over_any_area_gives_pieces_that_add_up(area, along, across, north):
    whole(cut_by_axes(area, along, across, north=north), area)


@settings(max_examples=30, deadline=None)
@given(stars(), st.floats(200, 2000), st.booleans())
def test_any_cells_add_up(area, cell_m2, north):
    if area.area < 1.5 * cell_m2 or area.area > 600 * cell_m2:
        return
    pieces = cut_into_cells(area, cell_m2, north=north)
    whole(pieces, area)
    assert len(pieces) >= 1
