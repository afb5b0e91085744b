"""Anchors spread over the city, visited for certain, or kept apart: the draw does what it says."""

import dataclasses
import json
from collections import Counter

import numpy as np
import pytest
import shapely
from towns import alley, layer, town

from geo import draw as drawing
from geo import lottery as lottery_module
from geo.design import Design
from geo.draw import make_record, near_pairs, verify
from geo.errors import DesignError, FrameError
from geo.exposure import exposure, prepare
from geo.findings import bad_visits
from geo.frame import build_frame
from geo.lottery import Lottery
from geo.rounds import joint, reaching, without_repetition
from geo.strata import anchor_strata
from service.usecases.designs import make_design

TOWN = town(anchors=30, alleys=40, compounds=30, seed=4)  # five anchors of each class
DRAWS = 3000


def design(**given):
    return make_design({"radius": "700", **given})


def strata_only(frame, chosen, seeds):
    """How often each anchor is drawn, without the units."""
    counts = Counter()
    for number in range(seeds):
        for stratum in drawing._strata(frame, chosen, Lottery(f"s{number}")):
            counts.update(stratum["drawn"])
    return counts


def drawn_of(record):
    return [unit for stratum in record["strata"] for unit in stratum["drawn"]]


def z_of(count, chance, n=DRAWS):
    return (count - n * chance) / np.sqrt(n * chance * (1 - chance))


def test_every_anchor_of_a_balanced_draw_comes_with_n_of_n():
    chosen = design(method="balanced", anchors="market=2,school=4")
    frame = build_frame(TOWN, chosen)
    counts = strata_only(frame, chosen, DRAWS)
    of = frame.anchors.set_index("id")["class"]
    for name, chance in (("market", 2 / 5), ("school", 4 / 5)):
        told = [z_of(counts[unit], chance) for unit in of.index[of == name]]
        assert len(told) == 5
        assert np.abs(told).max() < 4
    assert set(of[list(counts)]) == {"market", "school"}


@pytest.mark.parametrize("method", ["srs", "balanced"])
def test_must_visit_anchors_always_come_and_the_others_share_what_is_left(method):
    # five markets, three drawn, one of them for certain: each of the four others with (3-1)/(5-1)
    frame = build_frame(TOWN, design())
    markets = frame.anchors["id"][frame.anchors["class"] == "market"].tolist()
    chosen = design(method=method, anchors="market=3,mall=1", must_visit=markets[1])
    counts = strata_only(frame, chosen, DRAWS)
    assert counts[markets[1]] == DRAWS
    assert np.abs([z_of(counts[unit], 1 / 2) for unit in markets if unit != markets[1]]).max() < 4
    strata = anchor_strata(frame, chosen)
    fraction = dict(zip(frame.anchors["id"], strata.fraction[strata.of], strict=True))
    assert [fraction[unit] for unit in markets] == [0.5, 1.0, 0.5, 0.5, 0.5]
    malls = frame.anchors["id"][frame.anchors["class"] == "mall"]
    assert {fraction[unit] for unit in malls} == {0.2}


def lone_town():
    """Three markets far apart, each with one alley and one compound of its own."""
    spots = [(0, 0), (6000, 0), (12000, 0)]
    return {
        "anchors": layer(["m0", "m1", "m2"], [shapely.Point(s) for s in spots], **{"class": ["market"] * 3}),
        "back_alleys": layer(["b0", "b1", "b2"], [alley(x + 100, y) for x, y in spots]),
        "compounds": layer(["c0", "c1", "c2"], [shapely.box(x, y + 50, x + 40, y + 90) for x, y in spots]),
    }


