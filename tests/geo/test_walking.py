"""A town on two banks of a river with one bridge: every distance on foot is reckoned by hand.

    north   (0,300)----------(550,300)-----------(1000,300)   school at the east end
                                 |
    river                     bridge
                                 |
    south   (0,0)------------(550,0)-------------(1000,0)     market at the west end

An island road of its own lies five kilometres away.
"""

from collections import defaultdict
from fractions import Fraction

import numpy as np
import pytest
import shapely
from towns import layer
from worlds import KINDS, World, inspections

from geo import network, walking
from geo.design import Anchors, Design, Take
from geo.draw import make_record, verify
from geo.errors import DesignError, FrameError
from geo.exposure import exposure
from geo.frame import build_frame
from geo.lottery import Lottery
from geo.network import RoadNetwork

LINES = {
    "south west": [(0, 0), (550, 0)],
    "south east": [(550, 0), (1000, 0)],
    "north west": [(0, 300), (550, 300)],
    "north east": [(550, 300), (1000, 300)],
    "bridge": [(550, 0), (550, 300)],
    "island": [(5000, 5000), (5300, 5000)],
}
# across: 300 m from the market by air, 550 + 300 + 550 on foot; off: 80 m from the nearest road
ALLEYS = {
    "across": [(0, 300), (0, 350)],
    "beside": [(400, 0), (400, -60)],
    "island": [(5100, 5000), (5100, 5030)],
    "off": [(800, -80), (800, -120)],
}
BOXES = {"around": (-10, -40, 10, 20), "gated": (50, -120, 150, -20), "open": (600, -60, 700, -10)}
GATES = {"around": None, "gated": [(100, -20), (150, -100)], "open": None}

# metres on foot from the market (0, 0) and the school (1000, 300); None: no way
FROM_MARKET = {"across": 1400, "beside": 400, "island": None, "off": 880}
FROM_SCHOOL = {"across": 1000, "beside": 450 + 300 + 150, "island": None, "off": 450 + 300 + 250 + 80}
HOMES_FROM_MARKET = {"around": 0, "gated": 120, "open": 610}
# `around`: the middle of its east side, 60 m long, is (10, -10); `gated`: the gate (100, -20); `open`: (600, -10)
HOMES_FROM_SCHOOL = {
    "around": 450 + 300 + 540 + 10,
    "gated": 450 + 300 + 450 + 20,
    "open": 450 + 300 + 50 + 10,
}


def multi(points):
    return None if points is None else shapely.MultiPoint(points)


def town(**changed):
    roads = layer(LINES, [shapely.LineString(line) for line in LINES.values()], **{"class": "residential"})
    alleys = layer(ALLEYS, [shapely.LineString(line) for line in ALLEYS.values()])
    homes = layer(BOXES, [shapely.box(*box) for box in BOXES.values()])
    homes["gates"] = [
        None if gates is None else layer(["g"], [multi(gates)]).geometry.iloc[0] for gates in GATES.values()
    ]
    anchors = layer(
        ["market", "school"],
        [shapely.Point(0, 0), shapely.Point(1000, 300)],
        **{"class": ["market", "school"]},
    )
    return {"anchors": anchors, "back_alleys": alleys, "compounds": homes, "roads": roads, **changed}


def on_foot(**choices):
    return Design(metric="walk", **choices)


def built(tables, design):
    return build_frame(tables, design, network=RoadNetwork.from_lines(tables["roads"]))


def entries(frame, layer_name):
    """{anchor: {unit: metres}}."""
    pairs, told = frame.pairs[layer_name], defaultdict(dict)
    anchors, units = frame.anchors["id"], frame.units[layer_name]["id"]
    for anchor, unit, metres in zip(pairs.anchor, pairs.unit, pairs.entry_m, strict=True):
        told[anchors[anchor]][units[unit]] = metres
    return dict(told)


def reached(by_hand, metres):
    return {
        unit: pytest.approx(way, abs=0.02)
        for unit, way in by_hand.items()
        if way is not None and way <= metres
    }


@pytest.fixture(scope="module")
def whole():
    return built(town(), on_foot(radius=Design().radius.parse("2000")))


def test_an_alley_across_the_river_is_as_far_as_the_way_over_the_bridge(whole):
    assert entries(whole, "back_alleys") == {
        "market": reached(FROM_MARKET, 2000), "school": reached(FROM_SCHOOL, 2000),
    }  # fmt: skip


