"""The map of a draw: what is shipped, what the page carries, what the browser is given."""

from __future__ import annotations

import ast
import base64
import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import shapely
from html_page import Page
from pyproj import Geod
from small_town import ATTRIBUTION, DESIGN, HOSTILE, LAT, LON, layers, record

from geo.buffers import ALLEY_RULES
from geo.design import (
    ANCHOR_CLASSES,
    STATUSES_EXCLUDED,
    AlleyWeight,
    AnchorRule,
    Anchors,
    CompoundRule,
    CompoundWeight,
    Duplicate,
    EmptyPool,
    Per,
    Radius,
    RadiusPer,
    Replace,
    Shape,
    ShortPool,
    Take,
)
from geo.draw import make_record
from geo.exposure import Method
from geo.frame import build_frame
from geo.lottery import Lottery
from service.design_words import settings
from service.features import draw_features, path
from service.i18n import LANGS, texts
from service.maps import KINDS, draw_file, json_block, map_parts, map_texts
from service.resources import static_path

GEOD = Geod(ellps="GRS80")
ROOT = Path(__file__).resolve().parents[2]
VENDOR = static_path("vendor")
FOREIGN = re.compile(r"""(?:url\(|@import|src\s*=|import\(|fetch\()\s*["']?\s*(?:https?:)?//""", re.I)


def shipped(*endings: str) -> list[Path]:
    return [file for file in sorted(static_path().rglob("*")) if file.suffix in endings]


def unpath(steps: list[int]) -> np.ndarray:
    """The inverse of `path`, as the script in the browser does it."""
    return np.cumsum(np.reshape(steps, (-1, 2)), axis=0) / 1e6


# ------------------------------------------------------------------ what is shipped


def test_every_vendored_file_is_the_one_in_the_manifest():
    entries = json.loads((VENDOR / "vendor.json").read_text(encoding="utf-8"))
    stated = {file: digest for entry in entries for file, digest in entry["files"].items()}
    found = {
        file.relative_to(VENDOR).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in VENDOR.rglob("*")
        if file.is_file() and file.name != "vendor.json"
    }
    assert found == stated
    assert all(entry["version"] and entry["licence"] for entry in entries)


def test_every_vendored_package_ships_its_licence():
    entries = json.loads((VENDOR / "vendor.json").read_text(encoding="utf-8"))
    assert all(any("LICENSE" in file for file in entry["files"]) for entry in entries)


@pytest.mark.parametrize("file", shipped(".css", ".js", ".svg"), ids=lambda file: file.name)
def test_no_shipped_file_loads_from_another_server(file):
    assert not FOREIGN.search(file.read_text(encoding="utf-8"))


@pytest.mark.parametrize("bad", ["url(//x.org/a.woff)", "@import 'https://x'", '<img src="http://x">'])
def test_the_scan_for_foreign_addresses_finds_one(bad):
    assert FOREIGN.search(bad)


@pytest.mark.parametrize("sheet", shipped(".css"), ids=lambda file: file.name)
def test_every_image_of_a_stylesheet_is_shipped(sheet):
    for target in re.findall(r"url\(([^)]*)\)", sheet.read_text(encoding="utf-8")):
        name = target.strip("\"'")
        assert name.startswith(("#", "data:")) or (sheet.parent / name).is_file(), name


def test_the_files_that_pages_name_are_shipped():
    named = {name for kind in KINDS.values() for name in (*kind.styles, *kind.scripts)}
    assert all(static_path(name).is_file() for name in named)


def test_scripts_ask_only_for_texts_that_exist():
    source = "".join(file.read_text(encoding="utf-8") for file in static_path("zhoubian").glob("*.js"))
    whole = set(re.findall(r'zhoubian\.text\("([a-z_.]+)"[,)]', source))
    begun = set(re.findall(r'zhoubian\.text\("([a-z_.]+\.)" \+', source))
    known = {code.removeprefix("map.") for code in texts() if code.startswith("map.")}
    assert whole
    assert whole <= known
    units, views = {"back_alleys", "compounds"}, {"exposure", "priority"}
    ends = {
        "letter.": set(ANCHOR_CLASSES),
        "class.": set(ANCHOR_CLASSES),
        "layer.": {"anchors", *units},
        "drawn.": units,
        "pool_line.": units,
        "note.": {"short_pool", "empty_pool", "widened"},
        "out.": {*STATUSES_EXCLUDED, "visited"},
        "exposure.": set(get_args(Method)),
        **{f"exposure.{start}.": units for start in ("distinct", "no_units", "histogram_title", "its_pool")},
        "exposure.carry.": {f"{layer}.{view}" for layer in units for view in views},
        **{
            f"exposure.{start}.": views
            for start in ("legend", "legend_unit", "curve_title", "nothing", "top")
        },
    }
    assert begun == ends.keys()
    assert {start + end for start in begun for end in ends[start]} <= known


