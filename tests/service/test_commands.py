"""The command line as a user meets it: what is promised works, what is wrong is one clear sentence."""

from __future__ import annotations

import gc
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import geopandas as gpd
import openpyxl
import pandas as pd
import pytest
import typer.main
from office import ANCHORS, furnish, is_written, run, write_alleys, write_anchors, write_compounds

from layers.store import Store
from service.commands import main
from service.commands import serve as serve_command
from service.commands.program import build
from service.i18n import text

DRAW = ["draw", "--seed", "lottery 07", "--name", "first"]


@pytest.fixture(scope="module")
def furnished(tmp_path_factory):
    """A folder whose store holds three layers and one draw."""
    folder = tmp_path_factory.mktemp("office")
    before = Path.cwd()
    os.chdir(folder)
    try:
        furnish(folder)
        assert main(DRAW) == 0
    finally:
        os.chdir(before)
    return folder


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder, and the user in it."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def office(furnished, here):
    """A folder of one's own with the furnished store."""
    for file in furnished.iterdir():
        shutil.copy(file, here)
    return here


def content(store=Path("zhoubian.db")):
    """Everything a store holds that a user could miss."""
    with closing(sqlite3.connect(store)) as connection:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")]
        return {
            name: connection.execute(f'SELECT * FROM "{name}"').fetchall()
            for name in tables
            if not name.endswith(("_node", "_parent", "_rowid", "_boxes"))
        }


def read_sheet(file):
    """The first sheet of a workbook as a table."""
    rows = openpyxl.load_workbook(file).worksheets[0].iter_rows(values_only=True)
    heads = next(rows)
    return pd.DataFrame(rows, columns=heads)


def refused(capsys, *arguments, code=1):
    """The sentence of a call that must fail: alone on standard error, the store as it was."""
    before = content() if Path("zhoubian.db").exists() else None
    ended, out, err = run(capsys, *arguments)
    assert ended == code, (out, err)
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith(("Error: ", "错误： "))
    assert "Traceback" not in err
    assert not re.search(r"\{\w*\}", err)
    assert (content() if Path("zhoubian.db").exists() else None) == before
    return err


# ------------------------------------------------------------------------------------- what is asked wrongly

WRONG_DRAWS = {
    "unknown class": ["--anchors", "bank=1"],
    "unknown option value": ["--rule", "near"],
    "radius 0": ["--radius", "0"],
    "radius 50 km": ["--radius", "50000"],
    "radius that is none": ["--radius", "far"],
    "radius NaN": ["--radius", "nan"],
    "radii backwards": ["--radius", "2000:500"],
    "alleys backwards": ["--alleys", "2-1"],
    "alleys below zero": ["--alleys=-1"],
    "nothing to draw": ["--alleys", "0", "--compounds", "0"],
    "chances above one": ["--alleys", "1:0.5,2:0.6"],
    "more anchors than there are": ["--anchors", "market=2"],
    "no anchors": ["--anchors", "market=0"],
    "shape": ["--shape", "square"],
    "inner without ring": ["--inner", "100"],
    "inner NaN": ["--shape", "ring", "--inner", "nan"],
    "empty seed": ["--seed", ""],
    "blank seed": ["--seed", "  "],
    "half a character": ["--seed", "\udcff"],
    "round 0": ["--round", "0"],
    "reserves": ["--reserves", "-1"],
    "cooldown": ["--cooldown-days", "-1"],
    "empty name": ["--name", ""],
    "name with a slash": ["--name", "a/b"],
    "name with a line break": ["--name", "a\nb"],
    "name of a layer": ["--name", "anchors"],
    "name like a record file": ["--name", "first.json"],
    "name that is taken": ["--name", "first"],
    "markup as a name": ["--name", "<script>alert(1)</script>"],
    "short seed of a sealed draw": ["--sealed", "--seed", "12345"],
}


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("wrong", WRONG_DRAWS)
def test_a_draw_that_cannot_be_made_is_refused_in_one_sentence(office, capsys, wrong, lang):
    told = refused(capsys, "--lang", lang, "draw", *WRONG_DRAWS[wrong])
    assert told.isascii() == (lang == "en")


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize(
    "wrong",
    [
        ["nonsense"],
        ["draw", "--nonsense"],
        ["draw", "extra"],
        ["draw", "--round", "x"],
        ["draw", "--seed"],
        ["draw", "--sealed=1"],
        ["undo", "x"],
        ["import"],
        ["map", "first"],
        ["export", "first"],
        ["serve", "--port", "99999"],
        [],
    ],
    ids=" ".join,
)
def test_a_line_that_is_no_command_is_a_usage_error_in_the_language(office, capsys, wrong, lang):
    told = refused(capsys, "--lang", lang, *wrong, code=2)
    assert "--help" in told
    assert told.isascii() == (lang == "en")


