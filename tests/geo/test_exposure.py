"""Exposure against every possible inspection of tiny worlds, in rational numbers."""

import itertools
from collections import defaultdict
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from worlds import KINDS, SETTINGS, World, inspections, random_world

from geo.design import Anchors, Design, Radius, Take
from geo.errors import DesignError
from geo.exposure import exposure, prepare
from geo.findings import bad_visits, touch
from geo.rounds import joint

WORLDS = [(number, SETTINGS[number % len(SETTINGS)]) for number in range(240)]


def world_of(number):
    return random_world(number, **WORLDS[number][1])


def small(world):
    """Worlds with own continuous radii for several anchors in one pool grow beyond patience."""
    design = world.design
    if design.per == "anchor" or design.radius_per == "round" or design.radius.law == "fixed":
        return world
    n = [count for _, count in design.anchors.by_class]
    return (
        world
        if n and None not in n and sum(n) <= 2
        else replace(world, design=replace(design, radius_per="round"))
    )


@pytest.mark.parametrize("number", range(len(WORLDS)))
def test_every_chance_of_a_tiny_world_is_that_of_all_its_inspections(number):
    world = small(world_of(number))
    frame, design = world.frame(), world.design
    rng = np.random.default_rng(number)
    found = exposure(frame, design)
    assert found.method == "exact"
    for which, kind in enumerate(KINDS):
        count = len(world.sizes[kind])
        bad = rng.random(count) < 0.5
        pi, draws = [Fraction(0)] * count, [Fraction(0)] * count
        pair, met, total = defaultdict(Fraction), defaultdict(Fraction), Fraction(0)
        distinct = Fraction(0)
        for chance, outcome in inspections(world, kind):
            total += chance
            sets = [told[which] for told in outcome]
            drawn = frozenset().union(*sets)
            distinct += chance * len(drawn)
            for u in drawn:
                pi[u] += chance
            for s in sets:
                for u in s:
                    draws[u] += chance
            for two in itertools.combinations(sorted(drawn), 2):
                pair[two] += chance
            met[sum(int(bad[u]) for s in sets for u in s)] += chance
        assert total == 1
        layer = found.layers[kind]
        np.testing.assert_allclose(layer.pi, [float(x) for x in pi], rtol=1e-12, atol=0)
        np.testing.assert_allclose(layer.expected_draws, [float(x) for x in draws], rtol=1e-12, atol=0)
        assert layer.expected_distinct == pytest.approx(float(distinct), rel=1e-12)
        law = bad_visits(frame, design, {kind: bad})
        expected = [float(met[x]) for x in range(max(len(law.law), max(met) + 1))]
        np.testing.assert_allclose(
            np.pad(law.law, (0, len(expected) - len(law.law))), expected, rtol=0, atol=1e-12
        )
        assert law.at_least_one == pytest.approx(
            float(1 - met[0]), rel=1e-12, abs=1e-14 if law.at_least_one else 0
        )
        for one, other in itertools.islice(itertools.combinations(range(count), 2), 3):
            value, _ = joint(frame, design, (kind, one), (kind, other))
            assert value == pytest.approx(float(pair[one, other]), rel=1e-12, abs=1e-14)


@pytest.mark.parametrize("number", range(0, len(WORLDS), 4))
def test_alleys_and_compounds_share_the_radius_of_their_anchor(number):
    world = small(world_of(number))
    n = [count for _, count in world.design.anchors.by_class]
    if None not in n and sum(n) > 2:
        world = replace(
            world, design=replace(world.design, anchors=type(world.design.anchors)(by_class=(("market", 1),)))
        )
    frame, design = world.frame(), world.design
    rng = np.random.default_rng(number)
    area = {kind: rng.integers(-1, 2, len(sizes)) for kind, sizes in world.sizes.items()}
    touched, both = [Fraction(0)] * 2, Fraction(0)
    for chance, outcome in inspections(world):
        drawn = [frozenset().union(*(told[k] for told in outcome)) for k in (0, 1)]
        for label in (0, 1):
            if any(area[kind][u] == label for kind, units in zip(KINDS, drawn, strict=True) for u in units):
                touched[label] += chance
        if 0 in drawn[0] and 0 in drawn[1]:
            both += chance
    chance, se = touch(frame, design, area, 2)
    np.testing.assert_allclose(chance, [float(x) for x in touched], rtol=1e-12, atol=1e-14)
    assert (se == 0).all()
    assert joint(frame, design, (KINDS[0], 0), (KINDS[1], 0))[0] == pytest.approx(
        float(both), rel=1e-12, abs=1e-14
    )


def test_a_pool_within_the_largest_radius_of_its_group_is_not_widened():
    world = World(
        ["market"] * 2, [None] * 2, {KINDS[0]: [[400, 1000], [None, None]], KINDS[1]: [[None], [None]]},
        {KINDS[0]: [1, 1], KINDS[1]: [1]},
        Design(anchors=Anchors(each=2), per="class", short_pool="widen", radius=Radius.parse("500,2000"),
               alleys=Take.parse("2")),
    )  # fmt: skip
    # radii 500 and 500: widened to 1000; 500 and 2000: not, for 1000 is less than 2000; 2000: both inside
    np.testing.assert_allclose(
        exposure(world.frame(), world.design).layers[KINDS[0]].pi, [1, 3 / 4], rtol=1e-15
    )


def test_a_table_made_once_serves_every_number_count_and_radius():
    world = random_world(7)
    frame = world.frame()
    ready = prepare(frame, world.design)
    for other in range(10):
        design = replace(random_world(other).design, anchors=world.design.anchors)
        one, two = exposure(frame, design, ready=ready), exposure(frame, design)
        for kind in KINDS:
            np.testing.assert_array_equal(one.layers[kind].pi, two.layers[kind].pi)


def test_settings_without_an_exact_way_are_refused_unless_simulation_is_allowed():
    world = random_world(2, duplicate="redrawn")
    assert sum(n for _, n in world.design.anchors.by_class) > 1
    with pytest.raises(DesignError) as told:
        exposure(world.frame(), world.design)
    assert told.value.code == "simulation_needed"
    found = exposure(world.frame(), world.design, rng=np.random.default_rng(1), inspections=50)
    assert found.method == "simulated"
    assert all((layer.se[layer.n_reaching > 0] > 0).all() for layer in found.layers.values())