def test_a_compound_is_reached_at_its_nearest_gate_or_its_boundary_and_at_once_from_inside(whole):
    assert entries(whole, "compounds") == {
        "market": reached(HOMES_FROM_MARKET, 2000), "school": reached(HOMES_FROM_SCHOOL, 2000),
    }  # fmt: skip


def test_three_hundred_metres_by_air_are_out_at_a_thousand_on_foot():
    straight = entries(build_frame(town(), Design()), "back_alleys")["market"]
    assert straight["across"] == pytest.approx(300, abs=0.02)
    assert entries(built(town(), on_foot()), "back_alleys")["market"] == reached(FROM_MARKET, 1000)


@pytest.mark.parametrize(
    ("rule", "across", "beside"), [("intersects", 1400, 400), ("midpoint", 1425, 430), ("within", 1450, 460)]
)
def test_an_alley_counts_by_its_nearest_point_its_middle_or_its_far_end(rule, across, beside):
    tables = town()
    frame = built(tables, on_foot(alley_rule=rule, radius=Design().radius.parse("1440")))
    found = entries(frame, "back_alleys")["market"]
    assert found["beside"] == pytest.approx(beside, abs=0.02)
    if across > 1440:
        assert "across" not in found  # its far end is out of reach, so it is not within
    else:
        assert found["across"] == pytest.approx(across, abs=0.02)


def test_a_long_alley_is_met_where_a_street_crosses_it_between_its_corners():
    # 400 m from end to end, without a corner where the road passes through its middle
    tables = town(back_alleys=layer(["long"], [shapely.LineString([(300, -200), (300, 200)])]))
    found = entries(built(tables, on_foot()), "back_alleys")
    assert found["market"]["long"] == pytest.approx(300, abs=0.02)


def test_a_compound_by_its_centroid_or_boundary():
    far = Design().radius.parse("2000")
    middle = entries(built(town(), on_foot(compound_rule="centroid", radius=far)), "compounds")["market"]
    assert middle["gated"] == pytest.approx(100 + 70, abs=0.02)  # (100, -70)
    edge = entries(built(town(), on_foot(compound_rule="boundary", radius=far)), "compounds")["market"]
    assert edge["gated"] == pytest.approx(50 + 20, abs=0.02)  # its corner (50, -20)


def test_an_anchor_begins_at_its_main_gate():
    tables = town()
    tables["anchors"]["gates"] = [
        layer(["g"], [multi([(550, 300), (0, 0)])]).geometry.iloc[0], None,
    ]  # fmt: skip
    found = entries(built(tables, on_foot()), "back_alleys")["market"]
    assert found["across"] == pytest.approx(550, abs=0.02)
    of_centroid = built(tables, on_foot(anchor_rule="centroid"))
    assert "across" not in entries(of_centroid, "back_alleys")["market"]


def test_places_far_from_the_roads_or_cut_off_are_told(whole):
    assert {name: (met.far, met.apart) for name, met in whole.on_foot.items()} == {
        "anchors": ((), ()), "back_alleys": (("off",), ("island",)), "compounds": ((), ()),
    }  # fmt: skip
    record = make_record(whole, on_foot(radius=Design().radius.parse("2000")), Lottery("s"))
    assert record["frame"]["on_foot"]["back_alleys"] == {
        "far": 1, "far_first": "off", "apart": 1, "apart_first": "island", "edge": 0, "edge_first": None,
    }  # fmt: skip
    assert network.FAR_M == walking.FAR_M


def test_anchors_near_the_edge_of_the_roads_are_told(whole):
    # the whole town is smaller than two kilometres, so both have less than that of roads around them
    assert (whole.on_foot["anchors"].edge, whole.on_foot["anchors"].edge_first) == (2, "market")


def test_a_road_closed_to_walkers_is_no_way():
    tables = town()
    tables["roads"]["modes"] = [None, None, None, None, "drive", None]
    found = entries(built(tables, on_foot(radius=Design().radius.parse("2000"))), "back_alleys")
    assert set(found["market"]) == {"beside", "off"}


