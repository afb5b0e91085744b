"""Toilet coverage of a town worked by hand: readings, what counts, what is told, files."""

from __future__ import annotations

import json
import re
from datetime import date

import geopandas as gpd
import openpyxl
import pandas as pd
import pytest
import shapely
from hamlet import NOON, shape, table
from html_page import Page
from sqlalchemy import insert
from toilet_town import ATTRIBUTION, HOSTILE, stored

from geo.errors import DesignError, LayerError
from layers.batches import NewBatch
from layers.rule_tables import digest, shipped
from layers.store import Store
from layers.tables import rule_books
from service import coverage_words as words
from service.i18n import LANGS
from service.usecases import coverage_files
from service.usecases import coverage_toilets as toilets

TODAY = date(2026, 11, 28)


@pytest.fixture
def store(tmp_path):
    with Store.open(stored(tmp_path / "镇.db"), create=False) as held:
        yield held


def answer(store, places=3, **given):
    return toilets.coverage(store, toilets.asked_of(store, TODAY, given), places)


def test_the_rule_book_says_what_is_asked(store):
    asked = toilets.asked_of(store, TODAY)
    assert (asked.rule, asked.distance_m, asked.beside_m, asked.offices) == ("window", 500, 50, True)
    assert asked.classes == ("trunk", "primary", "secondary", "tertiary", "residential", "alley")
    assert asked.version


def own_rules(store, version, **told):
    """An office's own rule book, in force today."""
    tables = {**shipped(), "rules": {**shipped()["rules"], "version": version}}
    tables["coverage"] = {**tables["coverage"], **told}
    with store.writing() as connection:
        connection.execute(
            insert(rule_books).values(
                version=version, valid_from="2026-01-01", valid_until=None, sha256=digest(tables),
                stored_at=NOON.isoformat(), record=tables,
            )
        )  # fmt: skip


def test_an_office_replaces_the_rule_by_its_own_and_the_version_is_told(store):
    own_rules(
        store, "本市-1",
        toilets={"rule": "walk", "distance_m": 600, "beside_m": 50, "offices": False, "classes": ["primary"]},
    )  # fmt: skip
    found = answer(store)
    # T1: 590 m to both sides of 300; T4: 200 m to both sides of 1000
    assert found.facts()["bare_m"] == pytest.approx(2000 - 890 - 310, abs=0.2)
    assert "本市-1" in dict(words.lines(found, "zh")).values()


def test_a_rule_book_that_says_nothing_of_toilets_is_refused(store):
    own_rules(store, "本市-2", toilets={"rule": "walk"})
    with pytest.raises(DesignError) as refused:
        answer(store)
    assert refused.value.code == "coverage_toilets_unset"
    assert refused.value.facts["version"] == "本市-2"


def test_along_the_street_the_gap_begins_at_the_last_toilet_beside_it(store):
    found = answer(store)
    assert found.gaps[["name", "class"]].to_numpy().tolist() == [["东大街", "primary"]]
    assert found.gaps["length_m"].tolist() == [pytest.approx(1300, abs=0.2)]
    facts = found.facts()
    assert facts["share"] == pytest.approx(0.35, abs=1e-3)
    assert (facts["public"], facts["office"]) == (1, 1)
    assert facts["left_out"] == {
        "works": 1, "far": 1, "short_streets": 1,
        "short_m": pytest.approx(400, abs=0.1), "other_m": pytest.approx(150, abs=0.1),
    }  # fmt: skip
    assert dict(zip(found.toilets["id"], found.toilets["counted"], strict=True)) == {
        "T1": "yes", "T2": "yes", "T3": "works", "T4": "far",
    }  # fmt: skip


def test_a_gap_lies_where_it_is_said_to_lie(store):
    line = answer(store).gaps.geometry.iloc[0]
    ends = sorted([line.coords[0], line.coords[-1]])
    expected = [shape((700, 0)).coords[0], shape((2000, 0)).coords[0]]
    for (lon, lat), there in zip(ends, expected, strict=True):
        assert (lon, lat) == pytest.approx(there, abs=1e-7)