def test_a_usage_error_names_what_was_wrong(office, capsys):
    assert "nonsense" in refused(capsys, "--lang", "zh", "nonsense", code=2)
    assert "“extra”" in refused(capsys, "--lang", "zh", "draw", "extra", code=2)
    assert "--out" in refused(capsys, "--lang", "zh", "map", "first", code=2)


def test_an_unknown_language_is_refused(office, capsys):
    assert "zh" in refused(capsys, "--lang", "fr", "layers")


def test_the_program_alone_teaches(here, capsys):
    code, out, err = run(capsys)
    assert (code, err) == (0, "")
    assert "demo" in out


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("command", ["draw", "import", "verify", "map", "export", "serve"])
def test_the_help_of_every_option_is_shown_whole(here, capsys, command, lang):
    code, out, _ = run(capsys, "--lang", lang, command, "--help")
    shown = "".join(out.split())
    parameters = typer.main.get_command(build(lang)).commands[command].params
    assert code == 0
    assert len(parameters) > 1
    assert [p.name for p in parameters if "".join((p.help or "").split()) not in shown] == []


@pytest.mark.parametrize(
    "wrong",
    [
        ["verify", "nix"],
        ["verify", "nix.json"],
        ["map", "nix", "--out", "x.html"],
        ["export", "nix", "--out", "x.csv"],
        ["unseal", "nix", "--second", "5"],
        ["unseal", "first", "--second", "5"],
        ["undo", "99"],
        ["map", "first", "--out", "x.txt"],
        ["map", "first", "--out", "nowhere/x.html"],
        ["export", "first", "--out", "x.pdf"],
        ["export", "anchors", "--out", "x.json"],
        ["export", "first", "--out", "nowhere/x.xlsx"],
        ["export", "anchors", "--out", "nowhere/x.gpkg"],
        ["export", "roads", "--out", "x.csv"],
    ],
    ids=" ".join,
)
def test_what_is_not_there_or_cannot_be_written_is_told(office, capsys, wrong):
    refused(capsys, *wrong)
    assert sorted(path.name for path in office.glob("x.*")) == []


def test_a_missing_name_is_answered_with_the_names_there_are(office, capsys):
    assert "first" in refused(capsys, "verify", "nix")
    assert "first" in refused(capsys, "export", "nix", "--out", "x.csv")


@pytest.mark.parametrize(
    "command",
    [["layers"], ["draw"], ["draws"], ["verify", "a"], ["undo", "1"], ["imports"], ["serve"],
     ["map", "a", "--out", "a.html"], ["export", "anchors", "--out", "a.csv"]],
    ids=" ".join,
)  # fmt: skip
def test_without_a_store_every_command_says_so_and_makes_none(here, capsys, command):
    assert "import" in refused(capsys, *command)
    assert list(here.iterdir()) == []


def test_a_draw_on_empty_or_missing_layers_names_the_layer(here, capsys):
    file = write_alleys(here / "a.geojson")
    assert main(["import", str(file), "--as", "back_alleys"]) == 0
    assert "anchors" in refused(capsys, "draw")
    assert main(["import", str(write_anchors(here / "b.xlsx")), "--as", "anchors"]) == 0
    assert "compounds" in refused(capsys, "draw")


