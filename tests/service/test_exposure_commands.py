"""Exposure on the command line, in both languages: every answer, every file, every refusal."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import openpyxl
import pandas as pd
import pytest
from hamlet import PI, add, layers, stored
from office import furnish, refused, run

from layers.store import Store
from service.i18n import LANGS, text
from service.usecases.designs import make_design

EVERY = {unit: pi for held in PI.values() for unit, pi in held.items()}
SETTINGS = make_design({"radius": "500"}).to_mapping()
COMMANDS = {
    "exposure": [], "why": ["B5"], "priority": [], "blindspots": [], "compare-settings": [], "odds": [],
}  # fmt: skip
WITH_FILE = ("exposure", "priority", "blindspots", "compare-settings")


@pytest.fixture(scope="module")
def held(tmp_path_factory):
    return stored(tmp_path_factory.mktemp("hamlet") / "zhoubian.db")


@pytest.fixture
def hamlet(held, tmp_path, monkeypatch):
    """The user in an empty folder, the store elsewhere."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ZHOUBIAN_STORE", str(held))
    return held


def asked(capsys, command, *more, lang="en", radius="500"):
    """What a command says that must succeed."""
    code, out, err = run(capsys, "--lang", lang, command, *COMMANDS[command], "--radius", radius, *more)
    assert (code, err) == (0, "")
    return out


# ------------------------------------------------------------------------------------- on the screen


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_answers_with_its_settings(hamlet, capsys, command, lang):
    out = asked(capsys, command, lang=lang)
    assert "500" in out
    assert text("set.anchors_each", lang, n="1") in out
    if command != "odds":
        # B6 has no name: its id stands for it; the others have one
        assert "单元B5" in out or "B6" in out
    assert "{" not in out
    assert "nan" not in out.lower()
    assert "None" not in out
    assert "-0 %" not in out


def test_chances_are_shown_as_they_are(hamlet, capsys):
    out = asked(capsys, "exposure")
    assert "81.2 %" in out  # 13/16
    assert "Exact" in out
    out = asked(capsys, "why")
    assert "75 %" in out
    assert "3.0" not in out and "2.0" not in out  # pools are whole numbers here
    assert "> 99.9 %" not in out


def test_a_bracket_shows_both_bounds_and_a_simulation_its_error(hamlet, capsys):
    out = asked(capsys, "exposure", "--method", "balanced")
    assert "81.2 % – 100 %" in out
    assert text("cli.method.bracket", "en") in out
    out = asked(capsys, "exposure", "--duplicate", "redrawn")
    assert " ± " in out
    assert text("cli.method.simulated", "en") in out


def test_top_says_how_many_rows_are_listed(hamlet, capsys):
    for number in (0, 1, 3):
        out = asked(capsys, "exposure", "--top", number)
        assert sum(out.count(f"单元{unit}") for unit in EVERY) + out.count("B6") == number


def test_fixes_list_the_issues_of_largest_gain(hamlet, capsys):
    out = asked(capsys, "priority", "--fixes", 2)
    assert "I8" in out and "I2" in out and "I1" not in out
    assert "3.750" in out  # 9/4 + 3/2
    assert "fire lane" in out
    assert "消防通道" in asked(capsys, "priority", "--fixes", 2, lang="zh")


def test_odds_follow_units(hamlet, capsys):
    out = asked(capsys, "odds", "--units", "B5,B6", "--anchors", "market=1", "--rounds", 2)
    assert "B5" in out and "B6" in out
    out = asked(capsys, "odds", "--units", "B5,B6")
    assert "56.2 %" in out  # 9/16
    assert "± 0" not in out