def test_exposure_on_foot_is_that_of_every_inspection_of_the_distances_by_hand():
    design = on_foot(anchors=Anchors.parse("1"), alleys=Take.parse("1-2"), compounds=Take.parse("1"))
    found = exposure(built(town(), design), design)
    world = World(
        ["market", "school"], [None, None],
        {KINDS[0]: [list(FROM_MARKET.values()), list(FROM_SCHOOL.values())],
         KINDS[1]: [list(HOMES_FROM_MARKET.values()), list(HOMES_FROM_SCHOOL.values())]},
        {KINDS[0]: [1] * 4, KINDS[1]: [1] * 3}, design,
    )  # fmt: skip
    for which, kind in enumerate(KINDS):
        pi = [Fraction(0)] * len(world.sizes[kind])
        for chance, outcome in inspections(world, kind):
            for unit in frozenset().union(*(told[which] for told in outcome)):
                pi[unit] += chance
        np.testing.assert_allclose(found.layers[kind].pi, [float(p) for p in pi], rtol=1e-12, atol=0)
    # by hand too: around the market beside and off, around the school across and beside, one or two each
    np.testing.assert_allclose(found.layers[KINDS[0]].pi, [3 / 4, 15 / 16, 0, 3 / 4], rtol=1e-12)


def test_a_draw_on_foot_is_repeated_from_its_record_and_names_a_changed_road():
    tables, design = town(), on_foot()
    record = make_record(built(tables, design), design, Lottery("seed"))
    assert record["design"]["metric"] == "walk"
    assert record["frame"]["layers"]["roads"]["count"] == len(LINES)
    found = verify(record, tables, network=RoadNetwork.from_lines(tables["roads"]))
    assert found.same
    # an unused road goes: the frame is another, the draw would be the same
    without = town(roads=tables["roads"][tables["roads"]["id"] != "island"])
    found = verify(record, without, network=RoadNetwork.from_lines(without["roads"]))
    assert (found.frame_same, found.draw_same, found.record_true) == (False, True, True)
    assert found.changes == {"roads": {"came": [], "went": ["island"], "moved": [], "changed": []}}
    closed = town()
    closed["roads"]["modes"] = [None, None, None, None, "drive", None]
    found = verify(record, closed, network=RoadNetwork.from_lines(closed["roads"]))
    assert found.changes == {"roads": {"came": [], "went": [], "moved": [], "changed": ["bridge"]}}
    gone = town(roads=tables["roads"].iloc[:0])
    found = verify(record, gone)
    assert (found.draw_same, sorted(found.changes["roads"]["went"])) == (False, sorted(LINES))


def test_a_draw_on_foot_does_not_depend_on_the_order_of_the_roads():
    tables, design = town(), on_foot()
    turned = town(roads=tables["roads"].iloc[::-1].reset_index(drop=True))
    one, two = (make_record(built(t, design), design, Lottery("seed")) for t in (tables, turned))
    assert one == two


def test_a_draw_in_a_straight_line_does_not_look_at_roads():
    tables = town()
    record = make_record(build_frame(tables, Design()), Design(), Lottery("seed"))
    assert "roads" not in record["frame"]["layers"] | record["frame"]["units"]
    assert "on_foot" not in record["frame"]
    assert verify(record, {name: table for name, table in tables.items() if name != "roads"}).same


@pytest.mark.parametrize("given", [{}, {"network": True}])
def test_walking_without_roads_is_refused(given):
    tables = town()
    if given:
        given = {"network": RoadNetwork.from_lines(tables["roads"])}
        tables["roads"] = tables["roads"].iloc[:0]
    with pytest.raises(FrameError) as error:
        build_frame(tables, on_foot(), **given)
    assert error.value.code == "roads_needed"


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"anchor_rule": "boundary"}, "walk_anchor_rule"),
        ({"alley_rule": "majority"}, "walk_alley_rule"),
        ({"alley_rule": "part"}, "walk_alley_rule"),
    ],
)
def test_a_rule_that_has_no_meaning_on_foot_is_refused(given, code):
    with pytest.raises(DesignError) as error:
        on_foot(**given)
    assert error.value.code == code
    Design(**given)


def test_a_town_where_nobody_is_within_reach_has_no_pairs():
    tables = town(back_alleys=layer(["island"], [shapely.LineString(ALLEYS["island"])]))
    for rule in ("intersects", "within"):
        frame = built(tables, on_foot(alley_rule=rule))
        assert len(frame.pairs["back_alleys"]) == 0
        assert frame.on_foot["back_alleys"].apart == ("island",)