@pytest.mark.parametrize("store", ["folder", "other.db", "text.db", "nowhere/s.db"])
def test_what_is_no_store_is_refused_and_left_alone(here, capsys, store):
    (here / "folder").mkdir()
    with closing(sqlite3.connect("other.db")) as connection:
        connection.execute("CREATE TABLE t (x)")
        connection.commit()
    (here / "text.db").write_text("hello\n" * 300)
    before = {path: path.read_bytes() for path in here.iterdir() if path.is_file()}
    refused(capsys, "--store", store, "layers")
    assert {path: path.read_bytes() for path in here.iterdir() if path.is_file()} == before


# ------------------------------------------------------------------------------------------- what is imported


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (["--as", "shops"], "back_alleys"),
        (["--as", "anchors", "--class", "bank"], "market"),
        (["--as", "compounds", "--class", "market"], "anchors"),
        (["--as", "anchors", "--datum", "mars"], "gcj02"),
        (["--as", "anchors", "--datum", "EPSG:99999"], "99999"),
        (["--as", "osm"], ".osm"),
    ],
    ids=str,
)
def test_an_import_with_an_unknown_option_says_what_there_is(office, capsys, wrong, named):
    assert named in refused(capsys, "import", "点位.xlsx", *wrong)


DISGUISED = {
    "a.csv": b"PK\x03\x04" + b"\0" * 40,
    "b.xlsx": "编号,名称,经度,纬度\n1,a,116,39\n".encode(),
    "c.geojson": b"no json",
    "d.geojson": b'{"a": 1}',
    "e.gpkg": b"no database" * 10,
    "f.zip": b"no zip",
    "g.csv": b"",
    "h.pdf": b"%PDF",
    "i": b"x",
    "k.osm": b"no xml",
    "l.osm.pbf": b"no pbf" * 20,
    "m.osm": b"",
}


@pytest.mark.parametrize("name", DISGUISED)
def test_a_file_that_is_not_what_its_name_says_is_refused_by_name(office, capsys, name):
    (office / name).write_bytes(DISGUISED[name])
    kind = "osm" if ".osm" in name else "anchors"
    assert name in refused(capsys, "import", name, "--as", kind)


def test_a_folder_or_a_missing_file_is_no_import(office, capsys):
    (office / "folder.csv").mkdir()
    assert "folder.csv" in refused(capsys, "import", "folder.csv", "--as", "anchors")
    assert "none.csv" in refused(capsys, "import", "none.csv", "--as", "anchors")


def test_the_store_is_neither_imported_nor_overwritten(office, capsys):
    shutil.copy("zhoubian.db", "s.gpkg")
    before = content(Path("s.gpkg"))
    refused(capsys, "--store", "s.gpkg", "import", "s.gpkg", "--as", "anchors")
    refused(capsys, "--store", "s.gpkg", "export", "anchors", "--out", "s.gpkg")
    assert content(Path("s.gpkg")) == before


BAD_ROWS = (
    ("A7", "没有类别", "moon base", 116.30, 39.95),
    ("A8", "没有经度", "market", None, 39.95),
    ("A1", "编号重复", "market", 116.30, 39.95),
)


def test_every_row_of_an_import_is_accepted_or_refused_with_its_reason(here, capsys):
    write_anchors(here / "a.xlsx", BAD_ROWS)
    code, out, err = run(capsys, "import", "a.xlsx", "--as", "anchors", "--json")
    report = json.loads(out)
    assert (code, err) == (0, "")
    counts = report["counts"]["anchors"]
    assert counts["read"] == len(ANCHORS) + len(BAD_ROWS) == counts["accepted"] + counts["refused"]
    reasons = report["refused"]["anchors"]
    assert len(reasons) == counts["refused"]
    # the heading is row 1 of the sheet, the six good rows are 2 to 7
    assert {"8", "9", "10"} <= {reason["row"] for reason in reasons}
    by_row = {reason["row"]: reason for reason in reasons}
    assert (by_row["8"]["field"], by_row["8"]["value"]) == ("类别", "moon base")
    assert all(reason["message"] and reason["hint"] for reason in reasons)
    assert len(json.loads(run(capsys, "layers", "--json")[1])) == 1


