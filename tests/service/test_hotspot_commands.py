"""Hotspots on the command line, in both languages: every answer, every file, every refusal."""

from __future__ import annotations

import csv
import html
import io
import json
import re

import numpy as np
import openpyxl
import pyogrio
import pytest
import spotted_town as town
from office import refused, run
from PIL import Image

from layers.store import Store
from service.i18n import LANGS, text

COMMANDS = {
    "density": [], "top": [], "hotspots": [], "emerging": [],
    "compare-periods": ["--before", "2025-11-01:2026-04-30", "--since", "2026-05-01", "--until", "2026-10-31"],
}  # fmt: skip
MAPS = [command for command in COMMANDS if command != "top"]


@pytest.fixture(scope="module")
def held(tmp_path_factory):
    return town.stored(tmp_path_factory.mktemp("town") / "zhoubian.db")


@pytest.fixture(autouse=True)
def user(held, tmp_path, monkeypatch):
    """The user in an empty folder, the store elsewhere."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ZHOUBIAN_STORE", str(held))
    return tmp_path


def asked(capsys, command, *more, lang="en"):
    """What a command says that must succeed."""
    code, out, err = run(capsys, "--lang", lang, command, *COMMANDS[command], *more)
    assert (code, err) == (0, "")
    return out


# -- on the screen ---------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_method_period_and_what_was_left_out(capsys, command, lang):
    out = asked(capsys, command, lang=lang)
    for line in ("method", "period", "issues", "left_out", "filter", "ground"):
        assert f"{text(f'hot.line.{line}', lang)}: " in out
    # of the 60 on the default point all lie in the year, 29 in its second half (every sixth day)
    count = sum(6 * n >= 181 for n in range(town.PILED)) if command == "compare-periods" else 60
    assert text("hot.out.piled", lang, count=count) in out
    assert "{" not in out
    assert "nan" not in out.lower()
    assert "None" not in out


@pytest.mark.parametrize("lang", LANGS)
def test_empty_land_is_no_quiet_place_where_the_store_has_no_areas(capsys, user, monkeypatch, lang):
    for command in ("hotspots", "emerging", "density"):
        assert text("hot.no_areas", lang) not in asked(capsys, command, lang=lang)
    monkeypatch.setenv("ZHOUBIAN_STORE", str(town.stored(user / "bare.db", areas=False)))
    for command in ("hotspots", "emerging", "density"):
        told = text("hot.no_areas", lang) in asked(capsys, command, lang=lang)
        assert told == (command != "density")


def test_the_list_names_the_street_its_subdistrict_and_its_unit(capsys):
    out = asked(capsys, "top", "--n", 3, lang="zh")
    first = next(line for line in out.splitlines() if re.match(r"\s+1\s", line))
    assert "槐树巷" in first and "东街" in first and "甲单位" in first
    assert len(re.findall(r"^\s+[1-9]\s+\S", out, flags=re.M)) == 3


def test_a_filter_stands_among_the_settings(capsys):
    out = asked(capsys, "density", "--category", "HJ", "--district", "东街", "--hours", "22-5")
    assert "filter: category HJ; district 东街; hours 22-5" in out


def test_the_bandwidth_is_told_in_metres_however_it_was_given(capsys):
    assert "Gaussian, bandwidth 75 m, cells of 25 m" in asked(capsys, "density", "--bandwidth", "alley")
    assert "Gaussian, bandwidth 400 m" in asked(capsys, "top", "--bandwidth", "district")
    assert "Gaussian, bandwidth 99.5 m" in asked(capsys, "density", "--bandwidth", "99.5")
    # sigma = radius / sqrt(8)
    out = asked(capsys, "density", "--kernel", "quartic", "--bandwidth", 500)
    assert "quartic, radius 500 m (bandwidth 176.78 m)" in out
    out = asked(capsys, "density", "--kernel", "quartic", "--bandwidth", "street", "--edge", "none")
    assert "quartic, radius 424.3 m (bandwidth 150 m)" in out
    assert "edge not corrected" in out


def test_json_holds_settings_filter_and_list(capsys):
    told = json.loads(asked(capsys, "top", "--json", "--category", "SS01"))
    assert (told["matched"], told["issues"], told["filter"]) == (270, 1930, {"category": "SS01"})
    assert {word for spot in told["top"] for word, _ in spot["categories"]} == {"SS01"}
    assert told["top"][0]["place"] == "槐树巷"
    told = json.loads(asked(capsys, "hotspots", "--json"))
    assert sum(told["cells"].values()) == 1600
    assert told["cells"]["hot_99"] > 0
    told = json.loads(asked(capsys, "emerging", "--json"))
    assert len(told["months"]) == 12
    told = json.loads(asked(capsys, "compare-periods", "--json"))
    assert told["matched"] + told["before_matched"] == 1930


def test_nothing_chosen_is_an_empty_list(capsys):
    out = asked(capsys, "density", "--category", "QQ")
    assert "0 of 1930 match" in out
    assert text("cli.top_title", "en", count=0) in out


# -- files -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", [".geojson", ".gpkg"])
@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_for_qgis_holds_values_and_settings(capsys, user, command, ending):
    out = user / f"热点{ending}"
    assert text("cli.written", "en", file=out) in asked(capsys, command, "--out", out)
    tables = {name: pyogrio.read_dataframe(out, layer=name) for name, _ in pyogrio.list_layers(out)}
    if ending == ".gpkg":
        names = {"density": {"hexagons", "top"}, "top": {"top"}}.get(command, {"cells"})
        assert set(tables) == names
    for table in tables.values():
        assert len(table)
        assert table.crs.to_epsg() == 4326
        settings = table["settings"].iloc[0]
        settings = json.loads(settings) if isinstance(settings, str) else settings
        assert settings["issues"] == 1930
        west, south, east, north = table.total_bounds
        assert 113.9 < west < east < 114.1 and 30.5 < south < north < 30.7


@pytest.mark.parametrize("command", COMMANDS)
def test_a_spreadsheet_has_places_as_lon_and_lat(capsys, user, command):
    asked(capsys, command, "--out", user / "heat.csv")
    rows = list(csv.DictReader((user / "heat.csv").read_text(encoding="utf-8-sig").splitlines()))
    assert rows
    assert all(113.9 < float(row["lon"]) < 114.1 and 30.5 < float(row["lat"]) < 30.7 for row in rows)
    asked(capsys, command, "--out", user / "heat.xlsx")
    book = openpyxl.load_workbook(user / "heat.xlsx")
    settings = dict(list(book["settings"].values)[1:])
    assert settings["issues"] == 1930
    assert book.worksheets[0].max_row == len(rows) + 1


def test_hexagons_of_a_density_hold_every_issue(capsys, user):
    asked(capsys, "density", "--out", user / "heat.csv")
    rows = list(csv.DictReader((user / "heat.csv").read_text(encoding="utf-8-sig").splitlines()))
    assert sum(int(row["issues"]) for row in rows) == 1870
    # each over its own ground: together the 16 km2 less the hexagons that hold nothing
    assert sum(float(row["km2"]) for row in rows) <= 16.0
    for row in rows:
        assert float(row["per_km2_30d"]) == pytest.approx(int(row["issues"]) * 30 / 365 / float(row["km2"]))


@pytest.mark.parametrize("command", MAPS)
def test_a_geotiff_holds_every_cell_in_the_plane_of_the_city(capsys, user, command):
    asked(capsys, command, "--out", user / "heat.tif")
    with Image.open(user / "heat.tif") as picture:
        cell = picture.tag_v2[33550][0]
        values = np.array(picture)
        assert np.array(picture.tag_v2[34735]).reshape(-1, 4)[3, 3] == 4547
        west, north = picture.tag_v2[33922][3:5]
    assert values.dtype == np.float32
    assert (abs(west - 498_000) <= cell) and (abs(north - 3_387_000) <= cell)
    row, column = int((north - 3_385_500) / cell), int((501_000 - west) / cell)
    assert command == "compare-periods" or values[row, column] > 0  # on the bad street


@pytest.mark.parametrize("command", COMMANDS)
def test_a_picture_has_its_legend_and_its_settings_inside(capsys, user, command):
    asked(capsys, command, "--district", "东街", "--out", user / "heat.png", lang="zh")
    data = (user / "heat.png").read_bytes()
    assert len(data) < 150_000
    with Image.open(io.BytesIO(data)) as picture:
        settings = json.loads(picture.text["zhoubian"])
        assert picture.width > 1100 and picture.height > 900
        legend = np.array(picture.convert("L"))[:, -330:]
    assert settings["filter"]["district"] == "东街"
    assert settings["issues"] == 1930
    assert (legend < 128).any(axis=1).sum() > 100  # lines of words


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_page_is_one_file_that_asks_nobody(capsys, user, command, lang):
    asked(capsys, command, "--out", user / "heat.html", lang=lang)
    page = (user / "heat.html").read_text(encoding="utf-8")
    assert len(page) < 600_000
    assert "default-src &#39;none&#39;" in page
    markup = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    assert not re.search(r"""(?:src|href)=["']?(?!["']?data:)""", markup)
    words = html.unescape(markup)
    assert text("hot.out.piled", lang, count=60 if command != "compare-periods" else 29) in words
    unit = {"density": "density", "top": "density", "compare-periods": "change"}.get(command, command)
    assert text(f"hot.unit.{unit}", lang) in words
    assert ("槐树巷" in page) == (command in ("density", "top"))


@pytest.mark.browser
def test_a_page_draws_its_picture_and_its_places(capsys, user, page):
    asked(capsys, "top", "--n", 5, "--out", user / "heat.html", lang="zh")
    page.goto((user / "heat.html").as_uri())
    page.wait_for_selector("img.leaflet-image-layer")
    assert page.locator(".zb-hot-mark").count() == 5
    page.locator("[data-rank='1']").click()
    assert page.evaluate("document.querySelector('img.leaflet-image-layer').naturalWidth") > 200
    assert page.watch.faults == []
    assert all(address.startswith(("file:", "data:")) for address in page.watch.requests)


def test_a_name_cannot_become_part_of_the_page(capsys, tmp_path, monkeypatch):
    layers = town.layers()
    layers["back_alleys"]["name"] = "</script><img src=x onerror=alert(1)>{{ 7*7 }}"
    monkeypatch.setattr(town, "layers", lambda **_: layers)
    town.stored(tmp_path / "evil.db")
    monkeypatch.setenv("ZHOUBIAN_STORE", str(tmp_path / "evil.db"))
    asked(capsys, "top", "--out", tmp_path / "heat.html")
    page = (tmp_path / "heat.html").read_text(encoding="utf-8")
    assert "<img src=x" not in page
    assert "&lt;/script&gt;&lt;img" in page
    assert "{{ 7*7 }}" in page


# -- refusals --------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize(
    ("arguments", "code", "facts"),
    [
        (["density", "--bandwidth", "wide"], "bandwidth_told",
         {"given": "wide", "allowed": "alley, street, district"}),
        (["top", "--kernel", "cone"], "kernel_unknown", {"given": "cone"}),
        (["compare-periods", "--before", "2026-01-01"], "period_told", {"given": "2026-01-01"}),
        (["compare-periods", "--before", "2026-02-01:2026-01-01"], "dates_reversed",
         {"since": "2026-02-01", "until": "2026-01-01"}),
        (["hotspots", "--since", "2026-02-01", "--until", "2026-01-01"], "dates_reversed",
         {"since": "2026-02-01", "until": "2026-01-01"}),
        (["emerging", "--cell", "0"], "cell_size", {"cell_m": 0.0}),
        (["density", "--out", "heat.doc"], "out_ending",
         {"file": "heat.doc", "allowed": ".html, .htm, .png, .tif, .tiff, .geojson, .gpkg, .csv, .xlsx"}),
        (["top", "--out", "heat.tif"], "out_ending",
         {"file": "heat.tif", "allowed": ".html, .htm, .png, .geojson, .gpkg, .csv, .xlsx"}),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_in_one_sentence(capsys, arguments, code, facts, lang):
    told = refused(capsys, *arguments, lang=lang)
    if lang == "zh":
        assert text(f"error.{code}", "zh", **facts) in told
    else:
        assert all(f"{fact:g}" if isinstance(fact, float) else fact in told for fact in facts.values())


@pytest.mark.parametrize(
    "arguments",
    [
        ["density", "--bandwidth", "0"], ["density", "--bandwidth", "nan"], ["density", "--bandwidth", "1e9"],
        ["density", "--edge", "round"], ["density", "--cell", "-1"], ["density", "--cell", "0.01"],
        ["density", "--n", "0"], ["hotspots", "--category", "QQ"], ["hotspots", "--cell", "5000"],
        ["emerging", "--since", "2026-05-01"], ["compare-periods"], ["top", "--hours", "25"],
        ["compare-periods", "--before", "2025-11-01:2026-04-30"],
    ],
)  # fmt: skip
@pytest.mark.parametrize("lang", LANGS)
def test_every_other_refusal_is_one_sentence_too(capsys, arguments, lang):
    refused(capsys, *arguments, lang=lang)


def test_a_store_without_issues_is_told_how_to_get_some(capsys, tmp_path, monkeypatch):
    Store.open(tmp_path / "empty.db", create=True).close()
    monkeypatch.setenv("ZHOUBIAN_STORE", str(tmp_path / "empty.db"))
    for command, more in COMMANDS.items():
        assert "--as issues" in refused(capsys, command, *more)


def test_the_store_itself_is_never_overwritten(capsys, tmp_path, monkeypatch):
    path = town.stored(tmp_path / "town.gpkg")
    before = path.read_bytes()
    monkeypatch.setenv("ZHOUBIAN_STORE", str(path))
    refused(capsys, "density", "--out", path)
    assert path.read_bytes() == before
