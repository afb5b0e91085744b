"""Exposure on a small town: the draw itself as witness, the domain's vectors, and what follows from pi."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import shapely
from towns import alley, layer, town
from worlds import KINDS, random_world

import geo.groups
from geo.buffers import PairTable
from geo.design import ANCHOR_CLASSES, Anchors, Design, Radius, Take
from geo.draw import draw
from geo.errors import DesignError, FrameError
from geo.exposure import exposure, prepare
from geo.findings import bad_visits, distinct_bad, expected_issues, touch
from geo.frame import build_frame
from geo.lottery import Lottery
from geo.pools import rank_pairs
from geo.rounds import (
    independent_rounds,
    joint,
    reaching,
    remaining,
    rounds_until_seen,
    without_repetition,
)
from geo.simulation import inspections
from geo.tiles import Tile, exposure_by_tile

# -- the domain reference --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "chance"), [(1, 1), (2, 3 / 4), (3, 1 / 2), (4, 3 / 8), (5, 3 / 10), (10, 3 / 20)]
)
def test_one_or_two_of_a_pool_of_n(n, chance):
    tables = {
        "anchors": layer(["a"], [shapely.Point(0, 0)], **{"class": ["market"]}),
        "back_alleys": layer([f"b{k}" for k in range(n)], [alley(100 + k, 0) for k in range(n)]),
        "compounds": layer(["c"], [shapely.Point(30_000, 0).buffer(9)]),
    }
    frame = build_frame(tables, Design())
    layers = exposure(frame, Design()).layers
    np.testing.assert_allclose(layers["back_alleys"].pi, [chance] * n, rtol=3e-16)
    assert layers["compounds"].pi.tolist() == [0.0]
    assert layers["compounds"].n_reaching.tolist() == [0]


def test_rounds_until_a_unit_was_seen_with_95_percent():
    assert rounds_until_seen([0.02, 0.05, 0.1, 0.2, 0.3]).tolist() == [149, 59, 29, 14, 9]
    assert rounds_until_seen([0.0, 1.0]).tolist() == [np.inf, 1]
    assert rounds_until_seen(0.5, 0.75) == 2  # exactly 1 - 1/4


# -- the draw as witness ---------------------------------------------------------------------------

WITNESSES = [
    {"radius": Radius.parse("500:2000")},
    {
        "radius": Radius.parse("500,1000"),
        "radius_per": "round",
        "alley_weight": "length",
        "shape": "ring",
        "inner_m": 200.0,
    },
    {"per": "class", "short_pool": "widen", "empty_pool": "widen", "radius": Radius.parse("300")},
    {"per": "cluster", "replace": "within_anchor", "alleys": Take.parse("0:0.2,1:0.3,3:0.5")},
]


@pytest.mark.parametrize("number", range(len(WITNESSES)))
def test_frequencies_of_the_draw_scatter_around_the_exposure_as_chance_does(number):
    design = Design(anchors=Anchors.parse("market=2,school=1,mall=1"), **WITNESSES[number])
    frame = build_frame(town(anchors=18, alleys=40, compounds=30, seed=number), design)
    exposed = exposure(frame, design)
    count = 1000
    at = {kind: {unit: row for row, unit in enumerate(frame.units[kind]["id"])} for kind in KINDS}
    seen = {kind: np.zeros(len(at[kind])) for kind in KINDS}
    for n in range(count):
        told = draw(frame, design, Lottery(f"{number} {n}"))["visits"]
        for kind in KINDS:
            seen[kind][[at[kind][visit["id"]] for visit in told[kind]]] += 1
    for kind in KINDS:
        hits = seen[kind]
        pi = exposed.layers[kind].pi
        assert (hits[pi == 0] == 0).all()
        some = pi > 0.01
        z = (hits - count * pi)[some] / np.sqrt(count * pi * (1 - pi))[some]
        assert abs(z.mean()) < 0.6
        assert 0.7 < z.std() < 1.35
        assert np.abs(z).max() < 4.5


def z_of(told, pi):
    live = told.se > 0
    return (told.pi - pi)[live] / told.se[live]


@pytest.mark.parametrize("settings", [{}, {"per": "class"}, {"per": "cluster", "radius": Radius.parse("500,900")},
                                      {"short_pool": "widen", "empty_pool": "widen", "radius": Radius.parse("250")},
                                      {"replace": "within_anchor", "alley_weight": "length"}])  # fmt: skip
def test_simulated_inspections_follow_the_same_law(settings):
    design = Design(anchors=Anchors.parse("market=2,school=1"), **settings)
    frame = build_frame(town(anchors=18, alleys=40, compounds=30, seed=3), design)
    exposed = exposure(frame, design)
    assert exposed.method == "exact"
    count = 4000
    seen = {kind: np.zeros(len(frame.units[kind])) for kind in KINDS}
    for told in inspections(frame, design, np.random.default_rng(2), count):
        for kind in KINDS:
            seen[kind][sorted({row for units in told[kind] for row in units})] += 1
    for kind in KINDS:
        pi = exposed.layers[kind].pi
        some = pi > 0.005
        z = (seen[kind] - count * pi)[some] / np.sqrt(count * pi * (1 - pi))[some]
        assert np.abs(z).max() < 4.5
        assert 0.6 < z.std() < 1.4
        assert (seen[kind][pi == 0] == 0).all()


def test_sets_too_many_to_go_through_are_sampled_with_their_standard_error(monkeypatch):
    design = Design(anchors=Anchors.parse("market=3,school=2"), per="class")
    frame = build_frame(town(anchors=42, alleys=60, compounds=40), design)
    exact = exposure(frame, design)
    monkeypatch.setattr(geo.groups, "SETS_MAX", 10)
    with pytest.raises(DesignError) as told:
        exposure(frame, design)
    assert told.value.code == "simulation_needed"
    found = exposure(frame, design, rng=np.random.default_rng(4), inspections=1500)
    assert (exact.method, found.method) == ("exact", "simulated")
    for kind in KINDS:
        z = z_of(found.layers[kind], exact.layers[kind].pi)
        assert 0.6 < z.std() < 1.4
        assert np.abs(z).max() < 4.5
    bad = {"back_alleys": np.arange(60) % 5 == 0}
    met = bad_visits(frame, design, bad, rng=np.random.default_rng(4), inspections=1500)
    monkeypatch.undo()
    true = bad_visits(frame, design, bad)
    assert abs(met.at_least_one - true.at_least_one) < 4 * met.at_least_one_se


def test_a_shared_radius_over_too_many_pairs_is_sampled_with_its_standard_error(monkeypatch):
    design = Design(radius=Radius.parse("500:2000"), radius_per="round", anchors=Anchors.parse("2"))
    frame = build_frame(town(anchors=18), design)
    exact = exposure(frame, design)
    monkeypatch.setattr(geo.exposure, "CELLS_MAX", 10)
    found = exposure(frame, design, rng=np.random.default_rng(5))
    for kind in KINDS:
        z = z_of(found.layers[kind], exact.layers[kind].pi)
        assert 0.6 < z.std() < 1.5
        assert np.median(found.layers[kind].se) < 0.005


@pytest.mark.parametrize(
    "settings", [{"duplicate": "redrawn"}, {"alleys": Take.parse("3"), "alley_weight": "length"}]
)
def test_what_only_simulation_can_tell_agrees_with_the_draw(settings):
    design = Design(anchors=Anchors.parse("market=3"), radius=Radius.parse("2000"), **settings)
    frame = build_frame(town(anchors=24, alleys=8, compounds=6, seed=8), design)
    found = exposure(frame, design, rng=np.random.default_rng(6), inspections=4000)
    assert found.method == "simulated"
    count, hits = 700, np.zeros(8)
    at = {unit: row for row, unit in enumerate(frame.units["back_alleys"]["id"])}
    for n in range(count):
        hits[[at[v["id"]] for v in draw(frame, design, Lottery(f"w{n}"))["visits"]["back_alleys"]]] += 1
    part = found.layers["back_alleys"]
    spread = np.sqrt(part.se**2 + part.pi * (1 - part.pi) / count + 1e-9)
    assert np.abs((hits / count - part.pi) / spread).max() < 4


# -- properties ------------------------------------------------------------------------------------

DESIGN = Design(anchors=Anchors.parse("2"), radius=Radius.parse("500:2000"))


def test_what_must_hold_of_every_exposure():
    frame = build_frame(town(anchors=30), DESIGN)
    before = dict.fromkeys(KINDS, 0.0)
    for n in (1, 2, 3, 5):
        exposed = exposure(frame, replace(DESIGN, anchors=Anchors(each=n)))
        for kind in KINDS:
            part = exposed.layers[kind]
            assert ((part.pi >= 0) & (part.pi <= 1)).all()
            assert (part.expected_draws >= part.pi * (1 - 1e-14)).all()
            assert (part.pi >= before[kind]).all()
            assert part.expected_distinct == pytest.approx(part.pi.sum())
            np.testing.assert_allclose(part.pi, 1 - np.prod(1 - part.by_stratum, axis=1), rtol=1e-12)
            before[kind] = part.pi
    # every surrounding of 1.5 km holds at least two alleys here, and draws one or two of them
    held = np.bincount(
        frame.pairs["back_alleys"].anchor[frame.pairs["back_alleys"].entry_m <= 1500], minlength=30
    )
    assert held.min() >= 2
    wide = exposure(frame, replace(DESIGN, radius=Radius.parse("1500:2000")))
    assert wide.layers["back_alleys"].expected_draws.sum() == pytest.approx(2 * 6 * 1.5)


def test_the_order_of_rows_changes_nothing():
    tables = town(anchors=18)
    first = exposure(build_frame(tables, DESIGN), DESIGN)
    second = exposure(
        build_frame({k: t.sample(frac=1, random_state=1) for k, t in tables.items()}, DESIGN), DESIGN
    )
    for kind in KINDS:
        np.testing.assert_allclose(second.layers[kind].pi, first.layers[kind].pi, rtol=1e-13)


def test_pairs_in_any_order_give_the_same_table():
    frame = build_frame(town(), DESIGN)
    pairs = frame.pairs["back_alleys"]
    mixed = np.random.default_rng(0).permutation(len(pairs))
    other = PairTable(pairs.anchor[mixed], pairs.unit[mixed], pairs.entry_m[mixed])
    one, two = rank_pairs(pairs, 12, 60), rank_pairs(other, 12, 60)
    for name in ("starts", "unit", "entry_m", "rank"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))


def test_twenty_anchors_of_300_in_a_town_of_a_thousand_alleys_have_no_surprise():
    design = replace(DESIGN, anchors=Anchors(each=20), radius=Radius.parse("1000"))
    frame = build_frame(town(anchors=300, alleys=1000, compounds=10, size=9000.0), design)
    part = exposure(frame, design).layers["back_alleys"]
    # by hand for some units: the product over strata of hypergeometric averages, from counts alone
    pairs = frame.pairs["back_alleys"]
    near = pairs.entry_m <= 1000
    pool = np.bincount(pairs.anchor[near], minlength=300)
    stratum = np.array([ANCHOR_CLASSES.index(c) for c in frame.anchors["class"]])
    for unit in (0, 17, 400, 999):
        missed = 1.0
        for h in range(6):
            mine = pairs.anchor[near & (pairs.unit == unit)]
            q = [1 - min(1.5 / pool[a], 1) for a in mine[stratum[mine] == h]]
            f = np.zeros((21, len(q) + 1))
            f = {0: 1.0}
            for i, x in enumerate(q):
                g = {}
                for t, value in f.items():
                    hit = (20 - t) / (50 - i)
                    g[t] = g.get(t, 0) + value * (1 - hit)
                    g[t + 1] = g.get(t + 1, 0) + value * hit * x
                f = g
            missed *= sum(f.values())
        assert part.pi[unit] == pytest.approx(1 - missed, rel=1e-11)


# -- what follows ----------------------------------------------------------------------------------


def test_independent_rounds_multiply_the_chances_to_be_missed():
    assert independent_rounds(np.array([0.0, 0.5, 1.0, 1e-20]), 3).tolist() == pytest.approx(
        [0, 0.875, 1, 3e-20]
    )


def test_rounds_that_repeat_no_anchor_are_one_larger_sample():
    design = Design(anchors=Anchors.parse("market=1,school=1"))
    frame = build_frame(town(anchors=18), design)
    both = without_repetition(frame, design, 3)
    assert both.anchors.words() == "market=3,school=3"
    # three rounds of one of three markets take them all
    pi = exposure(frame, both).layers["back_alleys"].pi
    every = exposure(frame, replace(design, anchors=Anchors.parse("market=all,school=all")))
    np.testing.assert_allclose(pi, every.layers["back_alleys"].pi, rtol=1e-12)
    with pytest.raises(DesignError) as told:
        without_repetition(frame, design, 4)
    assert told.value.code == "rounds_too_many"
    shared = replace(design, radius=Radius.parse("500:900"), radius_per="round")
    with pytest.raises(DesignError) as told:
        without_repetition(frame, shared, 2)
    assert told.value.code == "rounds_settings"


def test_exposure_after_a_round_is_that_of_a_town_without_what_was_drawn():
    tables = town(anchors=18)
    gone = {"anchors": ["a000", "a007"], "back_alleys": ["b003", "b004"], "compounds": []}
    after = exposure(remaining(build_frame(tables, DESIGN), gone), DESIGN)
    anew = {name: t[~t["id"].isin(gone[name])] for name, t in tables.items()}
    built = exposure(build_frame(anew, DESIGN), DESIGN)
    for kind in KINDS:
        np.testing.assert_allclose(after.layers[kind].pi, built.layers[kind].pi, rtol=1e-9)
    with pytest.raises(FrameError) as told:
        remaining(build_frame(tables, DESIGN), {"anchors": ["nobody"]})
    assert told.value.code == "id_unknown"


def test_the_anchors_that_reach_a_unit_are_told_with_their_shares():
    tables = {
        "anchors": layer(["a1", "a2", "s1"], [shapely.Point(0, 0), shapely.Point(900, 0), shapely.Point(0, 700)],
                         **{"class": ["market", "market", "school"]}),
        "back_alleys": layer(["u", "v", "w"], [alley(300, 0), alley(1850, 0), alley(0, 1650)]),
        "compounds": layer(["c"], [shapely.Point(30_000, 0).buffer(9)]),
    }  # fmt: skip
    frame = build_frame(tables, Design())
    exposed = exposure(frame, Design())
    told = reaching(exposed, "back_alleys", 0)
    # a1: pool {u}; a2: pool {u, v}; s1: pool {u, w}; one market of two, the school for sure
    assert told.anchors == ((2,), (0,), (1,))
    assert told.chance.tolist() == [0.75, 1.0, 0.75]
    assert told.fraction.tolist() == [1.0, 0.5, 0.5]
    np.testing.assert_allclose(told.share, np.array([0.75, 0.5, 0.375]) / 1.625)
    np.testing.assert_allclose(told.entry_m, [np.hypot(300, 700), 300, 580], atol=0.01)
    part = exposed.layers["back_alleys"]
    assert part.pi[0] == pytest.approx(1 - (1 - 0.875) * 0.25, rel=1e-15)
    assert part.expected_draws[0] == 1.625
    assert part.n_reaching.tolist() == [3, 1, 1]


def test_issues_are_found_once_for_a_merged_visit_and_by_each_of_two():
    world = random_world(2, duplicate="twice")
    frame, design = world.frame(), world.design
    for kind in KINDS:
        weights = {kind: np.arange(1.0, len(world.sizes[kind]) + 1)}
        merged = replace(design, duplicate="merged")
        plain = exposure(frame, merged).layers[kind].pi
        once = expected_issues(exposure(frame, merged, detect=0.8), weights)
        assert once == pytest.approx(0.8 * float(plain @ weights[kind]))
        twice = expected_issues(exposure(frame, design, detect=0.8), weights)
        rng = np.random.default_rng(1)
        count, total, square = 6000, 0.0, 0.0
        for told in inspections(frame, design, rng, count):
            times = np.bincount([r for units in told[kind] for r in units], minlength=len(weights[kind]))
            found = float((1 - 0.2**times) @ weights[kind])
            total, square = total + found, square + found**2
        mean = total / count
        assert abs(twice - mean) < 4 * np.sqrt((square / count - mean**2) / count)
        assert twice >= once


def test_different_bad_units_have_the_mean_that_exposure_gives():
    design = Design(anchors=Anchors.parse("2"), radius=Radius.parse("2000"))
    frame = build_frame(town(anchors=12, alleys=12, compounds=8), design)
    bad = {"back_alleys": np.arange(12) % 2 == 0, "compounds": np.arange(8) < 3}
    told = distinct_bad(frame, design, bad, np.random.default_rng(7), inspections=4000)
    exposed = exposure(frame, design)
    mean = sum(exposed.layers[kind].pi[bad[kind]].sum() for kind in KINDS)
    spread = np.sqrt(told.law @ (np.arange(len(told.law)) - told.mean) ** 2 / 4000)
    assert told.method == "simulated"
    assert abs(told.mean - mean) < 4 * spread
    visits = bad_visits(frame, design, bad)
    assert visits.mean == pytest.approx(
        sum(exposed.layers[kind].expected_draws[bad[kind]].sum() for kind in KINDS)
    )
    assert visits.mean > mean


def test_no_bad_unit_is_never_met():
    world = random_world(3)
    met = bad_visits(world.frame(), world.design, {KINDS[0]: np.zeros(len(world.sizes[KINDS[0]]), bool)})
    assert (met.at_least_one, met.law.tolist()) == (0.0, [1.0])
    with pytest.raises(FrameError) as told:
        bad_visits(world.frame(), world.design, {KINDS[0]: np.zeros(99, bool)})
    assert told.value.code == "marks_length"


def test_a_unit_beside_itself_has_no_joint_chance():
    world = random_world(3)
    with pytest.raises(DesignError) as told:
        joint(world.frame(), world.design, (KINDS[0], 0), (KINDS[0], 0))
    assert told.value.code == "joint_same"


def test_touching_an_area_is_at_least_its_best_unit_and_at_most_the_sum():
    design = replace(DESIGN, anchors=Anchors.parse("1"))
    frame = build_frame(town(anchors=18), design)
    exposed = exposure(frame, design)
    area = {"back_alleys": np.arange(60) % 4, "compounds": np.arange(50) % 4}
    chance, _ = touch(frame, design, area, 4, ready=prepare(frame, design))
    for label in range(4):
        pi = np.concatenate([exposed.layers[kind].pi[area[kind] == label] for kind in KINDS])
        assert pi.max() < chance[label] < min(pi.sum(), 1)


# -- a province ------------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", [{}, {"shape": "ring", "inner_m": 300.0, "alley_weight": "length"}])
def test_sixteen_tiles_give_what_the_whole_gives(settings):
    design = Design(anchors=Anchors.parse("9"), radius=Radius.parse("500:1200"), **settings)
    frame = build_frame(town(anchors=120, alleys=700, compounds=300, size=9000.0), design)
    whole = exposure(frame, design)
    spots = np.random.default_rng(0).uniform(0, 9000, (120 + 1000, 2))  # the places of `town`, seed 0
    place = {"back_alleys": spots[120:820], "compounds": spots[820:]}
    totals = frame.anchors["class"].value_counts().to_dict()
    made = []

    def tiles():
        for i, j in itertools.product(range(4), range(4)):
            core = {kind: ((xy // 2250).clip(0, 3) == (i, j)).all(axis=1) for kind, xy in place.items()}
            near = np.zeros(120, dtype=bool)
            for kind in KINDS:
                near[frame.pairs[kind].anchor[core[kind][frame.pairs[kind].unit]]] = True
            keep = {"anchors": frame.anchors["id"][~near]}
            own = {}
            for kind in KINDS:
                held = core[kind].copy()
                held[frame.pairs[kind].unit[near[frame.pairs[kind].anchor]]] = True
                keep[kind] = frame.units[kind]["id"][~held]
                own[kind] = core[kind][held]
            made.append(len(made))
            yield Tile(remaining(frame, keep), own)

    found = {kind: {} for kind in KINDS}
    for number, told in enumerate(exposure_by_tile(tiles(), design, totals)):
        assert len(made) == number + 1  # one tile at a time
        for kind, (ids, pi) in told.items():
            assert not set(ids) & set(found[kind])
            found[kind].update(zip(ids, pi, strict=True))
    for kind in KINDS:
        together = [found[kind][unit] for unit in frame.units[kind]["id"]]
        np.testing.assert_allclose(together, whole.layers[kind].pi, rtol=1e-12, atol=0)


def test_a_tile_with_more_anchors_than_the_province_is_refused():
    frame = build_frame(town(), DESIGN)
    tile = Tile(frame, {kind: np.ones(len(frame.units[kind]), bool) for kind in KINDS})
    with pytest.raises(FrameError) as told:
        next(exposure_by_tile([tile], DESIGN, {"market": 1}))
    assert told.value.code == "tile_anchors"
    with pytest.raises(DesignError) as told:
        next(exposure_by_tile([tile], replace(DESIGN, per="class"), {"market": 1}))
    assert told.value.code == "tiles_settings"


# -- bad input -------------------------------------------------------------------------------------


def test_more_anchors_than_there_are_are_refused_with_class_and_numbers():
    frame = build_frame(town(), DESIGN)
    with pytest.raises(DesignError) as told:
        exposure(frame, replace(DESIGN, anchors=Anchors.parse("market=3")))
    assert told.value.facts == {"name": "market", "asked": 3, "held": 2}


def test_a_pair_table_of_another_frame_is_refused():
    with pytest.raises(FrameError) as told:
        rank_pairs(PairTable(np.array([0, 5]), np.array([0, 1]), np.array([1.0, 2.0])), 3, 2)
    assert (told.value.code, told.value.facts["first"]) == ("pairs_unknown", 5)
    with pytest.raises(FrameError) as told:
        rank_pairs(PairTable(np.array([0, 0]), np.array([1, 1]), np.array([1.0, 2.0])), 1, 2)
    assert told.value.code == "pairs_twice"


@pytest.mark.parametrize("detect", [0.0, -1.0, 1.5, float("nan")])
def test_an_impossible_discovery_rate_is_refused(detect):
    world = random_world(3)
    with pytest.raises(DesignError) as told:
        exposure(world.frame(), world.design, detect=detect)
    assert told.value.code == "detect_range"


def test_a_draw_per_cluster_needs_clusters():
    tables = town()
    tables["anchors"]["cluster"] = None
    design = replace(DESIGN, per="cluster")
    with pytest.raises(FrameError) as told:
        exposure(build_frame(tables, design), design)
    assert told.value.code == "cluster_missing"