def test_the_list_of_refusals_is_cut_only_where_it_says_so(here, capsys):
    bad = tuple((f"Z{i}", "x", "moon base", 116.3, 39.95) for i in range(30))
    write_anchors(here / "a.xlsx", bad)
    _, out, _ = run(capsys, "import", "a.xlsx", "--as", "anchors")
    assert out.count("moon base") == 20
    assert "10 more" in out
    main(["undo", "1"])
    _, out, _ = run(capsys, "import", "a.xlsx", "--as", "anchors", "--all")
    assert out.count("moon base") == 30


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_file_without_a_good_row_lists_them_all_and_stores_nothing(office, capsys, lang):
    before = content()
    code, out, err = run(capsys, "--lang", lang, "import", "点位.xlsx", "--as", "anchors")
    assert code == 1
    assert err.count("\n") == 1
    assert all(anchor[0] in out for anchor in ANCHORS)
    code, out, _ = run(capsys, "--lang", lang, "import", "点位.xlsx", "--as", "anchors", "--json")
    report = json.loads(out)
    assert (code, report["batch"]) == (1, None)
    assert report["counts"]["anchors"]["read"] == 6 == len(report["refused"]["anchors"])
    assert {reason["code"] for reason in report["refused"]["anchors"]} == {"id_in_store"}
    assert content() == before


def test_undo_takes_an_import_back_and_an_update_too(office, capsys):
    def held():
        found = json.loads(run(capsys, "layers", "--json")[1])
        return {layer["layer"]: (layer["count"], layer["extent"]) for layer in found}

    before = held()
    assert before["back_alleys"][0] == 8
    write_alleys(office / "moved.geojson", east=-0.01, count=10)
    code, out, _ = run(capsys, "import", "moved.geojson", "--as", "back_alleys", "--update", "--json")
    assert code == 0
    changed = held()
    assert changed["back_alleys"][0] == 10
    assert changed["back_alleys"][1][0] == pytest.approx(before["back_alleys"][1][0] - 0.01, abs=1e-5)
    assert run(capsys, "undo", json.loads(out)["batch"])[0] == 0
    assert held() == before
    history = json.loads(run(capsys, "imports", "--json")[1])
    assert [bool(batch["undone_at"]) for batch in history] == [False, False, False, True]


# -------------------------------------------------------------------------------------------- draw and verify


def test_a_draw_shows_its_settings_and_every_unit_drawn(office, capsys):
    code, out, err = run(capsys, "draw", "--anchors", "all", "--seed", "s", "--reserves", "1", "--name", "n")
    assert (code, err) == (0, "")
    record = json.loads(
        run(capsys, "draw", "--anchors", "all", "--seed", "s", "--reserves", "1", "--json")[1]
    )
    assert len(record["surroundings"]) == 6
    rows = [line for line in out.splitlines() if "巷" in line or "小区" in line]
    units = [
        unit
        for near in record["surroundings"]
        for layer in ("back_alleys", "compounds")
        for unit in near[layer]["drawn"] + near[layer]["reserves"]
    ]
    assert len(rows) == len(units)
    assert "Seed: s" in out


def test_the_same_seed_draws_the_same_and_another_round_another(office, capsys):
    def drawn(*more):
        out = run(capsys, "draw", "--seed", "s", "--anchors", "all", *more, "--json")[1]
        return json.loads(out)["surroundings"]

    assert drawn() == drawn()
    assert drawn() != drawn("--round", "2")


def test_a_seed_is_made_and_told_where_none_is_given(office, capsys):
    seeds = {json.loads(run(capsys, "draw", "--json")[1])["seed"] for _ in range(3)}
    assert len(seeds) == 3
    assert all(re.fullmatch(r"[0-9a-f]{32}", seed) for seed in seeds)


