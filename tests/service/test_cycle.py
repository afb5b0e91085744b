"""The cycle of three years: the example of the domain reference, its edges, and the command."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from office import refused, run

from geo.errors import DesignError
from service.usecases.scores import cycle

score = st.fractions(0, 100)


def test_the_third_year_of_the_domain_reference():
    told = cycle([Fraction(80), Fraction(84), None], Fraction(88))
    # (88 - 0.15 * 80 - 0.25 * 84) / 0.60 = 55 / 0.6
    assert told.needed == Fraction(275, 3)
    assert f"{float(told.needed):.2f}" == "91.67"
    assert told.reachable is True
    assert told.score is None


def test_above_a_hundred_is_out_of_reach_and_below_zero_is_nothing():
    assert cycle([Fraction(60), Fraction(60), None], Fraction(90)).reachable is False
    assert cycle([Fraction(60), Fraction(60), None], Fraction(90)).needed == 110
    assert cycle([Fraction(100), Fraction(100), None], Fraction(30)).needed == 0


def test_two_missing_years_need_the_same():
    told = cycle([Fraction(80), None, None], Fraction(88))
    assert told.needed == (88 - 12) / Fraction(85, 100)


@given(score, score, score)
def test_a_whole_cycle_is_the_weighted_mean(one, two, three):
    told = cycle([one, two, three], Fraction(50))
    assert told.score == (15 * one + 25 * two + 60 * three) / 100
    assert told.reachable == (told.score >= 50)


@given(score, score, st.fractions(0, 100))
def test_the_needed_score_reaches_the_target_exactly(one, two, target):
    needed = cycle([one, two, None], target).needed
    if 0 < needed <= 100:
        assert cycle([one, two, needed]).score == target


@pytest.mark.parametrize(
    "years", [[Fraction(80)], [Fraction(80)] * 4, [Fraction(101), None, None], [Fraction(-1)] * 3]
)
def test_what_is_no_cycle_is_refused(years):
    with pytest.raises(DesignError):
        cycle(years)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("80,84,-", "--target", "88"), "91.67"),
        (("80,84,90",), "87.00"),
        (("60,60,-", "--target", "90"), "not reachable"),
        (("80,84,90", "--target", "88"), "is not reached"),
        (("80,-,-",), "12.00"),
    ],
)
def test_the_command_says_it(capsys, arguments, words):
    code, out, err = run(capsys, "--lang", "en", "cycle", *arguments)
    assert code == 0, err
    assert words in out


@pytest.mark.parametrize("years", ["80", "80,84,x", "80,84,101", "1/0,2,3"])
def test_the_command_refuses_in_one_sentence(capsys, years):
    refused(capsys, "cycle", years)
