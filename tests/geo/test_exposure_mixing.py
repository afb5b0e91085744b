"""Anchors without replacement: the kernel against rational arithmetic, large and small."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest

import geo.mixing
from geo.mixing import Cells, mix, mix_counts, union


def exact_mix(p, n, held):
    """1 - E[prod (1 - p)] over samples, by how many of the reaching anchors are in it."""
    # whole numbers of a common denominator, for speed
    whole = math.lcm(*(Fraction(x).denominator for x in p))
    elementary = [1]
    for x in p:
        q = whole - int(x * whole)
        before, after = [0, *elementary], [*elementary, 0]
        elementary = [a + b * q for a, b in zip(after, before, strict=True)]
    s = len(p)
    elementary = [Fraction(e, whole**t) for t, e in enumerate(elementary[: n + 1])]
    missed = sum(
        elementary[t] * math.comb(held - s, n - t) for t in range(min(s, n) + 1) if n - t <= held - s
    )
    return 1 - Fraction(missed) / math.comb(held, n)


def one(p, n, held):
    return mix(np.array(p, float), np.zeros(1, int), np.array([n]), np.array([held]))[0]


def test_the_oracle_agrees_with_going_through_all_samples():
    p = [Fraction(1, 2), Fraction(1, 3), Fraction(3, 4)]
    samples = list(itertools.combinations([*p, 0, 0], 3))
    expected = 1 - Fraction(sum(math.prod(1 - x for x in s) for s in samples), len(samples))
    assert exact_mix(p, 3, 5) == expected


def dyadic(rng, size, high):
    """Chances that are exact as floats."""
    return [Fraction(int(k), 1 << 20) for k in rng.integers(0, int(high * (1 << 20)) + 1, size)]


@pytest.mark.parametrize("high", [1e-5, 1e-3, 0.02, 0.2, 1.0])
@pytest.mark.parametrize(
    ("held", "n", "s"), [(5, 2, 3), (40, 39, 40), (40, 40, 12), (60, 1, 60), (300, 7, 25), (120, 60, 90)]
)
def test_the_chance_over_samples_is_that_of_rational_arithmetic(held, n, s, high):
    rng = np.random.default_rng(held * n + s)
    cells = [dyadic(rng, size, high) for size in (s, 1, max(s // 2, 1), s)]
    flat = np.array([float(x) for p in cells for x in p])
    starts = np.cumsum([0, *(len(p) for p in cells[:-1])])
    found = mix(flat, starts, np.full(4, n), np.full(4, held))
    expected = [float(exact_mix(p, n, held)) for p in cells]
    np.testing.assert_allclose(found, expected, rtol=2e-14, atol=0)


def test_series_and_recurrence_agree_with_rational_arithmetic_where_either_may_be_used(monkeypatch):
    rng = np.random.default_rng(5)
    p = dyadic(rng, 30, 0.1)
    expected = float(exact_mix(p, 20, 100))
    for limit in (0.0, 10.0):
        monkeypatch.setattr(geo.mixing, "_SERIES_BELOW", limit)
        assert one(p, 20, 100) == pytest.approx(expected, rel=2e-14)


def test_a_series_that_is_not_certified_is_not_used(monkeypatch):
    monkeypatch.setattr(geo.mixing, "_TERMS", 3)
    p = dyadic(np.random.default_rng(6), 30, 0.1)
    assert one(p, 20, 100) == pytest.approx(float(exact_mix(p, 20, 100)), rel=2e-14)


@pytest.mark.parametrize(("held", "n", "s"), [(3000, 200, 300), (3000, 20, 300), (100_000, 50, 400)])
def test_large_strata_neither_overflow_nor_lose_digits(held, n, s):
    p = dyadic(np.random.default_rng(held + n), s, 0.05)
    assert one(p, n, held) == pytest.approx(float(exact_mix(p, n, held)), rel=1e-13)


def test_where_every_anchor_reaches_with_one_chance_the_misses_are_a_power():
    assert one([1 / 1024] * 3000, 1500, 3000) == pytest.approx(1 - (1023 / 1024) ** 1500, rel=1e-12)


def test_a_chance_of_one_in_a_thousand_billions_keeps_its_digits():
    p = [Fraction(1, 1 << 41), Fraction(1, 1 << 43)]
    assert one(p, 3, 7) == pytest.approx(float(exact_mix(p, 3, 7)), rel=1e-15)


def test_the_domain_references_unit_in_pools_of_four_three_and_two():
    assert one([1.5 / 4, 1.5 / 3, 1.5 / 2], 2, 4) == 43 / 64


@pytest.mark.parametrize("number", range(60))
def test_properties_of_the_mixture(number):
    rng = np.random.default_rng(number)
    held = int(rng.integers(2, 31))
    s = int(rng.integers(1, held + 1))
    p = (rng.random(s) ** rng.integers(1, 20)).tolist()
    if number % 3 == 0:
        p[0] = float(number % 2)
    values = [one(p, n, held) for n in range(held + 1)]
    tiny = 1e-13
    assert values[0] == 0
    assert all(b >= a - tiny for a, b in itertools.pairwise(values))  # more anchors, more chance
    assert all(
        v <= n / held * sum(p) * (1 + tiny) for n, v in enumerate(values)
    )  # at most the expected draws
    n = int(rng.integers(1, held + 1))
    shuffled = rng.permutation(p)
    assert one(shuffled, n, held) == pytest.approx(values[n], rel=1e-12)
    assert one([*p, 0.0][:held], n, held) == pytest.approx(values[n], rel=1e-12)


def test_cells_group_pairs_by_unit_and_stratum():
    rng = np.random.default_rng(0)
    unit, stratum = rng.integers(0, 50, 400), rng.integers(0, 3, 400)
    cells = Cells.of(unit, stratum, 3)
    parts = np.split(cells.order, cells.starts[1:])
    assert sorted(np.concatenate(parts).tolist()) == list(range(400))
    for part, u, h in zip(parts, cells.unit, cells.stratum, strict=True):
        assert set(zip(unit[part].tolist(), stratum[part].tolist(), strict=True)) == {(u, h)}
    assert len({(u, h) for u, h in zip(cells.unit.tolist(), cells.stratum.tolist(), strict=True)}) == len(
        cells
    )


def test_the_distribution_of_a_sum_over_sampled_anchors_is_that_of_all_samples():
    laws = [[Fraction(1, 2), Fraction(1, 4), Fraction(1, 4)], [Fraction(1, 8), Fraction(7, 8), Fraction(0)],
            [Fraction(0), Fraction(0), Fraction(1)]]  # fmt: skip
    none = [Fraction(1), Fraction(0), Fraction(0)]
    samples = list(itertools.combinations([*laws, none, none], 3))
    expected = [Fraction(0)] * 7
    for sample in samples:
        for way in itertools.product(range(3), repeat=3):
            expected[sum(way)] += math.prod(law[x] for law, x in zip(sample, way, strict=True)) / len(samples)
    found = mix_counts([np.array(law, float) for law in laws], 3, 5)
    np.testing.assert_allclose(found, [float(x) for x in expected], rtol=1e-15)


def test_independent_events_join_without_loss():
    assert union(np.array([1e-18, 2e-18])) == pytest.approx(3e-18, rel=1e-15)
    assert union(np.array([0.5, 1.0])) == 1.0
