"""Codes of fifteen digits: the order of numbering, and everything that can be wrong with a code."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.errors import LayerError
from geo.grid_codes import CodeFault, check_codes, fault_of, levels_with_codes, number, reading_order

COMMUNITY = "999101001001"


def cell(x, y, width=100.0, height=100.0):
    return shapely.box(500_000 + x, 3_385_000 + y, 500_000 + x + width, 3_385_000 + y + height)


def order(*cells):
    return reading_order(np.array(cells, dtype=object)).tolist()


def test_cells_are_read_from_west_to_east_and_from_north_to_south():
    lattice = [cell(x * 100, y * 100) for y in range(3) for x in range(4)]  # from the south-west
    assert order(*lattice) == [8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3]


def test_a_row_reaches_half_a_cell_south_of_its_northernmost_middle():
    # middles at 0, -50, -51: half of 100 m is 50 m, so the third opens a row of its own
    assert order(cell(200, 0), cell(0, -50), cell(100, -51)) == [1, 0, 2]


def test_of_two_cells_equally_far_west_the_more_northerly_comes_first():
    assert order(cell(0, -40), cell(0, 0), cell(100, 10)) == [1, 0, 2]


def test_a_typical_cell_is_as_high_as_the_median():
    # one cell of 900 m does not make rows of 450 m: the median of 100, 100, 900 is 100
    assert order(cell(0, 0), cell(-100, -100), cell(500, -950, 100, 900)) == [0, 1, 2]


def test_rounding_does_not_tear_a_row():
    assert order(cell(100, 0), cell(0, -50 - 1e-9)) == [1, 0]


def test_no_cells_have_no_order():
    assert order() == []


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=1, max_size=30, unique=True),
    st.randoms(),
)
def test_the_order_of_the_input_plays_no_part(places, chance):
    cells = [cell(x * 37.0, y * 29.0) for x, y in places]
    shuffled = list(range(len(cells)))
    chance.shuffle(shuffled)
    again = [shuffled[at] for at in order(*(cells[at] for at in shuffled))]
    assert again == order(*cells)


def test_cells_are_numbered_from_001_as_text():
    codes = number(np.array([cell(0, 0), cell(0, 100), cell(100, 100)], dtype=object), COMMUNITY)
    assert codes == ["999101001001003", "999101001001001", "999101001001002"]


def test_more_than_999_cells_are_refused():
    cells = np.array([cell(x * 100, y * 100) for x in range(40) for y in range(25)], dtype=object)
    assert len(set(number(cells[:999], COMMUNITY))) == 999
    with pytest.raises(LayerError) as caught:
        number(cells, COMMUNITY)
    assert (caught.value.code, caught.value.facts["count"]) == ("code_many", 1000)


@pytest.mark.parametrize(
    "parent", ["99910100100", "9991010010011", "99910100100A", "９９９１０１００１００１", ""]
)
def test_cells_of_an_area_without_a_code_cannot_be_numbered(parent):
    with pytest.raises(LayerError) as caught:
        number(np.array([cell(0, 0)], dtype=object), parent)
    assert caught.value.code == "code_parent"


@pytest.mark.parametrize(
    ("code", "kind", "detail"),
    [
        ("110101001001001", None, None),
        ("1.1E+14", "float", ""),
        ("1.10101E+14", "float", ""),
        ("1.10101001001001E+14", "float_whole", "110101001001001"),
        ("1.1010100100101E+14", "float_whole", "110101001001010"),  # the last nought is not shown
        ("110101001001001.0", "float_whole", "110101001001001"),
        (110101001001001.0, "float_whole", "110101001001001"),
        (1.1e13, "float", ""),
        ("11010100100100", "length", "14"),
        ("1101010010010011", "length", "16"),
        ("11010100100100X", "not_digits", ""),
        ("１１０１０１００１００１００１", "not_digits", ""),  # full-width digits
        (" 110101001001001", "not_digits", ""),
        ("110101-001001001", "not_digits", ""),
        ("", "not_digits", ""),
        (None, "not_digits", ""),
        ("110101001001000", "zero_serial", ""),
    ],
)
def test_a_code_is_fifteen_digits_of_text(code, kind, detail):
    found = fault_of(code, "grid")
    assert (found and found.kind, found and found.detail) == (kind, detail)


def test_each_level_has_its_length():
    for level, code in (("district", "110101"), ("subdistrict", "110101001"), ("community", "110101001001")):
        assert fault_of(code, level) is None
        assert fault_of(code + "1", level).kind == "length"
    assert fault_of("110000", "district") is None  # a district code may end in noughts


def faults(*rows):
    ids, levels, parents = zip(*rows, strict=True)
    return [(fault.kind, fault.code, fault.detail) for fault in check_codes(ids, levels, parents)]


def test_nested_codes_without_a_hole_have_no_fault():
    assert faults(
        ("999101", "district", None), ("999101001", "subdistrict", "999101"),
        ("999101001001", "community", "999101001"), ("999101001002", "community", "999101001"),
        ("999101001001001", "grid", "999101001001"), ("999101001001002", "grid", "999101001001"),
        ("999101001002001", "grid", "999101001002"),
    ) == []  # fmt: skip


def test_a_code_must_begin_with_that_of_its_parent():
    assert faults(("999101001001001", "grid", "999101001002")) == [
        ("prefix", "999101001001001", "999101001002")
    ]


def test_repeated_codes_and_missing_serials_are_told():
    told = faults(*((f"{COMMUNITY}{serial:03d}", "grid", COMMUNITY) for serial in (2, 3, 3, 5, 9)))
    assert ("repeated", f"{COMMUNITY}003", "2") in told
    assert ("serial_gap", COMMUNITY, "001, 004, 006-008") in told
    assert len(told) == 2


def test_a_faulty_code_is_told_once_and_leaves_a_hole():
    told = faults(("1.1E+14", "grid", COMMUNITY), (f"{COMMUNITY}001", "grid", COMMUNITY))
    assert told == [("float", "1.1E+14", "")]


def test_a_city_with_ids_of_its_own_has_no_codes_to_check():
    rows = (("W-17", "grid", "C-2"), ("12345", "grid", "C-2"), ("110101", "district", None))
    assert faults(*rows) == []
    assert levels_with_codes([row[0] for row in rows], [row[1] for row in rows]) == {"district"}
    # all codes of a column saved as numbers are still meant as codes
    assert levels_with_codes(["1.1E+14", "1.1E+14"], ["grid", "grid"]) == {"grid"}


def test_a_fault_says_its_level():
    assert fault_of("7", "community") == CodeFault("length", "community", "7", "1")
