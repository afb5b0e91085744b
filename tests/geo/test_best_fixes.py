"""The best list of fixes is the best of all lists, tried one by one."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.priority import LADDER, best_fixes, fix_gains, issue_losses

WORTH = np.array(LADDER)
STRICT = np.array([1.0, 0.0, 0.0, 0.0])


def best_of_all(groups, fixes):
    """The largest gain of any choice of at most so many issues; groups of (cases, worth, points)."""
    issues = [(number, row) for number, (cases, _, _) in enumerate(groups) for row in range(len(cases))]

    def gain(chosen):
        told = 0.0
        for number, (cases, worth, points) in enumerate(groups):
            left = sum(count for row, count in enumerate(cases) if (number, row) not in chosen)
            told += points * (worth[min(left, 3)] - worth[min(sum(cases), 3)])
        return told

    return max(
        gain(set(chosen))
        for size in range(min(fixes, len(issues)) + 1)
        for chosen in combinations(issues, size)
    )


@pytest.mark.parametrize(
    ("cases", "worth", "gains"),
    [
        ([1], WORTH, [0, 0.34]),
        ([1, 1, 1, 1], WORTH, [0, 0, 0.33, 0.66, 1]),  # C# C# C B A
        ([3, 1], WORTH, [0, 0.66, 1]),  # the record of three cases first
        ([1, 3], WORTH, [0, 0.66, 1]),
        ([1, 1], STRICT, [0, 0, 1]),  # only the last case counts
        ([], WORTH, [0]),
    ],
)
def test_the_gain_of_so_many_fixes_follows_the_ladder(cases, worth, gains):
    np.testing.assert_allclose(fix_gains(np.array(cases, np.int64), worth), gains, atol=1e-15)


def test_two_fixes_that_gain_nothing_alone_are_found():
    # a greedy choice takes the sure 0.34; the two cases of the strict item are worth 1 together
    gains = [fix_gains(np.array([1, 1]), STRICT), 0.5 * fix_gains(np.array([1]), WORTH)]
    assert best_fixes(gains, 1).tolist() == [0, 1]
    assert best_fixes(gains, 2).tolist() == [2, 0]
    assert best_fixes(gains, 3).tolist() == [2, 1]


def test_no_more_is_fixed_than_gains_something():
    gains = [0.0 * fix_gains(np.array([1, 1]), WORTH), fix_gains(np.array([1]), WORTH)]
    assert best_fixes(gains, 9).tolist() == [0, 1]
    # the first two of four single cases and one fix left over: one fix there would gain nothing
    assert best_fixes([fix_gains(np.ones(4, np.int64), WORTH)], 1).tolist() == [0]


def test_nothing_to_fix_is_nothing():
    assert best_fixes([], 5).tolist() == []
    assert best_fixes([np.zeros(1)], 5).tolist() == [0]


def test_many_issues_of_one_item_are_counted():
    assert best_fixes([fix_gains(np.ones(300, np.int64), WORTH)], 300).tolist() == [300]
    assert best_fixes([fix_gains(np.ones(300, np.int64), WORTH)], 298).tolist() == [298]


@given(st.data())
def test_the_list_is_the_best_of_all_lists(data):
    sizes = data.draw(st.lists(st.integers(1, 4), max_size=3))
    groups = [
        (
            data.draw(st.lists(st.integers(1, 4), min_size=size, max_size=size)),
            data.draw(st.sampled_from([WORTH, STRICT, np.array([1.0, 0.9, 0.2, 0.2])])),
            data.draw(st.sampled_from([0.0, 0.25, 1.0, 3.5])),
        )
        for size in sizes
    ]
    fixes = data.draw(st.integers(1, 6))
    gains = [points * fix_gains(np.array(cases), worth) for cases, worth, points in groups]
    counts = best_fixes(gains, fixes)
    assert counts.sum() <= fixes
    told = sum(gain[count] for gain, count in zip(gains, counts, strict=True))
    assert told == pytest.approx(best_of_all(groups, fixes), abs=1e-12)


@given(st.lists(st.lists(st.floats(0, 1), min_size=1, max_size=4), min_size=1, max_size=4), st.integers(0, 8))
def test_any_shape_of_gains_is_solved_exactly(steps, fixes):
    gains = [np.concatenate([[0.0], np.cumsum(one)]) for one in steps]
    every = product(*(range(len(gain)) for gain in gains))
    allowed = [
        sum(g[m] for g, m in zip(gains, counts, strict=True)) for counts in every if sum(counts) <= fixes
    ]
    counts = best_fixes(gains, fixes)
    told = sum(gain[count] for gain, count in zip(gains, counts, strict=True))
    assert counts.sum() <= fixes
    assert told == pytest.approx(max(allowed), abs=1e-9)


def test_losses_follow_the_weights_and_values_of_the_items():
    # weights 1 and 3; item 1 is strict: one case of it loses 3/4, two cases of item 0 lose 0.67 / 4
    told = issue_losses(
        np.array([0, 0, 0]), np.array([1, 0, 0]), np.array([1, 1, 1]), 2,
        weight=np.array([1.0, 3.0]), worth=np.array([WORTH, STRICT]),
    )  # fmt: skip
    np.testing.assert_allclose(told, [0.75, 0.67 / 8, 0.67 / 8], rtol=1e-12)
