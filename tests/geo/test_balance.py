"""Balanced draws: exact chances, spread, independence of everything but ids, places and seed."""

from collections import Counter

import numpy as np
import pytest
from scipy import stats

from geo.balance import balance, balanced_bracket, pivotal
from geo.buffers import PairTable
from geo.choice import Choice
from geo.design import Design, Radius
from geo.errors import DesignError, FrameError
from geo.lottery import Lottery
from geo.pools import chances_at_anchors, rank_pairs
from geo.strata import Strata


def ids(count):
    return [f"a{n:03d}" for n in range(count)]


def places(count, seed=0):
    return np.random.default_rng(seed).uniform(0, 5000, (2, count))


def test_every_anchor_comes_with_its_chance():
    x, y = places(9)
    n = 4000
    counts = Counter(unit for k in range(n) for unit in pivotal(Lottery(f"s{k}"), ids(9), x, y, 4, "market"))
    assert sum(counts.values()) == 4 * n
    z = (np.array([counts[unit] for unit in ids(9)]) - n * 4 / 9) / np.sqrt(n * 4 / 9 * 5 / 9)
    # nine frequencies with a fixed sum
    assert stats.chi2.sf((z**2).sum() * 8 / 9, 8) > 1e-3


def test_of_two_pairs_of_neighbours_one_of_each_is_drawn():
    # whoever begins meets its neighbour first, and 1/2 + 1/2 makes one winner
    x, y = np.array([0.0, 1.0, 4000.0, 4001.0]), np.zeros(4)
    for k in range(50):
        assert {unit in ("a000", "a001") for unit in pivotal(Lottery(f"s{k}"), ids(4), x, y, 2)} == {
            True,
            False,
        }


def test_the_order_of_rows_decides_nothing():
    x, y = places(30)
    first = pivotal(Lottery("s"), ids(30), x, y, 7, "mall")
    mixed = np.random.default_rng(1).permutation(30)
    again = pivotal(Lottery("s"), [ids(30)[row] for row in mixed], x[mixed], y[mixed], 7, "mall")
    assert first == again
    assert len(set(first)) == 7
    assert pivotal(Lottery("t"), ids(30), x, y, 7, "mall") != first
    assert pivotal(Lottery("s"), ids(30), x, y, 7, "school") != first


def test_coincident_anchors_are_still_drawn_in_number():
    assert len(pivotal(Lottery("s"), ids(12), np.zeros(12), np.zeros(12), 5)) == 5


@pytest.mark.parametrize("number", [0, 1, 6, 7])
def test_the_asked_number_is_drawn(number):
    x, y = places(7)
    assert len(pivotal(Lottery("s"), ids(7), x, y, number)) == number


def test_must_visit_anchors_are_always_in_and_the_rest_share_what_is_left():
    x, y = places(8)
    n = 2000
    counts = Counter(
        unit for k in range(n) for unit in pivotal(Lottery(f"s{k}"), ids(8), x, y, 4, always=["a002", "a005"])
    )
    assert counts["a002"] == counts["a005"] == n
    others = [counts[unit] for unit in ids(8) if unit not in ("a002", "a005")]
    assert np.abs((np.array(others) - n / 3) / np.sqrt(n * 2 / 9)).max() < 4


@pytest.mark.parametrize(
    ("names", "number", "always", "code"),
    [(["a", "b"], 3, (), "balanced_number"), (["a", "b"], 0, ["a"], "balanced_number"),
     (["a", "a"], 1, (), "id_duplicate_anchor"), (["a", "b"], 1, ["c"], "id_unknown")],
)  # fmt: skip
def test_an_impossible_balanced_draw_is_refused(names, number, always, code):
    with pytest.raises((DesignError, FrameError)) as told:
        pivotal(Lottery("s"), names, np.zeros(2), np.ones(2), number, always=always)
    assert told.value.code == code


