"""What a user does, called as the doors call it: what is stored, what is refused, what is told."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta

import pytest
from office import write_alleys, write_compounds
from small_town import DESIGN, NOON, layers, stored

from geo.errors import DesignError, FrameError, LayerError
from layers.batches import NewBatch
from layers.store import Store
from service.usecases import demo, draws, exports, imports
from service.usecases import layers as layer_cases

LATER = NOON + timedelta(days=10)


@pytest.fixture
def town(tmp_path):
    path = tmp_path / "town.db"
    stored(path, "first")
    with Store.open(path, create=False) as store:
        yield store


def test_an_import_keeps_where_its_rows_came_from(tmp_path):
    file = write_alleys(tmp_path / "小巷.geojson")
    path = tmp_path / "s.db"
    done = imports.run(
        path, file, imports.Options("back_alleys", licence="ODbL 1.0", attribution="某街道办"), now=NOON
    )
    assert (done.total("read"), done.total("accepted"), done.total("refused")) == (8, 8, 0)
    (batch,) = imports.history(path)
    assert (batch.source, batch.kind, batch.datum) == ("小巷.geojson", "back_alleys", "wgs84")
    assert batch.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert batch.imported_at == NOON.isoformat()
    with Store.open(path, create=False) as store:
        assert layer_cases.attribution(store, ("back_alleys",)) == "某街道办"
        assert layer_cases.attribution(store, ("compounds",)) == ""


def test_a_refused_file_makes_no_store(tmp_path):
    file = write_alleys(tmp_path / "a.geojson")
    with pytest.raises(imports.NothingAcceptedError) as refused:
        imports.run(tmp_path / "s.db", file, imports.Options("compounds"), now=NOON)  # lines are no compounds
    assert refused.value.code == "nothing_accepted"
    assert refused.value.report.total("refused") == 8
    assert not (tmp_path / "s.db").exists()


def test_the_second_import_of_a_file_refuses_each_row_by_its_id(tmp_path):
    path = tmp_path / "s.db"
    imports.run(path, write_compounds(tmp_path / "a.geojson"), imports.Options("compounds"), now=NOON)
    with pytest.raises(imports.NothingAcceptedError) as refused:
        imports.run(path, tmp_path / "a.geojson", imports.Options("compounds"), now=NOON)
    assert [fault.value for fault in refused.value.report.faults["compounds"]] == [f"C{i}" for i in range(5)]
    again = imports.run(path, tmp_path / "a.geojson", imports.Options("compounds", update=True), now=NOON)
    assert again.total("accepted") == 5
    with Store.open(path, create=False) as store:
        assert len(store.read("compounds")) == 5


def test_draws_without_a_name_are_numbered_by_the_day(town):
    names = [draws.run(town, DESIGN, now=NOON, seed="s").name for _ in range(2)]
    assert names == ["20261120-1", "20261120-2"]


@pytest.mark.parametrize("name", ["", " x", "a/b", "a\\b", "..", "x" * 61, "a\x1bb", "roads", "r.json"])
def test_a_name_that_would_mislead_is_refused(town, name):
    with pytest.raises(DesignError):
        draws.run(town, DESIGN, now=NOON, seed="s", name=name)
    assert [row.name for row in town.draws()] == ["first"]


@pytest.mark.parametrize(("days", "rests"), [(9, False), (10, True), (30, True)])
def test_a_unit_rests_as_many_days_as_the_cooldown_says(town, days, rests):
    design = replace(DESIGN, cooldown_days=days)
    visited = {visit["id"] for visit in town.draw("first").record["visits"]["back_alleys"]}
    record = draws.run(town, design, now=LATER, seed="种子<1>", name="later").record
    again = {visit["id"] for visit in record["visits"]["back_alleys"]}
    assert visited
    assert bool(visited & again) != rests
    assert draws.verify(town, record).same


def test_a_sealed_draw_does_not_rest_the_units_it_has_not_drawn(town):
    draws.run(town, DESIGN, now=NOON, name="sealed", sealed=True)
    record = draws.run(town, replace(DESIGN, cooldown_days=1), now=NOON, seed="x", name="next").record
    assert draws.verify(town, record).same


def test_a_sealed_draw_keeps_its_seed_from_the_public(town):
    made = draws.run(town, DESIGN, now=NOON, name="sealed", sealed=True)
    assert made.seed not in str(made.record)
    assert made.seed in town.draw("sealed").secret["seed"]
    opened = draws.unseal(town, "sealed", "07 11 23", now=LATER)
    assert town.draw("sealed").secret is None
    assert (opened.record["seed"], opened.record["second"]) == (made.seed, "07 11 23")
    assert draws.verify(town, opened.record).sealed_true


def test_the_second_value_decides_the_sealed_draw(town):
    seed = "5eed" * 8
    drawn = []
    for name, second in (("s1", "07"), ("s2", "07"), ("s3", "08")):
        draws.run(town, DESIGN, now=NOON, seed=seed, name=name, sealed=True)
        drawn.append(draws.unseal(town, name, second, now=LATER).record["surroundings"])
    assert drawn[0] == drawn[1] != drawn[2]


@pytest.mark.parametrize("second", ["", "  ", "\udcff"])
def test_a_second_value_that_is_none_leaves_the_draw_sealed(town, second):
    draws.run(town, DESIGN, now=NOON, name="sealed", sealed=True)
    with pytest.raises(DesignError):
        draws.unseal(town, "sealed", second, now=LATER)
    assert town.draw("sealed").state == "sealed"


def test_a_sealed_draw_refuses_other_layers(town):
    draws.run(town, DESIGN, now=NOON, name="sealed", sealed=True)
    town.undo(1, LATER.isoformat())
    moved = layers()
    moved["back_alleys"].geometry = moved["back_alleys"].geometry.translate(0.0001)
    batch = NewBatch(
        source="b.gpkg", sha256="cd" * 32, imported_at=LATER.isoformat(), kind="osm", datum="wgs84"
    )
    town.add(moved, batch, {})
    with pytest.raises(FrameError) as refused:
        draws.unseal(town, "sealed", "07", now=LATER)
    assert refused.value.code == "sealed_frame_changed"
    assert town.draw("sealed").state == "sealed"


def test_the_version_of_a_map_changes_with_what_it_shows(town):
    first = draws.map_version(town, "first")
    assert first == draws.map_version(town, "first")
    draws.run(town, DESIGN, now=NOON, seed="s", name="other")
    assert draws.map_version(town, "first") == first
    assert draws.map_version(town, "other") != first
    town.undo(1, LATER.isoformat())
    assert draws.map_version(town, "first") != first


def test_a_table_of_a_draw_has_a_row_for_every_unit_and_every_empty_surrounding(town):
    record = town.draw("first").record
    rows = draws.table(town, record)
    for near in record["surroundings"]:
        for layer in ("back_alleys", "compounds"):
            units = len(near[layer]["drawn"]) + len(near[layer]["reserves"])
            mine = [row for row in rows if (row["surrounding"], row["kind"]) == (near["key"], layer)]
            assert len(mine) == max(units, 1)


def test_an_export_never_replaces_the_store(town):
    before = town.path.read_bytes()
    target = town.path.with_suffix(".gpkg")
    target.hardlink_to(town.path)
    with pytest.raises(LayerError) as refused:
        exports.export(town, "anchors", target)
    assert refused.value.code == "out_is_store"
    assert town.path.read_bytes() == before


def test_the_demo_takes_in_only_what_its_store_lacks(tmp_path):
    folder = tmp_path / "demo"
    assert [file.name for file, _, _ in demo.missing(folder)] == [name for name, _, _ in demo.FILES]
    file, kind, options = demo.missing(folder)[4]
    demo.take_in(folder, file, kind, options, now=NOON)
    assert file.name not in [left.name for left, _, _ in demo.missing(folder)]
    imports.undo(demo.store_path(folder), 1, now=LATER)
    assert file.name in [left.name for left, _, _ in demo.missing(folder)]
