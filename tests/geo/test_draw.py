"""The draw: exact chances, independence of everything but ids and seed, and the proof."""

import hashlib
import itertools
import json
from collections import Counter
from fractions import Fraction

import geopandas as gpd
import numpy as np
import pytest
import shapely
from scipy import stats
from towns import alley, layer, town

from geo.design import Anchors, Design, Radius, Take
from geo.draw import commitment, draw, make_record, verify
from geo.errors import DesignError, FrameError
from geo.frame import build_frame
from geo.lottery import Lottery

SEED = "2026-11-20 07 11 23"


def record_of(tables, design=None, seed=SEED, **more):
    design = design or Design()
    return make_record(build_frame(tables, design, **more), design, Lottery(seed), **more)


def drawn(record, kind):
    return [unit["id"] for group in record["surroundings"] for unit in group[kind]["drawn"]]


# -- tickets ---------------------------------------------------------------------------------------


def test_a_ticket_is_the_sha256_of_a_json_list():
    lottery = Lottery("种子", "07 11", 3)
    written = '["zhoubian/1","种子","07 11",3,"unit","back_alleys","a1","b7"]'.encode()
    assert lottery.ticket("unit", "back_alleys", "a1", "b7") == hashlib.sha256(written).digest()


def test_labels_cannot_run_into_each_other():
    lottery = Lottery("s")
    assert lottery.ticket("a", "bc") != lottery.ticket("ab", "c") != lottery.ticket("abc")


def test_every_pair_of_five_comes_equally_often():
    counts = Counter(frozenset(Lottery(f"s{n}").order("abcde")[:2]) for n in range(100_000))
    assert len(counts) == 10
    assert stats.chisquare(list(counts.values())).pvalue > 1e-3


def test_numbers_come_with_their_chances():
    take = Take.parse("1:0.7,2:0.3")
    counts = Counter(take.at(Lottery(f"s{n}").chance("count")) for n in range(100_000))
    assert stats.chisquare([counts[1], counts[2]], [70_000, 30_000]).pvalue > 1e-3


def test_a_weighted_draw_takes_units_one_after_the_other_in_proportion_to_their_size():
    sizes = {"a": 1, "b": 2, "c": 3, "d": 6}
    total = sum(sizes.values())
    chance = {
        (first, second): Fraction(sizes[first], total) * Fraction(sizes[second], total - sizes[first])
        for first, second in itertools.permutations(sizes, 2)
    }
    n = 30_000
    counts = Counter(tuple(Lottery(f"s{i}").weighted_order(sizes)[:2]) for i in range(n))
    expected = [float(chance[pair]) * n for pair in sorted(chance)]
    assert stats.chisquare([counts[pair] for pair in sorted(chance)], expected).pvalue > 1e-3


@pytest.mark.parametrize(
    ("seed", "round_number", "code"),
    [("", 1, "seed_empty"), ("  ", 1, "seed_empty"), ("s", 0, "round_range")],
)
def test_an_impossible_lottery_is_refused(seed, round_number, code):
    with pytest.raises(DesignError) as told:
        Lottery(seed, None, round_number)
    assert told.value.code == code


# -- the whole draw --------------------------------------------------------------------------------


def pools_of_the_reference():
    """Domain reference §5.4: unit u lies in pools of 4, 3 and 2 and not in a fourth."""
    spots = {"a1": 0, "a2": 5000, "a3": 10_000, "a4": 15_000}
    anchors = layer(spots, [shapely.Point(x, 0) for x in spots.values()], **{"class": ["market"] * 4})
    around = {0: 3, 5000: 2, 10_000: 1, 15_000: 2}
    others = [(x, 100.0 * (n + 1)) for x, count in around.items() for n in range(count)]
    shapes = [alley(x, y) for x, y in others]
    # u is one drawable unit in three pieces, one in each of the first three discs
    shapes.append(shapely.MultiLineString([alley(x, -50) for x in (0, 5000, 10_000)]))
    ids = [f"b{n}" for n in range(len(others))] + ["u"]
    return {
        "anchors": anchors,
        "back_alleys": layer(ids, shapes),
        "compounds": layer(["c"], [shapely.Point(90_000, 0).buffer(10)]),
    }


def test_the_unit_of_the_domain_reference_comes_with_43_in_64():
    design = Design(anchors=Anchors.parse("market=2"), compounds=Take.parse("0"))
    frame = build_frame(pools_of_the_reference(), design)
    n = 8000
    hits = sum(
        any(visit["id"] == "u" for visit in draw(frame, design, Lottery(f"s{i}"))["visits"]["back_alleys"])
        for i in range(n)
    )
    assert abs(hits / n - 43 / 64) < 4 * np.sqrt(43 / 64 * 21 / 64 / n)