def test_the_exposure_of_must_visit_anchors_is_exact():
    chosen = design(anchors="market=2", must_visit="m1", alleys="1", compounds="1")
    found = exposure(build_frame(lone_town(), chosen), chosen)
    assert found.method == "exact"
    # m1 for certain, one of the two others: its only alley with it
    np.testing.assert_allclose(found.layers["back_alleys"].pi, [0.5, 1.0, 0.5], rtol=1e-14)
    np.testing.assert_allclose(found.layers["compounds"].pi, [0.5, 1.0, 0.5], rtol=1e-14)
    # given alleys 0 and 2, whose anchors share one place: never both
    frame = build_frame(lone_town(), chosen)
    assert joint(frame, chosen, ("back_alleys", 0), ("back_alleys", 2)) == (pytest.approx(0, abs=1e-15), 0)
    assert joint(frame, chosen, ("back_alleys", 0), ("back_alleys", 1)) == (pytest.approx(0.5), 0)


@pytest.mark.parametrize(
    "words",
    [
        {"method": "balanced", "anchors": "2"},
        {"must_visit": "a003,a009", "anchors": "2"},
        {"method": "balanced", "must_visit": "a000", "anchors": "3", "reserves": 2},
        {"min_distance": 300.0, "force_distance": True, "anchors": "1"},
    ],
)
def test_such_records_are_confirmed(words):
    chosen = design(**words)
    record = json.loads(json.dumps(make_record(build_frame(TOWN, chosen), chosen, Lottery("s"))))
    assert verify(record, TOWN).same
    assert set(chosen.must_visit) <= set(drawn_of(record))
    # another anchor in the place of a drawn one, and it is no longer true
    altered = json.loads(json.dumps(record))
    stratum = altered["strata"][0]
    stratum["drawn"][-1] = next(f"a{n:03d}" for n in range(0, 30, 6) if f"a{n:03d}" not in stratum["drawn"])
    assert not verify(altered, TOWN).same


def distances(frame, units):
    at = frame.anchors.set_index("id").loc[units]
    x, y = at["x"].to_numpy(), at["y"].to_numpy()
    return {
        (units[i], units[j]): float(np.hypot(x[i] - x[j], y[i] - y[j]))
        for i in range(len(units)) for j in range(i + 1, len(units))
    }  # fmt: skip


@pytest.mark.parametrize("seed", range(25))
def test_a_forced_distance_holds_between_all_drawn_anchors_of_all_classes(seed):
    free = design(min_distance=600.0)
    forced = dataclasses.replace(free, force_distance=True)
    frame = build_frame(TOWN, free)
    record = make_record(frame, forced, Lottery(f"s{seed}"))
    assert len(drawn_of(record)) == 6
    assert min(distances(frame, drawn_of(record)).values()) >= 600
    assert record["spread"]["near"] == []
    # not forced, the same draw tells just the pairs that are too near, and changes nothing
    told = make_record(frame, free, Lottery(f"s{seed}"))
    plain = design()
    assert drawn_of(told) == drawn_of(make_record(frame, plain, Lottery(f"s{seed}")))
    near = {frozenset((pair["one"], pair["other"])) for pair in told["spread"]["near"]}
    held = distances(frame, drawn_of(told))
    assert near == {frozenset(pair) for pair, metres in held.items() if metres < 600}


def test_some_draws_have_near_pairs():
    frame = build_frame(TOWN, design())
    found = sum(
        bool(near_pairs(frame, drawn_of(make_record(frame, design(), Lottery(f"s{k}"))), 600))
        for k in range(25)
    )
    assert 5 < found < 25  # six anchors on 9 km2: neither never nor always


def test_anchors_that_must_be_visited_keep_those_of_earlier_classes_away():
    # two markets, 0 and 5 km; the school that must be visited stands 100 m from the first
    spots = [(0, 0), (5000, 0), (100, 0)]
    table = layer(
        ["m0", "m1", "s0"], [shapely.Point(s) for s in spots], **{"class": ["market", "market", "school"]}
    )
    tables = {**lone_town(), "anchors": table}
    chosen = design(anchors="market=1,school=1", must_visit="s0", min_distance=500.0, force_distance=True)
    frame = build_frame(tables, chosen)
    for seed in range(20):
        assert drawn_of(make_record(frame, chosen, Lottery(f"s{seed}"))) == ["m1", "s0"]


