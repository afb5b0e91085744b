"""Labels and marks on a drawn map never cover one another."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.label_places import Box, apart, around, beside

FRAME = Box(0, 0, 1900, 1000)
INNER = Box(27, 27, 1873, 973)
PLACES = st.lists(st.tuples(st.floats(27, 1873), st.floats(27, 973)), min_size=1, max_size=14)


def nearest(points: np.ndarray) -> float:
    return min((float(np.hypot(*(a - b))) for a, b in itertools.combinations(points, 2)), default=np.inf)


@settings(deadline=None, max_examples=60)
@given(PLACES)
def test_marks_end_apart_and_inside_the_frame(places):
    placed = apart(np.array(places), 58, INNER)
    assert nearest(placed) >= 0.98 * 58
    assert all(around(x, y, 27).within(Box(-1e-6, -1e-6, 1900 + 1e-6, 1000 + 1e-6)) for x, y in placed)


@pytest.mark.parametrize("count", [2, 5, 12])
def test_marks_at_one_place_are_parted_and_stay_near_it(count):
    placed = apart(np.full((count, 2), 500.0), 58, INNER)
    assert nearest(placed) >= 0.98 * 58
    assert np.hypot(*(placed - 500).T).max() < 58 * count**0.5


def test_marks_that_are_apart_stay_where_they_are():
    places = np.array([[100.0, 100.0], [300.0, 100.0], [100.0, 700.0]])
    assert np.abs(apart(places, 58, INNER) - places).max() < 0.1


@settings(deadline=None, max_examples=60)
@given(PLACES, st.floats(30, 420))
def test_no_label_covers_a_label_a_mark_or_what_is_taken_or_leaves_the_frame(places, width):
    points = apart(np.array(places), 58, INNER)
    taken = [Box(1800, 16, 1884, 140), Box(0, 934, 640, 1000)]
    found = beside(
        points, [(width, 34.5)] * len(points), radius=27, frame=FRAME, taken=taken, avoid=np.empty((0, 2))
    )
    shown = [box for box in found if box is not None]
    marks = [around(x, y, 27) for x, y in points]
    assert not any(a.overlaps(b) for a, b in itertools.combinations(shown, 2))
    assert not any(box.overlaps(other) for box in shown for other in [*taken, *marks])
    assert all(box.within(FRAME) for box in shown)


def test_a_label_goes_where_it_covers_least_of_the_routes_and_else_to_the_right():
    middle = np.array([[500.0, 500.0]])
    (free,) = beside(middle, [(200, 34)], radius=27, frame=FRAME, taken=[], avoid=np.empty((0, 2)))
    assert free.left > 527
    assert free.top < 500 < free.bottom
    east = np.column_stack((np.arange(527.0, 900.0, 5.0), np.full(75, 500.0)))
    (moved,) = beside(middle, [(200, 34)], radius=27, frame=FRAME, taken=[], avoid=east)
    assert moved.covers(east) == 0


def test_without_room_there_is_no_label():
    (none,) = beside(
        np.array([[500.0, 500.0]]), [(5000, 34)], radius=27, frame=FRAME, taken=[], avoid=np.empty((0, 2))
    )
    assert none is None