def test_pools_hold_just_the_units_within_the_radius():
    tables = town()
    record = record_of(tables, Design(anchors=Anchors.parse("all"), radius=Radius.parse("700")))
    plane = {name: table.to_crs("EPSG:4547") for name, table in tables.items()}
    for group in record["surroundings"]:
        (anchor,) = group["anchors"]
        at = plane["anchors"].set_index("id").geometry[anchor["id"]]
        for kind in ("back_alleys", "compounds"):
            assert group[kind]["pool"] == (plane[kind].distance(at) <= 700).sum()
            for unit in group[kind]["drawn"]:
                exact = plane[kind].set_index("id").geometry[unit["id"]].distance(at)
                assert unit["entry_m"] == pytest.approx(exact, abs=0.01)


def test_a_ring_leaves_out_what_begins_inside_it():
    tables = town()
    design = Design(anchors=Anchors.parse("all"), shape="ring", radius=Radius.parse("1200"), inner_m=500.0)
    plane = {name: table.to_crs("EPSG:4547") for name, table in tables.items()}
    for group in record_of(tables, design)["surroundings"]:
        at = plane["anchors"].set_index("id").geometry[group["anchors"][0]["id"]]
        distance = plane["back_alleys"].distance(at)
        assert group["back_alleys"]["pool"] == ((distance <= 1200) & (distance >= 500)).sum()


def test_the_order_of_rows_decides_nothing():
    tables = town()
    design = Design(anchors=Anchors.parse("2"), reserves=2, radius=Radius.parse("500:2000"))
    first = record_of(tables, design)
    for state in range(3):
        shuffled = {name: table.sample(frac=1, random_state=state) for name, table in tables.items()}
        assert json.dumps(record_of(shuffled, design)) == json.dumps(first)


def test_the_draw_goes_through_json_unchanged():
    record = record_of(town())
    assert json.loads(json.dumps(record)) == record


def test_adding_a_unit_disturbs_at_most_one_choice_in_each_surrounding():
    tables = town()
    design = Design(anchors=Anchors.parse("all"), alleys=Take.parse("2"))
    before = {
        g["key"]: {u["id"] for u in g["back_alleys"]["drawn"]}
        for g in record_of(tables, design)["surroundings"]
    }
    more = town(alleys=60)["back_alleys"].iloc[:1].assign(id="new")
    tables["back_alleys"] = gpd.GeoDataFrame(
        {"id": [*tables["back_alleys"]["id"], "new"]},
        geometry=[*tables["back_alleys"].geometry, *more.geometry],
        crs="EPSG:4326",
    )
    for group in record_of(tables, design)["surroundings"]:
        now = {unit["id"] for unit in group["back_alleys"]["drawn"]}
        assert now - before[group["key"]] <= {"new"}


def test_another_seed_or_round_is_another_draw():
    tables, design = town(), Design()
    frame = build_frame(tables, design)
    results = {json.dumps(draw(frame, design, lottery)) for lottery in
               (Lottery("a"), Lottery("b"), Lottery("a", None, 2), Lottery("a", "x"))}  # fmt: skip
    assert len(results) == 4


def test_a_drawn_unit_keeps_the_anchors_that_drew_it():
    tables = town(anchors=12, alleys=6, compounds=3)
    record = record_of(
        tables, Design(anchors=Anchors.parse("all"), alleys=Take.parse("2"), radius=Radius.parse("2000"))
    )
    drew = {}
    for group in record["surroundings"]:
        for unit in group["back_alleys"]["drawn"]:
            drew.setdefault(unit["id"], []).append(group["key"])
    assert {visit["id"]: visit["anchors"] for visit in record["visits"]["back_alleys"]} == drew
    assert max(map(len, drew.values())) > 1


def test_a_unit_drawn_twice_is_visited_twice_if_asked():
    tables = town(anchors=12, alleys=6, compounds=3)
    settings = {"anchors": Anchors.parse("all"), "alleys": Take.parse("2"), "radius": Radius.parse("2000")}
    merged = record_of(tables, Design(**settings))["visits"]["back_alleys"]
    twice = record_of(tables, Design(**settings, duplicate="twice"))["visits"]["back_alleys"]
    assert len(twice) == sum(len(visit["anchors"]) for visit in merged) > len(merged)


def test_redrawn_units_never_come_twice():
    tables = town(anchors=12, alleys=40, compounds=40)
    design = Design(
        anchors=Anchors.parse("all"), alleys=Take.parse("2"), duplicate="redrawn", radius=Radius.parse("2000")
    )
    ids = drawn(record_of(tables, design), "back_alleys")
    assert len(ids) == len(set(ids)) == 24