def test_a_distance_that_leaves_too_few_names_class_and_numbers():
    chosen = design(anchors="market=3", min_distance=20000.0, force_distance=True)
    with pytest.raises(DesignError) as told:
        make_record(build_frame(lone_town(), chosen), chosen, Lottery("s"))
    assert told.value.code == "distance_short"
    assert (told.value.facts["name"], told.value.facts["found"], told.value.facts["asked"]) == (
        "market",
        1,
        3,
    )


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ({"must_visit": "a000,a006", "anchors": "1"}, "must_visit_many"),
        ({"must_visit": "a001", "anchors": "market=1"}, "must_visit_many"),  # a mall, none is drawn
        ({"must_visit": "a000,zzz"}, "must_visit_unknown"),
        ({"must_visit": "a000,a000"}, "must_visit_twice"),
        ({"must_visit": "a000", "per": "class"}, "must_visit_per"),
        ({"must_visit": "a000", "per": "cluster"}, "must_visit_per"),
        ({"force_distance": True}, "force_distance"),
        ({"force_distance": True, "min_distance": 100.0, "method": "balanced"}, "force_distance"),
        ({"min_distance": -1.0}, "option_range"),
        ({"min_distance": 50_001.0}, "option_range"),
        ({"min_distance": float("nan")}, "option_range"),
        ({"method": "even"}, "unknown_option"),
    ],
)
def test_impossible_settings_are_refused(words, code):
    with pytest.raises((DesignError, FrameError)) as told:
        chosen = design(**words)
        make_record(build_frame(TOWN, chosen), chosen, Lottery("s"))
    assert told.value.code == code


def test_the_settings_go_through_a_record_unchanged():
    chosen = design(method="balanced", must_visit="a000,a007", min_distance=150.0, anchors="2")
    assert Design.from_mapping(json.loads(json.dumps(chosen.to_mapping()))) == chosen


def test_how_evenly_a_draw_lies_is_told_with_it():
    chosen = design(method="balanced", anchors="2")
    frame = build_frame(TOWN, chosen)
    spread = make_record(frame, chosen, Lottery("s"))["spread"]
    assert 0 <= spread["better_than"] <= 1
    assert spread["voronoi"] >= 0
    assert 0 <= spread["pielou"] <= 1
    assert spread["near"] == []
    # each class is spread by itself: over many draws they lie more evenly than at random
    better = [make_record(frame, chosen, Lottery(f"s{k}"))["spread"]["better_than"] for k in range(20)]
    assert np.mean(better) > 0.5


# ------------------------------------------------------------------------------------- exposure


def chain(steps):
    """Markets on a line at the given places, and one alley that all of them reach."""
    anchors = layer(
        [f"m{n}" for n in range(len(steps))], [shapely.Point(x, 0) for x in steps],
        **{"class": ["market"] * len(steps)},
    )  # fmt: skip
    alleys = layer(["b0", "b1"], [alley(0, 200), alley(0, 210)])
    return {
        "anchors": anchors,
        "back_alleys": alleys,
        "compounds": layer(["c0"], [shapely.box(0, 300, 9, 309)]),
    }


def test_exposure_of_a_balanced_draw_is_a_certified_bracket():
    # four markets in two pairs of neighbours, two drawn: one of each pair. One of two alleys is drawn
    # at each: missed by both visited ones with 1/4, so pi = 3/4
    tables = chain([0, 1, 400, 401])
    chosen = design(method="balanced", anchors="market=2", alleys="1", compounds="1")
    found = exposure(build_frame(tables, chosen), chosen)
    part = found.layers["back_alleys"]
    assert found.method == part.method == "bracket"
    # each anchor adds 1/2 * 1/2: 1 - (3/4)^4 <= pi <= 4/4
    np.testing.assert_allclose(part.low, [1 - 0.75**4] * 2, rtol=1e-12)
    np.testing.assert_allclose(part.high, [1.0, 1.0], rtol=1e-12)
    assert (part.low <= part.pi).all() and (part.pi <= part.high).all()
    assert part.low[0] <= 0.75 <= part.high[0]


