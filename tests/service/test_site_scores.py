"""Scores of items, sites and areas: the vectors of the domain reference, and a loop over everything."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction as F

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers.rule_tables import shipped
from layers.rules import Item
from service.supervision.rulebook import build
from service.supervision.site_scores import (
    Score,
    combined,
    counted_cases,
    mark,
    percent,
    rounded,
    score,
    worth,
)

LADDER = build(shipped()).scoring
BINARY = replace(LADDER, convention="binary")


def item(number: int = 1, weight: float = 1.0, *, strict: bool = False, site_type: str = "market") -> Item:
    return Item(f"{site_type}-{number:02d}", site_type, "HJ01", "地面干净", "clean", "", weight, strict)


def judged(*told: tuple[float, str, int]) -> Score:
    """The score of a site with items of these weights, verdicts and cases."""
    items = [(item(number, weight), verdict, cases) for number, (weight, verdict, cases) in enumerate(told)]
    return score((one, mark(one, verdict, cases, LADDER)) for one, verdict, cases in items)


# -- items


@pytest.mark.parametrize(
    ("cases", "grade", "value"),
    [(0, "A", "1"), (1, "B", "0.66"), (2, "C", "0.33"), (3, "C#", "0"), (40, "C#", "0")],
)
def test_the_ladder_counts_the_cases(cases, grade, value):
    told = mark(item(), "no" if cases else "yes", cases, LADDER)
    assert (told.grade, told.value, told.cases) == (grade, F(value), cases)


@pytest.mark.parametrize(("cases", "grade", "value"), [(0, "A", 1), (1, "C#", 0), (2, "C#", 0), (9, "C#", 0)])
def test_a_strict_item_has_no_steps_between(cases, grade, value):
    told = mark(item(strict=True), "no" if cases else "yes", cases, LADDER)
    assert (told.grade, told.value) == (grade, value)


@pytest.mark.parametrize(("cases", "grade", "value"), [(0, "yes", 1), (1, "no", 0), (7, "no", 0)])
def test_the_binary_convention_is_all_or_nothing(cases, grade, value):
    told = mark(item(), "no" if cases else "yes", cases, BINARY)
    assert (told.grade, told.value) == (grade, value)


def test_the_convention_may_be_that_of_a_type():
    mixed = replace(LADDER, conventions={"market": "binary"})
    assert mark(item(), "no", 1, mixed).value == 0
    assert mark(item(site_type="mall"), "no", 1, mixed).value == F(66, 100)


@pytest.mark.parametrize("verdict", ["na", "unseen"])
def test_what_does_not_apply_or_was_not_seen_has_no_mark(verdict):
    assert mark(item(), verdict, 0, LADDER) is None
    assert mark(item(), verdict, 0, BINARY) is None


@pytest.mark.parametrize("scoring", [LADDER, BINARY])
@pytest.mark.parametrize("strict", [False, True])
def test_cases_inside_marked_lines_do_not_count(scoring, strict):
    told = mark(item(strict=strict), "no", 5, scoring, inside_lines=True)
    assert (told.value, told.cases) == (1, 0)


def test_a_no_without_a_number_is_one_case():
    assert counted_cases("no", 0, inside_lines=False) == 1
    assert mark(item(), "no", 0, LADDER).grade == "B"


def test_other_cuts_move_the_steps():
    wide = replace(LADDER, cuts=(0, 2, 5, 9))
    grades = [mark(item(), "no", cases, wide).grade for cases in range(1, 11)]
    assert grades == ["A", "B", "B", "B", "C", "C", "C", "C", "C#", "C#"]


def test_the_worth_of_an_item_is_told_for_every_number_of_cases():
    assert worth(item(), LADDER) == (1, F(66, 100), F(33, 100), 0)
    assert worth(item(strict=True), LADDER) == (1, 0, 0, 0)
    # 1 case is no, and every further one is too
    assert set(worth(item(), BINARY)[1:]) == {0}


# -- sites


def test_the_vector_of_the_domain_reference():
    assert judged((1, "yes", 0), (1, "no", 1), (2, "no", 3)).rate == F(415, 1000)
    assert judged((1, "yes", 0), (1, "no", 1), (2, "na", 0)).rate == F(83, 100)
    assert judged((1, "yes", 0), (1, "no", 1), (2, "unseen", 0)).rate == F(83, 100)


def test_a_site_without_an_applicable_item_has_no_score():
    assert judged((1, "na", 0), (2, "unseen", 0)).rate is None
    assert judged().rate is None


def test_a_weight_counts_as_it_is_written():
    # 0.1 is a tenth, not the nearest binary number
    assert judged((0.1, "yes", 0), (0.2, "no", 3)).rate == F(1, 3)


def test_the_base_counts_items_and_observations():
    one = judged((1, "yes", 0), (1, "no", 1), (2, "na", 0))
    assert (len(one.items), one.observations) == (2, 2)
    both = one + one  # the same two items at another site
    assert (len(both.items), both.observations) == (2, 4)


# -- areas


def test_an_area_is_the_mean_of_its_types_and_not_of_its_sites():
    # three markets at 1, 1/2, 0 and one school at 1: 1/2 and 1
    sites = [("market", Score(F(got), F(2), frozenset("ab"), 2)) for got in (2, 1, 0)]
    sites.append(("school", Score(F(3), F(3), frozenset("cde"), 3)))
    told = combined(sites, {})
    assert told.rate == F(3, 4)
    assert (told.sites, told.without, told.items, told.observations) == (4, 0, 5, 9)
    assert told.types == {"market": (F(1, 2), 3), "school": (F(1), 1)}
    assert combined(sites, {"market": F(3)}).rate == (3 * F(1, 2) + 1) / 4
    assert combined(sites, {"market": F(0)}).rate == 1


def test_a_site_without_a_score_is_told_and_left_out_of_the_mean():
    told = combined([("market", Score()), ("market", Score(F(1), F(2), frozenset("a"), 1))], {})
    assert (told.rate, told.sites, told.without) == (F(1, 2), 1, 1)


def test_no_site_is_no_score():
    assert combined([], {}).rate is None
    assert combined([("market", Score())], {}).rate is None


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3), st.integers(0, 3)), max_size=12), st.data()
)
def test_an_area_is_what_a_plain_loop_says(told, data):
    weights = {kind: F(data.draw(st.integers(0, 4))) for kind in "ab"}
    sites = [(kind, Score(F(min(got, of)), F(of))) for kind, got, of in told]
    top = bottom = F(0)
    for kind in "abc":
        rates = [points.got / points.possible for name, points in sites if name == kind and points.possible]
        if rates:
            top += weights.get(kind, F(1)) * sum(rates) / len(rates)
            bottom += weights.get(kind, F(1))
    assert combined(sites, weights).rate == (top / bottom if bottom else None)


# -- print


@pytest.mark.parametrize(
    ("number", "places", "words"),
    [
        (F(701, 10), 1, "70.1"), (F(1, 16) * 100, 1, "6.3"), (F(-1, 16) * 100, 1, "-6.3"), (F(100), 1, "100.0"),
        (F(5, 2), 0, "3"), (F(-1, 100), 1, "0.0"), (F(275, 3), 2, "91.67"), (F(9999, 100), 1, "100.0"),
    ],
)  # fmt: skip
def test_exact_halves_are_rounded_up_as_in_official_tables(number, places, words):
    assert rounded(number, places) == words


def test_a_rate_is_printed_with_one_place():
    assert percent(F(415, 1000)) == "41.5"
    assert percent(None) is None
