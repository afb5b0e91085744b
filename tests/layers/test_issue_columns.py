"""Issues as columns say the same as the table of issues."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from pyproj import Transformer
from store_samples import NOON

from layers.batches import NewBatch
from layers.issue_columns import WORDS, date_of, day_number, read_columns
from layers.schema import conform
from layers.store import Store

MANY = 2345  # more than two pieces of a thousand, the last not full


def issues(count, seed=7):
    """Issues all over Beijing, some words missing, moments to the second across a year end."""
    chance = np.random.default_rng(seed)
    moments = pd.Timestamp("2025-12-01T00:00:00+08:00") + pd.to_timedelta(
        chance.integers(0, 90 * 86_400, count), unit="s"
    )
    pick = lambda words: chance.choice(np.array(words, dtype=object), count)  # noqa: E731
    table = gpd.GeoDataFrame(
        {
            "id": [f"I{number}" for number in range(count)],
            "category": pick(["HJ01", "SS02", "XF01", "Σ"]), "found_at": moments,
            "district": pick(["鼓楼街道", "文庙街道", None]), "unit": pick(["城管局", None]),
            "source": pick(["patrol", "complaint", None]), "state": pick(["found", "closed"]),
        },
        geometry=shapely.points(chance.uniform((116.2, 39.8), (116.6, 40.1), (count, 2))),
        crs="EPSG:4326",
    )  # fmt: skip
    return conform(table, "issues")


def batch(number=0):
    return NewBatch(source=f"{number}.csv", sha256=f"{number:02}" * 32, imported_at=NOON, kind="issues")


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("columns") / "issues.db"
    with Store.open(path, create=True) as store:
        store.add({"issues": issues(MANY)}, batch(), {})
    return path


@pytest.fixture(scope="module")
def held(path):
    with Store.open(path, create=False) as store:
        return read_columns(store), store.read("issues")


def test_every_issue_is_there_in_the_order_of_the_store(held):
    columns, table = held
    assert len(columns) == len(table) == MANY


@pytest.mark.parametrize("name", WORDS)
def test_words_are_those_of_the_table(held, name):
    columns, table = held
    words = columns.words[name]
    assert [words.words[code] or None for code in words.codes] == table[name].astype(object).where(
        table[name].notna(), None
    ).tolist()
    assert list(words.words) == ["", *sorted(table[name].dropna().unique())]
    assert words.codes.dtype == np.uint8
    wanted = table[name].dropna().iloc[0]
    assert words.among([wanted, "没有"]).tolist() == (table[name] == wanted).fillna(False).tolist()


def test_days_and_hours_are_local(held):
    columns, table = held
    local = table["found_at"].dt.tz_convert("Asia/Shanghai")
    assert [date_of(day) for day in columns.day] == local.dt.date.tolist()
    assert columns.hour.tolist() == local.dt.hour.tolist()
    assert day_number(date_of(9500)) == 9500


def test_places_are_the_metric_places_to_a_millimetre_or_two(held):
    columns, table = held
    forward = Transformer.from_crs("EPSG:4326", columns.crs, always_xy=True)
    xy = np.column_stack(forward.transform(table.geometry.x, table.geometry.y))
    np.testing.assert_allclose(columns.xy + np.array(columns.origin), xy, rtol=0, atol=2e-3)


def test_an_issue_takes_less_than_sixteen_bytes(held):
    assert held[0].nbytes / MANY <= 16


def test_order_of_import_changes_no_number_of_a_word(path, tmp_path, held):
    with Store.open(tmp_path / "turned.db", create=True) as store:
        store.add({"issues": issues(MANY).iloc[::-1].reset_index(drop=True)}, batch(), {})
        turned = read_columns(store)
    for name in WORDS:
        assert turned.words[name].words == held[0].words[name].words
        assert turned.words[name].codes[::-1].tolist() == held[0].words[name].codes.tolist()


def test_what_is_no_point_lies_in_the_middle_of_its_bounds_and_undone_issues_are_gone(tmp_path):
    with Store.open(tmp_path / "odd.db", create=True) as store:
        odd = issues(3)
        pair = shapely.multipoints([(116.30, 39.90), (116.32, 39.96)])
        odd = odd.set_geometry(gpd.GeoSeries([odd.geometry[0], pair, odd.geometry[2]], crs="EPSG:4326"))
        added = store.add({"issues": odd}, batch(), {})
        columns = read_columns(store)
        forward = Transformer.from_crs("EPSG:4326", columns.crs, always_xy=True)
        middle = np.array(forward.transform(116.31, 39.93))
        np.testing.assert_allclose(columns.xy[1] + columns.origin, middle, atol=2e-3)
        store.undo(added.id, NOON)
        assert len(read_columns(store)) == 0


def test_progress_ends_at_the_number_of_issues(path):
    told = []
    with Store.open(path, create=False) as store:
        read_columns(store, lambda done, total: told.append((done, total)))
    assert told[-1] == (MANY, MANY)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
