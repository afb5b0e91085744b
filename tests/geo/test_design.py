"""Settings as people write them, and everything that cannot be drawn."""

from fractions import Fraction

import pytest

from geo.design import Anchors, Design, Radius, Take
from geo.errors import DesignError


def code_of(call):
    with pytest.raises(DesignError) as told:
        call()
    assert str(told.value)
    return told.value.code


def test_the_defaults_are_those_of_the_domain_reference():
    design = Design()
    assert design.shape == "disc"
    assert design.radius == Radius("fixed", (1000.0,))
    assert design.metric == "straight"
    assert (design.alley_rule, design.compound_rule, design.anchor_rule) == ("intersects", "gate", "gate")
    assert design.alleys.chances == design.compounds.chances == ((1, Fraction(1, 2)), (2, Fraction(1, 2)))
    assert (design.per, design.duplicate, design.replace) == ("anchor", "merged", "never")
    assert design.anchors == Anchors(each=1)
    assert (design.short_pool, design.empty_pool) == ("take_all", "keep")
    assert (design.alley_weight, design.compound_weight) == ("equal", "equal")
    assert design.exclude_status == ("closed", "works", "restricted", "outside")
    assert design.cooldown_days == 0


@pytest.mark.parametrize(
    ("words", "radius"),
    [("1000", Radius("fixed", (1000.0,))), ("500:2000", Radius("uniform", (500.0, 2000.0))),
     ("500,1000,2000", Radius("list", (500.0, 1000.0, 2000.0))), (" 800m ", Radius("fixed", (800.0,)))],
)  # fmt: skip
def test_a_radius_is_read(words, radius):
    assert Radius.parse(words) == radius
    assert Radius.parse(radius.words()) == radius


@pytest.mark.parametrize(
    ("words", "code"),
    [("0", "radius_range"), ("50000", "radius_range"), ("-5", "radius_range"), ("2000:500", "radius_order"),
     ("1000,1000", "radius_order"), ("far", "not_a_number"), ("", "not_a_number"), ("500:1000:2000", "radius_count"),
     ("nan", "radius_range"), ("inf", "radius_range")],
)  # fmt: skip
def test_an_impossible_radius_is_refused(words, code):
    assert code_of(lambda: Radius.parse(words)) == code


def test_a_radius_law_gives_every_radius_its_share():
    points = [n / 3000 for n in range(3000)]
    listed = [Radius.parse("500,1000,2000").at(u) for u in points]
    assert [listed.count(r) for r in (500.0, 1000.0, 2000.0)] == [1000, 1000, 1000]
    uniform = Radius.parse("500:2000")
    assert (uniform.at(0.0), uniform.at(0.5), uniform.max_m) == (500.0, 1250.0, 2000.0)


def test_the_chance_to_reach_a_distance():
    assert [Radius.parse("500:2000").survival(x) for x in (0, 500, 1250, 2000, 2500)] == [1, 1, 0.5, 0, 0]
    assert [Radius.parse("500,1000").survival(x) for x in (400, 500, 501, 1000, 1001)] == [1, 1, 0.5, 0.5, 0]
    assert [Radius.parse("800").survival(x) for x in (800, 801)] == [1, 0]


@pytest.mark.parametrize(
    ("words", "chances"),
    [("1-2", ((1, Fraction(1, 2)), (2, Fraction(1, 2)))), ("2", ((2, Fraction(1)),)), ("0", ((0, Fraction(1)),)),
     ("1:0.7,2:0.3", ((1, Fraction(7, 10)), (2, Fraction(3, 10)))), ("1－2", ((1, Fraction(1, 2)), (2, Fraction(1, 2))))],
)  # fmt: skip
def test_a_number_of_units_is_read(words, chances):
    assert Take.parse(words).chances == chances
    assert Take.parse(Take.parse(words).words()).chances == chances


@pytest.mark.parametrize(
    ("words", "code"),
    [("2-1", "take_backwards"), ("1-99", "take_range"), ("many", "take_unreadable"), ("1:0.5,2:0.4", "take_chances"),
     ("2:0.5,1:0.5", "take_range"), ("1:0,2:1", "take_chances"), ("99", "take_range"), ("1:1/0", "take_unreadable")],
)  # fmt: skip
def test_an_impossible_number_of_units_is_refused(words, code):
    assert code_of(lambda: Take.parse(words)) == code


def test_a_number_follows_its_chances():
    take = Take.parse("1:0.7,2:0.3")
    assert [take.at(Fraction(n, 10)) for n in range(10)] == [1] * 7 + [2] * 3


@pytest.mark.parametrize(
    ("words", "anchors"),
    [("all", Anchors(each=None)), ("2", Anchors(each=2)),
     ("market=1,school=all", Anchors(each=None, by_class=(("market", 1), ("school", None))))],
)  # fmt: skip
def test_anchors_are_read(words, anchors):
    assert Anchors.parse(words) == anchors
    assert Anchors.parse(anchors.words()) == anchors


@pytest.mark.parametrize(
    ("words", "code"),
    [("shop=1", "class_unknown"), ("market=-1", "anchors_unreadable"), ("market=1,market=2", "class_twice"),
     ("0", "anchors_none"), ("market=0", "anchors_none"), ("market", "anchors_unreadable")],
)  # fmt: skip
def test_impossible_anchors_are_refused(words, code):
    assert code_of(lambda: Anchors.parse(words)) == code


@pytest.mark.parametrize(
    ("settings", "code"),
    [({"shape": "star"}, "unknown_option"), ({"alley_rule": "near"}, "unknown_option"),
     ({"metric": "network"}, "unknown_option"), ({"exclude_status": ("asleep",)}, "unknown_option"),
     ({"shape": "ring", "radius": Radius("fixed", (500.0,))}, "ring_inside_out"),
     ({"cooldown_days": -1}, "option_range"), ({"reserves": 1000}, "option_range"),
     ({"alleys": Take.parse("0"), "compounds": Take.parse("0")}, "nothing_drawn")],
)  # fmt: skip
def test_an_impossible_design_is_refused(settings, code):
    assert code_of(lambda: Design(**settings)) == code


def test_a_design_survives_the_way_through_json():
    design = Design(
        anchors=Anchors.parse("market=2,transit=all"), radius=Radius.parse("500:2000"), shape="ring", inner_m=400.0,
        alleys=Take.parse("1:1/3,2:2/3"), per="class", exclude_status=("works",), reserves=3,
    )  # fmt: skip
    assert Design.from_mapping(design.to_mapping()) == design


def test_a_setting_of_another_version_is_named():
    assert code_of(lambda: Design.from_mapping({"colour": "red"})) == "design_unknown"


def test_a_design_reaches_as_far_as_it_may_widen():
    assert Design().reach_m == 1000.0
    assert Design(empty_pool="widen").reach_m == 2000.0