def test_a_stored_draw_and_its_exported_record_are_confirmed(office, capsys):
    assert run(capsys, "verify", "first")[0] == 0
    assert run(capsys, "export", "first", "--out", "r.json")[0] == 0
    code, out, err = run(capsys, "verify", "r.json", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["same"] is True


def _other_unit(record):
    near = next(s for s in record["surroundings"] if s["back_alleys"]["drawn"])
    pick = near["back_alleys"]
    free = {f"B{i}" for i in range(8)} - {unit["id"] for unit in pick["drawn"]}
    pick["drawn"][0]["id"] = min(free)


def _shorter_way(record):
    near = next(s for s in record["surroundings"] if s["back_alleys"]["drawn"])
    near["back_alleys"]["drawn"][0]["entry_m"] += 1


def _other_seed(record):
    record["seed"] = "lottery 08"


def _fewer_visits(record):
    record["visits"]["compounds"].pop()


@pytest.mark.parametrize("alter", [_other_unit, _shorter_way, _other_seed, _fewer_visits])
def test_an_altered_record_is_found_out(office, capsys, alter):
    run(capsys, "export", "first", "--out", "r.json")
    record = json.loads(Path("r.json").read_text(encoding="utf-8"))
    alter(record)
    Path("r.json").write_text(json.dumps(record), encoding="utf-8")
    code, out, err = run(capsys, "verify", "r.json")
    assert (code, err) == (1, "")
    assert "NOT confirmed" in out
    found = json.loads(run(capsys, "verify", "r.json", "--json")[1])
    assert (found["same"], found["frame_same"], found["changes"]) == (False, True, {})


@pytest.mark.parametrize(
    "text_", ["", "[]", "{}", "no json", '{"format": "zhoubian-draw/9"}', "[" * 100_000, "\xff"]
)
def test_what_is_no_record_is_refused(office, capsys, text_):
    Path("r.json").write_bytes(text_.encode("latin-1"))
    refused(capsys, "verify", "r.json")


def test_a_changed_layer_is_named_with_what_came_went_and_moved(office, capsys):
    assert main(["undo", "2", "--anyway"]) == 0
    write_alleys(office / "b.geojson", east=0.00003, count=7)  # B0 moved by 2.6 m, B7 gone
    assert main(["import", "b.geojson", "--as", "back_alleys"]) == 0
    code, out, err = run(capsys, "verify", "first", "--json")
    assert (code, err) == (1, "")
    found = json.loads(out)
    assert (found["same"], found["frame_same"]) == (False, False)
    assert set(found["changes"]) == {"back_alleys"}
    change = found["changes"]["back_alleys"]
    assert (change["came"], change["went"], change["moved"]) == ([], ["B7"], ["B0"])
    words = run(capsys, "verify", "first")[1]
    assert "0 came, 1 went, 1 moved" in words
    assert "小巷" in run(capsys, "--lang", "zh", "verify", "first")[1]


def test_a_sealed_draw_shows_nothing_until_its_second_value(office, capsys):
    code, out, _ = run(capsys, "draw", "--sealed", "--name", "s", "--json")
    public = json.loads(out)
    assert code == 0
    assert not {"seed", "surroundings", "visits", "strata"} & set(public)
    assert re.fullmatch(r"[0-9a-f]{64}", public["commitment"])
    for command in (["verify", "s"], ["map", "s", "--out", "s.html"], ["export", "s", "--out", "s.xlsx"]):
        refused(capsys, *command)
    refused(capsys, "unseal", "s", "--second", " ")
    assert not list(office.glob("s.*"))
    assert json.loads(run(capsys, "draws", "--json")[1])[-1]["state"] == "sealed"
    code, out, _ = run(capsys, "unseal", "s", "--second", "07 11 23", "--json")
    assert code == 0
    assert json.loads(out)["commitment"] == public["commitment"]
    found = json.loads(run(capsys, "verify", "s", "--json")[1])
    assert (found["same"], found["sealed_true"]) == (True, True)
    refused(capsys, "unseal", "s", "--second", "another")


def test_a_sealed_draw_is_not_opened_on_other_layers(office, capsys):
    assert main(["draw", "--sealed", "--name", "s"]) == 0
    write_alleys(office / "more.geojson", count=9)
    assert main(["import", "more.geojson", "--as", "back_alleys"]) == 0
    refused(capsys, "unseal", "s", "--second", "07")
    assert main(["undo", "4", "--anyway"]) == 0
    assert run(capsys, "unseal", "s", "--second", "07")[0] == 0


def test_units_of_the_last_draw_rest_during_the_cooldown(office, capsys):
    whole = ["draw", "--anchors", "all", "--alleys", "1", "--compounds", "1", "--seed", "s", "--json"]
    first = json.loads(run(capsys, *whole)[1])
    again = json.loads(run(capsys, *whole, "--cooldown-days", "30")[1])
    for layer in ("back_alleys", "compounds"):
        visited = {visit["id"] for visit in first["visits"][layer]}
        assert visited
        assert not visited & {visit["id"] for visit in again["visits"][layer]}
    assert run(capsys, "verify", again["name"])[0] == 0


@pytest.mark.parametrize("name", ["{{7*7}}", "<img src=x>", "%s {x}", "[red]x", "-x", "第一次", "q'uo\"te"])
def test_a_strange_name_is_a_name_everywhere(office, capsys, name):
    assert run(capsys, "draw", "--seed", "1", f"--name={name}")[0] == 0
    assert name in run(capsys, "draws")[1]
    assert run(capsys, "verify", "--", name)[0] == 0
    assert run(capsys, "map", "--out", "x.html", "--", name)[0] == 0
    page = Path("x.html").read_text(encoding="utf-8")
    assert "<img src=x>" not in page
    assert run(capsys, "export", "--out", "x.csv", "--", name)[0] == 0


# -------------------------------------------------------------------------------------------- map and exports


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_map_file_loads_nothing_from_anywhere(office, capsys, lang):
    assert run(capsys, "--lang", lang, "map", "first", "--out", "m.html")[0] == 0
    page = Path("m.html").read_text(encoding="utf-8")
    assert not re.findall(r"<(?:script|img|iframe|source)[^>]*\ssrc\s*=\s*(?![\"']?data:)", page)
    assert not re.findall(r"<link[^>]*href\s*=\s*(?![\"']?data:)", page)
    assert not re.findall(r"url\(\s*[\"']?(?:https?:)?//", page)
    assert not re.findall(r"@import", page)
    assert not re.findall(r"(?:tileLayer|fetch|XMLHttpRequest|importScripts)\(\s*[\"'](?:https?:)?//", page)
    assert "槐树0巷" in page


@pytest.mark.parametrize("ending", ["geojson", "gpkg", "csv", "xlsx"])
def test_an_exported_layer_reads_back_with_its_ids(office, capsys, ending):
    code, out, err = run(capsys, "export", "back_alleys", "--out", f"x.{ending}")
    assert (code, err) == (0, "")
    assert "8" in out
    read = {"csv": pd.read_csv, "xlsx": read_sheet}.get(ending, gpd.read_file)
    assert sorted(read(f"x.{ending}")["id"]) == [f"B{i}" for i in range(8)]


def test_an_exported_layer_is_imported_again_as_it_was(office, capsys):
    for layer in ("anchors", "back_alleys", "compounds"):
        for ending in ("geojson", "gpkg", "csv", "xlsx"):
            assert main(["export", layer, "--out", f"{layer}.{ending}"]) == 0
            store = f"{ending}.db"
            code, out, _ = run(
                capsys,
                "--store",
                store,
                "import",
                f"{layer}.{ending}",
                "--as",
                layer,
                "--datum",
                "wgs84",
                "--json",
            )
            assert (code, json.loads(out)["counts"][layer]["refused"]) == (0, 0)
    with Store.open(office / "zhoubian.db", create=False) as before:
        for ending in ("geojson", "gpkg", "csv", "xlsx"):
            with Store.open(office / f"{ending}.db", create=False) as after:
                for layer in ("anchors", "back_alleys", "compounds"):
                    old, new = (
                        s.read(layer).sort_values("id").reset_index(drop=True) for s in (before, after)
                    )
                    assert list(new["id"]) == list(old["id"])
                    assert list(new["name"]) == list(old["name"])
                    assert all(new.geometry.geom_equals_exact(old.geometry, 1e-7))


def test_an_exported_draw_holds_what_the_record_holds(office, capsys):
    for ending in ("geojson", "gpkg", "csv", "xlsx", "json"):
        assert run(capsys, "export", "first", "--out", f"d.{ending}")[0] == 0
    record = json.loads(Path("d.json").read_text(encoding="utf-8"))
    visits = {layer: {v["id"] for v in record["visits"][layer]} for layer in ("back_alleys", "compounds")}
    anchors = {anchor["id"] for near in record["surroundings"] for anchor in near["anchors"]}
    expected = {**visits, "anchors": anchors, "surroundings": anchors}
    shapes = gpd.read_file("d.geojson")
    for layer, ids in expected.items():
        assert set(gpd.read_file("d.gpkg", layer=layer)["id"]) == ids
        assert set(shapes.loc[shapes["layer"] == layer, "id"]) == ids
    for table in (pd.read_csv("d.csv"), read_sheet("d.xlsx")):
        drawn = table[table["role"] == "drawn"]
        for layer, ids in visits.items():
            assert set(drawn.loc[drawn["kind"] == layer, "unit"]) == ids
    settings = openpyxl.load_workbook("d.xlsx")["settings"]
    told = {row[0]: row[1] for row in settings.iter_rows(values_only=True)}
    assert (told["seed"], told["frame.hash"]) == ("lottery 07", record["frame"]["hash"])


@pytest.mark.parametrize(
    "command",
    [["layers"], ["imports"], ["draws"], ["verify", "first"], ["draw"], ["draw", "--sealed"],
     ["import", "new.geojson", "--as", "compounds"]],
    ids=" ".join,
)  # fmt: skip
def test_json_is_all_there_is_on_standard_output(here, furnished, capsys, command):
    for file in furnished.iterdir():
        shutil.copy(file, here)
    write_compounds(here / "new.geojson")
    main(["undo", "3", "--anyway"]) if command[0] == "import" else None
    code, out, err = run(capsys, "--lang", "zh", *command, "--json")
    assert (code, err) == (0, "")
    json.loads(out)


# ----------------------------------------------------------------------------------------- the world around it


def test_a_store_that_another_program_writes_is_told_and_may_be_tried_again(office, capsys, monkeypatch):
    patient = Store.open
    monkeypatch.setattr(
        Store, "open", classmethod(lambda cls, path, *, create: patient(path, create=create, timeout=0.1))
    )
    with closing(sqlite3.connect("zhoubian.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for command in (["draw"], ["undo", "1", "--anyway"]):
            code, out, err = run(capsys, *command)
            assert (code, out) == (75, "")  # EX_TEMPFAIL
            assert err.count("\n") == 1
        assert run(capsys, "layers")[0] == 0
        other.execute("ROLLBACK")
    assert len(json.loads(run(capsys, "draws", "--json")[1])) == 1


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="an administrator may write anything"
)
def test_a_store_that_may_not_be_written_is_told(office, capsys):
    Path("zhoubian.db").chmod(0o444)
    office.chmod(0o555)
    try:
        assert "zhoubian.db" in refused(capsys, "draw")
    finally:
        office.chmod(0o755)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_under_standard_output_is_no_success():
    call = [sys.executable, "-m", "service", "version"]
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(call, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr


def test_a_full_disk_leaves_neither_half_a_file_nor_the_old_one_harmed(office, capsys, monkeypatch):
    Path("x.csv").write_text("old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    for ending in ("csv", "xlsx", "geojson", "gpkg"):
        refused(capsys, "export", "anchors", "--out", f"x.{ending}")
    refused(capsys, "map", "first", "--out", "x.html")
    assert Path("x.csv").read_text() == "old"
    assert [path.name for path in office.iterdir() if path.name.startswith((".zhoubian", "x."))] == ["x.csv"]


def test_a_fault_of_the_program_is_told_with_its_place(office, capsys, monkeypatch):
    def broken(*_, **__):
        raise ZeroDivisionError("seven")

    monkeypatch.setattr("service.usecases.draws.build_frame", broken)
    told = refused(capsys, "draw", code=70)
    assert "ZeroDivisionError seven" in told
    assert re.search(r"draws\.py:\d+", told)


# waitress leaves its half-made sockets to the collector when it cannot listen
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_port_in_use_or_a_host_that_is_none_is_told(office, capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert str(port) in refused(capsys, "serve", "--port", str(port))
    refused(capsys, "serve", "--host", "no host", "--port", "0")
    gc.collect()


def test_a_demo_folder_that_is_a_file_is_told(here, capsys):
    (here / "file").write_text("x")
    refused(capsys, "demo", "--no-serve", "--folder", "file")


class _Server:
    effective_port = 8123

    def run(self):
        raise KeyboardInterrupt

    def close(self):
        pass


@pytest.mark.parametrize(
    ("host", "answered"), [("127.0.0.1", 400), ("localhost", 400), ("::1", 400), ("0.0.0.0", 200)]
)
def test_served_to_this_computer_alone_it_answers_no_foreign_name(
    office, capsys, monkeypatch, host, answered
):
    served = []

    def create_server(app, **settings):
        served.append((app, settings))
        return _Server()

    monkeypatch.setattr("waitress.create_server", create_server)
    code, out, _ = run(capsys, "serve", "--host", host)
    assert code == 130
    assert ("http://[::1]:8123/" if host == "::1" else f"http://{host}:8123/") in out
    client = served[0][0].test_client()
    assert served[0][1]["host"] == host
    for good in ("127.0.0.1:8123", "localhost:8123", "[::1]:8123"):
        assert client.get("/", headers={"Host": good}).status_code == 200
    assert client.get("/", headers={"Host": "a b"}).status_code == answered
    for bad in ("evil.example:8123", "localhost.evil.example", "127.0.0.1.evil.example"):
        assert client.get("/", headers={"Host": bad}).status_code == answered


def test_the_loopback_names_are_those_of_this_computer():
    assert frozenset({"127.0.0.1", "localhost", "::1"}) == serve_command.LOOPBACK


# ------------------------------------------------------------------------------------------- as a real process


def process(*arguments, **options):
    environment = {**os.environ, "ZHOUBIAN_LANG": "en", "PYTHONUTF8": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "service", *map(str, arguments)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8", env=environment, **options,
    )  # fmt: skip


def test_the_installed_program_ends_with_the_code_and_the_sentence(office):
    good = process("verify", "first", "--json")
    bad = process("draw", "--radius", "0")
    out, err = good.communicate(timeout=60)
    assert (good.returncode, err) == (0, "")
    assert json.loads(out)["same"] is True
    out, err = bad.communicate(timeout=60)
    assert (bad.returncode, out) == (1, "")
    assert err.count("\n") == 1


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C of another process is a signal here")
def test_ctrl_c_during_an_import_leaves_the_store_as_it_was(office):
    before = content()
    rows = [{"id": f"X{i}", "name": "巷", "wkt": None} for i in range(200_000)]
    features = [
        {
            "type": "Feature",
            "properties": {"id": row["id"]},
            "geometry": {"type": "LineString", "coordinates": [[116.3, 39.95], [116.3, 39.951]]},
        }
        for row in rows
    ]
    Path("big.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    running = process("import", "big.geojson", "--as", "back_alleys")
    while not is_written(Path("zhoubian.db")):
        assert running.poll() is None
        time.sleep(0.01)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=60)
    assert (running.returncode, out) == (130, "")
    assert err.strip() == text("cli.stopped", "en")
    assert content() == before