def test_exposure_of_a_balanced_draw_lies_within_its_bounds():
    x, y = places(24)
    spots = np.random.default_rng(3).uniform(0, 5000, (2, 40))
    gap = np.hypot(x[:, None] - spots[0], y[:, None] - spots[1])
    a, u = np.nonzero(gap <= 1500)
    ranked = rank_pairs(PairTable(a, u, gap[a, u]), 24, 40)
    p = chances_at_anchors(ranked, Radius.parse("1500"), Choice.of(Design(), "back_alleys"))
    strata = Strata(("all",), np.zeros(24, int), np.array([8]), np.array([24]))
    bound = balanced_bracket(p, ranked, strata)
    table = np.zeros((24, 40))
    table[ranked.anchor, ranked.unit] = p
    n = 800
    told = np.zeros((n, 40))
    row = {unit: k for k, unit in enumerate(ids(24))}
    for k in range(n):
        drawn = [row[unit] for unit in pivotal(Lottery(f"s{k}"), ids(24), x, y, 8)]
        told[k] = 1 - np.prod(1 - table[drawn], axis=0)
    pi, se = told.mean(axis=0), told.std(axis=0) / np.sqrt(n)
    assert (pi >= bound.low - 4 * se - 1e-12).all()
    assert (pi <= bound.high + 4 * se + 1e-12).all()
    np.testing.assert_allclose(bound.low, 1 - np.prod(1 - table / 3, axis=0), rtol=1e-12)
    np.testing.assert_allclose(bound.high, np.minimum((table / 3).sum(axis=0), 1), rtol=1e-12)
    # spread out, neighbours are seldom drawn together: more units are seen than by independent draws
    assert pi.sum() > bound.low.sum()


def test_measures_of_balance_by_hand():
    # three at 0, 1, 10 and one drawn of each two: cells {0, 1} and {10, 20}, 1/2 each
    x, y = np.array([0.0, 1.0, 10.0, 20.0]), np.zeros(4)
    strata = Strata(("all",), np.zeros(4, int), np.array([2]), np.array([4]))
    even = balance(x, y, strata, np.array([0, 2]), np.random.default_rng(0), draws=5)
    assert (even.voronoi, even.pielou) == (0.0, 0.0)
    # 10 and 20 drawn: cells {0, 1, 10} of 3/2 and {20} of 1/2
    uneven = balance(x, y, strata, np.array([2, 3]), np.random.default_rng(0), draws=5)
    assert uneven.voronoi == 0.25
    evenness = -(0.75 * np.log(0.75) + 0.25 * np.log(0.25)) / np.log(2)
    assert uneven.pielou == pytest.approx(1 - evenness)


def test_one_equally_near_to_two_gives_half_to_each():
    x = np.array([0.0, 5.0, 10.0])
    strata = Strata(("all",), np.zeros(3, int), np.array([2]), np.array([3]))
    told = balance(x, np.zeros(3), strata, np.array([0, 2]), np.random.default_rng(0), draws=2)
    assert told.voronoi == pytest.approx(0.0, abs=1e-30)


def test_a_pivotal_draw_is_more_even_than_nearly_all_random_ones():
    x, y = places(200)
    of = np.arange(200) % 2
    strata = Strata(("a", "b"), of, np.array([10, 10]), np.array([100, 100]))
    names = ids(200)
    drawn = []
    for s in (0, 1):
        rows = strata.rows(s)
        drawn += pivotal(Lottery("s"), [names[r] for r in rows], x[rows], y[rows], 10, str(s))
    rows = np.array([names.index(unit) for unit in drawn])
    told = balance(x, y, strata, rows, np.random.default_rng(1))
    assert len(told.voronoi_random) == len(told.pielou_random) == 200
    assert told.better_than > 0.8
    near = np.argsort(np.hypot(x, y))
    corner = np.concatenate([near[of[near] == s][:10] for s in (0, 1)])
    crowded = balance(x, y, strata, corner, np.random.default_rng(1))
    assert crowded.better_than == 0
    assert crowded.pielou > crowded.pielou_random.max()


def test_one_drawn_anchor_has_no_evenness():
    strata = Strata(("all",), np.zeros(3, int), np.array([1]), np.array([3]))
    told = balance(np.arange(3.0), np.zeros(3), strata, np.array([1]), np.random.default_rng(0), draws=3)
    assert told.voronoi == pytest.approx(0.0, abs=1e-30)
    assert np.isnan(told.pielou)


def test_a_draw_that_does_not_fit_its_design_is_not_measured():
    strata = Strata(("all",), np.zeros(3, int), np.array([2]), np.array([3]))
    for rows in ([0], [0, 0], []):
        with pytest.raises(DesignError) as told:
            balance(np.arange(3.0), np.zeros(3), strata, np.array(rows, int), np.random.default_rng(0))
        assert told.value.code == "balance_drawn"