def test_a_bracket_closes_where_one_anchor_decides():
    tables = lone_town()
    chosen = design(method="balanced", anchors="market=2", alleys="1", compounds="1")
    part = exposure(build_frame(tables, chosen), chosen).layers["back_alleys"]
    for bound in (part.low, part.pi, part.high):
        np.testing.assert_allclose(bound, [2 / 3] * 3, rtol=1e-12)


def test_the_bracket_holds_what_is_drawn():
    tables = town(anchors=12, alleys=20, compounds=10, size=1500.0, seed=2)
    chosen = design(method="balanced", anchors="1", radius="500")
    frame = build_frame(tables, chosen)
    part = exposure(frame, chosen).layers["back_alleys"]
    n, seen = 1500, Counter()
    for seed in range(n):
        seen.update(
            visit["id"] for visit in drawing.draw(frame, chosen, Lottery(f"s{seed}"))["visits"]["back_alleys"]
        )
    told = np.array([seen[unit] for unit in frame.units["back_alleys"]["id"]]) / n
    slack = 4 * np.sqrt(told * (1 - told) / n) + 1e-12
    assert (told >= part.low - slack).all()
    assert (told <= part.high + slack).all()
    assert (part.high > part.low).any()


def test_a_forced_distance_is_told_as_approximate():
    chosen = design(anchors="market=1", min_distance=100.0, force_distance=True)
    frame = build_frame(lone_town(), chosen)
    assert exposure(frame, chosen).method == "approximate"
    assert exposure(frame, dataclasses.replace(chosen, force_distance=False)).method == "exact"


@pytest.mark.parametrize(
    "words", [{"per": "class"}, {"duplicate": "redrawn"}, {"radius": "300:700", "radius_per": "round"}]
)
def test_settings_without_bounds_are_refused(words):
    chosen = design(method="balanced", anchors="2", **words)
    with pytest.raises(DesignError) as told:
        exposure(build_frame(TOWN, chosen), chosen, rng=np.random.default_rng(0))
    assert told.value.code == "balanced_settings"


def test_several_units_together_are_refused_in_a_balanced_draw():
    chosen = design(method="balanced", anchors="2")
    frame = build_frame(TOWN, chosen)
    bad = {"back_alleys": np.ones(40, dtype=bool)}
    for ask in (
        lambda: bad_visits(frame, chosen, bad),
        lambda: joint(frame, chosen, ("back_alleys", 0), ("back_alleys", 1)),
    ):
        with pytest.raises(DesignError) as told:
            ask()
        assert told.value.code == "balanced_together"


@pytest.mark.parametrize(
    "words",
    [{"method": "balanced"}, {"must_visit": "a000"}, {"min_distance": 9.0, "force_distance": True}],
)
def test_rounds_without_repetition_need_a_plain_draw(words):
    chosen = design(**words)
    with pytest.raises(DesignError) as told:
        without_repetition(build_frame(TOWN, chosen), chosen, 2)
    assert told.value.code == "rounds_settings"


def test_what_was_prepared_answers_for_the_numbers_it_is_asked_for():
    # prepared for one anchor of each class, asked for all: nothing of the one may remain
    one, every = design(anchors="1"), design(anchors="all")
    frame = build_frame(TOWN, one)
    ready = prepare(frame, one)
    bad = {"back_alleys": np.arange(40) % 3 == 0}
    fresh, kept = exposure(frame, every), exposure(frame, every, ready=ready)
    np.testing.assert_array_equal(fresh.layers["back_alleys"].pi, kept.layers["back_alleys"].pi)
    assert (
        bad_visits(frame, every, bad, ready=ready).at_least_one == bad_visits(frame, every, bad).at_least_one
    )
    units = ("back_alleys", 3), ("compounds", 5)
    assert joint(frame, every, *units, ready=ready) == joint(frame, every, *units)
    row = int(np.argmax(fresh.layers["back_alleys"].n_reaching))
    assert set(reaching(kept, "back_alleys", row).fraction) == {1.0}


def test_tickets_live_in_the_lottery():
    assert Lottery.__module__ == lottery_module.__name__ == "geo.lottery"
    assert Lottery("x").order(["a"], "t") == ["a"]