def test_without_the_toilets_of_offices_the_gap_is_longer_and_they_are_told(store):
    found = answer(store, offices=False)
    assert found.gaps["length_m"].tolist() == [pytest.approx(1700, abs=0.2)]
    assert found.facts()["left_out"]["office"] == 1


def test_on_foot_the_way_off_the_road_counts_and_every_street_is_asked(store):
    found = answer(store, rule="walk")
    assert dict(zip(found.gaps["name"], found.gaps["length_m"], strict=True)) == {
        "东大街": pytest.approx(830, abs=0.2), "西街": pytest.approx(400, abs=0.2),
    }  # fmt: skip
    assert found.facts()["left_out"]["short_streets"] == 0
    table = found.by_class.set_index("class")
    assert table.loc["all", "street_m"] == pytest.approx(2400, abs=0.2)
    assert table.loc["primary", "share"] == pytest.approx(1170 / 2000, abs=1e-3)


def test_the_best_next_places_stand_in_their_order_on_a_street(store):
    found = answer(store)
    assert found.places["rank"].tolist() == [1, 2]
    assert set(found.places["street"]) == {"东大街"}
    # 1,300 m bare: 500 m, then the remaining 800
    assert found.places["gain_m"].tolist() == [pytest.approx(500, abs=0.2), pytest.approx(800, abs=0.2)]
    assert answer(store, 3, rule="any_walk").places.empty


def test_other_classes_of_road_are_streets_if_asked_for(store):
    found = answer(store, rule="walk", classes="service，residential")
    assert set(found.by_class["class"]) == {"service", "residential", "all"}


def test_a_toilet_drawn_as_a_building_counts_at_its_middle(store):
    house = [
        {"id": "T9", "name": "楼", "kind": "public", "status": "open",
         "geometry": shape((1395, 5), (1405, 5), (1405, 15), (1395, 15), kind=shapely.Polygon)}
    ]  # fmt: skip
    before = answer(store).facts()["bare_m"]
    batch = NewBatch(source="楼.gpkg", sha256="cd" * 32, imported_at=NOON.isoformat(), kind="gpkg")
    store.add({"toilets": table("toilets", house)}, batch, {})
    after = answer(store)
    assert before == pytest.approx(1300, abs=0.2)
    assert after.gaps["length_m"].tolist() == [pytest.approx(700, abs=0.2), pytest.approx(600, abs=0.2)]


def test_a_city_without_toilets_is_one_gap_and_no_fault(tmp_path):
    with Store.open(stored(tmp_path / "a.db", without=("toilets",)), create=False) as store:
        found = answer(store)
        assert found.facts()["share"] == 0
        assert found.facts()["public"] == 0
        assert words.lines(found, "zh")


def test_without_roads_there_is_nothing_to_measure_along(tmp_path):
    with (
        Store.open(stored(tmp_path / "a.db", without=("roads",)), create=False) as store,
        pytest.raises(LayerError) as refused,
    ):
        answer(store)
    assert refused.value.code == "coverage_no_roads"


@pytest.mark.parametrize(
    ("given", "code"),
    [({"rule": "disc"}, "coverage_rule"), ({"distance_m": 5}, "coverage_distance"),
     ({"beside_m": 1e9}, "coverage_beside"), ({"classes": "primary,巷"}, "coverage_classes"),
     ({"classes": ","}, "coverage_classes")],
)  # fmt: skip
def test_a_setting_that_cannot_be_is_refused(store, given, code):
    with pytest.raises(DesignError) as refused:
        toilets.asked_of(store, TODAY, given)
    assert refused.value.code == code


