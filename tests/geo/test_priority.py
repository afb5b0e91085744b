"""The loss of a site follows the ladder of the domain reference, each issue with its own part."""

import numpy as np
import pytest

from geo.priority import LADDER, issue_losses


def losses(unit, item, cases, items=10):
    return issue_losses(np.array(unit), np.array(item), np.array(cases), items)


def test_the_ladder_is_that_of_the_domain_reference():
    assert LADDER == (1.0, 0.66, 0.33, 0.0)


@pytest.mark.parametrize(("cases", "lost"), [(1, 0.34), (2, 0.67), (3, 1.0), (4, 1.0), (50, 1.0)])
def test_an_item_loses_by_its_number_of_cases(cases, lost):
    assert losses([0], [3], [cases], items=14)[0] == pytest.approx(lost / 14, rel=1e-12)


def test_issues_of_one_item_share_its_loss_by_their_cases():
    # one unit, one item, 1 + 2 cases: the item is lost (1.0), a third and two thirds of it
    np.testing.assert_allclose(losses([0, 0], [2, 2], [1, 2]), [1 / 30, 2 / 30], rtol=1e-12)
    # four single cases: lost as with three, a quarter each
    np.testing.assert_allclose(losses([0] * 4, [2] * 4, [1] * 4), [0.025] * 4, rtol=1e-12)


def test_units_and_items_count_apart():
    told = losses([0, 0, 1, 1, 1], [0, 1, 0, 0, 1], [1, 1, 1, 1, 3])
    np.testing.assert_allclose(told, [0.034, 0.034, 0.0335, 0.0335, 0.1], rtol=1e-12)


def test_the_order_of_rows_decides_nothing():
    unit, item, cases = [1, 0, 1, 0, 1], [0, 1, 0, 0, 1], [1, 2, 1, 1, 3]
    mixed = [3, 0, 4, 2, 1]
    told = losses(unit, item, cases)
    again = losses(*([column[row] for row in mixed] for column in (unit, item, cases)))
    np.testing.assert_array_equal(again, told[mixed])


def test_an_issue_without_an_item_costs_nothing():
    np.testing.assert_array_equal(losses([0, 0], [-1, -1], [1, 9]), [0, 0])
    np.testing.assert_allclose(losses([0, 0], [-1, 4], [9, 1]), [0, 0.034], rtol=1e-12)


def test_no_issue_is_no_loss():
    assert issue_losses(np.zeros(0, int), np.zeros(0, int), np.zeros(0, int), 14).shape == (0,)


def test_a_site_with_a_b_and_c_scores_as_the_domain_reference_says():
    # weights 1, 1, 2 with A, B, C#: 0.415. As four equal items, two of them C#, the same
    lost = losses([0, 0, 0], [1, 2, 3], [1, 3, 3], items=4).sum()
    assert 1 - lost == pytest.approx(0.415, rel=1e-12)
