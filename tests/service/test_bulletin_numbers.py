"""Numbers of bulletins stand in the order of their periods, in whatever order they are written."""

from __future__ import annotations

from datetime import date

import pytest

from geo.errors import DesignError
from service.usecases.bulletin_numbers import number_of
from service.usecases.periods import containing

START = date(2026, 1, 5)
# fortnights that end in 2026: 4 January, 18 January, ..., 8 November (23), 22 November (24), 20 December (26)


def fortnight(month, day, year=2026):
    return containing(date(year, month, day), "fortnight", START)


@pytest.mark.parametrize(
    ("day", "kind", "number"),
    [
        (date(2026, 1, 4), "fortnight", 1),
        (date(2026, 1, 5), "fortnight", 2),
        (date(2026, 11, 20), "fortnight", 24),
        (date(2026, 11, 20), "month", 11),
        (date(2026, 8, 20), "quarter", 3),
        (date(2026, 8, 20), "two-months", 4),
        (date(2026, 8, 20), "year", 1),
        (date(2026, 1, 4), "week", 1),
        (date(2026, 1, 5), "week", 2),
    ],
)
def test_the_first_bulletin_has_the_place_of_its_period_in_the_year(day, kind, number):
    assert number_of(containing(day, kind, START), {}) == number


def test_a_bulletin_that_was_skipped_keeps_its_number_free():
    taken = {date(2026, 10, 25): 22}
    assert number_of(fortnight(11, 20), taken) == 24
    taken[date(2026, 11, 22)] = 24
    assert number_of(fortnight(11, 1), taken) == 23
    assert number_of(fortnight(9, 20), taken) == 20


def test_an_office_that_counts_otherwise_is_counted_on_and_back_from_its_number():
    taken = {date(2026, 11, 22): number_of(fortnight(11, 20), {}, 3)}
    assert number_of(fortnight(12, 10), taken) == 5
    assert number_of(fortnight(11, 1), taken) == 2
    with pytest.raises(DesignError) as none:
        number_of(fortnight(10, 1), taken)
    assert none.value.code == "bulletin_number_none"


@pytest.mark.parametrize("wanted", [20, 22, 24, 30])
def test_a_number_out_of_order_is_refused(wanted):
    taken = {date(2026, 10, 25): 22, date(2026, 11, 22): 24}
    with pytest.raises(DesignError) as refused:
        number_of(fortnight(11, 1), taken, wanted)
    assert refused.value.code == "bulletin_number"
    assert number_of(fortnight(11, 1), taken, 23) == 23


def test_periods_of_another_beginning_never_take_a_number_again():
    # the office moved the beginning of its fortnights by a week
    moved = containing(date(2026, 11, 20), "fortnight", date(2026, 1, 12))
    assert (moved.since, moved.last) == (date(2026, 11, 16), date(2026, 11, 29))
    assert number_of(moved, {date(2026, 11, 22): 24}) == 25
