"""The frame: its fingerprint, who is left out, and every layer that cannot be drawn from."""

import hashlib
import struct

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from towns import alley, degrees, layer, town

from geo.design import Design, Take
from geo.errors import CRSError, FrameError
from geo.frame import build_frame, seal


def ids_of(frame, name):
    return frame.units[name]["id"].tolist()


def test_the_hash_can_be_computed_by_hand():
    # one point alley is impossible, so a community centre: WKB of a rounded point, and a JSON list
    anchors = gpd.GeoDataFrame(
        {"id": ["a1"], "class": ["market"], "status": ["open"]},
        geometry=[shapely.Point(114.123456789, 30.5)],
        crs="EPSG:4326",
    )
    wkb = struct.pack("<BIdd", 1, 1, 114.1234568, 30.5)
    digest = (
        hashlib.sha256(wkb).hexdigest()[:16] + hashlib.sha256(b'["market", null, "open"]').hexdigest()[:16]
    )
    found = seal(anchors, "anchors")
    assert found.units == {"a1": digest}
    assert found.hash == hashlib.sha256(f"a1 {digest}".encode()).hexdigest()


def test_the_hash_does_not_know_the_order_of_rows():
    tables = town()
    shuffled = {name: table.sample(frac=1, random_state=1) for name, table in tables.items()}
    assert build_frame(tables, Design()).hash == build_frame(shuffled, Design()).hash


def test_a_millimetre_does_not_change_the_hash_and_a_metre_does():
    tables = town()
    base = seal(tables["compounds"], "compounds")
    for shift, moved in ((1e-9, []), (1e-5, ["c000"])):
        other = tables["compounds"].copy()
        other.loc[0, "geometry"] = shapely.transform(other.geometry[0], lambda xy, s=shift: xy + s)
        assert base.changes(seal(other, "compounds"))["moved"] == moved


def test_changes_are_named_for_what_they_are():
    before = town()["anchors"].assign(status="open")
    after = before.iloc[1:].copy()
    after.loc[after["id"] == "a002", "status"] = "closed"
    after.loc[after["id"] == "a003", "geometry"] = degrees([shapely.Point(9, 9)])
    after = pd.concat([after, before.iloc[:1].assign(id="new")])
    assert seal(before, "anchors").changes(seal(after, "anchors")) == {
        "came": ["new"], "went": ["a000"], "moved": ["a003"], "changed": ["a002"],
    }  # fmt: skip


def test_gates_belong_to_the_place_of_a_compound():
    plain = town()["compounds"].assign(gates=None)
    gated = plain.copy()
    gated["gates"] = [shapely.MultiPoint([(114.0, 30.5)]), *[None] * (len(plain) - 1)]
    assert seal(plain, "compounds").changes(seal(gated, "compounds"))["moved"] == ["c000"]


def test_excluded_units_stay_in_the_hash_and_leave_the_frame():
    tables = town()
    tables["back_alleys"]["status"] = ["closed", "works", None, "open", *["open"] * 56]
    frame = build_frame(tables, Design(), visited={"back_alleys": ["b005", "b000"]})
    assert set(ids_of(frame, "back_alleys")) == set(tables["back_alleys"]["id"]) - {"b000", "b001", "b005"}
    assert frame.excluded["back_alleys"] == {"closed": 1, "works": 1, "cooldown": 1}
    assert len(frame.seals["back_alleys"].units) == 60
    keep = build_frame(tables, Design(exclude_status=()))
    assert len(ids_of(keep, "back_alleys")) == 60


def world(compound, gates=None, anchor=None, anchor_gates=None):
    """One anchor at the origin and one compound."""
    tables = {
        "anchors": layer(["a"], [anchor or shapely.Point(0, 0)], **{"class": ["market"]}),
        "back_alleys": layer(["b"], [alley(100, 0)]),
        "compounds": layer(["c"], [compound]),
    }
    if gates is not None:
        tables["compounds"]["gates"] = list(degrees([gates]))
    if anchor_gates is not None:
        tables["anchors"]["gates"] = list(degrees([anchor_gates]))
    return tables


BOX = shapely.box(200, -50, 400, 50)
U_SHAPE = shapely.Polygon([(-300, -100), (300, -100), (300, 100), (200, 100), (200, 0), (-300, 0)])