# ------------------------------------------------------------------------------------- JSON


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("command", COMMANDS)
def test_json_is_json_and_nothing_else(hamlet, capsys, command, lang):
    out = asked(capsys, command, "--json", lang=lang)
    told = json.loads(out, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    assert told["settings"] == json.loads(json.dumps(SETTINGS))


@pytest.mark.parametrize("by", ["unit", "district", "responsible", "issue"])
def test_priority_in_json_by_anything(hamlet, capsys, by):
    told = json.loads(asked(capsys, "priority", "--by", by, "--json"))
    assert told["by"] == by
    gain = sum(row["gain" if by == "issue" else "priority"] for row in told["rows"])
    assert gain == pytest.approx(6.75)


def test_the_numbers_of_json_are_those_derived_by_hand(hamlet, capsys):
    told = json.loads(asked(capsys, "exposure", "--json"))
    assert {row["id"]: row["pi"] for row in told["units"]} == pytest.approx(EVERY, abs=1e-14)
    assert told["method"] == "exact"
    assert json.loads(asked(capsys, "why", "--json"))["pi"] == pytest.approx(13 / 16)
    blind = json.loads(asked(capsys, "blindspots", "--json"))["rows"]
    assert [row["id"] for row in blind if row["unreached"]] == ["B4"]
    odds = json.loads(asked(capsys, "odds", "--json"))
    assert odds["expected_distinct"]["back_alleys"] == pytest.approx(41 / 16)
    compared = json.loads(asked(capsys, "compare-settings", "--json"))
    assert {row["id"]: row["disc 500 1/class"] for row in compared["rows"]} == pytest.approx(EVERY, abs=1e-14)
    assert compared["rank_correlation"]["disc 500 all"]["disc 500 all"] == 1


# ------------------------------------------------------------------------------------- files


def sheet(file, name):
    rows = openpyxl.load_workbook(file)[name].iter_rows(values_only=True)
    heads = next(rows)
    return pd.DataFrame(rows, columns=heads)


@pytest.mark.parametrize("ending", [".csv", ".xlsx", ".geojson", ".gpkg"])
def test_exposure_is_written_with_the_settings_it_follows_from(hamlet, capsys, ending):
    out = asked(capsys, "exposure", "--out", f"概率{ending}")
    file = Path(f"概率{ending}")
    assert file.name in out
    if ending == ".csv":
        table = pd.read_csv(file, encoding="utf-8-sig")
        settings = set(table["settings"])
    elif ending == ".xlsx":
        table = sheet(file, "exposure")
        beside = dict(sheet(file, "settings").to_numpy().tolist())
        settings = {beside["settings"]}
        assert beside["method"] == "exact"
        assert sheet(file, "histogram")["units"].sum() == len(EVERY)
        assert sheet(file, "curve")["back_alleys"].iloc[-1] == pytest.approx(1)
    elif ending == ".gpkg":
        parts = [gpd.read_file(file, layer=layer) for layer in PI]
        table = pd.concat(parts, ignore_index=True)
        assert all(part.crs.to_epsg() == 4326 for part in parts)
        settings = set(table["settings"])
    else:
        table = gpd.read_file(file)
        settings = set(table["settings"])
        if isinstance(next(iter(settings)), dict):
            pytest.fail("the settings became an object")
    assert dict(zip(table["id"], table["pi"], strict=True)) == pytest.approx(EVERY, abs=1e-9)
    assert [json.loads(words) for words in settings] == [json.loads(json.dumps(SETTINGS))]
    if ending in (".geojson", ".gpkg"):
        places = {row.id: row.geometry for held in layers().values() for row in held.itertuples()}
        for row in table.itertuples():
            assert row.geometry.hausdorff_distance(places[row.id]) < 1e-6


@pytest.mark.parametrize("ending", [".csv", ".xlsx"])
@pytest.mark.parametrize(
    ("command", "more", "rows"),
    [("priority", [], 8), ("priority", ["--fixes", 3], 3), ("priority", ["--by", "district"], 2),
     ("blindspots", [], 8), ("compare-settings", [], 8)],
)  # fmt: skip
def test_tables_are_written_with_the_settings_they_follow_from(hamlet, capsys, command, more, rows, ending):
    out = asked(capsys, command, *more, "--out", f"表{ending}")
    file = Path(f"表{ending}")
    assert file.name in out
    if ending == ".csv":
        table = pd.read_csv(file, encoding="utf-8-sig")
        (words,) = set(table["settings"])
        assert json.loads(words) == json.loads(json.dumps(SETTINGS))
    else:
        table = sheet(file, "table")
        beside = dict(sheet(file, "settings").to_numpy().tolist())
        assert (json.loads(beside["radius"]), beside["anchors"]) == (SETTINGS["radius"], "1")
        assert set(beside) == set(SETTINGS)
    assert len(table) == rows
    told = json.loads(asked(capsys, command, *more, "--json"))["rows"]
    key = "group" if "group" in table else "id"
    assert table[key].tolist() == [row[key] for row in told]
    number = next(name for name in ("priority", "gain", "weight", "disc 500 all") if name in table)
    assert table[number].tolist() == pytest.approx([row[number] for row in told])


@pytest.mark.parametrize("command", WITH_FILE)
def test_the_store_is_never_overwritten(held, capsys, tmp_path, monkeypatch, command):
    store = tmp_path / "store.csv"
    store.write_bytes(held.read_bytes())
    monkeypatch.setenv("ZHOUBIAN_STORE", str(store))
    err = refused(capsys, command, "--radius", "500", "--out", store)
    assert "store" in err
    with Store.open(store, create=False) as kept:
        assert kept.count("anchors") == 3


# ------------------------------------------------------------------------------------- what is asked wrongly

WRONG = {
    "more anchors than there are": (["exposure", "--anchors", "market=3"], ["market", "3", "2"]),
    "more of every class": (["priority", "--anchors", "2"], ["school", "2", "1"]),
    "a class without anchors": (["exposure", "--anchors", "mall=1"], ["mall", "1", "0"]),
    "unknown unit": (["why", "zzz"], ["zzz"]),
    "an anchor is no unit": (["why", "M1"], ["M1"]),
    "unknown followed unit": (["odds", "--units", "B1,zzz"], ["zzz"]),
    "three followed units": (["odds", "--units", "B1,B2,B3"], ["3"]),
    "one unit twice": (["odds", "--units", "B1,B1"], []),
    "no fixes": (["priority", "--fixes", "0"], ["fixes"]),
    "fixes by district": (["priority", "--fixes", "3", "--by", "district"], ["district"]),
    "unknown order": (["priority", "--by", "street"], ["street", "district"]),
    "detect above 1": (["odds", "--detect", "2"], ["2"]),
    "detect 0": (["odds", "--detect", "0"], ["0"]),
    "detect NaN": (["odds", "--detect", "nan"], ["nan"]),
    "no rounds": (["odds", "--rounds", "0"], ["0"]),
    "unknown draw": (["odds", "--after", "zzz"], ["zzz"]),
    "weights that are missing": (["exposure", "--compound-weight", "households"], ["2"]),
    "wrong ending of exposure": (["exposure", "--out", "a.txt"], ["a.txt", ".gpkg"]),
    "wrong ending of priority": (["priority", "--out", "a.gpkg"], ["a.gpkg", ".xlsx"]),
    "wrong ending of blind spots": (["blindspots", "--out", "a"], [".xlsx"]),
    "wrong ending of readings": (["compare-settings", "--out", "a.json"], ["a.json"]),
    "a folder that is not there": (["exposure", "--out", "none/a.csv"], []),
    "unknown must-visit anchor": (["exposure", "--must-visit", "zzz"], ["zzz"]),
    "too many must-visit anchors": (["exposure", "--must-visit", "M1,M2"], ["market", "2", "1"]),
    "forced without a distance": (["exposure", "--force-distance"], ["--min-distance"]),
    "balanced per class": (
        ["exposure", "--method", "balanced", "--per", "class", "--anchors", "all"],
        ["balanced"],
    ),
    "balanced odds": (["odds", "--method", "balanced"], ["balanced"]),
    "radius 0": (["blindspots", "--radius", "0"], ["0"]),
    "ring inside out": (["exposure", "--shape", "ring", "--inner", "900", "--radius", "600"], ["900", "600"]),
    "clusters that are missing": (["exposure", "--per", "cluster"], ["M1, M2, S1"]),
    "no unit": (["why"], []),
    "negative top": (["exposure", "--top", "-1"], []),
}


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_asked_wrongly_is_one_sentence(hamlet, capsys, wrong, lang):
    arguments, named = WRONG[wrong]
    err = refused(capsys, *arguments, lang=lang)
    for word in named:
        told = (
            text(f"map.class.{word}", lang)
            if word in ("market", "school", "mall") and word not in err
            else word
        )
        assert told in err
    assert not list(Path().iterdir())


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("command", COMMANDS)
def test_without_a_store_the_first_step_is_told(tmp_path, monkeypatch, capsys, command, lang):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ZHOUBIAN_STORE", raising=False)
    err = refused(capsys, command, *COMMANDS[command], lang=lang)
    assert "zhoubian.db" in err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("command", COMMANDS)
def test_an_empty_store_is_one_sentence(tmp_path, monkeypatch, capsys, command, lang):
    monkeypatch.chdir(tmp_path)
    with Store.open(tmp_path / "zhoubian.db", create=True):
        pass
    refused(capsys, command, *COMMANDS[command], lang=lang)


@pytest.mark.parametrize("command", [name for name in COMMANDS if name != "why"])
def test_a_store_without_issues_answers_with_none(tmp_path, monkeypatch, capsys, command):
    monkeypatch.chdir(tmp_path)
    furnish(tmp_path)
    out = asked(capsys, command, radius="1000")
    assert out
    told = json.loads(asked(capsys, command, "--json", radius="1000"))
    if command == "priority":
        assert {row["priority"] for row in told["rows"]} == {0}
        assert json.loads(asked(capsys, "priority", "--fixes", 3, "--json", radius="1000"))["rows"] == []
        assert asked(capsys, "priority", "--fixes", 3, "--out", "a.xlsx", radius="1000")


def test_a_city_without_compounds_is_answered_for_its_alleys(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with Store.open(tmp_path / "zhoubian.db", create=True) as store:
        add(store, {name: held for name, held in layers().items() if name in ("anchors", "back_alleys")})
    for command, arguments in COMMANDS.items():
        assert "--compounds 0" in refused(capsys, command, *arguments)
        assert asked(capsys, command, "--compounds", 0)
    told = json.loads(asked(capsys, "exposure", "--compounds", 0, "--json"))
    assert {row["id"]: row["pi"] for row in told["units"]} == pytest.approx(PI["back_alleys"], abs=1e-14)
    for ending in (".csv", ".xlsx", ".geojson", ".gpkg"):
        assert asked(capsys, "exposure", "--compounds", 0, "--out", f"a{ending}")
