"""Membership by walking distance through every door: draw, verify, exposure, map, files and page."""

from __future__ import annotations

import json
from pathlib import Path

import openpyxl
import pyogrio
import pytest
from office import refused, run
from river_town import NOON, batch, roads, stored

from geo.design import Design
from geo.errors import FrameError
from layers import road_graphs
from layers.store import Store
from service.features import draw_features
from service.i18n import LANGS, text
from service.maps import draw_file
from service.usecases import draws, exposure, odds, priority
from service.usecases.designs import make_design
from service.web.app import create_app

WORDS = {"anchors": "market=1", "radius": "1000", "alleys": "1", "compounds": "1"}
WALK = make_design({**WORDS, "metric": "walk"})
STRAIGHT = make_design(WORDS)
OPTIONS = [part for name, value in WORDS.items() for part in (f"--{name}", value)]
QUERY = "&".join(f"{name}={value}" for name, value in WORDS.items())


@pytest.fixture
def town(tmp_path):
    with Store.open(stored(tmp_path / "town.db"), create=False) as store:
        yield store


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The user in a folder with the store."""
    monkeypatch.chdir(tmp_path)
    return stored(tmp_path / "zhoubian.db")


def close_the_bridge(store):
    store.add({"roads": roads(bridge="drive")}, batch("桥.gpkg"), {}, update=True)


# ------------------------------------------------------------------------------------------------ draws


def test_a_draw_on_foot_passes_over_what_is_near_by_air_only(town):
    pools = {}
    for design in (STRAIGHT, WALK):
        record = draws.run(town, design, now=NOON, seed="s").record
        pools[design.metric] = record["surroundings"][0]["back_alleys"]["pool"]
        assert record["design"]["metric"] == design.metric
    # by air all three; on foot the alley across is 1,400 m away, near 400 m and off 580 m
    assert pools == {"straight": 3, "walk": 2}


def test_the_distance_in_the_record_is_that_on_foot(town):
    design = make_design({**WORDS, "metric": "walk", "alleys": "3", "radius": "1500"})
    record = draws.run(town, design, now=NOON, seed="s").record
    found = {unit["id"]: unit["entry_m"] for unit in record["surroundings"][0]["back_alleys"]["drawn"]}
    expected = {"across": 550 + 300 + 550, "near": 400, "off": 500 + 80}
    assert found == {unit: pytest.approx(metres, abs=0.02) for unit, metres in expected.items()}
    (home,) = record["surroundings"][0]["compounds"]["drawn"]
    assert home["entry_m"] == pytest.approx(200 + 20, abs=0.02)


def test_a_draw_on_foot_is_confirmed_until_the_roads_change(town):
    record = draws.run(town, WALK, now=NOON, seed="s").record
    record = json.loads(json.dumps(record))
    assert draws.verify(town, record).same
    close_the_bridge(town)
    found = draws.verify(town, record)
    assert (found.frame_same, found.draw_same) == (False, True)  # nobody within reach used the bridge
    assert found.changes["roads"]["changed"] == ["bridge"]
    assert draws.verify(town, draws.run(town, STRAIGHT, now=NOON, seed="s").record).same


def test_a_draw_on_foot_is_not_confirmed_where_nobody_may_walk_or_roads_are_gone(town):
    record = draws.run(town, WALK, now=NOON, seed="s").record
    town.add(
        {"roads": roads(south="drive", bridge="drive", north="none")}, batch("禁行.gpkg"), {}, update=True
    )
    found = draws.verify(town, record)
    assert (found.frame_same, found.draw_same, found.record_true) == (False, False, True)
    assert found.changes["roads"]["changed"] == ["bridge", "north", "south"]
    town.undo(3, NOON.isoformat())
    town.undo(2, NOON.isoformat())
    found = draws.verify(town, record)
    assert (found.draw_same, found.changes["roads"]["went"]) == (False, ["bridge", "north", "south"])


def test_a_straight_draw_does_not_read_the_roads(town, monkeypatch):
    read = []
    plain = Store.read
    monkeypatch.setattr(
        Store, "read", lambda self, layer, **more: read.append(layer) or plain(self, layer, **more)
    )
    monkeypatch.setattr(road_graphs, "road_network", None)
    record = draws.run(town, STRAIGHT, now=NOON, seed="s").record
    assert draws.verify(town, record).same
    exposure.reckon(town, STRAIGHT)
    assert "roads" not in read


def test_a_sealed_draw_on_foot_opens_on_the_same_roads_only(town):
    for name in ("one", "two"):
        draws.run(town, WALK, now=NOON, name=name, sealed=True)
    assert draws.unseal(town, "one", "07", now=NOON).record["design"]["metric"] == "walk"
    close_the_bridge(town)
    with pytest.raises(FrameError) as error:
        draws.unseal(town, "two", "07", now=NOON)
    assert error.value.code == "sealed_frame_changed"


def test_undoing_the_roads_tells_the_draws_that_walked_on_them(town):
    draws.run(town, WALK, now=NOON, name="walked")
    draws.run(town, WALK, now=NOON, name="sealed", sealed=True)
    draws.run(town, STRAIGHT, now=NOON, name="straight")
    draws.run(town, STRAIGHT, now=NOON, name="sealed straight", sealed=True)
    assert set(town.draws_needing(2)) == {"walked", "sealed"}
    assert set(town.draws_needing(1)) == {"walked", "sealed", "straight", "sealed straight"}


def test_without_roads_walking_is_refused(tmp_path):
    with Store.open(stored(tmp_path / "t.db", with_roads=False), create=False) as store:
        for asked in (lambda: draws.run(store, WALK, now=NOON), lambda: exposure.units(store, WALK)):
            with pytest.raises(FrameError) as error:
                asked()
            assert error.value.code == "roads_needed"
        assert draws.listing(store) == []


# --------------------------------------------------------------------------------------------- exposure


def test_exposure_on_foot_by_hand(town):
    units, beside = exposure.units(town, WALK)
    pi = dict(zip(units["id"], units["pi"], strict=True))
    # one of two alleys is drawn, the one compound always; by air one of three alleys
    assert pi == pytest.approx({"across": 0, "near": 1 / 2, "off": 1 / 2, "home": 1}, abs=1e-14)
    straight = exposure.units(town, STRAIGHT)[0]
    assert dict(zip(straight["id"], straight["pi"], strict=True))["across"] == pytest.approx(1 / 3)
    assert beside["on_foot"]["back_alleys"]["far_first"] == "off"
    why = exposure.why(town, WALK, "back_alleys", "near")
    assert why["anchors"][0]["entry_m"] == pytest.approx(400, abs=0.02)


def test_a_changed_road_is_another_exposure(town):
    wide = make_design({**WORDS, "metric": "walk", "radius": "1500"})
    before = exposure.units(town, wide)[0]
    close_the_bridge(town)
    after = exposure.units(town, wide)[0]
    assert dict(zip(before["id"], before["pi"], strict=True))["across"] == pytest.approx(1 / 3)
    assert dict(zip(after["id"], after["pi"], strict=True))["across"] == 0


def test_blind_spots_and_odds_walk_too(town):
    blind = priority.blind_spots(town, make_design({**WORDS, "metric": "walk", "radius": "1000"}))
    assert blind.set_index("id")["outside"]["across"]
    told = odds.odds(town, WALK)
    assert told["settings"]["metric"] == "walk"
    assert told["expected_distinct"]["back_alleys"] == pytest.approx(1)
    assert told["on_foot"]["back_alleys"]["far"] == 1


# ------------------------------------------------------------------------------------------ command line


@pytest.mark.parametrize("lang", LANGS)
def test_the_command_draws_on_foot_and_says_so(here, capsys, lang):
    code, out, err = run(
        capsys, "--lang", lang, "draw", *OPTIONS, "--metric", "walk", "--seed", "s", "--name", "w"
    )
    assert (code, err) == (0, "")
    assert text("set.metric.walk", lang) in out
    assert text("set.disc_walk", lang, radius=text("set.radius_fixed", lang, a="1000")) in out
    far = text("set.on_foot.far", lang, layer=text("layer.back_alleys", lang), count=1, first="off")
    assert far in " ".join(out.split())
    assert "对岸巷" not in out
    code, out, _ = run(capsys, "--lang", lang, "verify", "w")
    assert code == 0
    with Store.open(here, create=False) as store:
        close_the_bridge(store)
    code, out, _ = run(capsys, "--lang", lang, "verify", "w")
    assert code == 1
    assert text("layer.roads", lang) in out
    assert "bridge" in out


@pytest.mark.parametrize(
    "command", [["exposure"], ["why", "near"], ["priority"], ["blindspots"], ["compare-settings"], ["odds"]]
)
def test_every_command_says_how_distance_is_measured(here, capsys, command):
    for metric in ("straight", "walk"):
        code, out, err = run(capsys, "--lang", "en", *command, *OPTIONS, "--metric", metric)
        assert (code, err) == (0, "")
        assert text(f"set.metric.{metric}", "en") in out


def test_impossible_walks_are_refused_in_one_sentence(here, capsys):
    assert "nearest point" in refused(capsys, "draw", "--metric", "walk", "--rule", "majority")
    assert "centroid" in refused(capsys, "draw", "--metric", "walk", "--anchor-rule", "boundary")
    with Store.open(here, create=False) as store:
        store.undo(2, NOON.isoformat())
    assert "--as roads" in refused(capsys, "draw", "--metric", "walk")


def test_files_of_a_draw_on_foot_tell_it_and_hold_no_circle(here, capsys):
    run(capsys, "draw", *OPTIONS, "--metric", "walk", "--name", "w")
    run(capsys, "draw", *OPTIONS, "--name", "s")
    for name, held in (("w", False), ("s", True)):
        assert run(capsys, "export", name, "--out", f"{name}.gpkg")[0] == 0
        assert ("surroundings" in pyogrio.list_layers(f"{name}.gpkg")[:, 0]) is held
    assert run(capsys, "export", "w", "--out", "w.xlsx")[0] == 0
    rows = openpyxl.load_workbook("w.xlsx")["settings"].iter_rows(min_row=2, values_only=True)
    settings = {row[0]: row[1] for row in rows}
    assert settings["design.metric"] == "walk"
    assert json.loads(settings["frame.on_foot.back_alleys"])["far"] == 1
    assert str(settings["frame.roads"]) == "3"


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("walk bike", "walk bike"),
        ("步行、骑行", "walk bike"),
        ("机动车", "drive"),
        ("禁止通行", "none"),
        ("", None),
    ],
)
def test_who_may_use_a_road_is_read_from_a_file_and_written_back(
    tmp_path, capsys, monkeypatch, written, kept
):
    monkeypatch.chdir(tmp_path)
    line = {"type": "LineString", "coordinates": [[116.3, 39.95], [116.31, 39.95]]}
    words = {"编号": "r1", "等级": "次干路", "可通行方式": written}
    feature = {"type": "Feature", "properties": words, "geometry": line}
    whole = {"type": "FeatureCollection", "features": [feature]}
    Path("道路.geojson").write_text(json.dumps(whole), encoding="utf-8")
    assert run(capsys, "import", "道路.geojson", "--as", "roads")[0] == 0
    assert run(capsys, "export", "roads", "--out", "r.geojson")[0] == 0
    assert run(capsys, "--store", "other.db", "import", "r.geojson", "--as", "roads")[0] == 0
    for file in ("zhoubian.db", "other.db"):
        with Store.open(tmp_path / file, create=False) as store:
            told = store.read("roads")["modes"].iloc[0]
            assert told == kept if kept else told != told or told is None


# ------------------------------------------------------------------------------------------------ pages


def test_the_map_says_what_its_circles_are(town):
    for design, told in ((WALK, True), (STRAIGHT, False)):
        made = draws.run(town, design, now=NOON, seed="s")
        record, layers, attribution = draws.map_data(town, made.name)
        assert draw_features(record, layers, attribution=attribution)["metric"] == design.metric
        page = draw_file(record, layers, "zh", attribution=attribution)
        assert (text("set.circle_walk", "zh") in page) is told


def test_a_record_older_than_the_metric_is_shown_as_straight(town):
    made = draws.run(town, STRAIGHT, now=NOON, seed="s")
    record, layers, attribution = draws.map_data(town, made.name)
    del record["design"]["metric"]
    assert draw_features(record, layers, attribution=attribution)["metric"] == "straight"
    assert text("set.metric.straight", "zh") in draw_file(record, layers, "zh", attribution=attribution)


@pytest.mark.parametrize("lang", LANGS)
def test_the_page_of_exposure_offers_both_distances(town, lang):
    client = create_app(town.path, lang).test_client()
    page = client.get(f"/exposure?lang={lang}").text
    for metric in ("straight", "walk"):
        words = text(f"web.exposure_metric.{metric}", lang)
        assert f'<option value="{metric}">{words}</option>' in page
    answers = {
        m: client.get(f"/api/exposure/numbers?{QUERY}&metric={m}&lang={lang}") for m in ("straight", "walk")
    }
    walk, straight = answers["walk"].json, answers["straight"].json
    assert answers["walk"].headers["ETag"] != answers["straight"].headers["ETag"]
    assert dict(zip(walk["layers"]["back_alleys"]["id"], walk["layers"]["back_alleys"]["pi"], strict=True)) == {
        "across": 0.0, "near": 0.5, "off": 0.5,
    }  # fmt: skip
    assert straight["layers"]["back_alleys"]["pi"] == [0.333333] * 3
    labels = [label for label, _ in walk["words"]]
    assert text("set.circle", lang) in labels
    assert text("set.on_foot", lang) in labels
    assert text("set.circle", lang) not in [label for label, _ in straight["words"]]


def test_the_page_says_what_is_missing_without_words_of_the_command_line(tmp_path):
    client = create_app(stored(tmp_path / "t.db", with_roads=False), "zh").test_client()
    for query, code in ((QUERY, "roads_needed"), (f"{QUERY}&rule=part", "walk_alley_rule")):
        answer = client.get(f"/api/exposure/numbers?{query}&metric=walk&lang=zh")
        assert answer.status_code == 400
        assert answer.json["error"]["code"] == code
        assert "--" not in answer.json["error"]["message"]


def test_a_design_is_straight_unless_walking_is_asked_for():
    assert Design().metric == "straight"
