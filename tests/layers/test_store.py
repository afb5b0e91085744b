"""What the store promises about layers, batches, refusals, draws and plans."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from shapely import LineString, MultiLineString, MultiPoint, MultiPolygon, Point, Polygon, box
from sqlalchemy import create_engine
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable
from store_guard import StoreTouchedError, guard_store
from store_samples import NOON, alleys, many_alleys, new_batch

from geo.errors import CRSError, NotFoundError, StoreError, ZhoubianError
from layers import migrations
from layers.faults import Fault
from layers.resources import data_path
from layers.schema import LAYERS, conform
from layers.store import Store
from layers.tables import LAYER_TABLES, Geometry, metadata

ROOT = Path(__file__).resolve().parents[2]
TEXTS = json.loads(data_path("texts", "store.json").read_text(encoding="utf-8"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ("周边 %20#.db" if os.name == "nt" else "周边 %20?#.db")  # every trap of a URI


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with Store.open(path, create=True) as opened:
        yield opened


def refusal(error: pytest.ExceptionInfo[ZhoubianError]) -> str:
    """The code of an error whose sentence stands in both languages, the English one word for word."""
    told = TEXTS[f"error.{error.value.code}"]
    assert told["en"].format(**error.value.facts) == error.value.message
    assert re.search("[一-鿿]", told["zh"].format(**error.value.facts))
    return error.value.code


# ------------------------------------------------------------------------- layers

SQUARE = box(116.30, 39.90, 116.31, 39.91)
SHAPES = {
    "Point": Point(116.3, 39.9),
    "MultiPoint": MultiPoint([(116.3, 39.9), (116.4, 39.95)]),
    "LineString": LineString([(116.3, 39.9), (116.31, 39.92), (116.305, 39.93)]),
    "MultiLineString": MultiLineString([[(116.3, 39.9), (116.31, 39.9)], [(116.4, 40), (116.41, 40)]]),
    "Polygon": Polygon(SQUARE.exterior, [box(116.302, 39.902, 116.304, 39.904).exterior]),
    "MultiPolygon": MultiPolygon([SQUARE, box(116.5, 39.9, 116.51, 39.91)]),
}
MOMENTS = (
    "2026-11-20 10:00:00.123457",
    "1988-07-01 12:00:00",
    "1900-06-01 00:00:00",
)  # DST and local mean time


def full_and_empty_rows(name: str) -> gpd.GeoDataFrame:
    """A layer with one row per allowed shape: every value given in the first, only the required after it."""
    layer = LAYERS[name]
    count = len(layer.geometry)
    samples = {
        "text": ["西便门外大街“甲”号, 'x'; DROP TABLE batches;--\n\t😀"] * count,
        "integer": [2**53 + 1] * count,
        "number": [0.1] * count,
        "datetime": [pd.Timestamp(MOMENTS[row % 3]).tz_localize("Asia/Shanghai") for row in range(count)],
    }
    columns = {}
    for column in layer.columns:
        values = list(column.allowed[:1] * count or samples[column.kind])
        columns[column.name] = values if column.required else [values[0], *[None] * (count - 1)]
    columns["id"] = [f"编号-{row}" for row in range(count)]
    if layer.gates:
        columns["gates"] = pd.Series([MultiPoint([(116.3, 39.9)]), *[None] * (count - 1)], dtype=object)
    shapes = [SHAPES[kind] for kind in layer.geometry]
    return conform(gpd.GeoDataFrame(columns, geometry=shapes, crs="EPSG:4326"), name)


def assert_same(found: gpd.GeoDataFrame, expected: gpd.GeoDataFrame) -> None:
    pd.testing.assert_frame_equal(
        pd.DataFrame(found.drop(columns=["geometry", "gates"], errors="ignore")),
        pd.DataFrame(expected.drop(columns=["geometry", "gates"], errors="ignore")),
    )
    assert list(found.columns) == list(expected.columns)
    assert found.crs == expected.crs
    for column in {"geometry", "gates"} & set(expected.columns):
        assert found[column].dtype == expected[column].dtype
        assert list(shapely.to_wkb(found[column].to_numpy())) == list(
            shapely.to_wkb(expected[column].to_numpy())
        )


@pytest.mark.parametrize("layer", LAYERS)
def test_every_layer_comes_back_as_it_was_stored(path, layer):
    given = full_and_empty_rows(layer)
    with Store.open(path, create=True) as store:
        store.add({layer: given}, new_batch(), {})
    with Store.open(path, create=False) as store:
        assert_same(store.read(layer), given)
        assert store.count(layer) == len(LAYERS[layer].geometry)


@pytest.mark.parametrize("layer", LAYERS)
def test_empty_layer_reads_as_an_empty_layer(store, layer):
    empty = conform(gpd.GeoDataFrame({"id": []}, geometry=[], crs="EPSG:4326"), layer)
    assert_same(store.read(layer), empty)
    assert_same(store.read(layer, bbox=(0, 0, 180, 90)), empty)
    store.add({layer: empty}, new_batch(), {})
    assert store.count(layer) == 0


def test_only_the_columns_asked_for_are_read(store):
    store.add({"compounds": full_and_empty_rows("compounds")}, new_batch(), {})
    assert list(store.read("compounds", columns=["gates", "name"]).columns) == [
        "id", "name", "gates", "geometry",
    ]  # fmt: skip


def test_heights_are_not_kept(store):
    table = alleys(["a"])
    high = table.set_geometry([LineString([(116.3, 39.9, 50), (116.4, 39.9, 60)])], crs="EPSG:4326")
    store.add({"back_alleys": high}, new_batch(), {})
    assert store.read("back_alleys").geometry[0].wkt == "LINESTRING (116.3 39.9, 116.4 39.9)"


def test_r_tree_finds_what_looking_at_every_row_finds(store):
    chance = np.random.default_rng(3)
    table = many_alleys(1_500)
    store.add({"back_alleys": table}, new_batch(), {})
    store.add({"back_alleys": many_alleys(300, seed=2)}, new_batch(), {}, update=True)
    current = store.read("back_alleys")
    boxes = [
        (*low, *(low + size))
        for low, size in zip(
            chance.uniform((116.2, 39.8), (116.6, 40.1), (40, 2)),
            chance.uniform(0, 0.05, (40, 2)),
            strict=True,
        )
    ]
    # at the corner of the bounds of an alley, where the alley itself seldom is
    corners = current.geometry.bounds.to_numpy()[::25, :2]
    boxes += [(*low, *(low + 1e-4)) for low in corners]
    boxes += [(0, 0, 180, 90), (0, 0, 1, 1), tuple(current.geometry[3].bounds)]
    hits = 0
    for bounds in boxes:
        expected = current[[shape.intersects(box(*bounds)) for shape in current.geometry]]
        found = store.read("back_alleys", bbox=bounds)
        assert found["id"].tolist() == expected["id"].tolist()
        hits += len(found)
    assert hits > 1_500  # all rows once, and the small boxes are not empty


@pytest.mark.parametrize(
    ("bounds", "met"),
    [
        ((116.3, 39.9, 116.3, 39.9), ["a"]),  # the first end of the first alley
        ((116.35, 39.89, 116.35, 39.95), ["b"]),  # a line without width
        ((116.31, 39.9, 116.35, 39.9), ["b"]),  # touching, from the west
        ((116.3002, 39.9, 116.3499, 39.95), []),
        ((116.3, 39.901, 116.30001, 39.902), []),  # in the bounds of the slanting first alley, beside it
    ],
)
def test_box_without_area_meets_what_it_touches(store, bounds, met):
    store.add({"back_alleys": alleys(["a", "b", "c"])}, new_batch(), {})
    assert store.read("back_alleys", bbox=bounds)["id"].tolist() == met


def test_r_tree_holds_exactly_the_stored_rows(path):
    with Store.open(path, create=True) as store:
        store.add({"back_alleys": alleys(["a", "b"]), "roads": full_and_empty_rows("roads")}, new_batch(), {})
        store.add({"back_alleys": alleys(["b", "c"])}, new_batch(), {}, update=True)
        store.undo(1, NOON)
    with closing(sqlite3.connect(path)) as file:
        rows = file.execute("SELECT fid FROM back_alleys ORDER BY fid").fetchall()
        assert file.execute("SELECT fid FROM back_alleys_boxes ORDER BY fid").fetchall() == rows
        assert len(rows) == 2
        assert file.execute("SELECT count(*) FROM roads_boxes").fetchone() == (0,)


@pytest.mark.parametrize(
    ("broken", "code"),
    [
        (lambda table: table.assign(id=["a", "a"]), "ids_twice"),
        (lambda table: table.assign(id=["a", None]), "rows_incomplete"),
        (lambda table: table.set_geometry([SHAPES["LineString"], None], crs=4326), "rows_incomplete"),
        (lambda table: table.set_geometry([SHAPES["LineString"], LineString()], crs=4326), "rows_incomplete"),
        (lambda table: table.assign(name=["a", "\ud800"]), "store_text"),
    ],
)
def test_table_that_is_not_whole_is_refused_and_nothing_is_stored(store, broken, code):
    table = broken(alleys(["a", "b"]))
    with pytest.raises(StoreError) as error:
        store.add({"roads": full_and_empty_rows("roads"), "back_alleys": table}, new_batch(), {})
    assert refusal(error) == code
    assert store.count("roads") == 0
    assert store.batches() == []


def test_other_coordinates_than_epsg_4326_are_refused(store):
    with pytest.raises(CRSError) as error:
        store.add({"back_alleys": alleys(["a"]).to_crs("EPSG:4547")}, new_batch(), {})
    assert refusal(error) == "store_crs"


def test_unknown_layer_is_named_with_the_known_ones(store):
    for ask in (store.read, store.count, lambda layer: store.existing_ids(layer, [])):
        with pytest.raises(NotFoundError, match="back_alleys, compounds") as error:
            ask("streets")
        assert refusal(error) == "store_layer_unknown"


# ------------------------------------------------------------------------ batches


def test_batch_keeps_what_was_told_and_counts_what_it_did(store):
    counts = {"back_alleys": {"read": 5, "accepted": 2, "refused": 1, "merged": 2}}
    told = {"datum": "gcj02", "licence": "ODbL", "attribution": "© OSM", "options": {"class": "市场"}}
    first = store.add({"back_alleys": alleys(["a", "b"])}, new_batch(counts=counts, **told), {})
    second = store.add({"back_alleys": alleys(["b", "c", "d"])}, new_batch("二.csv"), {}, update=True)
    assert first.counts == {"back_alleys": {**counts["back_alleys"], "new": 2, "updated": 0}}
    assert {name: getattr(first, name) for name in told} == told
    assert second.counts == {"back_alleys": {"new": 2, "updated": 1}}
    assert store.batches() == [first, second]
    assert [batch.id for batch in store.batches()] == [1, 2]


def test_refusals_come_back_with_their_facts(store):
    fault = Fault("3", "纬度", "114.3", "swapped", "latitude 114.3 is out of range", {"value": 114.3})
    odd = Fault("way 7", "", "", "odd", "odd", {"n": np.int64(3), "at": float("nan"), "ids": ("甲", None)})
    batch = store.add({}, new_batch(), {"anchors": [fault], "roads": [odd, fault]})
    plain = Fault("way 7", "", "", "odd", "odd", {"n": 3, "at": "nan", "ids": ["甲", None]})
    assert store.refusals(batch.id) == {"anchors": [fault], "roads": [plain, fault]}
    store.undo(batch.id, NOON)
    assert len(store.refusals(batch.id)["roads"]) == 2


def test_known_ids_are_an_error_unless_they_update(store):
    store.add({"back_alleys": alleys(["a", "b", "c"])}, new_batch(), {})
    with pytest.raises(StoreError, match="2 ids are already in the store, the first are c, b;") as error:
        store.add({"back_alleys": alleys(["x", "c", "b"], name="新")}, new_batch(), {})
    assert refusal(error) == "ids_exist"
    assert store.read("back_alleys")["name"].tolist() == ["槐树巷"] * 3
    assert len(store.batches()) == 1
    store.add({"back_alleys": alleys(["c", "b"], name="新")}, new_batch(), {}, update=True)
    found = store.read("back_alleys")
    assert dict(zip(found["id"], found["name"], strict=True)) == {"a": "槐树巷", "b": "新", "c": "新"}


def test_existing_ids_are_the_current_ones_however_many_are_asked(store):
    store.add({"back_alleys": alleys([f"{n}" for n in range(1_200)])}, new_batch(), {})
    store.add({"back_alleys": alleys(["gone"])}, new_batch(), {})
    store.undo(2, NOON)
    asked = [f"{n}" for n in range(1_100, 3_000)] + ["gone"]
    assert store.existing_ids("back_alleys", asked) == {f"{n}" for n in range(1_100, 1_200)}
    assert store.existing_ids("roads", asked) == set()


@pytest.mark.parametrize("seed", range(12))
def test_after_any_updates_and_undos_the_last_batch_left_with_an_id_holds_it(store, seed):
    chance = np.random.default_rng(seed)
    left: dict[int, set[str]] = {}
    versions = [store.data_version(["back_alleys"])]
    for step in range(1, 15):
        if left and chance.random() < 0.45:
            number = int(chance.choice(list(left)))
            store.undo(number, NOON)
            del left[number]
        else:
            ids = [f"{n}" for n in range(6) if chance.random() < 0.6]
            batch = store.add({"back_alleys": alleys(ids, f"{step}")}, new_batch(f"{step}"), {}, update=True)
            left[batch.id] = set(ids)
        sources = {batch.id: batch.source for batch in store.batches()}
        expected = {id_: sources[number] for number in sorted(left) for id_ in left[number]}
        found = store.read("back_alleys")
        assert dict(zip(found["id"], found["name"].astype(object), strict=True)) == expected
        assert len(found) == len(expected)
        versions.append(store.data_version(["back_alleys"]))
    assert len(set(versions)) == len(versions)


def test_undo_keeps_the_batch_and_says_when(store):
    store.add({"back_alleys": alleys(["a"])}, new_batch(), {})
    undone = store.undo(1, NOON)
    assert (undone.undone_at, store.batches()) == (NOON, [undone])
    with pytest.raises(StoreError, match="already undone at 2026-11-20T12:00:00") as error:
        store.undo(1, NOON)
    assert refusal(error) == "batch_undone"
    for ask in (lambda: store.undo(7, NOON), lambda: store.refusals(7)):
        with pytest.raises(NotFoundError, match="no batch 7") as unknown:
            ask()
        assert refusal(unknown) == "batch_unknown"


def test_data_version_follows_only_the_layers_asked_for(store, tmp_path):
    store.add({"back_alleys": alleys(["a"])}, new_batch(), {})
    before = [store.data_version(layers) for layers in (["back_alleys"], ["roads"], ["roads", "back_alleys"])]
    store.add({"roads": full_and_empty_rows("roads")}, new_batch(), {})
    after = [store.data_version(layers) for layers in (["back_alleys"], ["roads"], ["back_alleys", "roads"])]
    assert [old == new for old, new in zip(before, after, strict=True)] == [True, False, False]
    with Store.open(tmp_path / "other.db", create=True) as other:
        other.add({"back_alleys": alleys(["a"])}, new_batch("another file"), {})
        assert other.data_version(["back_alleys"]) != after[0]


def test_summary_tells_count_extent_and_living_batches(store):
    store.add({"back_alleys": alleys(["a", "b"])}, new_batch(), {})
    store.add({"back_alleys": alleys(["c"])}, new_batch("undone"), {})
    store.undo(2, NOON)
    summary = {entry["layer"]: entry for entry in store.summary()}
    assert list(summary) == list(LAYERS)
    assert summary["roads"] == {"layer": "roads", "count": 0, "extent": None, "batches": []}
    assert summary["back_alleys"]["count"] == 2
    assert summary["back_alleys"]["extent"] == pytest.approx((116.3, 39.9, 116.4001, 39.902), abs=1e-12)
    assert [batch.source for batch in summary["back_alleys"]["batches"]] == ["街巷.xlsx"]


# -------------------------------------------------------------------------- draws

RECORD = {
    "format": "zhoubian-draw/1",
    "name": "第一次",
    "seed": "种子",
    "strata": [{"drawn": ["甲"], "r": 0.1}],
}


def test_draw_comes_back_word_for_word(store):
    store.save_draw("第一次", NOON, RECORD)
    found = store.draw("第一次")
    assert (found.name, found.created_at, found.state, found.record, found.secret) == (
        "第一次", NOON, "drawn", RECORD, None,
    )  # fmt: skip
    assert json.dumps(found.record) == json.dumps(RECORD)  # the order too


def test_name_of_a_draw_is_taken_once(store):
    store.save_draw("a", NOON, RECORD)
    with pytest.raises(StoreError) as error:
        store.save_draw("a", NOON, {})
    assert refusal(error) == "draw_exists"
    assert store.draw("a").record == RECORD


def test_sealed_draw_is_unsealed_once_and_a_drawn_one_is_final(store):
    store.save_draw("a", NOON, {"commitment": "c"}, state="sealed", secret={"seed": "s"})
    assert store.draw("a").secret == {"seed": "s"}
    store.update_draw("a", RECORD)
    assert (store.draw("a").state, store.draw("a").record, store.draw("a").secret) == ("drawn", RECORD, None)
    with pytest.raises(StoreError) as error:
        store.update_draw("a", {})
    assert refusal(error) == "draw_final"
    assert store.draw("a").record == RECORD


def test_unknown_draw_is_named_with_the_known_ones(store):
    with pytest.raises(NotFoundError, match="the draws are: -") as none_yet:
        store.draw("b")
    assert refusal(none_yet) == "draw_unknown"
    store.save_draw("later", "2026-11-21T12:00:00+08:00", RECORD)
    store.save_draw("earlier", NOON, RECORD)
    assert [draw.name for draw in store.draws()] == ["earlier", "later"]
    with pytest.raises(NotFoundError, match="the draws are: earlier, later") as error:
        store.update_draw("b", {})
    assert refusal(error) == "draw_unknown"


# -------------------------------------------------------------------------- plans

LATER = "2026-11-20T15:30:00+08:00"
PLAN = {"format": "zhoubian-plan/1", "name": "周二", "routes": [{"team": "1", "stops": []}]}


def test_plan_comes_back_word_for_word(store):
    store.save_plan("周二", "第一次", NOON, PLAN)
    found = store.plan("周二")
    assert (found.name, found.draw, found.created_at, found.changed_at, found.revision) == (
        "周二", "第一次", NOON, NOON, 1,
    )  # fmt: skip
    assert json.dumps(found.record) == json.dumps(PLAN)  # the order too


def test_name_of_a_plan_is_taken_once(store):
    store.save_plan("a", None, NOON, PLAN)
    with pytest.raises(StoreError) as error:
        store.save_plan("a", "第一次", LATER, {})
    assert refusal(error) == "plan_exists"
    assert (store.plan("a").draw, store.plan("a").record) == (None, PLAN)


def test_a_change_of_a_plan_is_stored_only_on_the_revision_it_was_made_from(store):
    store.save_plan("a", None, NOON, PLAN)
    assert store.update_plan("a", {"first": 1}, LATER, revision=1) == 2
    with pytest.raises(StoreError, match="at revision 2, the change was made to revision 1") as error:
        store.update_plan("a", {"second": 2}, LATER, revision=1)
    assert refusal(error) == "plan_changed"
    found = store.plan("a")
    assert (found.record, found.changed_at, found.revision) == ({"first": 1}, LATER, 2)
    assert store.update_plan("a", {"second": 2}, LATER, revision=2) == 3


def test_of_two_people_who_change_a_plan_at_once_one_is_told(store):
    store.save_plan("a", None, NOON, PLAN)

    def changed(number):
        try:
            return store.update_plan("a", {"by": number}, LATER, revision=1)
        except StoreError as error:
            return error.code

    with ThreadPoolExecutor(4) as threads:
        told = list(threads.map(changed, range(8)))
    assert sorted(map(str, told)) == ["2", *["plan_changed"] * 7]
    assert store.plan("a").record == {"by": told.index(2)}


def test_plans_are_listed_oldest_first_without_their_records(store):
    assert store.plans() == []
    store.save_plan("later", "d", LATER, PLAN)
    store.save_plan("earlier", None, NOON, PLAN)
    store.update_plan("earlier", PLAN, LATER, revision=1)
    assert [(plan.name, plan.draw, plan.changed_at, plan.revision) for plan in store.plans()] == [
        ("earlier", None, LATER, 2), ("later", "d", LATER, 1),
    ]  # fmt: skip
    assert not any(hasattr(plan, "record") for plan in store.plans())


def test_a_removed_plan_is_gone_and_its_name_is_free(store):
    store.save_plan("a", None, NOON, PLAN)
    store.remove_plan("a")
    assert store.plans() == []
    with pytest.raises(NotFoundError) as error:
        store.remove_plan("a")
    assert refusal(error) == "plan_unknown"
    store.save_plan("a", None, NOON, PLAN)


def test_unknown_plan_is_named_with_the_known_ones(store):
    with pytest.raises(NotFoundError, match="the plans are: -"):
        store.plan("b")
    store.save_plan("二", None, NOON, PLAN)
    store.save_plan("一", None, NOON, PLAN)
    for asked in (lambda: store.plan("b"), lambda: store.update_plan("b", {}, NOON, revision=1)):
        with pytest.raises(NotFoundError, match="the plans are: 一, 二") as error:
            asked()
        assert refusal(error) == "plan_unknown"


# ------------------------------------------------------------------------- schema


def test_a_store_of_the_first_version_is_brought_on_with_all_it_holds(path, monkeypatch):
    with monkeypatch.context() as first:
        first.setattr(migrations, "HEAD", "0001")
        Store.open(path, create=True).close()
    with closing(sqlite3.connect(path)) as file:
        file.execute(
            "INSERT INTO batches VALUES (1, 'a.csv', 'f', ?, 'toilets', NULL, NULL, NULL, '{}', '{}', NULL)",
            (NOON,),
        )
        file.execute(
            "INSERT INTO refusals VALUES (1, 1, 'toilets', '3', 'id', '7', 'id_twice', 'again', '{}')"
        )
        file.commit()
    with Store.open(path, create=False) as store:
        ((fault, cells),) = store.refused_rows(1)
        assert (fault.row, fault.code, cells) == ("3", "id_twice", None)
        store.keep_mapping("toilets", "x|y", {"lon": "x"})
        store.keep_mapping("toilets", "x|y", {"lon": "x", "lat": "y"})
        assert store.mappings("toilets") == {"x|y": {"lon": "x", "lat": "y"}}
        assert store.mappings("roads") == {}


def test_roads_of_an_older_store_are_open_to_whom_their_class_says(path, monkeypatch):
    with monkeypatch.context() as second:
        second.setattr(migrations, "HEAD", "0002")
        Store.open(path, create=True).close()
    with closing(sqlite3.connect(path)) as file:
        file.execute(
            "INSERT INTO batches VALUES (1, 'a.csv', 'f', ?, 'roads', NULL, NULL, NULL, '{}', '{}', NULL)",
            (NOON,),
        )
        wkb = LineString([(116.3, 39.9), (116.31, 39.9)]).wkb
        file.execute(
            "INSERT INTO roads VALUES (1, 1, NULL, 'r1', '槐树街', 'primary', NULL, 'no', ?)", (wkb,)
        )
        file.commit()
    with Store.open(path, create=False) as store:
        roads = store.read("roads")
        assert roads[["id", "class", "oneway"]].to_numpy().tolist() == [["r1", "primary", "no"]]
        assert roads["modes"].isna().tolist() == [True]
        roads["modes"] = "walk bike"
        store.add({"roads": roads}, new_batch(), {}, update=True)
        assert store.read("roads")["modes"].tolist() == ["walk bike"]
        assert store.plans() == []


def test_migrated_store_is_what_the_tables_say(path, store):
    engine = create_engine("sqlite://", creator=lambda: sqlite3.connect(path))
    with engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT count(*) FROM sqlite_master WHERE name LIKE '%boxes'")
        assert found.scalar() == len(LAYERS)
        context = MigrationContext.configure(
            connection, opts={"include_name": lambda name, kind, _: kind != "table" or "_boxes" not in name}
        )
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_head_is_the_last_version_there_is():
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent).replace("%", "%%"))
    assert ScriptDirectory.from_config(config).get_current_head() == migrations.HEAD


def test_tables_are_written_for_postgis_too():
    dialect = postgresql.dialect()
    written = str(CreateTable(LAYER_TABLES["compounds"]).compile(dialect=dialect))
    assert "gates geometry(MULTIPOINT,4326)" in written
    assert "geom geometry(GEOMETRY,4326) NOT NULL" in written
    assert "fid BIGSERIAL NOT NULL" in written
    issues = str(CreateTable(LAYER_TABLES["issues"]).compile(dialect=dialect))
    assert "found_at TIMESTAMP WITH TIME ZONE NOT NULL" in issues
    (current,) = LAYER_TABLES["issues"].indexes
    assert "WHERE superseded_by IS NULL" in str(CreateIndex(current).compile(dialect=dialect))


def test_geometry_goes_to_postgis_as_ewkb_and_comes_back_as_wkb():
    # little endian, type point with srid flag, 4326, x = 1, y = 2
    ewkb = "0101000020E6100000000000000000F03F0000000000000040"
    dialect = postgresql.dialect()
    assert Geometry().bind_processor(dialect)(Point(1, 2).wkb) == ewkb
    assert Geometry().result_processor(dialect, None)(ewkb) == Point(1, 2).wkb


# -------------------------------------------------------------------------- guard


def imported(module: Path) -> set[str]:
    tree = ast.parse(module.read_text(encoding="utf-8"))
    plain = (alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names)
    named = (node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom))
    return {name.split(".")[0] for name in (*plain, *named)}


def test_the_store_is_spoken_to_by_one_module_that_gdal_never_meets():
    modules = [path for house in ("geo", "layers", "service") for path in (ROOT / house).rglob("*.py")]
    # the other counts the rows of foreign GeoPackages, in the process of the worker, and never sees a store
    speakers = sorted(path.name for path in modules if "sqlite3" in imported(path))
    assert speakers == ["count_rows.py", "sqlite_file.py"]
    assert "count_rows" not in imported(ROOT / "layers" / "store.py")
    for name in ("sqlite_file", "store", "batches", "tables"):
        assert not {"pyogrio", "osmium", "shutil"} & imported(ROOT / "layers" / f"{name}.py")


def test_store_works_without_anybody_opening_its_file(path, monkeypatch):
    guard_store(monkeypatch, path)
    with Store.open(path, create=True) as store:
        store.add({"back_alleys": alleys(["a"])}, new_batch(), {})
        store.add({"back_alleys": alleys(["a"])}, new_batch(), {}, update=True)
        store.undo(2, NOON)
        assert len(store.read("back_alleys", bbox=(116, 39, 117, 40))) == 1
        store.summary()
        store.save_draw("a", NOON, RECORD)
        store.save_plan("a", "a", NOON, PLAN)
        store.update_plan("a", PLAN, NOON, revision=1)


def test_guard_sees_gdal_open_and_copies(path, store, monkeypatch, tmp_path):
    guard_store(monkeypatch, path)
    wal = path.with_name(path.name + "-wal")
    attempts = [
        lambda: pyogrio.read_dataframe(path),
        lambda: pyogrio.list_layers(str(path)),
        lambda: pyogrio.read_info(f"GPKG:{path}"),
        lambda: gpd.read_file(path),
        lambda: alleys(["a"]).to_file(path, driver="GPKG"),
        path.read_bytes,
        lambda: open(wal, "rb"),  # noqa: PTH123, SIM115
        lambda: shutil.copy(path, tmp_path / "copy.db"),
        lambda: os.open(path, 0),
    ]
    for attempt in attempts:
        with pytest.raises(StoreTouchedError):
            attempt()
    other = tmp_path / "other.gpkg"
    alleys(["a"]).to_file(other, driver="GPKG")
    assert len(gpd.read_file(other)) == 1


def test_stores_made_at_the_same_time_are_all_whole(tmp_path):
    """Two people begin at once: alembic keeps the migration it runs in a module, for all threads."""

    def made(number):
        with Store.open(tmp_path / f"{number}.db", create=True) as store:
            return [layer["count"] for layer in store.summary()]

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(made, range(16))) == [[0] * len(LAYERS)] * 16