def few(alleys, **settings):
    """One market at the origin, alleys at the given distances, none drawn from elsewhere."""
    tables = {
        "anchors": layer(["a"], [shapely.Point(0, 0)], **{"class": ["market"]}),
        "back_alleys": layer([f"b{x}" for x in alleys], [alley(x, 0) for x in alleys]),
        "compounds": layer(["c"], [shapely.Point(30_000, 0).buffer(9)]),
    }
    design = Design(alleys=Take.parse("2"), compounds=Take.parse("0"), **settings)
    (group,) = record_of(tables, design)["surroundings"]
    return group["back_alleys"]


@pytest.mark.parametrize(
    ("alleys", "settings", "pool", "number", "note", "widened"),
    [
        ([200, 300, 1500], {}, 2, 2, None, None),
        ([200, 1500], {}, 1, 1, "short_pool", None),
        ([200, 1500], {"short_pool": "skip"}, 1, 0, "short_pool", None),
        ([200, 1500], {"short_pool": "widen"}, 2, 2, "widened", 1500.0),
        ([200, 2500], {"short_pool": "widen"}, 1, 1, "short_pool", None),
        ([1500, 1800], {}, 0, 0, "empty_pool", None),
        ([1500, 1800], {"empty_pool": "widen"}, 2, 2, "widened", 1800.0),
        ([1500, 2500], {"empty_pool": "widen"}, 1, 1, "short_pool", 1500.0),
        ([2500], {"empty_pool": "widen"}, 0, 0, "empty_pool", None),
        ([1500, 1800], {"short_pool": "widen"}, 0, 0, "empty_pool", None),
    ],
)
def test_short_and_empty_pools_are_reported_and_widened_only_when_asked(
    alleys, settings, pool, number, note, widened
):
    pick = few(alleys, **settings)
    assert (pick["pool"], len(pick["drawn"]), pick["note"]) == (pool, number, note)
    assert pick["widened_to_m"] == (None if widened is None else pytest.approx(widened, abs=0.01))


def test_two_anchors_at_one_place_have_one_pool_and_may_share_a_visit():
    tables = {
        "anchors": layer(
            ["a1", "a2"], [shapely.Point(0, 0), shapely.Point(0, 0)], **{"class": ["market", "market"]}
        ),
        "back_alleys": layer(["b1", "b2"], [alley(200, 0), alley(300, 0)]),
        "compounds": layer(["c"], [shapely.box(-50, -50, 50, 50)]),
    }
    design = Design(anchors=Anchors.parse("2"), alleys=Take.parse("2"), compounds=Take.parse("1"))
    record = record_of(tables, design)
    assert [group["back_alleys"]["pool"] for group in record["surroundings"]] == [2, 2]
    both = {"a1", "a2"}
    assert all(set(visit["anchors"]) == both for visit in record["visits"]["back_alleys"])
    assert [(v["id"], set(v["anchors"])) for v in record["visits"]["compounds"]] == [("c", both)]


def test_reserves_are_the_next_tickets():
    tables = town()
    long = record_of(tables, Design(alleys=Take.parse("5"), radius=Radius.parse("2000")))
    short = record_of(tables, Design(alleys=Take.parse("2"), radius=Radius.parse("2000"), reserves=3))
    for five, two in zip(long["surroundings"], short["surroundings"], strict=True):
        assert five["back_alleys"]["drawn"] == two["back_alleys"]["drawn"] + two["back_alleys"]["reserves"]


def test_one_surrounding_may_hold_a_whole_class_or_cluster():
    tables = town(anchors=24, alleys=200, compounds=100)
    for per, keys in (("class", {"market", "school"}), ("cluster", {"g0", "g1"})):
        design = Design(anchors=Anchors.parse("market=3,school=3"), per=per, alleys=Take.parse("2"))
        record = record_of(tables, design)
        assert {group["key"] for group in record["surroundings"]} == keys
        plane = {name: table.to_crs("EPSG:4547").set_index("id") for name, table in tables.items()}
        for group in record["surroundings"]:
            near = np.min(
                [plane["back_alleys"].distance(plane["anchors"].geometry[a["id"]]) for a in group["anchors"]],
                axis=0,
            )
            assert group["back_alleys"]["pool"] == (near <= 1000).sum()
            assert len(group["back_alleys"]["drawn"]) == 2


def test_a_round_may_share_one_radius():
    design = Design(radius=Radius.parse("500:2000"), radius_per="round", anchors=Anchors.parse("all"))
    assert len({a["radius_m"] for g in record_of(town(), design)["surroundings"] for a in g["anchors"]}) == 1
    own = Design(radius=Radius.parse("500:2000"), anchors=Anchors.parse("all"))
    assert len({a["radius_m"] for g in record_of(town(), own)["surroundings"] for a in g["anchors"]}) == 12