@pytest.mark.parametrize("file", sorted(static_path("zhoubian").glob("*.js")), ids=lambda file: file.name)
def test_our_scripts_are_plain_es2019(file):
    source = file.read_text(encoding="utf-8")
    newer = re.compile(
        r"\?\.[a-zA-Z\[(]|\?\?|\|\|=|&&=|\.replaceAll\(|\.at\(|\bimport\b|\bexport\b|#[a-z]+ *[=(;]"
    )
    assert not newer.search(source)
    assert "innerHTML =" not in source
    assert "eval(" not in source


@pytest.mark.parametrize("code", [c for c in texts() if c.startswith(("map.", "web.", "set."))])
def test_both_languages_of_a_text_have_the_same_places(code):
    pair = texts()[code]
    places = [sorted(re.findall(r"\{(\w+)\}", pair[lang])) for lang in LANGS]
    assert places[0] == places[1]
    assert all(pair[lang].strip() for lang in LANGS)


# ---------------------------------------------------------- nothing of the data in Folium

COMPILED = {"Popup", "Tooltip", "DivIcon", "Element", "Html", "GeoJsonPopup", "GeoJsonTooltip", "Template"}


def compiled_from_a_value(source: str) -> list[str]:
    """Calls of what compiles its argument as a template, with an argument that is not a constant."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if ast.unparse(node.func) == "ET.Element":  # of the XML library
                continue
            given = [*node.args, *(keyword.value for keyword in node.keywords)]
            if name in COMPILED and not all(isinstance(value, ast.Constant) for value in given):
                found.append(f"{name} in line {node.lineno}")
    return found


@pytest.mark.parametrize("file", sorted((ROOT / "service").rglob("*.py")), ids=lambda file: file.name)
def test_no_value_reaches_what_folium_compiles(file):
    assert compiled_from_a_value(file.read_text(encoding="utf-8")) == []


def test_the_guard_sees_a_value():
    assert compiled_from_a_value("import folium\nfolium.Popup(name)") == ["Popup in line 2"]
    assert compiled_from_a_value("Tooltip(text=f'{x}')") == ["Tooltip in line 1"]
    assert compiled_from_a_value("Element('<p>')") == []


@pytest.mark.parametrize("lang", LANGS)
def test_no_text_of_the_layer_control_is_template_text(lang):
    groups = [group for kind in KINDS.values() for group in kind.groups]
    names = [name for _, members in groups for name in members]
    shown = map_texts(lang).values()
    for name in (*names, *(heading for heading, _ in groups)):
        assert any(code.endswith(f".{name}") for code in texts()), name
    assert not [text for text in shown if "{{" in text or "{%" in text or "{#" in text]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("lang", LANGS)
def test_folium_script_has_no_address_and_a_stable_map_id(kind, lang):
    parts = map_parts(kind, lang)
    assert "//" not in parts.script
    assert "map_zhoubian" in parts.script
    assert parts.element.count("<") == 2
    map_parts.cache_clear()
    assert map_parts(kind, lang) == parts


# ------------------------------------------------------------------------ the features


def test_a_path_is_its_vertices_to_a_millionth_of_a_degree():
    given = np.array([[116.3, 39.95], [116.3000014, 39.9500006], [-0.5, -0.25]])
    assert path(given) == [116300000, 39950000, 1, 1, -116800001, -40200001]
    np.testing.assert_allclose(unpath(path(given)), given, atol=5.1e-7)


def test_every_unit_of_the_layers_is_on_the_map_with_its_name_and_place():
    town = layers()
    shown = draw_features(record(), town, attribution=ATTRIBUTION)
    for name in ("anchors", "back_alleys", "compounds"):
        assert [unit["id"] for unit in shown[name]] == town[name]["id"].tolist()
        assert [unit["name"] for unit in shown[name]] == town[name]["name"].tolist()
    alley = shown["back_alleys"][3]
    expected = [[LON + 0.0021, LAT + 0.001], [LON + 0.0022, LAT + 0.0025]]
    np.testing.assert_allclose(unpath(alley["paths"][0]), expected, atol=1e-6)
    assert len(shown["compounds"][6]["paths"]) == 2
    assert shown["compounds"][7]["xy"] == [round(LON + 0.0084, 6), round(LAT + 0.0028, 6)]


def test_drawn_units_and_reserves_are_those_of_the_record_and_a_closed_one_says_so():
    made = record()
    shown = draw_features(made, layers(), attribution="")
    for layer in ("back_alleys", "compounds"):
        drawn = {unit["id"] for s in made["surroundings"] for unit in s[layer]["drawn"]}
        spare = {unit["id"] for s in made["surroundings"] for unit in s[layer]["reserves"]}
        assert {unit["id"] for unit in shown[layer] if unit.get("role") == "drawn"} == drawn
        assert {unit["id"] for unit in shown[layer] if unit.get("role") == "reserves"} == spare - drawn
    assert {unit["id"]: unit["out"] for unit in shown["back_alleys"] if "out" in unit} == {"b13": "closed"}
    assert all(anchor["drawn"] and "out" not in anchor for anchor in shown["anchors"])


@pytest.mark.parametrize("shape", ["disc", "ring"])
def test_a_buffer_lies_its_radius_away_from_the_anchor(shape):
    made = record(replace(DESIGN, shape=shape, inner_m=200.0))
    shown = draw_features(made, layers(), attribution="")
    anchors = {anchor["id"]: anchor["xy"] for anchor in shown["anchors"]}
    for surrounding in shown["surroundings"]:
        (buffer,) = surrounding["buffers"]
        x, y = anchors[surrounding["anchors"][0]["id"]]
        for ring, radius_m in zip(buffer, (600.0, 200.0), strict=shape == "ring"):
            at = unpath(ring)
            _, _, away_m = GEOD.inv(np.full(len(at), x), np.full(len(at), y), at[:, 0], at[:, 1])
            np.testing.assert_allclose(away_m, radius_m, atol=0.2)


@pytest.mark.parametrize(
    ("rule", "place"),
    [
        ("gate", (LON, LAT)),
        ("centroid", (LON + 0.0005, LAT + 0.0005)),
        ("boundary", (LON + 0.0005, LAT + 0.0005)),
    ],
)
def test_an_anchor_stands_where_the_draw_measured_from(rule, place):
    town = layers()
    ground = shapely.box(LON, LAT, LON + 0.001, LAT + 0.001)
    town["anchors"].loc[0, "geometry"] = ground
    town["anchors"].at[0, "gates"] = shapely.MultiPoint([(LON, LAT), (LON + 0.001, LAT)])
    design = replace(DESIGN, anchor_rule=rule)
    made = make_record(build_frame(town, design), design, Lottery("x")) | {"name": "x"}
    shown = draw_features(made, town, attribution="")
    assert shown["anchors"][0]["xy"] == pytest.approx(place, abs=1e-6)
    (surrounding,) = (one for one in shown["surroundings"] if one["anchors"][0]["id"] == "a0")
    at = unpath(surrounding["buffers"][0][0])
    edge = ground.exterior if rule == "boundary" else shapely.Point(place)
    near = [shapely.shortest_line(shapely.Point(corner), edge).coords for corner in at]
    away_m = [GEOD.inv(*start, *end)[2] for start, end in near]
    # the nearest point is taken in degrees, which is off by some per cent at corners
    assert min(away_m) == pytest.approx(600, rel=0.005)
    assert max(away_m) == pytest.approx(600, rel=0.06 if rule == "boundary" else 0.005)


def test_a_link_is_as_long_as_the_entry_distance():
    made = record()
    shown = draw_features(made, layers(), attribution="")
    links = [
        unit
        for surrounding in shown["surroundings"]
        for layer in ("back_alleys", "compounds")
        for unit in surrounding[layer]["drawn"]
    ]
    assert len(links) == sum(
        len(s[k]["drawn"]) for s in made["surroundings"] for k in ("back_alleys", "compounds")
    )
    for unit in links:
        start, end = unpath(unit["link"])
        assert GEOD.inv(*start, *end)[2] == pytest.approx(unit["entry_m"], abs=0.3)


def test_a_drawn_unit_that_left_the_layer_is_listed_without_a_place():
    made, town = record(), layers()
    gone = made["surroundings"][0]["back_alleys"]["drawn"][0]["id"]
    town["back_alleys"] = town["back_alleys"].loc[town["back_alleys"]["id"] != gone]
    shown = draw_features(made, town, attribution="")
    drawn = shown["surroundings"][0]["back_alleys"]["drawn"]
    assert [unit["id"] for unit in drawn if "link" not in unit] == [gone]


def test_a_draw_whose_layers_are_gone_still_lists_what_was_drawn():
    made = record()
    shown = draw_features(made, {}, attribution="")
    assert shown["bounds"] is None
    assert shown["roads"] == shown["anchors"] == shown["compounds"] == []
    assert len(shown["surroundings"]) == 6
    assert all(s["buffers"] == [] for s in shown["surroundings"])


def test_roads_are_joined_by_class_and_name_and_lose_nothing():
    town = layers()
    lines = town["roads"].geometry
    halves = [shapely.LineString([line.coords[0], line.interpolate(0.5, normalized=True)]) for line in lines]
    rest = [shapely.LineString([line.interpolate(0.5, normalized=True), line.coords[1]]) for line in lines]
    cut = town["roads"].iloc[[*range(6), *range(6)]].reset_index(drop=True).set_geometry([*halves, *rest])
    shown = draw_features(record(), town | {"roads": cut.set_crs("EPSG:4326")}, attribution="")["roads"]
    assert sorted((road["class"], road["name"]) for road in shown) == sorted(
        zip(town["roads"]["class"], town["roads"]["name"], strict=True)
    )
    assert all(len(road["paths"]) == 1 for road in shown)
    assert {len(road["paths"][0]) for road in shown} == {4}


def test_a_missing_name_is_an_empty_text():
    town = layers()
    town["back_alleys"].loc[0, "name"] = None
    shown = draw_features(record(), town, attribution="")
    assert shown["back_alleys"][0]["name"] == ""
    json.dumps(shown, allow_nan=False)


# --------------------------------------------------------------------- settings in words


def test_settings_in_words():
    design = replace(
        DESIGN,
        anchors=Anchors.parse("market=1,school=all"),
        radius=Radius.parse("500,1000"),
        alleys=Take.parse("1-2"),
        compounds=Take.parse("1:0.7,2:0.3"),
    )
    told = dict(settings(record(design), "en"))
    assert told["Anchors"] == "Market 1, School all"
    assert told["Surroundings"] == "disc of radius one of 500 / 1000 m (at random for each anchor)"
    assert told["Drawn at each"] == "per anchor: 1 or 2 back alleys, 1 (0.7) or 2 (0.3) compounds"
    assert told["Seed"] == "种子<1>"
    assert told["Drawn at"] == "2026-11-20 12:00"
    assert told["Counts"].startswith("6 anchors, 14 alleys, 8 compounds, 1 of them excluded; ")
    assert dict(settings(record(design), "zh"))["固定点位"] == "农贸市场 1、学校 全部"


def test_what_is_not_the_default_is_told():
    assert "Also" not in dict(settings(record(), "en"))
    design = replace(DESIGN, empty_pool="widen", cooldown_days=30, exclude_status=("works", "closed"))
    told = dict(settings(record() | {"design": design.to_mapping()}, "en"))
    assert told["Also"] == (
        "empty pools are widened up to 2000 m, nothing visited within 30 days, left out: under works/closed"
    )


@pytest.mark.parametrize("lang", LANGS)
def test_every_choice_of_the_design_has_words(lang):
    choices = {
        "shape": get_args(Shape),
        "per": get_args(Per),
        "radius_per": get_args(RadiusPer),
        "alley_rule": ALLEY_RULES,
        "compound_rule": get_args(CompoundRule),
        "anchor_rule": get_args(AnchorRule),
        "alley_weight": get_args(AlleyWeight),
        "compound_weight": get_args(CompoundWeight),
        "duplicate": get_args(Duplicate),
        "short_pool": get_args(ShortPool),
        "empty_pool": get_args(EmptyPool),
        "replace": get_args(Replace),
    }
    made = record()
    for option, values in choices.items():
        assert len(
            {str(settings(made | {"design": made["design"] | {option: v}}, lang)) for v in values}
        ) == len(values if option != "radius_per" else {"one"})


# ------------------------------------------------------------------------- the single file


@pytest.fixture(scope="module")
def single() -> str:
    return draw_file(record(), layers(), "zh", attribution=ATTRIBUTION)


def test_the_single_file_names_no_other_address(single):
    page = Page(single)
    assert [address for address in page.addresses if not address.startswith("data:")] == []
    assert re.findall(r"url\((?!data:|#|\"?data:)[^)]*\)", "".join(page.of("style"))) == []


def test_hostile_names_reach_the_single_file_as_they_are(single):
    page = Page(single)
    (data,) = [text for text in page.of("script") if text.startswith('{"draw"')]
    draw = json.loads(data)["draw"]
    assert {anchor["name"] for anchor in draw["anchors"]} == set(HOSTILE[:6])
    assert draw["attribution"] == ATTRIBUTION
    assert "62710561" not in single
    assert page.handlers == []
    assert page.tags.count("img") == 0


def test_the_policy_of_the_single_file_allows_exactly_what_it_holds(single):
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', single)[1].replace(
        "&#39;", "'"
    )
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert "http" not in policy
    for tag in ("script", "style"):
        inline = re.findall(rf"<{tag}(?: nomodule)?>(.*?)</{tag}>", single, re.S)
        hashes = {base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in inline}
        assert hashes == set(re.findall(r"sha256-([^']*)'", re.search(rf"{tag}-src ([^;]*)", policy)[1]))


def test_a_json_block_cannot_end_its_element():
    value = {"name": "</script><!--\u2028&"}
    block = json_block(value)
    assert not set("<>&\u2028") & set(block)
    assert json.loads(block) == value