@pytest.mark.parametrize(
    ("rule", "gates", "by_hand"),
    [
        ("boundary", None, 200.0),
        ("centroid", None, 300.0),
        ("gate", None, 200.0),
        ("gate", shapely.MultiPoint([(400, 0), (300, 50)]), np.hypot(300, 50)),
        ("boundary", shapely.MultiPoint([(400, 0)]), 200.0),
        ("centroid", shapely.MultiPoint([(400, 0)]), 300.0),
    ],
)
def test_the_distance_to_a_compound_ends_where_the_rule_says(rule, gates, by_hand):
    frame = build_frame(world(BOX, gates), Design(compound_rule=rule))
    assert frame.pairs["compounds"].entry_m == pytest.approx([by_hand], abs=0.01)


@pytest.mark.parametrize(
    ("rule", "gates", "by_hand"),
    [
        ("centroid", None, 100.0 + 100.0),
        ("gate", None, 200.0),
        ("gate", shapely.MultiPoint([(-100, 0), (80, 0)]), 200.0),  # the first gate is the main one
        ("boundary", None, 0.0),
    ],
)
def test_the_distance_begins_where_the_rule_says(rule, gates, by_hand):
    # a school of 200 x 100 m west of the alley, its centroid 200 m from it
    school = shapely.box(-200, -50, 0, 50) if rule != "boundary" else shapely.box(-200, -50, 110, 50)
    frame = build_frame(world(BOX, anchor=school, anchor_gates=gates), Design(anchor_rule=rule))
    assert frame.pairs["back_alleys"].entry_m == pytest.approx([by_hand], abs=0.01)


def test_a_compound_that_contains_its_anchor_is_near_at_once():
    frame = build_frame(world(shapely.box(-50, -50, 50, 50)), Design())
    assert frame.pairs["compounds"].entry_m.tolist() == [0.0]


def test_sizes_are_whole_numbers_of_what_is_weighted_by():
    tables = town()
    frame = build_frame(tables, Design(alley_weight="length", compound_weight="households"))
    assert frame.units["back_alleys"]["size"][:3].tolist() == [3000, 4000, 5000]  # centimetres
    assert frame.units["compounds"]["size"][:3].tolist() == [100, 101, 102]
    # a regular octagon inscribed in a circle of 60 m: 2 sqrt(2) r^2
    area = build_frame(tables, Design(compound_weight="area")).units["compounds"]["size"][0]
    assert area == round(2 * np.sqrt(2) * 3600)


def spoiled(**changes):
    tables = town()
    for name, change in changes.items():
        tables[name] = change(tables[name])
    return tables


def bad_id(table):
    return table.assign(id=["b001", *table["id"][1:]])


def no_place(table):
    table = table.copy()
    table.loc[3, "geometry"] = None
    return table


def far(table):
    table = table.copy()
    table.loc[3, "geometry"] = shapely.Point(0, 0)
    return table


@pytest.mark.parametrize(
    ("tables", "design", "code", "names"),
    [
        (spoiled(back_alleys=bad_id), Design(), "id_duplicate", "b001"),
        (spoiled(back_alleys=lambda t: t.assign(id=[None, *t["id"][1:]])), Design(), "id_missing", "back_alleys"),
        (spoiled(compounds=no_place), Design(), "geometry_unusable", "c003"),
        (spoiled(compounds=far), Design(), "far_away", "c003"),
        (spoiled(anchors=lambda t: t.iloc[:0]), Design(), "anchors_empty", "anchors"),
        (spoiled(compounds=lambda t: t.iloc[:0]), Design(), "layer_empty", "--compounds 0"),
        (spoiled(compounds=lambda t: t.assign(households=[0, *t["households"][1:]])),
         Design(compound_weight="households"), "weight_unusable", "c000"),
    ],
)  # fmt: skip
def test_a_layer_that_cannot_be_drawn_from_is_refused_by_name(tables, design, code, names):
    with pytest.raises(FrameError) as told:
        build_frame(tables, design)
    assert told.value.code == code
    assert names in str(told.value)


def test_a_kind_that_is_not_drawn_may_be_empty():
    tables = spoiled(compounds=lambda t: t.iloc[:0])
    frame = build_frame(tables, Design(compounds=Take.parse("0")))
    assert ids_of(frame, "compounds") == []


def test_a_projected_layer_is_refused():
    tables = spoiled(compounds=lambda t: t.to_crs("EPSG:4547"))
    with pytest.raises(CRSError) as told:
        build_frame(tables, Design())
    assert told.value.code == "frame_crs"