def test_drawing_with_replacement_needs_no_second_unit():
    pick = few([200], replace="within_anchor")
    assert (pick["note"], [unit["id"] for unit in pick["drawn"]]) == (None, ["b200"])


def test_a_class_without_anchors_is_told_and_more_than_there_are_is_refused():
    tables = town(anchors=5)
    record = record_of(tables)
    assert [(s["stratum"], s["anchors"], len(s["drawn"])) for s in record["strata"]][-1] == (
        "community",
        0,
        0,
    )
    with pytest.raises(DesignError) as told:
        record_of(tables, Design(anchors=Anchors.parse("community=1")))
    assert told.value.code == "anchors_too_many"
    assert told.value.facts == {"name": "community", "asked": 1, "held": 0}


def test_a_draw_per_cluster_needs_clusters():
    tables = town()
    tables["anchors"]["cluster"] = None
    with pytest.raises(FrameError) as told:
        record_of(tables, Design(per="cluster"))
    assert told.value.code == "cluster_missing"


# -- the proof -------------------------------------------------------------------------------------


def test_a_true_record_is_confirmed():
    tables = town()
    for design in (Design(), Design(per="class", alley_weight="length", reserves=2, duplicate="redrawn")):
        record = json.loads(json.dumps(record_of(tables, design)))
        found = verify(record, tables)
        assert found.same
        assert found.changes == {}


def test_a_changed_layer_is_named():
    tables = town()
    record = record_of(tables)
    tables["compounds"] = tables["compounds"].iloc[2:]
    found = verify(record, tables)
    assert not found.same
    assert found.changes == {"compounds": {"came": [], "went": ["c000", "c001"], "moved": [], "changed": []}}


@pytest.mark.parametrize("name", ["anchors", "compounds"])
def test_an_emptied_layer_is_named(name):
    tables = town()
    record = record_of(tables)
    ids = sorted(tables[name]["id"])
    tables[name] = tables[name].iloc[:0]
    found = verify(record, tables)
    assert not found.draw_same
    assert found.changes == {name: {"came": [], "went": ids, "moved": [], "changed": []}}


def alter_seed(record):
    record["seed"] = "another"


def alter_drawn(record):
    record["visits"]["back_alleys"][0]["id"] = "b000x"


def alter_design(record):
    record["design"]["radius"]["radii_m"] = [900]


def alter_unit(record):
    record["frame"]["units"]["anchors"].pop("a000")


@pytest.mark.parametrize("alter", [alter_seed, alter_drawn, alter_design, alter_unit])
def test_an_altered_record_is_not_confirmed(alter):
    tables = town()
    record = json.loads(json.dumps(record_of(tables)))
    alter(record)
    assert not verify(record, tables).same


def test_a_draw_on_resting_units_is_confirmed_from_its_record():
    tables = town()
    visited = {"back_alleys": ["b001", "b002"], "compounds": []}
    record = record_of(tables, Design(cooldown_days=30), visited=visited)
    assert record["frame"]["excluded"]["back_alleys"] == {"cooldown": 2}
    assert verify(record, tables).same


@pytest.mark.parametrize("part", ["design", "frame", "seed", "visits"])
def test_a_record_that_lacks_a_part_is_refused(part):
    tables = town()
    record = record_of(tables)
    del record[part]
    with pytest.raises(FrameError) as told:
        verify(record, tables)
    assert told.value.code == "record_incomplete"


def test_a_record_of_another_format_is_refused():
    with pytest.raises(FrameError) as told:
        verify({"format": "other/9"}, town())
    assert told.value.code == "record_format"


def test_a_commitment_binds_seed_settings_and_frame():
    seed, design = "0" * 32, Design()
    base = commitment(Lottery(seed), design, "f")
    assert commitment(Lottery(seed, "any second value"), design, "f") == base  # it is named later
    others = [(Lottery("1" * 32), design, "f"), (Lottery(seed, None, 2), design, "f"),
              (Lottery(seed), Design(reserves=1), "f"), (Lottery(seed), design, "g")]  # fmt: skip
    assert base not in {commitment(*other) for other in others}
    record = make_record(build_frame(town(), design), design, Lottery(seed, "07"))
    record["commitment"] = commitment(Lottery(seed), design, record["frame"]["hash"])
    assert verify(record, town()).sealed_true is True
    record["commitment"] = base
    assert verify(record, town()).sealed_true is False
    assert not verify(record, town()).same


def test_a_short_seed_cannot_be_sealed():
    with pytest.raises(DesignError) as told:
        commitment(Lottery("2026"), Design(), "f")
    assert told.value.code == "seed_short"