def test_a_query_is_read_as_it_stands_in_an_address(store):
    asked = toilets.asked_in(store, TODAY, {"rule": "walk", "distance": "300", "offices": "0", "lang": "zh"})
    assert (asked.rule, asked.distance_m, asked.offices) == ("walk", 300, False)
    with pytest.raises(DesignError):
        toilets.asked_in(store, TODAY, {"distance": "far"})
    assert [toilets.places_in({"next": told}) for told in ("5", "", "x", "99999", "500")] == [
        5,
        10,
        10,
        10,
        100,
    ]


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("rule", ["window", "walk", "any_walk"])
def test_every_answer_is_told_in_words(store, rule, lang):
    told = words.lines(answer(store, rule=rule, offices=False), lang)
    assert all(label and value for label, value in told)
    assert any(ATTRIBUTION in value for _, value in told)
    assert ("施工 1 处" if lang == "zh" else "1 under works") in dict(told)[told[4][0]]


def test_a_share_is_never_rounded_to_all_or_nothing():
    assert [words.share_words(share) for share in (None, 0.0, 1e-5, 0.5, 0.9999, 1.0)] == [
        "—", "0.0 %", "< 0.1 %", "50.0 %", "> 99.9 %", "100.0 %",
    ]  # fmt: skip


# -- files


def test_a_table_holds_the_gaps_with_their_settings(store, tmp_path):
    out = tmp_path / "空白.csv"
    coverage_files.write_coverage(store, answer(store), out, "zh")
    assert out.read_bytes().startswith(b"\xef\xbb\xbf")
    held = pd.read_csv(out)
    assert held["name"].tolist() == ["东大街"]
    assert held["length_m"].iloc[0] == pytest.approx(1300, abs=0.2)
    assert json.loads(held["settings"].iloc[0])["rule"] == "window"


@pytest.mark.parametrize("ending", [".geojson", ".gpkg"])
def test_a_layer_file_holds_gaps_places_and_toilets(store, tmp_path, ending):
    out = tmp_path / f"空白{ending}"
    coverage_files.write_coverage(store, answer(store), out, "zh")
    if ending == ".gpkg":
        gaps, held = gpd.read_file(out, layer="gaps"), gpd.read_file(out, layer="toilets")
    else:
        whole = gpd.read_file(out)
        gaps, held = whole[whole["layer"] == "gaps"], whole[whole["layer"] == "toilets"]
    assert gaps.to_crs("EPSG:4547").length.iloc[0] == pytest.approx(1300, abs=0.2)
    assert len(held) == 4


def test_a_workbook_holds_every_table_and_no_formula(store, tmp_path):
    out = tmp_path / "空白.xlsx"
    coverage_files.write_coverage(store, answer(store), out, "zh")
    book = openpyxl.load_workbook(out)
    assert book.sheetnames == ["gaps", "next_places", "toilets", "by_class", "settings"]
    names = {cell.value: cell.data_type for cell in book["toilets"]["B"]}
    assert names["=机关公厕"] == "s"
    told = dict(row[:2] for row in book["settings"].iter_rows(values_only=True))
    assert "35.0 %" in told["达标比例"]


@pytest.mark.parametrize("lang", LANGS)
def test_the_map_in_one_file_asks_no_other_address_and_holds_no_markup_of_the_data(store, tmp_path, lang):
    out = tmp_path / "图.html"
    coverage_files.write_coverage(store, answer(store), out, lang)
    written = out.read_text(encoding="utf-8")
    page = Page(written)
    assert [address for address in page.addresses if not address.startswith("data:")] == []
    assert page.handlers == []
    assert page.tags.count("img") == 0
    (data,) = [told for told in page.of("script") if told.startswith('{"ground"')]
    shown = json.loads(data)["coverage"]
    assert {toilet["name"] for toilet in shown["toilets"]} >= {HOSTILE, "施工公厕"}
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', written)[1]
    assert policy.startswith("default-src &#39;none&#39;; ")
    assert "unsafe" not in policy


def test_a_file_of_another_kind_or_the_store_itself_is_refused(store, tmp_path):
    with pytest.raises(LayerError) as refused:
        coverage_files.check_out(store, tmp_path / "a.pdf")
    assert refused.value.code == "out_ending"
