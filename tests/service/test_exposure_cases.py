"""Exposure, priority, blind spots, readings and odds of a hamlet whose every number is derived by hand.

The derivations stand in `hamlet.py`; what is longer stands beside the test.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hamlet import EAST, NOON, PI, WEST, add, anchor, layers, stored, table

from geo.design import Anchors
from geo.errors import DesignError, FrameError, NotFoundError
from layers.rules import categories, checklist
from layers.store import Store
from service import clock
from service.usecases import draws, exposure, odds, priority, rule_books
from service.usecases.designs import make_design
from service.usecases.open_issues import open_issues

DESIGN = make_design({"radius": "500"})
ALL = replace(DESIGN, anchors=Anchors.parse("all"))
MARKET = replace(DESIGN, anchors=Anchors.parse("market=1"))
EVERY = {unit: pi for held in PI.values() for unit, pi in held.items()}
WEIGHT = {"B1": 6.0, "B3": 2.0, "B6": 3.0, "C1": 4.0}
"""I1 2 cases x 2 and I9 1 x 2; I3 1 x 2; I8 3 x 1; I2 1 x 3 and I7 1 x 1."""
LOSS = {"B1": 100 / 14, "B3": 34 / 14, "B6": 0.0, "C1": 2 * 34 / 15}
"""Three cases lose one item of 14, one case a third of it; in C1 two items of 15 with one case each."""


@pytest.fixture
def hamlet(tmp_path):
    with Store.open(stored(tmp_path / "hamlet.db"), create=False) as store:
        yield store


def by_id(frame, column, key="id"):
    return dict(zip(frame[key], frame[column], strict=True))


# ------------------------------------------------------------------------------------- exposure


def test_every_exposure_is_the_one_derived_by_hand(hamlet):
    units, beside = exposure.units(hamlet, DESIGN)
    assert by_id(units, "pi") == pytest.approx(EVERY, abs=1e-14)
    assert by_id(units, "expected_draws")["B5"] == pytest.approx(1 / 4 + 3 / 4)
    assert by_id(units, "reached_by") == {
        "B1": 1,
        "B2": 1,
        "B3": 1,
        "B4": 0,
        "B5": 2,
        "B6": 1,
        "C1": 1,
        "C2": 1,
    }
    assert beside["method"] == "exact"
    assert set(units["se"]) == {0.0}
    assert (units["low"] == units["pi"]).all() and (units["high"] == units["pi"]).all()
    assert beside["settings"] == DESIGN.to_mapping()
    assert beside["expected_distinct"] == pytest.approx({"back_alleys": 41 / 16, "compounds": 1.0})
    assert units["pi"].is_monotonic_decreasing


def test_the_page_and_the_table_tell_the_same(hamlet):
    told = exposure.numbers(hamlet, DESIGN)
    units, _ = exposure.units(hamlet, DESIGN)
    for layer in ("back_alleys", "compounds"):
        part = told["layers"][layer]
        own = units[units["layer"] == layer]
        assert dict(zip(part["id"], part["pi"], strict=True)) == pytest.approx(PI[layer], rel=1e-5)
        for name, column in (
            ("pi", "pi"),
            ("issues", "weight"),
            ("priority", "priority"),
            ("reach", "reached_by"),
        ):
            assert dict(zip(part["id"], part[name], strict=True)) == pytest.approx(
                by_id(own, column), rel=1e-5
            )
        assert sum(part["pi"]) == pytest.approx(told["expected_distinct"][layer], abs=1e-4)
    assert told["anchors_drawn"] == 2
    assert (told["method"], told["se"], told["issues_elsewhere"]) == ("exact", None, 2)


def test_why_names_who_reaches_a_unit_and_the_parts_give_the_whole(hamlet):
    told = exposure.why(hamlet, DESIGN, "back_alleys", "B5")
    school, market = told["anchors"]
    assert [(a["id"], a["pool"], a["p"], a["visited"]) for a in (school, market)] == [
        ("S1", 2, pytest.approx(3 / 4), 1.0), ("M1", 3, pytest.approx(1 / 2), 0.5),
    ]  # fmt: skip
    assert (school["share"], market["share"]) == (pytest.approx(3 / 4), pytest.approx(1 / 4))
    # from (0, 700) and (0, 0) to (100, 400)
    assert school["entry_m"] == pytest.approx(math.hypot(100, 300), abs=0.05)
    assert market["entry_m"] == pytest.approx(math.hypot(100, 400), abs=0.05)
    assert told["pi"] == pytest.approx(1 - math.prod(1 - a["p"] * a["visited"] for a in told["anchors"]))
    assert (told["method"], told["low"], told["high"]) == ("exact", None, None)
    assert told["settings"] == DESIGN.to_mapping()
    assert exposure.why(hamlet, DESIGN, "back_alleys", "B4")["anchors"] == []


def test_the_pool_of_a_random_radius_is_the_mean_over_the_radii_that_reach_the_unit(hamlet):
    # 300 to 500 m: whenever M1 reaches B5, 412.3 m away, it reaches B1 (100) and B2 (300) too; whenever
    # it reaches B1, B5 is in with (500 - 412.3) / 200
    uniform = make_design({"radius": "300:500"})
    pools = {
        unit: {a["id"]: a["pool"] for a in exposure.why(hamlet, uniform, "back_alleys", unit)["anchors"]}
        for unit in ("B1", "B5")
    }
    assert pools["B5"]["M1"] == 3
    assert pools["B1"]["M1"] == pytest.approx(2 + (500 - math.hypot(100, 400)) / 200, abs=0.01)
    # B6 (223.6) and B5 (316.2) of the school
    assert pools["B5"]["S1"] == 2


@pytest.mark.parametrize("unit", EVERY)
def test_the_issues_of_why_sum_to_the_priority_of_the_unit(hamlet, unit):
    told = exposure.why(hamlet, DESIGN, exposure.layer_of(hamlet, unit), unit)
    assert sum(issue["weight"] for issue in told["issues"]) == WEIGHT.get(unit, 0.0)
    assert sum(issue["gain"] for issue in told["issues"]) == pytest.approx(
        WEIGHT.get(unit, 0.0) * EVERY[unit]
    )
    assert sum(i["gain_points"] for i in told["issues"]) == pytest.approx(LOSS.get(unit, 0.0) * EVERY[unit])


def test_a_pool_holds_what_an_anchor_can_draw(hamlet):
    told = exposure.pool(hamlet, DESIGN, "M1")
    assert told["class"] == "market"
    assert {u["id"]: u["p"] for u in told["back_alleys"]} == pytest.approx({"B1": 0.5, "B2": 0.5, "B5": 0.5})
    assert {u["id"]: u["p"] for u in told["compounds"]} == {"C1": 1.0}
    assert {u["id"]: u["entry_m"] for u in told["back_alleys"]}["B2"] == pytest.approx(300, abs=0.05)
    # C1 begins at (310, 5)
    assert told["compounds"][0]["entry_m"] == pytest.approx(math.hypot(310, 5), abs=0.05)


def test_a_balanced_draw_tells_bounds_in_every_answer(hamlet):
    balanced = replace(DESIGN, method="balanced")
    units, beside = exposure.units(hamlet, balanced)
    assert beside["method"] == "bracket"
    # one anchor of each class: markets never meet, so only B5, of two classes, has room between
    assert by_id(units, "low")["B5"] == pytest.approx(1 - 3 / 4 * 1 / 4)
    assert by_id(units, "high")["B5"] == pytest.approx(1.0)
    told = exposure.why(hamlet, balanced, "back_alleys", "B5")
    assert (told["method"], told["low"], told["high"]) == (
        "bracket",
        pytest.approx(13 / 16),
        pytest.approx(1.0),
    )


def test_another_number_of_anchors_is_answered_for_itself(hamlet):
    exposure.units(hamlet, DESIGN)  # keeps what was prepared for one market of two
    told = exposure.why(hamlet, ALL, "back_alleys", "B5")
    assert {a["id"]: a["visited"] for a in told["anchors"]} == {"M1": 1.0, "S1": 1.0}
    assert told["pi"] == pytest.approx(1 - 1 / 2 * 1 / 4)
    # all three: M1 meets C1 always and B1 with 1/2, M2 meets B3, S1 meets B6 with 3/4
    assert odds.odds(hamlet, ALL)["bad"]["expected_visits"] == pytest.approx(1 + 1 / 2 + 1 + 3 / 4)
    assert odds.odds(hamlet, DESIGN)["bad"]["expected_visits"] == pytest.approx((3 / 2 + 1) / 2 + 3 / 4)


def test_an_import_changes_the_numbers(hamlet):
    assert by_id(exposure.units(hamlet, DESIGN)[0], "pi")["B1"] == pytest.approx(1 / 4)
    add(hamlet, {"anchors": table("anchors", [anchor("M3", "market", 9000, 5000)])})
    pi = by_id(exposure.units(hamlet, DESIGN)[0], "pi")
    assert (pi["B1"], pi["B3"]) == (pytest.approx(1 / 6), pytest.approx(1 / 3))
    closed = layers()["issues"]
    closed["state"] = "closed"
    add(hamlet, {"issues": closed}, update=True)
    assert exposure.units(hamlet, DESIGN)[0]["weight"].sum() == 0


def test_stores_are_not_mistaken_for_each_other(tmp_path):
    stored(tmp_path / "one.db")
    stored(tmp_path / "two.db", issues=False)
    for name, weight in (("one.db", 15.0), ("two.db", 0.0), ("one.db", 15.0)):
        with Store.open(tmp_path / name, create=False) as store:
            assert exposure.units(store, DESIGN)[0]["weight"].sum() == weight


def test_unknown_units_anchors_and_layers_are_refused(hamlet):
    for ask, code in (
        (lambda: exposure.layer_of(hamlet, "zzz"), "unit_nowhere"),
        (lambda: exposure.why(hamlet, DESIGN, "back_alleys", "C1"), "unit_unknown"),
        (lambda: exposure.why(hamlet, DESIGN, "anchors", "M1"), "unit_layer"),
        (lambda: exposure.pool(hamlet, DESIGN, "B1"), "anchor_unknown"),
    ):
        with pytest.raises(NotFoundError) as told:
            ask()
        assert told.value.code == code


def test_the_picture_says_how_the_chance_is_spread(hamlet):
    told = exposure.picture(exposure.units(hamlet, DESIGN)[0])
    alleys = told["back_alleys"]
    # 0 | 13/16, 3/4, 1/2, 1/4, 1/4: one that cannot be drawn, two from 20 to 50 %, three above
    assert alleys["histogram"] == [1, *[0] * (len(alleys["edges"]) - 3), 2, 3]
    # of 41/16, 13 + 12 = 25 are 61 %: two of six carry 60 %
    assert (alleys["share"], alleys["counts"]) == (0.6, {"units": 2, "all": 6})
    assert alleys["curve"][0] == 0
    assert alleys["curve"][-1] == pytest.approx(1)
    assert alleys["curve"][50] == pytest.approx((13 + 12 + 8) / 41, abs=1e-6)
    assert told["compounds"]["counts"] == {"units": 2, "all": 2}


# ------------------------------------------------------------------------------------- issues


def test_issues_belong_by_id_by_lying_inside_and_by_nearness(hamlet):
    frame, _ = exposure.frame_of(hamlet, DESIGN)
    found = open_issues(hamlet, frame, rule_books.current(hamlet, NOON.date()))
    owner = {
        issue.id: (frame.units[issue.layer]["id"].iloc[issue.unit], issue.by_place)
        for issue in found.table.itertuples()
    }
    assert owner == {
        "I1": ("B1", False), "I2": ("C1", True), "I3": ("B3", True), "I7": ("C1", True), "I8": ("B6", False),
        "I9": ("B1", False),
    }  # fmt: skip
    assert (found.elsewhere, found.unknown) == (2, 1)
    assert by_id(found.table, "weight") == {"I1": 4, "I2": 3, "I3": 2, "I7": 1, "I8": 3, "I9": 2}
    loss = by_id(found.table, "loss")
    # the third case of B1 is the third of the item that is lost; ZZ99 is no item
    assert (loss["I1"], loss["I9"], loss["I8"]) == (pytest.approx(2 / 42), pytest.approx(1 / 42), 0.0)
    assert loss["I2"] == pytest.approx(0.34 / 15)


def test_severities_and_checklists_are_those_of_the_domain_reference():
    known = {code: categories()[code].severity for code in ("HJ01", "SR03", "SS01", "SS02", "XF01", "WM01")}
    assert known == {"HJ01": 2, "SR03": 1, "SS01": 2, "SS02": 3, "XF01": 3, "WM01": 1}
    assert len(categories()) == 67
    assert [item.category for item in checklist("back_alley")][:5] == ["SS01", "SS05", "SS04", "SS02", "SS03"]
    assert (len(checklist("back_alley")), len(checklist("compound"))) == (14, 15)
    second = checklist("compound")[1]
    assert (second.code, second.site_type, second.category) == ("compound-02", "compound", "XF01")
    assert {item.category for kind in ("back_alley", "compound") for item in checklist(kind)} <= set(
        categories()
    )


def test_a_hamlet_without_issues_has_nothing_to_mend(tmp_path):
    with Store.open(stored(tmp_path / "s.db", issues=False), create=False) as store:
        units, beside = exposure.units(store, DESIGN)
        assert (units["priority"].sum(), beside["issues_elsewhere"]) == (0, 0)
        assert priority.priority(store, DESIGN, by="issue").empty
        assert priority.priority(store, DESIGN, fixes=3).empty
        told = odds.odds(store, DESIGN)
        assert (told["bad"]["at_least_one"], told["bad"]["law"], told["issues_found"]) == (0, [1.0], 0)


# ------------------------------------------------------------------------------------- priority


def test_priority_is_exposure_times_weight(hamlet):
    told = priority.priority(hamlet, DESIGN)
    assert list(told["id"][:4]) == ["B6", "C1", "B1", "B3"]
    assert list(told["priority"][:4]) == pytest.approx([9 / 4, 2, 3 / 2, 1])
    assert by_id(told, "expected_loss") == pytest.approx(
        {unit: EVERY[unit] * LOSS.get(unit, 0.0) for unit in EVERY}, abs=1e-12
    )
    assert by_id(told, "open_issues")["C1"] == 2


def test_sums_over_units_districts_responsible_and_issues_agree(hamlet):
    by = {name: priority.priority(hamlet, DESIGN, by=name) for name in priority.BY}
    assert by["issue"]["gain"].sum() == pytest.approx(6.75)
    for name in ("unit", "district", "responsible"):
        assert by[name]["priority"].sum() == pytest.approx(6.75)
        assert by[name]["expected_loss"].sum() == pytest.approx(by["issue"]["gain_points"].sum())
        assert by[name]["open_issues"].sum() == len(by["issue"]) == 6
    assert by_id(by["district"], "priority", "group") == pytest.approx({"东街": 4.5, "西街": 2.25})
    assert by_id(by["district"], "units", "group") == {"东街": len(EAST), "西街": len(WEST)}
    assert by_id(by["responsible"], "priority", "group") == pytest.approx(
        {"甲单位": 1.5, "乙单位": 2.0, "—": 3.25}
    )


def test_the_chance_to_be_touched_counts_alleys_and_compounds_together(hamlet):
    told = by_id(priority.priority(hamlet, DESIGN, by="responsible"), "touched", "group")
    # C1 alone: the market M1. B1 and B5: missed by the market with 1/2 + 1/2 * 1/6, by the school with 1/4
    assert (told["乙单位"], told["甲单位"]) == (pytest.approx(1 / 2), pytest.approx(1 - 7 / 12 / 4))
    balanced = priority.priority(hamlet, replace(DESIGN, method="balanced"), by="responsible")
    assert balanced["touched"].isna().all()


def test_fixes_are_the_head_of_the_list_of_issues(hamlet):
    whole = priority.priority(hamlet, DESIGN, by="issue")
    assert list(whole["id"]) == ["I8", "I2", "I1", "I3", "I7", "I9"]
    assert list(whole["gain"]) == pytest.approx([2.25, 1.5, 1, 1, 0.5, 0.5])
    assert list(whole["gain_so_far"]) == pytest.approx([2.25, 3.75, 4.75, 5.75, 6.25, 6.75])
    for number in (1, 3, 6, 99):
        pd.testing.assert_frame_equal(priority.priority(hamlet, DESIGN, fixes=number), whole.head(number))
    pd.testing.assert_frame_equal(priority.priority(hamlet, DESIGN, by="issue", fixes=2), whole.head(2))


def test_a_list_that_is_none_is_refused(hamlet):
    with pytest.raises(NotFoundError) as told:
        priority.priority(hamlet, DESIGN, by="street")
    assert told.value.code == "unknown_option"
    with pytest.raises(DesignError) as told:
        priority.priority(hamlet, DESIGN, by="district", fixes=3)
    assert told.value.code == "fixes_by"


# ------------------------------------------------------------------------------------- blind spots


def test_blind_spots_are_what_nobody_reaches_and_what_no_draw_has_visited(hamlet):
    before = priority.blind_spots(hamlet, DESIGN)
    assert before["id"].iloc[0] == "B4"
    assert set(before["id"][before["unreached"]]) == set(before["id"][before["outside"]]) == {"B4"}
    assert set(before["id"]) == set(EVERY)  # no draw yet
    record = draws.run(hamlet, DESIGN, now=NOON, seed="s").record
    visited = {visit["id"] for visits in record["visits"].values() for visit in visits}
    assert len(visited) >= 3
    after = priority.blind_spots(hamlet, DESIGN)
    assert set(after["id"]) == set(EVERY) - visited
    assert after["never_visited"].all()
    # a sealed draw has visited nothing yet
    draws.run(hamlet, DESIGN, now=NOON, sealed=True)
    assert set(priority.blind_spots(hamlet, DESIGN)["id"]) == set(after["id"])
    # with 10 m nobody reaches anything, though a larger radius would
    near = priority.blind_spots(hamlet, make_design({"radius": "10"}))
    assert set(near["id"][near["outside"]]) == set(EVERY)
    assert set(near["id"][near["unreached"]]) == {"B4"}
    assert set(near["id"][near["never_visited"]]) == set(EVERY) - visited


# ------------------------------------------------------------------------------------- readings


def test_readings_of_the_rule_stand_side_by_side(hamlet):
    units, agreement = priority.compare_settings(hamlet, DESIGN)
    labels = [label for label, _ in priority.SETTINGS]
    assert len(labels) == len(set(labels)) == 10
    assert list(units.columns) == ["layer", "id", "name", "high_in", *labels]
    assert by_id(units, "disc 500 1/class") == pytest.approx(EVERY, abs=1e-14)
    every = by_id(units, "disc 500 all")
    assert (every["B1"], every["B3"], every["B5"]) == (pytest.approx(1 / 2), 1.0, pytest.approx(7 / 8))
    # from 500 to 1000 m: M1 reaches B6 (906 m), S1 reaches B1 (707), B2 (762) and C1 (706); nothing else
    ring = by_id(units, "ring 1000 1/class")
    assert ring == pytest.approx(
        {"B1": 3 / 4, "B2": 3 / 4, "B3": 0, "B4": 0, "B5": 0, "B6": 1 / 2, "C1": 1, "C2": 0}, abs=1e-14
    )
    assert agreement.shape == (10, 10)
    np.testing.assert_allclose(np.diag(agreement), 1)
    np.testing.assert_allclose(agreement, agreement.T)


def test_the_likeliest_tenth_of_each_layer_is_counted_in_every_reading(hamlet):
    units, _ = priority.compare_settings(hamlet, DESIGN)
    labels = [label for label, _ in priority.SETTINGS]
    for layer in ("back_alleys", "compounds"):
        part = units[units["layer"] == layer]
        expected = dict.fromkeys(part["id"], 0)
        for label in labels:
            # of 6 alleys or 2 compounds the tenth is one place, shared by all that are equally likely
            top = part[label].max()
            for unit, pi in zip(part["id"], part[label], strict=True):
                expected[unit] += bool(pi == top > 0)
        assert by_id(part, "high_in") == expected
    assert by_id(units, "high_in")["B4"] == 0
    assert units["high_in"].is_monotonic_decreasing


# ------------------------------------------------------------------------------------- odds


def test_the_odds_of_one_inspection_are_those_derived_by_hand(hamlet):
    told = odds.odds(hamlet, DESIGN)
    units, _ = exposure.units(hamlet, DESIGN)
    for layer, pi in units.groupby("layer")["pi"].sum().items():
        assert told["expected_distinct"][layer] == pytest.approx(pi)
    bad = told["bad"]
    assert bad["units"] == {"back_alleys": 3, "compounds": 1}
    # the market meets one with 3/4 (M1 without B1, or M2), two with 1/4; the school one (B6) with 3/4
    assert bad["law"][:4] == pytest.approx([0, 3 / 16, 10 / 16, 3 / 16], abs=1e-14)
    assert sum(bad["law"]) == pytest.approx(1)
    assert (bad["at_least_one"], bad["expected_visits"]) == (pytest.approx(1), pytest.approx(2))
    assert (bad["method"], bad["se"], told["method"]) == ("exact", 0, "exact")
    # cases: B1 3/4, B3 1/2, B6 9/4, C1 1
    assert told["issues_found"] == pytest.approx(4.5)
    assert odds.odds(hamlet, DESIGN, detect=0.5)["issues_found"] == pytest.approx(2.25)
    assert odds.odds(hamlet, DESIGN, detect=0.5)["expected_distinct"] == told["expected_distinct"]


@pytest.mark.parametrize(
    ("pair", "chance"),
    [
        (("B1", "B2"), 1 / 12),
        (("B1", "B3"), 0),
        (("B5", "B6"), 9 / 16),
        (("C1", "B1"), 1 / 4),
        (("C1", "C2"), 0),
    ],
)
def test_two_units_together_whichever_is_named_first(hamlet, pair, chance):
    # B1 with B2: M1, two of three; B5 with B6: the school draws both, or B6 alone and the market B5
    for order in (pair, pair[::-1]):
        told = odds.odds(hamlet, DESIGN, units=order)
        assert told["together"] == {"chance": pytest.approx(chance, abs=1e-14), "se": 0.0}
        assert [u["id"] for u in told["units"]] == list(order)
        assert [u["pi"] for u in told["units"]] == pytest.approx([EVERY[u] for u in order])


def test_several_rounds_independent_and_without_repeating_an_anchor(hamlet):
    (told,) = odds.odds(hamlet, MARKET, units=["B1"], rounds=2)["units"]
    assert (told["pi"], told["independent"], told["no_repeat"]) == (
        pytest.approx(1 / 4), pytest.approx(7 / 16), pytest.approx(1 / 2),
    )  # fmt: skip
    assert told["rounds_until_95"] == 11  # 0.75^10 = 0.056, 0.75^11 = 0.042
    (never,) = odds.odds(hamlet, MARKET, units=["B4"], rounds=2)["units"]
    assert (never["independent"], never["rounds_until_95"]) == (0, None)
    (once,) = odds.odds(hamlet, MARKET, units=["B1"])["units"]
    assert once["no_repeat"] is None


@pytest.mark.parametrize("seed", range(6))
def test_after_a_draw_what_it_drew_is_taken_out(hamlet, seed):
    record = draws.run(hamlet, MARKET, now=NOON, seed=f"s{seed}", name="first").record
    (market,) = record["strata"][0]["drawn"]
    told = odds.odds(hamlet, MARKET, after="first")
    # the other market is certain now: M2 draws B3 and C2; M1 one or two of three, and C1
    assert told["expected_distinct"] == pytest.approx(
        {"M1": {"back_alleys": 1.0, "compounds": 1.0}, "M2": {"back_alleys": 1.5, "compounds": 1.0}}[market]
    )
    assert told["after"] == "first"
    gone = record["visits"]["compounds"][0]["id"]
    assert told["bad"]["units"]["compounds"] == (0 if gone == "C1" else 1)
    with pytest.raises(NotFoundError) as refused:
        odds.odds(hamlet, MARKET, after="first", units=[gone])
    assert refused.value.code == "unit_unknown"


def test_impossible_questions_are_refused(hamlet):
    draws.run(hamlet, DESIGN, now=NOON, name="sealed", sealed=True)
    for code, given in (
        ("units_many", {"units": ["B1", "B2", "B3"]}),
        ("joint_same", {"units": ["B1", "B1"]}),
        ("unit_nowhere", {"units": ["zzz"]}),
        ("option_range", {"rounds": 0}),
        ("option_range", {"rounds": 1001}),
        ("rounds_too_many", {"rounds": 2, "units": ["B1"]}),  # one school cannot be visited twice anew
        ("detect_range", {"detect": 2.0}),
        ("detect_range", {"detect": 0.0}),
        ("draw_sealed", {"after": "sealed"}),
        ("draw_unknown", {"after": "zzz"}),
    ):
        with pytest.raises((DesignError, NotFoundError, FrameError)) as told:
            odds.odds(hamlet, DESIGN, **given)
        assert told.value.code == code
    with pytest.raises(DesignError) as told:
        odds.odds(hamlet, replace(DESIGN, method="balanced"))
    assert told.value.code == "balanced_together"


def test_odds_of_a_forced_distance_are_told_as_approximate(hamlet):
    forced = replace(DESIGN, min_distance_m=10.0, force_distance=True)
    told = odds.odds(hamlet, forced)
    assert (told["method"], told["bad"]["method"]) == ("approximate", "approximate")


def test_units_at_rest_have_no_chance_and_are_taken_out_once(hamlet):
    draws.run(hamlet, MARKET, now=clock.now(), seed="s", name="first")
    resting = replace(MARKET, cooldown_days=30)
    units, beside = exposure.units(hamlet, resting)
    record = draws.record_of(hamlet, "first")
    visited = {visit["id"] for visits in record["visits"].values() for visit in visits}
    assert set(units["id"]) == set(EVERY) - visited
    assert sum(reasons.get("cooldown", 0) for reasons in beside["excluded"].values()) == len(visited)
    # the same units rest and were drawn: after the draw the anchors are gone too
    told = odds.odds(hamlet, resting, after="first")
    assert told["expected_distinct"] == odds.odds(hamlet, MARKET, after="first")["expected_distinct"]
